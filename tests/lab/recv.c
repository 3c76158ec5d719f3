/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv.c: the far end: takes what comes, throws it away, and counts what it read. On SIGTERM it
 * first takes what is still on its way (until no connection is open and nothing came for QUIET_MS,
 * at most DRAIN_MS), then prints a line of JSON for each protocol.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define EVENTS	   256
#define BACKLOG	   4096
#define READ_MAX   (16U << 20)
#define READ_TIMES 16	 /* then another connection has its turn */
#define QUIET_MS   100	 /* a loopback or veth round trip takes microseconds */
#define DRAIN_MS   20000 /* 20,000 connections are read in less than a second */

/* Order of the lines at the end. */
enum kind { TCP, MPTCP, UDP, UDPLITE, KINDS };

static const struct {
	const char *name;
	int type, proto;
} kinds[KINDS] = {
	[TCP] = { "tcp", SOCK_STREAM, IPPROTO_TCP },
	[MPTCP] = { "mptcp", SOCK_STREAM, IPPROTO_MPTCP },
	[UDP] = { "udp", SOCK_DGRAM, IPPROTO_UDP },
	[UDPLITE] = { "udplite", SOCK_DGRAM, IPPROTO_UDPLITE },
};

/* What an epoll event stands for: packed into its 64 bits, so that nothing needs to be freed. */
enum role { SIGNALS, LISTENER, CONNECTION, DATAGRAMS };

struct recv {
	int epfd;
	int signals;
	uint64_t received[KINDS];
	uint64_t conns[KINDS];
	bool used[KINDS];
	uint64_t open;
	bool ending;
	char *scratch; /* where a kernel that does not discard by itself may write */
};

static uint64_t tag(enum role role, enum kind kind, int fd)
{
	return (uint64_t)role << 48 | (uint64_t)kind << 32 | (uint32_t)fd;
}

static void watch(struct recv *r, enum role role, enum kind kind, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = tag(role, kind, fd) };

	if (epoll_ctl(r->epfd, EPOLL_CTL_ADD, fd, &e) < 0)
		lab_die("epoll_ctl");
}

/* MSG_TRUNC makes TCP discard without a copy, and tells the whole length of a datagram. */
static ssize_t discard(struct recv *r, enum kind kind, int fd)
{
	size_t max = kinds[kind].type == SOCK_STREAM ? READ_MAX : 1;
	ssize_t n;

	do {
		n = recv(fd, r->scratch, max, MSG_TRUNC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		r->received[kind] += (uint64_t)n;
	return n;
}

static void on_connection(struct recv *r, enum kind kind, int fd)
{
	ssize_t n = 1;
	int i;

	for (i = 0; i < READ_TIMES && n > 0; i++)
		n = discard(r, kind, fd);
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	close(fd);
	r->open--;
}

static void on_datagrams(struct recv *r, enum kind kind, int fd)
{
	ssize_t n;
	int i;

	for (i = 0; i < 16 * READ_TIMES; i++) {
		n = discard(r, kind, fd);
		if (n < 0)
			return;
		r->conns[kind]++;
	}
}

static void on_listener(struct recv *r, enum kind kind, int fd)
{
	int c, inline_oob = 1;

	while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		/* Urgent bytes are counted as the others. MPTCP has none. */
		if (kind == TCP)
			setsockopt(c, SOL_SOCKET, SO_OOBINLINE, &inline_oob, sizeof(inline_oob));
		r->conns[kind]++;
		r->open++;
		watch(r, CONNECTION, kind, c);
	}
	/* Without descriptors they wait in the backlog until others are read to their end. */
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED && errno != EMFILE)
		lab_die("accept");
}

static void on_event(struct recv *r, uint64_t t)
{
	int fd = (int)(uint32_t)t;
	enum kind kind = (enum kind)(t >> 32 & 0xffff);

	switch ((enum role)(t >> 48)) {
	case SIGNALS:
		epoll_ctl(r->epfd, EPOLL_CTL_DEL, fd, NULL);
		r->ending = true;
		break;
	case LISTENER:
		on_listener(r, kind, fd);
		break;
	case CONNECTION:
		on_connection(r, kind, fd);
		break;
	case DATAGRAMS:
		on_datagrams(r, kind, fd);
		break;
	}
}

