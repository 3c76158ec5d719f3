/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h: the head of an HTTP/1 request as its client sends it (RFC 9112): whom it asks for. A head
 * in which two readers could see two hosts (two Host fields, folded lines, a bare CR) is refused.
 * In HTTP/2 names are compressed with a state of the whole connection (RFC 7541) and not read: only
 * that it is HTTP/2 is told.
 */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/host.h"

#define HTTP_HEAD_MAX	(16 << 10)
#define HTTP_METHOD_MAX 32
#define HTTP_EMPTY_MAX	8

enum http_host {
	HTTP_HOST_NONE, /* no Host field, or an empty one */
	HTTP_HOST_NAME, /* or an address */
	HTTP_HOST_OTHER /* given, but neither: with a user, blanks, a list, a bad port ... */
};

/* How long the content is (RFC 9112 section 6.3). */
enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	/* Two readers could see two ends: more than one of Content-Length and Transfer-Encoding, a
	 * length that is not just digits or has more than 18, another coding, or one in HTTP/1.0.
	 */
	HTTP_BODY_UNCLEAR
};

struct http_request {
	char method[HTTP_METHOD_MAX + 1];
	const uint8_t *target; /* in the caller's data */
	size_t target_len;
	size_t head_len; /* with the empty lines before and after it: where the content begins */
	enum http_host host_is;
	struct host host; /* of the target if that has one, else of Host (RFC 9112 section 3.2.2) */
	uint16_t port;	  /* 0: not given */
	bool connect;	  /* what follows the head is for that host (RFC 9110 section 9.3.6) */
	bool absolute;	  /* target with a host, as proxies are asked (RFC 9112 section 3.2.2) */
	enum http_body body_is;
	uint64_t body_len; /* with HTTP_BODY_LENGTH */
	uint8_t minor;	   /* HTTP/1.N */
	bool upgrade; /* asks for another protocol behind it (RFC 9110 section 7.8), which may begin
		       */
	bool h2c;     /* preface of HTTP/2 (RFC 9113 section 3.4); method, target, host unset */
};

/*
 * Data that begins where a request does: a connection's first bytes, or those behind an earlier
 * request. -EAGAIN: may still become a whole head; -EINVAL: none (a CONNECT without host and port
 * is none either); -E2BIG: no end within HTTP_HEAD_MAX. Lines may end in LF alone (RFC 9112
 * section 2.2).
 */
int http_parse(const uint8_t *data, size_t len, struct http_request *ret);

/* How far a head was read; zeros to begin with. */
struct http_reader {
	size_t at; /* begin of the next line */
	unsigned int empty;
	bool line_read, host_seen;
	int err; /* the last word, once there is one */
	struct http_request r;
};

/* The same of data that is longer each time but stays where it is, without reading again the lines
 * that were there before. */
int http_read(struct http_reader *h, const uint8_t *data, size_t len, struct http_request *ret);

/*
 * Is what http_parse() refuses still meant as a request, by one who may find a server that takes
 * it? So are lines with "HTTP/" in them, and those that begin with a method of RFC 9110 section 9
 * or RFC 5789 and what a target begins with: "/", "*", "[", or with a port or a scheme in it.
 * Others use such words, too: `CONNECT {"verbose": ...` is NATS, "GET key" redis. An answer is
 * none.
 */
bool http_resembles(const uint8_t *data, size_t len);

#endif
