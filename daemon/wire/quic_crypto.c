/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/quic_crypto.h"

#include <errno.h>
#include <string.h>

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "base/poison.h"

struct parameters {
	uint32_t version;
	uint8_t salt[20];
	const char *key, *iv, *hp;
};

static const struct parameters *find_parameters(uint32_t version)
{
	static const struct parameters all[] = {
		{ QUIC_V1,
		  { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
		    0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a },
		  "quic key",
		  "quic iv",
		  "quic hp" },
		{ QUIC_V2,
		  { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
		    0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 },
		  "quicv2 key",
		  "quicv2 iv",
		  "quicv2 hp" },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].version == version)
			return &all[i];
	return NULL;
}

/* HKDF-Expand-Label of RFC 8446 section 7.1, with an empty context. */
static void expand_label(const uint8_t secret[SHA256_DIGEST_SIZE], const char *label, uint8_t *ret,
			 size_t len)
{
	static const char prefix[] = "tls13 ";
	struct hmac_sha256_ctx hmac;
	uint8_t info[32];
	size_t label_len = strlen(label), n = 0;

	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)(sizeof(prefix) - 1 + label_len);
	memcpy(info + n, prefix, sizeof(prefix) - 1);
	n += sizeof(prefix) - 1;
	memcpy(info + n, label, label_len);
	n += label_len;
	info[n++] = 0;
	hmac_sha256_set_key(&hmac, SHA256_DIGEST_SIZE, secret);
	hkdf_expand(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		    (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, n, info, len,
		    ret);
}

int quic_keys_derive(uint32_t version, const uint8_t *dcid, size_t len, struct quic_keys *ret)
{
	const struct parameters *p = find_parameters(version);
	uint8_t initial[SHA256_DIGEST_SIZE], client[SHA256_DIGEST_SIZE];
	struct hmac_sha256_ctx hmac;

	if (p == NULL)
		return -EINVAL;
	hmac_sha256_set_key(&hmac, sizeof(p->salt), p->salt);
	hkdf_extract(&hmac, (nettle_hash_update_func *)hmac_sha256_update,
		     (nettle_hash_digest_func *)hmac_sha256_digest, sizeof(initial), len, dcid,
		     initial);
	expand_label(initial, "client in", client, sizeof(client));
	expand_label(client, p->key, ret->key, sizeof(ret->key));
	expand_label(client, p->iv, ret->iv, sizeof(ret->iv));
	expand_label(client, p->hp, ret->hp, sizeof(ret->hp));
	return 0;
}

void quic_header_mask(const struct quic_keys *keys, const uint8_t sample[QUIC_SAMPLE],
		      uint8_t ret_mask[5])
{
	struct aes128_ctx aes;
	uint8_t block[AES_BLOCK_SIZE];

	aes128_set_encrypt_key(&aes, keys->hp);
	aes128_encrypt(&aes, sizeof(block), block, sample);
	memcpy(ret_mask, block, 5);
}

int quic_open(const struct quic_keys *keys, uint64_t number, const uint8_t *header,
	      size_t header_len, const uint8_t *sealed, size_t len, uint8_t *ret)
{
	struct gcm_aes128_ctx gcm;
	uint8_t nonce[GCM_IV_SIZE], tag[QUIC_TAG];
	size_t i;

	if (len < QUIC_TAG)
		return -EINVAL;
	memcpy(nonce, keys->iv, sizeof(nonce));
	for (i = 0; i < 8; i++)
		nonce[sizeof(nonce) - 1 - i] ^= (uint8_t)(number >> (8 * i));
	gcm_aes128_set_key(&gcm, keys->key);
	gcm_aes128_set_iv(&gcm, sizeof(nonce), nonce);
	gcm_aes128_update(&gcm, header_len, header);
	gcm_aes128_decrypt(&gcm, len - QUIC_TAG, ret, sealed);
	gcm_aes128_digest(&gcm, sizeof(tag), tag);
	if (memeql_sec(tag, sealed + len - QUIC_TAG, QUIC_TAG))
		return 0;
	memset(ret, 0, len - QUIC_TAG);
	return -EINVAL;
}
