/* SPDX-License-Identifier: BSD-2-Clause */
/* Alerts about far ends that have names, and about names that were asked for. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "alert/alerts.h"
#include "digest.h"
#include "got.h"

#define SECOND 1000000000ULL

static struct role roles[] = { { .name = "scanner" } };
static struct endpoint_set sets[] = { { .name = "vuln-db" } };
static struct rule rules[] = {
	{ .id = "unknown",
	  .severity = SEVERITY_HIGH,
	  .roles = 1,
	  .has_endpoint = true,
	  .endpoint = { .not_in = 1 } },
	{ .id = "volume",
	  .severity = SEVERITY_LOW,
	  .roles = 1,
	  .has_sent = true,
	  .sent = { 1024, 600 * SECOND, PER_LINEAGE } },
	{ .id = "no-name",
	  .severity = SEVERITY_LOW,
	  .roles = OF_ROLE_ANY,
	  .has_endpoint = true,
	  .endpoint = { .traits = TRAIT_NO_NAME } },
	{ .id = "mismatch",
	  .severity = SEVERITY_LOW,
	  .roles = OF_ROLE_ANY,
	  .has_endpoint = true,
	  .endpoint = { .traits = TRAIT_MISMATCH | TRAIT_ECH, .traits_not = TRAIT_NO_NAME } },
	{ .id = "dns", .severity = SEVERITY_HIGH, .roles = 1, .has_dns = true },
};
static const struct policy policy = {
	.sets = sets, .sets_n = 1, .roles = roles, .roles_n = 1, .rules = rules, .rules_n = 5
};
static const struct origin origin = { .host = "runner-7", .boot_id = "b00t" };
static struct execution curl = {
	.exec_id = 7, .tgid = 70, .uid = 1001, .name = "curl", .exe = "/usr/bin/curl"
};
static struct account account = {
	.who = &curl,
	.to = { .addr = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 9 },
		.port = 443,
		.proto = IPPROTO_TCP,
		.family = OF_AF_INET },
	.class = CLASS_EXTERNAL,
	.sent = 2048,
};
static struct alerts *alerts;

static void start(void)
{
	got.n = 0;
	alerts = got_alerts(&policy);
}

static void stop(void)
{
	alerts_free(alerts);
}

TestSuite(alerts_names, .init = start, .fini = stop, .timeout = 60);

static void raise_for(uint32_t rule, const struct account *a, uint64_t root)
{
	struct subject s = { .time_ns = 50 * SECOND, .delta = 1, .account = a, .roles = 1 };
	struct verdict v = { .rule = &rules[rule], .subject = &s, .sent = 2048 };

	v.key.rule = rule;
	v.key.root = root;
	v.key.per = rules[rule].has_sent ? rules[rule].sent.per : PER_ENDPOINT;
	v.limit = rules[rule].sent.over;
	v.window_ns = rules[rule].sent.within_ns;
	cr_assert_eq(alerts_raise(alerts, &v, &origin), 1);
}

static void raise(uint32_t rule)
{
	static uint64_t root;

	raise_for(rule, &account, ++root);
}

static void named(const struct endpoint_name *names, size_t n, uint32_t flags)
{
	account.names = (struct endpoint_names){ .name = names, .n = n, .flags = flags };
}

static void expect_text(const char *want)
{
	char whole[1024];

	(void)snprintf(whole, sizeof(whole), "%s; id=%s", want, got.id);
	cr_expect_str_eq(got.text, whole);
}

static void expect_json(const char *want)
{
	cr_expect_not_null(strstr(got.json, want), "%s\nis not in %s", want, got.json);
}

#define WHO(rule, severity) severity " " rule ": curl[70] uid=1001 "

/* The line of the design. */
Test(alerts_names, a_name_stands_before_the_address)
{
	struct endpoint_name n = { "scan.example.org", OF_NAME_DNS, 0, true, false, true,
				   49 * SECOND };

	named(&n, 1, NAMES_SETTLED);
	raise(0);
	expect_text(WHO("unknown", "high") "sent 2.0KiB to scan.example.org (203.0.113.9:443/tcp), "
					   "not in vuln-db");
	expect_json("\"reason\":\"scanner sent to scan.example.org (203.0.113.9:443), not in "
		    "vuln-db\"");
	expect_json("\"ci\":null,\"endpoint\":{\"ip\":\"203.0.113.9\",\"port\":443,\"proto\":"
		    "\"tcp\",\"class\":\"external\",\"names\":[{\"name\":\"scan.example.org\","
		    "\"source\":\"dns\",\"confirmed\":true,\"asked\":true,\"time\":"
		    "\"1970-01-01T00:00:49.000000Z\"}]},\"bytes\":");
	raise(1);
	expect_text(WHO("volume", "low") "sent 2.0KiB within 10m, over 1.0KiB, last to "
					 "scan.example.org (203.0.113.9:443/tcp)");
}

