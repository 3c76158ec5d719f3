/* SPDX-License-Identifier: GPL-2.0-only */
/* names.bpf.c: what DNS servers answer. What leaves endpoint_egress() shows to names.bpf.h. */
#include "names.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

/* Of a stream to a DNS server. */
static __always_inline void stream_in(struct socket_hint *hint, struct __sk_buff *skb)
{
	struct packet p = { .kind = OF_CAPTURE_DNS, .in = 1 };

	if (!tcp_data(&p, skb))
		return;
	if (!hint->names_in_seen) {
		/* One that began unseen is read from nowhere. */
		if (hint->names_state == NAMES_OFF)
			return;
		hint->names_in = p.seq;
		hint->names_in_seen = 1;
	}
	p.first = hint->names_in;
	if (p.seq - p.first < DNS_STREAM_MAX)
		(void)capture(skb, &p, p.len, hint->creator, IPPROTO_TCP);
	else if (p.seq - p.first < 1U << 31)
		LOSS(captures);
}

SEC("cgroup_skb/ingress")
int names_ingress(struct __sk_buff *skb)
{
	struct packet p = { .kind = OF_CAPTURE_DNS, .in = 1 };
	struct bpf_sock *sk = skb->sk;
	struct socket_hint *hint;
	__u16 port;

	if (sk == NULL)
		return 1;
	/* Most packets end here, or right behind. */
	port = remote_port(skb);
	if (port == 0) {
		if (udp_data(&p, skb) && is_dns(p.port))
			(void)capture(skb, &p, p.len, 0, IPPROTO_UDP);
		return 1;
	}
	if (!is_dns(port))
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (sk == NULL)
		return 1;
	if (sk->type == SOCK_STREAM && sk->protocol == IPPROTO_TCP) {
		hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
		if (hint != NULL)
			stream_in(hint, skb);
	} else if (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP && udp_data(&p, skb) &&
		   is_dns(p.port)) {
		(void)capture(skb, &p, p.len, 0, IPPROTO_UDP);
	}
	return 1;
}
