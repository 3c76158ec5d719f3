/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packet.bpf.h: the data of a packet: where they are, whose they are, and how they are copied into
 * the ring that names are read from.
 */
#ifndef OUTFLOW_BPF_PACKET_H
#define OUTFLOW_BPF_PACKET_H

#include "endpoint.bpf.h"
#include "maps.bpf.h"

#define IP_HEADER  20
#define IP_PLAIN   0x45 /* IPv4 whose header has no options */
#define IP6_HEADER 40
#define TCP_HEADER 20
#define TCP_SYN	   0x02 /* of byte 13 (RFC 9293, 3.1) */
#define TCP_URG	   0x20

/* The data of a packet, and whose it is. */
struct packet {
	__u32 at;    /* where its data begin */
	__u32 len;   /* of them */
	__u32 seq;   /* TCP: of the first */
	__u32 first; /* TCP: of the direction */
	__u16 port;  /* UDP: of the far end, by the packet */
	__u8 kind;
	__u8 in;
	__u8 lost, http; /* as in struct of_capture */
	bool urgent;	 /* TCP: it says so */
	bool later;	 /* TCP: not while somebody sends: a timer or an answer let it go */
	__u64 sender;	 /* then whose send was the last: exec_id, or 0 */
};

/* Of the socket; 0: it has no far end of its own. The context has it as the upper half of a word in
 * network order. */
static __always_inline __u16 remote_port(struct __sk_buff *skb)
{
	return bpf_ntohl(skb->remote_port);
}

/* Where the header behind that of IP begins; 0: not `proto`. */
static __always_inline __u32 transport_at(struct __sk_buff *skb, __u8 proto)
{
	__u8 b = 0, next = 0;
	__u32 at;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &b, sizeof(b)) < 0 ||
		    bpf_skb_load_bytes(skb, 9, &next, sizeof(next)) < 0 || next != proto)
			return 0;
		return (b & 15) * 4;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) ||
	    bpf_skb_load_bytes(skb, 6, &next, sizeof(next)) < 0)
		return 0;
	at = extensions_skip(skb, IP6_HEADER, &next); /* each up to 2 KiB */
	return next == proto ? at : 0;
}

/* The `len` bytes of a header behind that of IP, and where it begins: without a call when nothing
 * stands in between, as in nearly every packet. NULL: it is not there. */
static __always_inline const __u8 *transport(struct __sk_buff *skb, __u8 proto, __u8 *room,
					     __u32 len, __u32 *ret_at)
{
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;

	if (skb->protocol == bpf_htons(ETH_P_IP) && data + IP_HEADER + len <= end &&
	    data[0] == IP_PLAIN && data[9] == proto) {
		*ret_at = IP_HEADER;
		return data + IP_HEADER;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6) && data + IP6_HEADER + len <= end &&
	    data[6] == proto) {
		*ret_at = IP6_HEADER;
		return data + IP6_HEADER;
	}
	*ret_at = transport_at(skb, proto);
	return *ret_at != 0 && bpf_skb_load_bytes(skb, *ret_at, room, len) == 0 ? room : NULL;
}

static __always_inline bool tcp_data(struct packet *p, struct __sk_buff *skb)
{
	__u8 room[TCP_HEADER];
	__u32 at = 0;
	const __u8 *h = transport(skb, IPPROTO_TCP, room, TCP_HEADER, &at);

	if (h == NULL)
		return false;
	p->at = at + (h[12] >> 4) * 4;
	if (skb->len <= p->at)
		return false;
	p->len = skb->len - p->at;
	p->seq = (__u32)h[4] << 24 | (__u32)h[5] << 16 | (__u32)h[6] << 8 | h[7];
	p->seq += (h[13] & TCP_SYN) != 0;
	p->urgent = (h[13] & TCP_URG) != 0;
	return true;
}

/* Of UDP or UDP-Lite, also without data. */
static __always_inline bool udp_packet(struct packet *p, struct __sk_buff *skb, __u8 proto)
{
	__u8 room[UDP_HEADER];
	__u32 at = 0;
	const __u8 *h = transport(skb, proto, room, UDP_HEADER, &at);

	if (h == NULL)
		return false;
	p->port = p->in ? (__u16)h[0] << 8 | h[1] : (__u16)h[2] << 8 | h[3];
	p->at = at + UDP_HEADER;
	p->len = skb->len - p->at;
	return true;
}

static __always_inline bool udp_data(struct packet *p, struct __sk_buff *skb)
{
	return udp_packet(p, skb, IPPROTO_UDP) && p->len > 0;
}

/* The address of the far end: of one that comes in its source, else its destination. False: it has
 * none. */
static __always_inline bool packet_address(struct of_endpoint *to, struct __sk_buff *skb, bool in)
{
	const __u8 *data = (const __u8 *)(long)skb->data, *end = (const __u8 *)(long)skb->data_end;
	__u32 *addr = (__u32 *)to->addr;
	const __u32 *from;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		to->family = OF_AF_INET;
		addr[2] = bpf_htonl(0xffff);
		if (data + IP_HEADER > end)
			return bpf_skb_load_bytes(skb, in ? 12 : 16, &addr[3], 4) == 0;
		addr[3] = *(const __u32 *)(data + (in ? 12 : 16));
		return true;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return false;
	to->family = OF_AF_INET6;
	if (data + IP6_HEADER > end)
		return bpf_skb_load_bytes(skb, in ? 8 : 24, addr, 16) == 0;
	from = (const __u32 *)(data + (in ? 8 : 24));
	addr[0] = from[0];
	addr[1] = from[1];
	addr[2] = from[2];
	addr[3] = from[3];
	return true;
}

