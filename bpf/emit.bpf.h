/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * emit.bpf.h: the only way into the ring. Records are hints that say "look": what finds the ring
 * full is counted, and the maps still hold it.
 */
#ifndef OUTFLOW_BPF_EMIT_H
#define OUTFLOW_BPF_EMIT_H

#include "maps.bpf.h"

enum urgency {
	EMIT_LATER, /* the daemon reads it when the ring fills or at its next tick */
	EMIT_NOW,   /* wakes the daemon */
};

/* Zeros, by a read that fails: every kernel then fills what was to be read, or programs could see
 * what was there before. As one memset, which no loop of a program comes near. */
static __always_inline void wipe(void *p, __u32 len)
{
	(void)bpf_probe_read_kernel(p, len, NULL);
}

static __always_inline void emit_header(struct of_rec_hdr *hdr, __u16 kind, __u32 len)
{
	hdr->ts_ns = bpf_ktime_get_boot_ns();
	hdr->len = len;
	hdr->kind = kind;
	hdr->err = 0;
}

/* Lineage records may fill the ring to the end: nothing else tells argv. */
static __always_inline void emit(void *rec, __u64 len, enum urgency urgency)
{
	__u64 flags = urgency == EMIT_NOW ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;

	if (bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > cfg_ring_bytes / 4)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&records, rec, len, flags) < 0)
		LOSS(ring);
}

/* The others leave the last quarter free: a flood of flows must not push lineage out. Those that
 * nobody waits for leave half of it free, for those that a rule may be about. */
static __always_inline void emit_hint(void *rec, __u64 len, enum urgency urgency)
{
	__u32 most = urgency == EMIT_NOW ? cfg_ring_bytes / 4 * 3 : cfg_ring_bytes / 2;

	if (bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > most) {
		LOSS(ring);
		return;
	}
	emit(rec, len, urgency);
}

#endif
