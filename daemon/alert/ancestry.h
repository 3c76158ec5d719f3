/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ancestry.h: the lineage of an execution as people read it: who started whom, without the forks
 * that only led to an exec.
 */
#ifndef ALERT_ANCESTRY_H
#define ALERT_ANCESTRY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "outflow/subject.h"

#define ANCESTRY_MAX	 (LINEAGE_DEPTH_MAX + 1) /* the process itself and its ancestors */
#define ANCESTRY_NO_ROLE 5 /* what a line shows when nothing in the chain holds a role */

struct ancestry {
	size_t n;
	const struct execution *e[ANCESTRY_MAX]; /* borrowed; the process itself first */
	uint32_t gap[ANCESTRY_MAX];		 /* ancestors left out right above e[i] */
};

/* `e` NULL makes an empty one. */
void ancestry_of(struct ancestry *a, const struct execution *e);
/* Only what a line shows: down from the topmost holder of a role. */
void ancestry_cut(struct ancestry *a);
/* An array of "name[pid]", the topmost ancestor first, "...(+N)" for what was left out. */
void ancestry_json(struct json *j, const char *key, const struct ancestry *a);
/* "a[1] > b[2]", names escaped, at most `keep` of them: the middle goes first. keep > 0. */
void ancestry_line(struct buf *b, const struct ancestry *a, size_t keep);

#endif
