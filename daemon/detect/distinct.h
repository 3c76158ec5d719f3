/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * distinct.h: of how many different names, and of how many octets in them, a sliding window knows,
 * and how much these look like chance. A name that was asked for before in the window carries
 * nothing new and adds nothing.
 *
 * Different names are told apart by linear counting (Whang, Vander-Zanden and Taylor, 1990): a map
 * of 4096 bits for each part of the window. The standard error is 1.2 % at 1,000 names, 1.8 % at
 * 8,000. The hash is the caller's, who seeds it: names are chosen by who is watched.
 */
#ifndef DETECT_DISTINCT_H
#define DETECT_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISTINCT_PARTS 9 /* eight of a window, and the one that is filling */
#define DISTINCT_BITS  4096

/* 15 KiB; zero it to start, and call distinct_start(). */
struct distinct {
	uint32_t zeros; /* bits that are 0 in all maps */
	uint64_t map[DISTINCT_PARTS][DISTINCT_BITS / 64];
	uint32_t octets[DISTINCT_PARTS][256]; /* how often each came */
	uint32_t sum[256];
};

void distinct_start(struct distinct *n);
/* Forgets part `part`, which is filled anew. */
void distinct_turn(struct distinct *n, size_t part);
/* Marks a name, without its octets. True: it is new; then *ret_weight / DISTINCT_BITS is for how
 * many it stands, with those that fell on others' bits. */
bool distinct_mark(struct distinct *n, size_t part, uint64_t hash, uint32_t *ret_weight);
void distinct_octets(struct distinct *n, size_t part, const uint8_t *data, size_t len);
uint64_t distinct_count(const struct distinct *n);
/* Shannon's, of the octets, in 1/100 bit an octet; 0 when there are none. */
uint32_t distinct_entropy(const struct distinct *n);

#endif
