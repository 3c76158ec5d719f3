/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint.bpf.c: where a send wants to go, when the socket does not say: destinations of
 * datagrams, handed to the send hook of the same thread; attempts to connect; who made a socket.
 *
 * The addresses come from the kernel's own copy; the sender cannot change them any more.
 */
#include "cork.bpf.h"
#include "endpoint.bpf.h"
#include "names.bpf.h"
#include "untraced.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

/* No address is this machine's own to the kernel: udp_sendmsg(), udpv6_sendmsg(). */
static __always_inline void endpoint_asked4(struct of_endpoint *to, struct bpf_sock_addr *ctx)
{
	endpoint_v4(to, ctx->user_ip4 != 0 ? ctx->user_ip4 : bpf_htonl(LOOPBACK_IP));
	to->port = bpf_ntohs(ctx->user_port);
	to->proto = ctx->protocol;
}

static __always_inline void endpoint_asked6(struct of_endpoint *to, struct bpf_sock_addr *ctx)
{
	__be32 last = ctx->user_ip6[3];

	if (last == 0 && ctx->user_ip6[0] == 0 && ctx->user_ip6[1] == 0) {
		if (ctx->user_ip6[2] == 0)
			last = bpf_htonl(1);
		else if (ctx->user_ip6[2] == bpf_htonl(0xffff))
			last = bpf_htonl(LOOPBACK_IP);
	}
	endpoint_v6(to, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], last);
	to->port = bpf_ntohs(ctx->user_port);
	to->proto = ctx->protocol;
}

/* `d` is the caller's, filled. */
static __always_inline void destination_leave(__u64 thread, struct destination *d)
{
	struct destination *old;

	old = bpf_map_lookup_elem(&destinations, &thread);
	if (old != NULL)
		*old = *d;
	else if (bpf_map_update_elem(&destinations, &thread, d, BPF_ANY) < 0)
		LOSS(destinations);
}

SEC("cgroup/sendmsg4")
int endpoint_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct destination d = { .asked = 1 };

	endpoint_asked4(&d.to, ctx);
	d.cookie = bpf_get_socket_cookie(ctx);
	/* With control data and no address the hook fires with zeros: the socket's own counts. */
	if (ctx->user_ip4 != 0 || ctx->user_port != 0)
		destination_leave(bpf_get_current_pid_tgid(), &d);
	return 1;
}

SEC("cgroup/sendmsg6")
int endpoint_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct destination d = { .asked = 1 };

	endpoint_asked6(&d.to, ctx);
	d.cookie = bpf_get_socket_cookie(ctx);
	if (d.to.port != 0 || ctx->user_ip6[3] != 0 || ctx->user_ip6[0] != 0)
		destination_leave(bpf_get_current_pid_tgid(), &d);
	return 1;
}

/* The far end of a packet, and how many bytes it brings there. `p`: what it is of UDP, with the
 * address in `to` already; else NULL. False: not to be told from it, as when it went into a tunnel
 * and comes by once more. */
static __always_inline bool endpoint_of_packet(struct of_endpoint *to, struct __sk_buff *skb,
					       const struct packet *p, __u32 *ret_len)
{
	__u8 b = 0, proto = 0;
	__u32 at;

	to->self = skb->ifindex == LOOPBACK_IFINDEX;
	if (p != NULL) {
		to->port = p->port;
		*ret_len = p->len;
		return true;
	}
	if (!packet_address(to, skb, false))
		return false;
	if (to->family == OF_AF_INET) {
		if (bpf_skb_load_bytes(skb, 0, &b, sizeof(b)) < 0)
			return false;
		at = (b & 15) * 4;
	} else {
		if (bpf_skb_load_bytes(skb, 6, &proto, sizeof(proto)) < 0)
			return false;
		at = extensions_skip(skb, IP6_HEADER, &proto);
	}
	*ret_len = skb->len - at;
	return true;
}

