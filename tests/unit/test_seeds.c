/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_seeds.c: streams of records that tracking once failed at, or that fill its tables. Each runs
 * here as it is; the fuzzer of recordings begins with them: they are written into the folder
 * FUZZ_SEEDS when that is set (tests/tests.mk), so that they always have the shape of records now.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "pipeline.h"
#include "records.h"

static const char yaml[] = "version: 1\n"
			   "endpoints: {good: [\"203.0.113.0/28:443\"]}\n"
			   "roles: {scanner: {match: [{name: trivy}]}}\n"
			   "rules:\n"
			   "  - {id: a, when: {role: scanner, endpoint: {not_in: [good]}}}\n"
			   "  - {id: b, when: {sent: {over: 1KiB, within: 10m, per: lineage}}}\n";

static void at(struct stream *s, uint64_t seconds)
{
	s->now_ns = seconds * SECOND;
}

/* An execution past its grace gets an account again, and the last of its children ends. */
static void account_after_grace(struct stream *s)
{
	rec_exec(s, 1, 0, 100, "/usr/bin/bash");
	rec_fork(s, 2, 1, 101);
	rec_exit(s, 1, 100);
	at(s, 100);
	rec_tick(s);
	rec_account(s, 1, FAR, 443, 5);
	rec_exit(s, 2, 101);
	at(s, 200);
	rec_tick(s);
	at(s, 300);
	rec_tick(s);
}

/* The table of accounts is full, and the one that must go is of the execution that asks. */
static void account_of_the_oldest_dead(struct stream *s)
{
	uint16_t port;

	rec_exec(s, 1, 0, 100, "/bin/a");
	rec_exec(s, 2, 0, 101, "/bin/b");
	for (port = 1; port <= 3; port++) {
		rec_account(s, 1, FAR, port, 10);
		rec_account(s, 2, FAR, port, 10);
	}
	rec_exit(s, 1, 100);
	at(s, 10);
	rec_account(s, 1, FAR, 99, 10);
	rec_account(s, 2, FAR, 99, 10);
	rec_tick(s);
}

/* Executions and accounts come and go, more than there is room for. */
static void eviction(struct stream *s)
{
	uint32_t i;

	for (i = 1; i <= 40; i++) {
		at(s, i);
		rec_exec(s, i, i - 1, i, "/usr/bin/trivy");
		rec_account(s, i, FAR, (uint16_t)i, i * 1000);
		rec_exit(s, i, i);
		if (i % 6 == 0)
			rec_tick(s);
	}
}

static void exec_chain(struct stream *s)
{
	uint64_t id;

	rec_fork(s, 1, 0, 100);
	for (id = 2; id < 15; id++)
		rec_exec(s, id, id - 1, 100, id % 2 == 0 ? "/bin/sh" : "/usr/bin/trivy");
	rec_account(s, 14, FAR, 443, 5000);
	rec_tick(s);
}

/* Slots of one account that follow each other, overflow accounts, parents in a circle. */
static void generations(struct stream *s)
{
	struct of_account a = account_of(3, FAR, 443, 0);
	struct of_account many = { .exec_id = 3, .flags = OF_ACCOUNT_OVERFLOW, .sent = 90000 };
	uint32_t i;

	for (i = 1; i <= 6; i++) {
		a.sent = 500 * i;
		a.generation = i % 3;
		rec_account_of(s, &a);
	}
	a.flags = OF_ACCOUNT_FINAL;
	rec_account_of(s, &a);
	rec_account_of(s, &many);
	many.exec_id = 0;
	many.flags |= OF_ACCOUNT_MACHINE;
	rec_account_of(s, &many);
	rec_fork(s, 3, 2, 9);
	rec_fork(s, 2, 3, 9);
	rec_exit(s, 2, 9);
	rec_fork(s, 5, 2, 9);
	at(s, 21);
	rec_tick(s);
}

