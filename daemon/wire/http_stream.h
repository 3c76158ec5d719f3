/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_stream.h: the requests that a client of HTTP/1 sends on one connection, each found where the
 * message before it ends (RFC 9112 section 6), so that content is never taken for a request, nor a
 * request for content, however they are cut. Where that is not certain nothing more is told.
 */
#ifndef WIRE_HTTP_STREAM_H
#define WIRE_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/http.h"

#define HTTP_CHUNK_LINE_MAX 4096 /* of the size of a chunk with its extensions */
#define HTTP_TRAILERS_MAX   HTTP_HEAD_MAX

enum http_stream_state {
	HTTP_STREAM_HEAD, /* of the next request, or what comes before it */
	HTTP_STREAM_BODY, /* content or a chunk's data: `left` bytes */
	HTTP_STREAM_CHUNK_SIZE,
	HTTP_STREAM_CHUNK_EXTENSION,
	HTTP_STREAM_CHUNK_SIZE_LF,
	HTTP_STREAM_CHUNK_CR, /* behind its data */
	HTTP_STREAM_CHUNK_LF,
	HTTP_STREAM_TRAILER, /* begin of a line */
	HTTP_STREAM_TRAILER_LINE,
	HTTP_STREAM_TRAILER_LF,
	HTTP_STREAM_LAST_LF,
	HTTP_STREAM_TUNNEL,  /* behind CONNECT: not HTTP, if the far end agreed */
	HTTP_STREAM_UPGRADE, /* another protocol, or still HTTP: the far end decides */
	HTTP_STREAM_BROKEN   /* where the next request begins is not known */
};

/* A head that is not whole yet, 16 KiB of the caller. */
struct http_head {
	struct http_reader reader;
	size_t n; /* bytes of it; 0: there is none */
	uint8_t data[HTTP_HEAD_MAX];
};

/* Zeros to begin with, but for `next`. */
struct http_stream {
	uint64_t next; /* offset of the byte that is read next */
	uint64_t left;
	uint32_t line;	/* bytes of the line with a chunk's size, or of all trailers */
	uint8_t digits; /* of the size */
	bool chunked;	/* HTTP_STREAM_BODY: a chunk's */
	bool upgrade;	/* behind this message HTTP_STREAM_UPGRADE begins */
	bool opaque;	/* bytes of a tunnel or another protocol came */
	enum http_stream_state state;
	struct http_head *head; /* of room(); the caller's again when its `n` is 0 */
};

struct http_stream_ear {
	/* Of each request in order; valid for that call. */
	void (*request)(void *arg, const struct http_request *r);
	/* Uninitialised memory for a head that comes in pieces; NULL: there is none, and the stream
	 * is broken. Asked when s->head is NULL. */
	struct http_head *(*room)(void *arg);
	void *arg;
};

/*
 * `len` bytes from `offset` on, behind which the sender sent more, so that it was `whole` bytes.
 * Bytes that come again are passed over: the first count. Missing ones are no harm inside of
 * content or a chunk whose length is known; anywhere else they break the stream. Time is linear in
 * `len` and HTTP_HEAD_MAX.
 */
void http_stream_feed(struct http_stream *s, uint64_t offset, const uint8_t *data, size_t len,
		      size_t whole, const struct http_stream_ear *ear);

/* Has a head begun that is not whole? */
bool http_stream_in_head(const struct http_stream *s);

#endif
