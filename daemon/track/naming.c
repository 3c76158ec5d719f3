/* SPDX-License-Identifier: BSD-2-Clause */
/* naming.c: the names of each account, and when they are settled. */
#include "track/naming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/name_list.h"
#include "track/private.h"

#include "base/poison.h"

#define SECOND_NS      1000000000ULL
#define NAMES_MIN      256
/* Of name lists: not told, for it was said to a daemon before. */
#define VERSION_BEFORE 1

/* What one account's far end is called. */
struct naming {
	struct name_list names;
	bool done;	  /* the beginning of a flow was read to its end */
	uint64_t version; /* of the address, when its names were last taken */
	/* Of what its socket's maker said, when that was last taken; 0: nothing is known of it. */
	uint64_t heard;
	bool unheard; /* and that time is over */
	struct text *label;
};

/* What a flow said before its account was told. */
struct waiting {
	struct table_node by_key;
	struct of_account_key key; /* the endpoint's `self` is 0 */
	uint64_t time_ns;
	struct name_list names;
	bool done;
	bool spare; /* another account has it, or waits for it */
};

/* ---- The names of an account ---- */

static bool has_address(const struct account *a)
{
	return (a->flags & OF_ACCOUNT_OVERFLOW) == 0 &&
	       (a->to.family == OF_AF_INET || a->to.family == OF_AF_INET6);
}

/* NULL: no memory. */
static struct naming *naming_get(struct namings *x, struct account_node *n)
{
	if (n->naming != NULL)
		return n->naming;
	n->naming = calloc(1, sizeof(*n->naming));
	if (n->naming != NULL)
		n->naming->names.more = &x->more;
	return n->naming;
}

void naming_done(struct account_node *n)
{
	list_del(&n->settling);
	if (n->naming != NULL) {
		name_list_clear(&n->naming->names);
		text_put(n->naming->label);
	}
	free(n->naming);
	n->naming = NULL;
}

/* What detection sees of it. */
static void naming_show(struct account_node *n)
{
	const struct naming *g = n->naming;
	uint32_t own = n->a.names.flags & (NAMES_SETTLED | NAMES_READ);

	if (g == NULL)
		return;
	own |= g->unheard ? NAMES_UNHEARD : 0;
	n->a.names = (struct endpoint_names){ .name = g->names.name,
					      .n = g->names.n,
					      .flags = g->names.flags | own,
					      .alpn = g->names.alpn,
					      .alpn_n = g->names.alpn_n };
	n->a.label = g->label != NULL ? g->label->s : NULL;
}

void naming_moved(struct account_node *n)
{
	if (n->naming == NULL)
		return;
	name_list_said(&n->naming->names);
	n->naming->version = 0;
	naming_show(n);
}

static bool is_proved(const struct namings *x, const struct account *a,
		      const struct endpoint_name *name, const struct known_address *known,
		      uint64_t now_ns)
{
	size_t i;

	if (name->source == OF_NAME_CONNECT)
		return policy_is_proxy(x->policy, &a->to);
	for (i = 0; known != NULL && i < known->n; i++)
		if (strcmp(known->name[i].host->s, name->host) == 0)
			return name_is_confirmed(&known->name[i], now_ns);
	return false;
}

/* 1: what it says itself is proved now, and was not; else 0. */
static int said_prove(const struct namings *x, struct account_node *n,
		      const struct known_address *known, uint64_t now_ns)
{
	struct name_list *list = &n->naming->names;
	struct endpoint_name *name;
	int ret = 0;

	for (name = list->name; name < list->name + list->n; name++)
		if (name->source != OF_NAME_DNS && !name->confirmed &&
		    is_proved(x, &n->a, name, known, now_ns)) {
			name->confirmed = true;
			ret = 1;
		}
	return ret;
}