static void expect_far(const struct endpoint_name *n, const char *want)
{
	char whole[256];

	named(n, 1, NAMES_SETTLED);
	raise(0);
	(void)snprintf(whole, sizeof(whole),
		       WHO("unknown", "high") "sent 2.0KiB to %s, not in vuln-db", want);
	expect_text(whole);
}

Test(alerts_names, how_far_a_name_holds)
{
	struct endpoint_name n = { "a.example", OF_NAME_SNI, 0, true, false, true, 0 };

	expect_far(&n, "a.example (203.0.113.9:443/tcp)");
	n.confirmed = false;
	expect_far(&n, "a.example (203.0.113.9:443/tcp, by its own word)");
	n.source = OF_NAME_DNS;
	expect_far(&n, "a.example (203.0.113.9:443/tcp, by a server that is not configured)");
	n.confirmed = true;
	n.asked = false;
	expect_far(&n, "a.example (203.0.113.9:443/tcp, asked for by others)");
	n = (struct endpoint_name){ "target.example", OF_NAME_CONNECT, 8443, true, false, true, 0 };
	expect_far(&n, "target.example:8443 (by proxy 203.0.113.9:443/tcp)");
	expect_json("\"source\":\"connect\",\"confirmed\":true,\"asked\":true,\"port\":8443,");
	n.confirmed = false;
	expect_far(&n, "target.example:8443 (by proxy 203.0.113.9:443/tcp, by its own word)");
}

Test(alerts_names, what_about_the_names_made_it_hold)
{
	struct endpoint_name n[] = {
		{ "front.example", OF_NAME_SNI, 0, true, false, false, 50 * SECOND },
		{ "b.example", OF_NAME_DNS, 0, false, false, true, 49 * SECOND },
		{ "c.example", OF_NAME_DNS, 0, true, false, true, 48 * SECOND },
	};
	const struct of_alpn alpn[] = { { 2, "h2" }, { 8, "http/1.1" }, { 3, { 0, '"', 0xff } } };

	raise(2);
	expect_text(WHO("no-name", "low") "sent 2.0KiB to 203.0.113.9:443/tcp, without a name");
	expect_json("\"reason\":\"process sent to 203.0.113.9:443, without a name\"");
	named(n, 3, NAMES_SETTLED | NAMES_ECH | NAMES_MORE);
	raise(3);
	expect_text(
		WHO("mismatch", "low") "sent 2.0KiB to front.example (203.0.113.9:443/tcp, by "
				       "its own word), says front.example, asked for c.example, "
				       "with an encrypted ClientHello");
	expect_json("],\"names_more\":true,\"ech\":true},");
	named(n, 2, NAMES_SETTLED | NAMES_INVALID | NAMES_MORE_ASKED);
	raise(3);
	expect_json(", says front.example, which it did not ask for, with");
	expect_json("],\"names_more\":true,\"names_invalid\":true},");
	account.names.alpn = alpn;
	account.names.alpn_n = 3;
	account.names.flags |= NAMES_ALPN_MORE;
	raise(3);
	expect_json(",\"alpn\":[\"h2\",\"http/1.1\",\"\\u0000\\\"%FF\"],\"alpn_more\":true},");
}

/* ---- Names that come later ---- */

