/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * told.h: what was told of an account, and when: some marks, kept for the next daemon. It tells
 * them again with their times, so that its windows hold what those of this one held: bytes count
 * later than they were sent, never earlier, and those from before the longest window stay outside
 * of it. A kill behind any instruction leaves marks of which all that is true.
 */
#ifndef INTAKE_TOLD_H
#define INTAKE_TOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "outflow/abi.h"

/* Is it about this account, as it is now? */
bool told_is_of(const struct of_told *t, const struct of_account *a);
/* The account is told as of `now_ns`. `window_ns`: the longest window of a rule. */
void told_grow(struct of_told *t, const struct of_account *a, uint64_t now_ns, uint64_t window_ns);
/* The newest mark; zeros when there is none. */
struct of_told_mark told_last(const struct of_told *t);

#endif
