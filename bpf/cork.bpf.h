/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cork.bpf.h: a datagram that several sends put together (MSG_MORE, UDP_CORK). Each of them is
 * posted when it returns, to where the first was told to go; where all of it goes only its packet
 * tells, since a connect can lead it elsewhere before it leaves: in IPv4 on every kernel so far
 * (6.1 to 7.2), in IPv6 on some, and also a connect that then fails. What was posted moves then.
 *
 * Of more executions than CORK_PAYERS, and of a datagram whose note was pushed out, `loss` says
 * that they were not followed.
 */
#ifndef OUTFLOW_BPF_CORK_H
#define OUTFLOW_BPF_CORK_H

#include "account.bpf.h"

/* Bytes that are put together, until their packet has left. `up` may be a mere number. */
static __always_inline __u32 cork_held(const struct udp_sock *up)
{
	__u32 len = BPF_CORE_READ(up, pending) == 0 ? 0 : BPF_CORE_READ(up, len);

	return len > UDP_HEADER ? len - UDP_HEADER : 0;
}

/* What will be their packet, and tells it from others; 0: none, or it is on its way out. */
static __always_inline __u64 cork_packet(const struct sock *sk)
{
	__u64 first = (__u64)BPF_CORE_READ(sk, sk_write_queue.next);

	return first == (__u64)&sk->sk_write_queue ? 0 : first;
}

static __always_inline struct cork *cork_find(__u64 cookie)
{
	return cookie == 0 ? NULL : bpf_map_lookup_elem(&corks, &cookie);
}

/* NULL: it serves another by now. */
static __always_inline struct of_account *cork_account(const struct cork_payer *p)
{
	struct of_account *a = bpf_map_lookup_elem(&accounts, &p->slot);

	if (a == NULL || a->generation != p->generation || a->exec_id == 0 ||
	    (a->exec_id & OF_ACCOUNT_CLOSED))
		return NULL;
	return a;
}

/* Nobody may find it until its packet is put in. */
static __always_inline void cork_begin(struct cork *c, const struct of_endpoint *to)
{
	int i;

	(void)__sync_lock_test_and_set(&c->packet, 0);
	c->to = *to;
	c->lost = 0;
	for (i = 0; i < CORK_PAYERS; i++)
		c->payer[i].waits = 0;
}

static __always_inline void cork_pay(struct cork *c, __u32 slot, __u32 generation, __u64 n,
				     __u64 held)
{
	struct cork_payer *p;
	int i;

	for (i = 0; i < CORK_PAYERS; i++) {
		p = &c->payer[i];
		if (p->waits == 0) {
			p->slot = slot;
			p->generation = generation;
		} else if (p->slot != slot || p->generation != generation) {
			continue;
		}
		n += p->waits;
		p->waits = n < held ? n : held;
		return;
	}
	c->lost = 1;
}

/* A send that did not complete its datagram was posted to an account, for `to`; the datagram holds
 * `held` bytes with it. */
static __always_inline void cork_add(const struct sock *sk, __u32 slot, __u64 n, __u64 held,
				     const struct of_endpoint *to)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter, packet = cork_packet(sk);
	struct of_account *a = bpf_map_lookup_elem(&accounts, &slot);
	struct cork first = {}, *c = cork_find(cookie);
	bool begins;

	if (a == NULL || cookie == 0 || packet == 0)
		return;
	if (c == NULL) {
		bpf_map_update_elem(&corks, &cookie, &first, BPF_NOEXIST);
		c = cork_find(cookie);
	}
	if (c == NULL) {
		LOSS(destinations);
		return;
	}
	begins = held == n || c->packet != packet;
	if (begins)
		cork_begin(c, to);
	cork_pay(c, slot, a->generation, n, held);
	if (!begins)
		return;
	/* Another thread may have sent it away meanwhile and not found this; the next packet can
	 * lie where this one lay, and would take it for its own. */
	(void)__sync_lock_test_and_set(&c->packet, packet);
	if (cork_packet(sk) != packet)
		(void)__sync_val_compare_and_swap(&c->packet, packet, 0);
}

#define CORK_TRIES 2

/* A send of `n` bytes returns: takes them from those that had left before their sends returned, by
 * another thread's doing. False: there are not as many, and none is taken. */
static __always_inline bool cork_take_late(struct cork *c, __u64 n)
{
	__u64 late;
	int i;

	for (i = 0; i < CORK_TRIES; i++) {
		late = c->late;
		if (late < n)
			return false;
		if (__sync_val_compare_and_swap(&c->late, late, late - n) == late)
			return true;
	}
	return false;
}

static __always_inline void cork_move(struct cork_payer *p, const struct of_endpoint *to)
{
	struct of_account *from = cork_account(p), *a;
	struct of_account_key key = { .to = *to };
	struct of_task payer = {};
	struct of_exec_slot *s;
	__u64 n = p->waits;
	__u32 slot;

	if (from == NULL || endpoint_same(&from->to, to) || n > from->sent - from->moved)
		return;
	key.exec_id = from->exec_id;
	slot = account_find(&key, from->exec_slot, from->netns, 0);
	a = bpf_map_lookup_elem(&accounts, &slot);
	if (a == NULL || a->exec_id != key.exec_id || !endpoint_same(&a->to, to)) {
		LOSS(destinations); /* no room: it stays where it is */
		return;
	}
	payer.exec_id = key.exec_id;
	s = execution_find(from->exec_slot);
	if (s != NULL && s->e.exec_id == key.exec_id)
		payer.roles = s->e.roles;
	__sync_fetch_and_add(&from->moved, n);
	account_add(a, n, &payer);
}

/* It leaves, with so many bytes. True: all of them are posted already, as when the cork is taken
 * off: no send returns that would ask where it went. */
static __always_inline bool cork_leaves(struct cork *c, const struct of_endpoint *to, __u32 n)
{
	__u64 waits = 0;
	int i;

	for (i = 0; i < CORK_PAYERS; i++) {
		if (c->payer[i].waits == 0)
			break;
		waits += c->payer[i].waits;
		cork_move(&c->payer[i], to);
		c->payer[i].waits = 0;
	}
	if (c->lost && !endpoint_same(&c->to, to))
		LOSS(destinations);
	c->to = *to;
	c->late = waits < n && !c->lost ? n - waits : 0;
	(void)__sync_lock_test_and_set(&c->packet, 0); /* last: who finds 0 finds `late` in place */
	return waits >= n || c->lost;
}

/* It leaves, or was thrown away, and nothing tells where to. */
static __always_inline void cork_forget(struct cork *c)
{
	c->late = 0;
	c->packet = 0;
}

#endif
