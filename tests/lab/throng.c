/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * throng.c: very many threads that send small pieces at once, on few processors: whatever a probe
 * does, some thread is always interrupted in the middle of it. Every way has threads and a port of
 * its own (the base port and up, in the order of the list); each thread counts what the kernel
 * accepted from it, and the sums are printed, one line of JSON for each way.
 */
#include <errno.h>
#include <getopt.h>
#include <liburing.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/lab.h"

#define EXPERIMENT     253    /* IP protocol for experiments (RFC 3692 section 2.1) */
#define ETH_EXPERIMENT 0x88b5 /* ether type for local experiments (IEEE 802) */
#define STACK_BYTES    (64U << 10)
#define PIECE_MAX      1024
#define PIECES	       3 /* of a datagram that is put together */

struct way;

struct thread {
	pthread_t id;
	const struct way *way;
	const struct lab_addr *to;
	int shared; /* a socket for all threads of the way; -1: each opens its own */
	uint64_t sent, failed;
};

struct way {
	const char *name;
	int type, proto;
	bool shared, connected;
	unsigned int every; /* one thread of so many: what costs the kernel more */
	ssize_t (*send)(const struct thread *t, int fd, size_t n, uint64_t i);
};

static uint64_t threads_n = 100, sends = 100;
static pthread_barrier_t start;
static struct sockaddr_ll link_to;
static const char payload[PIECE_MAX];

static ssize_t send_connected(const struct thread *t, int fd, size_t n, uint64_t i)
{
	(void)t;
	(void)i;
	return send(fd, payload, n, MSG_NOSIGNAL);
}

static ssize_t send_to(const struct thread *t, int fd, size_t n, uint64_t i)
{
	(void)i;
	return sendto(fd, payload, n, 0, (const struct sockaddr *)&t->to->ss, t->to->len);
}

static ssize_t send_corked(const struct thread *t, int fd, size_t n, uint64_t i)
{
	int more = i % PIECES < PIECES - 1 ? MSG_MORE : 0;

	if (i % PIECES == 0)
		return sendto(fd, payload, n, more, (const struct sockaddr *)&t->to->ss,
			      t->to->len);
	return send(fd, payload, n, more);
}

static ssize_t send_frame(const struct thread *t, int fd, size_t n, uint64_t i)
{
	(void)t;
	(void)i;
	return sendto(fd, payload, n, 0, (const struct sockaddr *)&link_to, sizeof(link_to));
}

/* A ring for each thread, and the kernel's worker sends. */
static ssize_t send_ring(const struct thread *t, int fd, size_t n, uint64_t i)
{
	static __thread struct io_uring ring;
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	ssize_t res;

	(void)t;
	if (i == 0 && io_uring_queue_init(2, &ring, 0) < 0)
		return -1;
	sqe = io_uring_get_sqe(&ring);
	if (sqe == NULL)
		return -1;
	io_uring_prep_send(sqe, fd, payload, n, 0);
	sqe->flags |= IOSQE_ASYNC;
	if (io_uring_submit(&ring) < 0 || io_uring_wait_cqe(&ring, &cqe) < 0)
		return -1;
	res = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	if (i == sends - 1)
		io_uring_queue_exit(&ring);
	return res;
}

static const struct way ways[] = {
	{ "udp", SOCK_DGRAM, IPPROTO_UDP, false, true, 1, send_connected },
	{ "udp-shared", SOCK_DGRAM, IPPROTO_UDP, true, true, 1, send_connected },
	{ "udp-sendto", SOCK_DGRAM, IPPROTO_UDP, true, false, 1, send_to },
	{ "udp-cork", SOCK_DGRAM, IPPROTO_UDP, false, false, 1, send_corked },
	{ "tcp", SOCK_STREAM, IPPROTO_TCP, false, true, 1, send_connected },
	{ "tcp-shared", SOCK_STREAM, IPPROTO_TCP, true, true, 1, send_connected },
	{ "raw", SOCK_RAW, EXPERIMENT, true, false, 2, send_to },
	{ "packet", SOCK_DGRAM, 0, true, false, 2, send_frame },
	{ "uring", SOCK_DGRAM, IPPROTO_UDP, false, true, 8, send_ring },
};

#define WAYS_N (sizeof(ways) / sizeof(ways[0]))

static int way_socket(const struct way *w, const struct lab_addr *to)
{
	bool link = w->send == send_frame;
	int fd = socket(link ? AF_PACKET : to->ss.ss_family, w->type | SOCK_CLOEXEC, w->proto);

	if (fd < 0)
		lab_die("%s: socket", w->name);
	if (w->connected && connect(fd, (const struct sockaddr *)&to->ss, to->len) < 0)
		lab_die("%s: connect", w->name);
	return fd;
}

