/* SPDX-License-Identifier: BSD-2-Clause */
/* containers.c: one container for all that run in it, however many cgroups it has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

struct own_cgroup {
	const char *path;
	size_t len;
};

static bool same_container(const struct table_node *node, const void *key)
{
	const struct container_node *n = table_entry(node, const struct container_node, by_path);
	const struct own_cgroup *c = key;

	return n->path_len == c->len && memcmp(n->path, c->path, c->len) == 0;
}

int containers_init(struct table *t)
{
	return table_init(t, CGROUPS_MAX, same_container);
}

void containers_done(struct table *t)
{
	table_done(t); /* it is empty once cgroups and executions are gone */
}

static void node_forget(struct container_node *n)
{
	if (n->table != NULL)
		table_del(n->table, &n->by_path);
	n->table = NULL;
}

struct container_node *container_get(struct table *t, const struct container *c, const char *path)
{
	const struct own_cgroup own = { path, c->path_len };
	uint64_t hash = table_hash(t, own.path, own.len);
	struct table_node *node = table_find(t, hash, &own);
	struct container_node *n;

	if (node != NULL)
		return container_ref(table_entry(node, struct container_node, by_path));
	n = calloc(1, sizeof(*n) + own.len);
	if (n == NULL)
		return NULL;
	n->refs = 1;
	n->path_len = own.len;
	memcpy(n->path, own.path, own.len);
	n->told.claimed = c->claimed;
	(void)snprintf(n->told.id, sizeof(n->told.id), "%s", c->id);
	(void)snprintf(n->told.pod, sizeof(n->told.pod), "%s", c->pod);
	(void)snprintf(n->told.runtime, sizeof(n->told.runtime), "%s",
		       c->runtime == NULL ? "" : c->runtime);
	/* Whoever runs in the oldest keeps it. */
	if (t->n == t->max)
		node_forget(table_entry(t->oldest, struct container_node, by_path));
	if (table_add(t, &n->by_path, hash) == 0)
		n->table = t;
	return n;
}

struct container_node *container_ref(struct container_node *n)
{
	if (n != NULL)
		n->refs++;
	return n;
}

void container_put(struct container_node *n)
{
	if (n == NULL || --n->refs > 0)
		return;
	node_forget(n);
	free(n);
}

void container_tell(struct container_node *n, const struct of_rec_container *rec)
{
	/* Of what a user claims no file is asked. The first word counts: a recording may say
	 * anything. */
	if (n->told.claimed || n->told.image[0] != '\0')
		return;
	memcpy(n->told.image, rec->image, sizeof(n->told.image));
	if (n->told.runtime[0] == '\0')
		memcpy(n->told.runtime, rec->runtime, sizeof(n->told.runtime));
}
