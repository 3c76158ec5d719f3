/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * starttls.h: what clients send in the clear before they turn to TLS on the same connection.
 */
#ifndef WIRE_STARTTLS_H
#define WIRE_STARTTLS_H

#include <stddef.h>
#include <stdint.h>

/*
 * How many bytes stand before TLS, in *ret: a record of TLS begins there. -EAGAIN: none begins yet;
 * -EINVAL: there is none of these protocols, or the client goes on without. For a client's bytes
 * from the first on.
 */
int starttls_parse(const uint8_t *data, size_t len, size_t *ret);

#endif
