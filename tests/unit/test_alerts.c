/* SPDX-License-Identifier: BSD-2-Clause */
/* Alerts: what a record says, the chain, folding, and how lineage is shown. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "alert/alerts.h"
#include "base/ip.h"
#include "digest.h"

#define SECOND 1000000000ULL
#define MIB    (1024 * 1024ULL)

static struct role roles[] = { { .name = "runner" }, { .name = "scanner" } };
static struct endpoint_set sets[] = { { .name = "code-host" }, { .name = "vuln-db" } };
static struct rule rules[] = {
	{ .id = "scanner-unknown-endpoint",
	  .rev = "0123456789abcdef",
	  .severity = SEVERITY_HIGH,
	  .attack = { "T1041" },
	  .roles = 2,
	  .has_endpoint = true,
	  .endpoint = { .not_in = 2 } },
	{ .id = "scanner-volume",
	  .rev = "fedcba9876543210",
	  .severity = SEVERITY_CRITICAL,
	  .roles = 2,
	  .has_sent = true,
	  .sent = { 16 * MIB, 600 * SECOND, PER_LINEAGE } },
	{ .id = "anyone-far",
	  .severity = SEVERITY_LOW,
	  .roles = OF_ROLE_ANY,
	  .has_endpoint = true,
	  .endpoint = { .not_in = 3, .classes = CLASS_EXTERNAL | CLASS_INTERNAL },
	  .has_sent = true,
	  .sent = { 32 << 10, 1500000000, PER_ENDPOINT } },
};
static const struct policy policy = {
	.sets = sets, .sets_n = 2, .roles = roles, .roles_n = 2, .rules = rules, .rules_n = 3
};

static const char bash_argv[] = "bash\0entrypoint.sh";
static const char curl_argv[] = "curl\0-X\0\0POST";
#define CONTAINER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct execution worker = {
	.exec_id = 1, .tgid = 3001, .sid = 7, .roles = 1, .name = "Runner.Worker", .exe = "/w"
};
static struct execution bash = { .exec_id = 2,
				 .parent = &worker,
				 .tgid = 4100,
				 .sid = 7,
				 .roles = 1,
				 .name = "bash",
				 .exe = "/bin/bash",
				 .argv = bash_argv,
				 .argv_len = sizeof(bash_argv),
				 .argv_size = sizeof(bash_argv) };
static struct execution forked = { .exec_id = 3,
				   .parent = &bash,
				   .tgid = 4242,
				   .sid = 7,
				   .roles = 1,
				   .name = "bash",
				   .flags = OF_EXEC_FORKED | OF_EXEC_REPLACED | OF_EXEC_ENDED };
static const struct container_told container = { CONTAINER_ID, "", "docker", "app:1", false };

static struct execution curl = {
	.exec_id = 9301,
	.parent = &forked,
	.tgid = 4242,
	.ppid = 4100,
	.sid = 7,
	.uid = 1001,
	.gid = 1002,
	.flags = OF_EXEC_DELETED | OF_EXEC_OVERLAY,
	.caps = 1ULL << 12 | 1ULL << 41,
	.start_ns = 49 * SECOND,
	.ns = { .pid = 4026532201, .mnt = 1, .net = 2, .user = 3, .uts = 4, .ipc = 5, .cgroup = 6 },
	.ns_tgid = 17,
	.renames = 2,
	.comm = "kworker/0:1",
	.cwd = "/work",
	.image = { .ino = 77, .size = 1000, .mtime_s = 1, .ctime_s = -1, .dev = 8 << 20 | 1 },
	.cgroup = "/system.slice/docker-" CONTAINER_ID ".scope",
	.container = &container,
	.loginuid = UINT32_MAX,
	.roles = 3,
	.name = "curl",
	.exe = "/usr/bin/curl",
	.argv = curl_argv,
	.argv_len = sizeof(curl_argv),
	.argv_size = sizeof(curl_argv) + 5
};
static struct account account = { .who = &curl, .class = CLASS_EXTERNAL, .sent = 393216 };
static struct subject subject = {
	.time_ns = 50 * SECOND, .delta = 1, .account = &account, .roles = 3
};
static struct origin origin = { .host = "runner-7",
				.boot_id = "6f1c0000-0000-4000-8000-000000000000",
				.utc_offset_ns = 1773942142123456789,
				.time_ns = 50 * SECOND };

/* The last record and how many there were. */
static struct {
	char json[128 << 10], text[4096], type[16], id[64], rule[64];
	enum severity severity;
	int64_t utc_ns;
	int n;
} got;

