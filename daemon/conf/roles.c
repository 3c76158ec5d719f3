/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roles.c: `roles`: which executions begin a role. Everything that descends has it too, but that
 * is for the probes and tracking.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ci.h"
#include "base/secret_name.h"
#include "base/text.h"
#include "conf/node.h"
#include "conf/parts.h"

#include "base/poison.h"

/* What is being built, and how much of the kernel's tables it takes. */
struct roles {
	struct policy *policy;
	struct role *role;
	size_t globs, names, texts;
};

/* Of those that the daemon matches, over all roles: each costs time at every exec. */
#define TEXTS_MAX 256

static bool has_wildcard(const char *s)
{
	return strpbrk(s, "*?") != NULL;
}

/* The probes look plain names up; every other name and path is a glob to them. */
static bool is_plain_name(enum role_match_kind kind, const char *pattern)
{
	return kind == ROLE_MATCH_NAME && !has_wildcard(pattern);
}

/* Is there room for one more in the table that it goes to? */
static int match_room(struct doc *d, const struct at *at, struct roles *r,
		      const struct role_match *m)
{
	if (!role_match_in_kernel(m)) {
		if (++r->texts > TEXTS_MAX)
			return at_error(d, at,
					"expected at most %d entries other than names and paths "
					"over all roles",
					TEXTS_MAX);
	} else if (is_plain_name(m->kind, m->pattern)) {
		if (++r->names > OF_NAMES_MAX)
			return at_error(d, at, "expected at most %d names over all roles",
					OF_NAMES_MAX);
	} else if (++r->globs > OF_GLOBS_MAX) {
		return at_error(d, at, "expected at most %d globs and paths over all roles",
				OF_GLOBS_MAX);
	}
	return 0;
}

void match_set(struct role_match *ret, enum role_match_kind kind, const char *pattern)
{
	ret->kind = kind;
	ret->glob = has_wildcard(pattern);
	(void)snprintf(ret->pattern, sizeof(ret->pattern), "%s", pattern);
}

/* Adds it to the role; fails when the pattern or the tables have no room. */
static int match_add(struct doc *d, const struct at *at, struct roles *r, enum role_match_kind kind,
		     const char *pattern)
{
	struct role_match *m = &r->role->match[r->role->n];
	size_t most = is_plain_name(kind, pattern) ? OF_NAME_LEN - 1 : OF_PATTERN_LEN - 1;
	int err;

	if (strlen(pattern) > most)
		return at_error(d, at, "expected at most %zu characters", most);
	match_set(m, kind, pattern);
	err = match_room(d, at, r, m);
	if (err == 0)
		r->role->n++;
	return err;
}

int match_name(struct doc *d, const struct at *at, const char **ret)
{
	static const char want[] = "a file name or glob without '/'; 'exe' is for paths";
	int err = at_text(d, at, want, ret);

	if (err == 0 && strchr(*ret, '/') != NULL)
		err = at_expected(d, at, want);
	return err;
}

int match_exe(struct doc *d, const struct at *at, const char **ret)
{
	static const char want[] = "an absolute path or glob; 'name' is for file names";
	int err = at_text(d, at, want, ret);

	if (err == 0 && (*ret)[0] != '/' && (*ret)[0] != '*')
		err = at_expected(d, at, want);
	return err;
}

static int key_name(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	int err = match_name(d, at, &s);

	return err < 0 ? err : match_add(d, at, ret, ROLE_MATCH_NAME, s);
}

static int key_exe(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	int err = match_exe(d, at, &s);

	return err < 0 ? err : match_add(d, at, ret, ROLE_MATCH_EXE, s);
}

static int key_text(struct doc *d, const struct at *at, struct roles *r, enum role_match_kind kind,
		    const char *want)
{
	const char *s;
	int err = at_text(d, at, want, &s);

	if (err == 0 && s[0] == '\0')
		err = at_expected(d, at, want);
	return err < 0 ? err : match_add(d, at, r, kind, s);
}

static int key_argv(struct doc *d, const struct at *at, void *ret)
{
	return key_text(d, at, ret, ROLE_MATCH_ARGV,
			"a glob over all arguments, as \"*kics scan*\"");
}

static int key_cgroup(struct doc *d, const struct at *at, void *ret)
{
	return key_text(d, at, ret, ROLE_MATCH_CGROUP,
			"a glob over the path of a cgroup, as \"/ci.slice/*\"");
}

