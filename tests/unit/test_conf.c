/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_conf: what a good configuration means, what it warns of, and which files are taken.
 * test_conf_bad has the mistakes.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ip.h"
#include "conf/config.h"
#include "digest.h"

#define SECOND_NS 1000000000ULL

/* As the design has it; every word must load and mean what it says. */
static const char design[] =
	"version: 1\n"
	"networks:\n"
	"  internal: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7]\n"
	"endpoints:                      # named sets\n"
	"  code-host: [\"github.com:443\", \"*.github.com:443\", \"*.githubusercontent.com:443\"]\n"
	"  vuln-db:   [\"ghcr.io:443\", \"mirror.gcr.io:443\", \"203.0.113.0/28\"]\n"
	"roles:\n"
	"  runner:\n"
	"    match: [{name: Runner.Worker}, {name: gitlab-runner}, {name: buildbot-worker}, {exe: "
	"\"/opt/ci/*/agent\"}]\n"
	"  scanner:\n"
	"    match: [{name: trivy}, {name: grype}, {argv: \"*kics*\"}, {env: "
	"\"GITHUB_ACTION_REPOSITORY=aquasecurity/trivy-action\"}]\n"
	"    sha256: []                  # known binaries; empty: not checked\n"
	"rules:\n"
	"  - id: scanner-unknown-endpoint\n"
	"    when: {role: scanner, endpoint: {not_in: [vuln-db]}}\n"
	"    severity: high\n"
	"    attack: [T1041]\n"
	"  - id: scanner-volume\n"
	"    when: {role: scanner, sent: {over: 16MiB, within: 10m, per: lineage}}\n"
	"    severity: high\n"
	"  - id: runner-upload-first-seen\n"
	"    when: {role: runner, endpoint: {not_in: [code-host, vuln-db], first_seen: true}, "
	"sent: {over: 32KiB, within: 10m, per: endpoint}}\n"
	"    severity: high\n"
	"sinks:\n"
	"  - {type: syslog, target: local, format: rfc3164, facility: authpriv}\n"
	"  - {type: syslog, target: \"tcp://127.0.0.1:1514\", format: rfc5424}\n"
	"  - {type: file, path: /var/log/outflow/alerts.jsonl, format: json}\n";

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

Test(conf, design_networks_and_endpoints)
{
	struct config c = parsed(design);
	const struct endpoint_set *s;

	cr_assert_eq(c.policy.internal_n, 4);
	expect_net(&c.policy.internal[0], "10.0.0.0", 104);
	expect_net(&c.policy.internal[1], "172.16.0.0", 108);
	expect_net(&c.policy.internal[2], "192.168.0.0", 112);
	expect_net(&c.policy.internal[3], "fc00::", 7);
	cr_expect_not(c.policy.resolvers_set);
	cr_expect_eq(c.policy.resolvers_n, 0);

	cr_assert_eq(c.policy.sets_n, 2);
	s = &c.policy.sets[0];
	cr_expect_str_eq(s->name, "code-host");
	cr_assert_eq(s->n, 3);
	cr_expect(s->has_names);
	cr_expect_str_eq(s->match[0].name, "github.com");
	cr_expect_str_eq(s->match[1].name, "*.github.com");
	cr_expect_eq(s->match[2].port_min, 443);
	cr_expect_eq(s->match[2].port_max, 443);
	s = &c.policy.sets[1];
	cr_expect_str_eq(s->name, "vuln-db");
	cr_assert_eq(s->n, 3);
	cr_expect(s->has_names);
	cr_expect_null(s->match[2].name);
	expect_net(&s->match[2].net, "203.0.113.0", 96 + 28);
	cr_expect_eq(s->match[2].port_min, 0);
	cr_expect_eq(s->match[2].port_max, 65535);
	config_done(&c);
}

