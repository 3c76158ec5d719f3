/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/counted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#include "base/poison.h"

/* All bytes count. */
struct key {
	struct of_endpoint to;
	uint64_t exec_id;
	uint32_t rule;
	uint32_t flags; /* of the account: an overflow has no far end of its own */
};

struct note {
	struct table_node node;
	struct key key;
	uint64_t sent;
};

struct counted {
	struct table table;
	uint64_t evicted;
};

static bool same_key(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct note, node)->key, key, sizeof(struct key)) == 0;
}

int counted_new(size_t max, struct counted **ret)
{
	struct counted *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c != NULL)
		err = table_init(&c->table, max, same_key);
	if (err < 0) {
		free(c);
		return err;
	}
	*ret = c;
	return 0;
}

static void note_drop(struct counted *c, struct note *n)
{
	table_del(&c->table, &n->node);
	free(n);
}

void counted_free(struct counted *c)
{
	if (c == NULL)
		return;
	while (c->table.oldest != NULL)
		note_drop(c, table_entry(c->table.oldest, struct note, node));
	table_done(&c->table);
	free(c);
}

static struct key key_of(const struct account *a, uint32_t rule)
{
	return (struct key){ .to = a->to,
			     .exec_id = a->who == NULL ? 0 : a->who->exec_id,
			     .rule = rule,
			     .flags = a->flags & OF_ACCOUNT_OVERFLOW };
}

static struct note *note_find(const struct counted *c, const struct key *key)
{
	struct table_node *node =
		table_find(&c->table, table_hash(&c->table, key, sizeof(*key)), key);

	return node == NULL ? NULL : table_entry(node, struct note, node);
}

void counted_note(struct counted *c, const struct account *a, uint32_t rule, uint64_t sent)
{
	struct key key = key_of(a, rule);
	struct note *n = note_find(c, &key);

	if (n == NULL) {
		n = calloc(1, sizeof(*n));
		if (n == NULL) {
			c->evicted++;
			return;
		}
		if (c->table.n >= c->table.max) {
			note_drop(c, table_entry(c->table.oldest, struct note, node));
			c->evicted++;
		}
		n->key = key;
		(void)table_add(&c->table, &n->node, table_hash(&c->table, &key, sizeof(key)));
	}
	n->sent = sent;
}

uint64_t counted_take(struct counted *c, const struct account *a, uint32_t rule)
{
	struct key key = key_of(a, rule);
	struct note *n = note_find(c, &key);
	uint64_t sent = n == NULL ? 0 : n->sent;

	if (n != NULL)
		note_drop(c, n);
	return sent;
}

uint64_t counted_evicted(const struct counted *c)
{
	return c->evicted;
}
