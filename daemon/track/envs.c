/* SPDX-License-Identifier: BSD-2-Clause */
/* envs.c: the environments, by their numbers: a machine never gives one out twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

struct env_node {
	struct table_node by_id;
	uint64_t id;
	struct text *text;
};

static bool same_id(const struct table_node *node, const void *key)
{
	return table_entry(node, struct env_node, by_id)->id == *(const uint64_t *)key;
}

int envs_init(struct table *t)
{
	return table_init(t, ENVS_MAX, same_id);
}

static void node_free(struct table *t, struct table_node *node)
{
	struct env_node *n = table_entry(node, struct env_node, by_id);

	table_del(t, node);
	text_put(n->text);
	free(n);
}

void envs_done(struct table *t)
{
	while (t->oldest != NULL)
		node_free(t, t->oldest);
	table_done(t);
}

struct text *env_find(struct table *t, uint64_t id)
{
	struct table_node *node = table_find(t, table_hash(t, &id, sizeof(id)), &id);

	return node == NULL ? NULL : table_entry(node, struct env_node, by_id)->text;
}

int env_told(struct table *t, const struct event *ev)
{
	struct env_node *n;

	/* A recording may say anything later. */
	if (env_find(t, ev->env.id) != NULL)
		return 0;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	n->id = ev->env.id;
	n->text = text_new(ev->env.text, ev->env.text_len);
	if (n->text == NULL) {
		free(n);
		return -ENOMEM;
	}
	if (t->n == t->max)
		node_free(t, t->oldest);
	return table_add(t, &n->by_id, table_hash(t, &n->id, sizeof(n->id)));
}
