/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic.h: the TLS handshake that a QUIC client begins with, put together from the Initial packets
 * among the datagrams that it sends; those of the server are not needed. Only packets whose tag is
 * right count. Memory is the caller's and of fixed size.
 *
 *	struct quic q;
 *	quic_init(&q);
 *	for each datagram of the flow
 *		if (quic_feed(&q, datagram, len, real_len) == 1)
 *			parse quic_crypto_data(&q, &n), which may need more
 */
#ifndef WIRE_QUIC_H
#define WIRE_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/quic_packet.h"

#define QUIC_CRYPTO_MAX	  (16 << 10) /* bytes of handshake kept; a ClientHello has some 2,000 */
#define QUIC_TRIES	  32	     /* Initial packets of a flow that are tried, opened or not */
#define QUIC_DATAGRAM_MIN 1200	     /* servers drop a smaller one, RFC 9000 section 14.1 */
#define QUIC_DCID_MIN	  8	     /* of an ID that the client chose, RFC 9000 section 7.2 */

struct quic {
	uint8_t crypto[QUIC_CRYPTO_MAX];
	uint8_t seen[QUIC_CRYPTO_MAX / 8]; /* a bit for each byte of it */
	size_t len;			   /* seen without a gap from offset 0 */
	struct quic_keys keys;
	uint8_t dcid[QUIC_CID_MAX]; /* what the keys follow from, with the version */
	size_t dcid_len;
	uint32_t version;
	bool has_keys;
	int64_t largest; /* packet number under these keys, or -1 */
	unsigned int tried;
};

void quic_init(struct quic *q);

/*
 * One datagram that the client sent, of which `len` bytes are there and `real_len` were on the
 * wire: one segment, where the kernel sends several at once. Other packets that come with an
 * Initial in it are passed over.
 *
 * The keys are tried that opened the packet before, and then those of its own Destination
 * Connection ID: the client changes the ID once the server answers and keeps the keys, but after a
 * Retry it begins anew with the ID that the server chose (RFC 9001 section 5.2); a change of
 * version (RFC 9369 section 4) keeps the ID. CRYPTO frames may come in any order, repeated and
 * overlapping.
 *
 *  1        there is more of the handshake without a gap from its begin than before
 *  0        there is not: more datagrams are needed, or this one had nothing new
 *  -EINVAL  not QUIC of a client, a version that is not known, no keys that open it, or frames
 *           that an Initial cannot have
 *  -ENODATA cut by the capture before the end of an Initial, which so cannot be authenticated, or
 *           where another may have been
 *  -EPROTONOSUPPORT  QUIC, of a version that is not read
 *  -EBADMSG the handshake is another than in earlier packets at the same offset: the first stands.
 *           With an ID of its own it is another connection in the same flow: quic_init() and feed
 *           it again. Otherwise the client contradicts itself
 *  -E2BIG   more than QUIC_TRIES, QUIC_CRYPTO_MAX or QUIC_PACKET_MAX
 *
 * Each is of this datagram alone: what was told before stays true. Nothing is taken from a packet
 * that is refused, except where a packet contradicts itself. A client that sends QUIC_TRIES packets
 * which nothing opens stays without a name.
 */
int quic_feed(struct quic *q, const uint8_t *datagram, size_t len, size_t real_len);

/* The handshake from its begin to the first gap, as TLS messages without records (RFC 9001 section
 * 4.1.3). Stays valid until the next quic_feed(). */
const uint8_t *quic_crypto_data(const struct quic *q, size_t *ret_len);

#endif
