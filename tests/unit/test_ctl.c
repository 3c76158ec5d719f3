/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ctl.c: what the verbs answer. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl_world.h"

TestSuite(ctl, .init = world_start, .fini = world_stop, .timeout = 30);

/* ---- Answers ---- */

Test(ctl, flows)
{
	cr_expect_str_eq(
		ask(CTL_FLOWS),
		"{\"process\":{\"pid\":4242,\"exec_id\":102,\"ppid\":0,\"name\":\"cu\\\"rl\","
		"\"exe\":\"/usr/bin/cu\\\"rl\"},"
		"\"lineage\":[\"Runner.Worker[3001]\",\"...(+2)\",\"cu\\\"rl[4242]\"],"
		"\"roles\":[\"runner\",\"scanner\"],\"creator\":null,\"via\":null,\"ci\":null,"
		"\"endpoint\":{\"ip\":\"203.0.113.9\",\"port\":443,\"proto\":\"tcp\","
		"\"class\":\"external\",\"names\":["
		"{\"name\":\"scan.example.org\",\"source\":\"sni\",\"confirmed\":false,"
		"\"asked\":true,\"time\":\"2026-03-19T17:43:12.000000Z\"},"
		"{\"name\":\"cdn.example.net\",\"source\":\"dns\",\"confirmed\":true,"
		"\"asked\":false,\"time\":\"2026-03-19T17:43:12.100000Z\"}],\"names_more\":true,"
		"\"ech\":true},"
		"\"bytes\":{\"sent\":393216,\"received\":null},"
		"\"first\":\"2026-03-19T17:43:12.000000Z\",\"last\":\"2026-03-19T17:43:12."
		"500000Z\","
		"\"overflow\":false}\n"

		"{\"process\":{\"pid\":4242,\"exec_id\":102,\"ppid\":0,\"name\":\"cu\\\"rl\","
		"\"exe\":\"/usr/bin/cu\\\"rl\"},"
		"\"lineage\":[\"Runner.Worker[3001]\",\"...(+2)\",\"cu\\\"rl[4242]\"],"
		"\"roles\":[\"runner\",\"scanner\"],\"creator\":null,\"via\":null,\"ci\":null,"
		"\"endpoint\":{\"ip\":null,\"port\":null,\"proto\":null,\"class\":\"unknown\","
		"\"names\":[],\"overflow\":true},\"bytes\":{\"sent\":7,\"received\":null},"
		"\"first\":\"2026-03-19T17:43:10.000000Z\",\"last\":\"2026-03-19T17:43:10."
		"000000Z\","
		"\"overflow\":true}\n"

		"{\"process\":null,\"lineage\":[],\"roles\":[],\"creator\":null,\"via\":null,"
		"\"ci\":null,"
		"\"endpoint\":{\"ip\":null,\"port\":null,\"proto\":null,\"class\":\"unknown\","
		"\"names\":[],\"overflow\":true},\"bytes\":{\"sent\":8,\"received\":null},"
		"\"first\":null,\"last\":null,\"overflow\":true}\n"

		"{\"process\":{\"pid\":3001,\"exec_id\":100,\"ppid\":0,\"name\":\"init\",\"exe\":"
		"null},"
		"\"lineage\":[\"init[3001]\"],\"roles\":[],\"creator\":null,\"via\":null,\"ci\":"
		"null,"
		"\"endpoint\":{\"ip\":\"2001:db8::1\",\"port\":null,\"proto\":\"250\","
		"\"class\":\"external\",\"names\":[]},\"bytes\":{\"sent\":9,\"received\":null},"
		"\"first\":\"2026-03-19T17:43:10.000000Z\",\"last\":\"2026-03-19T17:43:10."
		"000000Z\","
		"\"overflow\":false}\n"

		"{\"process\":{\"pid\":3001,\"exec_id\":100,\"ppid\":0,\"name\":\"init\",\"exe\":"
		"null},"
		"\"lineage\":[\"init[3001]\"],\"roles\":[],\"creator\":null,\"via\":null,\"ci\":"
		"null,"
		"\"endpoint\":{\"ip\":null,\"port\":null,\"proto\":\"packet\","
		"\"class\":\"unknown\",\"names\":[]},\"bytes\":{\"sent\":10,\"received\":null},"
		"\"first\":\"2026-03-19T17:43:10.000000Z\",\"last\":\"2026-03-19T17:43:10."
		"000000Z\","
		"\"overflow\":false}\n\n");
	cr_expect_eq(mock.looks, 1, "an answer is exact: the maps are looked at first");
	cr_expect_eq(ctl_stats(ctl).answers, 1);
}