/* It will be cut into fragments, or into datagrams. */
static __always_inline bool packet_is_cut(struct __sk_buff *skb)
{
	struct sk_buff *s = NULL;

	if (skb->gso_size != 0)
		return true;
	if (bpf_probe_read_kernel(&s, sizeof(s), &skb) < 0)
		return false;
	return skb->len > BPF_CORE_READ(s, dev, mtu);
}

/* Not straight: it has options, or an extension header. By some of them (source routes) it goes
 * elsewhere first. */
static __always_inline bool packet_is_led(struct __sk_buff *skb, __u32 protocol)
{
	__u8 b = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		return bpf_skb_load_bytes(skb, 0, &b, sizeof(b)) == 0 && (b & 15) > 5;
	return bpf_skb_load_bytes(skb, 6, &b, sizeof(b)) == 0 && b != protocol;
}

/* The datagram that several sends put together, when this packet is it. */
static __always_inline struct cork *cork_of_packet(struct __sk_buff *skb, struct bpf_sock *sk,
						   __u64 cookie)
{
	struct udp_sock *up = NULL;
	__u64 packet = 0;
	struct cork *c;

	/* The pointers as numbers: this program may not follow them itself. */
	if (bpf_probe_read_kernel(&up, sizeof(up), &sk) < 0 || cork_held(up) == 0 ||
	    bpf_probe_read_kernel(&packet, sizeof(packet), &skb) < 0)
		return NULL;
	c = cork_find(cookie);
	if (c != NULL && c->packet == packet)
		return c;
	LOSS(destinations); /* its note was pushed out, or never made */
	return NULL;
}

static __always_inline bool is_of_kernel(struct bpf_sock *sk)
{
	struct sock *s = NULL;

	/* As a number, see above. */
	if (bpf_probe_read_kernel(&s, sizeof(s), &sk) < 0)
		return true;
	return BPF_CORE_READ_BITFIELD_PROBED(s, sk_kern_sock);
}

/* The sender's own context, mostly: what names are read from is copied by the way, so that a packet
 * meets one program, not two. */
static __always_inline void names_of_stream(struct bpf_sock *sk, struct __sk_buff *skb)
{
	struct socket_hint *hint;
	struct packet p = {};

	/* Most packets end here, or right behind: an acknowledgement says nothing. */
	if ((cfg_without & OF_WITHOUT_NAMING) || sk->protocol != IPPROTO_TCP || !tcp_data(&p, skb))
		return;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (hint != NULL && hint->names_state != NAMES_OFF)
		stream_out(hint, skb, &p);
}

static __always_inline void names_of_datagram(struct socket_hint *hint, struct __sk_buff *skb,
					      struct packet *p, const struct of_endpoint *to)
{
	if ((cfg_without & OF_WITHOUT_NAMING) == 0 && to->proto == IPPROTO_UDP && p->len > 0)
		datagram_out(hint, skb, p, to);
}

/*
 * Raw and ping sockets name their destination in the message, which no hook shows; when a datagram
 * that several sends put together leaves, only the packet tells that it did; and a connected socket
 * can be connected elsewhere by another thread while one sends: the packet tells where it went. It
 * leaves in the sender's own context. Sockets of the kernel, which send at any time, have no hint;
 * nor has one that is older than us and has not sent yet.
 */