/* Of a stream the socket's far end, as in its account; of a datagram the packet's: a socket with
 * one of its own may send elsewhere, too. */
static __always_inline void capture_peer(struct of_endpoint *to, struct __sk_buff *skb,
					 const struct packet *p, __u8 proto)
{
	to->proto = proto;
	to->self = skb->ifindex == LOOPBACK_IFINDEX;
	if (proto == IPPROTO_TCP) {
		to->port = remote_port(skb);
		if (skb->family == OF_AF_INET)
			endpoint_v4(to, skb->remote_ip4);
		else
			endpoint_v6(to, skb->remote_ip6[0], skb->remote_ip6[1], skb->remote_ip6[2],
				    skb->remote_ip6[3]);
		return;
	}
	to->port = p->port;
	(void)packet_address(to, skb, p->in);
}

/* Of TCP: its members may be read as they are. */
static __always_inline const struct sock *stream_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk == NULL ? NULL : (const struct sock *)bpf_skc_to_tcp_sock(sk);
}

/* The pointer as a number: these programs may not follow it themselves. */
static __always_inline struct sock *datagram_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct sock *s = NULL;

	if (sk == NULL || bpf_probe_read_kernel(&s, sizeof(s), &sk) < 0)
		return NULL;
	return s;
}

static __always_inline __u32 capture_netns(struct __sk_buff *skb, __u8 proto)
{
	const struct sock *stream;
	struct sock *s;

	if (proto == IPPROTO_TCP) {
		stream = stream_socket(skb);
		return stream == NULL ? 0 : stream->__sk_common.skc_net.net->ns.inum;
	}
	s = datagram_socket(skb);
	return s == NULL ? 0 : BPF_CORE_READ(s, __sk_common.skc_net.net, ns.inum);
}

/*
 * Whose data it is. While somebody sends he owns the socket, and it is he who runs; what leaves at
 * another time (a cork's timer, a window that opens) was posted when its send returned, and whoever
 * runs has nothing to do with it.
 */
static __always_inline void packet_sender(struct packet *p, struct __sk_buff *skb,
					  const struct socket_hint *hint)
{
	const struct sock *s = stream_socket(skb);
	struct of_account *a;
	__u32 slot = hint->slot;

	if (s == NULL || s->sk_lock.owned != 0)
		return;
	p->later = true;
	a = bpf_map_lookup_elem(&accounts, &slot);
	if (a != NULL && a->generation == hint->generation)
		p->sender = a->exec_id & ~OF_ACCOUNT_CLOSED;
}

static __always_inline void capture_fill(struct of_capture *c, struct __sk_buff *skb,
					 const struct packet *p, __u64 creator, __u8 proto)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct of_task *runs;
	__u32 tgid = task->tgid;

	__builtin_memset(c, 0, sizeof(*c));
	c->time_ns = bpf_ktime_get_boot_ns();
	c->cookie = bpf_get_socket_cookie(skb);
	c->creator = creator;
	if (p->later) {
		c->exec_id = p->sender;
	} else if (!p->in) {
		runs = bpf_map_lookup_elem(&exec_ids, &tgid);
		c->exec_id = runs == NULL ? 0 : runs->exec_id;
	}
	capture_peer(&c->peer, skb, p, proto);
	c->netns = capture_netns(skb, proto);
	c->seq = p->seq;
	c->first = p->first;
	c->len = p->len;
	c->segment = proto == IPPROTO_UDP ? skb->gso_size : 0;
	c->port = skb->local_port;
	c->kind = p->kind;
	c->in = p->in;
	c->lost = p->lost;
	c->http = p->http;
}

/* Room of a constant size, as the ring wants it; `n` of it are used. */
#define CAPTURE(bytes)                                                                             \
	static __always_inline bool capture_##bytes(struct __sk_buff *skb, const struct packet *p, \
						    __u32 n, __u64 creator, __u8 proto)            \
	{                                                                                          \
		struct {                                                                           \
			struct of_capture c;                                                       \
			__u8 data[bytes];                                                          \
		} *e = bpf_ringbuf_reserve(&captures, sizeof(*e), 0);                              \
                                                                                                   \
		if (e == NULL)                                                                     \
			return false;                                                              \
		capture_fill(&e->c, skb, p, creator, proto);                                       \
		/* From 1 to `bytes`: said so that every verifier sees it. */                      \
		n = ((n - 1) & ((bytes)-1)) + 1;                                                   \
		e->c.copied = n;                                                                   \
		if (bpf_skb_load_bytes(skb, p->at, e->data, n) < 0)                                \
			e->c.copied = 0;                                                           \
		bpf_ringbuf_submit(e, 0);                                                          \
		return true;                                                                       \
	}

CAPTURE(256)
CAPTURE(2048)
CAPTURE(16384)

/* `n` of the packet's data, at least 1. False: there is no room. */
static __always_inline bool capture(struct __sk_buff *skb, const struct packet *p, __u32 n,
				    __u64 creator, __u8 proto)
{
	bool done;

	if (n > OF_CAPTURE_BYTES)
		n = OF_CAPTURE_BYTES;
	if (n <= 256)
		done = capture_256(skb, p, n, creator, proto);
	else if (n <= 2048)
		done = capture_2048(skb, p, n, creator, proto);
	else
		done = capture_16384(skb, p, n, creator, proto);
	if (!done)
		LOSS(captures);
	return done;
}

#endif
