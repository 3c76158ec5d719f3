/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preempt.bpf.c: does this kernel call what hangs on a tracepoint with preemption enabled? Then it
 * must keep the program on its processor by other means: it disables migration. An object of its
 * own, loaded for the question and gone with the answer.
 */
#include "kernel.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license")
= "GPL";

struct task_struct___try {
	unsigned short migration_disabled;
} __attribute__((preserve_access_index));

const volatile __u32 cfg_tgid = 0; /* whose send is looked at */

__s32 answer = -1; /* 1: yes, 0: no, -1: not to be found out */

SEC("tp_btf/sock_send_length")
int BPF_PROG(try_preempt_send, struct sock *sk, int ret, int flags)
{
	struct task_struct___try *task = (void *)bpf_get_current_task();

	if (bpf_get_current_pid_tgid() >> 32 == cfg_tgid &&
	    bpf_core_field_exists(task->migration_disabled))
		answer = BPF_CORE_READ(task, migration_disabled) > 0;
	return 0;
}