static void put(void *arg, const struct record *r)
{
	(void)arg;
	cr_assert_eq(strlen(r->json), r->json_len);
	cr_assert_eq(strlen(r->text), r->text_len);
	(void)snprintf(got.json, sizeof(got.json), "%s", r->json);
	(void)snprintf(got.text, sizeof(got.text), "%s", r->text);
	(void)snprintf(got.type, sizeof(got.type), "%s", r->type);
	(void)snprintf(got.id, sizeof(got.id), "%s", r->id);
	(void)snprintf(got.rule, sizeof(got.rule), "%s", r->rule);
	got.severity = r->severity;
	got.utc_ns = r->utc_ns;
	got.n++;
}

static struct of_endpoint endpoint(const char *ip, uint16_t port, uint8_t proto)
{
	struct of_endpoint to = { .port = port, .proto = proto };

	cr_assert_eq(ip_parse(ip, to.addr), 0);
	to.family = ip_is_v4(to.addr) ? OF_AF_INET : OF_AF_INET6;
	return to;
}

static struct verdict verdict(uint32_t rule, uint64_t root, uint64_t sent)
{
	struct verdict v = { .rule = &rules[rule], .subject = &subject, .sent = sent };

	v.key.rule = rule;
	v.key.root = root;
	if (rules[rule].has_sent) {
		v.key.per = rules[rule].sent.per;
		v.limit = rules[rule].sent.over;
		v.window_ns = rules[rule].sent.within_ns;
	}
	return v;
}

static struct alerts *fresh(void)
{
	struct alerts *a = NULL;

	account.to = endpoint("203.0.113.9", 443, IPPROTO_TCP);
	cr_assert_eq(alerts_new(&policy, put, NULL, &a), 0);
	return a;
}

static void raise_ok(struct alerts *a, struct verdict v)
{
	cr_assert_eq(alerts_raise(a, &v, &origin), 1);
}

static json_t *parsed(void)
{
	json_error_t e;
	json_t *root = json_loads(got.json, JSON_REJECT_DUPLICATES, &e);

	cr_assert_not_null(root, "%s: %s", e.text, got.json);
	return root;
}

