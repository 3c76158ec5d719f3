/* SPDX-License-Identifier: BSD-2-Clause */
/* errands.c: see errands.h. Time is the event's. */
#include "track/errands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "track/deputies.h"
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

/* A process that was asked. */
struct deputy {
	struct table_node by_process;
	uint64_t process; /* exec_id of its first execution: a later process never has that */
	uint64_t from_ns, until_ns;
	struct errand_ref *errand;
	struct asker {
		uint64_t exec_id; /* 0: none */
		uint64_t asked_ns;
	} askers[ASKERS_MAX];
};

/* An ask that is under way. */
struct asking {
	struct errands *x;
	const struct event *ev;
	errands_gain_fn *gain;
	void *arg;
};

static bool same_process(const struct table_node *node, const void *key)
{
	return table_entry(node, struct deputy, by_process)->process == *(const uint64_t *)key;
}

int errands_init(struct errands *x)
{
	return table_init(&x->deputies, DEPUTIES_MAX, same_process);
}

void errand_put(struct errand_ref *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	text_put(r->lineage);
	free(r);
}

static void deputy_free(struct errands *x, struct deputy *d)
{
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

	while ((d = deputy_oldest(x)) != NULL && d->until_ns < time_ns)
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

	return d != NULL && d->from_ns <= time_ns && time_ns <= d->until_ns ? d : NULL;
}

/* ---- An errand ---- */

static void text_add(char *text, size_t size, size_t *len, const char *name, uint64_t n)
{
	int more = name == NULL ? snprintf(text + *len, size - *len, "...(+%" PRIu64 ")", n)
				: snprintf(text + *len, size - *len, "%s[%" PRIu64 "]", name, n);

	*len += (size_t)more + 1;
}

/* "name[pid]" of each that is worth its place, the topmost first, as in an alert. */
static struct text *lineage_text(const struct execution *e, size_t *ret_len)
{
	const struct execution *shown[LINEAGE_DEPTH_MAX + 1], *p;
	char text[(2 * LINEAGE_MAX + 1) * (OF_NAME_LEN + 32) * 2];
	uint64_t gap[LINEAGE_DEPTH_MAX + 1] = { 0 }, out = 0;
	size_t n = 0, i;

	for (p = e; p != NULL && n <= LINEAGE_DEPTH_MAX; p = p->parent) {
		if (p == e || lineage_shows(p))
			shown[n++] = p;
		gap[n - 1] += p->elided;
	}
	*ret_len = 0;
	for (i = n; i-- > 0;) {
		out += gap[i];
		if (i >= LINEAGE_MAX && i + LINEAGE_MAX < n) {
			out++;
			continue;
		}
		if (out > 0)
			text_add(text, sizeof(text), ret_len, NULL, out);
		out = 0;
		text_add(text, sizeof(text), ret_len, shown[i]->name, shown[i]->tgid);
	}
	return text_new(text, *ret_len);
}

void errand_deputy(struct errand_deputy *ret, const struct exec_node *n)
{
	ret->tgid = n->e.tgid;
	memcpy(ret->name, n->e.name, sizeof(ret->name));
}

struct errand_ref *errand_new(const struct exec_node *who, const char *kind, uint64_t asked_ns)
{
	struct errand_ref *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->refs = 1;
	r->lineage = lineage_text(&who->e, &r->e.lineage_len);
	if (r->lineage == NULL) {
		free(r);
		return NULL;
	}
	r->e.lineage = r->lineage->s;
	r->e.kind = kind;
	r->e.asked_ns = asked_ns;
	r->e.exec_id = who->e.exec_id;
	r->e.roles = who->e.roles;
	r->e.tgid = who->e.tgid;
	memcpy(r->e.name, who->e.name, sizeof(r->e.name));
	return r;
}

struct errand_ref *errand_copy(const struct errand_ref *from)
{
	struct errand_ref *r = malloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	*r = *from;
	r->refs = 1;
	(void)text_get(r->lineage);
	return r;
}

