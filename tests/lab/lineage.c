/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lineage.c: starts a program in the ways by which descent is lost from sight: double fork, vfork,
 * a thread that execs, a file that has no path, a child with a smaller process id than its parent.
 * Says the process ids involved in a line of JSON, just before the exec where that can be.
 *
 * NOTE: stdout is unbuffered: a line that a fork or an exec takes along is said twice or never.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

#define GONE_MAX      8
#define GONE_WAIT_MS  10000
#define LOW_PID_TRIES 200

extern char **environ;

struct order {
	const char *as;	    /* argv[0]; NULL: the program's own path */
	char **argv;	    /* argv[0] is the path to run */
	int gone[GONE_MAX]; /* pidfds of processes that must have ended before the exec */
	size_t gone_n;
};

static void run(const struct order *o, const char *path)
{
	if (o->as != NULL)
		o->argv[0] = (char *)(uintptr_t)o->as;
	execv(path, o->argv);
	lab_die("%s", path);
}

static int pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		lab_die("pidfd_open %d", pid);
	return fd;
}

static void wait_gone(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, GONE_WAIT_MS);

	if (n == 0)
		errno = ETIMEDOUT;
	if (n <= 0)
		lab_die("wait for a parent to end");
	close(fd);
}

static void wait_all_gone(const struct order *o)
{
	size_t i;

	for (i = 0; i < o->gone_n; i++)
		wait_gone(o->gone[i]);
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		lab_die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int mode_exec(struct order *o)
{
	wait_all_gone(o);
	printf("{\"mode\":\"exec\",\"pid\":%d}\n", getpid());
	run(o, o->argv[0]);
	return 1;
}

static int mode_fork(struct order *o)
{
	pid_t self = getpid(), pid = fork();

	if (pid < 0)
		lab_die("fork");
	if (pid == 0) {
		printf("{\"mode\":\"fork\",\"self\":%d,\"child\":%d}\n", self, getpid());
		run(o, o->argv[0]);
	}
	return status_of(pid);
}

/* The second half of a daemon's start: no parent, no session, no terminal. */
static void detached(struct order *o, pid_t self, pid_t middle)
{
	wait_all_gone(o);
	printf("{\"mode\":\"detach\",\"self\":%d,\"middle\":%d,\"child\":%d,\"ppid\":%d}\n", self,
	       middle, getpid(), getppid());
	run(o, o->argv[0]);
}

/* fork, setsid, fork; both parents end before the program starts. */
static int mode_detach(struct order *o)
{
	pid_t self = getpid(), middle;
	int self_fd = pidfd(self), middle_fd;

	middle = fork();
	if (middle < 0)
		lab_die("fork");
	if (middle > 0)
		return 0;
	middle_fd = pidfd(getpid());
	if (setsid() < 0)
		lab_die("setsid");
	middle = getpid();
	switch (fork()) {
	case -1:
		lab_die("fork");
	case 0:
		wait_gone(self_fd);
		wait_gone(middle_fd);
		detached(o, self, middle);
	}
	_exit(0);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* vfork is what is to be tested */
static int mode_vfork(struct order *o)
{
	const char *path = o->argv[0];
	pid_t pid;

	if (o->as != NULL)
		o->argv[0] = (char *)(uintptr_t)o->as;
	pid = vfork();
	if (pid < 0)
		lab_die("vfork");
	if (pid == 0) {
		execv(path, o->argv);
		_exit(127);
	}
	printf("{\"mode\":\"vfork\",\"self\":%d,\"child\":%d}\n", getpid(), pid);
	return status_of(pid);
}
#pragma GCC diagnostic pop

static void *thread(void *arg)
{
	struct order *o = arg;

	printf("{\"mode\":\"thread\",\"pid\":%d,\"tid\":%d}\n", getpid(), gettid());
	run(o, o->argv[0]);
	return NULL;
}

/* The thread takes over the process: same process id, the other threads end. */
static int mode_thread(struct order *o)
{
	pthread_t t;

	if (pthread_create(&t, NULL, thread, o) != 0)
		lab_die("pthread_create");
	pthread_join(t, NULL);
	return 1;
}

static void run_fd(struct order *o, int fd)
{
	if (o->as != NULL)
		o->argv[0] = (char *)(uintptr_t)o->as;
	fexecve(fd, o->argv, environ);
	lab_die("fexecve");
}

static int mode_memfd(struct order *o)
{
	int fd = memfd_create("lineage", MFD_CLOEXEC);

	if (fd < 0)
		lab_die("memfd_create");
	lab_copy_to(fd, o->argv[0]);
	printf("{\"mode\":\"memfd\",\"pid\":%d}\n", getpid());
	run_fd(o, fd);
	return 1;
}

/* From a file whose name is gone when it is run. */
static int mode_deleted(struct order *o)
{
	char path[] = "/tmp/outflow-lineage.XXXXXX";
	int fd, ro;

	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		lab_die("%s", path);
	lab_copy_to(fd, o->argv[0]);
	if (fchmod(fd, 0700) < 0)
		lab_die("fchmod");
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (ro < 0)
		lab_die("%s", path);
	unlink(path);
	close(fd); /* a file that is open for writing is not run: ETXTBSY */
	printf("{\"mode\":\"deleted\",\"pid\":%d}\n", getpid());
	run_fd(o, ro);
	return 1;
}

/* The child is a child of this process's own parent: its brother, by the kernel's books. */
static int mode_clone_parent(struct order *o)
{
	struct clone_args a = { .flags = CLONE_PARENT | CLONE_PIDFD };
	pid_t self = getpid();
	int fd = -1;
	long pid;

	a.pidfd = (uintptr_t)&fd;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0)
		lab_die("clone3");
	if (pid == 0) {
		printf("{\"mode\":\"clone-parent\",\"self\":%d,\"child\":%d,\"ppid\":%d}\n", self,
		       getpid(), getppid());
		run(o, o->argv[0]);
	}
	wait_gone(fd);
	return 0;
}

/* As after the ids have wrapped around: the kernel hands out the next free one behind this. */
static pid_t last_pid_set(pid_t pid)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "r+e");
	int old;

	if (f == NULL || fscanf(f, "%d", &old) != 1)
		lab_die("/proc/sys/kernel/ns_last_pid");
	rewind(f);
	if (fprintf(f, "%d", pid) < 0 || fclose(f) != 0)
		lab_die("/proc/sys/kernel/ns_last_pid");
	return old;
}

