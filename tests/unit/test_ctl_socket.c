/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl_socket.c: the control socket's place, and clients that mean no good. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_world.h"

TestSuite(ctl_socket, .init = world_start, .fini = world_stop, .timeout = 30);

/* ---- Suspicion ---- */

Test(ctl_socket, nonsense_is_answered_with_an_error)
{
	static const struct {
		uint16_t verb, len;
		const char *error;
	} cases[] = {
		{ 0, 4, "no such verb; are outflow and outflowd of one version?" },
		{ CTL_VERB_MAX, 4, "no such verb; are outflow and outflowd of one version?" },
		{ 0xffff, 0xffff, "no such verb; are outflow and outflowd of one version?" },
		{ CTL_FLOWS, 0, "the length of the request is wrong" },
		{ CTL_FLOWS, 3, "the length of the request is wrong" },
		{ CTL_FLOWS, 5, "the length of the request is wrong" },
		{ CTL_FLOWS, 0xffff, "the length of the request is wrong" },
	};
	char want[128];
	size_t i;
	int fd;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fd = dial();
		put(fd, cases[i].verb, cases[i].len);
		(void)snprintf(want, sizeof(want), "{\"error\":\"%s\"}\n\n", cases[i].error);
		cr_expect_str_eq(take(fd), want, "case %zu", i);
		cr_expect_eq(ctl_stats(ctl).bad, i + 1);
	}
	cr_expect_eq(mock.looks, 0);
	cr_expect_eq(ctl_stats(ctl).clients, 0);
}

Test(ctl_socket, garbage)
{
	static char garbage[100000];
	int fd = dial();

	memset(garbage, 'A', sizeof(garbage));
	cr_assert_gt(send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL | MSG_DONTWAIT), 0);
	cr_expect_str_eq(take(fd), "{\"error\":\"no such verb; are outflow and outflowd of one "
				   "version?\"}\n\n");
	cr_expect_str_eq(ask(CTL_ALERTS), "\n");
}

Test(ctl_socket, a_request_in_pieces)
{
	struct ctl_req req = { .verb = CTL_ALERTS, .len = sizeof(req) };
	int fd = dial();
	size_t i;

	for (i = 0; i < sizeof(req); i++) {
		cr_assert_eq(send(fd, (char *)&req + i, 1, 0), 1);
		pump();
	}
	cr_expect_str_eq(take(fd), "\n");
}

Test(ctl_socket, half_a_request_then_close)
{
	int fd = dial();

	cr_assert_eq(send(fd, "\3", 1, 0), 1);
	pump();
	cr_expect_eq(ctl_stats(ctl).clients, 1);
	(void)close(fd);
	pump();
	cr_expect_eq(ctl_stats(ctl).clients, 0);
	cr_expect_eq(ctl_stats(ctl).dropped, 1);
	cr_expect_str_eq(ask(CTL_ALERTS), "\n");
}

Test(ctl_socket, a_request_then_no_more_sending)
{
	int fd = dial();

	put(fd, CTL_ALERTS, 4);
	(void)shutdown(fd, SHUT_WR);
	cr_expect_str_eq(take(fd), "\n");
	cr_expect_eq(ctl_stats(ctl).answers, 1);
}

Test(ctl_socket, gone_in_the_middle_of_an_answer)
{
	int fd = dial();

	mock.accounts_times = 4000;
	put(fd, CTL_FLOWS, 4);
	pump();
	(void)close(fd);
	pump();
	cr_expect_eq(ctl_stats(ctl).clients, 0);
	cr_expect_eq(ctl_stats(ctl).dropped, 1);
}

