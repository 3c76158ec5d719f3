/* SPDX-License-Identifier: BSD-2-Clause */
/* page.c: the ways over a stream socket that hand over pages instead of copying. */
#include <errno.h>
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "way.h"

int job_chunk_file(struct job *j, int *ret_fd)
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

static int sendfile_to(struct job *j, int fd)
{
	int file = -1, err = job_chunk_file(j, &file);
	off_t off;

	while (err == 0 && j->sent < j->bytes) {
		off = 0;
		err = job_count(j, "sendfile", sendfile(fd, file, &off, job_next(j)));
	}
	if (file >= 0)
		close(file);
	return err;
}

static int sendfile_by(struct job *j, int type, int proto)
{
	int fd, err = job_socket(j, type, proto, true, &fd);

	if (err != 0)
		return err;
	err = sendfile_to(j, fd);
	close(fd);
	return err;
}

int tcp_sendfile(struct job *j)
{
	return sendfile_by(j, SOCK_STREAM, IPPROTO_TCP);
}

int mptcp_sendfile(struct job *j)
{
	return sendfile_by(j, SOCK_STREAM, IPPROTO_MPTCP);
}

/* A page is a datagram, as the kernel hands them over; or several in one, as it likes. */
int udp_sendfile(struct job *j)
{
	return sendfile_by(j, SOCK_DGRAM, IPPROTO_UDP);
}

int raw_sendfile(struct job *j)
{
	lab_addr_set_port(&j->to, 0);
	return sendfile_by(j, SOCK_RAW, IPPROTO_EXPERIMENT);
}

int ktls_sendfile(struct job *j)
{
	int fd, err = ktls_socket(j, &fd);

	if (err != 0)
		return err;
	err = sendfile_to(j, fd);
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
