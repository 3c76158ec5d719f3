/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracking: executions, their lineage and roles, and how long they are kept. */
#include <criterion/criterion.h>

#include <string.h>

#include "records.h"

#define YAML                                           \
	"version: 1\n"                                 \
	"roles:\n"                                     \
	"  runner: {match: [{name: Runner.Worker}]}\n" \
	"  scanner: {match: [{name: trivy}, {exe: /opt/scan/*/agent}]}\n"
#define RUNNER	1U
#define SCANNER 2U

static struct tracked t;

static void start(void)
{
	tracked_init(&t, YAML, (struct track_limits){ 64, 64, 60 * SECOND, 0 });
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(track, .init = start, .fini = stop, .timeout = 60);

static const struct execution *known(uint64_t exec_id)
{
	const struct execution *e = tracked_execution(&t, exec_id);

	cr_assert_not_null(e, "execution %lu", (unsigned long)exec_id);
	return e;
}

static uint64_t parent_of(uint64_t exec_id)
{
	const struct execution *e = known(exec_id);

	return e->parent == NULL ? 0 : e->parent->exec_id;
}

/* Runner.Worker forks, the child becomes bash, which forks a child that becomes curl. */
static void job(void)
{
	rec_exec(&t.s, 1, 0, 100, "/opt/Runner.Worker");
	rec_fork(&t.s, 2, 1, 101);
	rec_exec(&t.s, 3, 2, 101, "/bin/bash");
	rec_fork(&t.s, 4, 3, 102);
	rec_exec(&t.s, 5, 4, 102, "/usr/bin/curl");
	tracked_run(&t);
}

/* ---- Lineage ---- */

Test(track, fork_and_exec)
{
	job();
	cr_expect_eq(parent_of(5), 4);
	cr_expect_eq(parent_of(4), 3);
	cr_expect_eq(parent_of(3), 2);
	cr_expect_eq(parent_of(2), 1);
	cr_expect_eq(parent_of(1), 0);
	cr_expect_eq(known(5)->depth, 4);
	cr_expect_eq(known(5)->process, 4, "the process began with the fork");
	cr_expect_eq(known(4)->process, 4);
	cr_expect_eq(known(4)->flags, OF_EXEC_FORKED | OF_EXEC_ENDED | OF_EXEC_REPLACED);
	cr_expect_not(lineage_shows(known(4)));
	cr_expect(lineage_shows(known(5)));
	cr_expect_eq(known(4)->end_ns, known(5)->start_ns);
	cr_expect_eq(known(3)->end_ns, 0);
	cr_expect_str_eq(known(5)->exe, "/usr/bin/curl");
	cr_expect_str_eq(known(5)->name, "curl");
	cr_expect_str_eq(known(5)->argv, "curl");
	cr_expect_eq(known(5)->loginuid, UINT32_MAX);
	cr_expect_eq(known(4)->exe, known(3)->exe, "a fork runs what its parent runs");
}

Test(track, exec_chain_is_one_process)
{
	uint64_t id;

	rec_fork(&t.s, 1, 0, 7);
	for (id = 2; id < 20; id++)
		rec_exec(&t.s, id, id - 1, 7, "/bin/env");
	tracked_run(&t);
	for (id = 1; id < 20; id++) {
		cr_expect_eq(known(id)->process, 1);
		cr_expect_eq(known(id)->depth, id - 1);
		cr_expect_eq(known(id)->end_ns == 0, id == 19);
	}
}

Test(track, roles_are_inherited_through_everything)
{
	job();
	cr_expect_eq(known(5)->roles, RUNNER);
	rec_exit(&t.s, 1, 100); /* the worker goes, and its children are adopted by init */
	rec_exit(&t.s, 3, 101);
	rec_fork(&t.s, 6, 5, 103);
	rec_exec(&t.s, 7, 6, 103, "/opt/scan/v2/agent");
	rec_fork(&t.s, 8, 7, 104);
	tracked_run(&t);
	cr_expect_eq(known(6)->roles, RUNNER);
	cr_expect_eq(known(7)->roles, RUNNER | SCANNER);
	cr_expect_eq(known(8)->roles, RUNNER | SCANNER);
	cr_expect_eq(lineage_root(known(8), RUNNER)->exec_id, 1);
	cr_expect_eq(lineage_root(known(8), SCANNER)->exec_id, 7);
}

static void with_bits(uint64_t roles_id)
{
	struct of_exec e = exec_of(1, 0, 100, "anything");

	e.roles = 1ULL << 5 | RUNNER;
	rec_host(&t.s, roles_id);
	rec_exec_of(&t.s, &e, "/bin/anything", "", 0);
	rec_fork(&t.s, 2, 1, 101);
	rec_exec(&t.s, 3, 2, 101, "/usr/bin/trivy");
	tracked_run(&t);
}

Test(track, role_bits_of_the_same_policy_are_taken)
{
	with_bits(t.config.policy.roles_id);
	cr_expect_eq(known(1)->roles, 1ULL << 5 | RUNNER);
	cr_expect_eq(known(3)->roles, 1ULL << 5 | RUNNER | SCANNER);
}

Test(track, role_bits_of_another_policy_mean_nothing)
{
	with_bits(t.config.policy.roles_id + 1);
	cr_expect_eq(known(1)->roles, 0);
	cr_expect_eq(known(3)->roles, SCANNER, "judged by name and path all the same");
}

Test(track, adopted)
{
	struct of_exec e = exec_of(1, 0, 100, "Runner.Worker");

	e.flags = OF_EXEC_ADOPTED;
	rec_exec_of(&t.s, &e, "/opt/Runner.Worker", "", 0);
	/* One whose parent has its tgid was looked up badly; it is no exec of that process. */
	e = exec_of(2, 1, 100, "bash");
	e.flags = OF_EXEC_ADOPTED;
	rec_exec_of(&t.s, &e, "/bin/bash", "", 0);
	tracked_run(&t);
	cr_expect_eq(parent_of(2), 1);
	cr_expect_eq(known(2)->process, 2);
	cr_expect_eq(known(2)->roles, RUNNER);
	cr_expect_eq(known(2)->flags, OF_EXEC_ADOPTED);
}

Test(track, argv_arrives_late)
{
	struct of_exec e = exec_of(1, 0, 100, "curl");

	rec_exec_of(&t.s, &e, "/usr/bin/curl", "", 0); /* a look was faster than the ring */
	tracked_run(&t);
	cr_expect_eq(known(1)->argv_len, 0);
	e.parent = 77;
	e.uid = 0;
	rec_exec_of(&t.s, &e, "/bin/other", "curl\0-v", 8);
	rec_exec_of(&t.s, &e, "/bin/other", "again", 6);
	tracked_run(&t);
	cr_expect_eq(known(1)->argv_len, 8);
	cr_expect_eq(memcmp(known(1)->argv, "curl\0-v", 8), 0);
	cr_expect_str_eq(known(1)->exe, "/usr/bin/curl", "only argv was missing");
	cr_expect_eq(known(1)->uid, 1000);
}

Test(track, parents_gone)
{
	rec_exec(&t.s, 5, 4, 102, "/usr/bin/curl");
	rec_fork(&t.s, 6, 5, 103);
	tracked_run(&t);
	cr_expect_eq(parent_of(5), 0);
	cr_expect_eq(parent_of(6), 5);
	rec_exit(&t.s, 5, 102);
	tracked_tick(&t, 100 * SECOND);
	cr_expect_eq(parent_of(6), 5, "an ancestor stays for its descendants");
	rec_exit(&t.s, 6, 103);
	tracked_tick(&t, 200 * SECOND);
	cr_expect_eq(track_stats(t.track).executions, 0);
}

Test(track, deep_chains_keep_their_top)
{
	uint64_t id;

	stop();
	tracked_init(&t, YAML, (struct track_limits){ 2 * LINEAGE_DEPTH_MAX, 64, SECOND, 0 });
	rec_exec(&t.s, 1, 0, 1, "/opt/Runner.Worker");
	tracked_run(&t);
	for (id = 2; id <= 500; id++) { /* each forks the next and ends */
		rec_fork(&t.s, id, id - 1, (uint32_t)id);
		rec_exit(&t.s, id - 1, (uint32_t)id - 1);
		tracked_tick(&t, id * 100 * SECOND);
		cr_assert_eq(known(id)->roles, RUNNER);
		cr_assert_str_eq(known(id)->exe, "/opt/Runner.Worker");
		cr_assert_eq(lineage_root(known(id), RUNNER)->exec_id, 1);
		if (id <= LINEAGE_DEPTH_MAX)
			cr_assert_eq(known(id)->elided, 0);
		else
			cr_assert_eq(known(id)->elided, id - LINEAGE_DEPTH_MAX);
		cr_assert_lt(known(id)->depth, LINEAGE_DEPTH_MAX);
	}
	cr_expect_leq(track_stats(t.track).executions, LINEAGE_DEPTH_MAX);
	cr_expect_eq(track_stats(t.track).refused, 0);
}

/* ---- Process numbers ---- */

Test(track, a_pid_used_again)
{
	job();
	rec_exit(&t.s, 5, 102);
	rec_fork(&t.s, 9, 1, 102);
	rec_connect(&t.s, 102, FAR, 443);
	tracked_run(&t);
	cr_expect_not_null(tracked_account(&t, 9, FAR, 443));
	cr_expect_null(tracked_account(&t, 5, FAR, 443));
}

/* Without slots and with a full ring nobody tells an end; the next of the same pid does. */
Test(track, a_pid_used_again_ends_who_had_it)
{
	job();
	t.s.now_ns = 2 * SECOND;
	rec_fork(&t.s, 9, 1, 102);
	tracked_run(&t);
	cr_expect_eq(known(5)->end_ns, 2 * SECOND);
	cr_expect_eq(known(5)->flags & (OF_EXEC_ENDED | OF_EXEC_REPLACED), OF_EXEC_ENDED);
	cr_expect_eq(known(9)->end_ns, 0);
}

/* A daemon that was started anew is told who has the number now before it reads what the ring kept.
 * The process that tried may have executed something since, and is still the one. */
Test(track, an_attempt_told_when_the_pid_is_another_s)
{
	t.s.now_ns = 2 * SECOND;
	rec_fork(&t.s, 9, 1, 102);
	t.s.now_ns = 3 * SECOND;
	rec_exec(&t.s, 10, 9, 102, "/bin/later");
	t.s.now_ns = 2 * SECOND - 1;
	rec_connect(&t.s, 102, FAR, 443);
	t.s.now_ns = 2 * SECOND + 1;
	rec_connect(&t.s, 102, FAR, 444);
	tracked_run(&t);
	cr_expect_null(tracked_account(&t, 10, FAR, 443));
	cr_expect_not_null(tracked_account(&t, 10, FAR, 444));
}

/* Two threads that send at once may both adopt their process. */
Test(track, a_process_adopted_twice)
{
	struct of_exec e = exec_of(1, 0, 100, "a");

	e.flags = OF_EXEC_ADOPTED;
	rec_exec_of(&t.s, &e, "/bin/a", "", 0);
	e.exec_id = 2;
	rec_exec_of(&t.s, &e, "/bin/a", "", 0);
	rec_connect(&t.s, 100, FAR, 443);
	tracked_run(&t);
	cr_expect_eq(known(1)->end_ns, 0);
	cr_expect_eq(known(2)->end_ns, 0);
	cr_expect_not_null(tracked_account(&t, 2, FAR, 443));
	rec_exit(&t.s, 1, 100);
	rec_connect(&t.s, 100, FAR, 444);
	tracked_run(&t);
	cr_expect_not_null(tracked_account(&t, 2, FAR, 444));
}

/* A look tells what the ring lost, long after what came later. */
Test(track, an_older_execution_told_late_is_not_what_the_process_runs)
{
	struct of_exec e = exec_of(2, 1, 100, "first");

	t.s.now_ns = 10 * SECOND;
	rec_exec(&t.s, 3, 2, 100, "/bin/second");
	e.start_ns = 5 * SECOND;
	rec_exec_of(&t.s, &e, "/bin/first", "", 0);
	rec_connect(&t.s, 100, FAR, 443);
	tracked_run(&t);
	cr_expect_not_null(tracked_account(&t, 3, FAR, 443));
	cr_expect_eq(known(3)->end_ns, 0);
}

Test(track, a_dead_execution_told_late_is_not_what_the_process_runs)
{
	rec_account(&t.s, 2, FAR, 80, 100); /* its exec was lost */
	rec_exit(&t.s, 2, 100);
	rec_exec(&t.s, 2, 0, 100, "/bin/dead");
	rec_connect(&t.s, 100, FAR, 443);
	tracked_run(&t);
	cr_expect_neq(known(2)->end_ns, 0);
	cr_expect_str_eq(known(2)->name, "dead");
	cr_expect_null(tracked_account(&t, 2, FAR, 443));
}

/* ---- How long they are kept ---- */

Test(track, grace)
{
	rec_exec(&t.s, 1, 0, 100, "/bin/a");
	rec_account(&t.s, 1, FAR, 443, 5);
	t.s.now_ns = 10 * SECOND;
	rec_exit(&t.s, 1, 100);
	tracked_tick(&t, 70 * SECOND);
	cr_expect_not_null(tracked_execution(&t, 1), "not longer than its grace");
	cr_expect_not_null(tracked_account(&t, 1, FAR, 443));
	tracked_tick(&t, 70 * SECOND + 1);
	cr_expect_null(tracked_execution(&t, 1));
	cr_expect_null(tracked_account(&t, 1, FAR, 443));
	cr_expect_eq(track_stats(t.track).evicted, 0);
}

/* The kernel tells of the dead for some seconds; what was forgotten would be counted anew. */
Test(track, a_grace_shorter_than_what_the_kernel_still_tells)
{
	stop();
	tracked_init(&t, YAML, (struct track_limits){ 64, 64, SECOND, 0 });
	rec_exec(&t.s, 1, 0, 100, "/bin/a");
	rec_account(&t.s, 1, FAR, 443, 500);
	rec_exit(&t.s, 1, 100);
	tracked_tick(&t, 4 * SECOND);
	rec_account(&t.s, 1, FAR, 443, 501);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].delta, 1);
	tracked_tick(&t, 7 * SECOND);
	cr_expect_eq(track_stats(t.track).executions, 0);
}

