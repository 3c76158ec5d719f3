/* SPDX-License-Identifier: BSD-2-Clause */
/* dtls.h: TLS by datagrams, whose names are not read: only how it begins. */
#ifndef WIRE_DTLS_H
#define WIRE_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does the datagram begin with a ClientHello, or part of one? Of versions 1.0 and 1.2 (RFC 6347
 * sections 4.1 and 4.2.2); that of 1.3 has their numbers in its record (RFC 9147 section 4). */
bool dtls_is_client_hello(const uint8_t *data, size_t len);

#endif
