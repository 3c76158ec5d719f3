/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h: a bounded hash table of nodes that live inside their owners' structs, kept in the
 * order they were added or last touched: the head is the oldest, which is what to evict.
 *
 * The table owns no node. Keys are compared as bytes by the caller's function.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_node {
	struct table_node *next;	  /* in its bucket */
	struct table_node *older, *newer; /* in order */
	uint64_t hash;
};

struct table {
	struct table_node **buckets;
	struct table_node *oldest, *newest;
	size_t buckets_n; /* a power of two */
	size_t n, max;
	uint64_t seed; /* chosen at random: names and addresses come from the monitored side */
	bool (*same)(const struct table_node *node, const void *key);
};

/* 0 or -errno. */
int table_init(struct table *t, size_t max, bool (*same)(const struct table_node *, const void *));
/* Frees the table, not the nodes. */
void table_done(struct table *t);
uint64_t table_hash(const struct table *t, const void *key, size_t len);
/* NULL when absent. */
struct table_node *table_find(const struct table *t, uint64_t hash, const void *key);
/* -ENOSPC when it is full; the caller makes sure that the key is not in it. */
int table_add(struct table *t, struct table_node *node, uint64_t hash);
void table_del(struct table *t, struct table_node *node);
/* Makes it the newest. */
void table_touch(struct table *t, struct table_node *node);

/* The struct of type `type` whose member `member` is at `node`. */
#define table_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

#endif
