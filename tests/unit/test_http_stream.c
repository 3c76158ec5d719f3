/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests one after the other: wherever they are cut, and what could pass for one. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/http_stream.h"
#include "wire_bytes.h"

#define GET(host)    "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define HEAD(fields) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define CHUNKED	     HEAD("Transfer-Encoding: chunked\r\n")

static struct http_head room;
static bool no_room;
static char heard[512];

static struct http_head *get_room(void *arg)
{
	(void)arg;
	memset(&room, 0xa5, sizeof(room));
	return no_room ? NULL : &room;
}

static void hear(void *arg, const struct http_request *r)
{
	size_t n = strlen(heard);

	(void)arg;
	(void)snprintf(heard + n, sizeof(heard) - n, "%s%s", n > 0 ? " " : "",
		       r->host_is == HTTP_HOST_NAME ? r->host.text : "-");
}

static const struct http_stream_ear ear = { hear, get_room, NULL };

static void begin(struct http_stream *s)
{
	memset(s, 0, sizeof(*s));
	heard[0] = '\0';
}

/* In memory of its own length. */
static void feed(struct http_stream *s, uint64_t offset, const void *data, size_t len, size_t whole)
{
	uint8_t *copy = malloc(len);

	cr_assert(copy != NULL || len == 0);
	if (len > 0)
		memcpy(copy, data, len);
	http_stream_feed(s, offset, copy, len, whole, &ear);
	free(copy);
}

static void feed_text(struct http_stream *s, const char *text)
{
	feed(s, s->next, text, strlen(text), strlen(text));
}

struct text {
	char text[400];
	char heard[64];
	enum http_stream_state state;
};

