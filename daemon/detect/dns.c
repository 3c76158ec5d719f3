/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.c: names asked for, by the rules with `dns`.
 *
 * What looks like a tunnel and is none: an address written as labels, for lists of addresses
 * (2.0.0.127.zen.spamhaus.org, 32 nibbles). It carries the 4 or 16 octets of the address and is
 * counted as these, not as up to 64 characters: not left out, for a tunnel may write its data so,
 * too. Of a reverse lookup (9.113.0.203.in-addr.arpa) what is below the network of who answers can
 * be chosen: an octet in the IPv4 networks that have a zone of their own, which is not counted,
 * else a scan of a network would be a tunnel; 8 octets in those of IPv6, which are. Lookups of
 * hashes at a reputation service carry what a tunnel carries, and only the owner of the name tells
 * them apart: `except`.
 *
 * What is no DNS at all counts by `malformed` alone.
 */
#include "detect/dns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/ip.h"
#include "base/list.h"
#include "base/table.h"
#include "detect/distinct.h"
#include "detect/process.h"

#include "base/poison.h"

#define PARTS (DISTINCT_PARTS - 1)

struct counts {
	uint64_t queries, txt, sent, name_bytes, answer_bytes, opaque_bytes, malformed;
};

struct window {
	struct table_node node;
	struct verdict_key key;
	uint64_t newest; /* number of the part that is filling, counted from time 0 */
	struct counts part[DISTINCT_PARTS], sum; /* number n is at n % DISTINCT_PARTS */
	uint64_t early[DNS_EARLY]; /* hashes of its first names, until it has a sketch */
	size_t early_n;
	uint64_t carry;	       /* less than an octet, in 1/DISTINCT_BITS */
	struct sketch *sketch; /* NULL: it has none, or lost it to another */
};

struct sketch {
	struct list used; /* in dns.used, the latest last */
	struct window *window;
	struct distinct names;
};

struct dns {
	const struct policy *policy;
	struct table windows;
	struct list used;
	size_t sketches, sketches_max;
	uint64_t evicted;
};

/* What there is to know of a question, once for all rules. */
struct asked {
	const struct of_rec_dns *r;
	const struct subject *s;
	const char *suffix;
	bool foreign, malformed;
	bool stays; /* on this machine */
	/* Of the part below the registered domain, and of the whole name. */
	struct part {
		uint8_t octets[OF_HOST_LEN]; /* those that are here */
		size_t len;
		size_t all; /* with those that were cut off */
		uint64_t hash;
	} below, whole;
};

static bool same_key(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct window, node)->key, key,
		      sizeof(struct verdict_key)) == 0;
}

int dns_new(const struct policy *policy, size_t windows, size_t sketches, struct dns **ret)
{
	struct dns *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d != NULL)
		err = table_init(&d->windows, windows, same_key);
	if (err < 0) {
		free(d);
		return err;
	}
	d->policy = policy;
	d->sketches_max = sketches;
	list_init(&d->used);
	*ret = d;
	return 0;
}

static void sketch_drop(struct dns *d, struct sketch *k)
{
	list_del(&k->used);
	k->window->sketch = NULL;
	d->sketches--;
	free(k);
}

static void window_drop(struct dns *d, struct window *w)
{
	if (w->sketch != NULL)
		sketch_drop(d, w->sketch);
	table_del(&d->windows, &w->node);
	free(w);
}

void dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	while (d->windows.oldest != NULL)
		window_drop(d, table_entry(d->windows.oldest, struct window, node));
	table_done(&d->windows);
	free(d);
}

/* ---- What a name carries ---- */

/* One character of a label as it is written; *at moves behind it. */
static uint8_t octet_next(const char **at)
{
	const char *c = *at;

	if (c[0] != '\\' || c[1] < '0' || c[1] > '2' || c[2] < '0' || c[2] > '9' || c[3] < '0' ||
	    c[3] > '9') {
		*at = c + 1;
		return (uint8_t)c[0];
	}
	*at = c + 4;
	return (uint8_t)((c[1] - '0') * 100 + (c[2] - '0') * 10 + c[3] - '0');
}

/* Octets in labels from `at` to `end`, at most `room`; dots are none. */
static size_t octets_of(const char *at, const char *end, uint8_t *ret, size_t room)
{
	uint8_t octet;
	size_t n = 0;
	bool dot;

	while (at < end && n < room) {
		dot = *at == '.';
		octet = octet_next(&at);
		if (!dot)
			ret[n++] = octet;
	}
	return n;
}

