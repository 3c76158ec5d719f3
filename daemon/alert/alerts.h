/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alerts.h: from a verdict to a record: built, numbered, chained. A verdict whose key already has
 * an open alert raises no second one; it adds to that alert's count, bytes and time.
 */
#ifndef ALERT_ALERTS_H
#define ALERT_ALERTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "outflow/alert.h"
#include "outflow/event.h"
#include "outflow/policy.h"
#include "outflow/subject.h"
#include "outflow/verdict.h"

/* Also what `outflow alerts` shows; the oldest goes first, counted. */
#define ALERTS_OPEN_MAX 4096
/* An open alert without news for this long is closed. */
#define ALERTS_QUIET_NS (3600ULL * 1000000000)

struct alerts;
typedef void alerts_put(void *arg, const struct record *r);

struct alerts_stats {
	uint64_t raised;
	uint64_t folded;  /* verdicts that went into an open alert */
	uint64_t evicted; /* open alerts that made room before they were quiet */
	uint64_t failed;  /* verdicts that could not be built: no memory */
	uint64_t open;
};

/* 0 or -errno. `put` gets every record. The policy is borrowed. */
int alerts_new(const struct policy *policy, alerts_put *put, void *arg, struct alerts **ret);
void alerts_free(struct alerts *a);
/* 1: a new alert was raised, 0: it was folded into an open one, or -errno. */
int alerts_raise(struct alerts *a, const struct verdict *v, const struct origin *o);
/* The hash of an executed file is told: so it is of each open alert that had to be raised without
 * it, also when the execution is long forgotten. */
void alerts_hashed(struct alerts *a, const struct file_hash *h, const struct origin *o);
/* The names of a far end changed: so they do in each open alert about it whose name is of a weaker
 * source, or was not known to hold. */
void alerts_named(struct alerts *a, const struct account *account, const struct origin *o);
/* A record about outflow itself: type is "start", "stop", "loss" or "tamper". */
int alerts_notice(struct alerts *a, const char *type, enum severity severity, const char *reason,
		  const struct origin *o);
/* Closes what has been quiet. */
void alerts_tick(struct alerts *a, const struct origin *o);
/*
 * Writes the open alert behind *cursor as one JSON line (newline included), as it stands now, and
 * moves the cursor; start at 0, oldest first. 0 when there was none, 1, or -errno.
 */
int alerts_next(struct alerts *a, uint64_t *cursor, const struct origin *o, struct buf *ret);
struct alerts_stats alerts_stats(const struct alerts *a);

#endif