Test(alerts_names, a_stronger_name_is_told)
{
	struct endpoint_name n[] = {
		{ "sni.example", OF_NAME_SNI, 0, true, false, false, 51 * SECOND },
		{ "dns.example", OF_NAME_DNS, 0, true, false, true, 49 * SECOND },
	};
	char id[64], head[65], want[256];

	raise(0);
	(void)snprintf(id, sizeof(id), "%s", got.id);
	sha256(got.json, head);
	named(&n[1], 1, 0);
	alerts_named(alerts, &account, &origin);
	cr_assert_eq(got.n, 2);
	cr_expect_str_eq(got.type, "update");
	cr_expect_str_eq(got.id, id);
	(void)snprintf(want, sizeof(want), "\"seq\":2,\"prev\":\"%s\"", head);
	expect_json(want);
	expect_json("\"reason\":\"scanner sent to dns.example (203.0.113.9:443), not in vuln-db\"");
	expect_json("\"names\":[{\"name\":\"dns.example\",");
	expect_text("high update: dns.example (203.0.113.9:443/tcp)");
	named(n, 2, NAMES_SETTLED);
	alerts_named(alerts, &account, &origin);
	cr_assert_eq(got.n, 3);
	expect_text("high update: sni.example (203.0.113.9:443/tcp, by its own word)");
	expect_json("\"names\":[{\"name\":\"sni.example\",");
	/* Once. */
	alerts_named(alerts, &account, &origin);
	cr_expect_eq(got.n, 3);
	n[0].confirmed = true;
	alerts_named(alerts, &account, &origin);
	cr_assert_eq(got.n, 4);
	expect_text("high update: sni.example (203.0.113.9:443/tcp)");
	/* Another of the same source says nothing new of what was sent then. */
	n[0].host = "other.example";
	alerts_named(alerts, &account, &origin);
	named(&n[1], 1, NAMES_SETTLED);
	alerts_named(alerts, &account, &origin);
	cr_expect_eq(got.n, 4);
}

Test(alerts_names, of_this_account_alone)
{
	struct endpoint_name n = { "sni.example", OF_NAME_SNI, 0, true, false, false, 51 * SECOND };
	struct execution other = { .exec_id = 7 + 4096, .name = "other" };
	struct account a;

	raise(0);
	raise(1);
	named(&n, 1, 0);
	a = account;
	a.to.port = 8443;
	alerts_named(alerts, &a, &origin);
	a = account;
	a.who = &other;
	alerts_named(alerts, &a, &origin);
	a.who = NULL;
	alerts_named(alerts, &a, &origin);
	cr_expect_eq(got.n, 2);
	alerts_named(alerts, &account, &origin);
	cr_expect_eq(got.n, 4, "both");
}

/* ---- Names asked for ---- */

static struct dns_told told = { .suffix = "example.com",
				.name = "x\\200.t.example.com",
				.queries = 500,
				.names = 412,
				.name_bytes = 31948,
				.answer_bytes = 46182,
				.opaque_bytes = 40000,
				.entropy = 462,
				.txt_share = 98 };

static int raise_dns(enum rule_per per, uint64_t sent, uint64_t window_ns)
{
	struct account server = account;
	struct subject s = { .time_ns = 50 * SECOND, .account = &server, .roles = 1 };
	struct verdict v = {
		.rule = &rules[4], .subject = &s, .dns = &told, .sent = sent, .window_ns = window_ns
	};

	server.to.port = 53;
	server.to.proto = IPPROTO_UDP;
	server.class = CLASS_RESOLVER;
	v.key.rule = 4;
	v.key.per = per;
	return alerts_raise(alerts, &v, &origin);
}

