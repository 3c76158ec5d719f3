/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.c: what a compiled policy can be asked, and its end. Lineage is not its business.
 */
#include "outflow/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "outflow/glob.h"

#include "base/poison.h"

struct number_name {
	int number;
	const char *name; /* NULL ends a table */
};

static const char *name_of(const struct number_name *names, int number)
{
	for (; names->name != NULL; names++)
		if (names->number == number)
			return names->name;
	return "unknown";
}

const char *severity_name(enum severity s)
{
	static const struct number_name names[] = {
		{ SEVERITY_CRITICAL, "critical" }, { SEVERITY_HIGH, "high" },
		{ SEVERITY_MEDIUM, "medium" },	   { SEVERITY_LOW, "low" },
		{ SEVERITY_INFO, "info" },	   { 0, NULL },
	};

	return name_of(names, (int)s);
}

const char *endpoint_class_name(enum endpoint_class c)
{
	static const struct number_name names[] = {
		{ CLASS_SELF, "self" },		{ CLASS_INTERNAL, "internal" },
		{ CLASS_EXTERNAL, "external" }, { CLASS_RESOLVER, "resolver" },
		{ CLASS_UNKNOWN, "unknown" },	{ 0, NULL },
	};

	return name_of(names, (int)c);
}

const char *rule_per_name(enum rule_per per)
{
	static const struct number_name names[] = {
		{ PER_ENDPOINT, "endpoint" },
		{ PER_PROCESS, "process" },
		{ PER_LINEAGE, "lineage" },
		{ PER_ROLE, "role" },
		{ 0, NULL },
	};

	return name_of(names, (int)per);
}

const char *policy_role_name(const struct policy *p, unsigned int bit)
{
	return bit < p->roles_n ? p->roles[bit].name : NULL;
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

uint64_t policy_roles_match(const struct policy *p, const char *name, const char *exe,
			    size_t exe_len)
{
	char own[OF_EXE_LEN], base[OF_EXE_LEN], path[OF_EXE_LEN] = { 0 };
	const struct role_match *m;
	const char *slash;
	uint64_t roles = 0;
	bool holds;
	size_t i;

	/* Of longer paths the tail is kept (abi.h). */
	if (exe_len > OF_EXE_LEN - 1) {
		exe += exe_len - (OF_EXE_LEN - 1);
		exe_len = OF_EXE_LEN - 1;
	}
	if (exe_len > 0)
		memcpy(path, exe, exe_len);
	slash = strrchr(path, '/');
	name_copy(own, name, strnlen(name, OF_NAME_LEN - 1));
	/* Started through a link of another name, it is still what the file is called. */
	name_copy(base, slash != NULL ? slash + 1 : path, strlen(slash != NULL ? slash + 1 : path));
	for (i = 0; i < p->roles_n; i++)
		for (m = p->roles[i].match; m < p->roles[i].match + p->roles[i].n; m++) {
			if (m->kind == ROLE_MATCH_NAME)
				holds = match_holds(m, own) ||
					(base[0] != '\0' && match_holds(m, base));
			else
				holds = path[0] != '\0' && match_holds(m, path);
			if (holds) {
				roles |= 1ULL << i;
				break;
			}
		}
	return roles;
}

/* A range of IPv6 holds no IPv4 address, though those are mapped into ::/80: who writes ::/0 means
 * IPv6. */
bool cidr_holds(const struct cidr *net, const uint8_t addr[16])
{
	size_t bytes = net->bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> (net->bits % 8));

	if (ip_is_v4(addr) && net->bits < 96)
		return false;
	if (memcmp(net->addr, addr, bytes) != 0)
		return false;
	return mask == 0 || ((net->addr[bytes] ^ addr[bytes]) & mask) == 0;
}

bool endpoint_set_holds(const struct endpoint_set *set, const struct of_endpoint *to)
{
	const struct endpoint_match *m;

	if (to->family != OF_AF_INET && to->family != OF_AF_INET6)
		return false;
	for (m = set->match; m < set->match + set->n; m++)
		if (m->name == NULL && to->port >= m->port_min && to->port <= m->port_max &&
		    cidr_holds(&m->net, to->addr))
			return true;
	return false;
}

static void rule_done(struct rule *r)
{
	size_t i;

	for (i = 0; i < POLICY_ATTACK_MAX; i++)
		free(r->attack[i]);
	free(r->id);
	free(r->off);
}

static void set_done(struct endpoint_set *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->match[i].name);
	free(s->match);
	free(s->name);
}

void policy_done(struct policy *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < p->rules_n; i++)
		rule_done(&p->rules[i]);
	for (i = 0; i < p->sets_n; i++)
		set_done(&p->sets[i]);
	for (i = 0; i < p->roles_n; i++) {
		free(p->roles[i].name);
		free(p->roles[i].match);
	}
	for (i = 0; i < p->reconcile.names_n; i++)
		free(p->reconcile.names[i]);
	free(p->reconcile.names);
	rule_done(&p->reconcile.rule);
	free(p->rules);
	free(p->sets);
	free(p->roles);
	free(p->internal);
	free(p->resolvers);
	*p = (struct policy){ 0 };
}
