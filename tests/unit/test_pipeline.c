/* SPDX-License-Identifier: BSD-2-Clause */
/* The pipeline: records in, alerts out, the same each time. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "pipeline.h"
#include "records.h"

#define MINUTE (60 * SECOND)

static const char yaml[] =
	"version: 1\n"
	"endpoints:\n"
	"  vuln-db: [\"203.0.113.0/28:443\"]\n"
	"roles:\n"
	"  runner: {match: [{name: Runner.Worker}]}\n"
	"  scanner: {match: [{name: trivy}]}\n"
	"rules:\n"
	"  - id: scanner-unknown-endpoint\n"
	"    when: {role: scanner, endpoint: {not_in: [vuln-db]}}\n"
	"    severity: high\n"
	"  - id: scanner-volume\n"
	"    when: {role: scanner, sent: {over: 1MiB, within: 10m, per: lineage}}\n"
	"    severity: medium\n";

static struct config config;
static struct stream s;

/* What was raised: a line each, "type rule", and every byte of it. */
struct raised {
	struct buf said, bytes;
	size_t n;
};

static void start(void)
{
	config_of(yaml, &config);
	s = (struct stream){ .now_ns = SECOND };
}

static void stop(void)
{
	config_done(&config);
	stream_done(&s);
}

TestSuite(pipeline, .init = start, .fini = stop, .timeout = 60);

static void put(void *arg, const struct record *r)
{
	struct raised *got = arg;

	buf_printf(&got->said, "%s %s\n", r->type, r->rule);
	buf_printf(&got->bytes, "%s\n%s\n%s\n", r->json, r->text, r->id);
	got->n++;
}

static void raised_init(struct raised *got)
{
	*got = (struct raised){ .n = 0 };
	buf_init(&got->said, 1 << 20);
	buf_init(&got->bytes, 1 << 20);
}

static void raised_done(struct raised *got)
{
	cr_expect_eq(got->said.err, 0);
	cr_expect_eq(got->bytes.err, 0);
	buf_done(&got->said);
	buf_done(&got->bytes);
}

static void open_array(struct pipeline *p, struct raised *got)
{
	struct intake *in;

	cr_assert_eq(intake_array(s.data, s.len, &in), 0);
	cr_assert_eq(pipeline_init(p, &config, in, put, got), 0);
}

static void run(struct raised *got, int budget)
{
	struct pipeline p;
	int n;

	raised_init(got);
	open_array(&p, got);
	do
		n = pipeline_drain(&p, budget);
	while (n >= 0);
	cr_expect_eq(n, -ENODATA);
	pipeline_done(&p);
}

static void said_is(const char *lines)
{
	struct raised got;

	run(&got, 100);
	cr_expect_str_eq(got.said.data == NULL ? "" : got.said.data, lines);
	raised_done(&got);
}

/* A runner whose job runs a scanner that was poisoned. */
static void attack(void)
{
	rec_host(&s, config.policy.roles_id);
	rec_clock(&s, 1773942142123456789);
	rec_resolver(&s, "192.0.2.53");
	rec_exec(&s, 1, 0, 100, "/opt/Runner.Worker");
	rec_fork(&s, 2, 1, 101);
	rec_exec(&s, 3, 2, 101, "/bin/bash");
	rec_account(&s, 3, "198.51.100.1", 443, 5 << 20);
	rec_fork(&s, 4, 3, 102);
	rec_exec(&s, 5, 4, 102, "/usr/bin/trivy");
	s.now_ns += SECOND;
	rec_account(&s, 5, "192.0.2.53", 53, 60);
	rec_account(&s, 5, FAR, 443, 900 << 10);
	rec_tick(&s);
	s.now_ns += SECOND;
	rec_fork(&s, 6, 5, 103);
	rec_exec(&s, 7, 6, 103, "/usr/bin/curl");
	rec_exit(&s, 5, 102);
	rec_account(&s, 7, "198.51.100.7", 443, 384 << 10);
	rec_account(&s, 7, "198.51.100.7", 443, 385 << 10);
	rec_connect(&s, 103, "198.51.100.8", 443);
	s.now_ns += SECOND;
	rec_exit(&s, 7, 103);
	rec_tick(&s);
}

