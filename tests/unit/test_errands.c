/* SPDX-License-Identifier: BSD-2-Clause */
/* Deputies: what of their doings is linked to who asked. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "records.h"
#include "track/errands.h"

#define YAML                                                \
	"version: 1\n"                                      \
	"roles:\n"                                          \
	"  job: {match: [{name: asker}, {name: asker2}]}\n" \
	"  agent: {match: [{argv: \"*agent*\"}]}\n"
#define JOB	1U
#define AGENT	2U
#define DOCKER	"/run/docker.sock"
#define WINDOW	(OF_ASK_WINDOW_NS + OF_ASK_EVERY_NS)
#define DOCKERD 10 /* its exec_id, and 100 its pid */
#define ASKER	20 /* 200 */
#define OTHER	30 /* 300; without a role */
#define CONTAIN 40 /* 400; containerd */
#define SYSTEMD 50 /* 1 */
#define BUS	60 /* 600; dbus-daemon */
#define ASKER2	70 /* 700 */
#define JOB_OF(repository)                                        \
	"GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=" repository "\n" \
	"GITHUB_WORKFLOW=w\nGITHUB_JOB=j\nGITHUB_RUN_ID=1\nGITHUB_RUN_ATTEMPT=1\n"
#define LATE 80 /* 800; gets its role late */

static struct tracked t;

/* A look tells it without its argv, the ring does so later. */
static void late_exec(const char *argv, size_t len)
{
	struct of_exec e = exec_of(LATE, 0, 800, "java");

	rec_exec_of(&t.s, &e, "/usr/bin/java", argv, len);
}

