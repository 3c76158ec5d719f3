/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * detect.c: every rule that is on, over every subject.
 */
#include "detect/detect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "detect/counted.h"
#include "detect/dns.h"
#include "detect/endpoint.h"
#include "detect/links.h"
#include "detect/process.h"
#include "detect/windows.h"

#include "base/poison.h"

struct detect {
	const struct policy *policy;
	struct windows *windows;
	struct counted *counted;
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
		err = counted_new(COUNTED_MAX, &d->counted);
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
	counted_free(d->counted);
	windows_free(d->windows);
	free(d);
}

static uint32_t rule_number(const struct policy *p, const struct rule *r)
{
	return (uint32_t)(r - p->rules);
}

static bool role_holds(const struct rule *r, const struct subject *s)
{
	return r->roles == OF_ROLE_ANY || (s->roles & r->roles) != 0;
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

/* A far end with a name is that name, wherever it leads. Whoever makes up names must not be able to
 * find one that passes for another. */
static void key_far_end(struct verdict_key *key, const struct account *a)
{
	uint8_t sum[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	if (a->label == NULL) {
		key->to = a->to;
		return;
	}
	key->to.port = a->to.port;
	key->to.proto = a->to.proto;
	sha256_init(&sha);
	sha256_update(&sha, strlen(a->label), (const uint8_t *)a->label);
	sha256_digest(&sha, sizeof(sum), sum);
	memcpy(key->name, sum, sizeof(key->name));
}

static struct verdict_key key_of(const struct policy *p, const struct rule *r,
				 const struct subject *s, enum rule_per per)
{
	const struct account *a = s->account;
	struct verdict_key key = { .rule = rule_number(p, r), .per = per };

	if (per == PER_ENDPOINT)
		key_far_end(&key, a);
	if (per == PER_ROLE || a->who == NULL)
		return key; /* the rule is its role */
	key.root = detect_root(s, r->roles, per);
	return key;
}

/* What counts by the far end's name waits until that is fixed. */
static enum endpoint_verdict judge(const struct detect *d, const struct rule *r,
				   const struct account *a, const struct endpoint_names *names)
{
	bool by_name = !r->has_sent || r->sent.per == PER_ENDPOINT;
	enum endpoint_verdict v = endpoint_judge(d->policy, r, a, names);

	if (v == ENDPOINT_YES && by_name && !(names->flags & NAMES_SETTLED))
		return ENDPOINT_LATER;
	return v;
}

/* May it be this rule's, whatever the far end? */
static bool concerns(const struct rule *r, const struct subject *s, struct process_asked *who)
{
	if (r->off != NULL || r->has_dns || !role_holds(r, s))
		return false;
	return (s->kind != SUBJECT_GAINED || (r->roles & s->gained) != 0) && process_holds(r, who);
}

/* The bytes that a rule which holds now has not counted. */
static uint64_t delta_of(const struct detect *d, const struct rule *r, const struct subject *s)
{
	uint64_t counted;

	if (s->kind != SUBJECT_NAMED)
		return s->delta;
	counted = counted_take(d->counted, s->account, rule_number(d->policy, r));
	return s->delta > counted ? s->delta - counted : 0;
}

static void rule_count(struct detect *d, const struct rule *r, const struct subject *s,
		       detect_fn *fn, void *arg)
{
	uint64_t delta = delta_of(d, r, s);
	struct verdict v = { .rule = r, .subject = s };

	if (s->kind == SUBJECT_ATTEMPT || (s->kind == SUBJECT_NAMED && delta == 0))
		return;
	v.key = key_of(d->policy, r, s, r->sent.per);
	v.sent = windows_add(d->windows, &v.key, r->sent.within_ns, s->time_ns, delta);
	v.limit = r->sent.over;
	v.window_ns = r->sent.within_ns;
	if (v.sent > v.limit)
		fn(arg, &v);
}

static void rule_run(struct detect *d, const struct rule *r, const struct subject *s,
		     struct process_asked *who, detect_fn *fn, void *arg)
{
	const struct account *a = s->account;
	struct verdict v = { .rule = r, .subject = s, .sent = a->sent };
	bool holds, held;

	if (!concerns(r, s, who))
		return;
	holds = judge(d, r, a, &a->names) == ENDPOINT_YES;
	/* Then it has had its turn for what the subject tells. */
	held = s->kind == SUBJECT_NAMED && judge(d, r, a, &s->before) == ENDPOINT_YES;
	if (held && !holds && r->has_sent)
		counted_note(d->counted, a, rule_number(d->policy, r), s->delta);
	if (!holds || held)
		return;
	if (r->has_sent) {
		rule_count(d, r, s, fn, arg);
		return;
	}
	v.key = key_of(d->policy, r, s, PER_ENDPOINT);
	fn(arg, &v);
}

void detect_subject(struct detect *d, const struct subject *s, detect_fn *fn, void *arg)
{
	struct process_asked who;
	size_t i;

	process_asked_begin(&who, s->account->who);
	for (i = 0; i < d->policy->rules_n; i++)
		rule_run(d, &d->policy->rules[i], s, &who, fn, arg);
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
						 links_evicted(d->links) + dns_evicted(d->dns) +
						 counted_evicted(d->counted) };
}
