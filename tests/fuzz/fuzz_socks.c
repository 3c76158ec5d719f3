/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_socks.c: any bytes as what a client sends to a SOCKS proxy, and as PROXY header, in memory
 * of their own length. What is said of a part is not taken back for the whole, unless that more is
 * needed; what follows changes nothing; a name that is told stands in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/proxy_header.h"
#include "wire/socks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *copy_of(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (copy == NULL && size > 0)
		exit(1);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static int parse(const uint8_t *data, size_t size, struct socks_request *ret)
{
	uint8_t *copy = copy_of(data, size);
	int err;

	memset(ret, 0, sizeof(*ret));
	err = socks_parse(copy, size, ret);
	free(copy);
	return err;
}

static int proxy(const uint8_t *data, size_t size, size_t *ret)
{
	uint8_t *copy = copy_of(data, size);
	int err = proxy_header_parse(copy, size, ret);

	free(copy);
	return err;
}

static bool same(const struct socks_request *a, const struct socks_request *b)
{
	return a->version == b->version && a->command == b->command && a->named == b->named &&
	       strcmp(a->host.text, b->host.text) == 0 && a->port == b->port && a->len == b->len;
}

static void name_stands_in(const struct socks_request *r, const uint8_t *data)
{
	size_t i, n = strlen(r->host.text);

	if (r->named != (n > 0))
		abort();
	if (n == 0 || r->host.is_address)
		return;
	for (i = 0; i + n <= r->len; i++)
		if (strncasecmp((const char *)data + i, r->host.text, n) == 0)
			return;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cuts[] = { size / 2, size > 0 ? size - 1 : 0, 7 }, i, n = 0, m = 0;
	struct socks_request r, part;
	int err = parse(data, size, &r), head = proxy(data, size, &n), got;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		if (cuts[i] > size)
			continue;
		got = parse(data, cuts[i], &part);
		if (got != -EAGAIN && (got != err || (err == 0 && !same(&r, &part))))
			abort();
		got = proxy(data, cuts[i], &m);
		if (got != -EAGAIN && (got != head || (head == 0 && m != n)))
			abort();
	}
	if (head == 0 && (n > size || proxy(data, n, &m) != 0 || m != n ||
			  proxy(data, n - 1, &m) != -EAGAIN || err == 0))
		abort();
	if (err != 0)
		return 0;
	if (r.len > size || parse(data, r.len, &part) != 0 || !same(&r, &part) ||
	    parse(data, r.len - 1, &part) != -EAGAIN)
		abort();
	name_stands_in(&r, data);
	return 0;
}