static void start(void)
{
	tracked_init(&t, YAML, (struct track_limits){ 4096, 1024, 60 * SECOND, 0 });
	rec_exec(&t.s, SYSTEMD, 0, 1, "/sbin/systemd");
	rec_exec(&t.s, DOCKERD, SYSTEMD, 100, "/usr/bin/dockerd");
	rec_exec(&t.s, ASKER, 0, 200, "/usr/bin/asker");
	rec_exec(&t.s, ASKER2, 0, 700, "/usr/bin/asker2");
	rec_exec(&t.s, OTHER, 0, 300, "/usr/bin/other");
	late_exec("", 0);
	rec_exec(&t.s, CONTAIN, SYSTEMD, 400, "/usr/bin/containerd");
	rec_exec(&t.s, BUS, SYSTEMD, 600, "/usr/bin/dbus-daemon");
	tracked_run(&t);
	t.s.now_ns = 100 * SECOND;
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(errands, .init = start, .fini = stop, .timeout = 60);

static const struct execution *known(uint64_t exec_id)
{
	const struct execution *e = tracked_execution(&t, exec_id);

	cr_assert_not_null(e, "execution %lu", (unsigned long)exec_id);
	return e;
}

/* exec_id of who asked; 0: it is on no errand. */
static uint64_t asker_of(uint64_t exec_id)
{
	const struct via *via = &known(exec_id)->via;

	return via->errand == NULL ? 0 : via->errand->exec_id;
}

static void ask_at(uint64_t now_ns, uint64_t exec_id, uint32_t tgid, const char *path)
{
	t.s.now_ns = now_ns;
	rec_ask(&t.s, exec_id, tgid, path);
}

static void fork_at(uint64_t now_ns, uint64_t id, uint64_t parent)
{
	t.s.now_ns = now_ns;
	rec_fork(&t.s, id, parent, (uint32_t)(id * 10));
}

#define ASKED (100 * SECOND)

Test(errands, what_a_deputy_forks_is_for_who_asked)
{
	const struct errand *e;

	ask_at(ASKED, ASKER, 100, DOCKER);
	fork_at(ASKED + 1500 * MS, 1000, DOCKERD);
	rec_exec(&t.s, 1001, 1000, 10000, "/usr/bin/runc");
	fork_at(ASKED + 60 * SECOND, 1002, 1001);
	tracked_run(&t);
	e = known(1002)->via.errand;
	cr_assert_not_null(e, "all that descends from it");
	cr_expect_eq(e, known(1000)->via.errand, "one for all");
	cr_expect_eq(e->exec_id, ASKER);
	cr_expect_eq(e->tgid, 200);
	cr_expect_str_eq(e->name, "asker");
	cr_expect_str_eq(e->kind, "docker");
	cr_expect_eq(e->socket_len, strlen(DOCKER));
	cr_expect_arr_eq(e->socket, DOCKER, strlen(DOCKER));
	cr_expect_str_eq(e->deputy.name, "dockerd");
	cr_expect_eq(e->deputy.tgid, 100);
	cr_expect_eq(e->passed_n, 0);
	cr_expect_eq(e->others, 0);
	cr_expect_eq(e->lineage_len, sizeof("asker[200]"));
	cr_expect_str_eq(e->lineage, "asker[200]");
	cr_expect_eq(known(1002)->via.after_ns, 1500 * MS, "of the first, not its own");
	cr_expect_eq(known(1000)->roles, JOB);
	cr_expect_eq(known(1002)->roles, JOB);
	cr_expect_eq(known(DOCKERD)->roles, 0, "the deputy stays what it is");
	cr_expect_eq(asker_of(DOCKERD), 0);
}

Test(errands, window)
{
	fork_at(ASKED - 200 * MS, 1000, DOCKERD);
	fork_at(ASKED - 50 * MS, 1001, DOCKERD); /* a send is told when it has returned */
	ask_at(ASKED, ASKER, 100, DOCKER);
	fork_at(ASKED, 1002, DOCKERD);
	fork_at(ASKED + WINDOW, 1003, DOCKERD);
	fork_at(ASKED + WINDOW + 1, 1004, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(asker_of(1001), ASKER);
	cr_expect_eq(known(1001)->via.after_ns, 0);
	cr_expect_eq(known(1001)->roles, JOB);
	cr_expect_eq(asker_of(1002), ASKER);
	cr_expect_eq(asker_of(1003), ASKER);
	cr_expect_eq(asker_of(1004), 0);
	cr_expect_eq(known(1004)->roles, 0);
}

/* The ask is told after what came of it, and of that. */
Test(errands, an_ask_told_late_reaches_the_whole_tree)
{
	fork_at(ASKED - 20 * MS, 1000, DOCKERD);
	fork_at(ASKED - 10 * MS, 1001, 1000);
	fork_at(ASKED - 9 * MS, 1002, 1001);
	fork_at(ASKED - 8 * MS, 1003, 1000);
	rec_exec(&t.s, 1004, 1003, 10030, "/bin/sh");
	ask_at(ASKED, ASKER, 100, DOCKER);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER);
	cr_expect_eq(asker_of(1001), ASKER);
	cr_expect_eq(asker_of(1002), ASKER);
	cr_expect_eq(asker_of(1003), ASKER);
	cr_expect_eq(asker_of(1004), ASKER);
	cr_expect_eq(asker_of(DOCKERD), 0);
	cr_expect_eq(asker_of(CONTAIN), 0);
}

/* And judges what they had sent by then. */
Test(errands, an_ask_told_late_reaches_what_was_sent)
{
	fork_at(ASKED - 20 * MS, 1000, DOCKERD);
	rec_exec(&t.s, 1001, 1000, 10000, "/bin/sh");
	fork_at(ASKED - 10 * MS, 1002, 1001);
	rec_account(&t.s, 1001, FAR, 443, 500000);
	rec_account(&t.s, 1002, FAR, 443, 7);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 2);
	cr_expect_eq(t.told[0].roles, 0);
	ask_at(ASKED, ASKER, 100, DOCKER);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 2);
	cr_expect_eq(t.told[0].kind, SUBJECT_GAINED);
	cr_expect_eq(t.told[0].exec_id, 1001);
	cr_expect_eq(t.told[0].delta, 500000);
	cr_expect_eq(t.told[0].roles, JOB);
	cr_assert_not_null(t.told[0].via.errand);
	cr_expect_eq(t.told[0].via.errand->exec_id, ASKER);
	cr_expect_eq(t.told[1].exec_id, 1002);
	cr_expect_eq(t.told[1].delta, 7);
	rec_account(&t.s, 1001, FAR, 443, 500001);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].kind, SUBJECT_SENT);
	cr_expect_eq(t.told[0].delta, 1, "what was sent before is told once");
}