SEC("cgroup_skb/egress")
int endpoint_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct destination d = { .left = LEFT_ALONE }, *old;
	struct packet p = {};
	struct socket_hint *hint;
	struct task_struct *task;
	struct cork *c;
	__u64 thread;
	__u32 len = 0;
	bool udp, told, led, cut;

	untraced_leave(skb);
	if (sk == NULL)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (sk == NULL)
		return 1;
	if (sk->type == SOCK_STREAM) {
		names_of_stream(sk, skb);
		return 1;
	}
	if (sk->type != SOCK_DGRAM && sk->type != SOCK_RAW)
		return 1;
	udp = is_udp(sk->type, sk->protocol);
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	d.to.proto = sk->protocol;
	told = !udp || (udp_packet(&p, skb, sk->protocol) && packet_address(&d.to, skb, false));
	if (udp && told)
		names_of_datagram(hint, skb, &p, &d.to);
	if (hint == NULL && (udp || is_of_kernel(sk)))
		return 1;
	task = bpf_get_current_task_btf();
	thread = (__u64)task->tgid << 32 | (__u32)task->pid;
	d.cookie = bpf_get_socket_cookie(skb);
	old = bpf_map_lookup_elem(&destinations, &thread);
	if (old != NULL && old->cookie == d.cookie && old->asked) {
		old->left = LEFT_ALONE;
		led = packet_is_led(skb, sk->protocol);
		cut = packet_is_cut(skb);
		if (!(led || cut) || !told ||
		    !endpoint_of_packet(&d.to, skb, udp ? &p : NULL, &len))
			return 1;
		if (cut)
			old->pieces = len;
		if (led)
			__builtin_memcpy(old->to.addr, d.to.addr, sizeof(d.to.addr));
		return 1;
	}
	c = udp ? cork_of_packet(skb, sk, d.cookie) : NULL;
	if (!told || !endpoint_of_packet(&d.to, skb, udp ? &p : NULL, &len)) {
		/* The socket tells, and nothing that was left before. */
		if (c != NULL) {
			cork_forget(c);
			LOSS(destinations);
		}
		if (old != NULL)
			old->cookie = 0;
		return 1;
	}
	if (c == NULL && packet_is_cut(skb))
		d.pieces = len;
	if (c != NULL) {
		d.left = LEFT_CORK;
		if (cork_leaves(c, &d.to, len))
			return 1;
	}
	destination_leave(thread, &d);
	return 1;
}

/* Only streams: a datagram socket's connect sends nothing, and resolvers do it to choose a source
 * address (RFC 6724). */
static __always_inline void connect_tell(struct of_rec_connect *rec)
{
	rec->tgid = bpf_get_current_pid_tgid() >> 32;
	emit_header(&rec->hdr, OF_REC_CONNECT, sizeof(*rec));
	emit_hint(rec, sizeof(*rec), EMIT_LATER);
}

/* A connection begins, or a socket gets a far end: its names are looked for from here on. */
static __always_inline void names_begin(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct socket_hint *hint;

	if (sk == NULL)
		return;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (hint == NULL)
		return;
	hint->names_state = NAMES_NEW;
	hint->names_packets = 0;
	hint->names_in_seen = 0;
	hint->names_lost = 0;
}

SEC("cgroup/connect4")
int endpoint_connect4(struct bpf_sock_addr *ctx)
{
	struct of_rec_connect rec = {};

	names_begin(ctx);
	endpoint_asked4(&rec.to, ctx);
	if (ctx->type == SOCK_STREAM)
		connect_tell(&rec);
	return 1;
}

SEC("cgroup/connect6")
int endpoint_connect6(struct bpf_sock_addr *ctx)
{
	struct of_rec_connect rec = {};

	names_begin(ctx);
	endpoint_asked6(&rec.to, ctx);
	if (ctx->type == SOCK_STREAM)
		connect_tell(&rec);
	return 1;
}

/* Who made a socket is asked when somebody else sends by it. */
SEC("cgroup/sock_create")
int endpoint_sock_create(struct bpf_sock *sk)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct of_task *maker = bpf_map_lookup_elem(&exec_ids, &tgid);
	struct socket_hint *hint =
		bpf_sk_storage_get(&socket_hints, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	(void)bpf_get_socket_cookie(sk); /* gives it one: the key of corks */
	if (hint == NULL)
		return 1; /* tried again at its first send, and counted then */
	hint->slot = OF_NO_SLOT;
	hint->names_state = NAMES_NEW;
	if (maker != NULL)
		hint->creator = maker->exec_id;
	return 1;
}
