/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.h: a DNS message (RFC 1035 section 4): what was asked, and the addresses that an answer gives
 * to the name that was asked. What an answer says of other names is not told: whoever sends one
 * could give any name to its addresses.
 */
#ifndef WIRE_DNS_H
#define WIRE_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns_name.h"

#define DNS_RECORDS_MAX	  256	     /* of an answer that are looked at */
#define DNS_LINKS_MAX	  16	     /* from the name that was asked to one with addresses */
#define DNS_ADDRESSES_MAX 256	     /* of 16 octets at least, in a message of 4096 */
#define DNS_MESSAGE_MAX	  UINT16_MAX /* RFC 1035 section 4.2.2 */

enum dns_type {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_NULL = 10,
	DNS_TXT = 16,
	DNS_AAAA = 28,	/* RFC 3596 */
	DNS_SVCB = 64,	/* RFC 9460 */
	DNS_HTTPS = 65, /* the same */
	DNS_ANY = 255
};

struct dns_address {
	uint8_t addr[16]; /* as in base/ip.h */
	uint32_t ttl;	  /* seconds: the least of its record and those that lead to it; 0 where
			   * the top bit is set (RFC 2181 section 8) */
	bool is_hint;	  /* of an SVCB or HTTPS record, not of an A or AAAA record */
};

struct dns_message {
	uint16_t id;
	uint8_t opcode;
	uint8_t rcode;	/* without the upper bits that EDNS has */
	bool is_answer; /* QR */
	bool truncated; /* TC */
	bool cut;	/* less was there than the message's length */

	/* The question. */
	struct dns_name name;
	uint16_t type;
	uint16_t class;
	bool exact; /* of a query: the records that it counts are there, and nothing else */

	/* The answer section of an answer to a query (opcode 0). */
	bool ech;	     /* an SVCB or HTTPS record of the name offers it */
	bool chain_too_long; /* some links were not followed: DNS_LINKS_MAX */
	uint16_t unread;     /* records not looked at: too many, truncated, cut, or no answer */
	uint16_t more;	     /* addresses of the name beside those here */
	uint32_t opaque;     /* octets of data of types that hold no names or addresses, and are
			      * not of DNSSEC: TXT, NULL, private ones... */
	uint32_t octets;     /* of the message, by its length */
	uint32_t address_count;
	struct dns_address addresses[DNS_ADDRESSES_MAX]; /* in the order of their records */
};

/*
 * A message of `len` octets. Addresses are those of records of class IN in the answer section whose
 * owner is the question's name, or one to which CNAME and SVCB or HTTPS records of AliasMode lead
 * from there, in any order of the records. (DNAME comes with a CNAME: RFC 6672 section 3.1.) What
 * lies behind the answer section is not looked at. Of a truncated message what is wholly there
 * counts. Whether an rcode makes the addresses void is for the caller to say.
 *
 * 0, or with *ret of no meaning: -EINVAL: not a message with one question, or a record of the
 * answer section is malformed, then nothing of it is believed. -E2BIG: more than DNS_MESSAGE_MAX.
 */
int dns_parse(const uint8_t *msg, size_t len, struct dns_message *ret);

/* The first `len` octets of a message of `whole`: what is wholly there counts. Besides, -EAGAIN:
 * not even the question is; -EINVAL: whole < len. */
int dns_parse_cut(const uint8_t *msg, size_t len, size_t whole, struct dns_message *ret);

#endif
