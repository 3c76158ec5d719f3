/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * recv.c: the far end: takes what comes, throws it away, and counts what it read. On SIGTERM it
 * first takes what is still on its way (until no connection is open and nothing came for QUIET_MS,
 * at most DRAIN_MS), then prints a line of JSON for each protocol; one that this kernel lacks has
 * none.
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
#define PORTS	   65536

#define SOL_DCCP	     269 /* linux/socket.h */
#define DCCP_SOCKOPT_SERVICE 2	 /* linux/dccp.h, which does not agree with netinet/in.h */
#define DCCP_SERVICE_LAB     42	 /* what the lab's senders ask for */

/* Order of the lines at the end. */
enum kind { TCP, MPTCP, UDP, UDPLITE, SCTP, DCCP, KINDS };

static const struct {
	const char *name;
	int type, proto;
} kinds[KINDS] = {
	[TCP] = { "tcp", SOCK_STREAM, IPPROTO_TCP },
	[MPTCP] = { "mptcp", SOCK_STREAM, IPPROTO_MPTCP },
	[UDP] = { "udp", SOCK_DGRAM, IPPROTO_UDP },
	[UDPLITE] = { "udplite", SOCK_DGRAM, IPPROTO_UDPLITE },
	[SCTP] = { "sctp", SOCK_STREAM, IPPROTO_SCTP },
	[DCCP] = { "dccp", SOCK_DCCP, IPPROTO_DCCP },
};

/* What an epoll event stands for: packed into its 64 bits, so that nothing needs to be freed. */
enum role { SIGNALS, LISTENER, CONNECTION, DATAGRAMS };

struct recv {
	int epfd;
	int signals;
	uint64_t received[KINDS];
	uint64_t conns[KINDS];
	bool used[KINDS];
	uint64_t *by_port[KINDS]; /* PORTS each; NULL where nobody asked */
	uint64_t open;
	bool ending, each;
	char *scratch; /* where a kernel that does not discard by itself may write */
};

/* A socket, as its epoll event tells it. */
struct source {
	enum role role;
	enum kind kind;
	uint16_t port;
	int fd;
};

static uint64_t tag(const struct source *s)
{
	return (uint64_t)s->role << 56 | (uint64_t)s->kind << 48 | (uint64_t)s->port << 32 |
	       (uint32_t)s->fd;
}

static void watch(struct recv *r, const struct source *s)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = tag(s) };

	if (epoll_ctl(r->epfd, EPOLL_CTL_ADD, s->fd, &e) < 0)
		lab_die("epoll_ctl");
}

static bool datagrams(enum kind kind)
{
	return kinds[kind].type == SOCK_DGRAM;
}

