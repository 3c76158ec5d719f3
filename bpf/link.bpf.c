/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * link.bpf.c: what is handed to the driver of each interface, summed by where it came from. The
 * daemon compares the sums with the interfaces' own statistics (design: I4).
 *
 * The tracepoint fires for every packet right before its driver gets it: behind the queue and the
 * kernel's own segmentation, headers on, each retransmit once more. It does not fire for what goes
 * to the driver directly: AF_XDP, XDP redirects, PACKET_QDISC_BYPASS. That is how they are found.
 */
#include "maps.bpf.h"
#include "untraced.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

#define CONTROL_MAX	 256 /* twice LACP's, the longest of them */
#define NETDEV_ALIGN	 32  /* include/linux/netdevice.h */
#define ETH_LEN_MIN	 60  /* shorter frames are padded (include/uapi/linux/if_ether.h) */
#define HEADERS_MAX	 500 /* before the data of a segment, tunnels included */
#define UDP_HEADER	 8
#define IP_OFFSET_HIGH	 0x1f /* of byte 6: where in the datagram it belongs (RFC 791, 3.1) */
/* Its length, in words, is the high half of byte 12 (RFC 9293, 3.1). */
#define TCP_HEADER(byte) (((byte) >> 4) * 4)

/* Segmentation inside a tunnel (include/linux/skbuff.h: GRE, IPXIP, UDP_TUNNEL and their kin). */
#define SKB_GSO_INNER (1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11)

#define SKB_GSO_TCP (1 << 0 | 1 << 4)

enum link_class { LINK_NONE, LINK_SOCKET, LINK_PACKET, LINK_CONTROL, LINK_KERNEL, LINK_FORWARDED };

static __always_inline __u8 byte_at(const unsigned char *p)
{
	__u8 b = 0;

	bpf_probe_read_kernel(&b, sizeof(b), p);
	return b;
}

/* What is in front of the network header. As numbers: the verifier lets no pointer be cut short. */
static __always_inline __u64 link_header(struct sk_buff *skb)
{
	return (__u64)(long)skb->head + skb->network_header - (__u64)(long)skb->data;
}

/* ICMPv6 types of MLD and of neighbour discovery (RFC 2710, 3810, 4861). */
static __always_inline bool is_neighbour(__u8 type)
{
	return (type >= 130 && type <= 137) || type == 143;
}

/* IPv6 without a socket. MLD has a hop-by-hop header of 8 bytes in front. */
static __always_inline bool is_control6(const unsigned char *ip, __u8 proto)
{
	if (proto == IPPROTO_ICMPV6)
		return is_neighbour(byte_at(ip + 40));
	return proto == IPPROTO_HOPOPTS && byte_at(ip + 40) == IPPROTO_ICMPV6 &&
	       byte_at(ip + 41) == 0 && is_neighbour(byte_at(ip + 48));
}

/* Nothing behind the TCP header: not by what the headers say, nor behind that. */
static __always_inline bool is_bare_tcp(struct sk_buff *skb, const unsigned char *ip, bool ip4)
{
	__u32 words = ip4 ? byte_at(ip) & 15 : 10, said = byte_at(ip + (ip4 ? 2 : 4)) << 8;
	__u32 bare = words * 4 + TCP_HEADER(byte_at(ip + words * 4 + 12));

	said += byte_at(ip + (ip4 ? 3 : 5)) + (ip4 ? 0 : 40);
	return said == bare && skb->len == link_header(skb) + bare;
}

/*
 * Has no socket and began here. What the link itself needs is known by its type: all else is
 * somebody's. Of that the kernel makes little, and none of it is long, or has data: the longest are
 * reports of IGMP, of which a long one is the kernel's as well, but rare.
 */
static __always_inline bool is_control(struct sk_buff *skb)
{
	unsigned char *ip = skb->head + skb->network_header;
	__u16 ether = bpf_ntohs(skb->protocol);
	__u8 proto;

	if (skb->len > CONTROL_MAX)
		return false;
	if (ether == ETH_P_ARP || ether == ETH_P_802_2 || ether == ETH_P_SLOW)
		return true;
	if (ether != ETH_P_IP && ether != ETH_P_IPV6)
		return false;
	proto = byte_at(ip + (ether == ETH_P_IP ? 9 : 6));
	if (proto == IPPROTO_TCP)
		return is_bare_tcp(skb, ip, ether == ETH_P_IP);
	return ether == ETH_P_IP ? proto == IPPROTO_IGMP : is_control6(ip, proto);
}

