/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/poison.h"

#define FDS_HIGH 64 /* the children's own numbers are below */

int child_fd_high(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FDS_HIGH);

	return high < 0 ? -errno : high;
}

int child_pair(int ret[2])
{
	int fds[2], i;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	for (i = 0; i < 2; i++) {
		ret[i] = child_fd_high(fds[i]);
		(void)close(fds[i]);
	}
	return ret[0] < 0 || ret[1] < 0 ? -EMFILE : 0;
}

/* Signals as at the start of a program; what a terminal sends is for the daemon alone. */
static int attr_set(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int err;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	err = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						     POSIX_SPAWN_SETPGROUP);
	if (err == 0)
		err = posix_spawnattr_setsigmask(attr, &none);
	if (err == 0)
		err = posix_spawnattr_setsigdefault(attr, &all);
	return err;
}

int child_spawn(char *name, char *arg, const int *fds, int n, pid_t *ret)
{
	char parent[16], *argv[] = { name, arg, parent, NULL }, *envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int i, err = 0;

	(void)snprintf(parent, sizeof(parent), "%d", (int)getpid());
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawnattr_init(&attr);
	for (i = 0; i < n && err == 0; i++)
		err = posix_spawn_file_actions_adddup2(&actions, fds[i], CHILD_FD_FIRST + i);
	if (err == 0)
		err = attr_set(&attr);
	if (err == 0)
		err = posix_spawn(ret, "/proc/self/exe", &actions, &attr, argv, envp);
	if (err != 0)
		*ret = 0;
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return -err;
}
