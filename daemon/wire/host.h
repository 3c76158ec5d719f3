/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.h: the name of a host as clients send it, in one form: lower case, no dot at the end. One
 * that has another shape is none: nothing is guessed, and a name is never cut.
 */
#ifndef WIRE_HOST_H
#define WIRE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_MAX  253 /* as text, without the last dot (RFC 1035 section 2.3.4) */
#define LABEL_MAX 63  /* the same */

struct host {
	char text[HOST_MAX + 1]; /* an IPv6 address without brackets */
	bool is_address;
};

/* Letters, digits, '-' and '_' in labels of 1 to LABEL_MAX, at most HOST_MAX, or an address as
 * inet_pton(3) takes it. 0 or -EINVAL. */
int host_parse(const char *text, size_t len, struct host *ret);

/* HOST or HOST:PORT, IPv6 addresses in brackets (RFC 3986 section 3.2.2); without a port, 0. */
int host_port_parse(const char *text, size_t len, struct host *ret, uint16_t *ret_port);

#endif
