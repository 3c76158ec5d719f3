/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subject_json.h: who and where as JSON: one writer for the alerts and for what the control socket
 * shows, so that both have the same keys.
 */
#ifndef ALERT_SUBJECT_JSON_H
#define ALERT_SUBJECT_JSON_H

#include <stdbool.h>

#include "base/json.h"
#include "outflow/policy.h"
#include "outflow/subject.h"

/* "pid", "exec_id", "ppid", "name", "exe" of an open object; exe is null when it is not known. */
void subject_json_process(struct json *j, const struct execution *e);
#define SUBJECT_HASH_LEN 65 /* 256 bits in hex and a NUL */
/* False: it is not known. */
bool subject_hash_text(char ret[SUBJECT_HASH_LEN], const struct execution *e);
/* "ok", "pending", ...: static. */
const char *subject_hash_state(enum of_hash_state state);
/* "sha256" of the executed file, null when it is not known, and "sha256_state". */
void subject_json_hash(struct json *j, const struct execution *e);
/* "lineage":["Runner.Worker[3001]","curl[4242]"], root first; NULL is an empty one. */
void subject_json_lineage(struct json *j, const struct execution *e);
/* "roles":[names]. */
void subject_json_roles(struct json *j, const struct policy *p, uint64_t roles);
/* "creator": who made the socket, when that was not who sent: pid and name null when no more known;
 * or null. */
void subject_json_creator(struct json *j, const struct account *a);
/* "via": for whom a deputy did it, or null. */
void subject_json_via(struct json *j, const struct via *via);
/* "received": null when nobody counts it. */
void subject_json_received(struct json *j, uint64_t received, uint32_t account_flags);
/* "endpoint":{..}; what the family or an overflow account does not have, or a raw socket does not
 * tell, is null. */
void subject_json_endpoint(struct json *j, const struct account *a, const struct origin *o);
/* "sni", "dns", ...: static. */
const char *subject_name_source(enum of_name_source source);
/* `key`: a time, RFC 3339. */
void subject_json_time(struct json *j, const char *key, int64_t utc_ns);

#endif
