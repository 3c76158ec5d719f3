/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "conf/config.h"
#include "outflow/glob.h"

/* Does a role with this one match hold for a path (or, without '/', a name)? */
static bool glob_holds(const char *pattern, const char *text)
{
	struct role_match m = { .kind = ROLE_MATCH_EXE, .glob = true };
	struct role role = { .name = (char *)"r", .match = &m, .n = 1 };
	struct policy p = { .roles = &role, .roles_n = 1 };

	(void)snprintf(m.pattern, sizeof(m.pattern), "%s", pattern);
	return policy_roles_match(&p, "", text, strlen(text)) != 0;
}

#define A64  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A192 A64 A64 A64

Test(policy, globs)
{
	static const struct {
		const char *pattern, *text;
		bool holds;
	} cases[] = {
		{ "/usr/bin/trivy", "/usr/bin/trivy", true },
		{ "/usr/bin/trivy", "/usr/bin/trivy2", false },
		{ "/usr/bin/trivy2", "/usr/bin/trivy", false },
		{ "/usr/bin/*", "/usr/bin/trivy", true },
		{ "/usr/bin/*", "/usr/bin/", true },
		{ "/usr/bin/*", "/usr/bin/sub/trivy", false },
		{ "/usr/bin/**", "/usr/bin/sub/trivy", true },
		{ "/opt/*/agent", "/opt/ci/agent", true },
		{ "/opt/*/agent", "/opt/agent", false },
		{ "/opt/*/agent", "/opt/a/b/agent", false },
		{ "/opt/**/agent", "/opt/a/b/agent", true },
		{ "/opt/**/agent", "/opt/agent", false },
		{ "/opt/**agent", "/opt/agent", true },
		{ "**/trivy", "/usr/local/bin/trivy", true },
		{ "**/trivy", "trivy", false },
		{ "**", "/anything/at/all", true },
		{ "*", "/x", false },
		{ "*", "x", true },
		{ "/tmp/?", "/tmp/a", true },
		{ "/tmp/?", "/tmp/", false },
		{ "/tmp/?", "/tmp/ab", false },
		{ "/tmp?a", "/tmp/a", false },
		{ "/a/?"
		  "?/b",
		  "/a/xy/b", true },
		{ "/a/?*/b", "/a//b", false },
		{ "/a/?*/b", "/a/x/b", true },
		{ "snyk-*", "snyk-linux", true },
		{ "snyk-*", "snyk", false },
		{ "*-*-*", "a-b-c", true },
		{ "*-*-*", "a-b", false },
		{ "/*/*/x", "/a/b/x", true },
		{ "/*/*/x", "/a/b/c/x", false },
		{ "**/a/**/b", "/x/a/y/z/b", true },
		{ "**/a/**/b", "/x/a/b", false },
		{ "**/x*/z", "/x1/y/x2/z", true },
		{ "/[ab]", "/a", false },
		{ "/[ab]", "/[ab]", true },
		{ "/a.b", "/aXb", false },
		{ "***", "/a/b", true },
		{ "*a*a*a*a*a*a*b", A192, false },
		{ "*a*a*a*a*a*a*a", A192, true },
		{ "**a**a**a**a**a**b", A192, false },
		{ "**a**a**a**a**a**a", A192, true },
		{ "**/**/**/**/**/**/x", "/////////////////////////////////////////y", false },
		{ "?*?*?*?*?*?*?*?*?*?", A192, true },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(glob_holds(cases[i].pattern, cases[i].text), cases[i].holds,
			     "'%s' for '%s'", cases[i].pattern, cases[i].text);
}

/* What glob.h promises, said plainly and slowly. */
static bool glob_plain(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (p[0] == '*' && p[1] == '*')
		return glob_plain(p + 2, s) || (*s != '\0' && glob_plain(p, s + 1));
	if (*p == '*')
		return glob_plain(p + 1, s) || (*s != '\0' && *s != '/' && glob_plain(p, s + 1));
	if (*s == '\0' || (*p != *s && (*p != '?' || *s == '/')))
		return false;
	return glob_plain(p + 1, s + 1);
}

static bool glob_steps(const char pattern[OF_PATTERN_LEN], const char text[OF_EXE_LEN])
{
	enum of_glob_result r = OF_GLOB_MORE;
	struct of_glob g = { 0 };
	int i;

	for (i = 0; i < OF_GLOB_STEPS && r == OF_GLOB_MORE; i++)
		r = of_glob_step(&g, pattern, text);
	return r == OF_GLOB_MATCH;
}

/* The n-th word over an alphabet, shortest first; false behind the last of `max` letters. */
static bool word(char *ret, size_t n, const char *alphabet, size_t max)
{
	size_t base = strlen(alphabet), count = 1, len = 0, i;

	while (n >= count) {
		n -= count;
		count *= base;
		if (++len > max)
			return false;
	}
	for (i = 0; i < len; i++) {
		ret[i] = alphabet[n % base];
		n /= base;
	}
	ret[len] = '\0';
	return true;
}

Test(policy, glob_agrees_with_its_description_on_all_short_words)
{
	char pattern[OF_PATTERN_LEN] = "", text[OF_EXE_LEN] = "";
	size_t i, j, wrong = 0;

	for (i = 0; word(pattern, i, "a/*?", 6); i++)
		for (j = 0; word(text, j, "ab/", 5); j++)
			if (glob_steps(pattern, text) != glob_plain(pattern, text) && wrong++ < 10)
				cr_expect_fail("'%s' for '%s'", pattern, text);
	cr_expect_eq(wrong, 0, "%zu", wrong);
	cr_expect_eq(i, 5461, "4^0 + .. + 4^6 patterns");
	cr_expect_eq(j, 364, "3^0 + .. + 3^5 texts");
}

Test(policy, roles_by_name_and_path)
{
	static const char yaml[] = "version: 1\n"
				   "roles:\n"
				   "  a: {match: [{name: trivy}]}\n"
				   "  b: {match: [{name: 'snyk-*'}]}\n"
				   "  c: {match: [{exe: /opt/ci/agent}]}\n"
				   "  d: {match: [{exe: '/opt/**/agent'}, {name: other}]}\n"
				   "  e: {match: [{name: " A64 "*}]}\n"
				   "  f: {match: [{exe: '**/tail'}]}\n";
	static const struct {
		const char *name, *exe;
		uint64_t roles;
	} cases[] = {
		{ "trivy", "/usr/bin/trivy", 1 },
		{ "trivy", "", 1 },
		{ "trivy2", "/usr/bin/trivy2", 0 },
		{ "innocent", "/usr/bin/trivy", 1 },
		{ "innocent", "trivy", 1 },
		{ "trivy", "/usr/bin/innocent", 1 },
		{ "innocent", "/usr/bin/snyk-linux", 2 },
		{ "snyk-linux", "/usr/bin/trivy", 3 },
		{ "agent", "/opt/ci/agent", 12 },
		{ "agent", "/opt/ci/x/agent", 8 },
		{ "agent", "/usr/agent", 0 },
		{ "/opt/ci/agent", "", 0 },
		{ "other", "/trivy/x", 8 },
		{ "", "", 0 },
		{ "x", "/", 0 },
		/* the name of a record is cut after 63 bytes, the last component of exe is not */
		{ A64 "b", "/x/y", 0 },
		{ A64 "b", "/x/" A64 "b", 16 },
		{ "x", A192 A64 "/tail", 32 },
	};
	struct config c = { 0 };
	struct config_err e = { "" };
	size_t i;

	cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(policy_roles_match(&c.policy, cases[i].name, cases[i].exe,
						strlen(cases[i].exe)),
			     cases[i].roles, "'%s', '%s'", cases[i].name, cases[i].exe);
	cr_expect_eq(policy_roles_match(&c.policy, "x", "/usr/bin/trivyGARBAGE", 14), 1,
		     "exe has no NUL behind it");
	config_done(&c);
}

static struct of_endpoint endpoint(const char *addr, uint16_t port)
{
	struct of_endpoint to = { .port = port };

	cr_assert_eq(ip_parse(addr, to.addr), 0, "%s", addr);
	to.family = ip_is_v4(to.addr) ? OF_AF_INET : OF_AF_INET6;
	return to;
}

Test(policy, endpoint_sets)
{
	static const struct {
		const char *entry, *addr;
		uint16_t port;
		bool holds;
	} cases[] = {
		{ "203.0.113.9", "203.0.113.9", 1, true },
		{ "203.0.113.9", "203.0.113.9", 0, true },
		{ "203.0.113.9", "203.0.113.8", 1, false },
		{ "203.0.113.9:443", "203.0.113.9", 443, true },
		{ "203.0.113.9:443", "203.0.113.9", 444, false },
		{ "203.0.113.9:443", "203.0.113.9", 0, false },
		{ "203.0.113.9:80-443", "203.0.113.9", 80, true },
		{ "203.0.113.9:80-443", "203.0.113.9", 443, true },
		{ "203.0.113.9:80-443", "203.0.113.9", 79, false },
		{ "203.0.113.9:1-65535", "203.0.113.9", 65535, true },
		{ "203.0.113.0/28", "203.0.113.15", 1, true },
		{ "203.0.113.0/28", "203.0.113.16", 1, false },
		{ "203.0.113.0/28:443", "203.0.113.15", 443, true },
		{ "203.0.113.0/28:443", "203.0.113.15", 80, false },
		{ "203.0.113.8/31", "203.0.113.9", 1, true },
		{ "203.0.113.8/31", "203.0.113.10", 1, false },
		{ "0.0.0.0/0", "203.0.113.9", 1, true },
		{ "0.0.0.0/0", "2001:db8::1", 1, false },
		{ "128.0.0.0/1", "203.0.113.9", 1, true },
		{ "128.0.0.0/1", "127.0.0.1", 1, false },
		{ "::/0", "2001:db8::1", 1, true },
		{ "::/0", "203.0.113.9", 1, false },
		{ "2001:db8::/32", "2001:db8:ffff::1", 1, true },
		{ "2001:db8::/32", "2001:db9::1", 1, false },
		{ "2001:db8::1", "2001:db8::1", 1, true },
		{ "[2001:db8::1]", "2001:db8::1", 1, true },
		{ "[2001:db8::1]:443", "2001:db8::1", 443, true },
		{ "[2001:db8::1]:443", "2001:db8::1", 80, false },
		{ "[2001:db8::/33]:443-444", "2001:db8:7fff::1", 444, true },
		{ "[2001:db8::/33]:443-444", "2001:db8:8000::1", 444, false },
		{ "::ffff:203.0.113.9", "203.0.113.9", 1, true },
		{ "::ffff:203.0.113.0/124", "203.0.113.15", 1, true },
		{ "localhost:443", "127.0.0.1", 443, false },
	};
	struct config_err e = { "" };
	struct config c;
	struct of_endpoint to;
	char yaml[128];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(yaml, sizeof(yaml), "version: 1\nendpoints: {s: ['%s']}\n",
			       cases[i].entry);
		cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
		to = endpoint(cases[i].addr, cases[i].port);
		cr_expect_eq(endpoint_set_holds(&c.policy.sets[0], &to), cases[i].holds,
			     "%s for %s port %u", cases[i].entry, cases[i].addr,
			     (unsigned int)cases[i].port);
		to.family = OF_AF_PACKET;
		cr_expect_not(endpoint_set_holds(&c.policy.sets[0], &to), "not an address");
		config_done(&c);
	}
}

