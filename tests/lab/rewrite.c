/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rewrite.c: a sender whose other thread rewrites, all the time, what its calls point to: the
 * address goes to and fro between two far ends, the length and the bytes change. The kernel copies
 * each of them once, at a moment nobody knows, so where a datagram went and how long it was only
 * the far ends can tell. Prints what the calls returned.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define BATCH	   32	/* of sendmmsg; more than a monitor might keep in a fixed place */
#define LONG	   1000 /* bytes of a datagram, one of two lengths */
#define SHORT	   100
#define MET_MIN	   1000
#define RAW_PROTO  253 /* for experiments (RFC 3692) */
#define ICMP_ECHO4 8
#define ICMP_ECHO6 128

struct rewrite;
typedef int64_t call_fn(struct rewrite *w);

static const struct call {
	const char *name;
	call_fn *run;
} calls[];

struct rewrite {
	struct lab_addr to[2];
	struct lab_addr now; /* what the calls point to, and the other thread writes */
	struct iovec iov;
	unsigned char data[LONG];
	int fd;
	bool stop, keep_length;
	const struct call *call;
	const char *kind;
	uint64_t sends, sent, failed, flips;
	uint64_t met; /* calls in which the other thread wrote */
	int err;
};

static struct msghdr message(struct rewrite *w)
{
	return (struct msghdr){ .msg_name = &w->now.ss,
				.msg_namelen = w->now.len,
				.msg_iov = &w->iov,
				.msg_iovlen = 1 };
}

static int64_t call_sendto(struct rewrite *w)
{
	return sendto(w->fd, w->data, __atomic_load_n(&w->iov.iov_len, __ATOMIC_RELAXED), 0,
		      (struct sockaddr *)&w->now.ss, w->now.len);
}

static int64_t call_sendmsg(struct rewrite *w)
{
	struct msghdr m = message(w);

	return sendmsg(w->fd, &m, 0);
}

static int64_t call_sendmmsg(struct rewrite *w)
{
	struct mmsghdr m[BATCH];
	int64_t sum = 0;
	int i, n;

	for (i = 0; i < BATCH; i++)
		m[i] = (struct mmsghdr){ .msg_hdr = message(w) };
	n = sendmmsg(w->fd, m, BATCH, 0);
	if (n < 0)
		return n;
	w->sends += (uint64_t)n - 1;
	for (i = 0; i < n; i++)
		sum += m[i].msg_len;
	return sum;
}

static const struct call calls[] = {
	{ "sendto", call_sendto },
	{ "sendmsg", call_sendmsg },
	{ "sendmmsg", call_sendmmsg },
	{ NULL, NULL },
};

/* Not one at a time, so that a copy may also fall in between. */
static void *rewriter(void *arg)
{
	struct rewrite *w = arg;
	uint64_t i;

	for (i = 0; !__atomic_load_n(&w->stop, __ATOMIC_RELAXED); i++) {
		if (w->now.ss.ss_family == AF_INET)
			__atomic_store_n(
				&((struct sockaddr_in *)&w->now.ss)->sin_addr.s_addr,
				((const struct sockaddr_in *)&w->to[i & 1].ss)->sin_addr.s_addr,
				__ATOMIC_RELAXED);
		else
			__atomic_store_n(
				&((struct sockaddr_in6 *)&w->now.ss)->sin6_addr.s6_addr32[3],
				((const struct sockaddr_in6 *)&w->to[i & 1].ss)
					->sin6_addr.s6_addr32[3],
				__ATOMIC_RELAXED);
		/* Behind the first eight bytes, which are an ICMP header. */
		__atomic_store_n(&w->data[8 + i % (LONG - 8)], (unsigned char)i, __ATOMIC_RELAXED);
		__atomic_store_n(&w->flips, i + 1, __ATOMIC_RELAXED);
		if (!w->keep_length)
			__atomic_store_n(&w->iov.iov_len, i & 2 ? LONG : SHORT, __ATOMIC_RELAXED);
	}
	return NULL;
}

