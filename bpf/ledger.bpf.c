/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.bpf.c: every byte that the kernel accepted from a task, by whatever hook this kernel has.
 * The total is raised before anything can fail.
 */
#define SCRATCH ledger_scratch
#include "account.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

#define ETH_HEADER 14

static __always_inline bool family_is_local(__u16 family)
{
	return family == OF_AF_UNIX || family == OF_AF_NETLINK || family == OF_AF_KEY ||
	       family == OF_AF_ALG;
}

static __always_inline bool socket_is_udp(const struct sock *sk)
{
	return sk->sk_type == SOCK_DGRAM &&
	       (sk->sk_protocol == IPPROTO_UDP || sk->sk_protocol == IPPROTO_UDPLITE);
}

static __always_inline bool route_is_loopback(const struct sock *sk)
{
	struct dst_entry *dst = sk->sk_dst_cache;

	return dst != NULL && dst->dev->ifindex == LOOPBACK_IFINDEX;
}

static __always_inline void endpoint_v4(struct of_endpoint *to, __be32 ip)
{
	__u32 *addr = (__u32 *)to->addr;

	addr[2] = bpf_htonl(0xffff);
	addr[3] = ip;
	to->family = OF_AF_INET;
}

static __always_inline void endpoint_v6(struct of_endpoint *to, const struct in6_addr *ip)
{
	__u32 *addr = (__u32 *)to->addr;

	addr[0] = ip->in6_u.u6_addr32[0];
	addr[1] = ip->in6_u.u6_addr32[1];
	addr[2] = ip->in6_u.u6_addr32[2];
	addr[3] = ip->in6_u.u6_addr32[3];
	to->family = addr[0] == 0 && addr[1] == 0 && addr[2] == bpf_htonl(0xffff) ? OF_AF_INET
										  : OF_AF_INET6;
}

static __always_inline void endpoint_of_socket(struct of_endpoint *to, const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	to->family = family;
	to->proto = family == OF_AF_PACKET || family == OF_AF_VSOCK ? 0 : sk->sk_protocol;
	if (family != OF_AF_INET && family != OF_AF_INET6)
		return;
	to->port = bpf_ntohs(sk->__sk_common.skc_dport);
	to->self = route_is_loopback(sk);
	if (family == OF_AF_INET)
		endpoint_v4(to, sk->__sk_common.skc_daddr);
	else
		endpoint_v6(to, &sk->__sk_common.skc_v6_daddr);
}

/* Where a datagram goes that several sends put together: settled by the first, whatever the socket
 * is connected to since. `family` is that of the packet. */
static __always_inline void endpoint_of_cork(struct of_endpoint *to, const struct sock *sk,
					     int family)
{
	const struct udp_sock *up = (const void *)sk;
	struct in6_addr ip;

	to->proto = sk->sk_protocol;
	to->self = route_is_loopback(sk);
	if (family == OF_AF_INET) {
		endpoint_v4(to, BPF_CORE_READ(up, inet.cork.fl.u.ip4.daddr));
		to->port = bpf_ntohs(BPF_CORE_READ(up, inet.cork.fl.u.ip4.uli.ports.dport));
		return;
	}
	BPF_CORE_READ_INTO(&ip, up, inet.cork.fl.u.ip6.daddr);
	endpoint_v6(to, &ip);
	to->port = bpf_ntohs(BPF_CORE_READ(up, inet.cork.fl.u.ip6.uli.ports.dport));
}

/* Takes the destination that a cgroup hook left for this datagram. */
static __always_inline bool destination_take(struct of_endpoint *to, struct sock *sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct destination *d = bpf_map_lookup_elem(&destinations, &thread);

	if (d == NULL || d->cookie == 0)
		return false;
	if (d->cookie != bpf_get_socket_cookie(sk))
		return false;
	d->cookie = 0;
	*to = d->to;
	return true;
}

static __always_inline void endpoint_of_datagram(struct of_endpoint *to, struct sock *sk,
						 struct socket_hint **hint)
{
	const struct udp_sock *up = (const void *)sk;
	int pending = socket_is_udp(sk) ? BPF_CORE_READ(up, pending) : 0;

	if (pending != 0) {
		if (*hint == NULL)
			*hint = hint_make(sk);
		if (*hint != NULL)
			(*hint)->corks = pending;
		(void)destination_take(to, sk);
		endpoint_of_cork(to, sk, pending);
		return;
	}
	if (destination_take(to, sk))
		return;
	/* What this send completed may have been sent away by another thread. */
	if (*hint != NULL && (*hint)->corks != 0)
		endpoint_of_cork(to, sk, (*hint)->corks);
	else
		endpoint_of_socket(to, sk);
}

/*
 * AF_PACKET sends that bypass the queue (PACKET_QDISC_BYPASS) also pass link_xmit() by. They are
 * posted like all others, so the interfaces are told how much there was.
 */
static __noinline int link_packet(struct sock *sk, long n)
{
	struct of_link_machine *sums;
	__u32 zero = 0;

	if (n <= 0 || !netns_is_ours(sk->__sk_common.skc_net.net->ns.inum))
		return 0;
	/* The kernel puts the header in front, and link_xmit() sees it. */
	if (sk->sk_type == SOCK_DGRAM)
		n += ETH_HEADER;
	sums = bpf_map_lookup_elem(&link_sums, &zero);
	if (sums != NULL)
		__sync_fetch_and_add(&sums->packet_posted, n);
	return 0;
}

