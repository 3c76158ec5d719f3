/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * executions.c: the executions that are known, and how long. A dead one stays for its grace, and
 * longer while it has living descendants: they need it for their lineage.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/errands.h"
#include "track/private.h"

#include "base/poison.h"

#define ENDED_WALK_MAX 16384 /* 10 s of 100,000 that end in a minute; a millisecond */

static bool same_id(const struct table_node *node, const void *key)
{
	return table_entry(node, struct exec_node, by_id)->e.exec_id == *(const uint64_t *)key;
}

static bool same_tgid(const struct table_node *node, const void *key)
{
	return table_entry(node, struct exec_node, by_tgid)->e.tgid == *(const uint32_t *)key;
}

int executions_init(struct executions *x, size_t max)
{
	int err = table_init(&x->by_id, max, same_id);

	list_init(&x->ended);
	list_init(&x->lingering);
	return err < 0 ? err : table_init(&x->by_tgid, max, same_tgid);
}

static void node_not_current(struct executions *x, struct exec_node *n)
{
	if (n->current)
		table_del(&x->by_tgid, &n->by_tgid);
	n->current = false;
}

struct text *text_new(const char *s, size_t len)
{
	struct text *t = malloc(sizeof(*t) + len + 1);

	if (t == NULL)
		return NULL;
	t->refs = 1;
	t->len = len;
	if (len > 0)
		memcpy(t->s, s, len);
	t->s[len] = '\0';
	return t;
}

struct text *text_get(struct text *t)
{
	t->refs++;
	return t;
}

void text_put(struct text *t)
{
	if (t != NULL && --t->refs == 0)
		free(t);
}

static void node_free(struct executions *x, struct exec_node *n)
{
	table_del(&x->by_id, &n->by_id);
	node_not_current(x, n);
	slots_del(&x->slots, n->place);
	list_del(&n->sibling);
	list_del(&n->ended);
	list_del(&n->lingering);
	list_del(&n->gained);
	accounts_disown(n);
	image_put(n);
	text_put(n->exe);
	text_put(n->cgroup);
	text_put(n->cwd);
	text_put(n->env);
	container_put(n->container);
	errand_put(n->via);
	free(n->argv);
	node_context_done(n);
	free(n);
}

void executions_done(struct executions *x)
{
	struct exec_node *n;

	while (x->by_id.oldest != NULL) {
		n = table_entry(x->by_id.oldest, struct exec_node, by_id);
		while (!list_empty(&n->children))
			list_del(n->children.next);
		node_free(x, n);
	}
	table_done(&x->by_id);
	table_done(&x->by_tgid);
	slots_done(&x->slots);
}

struct exec_node *execution_find(const struct executions *x, uint64_t exec_id)
{
	struct table_node *node =
		table_find(&x->by_id, table_hash(&x->by_id, &exec_id, sizeof(exec_id)), &exec_id);

	return node == NULL ? NULL : table_entry(node, struct exec_node, by_id);
}

static struct exec_node *current_of(const struct executions *x, uint32_t tgid)
{
	struct table_node *node =
		table_find(&x->by_tgid, table_hash(&x->by_tgid, &tgid, sizeof(tgid)), &tgid);

	return node == NULL ? NULL : table_entry(node, struct exec_node, by_tgid);
}

struct exec_node *execution_of_ended(const struct executions *x, uint32_t tgid)
{
	const struct list *at = x->ended.prev;
	struct exec_node *n;
	size_t i;

	for (i = 0; at != &x->ended && i < ENDED_WALK_MAX; i++, at = at->prev) {
		n = list_entry(at, struct exec_node, ended);
		if (n->e.tgid == tgid)
			return n;
	}
	return NULL;
}

struct exec_node *execution_of_process(const struct executions *x, uint32_t tgid, uint64_t time_ns)
{
	struct exec_node *n = current_of(x, tgid);

	return n != NULL && n->born_ns <= time_ns ? n : NULL;
}

struct exec_node *execution_add(struct executions *x, uint64_t exec_id)
{
	struct exec_node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->e = (struct execution){ .exec_id = exec_id,
				   .process = exec_id,
				   .loginuid = UINT32_MAX,
				   .name = "?",
				   .exe = "" };
	list_init(&n->children);
	list_init(&n->sibling);
	list_init(&n->accounts);
	list_init(&n->made);
	list_init(&n->ended);
	list_init(&n->lingering);
	list_init(&n->sharing);
	list_init(&n->gained);
	if (slots_add(&x->slots, n, &n->place) < 0) {
		free(n);
		return NULL;
	}
	if (table_add(&x->by_id, &n->by_id, table_hash(&x->by_id, &exec_id, sizeof(exec_id))) < 0) {
		slots_del(&x->slots, n->place);
		free(n);
		return NULL;
	}
	return n;
}