/* Of a child older than the ask a look told after the one that is looked for. */
Test(errands, an_ask_told_late_and_an_older_child_later)
{
	fork_at(ASKED - 20 * MS, 1000, DOCKERD);
	fork_at(ASKED - 60 * SECOND, 1001, DOCKERD);
	ask_at(ASKED, ASKER, 100, DOCKER);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER);
	cr_expect_eq(asker_of(1001), 0);
}

Test(errands, nobody_without_a_role)
{
	ask_at(ASKED, OTHER, 100, DOCKER);
	fork_at(ASKED + MS, 1000, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(known(1000)->roles, 0);
}

Test(errands, nothing_of_other_sockets_and_other_processes)
{
	ask_at(ASKED, ASKER, 100, "/run/systemd/journal/stdout");
	ask_at(ASKED, ASKER, 4711, DOCKER); /* a pid that nobody has */
	ask_at(ASKED, ASKER, 0, DOCKER);
	ask_at(ASKED, ASKER, 200, DOCKER); /* itself */
	fork_at(ASKED + MS, 1000, DOCKERD);
	fork_at(ASKED + MS, 1001, OTHER);
	fork_at(ASKED + MS, 1002, ASKER);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(asker_of(1001), 0);
	cr_expect_eq(asker_of(1002), 0);
}

Test(errands, an_asker_that_nobody_told_of_is_said)
{
	ask_at(ASKED, 4711, 100, DOCKER);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1);
}

Test(errands, what_a_deputy_sends_meanwhile)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	t.s.now_ns = ASKED + 2 * SECOND;
	rec_account(&t.s, DOCKERD, FAR, 443, 1000);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].roles, JOB);
	cr_assert_not_null(t.told[0].via.errand);
	cr_expect_eq(t.told[0].via.errand->exec_id, ASKER);
	cr_expect_eq(t.told[0].via.after_ns, 2 * SECOND);
	t.s.now_ns = ASKED + WINDOW + SECOND;
	rec_account(&t.s, DOCKERD, FAR, 443, 2000);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].roles, 0, "for the window alone");
	cr_expect_null(t.told[0].via.errand);
}

Test(errands, what_its_child_sends_later)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	fork_at(ASKED + SECOND, 1000, DOCKERD);
	t.s.now_ns = ASKED + 600 * SECOND;
	rec_tick(&t.s);
	rec_account(&t.s, 1000, FAR, 443, 1000);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].roles, JOB);
	cr_assert_not_null(t.told[0].via.errand);
	cr_expect_eq(t.told[0].via.errand->exec_id, ASKER);
	cr_expect_eq(t.told[0].via.after_ns, SECOND);
}

