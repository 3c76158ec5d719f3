/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.bpf.c: posts every byte that the kernel accepted from a task to the account (execution,
 * far endpoint).
 *
 * The total is raised before anything can fail. Then the socket's hint names the slot of its last
 * send; when execution and endpoint still agree the bytes are added there. Otherwise the index
 * finds the slot, or a new one is made; and when there is none left the execution's overflow takes
 * the bytes, or the machine's. Never nobody.
 */
#define SCRATCH ledger_scratch
#include "execution.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

#define ETH_HEADER	 14
#define LOOPBACK_IFINDEX 1 /* of every network namespace (include/net/flow.h) */

/* The next look is due when an account has doubled; the first at its first byte. */
#define LOOK_FIRST 16384

static __always_inline bool family_is_local(__u16 family)
{
	return family == OF_AF_UNIX || family == OF_AF_NETLINK || family == OF_AF_KEY ||
	       family == OF_AF_ALG;
}

static __always_inline bool endpoint_same(const struct of_endpoint *a, const struct of_endpoint *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline bool route_is_loopback(struct sock *sk)
{
	struct dst_entry *dst = sk->sk_dst_cache;

	return dst != NULL && dst->dev->ifindex == LOOPBACK_IFINDEX;
}

static __always_inline void endpoint_of_socket(struct of_endpoint *to, struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;
	__u32 *addr = (__u32 *)to->addr;

	to->family = family;
	to->proto = family == OF_AF_PACKET || family == OF_AF_VSOCK ? 0 : sk->sk_protocol;
	if (family != OF_AF_INET && family != OF_AF_INET6)
		return;
	to->port = bpf_ntohs(sk->__sk_common.skc_dport);
	to->self = route_is_loopback(sk);
	if (family == OF_AF_INET) {
		addr[2] = bpf_htonl(0xffff);
		addr[3] = sk->__sk_common.skc_daddr;
		return;
	}
	addr[0] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[0];
	addr[1] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[1];
	addr[2] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[2];
	addr[3] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[3];
	if (addr[0] == 0 && addr[1] == 0 && addr[2] == bpf_htonl(0xffff))
		to->family = OF_AF_INET;
}

/* Takes the destination that the cgroup hook left for this datagram. */
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

static __always_inline void account_look(struct of_account *a, __u64 sent, const struct of_task *t)
{
	struct of_rec_account rec;
	bool now = ((t->roles | OF_ROLE_ANY) & cfg_wake_roles) != 0;

	/* Two senders may both get here; the record is a hint and may come twice. */
	a->look_at = sent < LOOK_FIRST ? LOOK_FIRST : sent * 2;
	rec.a = *a;
	rec.a.exec_id = t->exec_id; /* in the slot it may not be set yet */
	rec.a.sent = sent;
	emit_header(&rec.hdr, OF_REC_ACCOUNT, sizeof(rec));
	emit_hint(&rec, sizeof(rec), now ? EMIT_NOW : EMIT_LATER);
}

static __always_inline void account_add(struct of_account *a, __u64 n, const struct of_task *t)
{
	__u64 sent = __sync_fetch_and_add(&a->sent, n) + n;

	if (sent >= a->look_at)
		account_look(a, sent, t);
}

/* A free slot, or OF_NO_SLOT. */
static __always_inline __u32 account_slot(struct of_machine *m)
{
	__u32 slot;

	if (bpf_map_pop_elem(&free_accounts, &slot) == 0)
		return slot;
	if (m->accounts_used >= cfg_accounts)
		return OF_NO_SLOT;
	slot = __sync_fetch_and_add(&m->accounts_used, 1);
	if (slot < cfg_accounts)
		return slot;
	__sync_fetch_and_add(&m->accounts_used, -1);
	return OF_NO_SLOT;
}

/* Makes the account of a key, or finds the one that another CPU made meanwhile. */
static __noinline __u32 account_make(struct of_account_key *key, struct sock *sk, __u32 exec_slot)
{
	struct of_machine *m = machine_get();
	struct of_account *a;
	__u32 slot, *found;

	if (m == NULL)
		return OF_NO_SLOT;
	slot = account_slot(m);
	a = bpf_map_lookup_elem(&accounts, &slot);
	if (a == NULL)
		return OF_NO_SLOT;
	/* `sent` is zero since the slot was given back. */
	a->to = key->to;
	a->look_at = 0;
	a->netns = sk->__sk_common.skc_net.net->ns.inum;
	a->flags = 0;
	a->exec_slot = exec_slot;
	a->generation = __sync_fetch_and_add(&m->next_generation, 1);
	if (bpf_map_update_elem(&account_index, key, &slot, BPF_NOEXIST) == 0) {
		/* Last, since old hints may still lead here and must find all else in place. */
		(void)__sync_lock_test_and_set(&a->exec_id, key->exec_id);
		return slot;
	}
	bpf_map_push_elem(&free_accounts, &slot, BPF_ANY);
	found = bpf_map_lookup_elem(&account_index, key);
	return found == NULL ? OF_NO_SLOT : *found;
}

static __always_inline void hint_set(struct sock *sk, struct socket_hint *hint, __u32 slot)
{
	if (hint == NULL)
		hint = bpf_sk_storage_get(&socket_hints, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	/* Refused: a sender can use up its socket's allowance with control data. */
	if (hint == NULL)
		LOSS(socket_storage);
	else
		hint->slot = slot;
}

static __always_inline void overflow_add(struct of_exec_slot *s, __u64 n)
{
	struct of_machine *m = machine_get();

	if (s != NULL)
		__sync_fetch_and_add(&s->e.overflow, n);
	else if (m != NULL)
		__sync_fetch_and_add(&m->overflow, n);
	if (m != NULL)
		__sync_fetch_and_add(&m->loss.accounts_full, 1);
}

static __always_inline void account_post(struct sock *sk, const struct of_task *t, __u64 n,
					 const struct of_endpoint *to)
{
	struct socket_hint *hint = bpf_sk_storage_get(&socket_hints, sk, 0, 0);
	struct of_account_key key = { .exec_id = t->exec_id, .to = *to };
	struct of_account *a;
	__u32 slot, *found;

	if (hint != NULL) {
		a = bpf_map_lookup_elem(&accounts, &hint->slot);
		if (a != NULL && a->exec_id == t->exec_id && endpoint_same(&a->to, to)) {
			account_add(a, n, t);
			return;
		}
	}
	found = bpf_map_lookup_elem(&account_index, &key);
	slot = found != NULL ? *found : account_make(&key, sk, t->slot);
	a = bpf_map_lookup_elem(&accounts, &slot);
	/* The index may hand out an entry that is being deleted and already serves another key. */
	if (a == NULL || !endpoint_same(&a->to, to) ||
	    (a->exec_id != t->exec_id && a->exec_id != 0)) {
		overflow_add(execution_find(t->slot), n);
		return;
	}
	account_add(a, n, t);
	hint_set(sk, hint, slot);
}

/*
 * AF_PACKET sends that bypass the queue (PACKET_QDISC_BYPASS) also pass link_xmit() by. They are
 * posted like all others, so the interfaces are told how much there was.
 */
static __noinline int link_packet(struct sock *sk, int n)
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

/* The body of every send hook: `ret` is what the socket layer returned. */
static __always_inline int on_send(struct sock *sk, int ret)
{
	struct of_endpoint to = {};
	struct of_exec_slot *s;
	struct of_totals *sums;
	struct of_machine *m;
	struct of_task *t;
	bool from_socket;
	__u32 zero = 0;
	__u16 family;

	family = sk->__sk_common.skc_family;
	from_socket = sk->sk_type != SOCK_DGRAM || !destination_take(&to, sk);
	sums = bpf_map_lookup_elem(&totals, &zero);
	if (ret <= 0 || sums == NULL)
		return 0;
	if (family_is_local(family)) {
		__sync_fetch_and_add(&sums->local[family & (OF_FAMILIES - 1)], ret);
		return 0;
	}
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
	if (from_socket)
		endpoint_of_socket(&to, sk);
	account_post(sk, t, ret, &to);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(ledger_send, struct sock *sk, int ret, int flags)
{
	return on_send(sk, ret);
}
