/* SPDX-License-Identifier: BSD-2-Clause */
/* datagram.c: UDP by calls with many messages, with control data, to others and to many. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

#define MESSAGES     1024 /* the most that one sendmmsg takes (UIO_MAXIOV) */
#define SEGMENT	     1400 /* fits any Ethernet */
#define QUIC_PACKET  1200 /* RFC 9000 section 14.1 */
#define THREAD_PIECE 100

static int64_t do_send(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, 0);
}

static int64_t do_sendto(const struct job *j, int fd, size_t n)
{
	return sendto(fd, j->buf, n, 0, (const struct sockaddr *)&j->to.ss, j->to.len);
}

/* Up to MESSAGES of `n` bytes in one call, to the addresses in turn; sent[i] is what `to[i]` got.
 */
static int64_t many(const struct job *j, int fd, size_t n, struct lab_addr *to, unsigned int to_n,
		    uint64_t *sent)
{
	struct mmsghdr *m = calloc(MESSAGES, sizeof(*m));
	struct iovec *iov = calloc(MESSAGES, sizeof(*iov));
	uint64_t left = j->bytes - j->sent;
	int i, count = 0, taken;
	int64_t sum = 0;

	if (m == NULL || iov == NULL)
		lab_die("messages");
	for (; count < MESSAGES && left > 0; count++) {
		iov[count].iov_base = j->buf;
		iov[count].iov_len = left < n ? (size_t)left : n;
		left -= iov[count].iov_len;
		m[count].msg_hdr.msg_name = &to[(unsigned int)count % to_n].ss;
		m[count].msg_hdr.msg_namelen = to[(unsigned int)count % to_n].len;
		m[count].msg_hdr.msg_iov = &iov[count];
		m[count].msg_hdr.msg_iovlen = 1;
	}
	taken = sendmmsg(fd, m, (unsigned int)count, 0);
	for (i = 0; i < taken; i++) {
		sent[(unsigned int)i % to_n] += m[i].msg_len;
		sum += m[i].msg_len;
	}
	free(m);
	free(iov);
	return taken < 0 ? -1 : sum;
}

static int many_over(struct job *j, unsigned int to_n)
{
	struct lab_addr to[2] = { j->to, job_second(j) };
	uint64_t sent[2] = { 0, 0 };
	int fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, &fd);

	if (err != 0)
		return err;
	while (err == 0 && j->sent < j->bytes)
		err = job_count(j, "sendmmsg", many(j, fd, job_next(j), to, to_n, sent));
	if (to_n > 1) {
		job_part(j, &to[0], sent[0], false);
		job_part(j, &to[1], sent[1], false);
	}
	close(fd);
	return err;
}

int udp_sendmmsg_1000(struct job *j)
{
	return many_over(j, 1);
}

int udp_sendmmsg_two(struct job *j)
{
	return many_over(j, 2);
}

/* One message with one piece of control data. */
static int64_t with_control(const struct job *j, int fd, size_t n, bool named, struct cmsghdr *c)
{
	struct iovec iov = { .iov_base = j->buf, .iov_len = n };
	struct msghdr m = {
		.msg_name = named ? (void *)&j->to.ss : NULL,
		.msg_namelen = named ? j->to.len : 0,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = c,
		.msg_controllen = CMSG_ALIGN(c->cmsg_len),
	};

	return sendmsg(fd, &m, 0);
}

static int64_t do_gso(const struct job *j, int fd, size_t n)
{
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct cmsghdr *c = (struct cmsghdr *)ctl;
	uint16_t size = SEGMENT;

	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	return with_control(j, fd, n, true, c);
}

static int64_t do_tos(const struct job *j, int fd, size_t n, bool named)
{
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(int))] = { 0 };
	struct cmsghdr *c = (struct cmsghdr *)ctl;
	bool v4 = j->to.ss.ss_family == AF_INET;
	int value = IPTOS_ECN_ECT0;

	c->cmsg_level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = v4 ? IP_TOS : IPV6_TCLASS;
	c->cmsg_len = CMSG_LEN(sizeof(value));
	memcpy(CMSG_DATA(c), &value, sizeof(value));
	return with_control(j, fd, n, named, c);
}

/* Control data and no address: the kernel's hook for destinations sees zeros. */
static int64_t do_cmsg(const struct job *j, int fd, size_t n)
{
	return do_tos(j, fd, n, false);
}

