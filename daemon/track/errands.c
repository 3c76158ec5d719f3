/* SPDX-License-Identifier: BSD-2-Clause */
/* errands.c: see errands.h. Time is the event's. */
#include "track/errands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/deputies.h"
#include "track/private.h"

#include "base/poison.h"

/* Asks within OF_ASK_EVERY_NS of one that was told are not told themselves. */
#define WINDOW_NS   (OF_ASK_WINDOW_NS + OF_ASK_EVERY_NS)
/* A send is told when it returns: whom it wakes may have forked by then. Chosen for a machine with
 * more to do than processors: some milliseconds, a scheduler's slice or two. */
#define SLACK_NS    100000000ULL
#define ASKERS_MAX  16	 /* of one deputy, that are told apart */
#define LINEAGE_MAX 12	 /* names at each end of the lineage of who asked */
#define OLDER_MAX   1024 /* children that are passed over; a look tells late ones in any order */

/* A process that was asked: by one with a role, then it is on an errand, or by others. */
struct deputy {
	struct table_node by_process;
	uint64_t process; /* exec_id of its first execution: a later process never has that */
	uint32_t tgid;
	uint64_t keep_ns;	    /* until when anything here counts */
	struct errand_ref *errand;  /* NULL: none */
	uint64_t from_ns, until_ns; /* of the errand */
	uint64_t asker;		    /* exec_id of who brought it the errand */
	struct list asks;	    /* the latest last */
	size_t asks_n;
};

/* The asks of an execution that are less than the window apart from the first of them. */
struct ask {
	struct list mine; /* in deputy.asks */
	uint64_t exec_id;
	uint64_t first_ns, last_ns;
	char socket[OF_ASK_LEN];
	size_t socket_len;
};

/* An ask that is under way, or is looked at once more. */
struct asking {
	struct errands *x;
	const struct deputy_kind *kind;
	const char *socket;
	size_t socket_len;
	uint64_t asked_ns, until_ns;
	uint64_t time_ns;  /* of the event */
	uint64_t since_ns; /* when what is new of it began */
	errands_gain_fn *gain;
	void *arg;
};

static bool same_process(const struct table_node *node, const void *key)
{
	return table_entry(node, struct deputy, by_process)->process == *(const uint64_t *)key;
}

int errands_init(struct errands *x)
{
	list_init(&x->gained);
	return table_init(&x->deputies, DEPUTIES_MAX, same_process);
}

static void deputy_free(struct errands *x, struct deputy *d)
{
	struct list *first;

	while ((first = list_first(&d->asks)) != NULL) {
		list_del(first);
		free(list_entry(first, struct ask, mine));
	}
	table_del(&x->deputies, &d->by_process);
	errand_put(d->errand);
	free(d);
}

static struct deputy *deputy_oldest(const struct errands *x)
{
	struct table_node *node = x->deputies.oldest;

	return node == NULL ? NULL : table_entry(node, struct deputy, by_process);
}

void errands_done(struct errands *x)
{
	struct deputy *d;

	while ((d = deputy_oldest(x)) != NULL)
		deputy_free(x, d);
	table_done(&x->deputies);
}

void errands_tick(struct errands *x, uint64_t time_ns)
{
	struct deputy *d;

	while ((d = deputy_oldest(x)) != NULL && d->keep_ns < time_ns)
		deputy_free(x, d);
}

static struct deputy *deputy_find(const struct errands *x, uint64_t process)
{
	struct table_node *node;

	if (x->deputies.n == 0)
		return NULL;
	node = table_find(&x->deputies, table_hash(&x->deputies, &process, sizeof(process)),
			  &process);
	return node == NULL ? NULL : table_entry(node, struct deputy, by_process);
}

/* The one of a process that is on an errand at that time; NULL: none. */
static struct deputy *deputy_open(const struct errands *x, uint64_t process, uint64_t time_ns)
{
	struct deputy *d = deputy_find(x, process);

	if (d == NULL || d->errand == NULL)
		return NULL;
	return d->from_ns <= time_ns && time_ns <= d->until_ns ? d : NULL;
}

/* ---- An errand ---- */

/* One that is asked for by a socket. NULL: no memory. */
static struct errand_ref *errand_ask(const struct asking *a, const struct exec_node *who,
				     const struct exec_node *deputy)
{
	struct errand_ref *r = errand_new(who, a->kind->name, a->asked_ns);

	if (r == NULL)
		return NULL;
	r->e.socket_len = a->socket_len;
	memcpy(r->e.socket, a->socket, a->socket_len);
	errand_deputy(&r->e.deputy, deputy);
	return r;
}

/* The same, that one deputy hands on to the next. NULL: no memory. */
static struct errand_ref *errand_pass(const struct errand_ref *from, const struct exec_node *deputy)
{
	struct errand_ref *r = errand_copy(from);

