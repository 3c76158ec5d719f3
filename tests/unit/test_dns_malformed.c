/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes to a DNS server's port and is no DNS; and what a server on this machine is asked. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "detect/detect.h"
#include "detect/dns.h"
#include "records.h"

#define MINUTE (60 * SECOND)

TestSuite(dns_malformed, .timeout = 30);

static struct {
	size_t n;
	char rule[64], name[OF_HOST_LEN];
	struct verdict v;
	struct dns_told dns;
} got;

static void on_verdict(void *arg, const struct verdict *v)
{
	(void)arg;
	got.n++;
	got.v = *v;
	got.dns = *v->dns;
	(void)snprintf(got.rule, sizeof(got.rule), "%s", v->rule->id);
	(void)snprintf(got.name, sizeof(got.name), "%s", v->dns->name);
}

static struct config config;
static struct dns *dns;
static uint64_t now;

static void start_of_config(void)
{
	cr_assert_eq(dns_new(&config.policy, DNS_WINDOWS_MAX, DNS_SKETCHES_MAX, &dns), 0);
	now = 1000 * SECOND;
}

static void start(const char *yaml)
{
	config_of(yaml, &config);
	start_of_config();
}

static void start_shipped(void)
{
	struct config_err e = { "" };

	cr_assert_eq(config_load("config/outflow.yaml", false, &config, &e), 0, "%s", e.msg);
	start_of_config();
}

static void stop(void)
{
	dns_free(dns);
	config_done(&config);
}

static const struct execution some[] = {
	{ .exec_id = 1, .process = 1, .sid = 1, .name = "sh" },
	{ .exec_id = 2, .process = 2, .parent = &some[0], .sid = 1, .name = "iodine" },
	{ .exec_id = 3, .process = 3, .sid = 3, .name = "other" },
};
static const struct execution *who = &some[1];
static enum endpoint_class class = CLASS_RESOLVER;
static const char *server = "192.0.2.53";
static bool self;

static size_t take(const struct of_rec_dns *r)
{
	struct account a = { .who = who, .to = endpoint(server, 53), .class = class };
	struct subject s = { .time_ns = now, .account = &a };

	a.to.self = self;
	now += 10 * MS;
	dns_take(dns, &s, r, on_verdict, NULL);
	return got.n;
}

/* A name that nobody asked for before. */
static size_t ask(void)
{
	static unsigned int n;
	struct of_rec_dns r = {
		.type = 1, .octets = 40, .name_octets = 20, .labels = 3, .suffix = 6
	};

	(void)snprintf(r.name, sizeof(r.name), "%05u.example.com", n++);
	return take(&r);
}

/* ---- What is no DNS ---- */

static size_t no_dns(uint32_t octets)
{
	return take(&(struct of_rec_dns){ .flags = OF_DNS_MALFORMED, .octets = octets });
}

Test(dns_malformed, what_is_no_dns_is_flagged, .fini = stop)
{
	int i;

	start_shipped();
	for (i = 0; i < 16; i++)
		cr_expect_eq(no_dns(100), 0);
	server = "192.0.2.54";
	cr_expect_eq(no_dns(100), 0, "another server");
	server = "192.0.2.53";
	who = &some[2];
	cr_expect_eq(no_dns(100), 0, "another lineage");
	who = &some[0];
	cr_expect_eq(no_dns(100), 1);
	cr_expect_str_eq(got.rule, "dns-not-dns");
	cr_expect_str_eq(got.name, "");
	cr_expect_eq(got.dns.malformed, 17);
	cr_expect_eq(got.dns.queries, 0);
	cr_expect_eq(got.v.sent, 1700);
	now += 12 * MINUTE;
	cr_expect_eq(no_dns(100), 1, "it is over");
}

/* A few large ones are as much. */
Test(dns_malformed, what_is_no_dns_counts_by_its_size, .fini = stop)
{
	start_shipped();
	(void)no_dns(512);
	(void)no_dns(513);
	cr_expect_eq(no_dns(13 * 512), 0, "16");
	cr_expect_eq(no_dns(1), 1);
	cr_expect_eq(got.dns.malformed, 17);
	cr_expect_eq(no_dns(UINT32_MAX), 2);
}

/* It is no question, whoever is asked, and has no name that could be left out. */
Test(dns_malformed, what_is_no_dns_is_no_question, .fini = stop)
{
	int i;

	start("version: 1\nrules:\n"
	      "  - {id: foreign, when: {dns: {resolver: foreign}}}\n"
	      "  - {id: many, when: {dns: {over: {queries: 1}, within: 10m}}}\n"
	      "  - {id: both, when: {dns: {by: server, over: {queries: 3, malformed: 2}, within: "
	      "10m}}}\n");
	class = CLASS_EXTERNAL;
	for (i = 0; i < 9; i++)
		(void)no_dns(40);
	cr_expect_eq(got.n, 0);
	cr_expect_eq(dns_count(dns), 1);
	class = CLASS_RESOLVER;
	for (i = 0; i < 4; i++)
		(void)ask();
	cr_expect_str_eq(got.rule, "both");
	cr_expect_eq(got.dns.malformed, 9);
	cr_expect_eq(got.dns.queries, 4);
}

/* ---- Servers on this machine ---- */

/* A stub that is asked, and asks again. */
Test(dns_malformed, a_stub_is_not_counted_with_what_it_asks, .fini = stop)
{
	int i;

	start("version: 1\nrules:\n"
	      "  - {id: machine, when: {dns: {over: {queries: 19}, within: 10m, per: machine}}}\n"
	      "  - {id: lineage, when: {dns: {over: {queries: 20}, within: 10m}}}\n");
	for (i = 0; i < 19; i++) {
		server = "127.0.0.53"; /* listed, as it stands in resolv.conf */
		who = &some[1];
		(void)ask();
		server = "192.0.2.53";
		who = &some[2];
		(void)ask();
	}
	cr_expect_eq(got.n, 0, "%s", got.rule);
	who = &some[1];
	server = "192.0.2.54";
	class = CLASS_SELF; /* by its address */
	(void)ask();
	server = "::1";
	class = CLASS_RESOLVER;
	(void)ask();
	cr_expect_eq(got.n, 1);
	cr_expect_str_eq(got.rule, "lineage", "to each, for who asked");
	got.n = 0;
	who = &some[2];
	server = "192.0.2.53";
	self = true; /* by the way that it takes */
	(void)ask();
	self = false;
	cr_expect_eq(got.n, 0);
	who = NULL;
	(void)ask();
	cr_expect_str_eq(got.rule, "machine");
	cr_expect_eq(got.dns.queries, 20);
}
