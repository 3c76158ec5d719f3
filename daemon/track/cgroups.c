/* SPDX-License-Identifier: BSD-2-Clause */
/* cgroups.c: the paths of cgroups, by their number: a machine never gives one out twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

static bool same_id(const struct table_node *node, const void *key)
{
	return table_entry(node, struct cgroup_node, by_id)->id == *(const uint64_t *)key;
}

int cgroups_init(struct table *t)
{
	return table_init(t, CGROUPS_MAX, same_id);
}

static void node_free(struct table *t, struct cgroup_node *n)
{
	table_del(t, &n->by_id);
	text_put(n->path);
	container_put(n->container);
	free(n);
}

void cgroups_done(struct table *t)
{
	while (t->oldest != NULL)
		node_free(t, table_entry(t->oldest, struct cgroup_node, by_id));
	table_done(t);
}

const struct cgroup_node *cgroup_find(const struct table *t, uint64_t id)
{
	struct table_node *node = table_find(t, table_hash(t, &id, sizeof(id)), &id);

	return node == NULL ? NULL : table_entry(node, const struct cgroup_node, by_id);
}

/* 0 or -ENOMEM. */
static int node_fill(struct cgroup_node *n, struct table *containers, const struct event *ev)
{
	struct container c;

	n->id = ev->cgroup.id;
	n->truncated = ev->cgroup.truncated;
	/* The root has no name of its own. */
	n->path = ev->cgroup.path_len == 0 ? text_new("/", 1)
					   : text_new(ev->cgroup.path, ev->cgroup.path_len);
	if (n->path == NULL)
		return -ENOMEM;
	if (n->truncated || !container_of_cgroup(n->path->s, &c))
		return 0;
	n->container = container_get(containers, &c, n->path->s);
	return n->container == NULL ? -ENOMEM : 0;
}

int cgroup_told(struct table *t, struct table *containers, const struct event *ev)
{
	struct cgroup_node *n;

	/* The first word counts: a recording may say anything later. */
	if (cgroup_find(t, ev->cgroup.id) != NULL)
		return 0;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	if (node_fill(n, containers, ev) < 0) {
		text_put(n->path);
		free(n);
		return -ENOMEM;
	}
	if (t->n == t->max)
		node_free(t, table_entry(t->oldest, struct cgroup_node, by_id));
	return table_add(t, &n->by_id, table_hash(t, &n->id, sizeof(n->id)));
}