static int64_t do_cmsg_to(const struct job *j, int fd, size_t n)
{
	return do_tos(j, fd, n, true);
}

static int by(struct job *j, bool connected, const char *what, job_fn *fn)
{
	int fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, connected, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, what, fn);
	close(fd);
	return err;
}

int udp_gso_cmsg(struct job *j)
{
	int size = SEGMENT, fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, &fd);

	if (err != 0)
		return err;
	/* Only asked for here, so that a kernel without it is told from a failure. */
	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		err = job_skip_errno(j, "UDP_SEGMENT");
	close(fd);
	return err != 0 ? err : by(j, false, "sendmsg(UDP_SEGMENT)", do_gso);
}

int udp_cmsg(struct job *j)
{
	return by(j, true, "sendmsg", do_cmsg);
}

/* As QUIC does it: long headers of version 1 in full packets, marked for ECN. */
int udp_quic(struct job *j)
{
	static const unsigned char head[] = { 0xc3, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0 };

	j->chunk = QUIC_PACKET;
	memcpy(j->buf, head, sizeof(head));
	return by(j, false, "sendmsg", do_cmsg_to);
}

/* The socket is connected to one far end, each datagram names the other. */
int udp_other(struct job *j)
{
	struct lab_addr to = j->to;
	int fd, err;

	j->to = job_second(j);
	err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, true, &fd);
	j->to = to;
	if (err != 0)
		return err;
	err = job_over(j, fd, "sendto", do_sendto);
	close(fd);
	return err;
}

struct lane {
	struct job j;
	int fd, err;
};

static void *lane_run(void *arg)
{
	struct lane *l = arg;

	l->err = job_over(&l->j, l->fd, "sendto", do_sendto);
	return NULL;
}

/* Two threads on one socket that is not connected, each to a far end of its own. */
int udp_threads(struct job *j)
{
	struct lane lanes[2];
	pthread_t t;
	int fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, &fd);

	if (err != 0)
		return err;
	j->chunk = THREAD_PIECE;
	lanes[0] = (struct lane){ .j = *j, .fd = fd };
	lanes[1] = lanes[0];
	lanes[0].j.bytes = j->bytes / 2;
	lanes[1].j.bytes = j->bytes - j->bytes / 2;
	lanes[1].j.to = job_second(j);
	if (pthread_create(&t, NULL, lane_run, &lanes[1]) != 0)
		lab_die("pthread_create");
	lane_run(&lanes[0]);
	pthread_join(t, NULL);
	j->sent = lanes[0].j.sent + lanes[1].j.sent;
	job_part(j, &lanes[0].j.to, lanes[0].j.sent, false);
	job_part(j, &lanes[1].j.to, lanes[1].j.sent, false);
	err = lanes[0].err != 0 ? lanes[0].err : lanes[1].err;
	j->what = "sendto";
	close(fd);
	return err;
}

/* To a group: by the interface of the route, and not to ourselves. */
static int group_socket(struct job *j, int *ret_fd)
{
	int index = job_interface(j), off = 0;
	struct ip_mreqn by_index = { .imr_ifindex = index };
	bool v4 = j->to.ss.ss_family == AF_INET;
	int err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, ret_fd);

	if (err != 0)
		return err;
	if (v4 ? setsockopt(*ret_fd, IPPROTO_IP, IP_MULTICAST_IF, &by_index, sizeof(by_index)) < 0
	       : setsockopt(*ret_fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0)
		err = job_fail(j, "MULTICAST_IF");
	else if (v4 ? setsockopt(*ret_fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) < 0
		    : setsockopt(*ret_fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof(off)) < 0)
		err = job_fail(j, "MULTICAST_LOOP");
	if (err != 0)
		close(*ret_fd);
	return err;
}

int udp_multicast(struct job *j)
{
	int fd, err = group_socket(j, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, "sendto", do_sendto);
	close(fd);
	return err;
}

int udp_broadcast(struct job *j)
{
	int on = 1, fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, &fd);

	if (err != 0)
		return err;
	if (setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0)
		err = job_fail(j, "SO_BROADCAST");
	else if (connect(fd, (struct sockaddr *)&j->to.ss, j->to.len) < 0)
		err = job_fail(j, "connect");
	else
		err = job_over(j, fd, "send", do_send);
	close(fd);
	return err;
}
