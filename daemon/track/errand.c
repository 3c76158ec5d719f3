/* SPDX-License-Identifier: BSD-2-Clause */
/* errand.c: one errand, and the executions that are of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "track/errands.h"
#include "track/private.h"

#include "base/poison.h"

#define LINEAGE_MAX 12 /* names at each end of the lineage of who asked */

void errand_put(struct errand_ref *r)
{
	if (r == NULL || --r->refs > 0)
		return;
	text_put(r->lineage);
	context_put(r->context);
	claims_put(r->claims);
	free(r);
}

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

/* That of who asks, or of who it asks for. */
static void errand_context(struct errand_ref *r, const struct exec_node *who)
{
	r->e.ci = ci_place_of(&who->e, &who->e.via);
	if (who->context == NULL && who->via != NULL) {
		r->context = context_ref(who->via->context);
		r->claims = claims_ref(who->via->claims);
	} else {
		r->context = context_ref(who->context);
		r->claims = claims_ref(who->claims);
	}
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
	errand_context(r, who);
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
	(void)context_ref(r->context);
	(void)claims_ref(r->claims);
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
