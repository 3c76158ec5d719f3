/* SPDX-License-Identifier: BSD-2-Clause */
/* names.c: addresses with the names that were asked for, bounded by both. */
#include "track/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

#define SYSTEM_UID_MAX 999 /* SYS_UID_MAX of login.defs(5), as systemd has it */

struct address_key {
	uint8_t addr[16];
	uint32_t netns;
};

static struct address_key key_of(uint32_t netns, const uint8_t addr[16])
{
	struct address_key key = { .netns = netns };

	memcpy(key.addr, addr, sizeof(key.addr));
	return key;
}

static struct known_address *address_of(const struct table_node *node)
{
	return table_entry(node, struct known_address, by_address);
}

static bool same_address(const struct table_node *node, const void *key)
{
	const struct known_address *a = address_of(node);
	struct address_key own = key_of(a->netns, a->addr);

	return memcmp(&own, key, sizeof(own)) == 0;
}

int names_init(struct names *x, size_t max)
{
	size_t i;

	*x = (struct names){ .names_n = 0 };
	for (i = 0; i < NAMES_WORTHS; i++)
		list_init(&x->alike[i]);
	return table_init(&x->by_address, max, same_address);
}

static void name_drop(struct names *x, struct known_address *a, size_t i)
{
	text_put(a->name[i].host);
	free(a->name[i].askers);
	a->name[i] = a->name[--a->n];
	a->same_until_ns = 0;
	x->names_n--;
}

static void address_drop(struct names *x, struct known_address *a)
{
	while (a->n > 0)
		name_drop(x, a, a->n - 1);
	table_del(&x->by_address, &a->by_address);
	list_del(&a->alike);
	free(a->name);
	free(a);
}

void names_done(struct names *x)
{
	while (x->by_address.oldest != NULL)
		address_drop(x, address_of(x->by_address.oldest));
	table_done(&x->by_address);
}

static void purge(struct names *x, struct known_address *a, uint64_t now_ns)
{
	size_t i = a->n;

	if (now_ns <= a->same_until_ns)
		return;
	while (i-- > 0)
		if (a->name[i].end_ns < now_ns)
			name_drop(x, a, i);
}

/* Asked at every telling of an account that sends there: looked for anew only when it may differ.
 */
static enum names_worth worth_of(struct known_address *a, uint64_t now_ns)
{
	const struct known_name *n;
	size_t proved = 0;
	uint64_t end_ns;
	bool holds;

	if (now_ns <= a->same_until_ns)
		return a->worth;
	a->same_until_ns = a->n > 0 ? UINT64_MAX : 0;
	for (n = a->name; n < a->name + a->n; n++) {
		holds = name_is_confirmed(n, now_ns);
		end_ns = holds && n->confirmed_end_ns < n->end_ns ? n->confirmed_end_ns : n->end_ns;
		if (end_ns < a->same_until_ns)
			a->same_until_ns = end_ns;
		proved += holds;
	}
	if (proved == 0)
		a->worth = NAMES_UNPROVED;
	else
		a->worth = proved == a->n ? NAMES_PROVED : NAMES_MIXED;
	return a->worth;
}

/* Behind the others that are worth the same. */
static void address_rank(struct names *x, struct known_address *a, uint64_t now_ns)
{
	list_add(&x->alike[worth_of(a, now_ns)], &a->alike);
}

/* NULL: there is none but `keep`. */
static struct known_address *first_of(const struct names *x, enum names_worth worth,
				      const struct known_address *keep)
{
	const struct list *l = &x->alike[worth];
	struct list *first = list_first(l);

	if (first != NULL && list_entry(first, struct known_address, alike) == keep)
		first = first->next == l ? NULL : first->next;
	return first == NULL ? NULL : list_entry(first, struct known_address, alike);
}

/* Nobody tells when what is confirmed is over: a few are looked at whenever room is needed, and go
 * before those that came since. */
