/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sctp.bpf.h: the far end of an SCTP socket for many peers, which is in none of the places where
 * others have it: each peer is an association. With one that is it; with several none of what a
 * program sees tells which a message went to, and it counts as unknown.
 */
#ifndef OUTFLOW_BPF_SCTP_H
#define OUTFLOW_BPF_SCTP_H

#include "maps.bpf.h"

/* Of a module, mostly: looked up in its type data if it is there when the probes are loaded. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

struct in_addr {
	__be32 s_addr;
};

struct sockaddr_in {
	unsigned short sin_family;
	struct in_addr sin_addr;
};

struct sockaddr_in6 {
	struct in6_addr sin6_addr;
};

union sctp_addr {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct sctp_endpoint {
	struct list_head asocs;
};

struct sctp_sock {
	struct sctp_endpoint *ep;
};

struct sctp_association {
	struct list_head asocs;
	struct {
		__u16 port;
		union sctp_addr primary_addr;
	} peer;
};

#pragma clang attribute pop

/* NULL: none, or not the only one. */
static __always_inline struct sctp_association *sctp_only_association(const struct sock *sk)
{
	const struct sctp_sock *sp = (const void *)sk;
	struct sctp_endpoint *ep = BPF_CORE_READ(sp, ep);
	struct list_head *first = BPF_CORE_READ(ep, asocs.next);
	struct list_head *head = (void *)ep + bpf_core_field_offset(struct sctp_endpoint, asocs);

	if (first == head || BPF_CORE_READ(first, next) != head)
		return NULL;
	return (void *)first - bpf_core_field_offset(struct sctp_association, asocs);
}

static __always_inline bool socket_is_sctp_many(const struct sock *sk)
{
	return sk->sk_type == SOCK_SEQPACKET && sk->sk_protocol == IPPROTO_SCTP;
}

#endif
