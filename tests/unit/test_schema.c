/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_schema.c: every kind of record that the feed can hold is what packaging/schema says, by the
 * judgement of a validator that knows nothing of outflow; and broken in any way it is refused.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "alert/alerts.h"
#include "base/ci.h"
#include "feed.h"

#define SECOND	 1000000000ULL
#define VALIDATE "tests/schema/validate"
#define SCHEMA	 "packaging/schema/alert.schema.json"

static struct feed f;
static FILE *records;
static struct alerts *alerts;

static struct role roles[] = { { .name = "runner" }, { .name = "scanner" } };
static struct endpoint_set sets[] = { { .name = "vuln-db" } };
static struct rule rules[] = {
	{ .id = "scanner-unknown-endpoint",
	  .rev = "0123456789abcdef",
	  .severity = SEVERITY_HIGH,
	  .attack = { "T1041", "T1048.003" },
	  .roles = 2,
	  .has_endpoint = true,
	  .endpoint = { .not_in = 1 } },
	{ .id = "volume",
	  .rev = "fedcba9876543210",
	  .severity = SEVERITY_INFO,
	  .roles = OF_ROLE_ANY,
	  .has_sent = true,
	  .sent = { 32 << 10, 1500000000, PER_ENDPOINT } },
};
static const struct policy policy = {
	.sets = sets, .sets_n = 1, .roles = roles, .roles_n = 2, .rules = rules, .rules_n = 2
};
static const struct rule leak_rule = { .id = "unattributed-egress", .severity = SEVERITY_HIGH };

static struct execution worker = {
	.exec_id = 1, .tgid = 3001, .roles = 1, .name = "Runner.Worker"
};
static struct execution curl = { .exec_id = 2,
				 .parent = &worker,
				 .tgid = 4242,
				 .ppid = 3001,
				 .uid = 1001,
				 .loginuid = 1001,
				 .roles = 3,
				 .name = "cu\"r\xff\n",
				 .exe = "/usr/bin/curl",
				 .argv = "curl\0-X\0POST",
				 .argv_len = sizeof("curl\0-X\0POST"),
				 .argv_size = 4096 };
static struct account account = {
	.who = &curl,
	.to = { .addr = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 9 },
		.port = 443,
		.proto = IPPROTO_TCP,
		.family = OF_AF_INET },
	.class = CLASS_EXTERNAL,
	.sent = 393216,
	.received = 812,
	.flags = OF_ACCOUNT_RECEIVED,
};
static struct subject subject = {
	.time_ns = 50 * SECOND, .delta = 1, .account = &account, .roles = 3
};
static const struct errand errand = {
	.kind = "containerd",
	.socket = "\0/containerd-shim/x",
	.socket_len = 18,
	.deputy = { 812, "containerd" },
	.passed = { { 900, "shim" } },
	.passed_n = 1,
	.exec_id = 5,
	.tgid = 6,
	.name = "trivy",
	.lineage = "bash[5]\0trivy[6]",
	.lineage_len = sizeof("bash[5]\0trivy[6]"),
	.others = 2,
};

static const struct errand left = { .kind = "cron",
				    .file = "/etc/cron.d/x",
				    .file_len = 13,
				    .deputy = { 812, "cron" },
				    .tgid = 4200,
				    .name = "trivy",
				    .lineage = "trivy[4200]",
				    .lineage_len = sizeof("trivy[4200]"),
				    .others = 200 };
static struct origin origin = { .host = "runner-7",
				.boot_id = "6f1c0000-0000-4000-8000-000000000000",
				.utc_offset_ns = 1773942142123456789,
				.time_ns = 50 * SECOND };

static void put(void *arg, const struct record *r)
{
	(void)arg;
	cr_assert_gt(fprintf(records, "%.*s\n", (int)r->json_len, r->json), 0);
}

static void setup(void)
{
	feed_init(&f);
	records = fopen(feed_path(&f, "records"), "w");
	cr_assert_not_null(records);
	cr_assert_eq(alerts_new(&policy, put, NULL, &alerts), 0);
}

static void teardown(void)
{
	alerts_free(alerts);
	feed_done(&f);
}

TestSuite(schema, .init = setup, .fini = teardown, .timeout = 60);