/* 0 to 255 without leading zeros, as a label. Its length with the dot; 0: it is none. */
static size_t decimal_label(const char *at, uint8_t *ret)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < 3 && at[i] >= '0' && at[i] <= '9'; i++)
		n = n * 10 + (unsigned int)(at[i] - '0');
	if (i == 0 || at[i] != '.' || n > 255 || (i > 1 && at[0] == '0'))
		return 0;
	*ret = (uint8_t)n;
	return i + 1;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The address that a name begins with, last octet or nibble first (RFC 1035 section 3.5, RFC 3596
 * section 2.5, RFC 5782 section 2). Its octets in *ret_n; returns what stands behind it. */
static const char *address_of(const char *name, uint8_t ret[16], size_t *ret_n)
{
	const char *at = name;
	size_t i, len;

	for (i = 0; i < 32 && nibble(at[0]) >= 0 && at[1] == '.'; i++, at += 2)
		ret[i / 2] =
			(uint8_t)(i % 2 == 0 ? nibble(at[0]) : ret[i / 2] | nibble(at[0]) << 4);
	*ret_n = 16;
	if (i == 32)
		return at;
	*ret_n = 4;
	for (i = 0, at = name; i < 4; i++, at += len) {
		len = decimal_label(at, &ret[i]);
		if (len == 0)
			break;
	}
	if (i == 4)
		return at;
	*ret_n = 0;
	return name;
}

/* A whole address and nothing else, asked for its name: how many octets of it count. */
static bool reverse_of(const char *behind, struct part *ret)
{
	if (ret->len == 4 && strcmp(behind, "in-addr.arpa") == 0)
		ret->len = 0;
	else if (ret->len == 16 && strcmp(behind, "ip6.arpa") == 0)
		ret->len = 8; /* the lowest stand first */
	else
		return false;
	return true;
}

/* `rest`: octets that belong to the name and are not in this part. */
static void part_of(const struct dns *d, const struct of_rec_dns *r, const char *end, size_t rest,
		    struct part *ret)
{
	const char *at = address_of(r->name, ret->octets, &ret->len);
	size_t told = r->name_octets, wire = r->labels + 1U + rest;

	if (!reverse_of(at, ret))
		ret->len +=
			octets_of(at, end, ret->octets + ret->len, sizeof(ret->octets) - ret->len);
	ret->all = ret->len;
	/* The text keeps the end of a long name; the octets of all of it are told. */
	if (at == r->name && told > wire && told - wire > ret->len)
		ret->all = told - wire;
	ret->hash = table_hash(&d->windows, r->name, (size_t)(end - r->name));
	ret->hash ^= ret->all * 0x9e3779b97f4a7c15ULL;
}

static void asked_of(const struct dns *d, const struct subject *s, const struct of_rec_dns *r,
		     struct asked *ret)
{
	const char *end = r->name + strlen(r->name);
	uint8_t octets[OF_HOST_LEN];
	const char *suffix = r->name + r->suffix;

	ret->r = r;
	ret->s = s;
	ret->suffix = suffix;
	ret->foreign = (s->account->class & (CLASS_RESOLVER | CLASS_SELF)) == 0;
	ret->malformed = (r->flags & OF_DNS_MALFORMED) != 0;
	ret->stays = s->account->to.self || ip_is_loopback(s->account->to.addr) ||
		     s->account->class == CLASS_SELF;
	part_of(d, r, suffix, octets_of(suffix, end, octets, sizeof(octets)), &ret->below);
	part_of(d, r, end, 0, &ret->whole);
}

/* Types that may carry anything, or a name that does: they are asked for by few but tunnels. KEY
 * and the private ones are what dns2tcp and iodine have besides. */
static bool carries_text(uint16_t type)
{
	switch (type) {
	case 5:	 /* CNAME */
	case 10: /* NULL */
	case 15: /* MX */
	case 16: /* TXT */
	case 25: /* KEY */
	case 33: /* SRV */
		return true;
	default:
		return type >= 65280 && type < 65535; /* RFC 6895 section 3.1 */
	}
}

/* ---- Windows ---- */

static void counts_sub(struct counts *sum, const struct counts *c)
{
	sum->queries -= c->queries;
	sum->txt -= c->txt;
	sum->sent -= c->sent;
	sum->name_bytes -= c->name_bytes;
	sum->answer_bytes -= c->answer_bytes;
	sum->opaque_bytes -= c->opaque_bytes;
	sum->malformed -= c->malformed;
}

static struct window *window_find(struct dns *d, const struct verdict_key *key, uint64_t hash)
{
	struct table_node *node = table_find(&d->windows, hash, key);

	return node == NULL ? NULL : table_entry(node, struct window, node);
}

static struct window *window_get(struct dns *d, const struct verdict_key *key, bool make)
{
	uint64_t hash = table_hash(&d->windows, key, sizeof(*key));
	struct window *w = window_find(d, key, hash);

	if (w != NULL || !make)
		return w;
	w = calloc(1, sizeof(*w));
	if (w == NULL) {
		d->evicted++;
		return NULL;
	}
	if (d->windows.n >= d->windows.max && d->windows.oldest != NULL) {
		window_drop(d, table_entry(d->windows.oldest, struct window, node));
		d->evicted++;
	}
	w->key = *key;
	(void)table_add(&d->windows, &w->node, hash);
	return w;
}

