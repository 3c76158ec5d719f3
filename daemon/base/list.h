/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * list.h: doubly linked lists of nodes that live inside their owners' structs. A list is a node of
 * its own: circular, so that nothing has a special case. A node that is in no list points to itself
 * and may be taken out again.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* At the end; out of the list it was in. */
static inline void list_add(struct list *l, struct list *n)
{
	list_del(n);
	n->prev = l->prev;
	n->next = l;
	l->prev->next = n;
	l->prev = n;
}

/* NULL when it is empty. */
static inline struct list *list_first(const struct list *l)
{
	return list_empty(l) ? NULL : l->next; // NOLINT: what is freed was taken out before
}

static inline struct list *list_last(const struct list *l)
{
	return list_empty(l) ? NULL : l->prev;
}

/* The struct of type `type` whose member `member` is at `node`. */
#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* The list is not changed meanwhile. */
#define list_each(i, l) for ((i) = (l)->next; (i) != (l); (i) = (i)->next)

#endif
