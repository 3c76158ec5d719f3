/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_cork.c: does a connect lead a datagram elsewhere that is put together and has not left
 * yet? In IPv4 it does (seen on Linux 6.1 to 7.2), since both write to one place of the socket, in
 * IPv6 on some kernels. Found out by doing it, on the loopback device.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

#define ARRIVES_MS 200

union address {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* A far end of its own; its address in *ret. A descriptor or -errno. */
static int receiver(int family, union address *ret)
{
	union address a = { .sa.sa_family = (sa_family_t)family };
	socklen_t len = family == AF_INET ? sizeof(a.v4) : sizeof(a.v6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	if (family == AF_INET)
		a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.v6.sin6_addr = in6addr_loopback;
	if (bind(fd, &a.sa, len) == 0 && getsockname(fd, &a.sa, &len) == 0) {
		*ret = a;
		return fd;
	}
	err = -errno;
	(void)close(fd);
	return err;
}

/* One byte for `first`, then led to `second`, then another. */
static int two_pieces(int family, const union address *first, const union address *second)
{
	socklen_t len = family == AF_INET ? sizeof(first->v4) : sizeof(first->v6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, &first->sa, len) < 0 || send(fd, "1", 1, MSG_MORE) < 0 ||
	    connect(fd, &second->sa, len) < 0 || send(fd, "2", 1, 0) < 0)
		err = -errno;
	(void)close(fd);
	return err;
}

int kernel_cork_led(int family)
{
	union address first, second;
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	int a = receiver(family, &first), b = receiver(family, &second), err = -EADDRNOTAVAIL;
	char got[2];

	if (a >= 0 && b >= 0)
		err = two_pieces(family, &first, &second);
	/* By the loopback device it is there when the send returns, or a moment later. */
	if (err == 0) {
		fds[0].fd = a;
		fds[1].fd = b;
		(void)poll(fds, 2, ARRIVES_MS);
	}
	if (err == 0 && recv(b, got, sizeof(got), 0) == sizeof(got))
		err = 1;
	else if (err == 0 && recv(a, got, sizeof(got), 0) != sizeof(got))
		err = -ENOMSG;
	if (a >= 0)
		(void)close(a);
	if (b >= 0)
		(void)close(b);
	return err;
}