/* Bytes of one that is only kept for its children: they count, and go away again. */
Test(track, bytes_after_the_grace)
{
	rec_exec(&t.s, 1, 0, 100, "/bin/a");
	rec_fork(&t.s, 2, 1, 101);
	rec_exit(&t.s, 1, 100);
	tracked_tick(&t, 100 * SECOND);
	rec_account(&t.s, 1, FAR, 443, 5);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 1);
	cr_expect_eq(known(1)->sent, 5);
	rec_exit(&t.s, 2, 101);
	tracked_tick(&t, 300 * SECOND);
	tracked_tick(&t, 400 * SECOND);
	cr_expect_eq(track_stats(t.track).executions, 0);
	cr_expect_eq(track_stats(t.track).accounts, 0);
}

Test(track, a_full_table_gives_up_the_dead_of_which_all_is_told)
{
	uint64_t id;

	for (id = 1; id <= 64; id++)
		rec_exec(&t.s, id, 0, (uint32_t)id, "/bin/a");
	rec_exit(&t.s, 7, 7);
	tracked_run(&t);
	rec_exec(&t.s, 65, 0, 65, "/bin/a");
	tracked_run(&t);
	cr_expect_null(tracked_execution(&t, 65), "7 may still have something to tell");
	cr_expect_eq(track_stats(t.track).refused, 1);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1);

	t.s.now_ns = 7 * SECOND;
	rec_exec(&t.s, 65, 0, 65, "/bin/a");
	rec_exec(&t.s, 66, 0, 66, "/bin/a");
	tracked_run(&t);
	cr_expect_not_null(tracked_execution(&t, 65));
	cr_expect_null(tracked_execution(&t, 7));
	cr_expect_null(tracked_execution(&t, 66));
	cr_expect_eq(track_stats(t.track).evicted, 1);
	cr_expect_eq(track_stats(t.track).refused, 2);
	cr_expect_eq(track_stats(t.track).executions, 64);
}

