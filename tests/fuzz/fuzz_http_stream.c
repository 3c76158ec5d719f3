/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_http_stream.c: any bytes as what a client sends. At once, byte for byte, and in pieces that
 * overlap, come again with other bytes, or of which only the first bytes are there, the same
 * requests come out, up to where the stream breaks; that is at the same byte if all are there. A
 * request that is told stands where the message before it ends, which a reader of whole streams
 * finds in its own way.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/http_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_FUZZ (64U << 10)
#define ONE_MAX	      4096 /* byte for byte, which takes its time */
#define HEARD_MAX     64

struct heard {
	uint64_t hash; /* of all */
	uint64_t each[HEARD_MAX];
	size_t n;
	struct http_head *head;
};

static void check(bool holds)
{
	if (!holds)
		abort();
}

static struct http_head *room(void *arg)
{
	struct heard *h = arg;

	check(h->head == NULL);
	h->head = malloc(sizeof(*h->head));
	if (h->head == NULL)
		exit(1);
	return h->head;
}

static void hear(void *arg, const struct http_request *r)
{
	struct heard *h = arg;
	uint64_t hash = fnv64(FNV64_START, r->method, strlen(r->method));

	hash = fnv64(hash, r->target, r->target_len);
	hash = fnv64(hash, &r->head_len, sizeof(r->head_len));
	hash = fnv64(hash, &r->host_is, sizeof(r->host_is));
	hash = fnv64(hash, r->host.text, strlen(r->host.text));
	hash = fnv64(hash, &r->port, sizeof(r->port));
	h->hash = fnv64(h->n == 0 ? FNV64_START : h->hash, &hash, sizeof(hash));
	if (h->n < HEARD_MAX)
		h->each[h->n] = hash;
	h->n++;
}

static void feed(struct http_stream *s, struct heard *h, uint64_t at, const uint8_t *data,
		 size_t len, size_t whole)
{
	const struct http_stream_ear ear = { hear, room, h };
	uint8_t *copy = malloc(len);

	if (copy == NULL && len > 0)
		exit(1);
	if (len > 0)
		memcpy(copy, data, len);
	http_stream_feed(s, at, copy, len, whole, &ear);
	free(copy);
	check(s->head == h->head);
	check(!http_stream_in_head(s) || s->head->n < HTTP_HEAD_MAX);
	if (s->head != NULL && s->head->n == 0) {
		free(s->head);
		s->head = h->head = NULL;
	}
}

static uint32_t chance(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

/* With `missing` some pieces are cut off behind, as long ones are. */
static struct http_stream play(struct heard *h, const uint8_t *data, size_t size, uint64_t state,
			       uint32_t most, bool missing)
{
	static const uint8_t other[64] = "GET / HTTP/1.1\r\nHost: other\r\n\r\n";
	struct http_stream s = { .next = 0 };
	size_t at, n, back, len;

	for (at = 0; at < size; at += n) {
		n = 1 + chance(&state, most);
		if (n > size - at)
			n = size - at;
		len = missing && chance(&state, 4) == 0 ? chance(&state, (uint32_t)n + 1) : n;
		feed(&s, h, at, data + at, len, n);
		back = chance(&state, 80);
		if (back <= at + n && back > 0 && most > 1)
			feed(&s, h, at + n - back, other, back < 64 ? back : 64, back);
	}
	free(h->head);
	h->head = s.head = NULL;
	return s;
}

static size_t line_end(const uint8_t *data, size_t size, size_t at)
{
	while (at + 1 < size && memcmp(data + at, "\r\n", 2) != 0)
		at++;
	return at + 1 < size ? at + 2 : 0;
}

/* Behind the chunks at `at`; 0: they have no end. They are well-formed. */
static size_t chunks_end(const uint8_t *data, size_t size, size_t at)
{
	char *end, digits[17] = "";
	uint64_t n;

	while (at < size) {
		memcpy(digits, data + at, size - at < 16 ? size - at : 16);
		digits[size - at < 16 ? size - at : 16] = '\0';
		n = strtoull(digits, &end, 16);
		at = line_end(data, size, at);
		if (at == 0 || (n > 0 && (n > size - at || size - at - n < 2)))
			return 0;
		if (n == 0)
			break;
		at += (size_t)n + 2;
	}
	while (at != 0 && at + 1 < size && memcmp(data + at, "\r\n", 2) != 0)
		at = line_end(data, size, at);
	return at != 0 && at + 1 < size ? at + 2 : 0;
}

/* The requests of the whole stream, as many as were heard. */
static void same_as_whole(const struct heard *h, const uint8_t *data, size_t size)
{
	struct heard want = { .n = 0 };
	struct http_request r;
	size_t at = 0;

	while (want.n < h->n) {
		check(at < size && http_parse(data + at, size - at, &r) == 0);
		hear(&want, &r);
		at += r.head_len;
		if (want.n == h->n)
			break;
		check(!r.connect && !r.upgrade && r.body_is != HTTP_BODY_UNCLEAR);
		if (r.body_is == HTTP_BODY_LENGTH) {
			check(r.body_len <= size - at);
			at += (size_t)r.body_len;
		} else if (r.body_is == HTTP_BODY_CHUNKED) {
			at = chunks_end(data, size, at);
			check(at != 0);
		}
	}
	check(want.n == 0 || want.hash == h->hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t state;
	struct heard whole = { .n = 0 }, part = { .n = 0 }, holes = { .n = 0 };
	struct http_stream a = { .next = 0 }, b;
	size_t i;

	if (size > SIZE_MAX_FUZZ)
		size = SIZE_MAX_FUZZ;
	state = fnv64(FNV64_START, data, size);
	feed(&a, &whole, 0, data, size, size);
	free(whole.head);
	same_as_whole(&whole, data, size);
	b = play(&part, data, size, state, size <= ONE_MAX && (state & 1) ? 1 : 3000, false);
	check(part.n == whole.n && (part.n == 0 || part.hash == whole.hash));
	check(a.state == b.state && a.left == b.left && a.next == b.next && a.opaque == b.opaque);
	b = play(&holes, data, size, state, 500, true);
	check(holes.n <= whole.n && (b.state == HTTP_STREAM_BROKEN || holes.n == whole.n));
	for (i = 0; i < holes.n && i < HEARD_MAX; i++)
		check(holes.each[i] == whole.each[i]);
	return 0;
}
