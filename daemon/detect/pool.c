/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/pool.h"

#include "base/poison.h"

void pool_advance(struct pool *p, uint64_t time_ns)
{
	uint64_t number = time_ns / p->step_ns, steps, i;

	if (number <= p->newest)
		return;
	steps = number - p->newest;
	if (steps > POOL_STEPS)
		steps = POOL_STEPS;
	for (i = 1; i <= steps; i++) {
		uint64_t at = (number - steps + i) % POOL_STEPS;

		p->expired += p->left[at];
		p->aged += p->added[at];
		p->left[at] = p->added[at] = 0;
	}
	p->newest = number;
}

void pool_add(struct pool *p, uint64_t time_ns, uint64_t n)
{
	pool_advance(p, time_ns);
	p->left[p->newest % POOL_STEPS] += n;
	p->added[p->newest % POOL_STEPS] += n;
}

uint64_t pool_take(struct pool *p, uint64_t time_ns, uint64_t n)
{
	uint64_t wanted = n, i;

	pool_advance(p, time_ns);
	for (i = 1; i <= POOL_STEPS && wanted > 0; i++) {
		uint64_t *b = &p->left[(p->newest + i) % POOL_STEPS];
		uint64_t some = *b < wanted ? *b : wanted;

		*b -= some;
		wanted -= some;
	}
	return n - wanted;
}
