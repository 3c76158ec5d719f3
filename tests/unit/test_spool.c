/* SPDX-License-Identifier: BSD-2-Clause */
/* What was left for cron and at, and which of their jobs is linked to who left it. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "records.h"
#include "base/deputies.h"
#include "track/spool.h"

#define YAML           \
	"version: 1\n" \
	"roles:\n"     \
	"  job: {match: [{name: runner}, {name: runner2}]}\n"
#define JOB	1U
#define CRON	10 /* its exec_id, and 100 its pid */
#define ATD	20
#define RUNNER	30
#define RUNNER2 40
#define ADMIN	50
#define CI	1000 /* uids */
#define OTHER	1001
#define ANY	UINT32_MAX
#define WRITTEN (1000 * SECOND)
#define TAB	"/var/spool/cron/crontabs/ci"
#define TABLE	"/etc/cron.d/x"
#define DAILY	"/etc/cron.daily/x"
#define ATJOB	"/var/spool/cron/atjobs/a0000101c2a5f1"

static struct tracked t;

static void start(void)
{
	tracked_init(&t, YAML, (struct track_limits){ 1024, 1024, 60 * SECOND, 0 });
	rec_exec(&t.s, CRON, 0, 100, "/usr/sbin/cron");
	rec_exec(&t.s, ATD, 0, 200, "/usr/sbin/atd");
	rec_exec(&t.s, RUNNER, 0, 300, "/usr/bin/runner");
	rec_exec(&t.s, RUNNER2, 0, 400, "/usr/bin/runner2");
	rec_exec(&t.s, ADMIN, 0, 500, "/usr/bin/bash");
	tracked_run(&t);
	t.s.now_ns = WRITTEN;
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(spool, .init = start, .fini = stop, .timeout = 60);

static const struct execution *known(uint64_t exec_id)
{
	const struct execution *e = tracked_execution(&t, exec_id);

	cr_assert_not_null(e, "execution %lu", (unsigned long)exec_id);
	return e;
}

/* exec_id of who left it; 0: it is linked to nobody. */
static uint64_t left_by(uint64_t exec_id)
{
	const struct via *via = &known(exec_id)->via;

	return via->errand == NULL ? 0 : via->errand->exec_id;
}

/* As cron and atd do: a child for the job, which forks what executes the shell as the user. Its
 * exec_id is `id`, its pid 10 * id. `command` NULL: the shell reads the job. */
static void job(uint64_t id, uint64_t deputy, uint32_t uid, const char *command)
{
	struct of_exec child =
		exec_of(id - 2, deputy, (uint32_t)(id * 10 + 1), deputy == ATD ? "atd" : "cron");
	struct of_exec own = exec_of(id - 1, id - 2, (uint32_t)(id * 10), child.name);
	struct of_exec sh = exec_of(id, id - 1, (uint32_t)(id * 10), "sh");
	char argv[256];
	int len = command == NULL
			  ? snprintf(argv, sizeof(argv), "sh%c", 0)
			  : snprintf(argv, sizeof(argv), "/bin/sh%c-c%c%s%c", 0, 0, command, 0);

	rec_fork_of(&t.s, &child);
	rec_fork_of(&t.s, &own);
	sh.uid = uid;
	rec_exec_of(&t.s, &sh, "/usr/bin/dash", argv, (size_t)len);
}

/* By a process of this exec_id, or that had this pid. */
static void changed(uint64_t exec_id, uint32_t tgid, uint16_t flags, const char *path)
{
	struct of_rec_spool r = { .exec_id = exec_id,
				  .tgid = tgid,
				  .uid = ANY,
				  .kind = OF_SPOOL_SYSTEM,
				  .flags = flags };

	rec_spool_of(&t.s, &r, path);
}

static void later(uint64_t ns)
{
	t.s.now_ns = WRITTEN + ns;
}

Test(spool, programs)
{
	cr_expect_eq(deputy_of_program("cron"), DEPUTY_SPOOL_CRON);
	cr_expect_eq(deputy_of_program("crond"), DEPUTY_SPOOL_CRON);
	cr_expect_eq(deputy_of_program("anacron"), DEPUTY_SPOOL_CRON);
	cr_expect_eq(deputy_of_program("atd"), DEPUTY_SPOOL_AT);
	cr_expect_eq(deputy_of_program("run-parts"), DEPUTY_SPOOL_PARTS);
	cr_expect_eq(deputy_of_program("crontab"), DEPUTY_SPOOL_NONE);
	cr_expect_eq(deputy_of_program(""), DEPUTY_SPOOL_NONE);
}

Test(spool, a_crontab)
{
	const struct errand *e;

	rec_spool(&t.s, RUNNER, OF_SPOOL_CRONTAB, CI, TAB, "/bin/x");
	later(86400 * SECOND);
	job(1000, CRON, CI, "/bin/x");
	rec_fork(&t.s, 1001, 1000, 10010);
	tracked_run(&t);
	e = known(1001)->via.errand;
	cr_assert_not_null(e, "all that descends from it");
	cr_expect_eq(e, known(1000)->via.errand);
	cr_expect_eq(e->exec_id, RUNNER);
	cr_expect_str_eq(e->kind, "cron");
	cr_expect_eq(e->socket_len, 0);
	cr_expect_eq(e->file_len, strlen(TAB));
	cr_expect_arr_eq(e->file, TAB, strlen(TAB));
	cr_expect_eq(e->deputy.tgid, 100, "the daemon, not its child");
	cr_expect_str_eq(e->deputy.name, "cron");
	cr_expect_str_eq(e->lineage, "runner[300]");
	cr_expect_eq(e->others, 0);
	cr_expect_eq(known(1001)->via.after_ns, 86400 * SECOND);
	cr_expect_eq(known(1000)->roles, JOB);
	cr_expect_eq(known(CRON)->roles, 0);
	cr_expect_eq(known(998)->roles, 0, "nor what only becomes the job");
}

Test(spool, of_another_user_or_line)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_CRONTAB, CI, TAB, "/bin/x");
	later(60 * SECOND);
	job(1000, CRON, OTHER, "/bin/x");
	job(1010, CRON, CI, "/bin/y");
	job(1020, ATD, CI, "/bin/x");
	job(1030, ADMIN, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
	cr_expect_eq(left_by(1010), 0);
	cr_expect_eq(left_by(1020), 0);
	/* Called cron: anybody may, and only adds to what is linked. */
	cr_expect_eq(left_by(1030), RUNNER);
}

