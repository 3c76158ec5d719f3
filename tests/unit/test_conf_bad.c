/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_conf_bad: what a configuration must not be, and the words it is refused with.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"

#define V "version: 1\n"

struct bad_case {
	const char *yaml;
	const char *msg;
};

static const struct bad_case bad[] = {
	{ V "limits: {accounts: 5x}\n",
	  "t:2:20: limits.accounts: '5x': expected a count, 64 to 1048576" },
	{ V "limits: {accounts: 63}\n",
	  "t:2:20: limits.accounts: '63': expected a count, 64 to 1048576" },
	{ V "limits: {acounts: 64}\n",
	  "t:2:10: limits: unknown key 'acounts', did you mean 'accounts'?" },
	{ V "limits: {ring: 5000}\n",
	  "t:2:16: limits.ring: '5000': expected a size that is a power of two, 4KiB to 64MiB" },
	{ V "limits: {grace: 60}\n", "t:2:17: limits.grace: '60': expected a duration, 1s to 1d" },
	{ V "limits: {grace: }\n", "t:2:17: limits.grace: nothing: expected a duration, 1s to 1d" },
	{ V "limits: [1]\n", "t:2:9: limits: a list: expected keys with values" },
	{ V "limits: {sink_queue: 1GiB}\n",
	  "t:2:22: limits.sink_queue: '1GiB': expected a size, 4KiB to 256MiB" },
	{ V "limits:\n  accounts: 64\n  grace: 1s\n  accounts: 65\n",
	  "t:5:3: limits: key 'accounts' is repeated, first on line 3" },
	{ "{}", "t:1:1: key 'version' is missing" },
	{ "version: 2\n", "t:1:10: version: '2': expected 1" },
	{ "version: [1]\n", "t:1:10: version: a list: expected 1" },
	{ "", "t:1:1: nothing in it, expected at least 'version: 1'" },
	{ "# nothing\n", "t:1:1: nothing in it, expected at least 'version: 1'" },
	{ "- version\n", "t:1:1: the file: a list: expected keys with values" },
	{ V "version: 1\n", "t:2:1: key 'version' is repeated, first on line 1" },
	{ V "? [a]\n: b\n", "t:2:3: a list: expected a key" },
	{ V "redact: off\n", "t:2:9: redact: 'off': expected true or false" },
	{ V "version2: 1\n", "t:2:1: unknown key 'version2', did you mean 'version'?" },
	{ V "foo: 1\n",
	  "t:2:1: unknown key 'foo', expected one of version, paths, redact, naming, limits, "
	  "networks, endpoints, roles, rules, reconcile, sinks" },
	{ V "\"a\\nb\\x1b\": 1\n",
	  "t:2:1: unknown key 'a\\x0ab\\x1b', expected one of version, "
	  "paths, redact, naming, limits, networks, endpoints, roles, rules, reconcile, sinks" },
	{ V "<<: {}\n", "t:2:1: merge key '<<' is not supported" },
	{ "version: &a 1\n", "t:1:10: anchor 'a' is not supported" },
	{ "version: *a\n", "t:1:10: alias 'a' is not supported" },
	{ "version: !!int 1\n", "t:1:10: tag 'tag:yaml.org,2002:int' is not supported" },
	{ "version: \"1\\0\"\n", "t:1:10: a NUL inside a value" },
	{ V "---\nversion: 1\n", "t:2:1: a second document, expected one" },
	{ V "\tx\n", "t:2:1: found a tab character that violates indentation while scanning a "
		     "plain scalar from line 1" },
	{ "version: [1\n",
	  "t:2:1: did not find expected ',' or ']' while parsing a flow sequence from line 1" },
	{ V "foo: \"\xff\"\n", "t:2:7: invalid leading UTF-8 octet (0xff)" },
	{ "# \xc3\xa4\n# \xc3\xa4 \x1b\nversion: 1\n",
	  "t:2:5: control characters are not allowed (0x1b)" },
	{ "%TAG ! tag:x,2000:\n---\nversion: 1\n", "t:1:1: %TAG is not supported" },
	{ "[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]\n", "t:1:17: nested more than 16 deep" },
	{ V "paths: {control: run/x}\n",
	  "t:2:18: paths.control: 'run/x': expected an absolute path" },
	{ V "paths: {state: \"/a\\nb\"}\n",
	  "t:2:16: paths.state: '/a\\x0ab': expected an absolute path" },
	{ V "paths: {pins: [/x]}\n", "t:2:15: paths.pins: a list: expected an absolute path" },
	{ V "paths: x\n", "t:2:8: paths: 'x': expected keys with values" },
	{ V "networks: {internal: [10.0.0.0/8, 10.0.0.300]}\n",
	  "t:2:35: networks.internal: '10.0.0.300': expected an address or a range" },
	{ V "networks: {internal: [10.0.0.1/8]}\n",
	  "t:2:23: networks.internal: '10.0.0.1/8': the address has bits behind the range, "
	  "expected 10.0.0.0/8" },
	{ V "networks: {internal: [\"2001:db8::1/32\"]}\n",
	  "t:2:23: networks.internal: '2001:db8::1/32': the address has bits behind the range, "
	  "expected 2001:db8::/32" },
	{ V "networks: {internal: [10.0.0.0/33]}\n",
	  "t:2:23: networks.internal: '10.0.0.0/33': expected /0 to /32 behind the address" },
	{ V "networks: {internal: {a: b}}\n",
	  "t:2:22: networks.internal: a mapping: expected a list of addresses" },
	{ V "networks: {resolvers: [192.0.2.0/24]}\n",
	  "t:2:24: networks.resolvers: '192.0.2.0/24': expected an address, address:port or "
	  "[address]:port" },
	{ V "networks: {resolvers: [ns.example.org]}\n",
	  "t:2:24: networks.resolvers: 'ns.example.org': expected an address, address:port or "
	  "[address]:port" },
	{ V "networks: {resolvers: ['192.0.2.53:0']}\n",
	  "t:2:24: networks.resolvers: '192.0.2.53:0': expected a port from 1 to 65535 behind the "
	  "':'" },
	{ V "networks: {resolvers: ['192.0.2.53:53-54']}\n",
	  "t:2:24: networks.resolvers: '192.0.2.53:53-54': expected a port from 1 to 65535 behind "
	  "the ':'" },
	{ V "networks: {resolvers: ['[192.0.2.53]:53']}\n",
	  "t:2:24: networks.resolvers: '[192.0.2.53]:53': expected an IPv6 address between the "
	  "brackets" },
	{ V "networks: {resolvers: ['[2001:db8::1]']}\n",
	  "t:2:24: networks.resolvers: '[2001:db8::1]': expected an address, address:port or "
	  "[address]:port" },
	{ V "networks: {resolvers: [192.0.2.1, '192.0.2.1:1', '192.0.2.1:2', '192.0.2.1:3', "
	    "'192.0.2.1:4',\n '192.0.2.1:5', '192.0.2.1:6', '192.0.2.1:7', '192.0.2.2:7', "
	    "'192.0.2.1:8']}\n",
	  "t:3:62: networks.resolvers: '192.0.2.1:8': expected at most 8 different ports, 53 among "
	  "them" },
	{ V "networks: {proxies: [192.0.2.1, 'squid.example.org:3128']}\n",
	  "t:2:33: networks.proxies: 'squid.example.org:3128': expected an address or CIDR, then "
	  ":port, :port-port or nothing" },
	{ V "networks: {proxies: ['192.0.2.1/24']}\n",
	  "t:2:22: networks.proxies: '192.0.2.1/24': the address has bits behind the range, "
	  "expected 192.0.2.0/24" },
	{ V "limits: {names: 255}\n", "t:2:17: limits.names: '255': expected a count, 256 to "
				      "1048576" },
	{ V "limits: {name_ring: 32KiB}\n",
	  "t:2:21: limits.name_ring: '32KiB': expected a size that is a power of two, 64KiB to "
	  "64MiB" },
	{ V "limits: {name_ring: 96KiB}\n",
	  "t:2:21: limits.name_ring: '96KiB': expected a size that is a power of two, 64KiB to "
	  "64MiB" },
	{ V "endpoints: [a]\n", "t:2:12: endpoints: expected names with lists of endpoints" },
	{ V "endpoints: {A: [a.b]}\n",
	  "t:2:13: endpoints: 'A': expected a name of 1 to 63 of a-z, 0-9 and '-'" },
	{ V "endpoints: {a: [a.b], a: [a.c]}\n",
	  "t:2:23: endpoints: key 'a' is repeated, first on line 2" },
	{ V "endpoints: {a: [\"\"]}\n", "t:2:17: endpoints.a: '': expected a host name, *.name, "
					"address or CIDR, then :port, :port-port or nothing" },
	{ V "endpoints: {a: [\"a..b\"]}\n",
	  "t:2:17: endpoints.a: 'a..b': expected labels of 1 to 63 characters between the dots" },
	{ V "endpoints: {a: [\"*\"]}\n", "t:2:17: endpoints.a: '*': expected '*' as the whole "
					 "first label only, as in *.example.org" },
	{ V "endpoints: {a: [\"a.*.b:443\"]}\n",
	  "t:2:17: endpoints.a: 'a.*.b:443': expected '*' as the whole first label only, as in "
	  "*.example.org" },
	{ V "endpoints: {a: [\"-a.b\"]}\n",
	  "t:2:17: endpoints.a: '-a.b': expected labels that neither begin nor end with '-'" },
	{ V "endpoints: {a: [\"http://a.b/\"]}\n",
	  "t:2:17: endpoints.a: 'http://a.b/': expected a host name, *.name, address or CIDR, then "
	  ":port, :port-port or nothing" },
	{ V "endpoints: {a: [\"192.0.2\"]}\n",
	  "t:2:17: endpoints.a: '192.0.2': expected an IPv4 address of four numbers" },
	{ V "endpoints: {a: [\"192.0.2.256:443\"]}\n",
	  "t:2:17: endpoints.a: '192.0.2.256:443': expected an IPv4 address of four numbers" },
	{ V "endpoints: {a: [\"a.b:0\"]}\n",
	  "t:2:17: endpoints.a: 'a.b:0': expected ports from 1 to 65535 behind the ':'" },
	{ V "endpoints: {a: [\"a.b:65536\"]}\n",
	  "t:2:17: endpoints.a: 'a.b:65536': expected ports from 1 to 65535 behind the ':'" },
	{ V "endpoints: {a: [\"a.b:443-80\"]}\n",
	  "t:2:17: endpoints.a: 'a.b:443-80': port range runs backwards, expected 80-443" },
	{ V "endpoints: {a: [\"a.b:443:80\"]}\n",
	  "t:2:17: endpoints.a: 'a.b:443:80': expected a host name, *.name, address or CIDR, then "
	  ":port, :port-port or nothing" },
	{ V "endpoints: {a: [\"[2001:db8::1:443\"]}\n",
	  "t:2:17: endpoints.a: '[2001:db8::1:443': expected [address] or [address]:port" },
	{ V "endpoints: {a: [\"[192.0.2.1]:443\"]}\n",
	  "t:2:17: endpoints.a: '[192.0.2.1]:443': expected an IPv6 address between the brackets" },
	{ V "endpoints: {a: [\"203.0.113.7/28:443\"]}\n",
	  "t:2:17: endpoints.a: '203.0.113.7/28:443': the address has bits behind the range, "
	  "expected 203.0.113.0/28" },
	{ V "endpoints: {a: [\"2001:db8::1/129\"]}\n",
	  "t:2:17: endpoints.a: '2001:db8::1/129': expected /0 to /128 behind the address" },
	{ V
	  "endpoints: {a: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b]}\n",
	  "t:2:17: endpoints.a: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...': "
	  "expected labels of 1 to 63 characters between the dots" },
	{ V "roles: {a: {}}\n", "t:2:12: roles.a: key 'match' is missing" },
	{ V "roles: {a: {match: {name: x}}}\n", "t:2:20: roles.a.match: a mapping: expected a list "
						"as [{name: trivy}, {exe: /opt/*/trivy}]" },
	{ V "roles: {a: {match: [x]}}\n", "t:2:21: roles.a.match: 'x': expected keys with values" },
	{ V "roles: {a: {match: [{name: x, exe: /x}]}}\n",
	  "t:2:21: roles.a.match: 2 keys in one entry, expected one" },
	{ V "roles: {a: {match: [{nam: x}]}}\n",
	  "t:2:22: roles.a.match: unknown key 'nam', did you mean 'name'?" },
	{ V "roles: {a: {match: [{name: a/b}]}}\n",
	  "t:2:28: roles.a.match.name: 'a/b': expected a file name or glob without '/'; 'exe' is "
	  "for paths" },
	{ V "roles: {a: {match: [{exe: trivy}]}}\n",
	  "t:2:27: roles.a.match.exe: 'trivy': expected an absolute path or glob; 'name' is for "
	  "file names" },
	{ V "roles: {a: {match: [{name: "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}]}}\n",
	  "t:2:28: roles.a.match.name: "
	  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...': expected at most 63 "
	  "characters" },
	{ V "roles: {a b: {match: []}}\n",
	  "t:2:9: roles: 'a b': expected a name of 1 to 63 of a-z, 0-9 and '-'" },
	{ V "roles: {a: {match: []}, a: {match: []}}\n",
	  "t:2:25: roles: key 'a' is repeated, first on line 2" },
	{ V "roles: {a: {match: [], sha256: x}}\n",
	  "t:2:32: roles.a.sha256: 'x': expected a list of SHA-256 sums" },
	{ V "rules: {a: b}\n", "t:2:8: rules: expected a list" },
	{ V "rules: [{when: {sent: {over: 1, within: 1s}}}]\n",
	  "t:2:9: rules[]: key 'id' is missing" },
	{ V "rules: [{id: a}]\n", "t:2:9: rules[]: key 'when' is missing" },
	{ V "rules: [{id: A_b, when: {sent: {over: 1, within: 1s}}}]\n",
	  "t:2:14: rules[].id: 'A_b': expected a name of 1 to 63 of a-z, 0-9 and '-'" },
	{ V "rules: [{id: a, when: {}}]\n",
	  "t:2:23: rules[].when: expected one or more of 'process', 'endpoint' and 'sent', or "
	  "'dns'" },
	{ V "rules: [{id: a, when: {role: x, sent: {over: 1, within: 1s}}}]\n",
	  "t:2:30: rules[].when.role: 'x': unknown role, the file defines none" },
	{ V "roles: {runner: {match: []}, scanner: {match: []}}\nrules: [{id: a, when: {role: x, "
	    "sent: {over: 1, within: 1s}}}]\n",
	  "t:3:30: rules[].when.role: 'x': unknown role, expected one of runner, scanner" },
	{ V "roles: {scanner: {match: []}}\nrules: [{id: a, when: {role: scaner, sent: {over: 1, "
	    "within: 1s}}}]\n",
	  "t:3:30: rules[].when.role: 'scaner': unknown role, did you mean 'scanner'?" },
	{ V "roles: {scanner: {match: []}}\nrules: [{id: a, when: {role: scanner}}]\n",
	  "t:3:23: rules[].when: expected one or more of 'process', 'endpoint' and 'sent', or "
	  "'dns'" },
	{ V "endpoints: {s: [192.0.2.1]}\nrules: [{id: a, when: {endpoint: {in: [s, other]}}}]\n",
	  "t:3:43: rules[].when.endpoint.in: 'other': unknown endpoint set, expected one of s" },
	{ V "endpoints: {s: [192.0.2.1]}\nrules: [{id: a, when: {endpoint: {in: s, not_in: s}}}]\n",
	  "t:3:50: rules[].when.endpoint.not_in: 's': named twice in this rule" },
	{ V "rules: [{id: a, when: {endpoint: {in: []}}}]\n",
	  "t:2:39: rules[].when.endpoint.in: a list: empty, expected names of endpoint sets" },
	{ V "rules: [{id: a, when: {endpoint: {}}}]\n",
	  "t:2:34: rules[].when.endpoint: a mapping: empty, expected in, not_in, class or "
	  "another condition" },
	{ V "rules: [{id: a, when: {endpoint: {no_name: yes}}}]\n",
	  "t:2:44: rules[].when.endpoint.no_name: 'yes': expected true or false" },
	{ V "rules: [{id: a, when: {endpoint: {class: [external, outer]}}}]\n",
	  "t:2:53: rules[].when.endpoint.class: 'outer': expected self, internal, external, "
	  "resolver, unknown, metadata, multicast or raw" },
	{ V "rules: [{id: a, when: {endpoint: {frist_seen: true}}}]\n",
	  "t:2:35: rules[].when.endpoint: unknown key 'frist_seen', did you mean 'first_seen'?" },
	{ V "rules: [{id: a, when: {sent: {over: 0, within: 1s}}}]\n",
	  "t:2:37: rules[].when.sent.over: '0': expected a size of at least 1, as 16MiB" },
	{ V "rules: [{id: a, when: {sent: {over: -1, within: 1s}}}]\n",
	  "t:2:37: rules[].when.sent.over: '-1': expected a size of at least 1, as 16MiB" },
	{ V "rules: [{id: a, when: {sent: {over: 1}}}]\n",
	  "t:2:30: rules[].when.sent: key 'within' is missing" },
	{ V "rules: [{id: a, when: {sent: {over: 1, within: 31d}}}]\n",
	  "t:2:48: rules[].when.sent.within: '31d': expected a duration, 1s to 30d" },
	{ V "rules: [{id: a, when: {sent: {over: 1, within: 500ms}}}]\n",
	  "t:2:48: rules[].when.sent.within: '500ms': expected a duration, 1s to 30d" },
	{ V "rules: [{id: a, when: {sent: {over: 1, within: 1s, per: host}}}]\n",
	  "t:2:57: rules[].when.sent.per: 'host': expected endpoint, process, lineage, role, step "
	  "or job" },
	{ V "rules: [{id: a, when: {sent: {over: 1, within: 1s, per: role}}}]\n",
	  "t:2:57: rules[].when.sent.per: 'role': expected a role in 'when' too" },
	{ V "rules: [{id: a, when: {sent: 5}}]\n",
	  "t:2:30: rules[].when.sent: '5': expected keys with values" },
	{ V "rules: [{id: a, severity: hihg, when: {sent: {over: 1, within: 1s}}}]\n",
	  "t:2:27: rules[].severity: 'hihg': expected info, low, medium, high or critical" },
	{ V "rules: [{id: a, attack: [T1041, T104], when: {sent: {over: 1, within: 1s}}}]\n",
	  "t:2:33: rules[].attack: 'T104': expected an ATT&CK technique as T1041 or T1048.003" },
	{ V "rules: [{id: a, attack: T1048.03, when: {sent: {over: 1, within: 1s}}}]\n",
	  "t:2:25: rules[].attack: 'T1048.03': expected an ATT&CK technique as T1041 or "
	  "T1048.003" },
	{ V "rules: [{id: a, attack: [T1,T1,T1,T1,T1,T1,T1,T1,T1], when: {sent: {over: 1, within: "
	    "1s}}}]\n",
	  "t:2:25: rules[].attack: a list: 9 entries, expected at most 8" },
	{ V "rules:\n- {id: a, when: {sent: {over: 1, within: 1s}}}\n- {id: a, when: {sent: {over: "
	    "1, within: 1s}}}\n",
	  "t:4:8: rules[].id: 'a': another rule has this id" },
	{ V "sinks: [x]\n", "t:2:9: sinks[]: 'x': expected keys with values" },
	{ V "sinks: [{target: local}]\n", "t:2:9: sinks[]: key 'type' is missing" },
	{ V "sinks: [{type: mail}]\n",
	  "t:2:16: sinks[].type: 'mail': expected syslog, file or stderr" },
	{ V "sinks: [{type: relp}]\n",
	  "t:2:16: sinks[].type: 'relp': not built yet, expected syslog, file or stderr" },
	{ V "sinks: [{type: syslog, target: \"tls://192.0.2.1:6514\"}]\n",
	  "t:2:32: sinks[].target: 'tls://192.0.2.1:6514': not built yet, expected local, "
	  "unix:/path, tcp:// or udp://" },
	{ V "sinks: [{type: syslog, target: \"tcp://siem.example.org:514\"}]\n",
	  "t:2:32: sinks[].target: 'tcp://siem.example.org:514': an address is needed, a name "
	  "would have to be looked up first" },
	{ V "sinks: [{type: syslog, target: \"tcp://192.0.2.1\"}]\n",
	  "t:2:32: sinks[].target: 'tcp://192.0.2.1': expected an address and a port, as "
	  "tcp://192.0.2.1:514" },
	{ V "sinks: [{type: syslog, target: \"tcp://2001:db8::1:514\"}]\n",
	  "t:2:32: sinks[].target: 'tcp://2001:db8::1:514': expected an IPv6 address in brackets, "
	  "as tcp://[2001:db8::1]:514" },
	{ V "sinks: [{type: syslog, target: \"udp://192.0.2.1:0\"}]\n",
	  "t:2:32: sinks[].target: 'udp://192.0.2.1:0': expected an address and a port, as "
	  "tcp://192.0.2.1:514" },
	{ V "sinks: [{type: syslog, target: \"unix:log\"}]\n",
	  "t:2:32: sinks[].target: 'unix:log': expected unix: and an absolute path of at most 107 "
	  "characters" },
	{ V "sinks: [{type: syslog, target: localhost}]\n",
	  "t:2:32: sinks[].target: 'localhost': expected local, unix:/path, tcp://address:port or "
	  "udp://address:port" },
	{ V "sinks: [{type: syslog, format: rfc5424}]\n",
	  "t:2:32: sinks[].format: 'rfc5424': rsyslog reads /dev/log as rfc3164 and would garble "
	  "it, expected rfc3164" },
	{ V "sinks: [{type: syslog, format: json}]\n",
	  "t:2:32: sinks[].format: 'json': expected rfc3164 or rfc5424" },
	{ V "sinks: [{type: syslog, facility: local8}]\n",
	  "t:2:34: sinks[].facility: 'local8': expected kern, user, mail, daemon, auth, syslog, "
	  "lpr, news, uucp, cron, authpriv, ftp, ntp, audit, alert, clock, local0, local1, local2, "
	  "local3, local4, local5, local6 or local7" },
	{ V "sinks: [{type: syslog, path: /x}]\n",
	  "t:2:24: sinks[]: a sink of type syslog has no 'path'" },
	{ V "sinks: [{type: file}]\n", "t:2:9: sinks[]: key 'path' is missing" },
	{ V "sinks: [{type: file, path: alerts}]\n",
	  "t:2:28: sinks[].path: 'alerts': expected an absolute path" },
	{ V "sinks: [{type: file, path: /a, facility: auth}]\n",
	  "t:2:32: sinks[]: a sink of type file has no 'facility'" },
	{ V "sinks: [{type: stderr, target: local}]\n",
	  "t:2:24: sinks[]: a sink of type stderr has no 'target'" },
	{ V "sinks: [{type: file, path: /a}, {type: file, path: /a}]\n",
	  "t:2:33: sinks[]: another sink is file:/a already" },
	{ V "limits: {tracked_accounts: 63}\n",
	  "t:2:28: limits.tracked_accounts: '63': expected a count, 64 to 4194304" },
	{ V "limits: {executions: 1048577}\n",
	  "t:2:22: limits.executions: '1048577': expected a count, 64 to 1048576" },
	{ V "rules: [{id: a, when: {sent: {over: 1, within: 1s}, dnss: 1}}]\n",
	  "t:2:53: rules[].when: unknown key 'dnss', did you mean 'dns'?" },
	{ V "rules: [{id: a, enabled: false, when: {sent: {over: 1, within: 1s}}}]\n",
	  "t:2:17: rules[]: unknown key 'enabled', expected one of id, when, severity, attack, "
	  "description" },
	{ V "sinks: [{type: syslog, target: \"relp://192.0.2.1:20514\"}]\n",
	  "t:2:32: sinks[].target: 'relp://192.0.2.1:20514': not built yet, expected local, "
	  "unix:/path, tcp:// or udp://" },
	{ V "sinks: [{type: journal}]\n",
	  "t:2:16: sinks[].type: 'journal': not built yet, expected syslog, file or stderr" },
	{ V "sinks: [{type: syslog, target: \"unix:/dev/log\", format: rfc5424}]\n",
	  "t:2:57: sinks[].format: 'rfc5424': rsyslog reads /dev/log as rfc3164 and would garble "
	  "it, expected rfc3164" },
};

