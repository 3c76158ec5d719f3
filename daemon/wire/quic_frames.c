/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/quic_frames.h"

#include <errno.h>

#include "wire/quic_packet.h"

#include "base/poison.h"

/* Types are variable-length integers too, but must be as short as they can be (RFC 9000 section
 * 12.4): each of these is one byte. CONNECTION_CLOSE of applications (0x1d) has no place here. */
enum {
	FRAME_PADDING = 0x00,
	FRAME_PING = 0x01,
	FRAME_ACK = 0x02,
	FRAME_ACK_ECN = 0x03,
	FRAME_CRYPTO = 0x06,
	FRAME_CLOSE = 0x1c,
};

#define VARINT_MAX (((uint64_t)1 << 62) - 1)

/* Ranges of packet numbers, downwards from the largest; none may be below zero (section 19.3.1). */
static int skip_ack_ranges(const uint8_t **pos, const uint8_t *end)
{
	uint64_t smallest, delay, count, gap, len;

	if (quic_varint(pos, end, &smallest) < 0 || quic_varint(pos, end, &delay) < 0 ||
	    quic_varint(pos, end, &count) < 0 || quic_varint(pos, end, &len) < 0 || len > smallest)
		return -EINVAL;
	smallest -= len;
	for (; count > 0; count--) {
		if (quic_varint(pos, end, &gap) < 0 || quic_varint(pos, end, &len) < 0 ||
		    gap + 2 + len > smallest)
			return -EINVAL;
		smallest -= gap + 2 + len;
	}
	return 0;
}

static int skip_ack(const uint8_t **pos, const uint8_t *end, int counts)
{
	uint64_t n;

	if (skip_ack_ranges(pos, end) < 0)
		return -EINVAL;
	while (counts-- > 0)
		if (quic_varint(pos, end, &n) < 0)
			return -EINVAL;
	return 0;
}

/* Error, type of the frame that was wrong, and a text (section 19.19). */
static int skip_close(const uint8_t **pos, const uint8_t *end)
{
	uint64_t n, len;

	if (quic_varint(pos, end, &n) < 0 || quic_varint(pos, end, &n) < 0 ||
	    quic_varint(pos, end, &len) < 0 || len > (uint64_t)(end - *pos))
		return -EINVAL;
	*pos += len;
	return 0;
}

static int parse_crypto(const uint8_t **pos, const uint8_t *end, struct quic_crypto *ret)
{
	uint64_t len;

	if (quic_varint(pos, end, &ret->offset) < 0 || quic_varint(pos, end, &len) < 0 ||
	    len > (uint64_t)(end - *pos) || len > VARINT_MAX - ret->offset)
		return -EINVAL;
	ret->data = *pos;
	ret->len = (size_t)len;
	*pos += len;
	return 1;
}

int quic_frames_next(const uint8_t **pos, const uint8_t *end, struct quic_crypto *ret)
{
	int err = 0;

	while (err == 0 && *pos < end) {
		switch (*(*pos)++) {
		case FRAME_PADDING:
		case FRAME_PING:
			break;
		case FRAME_ACK:
			err = skip_ack(pos, end, 0);
			break;
		case FRAME_ACK_ECN:
			err = skip_ack(pos, end, 3);
			break;
		case FRAME_CRYPTO:
			err = parse_crypto(pos, end, ret);
			break;
		case FRAME_CLOSE:
			err = skip_close(pos, end);
			break;
		default:
			err = -EINVAL;
		}
	}
	return err;
}
