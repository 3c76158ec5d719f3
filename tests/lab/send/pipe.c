/* SPDX-License-Identifier: BSD-2-Clause */
/* pipe.c: the ways through a pipe: pages of a file, of the sender's memory, of another pipe. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

/* From the pipe to the socket, `left` bytes; only what the socket took counts. */
static int drain(struct job *j, int from, int fd, size_t left)
{
	uint64_t before;
	int err = 0;

	while (err == 0 && left > 0) {
		before = j->sent;
		err = job_count(j, "splice", splice(from, NULL, fd, NULL, left, SPLICE_F_MOVE));
		left -= (size_t)(j->sent - before);
	}
	return err;
}

static int pipe_open(struct job *j, int p[2])
{
	if (pipe2(p, O_CLOEXEC) < 0)
		return job_fail(j, "pipe2");
	/* Best effort: a small pipe only takes more calls. */
	(void)fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
	return 0;
}

static void pipe_close(const int p[2])
{
	close(p[0]);
	close(p[1]);
}

typedef ssize_t fill_fn(struct job *j, int to, int source);

static ssize_t fill_memory(struct job *j, int to, int source)
{
	struct iovec iov = { .iov_base = j->buf, .iov_len = job_next(j) };

	(void)source;
	return vmsplice(to, &iov, 1, 0);
}

static ssize_t fill_file(struct job *j, int to, int source)
{
	loff_t off = 0;

	return splice(source, &off, to, NULL, job_next(j), SPLICE_F_MOVE);
}

static int pass_on(struct job *j, int fd, int source, fill_fn *fill)
{
	int p[2], err = pipe_open(j, p);
	ssize_t n;

	if (err != 0)
		return err;
	while (err == 0 && j->sent < j->bytes) {
		n = fill(j, p[1], source);
		err = n < 0 ? job_fail(j, "into the pipe") : drain(j, p[0], fd, (size_t)n);
	}
	pipe_close(p);
	return err;
}

int tcp_splice(struct job *j)
{
	int file = -1, fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	err = job_chunk_file(j, &file);
	if (err == 0)
		err = pass_on(j, fd, file, fill_file);
	if (file >= 0)
		close(file);
	close(fd);
	return err;
}

int tcp_vmsplice(struct job *j)
{
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	err = pass_on(j, fd, -1, fill_memory);
	close(fd);
	return err;
}

/* The second pipe gets what the first holds; both copies are sent. */
static int tee_over(struct job *j, const int a[2], const int b[2], int fd)
{
	ssize_t n, copied;
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		n = fill_memory(j, a[1], -1);
		if (n < 0)
			return job_fail(j, "vmsplice");
		copied = tee(a[0], b[1], (size_t)n, 0);
		if (copied < 0)
			return job_fail(j, "tee");
		err = drain(j, b[0], fd, (size_t)copied);
		/* The last copy may be more than was asked for. */
		if (err == 0 && j->sent + (uint64_t)n <= j->bytes)
			err = drain(j, a[0], fd, (size_t)n);
		else
			break;
	}
	return err;
}

int tcp_tee(struct job *j)
{
	int a[2], b[2], fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	err = pipe_open(j, a);
	if (err == 0)
		err = pipe_open(j, b);
	if (err == 0) {
		err = tee_over(j, a, b, fd);
		pipe_close(a);
		pipe_close(b);
	}
	close(fd);
	return err;
}
