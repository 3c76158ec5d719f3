/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.bpf.c: every byte that the kernel accepted from a task, by whatever hook this kernel has.
 * The total is raised before anything can fail.
 */
#include "ask.bpf.h"
#include "cork.bpf.h"
#include "endpoint.bpf.h"
#include "sctp.bpf.h"
#include "untraced.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

/* Linux 6.2. Only called where it is. */
extern void *bpf_rdonly_cast(void *obj, __u32 btf_id) __ksym __weak;

static __always_inline bool family_is_local(__u16 family)
{
	return family == OF_AF_UNIX || family == OF_AF_NETLINK || family == OF_AF_KEY ||
	       family == OF_AF_ALG;
}

static __always_inline bool route_is_loopback(const struct sock *sk)
{
	struct dst_entry *dst = sk->sk_dst_cache;

	return dst != NULL && dst->dev->ifindex == LOOPBACK_IFINDEX;
}

static __always_inline void endpoint_in6(struct of_endpoint *to, const struct in6_addr *ip)
{
	endpoint_v6(to, ip->in6_u.u6_addr32[0], ip->in6_u.u6_addr32[1], ip->in6_u.u6_addr32[2],
		    ip->in6_u.u6_addr32[3]);
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
		endpoint_in6(to, &sk->__sk_common.skc_v6_daddr);
}

static __always_inline void endpoint_of_association(struct of_endpoint *to, const struct sock *sk)
{
	struct sctp_association *asoc;
	struct in6_addr ip;

	to->family = sk->__sk_common.skc_family;
	to->proto = sk->sk_protocol;
	if (!bpf_core_type_exists(struct sctp_association))
		return;
	asoc = sctp_only_association(sk);
	if (asoc == NULL)
		return;
	to->port = BPF_CORE_READ(asoc, peer.port);
	if (BPF_CORE_READ(asoc, peer.primary_addr.v4.sin_family) == OF_AF_INET) {
		endpoint_v4(to, BPF_CORE_READ(asoc, peer.primary_addr.v4.sin_addr.s_addr));
		return;
	}
	BPF_CORE_READ_INTO(&ip, asoc, peer.primary_addr.v6.sin6_addr);
	endpoint_in6(to, &ip);
}

/* Takes the destination that a cgroup hook left for this datagram, when it gave the socket its
 * cookie at the latest. */
static __always_inline bool destination_take(struct destination *ret, const struct sock *sk)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter;
	__u64 thread = bpf_get_current_pid_tgid();
	struct destination *d = bpf_map_lookup_elem(&destinations, &thread);

	if (d == NULL || d->cookie == 0 || d->cookie != cookie)
		return false;
	*ret = *d;
	d->cookie = 0;
	return true;
}

/* The far end of what a send added to a datagram that was begun before: that of its first piece.
 * `held` is 0 when it has left meanwhile. */
static __always_inline bool endpoint_of_cork(struct of_endpoint *to, const struct sock *sk, long n,
					     __u32 held, __u64 packet)
{
	struct cork *c = cork_find(sk->__sk_common.skc_cookie.counter);
	__u64 noted;
	bool waits;

	if (c == NULL || held == n)
		return false;
	/* First: when it is 0, `late` is in place. */
	noted = *(volatile __u64 *)&c->packet;
	if (n < 0) {
		/* What was put together is thrown away. */
		if (held == 0 && noted != 0)
			cork_forget(c);
		return false;
	}
	/* Either it still waits, or it has left, or the packet is on its way to where that is told:
	 * then its note has not ended. */
	waits = held != 0 && noted == packet;
	if (!waits && !cork_take_late(c, n) && noted == 0)
		return false;
	*to = c->to;
	return true;
}

/* How many bytes wait for a later send, with those of this one; 0: it has left. */
static __always_inline __u32 endpoint_of_datagram(struct of_endpoint *to, const struct sock *sk,
						  long ret, __u32 *ret_anyway)
{
	bool udp = is_udp(sk->sk_type, sk->sk_protocol);
	__u64 packet = udp ? cork_packet(sk) : 0;
	__u32 held = packet != 0 ? cork_held((const void *)sk) : 0;
	struct destination d;
	struct cork *c;

	/* What waits has not left: a packet that this thread saw leave was another one's, as when
	 * it took the cork off. */
	if (!destination_take(&d, sk) || (!d.asked && ret > 0 && held >= ret)) {
		if (!udp || !endpoint_of_cork(to, sk, ret, held, packet))
			endpoint_of_socket(to, sk);
		return held;
	}
	*to = d.to;
	if (d.left == LEFT_ALONE)
		*ret_anyway = d.pieces;
	if (d.left == LEFT_CORK && ret > 0) {
		c = cork_find(d.cookie);
		if (c != NULL)
			(void)cork_take_late(c, ret);
	}
	return d.left == LEFT_NOT ? held : 0;
}

