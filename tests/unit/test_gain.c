/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Roles that the texts of an execution earn it: by argv, environment and cgroup; what comes late
 * acts on children already born and on bytes already told.
 */
#include <criterion/criterion.h>

#include <string.h>

#include "intake/env.h"
#include "records.h"

#define FAR "203.0.113.9"

static struct tracked t;

static void start(void)
{
	tracked_init(&t,
		     "version: 1\n"
		     "roles:\n"
		     "  scanner: {match: [{argv: \"*kics scan*\"}, {cgroup: \"/ci.slice/*\"},\n"
		     "    {env: \"STAGE=scan\"}, {env: \"A_TOKEN=*\"}]}\n"
		     "  other: {match: [{name: other}]}\n"
		     "rules: [{id: r, when: {role: scanner, sent: {over: 1, within: 1h}}}]\n",
		     (struct track_limits){ .executions = 100, .accounts = 100, .grace_ns = 1 });
	rec_host(&t.s, t.config.policy.roles_id);
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(gain, .init = start, .fini = stop);

static uint64_t roles_of(uint64_t id)
{
	return tracked_execution(&t, id)->roles;
}

static void exec_argv(uint64_t id, uint64_t parent, const char *argv, size_t len)
{
	struct of_exec e = exec_of(id, parent, 100, "tool");

	rec_exec_of(&t.s, &e, "/usr/bin/tool", argv, len);
}

Test(gain, argv)
{
	static const char argv[] = "kics\0scan\0-p";

	exec_argv(1, 0, argv, sizeof(argv));
	rec_fork(&t.s, 2, 1, 101);
	rec_exec(&t.s, 3, 0, 102, "/usr/bin/tool");
	tracked_run(&t);
	cr_expect_eq(roles_of(1), 1);
	cr_expect_eq(roles_of(2), 1, "inherited");
	cr_expect_eq(roles_of(3), 0);
}

static struct {
	uint64_t exec_id, roles;
	uint32_t slot;
} roles_told[8];
static size_t roles_told_n;

static void roles_note(void *arg, uint64_t exec_id, uint32_t slot, uint64_t roles)
{
	cr_assert_eq(arg, &t);
	cr_assert_lt(roles_told_n, 8);
	roles_told[roles_told_n].exec_id = exec_id;
	roles_told[roles_told_n].slot = slot;
	roles_told[roles_told_n++].roles = roles;
}

/* What the kernel does not know of a living one it is told, once. */
Test(gain, the_kernel_is_told)
{
	static const char argv[] = "kics\0scan";
	struct of_exec e;

	track_set_roles(t.track, roles_note, &t);
	exec_argv(1, 0, "", 0);
	e = exec_of(2, 1, 101, "tool");
	e.slot = 7;
	rec_exec_of(&t.s, &e, "/usr/bin/tool", "", 0);
	rec_fork(&t.s, 3, 1, 102);
	rec_exit(&t.s, 3, 102);
	tracked_run(&t);
	cr_expect_eq(roles_told_n, 0);
	exec_argv(1, 0, argv, sizeof(argv));
	exec_argv(1, 0, argv, sizeof(argv));
	tracked_run(&t);
	cr_assert_eq(roles_told_n, 2, "not of the one that has ended");
	cr_expect_eq(roles_told[0].exec_id, 1);
	cr_expect_eq(roles_told[0].roles, 1);
	cr_expect_eq(roles_told[1].exec_id, 2);
	cr_expect_eq(roles_told[1].slot, 7);
	cr_expect_eq(roles_told[1].roles, 1);
	/* Forked before the kernel knew, and after. */
	rec_fork(&t.s, 4, 2, 103);
	e = exec_of(5, 2, 104, "tool");
	e.roles = 1;
	rec_fork_of(&t.s, &e);
	tracked_run(&t);
	cr_assert_eq(roles_told_n, 3);
	cr_expect_eq(roles_told[2].exec_id, 4);
	rec_host(&t.s, t.config.policy.roles_id + 1);
	exec_argv(6, 0, argv, sizeof(argv));
	tracked_run(&t);
	cr_expect_eq(roles_of(6), 1);
	cr_expect_eq(roles_told_n, 3, "bits of another policy");
}

Test(gain, environment_and_cgroup)
{
	struct of_exec e = exec_of(4, 0, 104, "tool");

	rec_env(&t.s, 11, "STAGE=scan", sizeof("STAGE=scan"));
	rec_env(&t.s, 12, "STAGE=build\0STAGE=scan", sizeof("STAGE=build\0STAGE=scan"));
	rec_env(&t.s, 13, "A_TOKEN=", sizeof("A_TOKEN="));
	rec_cgroup(&t.s, 77, "/ci.slice/a");
	rec_exec_env(&t.s, 1, 0, 101, "/usr/bin/tool", 11);
	rec_exec_env(&t.s, 2, 0, 102, "/usr/bin/tool", 12);
	rec_exec_env(&t.s, 3, 0, 103, "/usr/bin/tool", 13);
	e.cgroup = 77;
	rec_exec_of(&t.s, &e, "/usr/bin/tool", "", 0);
	tracked_run(&t);
	cr_expect_eq(roles_of(1), 1);
	cr_expect_eq(roles_of(2), 0, "the first of a name counts");
	cr_expect_eq(roles_of(3), 1, "set, whatever it holds");
	cr_expect_eq(roles_of(4), 1);
}

/* A look told the execution without its argv; the ring does so later. */
Test(gain, late_argv_acts_backwards)
{
	static const char argv[] = "kics\0scan";
	size_t i, gained = 0;

	exec_argv(1, 0, "", 0);
	rec_fork(&t.s, 2, 1, 101);
	rec_exec(&t.s, 3, 2, 101, "/usr/bin/curl");
	rec_account(&t.s, 1, FAR, 80, 10);
	rec_account(&t.s, 3, FAR, 443, 1000);
	tracked_run(&t);
	cr_expect_eq(roles_of(3), 0);
	exec_argv(1, 0, argv, sizeof(argv));
	tracked_run(&t);
	cr_expect_eq(roles_of(1), 1);
	cr_expect_eq(roles_of(2), 1);
	cr_expect_eq(roles_of(3), 1);
	for (i = 0; i < t.told_n; i++) {
		cr_expect_eq(t.told[i].kind, SUBJECT_GAINED);
		cr_expect_eq(t.told[i].roles, 1);
		gained += t.told[i].delta;
	}
	cr_expect_eq(t.told_n, 2);
	cr_expect_eq(gained, 1010, "all that was told before");
	exec_argv(1, 0, argv, sizeof(argv));
	rec_account(&t.s, 3, FAR, 443, 1500);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 1, "once");
	cr_expect_eq(t.told[0].kind, SUBJECT_SENT);
	cr_expect_eq(t.told[0].delta, 500);
}

