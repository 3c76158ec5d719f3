/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * older.c: everything that a process may have before somebody begins to watch it: connected TCP,
 * connected and unconnected UDP, a corked datagram that is half written, a raw socket, threads.
 * Opens all of it, says "waiting", waits for a line on stdin, then sends the same number of bytes
 * by each, to one port after the other, and says in a line of JSON how many the kernel accepted
 * since then.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/lab.h"

#define CHUNK	  16384
#define RAW_PROTO 253 /* for experiments (RFC 3692) */
#define FIRST_LEN 100 /* of the corked datagram, written before the wait */

struct way {
	const char *name;
	int type, protocol;
	bool connected, corked, thread;
};

static const struct way ways[] = {
	{ "tcp", SOCK_STREAM, 0, true, false, false },
	{ "udp-connected", SOCK_DGRAM, 0, true, false, false },
	{ "udp-unconnected", SOCK_DGRAM, 0, false, false, false },
	{ "udp-corked", SOCK_DGRAM, 0, true, true, false },
	{ "tcp-thread", SOCK_STREAM, 0, true, false, true },
	{ "udp-thread", SOCK_DGRAM, 0, false, false, true },
	{ "raw", SOCK_RAW, RAW_PROTO, false, false, false },
	/* Last: where its destination was given with the first half. */
	{ "udp-corked-unconnected", SOCK_DGRAM, 0, false, true, false },
};

#define WAYS_N (sizeof(ways) / sizeof(ways[0]))

/* One way, ready to send. */
struct ready {
	const struct way *way;
	struct lab_addr to;
	int fd;
	uint64_t bytes, sent;
	pthread_t thread;
	int tid;
};

static pthread_barrier_t gate;
static char chunk[CHUNK];

static ssize_t send_one(const struct ready *r, size_t n, int flags)
{
	const struct sockaddr *to = r->way->connected ? NULL : (const struct sockaddr *)&r->to.ss;

	return sendto(r->fd, chunk, n, flags | MSG_NOSIGNAL, to, to != NULL ? r->to.len : 0);
}

static void ready_open(struct ready *r)
{
	r->fd = socket(r->to.ss.ss_family, r->way->type | SOCK_CLOEXEC, r->way->protocol);
	if (r->fd < 0)
		lab_die("%s: socket", r->way->name);
	if (r->way->connected && connect(r->fd, (struct sockaddr *)&r->to.ss, r->to.len) < 0)
		lab_die("%s: connect", r->way->name);
	if (r->way->corked && send_one(r, FIRST_LEN, MSG_MORE) != FIRST_LEN)
		lab_die("%s: first half", r->way->name);
}

/* The other half of a corked datagram is one send; it may not become longer than a datagram. */
static void ready_send(struct ready *r)
{
	size_t n;
	ssize_t got;

	while (r->sent < r->bytes) {
		n = r->bytes - r->sent < CHUNK ? (size_t)(r->bytes - r->sent) : CHUNK;
		/* Without an address: the datagram that is under way has one. */
		got = r->way->corked ? send(r->fd, chunk, n, MSG_NOSIGNAL) : send_one(r, n, 0);
		if (got < 0)
			lab_die("%s: send", r->way->name);
		r->sent += (uint64_t)got;
		if (r->way->corked)
			return;
	}
}

static void *run(void *arg)
{
	struct ready *r = arg;

	r->tid = gettid();
	pthread_barrier_wait(&gate); /* all are there */
	pthread_barrier_wait(&gate); /* the line came */
	ready_send(r);
	return NULL;
}

static void say(const struct ready *all)
{
	uint64_t sum = 0;
	size_t i;

	printf("{\"pid\":%d,\"ways\":{", getpid());
	for (i = 0; i < WAYS_N; i++) {
		sum += all[i].sent;
		printf("%s\"%s\":%llu", i > 0 ? "," : "", all[i].way->name,
		       (unsigned long long)all[i].sent);
	}
	printf("},\"sent\":%llu}\n", (unsigned long long)sum);
	lab_flush();
}

static void all_open(struct ready *all, const struct lab_addr *to, struct lab_ports ports,
		     uint64_t bytes)
{
	unsigned int threads = 0;
	size_t i;

	for (i = 0; i < WAYS_N; i++)
		threads += ways[i].thread;
	if (pthread_barrier_init(&gate, NULL, threads + 1) != 0)
		lab_die("barrier");
	for (i = 0; i < WAYS_N; i++) {
		all[i] = (struct ready){ .way = &ways[i], .to = *to, .bytes = bytes };
		lab_addr_set_port(&all[i].to, (uint16_t)(ports.lo + i));
		ready_open(&all[i]);
		if (ways[i].thread && pthread_create(&all[i].thread, NULL, run, &all[i]) != 0)
			lab_die("pthread_create");
	}
	pthread_barrier_wait(&gate);
}

static void all_send(struct ready *all)
{
	size_t i;

	pthread_barrier_wait(&gate);
	for (i = 0; i < WAYS_N; i++)
		if (!ways[i].thread)
			ready_send(&all[i]);
	for (i = 0; i < WAYS_N; i++) {
		if (ways[i].thread)
			pthread_join(all[i].thread, NULL);
		close(all[i].fd);
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "bytes", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	struct ready all[WAYS_N];
	struct lab_ports ports = { 0, 0 };
	struct lab_addr to;
	uint64_t bytes = CHUNK;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			lab_addr_parse(optarg, false, &to, &ports);
		else if (c == 'b')
			bytes = lab_num("--bytes", optarg, 1, UINT64_MAX >> 1);
		else
			lab_usage("--to ADDRESS:PORT-PORT [--bytes N]");
	}
	if (optind < argc || (size_t)(ports.hi - ports.lo) + 1 < WAYS_N)
		lab_usage("--to is needed, with at least %zu ports", WAYS_N);
	memset(chunk, 'o', sizeof(chunk));
	all_open(all, &to, ports, bytes);
	printf("{\"pid\":%d,\"waiting\":true}\n", getpid());
	lab_flush();
	lab_wait_line();
	all_send(all);
	say(all);
	return 0;
}
