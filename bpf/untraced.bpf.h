/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * untraced.bpf.h: a kernel may run no tracing program where PID 1 is current, and count none as
 * skipped: met on a Linux 6.18 that was built for virtual machines whose PID 1 is their host's own.
 * There link_xmit() is not told of what interrupts send on top of PID 1, nor is ledger_send() of
 * what PID 1 sends itself. Programs at a cgroup run all the same: they tell how much it was, until
 * a packet of PID 1's shows that this kernel is not one of those.
 */
#ifndef OUTFLOW_BPF_UNTRACED_H
#define OUTFLOW_BPF_UNTRACED_H

#include "maps.bpf.h"

#define INIT_TGID	   1
/* The longest segment without data: IPv6 and TCP with all options, behind an Ethernet header. */
#define SEGMENT_HEADER_MAX (14 + 40 + 60)

/* Linux 6.1 has no bpf_get_current_pid_tgid() for programs at a cgroup. */
static __always_inline bool init_is_current(void)
{
	return bpf_get_current_task_btf()->tgid == INIT_TGID;
}

/* A socket's packet, at a cgroup, before it reaches a driver. */
static __always_inline void untraced_leave(struct __sk_buff *skb)
{
	struct of_link_machine *sums;
	struct of_machine *m;

	if ((cfg_without & OF_WITHOUT_INTERFACES) || !init_is_current() ||
	    skb->ifindex == LOOPBACK_IFINDEX)
		return;
	m = machine_get();
	sums = link_machine();
	if (m == NULL || sums == NULL || m->init_traced)
		return;
	/* The one before was not seen, or PID 1 would be known to be traced. This one may be: until
	 * that is known it explains too much. */
	if (sums->untraced)
		LOSS(untraced);
	sums->untraced = 1;
	__sync_fetch_and_add(&sums->unplaced, skb->len + (skb->gso_segs + 1) * SEGMENT_HEADER_MAX);
}

/* A tracing program is told of something. */
static __always_inline void untraced_seen(void)
{
	struct of_machine *m;

	if (!init_is_current())
		return;
	m = machine_get();
	if (m != NULL && !m->init_traced)
		m->init_traced = 1;
}

#endif
