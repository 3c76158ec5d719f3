/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_svcb.h: the data of an SVCB or HTTPS record (RFC 9460): where a service is, and what a client
 * should know before it connects.
 */
#ifndef WIRE_DNS_SVCB_H
#define WIRE_DNS_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_svcb {
	const uint8_t *v4, *v6;	     /* in the message: addresses of 4 and of 16 octets */
	uint16_t v4_count, v6_count; /* section 7.3 */
	uint16_t target;	     /* where TargetName stands; 0: it is "." (section 2.5) */
	bool is_alias;		     /* AliasMode, whose parameters are ignored (section 2.4.2) */
	bool ech;		     /* Encrypted Client Hello is offered (RFC 9848) */
};

/* msg[pos] to msg[end - 1] is the data, end at most 65535. 0, or -EINVAL: malformed by section 2.2,
 * of which clients use nothing. */
int dns_svcb_read(const uint8_t *msg, size_t pos, size_t end, struct dns_svcb *ret);

#endif
