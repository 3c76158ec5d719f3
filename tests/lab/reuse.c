/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reuse.c: children that take one process id in turn, each with one datagram to a port of its own.
 * Several of these sit in a ring and hand on a token: who has it makes the next child. Linked
 * statically (tests.mk): a child's life is short then.
 *
 *	reuse --take FIFO --give FIFO [--first] --pid P [--inner N] --children C --to ADDRESS:PORT
 *		[--program PATH] [--salt S]
 *
 * Child i of C (from 0) sends S + 1 + i % 1000 bytes to PORT + i. With --program every second one
 * executes PATH, a copy of this file, before it sends. --pid 0 takes what the kernel gives; --inner
 * is the id in the pid namespace that this one is in, when that is not the one of P. Prints, for
 * each child as soon as it has ended, the line
 *
 *	{"pid":P,"port":..,"sent":..,"executed":..}
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define BYTES_MAX 4096
#define TRIES	  2000 /* of 5 ms: somebody else may have the number for a moment */

struct reuse {
	const char *take, *give, *program;
	struct lab_addr to;
	struct lab_ports ports;
	uint64_t children, salt;
	pid_t ids[2]; /* the innermost first */
	size_t ids_n;
	bool first;
};

/* argv of one that was executed: "send" ADDRESS:PORT BYTES. */
static int send_one(const struct lab_addr *to, uint64_t bytes)
{
	static const char data[BYTES_MAX];
	int fd = socket(to->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 1;
	return sendto(fd, data, bytes, 0, (const struct sockaddr *)&to->ss, to->len) !=
	       (ssize_t)bytes;
}

static int executed(char **argv)
{
	struct lab_addr to;
	struct lab_ports ports;

	lab_addr_parse(argv[2], false, &to, &ports);
	return send_one(&to, lab_num("BYTES", argv[3], 1, BYTES_MAX));
}

static void child(const struct reuse *r, const struct lab_addr *to, uint64_t bytes, bool exec)
{
	char where[80], ip[64], number[24];
	char *argv[] = { (char *)(uintptr_t)r->program, "send", where, number, NULL };
	uint16_t port;

	if (!exec)
		_exit(send_one(to, bytes));
	lab_addr_text(to, ip, sizeof(ip), &port);
	snprintf(where, sizeof(where), "%s:%u", ip, port);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)bytes);
	execv(r->program, argv);
	_exit(127);
}

/* 0 in the child. */
static long child_new(const struct reuse *r)
{
	struct clone_args a = { .exit_signal = SIGCHLD,
				.set_tid = r->ids_n > 0 ? (uintptr_t)r->ids : 0,
				.set_tid_size = r->ids_n };
	const struct timespec pause = { .tv_nsec = 5000000 };
	long pid;
	int i;

	for (i = 0; i < TRIES; i++) {
		pid = syscall(SYS_clone3, &a, sizeof(a));
		if (pid >= 0 || errno != EEXIST)
			break;
		nanosleep(&pause, NULL);
	}
	if (pid < 0 && errno == EPERM)
		exit(LAB_EXIT_SKIP);
	if (pid < 0)
		lab_die("clone3");
	return pid;
}

static void life(const struct reuse *r, uint64_t i)
{
	uint16_t port = (uint16_t)(r->ports.lo + i);
	uint64_t bytes = r->salt + 1 + i % 1000;
	bool exec = r->program != NULL && i % 2 == 1;
	struct lab_addr to = r->to;
	int status;
	long pid;

	lab_addr_set_port(&to, port);
	pid = child_new(r);
	if (pid == 0)
		child(r, &to, bytes, exec);
	if (waitpid((pid_t)pid, &status, 0) < 0)
		lab_die("waitpid");
	if (status != 0)
		lab_usage("child %llu failed: %#x", (unsigned long long)i, status);
	printf("{\"pid\":%d,\"port\":%u,\"sent\":%llu,\"executed\":%s}\n",
	       r->ids_n > 0 ? r->ids[r->ids_n - 1] : (int)pid, port, (unsigned long long)bytes,
	       exec ? "true" : "false");
}

static void turns(const struct reuse *r)
{
	int take = open(r->take, O_RDWR | O_CLOEXEC), give = open(r->give, O_RDWR | O_CLOEXEC);
	char token = '!';
	uint64_t i;

	if (take < 0 || give < 0)
		lab_die("the ring");
	if (setvbuf(stdout, NULL, _IOLBF, BUFSIZ) != 0)
		lab_die("setvbuf");
	for (i = 0; i < r->children; i++) {
		if (!(r->first && i == 0) && read(take, &token, 1) != 1)
			lab_die("take the token");
		life(r, i);
		if (write(give, &token, 1) != 1)
			lab_die("give the token");
	}
	lab_flush();
}

static void id_add(struct reuse *r, const char *option, const char *text)
{
	pid_t id = (pid_t)lab_num(option, text, 0, INT32_MAX);

	if (id != 0 && r->ids_n < sizeof(r->ids) / sizeof(r->ids[0]))
		r->ids[r->ids_n++] = id;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "take", required_argument, NULL, 't' },
		{ "give", required_argument, NULL, 'g' },
		{ "first", no_argument, NULL, 'f' },
		{ "inner", required_argument, NULL, 'i' },
		{ "pid", required_argument, NULL, 'p' },
		{ "children", required_argument, NULL, 'c' },
		{ "to", required_argument, NULL, 'o' },
		{ "program", required_argument, NULL, 'x' },
		{ "salt", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	struct reuse r = { .children = 0 };
	int c;

	if (argc == 4 && strcmp(argv[1], "send") == 0)
		return executed(argv);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			r.take = optarg;
		else if (c == 'g')
			r.give = optarg;
		else if (c == 'f')
			r.first = true;
		else if (c == 'i') /* before --pid */
			id_add(&r, "--inner", optarg);
		else if (c == 'p')
			id_add(&r, "--pid", optarg);
		else if (c == 'c')
			r.children = lab_num("--children", optarg, 1, 20000);
		else if (c == 'o')
			lab_addr_parse(optarg, false, &r.to, &r.ports);
		else if (c == 'x')
			r.program = optarg;
		else if (c == 's')
			r.salt = lab_num("--salt", optarg, 0, 2048);
	}
	if (r.take == NULL || r.give == NULL || r.to.len == 0 || r.children == 0)
		lab_usage("--take FIFO --give FIFO [--first] [--inner N] --pid P --children C "
			  "--to ADDRESS:PORT [--program PATH] [--salt S]");
	turns(&r);
	return 0;
}
