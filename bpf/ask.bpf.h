/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ask.bpf.h: who asks whom by a stream socket of AF_UNIX, so that the daemon can tell for whom a
 * deputy (docker, containerd, systemd) acts.
 *
 * Told is who sends to a socket whose name may be a deputy's, with a role or without: of many roles
 * only the daemon knows, and what a name means only it knows for sure. All other traffic costs two
 * reads, where its far end has no name, and else some more of the name and a lookup.
 */
#ifndef OUTFLOW_BPF_ASK_H
#define OUTFLOW_BPF_ASK_H

#include "execution.bpf.h"

#define SUN_FAMILY_LEN 2  /* what a unix_address counts in front of the name */
#define SHIM_HASH_LEN  64 /* SHA-256 in hex: the last name of a containerd shim's socket */

/* Eight bytes of a name as they are compared; both ends are little-endian here. */
#define NAME8(a, b, c, d, e, f, g, h)                                                            \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* An execution that asks and the address of a listener's name, which all its accepted sockets
 * share. */
struct ask_key {
	__u64 exec_id;
	__u64 addr;
	__u32 tgid; /* that answered; 0: of an ask */
	__u32 pad0;
};

/* When it was last told. What is pushed out of any of these is told once more at worst, or not
 * passed on. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct ask_key);
	__type(value, __u64);
} asks __weak SEC(".maps");

/* Asks whose answer is waited for, by the socket of who asked. */
struct ask_open {
	__u64 exec_id;
	__u64 asked_ns;
	__u32 tgid;   /* that listens, or has answered last */
	__u32 slot;   /* of exec_id */
	__u32 client; /* that connected the socket, whose address another may have by now */
	__u32 role;   /* 1: it has one */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct ask_open);
} asks_open __weak SEC(".maps");

/* The last eight bytes of the names that deputies have (base/deputies.h). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OF_ASK_TAILS);
	__type(key, __u64);
	__type(value, __u32);
} ask_tails __weak SEC(".maps");

/* May it be a deputy's? The user's bus and containerd's shims have names that do not end alike. */
static __always_inline bool ask_may_be(const struct unix_address *addr)
{
	const char *name = (const char *)addr + bpf_core_field_offset(struct unix_address, name) +
			   SUN_FAMILY_LEN;
	__u32 len = BPF_CORE_READ(addr, len) - SUN_FAMILY_LEN;
	__u64 part = 0;

	/* The NUL of a path counts, an abstract name has none. */
	if (len <= sizeof(part) || len > OF_ASK_LEN)
		return false;
	bpf_probe_read_kernel(&part, sizeof(part), name + len - 1 - sizeof(part));
	if (bpf_map_lookup_elem(&ask_tails, &part) != NULL ||
	    part >> 32 == NAME8('/', 'b', 'u', 's', 0, 0, 0, 0))
		return true;
	if (len > 1 + SHIM_HASH_LEN + sizeof(part)) {
		bpf_probe_read_kernel(&part, sizeof(part),
				      name + len - 1 - SHIM_HASH_LEN - sizeof(part));
		if (part == NAME8('i', 'n', 'e', 'r', 'd', '/', 's', '/'))
			return true;
	}
	bpf_probe_read_kernel(&part, sizeof(part), name);
	return part == NAME8(0, '/', 'c', 'o', 'n', 't', 'a', 'i');
}

/* The process that listened where the socket is connected to, by its number in the initial pid
 * namespace; 0: it has ended, another may have its number now. */
static __always_inline __u32 ask_listener(const struct sock *sk)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);

	if (pid == NULL || BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first) == NULL)
		return 0;
	return BPF_CORE_READ(pid, numbers[0].nr);
}

/* The process that an accepted socket was connected by, whether it has ended or not. */
static __always_inline __u32 ask_client(const struct sock *sk)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);

	return pid == NULL ? 0 : BPF_CORE_READ(pid, numbers[0].nr);
}

