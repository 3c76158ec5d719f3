/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_http.c: any bytes as the head of a request, in memory of their own length. What is said of a
 * part is not taken back for the whole, unless that more is needed; what follows a head changes
 * nothing; a name that is told stands in it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "wire/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The target is told as offset. */
static int parse(const uint8_t *data, size_t size, struct http_request *ret)
{
	uint8_t *copy = malloc(size);
	int err;

	if (copy == NULL && size > 0)
		exit(1);
	if (size > 0)
		memcpy(copy, data, size);
	memset(ret, 0, sizeof(*ret));
	err = http_parse(copy, size, ret);
	if (err == 0 && !ret->h2c) {
		if (ret->target < copy || ret->target + ret->target_len > copy + ret->head_len)
			abort();
		ret->target = data + (ret->target - copy);
	}
	free(copy);
	return err;
}

static bool same(const struct http_request *a, const struct http_request *b)
{
	return strcmp(a->method, b->method) == 0 && a->target == b->target &&
	       a->target_len == b->target_len && a->head_len == b->head_len &&
	       a->host_is == b->host_is && strcmp(a->host.text, b->host.text) == 0 &&
	       a->port == b->port && a->connect == b->connect && a->absolute == b->absolute &&
	       a->h2c == b->h2c;
}

static void name_stands_in(const struct http_request *r, const uint8_t *data)
{
	size_t i, n = strlen(r->host.text);

	if ((r->host_is == HTTP_HOST_NAME) != (n > 0))
		abort();
	if (n == 0 || r->host.is_address)
		return;
	for (i = 0; i + n <= r->head_len; i++)
		if (strncasecmp((const char *)data + i, r->host.text, n) == 0)
			return;
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request r, part;
	int err = parse(data, size, &r), got;
	size_t cuts[] = { size / 2, size > 0 ? size - 1 : 0, size > 0 ? data[size - 1] : 0 }, i;

	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		if (cuts[i] > size)
			continue;
		got = parse(data, cuts[i], &part);
		if (got != -EAGAIN && (got != err || (err == 0 && !same(&r, &part))))
			abort();
	}
	if (err != 0)
		return 0;
	if (r.head_len > size || r.head_len > HTTP_HEAD_MAX)
		abort();
	name_stands_in(&r, data);
	if (parse(data, r.head_len, &part) != 0 || !same(&r, &part))
		abort();
	if (parse(data, r.head_len - 1, &part) != -EAGAIN)
		abort();
	return 0;
}