static int asked_take(const struct namings *x, struct account_node *n,
		      const struct known_address *known, uint64_t now_ns)
{
	const struct known_name *k;
	struct endpoint_name name;
	int news = 0, err;

	for (k = known->name; k < known->name + known->n; k++) {
		name = (struct endpoint_name){
			.host = k->host->s,
			.source = OF_NAME_DNS,
			.asked = name_list_asked(&n->naming->names, k->host->s) ||
				 name_was_asked(k, x->executions, n->a.who),
			.maybe = name_may_be_asked(k, x->executions),
			.confirmed = name_is_confirmed(k, now_ns),
			.time_ns = k->time_ns,
		};
		err = name_list_put(&n->naming->names, &name, k->host);
		if (err < 0)
			return err;
		news |= err;
	}
	return news;
}

/* What was asked for until now, unless that is known; `all`: also then. 1: something is new. */
static int naming_take(struct namings *x, struct account_node *n, uint64_t now_ns, bool all)
{
	const struct known_address *known = names_find(&x->names, n->a.netns, n->a.to.addr, now_ns);
	uint64_t version = known != NULL ? known->version : 0;
	int news = 0;

	if (known == NULL && n->naming == NULL)
		return 0;
	if (naming_get(x, n) == NULL)
		return -ENOMEM;
	if (n->naming->version == version && !all)
		return 0;
	if (known != NULL)
		news = asked_take(x, n, known, now_ns);
	if (news < 0)
		return news;
	n->naming->version = version;
	return news | said_prove(x, n, known, now_ns);
}

/* ---- From first telling to settled ---- */

static void label_set(struct naming *g)
{
	size_t i;

	for (i = 0; i < g->names.n && g->label == NULL; i++)
		if (g->names.name[i].asked && g->names.name[i].confirmed)
			g->label = text_get(g->names.host[i]);
}

static void settle_quietly(struct account_node *n)
{
	n->a.names.flags |= NAMES_SETTLED;
	if (n->naming != NULL)
		label_set(n->naming);
	naming_show(n);
}

/* What was before is kept until the telling is over. */
struct change {
	struct endpoint_name name[ENDPOINT_NAMES_MAX];
	struct text *host[ENDPOINT_NAMES_MAX];
	struct endpoint_names before;
};

static void change_begin(struct change *c, const struct account_node *n)
{
	const struct name_list *g = n->naming != NULL ? &n->naming->names : NULL;
	size_t i;

	c->before = (struct endpoint_names){ .name = c->name,
					     .n = g != NULL ? g->n : 0,
					     .flags = n->a.names.flags };
	for (i = 0; i < c->before.n; i++) {
		c->name[i] = g->name[i];
		c->host[i] = text_get(g->host[i]);
	}
}

static void change_end(struct change *c, struct account_node *n, bool news, uint64_t time_ns,
		       named_fn *fn, void *arg)
{
	size_t i;

	naming_show(n);
	if (news && n->told)
		fn(arg, n, &c->before, time_ns);
	for (i = 0; i < c->before.n; i++)
		text_put(c->host[i]);
}

static bool has_waited(const struct account_node *n, uint64_t time_ns)
{
	return n->told_ns + NAMING_SETTLE_NS <= time_ns;
}

static struct waiting *waiting_find(const struct namings *x, const struct of_account_key *key)
{
	struct table_node *node =
		table_find(&x->waiting, table_hash(&x->waiting, key, sizeof(*key)), key);

	return node == NULL ? NULL : table_entry(node, struct waiting, by_key);
}

static struct of_account_key waiting_key(uint64_t exec_id, const struct of_endpoint *to)
{
	struct of_account_key key = { .exec_id = exec_id, .to = *to };

	key.to.self = 0;
	return key;
}

static void waiting_drop(struct namings *x, struct waiting *w)
{
	table_del(&x->waiting, &w->by_key);
	name_list_clear(&w->names);
	free(w);
}

static void waiting_lose(struct namings *x, struct waiting *w)
{
	x->lost += !w->spare;
	waiting_drop(x, w);
}