static int key_action(struct doc *d, const struct at *at, void *ret)
{
	return key_text(d, at, ret, ROLE_MATCH_ACTION,
			"the name of an action without a version, or a glob, as "
			"\"aquasecurity/*\"");
}

static size_t env_name_len(const char *s)
{
	return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
}

static int env_by_name(const void *x, const void *y)
{
	const struct env_variable *a = x, *b = y;

	return strcmp(a->name, b->name);
}

/* One variable more that the kernel tells. -ENOSPC: there are too many. */
static int env_put(struct policy *p, const char *name, enum of_env_kind kind)
{
	const struct env_variable *known = policy_env(p, name, strlen(name));
	struct env_variable *v;

	if (known != NULL) /* with its value, if one of those who name it wants that */
		return 0;
	if (p->env_n == OF_ENV_NAMES)
		return -ENOSPC;
	v = reallocarray(p->env, p->env_n + 1, sizeof(*p->env));
	if (v == NULL)
		return -ENOMEM;
	p->env = v;
	v += p->env_n++;
	*v = (struct env_variable){ .kind = kind };
	(void)snprintf(v->name, sizeof(v->name), "%s", name);
	qsort(p->env, p->env_n, sizeof(*p->env), env_by_name);
	return 0;
}

static int env_add(struct doc *d, const struct at *at, struct policy *p, const char *name,
		   enum of_env_kind kind)
{
	int err = env_put(p, name, kind);

	return err != -ENOSPC ? err
			      : at_error(d, at, "expected at most %d variables over all roles",
					 OF_ENV_NAMES - CI_VARIABLES_MAX);
}

static int key_env(struct doc *d, const struct at *at, void *ret)
{
	static const char want[] = "a variable and a glob for its value, as NAME=value";
	const struct env_variable *known;
	char name[OF_ENV_NAME];
	struct roles *r = ret;
	const char *s;
	bool secret;
	size_t len;
	int err = at_text(d, at, want, &s);

	if (err < 0)
		return err;
	len = env_name_len(s);
	if (len == 0 || (s[len] != '=' && s[len] != '\0'))
		return at_expected(d, at, want);
	if (len >= OF_ENV_NAME)
		return at_error(d, at, "expected a variable of at most %d characters",
				OF_ENV_NAME - 1);
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, s);
	s += len;
	s = *s == '=' ? s + 1 : "*";
	/* Of one that may hold a secret it is only told that it is there. Of those that a CI system
	 * sets it is known, whatever they are called. */
	known = policy_env(r->policy, name, len);
	secret = known == NULL ? secret_variable(name) : known->kind == OF_ENV_SET;
	if (secret && strcmp(s, "*") != 0)
		return at_error(
			d, at,
			"'%s' may hold a secret, whose value outflow does not read: expected "
			"\"%s=*\", that it is set",
			name, name);
	err = match_add(d, at, r, ROLE_MATCH_ENV, s);
	if (err < 0)
		return err;
	memcpy(r->role->match[r->role->n - 1].name, name, sizeof(name));
	return env_add(d, at, r->policy, name, secret ? OF_ENV_SET : OF_ENV_TEXT);
}

static int match_parse(struct doc *d, const struct at *at, void *arg)
{
	static const struct key keys[] = {
		{ .name = "name", .parse = key_name },
		{ .name = "exe", .parse = key_exe },
		{ .name = "argv", .parse = key_argv },
		{ .name = "env", .parse = key_env },
		{ .name = "cgroup", .parse = key_cgroup },
		{ .name = "action", .parse = key_action },
		{ .name = NULL },
	};
	char path[32 + OF_NAME_LEN];
	struct roles *r = arg;

	(void)snprintf(path, sizeof(path), "roles.%s.match", r->role->name);
	if (at->node->type == YAML_MAPPING_NODE && node_pairs(at->node) != 1)
		return doc_error(d, at->node, "%s: %zu keys in one entry, expected one", path,
				 node_pairs(at->node));
	return section_parse(d, path, keys, at->node, r);
}

static int key_match(struct doc *d, const struct at *at, void *ret)
{
	struct roles *r = ret;
	size_t n;

	if (at->node->type != YAML_SEQUENCE_NODE)
		return at_expected(d, at, "a list as [{name: trivy}, {exe: /opt/*/trivy}]");
	n = node_items(at->node);
	r->role->match = calloc(n > 0 ? n : 1, sizeof(*r->role->match));
	if (r->role->match == NULL)
		return -ENOMEM;
	return at_each(d, at, CONFIG_NODES_MAX, "a list", match_parse, r);
}

