/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/endpoint.h"

#include <string.h>

#include "base/ip.h"

#include "base/poison.h"

/* What is asked about. */
struct question {
	const struct policy *policy;
	const struct account *account;
	const struct endpoint_names *names;
	bool settled;
	bool asks_proxy; /* for another far end */
	/* Its address is a proxy's: what it is asked for counts, not the address. */
	bool is_proxy;
};

static enum endpoint_verdict verdict(bool holds)
{
	return holds ? ENDPOINT_YES : ENDPOINT_NO;
}

static bool is_said(const struct endpoint_name *n)
{
	return n->source != OF_NAME_DNS;
}

static bool may_be_asked(const struct endpoint_name *n)
{
	return n->asked || n->maybe;
}

static bool sets_hold_address(const struct policy *p, uint64_t sets, const struct of_endpoint *to)
{
	size_t i;

	for (i = 0; i < p->sets_n; i++)
		if ((sets & (1ULL << i)) && endpoint_set_holds(&p->sets[i], to))
			return true;
	return false;
}

static bool sets_hold_name(const struct policy *p, uint64_t sets, const char *host, uint16_t port)
{
	size_t i;

	for (i = 0; i < p->sets_n; i++)
		if ((sets & (1ULL << i)) && endpoint_set_holds_name(&p->sets[i], host, port))
			return true;
	return false;
}

static bool sets_have_names(const struct policy *p, uint64_t sets)
{
	size_t i;

	for (i = 0; i < p->sets_n; i++)
		if ((sets & (1ULL << i)) && p->sets[i].has_names)
			return true;
	return false;
}

/* What is said inside a proxy's tunnel goes to the port of a target, whichever. */
static bool is_listed(const struct question *q, uint64_t sets, const struct endpoint_name *n)
{
	const struct endpoint_name *i;

	if (n->source == OF_NAME_CONNECT)
		return sets_hold_name(q->policy, sets, n->host, n->port);
	if (!q->asks_proxy || !is_said(n))
		return sets_hold_name(q->policy, sets, n->host, q->account->to.port);
	for (i = q->names->name; i < q->names->name + q->names->n; i++)
		if (i->source == OF_NAME_CONNECT &&
		    sets_hold_name(q->policy, sets, n->host, i->port))
			return true;
	return false;
}

/* For suspicion: whoever asks something that is no proxy says it to that itself. */
static bool may_be_listed(const struct question *q, uint64_t sets, const struct endpoint_name *n)
{
	return is_listed(q, sets, n) ||
	       sets_hold_name(q->policy, sets, n->host, q->account->to.port);
}

/* Of DNS those that were asked for. False: one is not listed, or there is none. */
static bool asked_are_listed(const struct question *q, uint64_t sets, bool confirmed)
{
	const struct endpoint_name *n;
	bool any = false;

	if (q->names->flags & NAMES_MORE_ASKED)
		return false;
	for (n = q->names->name; n < q->names->name + q->names->n; n++) {
		if (is_said(n) || !may_be_asked(n))
			continue;
		if (is_listed(q, sets, n) && (n->confirmed || !confirmed))
			any = true;
		else if (n->asked)
			return false;
	}
	return any;
}

/* Is `asked` what a host without a domain was found as, by way of a search list (resolv.conf(5))?
 */
static bool completes(const struct endpoint_name *asked, const char *host)
{
	size_t len = strlen(host);

	return !is_said(asked) && may_be_asked(asked) && strchr(host, '.') == NULL &&
	       strncmp(asked->host, host, len) == 0 && asked->host[len] == '.';
}

/* Who says a host without a domain means what it was completed to. */
static bool short_is_proved(const struct question *q, uint64_t sets, const struct endpoint_name *n)
{
	const struct endpoint_name *i;
	bool any = false;

	if (q->asks_proxy)
		return false;
	for (i = q->names->name; i < q->names->name + q->names->n; i++) {
		if (!completes(i, n->host))
			continue;
		if (is_listed(q, sets, i) && i->confirmed)
			any = true;
		else if (i->asked)
			return false;
	}
	return any;
}

static bool said_is_proved(const struct question *q, uint64_t sets, const struct endpoint_name *n)
{
	bool needs = !q->asks_proxy || n->source == OF_NAME_CONNECT;

	if (is_listed(q, sets, n) && (n->confirmed || !needs))
		return true;
	return short_is_proved(q, sets, n);
}