Test(policy, a_set_holds_what_any_entry_holds)
{
	static const char yaml[] =
		"version: 1\n"
		"endpoints: {s: [GitHub.COM, 192.0.2.1, '192.0.2.2:53'], e: []}\n";
	struct of_endpoint to = endpoint("192.0.2.2", 53);
	struct config_err e = { "" };
	struct config c;

	cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
	cr_expect_str_eq(c.policy.sets[0].match[0].name, "github.com");
	cr_expect(c.policy.sets[0].has_names);
	cr_expect(endpoint_set_holds(&c.policy.sets[0], &to));
	cr_expect_not(endpoint_set_holds(&c.policy.sets[1], &to));
	cr_expect_not(c.policy.sets[1].has_names);
	config_done(&c);
}

Test(policy, names_of_hosts_in_sets)
{
	static const struct {
		const char *entry, *host;
		uint16_t port;
		bool holds;
	} cases[] = {
		{ "github.com:443", "github.com", 443, true },
		{ "github.com:443", "github.com", 80, false },
		{ "GitHub.com", "github.com", 1, true },
		{ "github.com", "www.github.com", 443, false },
		{ "github.com", "notgithub.com", 443, false },
		{ "*.github.com", "api.github.com", 443, true },
		{ "*.github.com", "a.b.c.github.com", 443, true },
		{ "*.github.com", "github.com", 443, false },
		{ "*.github.com", "notgithub.com", 443, false },
		{ "*.github.com:80-90", "a.github.com", 90, true },
		{ "*.github.com:80-90", "a.github.com", 91, false },
		{ "*.com", "com", 443, false },
		{ "192.0.2.1", "192.0.2.1", 443, false }, /* a name is no address */
	};
	struct config_err e = { "" };
	struct config c;
	char yaml[128];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(yaml, sizeof(yaml), "version: 1\nendpoints: {s: ['%s']}\n",
			       cases[i].entry);
		cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
		cr_expect_eq(endpoint_set_holds_name(&c.policy.sets[0], cases[i].host,
						     cases[i].port),
			     cases[i].holds, "%s for %s port %u", cases[i].entry, cases[i].host,
			     (unsigned int)cases[i].port);
		config_done(&c);
	}
}