static int key_sha256(struct doc *d, const struct at *at, void *ret)
{
	struct roles *r = ret;

	if (at->node->type != YAML_SEQUENCE_NODE)
		return at_expected(d, at, "a list of SHA-256 sums");
	if (node_items(at->node) > 0)
		doc_warn(d, at->key, "role '%s': 'sha256' is not built yet, ignored",
			 r->role->name);
	return 0;
}

static int role_parse(struct doc *d, const struct at *at, struct roles *r)
{
	static const struct key keys[] = {
		{ .name = "match", .parse = key_match, .needed = true },
		{ .name = "sha256", .parse = key_sha256 },
		{ .name = "description", .parse = key_note },
		{ .name = NULL },
	};
	struct at name = { "", "roles", at->key, at->key, NULL };
	char path[32 + OF_NAME_LEN];
	const char *id;
	int err;

	err = at_id(d, &name, &id);
	if (err < 0)
		return err;
	r->role->name = strdup(id);
	if (r->role->name == NULL)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "roles.%s", id);
	err = section_parse(d, path, keys, at->node, r);
	if (err == 0 && r->role->n == 0)
		doc_warn(d, at->key, "role '%s' has nothing to match, no execution gets it", id);
	return err;
}

/* Lengths are in it by the NULs, and the number of matches by a byte that is no kind. */
static uint64_t roles_hash(const struct policy *p)
{
	const struct role_match *m;
	uint64_t h = FNV64_START;
	unsigned char kind;
	size_t i;

	for (i = 0; i < p->roles_n; i++) {
		h = fnv64(h, p->roles[i].name, strlen(p->roles[i].name) + 1); // NOLINT: all set
		for (m = p->roles[i].match; m < p->roles[i].match + p->roles[i].n; m++) {
			kind = (unsigned char)m->kind;
			h = fnv64(h, &kind, 1);
			h = fnv64(h, m->name, strlen(m->name) + 1);
			h = fnv64(h, m->pattern, strlen(m->pattern) + 1);
		}
		h = fnv64(h, "\xff", 1);
	}
	return h;
}

static uint64_t env_hash(const struct policy *p)
{
	uint64_t h = FNV64_START;
	unsigned char kind;
	size_t i;

	for (i = 0; i < p->env_n; i++) {
		kind = (unsigned char)p->env[i].kind;
		h = fnv64(h, &kind, 1);
		h = fnv64(h, p->env[i].name, strlen(p->env[i].name) + 1);
	}
	return h;
}

/* By which a pinned set is known to have been made for the same. */
static void ids_set(struct policy *p)
{
	p->roles_id = roles_hash(p);
	p->env_id = env_hash(p);
}

/* The variables of CI systems are always told. */
static int env_ci(struct policy *p)
{
	const char *name;
	size_t i;
	int err = 0;

	for (i = 0; err == 0 && (name = ci_variable(i)) != NULL; i++)
		err = env_put(p, name, OF_ENV_TEXT);
	return err;
}

int roles_parse(struct doc *d, const yaml_node_t *n, struct policy *ret)
{
	struct roles r = { .policy = ret };
	struct at at;
	size_t i;
	int err;

	err = env_ci(ret);
	if (err < 0)
		return err;
	ids_set(ret);
	if (n == NULL || node_is_empty(n))
		return 0;
	if (n->type != YAML_MAPPING_NODE)
		return doc_error(d, n, "roles: expected names with what they match");
	if (node_pairs(n) > OF_ROLES_MAX)
		return doc_error(d, n, "roles: %zu roles, expected at most %d", node_pairs(n),
				 OF_ROLES_MAX);
	ret->roles = calloc(OF_ROLES_MAX, sizeof(*ret->roles));
	if (ret->roles == NULL)
		return -ENOMEM;
	for (i = 0; i < node_pairs(n); i++) {
		err = node_key(d, "roles", n, i, &at);
		if (err < 0)
			return err;
		r.role = &ret->roles[ret->roles_n++];
		err = role_parse(d, &at, &r);
		if (err < 0)
			return err;
	}
	ids_set(ret);
	return 0;
}
