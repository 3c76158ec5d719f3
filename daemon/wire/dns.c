/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/dns.h"

#include <errno.h>
#include <string.h>

#include "base/ip.h"
#include "base/text.h"
#include "wire/dns_svcb.h"
#include "wire/octets.h"

#include "base/poison.h"

#define HEADER_LEN 12
#define CLASS_IN   1
#define CLASS_ANY  255

/* A record of class IN that leads on or has addresses. */
struct record {
	uint32_t owner_hash;
	uint32_t ttl;
	uint16_t owner; /* positions in the message */
	uint16_t rdata;
	uint16_t rdata_len;
	uint16_t type;
	uint16_t target; /* a name that the record leads to; 0: none */
	uint8_t from;	 /* the owner's place in the chain, from 1; 0: not in it */
	uint8_t to;	 /* the target's */
};

struct link {
	uint32_t hash;
	uint32_t ttl;
	uint16_t name;
};

/* The names that the question leads to, itself the first, and the records that say so. Names are
 * known by where they stand: as texts they would fill a page each. */
struct answer {
	const uint8_t *msg;
	size_t len;
	struct record records[DNS_RECORDS_MAX];
	size_t record_count;
	struct link chain[1 + DNS_LINKS_MAX];
	uint8_t chain_len;
};

static uint32_t octets_hash(const struct dns_octets *o)
{
	return (uint32_t)fnv64(FNV64_START, o->at, o->len);
}

/* Octets of data in which anything can be. */
static uint32_t opaque_octets(unsigned int type, uint16_t len)
{
	switch (type) {
	case DNS_A:
	case 2: /* NS */
	case DNS_CNAME:
	case 6:	 /* SOA */
	case 12: /* PTR */
	case 15: /* MX */
	case DNS_AAAA:
	case 33: /* SRV */
	case 39: /* DNAME */
	case 43: /* DS */
	case 46: /* RRSIG */
	case 47: /* NSEC */
	case 48: /* DNSKEY */
	case 50: /* NSEC3 */
	case DNS_SVCB:
	case DNS_HTTPS:
		return 0;
	default:
		return len;
	}
}

/* Is the data what the type says? With the name that it leads to. */
static int rdata_check(const uint8_t *msg, struct record *r)
{
	size_t pos = r->rdata, end = pos + r->rdata_len;
	struct dns_octets name;
	struct dns_svcb svcb;

	switch (r->type) {
	case DNS_A:
		return r->rdata_len == 4 ? 0 : -EINVAL;
	case DNS_AAAA:
		return r->rdata_len == 16 ? 0 : -EINVAL;
	case DNS_CNAME:
		if (dns_octets_read(msg, end, &pos, &name) < 0 || pos != end)
			return -EINVAL;
		r->target = r->rdata;
		return 0;
	default:
		if (dns_svcb_read(msg, pos, end, &svcb) < 0)
			return -EINVAL;
		r->target = svcb.is_alias ? svcb.target : 0;
		return 0;
	}
}

static bool is_of_use(unsigned int type, unsigned int class)
{
	return class == CLASS_IN && (type == DNS_A || type == DNS_AAAA || type == DNS_CNAME ||
				     type == DNS_SVCB || type == DNS_HTTPS);
}

/* RFC 1035 section 4.1.3. -EAGAIN: the message ends within the record. */
static int record_read(struct answer *a, size_t *pos, struct dns_message *ret)
{
	struct dns_octets owner;
	struct record r = { .owner = (uint16_t)*pos };
	size_t at = *pos;
	const uint8_t *fixed;
	int err;

	err = dns_octets_read(a->msg, a->len, &at, &owner);
	if (err < 0)
		return err;
	if (a->len - at < 10)
		return -EAGAIN;
	fixed = a->msg + at;
	r.rdata_len = be16(fixed + 8);
	if (a->len - at - 10 < r.rdata_len)
		return -EAGAIN;
	r.rdata = (uint16_t)(at + 10);
	r.type = be16(fixed);
	r.ttl = be32(fixed + 4);
	if (r.ttl > INT32_MAX)
		r.ttl = 0;
	*pos = at + 10 + r.rdata_len;
	ret->opaque += opaque_octets(r.type, r.rdata_len);
	if (!is_of_use(r.type, be16(fixed + 2)))
		return 0;
	r.owner_hash = octets_hash(&owner);
	err = rdata_check(a->msg, &r);
	if (err < 0)
		return err;
	a->records[a->record_count++] = r;
	return 0;
}