/* A send that was under way when another thread disconnected the socket counts where it went. */
static __always_inline bool endpoint_left(struct of_endpoint *to, struct socket_hint *hint)
{
	if (hint == NULL || hint->leaving == 0)
		return false;
	hint->leaving--;
	*to = hint->left;
	return true;
}

/* For a failed send, too: what the hooks have left for it must not wait for the next one. */
static __always_inline void endpoint_of_send(struct of_endpoint *to, struct sock *sk,
					     struct socket_hint **hint)
{
	if (sk->sk_type == SOCK_DGRAM || sk->sk_type == SOCK_RAW)
		endpoint_of_datagram(to, sk, hint);
	else if (!endpoint_left(to, *hint))
		endpoint_of_socket(to, sk);
}

/* The body of every send hook: `ret` is what the socket layer returned. Without hints the account
 * is found through the index each time, and the socket alone tells the far end. */
static __always_inline int on_send(struct sock *sk, long ret, bool hints)
{
	struct of_endpoint to = {};
	struct socket_hint *hint = NULL;
	struct of_exec_slot *s;
	struct of_totals *sums;
	struct of_machine *m;
	struct of_task *t;
	__u32 zero = 0;
	__u16 family;

	family = sk->__sk_common.skc_family;
	sums = bpf_map_lookup_elem(&totals, &zero);
	if (sums == NULL)
		return 0;
	if (family_is_local(family)) {
		if (ret > 0)
			__sync_fetch_and_add(&sums->local[family & (OF_FAMILIES - 1)], ret);
		return 0;
	}
	if (hints) {
		hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
		endpoint_of_send(&to, sk, &hint);
	} else {
		endpoint_of_socket(&to, sk);
	}
	if (ret <= 0)
		return 0;
	__sync_fetch_and_add(&sums->posted, ret);
	if (family == OF_AF_PACKET)
		link_packet(sk, ret);
	t = task_get(bpf_get_current_task_btf());
	s = t == NULL ? NULL : execution_find(t->slot);
	if (s != NULL) {
		__sync_fetch_and_add(&s->e.sent, ret);
	} else {
		m = machine_get();
		if (m != NULL)
			__sync_fetch_and_add(&m->executions_none, ret);
	}
	if (t == NULL) {
		overflow_add(NULL, ret);
		return 0;
	}
	if (hints && hint == NULL)
		hint = hint_make(sk);
	account_post(sk, hint, t, ret, &to);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ledger_send, struct sock *sk, int ret, int flags)
{
	return on_send(sk, ret, true);
}

/*
 * Before Linux 6.3: what the socket families offer to send with, as far as they send off the
 * machine. They do not call each other. Those of modules go without hints: Linux 6.1 looks the
 * traced function up in the wrong type data when such a program asks for socket storage, and dies
 * (bpf_sk_storage_tracing_allowed()).
 */
#define LEDGER_TWIN(name, function, hints)                                                      \
	SEC("fexit/" #function)                                                                 \
	int BPF_PROG(name, struct socket *sock, struct msghdr *msg, unsigned long len, int ret) \
	{                                                                                       \
		return on_send(sock->sk, ret, hints);                                           \
	}

LEDGER_TWIN(ledger_inet, inet_sendmsg, true)
LEDGER_TWIN(ledger_inet6, inet6_sendmsg, true)
LEDGER_TWIN(ledger_packet, packet_sendmsg, true)
LEDGER_TWIN(ledger_spkt, packet_sendmsg_spkt, true)
LEDGER_TWIN(ledger_vsock, vsock_connectible_sendmsg, false)
LEDGER_TWIN(ledger_vsock_dgram, vsock_dgram_sendmsg, false)
LEDGER_TWIN(ledger_tipc, tipc_sendmsg, false)
LEDGER_TWIN(ledger_tipc_packet, tipc_send_packet, false)
LEDGER_TWIN(ledger_tipc_stream, tipc_sendstream, false)

/* sendfile and splice, before Linux 6.5. A protocol without a way of its own (MPTCP, raw IP) copies
 * the page and sends it as any other: that is counted there. */
SEC("fexit/inet_sendpage")
int BPF_PROG(ledger_sendpage, struct socket *sock, struct page *page, int offset,
	     unsigned long size, int flags, long ret)
{
	struct sock *sk = sock->sk;

	return sk->__sk_common.skc_prot->sendpage == NULL ? 0 : on_send(sk, ret, true);
}

/*
 * A TCP socket ends or is disconnected; its address is still in place. What it received since its
 * last send is posted; and who waits in a send now will return with bytes for this far end, when
 * the socket may already lead to another.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ledger_state, struct sock *sk, int old_state, int new_state)
{
	struct socket_hint *hint;
	struct of_account *a;
	__u32 waiting;

	if (new_state != TCP_CLOSE || !socket_is_tcp(sk))
		return 0;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (hint == NULL)
		return 0;
	a = bpf_map_lookup_elem(&accounts, &hint->slot);
	if (a != NULL && a->exec_id != 0 && a->generation == hint->generation)
		account_receive(a, hint, sk);
	hint->received = 0; /* the next connection counts anew */
	waiting = sk->sk_write_pending;
	if (waiting > 0) {
		__builtin_memset(&hint->left, 0, sizeof(hint->left));
		endpoint_of_socket(&hint->left, sk);
	}
	hint->leaving = waiting;
	return 0;
}