/* What a program may use to remember things beside a socket. */
enum memory {
	NO_MEMORY,
	STORAGE,
	NOTES, /* see socket_notes */
};

static __always_inline struct socket_left *note_find(const struct sock *sk)
{
	struct of_machine *m = machine_get();
	__u64 key = (__u64)sk;

	return m == NULL || !m->notes ? NULL : bpf_map_lookup_elem(&socket_notes, &key);
}

static __always_inline struct socket_left *note_make(const struct sock *sk)
{
	struct socket_left empty = {}, *note;
	struct of_machine *m = machine_get();
	__u64 key = (__u64)sk;

	if (m == NULL)
		return NULL;
	m->notes = 1;
	bpf_map_update_elem(&socket_notes, &key, &empty, BPF_NOEXIST);
	note = bpf_map_lookup_elem(&socket_notes, &key);
	if (note == NULL)
		LOSS(socket_storage);
	return note;
}

/*
 * AF_PACKET sends that bypass the queue (PACKET_QDISC_BYPASS) also pass link_xmit() by. They are
 * posted like all others, so the interfaces are told how much there was.
 */
static __noinline int link_packet(struct sock *sk, long n)
{
	struct of_link_machine *sums = link_machine();

	if (n <= 0 || sums == NULL || !netns_is_ours(sk->__sk_common.skc_net.net->ns.inum))
		return 0;
	__sync_fetch_and_add(&sums->packet_data, n);
	/* The kernel puts the header in front, and link_xmit() sees it. */
	if (sk->sk_type == SOCK_DGRAM)
		n += ETH_HEADER;
	__sync_fetch_and_add(&sums->packet_posted, n);
	return 0;
}

#define ACK_TRIES 4
#define TCP_FIN_SENT \
	(1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 | 1 << TCP_LAST_ACK | 1 << TCP_CLOSING)

/* Bytes that a TCP socket took since it began to connect. */
static __always_inline __u64 socket_taken(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;
	__u32 state = BPF_CORE_READ(sk, __sk_common.skc_state), una;
	__u64 n = 0;
	int i;

	if (state == TCP_CLOSE)
		return 0;
	/* Both change when an acknowledgement comes. */
	for (i = 0; i < ACK_TRIES; i++) {
		una = BPF_CORE_READ(tp, snd_una);
		n = BPF_CORE_READ(tp, bytes_acked);
		if (BPF_CORE_READ(tp, snd_una) == una)
			break;
	}
	n += BPF_CORE_READ(tp, write_seq) - una;
	/* SYN and FIN count as one each. */
	if (n > 0)
		n--;
	if (n > 0 && (1U << state & TCP_FIN_SENT))
		n--;
	return n;
}

/*
 * Of the bytes of a send, those that went where the socket was connected to before: the send was
 * under way when another thread disconnected it. Which send that is cannot be told when it returns,
 * but how much the connection of now has taken: what is more belongs to the one before. Sends of
 * both that return at once may change places, but each far end has its sum.
 *
 * Global, so that the verifier looks at it by itself: inlined into each hook its branches tripled
 * what Linux 6.1 takes to load the probes.
 */
__weak __noinline __u64 bytes_gone(struct socket_left *left, __u64 n)
{
	__u64 taken, before, own = 0;
	int i;

	if (left == NULL)
		return 0;
	taken = socket_taken((const struct sock *)left->owner);
	/* Two may return at once. */
	for (i = 0; i < ACK_TRIES; i++) {
		before = left->since;
		own = taken > before ? taken - before : 0;
		own = own < n ? own : n;
		if (__sync_val_compare_and_swap(&left->since, before, before + own) == before)
			break;
	}
	if (own < n && (__s32)__sync_fetch_and_add(&left->sends, -1) <= 0)
		__sync_fetch_and_add(&left->sends, 1);
	return n - own;
}

/* Where the bytes of a send go. */
struct posting {
	struct of_endpoint to;
	struct of_endpoint to_before; /* where the socket led when the send began */
	__u64 before;		      /* how many of them go there */
	__u32 held;		      /* of a datagram, which a later send completes */
	__u32 anyway;		      /* what left though the send failed */
};

static __always_inline void posting_split(struct posting *p, struct sock *sk,
					  struct socket_hint *hint, long n, enum memory memory)
{
	struct socket_left *left = memory == NOTES ? note_find(sk) : NULL;
	__u64 key = (__u64)(long)sk;

