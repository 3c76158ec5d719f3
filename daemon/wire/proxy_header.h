/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy_header.h: what a load balancer puts before a connection that it hands on: HAProxy's PROXY
 * protocol, versions 1 and 2 (doc/proxy-protocol.txt of HAProxy). It tells who called, not who is
 * called: only its length matters here.
 */
#ifndef WIRE_PROXY_HEADER_H
#define WIRE_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes it has, in *ret. -EAGAIN: not whole yet; -EINVAL: there is none. */
int proxy_header_parse(const uint8_t *data, size_t len, size_t *ret);

#endif
