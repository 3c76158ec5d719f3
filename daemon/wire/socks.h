/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * socks.h: whom a client asks a SOCKS proxy for: SOCKS4, SOCKS4a and SOCKS5 (RFC 1928) with a user
 * name and a password (RFC 1929), which are passed over and never kept.
 */
#ifndef WIRE_SOCKS_H
#define WIRE_SOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "wire/host.h"

#define SOCKS_TEXT_MAX 255 /* bytes of a user or host in SOCKS4, which has no limit of its own */

enum socks_command {
	SOCKS_CONNECT = 1, /* what follows is for the host */
	SOCKS_BIND = 2,	   /* the host is to call back */
	SOCKS_UDP = 3 /* UDP ASSOCIATE: host and port are where the client sends from, or zero */
};

struct socks_request {
	uint8_t version; /* 4 or 5 */
	enum socks_command command;
	bool named; /* else a host was given that has no host's shape */
	struct host host;
	uint16_t port;
	size_t len; /* of all that was for the proxy */
};

/*
 * The client's bytes alone, one after the other. What the proxy chose is not among them: that there
 * was a log-in is told by what follows the offer, 1 for one and 5 for none. -EAGAIN: not whole yet;
 * -E2BIG: a text longer than SOCKS_TEXT_MAX; -EINVAL: no SOCKS, or a log-in that this does not
 * read: GSSAPI (RFC 1961) hides what follows, and is not told from a user name of one byte if both
 * were offered.
 */
int socks_parse(const uint8_t *data, size_t len, struct socks_request *ret);

#endif
