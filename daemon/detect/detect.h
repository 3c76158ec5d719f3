/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * detect.h: judges subjects by the rules. Pure: no I/O, no clock, no log; time is the subject's.
 */
#ifndef DETECT_DETECT_H
#define DETECT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outflow/policy.h"
#include "outflow/subject.h"
#include "outflow/verdict.h"

struct detect;
struct links;

struct detect_stats {
	uint64_t windows; /* now */
	uint64_t evicted; /* windows that made room for others while they still held bytes */
};

typedef void detect_fn(void *arg, const struct verdict *v);

/* 0 or -errno. The policy is borrowed. */
int detect_new(const struct policy *policy, struct detect **ret);
void detect_free(struct detect *d);
void detect_subject(struct detect *d, const struct subject *s, detect_fn *fn, void *arg);
/* A question that somebody asked, or an answer to one. The subject is who asked, and its endpoint
 * the server; see dns.h. */
void detect_dns(struct detect *d, const struct subject *s, const struct of_rec_dns *r,
		detect_fn *fn, void *arg);
/* What counts as one: without a CI job its step and the job itself are the lineage, and without a
 * role the lineage is the job. The account has a `who`. */
uint64_t detect_root(const struct subject *s, uint64_t roles, enum rule_per per);
/* An interface as it stands, and what it came to; see links.h. */
void detect_link(struct detect *d, const struct of_rec_link *r, uint64_t time_ns, detect_fn *fn,
		 void *arg);
/* Everything until now was told. */
void detect_tick(struct detect *d, uint64_t time_ns, detect_fn *fn, void *arg);
const struct links *detect_links(const struct detect *d);
struct detect_stats detect_stats(const struct detect *d);

#endif
