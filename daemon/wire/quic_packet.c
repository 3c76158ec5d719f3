/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/quic_packet.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/poison.h"

#define FIXED_BIT  0x40
#define RESERVED   0x0c
#define NUMBER_MAX 4 /* bytes of packet number; the sample begins behind so many */

int quic_varint(const uint8_t **pos, const uint8_t *end, uint64_t *ret)
{
	const uint8_t *p = *pos;
	uint64_t value;
	size_t n;

	if (p >= end)
		return -EAGAIN;
	n = (size_t)1 << (*p >> 6);
	if ((size_t)(end - p) < n)
		return -EAGAIN;
	*pos = p + n;
	value = *p++ & 0x3f;
	while (p < *pos)
		value = value << 8 | *p++;
	*ret = value;
	return 0;
}

static bool known_type(uint32_t version, uint8_t first, enum quic_type *ret)
{
	unsigned int bits = first >> 4 & 3;

	if (version == QUIC_V2)
		bits = (bits + 3) & 3;
	else if (version != QUIC_V1)
		return false;
	*ret = (enum quic_type)bits;
	return true;
}

bool quic_version_is_unread(uint32_t version)
{
	const uint32_t digits = version & 0x00ffffff, maker = version >> 24;

	if ((version & 0x0f0f0f0f) == 0x0a0a0a0a || (version & 0xffffff00) == 0xff000000 ||
	    (version & 0xffffff00) == 0xfaceb000)
		return true;
	return (maker == 'Q' || maker == 'T') && (digits & 0xf0f0f0) == 0x303030 &&
	       ((digits + 0x060606) & 0x404040) == 0;
}

/* One byte of length and the ID. */
static int read_cid(const uint8_t **pos, const uint8_t *end, const uint8_t **ret, size_t *ret_len)
{
	const uint8_t *p = *pos;

	if (p >= end)
		return -EAGAIN;
	if (*p > QUIC_CID_MAX)
		return -EINVAL;
	if (end - p - 1 < *p)
		return -EAGAIN;
	*ret = p + 1;
	*ret_len = *p;
	*pos = p + 1 + *p;
	return 0;
}

/* Up to the packet number; -EAGAIN: the header goes on behind the end. */
static int parse_header(const uint8_t *end, struct quic_packet *p, uint64_t *ret_rest)
{
	const uint8_t *pos = p->data, *scid;
	size_t scid_len;
	uint64_t token = 0;
	int err;

	if (end - pos < 5)
		return pos < end && !(*pos & QUIC_LONG_HEADER) ? -EINVAL : -EAGAIN;
	p->version =
		(uint32_t)pos[1] << 24 | (uint32_t)pos[2] << 16 | (uint32_t)pos[3] << 8 | pos[4];
	if ((*pos & QUIC_LONG_HEADER) && quic_version_is_unread(p->version))
		return -EPROTONOSUPPORT;
	if (!(*pos & QUIC_LONG_HEADER) || !known_type(p->version, *pos, &p->type) ||
	    p->type == QUIC_RETRY)
		return -EINVAL;
	pos += 5;
	err = read_cid(&pos, end, &p->dcid, &p->dcid_len);
	if (err == 0)
		err = read_cid(&pos, end, &scid, &scid_len);
	if (err == 0 && p->type == QUIC_INITIAL)
		err = quic_varint(&pos, end, &token);
	if (err < 0)
		return err;
	if (token > (uint64_t)(end - pos))
		return -EAGAIN;
	pos += token;
	p->token_len = (size_t)token;
	err = quic_varint(&pos, end, ret_rest);
	p->number_offset = (size_t)(pos - p->data);
	return err;
}

int quic_packet_parse(const uint8_t *data, size_t len, size_t real_len, struct quic_packet *ret)
{
	struct quic_packet p = { .data = data };
	uint64_t rest;
	int err = parse_header(data + len, &p, &rest);

	if (err == -EAGAIN)
		return len < real_len ? -ENODATA : -EINVAL;
	if (err < 0)
		return err;
	/* Only who was told that the bit does not count may clear it, RFC 9287 section 3.1. */
	if (p.type == QUIC_INITIAL && !(*data & FIXED_BIT) && p.token_len == 0)
		return -EINVAL;
	if (rest > real_len - p.number_offset)
		return -EINVAL;
	if (rest > len - p.number_offset)
		return -ENODATA;
	p.len = p.number_offset + (size_t)rest;
	*ret = p;
	return 0;
}

uint64_t quic_packet_number(int64_t largest, uint64_t truncated, unsigned int bits)
{
	uint64_t expected = (uint64_t)(largest + 1), window = (uint64_t)1 << bits;
	uint64_t number = (expected & ~(window - 1)) | truncated;

	if (number + window / 2 <= expected && number < ((uint64_t)1 << 62) - window)
		return number + window;
	if (number > expected + window / 2 && number >= window)
		return number - window;
	return number;
}

int quic_packet_open(const struct quic_packet *packet, const struct quic_keys *keys,
		     int64_t largest, uint8_t buf[QUIC_PACKET_MAX], struct quic_plain *ret)
{
	size_t header = packet->number_offset, n, i;
	uint64_t truncated = 0;
	uint8_t mask[5];

	if (packet->len > QUIC_PACKET_MAX)
		return -E2BIG;
	if (packet->len < header + NUMBER_MAX + QUIC_SAMPLE)
		return -EINVAL;
	memcpy(buf, packet->data, packet->len);
	quic_header_mask(keys, buf + header + NUMBER_MAX, mask);
	buf[0] ^= mask[0] & 0x0f;
	n = (buf[0] & 3) + 1;
	for (i = 0; i < n; i++) {
		buf[header + i] ^= mask[1 + i];
		truncated = truncated << 8 | buf[header + i];
	}
	header += n;
	ret->number = quic_packet_number(largest, truncated, (unsigned int)(8 * n));
	ret->payload = buf + header;
	ret->len = packet->len - header - QUIC_TAG;
	if (quic_open(keys, ret->number, buf, header, buf + header, packet->len - header,
		      buf + header) < 0 ||
	    (buf[0] & RESERVED) != 0)
		return -EINVAL;
	return 0;
}