/* dockerd asks containerd, which asks the shim that looks after a container. */
Test(errands, passed_on)
{
	const struct errand *e;

	fork_at(ASKED - 60 * SECOND, 1000, CONTAIN);
	rec_exec(&t.s, 1001, 1000, 10000, "/usr/bin/shim");
	ask_at(ASKED, ASKER, 100, DOCKER);
	ask_at(ASKED + SECOND, DOCKERD, 400, "/run/containerd/containerd.sock");
	ask_at(ASKED + 2 * SECOND, CONTAIN, 10000, "/run/containerd/s/0a");
	fork_at(ASKED + 3 * SECOND, 1002, 1001);
	fork_at(ASKED + WINDOW + 1, 1003, 1001);
	tracked_run(&t);
	e = known(1002)->via.errand;
	cr_assert_not_null(e);
	cr_expect_eq(e->exec_id, ASKER);
	cr_expect_str_eq(e->kind, "docker", "what was asked, not what was asked of others then");
	cr_expect_str_eq(e->deputy.name, "dockerd");
	cr_assert_eq(e->passed_n, 2);
	cr_expect_str_eq(e->passed[0].name, "containerd");
	cr_expect_str_eq(e->passed[1].name, "shim");
	cr_expect_eq(known(1002)->via.after_ns, 3 * SECOND);
	cr_expect_eq(known(1002)->roles, JOB);
	cr_expect_eq(asker_of(1003), 0, "for no longer than the first may");
	cr_expect_eq(asker_of(1001), 0);
}

/* Two deputies that ask each other must not keep an errand alive. */
Test(errands, passed_back_and_forth)
{
	unsigned int i;

	ask_at(ASKED, ASKER, 100, DOCKER);
	for (i = 1; i < 20; i++) {
		ask_at(ASKED + i * SECOND, DOCKERD, 400, "/run/containerd/containerd.sock");
		ask_at(ASKED + i * SECOND, CONTAIN, 100, DOCKER);
	}
	fork_at(ASKED + 10 * SECOND, 1000, DOCKERD);
	fork_at(ASKED + 20 * SECOND, 1001, DOCKERD);
	fork_at(ASKED + 20 * SECOND, 1002, CONTAIN);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER);
	cr_expect_eq(known(1000)->via.errand->passed_n, 0);
	cr_expect_eq(asker_of(1001), 0);
	cr_expect_eq(asker_of(1002), 0);
}

/* An engine asks systemd for a cgroup: what systemd starts then is not for who asked the engine. */
Test(errands, not_passed_on_to_the_manager)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	ask_at(ASKED + SECOND, DOCKERD, 1, "/run/systemd/private");
	ask_at(ASKED + SECOND, DOCKERD, 600, "/run/dbus/system_bus_socket");
	fork_at(ASKED + 2 * SECOND, 1000, SYSTEMD);
	fork_at(ASKED + 2 * SECOND, 1001, BUS);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(asker_of(1001), 0);
}

/* Who listens on the bus starts nothing itself. */
Test(errands, the_bus_stands_for_its_manager)
{
	ask_at(ASKED, ASKER, 600, "/run/dbus/system_bus_socket");
	fork_at(ASKED + SECOND, 1000, SYSTEMD);
	fork_at(ASKED + SECOND, 1001, BUS);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER);
	cr_expect_str_eq(known(1000)->via.errand->kind, "systemd");
	cr_expect_str_eq(known(1000)->via.errand->deputy.name, "systemd");
	cr_expect_eq(asker_of(1001), 0);
}

Test(errands, the_latest_of_two_has_it)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	ask_at(ASKED + SECOND, ASKER2, 100, DOCKER);
	fork_at(ASKED + 2 * SECOND, 1000, DOCKERD);
	ask_at(ASKED + 3 * SECOND, ASKER2, 100, DOCKER);
	fork_at(ASKED + 4 * SECOND, 1001, DOCKERD);
	ask_at(ASKED + 5 * SECOND + WINDOW, ASKER2, 100, DOCKER);
	fork_at(ASKED + 6 * SECOND + WINDOW, 1002, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER2);
	cr_expect_eq(known(1000)->via.errand->others, 1);
	cr_expect_eq(asker_of(1001), ASKER2);
	cr_expect_eq(known(1001)->via.errand->others, 1, "itself is no other");
	cr_expect_eq(asker_of(1002), ASKER2);
	cr_expect_eq(known(1002)->via.errand->others, 0, "the first asked too long ago");
}

