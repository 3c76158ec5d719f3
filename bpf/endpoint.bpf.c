/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint.bpf.c: where a send wants to go, when the socket does not say: destinations of
 * datagrams, handed to the send hook of the same thread; attempts to connect; who made a socket.
 *
 * The addresses come from the kernel's own copy; the sender cannot change them any more.
 */
#define SCRATCH endpoint_scratch
#include "account.bpf.h"
#include "endpoint.bpf.h"
#include "untraced.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

#define UDP_HEADER 8

static __always_inline void endpoint_asked4(struct of_endpoint *to, struct bpf_sock_addr *ctx)
{
	endpoint_v4(to, ctx->user_ip4);
	to->port = bpf_ntohs(ctx->user_port);
	to->proto = ctx->protocol;
}

static __always_inline void endpoint_asked6(struct of_endpoint *to, struct bpf_sock_addr *ctx)
{
	endpoint_v6(to, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]);
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

/* The far end of a packet, and for UDP its port. False: not to be told from it, as when it went
 * into a tunnel and comes by once more. */
static __always_inline bool endpoint_of_packet(struct of_endpoint *to, struct __sk_buff *skb,
					       bool has_port)
{
	__u32 *addr = (__u32 *)to->addr, at;
	__be16 port = 0;
	__u8 b = 0, proto = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		addr[2] = bpf_htonl(0xffff);
		if (bpf_skb_load_bytes(skb, 0, &b, sizeof(b)) < 0 ||
		    bpf_skb_load_bytes(skb, 9, &proto, sizeof(proto)) < 0 ||
		    bpf_skb_load_bytes(skb, 16, &addr[3], 4) < 0)
			return false;
		to->family = OF_AF_INET;
		at = (b & 15) * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, 6, &proto, sizeof(proto)) < 0 ||
		    bpf_skb_load_bytes(skb, 24, addr, 16) < 0)
			return false;
		to->family = OF_AF_INET6;
		at = 40;
	} else {
		return false;
	}
	/* Behind extension headers: the socket remembers the port as well. */
	if (has_port && proto != to->proto)
		return false;
	if (has_port && bpf_skb_load_bytes(skb, at + 2, &port, sizeof(port)) < 0)
		return false;
	to->port = bpf_ntohs(port);
	to->self = skb->ifindex == LOOPBACK_IFINDEX;
	return true;
}

/*
 * Raw and ping sockets name their destination in the message, which no hook shows; when a datagram
 * that several sends put together leaves, only the packet tells that it did; and a connected socket
 * can be connected elsewhere by another thread while one sends: the packet tells where it went. It
 * leaves in the sender's own context. Sockets of the kernel, which send at any time, have no hint.
 */
SEC("cgroup_skb/egress")
int endpoint_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct socket_hint *hint;
	struct task_struct *task;
	struct destination d = {}, *old;
	__u64 thread;
	bool udp;

	untraced_leave(skb);
	if (sk == NULL)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (sk == NULL || (sk->type != SOCK_DGRAM && sk->type != SOCK_RAW))
		return 1;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	udp = is_udp(sk->type, sk->protocol);
	if (hint == NULL)
		return 1;
	task = bpf_get_current_task_btf();
	thread = (__u64)task->tgid << 32 | (__u32)task->pid;
	d.cookie = bpf_get_socket_cookie(skb);
	old = bpf_map_lookup_elem(&destinations, &thread);
	if (old != NULL && old->cookie == d.cookie && old->asked)
		return 1;
	d.to.proto = sk->protocol;
	if (!endpoint_of_packet(&d.to, skb, udp))
		return 1;
	destination_leave(thread, &d);
	return 1;
}

static __always_inline struct of_account *account_at(const struct of_account_key *key)
{
	__u32 *slot = bpf_map_lookup_elem(&account_index, key);

	return slot == NULL ? NULL : bpf_map_lookup_elem(&accounts, slot);
}

/* The account that has what a socket sent to `to` last; `self` is not known here. */
static __always_inline struct of_account *
account_of_cork(struct socket_hint *hint, const struct of_task *t, const struct of_endpoint *to)
{
	struct of_account_key key = { .exec_id = t->exec_id, .to = *to };
	struct of_account *a = NULL;
	struct of_endpoint had;

	if (hint != NULL)
		a = bpf_map_lookup_elem(&accounts, &hint->slot);
	if (a != NULL && a->generation == hint->generation && a->exec_id != 0 &&
	    !(a->exec_id & OF_ACCOUNT_CLOSED)) {
		had = a->to;
		had.self = 0;
		if (endpoint_same(&had, to))
			return a;
	}
	return account_at(&key);
}

/*
 * Where a datagram goes that is put together and has not left yet, and how many bytes it holds. 0:
 * there is none, or this kernel does not let a connect lead it elsewhere.
 */