	if (r != NULL && r->e.passed_n < ERRAND_PASSED_MAX)
		errand_deputy(&r->e.passed[r->e.passed_n++], deputy);
	return r;
}

/* ---- What comes of it ---- */

void errands_born(struct errands *x, struct exec_node *n, const struct exec_node *parent)
{
	struct deputy *d;

	/* Forked, not what a deputy itself executes. */
	if (parent == NULL || n->e.process != n->e.exec_id)
		return;
	d = deputy_open(x, parent->e.process, n->e.start_ns);
	if (d != NULL && n->via != d->errand)
		errand_set(n, d->errand, errand_after(d->errand, n->e.start_ns));
}

/* It was forked on an errand that fits better. Of one ask the nearer deputy fits better than the
 * one that handed it on, from which this one has it so far. */
static bool is_of_other(const struct exec_node *n, const struct errand_ref *r)
{
	const struct errand *e;

	if (n->via == NULL)
		return false;
	e = &n->via->e;
	if (e->asked_ns == r->e.asked_ns && e->exec_id == r->e.exec_id)
		return false;
	return e->asked_ns >= r->e.asked_ns || n->e.start_ns < r->e.asked_ns;
}

/* What the deputy forked while the ask was on its way to us. They stand in the order they were
 * told, which is mostly that of their birth: of those that are too old some are passed over. */
static void errand_catch_up(const struct asking *a, const struct deputy *d,
			    const struct exec_node *deputy, uint64_t from_ns)
{
	const struct list *at;
	struct exec_node *top;
	size_t older = 0;

	for (at = deputy->children.prev; at != &deputy->children; at = at->prev) {
		top = list_entry(at, struct exec_node, sibling);
		if (top->e.start_ns < from_ns) {
			if (++older == OLDER_MAX)
				break;
			continue;
		}
		if (top->e.process == deputy->e.process || top->e.start_ns > d->until_ns ||
		    is_of_other(top, d->errand))
			continue;
		errand_reach(top, d->errand, a->time_ns, a->gain, a->arg);
	}
}

/* ---- Who asks ---- */

/* NULL: it has not asked. */
static struct ask *ask_of(const struct deputy *d, uint64_t exec_id)
{
	struct list *i;

	list_each(i, &d->asks)
	{
		struct ask *ask = list_entry(i, struct ask, mine);

		if (ask->exec_id == exec_id)
			return ask;
	}
	return NULL;
}

/* How many have asked within the window before that time, but this one. */
static uint32_t askers(const struct deputy *d, uint64_t but, uint64_t asked_ns)
{
	const struct list *i;
	uint32_t n = 0;

	list_each(i, &d->asks)
	{
		const struct ask *ask = list_entry(i, struct ask, mine);

		n += ask->exec_id != but && ask->last_ns + WINDOW_NS >= asked_ns;
	}
	return n;
}

/* 0 or -ENOMEM. */
static int ask_note(const struct asking *a, struct deputy *d, struct exec_node *who)
{
	struct ask *ask = ask_of(d, who->e.exec_id);

	who->asked = true;
	if (ask == NULL && d->asks_n > ERRAND_ASKERS_MAX) {
		ask = list_entry(list_first(&d->asks), struct ask, mine);
		*ask = (struct ask){ .mine = ask->mine, .exec_id = who->e.exec_id };
	}
	if (ask == NULL) {
		ask = calloc(1, sizeof(*ask));
		if (ask == NULL)
			return -ENOMEM;
		ask->exec_id = who->e.exec_id;
		list_init(&ask->mine);
		d->asks_n++;
	}
	list_add(&d->asks, &ask->mine);
	if (ask->first_ns == 0 || ask->first_ns + WINDOW_NS < a->asked_ns)
		ask->first_ns = a->asked_ns;
	if (ask->last_ns < a->asked_ns)
		ask->last_ns = a->asked_ns;
	ask->socket_len = a->socket_len;
	memcpy(ask->socket, a->socket, a->socket_len);
	return 0;
}

/* ---- Whom ---- */

/* What hands on only (a bus) was started by the one that acts: systemd, of the machine or of the
 * user. */
static struct exec_node *manager_of(struct exec_node *bus)
{
	struct exec_node *n;

	for (n = bus; n != NULL; n = n->parent)
		if (n->e.end_ns == 0 && (n->e.tgid == 1 || strcmp(n->e.name, "systemd") == 0))
			return n;
	return bus;
}

/* The one asked longest ago that is on no errand now, else the one asked longest ago. */
static struct deputy *deputy_worst(const struct errands *x, uint64_t time_ns)
{
	struct table_node *node;
	struct deputy *d;

