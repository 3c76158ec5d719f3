/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c: load KIND N: does one thing N times over loopback and prints how many nanoseconds each
 * took, and how many of processor time, of both sides and of what the kernel did for them. Nothing
 * else runs in between: no allocation, no output.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE 64
#define BULK	(128 << 10) /* as iperf3 writes */

extern char **environ;

static char message[BULK];

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double usage_ns(int who)
{
	struct rusage u;

	(void)getrusage(who, &u);
	return ((double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec) * 1e9 +
	       ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) * 1e3;
}

/* With children that were waited for. */
static double processor_ns(void)
{
	return usage_ns(RUSAGE_SELF) + usage_ns(RUSAGE_CHILDREN);
}

/* Bound to loopback, at a port of the kernel's choice; its address is left in `ret`. */
static int socket_bound(int type, struct sockaddr_in *ret)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 4096) < 0)
		die("listen");
	*ret = a;
	return fd;
}

static int socket_connected(int type, const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("connect");
	return fd;
}

/* Takes connections, one after the other, and throws away what comes. */
static pid_t reader_start(int listener)
{
	static char buf[1 << 20];
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while (recv(fd, buf, sizeof(buf), MSG_TRUNC) > 0)
			;
		close(fd);
	}
	_exit(0);
}

static void reader_end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* Nobody reads: what finds the buffer full is dropped, at a price that is the same for all. */
static double udp(long n)
{
	struct sockaddr_in to;
	int far_end = socket_bound(SOCK_DGRAM, &to), fd = socket_connected(SOCK_DGRAM, &to);
	double start = now_ns();
	long i;

	for (i = 0; i < n; i++)
		if (send(fd, message, MESSAGE, 0) != MESSAGE)
			die("send");
	start = now_ns() - start;
	close(fd);
	close(far_end);
	return start;
}

static double tcp_of(long n, ssize_t size)
{
	struct sockaddr_in to;
	int listener = socket_bound(SOCK_STREAM, &to), fd;
	pid_t reader = reader_start(listener);
	double start;
	long i;

	fd = socket_connected(SOCK_STREAM, &to);
	start = now_ns();
	for (i = 0; i < n; i++)
		if (write(fd, message, (size_t)size) != size)
			die("write");
	start = now_ns() - start;
	close(fd);
	reader_end(reader);
	close(listener);
	return start;
}

static double tcp(long n)
{
	return tcp_of(n, MESSAGE);
}

static double bulk(long n)
{
	return tcp_of(n, BULK);
}

/* Reset at the end, so that ports are free again at once. */
static double churn_of(long n, const char *data)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_in to;
	int listener = socket_bound(SOCK_STREAM, &to), fd;
	pid_t reader = reader_start(listener);
	double start = now_ns();
	long i;

	for (i = 0; i < n; i++) {
		fd = socket_connected(SOCK_STREAM, &to);
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (send(fd, data, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
			die("send");
		close(fd);
	}
	start = now_ns() - start;
	reader_end(reader);
	close(listener);
	return start;
}

static double churn(long n)
{
	return churn_of(n, message);
}

/* Of as many bytes, that say a name. */
static double request(long n)
{
	static const char get[MESSAGE + 1] =
		"GET / HTTP/1.1\r\nHost: x.bench.example\r\nAccept: text/html,*/*\r\n\r\n";

	return churn_of(n, get);
}

static double spawn(long n)
{
	char *args[] = { (char *)(uintptr_t) "/bin/true", NULL };
	double start = now_ns();
	pid_t pid;
	long i;

	for (i = 0; i < n; i++) {
		if (posix_spawn(&pid, args[0], NULL, NULL, args, environ) != 0)
			die("posix_spawn");
		(void)waitpid(pid, NULL, 0);
	}
	return now_ns() - start;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		double (*run)(long n);
	} kinds[] = { { "udp", udp },	  { "tcp", tcp },	  { "bulk", bulk },
		      { "churn", churn }, { "request", request }, { "exec", spawn } };
	long n = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	double took, spent;
	size_t i;

	for (i = 0; n > 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[1]) != 0)
			continue;
		spent = processor_ns();
		took = kinds[i].run(n);
		spent = processor_ns() - spent;
		(void)printf("%.1f %.1f\n", took / (double)n, spent / (double)n);
		return 0;
	}
	(void)fputs("load udp|tcp|bulk|churn|request|exec N\n", stderr);
	return 2;
}