Test(ctl, ps)
{
	cr_expect_str_eq(
		ask(CTL_PS),
		"{\"process\":{\"pid\":4242,\"exec_id\":102,\"ppid\":0,\"name\":\"cu\\\"rl\","
		"\"exe\":\"/usr/bin/cu\\\"rl\",\"parent\":101,\"uid\":1001,"
		"\"sha256\":null,\"sha256_state\":\"pending\"},"
		"\"lineage\":[\"Runner.Worker[3001]\",\"...(+2)\",\"cu\\\"rl[4242]\"],"
		"\"roles\":[\"runner\",\"scanner\"],\"via\":null,\"ci\":null,\"sent\":393216,"
		"\"start\":\"2026-03-19T17:43:12.000000Z\",\"end\":\"2026-03-19T17:43:13.000000Z\","
		"\"adopted\":false}\n"
		"{\"process\":{\"pid\":3001,\"exec_id\":100,\"ppid\":0,\"name\":\"init\",\"exe\":"
		"null,"
		"\"parent\":null,\"uid\":0,\"sha256\":null,\"sha256_state\":\"pending\"},"
		"\"lineage\":[\"init[3001]\"],\"roles\":[],\"via\":null,\"ci\":null,"
		"\"sent\":0,"
		"\"start\":\"2026-03-19T17:43:11.000000Z\",\"end\":null,\"adopted\":true}\n\n");
}

Test(ctl, ledger)
{
	cr_expect_str_eq(
		ask(CTL_LEDGER),
		"{\"total\":60,\"executions\":60,\"accounts\":30,\"overflow\":20,\"retired\":10,"
		"\"interfaces\":[],\"loss\":{\"ring\":4,\"accounts_full\":0,\"executions_full\":0,"
		"\"task_storage\":0,\"socket_storage\":0,\"destinations\":0,\"argv\":3,"
		"\"probe_missed\":0,\"untraced\":0,\"links\":0,\"captures\":0,\"names\":0,"
		"\"tracking\":2},\"balanced\":true,"
		"\"local\":{\"unix\":5,\"netlink\":0,\"alg\":6,\"family_63\":7}}\n\n");
}

Test(ctl, interfaces)
{
	mock.link = (struct link_books){ .name = "eth0",
					 .ifindex = 2,
					 .sent = 100,
					 .sockets = 50,
					 .control = 5,
					 .kernel = 6,
					 .forwarded = 20,
					 .bypass = 19,
					 .allowance = 1,
					 .unattributed = 39 };
	mock.edges_left_out = 3;
	cr_expect_not_null(
		strstr(ask(CTL_LEDGER),
		       "\"interfaces\":[{\"name\":\"eth0\",\"ifindex\":2,\"tunnel\":false,"
		       "\"sent\":100,\"sockets\":50,\"control\":5,\"kernel\":6,"
		       "\"forwarded\":20,\"bypass\":19,\"allowance\":1,\"unattributed\":39}],"));
	cr_expect_not_null(strstr(ask(CTL_STATUS),
				  "\"reconcile\":{\"interfaces\":[\"eth0\"],\"off\":null,"
				  "\"left_out\":3}"));
}

