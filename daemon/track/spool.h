/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h: what was left for cron or at by whom, and which of the jobs that they start later it is.
 * Everything here is inferred, from the file, the user that the job runs as, and its command where
 * that is known.
 *
 * A file stays until it is gone or somebody without a role has rewritten it, and a while more: cron
 * reads it once a minute, atd takes it away before it executes the shell. Or for 35 days, which is
 * longer than a month's job waits.
 */
#ifndef TRACK_SPOOL_H
#define TRACK_SPOOL_H

#include <stdint.h>

#include "base/table.h"
#include "outflow/event.h"
#include "track/errands.h"

#define SPOOLED_MAX    256 /* files; the one written longest ago goes */
#define SPOOL_STAYS_NS (35ULL * 86400 * 1000000000)
#define SPOOL_CRON_NS  120000000000ULL /* more, for cron */
#define SPOOL_AT_NS    10000000000ULL  /* and for at */
#define SPOOL_RECENT   32	       /* jobs that are looked at again when a file is told late */

struct exec_node;
struct executions;

struct spools {
	struct table files;	       /* by path */
	uint64_t recent[SPOOL_RECENT]; /* exec_ids */
	size_t recent_next;
};

/* 0 or -ENOMEM. */
int spools_init(struct spools *s);
void spools_done(struct spools *s);
/* A file was changed. 0, -ENOMEM, -ENOSPC: another that still counted was given up for it, or
 * -ESRCH: nobody told of who did it. */
int spools_changed(struct spools *s, const struct executions *x, const struct event *ev,
		   errands_gain_fn *gain, void *arg);
/* `n` was executed. 0, or -ENOMEM: it is linked to nobody. */
int spools_born(struct spools *s, struct exec_node *n);

#endif
