/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_crypto.h: the protection of a client's Initial packets. Its keys follow from what the packet
 * itself says, so that everybody on the path can open it; the tag still tells a packet that a QUIC
 * client made from bytes that look like one. Versions 1 (RFC 9001 section 5) and 2 (RFC 9369
 * section 3.3).
 */
#ifndef WIRE_QUIC_CRYPTO_H
#define WIRE_QUIC_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#define QUIC_V1	    0x00000001u /* RFC 9000 section 15 */
#define QUIC_V2	    0x6b3343cfu /* RFC 9369 section 3.1 */
#define QUIC_TAG    16		/* bytes behind the payload, RFC 9001 section 5.3 */
#define QUIC_SAMPLE 16 /* bytes of the payload that mask the header, RFC 9001 section 5.4.2 */

struct quic_keys {
	uint8_t key[16];
	uint8_t iv[12];
	uint8_t hp[16];
};

/* Those of the client, from the Destination Connection ID of its first Initial or, after a Retry,
 * of the one that followed it (RFC 9001 section 5.2). 0, or -EINVAL: no such version. */
int quic_keys_derive(uint32_t version, const uint8_t *dcid, size_t len, struct quic_keys *ret);

/* What the first byte and up to four bytes of packet number are masked with (RFC 9001 section
 * 5.4.3). Of the first byte only the low four bits are (section 5.4.1). */
void quic_header_mask(const struct quic_keys *keys, const uint8_t sample[QUIC_SAMPLE],
		      uint8_t ret_mask[5]);

/* Opens `len` bytes at `sealed`, tag included, whose associated data is the header without its
 * protection (RFC 9001 section 5.3). *ret has room for len - QUIC_TAG and may be `sealed`. 0, or
 * -EINVAL: the tag is another, and *ret is zeros. */
int quic_open(const struct quic_keys *keys, uint64_t number, const uint8_t *header,
	      size_t header_len, const uint8_t *sealed, size_t len, uint8_t *ret);

#endif