Test(ctl, ledger_does_not_close)
{
	mock.ledger.executions = 59;
	cr_expect_not_null(strstr(ask(CTL_LEDGER), "\"balanced\":false"));
	mock.ledger.executions = 60;
	mock.ledger.retired = 9;
	cr_expect_not_null(strstr(ask(CTL_LEDGER), "\"balanced\":false"));
}

Test(ctl, ledger_fails)
{
	mock.ledger_err = -EPERM;
	cr_expect_str_eq(ask(CTL_LEDGER),
			 "{\"error\":\"a line cannot be made: Operation not permitted\"}\n\n");
}

Test(ctl, look_fails)
{
	mock.look_err = -EIO;
	mock.executions_n = 0;
	cr_expect_str_eq(ask(CTL_PS), "{\"error\":\"the figures may be old, the maps cannot be "
				      "read: Input/output error\"}\n\n");
}

Test(ctl, status)
{
	char want[4096];

	mock.edges_off = "this kernel refuses it";
	(void)snprintf(
		want, sizeof(want),
		"{\"version\":\"1.0-test\",\"pid\":%d,\"uptime_s\":77,\"host\":\"runner-7\","
		"\"boot_id\":\"b00t\",\"rules\":{\"on\":1,\"off\":["
		"{\"id\":\"off-1\",\"why\":\"first_seen is not built yet\"},"
		"{\"id\":\"off-2\",\"why\":\"say \\\"why\\\"\"}]},\"sinks\":["
		"{\"name\":\"syslog:local\",\"up\":true,\"error\":null,\"queued\":0,"
		"\"delivered\":9,\"dropped\":0},"
		"{\"name\":\"file:/x\\u000a\",\"up\":false,\"error\":\"No space left on device\","
		"\"queued\":2,\"delivered\":0,\"dropped\":3}],"
		"\"reconcile\":{\"interfaces\":[],\"off\":\"this kernel refuses "
		"it\",\"left_out\":0},"
		"\"tracked\":{\"executions\":3,\"accounts\":4,\"evicted\":5,\"refused\":6,"
		"\"unresolved\":7},\"hash\":{"
		"\"files\":51,\"cached\":52,\"changed\":53,"
		"\"gone\":54,\"failed\":55,\"skipped\":56,\"pending\":57,\"respawned\":58},"
		"\"images\":{\"found\":61,\"none\":62,\"waiting\":63,\"given_up\":64},"
		"\"names\":{\"processes\":1,\"begun\":1,\"records\":7,\"unread\":2,"
		"\"forgotten\":3,\"refused\":0,\"addresses\":8,\"evicted\":9,\"unplaced\":10},"
		"\"tables\":{\"accounts\":{\"used\":1,\"max\":2},"
		"\"executions\":{\"used\":3,\"max\":4}},\"pins\":{\"path\":\"/p\","
		"\"state\":\"pinned\",\"reason\":\"the roles were changed\"},"
		"\"windows\":21,\"windows_evicted\":22,"
		"\"alerts\":{\"raised\":11,\"folded\":12,\"evicted\":13,\"failed\":14,"
		"\"open\":15},\"records\":{\"read\":31,\"bad\":32,\"record_lost\":33},"
		"\"control\":{\"clients\":1,\"answers\":0,\"refused\":0,\"bad\":0,\"dropped\":0},"
		"\"loss\":{\"ring\":4,\"accounts_full\":0,\"executions_full\":0,"
		"\"task_storage\":0,\"socket_storage\":0,\"destinations\":0,\"argv\":3,"
		"\"probe_missed\":0,\"untraced\":0,\"links\":0,\"captures\":0,\"names\":0,"
		"\"tracking\":2},\"hooks_missing\":["
		"\"connect6\"]}"
		"\n\n",
		getpid());
	cr_expect_str_eq(ask(CTL_STATUS), want);
}

