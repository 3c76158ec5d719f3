/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"

#include "base/poison.h"

#define TABLE_BUCKETS_MIN 64

int table_init(struct table *t, size_t max, bool (*same)(const struct table_node *, const void *))
{
	*t = (struct table){ .max = max, .buckets_n = TABLE_BUCKETS_MIN, .same = same };
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) < 0)
		t->seed = FNV64_START ^ (uintptr_t)t;
	t->buckets = calloc(t->buckets_n, sizeof(struct table_node *));
	return t->buckets == NULL ? -ENOMEM : 0;
}

void table_done(struct table *t)
{
	free(t->buckets);
	*t = (struct table){ .same = NULL };
}

uint64_t table_hash(const struct table *t, const void *key, size_t len)
{
	const unsigned char *p = key;
	uint64_t h = t->seed, word;

	/* As FNV, by words: most keys have a few of them, and no byte to spare. */
	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
		h ^= h >> 32;
	}
	h = fnv64(h, p, len);
	/* The low bits are weak; this is the finisher of splitmix64. */
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
	return h ^ (h >> 31);
}

struct table_node *table_find(const struct table *t, uint64_t hash, const void *key)
{
	struct table_node *n;

	for (n = t->buckets[hash & (t->buckets_n - 1)]; n != NULL; n = n->next)
		if (n->hash == hash && t->same(n, key))
			return n;
	return NULL;
}

/* Twice the buckets. Without memory the chains grow longer, which is slower and still right. */
static void table_grow(struct table *t)
{
	size_t n = t->buckets_n * 2;
	struct table_node **buckets = calloc(n, sizeof(struct table_node *));
	struct table_node *node;

	if (buckets == NULL)
		return;
	for (node = t->oldest; node != NULL; node = node->newer) {
		node->next = buckets[node->hash & (n - 1)];
		buckets[node->hash & (n - 1)] = node;
	}
	free(t->buckets);
	t->buckets = buckets;
	t->buckets_n = n;
}

static void order_add(struct table *t, struct table_node *node)
{
	node->newer = NULL;
	node->older = t->newest;
	if (t->newest != NULL)
		t->newest->newer = node;
	else
		t->oldest = node;
	t->newest = node;
}

static void order_del(struct table *t, struct table_node *node)
{
	if (node->older != NULL)
		node->older->newer = node->newer;
	else
		t->oldest = node->newer;
	if (node->newer != NULL)
		node->newer->older = node->older;
	else
		t->newest = node->older;
}

int table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	struct table_node **b;

	if (t->n >= t->max)
		return -ENOSPC;
	if (t->n >= t->buckets_n)
		table_grow(t);
	b = &t->buckets[hash & (t->buckets_n - 1)];
	node->hash = hash;
	node->next = *b;
	*b = node;
	order_add(t, node);
	t->n++;
	return 0;
}

void table_del(struct table *t, struct table_node *node)
{
	struct table_node **p = &t->buckets[node->hash & (t->buckets_n - 1)];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	order_del(t, node);
	t->n--;
}

void table_touch(struct table *t, struct table_node *node)
{
	order_del(t, node);
	order_add(t, node);
}