Test(spool, by_nobody_with_a_role)
{
	rec_spool(&t.s, ADMIN, OF_SPOOL_CRONTAB, CI, TAB, "/bin/x");
	later(60 * SECOND);
	job(1000, CRON, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
	cr_expect_eq(known(1000)->roles, 0);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 0);
}

/* A system's table: whoever its lines are for. */
Test(spool, any_user)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	job(1000, CRON, OTHER, "/bin/x");
	job(1010, CRON, 0, "/bin/y");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), RUNNER);
	cr_expect_eq(left_by(1010), 0);
}

/* What cannot be compared may be it. */
Test(spool, commands_that_are_not_known)
{
	struct of_exec own = exec_of(2000, CRON, 20000, "cron"), sh;
	static const char cut[] = "/bin/sh\0-c\0/bin/";

	rec_spool(&t.s, RUNNER, OF_SPOOL_CRONTAB, CI, TAB, NULL);
	job(1000, CRON, CI, "/bin/y");
	rec_spool(&t.s, RUNNER, OF_SPOOL_CRONTAB, OTHER, TABLE, "/bin/x");
	rec_fork_of(&t.s, &own);
	sh = exec_of(2001, 2000, 20000, "sh");
	sh.uid = OTHER;
	rec_exec_of(&t.s, &sh, "/bin/sh", cut,
		    sizeof(cut) - 1); /* without a command that is whole */
	tracked_run(&t);
	cr_expect_eq(left_by(1000), RUNNER);
	cr_expect_eq(left_by(2001), 0, "whole, as far as the record says");
}