/* The contract, byte for byte. */
Test(alerts, json_of_an_alert)
{
	struct alerts *a = fresh();
	char want[8192];

	origin.loss.ring = 3;
	origin.loss.probe_missed = 5;
	origin.hooks_missing = (const char *const[]){ "connect4", "connect6", NULL };
	raise_ok(a, verdict(0, 1, 393216));
	(void)snprintf(
		want, sizeof(want),
		"{\"v\":1,\"type\":\"alert\",\"id\":\"%s\",\"seq\":1,\"prev\":\"%064d\","
		"\"time\":\"2026-03-19T17:43:12.123456Z\",\"host\":\"runner-7\","
		"\"boot_id\":\"6f1c0000-0000-4000-8000-000000000000\","
		"\"rule\":\"scanner-unknown-endpoint\",\"rule_rev\":\"0123456789abcdef\","
		"\"severity\":\"high\",\"attack\":[\"T1041\"],"
		"\"reason\":\"scanner sent to 203.0.113.9:443, not in vuln-db\",\"limit\":null,"
		"\"baseline\":\"none\",\"labels\":{},\"count\":1,"
		"\"first\":\"2026-03-19T17:43:12.123456Z\",\"last\":\"2026-03-19T17:43:12."
		"123456Z\","
		"\"process\":{\"pid\":4242,\"exec_id\":9301,\"ppid\":4100,\"name\":\"curl\","
		"\"exe\":\"/usr/bin/curl\",\"argv\":[\"curl\",\"-X\",\"\",\"POST\"],"
		"\"argv_truncated\":true,\"argv_redacted\":0,\"sha256\":null,\"sha256_state\":"
		"\"pending\",\"uid\":1001,"
		"\"loginuid\":null,"
		"\"gid\":1002,\"sid\":7,\"exe_state\":[\"deleted\",\"overlay\"],"
		"\"caps_gained\":[\"cap_net_admin\",\"cap_41\"],\"pid_ns\":4026532201,"
		"\"ns_pid\":17,\"cgroup\":\"/system.slice/docker-" CONTAINER_ID ".scope\","
		"\"container\":{\"id\":\"" CONTAINER_ID "\",\"runtime\":\"docker\","
		"\"image\":\"app:1\",\"pod\":null,\"claimed\":false},"
		"\"start\":\"2026-03-19T17:43:11.123456Z\",\"comm\":\"kworker/0:1\","
		"\"comm_changes\":2,\"script\":null,\"cwd\":\"/work\",\"cwd_truncated\":false,"
		"\"exe_truncated\":false,\"env_truncated\":false,\"file\":{\"dev_major\":8,\"dev_"
		"minor\":1,\"ino\":77,"
		"\"size\":1000,\"mtime\":\"1970-01-01T00:00:01.000000Z\",\"ctime\":null},"
		"\"ns\":{\"pid\":4026532201,\"mnt\":1,\"net\":2,\"user\":3,\"uts\":4,\"ipc\":5,"
		"\"cgroup\":6}},"
		"\"lineage\":[\"Runner.Worker[3001]\",\"bash[4100]\",\"curl[4242]\"],"
		"\"ancestors\":[{\"pid\":4100,\"exec_id\":2,\"ppid\":0,\"name\":\"bash\","
		"\"exe\":\"/bin/bash\",\"argv\":[\"bash\",\"entrypoint.sh\"],"
		"\"argv_truncated\":false,\"argv_redacted\":0,\"uid\":0,\"start\":\"2026-03-19T17:"
		"42:22.123456Z\","
		"\"script\":\"entrypoint.sh\"},{\"pid\":3001,\"exec_id\":1,\"ppid\":0,"
		"\"name\":\"Runner.Worker\",\"exe\":\"/w\",\"argv\":[],"
		"\"argv_truncated\":false,\"argv_redacted\":0,\"uid\":0,\"start\":\"2026-03-19T17:"
		"42:22.123456Z\","
		"\"script\":null}],"
		"\"roles\":[\"runner\",\"scanner\"],\"creator\":null,\"via\":null,\"ci\":null,"
		"\"endpoint\":{\"ip\":\"203.0.113.9\",\"port\":443,\"proto\":\"tcp\","
		"\"class\":\"external\",\"names\":[]},"
		"\"bytes\":{\"sent\":393216,\"received\":null,\"window_s\":null},"
		"\"loss\":{\"ring\":3,\"overflow\":0,\"hooks_missing\":[\"connect4\",\"connect6\"],"
		"\"probe_missed\":5}}",
		got.id, 0);
	cr_expect_str_eq(got.json, want);
	cr_expect_eq(strlen(got.id), 32);
	cr_expect_eq(strspn(got.id, "0123456789abcdef"), 32);
	cr_expect_eq(got.utc_ns, 1773942192123456789);
	cr_expect_str_eq(got.rule, "scanner-unknown-endpoint");
	cr_expect_eq(got.severity, SEVERITY_HIGH);
	alerts_free(a);
}

static void expect_text(const char *want)
{
	char whole[2048];

	(void)snprintf(whole, sizeof(whole), "%s; id=%s", want, got.id);
	cr_expect_str_eq(got.text, whole);
}

