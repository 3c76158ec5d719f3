/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h: from copied packets to what they say of far ends: DNS messages that were asked for, and
 * the names at the beginning of flows. Runs in a process without rights (names_child.c); the memory
 * is bounded, and what it has no room for is said.
 */
#ifndef INTAKE_NAMES_H
#define INTAKE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "outflow/abi.h"

#define NAMES_QUESTIONS_MAX 4096 /* that wait for their answers */
#define NAMES_STREAMS_MAX   256	 /* of DNS over TCP, at a time; 33 KiB each */
#define NAMES_ONE_OF	    4	 /* of both one sender has at most this part */
#define NAMES_FLOWS_MAX	    256	 /* beginnings that are not whole, or may go on; 19 KiB each */
/* Streams that the kernel follows as HTTP, some 200 bytes each, and heads among them that are not
 * whole, some 17 KiB each: 5 MB at most. */
#define NAMES_HTTP_MAX	    4096
#define NAMES_HEADS_MAX	    256
#define NAMES_GONE_MAX	    4096 /* flows of the first table that gave way, some 90 bytes each */
#define NAMES_SERVERS_MAX   1024 /* sockets to DNS servers of which it is known what was told */

/* Gets each record; it is valid for that call. One of DNS whose hdr.err is -ENOBUFS tells that a
 * question or a stream gave way to another that might still have been answered, or that of a flow
 * it was forgotten that it gave way. */
typedef void names_fn(void *arg, const struct of_rec_hdr *rec);

/* Where the registered domain begins in a name (wire/suffix.h); its length: it has none. */
typedef size_t names_suffix_fn(void *arg, const char *name);

struct names_in;

/* 0 or -ENOMEM. `suffix` NULL: no name has a registered domain. */
int names_in_new(names_suffix_fn *suffix, void *suffix_arg, names_fn *fn, void *arg,
		 struct names_in **ret);
void names_in_free(struct names_in *n);
/* What the ring had, of `len` bytes: a struct of_capture and the bytes behind it; what does not fit
 * is passed over. */
void names_in_take(struct names_in *n, const void *entry, size_t len);

/* ---- names_dns.c, names_flows.c (and what it has in names_flows.h): its parts ---- */

struct names_teller {
	names_suffix_fn *suffix;
	void *suffix_arg;
	names_fn *fn;
	void *arg;
};

struct names_dns;
struct names_flows;

int names_dns_new(const struct names_teller *teller, struct names_dns **ret);
void names_dns_free(struct names_dns *d);
/* `data`: the `c->copied` bytes. */
void names_dns_take(struct names_dns *d, const struct of_capture *c, const uint8_t *data);

int names_flows_new(const struct names_teller *teller, struct names_flows **ret);
void names_flows_free(struct names_flows *f);
void names_flows_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data);

#endif
