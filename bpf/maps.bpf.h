/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * maps.bpf.h: every map, and every knob that is set before load. Weak, so that each object may
 * carry them and the linker keeps one.
 *
 * Sizes of 1 are set by the daemon from its configuration before load.
 */
#ifndef OUTFLOW_BPF_MAPS_H
#define OUTFLOW_BPF_MAPS_H

#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include "outflow/abi.h"

/* Knobs; read-only for the programs. */
const volatile __u32 cfg_accounts __weak = 0;
const volatile __u32 cfg_executions __weak = 0;
const volatile __u32 cfg_reserve __weak = 0; /* account slots below this are the reserve */
const volatile __u32 cfg_ring_bytes __weak = 0;
const volatile __u32 cfg_globs __weak = 0;
const volatile __u32 cfg_without __weak = 0; /* OF_WITHOUT_*: hooks that this set does without */
const volatile __u16 cfg_dns_ports[OF_DNS_PORTS] __weak = {}; /* 0: none */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} records __weak SEC(".maps");

/* Packets that names are read from: struct of_capture. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} captures __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct of_machine);
} machine __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct of_totals);
} totals __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct of_account);
} accounts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct of_told);
} told __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, OF_KEPT_NAMES);
	__type(key, __u32);
	__type(value, struct of_kept_name);
} kept_names __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, OF_KEPT_FLOWS);
	__type(key, __u32);
	__type(value, struct of_kept_flow);
} kept_flows __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct of_account_key);
	__type(value, __u32);
} account_index __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_accounts __weak SEC(".maps");

/* Of the reserve: see OF_RESERVE_EACH. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_reserve __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct of_exec_slot);
} executions __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_executions __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OF_CGROUPS);
	__type(key, __u64);
	__type(value, struct of_cgroup);
} cgroups __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OF_ENVS);
	__type(key, __u64);
	__type(value, struct of_env);
} envs __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OF_ENV_NAMES);
	__type(key, struct of_env_name);
	__type(value, __u32); /* enum of_env_kind */
} env_names __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct of_task);
} tasks __weak SEC(".maps");

/* The execution that a process runs now: for programs that cannot ask task storage (cgroup ones on
 * 6.1 and 6.12), and for a task that has none yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32); /* tgid */
	__type(value, struct of_task);
} exec_ids __weak SEC(".maps");

/* Sends that were under way when their socket was disconnected: their bytes go where it led then,
 * though they return when it may lead elsewhere. */
struct socket_left {
	__u32 sends; /* how many; 0: none, and the rest means nothing but `syn` */
	__u32 syn;   /* bytes that a SYN carried whose send fails, or SYN_POSTED */
	__u64 since; /* bytes that are posted of the connection that came after */
	__u64 owner; /* address of the socket that this is about: an accepted one has a copy */
	struct of_endpoint to;
};

enum names_state {
	NAMES_OFF,     /* nothing more is read from it, but DNS in datagrams */
	NAMES_NEW,     /* it has sent nothing yet */
	NAMES_COLLECT, /* a stream: its first bytes */
	NAMES_HELLO,   /* a ClientHello is whole, and another may follow */
	NAMES_HTTP,    /* requests for other hosts may follow */
};

/*
 * What is remembered beside a socket. Made with the socket, before its owner can use up the memory
 * that the kernel allows for it; copied to what a listener accepts.
 */
struct socket_hint {
	__u64 creator;	  /* exec_id; 0: the socket is older than the probes */
	__u64 received;	  /* bytes that are posted already */
	__u32 slot;	  /* of the account of the last send; OF_NO_SLOT: none yet */
	__u32 generation; /* of that account */
	struct socket_left left;
	/* What names are read from: names.bpf.c. A socket that is older than the probes has begun
	 * unseen: nothing is read from its streams. */
	__u32 names_out;    /* TCP: number of the first byte that it sent, */
	__u32 names_in;	    /* and received */
	__u32 names_end;    /* TCP: so many bytes from the first are looked at */
	__u32 names_peer;   /* UDP: the far end that names_packets is about, hashed */
	__u8 names_state;   /* enum names_state */
	__u8 names_packets; /* UDP: datagrams that were looked at, to one far end, */
	__u8 names_peers;   /* and so many far ends */
	__u8 names_in_seen; /* 1: names_in is known */
	__u8 names_http;    /* 1: it began with an HTTP request */
	__u8 names_lost;    /* 1: what was to be looked at found no room */
	__u8 names_tls;	    /* 1: it began with a ClientHello */
	__u8 pad0;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_hint);
} socket_hints __weak SEC(".maps");