/* What flows said before. 0 or -ENOMEM. */
static int naming_fetch(struct namings *x, struct account_node *n)
{
	struct of_account_key key = waiting_key(n->a.who == NULL ? 0 : n->a.who->exec_id, &n->a.to);
	struct waiting *w = waiting_find(x, &key);
	int err;

	if (w == NULL)
		return 0;
	if (naming_get(x, n) == NULL)
		return -ENOMEM;
	err = name_list_merge(&n->naming->names, &w->names);
	if (w->names.version > n->naming->names.version)
		n->naming->names.version = w->names.version;
	n->naming->done |= w->done;
	waiting_drop(x, w);
	return err < 0 ? err : 0;
}

/* The account's far end, with the route's part of it or without: a packet does not always show it.
 */
static struct account_node *flow_account(const struct accounts *accounts, uint64_t exec_id,
					 const struct of_endpoint *to)
{
	struct account_node *n = account_find(accounts, exec_id, to);
	struct of_endpoint other = *to;

	if (n != NULL)
		return n;
	other.self = !other.self;
	return account_find(accounts, exec_id, &other);
}

/* ---- Of sockets that were handed on ---- */

static bool has_creator(const struct account_node *n)
{
	return n->a.creator_id != 0 && (n->a.who == NULL || n->a.creator_id != n->a.who->exec_id);
}

static bool awaits_creator(const struct account_node *n)
{
	return has_creator(n) && (n->naming == NULL || n->naming->heard == 0);
}

/* Was it told of a daemon before? Not what it was heard to say makes it count as read then. */
static bool is_of_before(const struct account_node *n)
{
	uint32_t heard = n->naming != NULL ? n->naming->names.flags : 0;

	return (n->a.names.flags & ~heard & NAMES_READ) != 0;
}

/* What the maker of its socket said of this far end. Returns its version; 0: nothing is known. */
static uint64_t creator_said(const struct namings *x, const struct account_node *n,
			     const struct name_list **ret)
{
	const struct account_node *creator = flow_account(x->accounts, n->a.creator_id, &n->a.to);
	struct of_account_key key = waiting_key(n->a.creator_id, &n->a.to);
	const struct waiting *w;

	*ret = creator != NULL && creator->naming != NULL ? &creator->naming->names : NULL;
	if (*ret != NULL && (*ret)->version != 0)
		return (*ret)->version;
	if (creator != NULL && is_of_before(creator))
		return VERSION_BEFORE;
	w = waiting_find(x, &key);
	*ret = w != NULL ? &w->names : NULL;
	return w != NULL ? w->names.version : 0;
}

/*
 * Of a socket that was handed on, to a child mostly, the beginning was sent by whoever made it, and
 * an account does not tell its sockets apart: what that said of this far end counts beside what it
 * says itself. 1: something is new, 0: nothing, or -ENOMEM.
 */
static int naming_inherit(struct namings *x, struct account_node *n)
{
	const struct name_list *from = NULL;
	uint64_t version;
	int news, err = 0;

	version = has_creator(n) ? creator_said(x, n, &from) : 0;
	if (version == 0 || (n->naming != NULL && n->naming->heard == version))
		return 0;
	if (naming_get(x, n) == NULL)
		return -ENOMEM;
	news = n->naming->unheard;
	n->naming->unheard = false;
	n->naming->heard = version;
	if (from != NULL)
		err = name_list_merge(&n->naming->names, from);
	return err < 0 ? err : news | err;
}

/* Looked at once more later, for what its maker said may be told after it was. */
static void look_again(struct namings *x, struct account_node *n, uint64_t time_ns)
{
	if (!x->waits || !has_creator(n) || !list_empty(&n->settling))
		return;
	n->told_ns = time_ns;
	list_add(&x->settling, &n->settling);
}

static void settle(struct namings *x, struct account_node *n, uint64_t time_ns, named_fn *fn,
		   void *arg)
{
	bool news = (n->a.names.flags & NAMES_SETTLED) == 0;
	struct change c;

	list_del(&n->settling);
	change_begin(&c, n);
	news |= naming_inherit(x, n) != 0; /* without memory NAMES_MORE is set */
	if (awaits_creator(n) && naming_get(x, n) != NULL) {
		news |= !n->naming->unheard;
		n->naming->unheard = true;
	}
	news |= naming_take(x, n, time_ns, news) != 0;
	settle_quietly(n);
	change_end(&c, n, news, time_ns, fn, arg);
}

