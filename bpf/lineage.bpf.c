/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lineage.bpf.c: who descends from whom. Fork, exec and exit, and the processes that were there
 * before. Parents are taken from the task that forked, never from a walk over ppid.
 */
#define SCRATCH lineage_scratch
#include "execution.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lineage_fork, struct task_struct *parent, struct task_struct *child)
{
	struct of_task *from = task_get(parent), *t;
	struct scratch *sc = scratch_get();
	struct of_rec_fork *rec;
	struct of_exec_slot *s;

	if (from == NULL || sc == NULL)
		return 0;
	/* A thread belongs to the same execution, a process gets its own below. */
	t = bpf_task_storage_get(&tasks, child, from, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (t == NULL) {
		LOSS(task_storage); /* adopted at its first send */
		return 0;
	}
	if (child->pid != child->tgid)
		return 0;
	rec = (struct of_rec_fork *)&sc->rec;
	execution_describe(&rec->e, child);
	rec->e.start_ns = bpf_ktime_get_boot_ns();
	rec->e.parent = from->exec_id;
	rec->e.parent_slot = from->slot;
	rec->e.ppid = parent->tgid;
	rec->e.roles = from->roles;
	rec->e.flags = OF_EXEC_FORKED;
	s = execution_find(from->slot);
	if (s != NULL)
		__builtin_memcpy(rec->e.name, s->e.name, sizeof(rec->e.name));
	else
		bpf_probe_read_kernel_str(rec->e.name, sizeof(child->comm), child->comm);
	execution_store(&rec->e, NULL, 0);
	task_assign(t, &rec->e);
	emit_header(&rec->hdr, OF_REC_FORK, sizeof(*rec));
	emit(rec, sizeof(*rec), EMIT_LATER);
	return 0;
}

/* argv as it lies on the new stack; the process cannot have touched it yet. */
static __always_inline void exec_argv(struct of_rec_exec *rec, struct task_struct *task)
{
	unsigned long start = task->mm->arg_start, end = task->mm->arg_end;
	__u32 len;

	rec->argv_size = end > start ? end - start : 0;
	len = rec->argv_size < OF_ARGV_LEN ? rec->argv_size : OF_ARGV_LEN - 1;
	len &= OF_ARGV_LEN - 1;
	if (bpf_probe_read_user(&rec->tail[rec->exe_len & (OF_EXE_LEN - 1)], len, (void *)start) <
	    0) {
		LOSS(argv);
		len = 0;
	}
	rec->argv_len = len;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lineage_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct of_task *t = task_get(task);
	struct scratch *sc = scratch_get();
	struct of_rec_exec *rec;
	__u32 exe_len, len;

	__u64 old_thread = (__u64)task->tgid << 32 | (__u32)old_pid;

	/* A thread that execs takes its leader's number, and is no more found under its own. */
	bpf_map_delete_elem(&destinations, &old_thread);
	if (t == NULL || sc == NULL)
		return 0;
	rec = &sc->rec;
	execution_describe(&rec->e, task);
	rec->e.start_ns = bpf_ktime_get_boot_ns();
	rec->e.parent = t->exec_id;
	rec->e.parent_slot = t->slot;
	rec->e.ppid = task->real_parent->tgid;
	subject_exe(&sc->subject, task->mm->exe_file);
	__builtin_memset(sc->subject.name, 0, sizeof(sc->subject.name));
	subject_name(&sc->subject, bprm->filename);
	rec->e.flags = sc->subject.exe_truncated ? OF_EXEC_EXE_TRUNCATED : 0;
	rec->e.roles = t->roles | roles_match(&sc->subject);
	bpf_probe_read_kernel_str(rec->e.name, sizeof(rec->e.name), sc->subject.name);
	execution_end(t, OF_EXEC_ENDED | OF_EXEC_REPLACED);
	exe_len = sc->subject.exe_len & (OF_EXE_LEN - 1);
	execution_store(&rec->e, sc->subject.exe, exe_len);
	task_assign(t, &rec->e);

	rec->exe_len = exe_len;
	bpf_probe_read_kernel(rec->tail, exe_len, sc->subject.exe);
	exec_argv(rec, task);
	len = __builtin_offsetof(struct of_rec_exec, tail) + exe_len +
	      (rec->argv_len & (OF_ARGV_LEN - 1));
	emit_header(&rec->hdr, OF_REC_EXEC, len);
	if (len <= sizeof(*rec))
		emit(rec, len, EMIT_LATER);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(lineage_exit, struct task_struct *task)
{
	struct of_rec_exit rec = {};
	struct of_exec_slot *s;
	struct of_task *t;
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 tgid = task->tgid;

	bpf_map_delete_elem(&destinations, &thread);
	/* Counted down before this event: 0 in the last thread, or in the last two at once. */
	if (task->signal->live.counter != 0)
		return 0;
	bpf_map_delete_elem(&exec_ids, &tgid);
	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (t == NULL)
		t = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (t == NULL)
		return 0;
	s = execution_find(t->slot);
	if (s != NULL && s->e.exec_id == t->exec_id && s->e.end_ns != 0)
		return 0;
	execution_end(t, OF_EXEC_ENDED);
	rec.exec_id = t->exec_id;
	rec.tgid = task->tgid;
	rec.flags = OF_EXEC_ENDED;
	emit_header(&rec.hdr, OF_REC_EXIT, sizeof(rec));
	emit(&rec, sizeof(rec), EMIT_LATER);
	return 0;
}

/*
 * Run over every task after the probes are attached, and again until nothing changes: a parent
 * may come after its child in the walk, and a child may have been forked while its parent's roles
 * were not known yet. Who was born under the probes takes roles only from the one it was forked by.
 */
SEC("iter/task")
int lineage_adopt(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *from;
	struct of_task *t, *source;
	struct of_machine *m = machine_get();
	struct of_exec_slot *s;
	bool leader, orphan;

	if (task == NULL || m == NULL)
		return 0;
	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (t == NULL) {
		(void)task_get(task);
		__sync_fetch_and_add(&m->adopted_changes, 1);
		return 0;
	}
	leader = task->pid == task->tgid;
	from = leader ? task->real_parent : task->group_leader;
	source = bpf_task_storage_get(&tasks, from, 0, 0);
	s = execution_find(t->slot);
	if (source == NULL || s == NULL || s->e.exec_id != t->exec_id)
		return 0;
	orphan = leader && s->e.parent == 0 && (s->e.flags & OF_EXEC_ADOPTED);
	if (!orphan && (source->roles & ~t->roles) == 0)
		return 0;
	if (leader && !(s->e.flags & OF_EXEC_ADOPTED) && s->e.parent != source->exec_id)
		return 0;
	t->roles |= source->roles;
	s->e.roles |= source->roles;
	if (orphan) {
		s->e.parent = source->exec_id;
		s->e.parent_slot = source->slot;
	}
	__sync_fetch_and_add(&m->adopted_changes, 1);
	return 0;
}