Test(conf, design_roles)
{
	struct config c = parsed(design);
	const struct role *r;

	cr_assert_eq(c.policy.roles_n, 2);
	r = &c.policy.roles[0];
	cr_expect_str_eq(r->name, "runner");
	cr_assert_eq(r->n, 4);
	cr_expect_str_eq(r->match[0].pattern, "Runner.Worker");
	cr_expect_eq(r->match[0].kind, ROLE_MATCH_NAME);
	cr_expect_not(r->match[0].glob);
	cr_expect_str_eq(r->match[3].pattern, "/opt/ci/*/agent");
	cr_expect_eq(r->match[3].kind, ROLE_MATCH_EXE);
	cr_expect(r->match[3].glob);
	r = &c.policy.roles[1];
	cr_expect_str_eq(r->name, "scanner");
	cr_assert_eq(r->n, 4);
	cr_expect_str_eq(r->match[1].pattern, "grype");
	cr_expect_eq(r->match[2].kind, ROLE_MATCH_ARGV);
	cr_expect_str_eq(r->match[2].pattern, "*kics*");
	cr_expect_eq(r->match[3].kind, ROLE_MATCH_ENV);
	cr_expect_str_eq(r->match[3].name, "GITHUB_ACTION_REPOSITORY");
	cr_expect_str_eq(r->match[3].pattern, "aquasecurity/trivy-action");
	cr_assert_not_null(policy_env(&c.policy, "GITHUB_ACTION_REPOSITORY=x", 24));
	cr_expect_eq(policy_env(&c.policy, "GITHUB_ACTION_REPOSITORY=x", 24)->kind, OF_ENV_TEXT);
	cr_expect_null(policy_env(&c.policy, "GITHUB_ACTION_REPOSITORY_", 25));
	cr_expect_null(policy_env(&c.policy, "GITHUB_ACTIO", 12));
	config_done(&c);
}

Test(conf, design_rules)
{
	struct config c = parsed(design);
	const struct rule *r;

	cr_assert_eq(c.policy.rules_n, 3);
	r = &c.policy.rules[0];
	cr_expect_str_eq(r->id, "scanner-unknown-endpoint");
	cr_expect_eq(r->severity, SEVERITY_HIGH);
	cr_expect_str_eq(r->attack[0], "T1041");
	cr_expect_null(r->attack[1]);
	cr_expect_eq(r->roles, 2);
	cr_expect(r->has_endpoint);
	cr_expect_eq(r->endpoint.in, 0);
	cr_expect_eq(r->endpoint.not_in, 2);
	cr_expect_eq(r->endpoint.classes, 0);
	cr_expect_not(r->has_sent);
	cr_expect_null(r->off);
	r = &c.policy.rules[1];
	cr_expect_str_eq(r->id, "scanner-volume");
	cr_expect_null(r->attack[0]);
	cr_expect_not(r->has_endpoint);
	cr_expect(r->has_sent);
	cr_expect_eq(r->sent.over, 16 << 20);
	cr_expect_eq(r->sent.within_ns, 600 * SECOND_NS);
	cr_expect_eq(r->sent.per, PER_LINEAGE);
	cr_expect_null(r->off);
	r = &c.policy.rules[2];
	cr_expect_eq(r->roles, 1);
	cr_expect_eq(r->endpoint.not_in, 3);
	cr_expect_eq(r->sent.over, 32 << 10);
	cr_expect_eq(r->sent.per, PER_ENDPOINT);
	cr_expect_str_eq(r->off, "condition 'endpoint.first_seen' is not built yet");
	config_done(&c);
}

Test(conf, design_sinks)
{
	struct config c = parsed(design);
	const struct sink_conf *s = c.sinks;

	cr_assert_eq(c.sinks_n, 3);
	cr_expect_eq(s[0].type, SINK_SYSLOG);
	cr_expect_eq(s[0].transport, TRANSPORT_UNIX);
	cr_expect_eq(s[0].format, FORMAT_RFC3164);
	cr_expect_eq(s[0].facility, 10);
	cr_expect_str_eq(s[0].path, "/dev/log");
	cr_expect_str_eq(s[0].name, "syslog:local");
	cr_expect_eq(s[1].transport, TRANSPORT_TCP);
	cr_expect_eq(s[1].format, FORMAT_RFC5424);
	cr_expect_eq(s[1].facility, 10);
	expect_addr(s[1].addr, "127.0.0.1");
	cr_expect_eq(s[1].port, 1514);
	cr_expect_null(s[1].path);
	cr_expect_str_eq(s[1].name, "syslog:tcp://127.0.0.1:1514");
	cr_expect_eq(s[2].type, SINK_FILE);
	cr_expect_eq(s[2].format, FORMAT_JSON);
	cr_expect_str_eq(s[2].path, "/var/log/outflow/alerts.jsonl");
	cr_expect_str_eq(s[2].name, "file:/var/log/outflow/alerts.jsonl");
	config_done(&c);
}