static const struct errand errand = { .kind = "docker",
				      .socket = "/run/docker.sock",
				      .socket_len = 16,
				      .deputy = { 812, "dockerd" },
				      .passed = { { 700, "containerd" } },
				      .passed_n = 1,
				      .exec_id = 9000,
				      .tgid = 4200,
				      .name = "tri\nvy",
				      .lineage = "bash[4100]\0tri\nvy[4200]",
				      .lineage_len = sizeof("bash[4100]\0tri\nvy[4200]"),
				      .others = 2 };

/* Roles and errand are those of the moment, which a deputy loses again. */
Test(alerts, via_a_deputy)
{
	struct alerts *a = fresh();

	subject.via = (struct via){ &errand, 1234567890 };
	subject.roles = 1;
	raise_ok(a, verdict(0, 1, 393216));
	cr_expect_not_null(
		strstr(got.json,
		       ",\"roles\":[\"runner\"],\"creator\":null,"
		       "\"via\":{\"kind\":\"docker\",\"socket\":\"/run/docker.sock\",\"file\":null,"
		       "\"deputy\":\"dockerd[812]\",\"passed_on\":[\"containerd[700]\"],"
		       "\"asked_by\":{\"pid\":4200,\"exec_id\":9000,\"name\":\"tri\\u000avy\","
		       "\"lineage\":[\"bash[4100]\",\"tri\\u000avy[4200]\"]},"
		       "\"after_ms\":1234,\"inferred\":true,\"others\":2},\"ci\":null,"),
		"%s", got.json);
	expect_text("high scanner-unknown-endpoint: Runner.Worker[3001] > bash[4100] > curl[4242] "
		    "uid=1001 via docker for tri\\x0avy[4200] or 2 others sent 384.0KiB to "
		    "203.0.113.9:443/tcp, not in vuln-db");
	json_decref(parsed());
	alerts_free(a);
}

static void expect_reason(const char *want)
{
	json_t *root = parsed();

	cr_expect_str_eq(json_string_value(json_object_get(root, "reason")), want);
	json_decref(root);
}

Test(alerts, line_of_an_alert)
{
	struct alerts *a = fresh();

	raise_ok(a, verdict(0, 1, 393216));
	expect_text("high scanner-unknown-endpoint: Runner.Worker[3001] > bash[4100] > curl[4242] "
		    "uid=1001 sent 384.0KiB to 203.0.113.9:443/tcp, not in vuln-db");
	alerts_free(a);
}

Test(alerts, attempt)
{
	struct alerts *a = fresh();

	subject.kind = SUBJECT_ATTEMPT;
	account.to = endpoint("2001:db8::1", 8443, IPPROTO_TCP);
	raise_ok(a, verdict(0, 1, 0));
	expect_text("high scanner-unknown-endpoint: Runner.Worker[3001] > bash[4100] > curl[4242] "
		    "uid=1001 tried to connect to [2001:db8::1]:8443/tcp, not in vuln-db");
	expect_reason("scanner tried to connect to [2001:db8::1]:8443, not in vuln-db");
	alerts_free(a);
}

Test(alerts, volume_of_a_lineage)
{
	struct alerts *a = fresh();
	json_t *root;

	raise_ok(a, verdict(1, 1, 18035507));
	expect_text(
		"critical scanner-volume: Runner.Worker[3001] > bash[4100] > curl[4242] uid=1001 "
		"sent 17.2MiB within 10m, over 16.0MiB, last to 203.0.113.9:443/tcp");
	expect_reason("scanner lineage sent 17.2MiB within 10m, over 16.0MiB");
	root = parsed();
	cr_expect_eq(json_integer_value(json_object_get(root, "limit")), 16 << 20);
	cr_expect_eq(json_integer_value(
			     json_object_get(json_object_get(root, "bytes"), "window_s")),
		     600);
	json_decref(root);
	alerts_free(a);
}

