/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.c: what a compiled policy can be asked, and its end. Lineage is not its business.
 */
#include "outflow/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/ip.h"

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
		{ CLASS_SELF, "self" },
		{ CLASS_INTERNAL, "internal" },
		{ CLASS_EXTERNAL, "external" },
		{ CLASS_RESOLVER, "resolver" },
		{ CLASS_UNKNOWN, "unknown" },
		{ CLASS_METADATA, "metadata" },
		{ CLASS_MULTICAST, "multicast" },
		{ CLASS_RAW, "raw" },
		{ 0, NULL },
	};

	return name_of(names, (int)c);
}

const char *rule_per_name(enum rule_per per)
{
	static const struct number_name names[] = {
		{ PER_ENDPOINT, "endpoint" }, { PER_PROCESS, "process" },
		{ PER_LINEAGE, "lineage" },   { PER_ROLE, "role" },
		{ PER_STEP, "step" },	      { PER_JOB, "job" },
		{ PER_MACHINE, "machine" },   { 0, NULL },
	};

	return name_of(names, (int)per);
}

const char *policy_role_name(const struct policy *p, unsigned int bit)
{
	return bit < p->roles_n ? p->roles[bit].name : NULL;
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

static bool port_fits(const struct endpoint_match *m, uint16_t port)
{
	return port >= m->port_min && port <= m->port_max;
}

static bool any_holds(const struct endpoint_match *match, size_t n, const struct of_endpoint *to)
{
	size_t i;

	if (to->family != OF_AF_INET && to->family != OF_AF_INET6)
		return false;
	for (i = 0; i < n; i++)
		if (match[i].name == NULL && port_fits(&match[i], to->port) &&
		    cidr_holds(&match[i].net, to->addr))
			return true;
	return false;
}

bool endpoint_set_holds(const struct endpoint_set *set, const struct of_endpoint *to)
{
	return any_holds(set->match, set->n, to);
}

bool policy_is_metadata(const struct policy *p, const uint8_t addr[16])
{
	size_t i;

	for (i = 0; i < p->metadata_n; i++)
		if (cidr_holds(&p->metadata[i], addr))
			return true;
	return ip_is_metadata(addr);
}

bool policy_is_proxy(const struct policy *p, const struct of_endpoint *to)
{
	return any_holds(p->proxies, p->proxies_n, to);
}

/* "*.example.org" holds all that end in ".example.org". */
static bool name_fits(const char *pattern, const char *host, size_t len)
{
	size_t tail = strlen(pattern) - 1;

	if (pattern[0] != '*')
		return strcmp(pattern, host) == 0;
	return len > tail && strcmp(host + len - tail, pattern + 1) == 0;
}

bool endpoint_set_holds_name(const struct endpoint_set *set, const char *host, uint16_t port)
{
	const struct endpoint_match *m;
	size_t len = strlen(host);

	for (m = set->match; set->has_names && m < set->match + set->n; m++)
		if (m->name != NULL && port_fits(m, port) && name_fits(m->name, host, len))
			return true;
	return false;
}

static void rule_done(struct rule *r)
{
	size_t i;

	for (i = 0; i < POLICY_ATTACK_MAX; i++)
		free(r->attack[i]);
	for (i = 0; i < r->dns.except_n; i++)
		free(r->dns.except[i]);
	free(r->dns.except);
	free(r->process.match);
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
	free(p->env);
	free(p->internal);
	free(p->metadata);
	free(p->resolvers);
	for (i = 0; i < p->proxies_n; i++)
		free(p->proxies[i].name);
	free(p->proxies);
	*p = (struct policy){ 0 };
}
