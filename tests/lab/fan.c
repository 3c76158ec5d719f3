/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fan.c: few processes, many far ends. Each process sends to every far end of a range of addresses
 * and ports: over one datagram socket that is not connected, or over a connected socket for each
 * send of a round, which all stay open until the end. Each counts for itself; the parent prints one
 * line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define BYTES_MAX 1400
#define PROCS_MAX 64
#define RETRIES	  1000 /* a send that found the way full comes again, a millisecond later */

enum how { SENDTO, UDP, TCP };

struct fan {
	struct lab_addr to, from; /* IPv4; from.len 0: the kernel chooses */
	struct lab_ports ports;
	uint64_t procs, addrs, dests, rounds;
	size_t bytes;
	enum how how;
	bool wait, hold;
};

/* One process's sums, written by it alone. `done` is set last. */
struct share {
	uint64_t sent, sends, failed, sockets;
	pid_t pid;
	int err;
	bool done;
};

static struct sockaddr_in plus(const struct lab_addr *a, uint64_t n)
{
	struct sockaddr_in in = *(const struct sockaddr_in *)&a->ss;

	in.sin_addr.s_addr = htonl(ntohl(in.sin_addr.s_addr) + (uint32_t)n);
	return in;
}

/* All addresses on the first port, then all on the next; then from the start. */
static struct sockaddr_in far_end(const struct fan *f, uint64_t n)
{
	struct sockaddr_in in = plus(&f->to, n % f->addrs);
	uint64_t ports = (uint64_t)(f->ports.hi - f->ports.lo) + 1;

	in.sin_port = htons((uint16_t)(f->ports.lo + n / f->addrs % ports));
	return in;
}

static void count(const struct fan *f, struct share *s, ssize_t n)
{
	if (n > 0)
		s->sent += (uint64_t)n;
	s->sends++;
	if (n == (ssize_t)f->bytes)
		return;
	s->failed++;
	s->err = errno;
}

static void send_one(const struct fan *f, struct share *s, int fd, const struct sockaddr_in *to)
{
	static const char data[BYTES_MAX];
	socklen_t len = to != NULL ? sizeof(*to) : 0;
	ssize_t n;
	int i;

	for (i = 0; i < RETRIES; i++) {
		n = sendto(fd, data, f->bytes, MSG_NOSIGNAL, (const struct sockaddr *)to, len);
		if (n >= 0 || (errno != ENOBUFS && errno != EAGAIN && errno != EINTR))
			break;
		usleep(1000);
	}
	count(f, s, n);
}

static int socket_new(const struct fan *f, uint64_t index)
{
	int fd = socket(AF_INET, (f->how == TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	struct sockaddr_in from = plus(&f->from, index);
	int late = 1;

	if (fd < 0 || f->from.len == 0)
		return fd;
	/* The port is chosen at connect, when the far end is known: more of them fit. */
	if (f->how == TCP)
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late));
	from.sin_port = 0;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void over_one(const struct fan *f, struct share *s, uint64_t index)
{
	uint64_t round, i;
	struct sockaddr_in to;
	int fd = socket_new(f, index);

	if (fd < 0) {
		s->failed = f->dests;
		s->err = errno;
		return;
	}
	s->sockets = 1;
	for (round = 0; round < f->rounds; round++) {
		for (i = 0; i < f->dests; i++) {
			to = far_end(f, i);
			send_one(f, s, fd, &to);
		}
	}
	close(fd);
}

/* The sockets are left to the end of the process. */
static void over_many(const struct fan *f, struct share *s, uint64_t index)
{
	int *fds = calloc(f->dests, sizeof(*fds));
	uint64_t round, i;
	struct sockaddr_in to;

	if (fds == NULL)
		lab_die("memory");
	for (i = 0; i < f->dests; i++) {
		to = far_end(f, i);
		fds[i] = socket_new(f, index);
		if (fds[i] >= 0 && connect(fds[i], (struct sockaddr *)&to, sizeof(to)) == 0) {
			s->sockets++;
			continue;
		}
		s->failed++;
		s->err = errno;
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	for (round = 0; round < f->rounds; round++)
		for (i = 0; i < f->dests; i++)
			if (fds[i] >= 0)
				send_one(f, s, fds[i], NULL);
	free(fds);
}

static void work(const struct fan *f, struct share *s, uint64_t index, int gate)
{
	char c;

	s->pid = getpid();
	lab_raise_nofile();
	if (f->how == SENDTO)
		over_one(f, s, index);
	else
		over_many(f, s, index);
	__atomic_store_n(&s->done, true, __ATOMIC_RELEASE);
	/* With all it has open, until the parent closes its end. */
	while (read(gate, &c, 1) < 0 && errno == EINTR)
		;
}

static void options_read(struct fan *f, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "procs", required_argument, NULL, 'p' },
		{ "to", required_argument, NULL, 't' },
		{ "from", required_argument, NULL, 'f' },
		{ "addrs", required_argument, NULL, 'a' },
		{ "dests", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "udp", no_argument, NULL, 'u' },
		{ "tcp", no_argument, NULL, 'T' },
		{ "start-wait", no_argument, NULL, 'w' },
		{ "hold", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct lab_ports none;
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'p')
			f->procs = lab_num("--procs", optarg, 1, PROCS_MAX);
		else if (o == 't')
			lab_addr_parse(optarg, false, &f->to, &f->ports);
		else if (o == 'f')
			lab_addr_parse(optarg, false, &f->from, &none);
		else if (o == 'a')
			f->addrs = lab_num("--addrs", optarg, 1, 1 << 24);
		else if (o == 'd')
			f->dests = lab_num("--dests", optarg, 1, 1 << 24);
		else if (o == 'r')
			f->rounds = lab_num("--rounds", optarg, 1, 1 << 24);
		else if (o == 'b')
			f->bytes = (size_t)lab_num("--bytes", optarg, 1, BYTES_MAX);
		else if (o == 'u')
			f->how = UDP;
		else if (o == 'T')
			f->how = TCP;
		else if (o == 'w')
			f->wait = true;
		else if (o == 'h')
			f->hold = true;
		else
			lab_usage("--to ADDRESS:PORT-PORT [--addrs N] [--dests N] [--procs N] "
				  "[--rounds N] [--bytes N] [--udp|--tcp] [--from ADDRESS:1] "
				  "[--start-wait] [--hold]");
	}
}

