/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/allowance.h"

#include "base/poison.h"

#define EIGHTHS 8

void allowance_start(struct allowance *a, uint64_t step_ns, const struct allowance_terms *terms,
		     uint64_t lost)
{
	*a = (struct allowance){ .left = { .step_ns = step_ns },
				 .terms = *terms,
				 .rounds = UINT32_MAX };
	a->round.lost = lost;
}

void allowance_add(struct allowance *a, uint64_t time_ns, uint64_t n)
{
	if (!a->never)
		pool_add(&a->left, time_ns, n);
}

void allowance_advance(struct allowance *a, uint64_t time_ns)
{
	pool_advance(&a->left, time_ns);
}

uint64_t allowance_take(struct allowance *a, uint64_t time_ns, uint64_t n)
{
	return a->never ? 0 : pool_take(&a->left, time_ns, n);
}

/* A counter that is lower than before began anew. */
static bool has_lost(const struct allowance *a, uint64_t lost)
{
	return lost > (lost < a->round.lost ? 0 : a->round.lost);
}

static void round_begin(struct allowance *a, uint64_t lost)
{
	if (has_lost(a, lost))
		a->rounds = 0;
	else if (a->rounds < UINT32_MAX)
		a->rounds++;
	a->before = a->round;
	a->round = (struct allowance_round){
		.step = a->left.newest,
		.aged = a->left.aged,
		.expired = a->left.expired,
		.excused = a->excused,
		.lost = lost,
	};
}

/*
 * What is given stays as long as what is handed over, and a round is no shorter. So what grew old
 * in this one may have been excused in the one before; or something that was lost then was handed
 * over in vain, explains what the driver counts, and leaves this unused.
 */
uint64_t allowance_learn(struct allowance *a, uint64_t lost)
{
	uint64_t given = a->left.aged - a->round.aged;
	uint64_t unused = a->left.expired - a->round.expired;

	if (a->never || given < a->terms.enough || a->left.newest < a->round.step + POOL_STEPS)
		return 0;
	if (unused * EIGHTHS > given * a->terms.unused && a->rounds >= a->terms.rounds &&
	    !has_lost(a, lost)) {
		a->never = true;
		return a->excused - a->before.excused;
	}
	round_begin(a, lost);
	return 0;
}
