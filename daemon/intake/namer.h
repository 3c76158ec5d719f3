/* SPDX-License-Identifier: BSD-2-Clause */
/* namer.h: the daemon's end of the process that reads packets for names (names_child.h): begins it,
 * hears it, begins it again when it ends. Nothing here waits. */
#ifndef INTAKE_NAMER_H
#define INTAKE_NAMER_H

#include <stddef.h>
#include <stdint.h>

#include "intake/intake.h"

struct namer;

struct namer_stats {
	uint64_t records;   /* that it told */
	uint64_t refused;   /* of them, not such as it may tell */
	uint64_t unread;    /* packets that it could read no name from, where one was expected */
	uint64_t forgotten; /* questions and streams of DNS that gave way to others */
	uint64_t begun;	    /* how often it was begun */
	int up;		    /* 1: it runs */
};

/* `ring_fd`, of the map `captures` of `bytes`, is borrowed. 0 or -errno. No process yet. */
int namer_new(int ring_fd, size_t bytes, struct namer **ret);
/* Ends the process; NULL is fine. */
void namer_free(struct namer *n);
/* This process is the one that stays: the other ends with it. */
void namer_start(struct namer *n);
/* Readable when namer_drain() has something to do. */
int namer_fd(const struct namer *n);
/* Tells `budget` records, and those that came with the last. Returns how many. */
int namer_drain(struct namer *n, int budget, intake_raw_fn *fn, void *arg);
/* Once a second: begins it when it is not there, ends it when it hangs. */
void namer_tick(struct namer *n, uint64_t now_ns);
struct namer_stats namer_stats(const struct namer *n);

#endif
