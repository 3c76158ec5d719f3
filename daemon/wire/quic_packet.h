/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_packet.h: the packets of QUIC with a long header, as far as one can see them without keys of
 * the connection: where each ends, and what an Initial says (RFC 9000 section 17.2; the types of
 * version 2 have other numbers, RFC 9369 section 3.2).
 */
#ifndef WIRE_QUIC_PACKET_H
#define WIRE_QUIC_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/quic_crypto.h"

#define QUIC_LONG_HEADER 0x80 /* in the first byte */
#define QUIC_CID_MAX	 20   /* RFC 9000 section 17.2: longer ones are dropped */
#define QUIC_PACKET_MAX	 4096 /* the longest that is opened; clients fill an MTU at most */

enum quic_type { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY };

/* Points into the datagram. */
struct quic_packet {
	const uint8_t *data;
	size_t len;	      /* of the packet: there the next one of the datagram begins */
	size_t number_offset; /* where the packet number is, under protection */
	const uint8_t *dcid;
	size_t dcid_len;
	size_t token_len; /* Initial only */
	uint32_t version;
	enum quic_type type;
};

/* An opened one: what the buffer that was given holds. */
struct quic_plain {
	const uint8_t *payload;
	size_t len;
	uint64_t number;
};

/* Moves *pos behind a variable-length integer (RFC 9000 section 16), which is below 2^62.
 * 0, or -EAGAIN: it does not end before `end`. */
int quic_varint(const uint8_t **pos, const uint8_t *end, uint64_t *ret);

/* Is it a version of QUIC whose ClientHello is not read here? Drafts and the versions that ask for
 * a negotiation (RFC 9000 section 15), Google's, which are "Q" or "T" and three digits, and those
 * of Facebook's mvfst (both in the list that the section leads to, github.com/quicwg/base-drafts,
 * wiki/QUIC-Versions). False for 1, 2, version negotiation, and what is no QUIC. */
bool quic_version_is_unread(uint32_t version);

/* The packet at `data`, of which `len` bytes are there; on the wire the datagram had `real_len`
 * from here. 0, -ENODATA: it ends behind what is there, or -EINVAL: not a packet with a long header
 * of a known version, or longer than its datagram. -EPROTONOSUPPORT: of a version that
 * quic_version_is_unread(), whatever follows. A Retry, which servers send, is -EINVAL too, and
 * so is version negotiation. */
int quic_packet_parse(const uint8_t *data, size_t len, size_t real_len, struct quic_packet *ret);

/* The number whose low `bits` are `truncated`, next to the one expected behind `largest`, -1 when
 * there was none (RFC 9000 appendix A.3). */
uint64_t quic_packet_number(int64_t largest, uint64_t truncated, unsigned int bits);

/* Opens an Initial into `buf`. 0, -E2BIG, or -EINVAL: these keys do not open it, or reserved bits
 * are set behind the protection (RFC 9000 section 17.2). */
int quic_packet_open(const struct quic_packet *packet, const struct quic_keys *keys,
		     int64_t largest, uint8_t buf[QUIC_PACKET_MAX], struct quic_plain *ret);

#endif
