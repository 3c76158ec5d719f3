/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * accounts.c: what was sent, by execution and far end. They live as long as their execution.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

static struct of_account_key key_of(const struct account_node *n)
{
	return (struct of_account_key){ .exec_id = n->who == NULL ? 0 : n->who->e.exec_id,
					.to = n->a.to };
}

static bool same_key(const struct table_node *node, const void *key)
{
	struct of_account_key own = key_of(table_entry(node, struct account_node, by_key));

	return memcmp(&own, key, sizeof(own)) == 0;
}

int accounts_init(struct accounts *x, size_t max)
{
	return table_init(&x->by_key, max, same_key);
}

static void node_free(struct accounts *x, struct account_node *n)
{
	table_del(&x->by_key, &n->by_key);
	slots_del(&x->slots, n->place);
	free(n);
}

void accounts_done(struct accounts *x)
{
	while (x->by_key.oldest != NULL)
		node_free(x, table_entry(x->by_key.oldest, struct account_node, by_key));
	table_done(&x->by_key);
	slots_done(&x->slots);
}

struct account_node *account_find(const struct accounts *x, uint64_t exec_id,
				  const struct of_endpoint *to)
{
	struct of_account_key key = { .exec_id = exec_id, .to = *to };
	struct table_node *node =
		table_find(&x->by_key, table_hash(&x->by_key, &key, sizeof(key)), &key);

	return node == NULL ? NULL : table_entry(node, struct account_node, by_key);
}

struct account_node *account_add(struct accounts *x, struct exec_node *who,
				 const struct of_endpoint *to)
{
	struct account_node *n = calloc(1, sizeof(*n));
	struct of_account_key key;

	if (n == NULL)
		return NULL;
	n->who = who;
	n->a.who = who == NULL ? NULL : &who->e;
	n->a.to = *to;
	if (slots_add(&x->slots, n, &n->place) < 0) {
		free(n);
		return NULL;
	}
	key = key_of(n);
	if (table_add(&x->by_key, &n->by_key, table_hash(&x->by_key, &key, sizeof(key))) < 0) {
		slots_del(&x->slots, n->place);
		free(n);
		return NULL;
	}
	if (who != NULL) {
		n->sibling = who->accounts;
		who->accounts = n;
	}
	return n;
}

/* NULL: over for long, and counted. */
static struct generation *generation_get(struct account_node *n, uint32_t number)
{
	struct generation *now = &n->now, *before = &n->before;

	if (!n->counted) {
		n->counted = true;
		now->number = before->number = number;
	}
	if (number == now->number)
		return now;
	if ((int32_t)(number - now->number) > 0) {
		*before = *now;
		*now = (struct generation){ .number = number };
		return now;
	}
	if (before->number == now->number)
		before->number = number; /* not met yet */
	return number == before->number ? before : NULL;
}

uint64_t account_grow(struct account_node *n, uint32_t generation, uint64_t sent, uint64_t time_ns)
{
	struct generation *g = generation_get(n, generation);
	uint64_t delta;

	/* A record from the ring may be older than what a look has told since. */
	if (g == NULL || sent <= g->seen)
		return 0;
	delta = sent - g->seen;
	g->seen = sent;
	n->a.sent += delta;
	if (n->a.first_ns == 0)
		n->a.first_ns = time_ns;
	n->a.last_ns = time_ns;
	return delta;
}

void account_await(struct accounts *x, struct account_node *n, uint64_t time_ns)
{
	n->attempt_ns = time_ns == 0 ? 1 : time_ns;
	n->a.first_ns = n->a.last_ns = time_ns;
	if (x->pending_last != NULL)
		x->pending_last->pending_next = n;
	else
		x->pending_first = n;
	x->pending_last = n;
}

static void pending_pop(struct accounts *x)
{
	struct account_node *n = x->pending_first;

	x->pending_first = n->pending_next;
	if (x->pending_first == NULL)
		x->pending_last = NULL;
	n->pending_next = NULL;
	n->attempt_ns = 0;
}

struct account_node *account_attempt(struct accounts *x, uint64_t before_ns)
{
	struct account_node *n;

	while ((n = x->pending_first) != NULL && n->attempt_ns < before_ns) {
		pending_pop(x);
		if (n->a.sent == 0)
			return n;
	}
	return NULL;
}

static void pending_del(struct accounts *x, const struct account_node *gone)
{
	struct account_node *n, *last = NULL;

	for (n = x->pending_first; n != NULL && n != gone; n = n->pending_next)
		last = n;
	if (n == NULL)
		return;
	if (last == NULL) {
		pending_pop(x);
		return;
	}
	last->pending_next = n->pending_next;
	if (x->pending_last == n)
		x->pending_last = last;
}

void accounts_release(struct accounts *x, struct exec_node *who)
{
	struct account_node *n;

	while ((n = who->accounts) != NULL) {
		who->accounts = n->sibling;
		/* Rare: an attempt waits half a second, an execution's grace is far longer. */
		if (n->attempt_ns != 0)
			pending_del(x, n);
		node_free(x, n);
	}
}