Test(ctl, status_without_rules_off)
{
	config.policy.rules_n = 1;
	mock.origin.hooks_missing = NULL;
	mock.ledger_err = -ENOENT;
	cr_expect_not_null(strstr(ask(CTL_STATUS),
				  "\"rules\":{\"on\":1,\"off\":[]},"
				  "\"ledger_error\":\"No such file or directory\",\"sinks\""));
	cr_expect_not_null(strstr(ask(CTL_STATUS), "\"ring\":1,"), "then the stream's losses");
	cr_expect_not_null(strstr(ask(CTL_STATUS), "\"hooks_missing\":[]}\n\n"));
}

Test(ctl, status_with_many_rules_off)
{
	static struct rule many[POLICY_RULES_MAX];
	static char why[4096];
	const char *text;
	size_t i, n = 0;

	memset(why, '\1', sizeof(why) - 1);
	for (i = 0; i < POLICY_RULES_MAX; i++)
		many[i] = (struct rule){ .id = why, .off = why };
	config.policy.rules = many;
	config.policy.rules_n = POLICY_RULES_MAX;
	text = ask(CTL_STATUS);
	for (i = 0; text[i] != '\0'; i++)
		n += strncmp(text + i, "\"why\"", 5) == 0;
	cr_expect_eq(n, POLICY_RULES_MAX);
	cr_expect_not_null(strstr(text, "\"hooks_missing\":[\"connect6\"]}\n\n"));
	cr_expect_eq(strchr(text, '\n')[1], '\n', "one line");
}

Test(ctl, alerts)
{
	cr_expect_str_eq(ask(CTL_ALERTS), "\n");
	mock.alerts[0] = "{\"v\":1}\n";
	mock.alerts[1] = "";
	mock.alerts[2] = "{\"v\":2}\n";
	cr_expect_str_eq(ask(CTL_ALERTS),
			 "{\"v\":1}\n"
			 "{\"error\":\"a line cannot be made: Cannot allocate memory\"}\n"
			 "{\"v\":2}\n\n",
			 "one that cannot be shown does not hide the others");
}

Test(ctl, lines_of_every_size)
{
	static char big[3][CTL_OUT_MAX + 16];
	const char *text;
	size_t i;

	/* The longest that fits behind another, the longest at all, and one more. */
	for (i = 0; i < 3; i++)
		memset(big[i], 'x', sizeof(big[i]));
	memcpy(&big[0][60000], "\n", 2);
	memcpy(&big[1][CTL_OUT_MAX - 1], "\n", 2);
	memcpy(&big[2][CTL_OUT_MAX], "\n", 2);
	for (i = 0; i < 3; i++)
		mock.alerts[i] = big[i];
	text = ask(CTL_ALERTS);
	cr_assert_not_null(text);
	cr_expect_eq(strncmp(text, big[0], 60001), 0);
	cr_expect_eq(strncmp(text + 60001, big[1], CTL_OUT_MAX), 0);
	cr_expect_str_eq(text + 60001 + CTL_OUT_MAX,
			 "{\"error\":\"a line cannot be made: No space left on device\"}\n\n");
}

Test(ctl, a_long_answer_is_whole)
{
	const char *text;
	size_t n = 0;

	mock.accounts_times = 4000;
	text = ask(CTL_FLOWS);
	cr_assert_not_null(text);
	while ((text = strchr(text, '\n')) != NULL) {
		text++;
		n++;
	}
	cr_expect_eq(n, 4000 * 5 + 1);
}

/* ---- The parser ---- */

Test(ctl_req, parse)
{
	struct ctl_req req = { .verb = CTL_PS, .len = 4 }, ret = { .verb = 7, .len = 7 };
	size_t i;

	for (i = 0; i < sizeof(req); i++)
		cr_expect_eq(ctl_req_parse(&req, i, &ret), -EAGAIN);
	cr_expect_eq(ret.verb, 7, "untouched on failure");
	cr_expect_eq(ctl_req_parse(&req, sizeof(req), &ret), 0);
	cr_expect(ret.verb == CTL_PS && ret.len == 4);
}
