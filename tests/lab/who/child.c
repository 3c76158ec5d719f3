/* SPDX-License-Identifier: BSD-2-Clause */
/* child.c: children of all kinds, and what becomes of them when their parents end. */
#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "who.h"

#define WAIT_MS 60000

static const struct maker nobody;

int who_fork_child(struct who *w)
{
	struct maker me = { getpid(), "who" };
	int fd = who_connect(w);
	pid_t pid = who_fork();

	if (pid == 0) {
		who_claim_child(w, getpid(), who_send(fd, w->bytes), me);
		_exit(0);
	}
	who_wait(pid);
	return 0;
}

int who_fork_both(struct who *w)
{
	struct maker me = { getpid(), "who" };
	uint64_t half = w->bytes / 2;
	int fd = who_connect(w);
	struct lab_post mine = { .way = w->way, .pid = getpid(), .chain = &w->chain };
	pid_t pid = who_fork();

	if (pid == 0) {
		who_claim_child(w, getpid(), who_send(fd, half), me);
		_exit(0);
	}
	mine.sent = who_send(fd, w->bytes - half);
	lab_post(&mine);
	who_wait(pid);
	return 0;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* vfork is what is to be tested */

/* The child has its parent's memory, and says nothing itself. */
int who_vfork(struct who *w)
{
	struct maker me = { getpid(), "who" };
	static volatile uint64_t sent;
	int fd = who_connect(w);
	pid_t pid = vfork();

	if (pid < 0)
		lab_die("vfork");
	if (pid == 0) {
		sent = who_send(fd, w->bytes);
		_exit(0);
	}
	who_wait(pid);
	who_claim_child(w, pid, sent, me);
	return 0;
}

int who_vfork_exec(struct who *w)
{
	struct payer p = { .path = w->payer, .fd = -1, .bytes = w->bytes };
	pid_t pid = vfork();

	if (pid < 0)
		lab_die("vfork");
	if (pid == 0)
		who_become(w, &w->chain, &p);
	who_wait(pid);
	return 0;
}
#pragma GCC diagnostic pop

/* Until the process that a pidfd stands for has ended. */
static void wait_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, WAIT_MS);

	if (n == 0)
		errno = ETIMEDOUT;
	if (n <= 0)
		lab_die("wait for a parent to end");
}

static int pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		lab_die("pidfd_open");
	return fd;
}

/* A child that lives on when its parent, `middle`, has ended; who waits at the pipe for it. */
static int outlive(struct who *w, bool session, bool program)
{
	struct payer p = { .path = w->payer, .fd = -1, .bytes = w->bytes };
	int done[2], middle_fd;
	pid_t middle;
	char c;

	/* Not closed on exec: it is closed when all that have it have ended. */
	if (pipe(done) < 0)
		lab_die("pipe");
	middle = who_fork();
	if (middle == 0) {
		if (session && setsid() < 0)
			lab_die("setsid");
		middle = getpid();
		lab_chain_add(&w->chain, "who", middle);
		middle_fd = pidfd(middle);
		close(done[0]);
		if (who_fork() > 0)
			_exit(0);
		wait_gone(middle_fd);
		if (program)
			who_become(w, &w->chain, &p);
		who_claim_child(w, getpid(), who_send(who_connect(w), w->bytes), nobody);
		_exit(0);
	}
	close(done[1]);
	who_wait(middle);
	while (read(done[0], &c, 1) > 0)
		;
	/* The orphans of a subreaper. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return 0;
}

int who_detach(struct who *w)
{
	return outlive(w, true, true);
}

int who_orphan(struct who *w)
{
	return outlive(w, false, false);
}

int who_subreaper(struct who *w)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return who_skip(w, "PR_SET_CHILD_SUBREAPER");
	return outlive(w, false, false);
}

/* The first child makes a second one that is not its own, but ours. */
int who_clone_parent(struct who *w)
{
	struct clone_args a = { .flags = CLONE_PARENT, .exit_signal = 0 };
	pid_t first = who_fork();
	long second;
	int status;

	if (first == 0) {
		lab_chain_add(&w->chain, "who", getpid());
		second = syscall(SYS_clone3, &a, sizeof(a));
		if (second < 0)
			_exit(who_skip(w, "clone3(CLONE_PARENT)"));
		if (second > 0)
			_exit(0);
		who_claim_child(w, (pid_t)syscall(SYS_getpid), who_send(who_connect(w), w->bytes),
				nobody);
		_exit(0);
	}
	who_wait(first);
	if (waitpid(-1, &status, __WALL) < 0 || status != 0)
		lab_die("the second child");
	return 0;
}

/* The number that a process had goes to another one. */
int who_pid_reuse(struct who *w)
{
	struct payer p = { .path = w->payer, .fd = -1, .bytes = w->bytes - w->bytes / 2 };
	pid_t pid = who_fork();
	struct clone_args a = { .exit_signal = SIGCHLD, .set_tid_size = 1 };
	long again;

	if (pid == 0) {
		who_claim_child(w, getpid(), who_send(who_connect(w), w->bytes / 2), nobody);
		_exit(0);
	}
	who_wait(pid);
	a.set_tid = (uintptr_t)&pid;
	again = syscall(SYS_clone3, &a, sizeof(a));
	if (again < 0)
		return who_skip(w, "clone3(set_tid)");
	if (again == 0)
		who_become(w, &w->chain, &p);
	who_wait((pid_t)again);
	return 0;
}
