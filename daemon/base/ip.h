/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ip.h: addresses as 16 bytes in network order, IPv4 as v4-mapped IPv6 (RFC 4291 section 2.5.5.2).
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include <netinet/in.h>

#define IP_TEXT_LEN INET6_ADDRSTRLEN

/* "203.0.113.9" or "2001:db8::1". 0 or -EINVAL. */
int ip_parse(const char *s, uint8_t ret[16]);
bool ip_is_v4(const uint8_t addr[16]);
/* 127.0.0.0/8 (RFC 1122 section 3.2.1.3) and ::1. */
bool ip_is_loopback(const uint8_t addr[16]);
/* 0.0.0.0 and :: */
bool ip_is_unspecified(const uint8_t addr[16]);
/* 224.0.0.0/4 (RFC 5771), ff00::/8 (RFC 4291 section 2.7), or 255.255.255.255 (RFC 919). */
bool ip_is_multicast(const uint8_t addr[16]);
/* One of the addresses at which clouds give their machines metadata and credentials: link-local or
 * private ones that their documentation fixes. Their DNS and time servers are not among them. */
bool ip_is_metadata(const uint8_t addr[16]);
void ip_from_v4(uint8_t ret[16], const void *v4);
void ip_text(char ret[IP_TEXT_LEN], const uint8_t addr[16]);

#endif