static void job(struct stream *s)
{
	rec_exec(s, 1, 0, 100, "/opt/runner/Runner.Worker");
	rec_fork(s, 2, 1, 101);
	rec_exec(s, 3, 2, 101, "/usr/bin/trivy");
	rec_account(s, 3, "203.0.113.1", 443, 5000);
	rec_account(s, 3, "198.51.100.9", 443, 400000);
	rec_fork(s, 4, 3, 102);
	rec_exit(s, 4, 102);
	rec_connect(s, 101, "198.51.100.10", 80);
	at(s, 2);
	rec_tick(s);
	rec_exit(s, 3, 101);
	at(s, 30);
	rec_tick(s);
}

/* Steps of a job, one that claims another, and an ancestor that goes. */
static void steps(struct stream *s)
{
	rec_env_lines(s, 50, "GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=o/r\nGITHUB_ACTION=a\n");
	rec_env_lines(s, 51, "GITHUB_REPOSITORY=evil/x\nBUILDKITE=true\n");
	rec_exec(s, 1, 0, 100, "/opt/runner/Runner.Worker");
	rec_fork(s, 2, 1, 101);
	rec_exec_env(s, 3, 2, 101, "/usr/bin/bash", 50);
	rec_fork(s, 4, 3, 102);
	rec_exec_env(s, 5, 4, 102, "/usr/bin/trivy", 51);
	rec_account(s, 5, FAR, 80, 5000);
	rec_exec_env(s, 6, 1, 103, "/usr/bin/bash", 50);
	rec_account(s, 6, FAR, 80, 5000);
	rec_exit(s, 3, 101);
	at(s, 100);
	rec_tick(s);
	rec_account(s, 5, FAR, 80, 9000);
	rec_tick(s);
}

static void places(struct stream *s)
{
	rec_resolver(s, "198.51.100.53");
	rec_addr(s, "198.51.100.1", NETNS, 0);
	rec_exec(s, 1, 0, 100, "/usr/bin/dig");
	rec_account(s, 1, "198.51.100.53", 53, 40);
	rec_account(s, 1, "198.51.100.1", 80, 100);
	rec_account(s, 1, "10.0.0.1", 80, 100);
	rec_account(s, 1, "2001:db8::1", 80, 2000);
	rec_addr(s, "198.51.100.1", NETNS, 1);
	rec_loss(s, 1);
	rec_tick(s);
}

static void interface(struct stream *s)
{
	struct of_rec_link l = { .name = "eth0", .netns = NETNS, .ifindex = 2 };
	unsigned int i;

	for (i = 1; i < 20; i++) {
		at(s, i);
		l.socket += 1000000;
		l.packets += 700;
		l.segments += 300;
		l.headers += 300 * 66;
		l.forwarded += 50000;
		l.elsewhere += 40000;
		l.tx_bytes += 1100000;
		l.tx_packets += 900;
		rec_link_of(s, &l);
		rec_tick(s);
	}
	l.flags = OF_LINK_GONE;
	rec_link_of(s, &l);
}

/* Hashes before and behind the forks that share them, of executions that go and of none. */
static void hashes(struct stream *s)
{
	rec_exec(s, 1, 0, 100, "/usr/bin/bash");
	rec_fork(s, 2, 1, 101);
	rec_hash(s, 1, OF_HASH_CHANGED, 0);
	rec_fork(s, 3, 2, 102);
	rec_hash(s, 3, OF_HASH_OK, 0x11);
	rec_exit(s, 1, 100);
	rec_account(s, 3, FAR, 443, 5000);
	at(s, 30);
	rec_tick(s);
	rec_hash(s, 1, OF_HASH_GONE, 0);
	rec_hash(s, 2, OF_HASH_SKIPPED, 0);
	rec_hash(s, 99, OF_HASH_FAILED, 0);
	rec_fork(s, 4, 3, 103);
	rec_exit(s, 3, 102);
	rec_exit(s, 2, 101);
	at(s, 60);
	rec_tick(s);
	rec_account(s, 4, FAR, 443, 5000);
	rec_tick(s);
}