Test(conf, design_warns_of_what_is_off)
{
	struct config c = parsed(design);

	cr_expect_str_eq(
		c.warnings,
		"t:21:5: rule 'runner-upload-first-seen' is off: condition 'endpoint.first_seen' "
		"is not built yet");
	config_done(&c);
}

Test(conf, defaults)
{
	struct config c = parsed("version: 1\npaths:\nlimits:\nrules:\nsinks: []\n");

	cr_expect_str_eq(c.control, "/run/outflow/control.sock");
	cr_expect_str_eq(c.state, "/var/lib/outflow");
	cr_expect_str_eq(c.pins, "/sys/fs/bpf/outflow");
	cr_expect_eq(c.limits.accounts, 65536);
	cr_expect_eq(c.limits.executions, 16384);
	cr_expect_eq(c.limits.ring_bytes, 1 << 20);
	cr_expect_eq(c.limits.tracked_accounts, 131072);
	cr_expect_eq(c.limits.tracked_executions, 65536);
	cr_expect_eq(c.limits.grace_ns, 60 * SECOND_NS);
	cr_expect_eq(c.limits.names, 16384);
	cr_expect_eq(c.limits.name_ring_bytes, 2 << 20);
	cr_expect_eq(c.limits.sink_queue_bytes, 1 << 20);
	cr_expect_not(c.policy.resolvers_set);
	cr_expect_eq(c.policy.proxies_n, 0);
	cr_assert_eq(c.policy.dns_ports_n, 1);
	cr_expect_eq(c.policy.dns_ports[0], 53);
	cr_assert_eq(c.policy.internal_n, 4);
	expect_net(&c.policy.internal[0], "10.0.0.0", 104);
	expect_net(&c.policy.internal[1], "172.16.0.0", 108);
	expect_net(&c.policy.internal[2], "192.168.0.0", 112);
	expect_net(&c.policy.internal[3], "fc00::", 7);
	cr_expect_eq(c.sinks_n, 0);
	cr_expect_str_eq(c.warnings,
			 "t: no rule is on: bytes are counted, nothing will be alerted");
	config_done(&c);
}

Test(conf, paths_limits_and_networks)
{
	struct config c =
		parsed("version: 1\n"
		       "paths: {control: /a, state: /b, pins: /c}\n"
		       "limits: {accounts: 64, executions: 65, ring: 8KiB, tracked_accounts: 66, "
		       "tracked_executions: 64, grace: 2h, names: 256, name_ring: 64KiB, "
		       "sink_queue: 5kB}\n"
		       "networks: {internal: [], resolvers: [192.0.2.53, \"2001:db8::53\"],\n"
		       "  metadata: [192.0.2.200, '2001:db8:7::/64']}\n");

	cr_expect_str_eq(c.control, "/a");
	cr_expect_str_eq(c.state, "/b");
	cr_expect_str_eq(c.pins, "/c");
	cr_expect_eq(c.limits.accounts, 64);
	cr_expect_eq(c.limits.executions, 65);
	cr_expect_eq(c.limits.ring_bytes, 8192);
	cr_expect_eq(c.limits.tracked_accounts, 66);
	cr_expect_eq(c.limits.tracked_executions, 64);
	cr_expect_eq(c.limits.grace_ns, 7200 * SECOND_NS);
	cr_expect_eq(c.limits.names, 256);
	cr_expect_eq(c.limits.name_ring_bytes, 65536);
	cr_expect_eq(c.limits.sink_queue_bytes, 5000);
	cr_expect_eq(c.policy.internal_n, 0);
	cr_assert_eq(c.policy.metadata_n, 2);
	expect_net(&c.policy.metadata[0], "192.0.2.200", 128);
	expect_net(&c.policy.metadata[1], "2001:db8:7::", 64);
	cr_expect(c.policy.resolvers_set);
	cr_assert_eq(c.policy.resolvers_n, 2);
	expect_addr(c.policy.resolvers[0].addr, "192.0.2.53");
	cr_expect_eq(c.policy.resolvers[0].port, 53);
	expect_addr(c.policy.resolvers[1].addr, "2001:db8::53");
	cr_expect_eq(c.policy.resolvers[1].port, 53);
	cr_assert_eq(c.policy.dns_ports_n, 1);
	cr_expect_eq(c.policy.dns_ports[0], 53);
	cr_expect_not_null(
		strstr(c.warnings,
		       "t:3:9: limits: tracked_executions 64 is less than executions 65\n"));
	config_done(&c);
}