/* Of a truncated or cut message as far as it goes. */
static int records_read(struct answer *a, size_t pos, struct dns_message *ret)
{
	size_t n;
	int err;

	for (n = 0; ret->unread > 0 && n < DNS_RECORDS_MAX; n++) {
		err = record_read(a, &pos, ret);
		if (err == -EAGAIN)
			return ret->truncated || ret->cut ? 0 : -EINVAL;
		if (err < 0)
			return err;
		ret->unread--;
	}
	return 0;
}

/* The place of the name in the chain, from 1; 0: there is no room for it. */
static uint8_t chain_add(struct answer *a, uint16_t name)
{
	struct dns_octets o;
	struct link *l;
	size_t pos = name;
	uint32_t hash;
	uint8_t i;

	if (dns_octets_read(a->msg, a->len, &pos, &o) < 0)
		return 0;
	hash = octets_hash(&o);
	for (i = 0; i < a->chain_len; i++)
		if (a->chain[i].hash == hash &&
		    dns_names_equal(a->msg, a->len, a->chain[i].name, name))
			return (uint8_t)(i + 1);
	if (a->chain_len == 1 + DNS_LINKS_MAX)
		return 0;
	l = &a->chain[a->chain_len++];
	*l = (struct link){ .hash = hash, .ttl = UINT32_MAX, .name = name };
	return a->chain_len;
}

/* The question's name first, then what it leads to, those first to which fewer links lead. */
static void chain_follow(struct answer *a, struct dns_message *ret)
{
	struct record *r;
	uint8_t i;

	chain_add(a, HEADER_LEN);
	for (i = 0; i < a->chain_len; i++) {
		for (r = a->records; r < a->records + a->record_count; r++) {
			if (r->owner_hash != a->chain[i].hash ||
			    !dns_names_equal(a->msg, a->len, r->owner, a->chain[i].name))
				continue;
			r->from = (uint8_t)(i + 1);
			if (r->target == 0)
				continue;
			r->to = chain_add(a, r->target);
			if (r->to == 0)
				ret->chain_too_long = true;
		}
	}
}

static uint32_t record_ttl(const struct answer *a, const struct record *r)
{
	uint32_t ttl = a->chain[r->from - 1].ttl;

	return ttl < r->ttl ? ttl : r->ttl;
}

/* A name to which several ways lead, which RFC 2181 section 10.1 forbids, has the least TTL of them
 * all. A TTL sinks to that of one of the links, at most once along each: no more than two rounds
 * for each name. */
static void chain_age(struct answer *a)
{
	const struct record *r;
	bool changed;
	uint32_t ttl;

	do {
		changed = false;
		for (r = a->records; r < a->records + a->record_count; r++) {
			if (r->from == 0 || r->to == 0)
				continue;
			ttl = record_ttl(a, r);
			if (ttl < a->chain[r->to - 1].ttl) {
				a->chain[r->to - 1].ttl = ttl;
				changed = true;
			}
		}
	} while (changed);
}

static void address_tell(struct dns_message *ret, const uint8_t *at, size_t size, uint32_t ttl,
			 bool is_hint)
{
	struct dns_address *d;

	if (ret->address_count == DNS_ADDRESSES_MAX) {
		ret->more++;
		return;
	}
	d = &ret->addresses[ret->address_count++];
	if (size == 4)
		ip_from_v4(d->addr, at);
	else
		memcpy(d->addr, at, sizeof(d->addr));
	d->ttl = ttl;
	d->is_hint = is_hint;
}