static void look_again(struct names *x, enum names_worth worth, const struct known_address *keep,
		       uint64_t now_ns)
{
	struct known_address *a = first_of(x, worth, keep);
	struct list *unproved = &x->alike[NAMES_UNPROVED];

	if (a == NULL)
		return;
	purge(x, a, now_ns);
	if (a->n == 0)
		address_drop(x, a);
	else if (worth_of(a, now_ns) == NAMES_UNPROVED)
		list_add(unproved->next, &a->alike);
	else
		address_rank(x, a, now_ns);
}

/* What still counts of it is said. */
static void evict(struct names *x, struct known_address *a, uint64_t now_ns)
{
	purge(x, a, now_ns);
	x->evicted += a->n;
	address_drop(x, a);
}

/* Those of its names that nobody confirms. */
static void evict_unproved(struct names *x, struct known_address *a, uint64_t now_ns)
{
	size_t i;

	purge(x, a, now_ns);
	for (i = a->n; i-- > 0;) {
		if (name_is_confirmed(&a->name[i], now_ns))
			continue;
		name_drop(x, a, i);
		x->evicted++;
	}
	if (a->n == 0)
		address_drop(x, a);
	else
		address_rank(x, a, now_ns);
}

static struct known_address *address_find(const struct names *x, uint32_t netns,
					  const uint8_t addr[16])
{
	struct address_key key = key_of(netns, addr);
	struct table_node *node =
		table_find(&x->by_address, table_hash(&x->by_address, &key, sizeof(key)), &key);

	return node == NULL ? NULL : address_of(node);
}

static bool has_room(const struct names *x, const struct known_address *keep)
{
	const struct table *t = &x->by_address;

	return x->names_n < NAMES_PER_ADDRESS * t->max && (keep != NULL || t->n < t->max);
}

/* False: there is nothing but `keep`. */
static bool give_way(struct names *x, const struct known_address *keep, uint64_t now_ns)
{
	struct known_address *a = first_of(x, NAMES_UNPROVED, keep);

	if (a != NULL) {
		evict(x, a, now_ns);
		return true;
	}
	a = first_of(x, NAMES_MIXED, keep);
	if (a != NULL && x->names_n >= NAMES_PER_ADDRESS * x->by_address.max) {
		evict_unproved(x, a, now_ns);
		return true;
	}
	if (x->by_address.oldest == NULL || address_of(x->by_address.oldest) == keep)
		return false;
	evict(x, address_of(x->by_address.oldest), now_ns);
	return true;
}

/* Until there is room for one more name, and one more address unless `keep` is what it is for:
 * that was touched, and is the newest. */
static void make_room(struct names *x, const struct known_address *keep, uint64_t now_ns)
{
	while (!has_room(x, keep)) {
		look_again(x, NAMES_MIXED, keep, now_ns);
		look_again(x, NAMES_PROVED, keep, now_ns);
		if (!has_room(x, keep) && !give_way(x, keep, now_ns))
			break;
	}
}

static struct known_address *address_get(struct names *x, const struct name_told *told)
{
	struct known_address *a = address_find(x, told->netns, told->addr);
	struct address_key key = key_of(told->netns, told->addr);

	if (a != NULL) {
		table_touch(&x->by_address, &a->by_address);
		purge(x, a, told->time_ns);
		address_rank(x, a, told->time_ns);
	}
	make_room(x, a, told->time_ns);
	if (a != NULL)
		return a;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	memcpy(a->addr, told->addr, sizeof(a->addr));
	a->netns = told->netns;
	list_init(&a->alike);
	if (table_add(&x->by_address, &a->by_address,
		      table_hash(&x->by_address, &key, sizeof(key))) < 0) {
		free(a);
		return NULL;
	}
	list_add(&x->alike[NAMES_UNPROVED], &a->alike);
	return a;
}

/* What gives way to another name: the oldest that is not confirmed; when all are, the oldest, but
 * only to one that is too. Else whoever has a DNS server could make what is proved forgotten. */