/* Room for a late account is made by the oldest of the dead: not by the one it belongs to. */
Test(track, a_full_account_table_and_the_dead)
{
	uint16_t port;

	rec_exec(&t.s, 1, 0, 100, "/bin/a");
	rec_exec(&t.s, 2, 0, 101, "/bin/b");
	for (port = 1; port <= 32; port++) {
		rec_account(&t.s, 1, FAR, port, 10);
		rec_account(&t.s, 2, FAR, port, 10);
	}
	rec_exit(&t.s, 1, 100);
	t.s.now_ns = 10 * SECOND;
	rec_account(&t.s, 1, FAR, 99, 10);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 64);
	cr_expect_eq(track_stats(t.track).refused, 1);
	cr_expect_eq(known(1)->sent, 320);
	rec_account(&t.s, 2, FAR, 99, 10);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 1);
	cr_expect_null(tracked_execution(&t, 1));
	cr_expect_eq(track_stats(t.track).accounts, 33);
}

/* What the kernel has given back makes room, also of a process that lives on; what comes of the
 * same key later is counted from zero, and no byte twice. */
Test(track, a_living_process_keeps_nobody_out)
{
	struct of_account a;
	uint16_t port;

	rec_exec(&t.s, 1, 0, 100, "/bin/hog");
	rec_exec(&t.s, 2, 0, 101, "/usr/bin/trivy");
	for (port = 1; port <= 64; port++) {
		a = account_of(1, FAR, port, 10);
		a.generation = port;
		rec_account_of(&t.s, &a);
		a.flags = OF_ACCOUNT_FINAL;
		rec_account_of(&t.s, &a);
	}
	tracked_run(&t);
	rec_account(&t.s, 2, FAR, 443, 1000);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].exec_id, 2);
	cr_expect_eq(t.told[0].delta, 1000);
	cr_expect_eq(track_stats(t.track).refused, 0);
	cr_expect_null(tracked_account(&t, 1, FAR, 1), "final for longest");

	a = account_of(1, FAR, 1, 7);
	a.generation = 100;
	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_expect_eq(t.told[0].delta, 7);
	cr_expect_eq(known(1)->sent, 647);
}