/* Criterion runs each case in a process of its own, where pointers of this one mean nothing: the
 * parameter is the row. */
ParameterizedTestParameters(conf, rejects)
{
	static size_t rows[sizeof(bad) / sizeof(bad[0])];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(size_t *row, conf, rejects)
{
	const struct bad_case *c = &bad[*row];
	struct config config, before;
	struct config_err e = { "" };

	memset(&config, 0x5a, sizeof(config));
	before = config;
	cr_assert_eq(config_parse("t", c->yaml, strlen(c->yaml), &config, &e), -EINVAL, "%s",
		     c->yaml);
	cr_expect_str_eq(e.msg, c->msg);
	cr_expect(memcmp(&config, &before, sizeof(config)) == 0,
		  "a failed parse must not touch the result");
}

/* `unit` as often as it fits, between head and tail. */
static size_t fill(char *text, const char *head, const char *unit, const char *tail)
{
	size_t n = strlen(head), len = strlen(unit), end = CONFIG_BYTES_MAX - strlen(tail);

	memcpy(text, head, n);
	for (; n + len <= end; n += len)
		memcpy(text + n, unit, len);
	memcpy(text + n, tail, strlen(tail));
	return n + strlen(tail);
}

/* A time limit for all of them together: each is linear or refused early. The worst takes 40 ms;
 * a sanitizer, a slow machine and the quadratic case (23 s for one) leave room between. */
Test(conf, hostile_texts_are_refused_quickly, .timeout = 20)
{
	static const struct {
		const char *head, *unit, *tail, *msg;
	} hostile[] = {
		{ "", "[", "", "t:1:17: nested more than 16 deep" },
		{ "", "{", "", "t:1:17: nested more than 16 deep" },
		{ "", "- ", "", "t:1:33: nested more than 16 deep" },
		{ "", "? ", "", "t:1:33: nested more than 16 deep" },
		{ "", "[\n", "", "t:17:1: nested more than 16 deep" },
		{ "", "? a\n", "", "t:32769:1: more than 65536 values" },
		{ "", "- a\n", "", "t:65536:3: more than 65536 values" },
		{ "", "&a ", "", "t:1:1: anchor 'a' is not supported" },
		{ "[", "a,", "]", "t:1:131072: more than 65536 values" },
		{ "%TAG !a! b\n", "%TAG !b! c\n", "---\na", "t:1:1: %TAG is not supported" },
		{ "", "#", "", "t:1:1: nothing in it, expected at least 'version: 1'" },
		{ "", "\n", "", "t:1:1: nothing in it, expected at least 'version: 1'" },
		{ "\"", "\\x20", "\"",
		  "t:1:1: the file: '                                                            "
		  "...': expected keys with values" },
		{ "", "a\n", "",
		  "t:1:1: the file: 'a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
		  "...': expected keys with values" },
	};
	char *text = malloc(CONFIG_BYTES_MAX + 1);
	struct config_err e;
	struct config c;
	size_t i, n;

	cr_assert_not_null(text);
	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		n = fill(text, hostile[i].head, hostile[i].unit, hostile[i].tail);
		cr_expect_eq(config_parse("t", text, n, &c, &e), -EINVAL);
		cr_expect_str_eq(e.msg, hostile[i].msg);
	}
	memset(text, ' ', CONFIG_BYTES_MAX + 1);
	cr_expect_eq(config_parse("t", text, CONFIG_BYTES_MAX + 1, &c, &e), -EFBIG);
	cr_expect_str_eq(e.msg, "t: more than 1048576 bytes");
	cr_expect_eq(config_parse("t", "version: 1\n\0", 12, &c, &e), -EINVAL);
	cr_expect_str_eq(e.msg, "t:2:1: control characters are not allowed (0x00)");
	cr_expect_eq(config_parse("t", "", 0, &c, &e), -EINVAL);
	free(text);
}
