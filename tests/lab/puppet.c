/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * puppet.c: a process that does what it is told, one line at a time, and whose children are such
 * processes, too: a test decides who forks, sends and ends, and when.
 *
 *	puppet NAME [WORD]...
 *
 * Reads its orders from the FIFO NAME.in and answers each with one line in NAME.out; both stay open
 * at whoever leads it. WORDs are for who looks at argv.
 *
 *	fork NAME [PID]		a child of that name, and with that process id. Answers with its id
 *	exec PATH [WORD]...	goes on as PATH
 *	tcp ADDRESS:PORT	opens a connection, which its children inherit
 *	send BYTES		by that connection
 *	attempt ADDRESS:PORT	tries to connect, which need not succeed, and sends nothing
 *	listen PATH		at a unix socket
 *	ask PATH		sends a byte to one that listens there
 *	wait PID		until this child has ended
 *	end			ends; there is no answer
 *
 * Each answer is "ok", perhaps with a number, or "failed: WHY".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

#define WORDS_MAX 16
#define ORDER_MAX 1024
#define SOCKET_FD 9 /* so that who is executed next knows it */

struct puppet {
	char name[256];
	int in, out;
};

static int fifo(const char *name, const char *end)
{
	char path[256];
	int fd;

	if (snprintf(path, sizeof(path), "%s.%s", name, end) >= (int)sizeof(path))
		lab_usage("'%s' is too long", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		lab_die("%s", path);
	return fd;
}

static void puppet_begin(struct puppet *p, const char *name)
{
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->in = fifo(name, "in");
	p->out = fifo(name, "out");
}

/* Not more than the line: what is behind it is for who is executed next. */
static void line_read(const struct puppet *p, char line[ORDER_MAX])
{
	size_t n = 0;

	while (n < ORDER_MAX - 1) {
		if (read(p->in, line + n, 1) != 1)
			lab_die("read an order");
		if (line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
}

static void answer(const struct puppet *p, long number)
{
	if (number < 0)
		dprintf(p->out, "failed: %s\n", strerror(errno));
	else
		dprintf(p->out, "ok %ld\n", number);
}

static void order_fork(struct puppet *p, char **word, size_t n)
{
	struct clone_args a = { .exit_signal = SIGCHLD };
	pid_t wanted;
	long pid;

	if (n > 2) {
		wanted = (pid_t)lab_num("PID", word[2], 2, INT32_MAX);
		a.set_tid = (uintptr_t)&wanted;
		a.set_tid_size = 1;
	}
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid == 0) {
		close(p->in);
		close(p->out);
		puppet_begin(p, word[1]);
		return;
	}
	answer(p, pid);
}

static void order_exec(struct puppet *p, char **word, size_t n)
{
	char *argv[WORDS_MAX + 1] = { word[1], p->name };
	size_t i;

	for (i = 2; i < n; i++)
		argv[i] = word[i];
	answer(p, 0); /* the next order waits for who comes then */
	execv(word[1], argv);
	lab_die("%s", word[1]);
}

static int tcp_open(const char *to, struct lab_addr *ret)
{
	struct lab_ports ports;

	lab_addr_parse(to, false, ret, &ports);
	return socket(ret->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long order_tcp(const char *to)
{
	struct lab_addr addr;
	int fd = tcp_open(to, &addr);

	if (fd < 0 || dup2(fd, SOCKET_FD) < 0 || close(fd) < 0)
		return -1;
	return connect(SOCKET_FD, (struct sockaddr *)&addr.ss, addr.len);
}

static long order_send(const char *bytes)
{
	static const char data[16384];
	uint64_t left = lab_num("BYTES", bytes, 1, UINT32_MAX), all = left;
	ssize_t n;

	for (; left > 0; left -= (uint64_t)n) {
		n = send(SOCKET_FD, data, left < sizeof(data) ? left : sizeof(data), MSG_NOSIGNAL);
		if (n < 0)
			return -1;
	}
	return (long)all;
}

static long order_attempt(const char *to)
{
	struct lab_addr addr;
	int fd = tcp_open(to, &addr);

	if (fd < 0)
		return -1;
	(void)connect(fd, (struct sockaddr *)&addr.ss, addr.len);
	return close(fd);
}

static int unix_open(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		lab_usage("%s: too long for a socket", path);
	memcpy(ret->sun_path, path, strlen(path));
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long order_listen(const char *path)
{
	struct sockaddr_un un;
	int fd = unix_open(path, &un);

	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -1;
	return listen(fd, 8); /* until it ends */
}

static long order_ask(const char *path)
{
	struct sockaddr_un un;
	int fd = unix_open(path, &un);

	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -1;
	return send(fd, "!", 1, MSG_NOSIGNAL);
}

static long order_wait(const char *pid)
{
	int status;

	if (waitpid((pid_t)lab_num("PID", pid, 2, INT32_MAX), &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void obey(struct puppet *p, char **word, size_t n)
{
	const char *order = word[0], *what = n > 1 ? word[1] : "";

	if (strcmp(order, "end") == 0)
		_exit(0);
	else if (strcmp(order, "fork") == 0 && n > 1)
		order_fork(p, word, n);
	else if (strcmp(order, "exec") == 0 && n > 1)
		order_exec(p, word, n);
	else if (strcmp(order, "tcp") == 0)
		answer(p, order_tcp(what));
	else if (strcmp(order, "send") == 0)
		answer(p, order_send(what));
	else if (strcmp(order, "attempt") == 0)
		answer(p, order_attempt(what));
	else if (strcmp(order, "listen") == 0)
		answer(p, order_listen(what));
	else if (strcmp(order, "ask") == 0)
		answer(p, order_ask(what));
	else if (strcmp(order, "wait") == 0)
		answer(p, order_wait(what));
	else
		lab_usage("there is no order '%s'", order);
}

int main(int argc, char **argv)
{
	char line[ORDER_MAX], *word[WORDS_MAX], *rest;
	struct puppet p;
	size_t n;

	if (argc < 2)
		lab_usage("puppet NAME [WORD]...");
	puppet_begin(&p, argv[1]);
	for (;;) {
		line_read(&p, line);
		rest = line;
		for (n = 0; n < WORDS_MAX && rest != NULL; n++)
			word[n] = strsep(&rest, " ");
		obey(&p, word, n);
	}
}
