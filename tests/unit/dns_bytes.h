/* SPDX-License-Identifier: BSD-2-Clause */
/* dns_bytes.h: DNS messages put together by hand, and those that real servers sent. */
#ifndef TESTS_UNIT_DNS_BYTES_H
#define TESTS_UNIT_DNS_BYTES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct bytes {
	uint8_t at[65536];
	size_t len;
};

static inline void put(struct bytes *b, const void *data, size_t len)
{
	memcpy(b->at + b->len, data, len);
	b->len += len;
}

static inline void put16(struct bytes *b, unsigned int v)
{
	uint8_t two[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(b, two, 2);
}

/* A literal with its length octets, without the root at the end, which is the NUL. */
#define PUT_NAME(b, literal) put(b, literal, sizeof(literal))

/* An answer with so many records. */
static inline void put_header(struct bytes *b, unsigned int flags, unsigned int answers)
{
	b->len = 0;
	put16(b, 0x4242);
	put16(b, flags);
	put16(b, 1);
	put16(b, answers);
	put16(b, 0);
	put16(b, 0);
}

/* What stands between the owner and the data of a record of class IN. */
static inline void put_fixed(struct bytes *b, unsigned int type, uint32_t ttl, unsigned int len)
{
	put16(b, type);
	put16(b, 1);
	put16(b, ttl >> 16);
	put16(b, ttl & 0xffff);
	put16(b, len);
}

/* What a server sent, from the corpus of the fuzzer; the current directory is the project's. */
static inline size_t bytes_load(struct bytes *b, const char *path)
{
	FILE *f = fopen(path, "re");

	b->len = 0;
	if (f == NULL)
		return 0;
	b->len = fread(b->at, 1, sizeof(b->at), f);
	fclose(f);
	return b->len;
}

#endif
