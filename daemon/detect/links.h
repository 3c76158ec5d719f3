/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * links.h: double entry (design: I4): what interfaces sent against what was posted. Pure, as all of
 * detection.
 */
#ifndef DETECT_LINKS_H
#define DETECT_LINKS_H

#include "detect/detect.h"

/* Interfaces that are remembered; the one longest without news goes first. */
#define LINK_STATES_MAX 128

struct links;

/* What an interface came to since it was first told. */
struct link_books {
	char name[16];
	uint32_t ifindex;
	bool inner; /* a tunnel: only what was forwarded into it is judged */
	uint64_t sent;
	uint64_t sockets, control, kernel, forwarded, bypass, allowance;
	uint64_t unattributed;
};

/* 0 or -errno. The rule is borrowed. */
int links_new(const struct rule *rule, struct links **ret);
void links_free(struct links *l);
/* As in windows.h. */
uint64_t links_evicted(const struct links *l);
void links_take(struct links *l, const struct of_rec_link *r, uint64_t time_ns, detect_fn *fn,
		void *arg);
void links_tick(struct links *l, uint64_t time_ns, detect_fn *fn, void *arg);
/* Walks the interfaces that are there: start at *cursor 0. False: there are no more. */
bool links_next(const struct links *l, size_t *cursor, struct link_books *ret);

#endif
