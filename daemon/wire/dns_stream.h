/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_stream.h: the messages in one direction of a TCP connection that speaks DNS (RFC 1035 section
 * 4.2.2, RFC 7766 section 8), whose pieces may come in any order, more than once and overlapping.
 * Where it is not certain what the far end read, nothing more is told: a message read from the
 * wrong place could name anything.
 */
#ifndef WIRE_DNS_STREAM_H
#define WIRE_DNS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_STREAM_MESSAGE 16384 /* octets of a message that are kept */
#define DNS_STREAM_ROOM	   (2 + DNS_STREAM_MESSAGE)
#define DNS_STREAM_RUNS	   32 /* runs of octets with gaps between them */

/* Octets from `from` to before `to` are there. */
struct dns_run {
	uint16_t from;
	uint16_t to;
};

/* All zero: a stream of which nothing was seen. Of a connection already under way nothing can be
 * read: the first octet is that behind SYN. */
struct dns_stream {
	uint32_t base; /* where the next message begins, from the first octet on, modulo 2^32 */
	int err;       /* why it was given up, 0: it was not */
	uint32_t messages;
	uint32_t too_long;  /* of them: longer than DNS_STREAM_MESSAGE, told in part */
	uint64_t lost;	    /* octets fed since it was given up, repeated ones too */
	uint16_t run_count; /* in their order, not touching each other */
	struct dns_run runs[DNS_STREAM_RUNS];
	uint8_t buf[DNS_STREAM_ROOM]; /* from base on */
};

/* Told of each message in order: its first `len` octets, all unless it is longer than
 * DNS_STREAM_MESSAGE. Valid for that call only. */
struct dns_stream_ear {
	void (*message)(void *arg, const uint8_t *msg, size_t len, size_t whole);
	void *arg;
};

/*
 * The octets of a piece that begins `offset` octets behind the first one, modulo 2^32, at most 2^30
 * of them. What was there before counts, and is not told again. Time is linear in len, and in
 * DNS_STREAM_ROOM for each call and each such many octets.
 *
 * 0, or from then on always: -E2BIG: a gap was not filled before what lies behind it exceeded
 * DNS_STREAM_ROOM or DNS_STREAM_RUNS, or the piece is too long; -EINVAL: an octet came again with
 * another value.
 */
int dns_stream_feed(struct dns_stream *s, uint32_t offset, const uint8_t *data, size_t len,
		    const struct dns_stream_ear *ear);

/* Are there octets of a message that is not whole? Of one that was too long it is not known. */
bool dns_stream_is_partial(const struct dns_stream *s);

#endif
