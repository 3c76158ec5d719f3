/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/distinct.h"

#include "base/poison.h"

#define LN2_Q16	  45426 /* ln 2 * 65536 */
/* With fewer bits left each new name would stand for so many that chance rules: then all count. */
#define ZEROS_MIN (DISTINCT_BITS / 8)

/* log2(x) * 65536, for 0 < x < 2^32: digit by digit, so that every machine says the same. */
static uint64_t log2_q16(uint64_t x)
{
	unsigned int whole = 63 - (unsigned int)__builtin_clzll(x), i;
	uint64_t y = x << (31 - whole), ret = (uint64_t)whole << 16;

	for (i = 0; i < 16; i++) {
		y = y * y >> 31;
		if (y >> 32 != 0) {
			y >>= 1;
			ret |= 1U << (15 - i);
		}
	}
	return ret;
}

void distinct_start(struct distinct *n)
{
	n->zeros = DISTINCT_BITS;
}

void distinct_turn(struct distinct *n, size_t part)
{
	uint64_t all;
	size_t i, p;

	n->zeros = 0;
	for (i = 0; i < DISTINCT_BITS / 64; i++) {
		n->map[part][i] = 0;
		for (all = 0, p = 0; p < DISTINCT_PARTS; p++)
			all |= n->map[p][i];
		n->zeros += 64 - (uint32_t)__builtin_popcountll(all);
	}
	for (i = 0; i < 256; i++) {
		n->sum[i] -= n->octets[part][i];
		n->octets[part][i] = 0;
	}
}

bool distinct_mark(struct distinct *n, size_t part, uint64_t hash, uint32_t *ret_weight)
{
	size_t word = hash % DISTINCT_BITS / 64, p;
	uint64_t bit = 1ULL << (hash % 64);
	bool known = false;

	for (p = 0; p < DISTINCT_PARTS; p++)
		known |= (n->map[p][word] & bit) != 0;
	n->map[part][word] |= bit;
	*ret_weight = DISTINCT_BITS;
	if (n->zeros < ZEROS_MIN) {
		n->zeros -= !known;
		return true;
	}
	if (known)
		return false;
	*ret_weight = DISTINCT_BITS * DISTINCT_BITS / n->zeros;
	n->zeros--;
	return true;
}

void distinct_octets(struct distinct *n, size_t part, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (n->sum[data[i]] == UINT32_MAX)
			continue;
		n->octets[part][data[i]]++;
		n->sum[data[i]]++;
	}
}

uint64_t distinct_count(const struct distinct *n)
{
	uint64_t zeros = n->zeros == 0 ? 1 : n->zeros;
	uint64_t log = log2_q16(DISTINCT_BITS) - log2_q16(zeros);

	return (DISTINCT_BITS * log * LN2_Q16 + (1ULL << 31)) >> 32;
}

uint32_t distinct_entropy(const struct distinct *n)
{
	uint64_t total = 0, weighed = 0;
	size_t i;

	for (i = 0; i < 256; i++) {
		if (n->sum[i] == 0)
			continue;
		total += n->sum[i];
		weighed += n->sum[i] * log2_q16(n->sum[i]);
	}
	if (total == 0)
		return 0;
	return (uint32_t)(((log2_q16(total) - weighed / total) * 100 + 32768) >> 16);
}
