/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_client.h: what a QUIC client sends, for tests and fuzzers: frames, sealed as Initial packets
 * (RFC 9001 section 5). Only the derivation of keys is the daemon's, which the vectors of the RFCs
 * check.
 */
#ifndef TESTS_UNIT_QUIC_CLIENT_H
#define TESTS_UNIT_QUIC_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <nettle/aes.h>
#include <nettle/gcm.h>

#include "wire/quic_crypto.h"

#define CLIENT_MAX 2048 /* of a datagram */

struct bytes {
	uint8_t data[CLIENT_MAX];
	size_t len;
};

/* An Initial to be. */
struct initial {
	uint32_t version;
	const uint8_t *dcid;
	size_t dcid_len;
	const uint8_t *key_dcid; /* NULL: keys follow from dcid */
	size_t key_dcid_len;
	size_t token_len; /* zeros */
	uint64_t number;
	unsigned int number_len; /* 1 to 4 */
	uint8_t first;		 /* XORed into the first byte before it is protected */
};

static inline void put(struct bytes *b, const void *data, size_t len)
{
	if (len <= sizeof(b->data) - b->len) {
		memcpy(b->data + b->len, data, len);
		b->len += len;
	}
}

static inline void put_int(struct bytes *b, uint64_t value, unsigned int len)
{
	uint8_t byte;

	while (len-- > 0) {
		byte = (uint8_t)(value >> (8 * len));
		put(b, &byte, 1);
	}
}

/* Of 1, 2, 4 or 8 bytes; 0: as few as there can be. */
static inline void put_varint(struct bytes *b, uint64_t value, unsigned int len)
{
	unsigned int code = 0;

	if (len == 0)
		len = value < 1u << 6 ? 1 : value < 1u << 14 ? 2 : value < 1u << 30 ? 4 : 8;
	while (1u << code < len)
		code++;
	put_int(b, value | (uint64_t)code << (8 * len - 2), len);
}

static inline void put_crypto(struct bytes *b, uint64_t offset, const void *data, size_t len)
{
	put_int(b, 0x06, 1);
	put_varint(b, offset, 0);
	put_varint(b, len, 0);
	put(b, data, len);
}

/* Seals `b`, header and frames, behind `header` bytes of it. */
static inline void seal(struct bytes *b, size_t at, size_t header, const struct initial *i)
{
	struct gcm_aes128_ctx gcm;
	struct quic_keys keys;
	uint8_t nonce[12], tag[16], mask[16], *packet = b->data + at, *payload = packet + header;
	size_t len = b->len - at - header;
	struct aes128_ctx aes;
	unsigned int n;

	if (i->key_dcid != NULL)
		quic_keys_derive(i->version, i->key_dcid, i->key_dcid_len, &keys);
	else
		quic_keys_derive(i->version, i->dcid, i->dcid_len, &keys);
	memcpy(nonce, keys.iv, sizeof(nonce));
	for (n = 0; n < 8; n++)
		nonce[11 - n] ^= (uint8_t)(i->number >> (8 * n));
	gcm_aes128_set_key(&gcm, keys.key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, header, packet);
	gcm_aes128_encrypt(&gcm, len, payload, payload);
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
	put(b, tag, sizeof(tag));
	aes128_set_encrypt_key(&aes, keys.hp);
	aes128_encrypt(&aes, sizeof(mask), mask, payload + 4 - i->number_len);
	packet[0] ^= mask[0] & 0x0f;
	for (n = 0; n < i->number_len; n++)
		packet[header - i->number_len + n] ^= mask[1 + n];
}

/* Behind what `ret` holds, with PADDING behind the frames up to `size` bytes of packet. */
static inline void put_initial(struct bytes *ret, const struct initial *i,
			       const struct bytes *frames, size_t size)
{
	static const uint8_t zeros[CLIENT_MAX];
	size_t at = ret->len, header, used, padding, room = sizeof(ret->data) - at;
	uint8_t type = i->version == QUIC_V2 ? 0x10 : 0x00;

	put_int(ret, (0xc0u | type | (i->number_len - 1)) ^ i->first, 1);
	put_int(ret, i->version, 4);
	put_int(ret, i->dcid_len, 1);
	put(ret, i->dcid, i->dcid_len);
	put_int(ret, 0, 1);
	put_varint(ret, i->token_len, 0);
	put(ret, zeros, i->token_len);
	used = ret->len - at + 2 + i->number_len + frames->len + QUIC_TAG;
	if (used > room) {
		ret->len = at;
		return;
	}
	padding = size > used ? size - used : 0;
	if (padding > room - used)
		padding = room - used;
	put_varint(ret, i->number_len + frames->len + padding + QUIC_TAG, 2);
	put_int(ret, i->number, i->number_len);
	header = ret->len - at;
	put(ret, frames->data, frames->len);
	put(ret, zeros, padding);
	seal(ret, at, header, i);
}

#endif