Test(pipeline, exactly_the_records_that_are_due)
{
	attack();
	said_is("alert scanner-unknown-endpoint\n" /* 198.51.100.7 */
		"alert scanner-volume\n"	   /* 900 + 384 KiB */
		"alert scanner-unknown-endpoint\n" /* the attempt at 198.51.100.8 */);
}

/* The queue of files to hash is longer than what is over is remembered. */
Test(pipeline, a_hash_that_comes_when_its_execution_is_forgotten)
{
	struct raised got;

	attack();
	s.now_ns += 10 * MINUTE;
	rec_tick(&s);
	rec_hash(&s, 7, OF_HASH_OK, 0xab);
	raised_init(&got);
	run(&got, 100);
	cr_expect_str_eq(got.said.data, "alert scanner-unknown-endpoint\n"
					"alert scanner-volume\n"
					"alert scanner-unknown-endpoint\n"
					"update scanner-unknown-endpoint\n"
					"update scanner-volume\n"
					"update scanner-unknown-endpoint\n");
	cr_expect_not_null(strstr(got.bytes.data, "update: sha256 abab"));
	cr_expect_not_null(strstr(got.bytes.data, "abab: /usr/bin/curl; id="));
	raised_done(&got);
}

Test(pipeline, the_same_each_time)
{
	static const int budgets[] = { 1, 3, 4096 };
	struct raised first, again;
	size_t i;

	attack();
	rec_loss(&s, 9);
	rec_tick(&s);
	run(&first, 100);
	cr_expect_eq(first.n, 4);
	for (i = 0; i < 3; i++) {
		run(&again, budgets[i]);
		cr_assert_eq(again.bytes.len, first.bytes.len);
		cr_expect_str_eq(again.bytes.data, first.bytes.data);
		raised_done(&again);
	}
	raised_done(&first);
}

/* What a recording holds judges as what it was recorded from. */
Test(pipeline, a_recording_is_as_good_as_the_machine)
{
	char path[] = "/tmp/outflow-pipeline-XXXXXX";
	struct raised live, replayed;
	struct pipeline p;
	struct intake *in;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	(void)close(fd);
	(void)unlink(path);
	attack();
	raised_init(&live);
	raised_init(&replayed);
	open_array(&p, &live);
	cr_assert_eq(intake_record(p.intake, path), 0);
	while (pipeline_drain(&p, 10) >= 0)
		;
	pipeline_done(&p);
	cr_assert_eq(intake_recording(path, &in), 0);
	cr_assert_eq(pipeline_init(&p, &config, in, put, &replayed), 0);
	while (pipeline_drain(&p, 10) >= 0)
		;
	pipeline_done(&p);
	(void)unlink(path);
	cr_expect_eq(live.n, 3);
	cr_expect_str_eq(live.bytes.data, replayed.bytes.data);
	raised_done(&live);
	raised_done(&replayed);
}

Test(pipeline, nothing_happened)
{
	said_is("");
	rec_tick(&s);
	said_is("");
}

/* ---- Loss ---- */

static void loss_at(uint64_t now_ns, uint64_t ring)
{
	s.now_ns = now_ns;
	rec_loss(&s, ring);
	rec_tick(&s);
}

Test(pipeline, loss_is_said_once_a_minute_at_most)
{
	struct raised got;
	uint64_t i;

	loss_at(SECOND, 0);
	for (i = 0; i < 600; i++) /* ten minutes in which every second loses three */
		loss_at((10 + i) * SECOND, 3 * (i + 1));
	run(&got, 100);
	cr_expect_eq(got.n, 10);
	cr_expect_not_null(strstr(got.bytes.data, "3 ring"));
	cr_expect_not_null(strstr(got.bytes.data, "180 ring"), "what came since the last");
	raised_done(&got);
}

Test(pipeline, loss_that_waited_is_said)
{
	loss_at(10 * SECOND, 1);
	loss_at(20 * SECOND, 2);
	s.now_ns = 69 * SECOND;
	rec_tick(&s);
	said_is("loss \n");
	s.now_ns = 70 * SECOND;
	rec_tick(&s);
	said_is("loss \nloss \n");
	s.now_ns = 500 * SECOND;
	rec_tick(&s);
	said_is("loss \nloss \n");
}