Test(alerts_names, names_that_carry_data)
{
	cr_assert_eq(raise_dns(PER_LINEAGE, 60000, 600 * SECOND), 1);
	expect_text(
		WHO("dns", "high") "asked 500 times for 412 names below example.com within 10m, "
				   "31.2KiB in them at 4.62 bits a character, 98% for types "
				   "that carry anything, 45.1KiB answered, last of "
				   "203.0.113.9:53/udp");
	expect_json("\"reason\":\"scanner lineage asked 500 times for 412 names below example.com "
		    "within 10m, ");
	expect_json(",\"limit\":null,");
	expect_json("\"class\":\"resolver\",\"names\":[]},\"dns\":{\"suffix\":\"example.com\","
		    "\"name\":\"x\\\\200.t.example.com\",\"foreign\":false,\"queries\":500,"
		    "\"names\":412,\"name_bytes\":31948,\"entropy\":4.62,\"txt_share\":0.98,"
		    "\"answer_bytes\":46182,\"opaque_bytes\":40000,\"malformed\":0},\"bytes\":{"
		    "\"sent\":60000,"
		    "\"received\":null,\"window_s\":600},");
	/* What it has grown to is shown. */
	told.names = 500;
	cr_expect_eq(raise_dns(PER_LINEAGE, 70000, 600 * SECOND), 0);
	told.names = 412;
	cr_expect_eq(got.n, 1);
	{
		struct buf b;
		uint64_t cursor = 0;

		buf_init(&b, 1 << 20);
		cr_assert_eq(alerts_next(alerts, &cursor, &origin, &b), 1);
		cr_expect_not_null(strstr(b.data, "asked 500 times for 500 names"));
		buf_done(&b);
	}
	/* Twice as much is told, with who and where. */
	cr_expect_eq(raise_dns(PER_LINEAGE, 120000, 600 * SECOND), 0);
	cr_expect_eq(got.n, 1);
	cr_expect_eq(raise_dns(PER_LINEAGE, 120001, 600 * SECOND), 0);
	cr_expect_eq(got.n, 2);
	cr_expect_str_eq(got.type, "update");
	cr_expect_eq(strncmp(got.text, WHO("dns", "high") "asked 500 times",
			     sizeof(WHO("dns", "high") "asked 500 times") - 1),
		     0);
	expect_json("\"bytes\":{\"sent\":120001,");
	cr_expect_eq(raise_dns(PER_LINEAGE, 240000, 600 * SECOND), 0);
	cr_expect_eq(got.n, 2);
}

Test(alerts_names, names_of_one_server)
{
	struct dns_told before = told;

	told.suffix = NULL;
	told.foreign = true;
	told.entropy = told.txt_share = 0;
	told.answer_bytes = 0;
	cr_assert_eq(raise_dns(PER_MACHINE, 60000, 600 * SECOND), 1);
	expect_text(WHO("dns", "high") "asked 500 times for 412 names within 10m, 31.2KiB in them, "
				       "of 203.0.113.9:53/udp, which is not configured");
	expect_json("\"dns\":{\"suffix\":null,");
	told.suffix = "";
	cr_assert_eq(raise_dns(PER_ROLE, 60000, 600 * SECOND), 1);
	expect_json("412 names without a registered domain within 10m");
	told = before;
}

Test(alerts_names, what_is_no_dns)
{
	struct dns_told before = told;

	told = (struct dns_told){ .name = "", .malformed = 17, .foreign = true };
	cr_assert_eq(raise_dns(PER_LINEAGE, 6000, 600 * SECOND), 1);
	expect_text(WHO("dns", "high") "sent 17 messages that are no DNS within 10m, to "
				       "203.0.113.9:53/udp, which is not configured");
	expect_json("\"dns\":{\"suffix\":null,\"name\":\"\",\"foreign\":true,\"queries\":0,");
	expect_json(",\"opaque_bytes\":0,\"malformed\":17},");
	told.queries = 3;
	cr_assert_eq(raise_dns(PER_MACHINE, 6000, 600 * SECOND), 1);
	expect_json("asked 3 times, and sent 17 messages that are no DNS within 10m, to ");
	told = before;
}

Test(alerts_names, a_server_that_is_not_configured)
{
	struct dns_told before = told;

	told = (struct dns_told){ .name = "www.example.com", .queries = 1, .foreign = true };
	cr_assert_eq(raise_dns(PER_ENDPOINT, 40, 0), 1);
	expect_text(WHO("dns", "high") "asked for www.example.com of 203.0.113.9:53/udp, which is "
				       "not configured");
	expect_json("\"reason\":\"scanner asked for www.example.com of 203.0.113.9:53, which is "
		    "not configured\"");
	told = before;
}
