/* SPDX-License-Identifier: BSD-2-Clause */
/* cgroups.c: the paths of cgroups, by their number: a machine never gives one out twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

struct cgroup_node {
	struct table_node by_id;
	uint64_t id;
	struct text *path;
};

static bool same_id(const struct table_node *node, const void *key)
{
	return table_entry(node, struct cgroup_node, by_id)->id == *(const uint64_t *)key;
}

int cgroups_init(struct table *t)
{
	return table_init(t, CGROUPS_MAX, same_id);
}

static void node_free(struct table *t, struct table_node *node)
{
	struct cgroup_node *n = table_entry(node, struct cgroup_node, by_id);

	table_del(t, node);
	text_put(n->path);
	free(n);
}

void cgroups_done(struct table *t)
{
	while (t->oldest != NULL)
		node_free(t, t->oldest);
	table_done(t);
}

struct text *cgroup_path(struct table *t, uint64_t id)
{
	struct table_node *node = table_find(t, table_hash(t, &id, sizeof(id)), &id);

	return node == NULL ? NULL : table_entry(node, struct cgroup_node, by_id)->path;
}

int cgroup_told(struct table *t, const struct event *ev)
{
	struct cgroup_node *n;

	/* The first word counts: a recording may say anything later. */
	if (cgroup_path(t, ev->cgroup.id) != NULL)
		return 0;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	n->id = ev->cgroup.id;
	/* The root has no name of its own. */
	n->path = ev->cgroup.path_len == 0 ? text_new("/", 1)
					   : text_new(ev->cgroup.path, ev->cgroup.path_len);
	if (n->path == NULL) {
		free(n);
		return -ENOMEM;
	}
	if (t->n == t->max)
		node_free(t, t->oldest);
	return table_add(t, &n->by_id, table_hash(t, &n->id, sizeof(n->id)));
}
