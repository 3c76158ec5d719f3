/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h: reads a ring buffer of the kernel's (BPF_MAP_TYPE_RINGBUF) by its memory alone, in a
 * process that makes no bpf(2) calls. The layout is kernel/bpf/ringbuf.c's (Linux 5.8): a page that
 * the reader writes its position to, one that the kernel writes its own to, then the data twice in
 * a row, so that no entry is ever in two pieces.
 */
#ifndef INTAKE_RING_H
#define INTAKE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	unsigned long *consumer;       /* position: the kernel reads it */
	const unsigned long *producer; /* position: the kernel's */
	const uint8_t *data;
	size_t bytes;	  /* of the data, a power of two */
	unsigned long at; /* behind what ring_next() gave last */
};

/* `fd` of the map stays the caller's, and tells by poll(2) when something comes. 0 or -errno. */
int ring_open(int fd, size_t bytes, struct ring *ret);
void ring_close(struct ring *r);
/* The next entry and how long it is; NULL: there is none now. It stays until ring_done(). */
const void *ring_next(struct ring *r, size_t *ret_len);
/* Gives back what was read so far. */
void ring_done(struct ring *r);

/* Of another reader of it: its position; and whether something waits behind that. */
unsigned long ring_position(const struct ring *r);
bool ring_waits(const struct ring *r);

#endif
