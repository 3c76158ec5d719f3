/* SPDX-License-Identifier: BSD-2-Clause */
/* ring.h: what the ways through io_uring share: a ring, one submission after the other. */
#ifndef LAB_SEND_RING_H
#define LAB_SEND_RING_H

#include <liburing.h>
#include <sys/uio.h>

#include "way.h"

/* What a submission points to; lives as long as the run. */
struct pending {
	struct iovec iov;
	struct msghdr msg;
};

typedef void prep_fn(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd);

struct ring_way {
	const char *what;
	uint8_t op;
	prep_fn *prep;
	unsigned int setup;	/* IORING_SETUP_* */
	unsigned int sqe_flags; /* IOSQE_* */
	bool datagram, fixed_buf, fixed_file;
};

/* The ring is the caller's to io_uring_queue_exit() when this returned 0. */
int ring_open(struct job *j, const struct ring_way *w, struct io_uring *ring);
int ring_over(struct job *j, const struct ring_way *w, struct io_uring *ring, int fd);
/* One completion: a result, or with zero-copy the news that the pages are free again. */
int ring_take(struct job *j, struct io_uring *ring, const char *what, unsigned int *notifs,
	      bool *result);

#endif
