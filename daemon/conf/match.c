/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.c: the roles that an execution earns by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ci.h"
#include "base/text.h"
#include "outflow/glob.h"
#include "outflow/policy.h"

#include "base/poison.h"

bool role_match_in_kernel(const struct role_match *m)
{
	return m->kind == ROLE_MATCH_NAME || m->kind == ROLE_MATCH_EXE;
}

bool policy_roles_need_texts(const struct policy *p)
{
	size_t i, j;

	for (i = 0; i < p->roles_n; i++)
		for (j = 0; j < p->roles[i].n; j++)
			if (!role_match_in_kernel(&p->roles[i].match[j]))
				return true;
	return false;
}

/* Both buffers are as large as of_glob_step() wants them. */
static bool glob_matches(const char pattern[OF_PATTERN_LEN], const char text[OF_EXE_LEN])
{
	struct of_glob g = { 0 };
	enum of_glob_result r = OF_GLOB_MORE;
	int i;

	for (i = 0; i < OF_GLOB_STEPS && r == OF_GLOB_MORE; i++)
		r = of_glob_step(&g, pattern, text);
	return r == OF_GLOB_MATCH;
}

static bool match_holds(const struct role_match *m, const char text[OF_EXE_LEN])
{
	return m->glob ? glob_matches(m->pattern, text) : strcmp(m->pattern, text) == 0;
}

/* A buffer as the matcher wants it. A file name is at most 255 bytes long (NAME_MAX). */
static void name_copy(char ret[OF_EXE_LEN], const char *name, size_t len)
{
	if (len > OF_EXE_LEN - 1)
		len = OF_EXE_LEN - 1;
	memset(ret, 0, OF_EXE_LEN);
	memcpy(ret, name, len);
}

void exec_texts_fill(struct exec_texts *ret, const char *name, const char *exe, size_t exe_len)
{
	const char *slash;

	/* Of longer paths the tail is kept (abi.h). */
	if (exe_len > OF_EXE_LEN - 1) {
		exe += exe_len - (OF_EXE_LEN - 1);
		exe_len = OF_EXE_LEN - 1;
	}
	memset(ret->exe, 0, sizeof(ret->exe));
	if (exe_len > 0)
		memcpy(ret->exe, exe, exe_len);
	slash = strrchr(ret->exe, '/');
	name_copy(ret->name, name, strnlen(name, OF_NAME_LEN - 1));
	/* Started through a link of another name, it is still what the file is called. */
	slash = slash != NULL ? slash + 1 : ret->exe;
	name_copy(ret->base, slash, strlen(slash));
}

bool exec_texts_match(const struct exec_texts *t, const struct role_match *m)
{
	if (m->kind == ROLE_MATCH_NAME)
		return match_holds(m, t->name) || (t->base[0] != '\0' && match_holds(m, t->base));
	return m->kind == ROLE_MATCH_EXE && t->exe[0] != '\0' && match_holds(m, t->exe);
}

uint64_t policy_roles_match(const struct policy *p, const char *name, const char *exe,
			    size_t exe_len)
{
	const struct role_match *m;
	struct exec_texts texts;
	uint64_t roles = 0;
	size_t i;

	exec_texts_fill(&texts, name, exe, exe_len);
	for (i = 0; i < p->roles_n; i++)
		for (m = p->roles[i].match; m < p->roles[i].match + p->roles[i].n; m++)
			if (exec_texts_match(&texts, m)) {
				roles |= 1ULL << i;
				break;
			}
	return roles;
}

static bool text_holds(const struct role_match *m, const char *text, size_t len)
{
	return text_glob(m->pattern, text, len);
}

/* The first variable of a name counts, as for getenv(3). */
static bool env_holds(const struct role_match *m, const char *env, size_t env_len)
{
	size_t name_len = strlen(m->name), i, n;

	for (i = 0; i < env_len; i += n + 1) {
		n = strnlen(env + i, env_len - i);
		if (n > name_len && env[i + name_len] == '=' &&
		    memcmp(env + i, m->name, name_len) == 0)
			return text_holds(m, env + i + name_len + 1, n - name_len - 1);
	}
	return false;
}

/* The last argument's NUL is no space behind it. */
static bool argv_holds(const struct role_match *m, const char *argv, size_t len)
{
	if (len > 0 && argv[len - 1] == '\0')
		len--;
	return text_holds(m, argv, len);
}

static bool texts_hold(const struct role_match *m, const struct role_texts *t)
{
	switch (m->kind) {
	case ROLE_MATCH_NAME:
	case ROLE_MATCH_EXE:
		return false;
	case ROLE_MATCH_ARGV:
		return t->argv_len > 0 && argv_holds(m, t->argv, t->argv_len);
	case ROLE_MATCH_ENV:
		return env_holds(m, t->env, t->env_len);
	case ROLE_MATCH_CGROUP:
		return t->cgroup != NULL && text_holds(m, t->cgroup, strlen(t->cgroup));
	case ROLE_MATCH_ACTION:
		return ci_action_matches(t->ci, m->pattern);
	}
	return false;
}

uint64_t policy_roles_match_texts(const struct policy *p, const struct role_texts *t)
{
	const struct role_match *m;
	uint64_t roles = 0;
	size_t i;

	for (i = 0; i < p->roles_n; i++)
		for (m = p->roles[i].match; m < p->roles[i].match + p->roles[i].n; m++)
			if (texts_hold(m, t)) {
				roles |= 1ULL << i;
				break;
			}
	return roles;
}

struct env_key {
	const char *name;
	size_t len;
};

static int by_name(const void *key, const void *variable)
{
	const struct env_key *k = key;
	const struct env_variable *v = variable;
	int order = strncmp(k->name, v->name, k->len);

	return order != 0 ? order : -(v->name[k->len] != '\0');
}

const struct env_variable *policy_env(const struct policy *p, const char *name, size_t len)
{
	struct env_key key = { name, len };

	if (p->env_n == 0 || len >= OF_ENV_NAME)
		return NULL;
	return bsearch(&key, p->env, p->env_n, sizeof(*p->env), by_name);
}
