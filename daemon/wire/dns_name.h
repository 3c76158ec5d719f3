/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_name.h: a domain name as it stands in a DNS message, compressed or not (RFC 1035 sections 3.1
 * and 4.1.4), in one text form. Nothing of a name is lost: tunnels put any octets into it.
 */
#ifndef WIRE_DNS_NAME_H
#define WIRE_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_NAME_WIRE_MAX 255  /* octets, length octets and root included (RFC 1035 3.1) */
#define DNS_NAME_TEXT_MAX 1004 /* four for each of 250 octets in four labels, and the dots */

/* The octets of a name without compression, in lower case: of two names that DNS takes for the same
 * (RFC 4343) they are equal. */
struct dns_octets {
	uint8_t at[DNS_NAME_WIRE_MAX];
	uint8_t len;	/* 1 to 255: the root's 0 is the last */
	uint8_t labels; /* without the root: 0 to 127 */
};

struct dns_name {
	/* In lower case, no dot at the end; every octet but letters, digits, '-' and '_' is \DDD in
	 * decimal (RFC 1035 section 5.1). The root is ".". */
	char text[DNS_NAME_TEXT_MAX + 1];
	uint16_t len;	  /* of text */
	uint8_t wire_len; /* of struct dns_octets */
	uint8_t labels;	  /* the same */
	bool is_host;	  /* a name of a host as host.h has it, and no address */
};

/*
 * The name at *pos of a message of `len` octets; *pos is then behind it. A pointer leads only to
 * what stands before the labels that it ends, behind the header ("a prior occurrence"), so that no
 * name leads to itself.
 * -EINVAL: not a name. -EAGAIN: the message ends within it. Then *pos and *ret are as before.
 */
int dns_octets_read(const uint8_t *msg, size_t len, size_t *pos, struct dns_octets *ret);
int dns_name_read(const uint8_t *msg, size_t len, size_t *pos, struct dns_name *ret);

/* Are there two names at a and b, and the same? */
bool dns_names_equal(const uint8_t *msg, size_t len, size_t a, size_t b);

#endif
