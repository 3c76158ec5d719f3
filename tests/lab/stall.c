/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stall.c: one send() on a stream that the far end does not read: it blocks. Meanwhile a second
 * thread says how much the kernel has taken of it already (acknowledged, and still in the send
 * queue), and with --then it takes the socket away from under the call: it disconnects it and
 * connects it to another far end, to which --more bytes are then sent. With --overtake they are
 * sent before the call returns: whoever made it waits for its processor, which another thread
 * holds.
 */
#include <errno.h>
#include <getopt.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define QUIET_US 500000 /* nothing more is taken for so long: the call has come to rest */
#define STEP_US	 10000

struct stall {
	struct lab_addr to, then;
	uint64_t bytes, more;
	int fd;
	bool overtake, returned, release;
	int64_t first, second; /* what the calls returned, or -errno */
};

/* Bytes of the stream that the socket holds or that are acknowledged. */
static uint64_t taken(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	int queued = 0;

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    ioctl(fd, SIOCOUTQ, &queued) < 0)
		lab_die("TCP_INFO");
	/* The SYN counts as one that is acknowledged. */
	return info.tcpi_bytes_acked + (uint64_t)queued - (info.tcpi_bytes_acked > 0);
}

static uint64_t rest_await(int fd)
{
	uint64_t before = 0, now = taken(fd), quiet = 0;

	while (now == 0 || quiet < QUIET_US) {
		usleep(STEP_US);
		before = now;
		now = taken(fd);
		quiet = now == before ? quiet + STEP_US : 0;
	}
	return now;
}

static int64_t send_once(int fd, const char *buf, uint64_t n)
{
	ssize_t ret = send(fd, buf, n, MSG_NOSIGNAL);

	return ret < 0 ? -errno : ret;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		exit(LAB_EXIT_SKIP);
}

/* Holds the processor of who has called send(). */
static void *hold(void *arg)
{
	struct sched_param first = { .sched_priority = 1 };
	struct stall *s = arg;

	stay_on(0);
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		exit(LAB_EXIT_SKIP);
	__atomic_store_n(&s->returned, false, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->release, false, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&s->release, __ATOMIC_SEQ_CST))
		;
	return NULL;
}

/* Takes the socket away, and sends by it. */
static void take_away(struct stall *s)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	static char buf[1 << 20];
	pthread_t holder;

	if (s->overtake) {
		stay_on(1);
		s->release = true; /* until it holds it */
		if (pthread_create(&holder, NULL, hold, s) != 0)
			lab_die("thread");
		while (__atomic_load_n(&s->release, __ATOMIC_SEQ_CST))
			;
	}
	if (connect(s->fd, &nowhere, sizeof(nowhere)) < 0)
		lab_die("disconnect");
	if (connect(s->fd, (struct sockaddr *)&s->then.ss, s->then.len) < 0)
		lab_die("connect again");
	if (!s->overtake)
		return;
	s->second = send_once(s->fd, buf, s->more);
	s->overtake = !__atomic_load_n(&s->returned, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->release, true, __ATOMIC_SEQ_CST);
	pthread_join(holder, NULL);
}

static void *watch(void *arg)
{
	struct stall *s = arg;

	printf("{\"pid\":%d,\"blocked\":true,\"taken\":%llu}\n", getpid(),
	       (unsigned long long)rest_await(s->fd));
	lab_flush();
	if (s->then.len != 0)
		take_away(s);
	return NULL;
}

static void options_parse(struct stall *s, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },	   { "then", required_argument, NULL, 'h' },
		{ "bytes", required_argument, NULL, 'b' }, { "more", required_argument, NULL, 'm' },
		{ "overtake", no_argument, NULL, 'o' },	   { NULL, 0, NULL, 0 },
	};
	struct lab_ports none;
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &s->to, &none);
		else if (o == 'h')
			lab_addr_parse(optarg, false, &s->then, &none);
		else if (o == 'b')
			s->bytes = lab_num("--bytes", optarg, 1, 1 << 30);
		else if (o == 'm')
			s->more = lab_num("--more", optarg, 1, 1 << 20);
		else if (o == 'o')
			s->overtake = true;
		else
			lab_usage("--to ADDRESS:PORT --bytes N "
				  "[--then ADDRESS:PORT --more N [--overtake]]");
	}
	if (s->to.len == 0 || s->bytes == 0 || (s->then.len != 0) != (s->more != 0) ||
	    optind < argc)
		lab_usage("--to and --bytes are needed, and --more with --then");
}

int main(int argc, char **argv)
{
	struct stall s = { .fd = -1 };
	bool overtake;
	pthread_t thread;
	char *buf;

	options_parse(&s, argc, argv);
	overtake = s.overtake;
	buf = calloc(1, s.bytes > s.more ? s.bytes : s.more);
	s.fd = socket(s.to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (buf == NULL || s.fd < 0 || connect(s.fd, (struct sockaddr *)&s.to.ss, s.to.len) < 0)
		lab_die("connect");
	if (pthread_create(&thread, NULL, watch, &s) != 0)
		lab_die("thread");
	if (overtake)
		stay_on(0);
	s.first = send_once(s.fd, buf, s.bytes);
	__atomic_store_n(&s.returned, true, __ATOMIC_SEQ_CST);
	pthread_join(thread, NULL);
	if (s.more != 0 && !overtake)
		s.second = send_once(s.fd, buf, s.more);
	printf("{\"pid\":%d,\"sent\":%lld,\"more\":%lld,\"overtaken\":%s}\n", getpid(),
	       (long long)s.first, (long long)s.second, s.overtake ? "true" : "false");
	lab_flush();
	close(s.fd);
	free(buf);
	return 0;
}
