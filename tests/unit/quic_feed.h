/* SPDX-License-Identifier: BSD-2-Clause */
/* quic_feed.h: feeding the reader of QUIC in tests. */
#ifndef TESTS_UNIT_QUIC_FEED_H
#define TESTS_UNIT_QUIC_FEED_H

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quic_client.h"
#include "wire/quic.h"

static inline void put_hex(struct bytes *ret, const char *hex)
{
	unsigned int byte;

	for (; *hex != '\0'; hex += 2) {
		cr_assert_eq(sscanf(hex, "%2x", &byte), 1);
		put_int(ret, byte, 1);
	}
}

/* Fed from memory of its own length. */
static inline int feed_cut(struct quic *q, const uint8_t *data, size_t len, size_t real_len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	int ret;

	cr_assert_not_null(copy);
	memcpy(copy, data, len);
	ret = quic_feed(q, copy, len, real_len);
	free(copy);
	return ret;
}

static inline int feed(struct quic *q, const struct bytes *b)
{
	return feed_cut(q, b->data, b->len, b->len);
}

static inline size_t got(const struct quic *q)
{
	size_t len;

	quic_crypto_data(q, &len);
	return len;
}

#endif