Test(spool, at)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_AT, CI, ATJOB, NULL);
	later(60 * SECOND);
	job(1000, ATD, OTHER, NULL);
	job(1010, CRON, CI, NULL);
	job(1020, ATD, CI, NULL);
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
	cr_expect_eq(left_by(1010), 0);
	cr_expect_eq(left_by(1020), RUNNER);
	cr_expect_str_eq(known(1020)->via.errand->kind, "at");
	cr_expect_str_eq(known(1020)->via.errand->deputy.name, "atd");
	cr_expect_eq(known(1020)->via.errand->deputy.tgid, 200);
}

/* It was taken away before anybody looked at whose it was. */
Test(spool, at_and_gone)
{
	struct of_rec_spool r = { .tgid = 300,
				  .uid = ANY,
				  .kind = OF_SPOOL_AT,
				  .flags = OF_SPOOL_WRITTEN | OF_SPOOL_GONE };

	rec_spool_of(&t.s, &r, ATJOB);
	job(1000, ATD, OTHER, NULL);
	job(1010, ATD, CI, NULL);
	later(SPOOL_AT_NS + 1);
	job(1020, ATD, CI, NULL);
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
	cr_expect_eq(left_by(1010), RUNNER);
	cr_expect_eq(left_by(1020), 0);
}

/* cron runs run-parts by a shell, which executes the file by itself or by what its first line says.
 */
Test(spool, a_program_of_a_folder)
{
	static const char script[] = "/bin/sh\0-e\0" DAILY, other[] = "/bin/sh\0/etc/cron.daily/y";
	struct of_exec e = exec_of(1003, 1002, 10003, "x");

	rec_spool(&t.s, RUNNER, OF_SPOOL_PROGRAM, ANY, DAILY, NULL);
	later(3600 * SECOND);
	job(1000, CRON, 0, "run-parts /etc/cron.daily");
	rec_exec(&t.s, 1001, 1000, 10000, "/usr/bin/run-parts");
	rec_fork(&t.s, 1002, 1001, 10003);
	rec_exec_of(&t.s, &e, "/usr/bin/dash", script, sizeof(script));
	e = exec_of(1004, 1001, 10004, "y");
	rec_exec_of(&t.s, &e, "/usr/bin/dash", other, sizeof(other));
	rec_exec(&t.s, 1005, 1001, 10005, DAILY);
	rec_exec(&t.s, 1006, ADMIN, 10006, DAILY);
	tracked_run(&t);
	cr_expect_eq(left_by(1001), 0);
	cr_expect_eq(left_by(1003), RUNNER);
	cr_expect_eq(known(1003)->via.errand->deputy.tgid, 100);
	cr_expect_eq(left_by(1004), 0);
	cr_expect_eq(left_by(1005), RUNNER);
	cr_expect_eq(left_by(1006), 0, "by hand");
}

Test(spool, until_it_is_gone)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	later(3600 * SECOND);
	changed(ADMIN, 500, OF_SPOOL_GONE, TABLE);
	later(3600 * SECOND + SPOOL_CRON_NS);
	job(1000, CRON, CI, "/bin/x");
	later(3600 * SECOND + SPOOL_CRON_NS + 1);
	job(1010, CRON, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), RUNNER, "cron has it in memory for a minute");
	cr_expect_eq(left_by(1010), 0);
}

Test(spool, not_for_ever)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	later(SPOOL_STAYS_NS);
	job(1000, CRON, CI, "/bin/x");
	later(SPOOL_STAYS_NS + 1);
	job(1010, CRON, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), RUNNER);
	cr_expect_eq(left_by(1010), 0);
}

