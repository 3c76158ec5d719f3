/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept.h: entries that the next daemon is to find, in slots of memory that outlives this process:
 * an index of them by key, and their order. When all slots are taken, the entry that was not put
 * for longest makes room. A kill behind any instruction leaves each slot as one whole entry, or as
 * none: the entry that makes room is gone before the one that takes it is there.
 */
#ifndef INTAKE_KEPT_H
#define INTAKE_KEPT_H

#include <stddef.h>
#include <stdint.h>

#include "outflow/abi.h"

/* Of an entry, which begins with a struct of_kept_head and its key. */
struct kept_shape {
	size_t size;	 /* bytes of all of it, and of a slot: a multiple of 8 */
	size_t key_size; /* bytes of the key */
	uint32_t max;	 /* slots */
};

struct kept;

typedef void kept_fn(void *arg, const struct of_kept_head *entry);

/* 0 or -ENOMEM. No slot is placed, and none is taken. */
int kept_new(const struct kept_shape *shape, struct kept **ret);
void kept_free(struct kept *k);
/* Where the first `n` slots lie from now on, borrowed; those that are taken must be among them. */
void kept_place(struct kept *k, void *slots, uint32_t n);
/* How many slots there are up to the last that is taken. */
uint32_t kept_used(const struct kept *k);
/* Takes over what is in the placed slots: once, before anything is put. 0 or -ENOMEM. */
int kept_read(struct kept *k);
/* Puts an entry, or its time when its key is there: the mark in `entry` does not count. While fewer
 * slots are placed than there are, the entry finds room in those. */
void kept_put(struct kept *k, const struct of_kept_head *entry);
/* All entries, what was not put for longest first. Nothing may be put meanwhile. */
void kept_each(const struct kept *k, kept_fn *fn, void *arg);

#endif
