/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracking: which CI job and step an execution is part of. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/ci.h"
#include "records.h"

#define JOB  "GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=o/r\nGITHUB_JOB=scan\nGITHUB_RUN_ID=7\n"
#define EVIL "GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=evil/x\nGITHUB_JOB=scan\nGITHUB_RUN_ID=7\n"

static struct tracked t;

static void start_with(size_t executions)
{
	tracked_init(&t, "version: 1\n", (struct track_limits){ executions, 64, 60 * SECOND, 0 });
}

static void start(void)
{
	start_with(256);
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(contexts, .init = start, .fini = stop, .timeout = 60);

static const struct execution *known(uint64_t exec_id)
{
	const struct execution *e = tracked_execution(&t, exec_id);

	cr_assert_not_null(e, "execution %lu", (unsigned long)exec_id);
	return e;
}

/* "step repository: key=claimed by name[pid] ...", or "none". */
static const char *context(uint64_t exec_id)
{
	const struct execution *e = known(exec_id);
	static char text[2048];
	size_t at, i;

	if (e->ci == NULL) {
		cr_expect_eq(e->ci_step, 0);
		cr_expect_eq(e->ci_job, 0);
		cr_expect_eq(e->ci_claims_n, 0);
		return "none";
	}
	cr_expect_eq(e->ci_job, ci_job(e->ci));
	at = (size_t)snprintf(text, sizeof(text), "%lu %.*s", (unsigned long)e->ci_step,
			      (int)e->ci->value[CI_REPOSITORY].len, e->ci->value[CI_REPOSITORY].s);
	for (i = 0; i < e->ci_claims_n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %s=%s by %s[%u]",
				       i == 0 ? ":" : "",
				       ci_key_name((enum ci_key)e->ci_claims[i].key),
				       e->ci_claims[i].said, e->ci_claims[i].name,
				       e->ci_claims[i].tgid);
	return text;
}

/* Runner.Worker (1) forks (2), the child becomes bash with the job's environment (3). */
static void step(void)
{
	rec_env_lines(&t.s, 1000, "PATH=/bin\n");
	rec_env_lines(&t.s, 1001, JOB);
	rec_env_lines(&t.s, 1002, EVIL);
	rec_exec_env(&t.s, 1, 0, 100, "/opt/Runner.Worker", 1000);
	rec_fork(&t.s, 2, 1, 101);
	rec_exec_env(&t.s, 3, 2, 101, "/bin/bash", 1001);
}

Test(contexts, from_the_topmost_down)
{
	step();
	rec_fork(&t.s, 4, 3, 102);
	rec_exec_env(&t.s, 5, 4, 102, "/bin/env", 1001);
	/* Nothing of it left is no claim, and changes nothing. */
	rec_exec_env(&t.s, 6, 5, 102, "/usr/bin/curl", 0);
	rec_exec_env(&t.s, 7, 6, 102, "/usr/bin/curl", 1000);
	tracked_run(&t);
	cr_expect_str_eq(context(1), "none");
	cr_expect_str_eq(context(2), "none");
	cr_expect_str_eq(context(3), "3 o/r");
	cr_expect_str_eq(context(4), "3 o/r");
	cr_expect_str_eq(context(5), "3 o/r");
	cr_expect_str_eq(context(6), "3 o/r");
	cr_expect_str_eq(context(7), "3 o/r");
	cr_expect_eq(known(7)->ci, known(3)->ci, "shared");
}

/* Whoever writes a job can set the variables of another system, but what is above it is the runner.
 */
Test(contexts, the_runner_above_tells_the_system)
{
	rec_env_lines(&t.s, 1001, "GITLAB_CI=true\nCI_PROJECT_PATH=g/p\n" EVIL);
	rec_exec_env(&t.s, 1, 0, 100, "/usr/bin/gitlab-runner", 0);
	rec_fork(&t.s, 2, 1, 101);
	rec_exec_env(&t.s, 3, 2, 101, "/tmp/Runner.Worker", 0);
	rec_fork(&t.s, 4, 3, 102);
	rec_exec_env(&t.s, 5, 4, 102, "/bin/bash", 1001);
	/* Below none, the order decides. */
	rec_exec_env(&t.s, 6, 0, 103, "/bin/bash", 1001);
	tracked_run(&t);
	cr_expect_str_eq(context(5), "5 g/p: system=github by bash[102]");
	cr_expect_str_eq(context(6), "6 evil/x: system=gitlab by bash[103]");
}

Test(contexts, steps_of_one_job)
{
	step();
	rec_fork(&t.s, 12, 1, 111);
	rec_exec_env(&t.s, 13, 12, 111, "/bin/bash", 1001);
	tracked_run(&t);
	cr_expect_str_eq(context(13), "13 o/r");
	cr_expect_eq(known(13)->ci_job, known(3)->ci_job);
}

Test(contexts, a_claim_is_kept_beside_the_truth)
{
	step();
	rec_fork(&t.s, 4, 3, 102);
	rec_exec_env(&t.s, 5, 4, 102, "/usr/bin/curl", 1002);
	rec_fork(&t.s, 6, 5, 103);
	rec_exec_env(&t.s, 7, 6, 103, "/bin/back", 1001);
	rec_fork(&t.s, 8, 3, 104);
	tracked_run(&t);
	cr_expect_str_eq(context(4), "3 o/r", "who only forked has claimed nothing");
	cr_expect_str_eq(context(5), "3 o/r: repository=evil/x by curl[102]");
	cr_expect_str_eq(context(6), "3 o/r: repository=evil/x by curl[102]");
	cr_expect_str_eq(context(7), "3 o/r: repository=evil/x by curl[102]", "inherited");
	cr_expect_str_eq(context(8), "3 o/r", "not by its siblings");
}

Test(contexts, the_first_claim_of_a_key_counts)
{
	step();
	rec_env_lines(&t.s, 1003, "GITHUB_REPOSITORY=a/b\nGITHUB_JOB=other\n");
	rec_exec_env(&t.s, 4, 3, 101, "/bin/one", 1002);
	rec_exec_env(&t.s, 5, 4, 101, "/bin/two", 1003);
	rec_exec_env(&t.s, 6, 5, 101, "/bin/three", 1002);
	tracked_run(&t);
	cr_expect_str_eq(context(4), "3 o/r: repository=evil/x by one[101]");
	cr_expect_str_eq(context(5), "3 o/r: repository=evil/x by one[101] job=other by two[101]");
	cr_expect_str_eq(context(6), "3 o/r: repository=evil/x by one[101] job=other by two[101]");
	cr_expect_eq(known(6)->ci_claims, known(5)->ci_claims, "shared");
}

Test(contexts, one_that_names_two_systems_says_so_itself)
{
	rec_env_lines(&t.s, 1001, "BUILDKITE=true\n" JOB);
	rec_exec_env(&t.s, 1, 0, 100, "/bin/bash", 1001);
	rec_exec_env(&t.s, 2, 1, 100, "/bin/sh", 1001);
	tracked_run(&t);
	cr_expect_str_eq(context(1), "1 o/r: system=buildkite by bash[100]");
	cr_expect_str_eq(context(2), "1 o/r: system=buildkite by bash[100]");
}

/* A second word on one that is known changes nothing; a child whose parent was not told has only
 * itself; an environment that was not told is none. */
Test(contexts, late_and_twice)
{
	step();
	rec_exec_env(&t.s, 3, 2, 101, "/bin/bash", 1002);
	rec_exec_env(&t.s, 5, 99, 102, "/usr/bin/curl", 1002);
	rec_exec_env(&t.s, 6, 3, 103, "/bin/a", 4711);
	rec_env_lines(&t.s, 1001, EVIL);
	rec_exec_env(&t.s, 7, 3, 104, "/bin/b", 1001);
	tracked_run(&t);
	cr_expect_str_eq(context(3), "3 o/r");
	cr_expect_str_eq(context(5), "5 evil/x");
	cr_expect_str_eq(context(6), "3 o/r");
	cr_expect_str_eq(context(7), "3 o/r", "the first word on an environment counts");
}

/* The dead of a chain are left out when it is too long or the table is full; what they gave stays,
 * also when it is the topmost that goes. */
Test(contexts, ancestors_that_are_left_out)
{
	uint64_t id;

	stop();
	start_with(64);
	step();
	rec_exec_env(&t.s, 4, 3, 101, "/bin/liar", 1002);
	for (id = 5; id < 300; id++) {
		t.s.now_ns += 10 * SECOND;
		rec_fork(&t.s, id, id - 1, (uint32_t)id + 100);
		rec_exit(&t.s, id - 1, id == 5 ? 101 : (uint32_t)id + 99);
		tracked_run(&t);
		cr_assert_str_eq(context(id), "3 o/r: repository=evil/x by liar[101]");
	}
	cr_expect_gt(known(299)->elided, 0);
}

Test(contexts, a_topmost_that_goes)
{
	uint64_t id;

	stop();
	start_with(64);
	step();
	rec_fork(&t.s, 4, 3, 102);
	rec_exec_env(&t.s, 5, 4, 102, "/bin/liar", 1002);
	rec_fork(&t.s, 6, 5, 103);
	rec_exit(&t.s, 3, 101);
	rec_exit(&t.s, 5, 102);
	tracked_tick(&t, 100 * SECOND);
	for (id = 7; id < 100; id++)
		rec_fork(&t.s, id, 6, (uint32_t)id + 100);
	tracked_run(&t);
	cr_expect_null(tracked_execution(&t, 3));
	cr_expect_null(tracked_execution(&t, 5));
	cr_expect_str_eq(context(6), "3 o/r: repository=evil/x by liar[102]");
	cr_expect_str_eq(context(30), "3 o/r: repository=evil/x by liar[102]");
}

/* Whatever a value holds; what has no room in an environment is left out by the kernel. */
Test(contexts, hostile_values)
{
	char lines[OF_ENV_LEN + 1] = JOB;
	const struct execution *e;
	size_t at;

	step();
	snprintf(lines, sizeof(lines), "GITHUB_JOB=a\x01\x1b]0;x\x07\xff\xc3\nGITHUB_RUN_ID=");
	at = strlen(lines);
	memset(lines + at, 0xff, OF_ENV_VALUE - 1);
	snprintf(lines + at + OF_ENV_VALUE - 1, 32, "\nGITHUB_RUN_ID=8\n===\n");
	rec_env_lines(&t.s, 1003, lines);
	rec_exec_env(&t.s, 4, 3, 101, "/bin/one", 1003);
	tracked_run(&t);
	e = known(4);
	cr_assert_eq(e->ci_claims_n, 2);
	cr_expect_str_eq(e->ci_claims[0].said, "a\x01\x1b]0;x\x07\xff\xc3");
	cr_expect_eq(strlen(e->ci_claims[1].said), CI_VALUE_MAX);
}
