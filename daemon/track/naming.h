/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * naming.h: what the far ends of accounts are called: by what the sender says itself, by what was
 * asked for, and whether that holds. Names come a little later than the first bytes: those of an
 * account are settled when the beginning of its flow was read, or 2 s after it was first told.
 *
 * What an account's execution asks for later is seen when the account is told the next time.
 */
#ifndef TRACK_NAMING_H
#define TRACK_NAMING_H

#include "base/list.h"
#include "base/table.h"
#include "outflow/event.h"
#include "outflow/policy.h"
#include "track/names.h"

#define NAMING_SETTLE_NS   2000000000ULL
/* That what a flow said waits for its account, which is told when a send returns. */
#define NAMING_WAIT_NS	   600000000000ULL
/* A start tells all flows that were kept at once, each of up to two executions. */
#define NAMING_WAITING_MAX (2 * OF_KEPT_FLOWS)

struct account_node;
struct accounts;
struct executions;
struct places;

struct namings {
	const struct policy *policy;
	const struct executions *executions;
	const struct accounts *accounts;
	struct names names;
	/* Accounts that were told and have not settled, and those with another's socket that were
	 * told and are looked at once more, in that order. */
	struct list settling;
	struct table waiting; /* what flows said whose account was not told yet */
	uint32_t netns;	      /* of the daemon; 0: not known */
	bool waits;	      /* names may decide something */
	bool ticked;	      /* accounts told before that are of a daemon before */
	size_t more;	      /* as in struct name_list */
	uint64_t version;     /* the latest of name lists; 1: nothing was said yet */
	uint64_t lost;	      /* flows that found no account, or no room to wait for it */
};

/* The names of an account were `before`, are others now or have settled. Called only for accounts
 * that were told. */
typedef void named_fn(void *arg, struct account_node *n, const struct endpoint_names *before,
		      uint64_t time_ns);

/* `max` addresses of which names are remembered. The others are borrowed. 0 or -errno;
 * namings_done() is due in both cases. */
int namings_init(struct namings *x, const struct policy *policy,
		 const struct executions *executions, const struct accounts *accounts, size_t max);
void namings_done(struct namings *x);

/* The account is about to be told: for the first time, or once more. 0 or -ENOMEM: not all names
 * are known then, and that is said by NAMES_MORE. */
int naming_told(struct namings *x, struct account_node *n, uint64_t time_ns, named_fn *fn,
		void *arg);
/* It is in another network namespace than was thought: what was asked for here is not there. */
void naming_moved(struct account_node *n);
/* Forgets what belongs to an account that goes. */
void naming_done(struct account_node *n);

/* The same for what these records tell. */
int namings_flow(struct namings *x, const struct of_rec_flow *flow, uint64_t time_ns, named_fn *fn,
		 void *arg);
int namings_dns(struct namings *x, const struct places *places, const struct of_rec_dns *dns,
		uint64_t time_ns);
void namings_tick(struct namings *x, uint64_t time_ns, named_fn *fn, void *arg);

#endif