/* Who has no role takes the ring from nobody. */
static __always_inline void ask_emit(const struct ask_open *ask, __u32 tgid, __u16 how,
				     const struct unix_address *addr)
{
	__u32 most = cfg_ring_bytes / 4, len;
	struct of_rec_ask *rec;

	if (bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > (ask->role ? most * 3 : most)) {
		LOSS(ring);
		return;
	}
	rec = bpf_ringbuf_reserve(&records, sizeof(*rec), 0);
	if (rec == NULL) {
		LOSS(ring);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	emit_header(&rec->hdr, OF_REC_ASK, sizeof(*rec));
	rec->exec_id = ask->exec_id;
	rec->asked_ns = ask->asked_ns;
	rec->tgid = tgid;
	rec->exec_slot = ask->slot;
	rec->how = how;
	len = BPF_CORE_READ(addr, len) - SUN_FAMILY_LEN;
	len = len < OF_ASK_LEN ? len : OF_ASK_LEN - 1;
	if (bpf_probe_read_kernel(rec->name, len & (OF_ASK_LEN - 1),
				  (const char *)addr +
					  bpf_core_field_offset(struct unix_address, name) +
					  SUN_FAMILY_LEN) == 0)
		rec->name_len = len;
	/* What the deputy forks is looked at when it is told: nobody waits for this. */
	bpf_ringbuf_submit(rec, BPF_RB_NO_WAKEUP);
}

/* It was told so lately that it is not told again. */
static __always_inline bool ask_is_told(const struct ask_key *key, __u64 now)
{
	__u64 *told = bpf_map_lookup_elem(&asks, key);

	if (told != NULL && *told + OF_ASK_EVERY_NS > now)
		return true;
	bpf_map_update_elem(&asks, key, &now, BPF_ANY);
	return false;
}

/* An ask by this socket waits for its answer, or got one, for so short a time that the next is the
 * same one: who answered stays known. */
static __always_inline bool ask_is_open(__u64 sock, const struct ask_open *ask)
{
	struct ask_open *open = bpf_map_lookup_elem(&asks_open, &sock);

	return open != NULL && open->exec_id == ask->exec_id && open->client == ask->client &&
	       open->asked_ns + OF_ASK_EVERY_NS > ask->asked_ns;
}

/* By a socket whose far end, `peer`, somebody has bound. */
static __always_inline void ask_sent(struct sock *sk, struct sock *peer,
				     const struct unix_address *addr)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct of_task *t = bpf_map_lookup_elem(&exec_ids, &tgid);
	struct ask_key key = { .addr = (__u64)(long)addr };
	struct ask_open ask = {};
	__u64 sock = (__u64)(long)sk;

	if (t == NULL)
		return;
	ask.asked_ns = bpf_ktime_get_boot_ns();
	key.exec_id = ask.exec_id = t->exec_id;
	ask.slot = t->slot;
	ask.role = roles_of(t) != 0;
	ask.client = ask_client(peer);
	if (ask_is_open(sock, &ask))
		return;
	ask.tgid = ask_listener(sk);
	bpf_map_update_elem(&asks_open, &sock, &ask, BPF_ANY);
	if (ask_is_told(&key, ask.asked_ns))
		return;
	ask_emit(&ask, ask.tgid, OF_ASK_SENT, addr);
}

/* By a socket that was accepted from one that is bound: `peer` asked for it, perhaps. */
static __always_inline void ask_answered(struct sock *sk, struct sock *peer,
					 const struct unix_address *addr)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	__u64 sock = (__u64)(long)peer;
	struct ask_open *ask = bpf_map_lookup_elem(&asks_open, &sock);
	struct ask_key key = { .addr = (__u64)(long)addr, .tgid = tgid };
	__u64 now;

	if (ask == NULL || ask->tgid == tgid || ask->client != ask_client(sk))
		return;
	now = bpf_ktime_get_boot_ns();
	if (ask->asked_ns + OF_ASK_WINDOW_NS < now)
		return;
	ask->tgid = tgid;
	key.exec_id = ask->exec_id;
	if (ask_is_told(&key, now))
		return;
	ask_emit(ask, tgid, OF_ASK_ANSWERED, addr);
}

/* A send by a socket of AF_UNIX. */
static __noinline int ask_note(struct sock *sk)
{
	struct unix_sock *own = (void *)sk, *other;
	const struct unix_address *addr;
	struct sock *peer;

	if (!bpf_core_type_exists(struct unix_sock) || BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM)
		return 0;
	peer = BPF_CORE_READ(own, peer);
	if (peer == NULL)
		return 0;
	other = (void *)peer;
	addr = BPF_CORE_READ(other, addr);
	if (addr != NULL && ask_may_be(addr))
		ask_sent(sk, peer, addr);
	addr = BPF_CORE_READ(own, addr);
	if (addr != NULL && ask_may_be(addr))
		ask_answered(sk, peer, addr);
	return 0;
}

#endif
