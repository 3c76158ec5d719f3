/* SPDX-License-Identifier: BSD-2-Clause */
/* udp.c: the ways over UDP and UDP-Lite. What a far end drops was sent all the same. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

#define MESSAGES 32    /* one sendmmsg; more than 16, where some monitors stop to look */
#define SEGMENT	 1400  /* fits any Ethernet */
#define DATAGRAM 65507 /* most that IPv4 carries by UDP */

typedef int64_t datagram_fn(const struct job *j, int fd, size_t n);

static int datagrams_over(struct job *j, int fd, const char *what, datagram_fn *fn)
{
	int err = 0;
	int64_t n;

	if (j->chunk > DATAGRAM)
		j->chunk = DATAGRAM;
	while (err == 0 && j->sent < j->bytes) {
		n = fn(j, fd, job_next(j));
		/* The answer to an earlier datagram that nobody wanted; nothing was sent now. */
		if (n < 0 && errno == ECONNREFUSED)
			continue;
		err = job_count(j, what, n);
	}
	return err;
}

static int datagrams(struct job *j, bool connected, const char *what, datagram_fn *fn)
{
	int fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, connected, &fd);

	if (err != 0)
		return err;
	err = datagrams_over(j, fd, what, fn);
	close(fd);
	return err;
}

static int64_t do_send(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, 0);
}

int udp_send(struct job *j)
{
	return datagrams(j, true, "send", do_send);
}

static int64_t do_write(const struct job *j, int fd, size_t n)
{
	return write(fd, j->buf, n);
}

int udp_write(struct job *j)
{
	return datagrams(j, true, "write", do_write);
}

static int64_t do_sendto(const struct job *j, int fd, size_t n)
{
	return sendto(fd, j->buf, n, 0, (const struct sockaddr *)&j->to.ss, j->to.len);
}

int udp_sendto(struct job *j)
{
	return datagrams(j, false, "sendto", do_sendto);
}

int udplite_sendto(struct job *j)
{
	int fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDPLITE, false, &fd);

	if (err != 0)
		return err;
	err = datagrams_over(j, fd, "sendto", do_sendto);
	close(fd);
	return err;
}

static int64_t do_sendmsg(const struct job *j, int fd, size_t n)
{
	struct iovec iov[2] = { { j->buf, n / 3 }, { j->buf + n / 3, n - n / 3 } };
	struct msghdr m = {
		.msg_name = (void *)&j->to.ss,
		.msg_namelen = j->to.len,
		.msg_iov = iov,
		.msg_iovlen = 2,
	};

	return sendmsg(fd, &m, 0);
}

int udp_sendmsg(struct job *j)
{
	return datagrams(j, false, "sendmsg", do_sendmsg);
}

static int64_t do_sendmmsg(const struct job *j, int fd, size_t n)
{
	struct mmsghdr m[MESSAGES];
	struct iovec iov[MESSAGES];
	uint64_t left = j->bytes - j->sent;
	int i, count = 0, taken;
	int64_t sum = 0;

	memset(m, 0, sizeof(m));
	while (count < MESSAGES && left > 0) {
		iov[count].iov_base = j->buf;
		iov[count].iov_len = left < n ? (size_t)left : n;
		left -= iov[count].iov_len;
		m[count].msg_hdr.msg_name = (void *)&j->to.ss;
		m[count].msg_hdr.msg_namelen = j->to.len;
		m[count].msg_hdr.msg_iov = &iov[count];
		m[count].msg_hdr.msg_iovlen = 1;
		count++;
	}
	taken = sendmmsg(fd, m, (unsigned int)count, 0);
	if (taken < 0)
		return -1;
	for (i = 0; i < taken; i++)
		sum += m[i].msg_len;
	return sum;
}

int udp_sendmmsg(struct job *j)
{
	return datagrams(j, false, "sendmmsg", do_sendmmsg);
}

int udp_gso(struct job *j)
{
	int size = SEGMENT, fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, true, &fd);

	if (err != 0)
		return err;
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		err = job_skip(j, "UDP_SEGMENT is refused");
	else
		err = datagrams_over(j, fd, "send(UDP_SEGMENT)", do_send);
	close(fd);
	return err;
}
