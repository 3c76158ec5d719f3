/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * errands.h: who asked a deputy for something, and what the deputy did then. Everything here is
 * inferred: of what a deputy does within the window after it was asked nobody can tell from outside
 * for whom it was, so the latest that asked has it, and it is said how many others did.
 */
#ifndef TRACK_ERRANDS_H
#define TRACK_ERRANDS_H

#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "outflow/event.h"
#include "outflow/subject.h"

/* That are asked at once; the one asked longest ago goes, those on an errand last. */
#define DEPUTIES_MAX	  512
#define ERRAND_ASKERS_MAX 32 /* of one deputy, that are told apart */

struct claims;
struct context;
struct exec_node;
struct executions;
struct text;

/* An errand with a count of who refers to it. */
struct errand_ref {
	uint32_t refs;
	struct errand e;
	/* Shared by its copies, and what e.ci points into. */
	struct text *lineage;
	struct context *context;
	struct claims *claims;
};

struct errands {
	struct table deputies; /* by process, in the order they were asked */
	struct list gained;    /* exec_nodes whose asks are to be looked at again */
};

/* An execution that runs already, and all that descends from it, turned out to have these roles. */
typedef void errands_gain_fn(void *arg, struct exec_node *n, uint64_t roles, uint64_t time_ns);

/* 0 or -ENOMEM. */
int errands_init(struct errands *x);
void errands_done(struct errands *x);
/* `who`, with a role or without, asked the process of `deputy`, which may be NULL: not known. 0
 * when that is noted, or needs no note; -ENOMEM, or -ENOSPC: there is no room, or another was given
 * up for it that still counted. */
int errands_ask(struct errands *x, struct exec_node *who, struct exec_node *deputy,
		const struct event *ev, errands_gain_fn *gain, void *arg);
/* `n` has roles that it had not when it asked. */
void errands_gained(struct errands *x, struct exec_node *n);
/* Behind every event: what such ones had asked for, which may give roles to others, which had
 * asked. 0 or -ENOMEM. */
int errands_settle(struct errands *x, const struct executions *executions, uint64_t time_ns,
		   errands_gain_fn *gain, void *arg);
/* `n` was told, and comes from `parent`, which may be NULL. */
void errands_born(struct errands *x, struct exec_node *n, const struct exec_node *parent);
/* For whom it sends at this time: as a deputy, or as what a deputy forked. */
struct via errands_via(const struct errands *x, const struct exec_node *who, uint64_t time_ns);
void errands_tick(struct errands *x, uint64_t time_ns);

/* What comes of an errand is of it. */
void errand_inherit(struct exec_node *n, const struct exec_node *from);
/* NULL is fine. */
void errand_put(struct errand_ref *r);
/* What `who` asks for now, with one reference; whom and by what is the caller's. NULL: no memory.
 */
struct errand_ref *errand_new(const struct exec_node *who, const char *kind, uint64_t asked_ns);
/* NULL: no memory. */
struct errand_ref *errand_copy(const struct errand_ref *from);
void errand_deputy(struct errand_deputy *ret, const struct exec_node *n);
/* `n` is of it from now on, with its roles. */
void errand_set(struct exec_node *n, struct errand_ref *r, uint64_t after_ns);
/* The same of all that descends from `top` too, which was told before: what it sent by then is
 * judged by the roles now. */
void errand_reach(struct exec_node *top, struct errand_ref *r, uint64_t time_ns,
		  errands_gain_fn *gain, void *arg);
/* How long after it was asked for. */
uint64_t errand_after(const struct errand_ref *r, uint64_t time_ns);

#endif
