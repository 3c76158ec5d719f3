/* SPDX-License-Identifier: BSD-2-Clause */
/* Detection: what each condition of a rule asks. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <string.h>

#include "detect/detect.h"
#include "detect/windows.h"
#include "records.h"

#define MINUTE (60 * SECOND)
#define KIB    1024ULL

TestSuite(detect, .timeout = 60);

static struct {
	struct verdict v;
	char rule[64];
	size_t n;
} got;

static void on_verdict(void *arg, const struct verdict *v)
{
	(void)arg;
	got.v = *v;
	(void)snprintf(got.rule, sizeof(got.rule), "%s", v->rule->id);
	got.n++;
}

static struct config config;
static struct detect *detect;

static void rules(const char *yaml)
{
	detect_free(detect);
	config_done(&config);
	config_of(yaml, &config);
	cr_assert_eq(detect_new(&config.policy, &detect), 0);
}

static void stop(void)
{
	detect_free(detect);
	config_done(&config);
}

/* init[1] > worker[2] > trivy[3] > curl[4]; the worker and what is below it are in session 2. */
static struct execution init = { .exec_id = 1, .process = 1, .sid = 1 };
static struct execution worker = {
	.exec_id = 2, .process = 2, .parent = &init, .sid = 2, .roles = 1
};
static struct execution trivy = {
	.exec_id = 3, .process = 2, .parent = &worker, .sid = 2, .roles = 3
};
static struct execution curl = {
	.exec_id = 4, .process = 4, .parent = &trivy, .sid = 2, .roles = 3
};

/* Verdicts of one subject. */
static size_t judge(enum subject_kind kind, const struct execution *who, const char *ip,
		    enum endpoint_class class, uint64_t time_ns, uint64_t delta)
{
	struct account a = { .who = who,
			     .to = endpoint(ip, 443),
			     .class = class,
			     .sent = delta,
			     .names.flags = NAMES_SETTLED };
	struct subject s = { .kind = kind,
			     .time_ns = time_ns,
			     .delta = delta,
			     .account = &a,
			     .roles = who == NULL ? 0 : who->roles };

	got.n = 0;
	detect_subject(detect, &s, on_verdict, NULL);
	return got.n;
}

static size_t sent(const struct execution *who, const char *ip, uint64_t time_ns, uint64_t delta)
{
	return judge(SUBJECT_SENT, who, ip, CLASS_EXTERNAL, time_ns, delta);
}

#define HEAD                                             \
	"version: 1\n"                                   \
	"endpoints:\n"                                   \
	"  good: [\"203.0.113.0/28:443\", 10.0.0.0/8]\n" \
	"  bad: [\"198.51.100.7:443\"]\n"                \
	"  local: [127.0.0.1]\n"                         \
	"roles:\n"                                       \
	"  runner: {match: [{name: w}]}\n"               \
	"  scanner: {match: [{name: trivy}]}\n"          \
	"rules:\n"
#define EXTRA "  - {id: quiet, when: {sent: {over: 1TiB, within: 1h}}}\n"

/* A full account table must not switch off rules by class; what was not seen singly may be
 * external. */
Test(detect, overflow_is_any_class_that_leaves, .fini = stop)
{
	struct account a = {
		.who = &curl,
		.class = CLASS_UNKNOWN,
		.flags = OF_ACCOUNT_OVERFLOW,
		.sent = 4000000,
		.names.flags = NAMES_SETTLED,
	};
	struct subject s = { .kind = SUBJECT_SENT,
			     .time_ns = 1,
			     .delta = a.sent,
			     .account = &a,
			     .roles = curl.roles };

	rules(HEAD "  - {id: ext, when: {role: scanner, endpoint: {class: external}, "
		   "sent: {over: 100kB, within: 10m, per: endpoint}}}\n"
		   "  - {id: self, when: {role: scanner, endpoint: {class: self}}}\n");
	got.n = 0;
	detect_subject(detect, &s, on_verdict, NULL);
	cr_expect_eq(got.n, 1);
	cr_expect_str_eq(got.rule, "ext");
}

/* A little every day: found in the window that is as long, and forgotten in the end. */
Test(detect, a_drip_over_a_month, .fini = stop)
{
	const uint64_t day = 24 * 60 * MINUTE;
	uint64_t i;

	rules(HEAD "  - {id: v, when: {sent: {over: 28MiB, within: 30d}}}\n");
	for (i = 0; i < 28; i++)
		cr_expect_eq(sent(&curl, FAR, i * day, KIB * KIB), 0, "day %d", (int)i);
	cr_expect_eq(sent(&curl, FAR, i * day, KIB * KIB), 1);
	cr_expect_eq(got.v.sent, 29 * KIB * KIB);
	cr_expect_eq(sent(&curl, FAR, 62 * day, KIB * KIB), 0);
}

