/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_tls.c: any bytes as handshake message and as records, in memory of their own length. A hello
 * is the same however it is cut into records, whatever follows it, and no part of it is one; a name
 * that is told stands in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int handshake(const uint8_t *data, size_t size, struct tls_hello *ret)
{
	uint8_t *copy = malloc(size);
	int err;

	if (copy == NULL && size > 0)
		exit(1);
	if (size > 0)
		memcpy(copy, data, size);
	memset(ret, 0, sizeof(*ret));
	err = tls_handshake_parse(copy, size, ret);
	free(copy);
	return err;
}

static int records(const uint8_t *data, size_t size, struct tls_hello *ret)
{
	uint8_t *copy = malloc(size);
	int err;

	if (copy == NULL && size > 0)
		exit(1);
	if (size > 0)
		memcpy(copy, data, size);
	memset(ret, 0, sizeof(*ret));
	err = tls_records_parse(copy, size, ret);
	(void)tls_may_be_hello(copy, size);
	free(copy);
	return err;
}

/* The same message in records of so many bytes. */
static int cut(const uint8_t *data, size_t size, size_t fragment, struct tls_hello *ret)
{
	uint8_t *out = malloc(size * 6 + 1);
	size_t at, n, len = 0;
	int err;

	if (out == NULL)
		exit(1);
	for (at = 0; at < size; at += n) {
		n = size - at < fragment ? size - at : fragment;
		out[len++] = 22;
		out[len++] = 3;
		out[len++] = 1;
		out[len++] = (uint8_t)(n >> 8);
		out[len++] = (uint8_t)n;
		memcpy(out + len, data + at, n);
		len += n;
	}
	err = records(out, len, ret);
	free(out);
	return err;
}

static void same(int err, const struct tls_hello *h, int want, const struct tls_hello *wanted)
{
	if (err != want || (err == 0 && memcmp(h, wanted, sizeof(*h)) != 0))
		abort();
}

static void name_stands_in(const struct tls_hello *h, const uint8_t *data, size_t size)
{
	size_t i, n = strlen(h->host.text);

	if ((h->sni == TLS_SNI_HOST) != (n > 0) || h->host.is_address || h->n_alpn > TLS_ALPN_MAX)
		abort();
	for (i = 0; i + n <= size; i++)
		if (strncasecmp((const char *)data + i, h->host.text, n) == 0)
			return;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_hello h, again;
	int err = handshake(data, size, &h), part;
	size_t fragment = size > 2 ? 1 + data[size / 2] : 1;

	if (err == 0)
		name_stands_in(&h, data, size);
	same(cut(data, size, fragment, &again), &again, err, &h);
	same(cut(data, size, 1 << 14, &again), &again, err, &h);

	err = records(data, size, &h);
	part = records(data, size / 2, &again);
	if (part != -EAGAIN)
		same(part, &again, err, &h);
	/* The first record's message, with all behind it. */
	if (size > 5 && err == 0 && handshake(data + 5, size - 5, &again) == 0 &&
	    (size_t)(data[3] << 8 | data[4]) >= size - 5)
		same(0, &again, 0, &h);
	return 0;
}
