/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.h: how much of a bounded table is whose, so that one owner cannot take all of it. Beside
 * the table, which has an order of its own: for each owner its nodes in the order they were added
 * or last touched. Owns no node; all is done in constant time.
 */
#ifndef BASE_SHARE_H
#define BASE_SHARE_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"

struct share;

struct share_node {
	struct list in; /* the owner's */
	struct share *share;
};

struct shares {
	struct table by_owner; /* those that hold something */
	size_t each;
};

/* Of `max` nodes in all an owner may have `each`. 0 or -ENOMEM. */
int shares_init(struct shares *s, size_t max, size_t each);
/* Frees no node; they are out of use with it. All zero is fine. */
void shares_done(struct shares *s);
/* Which of its own must go first, the oldest; NULL: the owner has less than it may. */
struct share_node *shares_oldest(const struct shares *s, uint64_t owner);
/* 0, -ENOMEM, or -ENOSPC: there are `max` owners. */
int shares_add(struct shares *s, uint64_t owner, struct share_node *node);
void shares_del(struct shares *s, struct share_node *node);
/* Makes it its owner's newest. */
void shares_touch(struct share_node *node);

#endif