Test(spool, rewritten_by_somebody_else)
{
	/* With another line; with the line still in it; with what is not known. */
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, "/etc/cron.d/a", "/bin/a");
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, "/etc/cron.d/b", "/bin/b");
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, "/etc/cron.d/c", "/bin/c");
	rec_spool(&t.s, ADMIN, OF_SPOOL_SYSTEM, ANY, "/etc/cron.d/a", "/bin/z");
	rec_spool(&t.s, ADMIN, OF_SPOOL_SYSTEM, ANY, "/etc/cron.d/b", "/bin/b");
	rec_spool(&t.s, ADMIN, OF_SPOOL_SYSTEM, ANY, "/etc/cron.d/c", NULL);
	later(SPOOL_CRON_NS + 1);
	job(1000, CRON, CI, "/bin/a");
	job(1010, CRON, CI, "/bin/b");
	job(1020, CRON, CI, "/bin/c");
	job(1030, CRON, CI, "/bin/z");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
	cr_expect_eq(left_by(1010), RUNNER);
	cr_expect_eq(left_by(1020), 0);
	cr_expect_eq(left_by(1030), 0);
}

/* Two with a role: the later has it, also where the files are not the same. */
Test(spool, the_latest_of_two_has_it)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_AT, CI, ATJOB, NULL);
	rec_spool(&t.s, RUNNER2, OF_SPOOL_AT, CI, ATJOB "2", NULL);
	rec_spool(&t.s, RUNNER2, OF_SPOOL_AT, CI, ATJOB "3", NULL);
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	rec_spool(&t.s, RUNNER2, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	job(1000, ATD, CI, NULL);
	job(1010, CRON, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), RUNNER2);
	cr_expect_eq(known(1000)->via.errand->others, 1, "itself is no other");
	cr_expect_arr_eq(known(1000)->via.errand->file, ATJOB "3", sizeof(ATJOB "3") - 1);
	cr_expect_eq(left_by(1010), RUNNER2);
	cr_expect_eq(known(1010)->via.errand->others, 0);
}

/* Made, written and closed: one file, which was left when it was made. */
Test(spool, written_piece_by_piece)
{
	rec_spool(&t.s, RUNNER, OF_SPOOL_CRONTAB, 0, TAB, NULL);
	later(2 * SECOND);
	rec_spool(&t.s, RUNNER, OF_SPOOL_CRONTAB, CI, TAB, "/bin/x");
	later(10 * SECOND);
	job(1000, CRON, CI, "/bin/x");
	job(1010, CRON, 0, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), RUNNER);
	cr_expect_eq(known(1000)->via.after_ns, 10 * SECOND);
	cr_expect_eq(left_by(1010), 0);
}

/* at tells atd at once: the job may be told before the file. */
Test(spool, a_file_told_late)
{
	later(-2 * SECOND);
	job(1000, ATD, CI, NULL);
	rec_fork(&t.s, 1001, 1000, 10010);
	rec_account(&t.s, 1001, FAR, 443, 1000);
	later(-6 * SECOND);
	job(1010, ATD, CI, NULL);
	later(0);
	rec_spool(&t.s, RUNNER, OF_SPOOL_AT, CI, ATJOB, NULL);
	tracked_run(&t);
	cr_expect_eq(left_by(1001), RUNNER);
	cr_expect_eq(known(1001)->roles, JOB);
	cr_expect_eq(known(1001)->via.after_ns, 0);
	cr_expect_eq(left_by(1010), 0, "too long ago");
	cr_assert_eq(t.told_n, 2, "what was sent is judged once more");
	cr_expect_eq(t.told[0].roles, 0);
	cr_expect_eq(t.told[1].kind, SUBJECT_GAINED);
	cr_expect_eq(t.told[1].delta, 1000);
	cr_expect_eq(t.told[1].roles, JOB);
	cr_expect_eq(t.told[1].exec_id, 1001);
	cr_assert_not_null(t.told[1].via.errand);
	cr_expect_eq(t.told[1].via.errand->exec_id, RUNNER);
}

