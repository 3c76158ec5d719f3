/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * failed: calls that send and fail all the same, and calls that name another far end than the one
 * their packets go to. Prints what it sent by its own count:
 *
 *	{"pid":4242,"way":"refused","calls":10,"failed":10,"bytes":14000}
 *
 *	failed --way refused --to ADDRESS:PORT --calls N
 *		TCP Fast Open, to a port where nobody listens
 *	failed --way interrupted --to ...
 *		the same to a host that is silent, until a signal comes
 *	failed --way returned --to ...
 *		the same without waiting: these calls succeed
 *	failed --way fragments --to ...
 *		datagrams in fragments, of which a short queue drops some
 *	failed --way led --by ADDRESS --to ...
 *		IPv6 datagrams with a segment routing header
 *
 * Needs no right. Exit status: 0, 77 this kernel lacks the way, 2 usage, 1 anything else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/lab.h"

#define SYN_BYTES      1400
#define DATAGRAM_BYTES 60000
#define LED_BYTES      1000
#define SIGNAL_US      100000

/* include/uapi/linux/tcp.h, Linux 4.15 */
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

struct job {
	const char *way;
	struct lab_addr to;
	struct in6_addr by;
	uint64_t calls, failed, bytes;
};

static char data[DATAGRAM_BYTES];

static void on_alarm(int sig)
{
	(void)sig;
}

static void alarm_every(suseconds_t us)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval t = { .it_interval.tv_usec = us, .it_value.tv_usec = us };

	if (sigaction(SIGALRM, &sa, NULL) < 0 || setitimer(ITIMER_REAL, &t, NULL) < 0)
		lab_die("SIGALRM");
}

static int fast_open(const struct job *j, int flags)
{
	int one = 1, fd = socket(j->to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		lab_die("socket");
	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &one, sizeof(one)) < 0) {
		fprintf(stderr, "failed: TCP_FASTOPEN_NO_COOKIE: %s\n", strerror(errno));
		exit(LAB_EXIT_SKIP);
	}
	return fd;
}

/* How the calls must end; the second word of a connection that is not there yet fails, too. */
static void syn(struct job *j, int err, int flags)
{
	const struct sockaddr *to = (const struct sockaddr *)&j->to.ss;
	uint64_t i;
	ssize_t n;
	int fd;

	for (i = 0; i < j->calls; i++) {
		fd = fast_open(j, flags);
		n = sendto(fd, data, SYN_BYTES, MSG_FASTOPEN | MSG_NOSIGNAL, to, j->to.len);
		if (err == 0 ? n != SYN_BYTES : n >= 0 || errno != err)
			lab_die("call %llu returned %zd", (unsigned long long)i, n);
		j->failed += n < 0;
		j->bytes += SYN_BYTES;
		if (err != ECONNREFUSED && send(fd, data, 1, MSG_NOSIGNAL) >= 0)
			lab_die("a second send was taken");
		close(fd);
	}
}

static void refused(struct job *j)
{
	syn(j, ECONNREFUSED, 0);
}

static void interrupted(struct job *j)
{
	alarm_every(SIGNAL_US);
	syn(j, EINTR, 0);
	alarm_every(0);
}

static void returned(struct job *j)
{
	syn(j, 0, SOCK_NONBLOCK);
}

static void fragments(struct job *j)
{
	const struct sockaddr *to = (const struct sockaddr *)&j->to.ss;
	int one = 1, room = 8 << 20, fd;
	uint64_t i;

	fd = socket(j->to.ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0)
		lab_die("socket");
	for (i = 0; i < j->calls; i++) {
		if (sendto(fd, data, DATAGRAM_BYTES, 0, to, j->to.len) < 0) {
			if (errno != ENOBUFS)
				lab_die("sendto");
			j->failed++;
		}
		j->bytes += DATAGRAM_BYTES;
		usleep(20000); /* the queue gets room for the next one's beginning */
	}
	close(fd);
}

/* RFC 8754: the first segment to go to is the last of the list. */
static void led(struct job *j)
{
	const struct sockaddr_in6 *to = (const struct sockaddr_in6 *)&j->to.ss;
	struct {
		uint8_t next, len, type, left, last, flags;
		uint16_t tag;
		struct in6_addr segments[2];
	} h = { .len = 4, .type = 4, .left = 1, .last = 1 };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t i;

	h.segments[0] = to->sin6_addr;
	h.segments[1] = j->by;
	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, &h, sizeof(h)) < 0) {
		fprintf(stderr, "failed: IPV6_RTHDR: %s\n", strerror(errno));
		exit(LAB_EXIT_SKIP);
	}
	for (i = 0; i < j->calls; i++) {
		if (sendto(fd, data, LED_BYTES, 0, (const struct sockaddr *)to, j->to.len) !=
		    LED_BYTES)
			lab_die("sendto");
		j->bytes += LED_BYTES;
	}
	close(fd);
}

static const struct {
	const char *name;
	void (*run)(struct job *j);
} ways[] = {
	{ "refused", refused },	  { "interrupted", interrupted },
	{ "returned", returned }, { "fragments", fragments },
	{ "led", led },
};

#define WAYS_N (sizeof(ways) / sizeof(ways[0]))

static void options(int argc, char **argv, struct job *j)
{
	static const struct option longs[] = {
		{ "way", required_argument, NULL, 'w' },
		{ "to", required_argument, NULL, 't' },
		{ "by", required_argument, NULL, 'b' },
		{ "calls", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct lab_ports ports;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'w')
			j->way = optarg;
		else if (c == 't')
			lab_addr_parse(optarg, false, &j->to, &ports);
		else if (c == 'b' && inet_pton(AF_INET6, optarg, &j->by) != 1)
			lab_usage("--by: '%s': expected an IPv6 address", optarg);
		else if (c == 'c')
			j->calls = lab_num("--calls", optarg, 1, 1000000);
		else if (c == '?')
			exit(LAB_EXIT_USAGE);
	}
	if (j->way == NULL || j->to.len == 0 || j->calls == 0)
		lab_usage("--way, --to and --calls are needed");
}

int main(int argc, char **argv)
{
	struct job j = { .calls = 0 };
	size_t i;

	options(argc, argv, &j);
	memset(data, 'x', sizeof(data));
	for (i = 0; i < WAYS_N && strcmp(ways[i].name, j.way) != 0; i++)
		;
	if (i == WAYS_N)
		lab_usage("--way: '%s': no such way", j.way);
	ways[i].run(&j);
	printf("{\"pid\":%d,\"way\":\"%s\",\"calls\":%llu,\"failed\":%llu,\"bytes\":%llu}\n",
	       getpid(), j.way, (unsigned long long)j.calls, (unsigned long long)j.failed,
	       (unsigned long long)j.bytes);
	lab_flush();
	return 0;
}