ParameterizedTestParameters(http_stream, texts)
{
	static struct text rows[] = {
		{ GET("a"), "a", HTTP_STREAM_HEAD },
		{ GET("a") GET("b") "GET", "a b", HTTP_STREAM_HEAD },
		{ GET("a") "\r\n\r\n" GET("b"), "a b", HTTP_STREAM_HEAD },
		{ GET("a") "PROPFIND / HTTP/1.1\nHost: b\n\n", "a b", HTTP_STREAM_HEAD },
		{ "GET / HTTP/1.0\r\n\r\n" GET("b"), "- b", HTTP_STREAM_HEAD },
		{ HEAD("Content-Length: 5\r\n") "12345" GET("b"), "a b", HTTP_STREAM_HEAD },
		{ HEAD("Content-Length: 5\r\n") "1234", "a", HTTP_STREAM_BODY },
		{ HEAD("Content-Length: 0\r\n") GET("b"), "a b", HTTP_STREAM_HEAD },
		{ HEAD("Expect: 100-continue\r\nContent-Length: 20\r\n") GET("fake") GET("b"), "a",
		  HTTP_STREAM_BROKEN },
		{ HEAD("Expect: 100-continue\r\nContent-Length: 30\r\n") GET("fake") GET("b"),
		  "a b", HTTP_STREAM_HEAD },
		{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\n" GET("x") GET("b"),
		  "a b", HTTP_STREAM_HEAD },
		/* Chunks (RFC 9112 section 7.1). */
		{ CHUNKED "0\r\n\r\n" GET("b"), "a b", HTTP_STREAM_HEAD },
		{ CHUNKED "1b\r\n" GET("x") "\r\n00\r\n\r\n" GET("b"), "a b", HTTP_STREAM_HEAD },
		{ CHUNKED "4;a=\"b\" ;c\r\nabcd\r\nA\r\n0123456789\r\n0\r\n\r\n" GET("b"), "a b",
		  HTTP_STREAM_HEAD },
		{ CHUNKED "0\r\nX: y\r\nHost: z\r\n\r\n" GET("b"), "a b", HTTP_STREAM_HEAD },
		{ CHUNKED "0;x\r\n" GET("fake") GET("b"), "a b", HTTP_STREAM_HEAD },
		{ CHUNKED "0\r\nX: y\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "0\r\n X: y\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "0\n\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "1;\na\r\n0\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "1\r\nab\r\n0\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "1 \r\na\r\n0\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "0x1\r\na\r\n0\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "-1\r\na\r\n0\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "\r\n0\r\n\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "ffffffffffffffff\r\n", "a", HTTP_STREAM_BROKEN },
		{ CHUNKED "fffffffffffffff\r\n", "a", HTTP_STREAM_BODY },
		/* Two ends could be seen. */
		{ HEAD("Content-Length: 5\r\nContent-Length: 5\r\n") "12345" GET("b"), "a",
		  HTTP_STREAM_BROKEN },
		{ HEAD("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n" GET("b"),
		  "a", HTTP_STREAM_BROKEN },
		{ HEAD("Content-Length: 5, 5\r\n") "12345" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ HEAD("Transfer-Encoding: xchunked\r\n") GET("b"), "a", HTTP_STREAM_BROKEN },
		{ HEAD("Transfer-Encoding : chunked\r\n") GET("b"), "", HTTP_STREAM_BROKEN },
		{ GET("a") "garbage\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ GET("a") "GET /\r\n" GET("b"), "a", HTTP_STREAM_BROKEN },
		{ GET("a") "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "a", HTTP_STREAM_BROKEN },
		/* Not HTTP any more, or perhaps not. */
		{ GET("a") "CONNECT b:443 HTTP/1.1\r\n\r\n" GET("c"), "a b", HTTP_STREAM_TUNNEL },
		{ HEAD("Upgrade: websocket\r\nConnection: Upgrade\r\n"), "a", HTTP_STREAM_UPGRADE },
		{ HEAD("Upgrade: h2c\r\nContent-Length: 2\r\n") "x", "a", HTTP_STREAM_BODY },
		{ HEAD("Upgrade: h2c\r\nContent-Length: 2\r\n") "xx" GET("b"), "a",
		  HTTP_STREAM_UPGRADE },
	};

	return cr_make_param_array(struct text, rows, sizeof(rows) / sizeof(rows[0]));
}

static void check(const struct http_stream *s, const struct text *t, const char *how, size_t cut)
{
	cr_expect_str_eq(heard, t->heard, "%s %zu: %s", how, cut, t->text);
	cr_expect_eq(s->state, t->state, "%s %zu: %s: %d", how, cut, t->text, (int)s->state);
}

ParameterizedTest(struct text *t, http_stream, texts)
{
	size_t len = strlen(t->text), i;
	struct http_stream s;

	for (i = 0; i <= len; i++) {
		begin(&s);
		feed(&s, 0, t->text, i, i);
		feed(&s, i, t->text + i, len - i, len - i);
		check(&s, t, "cut at", i);
	}
	begin(&s);
	for (i = 0; i < len; i++) {
		feed(&s, i, t->text + i, 1, 1);
		feed(&s, i / 2, "changed when it comes again",
		     i - i / 2 + 1 < 27 ? i - i / 2 + 1 : 27,
		     i - i / 2 + 1 < 27 ? i - i / 2 + 1 : 27);
	}
	check(&s, t, "byte by byte, up to", i);
}

Test(http_stream, opaque)
{
	struct http_stream s;

	begin(&s);
	feed_text(&s, HEAD("Upgrade: x\r\n"));
	cr_expect_not(s.opaque, "all was read");
	feed_text(&s, "x");
	cr_expect(s.opaque);
}

Test(http_stream, content_with_gaps)
{
	struct http_stream s;

	begin(&s);
	feed_text(&s, HEAD("Content-Length: 6000000000\r\n"));
	feed(&s, s.next, "abc", 3, 65536);
	feed(&s, s.next + 1000000, GET("fake"), strlen(GET("fake")), 100000);
	cr_expect_eq(s.state, HTTP_STREAM_BODY);
	feed(&s, s.next, "", 0, s.left);
	cr_expect_eq(s.state, HTTP_STREAM_HEAD);
	feed_text(&s, GET("b"));
	cr_expect_str_eq(heard, "a b");
	begin(&s);
	feed_text(&s, CHUNKED "ffff\r\n");
	feed(&s, s.next, "x", 1, 65535);
	feed_text(&s, "\r\n0\r\n\r\n" GET("b"));
	cr_expect_str_eq(heard, "a b");
}

/* A packet of which too little is here is found out by itself. */
Test(http_stream, gaps_elsewhere)
{
	struct http_stream s;

	begin(&s);
	feed_text(&s, HEAD("Content-Length: 10\r\n"));
	feed(&s, s.next, "x", 1, 11);
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
	begin(&s);
	feed(&s, 0, "GET / HTTP", 10, 100);
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
	begin(&s);
	feed(&s, 1, GET("b"), strlen(GET("b")), strlen(GET("b")));
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
	cr_expect_str_eq(heard, "");
	begin(&s);
	feed_text(&s, CHUNKED);
	feed(&s, s.next, "5\r\nab", 5, 20);
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
}

/* A head of `n` bytes, in two pieces. */
static enum http_stream_state sized(size_t n, size_t cut)
{
	static struct bytes b;
	struct http_stream s;

	b.len = 0;
	bytes_text(&b, "GET / HTTP/1.1\r\nA: ");
	memset(b.data + b.len, 'a', n - b.len);
	b.len = n - 4;
	bytes_text(&b, "\r\n\r\n");
	begin(&s);
	feed(&s, 0, b.data, cut, cut);
	feed(&s, cut, b.data + cut, n - cut, n - cut);
	return s.state;
}

Test(http_stream, limits)
{
	static char line[HTTP_TRAILERS_MAX + 2];
	struct http_stream s;

	cr_expect_eq(sized(HTTP_HEAD_MAX, 100), HTTP_STREAM_HEAD);
	cr_expect_eq(sized(HTTP_HEAD_MAX, 0), HTTP_STREAM_HEAD);
	cr_expect_eq(sized(HTTP_HEAD_MAX + 1, 100), HTTP_STREAM_BROKEN);
	cr_expect_eq(sized(HTTP_HEAD_MAX + 1, 0), HTTP_STREAM_BROKEN);
	cr_expect_eq(sized(HTTP_HEAD_MAX + 1, HTTP_HEAD_MAX), HTTP_STREAM_BROKEN);
	memset(line, 'a', sizeof(line) - 1);
	begin(&s);
	feed_text(&s, CHUNKED "0\r\n");
	feed_text(&s, line);
	cr_expect_eq(s.state, HTTP_STREAM_TRAILER_LINE);
	feed_text(&s, "a");
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
	begin(&s);
	feed_text(&s, CHUNKED "0;");
	line[HTTP_CHUNK_LINE_MAX] = '\0';
	feed_text(&s, line);
	cr_expect_eq(s.state, HTTP_STREAM_CHUNK_EXTENSION);
	feed_text(&s, "a");
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
}

Test(http_stream, no_room_for_a_head)
{
	struct http_stream s;

	no_room = true;
	begin(&s);
	feed_text(&s, GET("a") GET("b"));
	cr_expect_str_eq(heard, "a b", "whole ones need none");
	feed_text(&s, "G");
	cr_expect_eq(s.state, HTTP_STREAM_BROKEN);
}

/* As curl sends it, when it sends a file that looks like a request. */
Test(http_stream, programs)
{
	static const char *const files[] = { "curl", "wget", "python", "curl-proxy" };
	static struct bytes b, one;
	struct http_stream s;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		bytes_file(&one, "http", files[i]);
		bytes_add(&b, one.data, one.len);
	}
	begin(&s);
	feed(&s, 0, b.data, b.len, b.len);
	cr_expect_str_eq(heard, "www.example.com localhost 127.0.0.1 www.example.com");
	cr_expect_eq(s.state, HTTP_STREAM_HEAD);
	cr_expect_not(http_stream_in_head(&s));
}
