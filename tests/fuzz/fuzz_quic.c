/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_quic.c: the reader of QUIC, in three ways that the first byte says. Below 0x80, datagrams as
 * tests/unit/test_quic.c has them recorded, each behind two bytes of its length; the last may be
 * cut. Below 0xc0, packets whose frames the input gives and which are sealed here, so that they are
 * reached: what is told does not depend on their order when all of them are taken. From there on,
 * pieces of a known stream in packets of two IDs: exactly what one knows of it must be told.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/quic_client.h"
#include "wire/quic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS	   16
#define FRAMES_MAX 1100 /* bytes of a packet */

static const uint8_t ids[2][8] = { { 1, 2, 3, 4, 5, 6, 7, 8 }, { 8, 7, 6, 5, 4, 3, 2, 1 } };

static size_t told(const struct quic *q)
{
	size_t len;

	quic_crypto_data(q, &len);
	return len;
}

/* From memory of its own length. */
static int feed(struct quic *q, const uint8_t *data, size_t len, size_t real_len)
{
	size_t before = told(q);
	uint8_t *copy = malloc(len), *old = malloc(before);
	int ret;

	memcpy(copy, data, len);
	memcpy(old, q->crypto, before);
	ret = quic_feed(q, copy, len, real_len);
	if (ret != 0 && ret != 1 && ret != -EINVAL && ret != -ENODATA && ret != -EBADMSG &&
	    ret != -E2BIG && ret != -EPROTONOSUPPORT)
		abort();
	if (ret == -EPROTONOSUPPORT && (data[0] & QUIC_LONG_HEADER) == 0)
		abort();
	if (ret == -ENODATA && len == real_len)
		abort();
	if (told(q) < before || told(q) > QUIC_CRYPTO_MAX || memcmp(old, q->crypto, before) != 0)
		abort();
	if (ret != -EBADMSG && ret != -EINVAL && ret != -E2BIG && (ret == 1) != (told(q) > before))
		abort();
	if (q->tried > QUIC_TRIES)
		abort();
	free(copy);
	free(old);
	return ret;
}

static void feed_recording(const uint8_t *data, size_t size)
{
	struct quic q;
	size_t real_len, len;

	quic_init(&q);
	while (size >= 2) {
		real_len = (size_t)data[0] << 8 | data[1];
		data += 2;
		size -= 2;
		len = real_len < size ? real_len : size;
		feed(&q, data, len, real_len);
		data += len;
		size -= len;
	}
}

static void seal_frames(struct bytes *ret, const struct bytes *frames, unsigned int way,
			unsigned int number)
{
	struct initial i = {
		.version = way & 1 ? QUIC_V2 : QUIC_V1,
		.dcid = ids[way >> 1 & 1],
		.dcid_len = 8,
		.token_len = way >> 2 & 3,
		.number = number,
		.number_len = (way >> 4 & 3) + 1,
	};

	ret->len = 0;
	put_initial(ret, &i, frames, QUIC_DATAGRAM_MIN);
}

static bool feed_all(struct quic *q, const struct bytes *packets, size_t n, bool back)
{
	bool all = true;
	size_t i;

	quic_init(q);
	for (i = 0; i < n; i++) {
		const struct bytes *p = &packets[back ? n - 1 - i : i];

		all &= feed(q, p->data, p->len, p->len) >= 0;
	}
	return all;
}

static void expect_same(const struct quic *a, const struct quic *b)
{
	if (told(a) != told(b) || memcmp(a->crypto, b->crypto, told(a)) != 0 ||
	    memcmp(a->seen, b->seen, sizeof(a->seen)) != 0)
		abort();
}

/* Of each packet: how it is sealed, two bytes of length, and its frames. */
static void feed_frames(const uint8_t *data, size_t size)
{
	static struct bytes packets[PACKETS];
	static struct quic forth, back;
	size_t n = 0;
	bool all;

	while (size >= 3 && n < PACKETS) {
		size_t len = (size_t)data[1] << 8 | data[2];
		struct bytes frames = { .len = 0 };
		unsigned int way = data[0];

		data += 3;
		size -= 3;
		len = len < size ? len : size;
		len = len < FRAMES_MAX ? len : FRAMES_MAX;
		put(&frames, data, len);
		seal_frames(&packets[n], &frames, way, (unsigned int)n);
		n++;
		data += len;
		size -= len;
	}
	/* What one packet contradicts in one order is contradicted by the other in the other. */
	all = feed_all(&forth, packets, n, false);
	if (feed_all(&back, packets, n, true) != all)
		abort();
	if (all)
		expect_same(&forth, &back);
}

static uint8_t stream_byte(size_t offset)
{
	return (uint8_t)(offset * 167 + (offset >> 8) * 13 + 5);
}

/* Of each piece: how its packet is sealed and whether a new one begins with it, offset and length.
 */
static void feed_stream(const uint8_t *data, size_t size)
{
	static struct bytes packets[PACKETS];
	static struct quic forth, back;
	static uint8_t known[QUIC_CRYPTO_MAX];
	uint8_t piece[256];
	struct bytes frames = { .len = 0 };
	size_t n = 0, whole = 0, i;

	memset(known, 0, sizeof(known));
	for (; size >= 4 && n < PACKETS; data += 4, size -= 4) {
		size_t offset = ((size_t)data[1] << 8 | data[2]) % (QUIC_CRYPTO_MAX - 255);
		size_t len = data[3];

		for (i = 0; i < len; i++) {
			piece[i] = stream_byte(offset + i);
			known[offset + i] = 1;
		}
		put_crypto(&frames, offset, piece, len);
		if (data[0] & 0xc0 && frames.len < FRAMES_MAX - 300 && size >= 8)
			continue;
		seal_frames(&packets[n], &frames, data[0], (unsigned int)n);
		n++;
		frames.len = 0;
	}
	while (whole < QUIC_CRYPTO_MAX && known[whole])
		whole++;
	if (frames.len > 0) /* no packet was left for them */
		return;
	if (!feed_all(&forth, packets, n, false) || !feed_all(&back, packets, n, true))
		abort();
	expect_same(&forth, &back);
	if (told(&forth) != whole)
		abort();
	for (i = 0; i < whole; i++)
		if (forth.crypto[i] != stream_byte(i))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] < 0x80)
		feed_recording(data, size);
	else if (data[0] < 0xc0)
		feed_frames(data + 1, size - 1);
	else
		feed_stream(data + 1, size - 1);
	return 0;
}