/* More that ask at once than are told apart. */
Test(errands, many_askers)
{
	uint64_t i;

	for (i = 0; i < 40; i++) {
		fork_at(ASKED, 2000 + i, ASKER);
		ask_at(ASKED + i, 2000 + i, 100, DOCKER);
	}
	fork_at(ASKED + SECOND, 1000, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 2039);
	cr_expect_eq(known(1000)->via.errand->others, ERRAND_ASKERS_MAX, "at least");
}

/* One without a role asked between: what comes then may as well be its. */
Test(errands, others_without_a_role)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	fork_at(ASKED + SECOND, 1000, DOCKERD);
	fork_at(ASKED + 4 * SECOND - 10 * MS, 1001, DOCKERD);
	ask_at(ASKED + 4 * SECOND, OTHER, 100, DOCKER);
	fork_at(ASKED + 4 * SECOND + MS, 1002, DOCKERD);
	ask_at(ASKED + 5 * SECOND, OTHER, 100, DOCKER);
	fork_at(ASKED + 5 * SECOND + MS, 1003, DOCKERD);
	ask_at(ASKED + 6 * SECOND, ASKER2, 100, DOCKER);
	fork_at(ASKED + 6 * SECOND + MS, 1004, DOCKERD);
	ask_at(ASKED + 17 * SECOND, ASKER, 100, DOCKER);
	fork_at(ASKED + 17 * SECOND + MS, 1005, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER);
	cr_expect_eq(known(1000)->via.errand->others, 0, "it had not asked yet");
	cr_expect_eq(known(1001)->via.errand->others, 1, "told when it was on its way");
	cr_expect_eq(asker_of(1002), ASKER, "who has a role has it");
	cr_expect_eq(known(1002)->via.errand->others, 1);
	cr_expect_eq(known(1003)->via.errand->others, 1, "the same one");
	cr_expect_eq(asker_of(1004), ASKER2);
	cr_expect_eq(known(1004)->via.errand->others, 2);
	cr_expect_eq(known(1005)->via.errand->others, 1, "ASKER2; the other asked too long ago");
}

/* Through containerd, which is asked by dockerd for both. */
Test(errands, others_are_passed_on)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	ask_at(ASKED + MS, DOCKERD, 400, "/run/containerd/containerd.sock");
	fork_at(ASKED + 2 * MS, 1000, CONTAIN);
	ask_at(ASKED + SECOND, OTHER, 100, DOCKER);
	fork_at(ASKED + SECOND + 2 * MS, 1001, CONTAIN);
	tracked_run(&t);
	cr_expect_eq(known(1000)->via.errand->others, 0);
	cr_expect_eq(asker_of(1001), ASKER);
	cr_expect_eq(known(1001)->via.errand->others, 1);
	cr_expect_eq(known(1001)->via.errand->passed_n, 1);
}

/* It asks, and a second later turns out to have a role. */
Test(errands, a_role_that_comes_late)
{
	static const char argv[] = "java\0-jar\0agent.jar";

	ask_at(ASKED, LATE, 100, DOCKER);
	ask_at(ASKED + MS, DOCKERD, 400, "/run/containerd/containerd.sock");
	fork_at(ASKED + 2 * MS, 1000, DOCKERD);
	fork_at(ASKED + 2 * MS, 1001, CONTAIN);
	rec_exec(&t.s, 1002, 1001, 10010, "/bin/sh");
	rec_account(&t.s, 1002, FAR, 443, 1000);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(asker_of(1002), 0);
	t.s.now_ns = ASKED + SECOND;
	late_exec(argv, sizeof(argv));
	fork_at(ASKED + 2 * SECOND, 1003, CONTAIN);
	fork_at(ASKED + 2 * SECOND, 1004, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), LATE);
	cr_expect_eq(known(1000)->roles, AGENT);
	cr_expect_eq(asker_of(1002), LATE);
	cr_expect_eq(known(1002)->roles, AGENT);
	cr_expect_str_eq(known(1002)->via.errand->kind, "docker");
	cr_expect_str_eq(known(1002)->via.errand->passed[0].name, "containerd");
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].kind, SUBJECT_GAINED);
	cr_expect_eq(t.told[0].delta, 1000);
	cr_expect_eq(asker_of(1003), LATE);
	cr_expect_eq(asker_of(1004), LATE);
}