static size_t victim(const struct known_address *a, const struct name_told *told)
{
	size_t i, ret = a->n;
	bool best = false, held;

	for (i = 0; i < a->n; i++) {
		held = name_is_confirmed(&a->name[i], told->time_ns);
		if (held && !told->confirmed)
			continue;
		if (ret == a->n || (best && !held) ||
		    (best == held && a->name[i].time_ns < a->name[ret].time_ns)) {
			ret = i;
			best = held;
		}
	}
	return ret;
}

/* Room for one more name. False: there is none to be had; -ENOMEM is said by *ret_err. */
static bool room_for_name(struct names *x, struct known_address *a, const struct name_told *told,
			  int *ret_err)
{
	size_t room = a->room == 0 ? 1 : 2 * a->room, i;
	struct known_name *name;

	*ret_err = 0;
	if (a->n == NAMES_OF_ADDRESS_MAX) {
		x->evicted++;
		i = victim(a, told);
		if (i == a->n)
			return false;
		name_drop(x, a, i);
		return true;
	}
	if (a->n < a->room)
		return true;
	name = realloc(a->name, room * sizeof(*name));
	if (name == NULL) {
		*ret_err = -ENOMEM;
		return false;
	}
	a->name = name;
	a->room = room;
	return true;
}

/* NULL with 0 in *ret_err: the address has too many. */
static struct known_name *name_add(struct names *x, struct known_address *a,
				   const struct name_told *told, int *ret_err)
{
	struct known_name n = { .end_ns = told->end_ns };

	if (!room_for_name(x, a, told, ret_err))
		return NULL;
	n.host = text_new(told->host, strlen(told->host));
	if (n.host == NULL) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	x->names_n++;
	a->same_until_ns = 0;
	a->version = ++x->version;
	a->name[a->n] = n;
	return &a->name[a->n++];
}

static struct known_name *name_find(const struct known_address *a, const char *host)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (strcmp(a->name[i].host->s, host) == 0)
			return &a->name[i];
	return NULL;
}

static struct name_asker asker_of(const struct name_told *told)
{
	const struct execution *e = told->asker;

	if (e == NULL)
		return (struct name_asker){ .exec_id = told->asker_id,
					    .process = told->asker_id,
					    .kept = told->kept };
	return (struct name_asker){ .exec_id = e->exec_id,
				    .process = e->process,
				    .job = e->ci != NULL ? e->ci_job : 0,
				    .session = lineage_root(e, OF_ROLE_ANY)->process };
}

/* 1: somebody new, 0: not, or -ENOMEM. The latest is the last. */
static int asker_add(struct known_name *n, const struct name_asker *asker)
{
	struct name_asker *a;
	size_t i;

	for (i = 0; i < n->askers_n; i++) {
		a = &n->askers[i];
		if (a->process == asker->process && a->job == asker->job &&
		    a->session == asker->session)
			break;
	}
	if (i < n->askers_n) {
		memmove(&n->askers[i], &n->askers[i + 1], (n->askers_n - i - 1) * sizeof(*a));
		n->askers[n->askers_n - 1] = *asker;
		return 0;
	}
	if (n->askers_n == NAME_ASKERS_MAX) {
		memmove(n->askers, n->askers + 1, (NAME_ASKERS_MAX - 1) * sizeof(*a));
		n->askers[NAME_ASKERS_MAX - 1] = *asker;
		return 1;
	}
	/* Of most names one asks; grown at the powers of two. */
	if ((n->askers_n & (n->askers_n - 1)) == 0) {
		a = realloc(n->askers, (n->askers_n == 0 ? 1 : 2 * n->askers_n) * sizeof(*a));
		if (a == NULL)
			return -ENOMEM;
		n->askers = a;
	}
	n->askers[n->askers_n++] = *asker;
	return 1;
}

/* What an answer tells of a name that is there. True: something is new. */
static bool name_told(struct known_name *n, const struct name_told *told)
{
	bool was = name_is_confirmed(n, told->time_ns);
	bool news = (told->confirmed && !was) || (told->for_all && !n->for_all);

	if (told->time_ns > n->time_ns)
		n->time_ns = told->time_ns;
	if (told->end_ns > n->end_ns)
		n->end_ns = told->end_ns;
	if (told->confirmed && told->end_ns > n->confirmed_end_ns)
		n->confirmed_end_ns = told->end_ns;
	n->for_all |= told->for_all;
	return news;
}

