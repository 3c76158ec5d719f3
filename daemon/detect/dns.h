/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.h: names asked for as a way out. What a name carries is the part below its registered domain:
 * who owns that gets it, whichever resolver it went through. Pure, as all of detection.
 */
#ifndef DETECT_DNS_H
#define DETECT_DNS_H

#include "detect/detect.h"

/* What counts together: 12 MB when full; the least recently used goes first, counted. */
#define DNS_WINDOWS_MAX	 16384
/* Of them, those whose names are told apart: with more than DNS_EARLY queries. 8 MB when full. */
#define DNS_SKETCHES_MAX 512
#define DNS_EARLY	 8

struct dns;

/* 0 or -errno. The policy is borrowed. `windows`, `sketches`: as above. */
int dns_new(const struct policy *policy, size_t windows, size_t sketches, struct dns **ret);
void dns_free(struct dns *d);
/* Who asked is s->account->who; its endpoint is the server. */
void dns_take(struct dns *d, const struct subject *s, const struct of_rec_dns *r, detect_fn *fn,
	      void *arg);
size_t dns_count(const struct dns *d);
/* Windows, or what was known of their names, that made room while they may have held something. */
uint64_t dns_evicted(const struct dns *d);

#endif