/* ---- What the execution is ---- */

struct processed {
	char when[96], name[16], exe[24];
	uint32_t uid, flags;
	size_t n;
};

ParameterizedTestParameters(detect, processes)
{
	static struct processed cases[] = {
		{ "name: curl", "curl", "/usr/bin/curl", 0, 0, 1 },
		{ "name: curl", "curl2", "/usr/bin/curl2", 0, 0, 0 },
		{ "name: [wget, \"cur?\"]", "curl", "/usr/bin/curl", 0, 0, 1 },
		/* By a link of another name. */
		{ "name: curl", "harmless", "/usr/bin/curl", 0, 0, 1 },
		{ "name: harmless", "harmless", "/usr/bin/curl", 0, 0, 1 },
		{ "exe: \"/tmp/**\"", "x", "/tmp/a/b/x", 0, 0, 1 },
		{ "exe: \"/tmp/*\"", "x", "/tmp/a/b/x", 0, 0, 0 },
		{ "exe: \"/tmp/**\"", "x", "", 0, 0, 0 },
		{ "exe: [/usr/bin/curl, \"/opt/**\"]", "x", "/opt/x", 0, 0, 1 },
		/* Of each kind one. */
		{ "name: x, exe: \"/opt/**\"", "x", "/opt/x", 0, 0, 1 },
		{ "name: y, exe: \"/opt/**\"", "x", "/opt/x", 0, 0, 0 },
		{ "name: x, exe: \"/tmp/**\"", "x", "/opt/x", 0, 0, 0 },
		{ "uid: 0", "x", "/x", 0, 0, 1 },
		{ "uid: 0", "x", "/x", 1000, 0, 0 },
		{ "uid: [1, 1000]", "x", "/x", 1000, 0, 1 },
		{ "uid: 4294967294", "x", "/x", 4294967294U, 0, 1 },
		{ "name: x, uid: 1", "x", "/x", 2, 0, 0 },
		{ "memfd: true", "x", "", 0, OF_EXEC_MEMFD | OF_EXEC_FORKED, 1 },
		{ "memfd: true", "x", "", 0, OF_EXEC_DELETED, 0 },
		{ "memfd: false", "x", "", 0, OF_EXEC_DELETED, 1 },
		{ "memfd: false", "x", "", 0, OF_EXEC_MEMFD, 0 },
		{ "deleted: true", "x", "", 0, OF_EXEC_DELETED, 1 },
		{ "deleted: true, memfd: false", "x", "", 0, OF_EXEC_DELETED | OF_EXEC_MEMFD, 0 },
	};

	return cr_make_param_array(struct processed, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct processed *c, detect, processes)
{
	struct execution e = {
		.exec_id = 9, .process = 9, .uid = c->uid, .flags = c->flags, .exe = c->exe
	};
	char yaml[1024];

	(void)snprintf(e.name, sizeof(e.name), "%s", c->name);
	(void)snprintf(yaml, sizeof(yaml), "%s  - {id: asked, when: {process: {%s}}}\n%s", HEAD,
		       c->when, EXTRA);
	rules(yaml);
	cr_expect_eq(sent(&e, FAR, SECOND, 1), c->n, "%s: %s", c->when, c->exe);
	cr_expect_eq(judge(SUBJECT_ATTEMPT, &e, FAR, CLASS_EXTERNAL, SECOND, 0), c->n);
	cr_expect_eq(sent(NULL, FAR, SECOND, 1), 0, "%s: nobody knows who", c->when);
	stop();
}

/* Beside other conditions all must hold, and only what it sent counts. */
Test(detect, processes_and_volume, .fini = stop)
{
	struct execution x = { .exec_id = 8, .process = 8, .parent = &trivy, .sid = 2, .roles = 3 };

	x.exe = "/tmp/x";
	curl.exe = "/usr/bin/curl";
	rules(HEAD "  - {id: v, when: {role: scanner, process: {exe: \"/tmp/**\"}, "
		   "endpoint: {class: external}, sent: {over: 10, within: 1m, per: lineage}}}\n");
	cr_expect_eq(sent(&curl, FAR, SECOND, 100), 0);
	cr_expect_eq(sent(&x, FAR, SECOND, 10), 0);
	cr_expect_eq(judge(SUBJECT_SENT, &x, "10.0.0.9", CLASS_INTERNAL, SECOND, 10), 0);
	cr_expect_eq(sent(&x, FAR, SECOND, 1), 1);
	cr_expect_eq(got.v.sent, 11);
	x.roles = 1;
	cr_expect_eq(sent(&x, FAR, SECOND, 100), 0);
}

struct asked {
	char when[128];
	char ip[40];
	enum endpoint_class class;
	int who; /* 1..4: as above; 0: the machine's account */
	size_t n;
};

ParameterizedTestParameters(detect, conditions)
{
	static struct asked cases[] = {
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_EXTERNAL, 4, 1 },
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_EXTERNAL, 3, 1 },
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_EXTERNAL, 2, 0 },
		{ "role: runner, endpoint: {not_in: [bad]}", FAR, CLASS_EXTERNAL, 4, 1 },
		{ "role: runner, endpoint: {not_in: [bad]}", FAR, CLASS_EXTERNAL, 1, 0 },
		{ "role: runner, endpoint: {not_in: [bad]}", FAR, CLASS_UNKNOWN, 0, 0 },
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_INTERNAL, 4, 1 },
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_UNKNOWN, 4, 1 },
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_SELF, 4, 0 },
		{ "role: scanner, endpoint: {not_in: [bad]}", FAR, CLASS_RESOLVER, 4, 0 },
		{ "endpoint: {in: [good]}", "203.0.113.15", CLASS_EXTERNAL, 1, 1 },
		{ "endpoint: {in: [good]}", "203.0.113.16", CLASS_EXTERNAL, 1, 0 },
		{ "endpoint: {in: [bad, good]}", "10.2.3.4", CLASS_INTERNAL, 1, 1 },
		{ "endpoint: {not_in: [good]}", "203.0.113.15", CLASS_EXTERNAL, 1, 0 },
		{ "endpoint: {not_in: [good]}", "203.0.113.16", CLASS_EXTERNAL, 1, 1 },
		{ "endpoint: {not_in: [good, bad]}", "198.51.100.7", CLASS_EXTERNAL, 1, 0 },
		{ "endpoint: {not_in: [good]}", FAR, CLASS_SELF, 1, 0 },
		{ "endpoint: {not_in: [bad]}", FAR, CLASS_RESOLVER, 1, 0 },
		{ "endpoint: {in: [good], not_in: [bad]}", FAR, CLASS_EXTERNAL, 1, 1 },
		{ "endpoint: {in: [local]}", "127.0.0.1", CLASS_SELF, 1, 1 },
		{ "endpoint: {in: [good]}", "203.0.113.1", CLASS_RESOLVER, 1, 1 },
		{ "endpoint: {class: self}", "127.0.0.1", CLASS_SELF, 1, 1 },
		{ "endpoint: {class: self}", FAR, CLASS_EXTERNAL, 1, 0 },
		{ "endpoint: {class: resolver}", FAR, CLASS_RESOLVER, 1, 1 },
		{ "endpoint: {class: [external, unknown]}", FAR, CLASS_UNKNOWN, 0, 1 },
		{ "endpoint: {class: [external, unknown]}", FAR, CLASS_INTERNAL, 1, 0 },
		{ "endpoint: {class: self, not_in: [local]}", "127.0.0.1", CLASS_SELF, 1, 0 },
		{ "endpoint: {class: external, in: [bad]}", FAR, CLASS_EXTERNAL, 1, 0 },
		{ "role: scanner, endpoint: {class: external, not_in: [bad]}", FAR, CLASS_EXTERNAL,
		  4, 1 },
		{ "endpoint: {not_in: [good], first_seen: true}", "198.51.100.1", CLASS_EXTERNAL, 4,
		  0 }, /* off as a whole */
	};

	return cr_make_param_array(struct asked, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct asked *c, detect, conditions)
{
	static const struct execution *const chain[] = { NULL, &init, &worker, &trivy, &curl };
	char yaml[1024];

	(void)snprintf(yaml, sizeof(yaml), "%s  - {id: asked, when: {%s}}\n%s", HEAD, c->when,
		       EXTRA);
	rules(yaml);
	cr_expect_eq(judge(SUBJECT_SENT, chain[c->who], c->ip, c->class, SECOND, 1), c->n,
		     "%s: %s of %d", c->when, c->ip, c->who);
	cr_expect_eq(judge(SUBJECT_ATTEMPT, chain[c->who], c->ip, c->class, SECOND, 0), c->n,
		     "%s: an attempt at %s", c->when, c->ip);
	if (c->n == 1) {
		cr_expect_str_eq(got.rule, "asked");
		cr_expect_eq(got.v.key.per, PER_ENDPOINT);
		cr_expect_eq(got.v.limit, 0);
		cr_expect_eq(got.v.window_ns, 0);
	}
	stop();
}

