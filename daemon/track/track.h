/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track.h: from events to subjects: keeps executions and their lineage, the accounts, and what
 * class of far end an address is. Pure: no I/O, no clock, no log.
 */
#ifndef TRACK_TRACK_H
#define TRACK_TRACK_H

#include <stddef.h>
#include <stdint.h>

#include "outflow/event.h"
#include "outflow/policy.h"
#include "outflow/subject.h"

struct track;

struct track_limits {
	size_t executions; /* the dead included */
	size_t accounts;   /* the dead included */
	uint64_t grace_ns; /* the dead stay for so long, but until all of them was told */
	size_t names;	   /* addresses of which names are remembered, at least 256 */
};

struct track_stats {
	uint64_t executions, accounts; /* now */
	uint64_t evicted;	       /* that made room for others before their grace was over */
	uint64_t refused; /* records that found no room or no memory: counted into loss.tracking */
	uint64_t unresolved;	/* accounts whose execution was never told */
	uint64_t names;		/* addresses of which names are known, now */
	uint64_t names_evicted; /* names that made room for others while they counted */
	uint64_t names_lost;	/* beginnings of flows that found no account */
};

typedef void track_fn(void *arg, const struct subject *s);

/* 0 or -errno. The policy is borrowed. */
int track_new(const struct policy *policy, struct track_limits limits, struct track **ret);
void track_free(struct track *t);
/* `fn` is called for each subject the event makes, before this returns. */
void track_event(struct track *t, const struct event *ev, track_fn *fn, void *arg);

const struct origin *track_origin(const struct track *t);
struct track_stats track_stats(const struct track *t);
/*
 * An execution that lives has roles that its record did not have: by its texts, or by a deputy.
 * `slot` is its place in the kernel's table. Told once for each that it gets.
 */
typedef void track_roles_fn(void *arg, uint64_t exec_id, uint32_t slot, uint64_t roles);
void track_set_roles(struct track *t, track_roles_fn *fn, void *arg);
/* `names` is borrowed for as long as the track lives; see origin.hooks_missing. */
void track_set_hooks_missing(struct track *t, const char *const *names);
/* NULL: not known, or not any more. */
const struct execution *track_execution(const struct track *t, uint64_t exec_id);
/* Who asked a DNS server, and as their endpoint the server, in an account that is none: the
 * caller's, as long as the subject is used. Nobody is known to have asked: without a `who`. */
void track_asker(const struct track *t, const struct of_rec_dns *r, uint64_t time_ns,
		 struct account *ret_account, struct subject *ret);
/*
 * Walks that may be interrupted: start at *cursor 0, NULL ends. What comes or goes between two
 * calls may or may not be seen; everything that stays is seen once.
 */
const struct execution *track_next_execution(const struct track *t, size_t *cursor);
const struct account *track_next_account(const struct track *t, size_t *cursor);

/* What a later daemon can be told of a name: as an answer with OF_DNS_KEPT. */
struct track_name {
	const char *host; /* NUL-terminated; borrowed until the callback returns */
	const uint8_t *addr;
	uint32_t netns;
	uint32_t ttl;		   /* seconds for which it counts yet, without any grace */
	struct of_endpoint server; /* that answered */
};

/* Every name that counts, of the least recently used address first. */
void track_each_name(const struct track *t, void (*fn)(void *arg, const struct track_name *name),
		     void *arg);

#endif