Test(ctl_socket, who_does_not_read_delays_nobody)
{
	int fd[8];
	size_t i;

	mock.accounts_times = 4000;
	for (i = 0; i < 8; i++) {
		fd[i] = dial();
		put(fd[i], CTL_FLOWS, 4);
	}
	pump();
	cr_expect_eq(ctl_stats(ctl).clients, 8);
	cr_expect_gt(ctl_memory(ctl), 0);
	cr_expect_leq(ctl_memory(ctl), 8 * (CTL_OUT_MAX + 1));
	mock.accounts_times = 1;
	cr_expect_str_eq(ask(CTL_ALERTS), "\n");
	for (i = 0; i < CTL_IDLE_TICKS; i++)
		ctl_tick(ctl);
	cr_expect_eq(ctl_stats(ctl).clients, 8);
	ctl_tick(ctl);
	cr_expect_eq(ctl_stats(ctl).clients, 0);
	cr_expect_eq(ctl_stats(ctl).dropped, 8);
	cr_expect_eq(ctl_memory(ctl), 0);
	cr_expect_null(strstr(take(fd[0]), "\n\n"), "what was cut off has no end mark");
}

Test(ctl_socket, who_drips_is_let_go_too)
{
	int fd = dial();
	char c[64];
	size_t i;

	mock.accounts_times = 4000;
	put(fd, CTL_FLOWS, 4);
	pump();
	for (i = 0; i < CTL_AGE_TICKS; i++) {
		(void)!recv(fd, c, sizeof(c), MSG_DONTWAIT);
		if (i % 20 == 0) { /* a whole kernel buffer, so that the daemon can go on */
			while (recv(fd, c, sizeof(c), MSG_DONTWAIT) > 0)
				;
			pump();
		}
		ctl_tick(ctl);
	}
	cr_expect_eq(ctl_stats(ctl).clients, 1);
	ctl_tick(ctl);
	cr_expect_eq(ctl_stats(ctl).clients, 0);
	(void)close(fd);
}

Test(ctl_socket, twenty_clients_at_once)
{
	int fd[20];
	size_t i;

	for (i = 0; i < 20; i++) {
		fd[i] = dial();
		cr_assert_geq(fd[i], 0);
		pump();
	}
	cr_expect_eq(ctl_stats(ctl).clients, CTL_CLIENTS_MAX);
	for (i = 0; i < 20; i++) /* the last four wait until others have left */
		put(fd[i], CTL_ALERTS, 4);
	for (i = 20; i-- > 0;)
		cr_expect_str_eq(take(fd[i]), "\n", "client %zu", i);
	cr_expect_eq(ctl_stats(ctl).answers, 20);
	cr_expect_eq(ctl_stats(ctl).clients, 0);
}

/* ---- The socket ---- */

Test(ctl_socket, mode_and_group)
{
	const struct group *gr = getgrnam(CTL_GROUP);
	struct stat st;

	cr_assert_eq(lstat(path, &st), 0);
	cr_expect(S_ISSOCK(st.st_mode));
	cr_expect_eq(st.st_mode & 07777, 0660);
	if (geteuid() == 0)
		cr_expect_eq(st.st_gid, gr != NULL ? gr->gr_gid : 0);
	*strrchr(path, '/') = '\0';
	cr_assert_eq(stat(path, &st), 0);
	path[strlen(path)] = '/';
	cr_expect_eq(st.st_mode & 07777, 0755, "its directory was missing");
}

Test(ctl_socket, a_second_daemon_is_refused)
{
	struct ctl_view v = view();
	struct ctl *second = NULL;

	cr_expect_eq(ctl_new(loop, &v, &second), -EADDRINUSE);
	cr_expect_null(second, "untouched on failure");
	cr_expect_str_eq(ask(CTL_ALERTS), "\n", "the first one lives on");
	ctl_free(ctl);
	ctl = NULL;
	cr_expect_eq(access(path, F_OK), -1, "removed at the end");
	cr_expect_eq(ctl_new(loop, &v, &ctl), 0);
}

/* Somebody's socket at the path; the ctl is gone. */
static int other_listener(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ctl_free(ctl);
	ctl = NULL;
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	return fd;
}

