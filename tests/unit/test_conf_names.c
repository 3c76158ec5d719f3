/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration: what the names of far ends are learned from, and asked. */
#include <criterion/criterion.h>

#include <string.h>

#include "base/ip.h"
#include "conf/config.h"

TestSuite(conf_names, .timeout = 60);

static struct config parsed(const char *yaml)
{
	struct config c = { 0 };
	struct config_err e = { "" };

	cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
	return c;
}

static void expect_addr(const uint8_t addr[16], const char *text)
{
	char shown[IP_TEXT_LEN];

	ip_text(shown, addr);
	cr_expect_str_eq(shown, text);
}

static void expect_net(const struct cidr *net, const char *text, unsigned int bits)
{
	expect_addr(net->addr, text);
	cr_expect_eq(net->bits, bits, "%s", text);
}

Test(conf_names, resolvers_at_ports_and_proxies)
{
	struct config c =
		parsed("version: 1\n"
		       "networks:\n"
		       "  resolvers: ['192.0.2.53:5353', '[2001:db8::53]:5300', 192.0.2.53,\n"
		       "              '198.51.100.1:5353']\n"
		       "  proxies: ['192.0.2.80:3128', 10.0.0.0/8, '[2001:db8::80]:80-90']\n");
	const struct policy *p = &c.policy;

	cr_assert_eq(p->resolvers_n, 4);
	expect_addr(p->resolvers[0].addr, "192.0.2.53");
	cr_expect_eq(p->resolvers[0].port, 5353);
	expect_addr(p->resolvers[1].addr, "2001:db8::53");
	cr_expect_eq(p->resolvers[1].port, 5300);
	cr_expect_eq(p->resolvers[2].port, 53);
	cr_expect_eq(p->resolvers[3].port, 5353);
	cr_assert_eq(p->dns_ports_n, 3);
	cr_expect_eq(p->dns_ports[0], 53);
	cr_expect_eq(p->dns_ports[1], 5353);
	cr_expect_eq(p->dns_ports[2], 5300);
	cr_assert_eq(p->proxies_n, 3);
	expect_net(&p->proxies[0].net, "192.0.2.80", 128);
	cr_expect_eq(p->proxies[0].port_min, 3128);
	cr_expect_eq(p->proxies[0].port_max, 3128);
	expect_net(&p->proxies[1].net, "10.0.0.0", 104);
	cr_expect_eq(p->proxies[1].port_max, 65535);
	cr_expect_eq(p->proxies[2].port_min, 80);
	cr_expect_eq(p->proxies[2].port_max, 90);
	config_done(&c);
}

Test(conf_names, what_names_are_like)
{
	struct config c = parsed(
		"version: 1\n"
		"rules:\n"
		"- {id: a, when: {endpoint: {no_name: true, name_mismatch: false, ech: true}}}\n"
		"- {id: b, when: {endpoint: {no_name: false}}}\n"
		"- {id: c, when: {endpoint: {in: n}}}\n"
		"endpoints: {n: [192.0.2.1, '*.a.b:1-2']}\n");
	const struct rule *r = c.policy.rules;

	cr_expect_null(c.warnings);
	cr_expect_eq(r[0].endpoint.traits, TRAIT_NO_NAME | TRAIT_ECH);
	cr_expect_eq(r[0].endpoint.traits_not, TRAIT_MISMATCH);
	cr_expect_eq(r[1].endpoint.traits, 0);
	cr_expect_eq(r[1].endpoint.traits_not, TRAIT_NO_NAME);
	cr_expect_null(r[2].off, "names are matched");
	config_done(&c);
}
