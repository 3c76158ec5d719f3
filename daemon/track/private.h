/* SPDX-License-Identifier: BSD-2-Clause */
/* private.h: what the parts of tracking share; nobody else includes it. */
#ifndef TRACK_PRIVATE_H
#define TRACK_PRIVATE_H

#include <stdbool.h>

#include "base/container.h"
#include "base/list.h"
#include "base/table.h"
#include "track/naming.h"
#include "track/track.h"

/* ---- slots.c: things with a place that stays, so that a walk can be interrupted ---- */

struct slots {
	void **at; /* NULL where nothing is */
	size_t n;  /* places used at least once */
	size_t cap;
	size_t *free;
	size_t free_n;
};

/* 0 with the place in *ret, or -ENOMEM. */
int slots_add(struct slots *s, void *thing, size_t *ret);
void slots_del(struct slots *s, size_t place);
void *slots_next(const struct slots *s, size_t *cursor);
void slots_done(struct slots *s);

/* ---- executions.c ---- */

/* A text that several share. */
struct text {
	uint32_t refs;
	size_t len;
	char s[]; /* NUL-terminated */
};

/* With one reference; NULL: no memory. `s` is not NUL-terminated. */
struct text *text_new(const char *s, size_t len);
struct text *text_get(struct text *t);
void text_put(struct text *t);

/* ---- files.c ---- */

struct image;
struct exec_node;

/* 0 or -ENOMEM: then nothing will be known of its file. */
int image_new(struct exec_node *n);
/* A forked one runs the image of the other, if that has one. */
void image_share(struct exec_node *n, const struct exec_node *from);
void image_put(struct exec_node *n);
/* `sha256`: 32 bytes, or NULL unless OF_HASH_OK. */
void image_hashed(struct exec_node *n, enum of_hash_state state, const uint8_t *sha256);

/* ---- containers.c ---- */

/* A container that several share: cgroups, and whoever was executed in them. */
struct container_node {
	struct table_node by_path;
	struct table *table; /* NULL: it gave way to others there */
	uint32_t refs;
	struct container_told told;
	size_t path_len;
	char path[]; /* of its own cgroup: by no other name is one container told from another */
};

int containers_init(struct table *t);
void containers_done(struct table *t);
/* With one reference more; NULL: no memory. `path`: what *c was told by. */
struct container_node *container_get(struct table *t, const struct container *c, const char *path);
/* NULL is fine. */
struct container_node *container_ref(struct container_node *n);
void container_put(struct container_node *n);
void container_tell(struct container_node *n, const struct of_rec_container *rec);

/* ---- cgroups.c ---- */

struct cgroup_node {
	struct table_node by_id;
	uint64_t id;
	struct text *path;
	bool truncated; /* only the tail of the path: which container is not known */
	struct container_node *container; /* NULL: none, or not known */
};

/* The oldest is forgotten; whoever was executed in it keeps its path. */
#define CGROUPS_MAX OF_CGROUPS

int cgroups_init(struct table *t);
void cgroups_done(struct table *t);
/* Borrowed. NULL: it was not told. */
const struct cgroup_node *cgroup_find(const struct table *t, uint64_t id);
/* 0 or -ENOMEM. */
int cgroup_told(struct table *t, struct table *containers, const struct event *ev);

/* ---- envs.c: environments, by their numbers ---- */

/* As many as the kernel remembers. The oldest is forgotten; whoever has it keeps it. */
#define ENVS_MAX OF_ENVS

int envs_init(struct table *t);
void envs_done(struct table *t);
/* Borrowed. NULL: it was not told. */
struct text *env_find(struct table *t, uint64_t id);
/* The first word counts. 0 or -ENOMEM. */
int env_told(struct table *t, const struct event *ev);

struct context;
struct claims;

struct exec_node {
	struct table_node by_id;
	struct table_node by_tgid; /* in the table while it is what the process runs now */
	struct execution e;	   /* e.parent is &parent->e */
	struct exec_node *parent;
	struct list children, sibling; /* sibling: in its parent's children */
	struct list accounts;
	struct list made;      /* accounts of others that send by a socket of its making */
	struct list ended;     /* in executions.ended, from its end until its grace is over */
	struct list lingering; /* in executions.lingering, from then until it has no children */
	struct list sharing;   /* in the users of its image */
	struct list gained;    /* in errands.gained */
	struct image *image;   /* NULL: nothing is known of it */
	size_t place;
	uint64_t born_ns;		       /* start of its process */
	uint32_t slot;			       /* in the kernel's table */
	uint64_t roles_told;		       /* that its record had, or the kernel was told */
	bool current;			       /* in by_tgid */
	bool asked;			       /* a deputy, for something */
	bool told;			       /* false: only its id is known, from an account */
	struct text *exe, *cgroup, *cwd, *env; /* NULL: not known */
	struct container_node *container;
	char *argv;
	struct context *context; /* NULL: in no CI job */
	struct claims *claims;	 /* NULL: nobody contradicts it */
	struct errand_ref *via;	 /* what e.via points into; NULL: nothing */
};

struct executions {
	struct table by_id, by_tgid;
	struct slots slots;
	struct list ended;     /* in the order of ending */
	struct list lingering; /* dead ancestors of the living, in the order they became that */
};

