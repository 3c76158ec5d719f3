/* SPDX-License-Identifier: BSD-2-Clause */
/* self.c: what every way of who needs: a socket, a send, a child, a claim. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "who.h"

extern char **environ;

static char chunk[16384];

int who_connect(const struct who *w)
{
	int fd = socket(w->to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&w->to.ss, w->to.len) < 0)
		lab_die("connect");
	return fd;
}

uint64_t who_send(int fd, uint64_t n)
{
	uint64_t sent = 0;
	ssize_t m;

	while (sent < n) {
		m = send(fd, chunk, n - sent < sizeof(chunk) ? n - sent : sizeof(chunk), 0);
		if (m < 0)
			lab_die("send");
		sent += (uint64_t)m;
	}
	return sent;
}

void who_claim(const struct who *w, const struct lab_chain *chain, const char *name, pid_t pid,
	       uint64_t sent, struct maker maker)
{
	struct lab_chain all = *chain;

	lab_chain_add(&all, name, pid);
	lab_post(&(struct lab_post){
		.way = w->way,
		.sent = sent,
		.pid = pid,
		.name = name,
		.chain = &all,
		.creator = maker.pid,
		.creator_name = maker.name,
	});
}

void who_claim_child(const struct who *w, pid_t pid, uint64_t sent, struct maker maker)
{
	who_claim(w, &w->chain, "who", pid, sent, maker);
}

pid_t who_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		lab_die("fork");
	return pid;
}

void who_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			lab_die("waitpid");
	if (WIFSIGNALED(status))
		lab_usage("child %d: ended by signal %d", pid, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		exit(WEXITSTATUS(status));
}

static void set_maker(struct maker m)
{
	char text[16];

	if (m.pid == 0)
		return;
	snprintf(text, sizeof(text), "%d", m.pid);
	setenv("LAB_MAKER", text, 1);
	setenv("LAB_MAKER_NAME", m.name, 1);
}

void who_become(const struct who *w, const struct lab_chain *chain, const struct payer *p)
{
	char bytes[24], fd[16];
	char *argv[] = { (char *)(uintptr_t)(p->as != NULL ? p->as : "payer"),
			 "--way",
			 (char *)(uintptr_t)w->way,
			 "--bytes",
			 bytes,
			 p->fd < 0 ? "--to" : "--fd",
			 p->fd < 0 ? (char *)(uintptr_t)w->to_text : fd,
			 NULL };

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)p->bytes);
	snprintf(fd, sizeof(fd), "%d", p->fd);
	if (p->fd >= 0 && fcntl(p->fd, F_SETFD, 0) < 0)
		lab_die("fcntl");
	setenv("LAB_CHAIN", chain->text, 1);
	if (p->name != NULL)
		setenv("LAB_NAME", p->name, 1);
	set_maker(p->maker);
	if (p->path != NULL)
		execv(p->path, argv);
	else
		fexecve(p->exe, argv, environ);
	lab_die("exec of the payer");
}

int who_skip(const struct who *w, const char *call)
{
	char why[160];

	snprintf(why, sizeof(why), "%s: %s", call, strerror(errno));
	return lab_skip(w->way, why);
}