Test(alerts, volume_of_an_endpoint_without_a_role)
{
	struct alerts *a = fresh();

	raise_ok(a, verdict(2, 1, 40960));
	expect_text("low anyone-far: Runner.Worker[3001] > bash[4100] > curl[4242] uid=1001 "
		    "sent 40.0KiB to 203.0.113.9:443/tcp within 1500ms, over 32.0KiB, "
		    "not in code-host or vuln-db, class internal or external");
	expect_reason("process sent 40.0KiB to 203.0.113.9:443 within 1500ms, over 32.0KiB, "
		      "not in code-host or vuln-db, class internal or external");
	cr_expect_not_null(strstr(got.json, "\"window_s\":1.500}"));
	json_decref(parsed());
	alerts_free(a);
}

/* No process, no endpoint: what no table had room for. */
Test(alerts, machine_overflow)
{
	struct alerts *a = fresh();

	account = (struct account){ .flags = OF_ACCOUNT_MACHINE, .class = CLASS_UNKNOWN };
	subject.roles = 0;
	raise_ok(a, verdict(0, 1, 100));
	expect_text("high scanner-unknown-endpoint: processes not seen singly sent 100 B to "
		    "endpoints not seen singly (account table full), not in vuln-db");
	cr_expect_not_null(
		strstr(got.json, "\"process\":null,\"lineage\":[],\"ancestors\":[],\"roles\":[],"));
	cr_expect_not_null(strstr(got.json,
				  "\"endpoint\":{\"ip\":null,\"port\":null,\"proto\":null,"
				  "\"class\":\"unknown\",\"names\":[],\"overflow\":true}"));
	cr_expect_not_null(strstr(got.json, "not seen singly (account table full)"));
	alerts_free(a);
}

Test(alerts, volume_of_an_overflow_account_says_so)
{
	struct alerts *a = fresh();

	memset(&account.to, 0, sizeof(account.to));
	account.flags = OF_ACCOUNT_OVERFLOW;
	raise_ok(a, verdict(1, 1, 18035507));
	expect_reason(
		"scanner lineage sent 17.2MiB within 10m, over 16.0MiB, last to endpoints not "
		"seen singly (account table full)");
	alerts_free(a);
}

struct proto_case {
	char says[64];
	uint8_t proto, family;
	uint16_t port;
};