Test(conf, every_condition_of_a_rule)
{
	struct config c = parsed(
		"version: 1\n"
		"rules:\n"
		"- {id: a, when: {role: r, endpoint: {in: [s, u], not_in: t, class: external}, "
		"sent: {over: 1, within: 7d, per: role}}, severity: critical, "
		"attack: [T1041, T1048.003], description: words}\n"
		"- {id: b, when: {role: r, sent: {over: 1, within: 1s}}}\n"
		"- {id: c, when: {sent: {over: 1, within: 1s}}}\n"
		"- {id: d, when: {endpoint: {class: [self, internal, external, resolver, "
		"unknown, metadata, multicast, raw]}}, severity: info}\n"
		"roles: {q: {match: [{name: q}]}, r: {match: [{name: r}]}}\n"
		"endpoints: {s: [192.0.2.1], t: [192.0.2.2], u: 192.0.2.3}\n");
	const struct rule *r = c.policy.rules;

	cr_expect_null(c.warnings);
	cr_assert_eq(c.policy.rules_n, 4);
	cr_expect_eq(r[0].severity, SEVERITY_CRITICAL);
	cr_expect_str_eq(r[0].attack[1], "T1048.003");
	cr_expect_eq(r[0].roles, 2);
	cr_expect_eq(r[0].endpoint.in, 5);
	cr_expect_eq(r[0].endpoint.not_in, 2);
	cr_expect_eq(r[0].endpoint.classes, CLASS_EXTERNAL);
	cr_expect_eq(r[0].sent.over, 1);
	cr_expect_eq(r[0].sent.within_ns, 7 * 86400 * SECOND_NS);
	cr_expect_eq(r[0].sent.per, PER_ROLE);
	cr_expect_eq(r[1].sent.per, PER_LINEAGE, "with a role");
	cr_expect_eq(r[1].severity, SEVERITY_MEDIUM);
	cr_expect_eq(r[2].sent.per, PER_PROCESS, "without a role");
	cr_expect_eq(r[2].roles, OF_ROLE_ANY);
	cr_expect_eq(r[3].endpoint.classes, CLASS_END - 1);
	cr_expect_eq(r[3].severity, SEVERITY_INFO);
	cr_expect_not(r[3].has_sent);
	config_done(&c);
}

Test(conf, conditions_to_come_turn_a_rule_off)
{
	static const struct {
		const char *when, *off;
	} cases[] = {
		{ "{endpoint: {first_seen: true}}",
		  "condition 'endpoint.first_seen' is not built yet" },
		{ "{received: {over: 5}}", "condition 'received' is not built yet" },
		{ "{ratio: 5}", "condition 'ratio' is not built yet" },
		{ "{memory_read: true}", "condition 'memory_read' is not built yet" },
		{ "{file_opened: /etc/shadow}", "condition 'file_opened' is not built yet" },
		{ "{outlived_step: true}", "condition 'outlived_step' is not built yet" },
		{ "{beacon: {}}", "condition 'beacon' is not built yet" },
		{ "{fan_out: 5}", "condition 'fan_out' is not built yet" },
	};
	char yaml[512], warning[512];
	struct config c;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(yaml, sizeof(yaml),
			       "version: 1\nendpoints: {n: [192.0.2.1, '*.a.b:1-2']}\n"
			       "rules: [{id: x, when: %s}]\n",
			       cases[i].when);
		(void)snprintf(warning, sizeof(warning),
			       "t:3:9: rule 'x' is off: %s\n"
			       "t: no rule is on: bytes are counted, nothing will be alerted",
			       cases[i].off);
		c = parsed(yaml);
		cr_expect_str_eq(c.policy.rules[0].off, cases[i].off);
		cr_expect_str_eq(c.warnings, warning);
		config_done(&c);
	}
}

Test(conf, a_role_with_nothing_left_to_match_says_so)
{
	struct config c = parsed("version: 1\n"
				 "roles:\n"
				 "  r:\n"
				 "    match: []\n"
				 "    sha256: [c]\n"
				 "rules: [{id: x, when: {sent: {over: 1, within: 1s}}}]\n");

	cr_expect_str_eq(c.warnings, "t:5:5: role 'r': 'sha256' is not built yet, ignored\n"
				     "t:3:3: role 'r' has nothing to match, no execution gets it");
	cr_expect_eq(c.policy.roles[0].n, 0);
	config_done(&c);
}

