/* SPDX-License-Identifier: BSD-2-Clause */
/* texts.c: the paths of cgroups and the environments, by their numbers: a machine never gives one
 * out twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

struct text_node {
	struct table_node by_id;
	uint64_t id;
	struct text *text;
};

static bool same_id(const struct table_node *node, const void *key)
{
	return table_entry(node, struct text_node, by_id)->id == *(const uint64_t *)key;
}

int texts_init(struct table *t, size_t max)
{
	return table_init(t, max, same_id);
}

static void node_free(struct table *t, struct table_node *node)
{
	struct text_node *n = table_entry(node, struct text_node, by_id);

	table_del(t, node);
	text_put(n->text);
	free(n);
}

void texts_done(struct table *t)
{
	while (t->oldest != NULL)
		node_free(t, t->oldest);
	table_done(t);
}

struct text *texts_find(struct table *t, uint64_t id)
{
	struct table_node *node = table_find(t, table_hash(t, &id, sizeof(id)), &id);

	return node == NULL ? NULL : table_entry(node, struct text_node, by_id)->text;
}

int texts_told(struct table *t, uint64_t id, const char *s, size_t len)
{
	struct text_node *n;

	/* A recording may say anything later. */
	if (texts_find(t, id) != NULL)
		return 0;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	n->id = id;
	n->text = text_new(s, len);
	if (n->text == NULL) {
		free(n);
		return -ENOMEM;
	}
	if (t->n == t->max)
		node_free(t, t->oldest);
	return table_add(t, &n->by_id, table_hash(t, &n->id, sizeof(n->id)));
}