static int node_exe(struct exec_node *n, const char *exe, size_t len)
{
	n->exe = text_new(exe, len);
	if (n->exe == NULL)
		return -ENOMEM;
	n->e.exe = n->exe->s;
	return 0;
}

/* A forked one runs the same file, with the same environment. */
static void node_share(struct exec_node *n, const struct exec_node *from)
{
	n->e.image = from->e.image;
	if (from->exe != NULL) {
		n->exe = text_get(from->exe);
		n->e.exe = n->exe->s;
	}
	if (from->cwd != NULL) {
		n->cwd = text_get(from->cwd);
		n->e.cwd = n->cwd->s;
	}
	if (n->env == NULL && from->env != NULL) {
		n->env = text_get(from->env);
		n->e.env = n->env->s;
		n->e.env_len = n->env->len;
	}
}

static int node_argv(struct exec_node *n, const struct event *ev)
{
	n->argv = malloc(ev->exec.argv_len);
	if (n->argv == NULL)
		return -ENOMEM;
	memcpy(n->argv, ev->exec.argv, ev->exec.argv_len);
	n->e.argv = n->argv;
	n->e.argv_len = ev->exec.argv_len;
	n->e.argv_size = ev->exec.argv_size;
	n->e.argv_redacted = ev->exec.argv_redacted;
	return 0;
}

static void node_env(struct exec_node *n, struct text *env)
{
	if (env == NULL)
		return;
	n->env = text_get(env);
	n->e.env = env->s;
	n->e.env_len = env->len;
}

static int node_cwd(struct exec_node *n, const struct event *ev)
{
	if (ev->exec.cwd_len == 0 || n->cwd != NULL)
		return 0;
	n->cwd = text_new(ev->exec.cwd, ev->exec.cwd_len);
	if (n->cwd == NULL)
		return -ENOMEM;
	n->e.cwd = n->cwd->s;
	return 0;
}

/* What only the ring tells, and the living. */
static int node_ring(struct exec_node *n, const struct event *ev)
{
	int err = node_cwd(n, ev);

	n->e.flags |= ev->exec.e->flags & OF_EXEC_CWD_TRUNCATED;
	if (n->argv == NULL && ev->exec.argv_len > 0 && err == 0)
		err = node_argv(n, ev);
	return err;
}

static void node_set_parent(struct exec_node *n, struct exec_node *p)
{
	n->e.roles |= p->e.roles;
	errand_inherit(n, p);
	/* At the limit the nearest ancestor is left out: the top of a chain, where roles are,
	 * stays. */
	if (p->e.depth + 1 >= LINEAGE_DEPTH_MAX && p->parent != NULL) {
		n->e.elided = p->e.elided + 1;
		p = p->parent;
	}
	n->parent = p;
	list_add(&p->children, &n->sibling);
	n->e.parent = &p->e;
	n->e.depth = p->e.depth + 1;
}

static void node_numbers(struct exec_node *n, const struct of_exec *e)
{
	n->e.start_ns = e->start_ns;
	n->e.tgid = e->tgid;
	n->e.ppid = e->ppid;
	n->e.sid = e->sid;
	n->e.uid = e->uid;
	n->e.gid = e->gid;
	n->e.loginuid = e->loginuid;
	n->e.caps = e->caps;
	n->e.ns = e->ns;
	n->e.ns_tgid = e->ns_tgid;
	n->e.flags |= e->flags & ~(uint32_t)(OF_EXEC_ENDED | OF_EXEC_REPLACED);
	n->e.renames = e->renames;
	memcpy(n->e.comm, e->comm, sizeof(n->e.comm));
	memcpy(n->e.name, e->name, sizeof(n->e.name));
}

void execution_end(struct executions *x, struct exec_node *n, uint32_t flags, uint64_t time_ns)
{
	if (n->e.end_ns != 0) {
		n->e.flags |= flags;
		return;
	}
	n->e.end_ns = time_ns == 0 ? 1 : time_ns;
	n->e.flags |= flags | OF_EXEC_ENDED;
	node_not_current(x, n);
	list_add(&x->ended, &n->ended);
}

/* An end that nobody told (the ring was full and the kernel's table too) is told by the next
 * process of the same number; a late record of an earlier one tells nothing about now. */