/* Moves on to part `number`; what falls out is over. */
static void window_advance(struct window *w, uint64_t number)
{
	uint64_t steps = number - w->newest, i;
	size_t at;

	if (steps > DISTINCT_PARTS)
		steps = DISTINCT_PARTS;
	for (i = 1; i <= steps; i++) {
		at = (number - steps + i) % DISTINCT_PARTS;
		counts_sub(&w->sum, &w->part[at]);
		w->part[at] = (struct counts){ 0 };
		if (w->sketch != NULL)
			distinct_turn(&w->sketch->names, at);
	}
	w->newest = number;
	if (w->sum.queries == 0)
		w->early_n = 0;
}

static struct sketch *sketch_new(struct dns *d, struct window *w)
{
	struct sketch *k = calloc(1, sizeof(*k));
	uint32_t weight;
	size_t i;

	if (k == NULL) {
		d->evicted++;
		return NULL;
	}
	if (d->sketches >= d->sketches_max && !list_empty(&d->used)) {
		sketch_drop(d, list_entry(list_first(&d->used), struct sketch, used));
		d->evicted++;
	}
	k->window = w;
	w->sketch = k;
	list_init(&k->used);
	d->sketches++;
	distinct_start(&k->names);
	for (i = 0; i < w->early_n; i++)
		(void)distinct_mark(&k->names, w->newest % DISTINCT_PARTS, w->early[i], &weight);
	return k;
}

/* Few names are compared one by one: most windows never see more. */
static bool early_is_new(struct window *w, uint64_t hash)
{
	size_t i;

	for (i = 0; i < w->early_n; i++)
		if (w->early[i] == hash)
			return false;
	w->early[w->early_n++] = hash;
	return true;
}

/* How many octets of names that were not asked for before in the window this one brings. */
static uint64_t name_add(struct dns *d, struct window *w, const struct part *p)
{
	size_t at = w->newest % DISTINCT_PARTS;
	uint32_t weight;
	uint64_t n;

	if (w->sketch == NULL && w->early_n < DNS_EARLY)
		return early_is_new(w, p->hash) ? p->all : 0;
	if (w->sketch == NULL && sketch_new(d, w) == NULL)
		return p->all;
	list_add(&d->used, &w->sketch->used);
	if (!distinct_mark(&w->sketch->names, at, p->hash, &weight))
		return 0;
	distinct_octets(&w->sketch->names, at, p->octets, p->len);
	n = p->all * weight + w->carry;
	w->carry = n % DISTINCT_BITS;
	return n / DISTINCT_BITS;
}

static void query_add(struct dns *d, struct window *w, const struct rule *rule,
		      const struct asked *a)
{
	struct counts c = { .queries = 1, .txt = carries_text(a->r->type), .sent = a->r->octets };
	struct counts *part = &w->part[w->newest % DISTINCT_PARTS];

	c.name_bytes = name_add(d, w, rule->dns.by == DNS_BY_SERVER ? &a->whole : &a->below);
	part->queries += c.queries;
	part->txt += c.txt;
	part->sent += c.sent;
	part->name_bytes += c.name_bytes;
	w->sum.queries += c.queries;
	w->sum.txt += c.txt;
	w->sum.sent += c.sent;
	w->sum.name_bytes += c.name_bytes;
}

static void answer_add(struct window *w, const struct of_rec_dns *r)
{
	struct counts *part = &w->part[w->newest % DISTINCT_PARTS];

	part->answer_bytes += r->octets;
	part->opaque_bytes += r->opaque;
	w->sum.answer_bytes += r->octets;
	w->sum.opaque_bytes += r->opaque;
}

static void malformed_add(struct window *w, const struct of_rec_dns *r)
{
	struct counts *part = &w->part[w->newest % DISTINCT_PARTS];
	uint64_t n = 1;

	if (r->octets > DNS_MALFORMED_OCTETS)
		n = (r->octets + DNS_MALFORMED_OCTETS - 1ULL) / DNS_MALFORMED_OCTETS;
	part->malformed += n;
	part->sent += r->octets;
	w->sum.malformed += n;
	w->sum.sent += r->octets;
}

/* ---- Rules ---- */

static void told_of(const struct window *w, struct dns_told *ret)
{
	const struct counts *c = &w->sum;

	ret->queries = c->queries;
	ret->names = w->sketch != NULL ? distinct_count(&w->sketch->names) : w->early_n;
	ret->name_bytes = c->name_bytes;
	ret->answer_bytes = c->answer_bytes;
	ret->opaque_bytes = c->opaque_bytes;
	ret->entropy = w->sketch != NULL ? distinct_entropy(&w->sketch->names) : 0;
	ret->malformed = c->malformed;
	ret->txt_share = c->queries == 0 ? 0 : (uint32_t)(c->txt * 100 / c->queries);
}

