/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire_bytes.h: what programs sent (tests/fuzz/corpus/, which the fuzzers begin with too), and a
 * ClientHello to be made wrong.
 */
#ifndef TESTS_WIRE_BYTES_H
#define TESTS_WIRE_BYTES_H

#include <criterion/criterion.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct bytes {
	uint8_t data[40 << 10];
	size_t len;
};

static inline void bytes_add(struct bytes *b, const void *data, size_t len)
{
	cr_assert_leq(b->len + len, sizeof(b->data));
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void bytes_text(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

/* Big-endian. */
static inline void bytes_num(struct bytes *b, size_t octets, size_t n)
{
	uint8_t c;

	while (octets-- > 0) {
		c = (uint8_t)(n >> 8 * octets);
		bytes_add(b, &c, 1);
	}
}

static inline void bytes_vector(struct bytes *b, size_t octets, const struct bytes *content)
{
	bytes_num(b, octets, content->len);
	bytes_add(b, content->data, content->len);
}

static inline void bytes_file(struct bytes *b, const char *dir, const char *name)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "tests/fuzz/corpus/%s/%s", dir, name);
	f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	b->len = fread(b->data, 1, sizeof(b->data), f);
	cr_assert_gt(b->len, 0, "%s", path);
	(void)fclose(f);
}

/* extension_type, then the content with its length (RFC 8446 section 4.2). */
static inline void hello_ext(struct bytes *exts, size_t type, const struct bytes *content)
{
	bytes_num(exts, 2, type);
	bytes_vector(exts, 2, content);
}

/* A server_name with one host_name (RFC 6066 section 3). */
static inline void hello_sni(struct bytes *exts, const void *name, size_t len)
{
	static struct bytes list, ext;

	list.len = ext.len = 0;
	bytes_num(&list, 1, 0);
	bytes_num(&list, 2, len);
	bytes_add(&list, name, len);
	bytes_vector(&ext, 2, &list);
	hello_ext(exts, 0, &ext);
}

/* A ClientHello with these extensions as handshake message (RFC 8446 section 4.1.2). */
static inline void hello_message(struct bytes *hs, const struct bytes *exts)
{
	static const uint8_t head[] = { 3, 3 }, tail[] = { 0, 0, 2, 0x13, 1, 1, 0 },
			     random[32] = { 7 };
	static struct bytes body;

	body.len = 0;
	bytes_add(&body, head, sizeof(head));
	bytes_add(&body, random, sizeof(random));
	bytes_add(&body, tail, sizeof(tail));
	bytes_vector(&body, 2, exts);
	bytes_num(hs, 1, 1);
	bytes_vector(hs, 3, &body);
}

/* In records of `fragment` bytes. */
static inline void hello_records(struct bytes *out, const struct bytes *hs, size_t fragment)
{
	static const uint8_t head[] = { 22, 3, 1 };
	size_t at, n;

	for (at = 0; at < hs->len; at += n) {
		n = hs->len - at < fragment ? hs->len - at : fragment;
		bytes_add(out, head, sizeof(head));
		bytes_num(out, 2, n);
		bytes_add(out, hs->data + at, n);
	}
}

#endif
