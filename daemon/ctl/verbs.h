/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verbs.h: the answers, piece by piece: a piece is made when the client has room for it.
 */
#ifndef CTL_VERBS_H
#define CTL_VERBS_H

#include "base/buf.h"
#include "base/json.h"
#include "ctl/ctl.h"
#include "ctl/proto.h"

/* Where an answer stands. A copy of it, put back, makes the same piece again. */
struct ctl_walk {
	const struct ctl_view *view;
	const struct ctl_stats *stats;
	size_t cursor;
	uint64_t alert;
	size_t step;
};

/* Appends the next piece, in general a line. 1: there was one, 0: that was all, or -errno. */
typedef int ctl_next(struct ctl_walk *w, struct buf *out);

/* NULL: no such verb. */
ctl_next *ctl_verb_next(uint16_t verb);

ctl_next ctl_status_next;

/* The books with what only the daemon counts added to their losses. 0 or -errno. */
int ctl_ledger(const struct ctl_view *v, struct ledger *ret);
/* "loss":{every name of OF_LOSS_LIST}. */
void ctl_loss_json(struct json *j, const struct of_loss *loss);

#endif
