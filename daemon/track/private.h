/* SPDX-License-Identifier: BSD-2-Clause */
/* private.h: what the parts of tracking share; nobody else includes it. */
#ifndef TRACK_PRIVATE_H
#define TRACK_PRIVATE_H

#include <stdbool.h>

#include "base/table.h"
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

struct account_node;

struct exec_node {
	struct table_node by_id;
	struct table_node by_tgid; /* in the table while it is what the process runs now */
	struct execution e;	   /* e.parent is &parent->e */
	struct exec_node *parent;
	struct exec_node *ended_next; /* in the order of ending */
	struct account_node *accounts;
	size_t place;
	uint32_t children;
	bool current;	 /* in by_tgid */
	bool told;	 /* false: only its id is known, from an account */
	bool past_grace; /* ended, and nobody needs it but its children */
	char *exe;	 /* own copy; NULL: shares its parent's, which lives longer */
	char *argv;
};

struct executions {
	struct table by_id, by_tgid;
	struct slots slots;
	struct exec_node *ended_first, *ended_last;
};

int executions_init(struct executions *x, size_t max);
void executions_done(struct executions *x);
/* NULL when absent. */
struct exec_node *execution_find(const struct executions *x, uint64_t exec_id);
struct exec_node *execution_of_process(const struct executions *x, uint32_t tgid);
/* Adds one of which only the id is known. NULL: no room or no memory. */
struct exec_node *execution_add(struct executions *x, uint64_t exec_id);
/* Fills in what an event tells. 0 or -ENOMEM: known without exe and argv then. */
int execution_tell(struct executions *x, struct exec_node *n, const struct event *ev,
		   uint64_t roles);
void execution_end(struct executions *x, struct exec_node *n, uint32_t flags, uint64_t time_ns);
/* One past its grace gets an account again: it waits for its end once more. */
void execution_revive(struct executions *x, struct exec_node *n);
/* Has no accounts any more and is past its grace: frees it once it has no children, and then its
 * ancestors that only waited for it. */
void execution_release(struct executions *x, struct exec_node *n);

/* ---- accounts.c ---- */

/* One life of a kernel slot that the account had; numbers only grow, and wrap. */
struct generation {
	uint32_t number;
	uint64_t seen; /* bytes */
};

struct account_node {
	struct table_node by_key;
	struct account a;
	struct exec_node *who;	      /* NULL: the machine's */
	struct account_node *sibling; /* of the same execution */
	/* Two can grow at once: of one that is closed the last sends are told a second later. */
	struct generation now, before;
	bool counted; /* a generation was met */
	size_t place;
	struct account_node *pending_next; /* attempts that are waited for */
	uint64_t attempt_ns;		   /* 0: none is waited for */
};

struct accounts {
	struct table by_key;
	struct slots slots;
	struct account_node *pending_first, *pending_last;
};

int accounts_init(struct accounts *x, size_t max);
void accounts_done(struct accounts *x);
struct account_node *account_find(const struct accounts *x, uint64_t exec_id,
				  const struct of_endpoint *to);
/* NULL: no room or no memory. `who` NULL: the machine's. */
struct account_node *account_add(struct accounts *x, struct exec_node *who,
				 const struct of_endpoint *to);
/* What the kernel's counter says now. Returns by how much the account grew. */
uint64_t account_grow(struct account_node *n, uint32_t generation, uint64_t sent, uint64_t time_ns);
void account_await(struct accounts *x, struct account_node *n, uint64_t time_ns);
/* The oldest attempt that began before `before_ns` and still sent nothing; NULL: none. */
struct account_node *account_attempt(struct accounts *x, uint64_t before_ns);
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

#endif
