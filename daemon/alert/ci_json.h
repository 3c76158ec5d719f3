/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ci_json.h: the CI job that somebody is part of, for the feed and for a line.
 */
#ifndef ALERT_CI_JSON_H
#define ALERT_CI_JSON_H

#include "base/buf.h"
#include "base/json.h"
#include "outflow/subject.h"

/* "ci": the keys of base/ci.h, null where the system tells nothing, and "conflict": what deeper
 * executions claim against it, or null. null as a whole for one that is in no job. */
void ci_json(struct json *j, const struct ci_place *p);
/* "; o/r step aquasecurity/trivy-action"; nothing for one that is in no job. */
void ci_line(struct buf *b, const struct ci_place *p);

#endif