/* One that is asked for by a socket. NULL: no memory. */
static struct errand_ref *errand_ask(const struct exec_node *who, const struct exec_node *deputy,
				     const struct deputy_kind *kind, const struct event *ev)
{
	struct errand_ref *r = errand_new(who, kind->name, ev->ask.asked_ns);

	if (r == NULL)
		return NULL;
	r->e.socket_len = ev->ask.name_len;
	memcpy(r->e.socket, ev->ask.name, ev->ask.name_len);
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

static void via_set(struct exec_node *n, struct errand_ref *r, uint64_t after_ns)
{
	r->refs++;
	errand_put(n->via);
	n->via = r;
	n->e.via = (struct via){ .errand = &r->e, .after_ns = after_ns };
}

void errand_set(struct exec_node *n, struct errand_ref *r, uint64_t after_ns)
{
	via_set(n, r, after_ns);
	n->e.roles |= r->e.roles;
}

void errand_inherit(struct exec_node *n, const struct exec_node *from)
{
	if (from->via != NULL)
		errand_set(n, from->via, from->e.via.after_ns);
}

uint64_t errand_after(const struct errand_ref *r, uint64_t time_ns)
{
	return time_ns > r->e.asked_ns ? time_ns - r->e.asked_ns : 0;
}

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

/* The next of those that descend from `top`; NULL: `n` was the last. */
static struct exec_node *descendant_next(const struct exec_node *top, struct exec_node *n)
{
	if (!list_empty(&n->children))
		return list_entry(n->children.next, struct exec_node, sibling);
	while (n != top && n->parent != NULL && n->sibling.next == &n->parent->children)
		n = n->parent;
	return n == top || n->parent == NULL
		       ? NULL
		       : list_entry(n->sibling.next, struct exec_node, sibling);
}

void errand_reach(struct exec_node *top, struct errand_ref *r, uint64_t time_ns,
		  errands_gain_fn *gain, void *arg)
{
	uint64_t after_ns = errand_after(r, top->e.start_ns);
	struct exec_node *n;

	for (n = top; n != NULL; n = descendant_next(top, n))
		via_set(n, r, after_ns);
	gain(arg, top, r->e.roles, time_ns);
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
static void errand_catch_up(const struct deputy *d, const struct exec_node *deputy,
			    const struct asking *a)
{
	const struct list *at;
	struct exec_node *top;
	size_t older = 0;

	for (at = deputy->children.prev; at != &deputy->children; at = at->prev) {
		top = list_entry(at, struct exec_node, sibling);
		if (top->e.start_ns < d->from_ns) {
			if (++older == OLDER_MAX)
				break;
			continue;
		}
		if (top->e.process == deputy->e.process || top->e.start_ns > d->until_ns ||
		    is_of_other(top, d->errand))
			continue;
		errand_reach(top, d->errand, a->ev->time_ns, a->gain, a->arg);
	}
}

/* ---- Asks ---- */

/* How many others asked within the window before this one. */
static uint32_t asker_note(struct deputy *d, uint64_t exec_id, uint64_t asked_ns)
{
	struct asker *mine = NULL, *oldest = &d->askers[0];
	uint32_t others = 0;
	size_t i;

	for (i = 0; i < ASKERS_MAX; i++) {
		struct asker *a = &d->askers[i];

		if (a->exec_id == exec_id)
			mine = a;
		else if (a->exec_id != 0 && a->asked_ns + WINDOW_NS >= asked_ns)
			others++;
		if (a->asked_ns < oldest->asked_ns)
			oldest = a;
	}
	if (mine == NULL)
		mine = oldest;
	*mine = (struct asker){ .exec_id = exec_id, .asked_ns = asked_ns };
	return others;
}

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

/* 0, -ENOSPC: one that was still open had to go, or -ENOMEM. */
static int deputy_get(struct errands *x, uint64_t process, uint64_t time_ns, struct deputy **ret)
{
	struct deputy *d = deputy_find(x, process), *oldest;
	int err = 0;

	if (d != NULL) {
		*ret = d;
		return 0;
	}
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->process = process;
	if (x->deputies.n == x->deputies.max) {
		oldest = deputy_oldest(x);
		if (oldest->until_ns >= time_ns)
			err = -ENOSPC;
		deputy_free(x, oldest);
	}
	(void)table_add(&x->deputies, &d->by_process,
			table_hash(&x->deputies, &process, sizeof(process)));
	*ret = d;
	return err;
}

static int deputy_send(const struct asking *a, struct exec_node *deputy, struct errand_ref *r,
		       uint64_t until_ns)
{
	uint64_t asked_ns = a->ev->ask.asked_ns;
	struct deputy *d = NULL;
	int err;

	if (r == NULL)
		return -ENOMEM;
	err = deputy_get(a->x, deputy->e.process, asked_ns, &d);
	if (d == NULL)
		return err;
	r->e.others = asker_note(d, r->e.exec_id, r->e.asked_ns);
	r->refs++;
	errand_put(d->errand);
	d->errand = r;
	d->from_ns = asked_ns > SLACK_NS ? asked_ns - SLACK_NS : 0;
	d->until_ns = until_ns;
	table_touch(&a->x->deputies, &d->by_process);
	errand_catch_up(d, deputy, a);
	return err;
}

/* Has it got this one already, or a later one? Two that talk to each other must not keep an errand
 * alive, and an answer may be told late. */
static bool deputy_has(const struct deputy *d, uint64_t exec_id, uint64_t asked_ns)
{
	if (d == NULL)
		return false;
	return d->errand->e.asked_ns > asked_ns ||
	       (d->errand->e.asked_ns == asked_ns && d->errand->e.exec_id == exec_id);
}

/* On the errand that `from` is on. */
static int ask_pass(const struct asking *a, const struct deputy *from, struct exec_node *deputy)
{
	const struct errand *e = &from->errand->e;
	struct errand_ref *r;
	int err;

	if (deputy_has(deputy_find(a->x, deputy->e.process), e->exec_id, e->asked_ns))
		return 0;
	r = errand_pass(from->errand, deputy);
	err = deputy_send(a, deputy, r, from->until_ns);
	errand_put(r);
	return err; // NOLINT: the deputy refers to it
}

int errands_ask(struct errands *x, struct exec_node *who, struct exec_node *deputy,
		const struct event *ev, errands_gain_fn *gain, void *arg)
{
	const struct asking a = { .x = x, .ev = ev, .gain = gain, .arg = arg };
	const struct deputy_kind *kind = deputy_of_socket(ev->ask.name, ev->ask.name_len);
	uint64_t asked_ns = ev->ask.asked_ns;
	const struct deputy *from;
	struct errand_ref *r;
	int err;

	if (kind == NULL || deputy == NULL)
		return 0;
	if (kind->bus)
		deputy = manager_of(deputy);
	if (deputy->e.process == who->e.process)
		return 0;
	from = deputy_open(x, who->e.process, asked_ns);
	if (from != NULL)
		return kind->manager ? 0 : ask_pass(&a, from, deputy);
	if (who->e.roles == 0 ||
	    deputy_has(deputy_find(x, deputy->e.process), who->e.exec_id, asked_ns))
		return 0;
	r = errand_ask(who, deputy, kind, ev);
	err = deputy_send(&a, deputy, r, asked_ns + WINDOW_NS);
	errand_put(r);
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
