/* SPDX-License-Identifier: BSD-2-Clause */
/* chain.c: io_uring ways of several operations: links, a socket made by the ring, pipes. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "ring.h"

#define LINKS 4

static void prep_send(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_send(sqe, fd, j->buf, job_next(j), 0);
}

static const struct ring_way plain = {
	.what = "IORING_OP_SEND",
	.op = IORING_OP_SEND,
	.prep = prep_send,
};

/* Submits what is prepared and waits for one result; it comes as the call would return it. */
static int64_t result_of(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int64_t res;
	int err = io_uring_submit_and_wait(ring, 1);

	if (err >= 0)
		err = io_uring_peek_cqe(ring, &cqe);
	if (err < 0) {
		errno = -err;
		return -1;
	}
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	if (res < 0)
		errno = (int)-res;
	return res < 0 ? -1 : res;
}

/* Each waits for the one before it; a short one cancels those behind it. */
static int linked_over(struct job *j, struct io_uring *ring, int fd)
{
	size_t i, piece = (job_next(j) + LINKS - 1) / LINKS, at = 0, n, all = job_next(j);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int submitted = 0, err = 0;

	for (i = 0; i < LINKS && at < all; i++, at += n) {
		n = all - at < piece ? all - at : piece;
		sqe = io_uring_get_sqe(ring);
		if (sqe == NULL)
			lab_usage("the submission queue is full");
		io_uring_prep_send(sqe, fd, j->buf + at, n, MSG_WAITALL);
		sqe->flags |= at + n < all ? IOSQE_IO_LINK : 0;
		submitted++;
	}
	if (io_uring_submit(ring) < 0)
		return job_fail(j, "io_uring_submit");
	while (submitted-- > 0) {
		if (io_uring_wait_cqe(ring, &cqe) < 0)
			return job_fail(j, "io_uring_wait_cqe");
		errno = cqe->res < 0 ? -cqe->res : 0;
		if (cqe->res != -ECANCELED && err == 0)
			err = job_count(j, "IORING_OP_SEND", cqe->res);
		io_uring_cqe_seen(ring, cqe);
	}
	return err;
}

int uring_linked(struct job *j)
{
	struct io_uring ring;
	int fd, err = ring_open(j, &plain, &ring);

	if (err != 0)
		return err;
	err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	if (err == 0) {
		while (err == 0 && j->sent < j->bytes)
			err = linked_over(j, &ring, fd);
		close(fd);
	}
	io_uring_queue_exit(&ring);
	return err;
}

static int ring_connect(struct job *j, struct io_uring *ring, int fd, unsigned int flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_connect(sqe, fd, (struct sockaddr *)&j->to.ss, j->to.len);
	sqe->flags |= (uint8_t)flags;
	return result_of(ring) < 0 ? job_fail(j, "IORING_OP_CONNECT") : 0;
}

/* Neither socket() nor connect(): the ring makes both. */
int uring_connect(struct job *j)
{
	static const struct ring_way w = { .what = "IORING_OP_SEND",
					   .op = IORING_OP_SOCKET,
					   .prep = prep_send };
	struct io_uring ring;
	int64_t fd;
	int err = ring_open(j, &w, &ring);

	if (err != 0)
		return err;
	io_uring_prep_socket(io_uring_get_sqe(&ring), j->to.ss.ss_family,
			     SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP, 0);
	fd = result_of(&ring);
	err = fd < 0 ? job_fail(j, "IORING_OP_SOCKET") : ring_connect(j, &ring, (int)fd, 0);
	if (err == 0) {
		job_ready(j);
		err = ring_over(j, &w, &ring, (int)fd);
	}
	io_uring_queue_exit(&ring);
	if (fd >= 0)
		close((int)fd);
	return err;
}

/* The socket is never in the process's table of descriptors, only in the ring's. */
int uring_direct(struct job *j)
{
	static const struct ring_way w = { .what = "IORING_OP_SEND",
					   .op = IORING_OP_SOCKET,
					   .prep = prep_send,
					   .sqe_flags = IOSQE_FIXED_FILE };
	struct io_uring ring;
	int none = -1, err = ring_open(j, &w, &ring);

	if (err != 0)
		return err;
	if (io_uring_register_files(&ring, &none, 1) < 0)
		err = job_fail(j, "io_uring_register_files");
	if (err == 0) {
		io_uring_prep_socket_direct(io_uring_get_sqe(&ring), j->to.ss.ss_family,
					    SOCK_STREAM, IPPROTO_TCP, 0, 0);
		if (result_of(&ring) < 0)
			err = job_fail(j, "IORING_OP_SOCKET");
	}
	if (err == 0)
		err = ring_connect(j, &ring, 0, IOSQE_FIXED_FILE);
	if (err == 0) {
		job_ready(j);
		err = ring_over(j, &w, &ring, 0);
	}
	io_uring_queue_exit(&ring);
	return err;
}

static int splice_over(struct job *j, struct io_uring *ring, const int p[2], int fd)
{
	struct iovec iov;
	ssize_t left;
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		iov = (struct iovec){ .iov_base = j->buf, .iov_len = job_next(j) };
		left = vmsplice(p[1], &iov, 1, 0);
		if (left < 0)
			return job_fail(j, "vmsplice");
		while (err == 0 && left > 0) {
			uint64_t before = j->sent;

			io_uring_prep_splice(io_uring_get_sqe(ring), p[0], -1, fd, -1,
					     (unsigned int)left, 0);
			err = job_count(j, "IORING_OP_SPLICE", result_of(ring));
			left -= (ssize_t)(j->sent - before);
		}
	}
	return err;
}

/* The kernel always hands a splice to a worker. */
int uring_splice(struct job *j)
{
	static const struct ring_way w = { .op = IORING_OP_SPLICE };
	struct io_uring ring;
	int p[2], fd = -1, err = ring_open(j, &w, &ring);

	if (err != 0)
		return err;
	if (pipe(p) < 0)
		lab_die("pipe");
	err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	if (err == 0)
		err = splice_over(j, &ring, p, fd);
	if (fd >= 0)
		close(fd);
	close(p[0]);
	close(p[1]);
	io_uring_queue_exit(&ring);
	return err;
}
