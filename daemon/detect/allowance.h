/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * allowance.h: what a driver may count beyond what it is handed, until it is known whether it does.
 * That is learned from what becomes of it: a driver that counts uses it up, of one that does not it
 * grows old. What was excused by it then was a leak, and is given back.
 */
#ifndef DETECT_ALLOWANCE_H
#define DETECT_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "detect/pool.h"

struct allowance_terms {
	uint64_t unused; /* eighths: a driver that leaves more does not count it */
	uint64_t enough; /* must have grown old before anything is learned */
	/* Before this one, in which no packet may have been lost: handed over in vain, it stands in
	 * the place of what is counted besides until that has used it up. */
	uint32_t rounds;
};

struct allowance {
	struct pool left; /* bytes, or packets of which each excuses some */
	struct allowance_terms terms;
	uint64_t excused; /* bytes, over all times: added by who takes */
	uint32_t rounds;  /* without a loss, before this one; 0: it lost some in the last */
	bool never;	  /* the driver does not count it */
	/* As this round of learning began, and the one before. */
	struct allowance_round {
		uint64_t step;
		uint64_t aged, expired; /* of `left` */
		uint64_t excused, lost;
	} round, before;
};

/* `step_ns`: as of what is handed over. `lost`: packets that the driver lost, over all times. */
void allowance_start(struct allowance *a, uint64_t step_ns, const struct allowance_terms *terms,
		     uint64_t lost);
void allowance_add(struct allowance *a, uint64_t time_ns, uint64_t n);
/* Time passes by the others, too. */
void allowance_advance(struct allowance *a, uint64_t time_ns);
/* Takes up to n. Returns how much there was. */
uint64_t allowance_take(struct allowance *a, uint64_t time_ns, uint64_t n);
/* After both. Returns how many excused bytes were a leak. */
uint64_t allowance_learn(struct allowance *a, uint64_t lost);

#endif
