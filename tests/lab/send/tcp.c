/* SPDX-License-Identifier: BSD-2-Clause */
/* tcp.c: the ways over a stream socket whose call is one of the send family. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

static int stream(struct job *j, int proto, const char *what, job_fn *fn)
{
	int fd, err = job_socket(j, SOCK_STREAM, proto, true, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, what, fn);
	close(fd);
	return err;
}

static int64_t do_write(const struct job *j, int fd, size_t n)
{
	return write(fd, j->buf, n);
}

int tcp_write(struct job *j)
{
	return stream(j, IPPROTO_TCP, "write", do_write);
}

int mptcp_write(struct job *j)
{
	return stream(j, IPPROTO_MPTCP, "write", do_write);
}

static int64_t do_send(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, 0);
}

int tcp_send(struct job *j)
{
	return stream(j, IPPROTO_TCP, "send", do_send);
}

/* The chunk in five uneven pieces, one of them empty. */
static int split(const struct job *j, size_t n, struct iovec iov[5])
{
	size_t at[6] = { 0, n / 7, n / 7, n / 3, n - n / 5, n };
	int i;

	for (i = 0; i < 5; i++) {
		iov[i].iov_base = j->buf + at[i];
		iov[i].iov_len = at[i + 1] - at[i];
	}
	return 5;
}

static int64_t do_writev(const struct job *j, int fd, size_t n)
{
	struct iovec iov[5];

	return writev(fd, iov, split(j, n, iov));
}

int tcp_writev(struct job *j)
{
	return stream(j, IPPROTO_TCP, "writev", do_writev);
}

static int64_t do_sendmsg(const struct job *j, int fd, size_t n)
{
	struct iovec iov[5];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = (size_t)split(j, n, iov) };

	return sendmsg(fd, &m, 0);
}

int tcp_sendmsg(struct job *j)
{
	return stream(j, IPPROTO_TCP, "sendmsg", do_sendmsg);
}

/* One call, five messages: only the lengths in the array tell how much was taken. */
static int64_t do_sendmmsg(const struct job *j, int fd, size_t n)
{
	struct iovec iov[5];
	struct mmsghdr m[5];
	int i, taken;
	int64_t sum = 0;

	memset(m, 0, sizeof(m));
	split(j, n, iov);
	for (i = 0; i < 5; i++) {
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	taken = sendmmsg(fd, m, 5, 0);
	if (taken < 0)
		return -1;
	for (i = 0; i < taken; i++)
		sum += m[i].msg_len;
	return sum;
}

int tcp_sendmmsg(struct job *j)
{
	return stream(j, IPPROTO_TCP, "sendmmsg", do_sendmmsg);
}

/* The first call connects and carries data in the SYN where the far end lets it. */
int tcp_fastopen(struct job *j)
{
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, false, &fd);
	int64_t n;

	if (err != 0)
		return err;
	do {
		n = sendto(fd, j->buf, job_next(j), MSG_FASTOPEN, (struct sockaddr *)&j->to.ss,
			   j->to.len);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EOPNOTSUPP)
		err = job_skip(j, "net.ipv4.tcp_fastopen is off");
	else
		err = job_count(j, "sendto(MSG_FASTOPEN)", n);
	if (err == 0)
		err = job_over(j, fd, "send", do_send);
	close(fd);
	return err;
}

static int64_t do_send_more(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, j->sent + n < j->bytes ? MSG_MORE : 0);
}

int tcp_msgmore(struct job *j)
{
	return stream(j, IPPROTO_TCP, "send(MSG_MORE)", do_send_more);
}

int tcp_cork(struct job *j)
{
	int on = 1, fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	if (setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)) < 0)
		err = job_fail(j, "setsockopt(TCP_CORK)");
	else
		err = job_over(j, fd, "write", do_write);
	close(fd);
	return err;
}

static int64_t do_send_oob(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, MSG_OOB);
}

int tcp_oob(struct job *j)
{
	return stream(j, IPPROTO_TCP, "send(MSG_OOB)", do_send_oob);
}

/* A chunk larger than the socket's buffer is taken in part; a full buffer refuses. */
int tcp_nonblock(struct job *j)
{
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	ssize_t n;

	if (err != 0)
		return err;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		err = job_fail(j, "fcntl(O_NONBLOCK)");
	while (err == 0 && j->sent < j->bytes) {
		n = send(fd, j->buf, job_next(j), 0);
		err = n < 0 && errno == EAGAIN ? job_poll(j, fd) : job_count(j, "send", n);
	}
	close(fd);
	return err;
}

struct half {
	struct job *j;
	int fd;
	int err;
};

static void *run_half(void *arg)
{
	struct half *h = arg;

	h->err = job_over(h->j, h->fd, "write", do_write);
	return NULL;
}

/* Two threads of one process on one socket. */
int tcp_thread(struct job *j)
{
	struct job second = *j;
	struct half h = { .j = &second };
	pthread_t t;
	int err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &h.fd);

	if (err != 0)
		return err;
	second.bytes = j->bytes / 2;
	j->bytes -= second.bytes;
	if (pthread_create(&t, NULL, run_half, &h) != 0)
		lab_die("pthread_create");
	err = job_over(j, h.fd, "write", do_write);
	pthread_join(t, NULL);
	j->sent += second.sent;
	j->calls += second.calls;
	if (err == 0 && h.err != 0) {
		err = h.err;
		j->what = second.what;
	}
	close(h.fd);
	return err;
}
