/* SPDX-License-Identifier: BSD-2-Clause */
/* digest.h: what a digest must be, computed beside the code that is tested. */
#ifndef TESTS_DIGEST_H
#define TESTS_DIGEST_H

#include <stdio.h>
#include <string.h>

#include <nettle/sha2.h>

/* Hex of the SHA-256 of a text. */
static inline void sha256(const char *text, char ret[2 * SHA256_DIGEST_SIZE + 1])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;
	int i;

	sha256_init(&ctx);
	sha256_update(&ctx, strlen(text), (const uint8_t *)text);
	sha256_digest(&ctx, sizeof(digest), digest);
	for (i = 0; i < SHA256_DIGEST_SIZE; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}

#endif
