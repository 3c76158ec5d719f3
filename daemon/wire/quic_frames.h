/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quic_frames.h: the frames in an opened Initial packet, of which only CRYPTO is told: PADDING,
 * PING, ACK and CONNECTION_CLOSE are passed over (RFC 9000 sections 12.4 and 19).
 */
#ifndef WIRE_QUIC_FRAMES_H
#define WIRE_QUIC_FRAMES_H

#include <stddef.h>
#include <stdint.h>

struct quic_crypto {
	uint64_t offset; /* in the stream; offset + len is below 2^62 */
	const uint8_t *data;
	size_t len; /* may be 0 */
};

/* The next CRYPTO frame; moves *pos behind it. 1, 0: there is none up to `end`, or -EINVAL: a frame
 * that an Initial cannot have, or one that does not end there. */
int quic_frames_next(const uint8_t **pos, const uint8_t *end, struct quic_crypto *ret);

#endif