/* Files for cron, by whom with a role and without, and the jobs that it starts. */
static void spool(struct stream *s)
{
	static const char argv[] = "/bin/sh\0-c\0/bin/x";
	struct of_exec e = exec_of(6, 5, 105, "sh");
	struct of_rec_spool gone = { .tgid = 102, .kind = OF_SPOOL_SYSTEM, .flags = OF_SPOOL_GONE };
	char path[64];
	unsigned int i;

	rec_exec(s, 1, 0, 100, "/usr/sbin/cron");
	rec_exec(s, 2, 0, 101, "/usr/bin/trivy");
	rec_exec(s, 3, 0, 102, "/usr/bin/bash");
	for (i = 0; i < 300; i++) {
		(void)snprintf(path, sizeof(path), "/etc/cron.d/%u", i);
		rec_spool(s, 2, OF_SPOOL_SYSTEM, UINT32_MAX, path, "/bin/x");
	}
	rec_spool(s, 3, OF_SPOOL_SYSTEM, UINT32_MAX, path, "/bin/y");
	rec_spool_of(s, &gone, "/etc/cron.d/298");
	gone.flags = OF_SPOOL_GONE | OF_SPOOL_WRITTEN | OF_SPOOL_REAPED;
	rec_spool_of(s, &gone, "/etc/cron.d/297");
	at(s, 60);
	rec_fork(s, 5, 1, 105);
	rec_exec_of(s, &e, "/bin/sh", argv, sizeof(argv));
	rec_account(s, 6, FAR, 443, 5000);
	at(s, 400);
	rec_tick(s);
}

static const struct seed {
	const char *name;
	void (*make)(struct stream *s);
} seeds[] = {
	{ "account-after-grace", account_after_grace },
	{ "account-of-the-oldest-dead", account_of_the_oldest_dead },
	{ "eviction", eviction },
	{ "every-kind", rec_every_kind },
	{ "exec-chain", exec_chain },
	{ "generations", generations },
	{ "hashes", hashes },
	{ "interface", interface },
	{ "job", job },
	{ "places", places },
	{ "spool", spool },
	{ "steps", steps },
};

#define SEEDS_N (sizeof(seeds) / sizeof(seeds[0]))

/* By number: each runs in a process of its own, where addresses are others. */
ParameterizedTestParameters(seeds, whole)
{
	static size_t numbers[SEEDS_N];
	size_t i;

	for (i = 0; i < SEEDS_N; i++)
		numbers[i] = i;
	return cr_make_param_array(size_t, numbers, SEEDS_N);
}

static void put(void *arg, const struct record *r)
{
	(void)arg;
	cr_expect_gt(r->json_len, 0);
}

static void write_to(const char *dir, const char *name, const struct stream *s)
{
	char path[4096];
	FILE *f;

	cr_assert_lt((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name), sizeof(path));
	f = fopen(path, "w");
	cr_assert_not_null(f, "%s", path);
	cr_assert_eq(fwrite(s->data, 1, s->len, f), s->len);
	cr_assert_eq(fclose(f), 0);
}

ParameterizedTest(const size_t *number, seeds, whole)
{
	const struct seed *seed = &seeds[*number];
	struct stream s = { .now_ns = SECOND };
	struct config config;
	struct pipeline p;
	struct intake *in;
	int err;

	seed->make(&s);
	config_of(yaml, &config);
	config.limits.tracked_executions = 12;
	config.limits.tracked_accounts = 6;
	config.limits.grace_ns = 10 * SECOND;
	cr_assert_eq(intake_array(s.data, s.len, &in), 0);
	cr_assert_eq(pipeline_init(&p, &config, in, put, NULL), 0);
	while ((err = pipeline_drain(&p, 7)) >= 0)
		;
	cr_expect_eq(err, -ENODATA, "every record is read: %d", err);
	pipeline_done(&p);
	if (getenv("FUZZ_SEEDS") != NULL)
		write_to(getenv("FUZZ_SEEDS"), seed->name, &s);
	config_done(&config);
	stream_done(&s);
}
