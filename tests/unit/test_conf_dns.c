/* SPDX-License-Identifier: BSD-2-Clause */
/* `dns` in a rule: what it means, and what is said of mistakes. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <string.h>

#include "conf/config.h"

#define KIB	 1024ULL
#define MINUTE	 60000000000ULL
#define HEAD	 "version: 1\nroles: {ci: {match: [{name: a}]}}\n"
#define WHEN(cs) HEAD "rules: [{id: a, when: " cs "}]\n"
#define DNS(c)	 WHEN("{dns: " c "}")

static struct config config;

static const struct rule *rule(const char *yaml)
{
	struct config_err e = { "" };

	cr_assert_eq(config_parse("t", yaml, strlen(yaml), &config, &e), 0, "%s", e.msg);
	cr_assert_eq(config.policy.rules_n, 1);
	cr_assert_null(config.policy.rules[0].off);
	return &config.policy.rules[0];
}

static void stop(void)
{
	config_done(&config);
}

Test(conf_dns, all_of_it, .fini = stop)
{
	const struct rule *r = rule(
		WHEN("{role: ci, dns: {over: {queries: 1000, names: 64, name_bytes: 8KiB, "
		     "answer_bytes: 1MiB, opaque_bytes: 65536, entropy: 3.6, txt_share: 0.05}, "
		     "within: 10m, per: role, by: suffix, resolver: any, "
		     "except: [Example.COM., _x.example.net]}}"));
	const struct dns_condition *c = &r->dns;

	cr_expect(r->has_dns && !r->has_sent && !r->has_endpoint);
	cr_expect_eq(r->roles, 1);
	cr_expect(c->has_over);
	cr_expect_eq(c->over.queries, 1000);
	cr_expect_eq(c->over.names, 64);
	cr_expect_eq(c->over.name_bytes, 8 * KIB);
	cr_expect_eq(c->over.answer_bytes, KIB * KIB);
	cr_expect_eq(c->over.opaque_bytes, 64 * KIB);
	cr_expect_eq(c->over.entropy, 360);
	cr_expect_eq(c->over.txt_share, 5);
	cr_expect_eq(c->within_ns, 10 * MINUTE);
	cr_expect_eq(c->per, PER_ROLE);
	cr_expect_eq(c->by, DNS_BY_SUFFIX);
	cr_expect_not(c->foreign);
	cr_assert_eq(c->except_n, 2);
	cr_expect_str_eq(c->except[0], "example.com");
	cr_expect_str_eq(c->except[1], "_x.example.net");
}

Test(conf_dns, what_is_not_written, .fini = stop)
{
	const struct rule *r = rule(DNS("{over: {names: 1}, within: 1s}"));

	cr_expect_eq(r->roles, OF_ROLE_ANY);
	cr_expect_eq(r->dns.per, PER_LINEAGE);
	cr_expect_eq(r->dns.by, DNS_BY_SUFFIX);
	cr_expect_eq(r->dns.over.entropy, 0);
	cr_expect_not(r->dns.foreign);
}

Test(conf_dns, foreign_alone, .fini = stop)
{
	const struct rule *r = rule(DNS("{resolver: foreign}"));

	cr_expect(r->dns.foreign);
	cr_expect_not(r->dns.has_over);
	cr_expect_eq(r->dns.within_ns, 0);
}

Test(conf_dns, by_server_per_machine, .fini = stop)
{
	const struct rule *r = rule(DNS("{over: {entropy: 5, queries: 1}, within: 7d, "
					"per: machine, by: server, resolver: foreign}"));

	cr_expect_eq(r->dns.over.entropy, 500);
	cr_expect_eq(r->dns.per, PER_MACHINE);
	cr_expect_eq(r->dns.by, DNS_BY_SERVER);
	cr_expect_eq(r->dns.over.malformed, 0);
}

Test(conf_dns, what_is_no_dns, .fini = stop)
{
	const struct rule *r = rule(DNS("{over: {malformed: 16}, within: 10m, by: server}"));

	cr_expect(r->dns.has_over);
	cr_expect_eq(r->dns.over.malformed, 16);
	cr_expect_eq(r->dns.per, PER_LINEAGE);
}

/* Shipped: by name, by address, and a port whoever serves it. */
Test(conf_dns, encrypted_dns, .fini = stop)
{
	struct of_endpoint dot = { .addr = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 9 },
				   .port = 853,
				   .proto = 6,
				   .family = OF_AF_INET };
	struct of_endpoint v6 = { .addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
				  .port = 853,
				  .proto = 17,
				  .family = OF_AF_INET6 };
	struct of_endpoint doh = dot;
	const struct endpoint_set *set;
	struct config_err e = { "" };

	cr_assert_eq(config_load("config/outflow.yaml", false, &config, &e), 0, "%s", e.msg);
	set = config.policy.sets;
	while (strcmp(set->name, "doh") != 0)
		cr_assert_lt(++set - config.policy.sets, (long)config.policy.sets_n);
	cr_expect(endpoint_set_holds(set, &dot));
	cr_expect(endpoint_set_holds(set, &v6));
	doh.port = 443;
	cr_expect_not(endpoint_set_holds(set, &doh));
	memcpy(doh.addr + 12, (const uint8_t[]){ 8, 8, 4, 4 }, 4);
	cr_expect(endpoint_set_holds(set, &doh));
	cr_expect(endpoint_set_holds_name(set, "dns.google", 443));
	cr_expect(endpoint_set_holds_name(set, "mozilla.cloudflare-dns.com", 443));
	cr_expect_not(endpoint_set_holds_name(set, "www.google.com", 443));
}

