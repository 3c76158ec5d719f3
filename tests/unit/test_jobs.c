/* SPDX-License-Identifier: BSD-2-Clause */
/* CI jobs through the pipeline: what counts as one step and as one job, and what an alert says. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "pipeline.h"
#include "records.h"

#define KIB 1024U

#define HEAD                                           \
	"version: 1\n"                                 \
	"roles:\n"                                     \
	"  runner: {match: [{name: Runner.Worker}]}\n" \
	"  scanner: {match: [{name: trivy}]}\n"        \
	"rules:\n"

/* What the steps of this job have. */
#define JOB                                                                     \
	"GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=o/r\nGITHUB_WORKFLOW=nightly\n" \
	"GITHUB_JOB=scan\nGITHUB_RUN_ATTEMPT=1\nRUNNER_NAME=runner-7\n"

static struct config config;
static struct stream s;
static struct buf said;

static void start(void)
{
	s = (struct stream){ .now_ns = SECOND };
	buf_init(&said, 1 << 20);
}

static void stop(void)
{
	config_done(&config);
	stream_done(&s);
	buf_done(&said);
}

TestSuite(jobs, .init = start, .fini = stop, .timeout = 60);

static void rules(const char *yaml)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "%s%s", HEAD, yaml);
	config_of(text, &config);
	rec_host(&s, config.policy.roles_id);
	rec_exec(&s, 1, 0, 100, "/opt/Runner.Worker");
	rec_env_lines(&s, 1001, JOB "GITHUB_RUN_ID=7\nGITHUB_ACTION=__run\n");
	rec_env_lines(&s, 1002,
		      JOB "GITHUB_RUN_ID=7\nGITHUB_ACTION_PATH=/w/_actions/"
			  "aquasecurity/trivy-action/0.28.0\n");
	rec_env_lines(&s, 1003, JOB "GITHUB_RUN_ID=8\nGITHUB_ACTION=__run\n");
	rec_env_lines(&s, 1004,
		      JOB "GITHUB_RUN_ID=7\nGITHUB_ACTION=__run\n"
			  "GITHUB_REPOSITORY=not/the first\n");
	rec_env_lines(&s, 1005, "GITHUB_REPOSITORY=evil/\x1b[2J\"x\nGITHUB_JOB=\xff\n");
}

/* A child of the runner becomes `exe` with the environment `env`. */
static void step(uint64_t id, const char *exe, uint64_t env)
{
	rec_fork(&s, id, 1, (uint32_t)id);
	rec_exec_env(&s, id + 1, id, (uint32_t)id, exe, env);
}

static void sends(uint64_t exec_id, const char *ip, uint64_t bytes)
{
	s.now_ns += SECOND;
	rec_account(&s, exec_id, ip, 443, bytes);
}

static void put(void *arg, const struct record *r)
{
	(void)arg;
	buf_printf(&said, "%s\n%s\n", r->rule, r->json);
	buf_printf(&said, "%s\n", r->text);
}

/* How many alerts there were. */
static size_t judged(void)
{
	struct intake *in;
	struct pipeline p;
	size_t n = 0;
	char *at;

	buf_clear(&said);
	rec_tick(&s);
	cr_assert_eq(intake_array(s.data, s.len, &in), 0);
	cr_assert_eq(pipeline_init(&p, &config, in, put, NULL), 0);
	while (pipeline_drain(&p, 7) >= 0)
		;
	pipeline_done(&p);
	cr_assert_eq(said.err, 0);
	for (at = said.data; at != NULL && (at = strstr(at, "\"type\":\"alert\"")) != NULL; at++)
		n++;
	return n;
}

static void tells(const char *what)
{
	cr_expect_not_null(said.data != NULL ? strstr(said.data, what) : NULL, "%s\nin %s", what,
			   said.data != NULL ? said.data : "nothing");
}