int executions_init(struct executions *x, size_t max);
void executions_done(struct executions *x);
/* NULL when absent. */
struct exec_node *execution_find(const struct executions *x, uint64_t exec_id);
/* What a process that has ended ran last; NULL: not known, or many have ended since. */
struct exec_node *execution_of_ended(const struct executions *x, uint32_t tgid);
/* What the process runs that has this number and had it at `time_ns`: a record may be told when its
 * number is somebody else's. NULL: none that is known. */
struct exec_node *execution_of_process(const struct executions *x, uint32_t tgid, uint64_t time_ns);
/* Adds one of which only the id is known. NULL: no room or no memory. */
struct exec_node *execution_add(struct executions *x, uint64_t exec_id);
/* Fills in what an event tells; `cgroup` and `env` are borrowed, NULL: not known. 0 or -ENOMEM:
 * known without some texts then. */
int execution_tell(struct executions *x, struct exec_node *n, const struct event *ev,
		   uint64_t roles, const struct cgroup_node *cgroup, struct text *env);
void execution_end(struct executions *x, struct exec_node *n, uint32_t flags, uint64_t time_ns);
/* One past its grace gets an account again: it waits for its end once more. */
void execution_revive(struct executions *x, struct exec_node *n);
/* NULL: none. */
struct exec_node *execution_ended(const struct executions *x);
/* Has no accounts any more and is past its grace: frees it once it has no children, and then its
 * ancestors that only waited for it. */
void execution_release(struct executions *x, struct exec_node *n);
/* Leaves the dead ancestor that lingers least long out of its descendants' chains and frees it.
 * False: there is none. */
bool execution_elide(struct executions *x);

/* ---- contexts.c: which CI job and step an execution is part of ---- */

/* Inherited from `from`, the execution it came from (NULL: none, or not known), else by its own
 * environment. 0 or -ENOMEM: not all is known then. */
int node_context(struct exec_node *n, const struct exec_node *from);
void node_context_done(struct exec_node *n);
/* With one reference more, or less; NULL is fine. */
struct context *context_ref(struct context *c);
void context_put(struct context *c);
struct claims *claims_ref(struct claims *c);
void claims_put(struct claims *c);

/* ---- accounts.c ---- */

/* One life of a kernel slot that the account had; numbers only grow, and wrap. */
struct generation {
	uint32_t number;
	uint64_t seen, received, moved; /* bytes */
};

struct account_node {
	struct table_node by_key;
	struct account a;
	struct exec_node *who; /* NULL: the machine's */
	struct list sibling;   /* in who->accounts */
	struct list made;      /* in the `made` of the socket's creator */
	struct list pending;   /* in accounts.pending: an attempt that is waited for */
	struct list final;     /* in accounts.final: the kernel has given its slot back */
	/* Two can grow at once: of one that is closed the last sends are told a second later. */
	struct generation now, before;
	bool counted; /* a generation was met */
	size_t place;
	uint64_t attempt_ns; /* while pending */

	/* naming.c */
	struct naming *naming; /* NULL: no name is known */
	struct list settling;  /* in namings.settling */
	uint64_t told_ns;      /* when it was first told, or last put into that list */
	uint64_t told_roles;   /* with which it was told, those of errands included */
	bool told;
};

struct accounts {
	struct table by_key;
	struct slots slots;
	struct list pending; /* in the order of the attempts */
	struct list final;   /* in the order they were given back */
};

int accounts_init(struct accounts *x, size_t max);
void accounts_done(struct accounts *x);
struct account_node *account_find(const struct accounts *x, uint64_t exec_id,
				  const struct of_endpoint *to);
/* NULL: no room or no memory. `who` NULL: the machine's. */
struct account_node *account_add(struct accounts *x, struct exec_node *who,
				 const struct of_endpoint *to);
/* What the kernel's counters say now. Returns by how much more it sent. */
uint64_t account_grow(struct account_node *n, const struct of_account *a, uint64_t time_ns);
/* By how much less since the last time, because it was led elsewhere before it left. */
uint64_t account_shrink(struct account_node *n, const struct of_account *a);
void account_made_by(struct account_node *n, struct exec_node *creator);
void account_await(struct accounts *x, struct account_node *n, uint64_t time_ns);
/* The oldest attempt that began before `before_ns` and still sent nothing; NULL: none. */
struct account_node *account_attempt(struct accounts *x, uint64_t before_ns);
/* Nothing more comes of this generation; a later one may begin. */
void account_finish(struct accounts *x, struct account_node *n, uint32_t generation);
/* Frees the account that has been final longest. What comes for the same key later is a generation
 * of its own and counts from zero, so that no byte is told twice. False: none is final. */
bool account_evict(struct accounts *x);
/* An execution goes whose sockets others may still send by. */
void accounts_disown(struct exec_node *creator);
/* Frees all accounts of an execution. */
void accounts_release(struct accounts *x, struct exec_node *who);

/* ---- places.c: what class of far end an address is ---- */

struct places;

int places_new(const struct policy *policy, struct places **ret);
void places_free(struct places *p);
void places_own(struct places *p, const uint8_t addr[16], uint32_t netns, bool gone);
void places_resolver(struct places *p, const uint8_t addr[16]);
enum endpoint_class places_class(const struct places *p, const struct of_endpoint *to,
				 uint32_t netns, uint32_t account_flags);
/* Whatever its class: is it on this machine, as seen from there? */
bool places_is_self(const struct places *p, const struct of_endpoint *to, uint32_t netns);

#endif