struct bad {
	char dns[160], want[200];
};

ParameterizedTestParameters(conf_dns, bad)
{
	static struct bad rows[] = {
		{ "{}", "t:3:29: rules[].when.dns: expected 'over', 'resolver: foreign' or both" },
		{ "[]", "t:3:29: rules[].when.dns: a list: expected keys with values" },
		{ "{resolver: any}",
		  "t:3:29: rules[].when.dns: expected 'over', 'resolver: foreign' or both" },
		{ "{over: {}, within: 1m}",
		  "t:3:36: rules[].when.dns.over: expected at least one of queries, names, "
		  "name_bytes, answer_bytes, opaque_bytes or malformed" },
		{ "{over: {entropy: 3, txt_share: 0.5}, within: 1m}",
		  "t:3:36: rules[].when.dns.over: expected at least one of queries, names, "
		  "name_bytes, answer_bytes, opaque_bytes or malformed" },
		{ "{over: {malformed: 16}, within: 1m}",
		  "t:3:36: rules[].when.dns.over.malformed: expected 'by: server' beside 'over'" },
		{ "{by: server, over: {malformed: 0}, within: 1m}",
		  "t:3:60: rules[].when.dns.over.malformed: '0': expected a number, 1 to "
		  "1000000000" },
		{ "{over: {names: 64}}", "t:3:29: rules[].when.dns: key 'within' is missing" },
		{ "{over: {names: 0}, within: 1m}",
		  "t:3:44: rules[].when.dns.over.names: '0': expected a number, 1 to 8000" },
		{ "{over: {names: 8001}, within: 1m}",
		  "t:3:44: rules[].when.dns.over.names: '8001': expected a number, 1 to 8000" },
		{ "{over: {labels: 1}, within: 1m}",
		  "t:3:37: rules[].when.dns.over: unknown key 'labels'" },
		{ "{over: {names: 1, entropy: 8}, within: 1m}",
		  "t:3:56: rules[].when.dns.over.entropy: '8': expected bits a character, 0.01 to "
		  "7.99" },
		{ "{over: {names: 1, entropy: 3.655}, within: 1m}",
		  "t:3:56: rules[].when.dns.over.entropy: '3.655': expected bits" },
		{ "{over: {names: 1, entropy: 3.}, within: 1m}",
		  "t:3:56: rules[].when.dns.over.entropy: '3.': expected bits" },
		{ "{over: {names: 1, entropy: .5}, within: 1m}",
		  "t:3:56: rules[].when.dns.over.entropy: '.5': expected bits" },
		{ "{over: {names: 1, entropy: 3.-1}, within: 1m}",
		  "t:3:56: rules[].when.dns.over.entropy: '3.-1': expected bits" },
		{ "{over: {names: 1, entropy: 123456789}, within: 1m}",
		  "t:3:56: rules[].when.dns.over.entropy: '123456789': expected bits" },
		{ "{over: {names: 1, txt_share: 1}, within: 1m}",
		  "t:3:58: rules[].when.dns.over.txt_share: '1': expected a share, 0.01 to 0.99" },
		{ "{over: {names: 1}, within: 8d}",
		  "t:3:56: rules[].when.dns.within: '8d': expected a duration, 1s to 7d" },
		{ "{over: {names: 1}, within: 1m, per: endpoint}",
		  "t:3:65: rules[].when.dns.per: 'endpoint': expected" },
		{ "{over: {names: 1}, within: 1m, per: role}",
		  "t:3:65: rules[].when.dns.per: 'role': expected a role in 'when' too" },
		{ "{over: {names: 1}, within: 1m, by: name}",
		  "t:3:64: rules[].when.dns.by: 'name': expected" },
		{ "{resolver: foreign, within: 1m}",
		  "t:3:49: rules[].when.dns.within: expected 'over' beside it" },
		{ "{resolver: foreign, per: job}",
		  "t:3:54: rules[].when.dns.per: expected 'over' beside it" },
		{ "{resolver: foreign, by: server}",
		  "t:3:49: rules[].when.dns.by: expected 'over' beside it" },
		{ "{resolver: strange}", "t:3:40: rules[].when.dns.resolver: 'strange': expected" },
		{ "{resolver: foreign, except: [a.example]}",
		  "t:3:49: rules[].when.dns.except: cannot stand beside 'resolver: foreign'" },
		{ "{over: {names: 1}, within: 1m, except: [\"*.example\"]}",
		  "t:3:69: rules[].when.dns.except: '*.example': expected the name of a host" },
		{ "{over: {names: 1}, within: 1m, except: [192.0.2.1]}",
		  "t:3:69: rules[].when.dns.except: '192.0.2.1': expected the name of a host" },
		{ "{resolver: foreign}, sent: {over: 1, within: 1s}",
		  "t:3:24: rules[].when.dns: cannot stand beside 'endpoint' or 'sent'" },
		{ "{resolver: foreign}, endpoint: {class: external}",
		  "t:3:24: rules[].when.dns: cannot stand beside 'endpoint' or 'sent'" },
	};

	return cr_make_param_array(struct bad, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct bad *row, conf_dns, bad)
{
	struct config_err e = { "" };
	char yaml[512];

	(void)snprintf(yaml, sizeof(yaml), HEAD "rules: [{id: a, when: {dns: %s}}]\n", row->dns);
	cr_expect_lt(config_parse("t", yaml, strlen(yaml), &config, &e), 0, "%s", row->dns);
	cr_expect_eq(strncmp(e.msg, row->want, strlen(row->want)), 0, "%s\n%s", e.msg, row->want);
	config_done(&config);
}
