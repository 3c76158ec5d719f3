/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deputy.c: a mock of dockerd and its like, and of who asks them: it binds a socket, and does for
 * whoever connects what one line says. It knows nothing of HTTP, images or containers; what it has
 * in common with the real ones is who connects, who forks and who sends.
 *
 *	deputy --serve PATH [--pass PATH] [--to ADDRESS:PORT --bytes N] [-- COMMAND...]
 *	deputy --activate PATH -- COMMAND...
 *	deputy --ask PATH WORD...
 *
 * --serve  prints "ready PID", then answers each line with "done":
 *	run	starts COMMAND as a daemon: forked, in a session of its own, forked again
 *	send	sends N bytes of TCP itself
 *	pass	asks the deputy at the other PATH to run
 *	ping	nothing
 * --activate  binds PATH and hands it, listening, to COMMAND as descriptor 3, which `--serve -`
 *	takes; itself it waits for COMMAND to end, as systemd does
 * --ask  prints its pid, asks, and waits for the answer; one word after the other by one socket
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

#define HANDED_FD 3

struct deputy {
	const char *pass;
	struct lab_addr to;
	uint64_t bytes;
	char **command; /* NULL: none */
};

static int unix_open(const char *path, struct sockaddr_un *ret)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		lab_usage("%s: too long for a socket", path);
	memcpy(ret->sun_path, path, strlen(path));
	if (fd < 0)
		lab_die("socket");
	return fd;
}

static int unix_listen(const char *path)
{
	struct sockaddr_un un;
	int fd = unix_open(path, &un);

	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, 8) < 0)
		lab_die("%s", path);
	return fd;
}

static void ask(const char *path, char **words)
{
	struct sockaddr_un un;
	char line[32];
	int fd = unix_open(path, &un);

	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		lab_die("%s", path);
	for (; *words != NULL; words++) {
		(void)snprintf(line, sizeof(line), "%s\n", *words);
		if (write(fd, line, strlen(line)) < 0 || read(fd, line, sizeof(line)) <= 0)
			lab_die("%s: no answer", path);
	}
	(void)close(fd);
}

static void run(const struct deputy *d)
{
	pid_t pid = fork();

	if (pid < 0)
		lab_die("fork");
	if (pid > 0) {
		(void)waitpid(pid, NULL, 0);
		return;
	}
	if (setsid() < 0)
		lab_die("setsid");
	pid = fork();
	if (pid < 0)
		lab_die("fork");
	if (pid > 0)
		_exit(0);
	(void)execv(d->command[0], d->command);
	lab_die("%s", d->command[0]);
}

static void send_bytes(const struct deputy *d)
{
	int fd = socket(d->to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const char zeros[4096];
	uint64_t left;
	ssize_t n;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&d->to.ss, d->to.len) < 0)
		lab_die("connect");
	for (left = d->bytes; left > 0; left -= (uint64_t)n) {
		n = write(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros));
		if (n <= 0)
			lab_die("write");
	}
	(void)close(fd);
}

static void serve_one(const struct deputy *d, int fd)
{
	char line[32], *run_word[] = { (char[]){ "run" }, NULL };
	ssize_t n;

	/* Who asks waits for each answer: a read brings one line. */
	while ((n = read(fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, "run") == 0 && d->command != NULL)
			run(d);
		else if (strcmp(line, "send") == 0)
			send_bytes(d);
		else if (strcmp(line, "pass") == 0 && d->pass != NULL)
			ask(d->pass, run_word);
		if (write(fd, "done\n", 5) < 0)
			break;
	}
	(void)close(fd);
}

__attribute__((noreturn)) static void serve(const struct deputy *d, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? HANDED_FD : unix_listen(path), client;

	(void)printf("ready %d\n", (int)getpid());
	lab_flush();
	for (;;) {
		client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0)
			lab_die("accept");
		serve_one(d, client);
	}
}

static int activate(const char *path, char **command)
{
	int fd = unix_listen(path), status;
	pid_t pid = fork();

	if (pid < 0)
		lab_die("fork");
	if (pid == 0) {
		if (fd != HANDED_FD && dup2(fd, HANDED_FD) < 0)
			lab_die("dup2");
		if (fd == HANDED_FD)
			lab_usage(
				"descriptor 3 must be open"); /* dup2() clears its flag only then */
		(void)execv(command[0], command);
		lab_die("%s", command[0]);
	}
	(void)close(fd);
	return waitpid(pid, &status, 0) < 0 || status != 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "serve", required_argument, NULL, 's' },
		{ "activate", required_argument, NULL, 'a' },
		{ "ask", required_argument, NULL, 'q' },
		{ "pass", required_argument, NULL, 'p' },
		{ "to", required_argument, NULL, 't' },
		{ "bytes", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	const char *path = NULL;
	struct deputy d = { .pass = NULL };
	struct lab_ports ports;
	int c, what = 0;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 's' || c == 'a' || c == 'q') {
			what = c;
			path = optarg;
		} else if (c == 'p') {
			d.pass = optarg;
		} else if (c == 't') {
			lab_addr_parse(optarg, false, &d.to, &ports);
		} else if (c == 'b') {
			d.bytes = lab_num("--bytes", optarg, 1, UINT32_MAX);
		} else {
			lab_usage("--serve, --activate or --ask PATH");
		}
	}
	if (optind < argc)
		d.command = argv + optind;
	if (what == 's')
		serve(&d, path);
	if (what == 0 || d.command == NULL)
		lab_usage("--serve, --activate or --ask PATH");
	if (what == 'a')
		return activate(path, d.command);
	(void)printf("%d\n", (int)getpid());
	lab_flush();
	ask(path, d.command);
	return 0;
}