static bool above(uint64_t n, uint64_t limit)
{
	return limit == 0 || n > limit;
}

/* The cheap ones first: most windows are far below. */
static bool over_holds(const struct dns_over *o, const struct window *w, struct dns_told *ret)
{
	const struct counts *c = &w->sum;

	if (!above(c->queries, o->queries) || !above(c->name_bytes, o->name_bytes) ||
	    !above(c->answer_bytes, o->answer_bytes) || !above(c->opaque_bytes, o->opaque_bytes) ||
	    !above(c->malformed, o->malformed))
		return false;
	told_of(w, ret);
	return above(ret->names, o->names) && above(ret->entropy, o->entropy) &&
	       above(c->txt * 100, o->txt_share * c->queries);
}

static void key_suffix(struct verdict_key *key, const char *suffix)
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, strlen(suffix), (const uint8_t *)suffix);
	sha256_digest(&sha, sizeof(key->name), key->name);
}

static struct verdict_key key_of(const struct dns *d, const struct rule *rule,
				 const struct asked *a)
{
	const struct dns_condition *c = &rule->dns;
	struct verdict_key key = { .rule = (uint32_t)(rule - d->policy->rules), .per = c->per };

	if (!c->has_over)
		key.per = PER_ENDPOINT;
	if (!c->has_over || c->by == DNS_BY_SERVER)
		key.to = a->s->account->to;
	else
		key_suffix(&key, a->suffix);
	if (c->per != PER_ROLE && c->per != PER_MACHINE && a->s->account->who != NULL)
		key.root = detect_root(a->s, rule->roles, c->per);
	return key;
}

static bool is_below(const char *name, const char *host)
{
	size_t n = strlen(name), h = strlen(host);

	return n >= h && strcmp(name + n - h, host) == 0 && (n == h || name[n - h - 1] == '.');
}

static bool left_out(const struct dns_condition *c, const struct asked *a)
{
	size_t i;

	if (a->malformed && c->over.malformed == 0)
		return true;
	/* Of a server on this machine that asks others it leaves then, and counts then. */
	if (a->stays && c->per == PER_MACHINE)
		return true;
	if (a->foreign)
		return false;
	for (i = 0; i < c->except_n; i++)
		if (is_below(a->r->name, c->except[i]))
			return true;
	return c->foreign;
}

static void rule_run(struct dns *d, const struct rule *rule, const struct asked *a, detect_fn *fn,
		     void *arg)
{
	const struct dns_condition *c = &rule->dns;
	bool answer = (a->r->flags & OF_DNS_ANSWER) != 0;
	struct dns_told told = { .name = a->r->name, .foreign = a->foreign };
	struct verdict v = { .rule = rule, .subject = a->s, .dns = &told };
	struct window *w;
	uint64_t number;

	v.key = key_of(d, rule, a);
	if (!c->has_over) {
		v.sent = a->r->octets;
		told.queries = 1;
		if (!answer)
			fn(arg, &v);
		return;
	}
	w = window_get(d, &v.key, !answer);
	if (w == NULL)
		return;
	table_touch(&d->windows, &w->node);
	number = a->s->time_ns / ((c->within_ns + PARTS - 1) / PARTS);
	if (number > w->newest)
		window_advance(w, number);
	if (answer)
		answer_add(w, a->r);
	else if (a->malformed)
		malformed_add(w, a->r);
	else
		query_add(d, w, rule, a);
	if (!over_holds(&c->over, w, &told))
		return;
	if (c->by == DNS_BY_SUFFIX)
		told.suffix = a->suffix;
	v.sent = w->sum.sent;
	v.window_ns = c->within_ns;
	fn(arg, &v);
}

void dns_take(struct dns *d, const struct subject *s, const struct of_rec_dns *r, detect_fn *fn,
	      void *arg)
{
	const struct rule *rule;
	struct process_asked who;
	struct asked a;
	size_t i;

	if (r->flags & OF_DNS_KEPT)
		return;
	process_asked_begin(&who, s->account->who);
	asked_of(d, s, r, &a);
	for (i = 0; i < d->policy->rules_n; i++) {
		rule = &d->policy->rules[i];
		if (!rule->has_dns || rule->off != NULL || left_out(&rule->dns, &a))
			continue;
		if ((rule->roles == OF_ROLE_ANY || (s->roles & rule->roles) != 0) &&
		    process_holds(rule, &who))
			rule_run(d, rule, &a, fn, arg);
	}
}

size_t dns_count(const struct dns *d)
{
	return d->windows.n;
}

uint64_t dns_evicted(const struct dns *d)
{
	return d->evicted;
}
