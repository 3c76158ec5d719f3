/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subject_json.h: who and where as JSON, with the keys that alerts have too.
 */
#ifndef CTL_SUBJECT_JSON_H
#define CTL_SUBJECT_JSON_H

#include "base/json.h"
#include "outflow/policy.h"
#include "outflow/subject.h"

/* "pid", "exec_id", "name", "exe" of an open object; exe is null when it is not known. */
void subject_json_process(struct json *j, const struct execution *e);
/* "lineage":["Runner.Worker[3001]","curl[4242]"], root first; NULL is an empty one. */
void subject_json_lineage(struct json *j, const struct execution *e);
/* "roles":[names]. */
void subject_json_roles(struct json *j, const struct policy *p, uint64_t roles);
/* "endpoint":{..}; what the family or an overflow account does not have is null. */
void subject_json_endpoint(struct json *j, const struct account *a);
/* `key`: boot time `ns` as UTC, or null when ns is 0. */
void subject_json_time(struct json *j, const char *key, const struct origin *o, uint64_t ns);
/* "loss":{every name of OF_LOSS_LIST}. */
void subject_json_loss(struct json *j, const struct of_loss *loss);

#endif