/*
 * Kernel sockets of streams and datagrams count as sockets: what they send goes through the same
 * sendmsg and is posted, to the kernel thread, or to the process when they are MPTCP's subflows.
 * The raw ones send resets, ICMP, ND, IGMP and MLD.
 */
static __always_inline enum link_class class_of_socket(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;
	__u8 state = sk->__sk_common.skc_state;

	if (family == OF_AF_PACKET)
		return LINK_PACKET;
	/* A tap's own: the frame is whoever's is behind it, and may say it is anything. */
	if (family == 0 || family == OF_AF_XDP)
		return LINK_KERNEL;
	if (family != OF_AF_INET && family != OF_AF_INET6)
		return LINK_SOCKET;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return LINK_CONTROL;
	if (sk->sk_type == SOCK_RAW && BPF_CORE_READ_BITFIELD(sk, sk_kern_sock))
		return LINK_CONTROL;
	return LINK_SOCKET;
}

static __always_inline enum link_class class_of(struct sk_buff *skb)
{
	enum link_class class = LINK_NONE;
	struct sock *sk = skb->sk;

	if (sk != NULL)
		class = class_of_socket(sk);
	if (class != LINK_NONE && class != LINK_KERNEL)
		return class;
	if (skb->skb_iif != 0)
		return LINK_FORWARDED;
	return class == LINK_NONE && is_control(skb) ? LINK_CONTROL : LINK_KERNEL;
}

/* Hardware that cuts a large packet into segments may count each as it leaves. */
static __always_inline void segments_add(struct of_link_sums *s, struct sk_buff *skb)
{
	unsigned char *head = skb->head;
	struct skb_shared_info *info = (void *)(head + skb->end);
	__u64 len = skb->len, size = BPF_CORE_READ(info, gso_size), headers, segments;
	__u32 type;
	__u16 at;

	if (size == 0)
		return;
	type = BPF_CORE_READ(info, gso_type);
	at = type & SKB_GSO_INNER ? skb->inner_transport_header : skb->transport_header;
	headers = (__u64)(long)head + at - (__u64)(long)skb->data;
	headers += type & SKB_GSO_TCP ? TCP_HEADER(byte_at(head + at + 12)) : UDP_HEADER;
	if (headers >= len || headers > HEADERS_MAX)
		return;
	segments = (len - headers - 1) / size;
	__sync_fetch_and_add(&s->segments, segments);
	__sync_fetch_and_add(&s->headers, segments * headers);
}

/*
 * What a packet socket was posted for this frame: a send that fails may have sent some, which
 * nobody is posted. Its network header is where the socket's own link-layer header ends; what is
 * longer than that of Ethernet was put in on the way, as the tag of a VLAN.
 */
static __always_inline void packet_add(struct of_link_sums *s, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	__u64 len = skb->len, header;

	if (sk == NULL || !netns_is_ours(sk->__sk_common.skc_net.net->ns.inum))
		return;
	header = link_header(skb);
	if (sk->sk_type != SOCK_DGRAM)
		header = header > ETH_HEADER ? header - ETH_HEADER : 0;
	if (header < len)
		__sync_fetch_and_add(&s->packet_data, len - header);
}

/* What it costs that a packet was cut on its way: each piece but the first repeats the headers. */
static __always_inline void fragments_add(struct of_link_sums *s, struct sk_buff *skb)
{
	unsigned char *ip = skb->head + skb->network_header;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return;
	if ((byte_at(ip + 6) & IP_OFFSET_HIGH) == 0 && byte_at(ip + 7) == 0)
		return;
	__sync_fetch_and_add(&s->fragments, link_header(skb) + (byte_at(ip) & 15) * 4);
}

/* The device at the other end of a veth or netkit: both keep it first in their private part, and
 * only a pair that points at each other is believed. */
static __always_inline struct net_device *device_peer(struct net_device *dev)
{
	__u32 size = bpf_core_type_size(struct net_device);
	struct net_device *peer = NULL;

	size = (size + NETDEV_ALIGN - 1) & ~(NETDEV_ALIGN - 1);
	bpf_probe_read_kernel(&peer, sizeof(peer), (char *)dev + size);
	return peer;
}

