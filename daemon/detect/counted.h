/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counted.h: how many bytes of an account a rule has counted, for those that it held for and then,
 * when more names of the far end were known, did not: should it hold once more, the rest is due.
 */
#ifndef DETECT_COUNTED_H
#define DETECT_COUNTED_H

#include <stddef.h>
#include <stdint.h>

#include "outflow/subject.h"

#define COUNTED_MAX 4096 /* 0.5 MB when full; the oldest goes first, and would count twice */

struct counted;

/* 0 or -ENOMEM. */
int counted_new(size_t max, struct counted **ret);
void counted_free(struct counted *c);
/* Rule number `rule` has counted all `sent` bytes that were told of the account. */
void counted_note(struct counted *c, const struct account *a, uint32_t rule, uint64_t sent);
/* What was noted, which is then forgotten; 0: nothing. */
uint64_t counted_take(struct counted *c, const struct account *a, uint32_t rule);
/* Notes that made room for others, or found no memory. */
uint64_t counted_evicted(const struct counted *c);

#endif