ParameterizedTestParameters(alerts, endpoints)
{
	static struct proto_case cases[] = {
		{ "192.0.2.1:53/udp", 17, OF_AF_INET, 53 },
		{ "192.0.2.1/icmp", 1, OF_AF_INET, 0 },
		{ "192.0.2.1/icmpv6", 58, OF_AF_INET, 0 },
		{ "192.0.2.1:9/udplite", 136, OF_AF_INET, 9 },
		{ "192.0.2.1:9/sctp", 132, OF_AF_INET, 9 },
		{ "192.0.2.1:9/dccp", 33, OF_AF_INET, 9 },
		{ "192.0.2.1/raw", 255, OF_AF_INET, 0 },
		{ "192.0.2.1/47", 47, OF_AF_INET, 0 },
		{ "packet", 0, OF_AF_PACKET, 0 },
		{ "vsock:1024", 0, OF_AF_VSOCK, 1024 },
		{ "af_31", 0, 31, 0 },
	};

	return cr_make_param_array(struct proto_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct proto_case *c, alerts, endpoints)
{
	struct alerts *a = fresh();
	char want[128];

	account.to = endpoint("192.0.2.1", c->port, c->proto);
	account.to.family = c->family;
	if (c->family != OF_AF_INET)
		memset(account.to.addr, 0, sizeof(account.to.addr));
	raise_ok(a, verdict(0, 1, 1));
	(void)snprintf(want, sizeof(want), " sent 1 B to %s, not in vuln-db; ", c->says);
	cr_expect_not_null(strstr(got.text, want), "%s: %s", want, got.text);
	json_decref(parsed());
	alerts_free(a);
}

/* Every record names the hash of the one before, whatever its kind. */
Test(alerts, chain)
{
	struct alerts *a = fresh();
	char prev[65], key[128];
	json_t *root;
	int i;

	(void)snprintf(prev, sizeof(prev), "%064d", 0);
	for (i = 1; i <= 6; i++) {
		if (i % 2)
			cr_assert_eq(alerts_notice(a, i == 1 ? "start" : "loss", SEVERITY_INFO,
						   "7 hooks, \x01 odd", &origin),
				     0);
		else
			raise_ok(a, verdict(0, (uint64_t)i, 1));
		(void)snprintf(key, sizeof(key), "\"seq\":%d,\"prev\":\"%s\",", i, prev);
		cr_expect_not_null(strstr(got.json, key), "%s", got.json);
		sha256(got.json, prev);
	}
	cr_expect_eq(got.n, 6);
	cr_assert_eq(alerts_notice(a, "stop", SEVERITY_INFO, "asked to \n end", &origin), 0);
	expect_text("info stop: asked to \\x0a end");
	cr_expect_str_eq(got.type, "stop");
	cr_expect_str_eq(got.rule, "");
	root = parsed();
	cr_expect_str_eq(json_string_value(json_object_get(root, "reason")), "asked to \n end");
	cr_expect_str_eq(json_string_value(json_object_get(root, "severity")), "info");
	json_decref(root);
	alerts_free(a);
}

/* The same verdict again is no second record; the listing shows what was added. */
Test(alerts, fold_and_list)
{
	struct alerts *a = fresh();
	struct verdict v = verdict(0, 1, 1000);
	uint64_t cursor = 0;
	struct buf b;

	buf_init(&b, 1 << 20);
	raise_ok(a, v);
	subject.time_ns += 3 * SECOND;
	v.sent = 5000;
	cr_expect_eq(alerts_raise(a, &v, &origin), 0);
	v.sent = 4000;
	cr_expect_eq(alerts_raise(a, &v, &origin), 0);
	/* The execution is gone, the alert lives on. */
	account.who = NULL;
	cr_expect_eq(got.n, 1);
	cr_expect_eq(alerts_next(a, &cursor, &origin, &b), 1);
	cr_expect_eq(b.data[b.len - 1], '\n');
	cr_expect_not_null(strstr(b.data, "\"count\":3,\"first\":\"2026-03-19T17:43:12.123456Z\","
					  "\"last\":\"2026-03-19T17:43:15.123456Z\""));
	cr_expect_not_null(strstr(b.data, "\"bytes\":{\"sent\":5000,"));
	cr_expect_not_null(strstr(b.data, "\"name\":\"curl\""));
	cr_expect_eq(alerts_next(a, &cursor, &origin, &b), 0);
	cr_expect_eq(alerts_stats(a).raised, 1);
	cr_expect_eq(alerts_stats(a).folded, 2);
	buf_done(&b);
	alerts_free(a);
}

Test(alerts, id_is_of_boot_rule_key_and_time)
{
	struct alerts *a = fresh();
	char first[64];

	raise_ok(a, verdict(0, 1, 1));
	memcpy(first, got.id, sizeof(first));
	alerts_free(a);
	a = fresh();
	raise_ok(a, verdict(0, 2, 1));
	cr_expect_str_neq(got.id, first);
	raise_ok(a, verdict(0, 1, 999));
	cr_expect_str_eq(got.id, first, "neither bytes nor number change it");
	alerts_free(a);
	a = fresh();
	subject.time_ns++;
	raise_ok(a, verdict(0, 1, 1));
	cr_expect_str_neq(got.id, first);
	alerts_free(a);
}

/* The one without news for longest makes room; the listing keeps its order and sees each once. */
Test(alerts, bounded)
{
	struct alerts *a = fresh();
	struct verdict v = verdict(0, 1, 1);
	uint64_t cursor = 0, last = 0;
	struct buf b;
	int n = 0;

	for (v.key.root = 1; v.key.root <= ALERTS_OPEN_MAX; v.key.root++)
		raise_ok(a, v);
	v.key.root = 1;
	cr_assert_eq(alerts_raise(a, &v, &origin), 0);
	for (v.key.root = ALERTS_OPEN_MAX + 1; v.key.root <= ALERTS_OPEN_MAX + 10; v.key.root++)
		raise_ok(a, v);
	cr_expect_eq(alerts_stats(a).open, ALERTS_OPEN_MAX);
	cr_expect_eq(alerts_stats(a).evicted, 10);
	v.key.root = 1;
	cr_expect_eq(alerts_raise(a, &v, &origin), 0, "it had news");
	v.key.root = 2;
	cr_expect_eq(alerts_raise(a, &v, &origin), 1, "it had none");
	buf_init(&b, 1 << 20);
	for (; alerts_next(a, &cursor, &origin, &b) == 1; n++) {
		cr_assert_gt(cursor, last);
		last = cursor;
		buf_clear(&b);
	}
	cr_expect_eq(n, ALERTS_OPEN_MAX);
	buf_done(&b);
	alerts_free(a);
}

Test(alerts, quiet_ones_close)
{
	struct alerts *a = fresh();
	struct verdict v = verdict(0, 1, 1);

	raise_ok(a, v);
	raise_ok(a, verdict(0, 2, 1));
	subject.time_ns += 2 * SECOND;
	cr_assert_eq(alerts_raise(a, &v, &origin), 0);
	origin.time_ns = 50 * SECOND + ALERTS_QUIET_NS - 1;
	alerts_tick(a, &origin);
	cr_expect_eq(alerts_stats(a).open, 2);
	origin.time_ns++;
	alerts_tick(a, &origin);
	cr_expect_eq(alerts_stats(a).open, 1);
	cr_expect_eq(alerts_raise(a, &v, &origin), 0);
	origin.time_ns += 2 * SECOND;
	alerts_tick(a, &origin);
	cr_expect_eq(alerts_stats(a).open, 0);
	cr_expect_eq(alerts_stats(a).evicted, 0);
	cr_expect_eq(alerts_raise(a, &v, &origin), 1, "it speaks up again");
	alerts_free(a);
}

/* What a process calls itself cannot break a line nor forge one. */
Test(alerts, hostile_names)
{
	struct alerts *a = fresh();
	static const char argv[] = "a\xff%\n\"", name[] = "x\nhigh\x1b[2J\xff\\\"; id=0>y";
	json_t *root, *process;

	memcpy(curl.name, name, sizeof(name));
	curl.argv = argv;
	curl.argv_len = curl.argv_size = sizeof(argv) - 1;
	curl.exe = "";
	raise_ok(a, verdict(0, 1, 1));
	cr_expect_null(strpbrk(got.text, "\n\x1b\xff"));
	cr_expect_not_null(
		strstr(got.text, "> \"x\\x0ahigh\\x1b[2J\\xff\\x5c\\x22; id=0>y\"[4242] uid=1001"));
	root = parsed();
	process = json_object_get(root, "process");
	cr_expect(json_is_null(json_object_get(process, "exe")));
	cr_expect(json_is_false(json_object_get(process, "argv_truncated")));
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(process, "argv"), 0)),
			 "a%FF%25\n\"");
	json_decref(root);
	alerts_free(a);
}