/* The first that was started for one asks another deputy itself. */
Test(errands, a_late_role_goes_from_deputy_to_deputy)
{
	static const char argv[] = "agent";

	ask_at(ASKED, LATE, 100, DOCKER);
	fork_at(ASKED + MS, 1000, DOCKERD);
	ask_at(ASKED + 2 * MS, 1000, 1, "/run/systemd/private");
	fork_at(ASKED + 3 * MS, 1001, SYSTEMD);
	t.s.now_ns = ASKED + SECOND;
	late_exec(argv, sizeof(argv));
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), LATE);
	cr_expect_eq(asker_of(1001), 1000);
	cr_expect_eq(known(1001)->roles, AGENT);
}

/* Who has no role may ask as many as it likes: nobody's errand is given up for that. */
Test(errands, those_without_a_role_take_no_errand_away)
{
	uint64_t i;

	for (i = 0; i < 2 * DEPUTIES_MAX; i++)
		fork_at(ASKED - SECOND, 2000 + i, SYSTEMD);
	for (i = 0; i < DEPUTIES_MAX / 2; i++)
		ask_at(ASKED, ASKER, (uint32_t)(2000 + i) * 10, DOCKER);
	for (; i < 2 * DEPUTIES_MAX; i++)
		ask_at(ASKED + MS, OTHER, (uint32_t)(2000 + i) * 10, DOCKER);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, DEPUTIES_MAX, "said");
	for (i = 0; i < DEPUTIES_MAX; i++)
		fork_at(ASKED + SECOND, 10000 + i, 2000 + i);
	tracked_run(&t);
	for (i = 0; i < DEPUTIES_MAX; i++)
		cr_expect_eq(asker_of(10000 + i), i < DEPUTIES_MAX / 2 ? ASKER : 0);
}

/* What is done for a job by a deputy is of the job, unless it has one of its own. */
Test(errands, the_job_of_who_asked)
{
	const struct via none = { .errand = NULL };
	struct ci_place place;

	rec_env_lines(&t.s, 11, JOB_OF("o/r"));
	rec_env_lines(&t.s, 12, JOB_OF("other/one"));
	rec_exec_env(&t.s, 90, 0, 900, "/bin/bash", 11);
	rec_exec(&t.s, 91, 90, 900, "/usr/bin/asker");
	ask_at(ASKED, 91, 100, DOCKER);
	fork_at(ASKED + MS, 1000, DOCKERD);
	rec_exec(&t.s, 1001, 1000, 10000, "/bin/sh");
	fork_at(ASKED + MS, 1002, DOCKERD);
	rec_exec_env(&t.s, 1003, 1002, 10020, "/bin/sh", 12);
	ask_at(ASKED + 2 * MS, 1001, 1, "/run/systemd/private");
	fork_at(ASKED + 3 * MS, 1004, SYSTEMD);
	tracked_run(&t);
	place = ci_place_of(known(1001), &known(1001)->via);
	cr_assert_not_null(place.ci);
	cr_expect_eq(place.step, 90);
	cr_expect_eq(place.job, known(90)->ci_job);
	cr_expect_null(known(1001)->ci, "inferred only");
	place = ci_place_of(known(1003), &known(1003)->via);
	cr_expect_eq(place.step, 1003);
	cr_expect_neq(place.job, known(90)->ci_job);
	cr_expect_eq(place.claims_n, 0, "that of who asked is inferred: nothing contradicts it");
	place = ci_place_of(known(1004), &known(1004)->via);
	cr_expect_eq(place.step, 90, "by two deputies");
	cr_expect_null(ci_place_of(known(DOCKERD), &none).ci);
	cr_expect_null(ci_place_of(NULL, &none).ci);
	t.s.now_ns = ASKED + SECOND;
	rec_exit(&t.s, 91, 900);
	tracked_run(&t);
	tracked_tick(&t, ASKED + 200 * SECOND);
	cr_assert_null(tracked_execution(&t, 91));
	cr_expect_eq(ci_place_of(known(1001), &known(1001)->via).step, 90, "who asked may be gone");
}

