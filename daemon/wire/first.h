/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * first.h: the first bytes of a TCP connection in one direction, put together from its segments,
 * and whom they name. One connection may name several: a proxy is asked for a host, and in the
 * tunnel to that TLS names another. What was found is what the sender claims.
 *
 * Known are, one inside the other: PROXY headers; SOCKS and CONNECT, with what is sent through;
 * TLS, at once or after STARTTLS (SMTP, LMTP, IMAP, POP3, FTP, NNTP, ManageSieve, XMPP, LDAP) or a
 * request for it (PostgreSQL, MySQL); HTTP. Of anything else no name is told.
 */
#ifndef WIRE_FIRST_H
#define WIRE_FIRST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/host.h"
#include "wire/http.h"
#include "wire/tls.h"

#define FIRST_MAX	(16 << 10) /* bytes that are kept */
#define FIRST_PIECES	17	   /* runs of bytes, with up to 16 holes between them */
#define FIRST_NAMES_MAX 4

enum first_source {
	FIRST_SNI,     /* of a ClientHello */
	FIRST_CONNECT, /* a proxy is to connect there: CONNECT or SOCKS */
	FIRST_HOST     /* of an HTTP request: in its target or Host */
};

struct first_name {
	struct host host;
	uint16_t port; /* 0: not given */
	enum first_source source;
	/* Behind a request to a proxy: for whom that connects to. Whether it did is not seen: two
	 * CONNECTs may be two attempts as well. */
	bool tunnelled;
};

enum first_flag {
	FIRST_IS_TLS = 1 << 0,
	FIRST_IS_HTTP = 1 << 1,
	FIRST_IS_H2C = 1 << 2, /* HTTP/2 without TLS, in which names are not read */
	FIRST_IS_SOCKS = 1 << 3,
	FIRST_IS_PROXIED = 1 << 4,  /* a PROXY header */
	FIRST_IS_STARTTLS = 1 << 5, /* TLS after something in the clear */
	FIRST_HAS_ECH = 1 << 6,	    /* see tls.h: real or not */
	FIRST_HAS_ALPN = 1 << 7,    /* in `hello` */
	FIRST_NOT_A_NAME = 1 << 8,  /* a name was given that has no host's shape */
	FIRST_MORE_NAMES = 1 << 9,  /* than `names` holds */
	FIRST_IS_UNKNOWN = 1 << 10, /* what follows is none of these, malformed or too long */
	FIRST_IS_SCATTERED =
		1 << 11, /* more holes than are kept: nothing behind the first is read */
	FIRST_IS_SOCKS_OTHER = 1 << 12, /* SOCKS is asked for BIND or UDP, not for a connection */
	FIRST_HAS_EARLY_DATA = 1 << 13, /* see tls.h */
};

struct first_found {
	struct first_name names[FIRST_NAMES_MAX]; /* as they came; none twice */
	size_t n_names;
	unsigned int flags; /* of enum first_flag */
	bool done;	    /* else more bytes are needed */
	/* Done, and at `http_at` begin requests of HTTP, in a tunnel or not: the first is in
	 * `names`, for the others there is http_stream.h. */
	bool http, tunnelled;
	size_t http_at;
	struct tls_hello hello; /* with FIRST_IS_TLS */
};

struct first_piece {
	uint16_t start, end;
};

/* About 19 KiB, of the caller. */
struct first {
	struct first_piece pieces[FIRST_PIECES]; /* ordered, with holes between them */
	size_t n_pieces;
	size_t at;    /* begin of the layer that is not read yet */
	size_t tried; /* bytes that were there when it was tried last */
	unsigned int layers;
	bool tunnel;
	struct tls_reader tls; /* of that layer */
	struct http_reader http;
	struct first_found found;
	uint8_t data[FIRST_MAX];
};

void first_init(struct first *f);

/*
 * Bytes from `offset` of the direction on. Of bytes that come twice the first count; those behind
 * FIRST_MAX are not kept. 0, or -E2BIG: too many holes, of which the flag tells too.
 */
int first_add(struct first *f, uint64_t offset, const void *data, size_t len);

/*
 * What is known so far, valid until the next call for `f`; for the same bytes the same, however
 * they came. Takes a few passes over what is kept at most, and none if the part without holes is as
 * long as it was.
 */
const struct first_found *first_parse(struct first *f);

#endif
