/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * account.bpf.h: posts bytes to the account (execution, far endpoint) and never to nobody.
 *
 * The socket's hint names the slot of its last send, or without a hint the thread of its last; when
 * execution and endpoint still agree the bytes are added there. Otherwise the index finds the slot,
 * or a new one is made; and when there is none left the execution's overflow takes the bytes, or
 * the machine's.
 */
#ifndef OUTFLOW_BPF_ACCOUNT_H
#define OUTFLOW_BPF_ACCOUNT_H

#include "endpoint.bpf.h"
#include "execution.bpf.h"

/* The next look is due when an account has doubled; the first at its first byte. */
#define LOOK_FIRST 16384

static __always_inline bool socket_is_tcp(const struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && sk->sk_type == SOCK_STREAM &&
	       (family == OF_AF_INET || family == OF_AF_INET6);
}

/* Bytes that a TCP socket took in order. The kernel counts the peer's FIN as one. */
static __always_inline __u64 socket_received(const struct sock *sk)
{
	const struct tcp_sock *tp = (const void *)sk;
	__u64 n = BPF_CORE_READ(tp, bytes_received);

	return n > 0 && (sk->__sk_common.skc_flags & 1UL << SOCK_DONE) ? n - 1 : n;
}

/* NULL: refused. A sender can use up its socket's allowance with control data. */
static __always_inline struct socket_hint *hint_make(struct sock *sk)
{
	struct socket_hint *hint =
		bpf_sk_storage_get(&socket_hints, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (hint == NULL) {
		LOSS(socket_storage);
		return NULL;
	}
	hint->slot = OF_NO_SLOT;
	/* What it received before anybody counted is nobody's. */
	if (socket_is_tcp(sk))
		hint->received = socket_received(sk);
	return hint;
}

static __always_inline void account_look(struct of_account *a, __u64 sent, const struct of_task *t)
{
	struct of_machine *m = machine_get();
	struct of_rec_account rec;
	bool now = m != NULL && ((t->roles | OF_ROLE_ANY) & m->wake_roles) != 0;

	/* Two senders may both get here; the record is a hint and may come twice. */
	a->look_at = sent < LOOK_FIRST ? LOOK_FIRST : sent * 2;
	rec.a = *a;
	rec.a.exec_id &= ~OF_ACCOUNT_CLOSED;
	if (rec.a.exec_id == 0)
		rec.a.exec_id = t->exec_id; /* in the slot it is not set yet */
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

/* Senders of one socket may meet here: one of them posts the difference. */
static __always_inline void account_receive(struct of_account *a, struct socket_hint *hint,
					    const struct sock *sk)
{
	__u64 before = hint->received, now = socket_received(sk);

	if (now > before && __sync_val_compare_and_swap(&hint->received, before, now) == before)
		__sync_fetch_and_add(&a->received, now - before);
}

/* A free slot, or OF_NO_SLOT. */
static __always_inline __u32 account_slot(struct of_machine *m, struct of_exec_slot *s)
{
	bool few = s != NULL && __sync_fetch_and_add(&s->e.accounts, 1) < OF_RESERVE_EACH;
	__u32 slot;

	if (bpf_map_pop_elem(&free_accounts, &slot) == 0)
		return slot;
	if (m->accounts_used < cfg_accounts) {
		slot = __sync_fetch_and_add(&m->accounts_used, 1);
		if (slot < cfg_accounts)
			return slot;
		__sync_fetch_and_add(&m->accounts_used, -1);
	}
	return few && bpf_map_pop_elem(&free_reserve, &slot) == 0 ? slot : OF_NO_SLOT;
}

static __always_inline void account_slot_free(__u32 slot)
{
	if (slot < cfg_reserve)
		bpf_map_push_elem(&free_reserve, &slot, BPF_ANY);
	else
		bpf_map_push_elem(&free_accounts, &slot, BPF_ANY);
}

/* Makes the account of a key, or finds the one that another CPU made meanwhile. */
static __noinline __u32 account_make(struct of_account_key *key, __u32 exec_slot, __u32 netns,
				     __u32 flags)
{
	struct of_machine *m = machine_get();
	struct of_account *a;
	__u32 slot, *found;

	if (m == NULL)
		return OF_NO_SLOT;
	slot = account_slot(m, execution_find(exec_slot));
	a = bpf_map_lookup_elem(&accounts, &slot);
	if (a == NULL)
		return OF_NO_SLOT;
	/* `sent`, `received` and `moved` are zero since the slot was given back. */
	a->to = key->to;
	a->look_at = 0;
	a->creator = 0;
	a->netns = netns;
	a->flags = flags;
	a->silent = 0;
	a->exec_slot = exec_slot;
	a->generation = __sync_fetch_and_add(&m->next_generation, 1);
	if (bpf_map_update_elem(&account_index, key, &slot, BPF_NOEXIST) == 0) {
		/* Last, since old hints may still lead here and must find all else in place. */
		(void)__sync_lock_test_and_set(&a->exec_id, key->exec_id);
		return slot;
	}
	account_slot_free(slot);
	found = bpf_map_lookup_elem(&account_index, key);
	return found == NULL ? OF_NO_SLOT : *found;
}

/* The slot of a key's account, made if there is none. */
static __always_inline __u32 account_find(struct of_account_key *key, __u32 exec_slot, __u32 netns,
					  __u32 flags)
{
	__u32 *found = bpf_map_lookup_elem(&account_index, key);

	return found != NULL ? *found : account_make(key, exec_slot, netns, flags);
}

static __always_inline void hint_set(struct socket_hint *hint, struct of_account *a, __u32 slot,
				     const struct of_task *t)
{
	hint->slot = slot;
	hint->generation = a->generation;
	if (hint->creator != 0 && hint->creator != t->exec_id && a->creator == 0)
		a->creator = hint->creator;
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

static __always_inline bool account_serves(const struct of_account *a, const struct of_task *t,
					   const struct of_endpoint *to)
{
	return a->exec_id == t->exec_id && endpoint_same(&a->to, to);
}

/* The slot it was posted to, or OF_NO_SLOT. `hint` may be NULL. */
static __always_inline __u32 account_post(struct sock *sk, struct socket_hint *hint,
					  struct of_task *t, __u64 n, const struct of_endpoint *to)
{
	struct of_account_key key = { .exec_id = t->exec_id, .to = *to };
	struct of_account *a;
	__u32 slot = hint != NULL ? hint->slot : t->account;

	a = bpf_map_lookup_elem(&accounts, &slot);
	if (a == NULL || !account_serves(a, t, to)) {
		slot = account_find(&key, t->slot, sk->__sk_common.skc_net.net->ns.inum,
				    socket_is_tcp(sk) ? OF_ACCOUNT_RECEIVED : 0);
		a = bpf_map_lookup_elem(&accounts, &slot);
		/* The index may hand out an entry that is being deleted and already serves another
		 * key. An account that is just being made has no exec_id yet. */
		if (a == NULL || !endpoint_same(&a->to, to) ||
		    (a->exec_id != t->exec_id && a->exec_id != 0)) {
			overflow_add(execution_find(t->slot), n);
			t->account = OF_NO_SLOT;
			return OF_NO_SLOT;
		}
		if (hint != NULL)
			hint_set(hint, a, slot, t);
		else
			t->account = slot;
	}
	if (hint != NULL && (a->flags & OF_ACCOUNT_RECEIVED))
		account_receive(a, hint, sk);
	account_add(a, n, t);
	return slot;
}

#endif
