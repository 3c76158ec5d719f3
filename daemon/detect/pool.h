/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h: bytes, or packets, that may explain others for a while. What nobody asked for in time is
 * gone: it was dropped on its way, or went elsewhere, and must not excuse what comes later.
 */
#ifndef DETECT_POOL_H
#define DETECT_POOL_H

#include <stdint.h>

#define POOL_STEPS 8

/* Zero it and set step_ns to start. */
struct pool {
	uint64_t step_ns; /* they stay for POOL_STEPS of these, the last begun one included */
	uint64_t newest;  /* number of the step that is filling, counted from time 0 */
	uint64_t left[POOL_STEPS], added[POOL_STEPS]; /* number n is at n % POOL_STEPS */
	uint64_t expired, aged; /* over all times: what was left and what was added, when old */
};

/* A time older than the newest counts as the newest. Time passes by each of these. */
void pool_advance(struct pool *p, uint64_t time_ns);
void pool_add(struct pool *p, uint64_t time_ns, uint64_t n);
/* Takes up to n, the oldest first. Returns how much there was. */
uint64_t pool_take(struct pool *p, uint64_t time_ns, uint64_t n);

#endif
