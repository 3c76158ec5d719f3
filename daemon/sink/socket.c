/* SPDX-License-Identifier: BSD-2-Clause */
/* socket.c: syslog over a local datagram socket, UDP and TCP. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ip.h"
#include "sink/transport.h"

#include "base/poison.h"

/* A peer that takes nothing for so long is given up, and its line sent again on a new connection.
 */
#define TCP_DEAD_MS	(60 * 1000)
#define TCP_KEEPIDLE_S	30
#define TCP_KEEPINTVL_S 10

static int socket_connect(struct sink *k, int type, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(sa->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, sa, len) < 0 && errno != EINPROGRESS) {
		err = -errno;
		(void)close(fd);
		return err;
	}
	k->src.fd = fd;
	return 0;
}

static int unix_open(struct sink *k)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(k->conf->path);

	if (len >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, k->conf->path, len);
	return socket_connect(k, SOCK_DGRAM, (const struct sockaddr *)&sun, sizeof(sun));
}

static int inet_open(struct sink *k, int type)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(k->conf->port) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(k->conf->port) };

	/* Not a v4-mapped address on a v6 socket: the machine may have no IPv6. */
	if (ip_is_v4(k->conf->addr)) {
		memcpy(&sin.sin_addr, k->conf->addr + 12, sizeof(sin.sin_addr));
		return socket_connect(k, type, (const struct sockaddr *)&sin, sizeof(sin));
	}
	memcpy(&sin6.sin6_addr, k->conf->addr, sizeof(sin6.sin6_addr));
	return socket_connect(k, type, (const struct sockaddr *)&sin6, sizeof(sin6));
}

static int udp_open(struct sink *k)
{
	return inet_open(k, SOCK_DGRAM);
}

static int tcp_open(struct sink *k)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, TCP_KEEPIDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, TCP_KEEPINTVL_S },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, TCP_DEAD_MS },
	};
	int err = inet_open(k, SOCK_STREAM);
	size_t i;

	if (err < 0)
		return err;
	/* Without them a dead peer is only seen later. */
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(k->src.fd, options[i].level, options[i].name, &options[i].value,
				 sizeof(options[i].value));
	return -EINPROGRESS;
}

static int unix_send(struct sink *k, const struct line *l)
{
	if (send(k->src.fd, l->data, l->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

/*
 * The answer "nobody listens here" belongs to a datagram that send() took. On this machine it is
 * there when send() returns, so that the record is kept; from another machine it comes later.
 */
static int udp_send(struct sink *k, const struct line *l)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (send(k->src.fd, l->data, l->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	if (getsockopt(k->src.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

static ssize_t tcp_some(int fd, const void *data, size_t len)
{
	return send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int tcp_send(struct sink *k, const struct line *l)
{
	return line_send(k, l, tcp_some);
}

/* RFC 6587 section 3.4.1. */
static void tcp_frame(struct buf *ret, const char *text, size_t len)
{
	buf_printf(ret, "%zu ", len);
	buf_add(ret, text, len);
}

const struct transport transport_unix = { .open = unix_open, .send = unix_send };
const struct transport transport_udp = {
	.open = udp_open,
	.send = udp_send,
	.watch = EPOLLERR,
	.blind = true,
};
const struct transport transport_tcp = {
	.open = tcp_open,
	.send = tcp_send,
	.frame = tcp_frame,
	.watch = EPOLLIN | EPOLLRDHUP,
};