static void node_current(struct executions *x, struct exec_node *n)
{
	struct exec_node *old = current_of(x, n->e.tgid);

	if (n->e.end_ns != 0 || (old != NULL && n->e.start_ns < old->e.start_ns))
		return;
	/* Of the same start: one process that two threads adopted at once. Both are alive. */
	if (old != NULL && n->e.start_ns == old->e.start_ns)
		node_not_current(x, old);
	else if (old != NULL)
		execution_end(x, old, OF_EXEC_ENDED, n->e.start_ns);
	n->current = table_add(&x->by_tgid, &n->by_tgid,
			       table_hash(&x->by_tgid, &n->e.tgid, sizeof(n->e.tgid))) == 0;
}

/* A path that was cut may end in what the container named itself: then it is the parent's, which
 * who is in a container does not leave. */
static void node_set_cgroup(struct exec_node *n, const struct exec_node *p,
			    const struct cgroup_node *cgroup)
{
	if (cgroup != NULL) {
		n->cgroup = text_get(cgroup->path);
		n->e.cgroup = n->cgroup->s;
	}
	if (cgroup != NULL && !cgroup->truncated)
		n->container = container_ref(cgroup->container);
	else if (p != NULL)
		n->container = container_ref(p->container);
	if (n->container != NULL)
		n->e.container = &n->container->told;
}

int execution_tell(struct executions *x, struct exec_node *n, const struct event *ev,
		   uint64_t roles, const struct cgroup_node *cgroup, struct text *env)
{
	const struct of_exec *e = ev->exec.e;
	struct exec_node *p = e->parent == 0 ? NULL : execution_find(x, e->parent);
	int err = 0;

	/* A parent was told before its child. Anything else, as a made-up recording may hold it,
	 * could close a circle. */
	if (p != NULL && (p == n || !p->told))
		p = NULL;
	if (n->told) {
		/* The ring told it after a look already had. */
		return node_ring(n, ev);
	}
	n->told = true;
	n->born_ns = e->start_ns;
	node_numbers(n, e);
	n->slot = e->slot;
	n->roles_told = e->roles;
	n->e.roles |= roles;
	node_set_cgroup(n, p, cgroup);
	node_env(n, env);
	if (p != NULL)
		node_set_parent(n, p);
	if (ev->kind == OF_REC_EXEC) {
		if (ev->exec.image != NULL)
			n->e.image = *ev->exec.image;
		err = node_exe(n, ev->exec.exe, ev->exec.exe_len);
		if (err == 0)
			err = node_ring(n, ev);
		n->e.argv_size = ev->exec.argv_size;
		err = err < 0 ? err : image_new(n);
	} else if (p != NULL) {
		node_share(n, p);
		image_share(n, p);
	}
	if (p != NULL && ev->kind == OF_REC_EXEC && p->e.tgid == e->tgid &&
	    !(e->flags & OF_EXEC_ADOPTED)) {
		n->e.process = p->e.process;
		n->born_ns = p->born_ns;
		execution_end(x, p, OF_EXEC_ENDED | OF_EXEC_REPLACED, e->start_ns);
	}
	node_current(x, n);
	return node_context(n, p) < 0 ? -ENOMEM : err;
}

void execution_revive(struct executions *x, struct exec_node *n)
{
	if (list_empty(&n->lingering))
		return;
	list_del(&n->lingering);
	list_add(&x->ended, &n->ended);
}

struct exec_node *execution_ended(const struct executions *x)
{
	struct list *first = list_first(&x->ended);

	return first == NULL ? NULL : list_entry(first, struct exec_node, ended);
}

void execution_release(struct executions *x, struct exec_node *n)
{
	struct exec_node *parent;

	list_del(&n->ended);
	list_add(&x->lingering, &n->lingering);
	while (n != NULL && !list_empty(&n->lingering) && list_empty(&n->children)) {
		parent = n->parent;
		node_free(x, n);
		n = parent;
	}
}

bool execution_elide(struct executions *x)
{
	struct list *last = list_last(&x->lingering);
	struct exec_node *n, *child;

	if (last == NULL)
		return false;
	n = list_entry(last, struct exec_node, lingering);
	while (!list_empty(&n->children)) {
		child = list_entry(n->children.next, struct exec_node, sibling);
		list_del(&child->sibling);
		child->parent = n->parent;
		child->e.parent = n->e.parent;
		child->e.elided += n->e.elided + 1;
		/* In its place, not behind those that were born later. */
		if (n->parent != NULL)
			list_add(&n->sibling, &child->sibling);
	}
	node_free(x, n);
	return true;
}