/* One that grows again is not final any more. */
Test(track, an_account_that_begins_again_stays)
{
	struct of_account a = account_of(1, FAR, 1, 10);
	uint16_t port;

	rec_exec(&t.s, 1, 0, 100, "/bin/a");
	a.flags = OF_ACCOUNT_FINAL;
	rec_account_of(&t.s, &a);
	a.flags = 0;
	a.generation = 1;
	a.sent = 5;
	rec_account_of(&t.s, &a);
	for (port = 2; port <= 65; port++)
		rec_account(&t.s, 1, FAR, port, 10);
	tracked_run(&t);
	cr_expect_eq(tracked_account(&t, 1, FAR, 1)->sent, 15);
	cr_expect_eq(track_stats(t.track).refused, 1);
}

/* A chain of dead ancestors is shortened where it is newest; its top and the roles stay. */
Test(track, dead_ancestors_keep_nobody_out)
{
	const struct execution *e;
	uint64_t id;

	rec_exec(&t.s, 1, 0, 100, "/opt/Runner.Worker");
	for (id = 2; id <= 60; id++)
		rec_exec(&t.s, id, id - 1, 100, "/bin/again");
	tracked_tick(&t, 3600 * SECOND);
	for (id = 61; id <= 70; id++)
		rec_exec(&t.s, id, 0, (uint32_t)id, "/bin/other");
	tracked_run(&t);
	for (id = 61; id <= 70; id++)
		cr_expect_not_null(tracked_execution(&t, id));
	e = known(60);
	cr_expect_eq(e->roles, RUNNER);
	cr_expect_eq(e->elided, 6);
	cr_expect_eq(parent_of(60), 53);
	cr_expect_eq(lineage_root(e, RUNNER)->exec_id, 1);
	cr_expect_eq(track_stats(t.track).refused, 0);
}