static int socket_new(struct rewrite *w)
{
	int family = w->now.ss.ss_family;
	bool v6 = family == AF_INET6;

	if (strcmp(w->kind, "udp") == 0)
		return socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (strcmp(w->kind, "raw") == 0)
		return socket(family, SOCK_RAW | SOCK_CLOEXEC, RAW_PROTO);
	if (strcmp(w->kind, "ping") != 0)
		lab_usage("--kind: expected udp, raw or ping");
	w->data[0] = v6 ? ICMP_ECHO6 : ICMP_ECHO4;
	return socket(family, SOCK_DGRAM | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

/* On a busy machine the other thread may wait for long: so many sends must have met it at work. */
static bool enough(const struct rewrite *w, uint64_t sends)
{
	if (w->sends < sends)
		return false;
	return w->met >= MET_MIN || w->sends >= sends * 100;
}

static void run(struct rewrite *w, uint64_t sends)
{
	uint64_t flips, before = 0;
	pthread_t thread;
	int64_t n;

	w->fd = socket_new(w);
	if (w->fd < 0)
		lab_die("socket");
	if (pthread_create(&thread, NULL, rewriter, w) != 0)
		lab_die("thread");
	while (!enough(w, sends)) {
		n = w->call->run(w);
		w->sends++;
		flips = __atomic_load_n(&w->flips, __ATOMIC_RELAXED);
		w->met += flips != before;
		before = flips;
		if (n > 0) {
			w->sent += (uint64_t)n;
			continue;
		}
		w->failed++;
		w->err = errno;
		if (errno == ENOBUFS || errno == EAGAIN)
			usleep(1000);
	}
	__atomic_store_n(&w->stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	close(w->fd);
}

static const struct call *call_find(const char *name)
{
	const struct call *c;

	for (c = calls; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	lab_usage("--call: expected sendto, sendmsg or sendmmsg");
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "and", required_argument, NULL, 'a' },
		{ "kind", required_argument, NULL, 'k' },
		{ "call", required_argument, NULL, 'c' },
		{ "sends", required_argument, NULL, 's' },
		{ "keep-length", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	static struct rewrite w = { .kind = "udp", .call = calls };
	struct lab_ports none;
	uint64_t sends = 50000;
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &w.to[0], &none);
		else if (o == 'a')
			lab_addr_parse(optarg, false, &w.to[1], &none);
		else if (o == 'k')
			w.kind = optarg;
		else if (o == 'c')
			w.call = call_find(optarg);
		else if (o == 's')
			sends = lab_num("--sends", optarg, 1, UINT32_MAX);
		else if (o == 'l')
			w.keep_length = true;
		else
			lab_usage("--to ADDRESS:PORT --and ADDRESS:PORT [--kind udp|raw|ping] "
				  "[--call sendto|sendmsg|sendmmsg] [--sends N] [--keep-length]");
	}
	if (w.to[0].len == 0 || w.to[0].len != w.to[1].len || optind < argc)
		lab_usage("--to and --and are needed, of one family");
	/* A raw IPv6 socket takes no port but its protocol. */
	for (o = 0; o < 2 && strcmp(w.kind, "raw") == 0; o++)
		lab_addr_set_port(&w.to[o], 0);
	w.now = w.to[0];
	w.iov = (struct iovec){ .iov_base = w.data, .iov_len = LONG };
	run(&w, sends);
	printf("{\"sent\":%llu,\"sends\":%llu,\"failed\":%llu,\"met\":%llu,\"error\":\"%s\","
	       "\"pid\":%d}\n",
	       (unsigned long long)w.sent, (unsigned long long)w.sends,
	       (unsigned long long)w.failed, (unsigned long long)w.met,
	       w.err != 0 ? strerror(w.err) : "", getpid());
	lab_flush();
	return 0;
}
