/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * floor.bpf.c: the least that counting what a socket sends can cost: one counter in the socket's
 * own storage, from the same tracepoint. No execution, no endpoint, no table. And the least that
 * reading answers can cost: to be asked of each packet that arrives, and to let it pass.
 */
#include "kernel.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license")
= "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} counters SEC(".maps");

SEC("tp_btf/sock_send_length")
int BPF_PROG(floor_send, struct sock *sk, int ret, int flags)
{
	__u64 *sent;

	if (ret <= 0)
		return 0;
	sent = bpf_sk_storage_get(&counters, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (sent != NULL)
		__sync_fetch_and_add(sent, ret);
	return 0;
}

SEC("cgroup_skb/ingress")
int floor_ingress(struct __sk_buff *skb)
{
	return 1;
}