int names_learn(struct names *x, const struct name_told *told)
{
	struct known_address *a = address_get(x, told);
	struct name_asker asker = asker_of(told);
	struct known_name *n;
	int err = 0;

	if (a == NULL)
		return -ENOMEM;
	n = name_find(a, told->host);
	if (n == NULL)
		n = name_add(x, a, told, &err);
	if (n == NULL)
		return err;
	if (name_told(n, told))
		a->version = ++x->version;
	a->same_until_ns = 0;
	address_rank(x, a, told->time_ns);
	if (asker.exec_id == 0)
		return 0;
	err = asker_add(n, &asker);
	if (err == 1)
		a->version = ++x->version;
	return err < 0 ? err : 0;
}

struct known_address *names_find(struct names *x, uint32_t netns, const uint8_t addr[16],
				 uint64_t now_ns)
{
	struct known_address *a = address_find(x, netns, addr);

	if (a == NULL)
		return NULL;
	purge(x, a, now_ns);
	if (a->n == 0) {
		address_drop(x, a);
		return NULL;
	}
	table_touch(&x->by_address, &a->by_address);
	address_rank(x, a, now_ns);
	return a;
}

bool name_is_confirmed(const struct known_name *n, uint64_t now_ns)
{
	return n->confirmed_end_ns != 0 && n->confirmed_end_ns >= now_ns;
}

/* A chain is never longer than LINEAGE_DEPTH_MAX. */
static bool is_below(const struct execution *e, uint64_t process)
{
	for (; e != NULL; e = e->parent)
		if (e->process == process)
			return true;
	return false;
}

static bool asked_for(const struct name_asker *a, const struct executions *executions,
		      const struct execution *who, uint64_t session)
{
	const struct exec_node *asker;

	if (is_below(who, a->process))
		return true;
	if (a->job != 0 && who->ci != NULL && who->ci_job == a->job)
		return true;
	if (a->session == session)
		return true;
	asker = execution_find(executions, a->exec_id);
	if (asker == NULL)
		return false;
	if (a->kept && lineage_root(&asker->e, OF_ROLE_ANY)->process == session)
		return true;
	return is_below(&asker->e, who->process);
}

bool name_was_asked(const struct known_name *n, const struct executions *executions,
		    const struct execution *who)
{
	size_t i = n->askers_n;
	uint64_t session;

	if (n->for_all)
		return true;
	if (who == NULL)
		return false;
	session = lineage_root(who, OF_ROLE_ANY)->process;
	while (i-- > 0)
		if (asked_for(&n->askers[i], executions, who, session))
			return true;
	return false;
}

bool name_may_be_asked(const struct known_name *n, const struct executions *executions)
{
	size_t i;

	for (i = 0; i < n->askers_n; i++)
		if (n->askers[i].kept && execution_find(executions, n->askers[i].exec_id) == NULL)
			return true;
	return false;
}

static bool is_called_resolver(const char *name)
{
	/* dockerd answers in containers' networks, and asks in their namespace for them. */
	static const char *const names[] = { "dnsmasq", "unbound",	  "systemd-resolved",
					     "nscd",	"named",	  "pdns_recursor",
					     "kresd",	"stubby",	  "dnscrypt-proxy",
					     "dockerd", "systemd-resolve" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* What forked may have become another user before, as dnsmasq does to answer by TCP: it is who
 * executed the file that tells. */
static uint32_t executed_by(const struct execution *e)
{
	while ((e->flags & OF_EXEC_FORKED) && e->parent != NULL && e->elided == 0 &&
	       strcmp(e->parent->name, e->name) == 0)
		e = e->parent;
	return e->uid;
}

bool name_is_of_resolver(const struct execution *e)
{
	return is_called_resolver(e->name) && executed_by(e) <= SYSTEM_UID_MAX;
}
