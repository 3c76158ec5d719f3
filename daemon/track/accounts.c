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
	list_init(&x->pending);
	list_init(&x->final);
	return table_init(&x->by_key, max, same_key);
}

static void node_free(struct accounts *x, struct account_node *n)
{
	table_del(&x->by_key, &n->by_key);
	slots_del(&x->slots, n->place);
	list_del(&n->sibling);
	list_del(&n->made);
	list_del(&n->pending);
	list_del(&n->final);
	naming_done(n);
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
	list_init(&n->sibling);
	list_init(&n->made);
	list_init(&n->pending);
	list_init(&n->final);
	list_init(&n->settling);
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
	if (who != NULL)
		list_add(&who->accounts, &n->sibling);
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

uint64_t account_grow(struct account_node *n, const struct of_account *a, uint64_t time_ns)
{
	struct generation *g = generation_get(n, a->generation);
	uint64_t delta;

	/* A record from the ring may be older than what a look has told since. */
	if (g != NULL && a->received > g->received) {
		n->a.received += a->received - g->received;
		g->received = a->received;
	}
	if (g == NULL || a->sent <= g->seen)
		return 0;
	list_del(&n->final);
	delta = a->sent - g->seen;
	g->seen = a->sent;
	n->a.sent += delta;
	if (n->a.first_ns == 0)
		n->a.first_ns = time_ns;
	n->a.last_ns = time_ns;
	return delta;
}

uint64_t account_shrink(struct account_node *n, const struct of_account *a)
{
	struct generation *g = generation_get(n, a->generation);
	uint64_t delta;

	if (g == NULL || a->moved <= g->moved)
		return 0;
	delta = a->moved - g->moved;
	if (delta > n->a.sent)
		delta = n->a.sent; /* its growth comes later */
	g->moved += delta;
	n->a.sent -= delta;
	return delta;
}

void account_made_by(struct account_node *n, struct exec_node *creator)
{
	n->a.creator = &creator->e;
	list_add(&creator->made, &n->made);
}

void accounts_disown(struct exec_node *creator)
{
	struct account_node *n;
	struct list *first;

	while ((first = list_first(&creator->made)) != NULL) {
		n = list_entry(first, struct account_node, made);
		n->a.creator = NULL;
		list_del(&n->made);
	}
}

void account_await(struct accounts *x, struct account_node *n, uint64_t time_ns)
{
	n->attempt_ns = time_ns;
	if (n->a.first_ns == 0)
		n->a.first_ns = time_ns;
	n->a.last_ns = time_ns;
	list_del(&n->final);
	list_add(&x->pending, &n->pending);
}

struct account_node *account_attempt(struct accounts *x, uint64_t before_ns)
{
	struct account_node *n;
	struct list *first;

	while ((first = list_first(&x->pending)) != NULL) {
		n = list_entry(first, struct account_node, pending);
		if (n->attempt_ns >= before_ns)
			return NULL;
		list_del(&n->pending);
		if (n->a.sent > 0)
			continue;
		list_add(&x->final, &n->final); /* the kernel has no slot for it */
		return n;
	}
	return NULL;
}

void account_finish(struct accounts *x, struct account_node *n, uint32_t generation)
{
	if (n->counted && n->now.number == generation)
		list_add(&x->final, &n->final);
}

bool account_evict(struct accounts *x)
{
	struct list *first = list_first(&x->final);

	if (first == NULL)
		return false;
	node_free(x, list_entry(first, struct account_node, final));
	return true;
}

void accounts_release(struct accounts *x, struct exec_node *who)
{
	struct list *first;

	while ((first = list_first(&who->accounts)) != NULL)
		node_free(x, list_entry(first, struct account_node, sibling));
}