Test(pipeline, loss_of_the_tracking_itself)
{
	uint64_t id;

	config.limits.tracked_executions = 64;
	for (id = 1; id <= 70; id++)
		rec_exec(&s, id, 0, (uint32_t)id, "/bin/a");
	rec_tick(&s);
	said_is("loss \n");
}

Test(pipeline, counters_that_fall_are_no_loss)
{
	loss_at(10 * SECOND, 100);
	loss_at(200 * SECOND, 5);
	said_is("loss \n");
}

/* ---- Ends ---- */

Test(pipeline, a_stream_that_breaks_off)
{
	struct raised got;
	struct pipeline p;
	int n;

	attack();
	s.len--;
	raised_init(&got);
	open_array(&p, &got);
	do
		n = pipeline_drain(&p, 5);
	while (n >= 0);
	cr_expect_eq(n, -EBADMSG);
	cr_expect_eq(got.n, 2, "all before it was judged");
	pipeline_done(&p);
	raised_done(&got);
}

Test(pipeline, look)
{
	struct raised got;
	struct pipeline p;

	attack();
	raised_init(&got);
	open_array(&p, &got);
	cr_expect_eq(pipeline_look(&p), 0);
	cr_expect_eq(got.n, 3);
	cr_expect_eq(pipeline_look(&p), -ENODATA);
	pipeline_done(&p);
	pipeline_done(&p); /* done twice is done */
	raised_done(&got);
}

/* Who asked is found, with its roles; a server is foreign when it is not configured. */
Test(pipeline, names_asked_for)
{
	struct of_rec_dns r = { .server = endpoint("192.0.2.53", 53),
				.exec_id = 5,
				.octets = 100,
				.type = 16,
				.suffix = 43 };
	struct raised got;
	int i;

	config_done(&config);
	config_of("version: 1\n"
		  "roles:\n"
		  "  scanner: {match: [{name: trivy}]}\n"
		  "rules:\n"
		  "  - {id: tunnel, when: {role: scanner, dns: {over: {names: 20}, within: 10m}}}\n"
		  "  - {id: foreign, when: {dns: {resolver: foreign}}}\n",
		  &config);
	attack();
	for (i = 0; i < 2 * 30; i++) {
		(void)snprintf(r.name, sizeof(r.name), "%040d.t.example.com", i);
		r.exec_id = i % 2 == 0 ? 5 : 1; /* the runner is no scanner */
		rec_dns_of(&s, &r);
	}
	r.server = endpoint("192.0.2.54", 53);
	rec_dns_of(&s, &r);
	r.flags = OF_DNS_KEPT;
	rec_dns_of(&s, &r);
	raised_init(&got);
	run(&got, 100);
	cr_expect_str_eq(got.said.data, "alert tunnel\nalert foreign\n");
	/* Two of them fall on one bit now and then: then it is told with the one after. */
	cr_expect_not_null(strstr(got.bytes.data, "trivy[102] uid=1000 asked 2"), "%s",
			   got.bytes.data);
	cr_expect_not_null(strstr(got.bytes.data,
				  " times for 21 names below example.com within 10m"),
			   "%s", got.bytes.data);
	cr_expect_not_null(
		strstr(got.bytes.data, "\"class\":\"resolver\",\"names\":[]},\"dns\":{"));
	raised_done(&got);
}

/* What was sent before its far end said a name. */
Test(pipeline, a_name_that_comes_after_the_alert)
{
	struct raised got;

	attack();
	rec_flow(&s, 7, "198.51.100.7", 443, OF_NAME_SNI, "scan.example.org");
	s.now_ns += 10 * SECOND;
	rec_tick(&s);
	raised_init(&got);
	run(&got, 100);
	cr_expect_str_eq(got.said.data, "alert scanner-unknown-endpoint\n"
					"alert scanner-volume\n"
					"alert scanner-unknown-endpoint\n"
					"update scanner-unknown-endpoint\n"
					"update scanner-volume\n");
	cr_expect_not_null(strstr(got.bytes.data, "high update: scan.example.org (198.51.100.7:443/"
						  "tcp, by its own word); id="),
			   "%s", got.bytes.data);
	raised_done(&got);
}