	for (node = x->deputies.oldest; node != NULL; node = node->newer) {
		d = table_entry(node, struct deputy, by_process);
		if (d->errand == NULL || d->until_ns < time_ns)
			return d;
	}
	return deputy_oldest(x);
}

/* 0, -ENOSPC: there was no room, or one that still counted had to go, or -ENOMEM. Who has no role
 * takes nobody's errand away. */
static int deputy_get(const struct asking *a, const struct exec_node *n, bool role,
		      struct deputy **ret)
{
	struct table *t = &a->x->deputies;
	struct deputy *d = deputy_find(a->x, n->e.process), *worst;
	int err = 0;

	if (d != NULL) {
		*ret = d;
		return 0;
	}
	if (t->n == t->max) {
		worst = deputy_worst(a->x, a->asked_ns);
		if (worst->keep_ns >= a->asked_ns)
			err = -ENOSPC;
		if (!role && worst->errand != NULL && worst->until_ns >= a->asked_ns)
			return err;
		deputy_free(a->x, worst);
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->process = n->e.process;
	d->tgid = n->e.tgid;
	list_init(&d->asks);
	(void)table_add(t, &d->by_process, table_hash(t, &d->process, sizeof(d->process)));
	*ret = d;
	return err;
}

/* ---- Errands ---- */

static uint64_t before(uint64_t time_ns)
{
	return time_ns > SLACK_NS ? time_ns - SLACK_NS : 0;
}

/* Has it a later one? Two that talk to each other must not keep an errand alive, and an answer may
 * be told late. */
static bool deputy_has_later(const struct deputy *d, uint64_t asked_ns)
{
	return d->errand != NULL && d->errand->e.asked_ns > asked_ns;
}

static bool deputy_has(const struct deputy *d, uint64_t exec_id, uint64_t asked_ns)
{
	return d->errand != NULL && d->errand->e.asked_ns == asked_ns &&
	       d->errand->e.exec_id == exec_id;
}

/* It asked others on its own, as it seemed: those are looked at again. */
static void look_again(struct errands *x, struct exec_node *n)
{
	if (n->asked)
		list_add(&x->gained, &n->gained);
}

static void deputy_send(const struct asking *a, struct deputy *d, struct exec_node *deputy,
			struct errand_ref *r, uint64_t asker)
{
	uint32_t others = askers(d, asker, a->asked_ns);

	if (r->e.others < others)
		r->e.others = others;
	r->refs++;
	errand_put(d->errand);
	d->errand = r;
	d->asker = asker;
	d->from_ns = before(a->asked_ns);
	d->until_ns = a->until_ns;
	if (d->keep_ns < d->until_ns)
		d->keep_ns = d->until_ns;
	errand_catch_up(a, d, deputy, d->from_ns);
	look_again(a->x, deputy);
}

/* Of its errand more is known: what it does from now on is of that, and what it has done meanwhile.
 */
static int deputy_renew(const struct asking *a, struct deputy *d, struct exec_node *deputy,
			uint64_t roles, uint32_t others)
{
	bool more = (roles & ~d->errand->e.roles) != 0;
	uint64_t since_ns = before(a->since_ns);
	struct errand_ref *r = d->errand;

	if (!more && others <= r->e.others)
		return 0;
	if (r->refs > 1) { /* those that have it keep it as it was for them */
		r = errand_copy(r);
		if (r == NULL)
			return -ENOMEM;
		errand_put(d->errand);
		d->errand = r;
	}
	r->e.roles |= roles;
	if (r->e.others < others)
		r->e.others = others;
	errand_catch_up(a, d, deputy, more || since_ns < d->from_ns ? d->from_ns : since_ns);
	look_again(a->x, deputy);
	return 0;
}

/* On the errand that `from` is on. */
static int ask_pass(const struct asking *a, const struct deputy *from, struct deputy *d,
		    struct exec_node *deputy, const struct exec_node *who)
{
	const struct errand *e = &from->errand->e;
	struct asking on = *a;
	struct errand_ref *r;