static void option_on(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		lab_die("setsockopt(%d, %d)", level, name);
}

static void bind_one(struct recv *r, enum kind kind, struct lab_addr *a, uint16_t port)
{
	bool stream = kinds[kind].type == SOCK_STREAM;
	int fd = socket(a->ss.ss_family, kinds[kind].type | SOCK_NONBLOCK | SOCK_CLOEXEC,
			kinds[kind].proto);

	if (fd < 0)
		lab_die("socket %s", kinds[kind].name);
	option_on(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (a->ss.ss_family == AF_INET6)
		option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (!stream)
		option_on(fd, SOL_SOCKET, SO_RCVBUF, 4 << 20);
	if (kind == TCP)
		option_on(fd, IPPROTO_TCP, TCP_FASTOPEN, BACKLOG);
	lab_addr_set_port(a, port);
	if (bind(fd, (struct sockaddr *)&a->ss, a->len) < 0)
		lab_die("bind %s port %u", kinds[kind].name, port);
	if (stream && listen(fd, BACKLOG) < 0)
		lab_die("listen %s port %u", kinds[kind].name, port);
	watch(r, stream ? LISTENER : DATAGRAMS, kind, fd);
}

static void bind_range(struct recv *r, enum kind kind, const char *ip, const char *text)
{
	struct lab_ports ports = lab_ports(kinds[kind].name, text);
	struct lab_ports none;
	struct lab_addr a;
	char addr[INET6_ADDRSTRLEN + 8];
	unsigned int port;

	snprintf(addr, sizeof(addr), "[%s]:1", ip);
	lab_addr_parse(addr, false, &a, &none);
	r->used[kind] = true;
	for (port = ports.lo; port <= ports.hi; port++)
		bind_one(r, kind, &a, (uint16_t)port);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void loop(struct recv *r)
{
	struct epoll_event ev[EVENTS];
	uint64_t deadline = 0;
	int i, n;

	for (;;) {
		n = epoll_wait(r->epfd, ev, EVENTS, r->ending ? QUIET_MS : -1);
		if (n < 0 && errno != EINTR)
			lab_die("epoll_wait");
		for (i = 0; i < n; i++)
			on_event(r, ev[i].data.u64);
		if (!r->ending)
			continue;
		if (deadline == 0)
			deadline = now_ms() + DRAIN_MS;
		if ((n == 0 && r->open == 0) || now_ms() >= deadline)
			return;
	}
}

static void say(const struct recv *r)
{
	int k;

	for (k = 0; k < KINDS; k++)
		if (r->used[k])
			printf("{\"proto\":\"%s\",\"received\":%llu,\"%s\":%llu,\"open\":%llu}\n",
			       kinds[k].name, (unsigned long long)r->received[k],
			       kinds[k].type == SOCK_STREAM ? "conns" : "datagrams",
			       (unsigned long long)r->conns[k],
			       kinds[k].type == SOCK_STREAM ? (unsigned long long)r->open : 0ULL);
	lab_flush();
}

static void signals_open(struct recv *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		lab_die("sigprocmask");
	r->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (r->signals < 0)
		lab_die("signalfd");
	watch(r, SIGNALS, TCP, r->signals);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tcp", required_argument, NULL, TCP },
		{ "mptcp", required_argument, NULL, MPTCP },
		{ "udp", required_argument, NULL, UDP },
		{ "udplite", required_argument, NULL, UDPLITE },
		{ "bind", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	struct recv r = { .epfd = epoll_create1(EPOLL_CLOEXEC), .scratch = malloc(READ_MAX) };
	const char *ip = "::";
	int c;

	if (r.epfd < 0 || r.scratch == NULL)
		lab_die("start");
	lab_raise_nofile();
	signals_open(&r);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'b')
			ip = optarg;
		else if (c >= 0 && c < KINDS)
			bind_range(&r, (enum kind)c, ip, optarg);
		else
			lab_usage("[--bind ADDRESS] {--tcp|--mptcp|--udp|--udplite} PORT[-PORT] "
				  "...; every address unless --bind comes before");
	}
	printf("{\"ready\":true,\"pid\":%d}\n", getpid());
	lab_flush();
	loop(&r);
	say(&r);
	free(r.scratch);
	return r.open == 0 ? 0 : 1;
}
