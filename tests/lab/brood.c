/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * brood.c: forks without a pause until a line comes on stdin; then every child that it made, and
 * that has waited since, sends a datagram of its own size. For the moment at which
 * somebody begins to watch: some of them are older, some younger, some are just being made.
 *
 * Every third child is a plain one, every third runs a program (this one, by the path in --exec),
 * and every third has a child of its own, which sends. Prints a line of JSON for each sender.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

#define CHILDREN_MAX 600
#define PAUSE_MS     2 /* a sender's start takes about as long */

enum { SOCKET_FD = 50, GATE_FD = 51, SHARES_FD = 52 }; /* known to what is run, too */

static const char *const kinds[] = { "fork", "exec", "grandchild" };

/* Written by its sender alone. */
struct share {
	pid_t pid, parent;
	int64_t sent;
};

static struct share *shares;
static struct lab_addr to;
static struct lab_ports ports;

static size_t bytes_of(size_t i)
{
	return 1000 + i;
}

static void shares_open(void)
{
	shares = mmap(NULL, CHILDREN_MAX * sizeof(*shares), PROT_READ | PROT_WRITE, MAP_SHARED,
		      SHARES_FD, 0);
	if (shares == MAP_FAILED)
		lab_die("mmap");
}

static void wait_gate(void)
{
	char c;

	while (read(GATE_FD, &c, 1) < 0 && errno == EINTR)
		;
}

static void __attribute__((noreturn)) sender(size_t i)
{
	static char buf[1000 + CHILDREN_MAX];

	shares[i].parent = getppid();
	wait_gate();
	shares[i].sent = sendto(SOCKET_FD, buf, bytes_of(i), 0, (struct sockaddr *)&to.ss, to.len);
	__atomic_store_n(&shares[i].pid, getpid(), __ATOMIC_RELEASE);
	_exit(0);
}

static void __attribute__((noreturn)) child(size_t i, const char *path, const char *where)
{
	char index[24];
	pid_t pid;

	switch (i % 3) {
	case 1:
		(void)snprintf(index, sizeof(index), "%zu", i);
		execl(path, path, "--to", where, "--child", index, (char *)NULL);
		_exit(127);
	case 2:
		pid = fork();
		if (pid > 0) {
			(void)waitpid(pid, NULL, 0);
			_exit(0);
		}
		break;
	default:
		break;
	}
	sender(i);
}

static void move_fd(int fd, int to_fd, int flags)
{
	if (fd < 0 || dup3(fd, to_fd, flags) < 0)
		lab_die("descriptor %d", to_fd);
	close(fd);
}

/* Returns the end of the gate that opens it by being closed. */
static int things_open(void)
{
	int gate[2], shares_fd = memfd_create("brood", 0);

	if (pipe2(gate, O_CLOEXEC) < 0 || ftruncate(shares_fd, CHILDREN_MAX * sizeof(*shares)) < 0)
		lab_die("pipe, memfd");
	move_fd(gate[0], GATE_FD, 0);
	move_fd(shares_fd, SHARES_FD, 0);
	move_fd(socket(to.ss.ss_family, SOCK_DGRAM, 0), SOCKET_FD, 0);
	shares_open();
	return gate[1];
}

static size_t fork_until_line(int gate, const char *path, const char *where)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	size_t n = 0;

	while (poll(&in, 1, PAUSE_MS) == 0) {
		if (n == CHILDREN_MAX)
			continue;
		switch (fork()) {
		case -1:
			lab_die("fork");
		case 0:
			close(gate);
			child(n, path, where);
		default:
			n++;
		}
	}
	return n;
}

static int say(size_t n)
{
	int64_t sum = 0;
	size_t i, failed = 0;

	for (i = 0; i < n; i++) {
		failed += shares[i].pid == 0 || shares[i].sent != (int64_t)bytes_of(i);
		sum += shares[i].sent > 0 ? shares[i].sent : 0;
		printf("{\"kind\":\"%s\",\"pid\":%d,\"parent\":%d,\"sent\":%lld}\n", kinds[i % 3],
		       shares[i].pid, shares[i].parent, (long long)shares[i].sent);
	}
	printf("{\"pid\":%d,\"senders\":%zu,\"failed\":%zu,\"sum\":%lld}\n", getpid(), n, failed,
	       (long long)sum);
	return failed > 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "exec", required_argument, NULL, 'x' },
		{ "child", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL, *where = NULL;
	size_t n;
	int c, gate, index = -1;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			where = optarg;
		else if (c == 'x')
			path = optarg;
		else if (c == 'c')
			index = (int)lab_num("--child", optarg, 0, CHILDREN_MAX - 1);
		else
			lab_usage("--to ADDRESS:PORT --exec PATH");
	}
	if (where == NULL || (path == NULL && index < 0))
		lab_usage("--to ADDRESS:PORT --exec PATH");
	lab_addr_parse(where, false, &to, &ports);
	if (index >= 0) {
		shares_open();
		sender((size_t)index);
	}
	gate = things_open();
	printf("{\"pid\":%d,\"waiting\":true}\n", getpid());
	lab_flush();
	n = fork_until_line(gate, path, where);
	close(gate);
	while (wait(NULL) > 0)
		;
	return say(n);
}
