/* SPDX-License-Identifier: BSD-2-Clause */
/* octets.h: numbers in network order, at any alignment. */
#ifndef WIRE_OCTETS_H
#define WIRE_OCTETS_H

#include <stdint.h>

static inline uint16_t be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be32(const uint8_t *at)
{
	return (uint32_t)be16(at) << 16 | be16(at + 2);
}

#endif
