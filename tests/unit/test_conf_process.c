/* SPDX-License-Identifier: BSD-2-Clause */
/* `process` in a rule: what it means, and what is said of mistakes. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/config.h"

#define PROCESS(c) "version: 1\nrules: [{id: a, when: {process: " c "}}]\n"

static struct config config;

static void stop(void)
{
	config_done(&config);
}

static const struct process_condition *parsed(const char *yaml)
{
	struct config_err e = { "" };

	cr_assert_eq(config_parse("t", yaml, strlen(yaml), &config, &e), 0, "%s", e.msg);
	cr_assert_eq(config.policy.rules_n, 1);
	cr_assert_null(config.policy.rules[0].off);
	cr_assert(config.policy.rules[0].has_process);
	return &config.policy.rules[0].process;
}

Test(conf_process, all_of_it, .fini = stop)
{
	const struct process_condition *c =
		parsed(PROCESS("{name: [curl, \"w*\"], exe: \"/tmp/**\", uid: [0, 1001], "
			       "memfd: true, deleted: false}"));

	cr_assert_eq(c->n, 3);
	cr_expect_eq(c->match[0].kind, ROLE_MATCH_NAME);
	cr_expect_not(c->match[0].glob);
	cr_expect_str_eq(c->match[0].pattern, "curl");
	cr_expect(c->match[1].glob);
	cr_expect_eq(c->match[2].kind, ROLE_MATCH_EXE);
	cr_expect_str_eq(c->match[2].pattern, "/tmp/**");
	cr_assert_eq(c->uids_n, 2);
	cr_expect_eq(c->uids[1], 1001);
	cr_expect_eq(c->file, OF_EXEC_MEMFD);
	cr_expect_eq(c->file_not, OF_EXEC_DELETED);
}

Test(conf_process, as_many_as_there_is_room_for, .fini = stop)
{
	char yaml[1024], *p = yaml;
	struct config_err e = { "" };
	int i;

	p += sprintf(p, "version: 1\nrules: [{id: a, when: {process: {name: [a0");
	for (i = 1; i < PROCESS_PATTERNS_MAX; i++)
		p += sprintf(p, ", a%d", i);
	(void)sprintf(p, "]}}}]\n");
	cr_expect_eq(parsed(yaml)->n, PROCESS_PATTERNS_MAX);
	config_done(&config);
	(void)sprintf(p, "], exe: /b}}}]\n");
	cr_expect_eq(config_parse("t", yaml, strlen(yaml), &config, &e), -EINVAL);
	cr_expect_not_null(strstr(e.msg, "rules[].when.process.exe: '/b': expected at most 64 "
					 "names and paths in a rule"),
			   "%s", e.msg);
}

struct bad {
	char yaml[160], msg[160];
};

ParameterizedTestParameters(conf_process, mistakes)
{
	static struct bad cases[] = {
		{ PROCESS("{}"), "t:2:33: rules[].when.process: a mapping: empty, expected name, "
				 "exe, uid, memfd or deleted" },
		{ PROCESS("{name: []}"),
		  "t:2:40: rules[].when.process.name: a list: empty, expected file names" },
		{ PROCESS("{name: /bin/a}"),
		  "t:2:40: rules[].when.process.name: '/bin/a': expected a file name or glob "
		  "without '/'; 'exe' is for paths" },
		{ PROCESS("{exe: a}"),
		  "t:2:39: rules[].when.process.exe: 'a': expected an absolute path or glob; "
		  "'name' is for file names" },
		{ PROCESS("{uid: root}"), "t:2:39: rules[].when.process.uid: 'root': expected the "
					  "number of a user, as id -u prints it" },
		{ PROCESS("{uid: [0, 4294967295]}"),
		  "t:2:43: rules[].when.process.uid: '4294967295': expected the number of a user, "
		  "as id -u prints it" },
		{ PROCESS("{memfd: 1}"),
		  "t:2:41: rules[].when.process.memfd: '1': expected true or false" },
		{ PROCESS("{nam: a}"),
		  "t:2:34: rules[].when.process: unknown key 'nam', did you mean 'name'?" },
	};

	return cr_make_param_array(struct bad, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad *c, conf_process, mistakes)
{
	struct config_err e = { "" };

	cr_expect_eq(config_parse("t", c->yaml, strlen(c->yaml), &config, &e), -EINVAL);
	cr_expect_str_eq(e.msg, c->msg);
	stop();
}
