/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls.h: what a TLS client says in the clear before anything else: its ClientHello (RFC 8446
 * section 4.1.2, RFC 5246 section 7.4.1.2). Sender's bytes only; nothing is kept between calls.
 * What is told is what the client claims: whether the far end has that name is not seen here.
 */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/host.h"

#define TLS_HELLO_MAX	 (16 << 10) /* bytes of a ClientHello with its four of header */
#define TLS_ALPN_MAX	 8
#define TLS_ALPN_LEN_MAX 32

enum tls_sni {
	TLS_SNI_NONE,
	TLS_SNI_HOST,
	/* Given, but no host name: an address, which RFC 6066 section 3 forbids, other letters, or
	 * a type of name other than host_name. */
	TLS_SNI_OTHER
};

struct tls_alpn {
	uint8_t len, name[TLS_ALPN_LEN_MAX]; /* any octets (RFC 7301 section 3.1) */
};

struct tls_hello {
	enum tls_sni sni;
	struct host host; /* with TLS_SNI_HOST */
	/* Highest of supported_versions (RFC 8446 section 4.2.1), without that extension
	 * legacy_version; 0x0304 is TLS 1.3. 0: none that is known. */
	uint16_t version;
	uint8_t n_alpn;
	bool alpn_more; /* there were more than `alpn` holds, or longer ones */
	/* An outer encrypted_client_hello (RFC 9849 section 5): `host` then is the name of whoever
	 * decrypts it, not of the server. Clients without a key send the same with random bytes
	 * (GREASE, section 6.2), made so that nobody can tell, nor does this. */
	bool ech;
	/* early_data (RFC 8446 section 4.2.10): what follows may be data that a server passes over
	 * on its way to a second ClientHello. */
	bool early_data;
	struct tls_alpn alpn[TLS_ALPN_MAX];
};

/*
 * A ClientHello as handshake message, as CRYPTO frames of QUIC carry it (RFC 9001 section 4). What
 * follows it is not looked at. -EAGAIN: not whole yet; -E2BIG: above TLS_HELLO_MAX; -EINVAL: none,
 * one whose lengths do not agree, or one in which an extension that is read here, or a host_name,
 * stands twice.
 */
int tls_handshake_parse(const uint8_t *hs, size_t len, struct tls_hello *ret);

/* The same in records (RFC 8446 section 5.1), in pieces of any size. Uses 16 KiB of stack. */
int tls_records_parse(const uint8_t *data, size_t len, struct tls_hello *ret);

/*
 * Where a record begins behind a ClientHello: may another stand there, as it does when the server
 * asks for one (RFC 8446 section 4.1.4), behind change_cipher_spec (appendix D.4) or alerts? Also
 * true when there is too little of it to tell.
 */
bool tls_may_be_hello(const uint8_t *data, size_t len);

/* How far records were read; zeros to begin with. */
struct tls_reader {
	size_t at, left; /* next byte, and how many there are to the end of its record */
	size_t n, need;	 /* bytes of the message that were there, and that it has; 0: not known */
	uint8_t head[4];
	int err; /* the last word, once there is one */
};

/* The same of data that is longer each time, without reading again what was there before. */
int tls_records_read(struct tls_reader *r, const uint8_t *data, size_t len, struct tls_hello *ret);

#endif
