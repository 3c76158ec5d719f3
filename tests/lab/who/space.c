/* SPDX-License-Identifier: BSD-2-Clause */
/* space.c: other users, other namespaces, another root. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "who.h"

#define NOBODY 65534

static const struct maker nobody;

int who_setuid(struct who *w)
{
	pid_t pid = who_fork();

	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			lab_die("setuid");
		who_claim_child(w, getpid(), who_send(who_connect(w), w->bytes), nobody);
		_exit(0);
	}
	who_wait(pid);
	return 0;
}

/* A child that sends over `fd`, or with -1 over a socket of its own, and does not know its number:
 * the parent claims. */
static int child_sends(struct who *w, int fd, struct maker maker)
{
	pid_t pid = who_fork();

	if (pid == 0) {
		who_send(fd < 0 ? who_connect(w) : fd, w->bytes);
		_exit(0);
	}
	who_wait(pid);
	who_claim_child(w, pid, w->bytes, maker);
	return 0;
}

int who_pid_namespace(struct who *w)
{
	if (unshare(CLONE_NEWPID) < 0)
		return who_skip(w, "unshare(CLONE_NEWPID)");
	return child_sends(w, -1, nobody);
}

/* The socket stays in the namespace it was made in. */
int who_net_namespace(struct who *w)
{
	struct lab_post mine = { .way = w->way, .pid = getpid(), .chain = &w->chain };
	int fd = who_connect(w);

	if (unshare(CLONE_NEWNET) < 0)
		return who_skip(w, "unshare(CLONE_NEWNET)");
	mine.sent = who_send(fd, w->bytes);
	lab_post(&mine);
	return 0;
}

/* At home in a namespace without a way out; goes to another one only to make the socket. */
int who_net_borrowed(struct who *w)
{
	struct lab_post mine = { .way = w->way, .pid = getpid(), .chain = &w->chain };
	int fd, home, with_wire = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (with_wire < 0)
		lab_die("/proc/self/ns/net");
	if (unshare(CLONE_NEWNET) < 0)
		return who_skip(w, "unshare(CLONE_NEWNET)");
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || setns(with_wire, CLONE_NEWNET) < 0)
		lab_die("setns");
	fd = who_connect(w);
	if (setns(home, CLONE_NEWNET) < 0)
		lab_die("setns");
	mine.sent = who_send(fd, w->bytes);
	lab_post(&mine);
	return 0;
}

int who_user_namespace(struct who *w)
{
	struct lab_post mine = { .way = w->way, .pid = getpid(), .chain = &w->chain };

	if (unshare(CLONE_NEWUSER) < 0)
		return who_skip(w, "unshare(CLONE_NEWUSER)");
	mine.sent = who_send(who_connect(w), w->bytes);
	lab_post(&mine);
	return 0;
}

/* An empty file system becomes the root; nothing of the old one is left in sight. */
static int other_root(const char *path)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", path, "tmpfs", 0, NULL) < 0 || chdir(path) < 0)
		return -1;
	/* The root of an initramfs cannot be exchanged: there a chroot does it. */
	if (syscall(SYS_pivot_root, ".", ".") == 0)
		return umount2(".", MNT_DETACH);
	return chroot(".");
}

static int enter(struct who *w, const char *path, int fd, struct maker maker, int more)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP |
		    more) < 0)
		return who_skip(w, "unshare");
	if (other_root(path) < 0)
		return who_skip(w, "another root");
	return child_sends(w, fd, maker);
}

/* In a child, so that who made the folder can still reach it. */
static int contain(struct who *w, int fd, struct maker maker, int more)
{
	char path[] = "/tmp/outflow-root.XXXXXX";
	pid_t pid;
	int status;

	if (mkdtemp(path) == NULL)
		lab_die("%s", path);
	pid = who_fork();
	if (pid == 0) {
		lab_chain_add(&w->chain, "who", getpid());
		_exit(enter(w, path, fd, maker, more));
	}
	if (waitpid(pid, &status, 0) < 0)
		lab_die("waitpid");
	rmdir(path);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* All that a container has but a network of its own. */
int who_container(struct who *w)
{
	return contain(w, -1, nobody, 0);
}

/* With a network of its own, which leads nowhere; the socket was there before. */
int who_container_socket(struct who *w)
{
	struct maker me = { getpid(), "who" };

	return contain(w, who_connect(w), me, CLONE_NEWNET);
}
