/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's end of the processes that hash: what it opens it closes, whatever fails. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intake/hash_helpers.h"

TestSuite(hash_helpers, .timeout = 30);

/* Which one fails, counted from 1; 0: none. */
static int spawn_fails, listen_fails;

/* A process that never says a word. */
int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fds,
		const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	(void)path;
	(void)fds;
	(void)attr;
	(void)argv;
	(void)envp;
	if (spawn_fails > 0 && --spawn_fails == 0)
		return EAGAIN;
	*pid = fork();
	while (*pid == 0)
		(void)pause();
	return *pid < 0 ? errno : 0;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *ev)
{
	if (listen_fails > 0 && --listen_fails == 0) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epfd, op, fd, ev);
}

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	cr_assert_not_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

static void begins_not(struct helpers *x, int err)
{
	int before = open_fds();

	cr_expect_eq(helpers_begin(x, 1), err);
	cr_expect_not(helpers_up(x));
	cr_expect_eq(open_fds(), before);
}

Test(hash_helpers, what_fails_leaves_nothing_open)
{
	struct helpers *x;
	int i, before = open_fds();

	cr_assert_eq(helpers_new(&x), 0);
	for (i = 1; i <= HASH_ROLES; i++) {
		spawn_fails = i;
		begins_not(x, -EAGAIN);
		listen_fails = i;
		begins_not(x, -ENOSPC);
	}
	cr_expect_eq(helpers_begin(x, 1), 0);
	cr_expect(helpers_up(x));
	helpers_free(x);
	cr_expect_eq(open_fds(), before);
}
