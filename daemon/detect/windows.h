/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * windows.h: how many bytes went in the last while, for each key. A window is a ring of buckets, a
 * sixteenth of its width each; the oldest counts in full until it is over, so that a window sees
 * up to a sixteenth too much and never too little.
 */
#ifndef DETECT_WINDOWS_H
#define DETECT_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "outflow/verdict.h"

#define WINDOWS_MAX 32768 /* 8 MB when full; the least recently used goes first, counted */

struct windows;

int windows_new(size_t max, struct windows **ret);
void windows_free(struct windows *w);
/* Adds n bytes and returns the sum. A time older than the newest counts as the newest. Without
 * memory the sum is n alone, and an eviction is counted. */
uint64_t windows_add(struct windows *w, const struct verdict_key *key, uint64_t within_ns,
		     uint64_t time_ns, uint64_t n);
size_t windows_count(const struct windows *w);
/* Windows that made room for others while they may still have held bytes. */
uint64_t windows_evicted(const struct windows *w);

#endif