/* Two steps of a job that stay under the limit on their own, but not together. */
static void two_steps(void)
{
	step(10, "/bin/bash", 1001);
	sends(11, "203.0.113.9", 40 * KIB);
	step(20, "/bin/bash", 1002);
	rec_fork(&s, 22, 21, 22);
	rec_exec_env(&s, 23, 22, 22, "/usr/bin/curl", 1002);
	sends(23, "203.0.113.10", 40 * KIB);
}

Test(jobs, a_step_counts_on_its_own)
{
	rules("  - {id: r, when: {role: runner, sent: {over: 64KiB, within: 10m, per: step}}}\n");
	two_steps();
	cr_expect_eq(judged(), 0);
	sends(21, "203.0.113.11", 25 * KIB);
	cr_expect_eq(judged(), 1);
	tells("\"reason\":\"runner step sent 65.0KiB within 10m, over 64.0KiB\"");
}

Test(jobs, the_steps_of_a_job_add_up)
{
	rules("  - {id: r, when: {role: runner, sent: {over: 64KiB, within: 10m, per: job}}}\n");
	two_steps();
	cr_expect_eq(judged(), 1);
	tells("\"reason\":\"runner job sent 80.0KiB within 10m, over 64.0KiB\"");
}

Test(jobs, another_run_is_another_job)
{
	rules("  - {id: r, when: {role: runner, sent: {over: 64KiB, within: 10m, per: job}}}\n");
	step(10, "/bin/bash", 1001);
	sends(11, "203.0.113.9", 40 * KIB);
	step(20, "/bin/bash", 1003);
	sends(21, "203.0.113.9", 40 * KIB);
	cr_expect_eq(judged(), 0);
}

/* Not what a process says, but what its step was given. */
Test(jobs, nobody_leaves_his_job_by_a_claim)
{
	rules("  - {id: r, when: {role: runner, sent: {over: 64KiB, within: 10m, per: job}}}\n");
	step(10, "/bin/bash", 1001);
	sends(11, "203.0.113.9", 40 * KIB);
	step(20, "/bin/bash", 1001);
	rec_exec_env(&s, 22, 21, 20, "/bin/sh", 1003);
	sends(22, "203.0.113.9", 40 * KIB);
	cr_expect_eq(judged(), 1);
	tells("\"conflict\":[{\"key\":\"run_id\",\"claimed\":\"8\",\"pid\":20,\"exec_id\":22,"
	      "\"name\":\"sh\"}]");
}

Test(jobs, without_a_job_it_is_the_lineage)
{
	rules("  - {id: s, when: {role: runner, sent: {over: 64KiB, within: 10m, per: step}}}\n"
	      "  - {id: j, when: {role: runner, sent: {over: 64KiB, within: 10m, per: job}}}\n");
	step(10, "/bin/bash", 0);
	sends(11, "203.0.113.9", 40 * KIB);
	step(20, "/bin/bash", 0);
	sends(21, "203.0.113.9", 40 * KIB);
	cr_expect_eq(judged(), 2);
}

/* Who names no role thinks of the job, where there is one. */
Test(jobs, the_lineage_without_a_role_is_the_job)
{
	rules("  - {id: l, when: {endpoint: {class: external}, "
	      "sent: {over: 64KiB, within: 10m, per: lineage}}}\n");
	step(10, "/bin/bash", 1001);
	sends(11, "203.0.113.9", 60 * KIB);
	step(20, "/bin/bash", 1003);
	sends(21, "203.0.113.9", 60 * KIB);
	step(30, "/bin/bash", 0);
	sends(31, "203.0.113.9", 60 * KIB);
	cr_expect_eq(judged(), 0);
	sends(21, "203.0.113.10", 5 * KIB);
	cr_expect_eq(judged(), 1);
	tells("\"run_id\":\"8\"");
}