static __always_inline __u64 cork_of_socket(struct of_endpoint *to, struct bpf_sock *sk)
{
	struct of_machine *m = machine_get();
	struct udp_sock *up = NULL;
	__u32 *addr = (__u32 *)to->addr;
	struct in6_addr ip;
	__u32 family, len;

	/* The pointer as a number: these programs may not follow it themselves. */
	if (m == NULL || bpf_probe_read_kernel(&up, sizeof(up), &sk) < 0)
		return 0;
	family = BPF_CORE_READ(up, pending);
	len = BPF_CORE_READ(up, len);
	if (family == OF_AF_INET && (m->cork_led & OF_CORK_LED_V4)) {
		to->port = bpf_ntohs(BPF_CORE_READ(up, inet.cork.fl.u.ip4.uli.ports.dport));
		addr[2] = bpf_htonl(0xffff);
		addr[3] = BPF_CORE_READ(up, inet.cork.fl.u.ip4.daddr);
	} else if (family == OF_AF_INET6 && (m->cork_led & OF_CORK_LED_V6)) {
		to->port = bpf_ntohs(BPF_CORE_READ(up, inet.cork.fl.u.ip6.uli.ports.dport));
		BPF_CORE_READ_INTO(&ip, up, inet.cork.fl.u.ip6.daddr);
		__builtin_memcpy(to->addr, &ip, sizeof(ip));
	} else {
		return 0;
	}
	to->family = family;
	return len > UDP_HEADER ? len - UDP_HEADER : 0;
}

/*
 * A connect leads a datagram elsewhere before it has left: the kernel writes the new address where
 * the datagram's is kept (kernel_cork.c tries it). What it holds moves to the new far end's
 * account, also when the connect then fails.
 */
static __noinline int cork_led(struct bpf_sock_addr *ctx, struct of_endpoint *to)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct of_task *t = bpf_map_lookup_elem(&exec_ids, &tgid);
	struct bpf_sock *sk = ctx->sk;
	struct of_account_key key = {};
	struct of_endpoint had = {};
	struct of_account *from, *a;
	__u32 slot;
	__u64 n;

	if (t == NULL || sk == NULL)
		return 0;
	had.proto = to->proto;
	n = cork_of_socket(&had, sk);
	if (n == 0 || had.family != to->family)
		return 0;
	from = account_of_cork(bpf_sk_storage_get(&socket_hints, sk, 0, 0), t, &had);
	/* Nothing to take it from: the payer is over, or a connect that is refused comes again. */
	if (from == NULL || endpoint_same(&had, to) || n > from->sent - from->moved)
		return 0;
	key.exec_id = from->exec_id;
	key.to = *to;
	a = account_at(&key);
	if (a == NULL) {
		slot = account_make(&key, from->exec_slot, from->netns, 0);
		a = bpf_map_lookup_elem(&accounts, &slot);
	}
	if (a == NULL || a->exec_id != key.exec_id)
		return 0; /* no room: it stays where it is */
	__sync_fetch_and_add(&from->moved, n);
	account_add(a, n, t);
	return 0;
}

/* Only streams: a datagram socket's connect sends nothing, and resolvers do it to choose a source
 * address (RFC 6724). */
static __always_inline void connect_tell(struct of_rec_connect *rec)
{
	rec->tgid = bpf_get_current_pid_tgid() >> 32;
	emit_header(&rec->hdr, OF_REC_CONNECT, sizeof(*rec));
	emit_hint(rec, sizeof(*rec), EMIT_LATER);
}

SEC("cgroup/connect4")
int endpoint_connect4(struct bpf_sock_addr *ctx)
{
	struct of_rec_connect rec = {};

	endpoint_asked4(&rec.to, ctx);
	if (ctx->type == SOCK_STREAM)
		connect_tell(&rec);
	/* Of another family it is refused before anything is written. */
	else if (ctx->user_family == OF_AF_INET && is_udp(ctx->type, ctx->protocol))
		cork_led(ctx, &rec.to);
	return 1;
}

SEC("cgroup/connect6")
int endpoint_connect6(struct bpf_sock_addr *ctx)
{
	struct of_rec_connect rec = {};

	endpoint_asked6(&rec.to, ctx);
	if (ctx->type == SOCK_STREAM)
		connect_tell(&rec);
	else if (ctx->user_family == OF_AF_INET6 && is_udp(ctx->type, ctx->protocol))
		cork_led(ctx, &rec.to);
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

	(void)bpf_get_socket_cookie(sk); /* gives it one: the key of socket_notes */
	if (hint == NULL)
		return 1; /* tried again at its first send, and counted then */
	hint->slot = OF_NO_SLOT;
	if (maker != NULL)
		hint->creator = maker->exec_id;
	return 1;
}