/* What the validator says; its last line is `summary`. */
static void validates_how(const char *how, const char *file, const char *summary)
{
	char command[256], line[1024] = "";
	FILE *said;

	(void)fflush(records);
	(void)snprintf(command, sizeof(command), VALIDATE " %s " SCHEMA " '%s' 2>&1", how,
		       feed_path(&f, file));
	said = popen(command, "r");
	cr_assert_not_null(said);
	while (fgets(line, sizeof(line), said) != NULL)
		if (strstr(line, " broken ones tried, ") == NULL)
			cr_log_error("%s", line);
	cr_expect_eq(pclose(said), 0, "%s", line);
	cr_expect_eq(strncmp(line, summary, strlen(summary)), 0, "%s", line);
	if (how[0] != '\0')
		cr_expect_null(strstr(line, " 0 broken ones"), "none was tried");
}

static void validates(const char *file, const char *summary)
{
	validates_how("--mutants", file, summary);
}

static void raise_rule(uint32_t rule, uint64_t root)
{
	struct verdict v = { .rule = &rules[rule], .subject = &subject, .sent = 393216 };

	v.key.rule = rule;
	v.key.root = root;
	if (rules[rule].has_sent) {
		v.key.per = rules[rule].sent.per;
		v.limit = rules[rule].sent.over;
		v.window_ns = rules[rule].sent.within_ns;
	}
	cr_assert_eq(alerts_raise(alerts, &v, &origin), 1);
}

Test(schema, alerts_of_processes)
{
	struct account known = account;

	raise_rule(0, 1);
	raise_rule(1, 1);
	subject.kind = SUBJECT_ATTEMPT;
	account.flags = 0;
	account.creator_id = 7;
	raise_rule(0, 2);
	account.creator = &worker;
	curl.exe = "";
	curl.loginuid = UINT32_MAX;
	subject.via = (struct via){ &errand, 12345678 };
	raise_rule(0, 3);
	subject.via.errand = &left;
	raise_rule(0, 7);
	subject.via = (struct via){ NULL, 0 };
	account = known;
	/* What is not known: family, port, then who and where. */
	account.to = (struct of_endpoint){ .family = OF_AF_PACKET };
	account.class = CLASS_UNKNOWN;
	raise_rule(0, 4);
	account = (struct account){ .who = &curl,
				    .class = CLASS_UNKNOWN,
				    .flags = OF_ACCOUNT_OVERFLOW };
	raise_rule(1, 5);
	account.who = NULL;
	account.flags |= OF_ACCOUNT_MACHINE;
	raise_rule(1, 6);
	validates("records", "8 alert; ");
}

Test(schema, alerts_of_ci_jobs)
{
	static const char env[] = "GITHUB_ACTIONS=true\0GITHUB_REPOSITORY=o/r\0GITHUB_JOB=s\xff";
	static const struct ci_claim claims[] = {
		{ CI_SYSTEM, "gitlab", 2, 4242, "curl" },
		{ CI_REPOSITORY, "evil/\xff\n", 2, 4242, "cu\"r\xff\n" },
	};
	struct ci ci;

	cr_assert(ci_parse(env, sizeof(env), CI_NO_SYSTEM, &ci));
	curl.ci = &ci;
	raise_rule(0, 1);
	curl.ci_claims = claims;
	curl.ci_claims_n = 2;
	raise_rule(0, 2);
	validates("records", "2 alert; ");
}

static void raise_leak(uint64_t bytes, uint64_t time_ns, int raised)
{
	struct leak k = { .name = "eth0", .ifindex = 2, .time_ns = time_ns, .bypass = bytes };
	struct verdict v = { .rule = &leak_rule,
			     .leak = &k,
			     .sent = bytes,
			     .limit = 64 << 10,
			     .window_ns = 10 * SECOND };

	v.key.rule = VERDICT_RECONCILE;
	cr_assert_eq(alerts_raise(alerts, &v, &origin), raised);
}

Test(schema, hash_after_the_alert)
{
	static const uint8_t sha[32] = { 1 };
	struct file_hash hashed = { 7, &curl.image, OF_HASH_OK, sha };

	curl.image = (struct of_image){ .ino = 5 };
	raise_rule(0, 1);
	alerts_hashed(alerts, &hashed, &origin);
	validates("records", "1 alert, 1 update; ");
}

Test(schema, alerts_of_interfaces)
{
	raise_leak(1 << 20, 50 * SECOND, 1);
	raise_leak(2 << 20, 51 * SECOND, 0);
	validates("records", "1 alert, 1 update; ");
}