	if (deputy_has_later(d, e->asked_ns))
		return 0;
	if (deputy_has(d, e->exec_id, e->asked_ns))
		return deputy_renew(a, d, deputy, e->roles, e->others);
	r = errand_pass(from->errand, deputy);
	if (r == NULL)
		return -ENOMEM;
	on.until_ns = from->until_ns;
	deputy_send(&on, d, deputy, r, who->e.exec_id);
	errand_put(r);
	return 0; // NOLINT: the deputy refers to it
}

/* By one with a role. */
static int ask_send(const struct asking *a, struct deputy *d, struct exec_node *deputy,
		    const struct exec_node *who)
{
	struct errand_ref *r;

	if (d->errand != NULL && d->errand->e.exec_id == who->e.exec_id &&
	    d->errand->e.asked_ns >= a->asked_ns)
		return deputy_renew(a, d, deputy, who->e.roles, 0);
	if (deputy_has_later(d, a->asked_ns))
		return 0;
	r = errand_ask(a, who, deputy);
	if (r == NULL)
		return -ENOMEM;
	deputy_send(a, d, deputy, r, who->e.exec_id);
	errand_put(r);
	return 0; // NOLINT: the deputy refers to it
}

/* What comes of an ask: it is handed on, is one by a process with a role, or is another's, for
 * which the deputy may as well do what it seems to do on an errand. */
static int ask_take(const struct asking *a, struct deputy *d, struct exec_node *deputy,
		    const struct exec_node *who)
{
	const struct deputy *from = deputy_open(a->x, who->e.process, a->asked_ns);

	if (from != NULL && !a->kind->manager)
		return ask_pass(a, from, d, deputy, who);
	if (from == NULL && who->e.roles != 0)
		return ask_send(a, d, deputy, who);
	if (d->errand == NULL || d->until_ns < a->asked_ns || d->asker == who->e.exec_id)
		return 0;
	return deputy_renew(a, d, deputy, 0, askers(d, d->asker, a->asked_ns));
}

int errands_ask(struct errands *x, struct exec_node *who, struct exec_node *deputy,
		const struct event *ev, errands_gain_fn *gain, void *arg)
{
	const struct asking a = { .x = x,
				  .kind = deputy_of_socket(ev->ask.name, ev->ask.name_len),
				  .socket = ev->ask.name,
				  .socket_len = ev->ask.name_len,
				  .asked_ns = ev->ask.asked_ns,
				  .until_ns = ev->ask.asked_ns + WINDOW_NS,
				  .time_ns = ev->time_ns,
				  .since_ns = ev->ask.asked_ns,
				  .gain = gain,
				  .arg = arg };
	struct deputy *d = NULL;
	int err, err2;

	if (a.kind == NULL || deputy == NULL)
		return 0;
	if (a.kind->bus)
		deputy = manager_of(deputy);
	if (deputy->e.process == who->e.process)
		return 0;
	err = deputy_get(&a, deputy, who->e.roles != 0, &d);
	if (d == NULL)
		return err;
	table_touch(&x->deputies, &d->by_process);
	if (d->keep_ns < a.until_ns)
		d->keep_ns = a.until_ns;
	err2 = ask_note(&a, d, who);
	if (err2 == 0)
		err2 = ask_take(&a, d, deputy, who);
	return err < 0 ? err : err2;
}

/* ---- Roles that come late ---- */

void errands_gained(struct errands *x, struct exec_node *n)
{
	look_again(x, n);
}

/* What it asked this deputy for. */
static int ask_again(struct asking *a, const struct executions *executions, struct deputy *d,
		     const struct exec_node *who)
{
	const struct ask *ask = ask_of(d, who->e.exec_id);
	struct exec_node *deputy;

	if (ask == NULL)
		return 0;
	deputy = execution_of_process(executions, d->tgid, ask->first_ns);
	if (deputy == NULL || deputy->e.process != d->process)
		return 0;
	a->kind = deputy_of_socket(ask->socket, ask->socket_len);
	a->socket = ask->socket;
	a->socket_len = ask->socket_len;
	/* A deputy may have asked for others before it was on an errand. */
	a->asked_ns = deputy_open(a->x, who->e.process, ask->last_ns) != NULL &&
				      deputy_open(a->x, who->e.process, ask->first_ns) == NULL
			      ? ask->last_ns
			      : ask->first_ns;
	a->until_ns = ask->last_ns + WINDOW_NS;
	return a->kind == NULL ? 0 : ask_take(a, d, deputy, who);
}

int errands_settle(struct errands *x, const struct executions *executions, uint64_t time_ns,
		   errands_gain_fn *gain, void *arg)
{
	struct asking a = {
		.x = x, .time_ns = time_ns, .since_ns = time_ns, .gain = gain, .arg = arg
	};
	struct table_node *node;
	struct exec_node *who;
	struct list *first;
	int err = 0, err2;

	while ((first = list_first(&x->gained)) != NULL) {
		list_del(first);
		who = list_entry(first, struct exec_node, gained);
		for (node = x->deputies.oldest; node != NULL; node = node->newer) {
			err2 = ask_again(&a, executions,
					 table_entry(node, struct deputy, by_process), who);
			err = err < 0 ? err : err2;
		}
	}
	return err;
}

struct via errands_via(const struct errands *x, const struct exec_node *who, uint64_t time_ns)
{
	const struct deputy *d = deputy_open(x, who->e.process, time_ns);

	if (d == NULL)
		return who->e.via;
	return (struct via){ .errand = &d->errand->e,
			     .after_ns = errand_after(d->errand, time_ns) };
}
