/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/kept.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#include "base/poison.h"

/* Only the compiler must be kept from another order: see journal.c. */
#define FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)

struct kept {
	struct kept_shape shape;
	struct table table;	  /* of `nodes`, in the order of marks */
	struct table_node *nodes; /* one for each slot */
	struct table_node *free;  /* of slots below `used`, by `next` */
	char *slots;		  /* memory of the first `placed` */
	uint32_t placed, used;
	uint64_t mark; /* the highest that was given */
};

/* A key in question, for key_same(). */
struct question {
	const struct kept *kept;
	const void *key;
};

static struct of_kept_head *slot_at(const struct kept *k, uint32_t slot)
{
	return (struct of_kept_head *)(void *)(k->slots + slot * k->shape.size);
}

static struct of_kept_head *node_slot(const struct kept *k, const struct table_node *node)
{
	return slot_at(k, (uint32_t)(node - k->nodes));
}

static bool key_same(const struct table_node *node, const void *key)
{
	const struct question *q = key;

	return memcmp(node_slot(q->kept, node) + 1, q->key, q->kept->shape.key_size) == 0;
}

static struct table_node *node_find(const struct kept *k, const struct of_kept_head *entry,
				    uint64_t *ret_hash)
{
	struct question q = { k, entry + 1 };

	*ret_hash = table_hash(&k->table, q.key, k->shape.key_size);
	return table_find(&k->table, *ret_hash, &q);
}

int kept_new(const struct kept_shape *shape, struct kept **ret)
{
	struct kept *k = calloc(1, sizeof(*k));
	int err = -ENOMEM;

	if (k == NULL)
		return err;
	k->shape = *shape;
	k->nodes = calloc(shape->max, sizeof(*k->nodes));
	if (k->nodes != NULL)
		err = table_init(&k->table, shape->max, key_same);
	if (err < 0) {
		kept_free(k);
		return err;
	}
	*ret = k;
	return 0;
}

void kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	table_done(&k->table);
	free(k->nodes);
	free(k);
}

void kept_place(struct kept *k, void *slots, uint32_t n)
{
	k->slots = slots;
	k->placed = n < k->shape.max ? n : k->shape.max;
}

uint32_t kept_used(const struct kept *k)
{
	return k->used;
}

/* ---- Reading ---- */

static int by_mark(const void *x, const void *y, void *arg)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	uint64_t a_mark = slot_at(arg, a)->mark, b_mark = slot_at(arg, b)->mark;

	if (a_mark != b_mark)
		return a_mark < b_mark ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Slots of whole entries, in order. */
static uint32_t slots_sort(struct kept *k, uint32_t *ret)
{
	uint32_t slot, n = 0;

	for (slot = 0; slot < k->placed; slot++)
		if (slot_at(k, slot)->mark != 0)
			ret[n++] = slot;
	if (n > 0)
		qsort_r(ret, n, sizeof(*ret), by_mark, k);
	return n;
}

static void slot_take_over(struct kept *k, uint32_t slot)
{
	const struct of_kept_head *head = slot_at(k, slot);
	struct table_node *older;
	uint64_t hash;

	/* No daemon puts a key twice. */
	older = node_find(k, head, &hash);
	if (older != NULL) {
		node_slot(k, older)->mark = 0;
		table_del(&k->table, older);
	}
	(void)table_add(&k->table, &k->nodes[slot], hash);
	k->mark = head->mark;
	if (slot >= k->used)
		k->used = slot + 1;
}

int kept_read(struct kept *k)
{
	uint32_t *order = calloc(k->placed, sizeof(*order)), slot, n, i;

	if (order == NULL)
		return -ENOMEM;
	n = slots_sort(k, order);
	for (i = 0; i < n; i++)
		slot_take_over(k, order[i]);
	free(order);
	for (slot = k->used; slot-- > 0;) {
		if (slot_at(k, slot)->mark != 0)
			continue;
		k->nodes[slot].next = k->free;
		k->free = &k->nodes[slot];
	}
	return 0;
}

void kept_each(const struct kept *k, kept_fn *fn, void *arg)
{
	const struct table_node *node;

	for (node = k->table.oldest; node != NULL; node = node->newer)
		fn(arg, node_slot(k, node));
}

/* ---- Writing ---- */

static struct table_node *node_take(struct kept *k)
{
	struct table_node *node = k->free;

	if (node != NULL) {
		k->free = node->next;
	} else if (k->used < k->placed) {
		node = &k->nodes[k->used++];
	} else if (k->table.oldest != NULL) {
		node = k->table.oldest;
		table_del(&k->table, node);
	}
	return node;
}

static void mark_set(struct of_kept_head *head, uint64_t mark)
{
	FENCE();
	__atomic_store_n(&head->mark, mark, __ATOMIC_RELAXED);
	FENCE();
}

void kept_put(struct kept *k, const struct of_kept_head *entry)
{
	struct of_kept_head *head;
	struct table_node *node;
	uint64_t hash;

	node = node_find(k, entry, &hash);
	if (node != NULL) {
		/* All that differs is one word: it is whole at any moment. */
		head = node_slot(k, node);
		__atomic_store_n(&head->time_ns, entry->time_ns, __ATOMIC_RELAXED);
		mark_set(head, ++k->mark);
		table_touch(&k->table, node);
		return;
	}
	node = node_take(k);
	if (node == NULL)
		return;
	head = node_slot(k, node);
	mark_set(head, 0);
	head->time_ns = entry->time_ns;
	memcpy(head + 1, entry + 1, k->shape.size - sizeof(*head));
	mark_set(head, ++k->mark);
	(void)table_add(&k->table, node, hash);
}
