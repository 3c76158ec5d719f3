/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mayfly.c: many children by vfork and exec, one after the other, each with one datagram to a port
 * of its own and then at its end. A child is mayfly-child, which lies beside this: its whole life,
 * from before the vfork until it was waited for, is some hundred microseconds. With --pids FILE, a
 * line "PID PORT" is left there for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define CHILDREN_MAX 50000
#define BYTES	     100 /* as in mayfly-child.c */

struct mayfly {
	struct lab_addr to;
	struct lab_ports ports;
	uint64_t children;
	const char *pids;
	char child[PATH_MAX];
};

struct life {
	pid_t pid;
	uint32_t us;
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Makes one child and waits for its end. False: it could not be, or could not send. */
static bool live(const struct mayfly *m, uint64_t index, struct life *ret)
{
	uint64_t began;
	char addr[16], port[8];
	char *argv[] = { (char *)(uintptr_t)m->child, addr, port, NULL };
	char *env[] = { NULL };
	int status;

	snprintf(addr, sizeof(addr), "%u",
		 ((const struct sockaddr_in *)&m->to.ss)->sin_addr.s_addr);
	snprintf(port, sizeof(port), "%u", (unsigned int)(m->ports.lo + index));
	began = now_us();
	ret->pid = vfork();
	if (ret->pid == 0) {
		(void)execve(argv[0], argv, env);
		_exit(1);
	}
	if (ret->pid < 0 || waitpid(ret->pid, &status, 0) != ret->pid || status != 0)
		return false;
	ret->us = (uint32_t)(now_us() - began);
	return true;
}

static int by_length(const void *a, const void *b)
{
	const struct life *x = a, *y = b;

	return (x->us > y->us) - (x->us < y->us);
}

static void pids_write(const struct mayfly *m, const struct life *lives)
{
	FILE *f = fopen(m->pids, "we");
	uint64_t i;

	if (f == NULL)
		lab_die("%s", m->pids);
	for (i = 0; i < m->children; i++)
		fprintf(f, "%d %u\n", lives[i].pid, (unsigned int)(m->ports.lo + i));
	if (fclose(f) != 0)
		lab_die("%s", m->pids);
}

static void say(const struct mayfly *m, struct life *lives, uint64_t failed, uint64_t us)
{
	uint64_t n = m->children, i, below = 0;

	qsort(lives, n, sizeof(*lives), by_length);
	for (i = 0; i < n; i++)
		below += lives[i].us < 1000;
	printf("{\"children\":%llu,\"failed\":%llu,\"sent\":%llu,\"ms\":%llu,",
	       (unsigned long long)n, (unsigned long long)failed,
	       (unsigned long long)((n - failed) * BYTES), (unsigned long long)(us / 1000));
	printf("\"life_us\":{\"min\":%u,\"median\":%u,\"p99\":%u,\"max\":%u,\"below_1000\":%llu},"
	       "\"pid\":%d}\n",
	       lives[0].us, lives[n / 2].us, lives[n * 99 / 100].us, lives[n - 1].us,
	       (unsigned long long)below, getpid());
	lab_flush();
}

static void options_parse(struct mayfly *m, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "children", required_argument, NULL, 'c' },
		{ "pids", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &m->to, &m->ports);
		else if (o == 'c')
			m->children = lab_num("--children", optarg, 1, CHILDREN_MAX);
		else if (o == 'p')
			m->pids = optarg;
		else
			lab_usage("--to ADDRESS:PORT-PORT --children N [--pids FILE]");
	}
	if (m->to.len == 0 || m->to.ss.ss_family != AF_INET || m->children == 0 || optind < argc)
		lab_usage("--to an IPv4 address and --children are needed");
	if ((uint64_t)(m->ports.hi - m->ports.lo) + 1 < m->children)
		lab_usage("--to: too few ports to give each child its own");
}

static void child_find(struct mayfly *m)
{
	ssize_t len = readlink("/proc/self/exe", m->child, sizeof(m->child));

	while (len > 0 && m->child[len - 1] != '/')
		len--;
	if (len <= 0 || (size_t)len + sizeof("mayfly-child") > sizeof(m->child))
		lab_die("/proc/self/exe");
	memcpy(m->child + len, "mayfly-child", sizeof("mayfly-child"));
}

int main(int argc, char **argv)
{
	static struct mayfly m;
	struct life *lives;
	uint64_t i, failed = 0, began;

	options_parse(&m, argc, argv);
	child_find(&m);
	lives = calloc(m.children, sizeof(*lives));
	if (lives == NULL)
		lab_die("memory");
	began = now_us();
	for (i = 0; i < m.children; i++)
		failed += !live(&m, i, &lives[i]);
	began = now_us() - began;
	if (m.pids != NULL)
		pids_write(&m, lives);
	say(&m, lives, failed, began);
	free(lives);
	return failed > 0;
}