/* That the far end is in the sets, by its names. */
static bool names_prove(const struct question *q, uint64_t sets)
{
	const struct endpoint_names *names = q->names;
	const struct endpoint_name *n;
	size_t said = 0, targets = 0;

	if (names->flags & (NAMES_INVALID | NAMES_MORE | NAMES_UNHEARD))
		return false;
	for (n = names->name; n < names->name + names->n; n++) {
		if (!is_said(n))
			continue;
		if (!said_is_proved(q, sets, n))
			return false;
		said++;
		targets += n->source == OF_NAME_CONNECT;
	}
	/* The names of a proxy's own address say nothing of its target; who asks it has none to
	 * hide from the proxy. What asked in a way that is not read may have asked for anything. */
	if (q->asks_proxy)
		return targets > 0 && (names->flags & NAMES_SILENT) == 0;
	/* Nothing said is something else than nothing heard. */
	if (said == 0 && (names->flags & NAMES_READ) == 0)
		return false;
	if (said == 0 || (names->flags & NAMES_SILENT))
		return asked_are_listed(q, sets, true);
	return (names->flags & NAMES_ECH) == 0 || asked_are_listed(q, sets, false);
}

/* What makes it judged by its target. */
static bool address_counts(const struct question *q)
{
	return !(q->is_proxy && q->asks_proxy);
}

static enum endpoint_verdict judge_in(const struct question *q, uint64_t sets)
{
	const struct endpoint_name *n;

	for (n = q->names->name; n < q->names->name + q->names->n; n++)
		if (may_be_listed(q, sets, n))
			return ENDPOINT_YES;
	if (address_counts(q) && sets_hold_address(q->policy, sets, &q->account->to))
		return q->is_proxy && !q->settled ? ENDPOINT_LATER : ENDPOINT_YES;
	return !q->settled && sets_have_names(q->policy, sets) ? ENDPOINT_LATER : ENDPOINT_NO;
}

static enum endpoint_verdict judge_not_in(const struct question *q, uint64_t sets)
{
	if (address_counts(q) && sets_hold_address(q->policy, sets, &q->account->to))
		return q->is_proxy && !q->settled ? ENDPOINT_LATER : ENDPOINT_NO;
	if (!sets_have_names(q->policy, sets))
		return ENDPOINT_YES;
	return q->settled ? verdict(!names_prove(q, sets)) : ENDPOINT_LATER;
}

static bool was_asked_for(const struct endpoint_names *names, const char *host)
{
	const struct endpoint_name *n;

	for (n = names->name; n < names->name + names->n; n++)
		if (!is_said(n) && may_be_asked(n) &&
		    (strcmp(n->host, host) == 0 || completes(n, host)))
			return true;
	return false;
}

static uint32_t traits_of(const struct question *q)
{
	const struct endpoint_names *names = q->names;
	bool by_proxy = q->is_proxy && q->asks_proxy;
	uint32_t traits = TRAIT_NO_NAME;
	const struct endpoint_name *n;

	for (n = names->name; n < names->name + names->n; n++) {
		/* What led to a proxy is no name of its target. */
		if (is_said(n) || (may_be_asked(n) && !by_proxy))
			traits &= ~(uint32_t)TRAIT_NO_NAME;
		if (is_said(n) && !by_proxy && !was_asked_for(names, n->host))
			traits |= TRAIT_MISMATCH;
	}
	/* It may have been asked for, or said, and is not known. */
	if (names->flags & NAMES_MORE_ASKED)
		traits &= ~(uint32_t)TRAIT_MISMATCH;
	if (names->flags & NAMES_INVALID)
		traits &= ~(uint32_t)TRAIT_NO_NAME;
	if (names->flags & NAMES_ECH)
		traits |= TRAIT_ECH;
	return traits;
}

/* Of an overflow account, where nothing is seen singly, any may hold; other families have no names
 * that could be missing. */
static enum endpoint_verdict judge_traits(const struct question *q, const struct rule *r)
{
	const struct account *a = q->account;
	uint32_t traits = 0;

	if ((r->endpoint.traits | r->endpoint.traits_not) == 0 || (a->flags & OF_ACCOUNT_OVERFLOW))
		return ENDPOINT_YES;
	if (!q->settled)
		return ENDPOINT_LATER;
	if (a->to.family == OF_AF_INET || a->to.family == OF_AF_INET6)
		traits = traits_of(q);
	return verdict((traits & r->endpoint.traits) == r->endpoint.traits &&
		       (traits & r->endpoint.traits_not) == 0);
}