/* Others fork meanwhile, so that it takes more than one try at times. */
static int mode_low_pid(struct order *o)
{
	pid_t self = getpid(), pid, old;
	int i;

	for (i = 0; i < LOW_PID_TRIES; i++) {
		old = last_pid_set(self / 2);
		pid = fork();
		if (pid > 0)
			(void)last_pid_set(old); /* nobody else is to see ids again so soon */
		if (pid < 0)
			lab_die("fork");
		if (pid == 0 && getpid() > self)
			_exit(0);
		if (pid == 0) {
			printf("{\"mode\":\"low-pid\",\"self\":%d,\"child\":%d}\n", self, getpid());
			run(o, o->argv[0]);
		}
		if (pid < self)
			return status_of(pid);
		(void)status_of(pid);
	}
	lab_die("no process id below %d", self);
}

static const struct mode {
	const char *name;
	int (*start)(struct order *o);
} modes[] = {
	{ "exec", mode_exec },	     { "fork", mode_fork },
	{ "detach", mode_detach },   { "vfork", mode_vfork },
	{ "thread", mode_thread },   { "memfd", mode_memfd },
	{ "deleted", mode_deleted }, { "clone-parent", mode_clone_parent },
	{ "low-pid", mode_low_pid },
};

static const char usage[] =
	"lineage --mode MODE [--as NAME] [--gone PID]... -- PROGRAM [ARGUMENT]...\n"
	"  modes: exec fork detach vfork thread memfd deleted clone-parent low-pid\n"
	"  --as NAME   argv[0] of the program\n"
	"  --gone PID  (exec, detach) wait until this process has ended before the exec\n";

static const struct mode *options_parse(struct order *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "as", required_argument, NULL, 'a' },
		{ "gone", required_argument, NULL, 'g' },
		{ NULL, 0, NULL, 0 },
	};
	const struct mode *mode = NULL;
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (c == 'a')
			o->as = optarg;
		else if (c == 'g' && o->gone_n < GONE_MAX)
			o->gone[o->gone_n++] =
				pidfd((pid_t)lab_num("--gone", optarg, 2, INT32_MAX));
		for (i = 0; c == 'm' && i < sizeof(modes) / sizeof(modes[0]); i++)
			if (strcmp(modes[i].name, optarg) == 0)
				mode = &modes[i];
	}
	o->argv = argv + optind;
	if (mode == NULL || o->argv[0] == NULL) {
		fputs(usage, stderr);
		exit(LAB_EXIT_USAGE);
	}
	return mode;
}

int main(int argc, char **argv)
{
	struct order o = { .as = NULL };
	const struct mode *mode = options_parse(&o, argc, argv);

	setvbuf(stdout, NULL, _IONBF, 0);
	return mode->start(&o);
}