Test(detect, over_is_not_equal, .fini = stop)
{
	rules(HEAD "  - {id: v, when: {sent: {over: 16KiB, within: 16m}}}\n");
	cr_expect_eq(sent(&curl, FAR, MINUTE, 10 * KIB), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 6 * KIB), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 1), 1);
	cr_expect_eq(got.v.sent, 16 * KIB + 1);
	cr_expect_eq(got.v.limit, 16 * KIB);
	cr_expect_eq(got.v.window_ns, 16 * MINUTE);
	cr_expect_eq(sent(&curl, FAR, 2 * MINUTE, 1), 1, "and again, for as long as it holds");
	cr_expect_eq(sent(&curl, FAR, 18 * MINUTE, 1), 0, "until the window has moved on");
	cr_expect_eq(judge(SUBJECT_ATTEMPT, &curl, FAR, CLASS_EXTERNAL, 18 * MINUTE, 0), 0);
}

Test(detect, the_least_limit, .fini = stop)
{
	rules(HEAD "  - {id: v, when: {sent: {over: 1, within: 1s}}}\n");
	cr_expect_eq(sent(&curl, FAR, MINUTE, 1), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 1), 1);
	cr_expect_eq(judge(SUBJECT_ATTEMPT, &curl, FAR, CLASS_EXTERNAL, MINUTE, 0), 0,
		     "an attempt sends nothing");
}