	if (hint != NULL)
		left = &hint->left;
	if (left == NULL || left->sends == 0 || left->owner != key)
		return;
	p->before = bytes_gone(left, n);
	p->to_before = left->to;
	if (memory == NOTES && left->sends == 0)
		bpf_map_delete_elem(&socket_notes, &key);
}

/*
 * TCP Fast Open: the SYN carries data (RFC 7413). A send that waits for the answer fails when the
 * far end refuses, or a signal comes; one that does not wait has returned, and is posted like any
 * other.
 */
#define SYN_POSTED (1U << 31)

static __always_inline __u32 syn_carries(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;
	__u32 n = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una);

	return n > 1 && n < SYN_POSTED ? n - 1 : 0; /* the SYN counts as one */
}

/* A send returns before there is an answer, with bytes or because of a signal: it is the one that
 * the SYN carries, unless that is posted already. */
static __always_inline void syn_waits(struct posting *p, struct sock *sk, struct socket_left *left,
				      long ret)
{
	__u64 key = (__u64)(long)sk;

	if (left->owner == key && left->syn == SYN_POSTED)
		return;
	if (ret == -EINTR || ret == -ERESTARTSYS)
		p->anyway = syn_carries(sk);
	else if (ret < 0)
		return;
	left->owner = key;
	left->syn = SYN_POSTED;
	left->sends = 0;
}

static __always_inline void syn_refused(struct posting *p, struct sock *sk,
					struct socket_left *left)
{
	if (left->owner != (__u64)(long)sk || left->syn == SYN_POSTED)
		return;
	p->anyway = p->before = left->syn;
	p->to_before = left->to;
	left->syn = 0;
	left->sends = 0;
}

static __always_inline void syn_of_send(struct posting *p, struct sock *sk,
					struct socket_hint *hint, long ret, enum memory memory)
{
	struct socket_left *left = memory == NOTES ? note_find(sk) : NULL;
	bool waits = sk->__sk_common.skc_state == TCP_SYN_SENT;

	if (hint != NULL)
		left = &hint->left;
	else if (memory == NOTES && left == NULL && waits)
		left = note_make(sk);
	if (left != NULL && waits)
		syn_waits(p, sk, left, ret);
	else if (left != NULL && ret < 0)
		syn_refused(p, sk, left);
	else if (left != NULL && left->owner == (__u64)(long)sk)
		left->syn = 0; /* refused already, but this send did not wait: it has the bytes */
}

/* For a failed send, too: what the hooks have left for it must not wait for the next one. */
static __always_inline void endpoint_of_send(struct posting *p, struct sock *sk, long ret,
					     struct socket_hint *hint, enum memory memory)
{
	if (sk->sk_type == SOCK_DGRAM || sk->sk_type == SOCK_RAW) {
		p->held = endpoint_of_datagram(&p->to, sk, ret, &p->anyway);
	} else if (socket_is_sctp_many(sk)) {
		endpoint_of_association(&p->to, sk);
	} else {
		endpoint_of_socket(&p->to, sk);
		if (ret > 0)
			posting_split(p, sk, hint, ret, memory);
		if (socket_is_tcp(sk) && (ret < 0 || sk->__sk_common.skc_state == TCP_SYN_SENT ||
					  sk->__sk_common.skc_state == TCP_CLOSE))
			syn_of_send(p, sk, hint, ret, memory);
	}
}

/* Raised before any lookup can fail. NULL: of a family that never leaves the machine. */
static __always_inline struct of_totals *totals_get(const struct sock *sk, long ret)
{
	struct of_totals *sums;
	__u32 zero = 0;
	__u16 family = sk->__sk_common.skc_family;

	sums = bpf_map_lookup_elem(&totals, &zero);
	if (sums == NULL || !family_is_local(family))
		return sums;
	if (ret > 0)
		__sync_fetch_and_add(&sums->local[family & (OF_FAMILIES - 1)], ret);
	return NULL;
}

/* Bytes of an execution; `t` may be NULL, then the machine's overflow takes them, too. */
static __always_inline void execution_add(const struct of_task *t, __u64 n)
{
	struct of_exec_slot *s = t == NULL ? NULL : execution_find(t->slot);
	struct of_machine *m;

	if (s != NULL) {
		__sync_fetch_and_add(&s->e.sent, n);
	} else {
		m = machine_get();
		if (m != NULL)
			__sync_fetch_and_add(&m->executions_none, n);
	}
	if (t == NULL)
		overflow_add(NULL, n);
}

