/* SPDX-License-Identifier: GPL-2.0-only */
/* endpoint.bpf.h: how a far end is written: abi.h says what its bytes mean. */
#ifndef OUTFLOW_BPF_ENDPOINT_H
#define OUTFLOW_BPF_ENDPOINT_H

#include "kernel.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "outflow/abi.h"

#define UDP_HEADER 8

static __always_inline bool is_udp(__u32 type, __u32 protocol)
{
	return type == SOCK_DGRAM && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE);
}

/* `ip` in network order. */
static __always_inline void endpoint_v4(struct of_endpoint *to, __be32 ip)
{
	__u32 *addr = (__u32 *)to->addr;

	addr[2] = bpf_htonl(0xffff);
	addr[3] = ip;
	to->family = OF_AF_INET;
}

/* The four words in network order; one that is v4-mapped is IPv4. */
static __always_inline void endpoint_v6(struct of_endpoint *to, __be32 a, __be32 b, __be32 c,
					__be32 d)
{
	__u32 *addr = (__u32 *)to->addr;

	addr[0] = a;
	addr[1] = b;
	addr[2] = c;
	addr[3] = d;
	to->family = a == 0 && b == 0 && c == bpf_htonl(0xffff) ? OF_AF_INET : OF_AF_INET6;
}

static __always_inline bool endpoint_same(const struct of_endpoint *a, const struct of_endpoint *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

#define EXTENSIONS_MAX 6 /* more than the kernel ever puts in front of a datagram (RFC 8200) */

/* Where the header behind the extension headers of an IPv6 packet begins, and which it is. */
static __always_inline __u32 extensions_skip(struct __sk_buff *skb, __u32 at, __u8 *proto)
{
	__u8 ext[2];
	int i;

	for (i = 0; i < EXTENSIONS_MAX; i++) {
		if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_ROUTING &&
		    *proto != IPPROTO_DSTOPTS)
			break;
		if (bpf_skb_load_bytes(skb, at, ext, sizeof(ext)) < 0)
			break;
		*proto = ext[0];
		at += (ext[1] + 1) * 8;
	}
	return at;
}

#endif
