/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * detect.c: every rule that is on, over every subject.
 */
#include "detect/detect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "detect/dns.h"
#include "detect/links.h"
#include "detect/windows.h"

#include "base/poison.h"

struct detect {
	const struct policy *policy;
	struct windows *windows;
	struct links *links;
	struct dns *dns;
};

int detect_new(const struct policy *policy, struct detect **ret)
{
	struct detect *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d == NULL)
		return err;
	d->policy = policy;
	err = windows_new(WINDOWS_MAX, &d->windows);
	if (err == 0)
		err = links_new(&policy->reconcile.rule, &d->links);
	if (err == 0)
		err = dns_new(policy, DNS_WINDOWS_MAX, DNS_SKETCHES_MAX, &d->dns);
	if (err < 0) {
		detect_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

void detect_free(struct detect *d)
{
	if (d == NULL)
		return;
	dns_free(d->dns);
	links_free(d->links);
	windows_free(d->windows);
	free(d);
}

static bool role_holds(const struct rule *r, const struct subject *s)
{
	return r->roles == OF_ROLE_ANY || (s->roles & r->roles) != 0;
}

static bool sets_hold(const struct policy *p, uint64_t sets, const struct of_endpoint *to)
{
	size_t i;

	for (i = 0; i < p->sets_n; i++)
		if ((sets & (1ULL << i)) && endpoint_set_holds(&p->sets[i], to))
			return true;
	return false;
}

/* Whoever fills the account table must not thereby choose the class of what is not seen singly: it
 * counts as any class that leaves the machine. */
static bool class_holds(const struct rule *r, const struct account *a)
{
	uint32_t classes = a->class;

	if (a->flags & OF_ACCOUNT_OVERFLOW)
		classes |= CLASS_EXTERNAL | CLASS_INTERNAL;
	return (r->endpoint.classes & classes) != 0;
}

/*
 * Traffic to the machine itself and questions to its resolvers are not judged, unless a rule names
 * them by class or by address.
 */
static bool endpoint_holds(const struct policy *p, const struct rule *r, const struct account *a)
{
	bool aside = a->class == CLASS_SELF || a->class == CLASS_RESOLVER;
	bool named = class_holds(r, a);
	bool in = r->endpoint.in != 0 && sets_hold(p, r->endpoint.in, &a->to);

	if (aside && !named && !in)
		return false;
	if (r->endpoint.classes != 0 && !named)
		return false;
	if (r->endpoint.in != 0 && !in)
		return false;
	return r->endpoint.not_in == 0 || !sets_hold(p, r->endpoint.not_in, &a->to);
}

uint64_t detect_root(const struct subject *s, uint64_t roles, enum rule_per per)
{
	const struct execution *who = s->account->who;
	struct ci_place place = ci_place_of(who, &s->via);

	if (per == PER_PROCESS)
		return who->process;
	if (place.ci != NULL && per == PER_STEP)
		return place.step;
	if (place.ci != NULL && (per == PER_JOB || (roles & OF_ROLE_ANY) != 0))
		return place.job;
	return lineage_root(who, roles)->exec_id;
}

static struct verdict_key key_of(const struct policy *p, const struct rule *r,
				 const struct subject *s, enum rule_per per)
{
	const struct account *a = s->account;
	struct verdict_key key = { .rule = (uint32_t)(r - p->rules), .per = per };

	if (per == PER_ENDPOINT)
		key.to = a->to;
	if (per == PER_ROLE || a->who == NULL)
		return key; /* the rule is its role */
	key.root = detect_root(s, r->roles, per);
	return key;
}

static void rule_run(struct detect *d, const struct rule *r, const struct subject *s, detect_fn *fn,
		     void *arg)
{
	const struct account *a = s->account;
	struct verdict v = { .rule = r, .subject = s, .sent = a->sent };

	if (r->off != NULL || r->has_dns || !role_holds(r, s) || !endpoint_holds(d->policy, r, a))
		return;
	/* The others had their turn. */
	if (s->kind == SUBJECT_GAINED && (r->roles & s->gained) == 0)
		return;
	if (!r->has_sent) {
		v.key = key_of(d->policy, r, s, PER_ENDPOINT);
		fn(arg, &v);
		return;
	}
	if (s->kind == SUBJECT_ATTEMPT)
		return;
	v.key = key_of(d->policy, r, s, r->sent.per);
	v.sent = windows_add(d->windows, &v.key, r->sent.within_ns, s->time_ns, s->delta);
	v.limit = r->sent.over;
	v.window_ns = r->sent.within_ns;
	if (v.sent > v.limit)
		fn(arg, &v);
}

void detect_subject(struct detect *d, const struct subject *s, detect_fn *fn, void *arg)
{
	size_t i;

	for (i = 0; i < d->policy->rules_n; i++)
		rule_run(d, &d->policy->rules[i], s, fn, arg);
}

void detect_link(struct detect *d, const struct of_rec_link *r, uint64_t time_ns, detect_fn *fn,
		 void *arg)
{
	if (!d->policy->reconcile.off && d->policy->reconcile.rule.sent.within_ns != 0)
		links_take(d->links, r, time_ns, fn, arg);
}

void detect_dns(struct detect *d, const struct subject *s, const struct of_rec_dns *r,
		detect_fn *fn, void *arg)
{
	dns_take(d->dns, s, r, fn, arg);
}

void detect_tick(struct detect *d, uint64_t time_ns, detect_fn *fn, void *arg)
{
	links_tick(d->links, time_ns, fn, arg);
}

const struct links *detect_links(const struct detect *d)
{
	return d->links;
}

struct detect_stats detect_stats(const struct detect *d)
{
	return (struct detect_stats){ .windows = windows_count(d->windows) + dns_count(d->dns),
				      .evicted = windows_evicted(d->windows) +
						 links_evicted(d->links) + dns_evicted(d->dns) };
}