/* What does not hold the rule's other conditions does not count into its window. */
Test(detect, only_what_the_rule_asks_for_counts, .fini = stop)
{
	rules(HEAD "  - {id: v, when: {role: scanner, endpoint: {not_in: [good]}, "
		   "sent: {over: 10, within: 1h, per: role}}}\n");
	cr_expect_eq(sent(&worker, "198.51.100.7", MINUTE, 100), 0);
	cr_expect_eq(sent(&curl, "10.0.0.1", MINUTE, 100), 0);
	cr_expect_eq(judge(SUBJECT_SENT, &curl, "127.0.0.1", CLASS_SELF, MINUTE, 100), 0);
	cr_expect_eq(sent(&curl, "198.51.100.7", MINUTE, 10), 0);
	cr_expect_eq(sent(&trivy, "198.51.100.8", MINUTE, 1), 1);
}

static void per(const char *words)
{
	char yaml[1024];

	(void)snprintf(yaml, sizeof(yaml),
		       "%s  - {id: v, when: {%s, sent: {over: 10, within: 1h%s}}}\n", HEAD,
		       strncmp(words, "any", 3) == 0 ? "endpoint: {class: external}"
						     : "role: runner",
		       strchr(words, ','));
	rules(yaml);
}

Test(detect, per_lineage_is_from_where_the_role_began, .fini = stop)
{
	struct execution other = { .exec_id = 9, .process = 9, .parent = &init, .roles = 1 };

	per("role, per: lineage");
	cr_expect_eq(sent(&worker, FAR, MINUTE, 5), 0);
	cr_expect_eq(sent(&trivy, "198.51.100.7", MINUTE, 5), 0);
	cr_expect_eq(sent(&other, FAR, MINUTE, 5), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 1), 1);
	cr_expect_eq(got.v.key.root, 2);
	cr_expect_eq(got.v.key.to.family, 0);
	cr_expect_eq(sent(&other, FAR, MINUTE, 6), 1);
	cr_expect_eq(got.v.key.root, 9);
}

Test(detect, per_lineage_without_a_role_is_the_session, .fini = stop)
{
	per("any, per: lineage");
	cr_expect_eq(sent(&init, FAR, MINUTE, 10), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 10), 0);
	cr_expect_eq(sent(&worker, FAR, MINUTE, 1), 1);
	cr_expect_eq(got.v.key.root, 2);
}

Test(detect, per_process_spans_its_execs, .fini = stop)
{
	per("role, per: process");
	cr_expect_eq(sent(&worker, FAR, MINUTE, 5), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 9), 0);
	cr_expect_eq(sent(&trivy, FAR, MINUTE, 6), 1);
	cr_expect_eq(got.v.key.root, 2);
}