/* 64 ancestors with names of full length, every byte escaped: JSON has them all, the line fits. */
Test(alerts, longest)
{
	static struct execution chain[LINEAGE_DEPTH_MAX + 1];
	static char argv[OF_ARGV_LEN];
	struct alerts *a = fresh();
	json_t *root;
	size_t i;

	memset(argv, 1, sizeof(argv));
	for (i = 0; i <= LINEAGE_DEPTH_MAX; i++) {
		chain[i].parent = i > 0 ? &chain[i - 1] : NULL;
		chain[i].tgid = 4194304;
		chain[i].roles = 3;
		memset(chain[i].name, 2, OF_NAME_LEN - 1);
		chain[i].argv = argv;
		chain[i].argv_len = chain[i].argv_size = sizeof(argv);
	}
	memcpy(chain[0].name, "top", 4);
	chain[LINEAGE_DEPTH_MAX].elided = 9;
	account.who = &chain[LINEAGE_DEPTH_MAX];
	raise_ok(a, verdict(0, 1, 1));
	cr_expect_leq(strlen(got.text), 1900);
	cr_expect_gt(strlen(got.text), 1500);
	cr_expect_not_null(strstr(got.text, ": top[4194304] > \\x02"));
	cr_expect_not_null(strstr(got.text, " > ...(+"));
	cr_expect_not_null(strstr(got.text, "[4194304] uid=0 sent 1 B to 203.0.113.9:443/tcp, not "
					    "in vuln-db; id="));
	root = parsed();
	cr_expect_eq(json_array_size(json_object_get(root, "lineage")), LINEAGE_DEPTH_MAX + 2);
	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(root, "lineage"),
							  LINEAGE_DEPTH_MAX)),
			 "...(+9)");
	json_decref(root);
	alerts_free(a);
}

