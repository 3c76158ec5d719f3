/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "track/private.h"

#include "base/poison.h"

#define OWN_MAX	      4096 /* addresses of this machine; four times what the engine tells */
#define RESOLVERS_MAX 64
#define DNS_PORT      53

struct own {
	uint8_t addr[16];
	uint32_t netns;
};

struct places {
	const struct policy *policy;
	size_t own_n, resolvers_n;
	struct own own[OWN_MAX];
	uint8_t resolvers[RESOLVERS_MAX][16];
};

int places_new(const struct policy *policy, struct places **ret)
{
	struct places *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->policy = policy;
	*ret = p;
	return 0;
}

void places_free(struct places *p)
{
	free(p);
}

void places_own(struct places *p, const uint8_t addr[16], uint32_t netns, bool gone)
{
	size_t i;

	for (i = 0; i < p->own_n; i++)
		if (p->own[i].netns == netns && memcmp(p->own[i].addr, addr, 16) == 0)
			break;
	if (i < p->own_n && gone) {
		p->own[i] = p->own[--p->own_n];
	} else if (i == p->own_n && !gone && i < OWN_MAX) {
		memcpy(p->own[i].addr, addr, 16);
		p->own[i].netns = netns;
		p->own_n++;
	}
}

void places_resolver(struct places *p, const uint8_t addr[16])
{
	size_t i;

	for (i = 0; i < p->resolvers_n; i++)
		if (memcmp(p->resolvers[i], addr, 16) == 0)
			return;
	if (p->resolvers_n < RESOLVERS_MAX)
		memcpy(p->resolvers[p->resolvers_n++], addr, 16);
}

static bool is_resolver(const struct places *p, const struct of_endpoint *to)
{
	size_t i;

	if (p->policy->resolvers_set) {
		for (i = 0; i < p->policy->resolvers_n; i++)
			if (p->policy->resolvers[i].port == to->port &&
			    memcmp(p->policy->resolvers[i].addr, to->addr, 16) == 0)
				return true;
		return false;
	}
	if (to->port != DNS_PORT)
		return false;
	for (i = 0; i < p->resolvers_n; i++)
		if (memcmp(p->resolvers[i], to->addr, 16) == 0)
			return true;
	return false;
}

/* netns 0: not known. Then the addresses of every netns are taken for own: an attempt to reach one
 * does not leave the machine. */
static bool is_own(const struct places *p, const struct of_endpoint *to, uint32_t netns)
{
	size_t i;

	for (i = 0; i < p->own_n; i++)
		if ((netns == 0 || p->own[i].netns == netns) &&
		    memcmp(p->own[i].addr, to->addr, 16) == 0)
			return true;
	return false;
}

static bool is_in(const struct cidr *nets, size_t n, const uint8_t addr[16])
{
	size_t i;

	for (i = 0; i < n; i++)
		if (cidr_holds(&nets[i], addr))
			return true;
	return false;
}

static bool is_nowhere(const struct of_endpoint *to)
{
	return (to->family != OF_AF_INET && to->family != OF_AF_INET6) ||
	       ip_is_unspecified(to->addr);
}

bool places_is_self(const struct places *p, const struct of_endpoint *to, uint32_t netns)
{
	return to->self || ip_is_loopback(to->addr) || is_own(p, to, netns);
}

enum endpoint_class places_class(const struct places *p, const struct of_endpoint *to,
				 uint32_t netns, uint32_t account_flags)
{
	const struct policy *policy = p->policy;

	if (account_flags & OF_ACCOUNT_OVERFLOW)
		return CLASS_UNKNOWN;
	if (to->family == OF_AF_PACKET)
		return CLASS_RAW;
	if (is_nowhere(to))
		return CLASS_UNKNOWN;
	if (is_resolver(p, to))
		return CLASS_RESOLVER;
	if (places_is_self(p, to, netns))
		return CLASS_SELF;
	if (policy_is_metadata(policy, to->addr))
		return CLASS_METADATA;
	if (ip_is_multicast(to->addr))
		return CLASS_MULTICAST;
	return is_in(policy->internal, policy->internal_n, to->addr) ? CLASS_INTERNAL
								     : CLASS_EXTERNAL;
}
