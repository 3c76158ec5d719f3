/* SPDX-License-Identifier: BSD-2-Clause */
/* page.c: the ways over a stream socket that hand over pages instead of copying. */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

/* A file in memory that holds one chunk. */
static int chunk_file(struct job *j, int *ret_fd)
{
	int fd = memfd_create("chunk", MFD_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return job_fail(j, "memfd_create");
	while (done < j->chunk) {
		n = write(fd, j->buf + done, j->chunk - done);
		if (n < 0) {
			int err = job_fail(j, "write to memfd");

			close(fd);
			return err;
		}
		done += (size_t)n;
	}
	*ret_fd = fd;
	return 0;
}

int tcp_sendfile(struct job *j)
{
	int file = -1, fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	off_t off;

	if (err != 0)
		return err;
	err = chunk_file(j, &file);
	while (err == 0 && j->sent < j->bytes) {
		off = 0;
		err = job_count(j, "sendfile", sendfile(fd, file, &off, job_next(j)));
	}
	if (file >= 0)
		close(file);
	close(fd);
	return err;
}

/* All that lies in the pipe to the socket; only what the socket took counts. */
static int splice_out(struct job *j, int from, int fd, size_t left)
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

static int splice_over(struct job *j, const int p[2], int fd)
{
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		struct iovec iov = { .iov_base = j->buf, .iov_len = job_next(j) };
		ssize_t n = vmsplice(p[1], &iov, 1, 0);

		if (n < 0)
			return job_fail(j, "vmsplice");
		err = splice_out(j, p[0], fd, (size_t)n);
	}
	return err;
}

int tcp_splice(struct job *j)
{
	int p[2], fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	if (pipe2(p, O_CLOEXEC) < 0) {
		err = job_fail(j, "pipe2");
		goto out;
	}
	/* Best effort: a small pipe only takes more calls. */
	(void)fcntl(p[1], F_SETPIPE_SZ, 1 << 20);
	err = splice_over(j, p, fd);
	close(p[0]);
	close(p[1]);
out:
	close(fd);
	return err;
}

/* Takes the completions that are there; each names a range of sends. */
static int reap(struct job *j, int fd, uint64_t *done)
{
	char ctl[256];
	struct msghdr m;
	const struct cmsghdr *c;
	const struct sock_extended_err *e;

	for (;;) {
		m = (struct msghdr){ .msg_control = ctl, .msg_controllen = sizeof(ctl) };
		if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return errno == EAGAIN ? 0 : job_fail(j, "recvmsg(MSG_ERRQUEUE)");
		c = CMSG_FIRSTHDR(&m);
		if (c == NULL)
			continue;
		e = (const struct sock_extended_err *)CMSG_DATA(c);
		if (e->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
			*done += e->ee_data - e->ee_info + 1;
	}
}

/* Until the kernel let go of every page, with a deadline: 10 s without a completion. */
static int reap_all(struct job *j, int fd, uint64_t *done)
{
	struct pollfd p = { .fd = fd };
	int n, err = 0;

	while (err == 0 && *done < j->calls) {
		n = poll(&p, 1, 10000);
		if (n == 0)
			errno = ETIMEDOUT;
		if (n == 0 || (n < 0 && errno != EINTR))
			return job_fail(j, "poll for completions");
		err = reap(j, fd, done);
	}
	return err;
}

static int zerocopy_over(struct job *j, int fd)
{
	uint64_t done = 0;
	int err = 0;
	ssize_t n;

	while (err == 0 && j->sent < j->bytes) {
		n = send(fd, j->buf, job_next(j), MSG_ZEROCOPY);
		/* ENOBUFS: too many completions wait (net.core.optmem_max). */
		if (n < 0 && errno == ENOBUFS)
			err = j->calls > done ? 0 : job_fail(j, "send(MSG_ZEROCOPY)");
		else
			err = job_count(j, "send(MSG_ZEROCOPY)", n);
		if (err == 0)
			err = reap(j, fd, &done);
	}
	return err != 0 ? err : reap_all(j, fd, &done);
}

int tcp_zerocopy(struct job *j)
{
	int on = 1, fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) < 0)
		err = job_skip(j, "SO_ZEROCOPY is refused");
	else
		err = zerocopy_over(j, fd);
	close(fd);
	return err;
}
