/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c: one socket, four senders at full speed. Two are children that inherit it, two were there
 * before it was made and get it passed (SCM_RIGHTS). Its creator sends nothing. Each counts for
 * itself; a line of JSON for each.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

#define SENDERS 4
#define PASSED	2   /* of them, the first ones */
#define SIZE	101 /* of a send of the first; each next one's are that much longer */

/* Written by its sender alone. */
struct sum {
	uint64_t sent, failed;
	pid_t pid;
};

struct share {
	struct lab_addr to;
	uint64_t sends;
	bool tcp;
	struct sum *sums;
	int gate[2];
	int pass[PASSED][2];
};

static void fd_pass(int over, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { .space = "" };
	struct iovec iov = { .iov_base = (void *)(uintptr_t) "", .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = u.space,
			    .msg_controllen = sizeof(u.space) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(over, &m, 0) != 1)
		lab_die("passing the socket");
}

static int fd_take(int over)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { .space = "" };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = u.space,
			    .msg_controllen = sizeof(u.space) };
	struct cmsghdr *c;
	int fd;

	if (recvmsg(over, &m, 0) != 1 || (c = CMSG_FIRSTHDR(&m)) == NULL)
		lab_die("taking the socket");
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static void __attribute__((noreturn)) sender(const struct share *s, int index, int fd)
{
	struct sum *sum = &s->sums[index];
	size_t size = SIZE * (size_t)(index + 1);
	char data[SIZE * SENDERS] = "", c;
	uint64_t i;
	ssize_t n;

	close(s->gate[1]);
	sum->pid = getpid();
	if (fd < 0)
		fd = fd_take(s->pass[index][1]);
	while (read(s->gate[0], &c, 1) < 0 && errno == EINTR)
		;
	for (i = 0; i < s->sends; i++) {
		n = send(fd, data, size, MSG_NOSIGNAL);
		if (n > 0)
			sum->sent += (uint64_t)n;
		sum->failed += n != (ssize_t)size;
	}
	_exit(0);
}

static void start(const struct share *s, int index, int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		lab_die("fork");
	if (pid == 0)
		sender(s, index, fd);
}

static void run(struct share *s)
{
	int fd, i;

	for (i = 0; i < PASSED; i++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s->pass[i]) < 0)
			lab_die("socketpair");
		start(s, i, -1);
	}
	fd = socket(s->to.ss.ss_family, (s->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&s->to.ss, s->to.len) < 0)
		lab_die("connect");
	for (i = 0; i < PASSED; i++)
		fd_pass(s->pass[i][0], fd);
	for (; i < SENDERS; i++)
		start(s, i, fd);
	close(fd);
	close(s->gate[1]); /* now */
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "sends", required_argument, NULL, 's' },
		{ "tcp", no_argument, NULL, 'T' },
		{ NULL, 0, NULL, 0 },
	};
	struct share s = { .sends = 50000 };
	struct lab_ports none;
	int o, i;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &s.to, &none);
		else if (o == 's')
			s.sends = lab_num("--sends", optarg, 1, UINT32_MAX);
		else if (o == 'T')
			s.tcp = true;
		else
			lab_usage("--to ADDRESS:PORT [--sends N] [--tcp]");
	}
	if (s.to.len == 0 || optind < argc)
		lab_usage("--to is needed");
	s.sums = mmap(NULL, SENDERS * sizeof(*s.sums), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s.sums == MAP_FAILED || pipe(s.gate) < 0)
		lab_die("start");
	run(&s);
	for (i = 0; i < SENDERS; i++)
		printf("{\"pid\":%d,\"passed\":%s,\"sent\":%llu,\"failed\":%llu}\n", s.sums[i].pid,
		       i < PASSED ? "true" : "false", (unsigned long long)s.sums[i].sent,
		       (unsigned long long)s.sums[i].failed);
	lab_flush();
	return 0;
}