/* What was told of a daemon before counts as heard. */
static void begin_before(struct namings *x, struct account_node *n)
{
	n->a.names.flags |= NAMES_READ;
	if (awaits_creator(n) && naming_get(x, n) != NULL)
		n->naming->heard = VERSION_BEFORE;
}

static int naming_begin(struct namings *x, struct account_node *n, uint64_t time_ns)
{
	int err = 0;

	n->told = true;
	n->told_ns = time_ns;
	if (!has_address(&n->a)) {
		n->a.names.flags |= x->ticked ? 0 : NAMES_READ;
		settle_quietly(n);
		return 0;
	}
	err = naming_fetch(x, n);
	if (err == 0)
		err = naming_inherit(x, n);
	if (!x->ticked)
		begin_before(x, n);
	if (err >= 0)
		err = naming_take(x, n, time_ns, true);
	naming_show(n);
	if (!x->waits || (n->naming != NULL && n->naming->done && !awaits_creator(n)))
		settle_quietly(n);
	else
		list_add(&x->settling, &n->settling);
	look_again(x, n, time_ns);
	return err < 0 ? err : 0;
}

/* Was something learned or said since its names were taken? */
static bool has_news(struct namings *x, struct account_node *n, uint64_t time_ns)
{
	const struct known_address *known =
		names_find(&x->names, n->a.netns, n->a.to.addr, time_ns);
	const struct name_list *from;
	uint64_t version;

	look_again(x, n, time_ns);
	if (known != NULL && (n->naming == NULL || n->naming->version != known->version))
		return true;
	if (!has_creator(n))
		return false;
	version = creator_said(x, n, &from);
	return version != 0 && (n->naming == NULL || n->naming->heard != version);
}

int naming_told(struct namings *x, struct account_node *n, uint64_t time_ns, named_fn *fn,
		void *arg)
{
	struct change c;
	int news, err;

	if (!n->told)
		return naming_begin(x, n, time_ns);
	if (!has_address(&n->a) || !has_news(x, n, time_ns))
		return 0;
	change_begin(&c, n);
	news = naming_inherit(x, n);
	err = naming_take(x, n, time_ns, news != 0);
	change_end(&c, n, news != 0 || err != 0, time_ns, fn, arg);
	return news < 0 || err < 0 ? -ENOMEM : 0;
}

void namings_tick(struct namings *x, uint64_t time_ns, named_fn *fn, void *arg)
{
	struct account_node *n;
	struct waiting *w;
	struct list *first;

	x->ticked = true;
	while ((first = list_first(&x->settling)) != NULL) {
		n = list_entry(first, struct account_node, settling);
		if (!has_waited(n, time_ns))
			break;
		settle(x, n, time_ns, fn, arg);
	}
	while (x->waiting.oldest != NULL) {
		w = table_entry(x->waiting.oldest, struct waiting, by_key);
		if (w->time_ns + NAMING_WAIT_NS > time_ns)
			break;
		waiting_lose(x, w);
	}
}

/* ---- What flows say ---- */

static uint32_t names_flags(uint32_t flow_flags)
{
	uint32_t flags = 0;

	if (flow_flags & OF_FLOW_ECH)
		flags |= NAMES_ECH;
	/* An address as a proxy's target is no name, and no rule can be asked about it. */
	if (flow_flags & (OF_FLOW_INVALID | OF_FLOW_LOST | OF_FLOW_ADDRESS))
		flags |= NAMES_INVALID;
	if (flow_flags & OF_FLOW_PROXY)
		flags |= NAMES_PROXY;
	if (flow_flags & OF_FLOW_READ)
		flags |= NAMES_READ;
	if (flow_flags & OF_FLOW_SILENT)
		flags |= NAMES_SILENT;
	if (flow_flags & OF_FLOW_ALPN_MORE)
		flags |= NAMES_ALPN_MORE;
	return flags;
}