/*
 * For programs that cannot ask socket storage: what sends were left under way, by the socket's
 * address, which nobody else gets before they return. What is pushed out could at worst place a
 * send whose socket is disconnected by another thread in just that moment.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct socket_left);
} socket_notes __weak SEC(".maps");

/* A datagram that several sends put together, by its socket's cookie: cork.bpf.h. Of what is pushed
 * out some may stay posted to where it was told to go, when a connect led it elsewhere. */
#define CORK_PAYERS 4

struct cork_payer {
	__u32 slot; /* of the account that has what was sent of it */
	__u32 generation;
	__u64 waits; /* how much that is; 0: none */
};

struct cork {
	__u64 packet; /* address of what will be its packet, which tells it from others; 0: left */
	__u64 late;   /* bytes that left before the sends they are of have returned */
	struct of_endpoint to; /* where it was told to go; when it has left, where it went */
	__u64 lost;	       /* 1: more executions than payers */
	struct cork_payer payer[CORK_PAYERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct cork);
} corks __weak SEC(".maps");

/*
 * The destination of a datagram on its way from the cgroup hook to the send hook. Keyed by thread:
 * task storage cannot be used in cgroup programs on 6.1 and 6.12. An entry is written and read by
 * its own thread only, and stays for the thread's next datagram.
 */
enum destination_left {
	LEFT_NOT,   /* no packet was seen */
	LEFT_ALONE, /* the packet of one send */
	LEFT_CORK,  /* of several */
};

struct destination {
	__u64 cookie; /* of the socket; 0: already used */
	__u32 asked;  /* 1: the message names it, 0: its packet does */
	__u32 left;   /* enum destination_left */
	__u32 pieces; /* bytes of one that is cut further on: some leaves though the send fails */
	__u32 pad0;
	struct of_endpoint to;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768); /* threads that have sent datagrams; the default pid_max */
	__type(key, __u64);
	__type(value, struct destination);
} destinations __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OF_NAMES_MAX);
	__type(key, struct of_role_name);
	__type(value, __u64);
} role_names __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, OF_GLOBS_MAX);
	__type(key, __u32);
	__type(value, struct of_role_glob);
} role_globs __weak SEC(".maps");

/* Interfaces of the daemon's network namespace. Memory is taken as they come. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096); /* pairs of interfaces that a large container host has */
	__type(key, struct of_link_key);
	__type(value, struct of_link_sums);
} links __weak SEC(".maps");

/* And of the others, in a table of its own: who may make namespaces can fill this one only. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct of_link_key);
	__type(value, struct of_link_sums);
} links_elsewhere __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct of_link_machine);
} link_sums __weak SEC(".maps");

/* The daemon's network namespace. Not read-only data: the next daemon may live in another. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} link_netns __weak SEC(".maps");

static __always_inline bool netns_is_ours(__u32 netns)
{
	__u32 zero = 0, *own = bpf_map_lookup_elem(&link_netns, &zero);

	return own != NULL && *own == netns;
}

static __always_inline struct of_link_machine *link_machine(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&link_sums, &zero);
}

static __always_inline struct of_machine *machine_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&machine, &zero);
}

#define LOSS(reason)                                               \
	do {                                                       \
		struct of_machine *m_ = machine_get();             \
		if (m_ != NULL)                                    \
			__sync_fetch_and_add(&m_->loss.reason, 1); \
	} while (0)

#endif