Test(ctl_socket, a_socket_that_answers_is_left_alone)
{
	struct ctl_view v = view();
	int fd = other_listener(), busy[9];
	size_t n = 0;

	cr_expect_eq(ctl_new(loop, &v, &ctl), -EADDRINUSE);
	while (n < 8 && (busy[n] = dial()) >= 0)
		n++;
	cr_expect_eq(busy[n], -EAGAIN, "its backlog is full");
	cr_expect_eq(ctl_new(loop, &v, &ctl), -EADDRINUSE, "also when it has no time");
	while (n > 0)
		(void)close(busy[--n]);
	cr_expect_eq(access(path, F_OK), 0);
	(void)close(fd);
}

Test(ctl_socket, a_stale_socket_is_replaced)
{
	struct ctl_view v = view();

	(void)close(other_listener());
	cr_expect_eq(access(path, F_OK), 0);
	cr_assert_eq(ctl_new(loop, &v, &ctl), 0);
	cr_expect_str_eq(ask(CTL_ALERTS), "\n");
}

Test(ctl_socket, a_file_in_its_place_is_left_alone)
{
	struct ctl_view v = view();
	FILE *f;

	ctl_free(ctl);
	ctl = NULL;
	f = fopen(path, "we");
	cr_assert_not_null(f);
	(void)fclose(f);
	cr_expect_eq(ctl_new(loop, &v, &ctl), -EEXIST);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(ctl_socket, the_socket_of_another_is_not_removed)
{
	cr_assert_eq(unlink(path), 0);
	(void)close(other_listener());
	cr_expect_eq(access(path, F_OK), 0);
}

Test(ctl_socket, a_path_too_long)
{
	struct ctl_view v = view();
	struct ctl *second = NULL;
	char longer[200];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	config.control = longer;
	cr_expect_eq(ctl_new(loop, &v, &second), -ENAMETOOLONG);
	config.control = path;
}

/* The answer to a client of that user and those groups, from a process of its own. */
static const char *ask_as(uid_t uid, gid_t gid, size_t groups_n, const gid_t *groups)
{
	struct ctl_req req = { .verb = CTL_ALERTS, .len = sizeof(req) };
	static char text[256];
	int out[2], status = -1, i, fd;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(out), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) { /* no assertions here: Criterion does not know this process */
		if (setgroups(groups_n, groups) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
			_exit(1);
		fd = dial();
		if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
			_exit(2);
		if (send(fd, &req, sizeof(req), MSG_NOSIGNAL) < 0 && errno != EPIPE)
			_exit(3);
		while ((n = recv(fd, text, sizeof(text), 0)) > 0)
			(void)!write(out[1], text, (size_t)n);
		_exit(0);
	}
	(void)close(out[1]);
	for (i = 0; i < 500 && waitpid(pid, &status, WNOHANG) == 0; i++)
		pump();
	cr_expect_lt(i, 500);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	n = read(out[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	(void)close(out[0]);
	return text;
}

Test(ctl_socket, strangers_are_refused_and_members_are_not)
{
	gid_t few[2] = { 65533, 0 }, many[300];
	struct stat st;
	size_t i;

	if (geteuid() != 0)
		cr_skip_test("not root: cannot become another user");
	cr_assert_eq(lstat(path, &st), 0);
	few[1] = st.st_gid;
	for (i = 0; i < 300; i++)
		many[i] = (gid_t)(70000 + i);
	many[150] = st.st_gid;
	cr_expect_str_eq(ask_as(65534, 65534, 2, few), "\n", "a member");
	cr_expect_str_eq(ask_as(65534, 65534, 300, many), "\n", "a member of many groups");
	cr_expect_str_eq(ask_as(65534, st.st_gid, 0, NULL), "\n", "its first group");
	/* The mode keeps strangers out; the daemon does not rely on it. */
	cr_assert_eq(chmod(path, 0666), 0);
	cr_expect_str_eq(ask_as(65534, 65534, 1, few),
			 "{\"error\":\"only root and members of the socket's group may ask\"}\n\n");
	cr_expect_eq(ctl_stats(ctl).refused, 1);
	cr_expect_eq(ctl_stats(ctl).clients, 0);
}