Test(policy, proxies)
{
	static const char yaml[] = "version: 1\nnetworks: {proxies: ['192.0.2.80:3128', "
				   "10.0.0.0/8]}\n";
	struct of_endpoint to = endpoint("192.0.2.80", 3128);
	struct config_err e = { "" };
	struct config c;

	cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
	cr_expect(policy_is_proxy(&c.policy, &to));
	to.port = 80;
	cr_expect_not(policy_is_proxy(&c.policy, &to));
	to = endpoint("10.9.9.9", 80);
	cr_expect(policy_is_proxy(&c.policy, &to));
	config_done(&c);
}

/* A rule's words come back as the configuration has them. */
Test(policy, names)
{
	static const char *const severities[] = { "critical", "high", "medium", "low", "info" };
	static const char *const classes[] = { "self", "internal", "external", "resolver",
					       "unknown" };
	static const char *const pers[] = {
		"endpoint", "process", "lineage", "role", "step", "job"
	};
	struct config_err e = { "" };
	struct config c;
	char yaml[256];
	size_t i;

	for (i = 0; i < 6; i++) {
		(void)snprintf(yaml, sizeof(yaml),
			       "version: 1\nroles: {r: {match: []}}\nrules: [{id: a, severity: %s, "
			       "when: {role: r, endpoint: {class: %s}, sent: {over: 1, within: 1s, "
			       "per: %s}}}]\n",
			       severities[i % 5], classes[i % 5], pers[i]);
		cr_assert_eq(config_parse("t", yaml, strlen(yaml), &c, &e), 0, "%s", e.msg);
		cr_expect_str_eq(severity_name(c.policy.rules[0].severity), severities[i % 5]);
		cr_expect_str_eq(endpoint_class_name(c.policy.rules[0].endpoint.classes),
				 classes[i % 5]);
		cr_expect_str_eq(rule_per_name(c.policy.rules[0].sent.per), pers[i]);
		cr_expect_str_eq(policy_role_name(&c.policy, 0), "r");
		cr_expect_null(policy_role_name(&c.policy, 1));
		cr_expect_null(policy_role_name(&c.policy, 63));
		config_done(&c);
	}
	policy_done(NULL);
	config_done(NULL);
}