static __noinline int post_before(struct sock *sk, struct of_task *t, __u64 n,
				  struct of_endpoint *to)
{
	(void)account_post(sk, NULL, t, n, to);
	return 0;
}

/* The body of every send hook: `ret` is what the socket layer returned. Without memory the socket
 * alone tells the far end, and the account is found by the thread's last or through the index. */
static __always_inline int on_send(struct sock *sk, long ret, enum memory memory)
{
	struct socket_hint *hint = NULL;
	struct of_totals *sums = totals_get(sk, ret);
	struct posting p = {};
	struct of_task *t;
	__u32 slot;

	if (sums == NULL) {
		if (ret > 0 && sk->__sk_common.skc_family == OF_AF_UNIX)
			ask_note(sk);
		return 0;
	}
	if (memory == STORAGE)
		hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (memory != NO_MEMORY)
		endpoint_of_send(&p, sk, ret, hint, memory);
	else
		endpoint_of_socket(&p.to, sk);
	if (ret < 0 && p.anyway > 0)
		ret = p.anyway;
	if (memory != NOTES && ret <= 0)
		return 0;
	t = current_get();
	if (memory == NOTES && t != NULL)
		__sync_fetch_and_add(&t->posted, 1);
	if (ret <= 0)
		return 0;
	__sync_fetch_and_add(&sums->posted, ret);
	untraced_seen();
	if (sk->__sk_common.skc_family == OF_AF_PACKET)
		link_packet(sk, ret);
	execution_add(t, ret);
	if (t == NULL)
		return 0;
	if (memory == STORAGE && hint == NULL)
		hint = hint_make(sk);
	if (p.before < (__u64)ret) {
		slot = account_post(sk, hint, t, ret - p.before, &p.to);
		if (p.held > 0)
			cork_add(sk, slot, ret, p.held, &p.to);
	}
	if (p.before > 0)
		post_before(sk, t, p.before, &p.to_before);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ledger_send, struct sock *sk, int ret, int flags)
{
	return on_send(sk, ret, STORAGE);
}

/*
 * Where tracepoints call with preemption enabled (Linux 7.0), the kernel skips a tp_btf program for
 * as long as another task that was preempted inside it waits for the same processor: the more
 * senders, the more bytes would be lost. A classic tracepoint program runs with preemption off.
 * What can skip it is a call of bpf(2) that is preempted, by who has the privilege; that is
 * counted, too.
 *
 * It is given the socket's address, which the kernel does not let it ask storage with: hence notes,
 * and a second program beside it for what no byte depends on.
 */
SEC("tracepoint/sock/sock_send_length")
int ledger_event(struct trace_event_raw_sock_msg_length *ctx)
{
	struct sock *sk = bpf_rdonly_cast((void *)ctx->sk, bpf_core_type_id_kernel(struct sock));

	return on_send(sk, ctx->ret, NOTES);
}

/* The account of the thread's last send learns what its socket received, and who made that. */
static __always_inline void socket_note(struct sock *sk, const struct of_task *t)
{
	struct socket_hint *hint;
	struct of_account *a = bpf_map_lookup_elem(&accounts, &t->account);

	if (a == NULL || a->exec_id != t->exec_id)
		return;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (hint == NULL)
		hint = hint_make(sk);
	if (hint == NULL)
		return;
	hint_set(hint, a, t->account, t);
	if (a->flags & OF_ACCOUNT_RECEIVED)
		account_receive(a, hint, sk);
}

/*
 * Attached behind ledger_event(), and may be skipped where that is not. When that was skipped for
 * once and this is not, it posts in its place: no send of this thread was seen since the last. Of a
 * thread that nobody has seen start nothing else was seen either.
 */
static __always_inline int beside_send(struct sock *sk, int ret)
{
	struct of_task *t;

	if (family_is_local(sk->__sk_common.skc_family))
		return 0;
	t = current_get();
	if (t == NULL || t->exec_id == 0)
		return 0;
	if (t->noted == t->posted)
		return on_send(sk, ret, STORAGE);
	t->noted = t->posted;
	if (ret > 0)
		socket_note(sk, t);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ledger_beside, struct sock *sk, int ret, int flags)
{
	return beside_send(sk, ret);
}

/*
 * Before Linux 6.3: what the socket families offer to send with, as far as they send off the
 * machine. They do not call each other. Those of modules go without hints: Linux 6.1 looks the
 * traced function up in the wrong type data when such a program asks for socket storage, and dies
 * (bpf_sk_storage_tracing_allowed()).
 */
