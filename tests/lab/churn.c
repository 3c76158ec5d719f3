/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * churn.c: many processes with many short flows. The flows of one process go to different far ends,
 * so that each is an account of its own. Each process counts its bytes in a slot of a shared
 * mapping; the parent adds them up and prints one line of JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

#define TARGETS_MAX 16
#define BYTES_MAX   (1U << 20)

struct target {
	struct lab_addr addr;
	struct lab_ports ports;
};

struct churn {
	struct target targets[TARGETS_MAX];
	size_t targets_n;
	size_t far_ends; /* address and port pairs over all targets */
	uint64_t procs, flows, min, max, seed;
	bool udp, wait, hold;
	unsigned char *buf;
};

/* One process's sums, written by it alone. */
struct share {
	uint64_t sent, flows, failed;
};

/* xorshift64*: only to make the sizes uneven, the same for the same seed. */
static uint64_t random_next(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dULL;
}

static struct lab_addr far_end(const struct churn *c, size_t n)
{
	const struct target *t = c->targets;
	struct lab_addr a;
	size_t ports;

	for (n %= c->far_ends;; n -= ports, t++) {
		ports = (size_t)(t->ports.hi - t->ports.lo) + 1;
		if (n < ports)
			break;
	}
	a = t->addr;
	lab_addr_set_port(&a, (uint16_t)(t->ports.lo + n));
	return a;
}

/* True when all of it was taken; what was taken counts in any case. */
static bool flow(const struct churn *c, struct share *s, const struct lab_addr *to, size_t bytes)
{
	int fd = socket(to->ss.ss_family, (c->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)&to->ss, to->len) == 0) {
		while (done < bytes) {
			n = send(fd, c->buf + done, bytes - done, MSG_NOSIGNAL);
			if (n < 0 && errno != EINTR)
				break;
			done += n > 0 ? (size_t)n : 0;
		}
	}
	close(fd);
	s->sent += done;
	return done == bytes;
}

static void work(const struct churn *c, struct share *s, uint64_t index)
{
	uint64_t first = c->flows * index / c->procs;
	uint64_t end = c->flows * (index + 1) / c->procs;
	uint64_t state = (c->seed << 32) + index + 1;
	uint64_t i;

	for (i = first; i < end; i++) {
		struct lab_addr to = far_end(c, (size_t)i);
		size_t bytes = (size_t)(c->min + random_next(&state) % (c->max - c->min + 1));

		if (flow(c, s, &to, bytes))
			s->flows++;
		else
			s->failed++;
	}
}

static void targets_parse(struct churn *c, char *text, bool mapped)
{
	struct target *t;
	char *one;

	while ((one = strsep(&text, ",")) != NULL) {
		if (c->targets_n == TARGETS_MAX)
			lab_usage("--to: more than %d", TARGETS_MAX);
		t = &c->targets[c->targets_n++];
		lab_addr_parse(one, mapped, &t->addr, &t->ports);
		c->far_ends += (size_t)(t->ports.hi - t->ports.lo) + 1;
	}
}

static void options_parse(struct churn *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "procs", required_argument, NULL, 'p' },
		{ "flows", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "bytes-min", required_argument, NULL, 'a' },
		{ "bytes-max", required_argument, NULL, 'b' },
		{ "seed", required_argument, NULL, 's' },
		{ "udp", no_argument, NULL, 'u' },
		{ "start-wait", no_argument, NULL, 'w' },
		{ "hold", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'p')
			c->procs = lab_num("--procs", optarg, 1, 30000);
		else if (o == 'f')
			c->flows = lab_num("--flows", optarg, 1, 100000000);
		else if (o == 't')
			targets_parse(c, optarg, false);
		else if (o == 'a')
			c->min = lab_num("--bytes-min", optarg, 1, BYTES_MAX);
		else if (o == 'b')
			c->max = lab_num("--bytes-max", optarg, 1, BYTES_MAX);
		else if (o == 's')
			c->seed = lab_num("--seed", optarg, 0, UINT32_MAX);
		else if (o == 'u')
			c->udp = true;
		else if (o == 'w')
			c->wait = true;
		else if (o == 'h')
			c->hold = true;
		else
			lab_usage("--to ADDRESS:PORT-PORT[,...] [--procs N] [--flows N] "
				  "[--bytes-min N] [--bytes-max N] [--seed N] [--udp] "
				  "[--start-wait] [--hold]");
	}
	if (c->far_ends == 0 || c->max < c->min || optind < argc)
		lab_usage("--to is needed, and no more bytes at least than at most");
	if (c->far_ends < (c->flows + c->procs - 1) / c->procs)
		lab_usage("--to: %zu far ends are too few to give each flow of a process its own",
			  c->far_ends);
}

static uint64_t fork_all(const struct churn *c, struct share *shares)
{
	uint64_t i;
	pid_t pid;

	for (i = 0; i < c->procs; i++) {
		pid = fork();
		if (pid < 0)
			break;
		if (pid == 0) {
			work(c, &shares[i], i);
			_exit(0);
		}
	}
	return i;
}

static struct share collect(const struct churn *c, const struct share *shares, uint64_t forked)
{
	struct share sum = { .failed = (c->procs - forked) * c->flows / c->procs };
	uint64_t i, crashed = 0;
	int status;

	for (i = 0; i < forked; i++)
		if (wait(&status) < 0 || status != 0)
			crashed++;
	for (i = 0; i < forked; i++) {
		sum.sent += shares[i].sent;
		sum.flows += shares[i].flows;
		sum.failed += shares[i].failed;
	}
	if (crashed > 0)
		sum.failed += crashed;
	return sum;
}

int main(int argc, char **argv)
{
	struct churn c = { .procs = 200, .flows = 20000, .min = 100, .max = 10000 };
	struct share *shares, sum;
	size_t len;

	options_parse(&c, argc, argv);
	len = c.procs * sizeof(*shares);
	shares = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	c.buf = calloc(1, c.max);
	if (shares == MAP_FAILED || c.buf == NULL)
		lab_die("memory");
	if (c.wait) {
		printf("{\"pid\":%d,\"waiting\":true}\n", getpid());
		lab_flush();
		lab_wait_line();
	}
	sum = collect(&c, shares, fork_all(&c, shares));
	printf("{\"sent\":%llu,\"flows\":%llu,\"failed\":%llu,\"procs\":%llu,\"pid\":%d}\n",
	       (unsigned long long)sum.sent, (unsigned long long)sum.flows,
	       (unsigned long long)sum.failed, (unsigned long long)c.procs, getpid());
	lab_flush();
	if (c.hold)
		lab_wait_line();
	free(c.buf);
	munmap(shares, len);
	return sum.failed == 0 ? 0 : 1;
}