static void *run(void *arg)
{
	struct thread *t = arg;
	int fd = t->shared >= 0 ? t->shared : way_socket(t->way, t->to);
	uint64_t i;
	ssize_t n;

	(void)pthread_barrier_wait(&start);
	for (i = 0; i < sends; i++) {
		n = t->way->send(t, fd, 1 + (i * 7 + (uintptr_t)t / 64) % PIECE_MAX, i);
		if (n > 0)
			t->sent += (uint64_t)n;
		else
			t->failed++;
	}
	if (fd != t->shared)
		close(fd);
	return NULL;
}

/* Fewer for a way that says so; at least one. */
static uint64_t way_threads(const struct way *w)
{
	uint64_t n = threads_n / WAYS_N / w->every;

	return n > 0 ? n : 1;
}

static struct thread *way_start(const struct way *w, const struct lab_addr *to)
{
	uint64_t i, n = way_threads(w);
	struct thread *t = calloc(n, sizeof(*t));
	int shared = w->shared ? way_socket(w, to) : -1;
	pthread_attr_t attr;

	if (t == NULL || pthread_attr_init(&attr) != 0 ||
	    pthread_attr_setstacksize(&attr, STACK_BYTES) != 0)
		lab_die("%s", w->name);
	for (i = 0; i < n; i++) {
		t[i] = (struct thread){ .way = w, .to = to, .shared = shared };
		errno = pthread_create(&t[i].id, &attr, run, &t[i]);
		if (errno != 0)
			lab_die("thread %llu of %s", (unsigned long long)i, w->name);
	}
	return t;
}

static void way_end(const struct way *w, const struct thread *t, const struct lab_addr *to)
{
	const struct sockaddr_in *in = (const void *)&to->ss; /* the port lies alike in IPv6 */
	uint64_t i, n = way_threads(w), sent = 0, failed = 0;

	for (i = 0; i < n; i++) {
		(void)pthread_join(t[i].id, NULL);
		sent += t[i].sent;
		failed += t[i].failed;
	}
	printf("{\"pid\":%d,\"way\":\"%s\",\"proto\":%d,\"port\":%d,\"threads\":%llu,"
	       "\"sent\":%llu,\"failed\":%llu}\n",
	       getpid(), w->name, w->proto, w->proto == EXPERIMENT ? 0 : ntohs(in->sin_port),
	       (unsigned long long)n, (unsigned long long)sent, (unsigned long long)failed);
}

static void pin(uint64_t cpus)
{
	cpu_set_t set;
	uint64_t i;

	CPU_ZERO(&set);
	for (i = 0; i < cpus; i++)
		CPU_SET(i, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		lab_die("sched_setaffinity");
}

static void throng(const struct lab_addr *base, uint16_t port)
{
	static struct lab_addr to[WAYS_N];
	struct thread *t[WAYS_N];
	uint64_t all = 0;
	size_t i;

	for (i = 0; i < WAYS_N; i++)
		all += way_threads(&ways[i]);
	errno = pthread_barrier_init(&start, NULL, (unsigned int)all);
	if (errno != 0)
		lab_die("barrier");
	for (i = 0; i < WAYS_N; i++) {
		to[i] = *base;
		lab_addr_set_port(&to[i], ways[i].proto == EXPERIMENT ? 0 : (uint16_t)(port + i));
		t[i] = way_start(&ways[i], &to[i]);
	}
	for (i = 0; i < WAYS_N; i++) {
		way_end(&ways[i], t[i], &to[i]);
		free(t[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "sends", required_argument, NULL, 's' },
		{ "cpus", required_argument, NULL, 'c' },
		{ "link", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct lab_ports ports = { 0 };
	struct lab_addr to;
	int c;

	link_to = (struct sockaddr_ll){ .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_EXPERIMENT),
					.sll_halen = 6,
					.sll_addr = { 255, 255, 255, 255, 255, 255 } };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			lab_addr_parse(optarg, false, &to, &ports);
		else if (c == 'n')
			threads_n = lab_num("--threads", optarg, 1, 20000);
		else if (c == 's')
			sends = lab_num("--sends", optarg, 1, 1000000);
		else if (c == 'c')
			pin(lab_num("--cpus", optarg, 1, CPU_SETSIZE));
		else if (c == 'l')
			link_to.sll_ifindex = (int)if_nametoindex(optarg);
		else
			ports.lo = 0;
	}
	if (ports.lo == 0 || link_to.sll_ifindex == 0)
		lab_usage(
			"--to ADDRESS:PORT --link INTERFACE [--threads N] [--sends N] [--cpus N]");
	lab_raise_nofile();
	throng(&to, ports.lo);
	return 0;
}