/* A late answer of an earlier ask does not take what a later one has. */
Test(errands, an_earlier_one_told_late)
{
	struct of_rec_ask r = { .exec_id = ASKER2,
				.asked_ns = ASKED - SECOND,
				.tgid = 100,
				.how = OF_ASK_ANSWERED,
				.name_len = sizeof(DOCKER) - 1,
				.name = DOCKER };

	ask_at(ASKED, ASKER, 100, DOCKER);
	t.s.now_ns = ASKED + SECOND;
	stream_add(&t.s, &r, sizeof(r), OF_REC_ASK);
	fork_at(ASKED + 2 * SECOND, 1000, DOCKERD);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), ASKER);
}

/* The deputy has ended, and the number is that of somebody who was asked for nothing. */
Test(errands, an_ask_told_when_the_pid_is_another_s)
{
	t.s.now_ns = ASKED + SECOND;
	rec_fork(&t.s, 900, SYSTEMD, 100);
	fork_at(ASKED + SECOND, 1000, 900);
	ask_at(ASKED, ASKER, 100, DOCKER);
	fork_at(ASKED + 2 * SECOND, 1001, 900);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(asker_of(1001), 0);
}

/* Who bound the socket handed it on; the answer tells who acts, after it has. */
Test(errands, the_answer_tells_who_acts)
{
	struct of_rec_ask r = { .exec_id = ASKER,
				.asked_ns = ASKED,
				.tgid = 100,
				.how = OF_ASK_ANSWERED,
				.name_len = sizeof(DOCKER) - 1,
				.name = DOCKER };

	ask_at(ASKED, ASKER, 1, DOCKER);
	fork_at(ASKED + 3 * SECOND, 1000, DOCKERD);
	rec_exec(&t.s, 1001, 1000, 10000, "/usr/bin/runc");
	t.s.now_ns = ASKED + 4 * SECOND;
	stream_add(&t.s, &r, sizeof(r), OF_REC_ASK);
	tracked_run(&t);
	cr_expect_eq(asker_of(1001), ASKER);
	cr_expect_str_eq(known(1001)->via.errand->deputy.name, "dockerd");
	cr_expect_eq(known(1001)->via.after_ns, 3 * SECOND);
}

Test(errands, another_process_of_the_same_pid)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	t.s.now_ns = ASKED + SECOND;
	rec_exit(&t.s, DOCKERD, 100);
	rec_fork(&t.s, 1000, SYSTEMD, 100);
	rec_exec(&t.s, 1001, 1000, 100, "/usr/bin/innocent");
	fork_at(ASKED + 2 * SECOND, 1002, 1001);
	rec_account(&t.s, 1001, FAR, 443, 1000);
	tracked_run(&t);
	cr_expect_eq(asker_of(1002), 0);
	cr_expect_eq(asker_of(1001), 0);
	cr_assert_eq(t.told_n, 1);
	cr_expect_null(t.told[0].via.errand);
}

/* A deputy that executes itself anew is the same process: on the errand, not of it. */
Test(errands, a_deputy_executes_something_else)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	t.s.now_ns = ASKED + SECOND;
	rec_exec(&t.s, 1000, DOCKERD, 100, "/usr/bin/dockerd");
	fork_at(ASKED + 2 * SECOND, 1001, 1000);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(known(1000)->roles, 0);
	cr_expect_eq(asker_of(1001), ASKER);
}