Test(conf, many_warnings_are_counted)
{
	char yaml[16384], *end;
	struct config c;
	size_t n, i;

	n = (size_t)snprintf(yaml, sizeof(yaml), "version: 1\nroles: {");
	for (i = 0; i < 60; i++)
		n += (size_t)snprintf(yaml + n, sizeof(yaml) - n, "r%zu: {match: [], sha256: [a]},",
				      i);
	(void)snprintf(yaml + n, sizeof(yaml) - n, "}\n");
	c = parsed(yaml);
	end = strrchr(c.warnings, '\n');
	cr_assert_not_null(end);
	cr_expect_str_eq(end, "\nt: 21 more warnings");
	config_done(&c);
}

Test(conf, sinks_by_their_short_forms)
{
	struct config c = parsed("version: 1\n"
				 "sinks:\n"
				 "- {type: syslog}\n"
				 "- {type: syslog, target: 'unix:/run/log', facility: local7}\n"
				 "- {type: syslog, target: 'udp://[2001:db8::1]:514'}\n"
				 "- {type: syslog, target: 'tcp://192.0.2.1:1', format: rfc3164}\n"
				 "- {type: file, path: /x}\n"
				 "- {type: stderr}\n"
				 "- {type: syslog, target: 'unix:/x', format: rfc5424}\n");
	const struct sink_conf *s = c.sinks;

	cr_assert_eq(c.sinks_n, 7);
	cr_expect_str_eq(s[0].name, "syslog:local");
	cr_expect_eq(s[0].format, FORMAT_RFC3164);
	cr_expect_eq(s[1].facility, 23);
	cr_expect_eq(s[1].format, FORMAT_RFC3164);
	cr_expect_str_eq(s[1].path, "/run/log");
	cr_expect_str_eq(s[1].name, "syslog:unix:/run/log");
	cr_expect_eq(s[2].transport, TRANSPORT_UDP);
	cr_expect_eq(s[2].format, FORMAT_RFC5424);
	expect_addr(s[2].addr, "2001:db8::1");
	cr_expect_eq(s[2].port, 514);
	cr_expect_str_eq(s[2].name, "syslog:udp://[2001:db8::1]:514");
	cr_expect_eq(s[3].format, FORMAT_RFC3164);
	cr_expect_eq(s[4].format, FORMAT_JSON);
	cr_expect_eq(s[5].type, SINK_STDERR);
	cr_expect_eq(s[5].format, FORMAT_TEXT);
	cr_expect_str_eq(s[5].name, "stderr");
	cr_expect_eq(s[6].format, FORMAT_RFC5424);
	config_done(&c);
}

static void expect_rev(const struct rule *r, const char *source)
{
	char hex[2 * SHA256_DIGEST_SIZE + 1];

	sha256(source, hex);
	hex[16] = '\0';
	cr_expect_str_eq(r->rev, hex, "%s", source);
}

#define RULE_A "id: a\r\n  when: {sent: {over: 1, within: 1s}}\r\n  description: \xe2\x82\xac uro"
#define RULE_B "{id: b, when: {sent: {over: 1, within: 1s}}, description: \xf0\x9f\x98\x80}"
#define RULE_C "id: c\n  when:\n    sent:\n      over: 1\n      within: 1s"

/* The revision is over the bytes of the rule alone: characters before it that take several bytes,
 * line ends, a byte order mark and comments behind it do not count. */
Test(conf, rule_revision)
{
	struct config c = parsed("\xef\xbb\xbf# \xc3\xa4\xc3\xb6\xc3\xbc\r\n"
				 "version: 1 # \xe2\x82\xac\r\n"
				 "rules:\n- " RULE_A "   # of a\r\n# of b\n- " RULE_B
				 " # \xc3\xa4\n\n- " RULE_C "\n\n# the end \xc3\xa4\nsinks: []\n");

	cr_assert_eq(c.policy.rules_n, 3);
	expect_rev(&c.policy.rules[0], RULE_A);
	expect_rev(&c.policy.rules[1], RULE_B);
	expect_rev(&c.policy.rules[2], RULE_C);
	config_done(&c);
}

