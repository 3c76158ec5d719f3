/* SPDX-License-Identifier: BSD-2-Clause */
/* process_rule.c: `process` of a rule: what the execution that sent must be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/node.h"
#include "conf/parts.h"

#include "base/poison.h"

static int pattern_add(struct doc *d, const struct at *at, struct process_condition *c,
		       enum role_match_kind kind, const char *pattern)
{
	if (strlen(pattern) > OF_PATTERN_LEN - 1)
		return at_error(d, at, "expected at most %d characters", OF_PATTERN_LEN - 1);
	if (c->n == PROCESS_PATTERNS_MAX)
		return at_error(d, at, "expected at most %d names and paths in a rule",
				PROCESS_PATTERNS_MAX);
	if (c->match == NULL)
		c->match = calloc(PROCESS_PATTERNS_MAX, sizeof(*c->match));
	if (c->match == NULL)
		return -ENOMEM;
	match_set(&c->match[c->n++], kind, pattern);
	return 0;
}

static int name_parse(struct doc *d, const struct at *at, void *arg)
{
	const char *s;
	int err = match_name(d, at, &s);

	return err < 0 ? err : pattern_add(d, at, arg, ROLE_MATCH_NAME, s);
}

static int exe_parse(struct doc *d, const struct at *at, void *arg)
{
	const char *s;
	int err = match_exe(d, at, &s);

	return err < 0 ? err : pattern_add(d, at, arg, ROLE_MATCH_EXE, s);
}

static int uid_parse(struct doc *d, const struct at *at, void *arg)
{
	const struct key spec = { .name = "uid",
				  .max = UINT32_MAX - 1,
				  .want = "the number of a user, as id -u prints it" };
	struct process_condition *c = arg;
	struct at item = *at;

	item.spec = &spec;
	return key_count(d, &item, &c->uids[c->uids_n++]);
}

static int key_name(struct doc *d, const struct at *at, void *ret)
{
	return at_some(d, at, PROCESS_PATTERNS_MAX, "file names", name_parse, ret);
}

static int key_exe(struct doc *d, const struct at *at, void *ret)
{
	return at_some(d, at, PROCESS_PATTERNS_MAX, "paths", exe_parse, ret);
}

static int key_uid(struct doc *d, const struct at *at, void *ret)
{
	return at_some(d, at, PROCESS_UIDS_MAX, "numbers of users", uid_parse, ret);
}

/* Its flag is the `min` of its line. */
static int key_file(struct doc *d, const struct at *at, void *ret)
{
	struct process_condition *c = ret;
	bool holds = false;
	int err = at_bool(d, at, &holds);

	if (err < 0)
		return err;
	if (holds)
		c->file |= (uint32_t)at->spec->min;
	else
		c->file_not |= (uint32_t)at->spec->min;
	return 0;
}

int process_condition_parse(struct doc *d, const struct at *at, struct process_condition *ret)
{
	static const struct key keys[] = {
		{ .name = "name", .parse = key_name },
		{ .name = "exe", .parse = key_exe },
		{ .name = "uid", .parse = key_uid },
		{ .name = "memfd", .parse = key_file, .min = OF_EXEC_MEMFD },
		{ .name = "deleted", .parse = key_file, .min = OF_EXEC_DELETED },
		{ .name = NULL },
	};

	if (at->node->type == YAML_MAPPING_NODE && node_pairs(at->node) == 0)
		return at_error(d, at, "empty, expected name, exe, uid, memfd or deleted");
	return section_parse(d, "rules[].when.process", keys, at->node, ret);
}
