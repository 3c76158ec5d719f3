/* SPDX-License-Identifier: BSD-2-Clause */
/* uring.c: the ways through io_uring: in the caller, in a worker, in the polling thread. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

#define ENTRIES	      64
#define DATAGRAM      65507
#define NOTIF_WAIT_MS 10000

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
	bool datagram;
};

static void prep_send(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_send(sqe, fd, j->buf, job_next(j), 0);
}

static void prep_sendzc(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_send_zc(sqe, fd, j->buf, job_next(j), 0, 0);
}

static void prep_write(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_write(sqe, fd, j->buf, (unsigned int)job_next(j), 0);
}

static void prep_sendmsg(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	p->iov = (struct iovec){ .iov_base = j->buf, .iov_len = job_next(j) };
	p->msg = (struct msghdr){ .msg_iov = &p->iov, .msg_iovlen = 1 };
	io_uring_prep_sendmsg(sqe, fd, &p->msg, 0);
}

static void prep_sendmsg_to(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	prep_sendmsg(sqe, j, p, fd);
	p->msg.msg_name = &j->to.ss;
	p->msg.msg_namelen = j->to.len;
}

/* One completion: a result, or with zero-copy the news that the pages are free again. */
static int take(struct job *j, struct io_uring *ring, const char *what, unsigned int *notifs,
		bool *result)
{
	struct __kernel_timespec t = { .tv_sec = NOTIF_WAIT_MS / 1000 };
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe_timeout(ring, &cqe, &t);

	if (err < 0) {
		errno = -err;
		return err == -EINTR ? 0 : job_fail(j, "io_uring_wait_cqe");
	}
	if (cqe->flags & IORING_CQE_F_NOTIF) {
		(*notifs)--;
	} else {
		*notifs += (cqe->flags & IORING_CQE_F_MORE) != 0;
		*result = true;
		if (cqe->res < 0)
			errno = -cqe->res;
		err = job_count(j, what, cqe->res);
	}
	io_uring_cqe_seen(ring, cqe);
	return err;
}

/* One in flight at a time: a stream's pieces must not overtake each other. */
static int ring_over(struct job *j, const struct ring_way *w, struct io_uring *ring, int fd)
{
	struct pending p;
	struct io_uring_sqe *sqe;
	unsigned int notifs = 0;
	bool result;
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		sqe = io_uring_get_sqe(ring);
		if (sqe == NULL)
			lab_usage("the submission queue is full with one entry in flight");
		w->prep(sqe, j, &p, fd);
		sqe->flags |= (uint8_t)w->sqe_flags;
		errno = 0;
		if (io_uring_submit(ring) < 0)
			return job_fail(j, "io_uring_submit");
		for (result = false; err == 0 && !result;)
			err = take(j, ring, w->what, &notifs, &result);
	}
	while (err == 0 && notifs > 0)
		err = take(j, ring, w->what, &notifs, &result);
	return err;
}

static int ring_open(struct job *j, const struct ring_way *w, struct io_uring *ring)
{
	struct io_uring_probe *probe;
	bool able;
	int err = io_uring_queue_init(ENTRIES, ring, w->setup);

	if (err < 0)
		return job_skip(j, strerror(-err));
	probe = io_uring_get_probe_ring(ring);
	able = probe != NULL && io_uring_opcode_supported(probe, w->op);
	io_uring_free_probe(probe);
	if (able)
		return 0;
	io_uring_queue_exit(ring);
	return job_skip(j, "this kernel's io_uring lacks the operation");
}

static int ring_run(struct job *j, const struct ring_way *w)
{
	struct io_uring ring;
	int fd = -1, err = ring_open(j, w, &ring);

	if (err != 0)
		return err;
	if (w->datagram && j->chunk > DATAGRAM)
		j->chunk = DATAGRAM;
	err = w->datagram ? job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, &fd)
			  : job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	if (err == 0)
		err = ring_over(j, w, &ring, fd);
	io_uring_queue_exit(&ring);
	if (fd >= 0)
		close(fd);
	return err;
}

int uring_send(struct job *j)
{
	static const struct ring_way w = { "IORING_OP_SEND", IORING_OP_SEND, prep_send, 0, 0, 0 };

	return ring_run(j, &w);
}

int uring_async(struct job *j)
{
	static const struct ring_way w = {
		"IORING_OP_SEND", IORING_OP_SEND, prep_send, 0, IOSQE_ASYNC, 0,
	};

	return ring_run(j, &w);
}

int uring_sqpoll(struct job *j)
{
	static const struct ring_way w = {
		"IORING_OP_SEND", IORING_OP_SEND, prep_send, IORING_SETUP_SQPOLL, 0, 0,
	};

	return ring_run(j, &w);
}

int uring_sendzc(struct job *j)
{
	static const struct ring_way w = {
		"IORING_OP_SEND_ZC", IORING_OP_SEND_ZC, prep_sendzc, 0, 0, 0,
	};

	return ring_run(j, &w);
}

int uring_sendmsg(struct job *j)
{
	static const struct ring_way w = {
		"IORING_OP_SENDMSG", IORING_OP_SENDMSG, prep_sendmsg, 0, 0, 0,
	};

	return ring_run(j, &w);
}

int uring_write(struct job *j)
{
	static const struct ring_way w = {
		"IORING_OP_WRITE", IORING_OP_WRITE, prep_write, 0, 0, 0,
	};

	return ring_run(j, &w);
}

int uring_udp(struct job *j)
{
	static const struct ring_way w = {
		"IORING_OP_SENDMSG", IORING_OP_SENDMSG, prep_sendmsg_to, 0, 0, true,
	};

	return ring_run(j, &w);
}
