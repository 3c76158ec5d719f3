/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cork.c: several sends make one datagram. It goes where its first piece was meant to go; what the
 * socket or a later piece says meanwhile counts for the next datagram.
 */
#include <netinet/in.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "way.h"

#define PIECES	 4
#define DATAGRAM 65507 /* most that IPv4 carries by UDP */

static void piece_size(struct job *j)
{
	j->chunk = j->chunk > DATAGRAM ? DATAGRAM / PIECES : (j->chunk + PIECES - 1) / PIECES;
}

static bool is_last(const struct job *j, size_t n)
{
	return j->calls % PIECES == PIECES - 1 || j->sent + n >= j->bytes;
}

static int by_pieces(struct job *j, bool connected, const char *what, job_fn *fn)
{
	int fd, err = job_socket(j, SOCK_DGRAM, IPPROTO_UDP, connected, &fd);

	if (err != 0)
		return err;
	piece_size(j);
	err = job_over(j, fd, what, fn);
	close(fd);
	return err;
}

static int64_t do_more(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, is_last(j, n) ? 0 : MSG_MORE);
}

int udp_msgmore(struct job *j)
{
	return by_pieces(j, true, "send(MSG_MORE)", do_more);
}

static int cork(int fd, int on)
{
	return setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on));
}

static int64_t do_cork(const struct job *j, int fd, size_t n)
{
	int64_t ret;

	if (j->calls % PIECES == 0 && cork(fd, 1) < 0)
		return -1;
	ret = send(fd, j->buf, n, 0);
	if (ret >= 0 && is_last(j, n) && cork(fd, 0) < 0)
		return -1;
	return ret;
}

int udp_cork(struct job *j)
{
	return by_pieces(j, true, "send(UDP_CORK)", do_cork);
}

/* Later pieces name another far end, which the kernel does not look at. */
static int64_t do_cork_to(const struct job *j, int fd, size_t n)
{
	struct lab_addr to = j->calls % PIECES == 0 ? j->to : job_second(j);

	return sendto(fd, j->buf, n, is_last(j, n) ? 0 : MSG_MORE, (struct sockaddr *)&to.ss,
		      to.len);
}

int udp_cork_to(struct job *j)
{
	return by_pieces(j, false, "sendto(MSG_MORE)", do_cork_to);
}

/* The socket is led elsewhere behind the first piece, and back before the next datagram. */
static int64_t do_cork_moved(const struct job *j, int fd, size_t n)
{
	struct lab_addr second = job_second(j);
	const struct lab_addr *to = j->calls % PIECES == 0 ? &j->to : &second;

	if (j->calls % PIECES < 2 && connect(fd, (const struct sockaddr *)&to->ss, to->len) < 0)
		return -1;
	return do_more(j, fd, n);
}

/* A datagram socket on the loopback device; its address in *a. */
static int probe_socket(sa_family_t family, struct lab_addr *a)
{
	struct lab_ports none;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	lab_addr_parse(family == AF_INET ? "127.0.0.1:1" : "[::1]:1", false, a, &none);
	((struct sockaddr_in *)&a->ss)->sin_port = 0; /* both families have it in the same place */
	if (fd < 0 || bind(fd, (struct sockaddr *)&a->ss, a->len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a->ss, &a->len) < 0)
		lab_die("probe");
	return fd;
}

/* Whether this kernel lets a connect lead a datagram elsewhere that is begun: for IPv4 it may (seen
 * on Linux 6.18), since both write the one place where the socket keeps what it builds. */
static bool connect_leads(sa_family_t family)
{
	struct lab_addr first, second;
	int a = probe_socket(family, &first), b = probe_socket(family, &second);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char got[2];
	bool leads;

	if (fd < 0 || connect(fd, (struct sockaddr *)&first.ss, first.len) < 0 ||
	    send(fd, "a", 1, MSG_MORE) != 1 ||
	    connect(fd, (struct sockaddr *)&second.ss, second.len) < 0 || send(fd, "b", 1, 0) != 1)
		lab_die("probe");
	/* By the loopback device it is there when the send returns. */
	leads = recv(b, got, sizeof(got), 0) == 2;
	if (!leads && recv(a, got, sizeof(got), 0) != 2)
		lab_die("probe");
	close(a);
	close(b);
	close(fd);
	return leads;
}

/* Claims where the packets go: what counts is not what was said first, but what leaves. */
int udp_cork_moved(struct job *j)
{
	bool leads = connect_leads(j->to.ss.ss_family);
	struct lab_addr second = job_second(j);
	uint64_t all = j->bytes, rest;
	int err;

	err = by_pieces(j, true, "send(MSG_MORE)", do_cork_moved);
	/* A last datagram of one piece alone was never led elsewhere. */
	rest = j->calls % PIECES == 1 ? all - (j->calls - 1) * j->chunk : 0;
	if (leads) {
		job_part(j, &second, j->sent - rest, false);
		if (rest > 0)
			job_part(j, &j->to, rest, false);
	}
	return err;
}
