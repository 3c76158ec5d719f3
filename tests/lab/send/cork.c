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

int udp_cork_moved(struct job *j)
{
	return by_pieces(j, true, "send(MSG_MORE)", do_cork_moved);
}
