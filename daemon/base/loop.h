/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loop.h: one thread, one epoll. Every source is {fd, on_ready} inside its owner's struct.
 *
 * A handler never blocks and does a bounded piece of work; what is left makes the loop call it
 * again. A handler may remove any source, also its own.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop_src {
	/* `events`: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR as they came. */
	void (*on_ready)(struct loop_src *s, uint32_t events);
	int fd; /* the owner's; loop_del() before closing it */
	bool added;
};

/* 0 or -errno. */
int loop_new(struct loop **ret);
void loop_free(struct loop *l);
/* Adds it, or changes the events of one that was added. `s` is borrowed until loop_del(). */
int loop_set(struct loop *l, struct loop_src *s, uint32_t events);
/* Nothing happens when it was not added. */
void loop_del(struct loop *l, struct loop_src *s);
/* Runs until loop_stop(). 0 or -errno. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