Test(conf, roles_id_is_equal_for_equal_tables_only)
{
	static const char *const tables[] = {
		"{}",
		"{a: {match: []}}",
		"{a: {match: [{name: x}]}}",
		"{a: {match: [{name: x}, {name: y}]}}",
		"{a: {match: [{name: y}, {name: x}]}}",
		"{a: {match: [{name: xy}]}}",
		"{a: {match: [{exe: '*x'}]}}",
		"{a: {match: [{name: '*x'}]}}",
		"{a: {match: [{name: x}]}, y: {match: []}}",
		"{b: {match: [{name: x}]}}",
	};
	uint64_t ids[sizeof(tables) / sizeof(tables[0])];
	char yaml[256];
	struct config c;
	size_t i, j;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		(void)snprintf(yaml, sizeof(yaml), "version: 1\nroles: %s\n", tables[i]);
		c = parsed(yaml);
		ids[i] = c.policy.roles_id;
		config_done(&c);
		(void)snprintf(yaml, sizeof(yaml), "# other text\nroles: %s\nversion: 1\n",
			       tables[i]);
		c = parsed(yaml);
		cr_expect_eq(c.policy.roles_id, ids[i], "%s", tables[i]);
		config_done(&c);
		for (j = 0; j < i; j++)
			cr_expect_neq(ids[j], ids[i], "%s and %s", tables[j], tables[i]);
	}
}

static uint64_t env_id(const char *roles)
{
	char yaml[256];
	struct config c;
	uint64_t id;

	(void)snprintf(yaml, sizeof(yaml), "version: 1\nroles: %s\n", roles);
	c = parsed(yaml);
	id = c.policy.env_id;
	config_done(&c);
	return id;
}

Test(conf, env_id_is_that_of_the_variables)
{
	uint64_t ci = env_id("{}");

	cr_expect_neq(ci, 0);
	cr_expect_eq(env_id("{a: {match: [{name: x}]}}"), ci, "no variable of its own");
	cr_expect_neq(env_id("{a: {match: [{env: 'DEPLOY=yes'}]}}"), ci);
	cr_expect_neq(env_id("{a: {match: [{env: 'DEPLOYS=yes'}]}}"),
		      env_id("{a: {match: [{env: 'DEPLOY=yes'}]}}"));
}

Test(conf, shipped_file_loads)
{
	struct config_err e = { "" };
	struct config c = { 0 };
	size_t i, on = 0;

	cr_assert_eq(config_load("config/outflow.yaml", false, &c, &e), 0, "%s", e.msg);
	cr_expect_eq(c.sinks_n, 2);
	cr_expect_str_eq(policy_role_name(&c.policy, 0), "runner");
	cr_expect_str_eq(policy_role_name(&c.policy, 1), "scanner");
	cr_expect_eq(policy_roles_match(&c.policy, "Runner.Worker", "", 0), 1);
	cr_expect_eq(policy_roles_match(&c.policy, "snyk-linux-arm64", "", 0), 2);
	cr_expect_eq(policy_roles_match(&c.policy, "npm", "/usr/bin/npm", 12), 0);
	for (i = 0; i < c.policy.rules_n; i++)
		on += c.policy.rules[i].off == NULL;
	cr_expect_eq(c.policy.rules_n, 14);
	cr_expect_eq(on, 13, "%s", c.warnings);
	config_done(&c);
}