static void svcb_tell(const struct answer *a, const struct record *r, struct dns_message *ret)
{
	uint32_t ttl = record_ttl(a, r);
	struct dns_svcb s;
	uint16_t i;

	if (dns_svcb_read(a->msg, r->rdata, (size_t)r->rdata + r->rdata_len, &s) < 0)
		return;
	ret->ech |= s.ech;
	for (i = 0; i < s.v4_count; i++)
		address_tell(ret, s.v4 + (size_t)i * 4, 4, ttl, true);
	for (i = 0; i < s.v6_count; i++)
		address_tell(ret, s.v6 + (size_t)i * 16, 16, ttl, true);
}

static void addresses_tell(const struct answer *a, struct dns_message *ret)
{
	const struct record *r;

	for (r = a->records; r < a->records + a->record_count; r++) {
		if (r->from == 0)
			continue;
		if (r->type == DNS_A || r->type == DNS_AAAA)
			address_tell(ret, a->msg + r->rdata, r->rdata_len, record_ttl(a, r), false);
		else if (r->type != DNS_CNAME)
			svcb_tell(a, r, ret);
	}
}

static int answer_read(const uint8_t *msg, size_t len, size_t pos, struct dns_message *ret)
{
	struct answer a;
	int err;

	a.msg = msg;
	a.len = len;
	a.record_count = 0;
	a.chain_len = 0;
	err = records_read(&a, pos, ret);
	if (err < 0)
		return err;
	if (ret->class != CLASS_IN && ret->class != CLASS_ANY)
		return 0;
	chain_follow(&a, ret);
	chain_age(&a);
	addresses_tell(&a, ret);
	return 0;
}

/* RFC 1035 sections 4.1.1 and 4.1.2; *ret_pos is behind the question. -EAGAIN: it is not whole. */
static int question_read(const uint8_t *msg, size_t len, struct dns_message *ret, size_t *ret_pos)
{
	size_t pos = HEADER_LEN;
	int err;

	if (len < HEADER_LEN)
		return -EAGAIN;
	ret->id = be16(msg);
	ret->is_answer = msg[2] >> 7;
	ret->opcode = msg[2] >> 3 & 15;
	ret->truncated = msg[2] >> 1 & 1;
	ret->rcode = msg[3] & 15;
	ret->unread = be16(msg + 6);
	if (be16(msg + 4) != 1)
		return -EINVAL;
	err = dns_name_read(msg, len, &pos, &ret->name);
	if (err < 0)
		return err;
	if (len - pos < 4)
		return -EAGAIN;
	ret->type = be16(msg + pos);
	ret->class = be16(msg + pos + 2);
	*ret_pos = pos + 4;
	return 0;
}

/* Are the records of all sections there, and nothing behind them? Each takes 11 octets or more. */
static bool records_end(const uint8_t *msg, size_t len, size_t pos)
{
	uint32_t n = (uint32_t)be16(msg + 6) + be16(msg + 8) + be16(msg + 10);
	struct dns_octets owner;
	uint16_t rdata_len;

	for (; n > 0; n--) {
		if (dns_octets_read(msg, len, &pos, &owner) < 0 || len - pos < 10)
			return false;
		rdata_len = be16(msg + pos + 8);
		if (len - pos - 10 < rdata_len)
			return false;
		pos += 10U + rdata_len;
	}
	return pos == len;
}

int dns_parse_cut(const uint8_t *msg, size_t len, size_t whole, struct dns_message *ret)
{
	size_t pos;
	int err;

	if (whole < len)
		return -EINVAL;
	if (whole > DNS_MESSAGE_MAX)
		return -E2BIG;
	memset(ret, 0, sizeof(*ret));
	ret->octets = (uint32_t)whole;
	ret->cut = len < whole;
	err = question_read(msg, len, ret, &pos);
	if (err == -EAGAIN && !ret->cut)
		return -EINVAL;
	if (err == 0 && !ret->is_answer)
		ret->exact = !ret->cut && records_end(msg, len, pos);
	if (err < 0 || !ret->is_answer || ret->opcode != 0)
		return err;
	return answer_read(msg, len, pos, ret);
}

int dns_parse(const uint8_t *msg, size_t len, struct dns_message *ret)
{
	return dns_parse_cut(msg, len, len, ret);
}