/* The policy's texts are long: the end of the line is still the id. */
Test(alerts, long_rule)
{
	static char id[3000];
	struct alerts *a = fresh();

	memset(id, 'r', sizeof(id) - 1);
	rules[0].id = id;
	raise_ok(a, verdict(0, 1, 1));
	cr_expect_leq(strlen(got.text), 1900);
	cr_expect_str_eq(got.text + strlen(got.text) - 32, got.id);
	alerts_free(a);
}

/* Without a role a line shows the nearest five; with elided ancestors it says how many. */
Test(alerts, lineage_without_roles)
{
	static struct execution chain[8];
	struct alerts *a = fresh();
	size_t i;

	for (i = 0; i < 8; i++) {
		chain[i].parent = i > 0 ? &chain[i - 1] : NULL;
		chain[i].tgid = (uint32_t)i;
		(void)snprintf(chain[i].name, sizeof(chain[i].name), "p");
	}
	chain[6].elided = 2;
	account.who = &chain[7];
	raise_ok(a, verdict(0, 1, 1));
	cr_expect_not_null(strstr(got.text,
				  ": p[3] > p[4] > p[5] > ...(+2) > p[6] > p[7] uid=0 sent"),
			   "%s", got.text);
	alerts_free(a);
}

/* A fork that has not exec'd sends under its own pid. */
Test(alerts, lineage_of_a_fork)
{
	struct alerts *a = fresh();

	account.who = &forked;
	raise_ok(a, verdict(0, 1, 1));
	cr_expect_not_null(
		strstr(got.text, ": Runner.Worker[3001] > bash[4100] > bash[4242] uid="));
	alerts_free(a);
}

Test(lineage, root)
{
	struct execution top = { .sid = 1, .roles = 0 };
	struct execution leader = { .sid = 7, .parent = &top };
	struct execution gap = { .sid = 7, .parent = &leader, .roles = 2 };
	struct execution low = { .sid = 7, .parent = &gap, .roles = 3 };

	cr_expect_eq(lineage_root(&low, 1), &low);
	cr_expect_eq(lineage_root(&low, 2), &gap);
	cr_expect_eq(lineage_root(&low, 3), &gap);
	cr_expect_eq(lineage_root(&low, OF_ROLE_ANY), &leader);
	cr_expect_eq(lineage_root(&low, 4), &low, "no holder: itself");
	cr_expect_eq(lineage_root(&top, OF_ROLE_ANY), &top);
	cr_expect_null(lineage_root(NULL, 1));
}

Test(lineage, shows)
{
	struct execution e = { .flags = OF_EXEC_FORKED };

	cr_expect(lineage_shows(&e));
	e.flags |= OF_EXEC_ENDED | OF_EXEC_REPLACED;
	cr_expect_not(lineage_shows(&e));
	e.flags = OF_EXEC_ENDED | OF_EXEC_REPLACED;
	cr_expect(lineage_shows(&e));
}
