/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heir.c: a datagram that two processes put together by one UDP socket. The first connects it to
 * one far end and begins; the second, its child, adds a byte, connects it to another and takes the
 * cork off, so that all of it goes there. Then the child sends one of its own there, for which a
 * second thread takes the cork off. What the calls returned is printed, for each far end.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/lab.h"

#define BYTES 1000 /* of what the first begins, and of the datagrams beside it */

struct heir {
	struct lab_addr first, second;
	int fd;
	uint64_t rounds;
	int go[2], done[2]; /* pipes: a byte is a turn */
};

static void cork(int fd, int on)
{
	if (setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on)) < 0)
		lab_die("UDP_CORK");
}

static void connect_to(int fd, const struct lab_addr *to)
{
	if (connect(fd, (const struct sockaddr *)&to->ss, to->len) < 0)
		lab_die("connect");
}

static void send_bytes(int fd, size_t n)
{
	static const char data[BYTES];

	if (send(fd, data, n, 0) != (ssize_t)n)
		lab_die("send");
}

static void *uncork(void *arg)
{
	cork(*(int *)arg, 0);
	return NULL;
}

static void inherit(struct heir *h)
{
	pthread_t thread;
	char turn;

	while (read(h->go[0], &turn, 1) == 1) {
		send_bytes(h->fd, 1);
		connect_to(h->fd, &h->second);
		cork(h->fd, 0);
		cork(h->fd, 1);
		send_bytes(h->fd, BYTES);
		if (pthread_create(&thread, NULL, uncork, &h->fd) != 0)
			lab_die("thread");
		pthread_join(thread, NULL);
		if (write(h->done[1], &turn, 1) != 1)
			lab_die("pipe");
	}
	_exit(0);
}

static void run(struct heir *h)
{
	char turn = 0;
	uint64_t i;

	for (i = 0; i < h->rounds; i++) {
		connect_to(h->fd, &h->first);
		send_bytes(h->fd, BYTES);
		cork(h->fd, 1);
		send_bytes(h->fd, BYTES);
		if (write(h->go[1], &turn, 1) != 1 || read(h->done[0], &turn, 1) != 1)
			lab_die("the child is gone");
	}
}

static void options(int argc, char **argv, struct heir *h)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "and", required_argument, NULL, 'a' },
		{ "rounds", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	struct lab_ports none;
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &h->first, &none);
		else if (o == 'a')
			lab_addr_parse(optarg, false, &h->second, &none);
		else if (o == 'r')
			h->rounds = lab_num("--rounds", optarg, 1, 1000000);
		else
			lab_usage("--to ADDRESS:PORT --and ADDRESS:PORT [--rounds N]");
	}
	if (h->first.len == 0 || h->first.len != h->second.len || optind < argc)
		lab_usage("--to and --and are needed, of one family");
}

int main(int argc, char **argv)
{
	struct heir h = { .rounds = 1000 };
	pid_t child;

	options(argc, argv, &h);
	h.fd = socket(h.first.ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (h.fd < 0 || pipe(h.go) < 0 || pipe(h.done) < 0)
		lab_die("socket");
	child = fork();
	if (child < 0)
		lab_die("fork");
	if (child == 0) {
		close(h.go[1]);
		inherit(&h);
	}
	run(&h);
	printf("{\"pid\":%d,\"child\":%d,\"first\":%llu,\"second\":%llu}\n", getpid(), child,
	       (unsigned long long)(h.rounds * BYTES),
	       (unsigned long long)(h.rounds * (2 * BYTES + 1)));
	lab_flush();
	return 0;
}