static void options_parse(struct fan *f, int argc, char **argv)
{
	options_read(f, argc, argv);
	if (f->dests == 0)
		f->dests = f->addrs * ((uint64_t)(f->ports.hi - f->ports.lo) + 1);
	if (f->to.len == 0 || f->to.ss.ss_family != AF_INET || optind < argc)
		lab_usage("--to an IPv4 address is needed");
	if (f->from.len != 0 && f->from.ss.ss_family != AF_INET)
		lab_usage("--from: not an IPv4 address");
}

/* True when every child has done its work or is gone. */
static bool all_done(const struct fan *f, const struct share *s)
{
	uint64_t i;

	for (i = 0; i < f->procs; i++)
		if (!__atomic_load_n(&s[i].done, __ATOMIC_ACQUIRE) && kill(s[i].pid, 0) == 0)
			return false;
	return true;
}

static void say(const struct fan *f, const struct share *s, uint64_t ms)
{
	struct share sum = { .sent = 0 };
	uint64_t i;

	for (i = 0; i < f->procs; i++) {
		sum.sent += s[i].sent;
		sum.sends += s[i].sends;
		sum.failed += s[i].failed + !s[i].done;
		sum.sockets += s[i].sockets;
		sum.err = s[i].err != 0 ? s[i].err : sum.err;
	}
	printf("{\"sent\":%llu,\"sends\":%llu,\"failed\":%llu,\"sockets\":%llu,",
	       (unsigned long long)sum.sent, (unsigned long long)sum.sends,
	       (unsigned long long)sum.failed, (unsigned long long)sum.sockets);
	printf("\"error\":\"%s\",\"ms\":%llu,\"procs\":[", sum.err != 0 ? strerror(sum.err) : "",
	       (unsigned long long)ms);
	for (i = 0; i < f->procs; i++)
		printf("%s{\"pid\":%d,\"sent\":%llu}", i > 0 ? "," : "", s[i].pid,
		       (unsigned long long)s[i].sent);
	puts("]}");
	lab_flush();
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	struct fan f = { .procs = 1, .addrs = 1, .rounds = 1, .bytes = 100 };
	struct share *shares;
	uint64_t i, began;
	int gate[2];

	options_parse(&f, argc, argv);
	shares = mmap(NULL, PROCS_MAX * sizeof(*shares), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* The children end by themselves and leave no zombie: kill() then says that they are gone.
	 */
	if (shares == MAP_FAILED || pipe(gate) < 0 || signal(SIGCHLD, SIG_IGN) == SIG_ERR)
		lab_die("start");
	if (f.wait) {
		printf("{\"pid\":%d,\"waiting\":true}\n", getpid());
		lab_flush();
		lab_wait_line();
	}
	began = now_ms();
	for (i = 0; i < f.procs; i++) {
		shares[i].pid = fork();
		if (shares[i].pid < 0)
			lab_die("fork");
		if (shares[i].pid == 0) {
			close(gate[1]);
			work(&f, &shares[i], i, gate[0]);
			_exit(0);
		}
	}
	while (!all_done(&f, shares))
		usleep(1000);
	say(&f, shares, now_ms() - began);
	if (f.hold)
		lab_wait_line();
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