/* What a proxy is asked for: a name may be anywhere, an address tells where it is. */
static uint32_t target_classes(const struct question *q)
{
	uint32_t classes = CLASS_EXTERNAL | CLASS_INTERNAL;
	const struct endpoint_name *n;
	uint8_t addr[16];

	for (n = q->names->name; n < q->names->name + q->names->n; n++)
		if (n->source == OF_NAME_CONNECT && ip_parse(n->host, addr) == 0 &&
		    policy_is_metadata(q->policy, addr))
			classes |= CLASS_METADATA;
	return classes;
}

/* Whoever fills the account table, or asks a proxy, must not thereby choose the class of what is
 * not seen: it counts as any class that leaves the machine. */
static enum endpoint_verdict judge_class(const struct question *q, const struct rule *r)
{
	const uint32_t leaving =
		CLASS_EXTERNAL | CLASS_INTERNAL | CLASS_METADATA | CLASS_MULTICAST | CLASS_RAW;
	uint32_t classes = q->account->class;

	if (q->account->flags & OF_ACCOUNT_OVERFLOW)
		classes |= leaving;
	if (q->asks_proxy)
		classes |= target_classes(q);
	return verdict((r->endpoint.classes & classes) != 0);
}

static enum endpoint_verdict both(enum endpoint_verdict a, enum endpoint_verdict b)
{
	if (a == ENDPOINT_NO || b == ENDPOINT_NO)
		return ENDPOINT_NO;
	return a == ENDPOINT_LATER || b == ENDPOINT_LATER ? ENDPOINT_LATER : ENDPOINT_YES;
}

static enum endpoint_verdict either(enum endpoint_verdict a, enum endpoint_verdict b)
{
	if (a == ENDPOINT_YES || b == ENDPOINT_YES)
		return ENDPOINT_YES;
	return a == ENDPOINT_LATER || b == ENDPOINT_LATER ? ENDPOINT_LATER : ENDPOINT_NO;
}

/* Whether a proxy is asked is known when the names are. */
static enum endpoint_verdict or_later(const struct question *q, enum endpoint_verdict v)
{
	bool has_address = (q->account->class & (CLASS_UNKNOWN | CLASS_RESOLVER | CLASS_RAW)) == 0;

	return v == ENDPOINT_NO && !q->settled && has_address ? ENDPOINT_LATER : v;
}

/* Traffic to the machine itself and questions to its resolvers are not judged, unless a rule names
 * them, or a proxy here is asked for another far end. */
static enum endpoint_verdict is_judged(const struct question *q, enum endpoint_verdict named,
				       enum endpoint_verdict in)
{
	enum endpoint_class class = q->account->class;

	if (class != CLASS_SELF && class != CLASS_RESOLVER)
		return ENDPOINT_YES;
	if (class == CLASS_SELF && q->asks_proxy)
		return ENDPOINT_YES;
	return or_later(q, either(named, in));
}

enum endpoint_verdict endpoint_judge(const struct policy *p, const struct rule *r,
				     const struct account *a, const struct endpoint_names *names)
{
	static const struct endpoint_name nothing;
	const struct endpoint_names given = { .name = names->n > 0 ? names->name : &nothing,
					      .n = names->n,
					      .flags = names->flags };
	const struct question q = { .policy = p,
				    .account = a,
				    .names = &given, /* a list to walk, also when there is none */
				    .settled = (names->flags & NAMES_SETTLED) != 0,
				    .asks_proxy = (names->flags & NAMES_PROXY) != 0,
				    .is_proxy = policy_is_proxy(p, &a->to) };
	enum endpoint_verdict named = judge_class(&q, r), in = ENDPOINT_NO, ret;

	if (r->endpoint.in != 0)
		in = judge_in(&q, r->endpoint.in);
	ret = is_judged(&q, named, in);
	if (r->endpoint.classes != 0)
		ret = both(ret, or_later(&q, named));
	if (r->endpoint.in != 0)
		ret = both(ret, in);
	if (r->endpoint.not_in != 0 && ret != ENDPOINT_NO)
		ret = both(ret, judge_not_in(&q, r->endpoint.not_in));
	return ret == ENDPOINT_NO ? ret : both(ret, judge_traits(&q, r));
}