#define LEDGER_TWIN(name, function, memory)                                                     \
	SEC("fexit/" #function)                                                                 \
	int BPF_PROG(name, struct socket *sock, struct msghdr *msg, unsigned long len, int ret) \
	{                                                                                       \
		return on_send(sock->sk, ret, memory);                                          \
	}

LEDGER_TWIN(ledger_inet, inet_sendmsg, STORAGE)
LEDGER_TWIN(ledger_inet6, inet6_sendmsg, STORAGE)
LEDGER_TWIN(ledger_packet, packet_sendmsg, STORAGE)
LEDGER_TWIN(ledger_spkt, packet_sendmsg_spkt, STORAGE)
LEDGER_TWIN(ledger_vsock, vsock_connectible_sendmsg, NO_MEMORY)
LEDGER_TWIN(ledger_vsock_dgram, vsock_dgram_sendmsg, NO_MEMORY)
LEDGER_TWIN(ledger_tipc, tipc_sendmsg, NO_MEMORY)
LEDGER_TWIN(ledger_tipc_packet, tipc_send_packet, NO_MEMORY)
LEDGER_TWIN(ledger_tipc_stream, tipc_sendstream, NO_MEMORY)

/* Streams are what deputies listen on, and packets in order go this way, too. */
SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(ledger_unix, struct socket *sock, struct msghdr *msg, unsigned long len, int ret)
{
	return on_send(sock->sk, ret, NO_MEMORY);
}

/* sendfile and splice, before Linux 6.5. A protocol without a way of its own (MPTCP, raw IP) copies
 * the page and sends it as any other: that is counted there. */
SEC("fexit/inet_sendpage")
int BPF_PROG(ledger_sendpage, struct socket *sock, struct page *page, int offset,
	     unsigned long size, int flags, long ret)
{
	struct sock *sk = sock->sk;

	return sk->__sk_common.skc_prot->sendpage == NULL ? 0 : on_send(sk, ret, STORAGE);
}

/* A TCP socket ends or is disconnected; its address is still in place. Who waits in a send now will
 * return with bytes for this far end, when the socket may already lead to another. */
static __always_inline void socket_leaves(struct sock *sk, struct socket_left *left, int old_state)
{
	__u64 key = (__u64)(long)sk;
	__u32 waiting = sk->sk_write_pending, syn = 0;

	if (old_state == TCP_SYN_SENT && (left->owner != key || left->syn != SYN_POSTED))
		syn = syn_carries(sk);
	if (waiting > 0 || syn > 0) {
		__builtin_memset(&left->to, 0, sizeof(left->to));
		endpoint_of_socket(&left->to, sk);
	}
	left->owner = key;
	left->since = 0;
	left->sends = waiting;
	left->syn = syn;
}

/* The same moment: what it received since its last send is posted. */
static __always_inline void socket_received_last(struct sock *sk, struct socket_hint *hint)
{
	struct of_account *a = bpf_map_lookup_elem(&accounts, &hint->slot);

	if (a != NULL && a->exec_id != 0 && a->generation == hint->generation)
		account_receive(a, hint, sk);
	/* The next connection counts anew, and so does what a listener accepts: a copy of this. */
	hint->received = 0;
	hint->slot = OF_NO_SLOT;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ledger_state, struct sock *sk, int old_state, int new_state)
{
	struct socket_hint *hint;

	if (new_state != TCP_CLOSE || !socket_is_tcp(sk))
		return 0;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (hint == NULL)
		return 0;
	socket_received_last(sk, hint);
	socket_leaves(sk, &hint->left, old_state);
	return 0;
}

/* The same as a pair, as for sends. Who disconnects a socket under a send is a task: only what an
 * interrupt closes, which moves no address, can find another event's program at work. */
SEC("tracepoint/sock/inet_sock_set_state")
int ledger_state_event(struct trace_event_raw_inet_sock_set_state *ctx)
{
	struct sock *sk =
		bpf_rdonly_cast((void *)ctx->skaddr, bpf_core_type_id_kernel(struct sock));
	struct socket_left *note;
	bool keep;

	if (ctx->newstate != TCP_CLOSE || !socket_is_tcp(sk))
		return 0;
	keep = sk->sk_write_pending > 0 || (ctx->oldstate == TCP_SYN_SENT && syn_carries(sk) > 0);
	note = keep ? note_make(sk) : note_find(sk);
	if (note != NULL)
		socket_leaves(sk, note, ctx->oldstate);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(ledger_state_beside, struct sock *sk, int old_state, int new_state)
{
	struct socket_hint *hint;

	if (new_state != TCP_CLOSE || !socket_is_tcp(sk))
		return 0;
	hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	if (hint != NULL)
		socket_received_last(sk, hint);
	return 0;
}