/* 1: something is new, 0: nothing, or -ENOMEM. */
static int flow_put(struct namings *x, struct name_list *g, const struct of_rec_flow *flow,
		    uint64_t time_ns)
{
	uint32_t flags = g->flags | names_flags(flow->flags);
	int news = flags != g->flags, err;
	size_t i;

	g->flags = flags;
	err = name_list_alpn(g, flow->alpn, flow->alpn_n);
	news |= err != 0;
	for (i = 0; i < flow->names_n && err >= 0; i++) {
		const struct of_flow_name *said = &flow->names[i];
		struct endpoint_name name = { .host = said->host,
					      .source = (enum of_name_source)said->source,
					      .port = said->port,
					      .asked = true,
					      .time_ns = time_ns };

		err = name_list_put(g, &name, NULL);
		news |= err != 0;
	}
	if (news)
		g->version = ++x->version;
	return err < 0 ? err : news;
}

static int flow_wait(struct namings *x, uint64_t exec_id, const struct of_rec_flow *flow,
		     bool spare, uint64_t time_ns)
{
	struct of_account_key key = waiting_key(exec_id, &flow->to);
	struct waiting *w = waiting_find(x, &key);
	int err;

	if (w == NULL) {
		if (x->waiting.n >= x->waiting.max)
			waiting_lose(x, table_entry(x->waiting.oldest, struct waiting, by_key));
		w = calloc(1, sizeof(*w));
		if (w == NULL)
			return -ENOMEM;
		w->key = key;
		w->names.more = &x->more;
		w->spare = true;
		(void)table_add(&x->waiting, &w->by_key,
				table_hash(&x->waiting, &key, sizeof(key)));
	}
	table_touch(&x->waiting, &w->by_key);
	w->time_ns = time_ns;
	w->spare &= spare;
	w->done |= (flow->flags & OF_FLOW_DONE) != 0;
	err = flow_put(x, &w->names, flow, time_ns);
	return err < 0 ? err : 0;
}

static int flow_apply(struct namings *x, struct account_node *n, const struct of_rec_flow *flow,
		      uint64_t time_ns, named_fn *fn, void *arg)
{
	bool settled = (n->a.names.flags & NAMES_SETTLED) != 0;
	int news, err, inherited;
	struct change c;

	if (naming_get(x, n) == NULL)
		return -ENOMEM;
	change_begin(&c, n);
	n->naming->done |= (flow->flags & OF_FLOW_DONE) != 0;
	news = flow_put(x, &n->naming->names, flow, time_ns);
	inherited = naming_inherit(x, n);
	news = news < 0 || inherited < 0 ? -ENOMEM : news | inherited;
	err = naming_take(x, n, time_ns, news != 0);
	if (!settled && n->told && n->naming->done && !awaits_creator(n)) {
		if (!has_creator(n))
			list_del(&n->settling);
		settle_quietly(n);
		news = 1;
	}
	change_end(&c, n, news != 0 || err != 0, time_ns, fn, arg);
	return news < 0 || err < 0 ? -ENOMEM : 0;
}

/* Who runs as a packet leaves may be somebody else than who sent it, and who sent it somebody else
 * than who made the socket: both that may have an account have its names. */
int namings_flow(struct namings *x, const struct of_rec_flow *flow, uint64_t time_ns, named_fn *fn,
		 void *arg)
{
	/* The maker first: the other takes what that said. */
	const uint64_t who[2] = { flow->creator != flow->exec_id ? flow->creator : 0,
				  flow->exec_id };
	struct account_node *n[2];
	/* Whose account is gone by now is not waited for. */
	bool spare = (flow->flags & OF_FLOW_KEPT) != 0;
	int ret = 0, err;
	size_t i;

	for (i = 0; i < 2; i++) {
		n[i] = who[i] != 0 ? flow_account(x->accounts, who[i], &flow->to) : NULL;
		spare |= n[i] != NULL;
	}
	for (i = 0; i < 2; i++) {
		if (who[i] == 0)
			continue;
		err = n[i] != NULL ? flow_apply(x, n[i], flow, time_ns, fn, arg)
				   : flow_wait(x, who[i], flow, spare, time_ns);
		ret = err < 0 ? err : ret;
		spare = true;
	}
	return ret;
}