/* MSG_TRUNC makes TCP discard without a copy, and tells the whole length of a datagram. */
static ssize_t discard(struct recv *r, const struct source *s)
{
	size_t max = datagrams(s->kind) ? 1 : READ_MAX;
	ssize_t n;

	do {
		n = recv(s->fd, r->scratch, max, MSG_TRUNC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		r->received[s->kind] += (uint64_t)n;
		r->by_port[s->kind][s->port] += (uint64_t)n;
	}
	return n;
}

static void on_connection(struct recv *r, const struct source *s)
{
	ssize_t n = 1;
	int i;

	for (i = 0; i < READ_TIMES && n > 0; i++)
		n = discard(r, s);
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	close(s->fd);
	r->open--;
}

static void on_datagrams(struct recv *r, const struct source *s)
{
	ssize_t n;
	int i;

	for (i = 0; i < 16 * READ_TIMES; i++) {
		n = discard(r, s);
		if (n < 0)
			return;
		r->conns[s->kind]++;
	}
}

static void on_listener(struct recv *r, const struct source *s)
{
	struct source c = *s;
	int inline_oob = 1;

	c.role = CONNECTION;
	while ((c.fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		/* Urgent bytes are counted as the others. MPTCP has none. */
		if (s->kind == TCP)
			setsockopt(c.fd, SOL_SOCKET, SO_OOBINLINE, &inline_oob, sizeof(inline_oob));
		r->conns[s->kind]++;
		r->open++;
		watch(r, &c);
	}
	/* Without descriptors they wait in the backlog until others are read to their end. */
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED && errno != EMFILE)
		lab_die("accept");
}

static void on_event(struct recv *r, uint64_t t)
{
	struct source s = {
		.role = (enum role)(t >> 56),
		.kind = (enum kind)(t >> 48 & 0xff),
		.port = (uint16_t)(t >> 32),
		.fd = (int)(uint32_t)t,
	};

	switch (s.role) {
	case SIGNALS:
		epoll_ctl(r->epfd, EPOLL_CTL_DEL, s.fd, NULL);
		r->ending = true;
		break;
	case LISTENER:
		on_listener(r, &s);
		break;
	case CONNECTION:
		on_connection(r, &s);
		break;
	case DATAGRAMS:
		on_datagrams(r, &s);
		break;
	}
}

static void option_on(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		lab_die("setsockopt(%d, %d)", level, name);
}

/* What a lab on another kernel may lack; who wants to send by it will say so. */
static bool may_lack(enum kind kind)
{
	return kind == MPTCP || kind == UDPLITE || kind == SCTP || kind == DCCP;
}

static void options_set(enum kind kind, int fd, int family)
{
	unsigned int service = htonl(DCCP_SERVICE_LAB);

	option_on(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (family == AF_INET6)
		option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (datagrams(kind))
		option_on(fd, SOL_SOCKET, SO_RCVBUF, 4 << 20);
	if (kind == TCP)
		option_on(fd, IPPROTO_TCP, TCP_FASTOPEN, BACKLOG);
	if (kind == DCCP)
		option_on(fd, SOL_DCCP, DCCP_SOCKOPT_SERVICE, (int)service);
}

/* False when this kernel has no such socket. */
static bool bind_one(struct recv *r, enum kind kind, struct lab_addr *a, uint16_t port)
{
	struct source s = { .role = datagrams(kind) ? DATAGRAMS : LISTENER,
			    .kind = kind,
			    .port = port };

	s.fd = socket(a->ss.ss_family, kinds[kind].type | SOCK_NONBLOCK | SOCK_CLOEXEC,
		      kinds[kind].proto);
	if (s.fd < 0 && may_lack(kind))
		return false;
	if (s.fd < 0)
		lab_die("socket %s", kinds[kind].name);
	options_set(kind, s.fd, a->ss.ss_family);
	lab_addr_set_port(a, port);
	if (bind(s.fd, (struct sockaddr *)&a->ss, a->len) < 0)
		lab_die("bind %s port %u", kinds[kind].name, port);
	if (s.role == LISTENER && listen(s.fd, BACKLOG) < 0)
		lab_die("listen %s port %u", kinds[kind].name, port);
	watch(r, &s);
	return true;
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
	if (r->by_port[kind] == NULL)
		r->by_port[kind] = calloc(PORTS, sizeof(uint64_t));
	if (r->by_port[kind] == NULL)
		lab_die("counters");
	r->used[kind] = true;
	for (port = ports.lo; port <= ports.hi && r->used[kind]; port++)
		r->used[kind] = bind_one(r, kind, &a, (uint16_t)port);
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

static void say_ports(const struct recv *r, enum kind kind)
{
	unsigned int port;

	for (port = 0; port < PORTS; port++)
		if (r->by_port[kind][port] != 0)
			printf("{\"each\":\"%s\",\"port\":%u,\"received\":%llu}\n",
			       kinds[kind].name, port, (unsigned long long)r->by_port[kind][port]);
}

static void say(const struct recv *r)
{
	enum kind k;

	for (k = 0; k < KINDS; k++) {
		if (!r->used[k])
			continue;
		printf("{\"proto\":\"%s\",\"received\":%llu,\"%s\":%llu,\"open\":%llu}\n",
		       kinds[k].name, (unsigned long long)r->received[k],
		       datagrams(k) ? "datagrams" : "conns", (unsigned long long)r->conns[k],
		       datagrams(k) ? 0ULL : (unsigned long long)r->open);
		if (r->each)
			say_ports(r, k);
	}
	lab_flush();
}

static void signals_open(struct recv *r)
{
	struct source s = { .role = SIGNALS };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		lab_die("sigprocmask");
	r->signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (r->signals < 0)
		lab_die("signalfd");
	s.fd = r->signals;
	watch(r, &s);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "tcp", required_argument, NULL, TCP },
		{ "mptcp", required_argument, NULL, MPTCP },
		{ "udp", required_argument, NULL, UDP },
		{ "udplite", required_argument, NULL, UDPLITE },
		{ "sctp", required_argument, NULL, SCTP },
		{ "dccp", required_argument, NULL, DCCP },
		{ "bind", required_argument, NULL, 'b' },
		{ "each", no_argument, NULL, 'e' },
		{ NULL, 0, NULL, 0 },
	};
	struct recv r = { .epfd = epoll_create1(EPOLL_CLOEXEC), .scratch = malloc(READ_MAX) };
	const char *ip = "::";
	int c, k;

	if (r.epfd < 0 || r.scratch == NULL)
		lab_die("start");
	lab_raise_nofile();
	signals_open(&r);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'b')
			ip = optarg;
		else if (c == 'e')
			r.each = true;
		else if (c >= 0 && c < KINDS)
			bind_range(&r, (enum kind)c, ip, optarg);
		else
			lab_usage("[--each] [--bind ADDRESS] {--tcp|--mptcp|--udp|--udplite|"
				  "--sctp|--dccp} PORT[-PORT] ...; every address unless --bind "
				  "comes before; --each counts by port, too");
	}
	printf("{\"ready\":true,\"pid\":%d}\n", getpid());
	lab_flush();
	loop(&r);
	say(&r);
	for (k = 0; k < KINDS; k++)
		free(r.by_port[k]);
	free(r.scratch);
	return r.open == 0 ? 0 : 1;
}
