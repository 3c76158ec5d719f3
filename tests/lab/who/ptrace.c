/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace.c: a process is made to send by another one: its next system call becomes a send. It pays,
 * for it is the one whose socket and memory are used; who made it do so is not in its lineage.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "who.h"

#ifdef __x86_64__

static char chunk[16384]; /* at the same place in both processes */

static void regs(pid_t pid, struct user_regs_struct *r, int request)
{
	struct iovec iov = { .iov_base = r, .iov_len = sizeof(*r) };

	if (ptrace(request, pid, NT_PRSTATUS, &iov) < 0)
		lab_die("registers");
}

/* To the next entry of a system call, or its end. */
static void step(pid_t pid)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) < 0)
		lab_die("PTRACE_SYSCALL");
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
		lab_usage("the traced process did not stop at a system call: %#x", status);
}

/* Runs it up to a getppid, and makes a send of that. Returns what the send did. */
static uint64_t inject(pid_t pid, int fd, uint64_t n)
{
	struct user_regs_struct r;

	do {
		step(pid);
		regs(pid, &r, PTRACE_GETREGSET);
		if (r.orig_rax != SYS_getppid)
			step(pid);
	} while (r.orig_rax != SYS_getppid);
	r.orig_rax = SYS_sendto;
	r.rdi = (unsigned int)fd;
	r.rsi = (uintptr_t)chunk;
	r.rdx = n < sizeof(chunk) ? n : sizeof(chunk);
	r.r10 = MSG_NOSIGNAL;
	r.r8 = r.r9 = 0;
	regs(pid, &r, PTRACE_SETREGSET);
	step(pid);
	regs(pid, &r, PTRACE_GETREGSET);
	errno = (long long)r.rax < 0 ? (int)-(long long)r.rax : 0;
	if ((long long)r.rax < 0)
		lab_die("the send that was made of getppid");
	return r.rax;
}

int who_ptrace(struct who *w)
{
	struct maker me = { getpid(), "who" };
	int status, fd = who_connect(w);
	uint64_t sent = 0;
	pid_t pid = who_fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		for (;;)
			(void)syscall(SYS_getppid);
	}
	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return who_skip(w, "PTRACE_TRACEME");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		lab_die("PTRACE_SETOPTIONS");
	while (sent < w->bytes)
		sent += inject(pid, fd, w->bytes - sent);
	who_claim_child(w, pid, sent, me);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 0;
}

/* Waits until it is taken hold of, in the one call that is made a send. */
static pid_t victim_new(void)
{
	pid_t pid = who_fork();

	if (pid == 0)
		for (;;)
			(void)syscall(SYS_getppid);
	return pid;
}

/* Its brother is made to send: who holds it is its parent as far as the kernel's signals go, and
 * none of its ancestors. Ends with what was sent in `tell`. */
static void tracer_run(const struct who *w, pid_t victim, int fd, int tell)
{
	uint64_t sent = 0;
	int status;

	if (ptrace(PTRACE_ATTACH, victim, NULL, NULL) < 0)
		_exit(LAB_EXIT_SKIP);
	if (waitpid(victim, &status, __WALL) < 0 || !WIFSTOPPED(status))
		lab_die("PTRACE_ATTACH");
	if (ptrace(PTRACE_SETOPTIONS, victim, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0)
		lab_die("PTRACE_SETOPTIONS");
	while (sent < w->bytes)
		sent += inject(victim, fd, w->bytes - sent);
	if (write(tell, &sent, sizeof(sent)) != sizeof(sent))
		lab_die("tell");
	_exit(0);
}

int who_ptrace_other(struct who *w)
{
	struct maker me = { getpid(), "who" };
	int status, tell[2], fd = who_connect(w);
	pid_t victim = victim_new(), tracer;
	uint64_t sent = 0;

	if (pipe(tell) < 0)
		lab_die("pipe");
	tracer = who_fork();
	if (tracer == 0)
		tracer_run(w, victim, fd, tell[1]);
	if (waitpid(tracer, &status, 0) < 0)
		lab_die("waitpid");
	kill(victim, SIGKILL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == LAB_EXIT_SKIP)
		return lab_skip(w->way, "PTRACE_ATTACH is not allowed");
	if (read(tell[0], &sent, sizeof(sent)) != sizeof(sent))
		lab_usage("the tracer ended with %#x", status);
	(void)waitpid(victim, &status, 0);
	who_claim_child(w, victim, sent, me);
	return 0;
}

#else

int who_ptrace(struct who *w)
{
	return lab_skip(w->way, "written for the registers of x86_64");
}

int who_ptrace_other(struct who *w)
{
	return lab_skip(w->way, "written for the registers of x86_64");
}

#endif