/* A beacon that finds nobody is told each time it tries. */
Test(track, an_attempt_that_is_made_again)
{
	rec_exec(&t.s, 1, 0, 100, "/bin/a");
	rec_connect(&t.s, 100, FAR, 443);
	tracked_tick(&t, t.s.now_ns + SECOND);
	cr_expect_eq(t.told_n, 1);
	rec_connect(&t.s, 100, FAR, 443);
	tracked_tick(&t, t.s.now_ns + 60 * SECOND);
	cr_expect_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].kind, SUBJECT_ATTEMPT);
}

/* ---- Only its id is known ---- */

Test(track, an_account_before_its_execution)
{
	rec_account(&t.s, 5, FAR, 443, 100);
	rec_account(&t.s, 5, FAR, 444, 100);
	rec_fork(&t.s, 6, 5, 101);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 2);
	cr_expect_eq(t.told[0].exec_id, 5);
	cr_expect_str_eq(known(5)->name, "?");
	cr_expect_str_eq(known(5)->exe, "");
	cr_expect_eq(track_stats(t.track).unresolved, 1, "counted once");
	rec_exec(&t.s, 5, 0, 100, "/usr/bin/trivy");
	tracked_run(&t);
	cr_expect_str_eq(known(5)->name, "trivy");
	cr_expect_eq(known(5)->roles, SCANNER);
	cr_expect_eq(known(5)->sent, 200);
	rec_exit(&t.s, 5, 100);
	rec_exit(&t.s, 6, 101);
	tracked_tick(&t, 100 * SECOND);
	cr_expect_eq(track_stats(t.track).executions, 0);
}

Test(track, ids_that_are_nobodys)
{
	rec_exec(&t.s, 0, 0, 100, "/bin/a");
	rec_fork(&t.s, 0, 0, 100);
	rec_exit(&t.s, 0, 100);
	rec_exit(&t.s, 12345, 100);
	rec_connect(&t.s, 4711, FAR, 443);
	tracked_run(&t);
	cr_expect_eq(track_stats(t.track).executions, 0);
	cr_expect_eq(track_stats(t.track).accounts, 0);
	cr_expect_eq(track_stats(t.track).refused, 0);
}