Test(detect, per_endpoint_is_lineage_and_far_end, .fini = stop)
{
	struct execution other = { .exec_id = 9, .process = 9, .parent = &init, .roles = 1 };

	per("role, per: endpoint");
	cr_expect_eq(sent(&worker, FAR, MINUTE, 10), 0);
	cr_expect_eq(sent(&worker, "203.0.113.10", MINUTE, 10), 0);
	cr_expect_eq(sent(&other, FAR, MINUTE, 10), 0);
	cr_expect_eq(sent(&curl, FAR, MINUTE, 1), 1);
	cr_expect_eq(got.v.key.root, 2);
	cr_expect_eq(got.v.key.to.port, 443);
}

Test(detect, per_role_is_all_of_it, .fini = stop)
{
	struct execution other = { .exec_id = 9, .process = 9, .parent = &init, .roles = 1 };

	per("role, per: role");
	cr_expect_eq(sent(&worker, FAR, MINUTE, 10), 0);
	cr_expect_eq(sent(&other, "203.0.113.10", MINUTE, 1), 1);
	cr_expect_eq(got.v.key.root, 0);
}

Test(detect, the_machines_account, .fini = stop)
{
	static const char *const ways[] = { "any, per: process", "any, per: lineage",
					    "any, per: endpoint" };
	size_t i;

	for (i = 0; i < 3; i++) {
		per(ways[i]);
		cr_expect_eq(sent(NULL, FAR, MINUTE, 10), 0);
		cr_expect_eq(sent(&curl, FAR, MINUTE, 10), 0);
		cr_expect_eq(sent(NULL, FAR, MINUTE, 1), 1, "%s", ways[i]);
		cr_expect_eq(got.v.key.root, 0);
	}
}

/* Two rules with one window each: neither counts into the other's. */
Test(detect, rules_do_not_mix, .fini = stop)
{
	rules(HEAD "  - {id: a, when: {sent: {over: 10, within: 1h}}}\n"
		   "  - {id: off, when: {endpoint: {first_seen: true}, "
		   "sent: {over: 1, within: 1h}}}\n"
		   "  - {id: b, when: {sent: {over: 15, within: 1h}}}\n");
	cr_expect_eq(sent(&curl, FAR, MINUTE, 11), 1);
	cr_expect_str_eq(got.rule, "a");
	cr_expect_eq(sent(&curl, FAR, MINUTE, 5), 2);
	cr_expect_str_eq(got.rule, "b");
	cr_expect_eq(got.v.key.rule, 2);
	cr_expect_eq(detect_stats(detect).windows, 2);
}

/* A day of one kilobyte each ten seconds, over the limit after 64 MiB in no shorter time. */
Test(detect, a_day_of_slow_drip, .fini = stop)
{
	uint64_t now, first = 0;

	rules(HEAD "  - {id: drip, when: {role: scanner, endpoint: {class: external}, "
		   "sent: {over: 8MiB, within: 1d, per: role}}}\n"
		   "  - {id: burst, when: {role: scanner, sent: {over: 64KiB, within: 5m}}}\n");
	for (now = 0; now < 24 * 60 * MINUTE; now += 10 * SECOND)
		if (sent(&curl, FAR, now, KIB) > 0 && first == 0) {
			first = now;
			cr_expect_str_eq(got.rule, "drip");
		}
	cr_expect_eq(first, 8 * KIB * 10 * SECOND, "with the first byte over 8 MiB");
	cr_expect_eq(got.n, 1);
	cr_expect_eq(got.v.sent, 8640 * KIB);
	/* At half the rate it never is. */
	rules(HEAD "  - {id: drip, when: {sent: {over: 8MiB, within: 1d, per: process}}}\n");
	for (now = 0; now < 7 * 24 * 60 * MINUTE; now += 20 * SECOND)
		cr_assert_eq(sent(&curl, FAR, now, KIB), 0);
}

Test(detect, eviction_of_windows_is_counted, .fini = stop)
{
	struct execution e = { .sid = 1 };
	uint64_t i;

	rules(HEAD "  - {id: v, when: {sent: {over: 10, within: 1h, per: process}}}\n");
	for (i = 1; i <= WINDOWS_MAX + 10; i++) {
		e.exec_id = e.process = i;
		cr_assert_eq(sent(&e, FAR, MINUTE, 1), 0);
	}
	cr_expect_eq(detect_stats(detect).windows, WINDOWS_MAX);
	cr_expect_eq(detect_stats(detect).evicted, 10);
}
