/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup.bpf.h: in which cgroup (v2) a task is, and what that is called. The path is read when
 * something is executed in it for the first time: it may be gone when the daemon looks, as that of
 * a container is which lived a moment.
 */
#ifndef OUTFLOW_BPF_CGROUP_H
#define OUTFLOW_BPF_CGROUP_H

#include "maps.bpf.h"

#define CGROUP_NAME_LEN	 256 /* of one, with its NUL: NAME_MAX (include/uapi/linux/limits.h) */
#define CGROUP_DEPTH_MAX (OF_CGROUP_LEN / 2)

/* Where a path is put together, from its end. */
struct cgroup_scratch {
	struct of_cgroup made;
	char name[CGROUP_NAME_LEN];
	char path[OF_CGROUP_LEN * 2]; /* the second half only takes overhang */
};

struct cgroup_walk {
	struct cgroup_scratch *c;
	struct kernfs_node *node;
	__u32 at; /* where the path built so far begins */
	__u32 done;
};

static __always_inline struct kernfs_node *cgroup_parent(struct kernfs_node *node)
{
	struct kernfs_node___rcu *rcu = (void *)node;

	if (bpf_core_field_exists(rcu->__parent))
		return BPF_CORE_READ(rcu, __parent);
	return BPF_CORE_READ(node, parent);
}

static long cgroup_step(__u32 i, struct cgroup_walk *w)
{
	/* A copy, since BPF_CORE_READ would relocate an access to our own struct too. */
	struct kernfs_node *node = w->node, *parent = cgroup_parent(node);
	struct cgroup_scratch *c = w->c;
	__u32 len, at;
	long n;

	if (parent == NULL) {
		w->done = 1;
		return 1;
	}
	n = bpf_probe_read_kernel_str(c->name, sizeof(c->name), BPF_CORE_READ(node, name));
	if (n <= 1)
		return 1;
	len = (__u32)n - 1;
	if (len + 1 > w->at)
		return 1;
	at = w->at - len;
	bpf_probe_read_kernel(&c->path[at & (OF_CGROUP_LEN - 1)], len & (CGROUP_NAME_LEN - 1),
			      c->name);
	at--;
	c->path[at & (OF_CGROUP_LEN - 1)] = '/';
	w->at = at;
	w->node = parent;
	return 0;
}

/* The id of the task's cgroup, with its path in the map. */
static __always_inline __u64 cgroup_note(struct cgroup_scratch *c, struct task_struct *task)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	struct cgroup_walk w = { .c = c, .node = node, .at = OF_CGROUP_LEN - 1 };
	__u64 id = BPF_CORE_READ(node, id);

	if (id == 0 || bpf_map_lookup_elem(&cgroups, &id) != NULL)
		return id;
	bpf_loop(CGROUP_DEPTH_MAX, cgroup_step, &w, 0);
	c->made.len = OF_CGROUP_LEN - 1 - w.at;
	c->made.truncated = !w.done;
	bpf_probe_read_kernel(c->made.path, c->made.len & (OF_CGROUP_LEN - 1),
			      &c->path[w.at & (OF_CGROUP_LEN - 1)]);
	bpf_map_update_elem(&cgroups, &id, &c->made, BPF_ANY);
	return id;
}

#endif