/* A service that was started for one, and is asked by another later. */
Test(errands, who_is_of_an_errand_may_go_on_another)
{
	ask_at(ASKED, ASKER, 1, "/run/systemd/private");
	fork_at(ASKED + SECOND, 1000, SYSTEMD);
	rec_exec(&t.s, 1001, 1000, 10000, "/usr/bin/podman");
	ask_at(ASKED + 60 * SECOND, ASKER2, 10000, "/run/podman/podman.sock");
	fork_at(ASKED + 61 * SECOND, 1002, 1001);
	fork_at(ASKED + 90 * SECOND, 1003, 1001);
	tracked_run(&t);
	cr_expect_eq(asker_of(1001), ASKER);
	cr_expect_eq(asker_of(1002), ASKER2);
	cr_expect_eq(asker_of(1003), ASKER, "it descends from what the first had started");
}

Test(errands, who_asked_may_be_gone)
{
	ask_at(ASKED, ASKER, 100, DOCKER);
	fork_at(ASKED + SECOND, 1000, DOCKERD);
	t.s.now_ns = ASKED + 2 * SECOND;
	rec_exit(&t.s, ASKER, 200);
	tracked_run(&t);
	tracked_tick(&t, ASKED + 100 * SECOND);
	cr_assert_null(tracked_execution(&t, ASKER));
	cr_expect_str_eq(known(1000)->via.errand->lineage, "asker[200]");
	t.s.now_ns = ASKED + 101 * SECOND;
	rec_exit(&t.s, 1000, 10000);
	tracked_run(&t);
	tracked_tick(&t, ASKED + 200 * SECOND);
	cr_expect_null(tracked_execution(&t, 1000));
}

/* More deputies at once than there is room for: the one asked longest ago is given up, and said. */
Test(errands, deputies_have_a_limit)
{
	uint64_t i;

	for (i = 0; i <= DEPUTIES_MAX; i++) {
		fork_at(ASKED - SECOND, 2000 + i, SYSTEMD);
		ask_at(ASKED + i, ASKER, (uint32_t)(2000 + i) * 10, DOCKER);
	}
	fork_at(ASKED + SECOND, 1000, 2000);
	fork_at(ASKED + SECOND, 1001, 2001);
	fork_at(ASKED + SECOND, 1002, 2000 + DEPUTIES_MAX);
	tracked_run(&t);
	cr_expect_eq(asker_of(1000), 0);
	cr_expect_eq(asker_of(1001), ASKER);
	cr_expect_eq(asker_of(1002), ASKER);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1);
	t.s.now_ns = ASKED + 100 * SECOND;
	rec_tick(&t.s);
	fork_at(ASKED + 101 * SECOND, 1003, 2000);
	ask_at(ASKED + 101 * SECOND, ASKER, 20000, DOCKER);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1, "those that are over are no loss");
}

/* A lineage as deep as there is one: both ends are told. */
Test(errands, a_deep_lineage)
{
	const struct errand *e;
	uint64_t i;

	t.s.now_ns = ASKED - SECOND;
	rec_fork(&t.s, 3000, ASKER, 3000);
	for (i = 1; i < 200; i++)
		rec_fork(&t.s, 3000 + i, 3000 + i - 1, (uint32_t)(3000 + i));
	ask_at(ASKED, 3199, 100, DOCKER);
	fork_at(ASKED + SECOND, 1000, DOCKERD);
	tracked_run(&t);
	e = known(1000)->via.errand;
	cr_assert_not_null(e);
	cr_expect_str_eq(e->lineage, "asker[200]");
	cr_expect_eq(e->lineage[e->lineage_len - 1], '\0');
	cr_expect_str_eq(e->lineage + e->lineage_len - sizeof("forked[3199]"), "forked[3199]");
	cr_expect_not_null(memmem(e->lineage, e->lineage_len, "...(+", 5));
}
