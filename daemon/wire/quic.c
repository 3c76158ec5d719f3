/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/quic.h"

#include <errno.h>
#include <string.h>

#include "wire/quic_frames.h"

#include "base/poison.h"

/* What opened a packet, to be kept once its frames are found good. */
struct candidate {
	struct quic_keys keys;
	const uint8_t *dcid;
	size_t dcid_len;
	int64_t largest;
};

void quic_init(struct quic *q)
{
	memset(q, 0, sizeof(*q));
	q->largest = -1;
}

const uint8_t *quic_crypto_data(const struct quic *q, size_t *ret_len)
{
	*ret_len = q->len;
	return q->crypto;
}

static bool is_seen(const struct quic *q, size_t offset)
{
	return q->seen[offset / 8] & 1u << offset % 8;
}

/* The bytes that were seen before must be the same. */
static int check_crypto(const struct quic *q, const struct quic_crypto *c)
{
	size_t i;

	if (c->offset > QUIC_CRYPTO_MAX || c->len > QUIC_CRYPTO_MAX - c->offset)
		return -E2BIG;
	for (i = 0; i < c->len; i++)
		if (is_seen(q, c->offset + i) && q->crypto[c->offset + i] != c->data[i])
			return -EBADMSG;
	return 0;
}

static void take_crypto(struct quic *q, const struct quic_crypto *c)
{
	size_t i;

	for (i = c->offset; i < c->offset + c->len; i++)
		q->seen[i / 8] |= (uint8_t)(1u << i % 8);
	memcpy(q->crypto + c->offset, c->data, c->len);
	while (q->len < QUIC_CRYPTO_MAX && is_seen(q, q->len))
		q->len++;
}

/* All frames are looked at before anything of them is taken. */
static int take_frames(struct quic *q, const struct quic_plain *plain)
{
	const uint8_t *end = plain->payload + plain->len, *pos;
	struct quic_crypto c;
	int err;

	if (plain->len == 0)
		return -EINVAL;
	for (pos = plain->payload; (err = quic_frames_next(&pos, end, &c)) > 0;) {
		err = check_crypto(q, &c);
		if (err < 0)
			return err;
	}
	for (pos = plain->payload; err == 0 && quic_frames_next(&pos, end, &c) > 0;) {
		err = check_crypto(q, &c);
		if (err == 0)
			take_crypto(q, &c);
	}
	return err;
}

static bool same_id(const struct quic *q, const struct quic_packet *p)
{
	return q->dcid_len == p->dcid_len && memcmp(q->dcid, p->dcid, p->dcid_len) == 0;
}

static int open_by_kept(const struct quic *q, const struct quic_packet *p,
			uint8_t buf[QUIC_PACKET_MAX], struct quic_plain *plain, struct candidate *c)
{
	if (!q->has_keys)
		return -EINVAL;
	c->keys = q->keys;
	c->dcid = q->dcid;
	c->dcid_len = q->dcid_len;
	c->largest = q->largest;
	if (p->version != q->version &&
	    quic_keys_derive(p->version, q->dcid, q->dcid_len, &c->keys) < 0)
		return -EINVAL;
	return quic_packet_open(p, &c->keys, c->largest, buf, plain);
}

/* A server may choose a short ID for its Retry, a client may not for its first packet. */
static int open_by_own(const struct quic *q, const struct quic_packet *p,
		       uint8_t buf[QUIC_PACKET_MAX], struct quic_plain *plain, struct candidate *c)
{
	if (q->has_keys && same_id(q, p))
		return -EINVAL;
	if (p->dcid_len < QUIC_DCID_MIN && !(q->has_keys && p->token_len > 0))
		return -EINVAL;
	c->dcid = p->dcid;
	c->dcid_len = p->dcid_len;
	c->largest = -1;
	if (quic_keys_derive(p->version, p->dcid, p->dcid_len, &c->keys) < 0)
		return -EINVAL;
	return quic_packet_open(p, &c->keys, c->largest, buf, plain);
}

static void keep_keys(struct quic *q, const struct candidate *c, uint32_t version, uint64_t number)
{
	q->keys = c->keys;
	memmove(q->dcid, c->dcid, c->dcid_len);
	q->dcid_len = c->dcid_len;
	q->version = version;
	q->has_keys = true;
	q->largest = (int64_t)number > c->largest ? (int64_t)number : c->largest;
}

static int take_initial(struct quic *q, const struct quic_packet *p, bool *ret_opened)
{
	uint8_t buf[QUIC_PACKET_MAX];
	struct quic_plain plain;
	struct candidate c;
	int err;

	if (q->tried >= QUIC_TRIES)
		return -E2BIG;
	q->tried++;
	err = open_by_kept(q, p, buf, &plain, &c);
	if (err == -EINVAL)
		err = open_by_own(q, p, buf, &plain, &c);
	if (err < 0)
		return err;
	*ret_opened = true;
	err = take_frames(q, &plain);
	if (err == 0)
		keep_keys(q, &c, p->version, plain.number);
	return err;
}

/* RFC 9000 section 12.2: of another connection than the first packet of the datagram; ignored. */
static bool counts(const struct quic_packet *p, const struct quic_packet *first)
{
	return p->type == QUIC_INITIAL && p->dcid_len == first->dcid_len &&
	       memcmp(p->dcid, first->dcid, p->dcid_len) == 0;
}

/* A packet with a short header, which is all that clients send later on. */
static bool is_short(const struct quic *q, const uint8_t *datagram, size_t len)
{
	return q->has_keys && len > 0 && !(datagram[0] & QUIC_LONG_HEADER);
}

/* What is wrong with a packet that could be opened is told before everything else, what is wrong
 * with others only when none could. */
int quic_feed(struct quic *q, const uint8_t *datagram, size_t len, size_t real_len)
{
	struct quic_packet first = { 0 }, p;
	size_t before = q->len, at;
	bool any = false, opened;
	int err = -EINVAL, ret = 0;

	if (len > real_len)
		return -EINVAL;
	if (is_short(q, datagram, len))
		return 0;
	for (at = 0; at < real_len; at += p.len) {
		err = quic_packet_parse(datagram + at, len - at, real_len - at, &p);
		if (err < 0)
			break;
		if (at == 0)
			first = p;
		if (!counts(&p, &first))
			continue;
		opened = false;
		err = real_len < QUIC_DATAGRAM_MIN ? -EINVAL : take_initial(q, &p, &opened);
		if (opened && err < 0)
			return err;
		any |= opened;
		ret = ret == 0 ? err : ret;
	}
	if (q->len > before)
		return 1;
	if (err == -ENODATA || at == 0)
		return err;
	return any ? 0 : ret;
}