/* ---- What the stream says about itself ---- */

Test(track, origin)
{
	const struct origin *o = track_origin(t.track);

	rec_every_kind(&t.s);
	tracked_run(&t);
	cr_expect_str_eq(o->host, "runner-7");
	cr_expect_str_eq(o->boot_id, "6f1c0000-0000-4000-8000-000000000000");
	cr_expect_eq(o->utc_offset_ns, 1773942142123456789);
	cr_expect_eq(o->time_ns, SECOND);
	cr_expect_eq(o->loss.ring, 1);
	t.s.now_ns = SECOND / 2;
	rec_loss(&t.s, 3);
	tracked_run(&t);
	cr_expect_eq(o->time_ns, SECOND, "time does not go back");
	cr_expect_eq(o->loss.ring, 3);
}

/* ---- Recordings that somebody made up ---- */

Test(track, circles_of_parents)
{
	uint64_t id, last;
	int i;

	for (i = 0; i < 3; i++)
		for (id = 1; id <= 10; id++) {
			rec_account(&t.s, id, FAR, (uint16_t)id, 10);
			rec_fork(&t.s, id, id % 10 + 1, (uint32_t)id);
			rec_exec(&t.s, id, id, (uint32_t)id, "/bin/a");
			rec_fork(&t.s, id + 20, id + 20, (uint32_t)id);
		}
	tracked_run(&t);
	for (id = 1; id <= 10; id++) {
		last = known(id)->depth;
		cr_expect_lt(last, 10);
		(void)lineage_root(known(id), OF_ROLE_ANY);
		(void)lineage_root(known(id), RUNNER);
	}
}

Test(track, ids_and_times_at_their_ends)
{
	static const uint64_t ids[] = { 1, UINT64_MAX, UINT64_MAX - 1, 1ULL << 63, 2 };
	static const uint64_t times[] = { UINT64_MAX, 0, 1, UINT64_MAX - SECOND, 1ULL << 63, 0 };
	size_t i, j;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		t.s.now_ns = times[i];
		for (j = 0; j < sizeof(ids) / sizeof(ids[0]); j++) {
			rec_exec(&t.s, ids[j] + i, ids[j], UINT32_MAX, "/bin/a");
			rec_account(&t.s, ids[j], FAR, (uint16_t)i, UINT64_MAX);
			rec_account(&t.s, ids[j], FAR, (uint16_t)i, 1);
			rec_connect(&t.s, UINT32_MAX, FAR, UINT16_MAX);
			rec_exit(&t.s, ids[(j + i) % 5], 0);
		}
		rec_tick(&t.s);
		tracked_run(&t);
	}
	cr_expect_leq(track_stats(t.track).executions, 64);
}

/* What is found out about a file holds for all that run it: those forked before and after. */
Test(track, hash_is_shared)
{
	uint64_t id;

	rec_exec(&t.s, 1, 0, 100, "/usr/bin/bash");
	rec_fork(&t.s, 2, 1, 101);
	tracked_run(&t);
	cr_expect_eq(tracked_execution(&t, 2)->hash_state, OF_HASH_NONE);
	rec_exit(&t.s, 1, 100);
	rec_hash(&t.s, 1, OF_HASH_OK, 0xab);
	rec_fork(&t.s, 3, 2, 102);
	rec_exec(&t.s, 4, 3, 102, "/usr/bin/curl");
	rec_hash(&t.s, 1, OF_HASH_GONE, 0); /* told twice: what is known stays known */
	tracked_run(&t);
	for (id = 1; id <= 3; id++) {
		cr_expect_eq(tracked_execution(&t, id)->hash_state, OF_HASH_OK);
		cr_assert_not_null(tracked_execution(&t, id)->sha256);
		cr_expect_eq(tracked_execution(&t, id)->sha256[31], 0xab);
	}
	cr_expect_eq(tracked_execution(&t, 4)->hash_state, OF_HASH_NONE);
	cr_expect_null(tracked_execution(&t, 4)->sha256);
	rec_hash(&t.s, 4, OF_HASH_CHANGED, 0);
	tracked_run(&t);
	cr_expect_eq(tracked_execution(&t, 4)->hash_state, OF_HASH_CHANGED);
	cr_expect_null(tracked_execution(&t, 4)->sha256);
}