/* ---- What was asked for ---- */

/*
 * Nobody else can answer for a configured server elsewhere. One on this machine is what listens
 * there: in a network namespace of his own that is whatever somebody likes.
 */
static bool server_counts(const struct namings *x, const struct places *places,
			  const struct of_rec_dns *dns)
{
	if (places_class(places, &dns->server, dns->netns, 0) != CLASS_RESOLVER)
		return false;
	return x->netns == 0 || x->netns == dns->netns ||
	       !places_is_self(places, &dns->server, dns->netns);
}

int namings_dns(struct namings *x, const struct places *places, const struct of_rec_dns *dns,
		uint64_t time_ns)
{
	const struct exec_node *asker = execution_find(x->executions, dns->exec_id);
	struct name_told told = { .host = dns->name,
				  .netns = dns->netns,
				  .time_ns = time_ns,
				  .for_all = (dns->flags & OF_DNS_KEPT) != 0 && dns->exec_id == 0,
				  .asker_id = dns->exec_id,
				  .kept = (dns->flags & OF_DNS_KEPT) != 0 };
	const uint32_t needed = OF_DNS_ANSWER | OF_DNS_HOST;
	uint32_t ttl, i;
	int err = 0;

	if ((dns->flags & needed) != needed || dns->rcode != 0)
		return 0;
	told.confirmed = server_counts(x, places, dns);
	if (asker != NULL) {
		told.asker = &asker->e;
		told.for_all |= name_is_of_resolver(&asker->e);
	}
	for (i = 0; i < dns->addrs_n && err == 0; i++) {
		ttl = dns->addrs[i].ttl < OF_NAME_TTL_MAX_S ? dns->addrs[i].ttl : OF_NAME_TTL_MAX_S;
		told.addr = dns->addrs[i].addr;
		told.end_ns = time_ns + ttl * SECOND_NS + OF_NAME_GRACE_NS;
		err = names_learn(&x->names, &told);
	}
	return err;
}

/* ---- Beginning and end ---- */

/* Where no name can change a verdict, none is waited for. */
static bool names_matter(const struct policy *p)
{
	uint64_t named = 0;
	size_t i;

	for (i = 0; i < p->sets_n; i++)
		if (p->sets[i].has_names)
			named |= 1ULL << i;
	for (i = 0; i < p->rules_n; i++) {
		const struct rule *r = &p->rules[i];

		if (r->off == NULL && (((r->endpoint.in | r->endpoint.not_in) & named) != 0 ||
				       (r->endpoint.traits | r->endpoint.traits_not) != 0))
			return true;
	}
	return p->proxies_n > 0;
}

static bool same_waiting(const struct table_node *node, const void *key)
{
	const struct waiting *w = table_entry(node, const struct waiting, by_key);

	return memcmp(&w->key, key, sizeof(w->key)) == 0;
}

int namings_init(struct namings *x, const struct policy *policy,
		 const struct executions *executions, const struct accounts *accounts, size_t max)
{
	int err;

	x->policy = policy;
	x->executions = executions;
	x->accounts = accounts;
	x->waits = names_matter(policy);
	x->version = VERSION_BEFORE;
	list_init(&x->settling);
	err = names_init(&x->names, max > NAMES_MIN ? max : NAMES_MIN);
	return err < 0 ? err : table_init(&x->waiting, NAMING_WAITING_MAX, same_waiting);
}

void namings_done(struct namings *x)
{
	while (x->waiting.oldest != NULL)
		waiting_drop(x, table_entry(x->waiting.oldest, struct waiting, by_key));
	table_done(&x->waiting);
	names_done(&x->names);
}
