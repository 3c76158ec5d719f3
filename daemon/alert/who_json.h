/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * who_json.h: an execution in full, and those it descends from.
 */
#ifndef ALERT_WHO_JSON_H
#define ALERT_WHO_JSON_H

#include "base/json.h"
#include "outflow/subject.h"

/* Nearest ancestors that are told with their facts; `lineage` names all. */
#define WHO_ANCESTORS_MAX 16
/* Bytes of argv of an ancestor; of the process itself all that is known is told. */
#define WHO_ARGV_MAX	  512

/* "argv" and "argv_truncated"; at most `most` bytes of it. */
void who_json_argv(struct json *j, const struct execution *e, size_t most);
/* The keys that say more of an execution than subject_json_process(). */
void who_json(struct json *j, const struct execution *e, const struct origin *o);
/* "ancestors": the nearest first. */
void who_json_ancestors(struct json *j, const struct execution *e, const struct origin *o);

#endif