static void file_make(char path[64], const char *text, mode_t mode)
{
	int fd;

	(void)snprintf(path, 64, "/tmp/test_conf.XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* The message without the path that leads it and without what follows. */
static void expect_refused(const char *path, bool trusted, int err, const char *why)
{
	struct config_err e = { "" };
	struct config c = { .control = (char *)1 };

	cr_expect_eq(config_load(path, trusted, &c, &e), err, "%s", e.msg);
	cr_expect_not_null(strstr(e.msg, why), "%s", e.msg);
	cr_expect_eq(c.control, (char *)1, "a failed load must not touch the result");
}

Test(conf, files_that_are_not_taken)
{
	char path[64], other[80];

	expect_refused("/nonexistent/x", true, -ENOENT, "cannot be opened: No such file");
	expect_refused("/dev/null", false, -EINVAL, "not a regular file");
	file_make(path, "version: 1\n", 0600);
	(void)snprintf(other, sizeof(other), "%s.link", path);
	cr_assert_eq(symlink(path, other), 0);
	expect_refused(other, true, -ELOOP, "a symbolic link: give the file it leads to");
	(void)unlink(other);
	cr_assert_eq(mkfifo(other, 0600), 0);
	expect_refused(other, true, -EINVAL, "not a regular file");
	(void)unlink(other);
	cr_assert_eq(truncate(path, (off_t)10 << 20), 0);
	expect_refused(path, false, -EFBIG, "10485760 bytes, expected at most 1048576");
	(void)unlink(path);
}

Test(conf, trusted_files_belong_to_root_alone)
{
	struct config_err e = { "" };
	struct config c = { 0 };
	char path[64];

	if (geteuid() != 0)
		cr_skip_test("needs root to give files away");
	file_make(path, "version: 1\n", 0644);
	cr_expect_eq(config_load(path, true, &c, &e), 0, "%s", e.msg);
	config_done(&c);
	cr_assert_eq(chmod(path, 0664), 0);
	expect_refused(path, true, -EPERM, "mode 0664 lets others change what is watched: chmod");
	cr_assert_eq(chmod(path, 0646), 0);
	expect_refused(path, true, -EPERM, "chmod go-w");
	cr_expect_eq(config_load(path, false, &c, &e), 0, "%s", e.msg);
	config_done(&c);
	cr_assert_eq(chmod(path, 0600), 0);
	cr_assert_eq(chown(path, 65534, 0), 0);
	expect_refused(path, true, -EPERM, "owned by uid 65534, who could change");
	expect_refused(path, true, -EPERM, "chown root");
	(void)unlink(path);
}

Test(conf, naming)
{
	struct config c = parsed("version: 1\n");

	cr_expect(!c.no_naming, "on without the key");
	config_done(&c);
	c = parsed("version: 1\nnaming: false\n");
	cr_expect(c.no_naming);
	config_done(&c);
}

Test(conf, redact)
{
	struct config c = parsed("version: 1\n");

	cr_expect(!c.no_redact, "on without the key");
	config_done(&c);
	c = parsed("version: 1\nredact: true\n");
	cr_expect(!c.no_redact);
	config_done(&c);
	c = parsed("version: 1\nredact: false\n");
	cr_expect(c.no_redact);
	config_done(&c);
}

/* Of what may hold a secret no value is told, and none can be asked for. */
Test(conf, variables_that_may_hold_a_secret)
{
	static const char *const secret[] = {
		"DB_PASS",
		"DATABASE_URL",
		"JOB_JWT",
		"DB_PWD",
		"COOKIE",
		"DSN",
		"PAT",
		"GH_PAT",
		"BUILDBOT_PASS",
		"PGPASSWORD",
		"A_TOKEN",
		"SIGNING_KEY",
		"API_KEY_PROD",
		"REDIS_URI",
		"SESSION_ID",
		"TOKENS",
		"db_secret",
		"MYSQL_PW",
		"BASIC_AUTH",
		"SAS",
		"CREDENTIALS",
		"SLACK_WEBHOOK",
		"PRIVATE_REGISTRY",
		"CONNECTION_STRING",
	};
	static const char *const plain[] = { "PWD",	 "OLDPWD",	    "PATH",
					     "HOME",	 "STAGE",	    "COMPAT",
					     "KEYBOARD", "GIT_AUTHOR_NAME", "CI_REPOSITORY",
					     "MY_REPO" };
	char text[128];
	struct config_err e;
	struct config c;
	size_t i;

	for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "version: 1\nroles: {r: {match: [{env: %s=x}]}}\n", secret[i]);
		memset(&c, 0, sizeof(c));
		cr_expect_lt(config_parse("t", text, strlen(text), &c, &e), 0, "%s", secret[i]);
		cr_expect_not_null(strstr(e.msg, "may hold a secret"), "%s: %s", secret[i], e.msg);
		config_done(&c);
		(void)snprintf(text, sizeof(text), "version: 1\nroles: {r: {match: [{env: %s}]}}\n",
			       secret[i]);
		c = parsed(text);
		cr_assert_not_null(policy_env(&c.policy, secret[i], strlen(secret[i])));
		cr_expect_eq(policy_env(&c.policy, secret[i], strlen(secret[i]))->kind, OF_ENV_SET,
			     "%s", secret[i]);
		config_done(&c);
	}
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "version: 1\nroles: {r: {match: [{env: %s=x}]}}\n", plain[i]);
		c = parsed(text);
		cr_expect_eq(policy_env(&c.policy, plain[i], strlen(plain[i]))->kind, OF_ENV_TEXT,
			     "%s", plain[i]);
		config_done(&c);
	}
}