Test(jobs, an_alert_says_which)
{
	rules("  - {id: r, when: {role: runner, endpoint: {class: external}}}\n");
	two_steps();
	step(30, "/bin/bash", 0);
	sends(31, "203.0.113.11", KIB);
	cr_expect_eq(judged(), 3);
	tells("\"ci\":{\"system\":\"github\",\"owner\":null,\"repository\":\"o/r\","
	      "\"workflow\":\"nightly\",\"stage\":null,\"job\":\"scan\",\"job_id\":null,"
	      "\"run_id\":\"7\",\"attempt\":\"1\",\"step\":\"aquasecurity/trivy-action\","
	      "\"action\":\"aquasecurity/trivy-action\",\"action_ref\":\"0.28.0\",\"event\":null,"
	      "\"ref\":null,\"sha\":null,\"actor\":null,\"runner\":\"runner-7\","
	      "\"conflict\":null},\"endpoint\"");
	tells(" to 203.0.113.10:443/tcp, class external; o/r step aquasecurity/trivy-action; id=");
	tells(" to 203.0.113.9:443/tcp, class external; o/r step __run; id=");
	tells("\"ci\":null");
	tells(" to 203.0.113.11:443/tcp, class external; id=");
}

Test(jobs, an_alert_says_what_others_claim)
{
	rules("  - {id: r, when: {role: runner, endpoint: {class: external}}}\n");
	step(10, "/bin/bash", 1004);
	rec_exec_env(&s, 12, 11, 10, "/usr/bin/curl", 1005);
	sends(12, "203.0.113.9", KIB);
	cr_expect_eq(judged(), 1);
	tells("\"repository\":\"o/r\"");
	tells("\"conflict\":[{\"key\":\"repository\",\"claimed\":\"evil/\\u001b[2J\\\"x\","
	      "\"pid\":10,\"exec_id\":12,\"name\":\"curl\"},{\"key\":\"job\",\"claimed\":\"%FF\",");
	tells("; o/r step __run (conflict: repository, job); id=");
}

/* A line has no room for all of it, and is still one. */
Test(jobs, the_longest_values)
{
	char lines[OF_ENV_LEN + 1] = "GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=";
	const char *line;
	size_t at = strlen(lines);

	rules("  - {id: r, when: {role: runner, endpoint: {class: external}}}\n");
	memset(lines + at, 0xff, OF_ENV_VALUE - 1);
	at += OF_ENV_VALUE - 1;
	at += (size_t)snprintf(lines + at, 64, "\nGITHUB_ACTION=");
	memset(lines + at, '\x1b', OF_ENV_VALUE - 1);
	(void)snprintf(lines + at + OF_ENV_VALUE - 1, 64, "\nGITHUB_JOB=j\n");
	rec_env_lines(&s, 1010, lines);
	step(10, "/bin/bash", 1010);
	sends(11, "203.0.113.9", KIB);
	cr_expect_eq(judged(), 1);
	line = strstr(said.data, "\nmedium r: ");
	cr_assert_not_null(line);
	cr_expect_leq(strlen(line), 1902);
	tells(" to 203.0.113.9:443/tcp, class external; \"\\xff");
	tells("\\x1b...; id=");
}

/* A recording has what the machine had. */
Test(jobs, the_same_of_a_recording)
{
	char path[] = "/tmp/outflow-jobs-XXXXXX";
	struct pipeline p;
	struct intake *in;
	struct buf live;
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	(void)close(fd);
	(void)unlink(path);
	rules("  - {id: r, when: {role: runner, sent: {over: 64KiB, within: 10m, per: job}}}\n");
	two_steps();
	cr_expect_eq(judged(), 1);
	live = said;
	buf_init(&said, 1 << 20);
	cr_assert_eq(intake_array(s.data, s.len, &in), 0);
	cr_assert_eq(pipeline_init(&p, &config, in, put, NULL), 0);
	cr_assert_eq(intake_record(p.intake, path), 0);
	while (pipeline_drain(&p, 10) >= 0)
		;
	pipeline_done(&p);
	buf_clear(&said);
	cr_assert_eq(intake_recording(path, &in), 0);
	cr_assert_eq(pipeline_init(&p, &config, in, put, NULL), 0);
	while (pipeline_drain(&p, 10) >= 0)
		;
	pipeline_done(&p);
	(void)unlink(path);
	cr_assert_not_null(said.data);
	cr_expect_str_eq(said.data, live.data);
	buf_done(&live);
}