/* As many as there can be, of common length and of the greatest. */
Test(schema, alerts_with_many_names)
{
	static struct endpoint_name names[ENDPOINT_NAMES_MAX];
	static char host[254];
	size_t i;

	for (i = 0; i < ENDPOINT_NAMES_MAX; i++)
		names[i] = (struct endpoint_name){ "a-name-of-common-length.cdn.example.com",
						   OF_NAME_SNI,
						   0,
						   true,
						   true,
						   true,
						   50 * SECOND };
	account.names = (struct endpoint_names){ .name = names,
						 .n = ENDPOINT_NAMES_MAX,
						 .flags = NAMES_SETTLED };
	raise_rule(0, 1);
	memset(host, 'a', sizeof(host) - 1);
	for (i = 0; i < ENDPOINT_NAMES_MAX; i++)
		names[i].host = host;
	raise_rule(0, 2);
	validates_how("", "records", "2 alert");
}

/* Names of every source, and one that comes after the alert. */
Test(schema, alerts_of_named_far_ends)
{
	const struct endpoint_name names[] = {
		{ "target.example.com", OF_NAME_CONNECT, 8443, true, false, true, 50 * SECOND },
		{ "a.example.com", OF_NAME_SNI, 0, true, false, false, 50 * SECOND },
		{ "b.example.com", OF_NAME_HOST, 0, true, false, false, 50 * SECOND },
		{ "c.example.com", OF_NAME_DNS, 0, false, false, true, 49 * SECOND },
	};
	const struct of_alpn alpn[] = { { 2, "h2" }, { 3, { 0, '"', 0xff } } };

	account.names =
		(struct endpoint_names){ .name = names,
					 .n = 4,
					 .flags = NAMES_SETTLED | NAMES_ECH | NAMES_INVALID |
						  NAMES_MORE | NAMES_PROXY | NAMES_ALPN_MORE,
					 .alpn = alpn,
					 .alpn_n = 2 };
	raise_rule(0, 1);
	account.names =
		(struct endpoint_names){ .name = &names[3], .n = 1, .flags = NAMES_SETTLED };
	raise_rule(1, 2);
	account.names =
		(struct endpoint_names){ .name = &names[1], .n = 3, .flags = NAMES_SETTLED };
	alerts_named(alerts, &account, &origin);
	validates("records", "2 alert, 1 update; ");
}

static void raise_dns(const struct dns_told *told, uint64_t window_ns, uint64_t root)
{
	struct account server = account;
	struct subject s = { .time_ns = 50 * SECOND, .account = &server, .roles = 1 };
	struct verdict v = {
		.rule = &rules[0], .subject = &s, .dns = told, .sent = 99, .window_ns = window_ns
	};

	server.class = CLASS_RESOLVER;
	v.key.root = root;
	cr_assert_eq(alerts_raise(alerts, &v, &origin), 1);
}

Test(schema, alerts_of_names_asked_for)
{
	raise_dns(&(struct dns_told){ .suffix = "example.com",
				      .name = "a\\200.example.com",
				      .queries = 100,
				      .names = 99,
				      .name_bytes = 9000,
				      .answer_bytes = 10000,
				      .opaque_bytes = 8000,
				      .entropy = 498,
				      .txt_share = 100 },
		  600 * SECOND, 1);
	raise_dns(&(struct dns_told){ .suffix = "", .name = "com", .queries = 9, .txt_share = 5 },
		  600 * SECOND, 2);
	raise_dns(&(struct dns_told){ .name = "a.example.com", .foreign = true, .queries = 1 }, 0,
		  3);
	raise_dns(&(struct dns_told){ .name = "", .malformed = 17 }, 600 * SECOND, 4);
	validates("records", "4 alert; ");
}

/* With every counter of loss. */
Test(schema, notices)
{
	static const char *const types[] = { "start", "stop", "loss", "tamper" };
	size_t i;

#define X(name) origin.loss.name = 1;
	OF_LOSS_LIST(X)
#undef X
	origin.hooks_missing = (const char *const[]){ "interfaces", NULL };
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		cr_assert_eq(alerts_notice(alerts, types[i], SEVERITY_MEDIUM, "why", &origin), 0);
	validates("records", "1 loss, 1 start, 1 stop, 1 tamper; ");
}

/* Of one sink alone, whose queue was full. */
Test(schema, loss_of_a_sink)
{
	char command[160];

	feed_lose_one(&f);
	feed_tick(&f, 2);
	(void)snprintf(command, sizeof(command), "sed -i 1d '%s'", f.conf[0].path);
	cr_assert_eq(system(command), 0, "the record of no type that came through");
	validates("down/sink", "1 loss; ");
}