Test(gain, an_environment_is_filtered_in_any_pieces)
{
	static const char environment[] = "PATH=/bin\0A_TOKEN=hidden\0STAGE=scan\0XSTAGE=1\0STAGE";
	size_t piece;

	for (piece = 1; piece <= sizeof(environment); piece++) {
		struct of_env env = { .len = 0 };
		struct env_filter f = { .policy = &t.config.policy, .env = &env };
		size_t at, n;

		for (at = 0; at < sizeof(environment); at += n) {
			n = sizeof(environment) - at < piece ? sizeof(environment) - at : piece;
			env_filter_feed(&f, environment + at, n);
		}
		env_filter_end(&f);
		cr_expect_eq(env.len, sizeof("A_TOKEN=\0STAGE=scan"), "%zu", piece);
		cr_expect_eq(memcmp(env.text, "A_TOKEN=\0STAGE=scan", env.len), 0);
		for (n = 0; n < sizeof(f.piece); n++)
			cr_assert_eq(f.piece[n], 0, "nothing is left");
	}
}

Test(gain, a_long_variable_is_cut_and_the_next_one_found)
{
	struct of_env env = { .len = 0 };
	struct env_filter f = { .policy = &t.config.policy, .env = &env };
	char big[3000];

	memset(big, 'x', sizeof(big));
	env_filter_feed(&f, "STAGE=", 6);
	env_filter_feed(&f, big, sizeof(big));
	env_filter_feed(&f, "\0A_TOKEN=1", 10);
	env_filter_end(&f);
	cr_expect_eq(env.len, 6 + OF_ENV_VALUE + sizeof("A_TOKEN="));
	cr_expect_eq(memcmp(env.text + env.len - sizeof("A_TOKEN="), "A_TOKEN=", 9), 0);
}

Test(gain, comm)
{
	rec_exec(&t.s, 1, 0, 100, "/usr/bin/tool");
	rec_comm(&t.s, 1, 3, "kworker/0:1");
	rec_comm(&t.s, 99, 3, "nobody");
	tracked_run(&t);
	cr_expect_str_eq(tracked_execution(&t, 1)->comm, "kworker/0:1");
	cr_expect_eq(tracked_execution(&t, 1)->renames, 3);
}