/* A job that began before who wrote the file did is not of it. */
Test(spool, not_before_who_wrote)
{
	later(-2 * SECOND);
	job(1000, ATD, CI, NULL);
	later(-SECOND);
	rec_exec(&t.s, 2000, RUNNER, 20000, "/usr/bin/at");
	later(0);
	rec_spool(&t.s, 2000, OF_SPOOL_AT, CI, ATJOB, NULL);
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
}

/* crontab and at end before anybody asks who they were. */
Test(spool, who_has_ended)
{
	rec_exec(&t.s, 2000, RUNNER, 2000, "/usr/bin/crontab");
	rec_exit(&t.s, 2000, 2000);
	changed(0, 2000, OF_SPOOL_WRITTEN | OF_SPOOL_REAPED, "/etc/cron.d/a");
	rec_exec(&t.s, 2001, ADMIN, 2000, "/usr/bin/innocent"); /* has its number now */
	changed(0, 2000, OF_SPOOL_WRITTEN | OF_SPOOL_REAPED, "/etc/cron.d/b");
	changed(0, 2000, OF_SPOOL_WRITTEN, "/etc/cron.d/c");
	tracked_run(&t);
	job(1000, CRON, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 2000);
	cr_expect_arr_eq(known(1000)->via.errand->file, "/etc/cron.d/b", 13,
			 "the innocent wrote c");
	cr_expect_eq(track_origin(t.track)->loss.tracking, 0);
}

Test(spool, who_is_not_known_is_said)
{
	changed(0, 4711, OF_SPOOL_WRITTEN, TABLE);
	changed(4711, 4711, OF_SPOOL_WRITTEN, TABLE);
	changed(0, 0, OF_SPOOL_WRITTEN, TABLE);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 3);
	changed(0, 0, OF_SPOOL_GONE, TABLE);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 3, "that is nobody's ask");
}

Test(spool, what_was_missed_is_said)
{
	struct of_rec_spool r = { .hdr.err = -EOVERFLOW };

	stream_add(&t.s, &r, offsetof(struct of_rec_spool, commands), OF_REC_SPOOL);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1);
}

/* A cron of the lineage's own: its jobs are of that lineage, which says more. */
Test(spool, a_cron_of_its_own)
{
	rec_fork(&t.s, 2000, RUNNER, 2000);
	rec_exec(&t.s, 2001, 2000, 2000, "/usr/sbin/crond");
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	later(60 * SECOND);
	job(1000, 2001, CI, "/bin/x");
	tracked_run(&t);
	cr_expect_eq(known(1000)->roles, JOB);
	cr_expect_eq(left_by(1000), 0);
}

Test(spool, files_have_a_limit)
{
	char path[64], command[64];
	unsigned int i;

	for (i = 0; i <= SPOOLED_MAX; i++) {
		(void)snprintf(path, sizeof(path), "/etc/cron.d/%u", i);
		(void)snprintf(command, sizeof(command), "/bin/%u", i);
		rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, path, command);
	}
	job(1000, CRON, CI, "/bin/0");
	job(1010, CRON, CI, "/bin/1");
	job(1020, CRON, CI, command);
	tracked_run(&t);
	cr_expect_eq(left_by(1000), 0);
	cr_expect_eq(left_by(1010), RUNNER);
	cr_expect_eq(left_by(1020), RUNNER);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1);
	/* One that is over goes before one that counts. */
	changed(ADMIN, 500, OF_SPOOL_GONE, "/etc/cron.d/100");
	later(SPOOL_CRON_NS + SECOND);
	rec_spool(&t.s, RUNNER, OF_SPOOL_SYSTEM, ANY, TABLE, "/bin/x");
	job(1030, CRON, CI, "/bin/1");
	tracked_run(&t);
	cr_expect_eq(left_by(1030), RUNNER);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 1);
}
