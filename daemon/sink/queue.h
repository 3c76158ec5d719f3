/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.h: the lines a sink has yet to deliver, first in, first out, bounded in bytes.
 */
#ifndef SINK_QUEUE_H
#define SINK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line, framed as its sink sends it. One block. */
struct line {
	struct line *next;
	size_t len;
	bool own; /* said by the sink itself; not a record that somebody put */
	char data[];
};

struct queue {
	struct line *first, *last;
	size_t bytes, bytes_max; /* the blocks included, so that short lines are bounded too */
	size_t records;		 /* lines that are not the sink's own */
};

void queue_init(struct queue *q, size_t bytes_max);
void queue_done(struct queue *q);
/* -ENOSPC: it is full; -ENOMEM. An empty queue takes one line of any length: a sink that is up
 * must not lose a record because its limit is less than that. */
int queue_add(struct queue *q, const char *data, size_t len, bool own);
/* Drops the first line; there must be one. */
void queue_pop(struct queue *q);
/* Makes the first line at most `max` bytes long and says at its end that it was cut. */
void queue_cut(struct queue *q, size_t max);

#endif