static __noinline int peer_note(struct of_link_sums *s, struct net_device *dev)
{
	struct net_device *peer;
	char kind[8] = "";

	if (s == NULL || dev == NULL)
		return 0;
	s->dev = (__u64)(long)dev;
	s->peer_netns = 0;
	s->peer_ifindex = 0;
	bpf_probe_read_kernel_str(kind, sizeof(kind), BPF_CORE_READ(dev, rtnl_link_ops, kind));
	if (!(kind[0] == 'v' && kind[1] == 'e' && kind[2] == 't' && kind[3] == 'h') &&
	    !(kind[0] == 'n' && kind[1] == 'e' && kind[2] == 't' && kind[3] == 'k'))
		return 0;
	peer = device_peer(dev);
	if (peer == NULL || device_peer(peer) != dev)
		return 0;
	s->peer_netns = BPF_CORE_READ(peer, nd_net.net, ns.inum);
	s->peer_ifindex = BPF_CORE_READ(peer, ifindex);
	return 0;
}

static __always_inline struct of_link_sums *sums_own(struct of_link_key *key,
						     struct net_device *dev)
{
	struct of_link_sums first = {}, *s = bpf_map_lookup_elem(&links, key);

	if (s == NULL) {
		bpf_map_update_elem(&links, key, &first, BPF_NOEXIST);
		s = bpf_map_lookup_elem(&links, key);
	}
	if (s != NULL && s->dev != (__u64)(long)dev)
		peer_note(s, dev);
	return s;
}

/* Of the others only those that lead to another namespace: they may explain what we forward. */
static __always_inline struct of_link_sums *sums_elsewhere(struct of_link_key *key,
							   struct net_device *dev)
{
	struct of_link_sums first = {}, *s = bpf_map_lookup_elem(&links_elsewhere, key);

	if (s != NULL) {
		if (s->dev != (__u64)(long)dev)
			peer_note(s, dev);
		return s;
	}
	peer_note(&first, dev);
	if (first.peer_netns == 0 || first.peer_netns == key->netns)
		return NULL;
	bpf_map_update_elem(&links_elsewhere, key, &first, BPF_NOEXIST);
	s = bpf_map_lookup_elem(&links_elsewhere, key);
	/* What finds no room explains nothing: rather an alert too much. */
	if (s == NULL)
		LOSS(links);
	return s;
}

static __always_inline void unplaced_add(__u32 n)
{
	struct of_link_machine *sums = link_machine();

	if (sums != NULL)
		__sync_fetch_and_add(&sums->unplaced, n);
	LOSS(links);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(link_xmit, struct sk_buff *skb, struct net_device *dev)
{
	struct of_link_key key = { .ifindex = dev->ifindex };
	struct of_link_sums *s;
	enum link_class class;
	__u32 len = skb->len;

	untraced_seen();
	class = class_of(skb);
	/* Nothing leaves by it. But packet sockets are told of by one sum for all interfaces
	 * (packet_posted): what is seen of them here did not pass the stack by elsewhere. */
	if (key.ifindex == LOOPBACK_IFINDEX && class != LINK_PACKET)
		return 0;
	key.netns = dev->nd_net.net->ns.inum;
	if (netns_is_ours(key.netns)) {
		key.iif = class == LINK_FORWARDED ? skb->skb_iif : 0;
		s = sums_own(&key, dev);
		if (s == NULL)
			unplaced_add(len);
	} else {
		s = sums_elsewhere(&key, dev);
	}
	if (s == NULL)
		return 0;
	/* Of this CPU alone; but a packet can be sent while another is being counted. */
	__sync_fetch_and_add(class == LINK_SOCKET    ? &s->socket
			     : class == LINK_PACKET  ? &s->packet
			     : class == LINK_CONTROL ? &s->control
			     : class == LINK_KERNEL  ? &s->kernel
						     : &s->forwarded,
			     len);
	__sync_fetch_and_add(&s->packets, 1);
	if (len < ETH_LEN_MIN)
		__sync_fetch_and_add(&s->padding, ETH_LEN_MIN - len);
	segments_add(s, skb);
	if (class == LINK_PACKET)
		packet_add(s, skb);
	if (class == LINK_FORWARDED)
		fragments_add(s, skb);
	return 0;
}
