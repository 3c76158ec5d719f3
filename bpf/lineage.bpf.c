/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lineage.bpf.c: who descends from whom. Fork, exec and exit. Parents are taken from the task that
 * forked, never from a walk over ppid.
 */
#include "execution.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

#define TAIL_PATHS (OF_EXE_LEN + OF_CWD_LEN) /* a power of two */

/*
 * Each event has two programs, of which the kernel takes one (kernel_hooks.c): where tracepoints
 * call with preemption enabled, a tp_btf program that is under way is skipped for every other task
 * of its processor, and the classic one is not; but that one has no pointers. See ledger_event().
 */

/* A new process: the record of its execution, which it shares but for the number with the one it
 * was forked by. `child` NULL: it cannot be looked at. */
static __always_inline struct of_exec *fork_describe(struct scratch *sc, const struct of_task *from,
						     struct task_struct *parent,
						     struct task_struct *child, __u32 tgid)
{
	struct of_rec_fork *rec = (struct of_rec_fork *)&sc->rec;
	struct of_exec_slot *s;

	execution_describe(&rec->e, parent);
	rec->e.tgid = tgid;
	rec->e.start_ns = bpf_ktime_get_boot_ns();
	rec->e.parent = from->exec_id;
	rec->e.parent_slot = from->slot;
	rec->e.ppid = parent->tgid;
	rec->e.roles = roles_of(from);
	rec->e.flags = OF_EXEC_FORKED;
	rec->e.cgroup = cgroup_note(&sc->cgroup, parent);
	execution_describe_ns(&rec->e, child != NULL ? child : parent);
	if (child != NULL)
		execution_describe_pid(&rec->e, child);
	s = execution_find(from->slot);
	if (s != NULL) {
		__builtin_memcpy(rec->e.name, s->e.name, sizeof(rec->e.name));
		rec->e.env = s->e.env;
		rec->e.flags |= s->e.flags & OF_EXEC_OF_FILE;
	} else {
		bpf_probe_read_kernel_str(rec->e.name, sizeof(parent->comm), parent->comm);
	}
	execution_store(&rec->e, NULL, NULL, 0);
	return &rec->e;
}

static __always_inline void fork_emit(struct scratch *sc)
{
	struct of_rec_fork *rec = (struct of_rec_fork *)&sc->rec;

	emit_header(&rec->hdr, OF_REC_FORK, sizeof(*rec));
	emit(rec, sizeof(*rec), EMIT_LATER);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(lineage_fork, struct task_struct *parent, struct task_struct *child)
{
	struct of_task *from = current_get(), *t; /* `parent` is what runs */
	struct scratch *sc;

	if (from == NULL)
		return 0;
	/* A thread belongs to the same execution, a process gets its own below. */
	t = bpf_task_storage_get(&tasks, child, from, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (t == NULL) {
		LOSS(task_storage); /* adopted at its first send */
		return 0;
	}
	if (child->pid != child->tgid)
		return 0;
	sc = scratch_take();
	if (sc == NULL)
		return 0;
	task_assign(t, fork_describe(sc, from, parent, child, child->tgid));
	fork_emit(sc);
	scratch_give(sc);
	return 0;
}

/* The child has no storage yet: task_get() makes it from what is left under its number. */
SEC("tracepoint/task/task_newtask")
int lineage_fork_event(struct trace_event_raw_task_newtask *ctx)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	struct scratch *sc;
	struct of_task *from;

	if (ctx->clone_flags & CLONE_THREAD)
		return 0;
	from = current_get();
	sc = from == NULL ? NULL : scratch_take();
	if (sc == NULL)
		return 0;
	(void)fork_describe(sc, from, parent, NULL, ctx->pid);
	fork_emit(sc);
	scratch_give(sc);
	return 0;
}

/* argv as it lies on the new stack, behind `at` bytes of the tail; the process cannot have touched
 * it yet. */
static __always_inline void exec_argv(struct of_rec_exec *rec, struct task_struct *task, __u32 at)
{
	unsigned long start = task->mm->arg_start, end = task->mm->arg_end;
	__u32 len;

	rec->argv_size = end > start ? end - start : 0;
	len = rec->argv_size < OF_ARGV_LEN ? rec->argv_size : OF_ARGV_LEN - 1;
	len &= OF_ARGV_LEN - 1;
	if (bpf_probe_read_user(&rec->tail[at & (TAIL_PATHS - 1)], len, (void *)start) < 0) {
		LOSS(argv);
		len = 0;
	}
	rec->argv_len = len;
}

/* Of the parent, which may be the same process before: it is there until its end is told. */
static __always_inline __u64 env_of(const struct of_task *t)
{
	struct of_exec_slot *s = execution_find(t->slot);

	return s != NULL && s->e.exec_id == t->exec_id ? s->e.env : 0;
}

/* `filename` is kernel memory: as the caller named the file. */
static __always_inline void exec_describe(struct scratch *sc, struct task_struct *task,
					  const struct of_task *t, const char *filename)
{
	struct of_rec_exec *rec = &sc->rec;

	execution_describe(&rec->e, task);
	rec->e.start_ns = bpf_ktime_get_boot_ns();
	rec->e.parent = t->exec_id;
	rec->e.parent_slot = t->slot;
	rec->e.ppid = task->real_parent->tgid;
	subject_exe(&sc->subject, task->mm->exe_file);
	image_describe(&rec->image, task->mm->exe_file);
	__builtin_memset(sc->subject.name, 0, sizeof(sc->subject.name));
	subject_name(&sc->subject, filename);
	rec->e.flags = sc->subject.image | (sc->subject.exe_truncated ? OF_EXEC_EXE_TRUNCATED : 0);
	rec->e.cgroup = cgroup_note(&sc->cgroup, task);
	execution_describe_ns(&rec->e, task);
	execution_describe_pid(&rec->e, task);
	env_note(&sc->env, task, env_of(t), &rec->e);
	rec->e.roles = roles_of(t) | roles_match(&sc->subject);
	bpf_probe_read_kernel_str(rec->e.name, sizeof(rec->e.name), sc->subject.name);
}

/* Into the record's tail, behind the `at` bytes of exe: the working directory's length. */
static __always_inline __u32 exec_cwd(struct scratch *sc, struct task_struct *task, __u32 at)
{
	struct of_rec_exec *rec = &sc->rec;
	__u32 from, truncated, len;

	len = subject_cwd(&sc->subject, task, &from, &truncated) & (OF_CWD_LEN - 1);
	bpf_probe_read_kernel(&rec->tail[at & (OF_EXE_LEN - 1)], len,
			      &sc->subject.path[from & (OF_EXE_LEN - 1)]);
	if (truncated)
		rec->e.flags |= OF_EXEC_CWD_TRUNCATED;
	rec->cwd_len = len;
	return len;
}

static __always_inline void exec_emit(struct scratch *sc, struct task_struct *task, __u32 exe_len)
{
	struct of_rec_exec *rec = &sc->rec;
	__u32 at = exe_len, len;

	rec->exe_len = exe_len;
	rec->argv_redacted = 0;
	bpf_probe_read_kernel(rec->tail, exe_len, sc->subject.exe);
	at += exec_cwd(sc, task, exe_len);
	exec_argv(rec, task, at);
	len = __builtin_offsetof(struct of_rec_exec, tail) + (at & (TAIL_PATHS - 1)) +
	      (rec->argv_len & (OF_ARGV_LEN - 1));
	emit_header(&rec->hdr, OF_REC_EXEC, len);
	if (len <= sizeof(*rec))
		emit(rec, len, EMIT_LATER);
	/* It may hold secrets, and this map is pinned. */
	wipe(&rec->tail[at & (TAIL_PATHS - 1)], rec->argv_len & (OF_ARGV_LEN - 1));
}

static __always_inline int on_exec(struct task_struct *task, int old_pid, const char *filename)
{
	__u64 old_thread = (__u64)task->tgid << 32 | (__u32)old_pid;
	struct of_task *t = current_get();
	struct scratch *sc;
	__u32 exe_len;

	/* A thread that execs takes its leader's number, and is no more found under its own. */
	bpf_map_delete_elem(&destinations, &old_thread);
	sc = t == NULL ? NULL : scratch_take();
	if (sc == NULL)
		return 0;
	exec_describe(sc, task, t, filename);
	execution_end(t, OF_EXEC_ENDED | OF_EXEC_REPLACED);
	exe_len = sc->subject.exe_len & (OF_EXE_LEN - 1);
	execution_store(&sc->rec.e, &sc->rec.image, sc->subject.exe, exe_len);
	task_assign(t, &sc->rec.e);
	exec_emit(sc, task, exe_len);
	scratch_give(sc);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(lineage_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	return on_exec(task, old_pid, bprm->filename);
}

SEC("tracepoint/sched/sched_process_exec")
int lineage_exec_event(struct trace_event_raw_sched_process_exec *ctx)
{
	return on_exec(bpf_get_current_task_btf(), ctx->old_pid,
		       (const char *)ctx + (ctx->__data_loc_filename & 0xffff));
}

static __always_inline void process_end(struct task_struct *task)
{
	struct of_rec_exit rec = {};
	struct of_exec_slot *s;
	struct of_task *t;
	__u32 tgid = task->tgid;

	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (t == NULL)
		t = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (t == NULL)
		t = bpf_map_lookup_elem(&exec_ids, &tgid);
	if (t == NULL)
		return;
	s = execution_find(t->slot);
	if (s != NULL && s->e.exec_id == t->exec_id && s->e.end_ns != 0)
		return;
	execution_end(t, OF_EXEC_ENDED);
	rec.exec_id = t->exec_id;
	rec.tgid = tgid;
	rec.flags = OF_EXEC_ENDED;
	emit_header(&rec.hdr, OF_REC_EXIT, sizeof(rec));
	emit(&rec, sizeof(rec), EMIT_LATER);
}

static __always_inline int on_exit(struct task_struct *task)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u32 tgid = task->tgid;

	bpf_map_delete_elem(&destinations, &thread);
	/* Counted down before this event: 0 in the last thread, or in the last two at once. */
	if (task->signal->live.counter != 0)
		return 0;
	process_end(task);
	bpf_map_delete_elem(&exec_ids, &tgid);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(lineage_exit, struct task_struct *task)
{
	return on_exit(task);
}

SEC("tracepoint/sched/sched_process_exit")
int lineage_exit_event(void *ctx)
{
	return on_exit(bpf_get_current_task_btf());
}

/*
 * A process gives itself another short name. So does an exec, with memory that is still empty: that
 * name belongs to what is executed, which is told in a moment.
 */
SEC("tp_btf/task_rename")
int BPF_PROG(lineage_rename, struct task_struct *task, const char *comm)
{
	struct mm_struct *mm = task->mm;
	struct of_exec_slot *s;
	struct of_task *t;

	if (task->pid != task->tgid || mm == NULL || mm->arg_start == 0)
		return 0;
	t = bpf_task_storage_get(&tasks, task, 0, 0);
	s = t == NULL ? NULL : execution_find(t->slot);
	if (s == NULL || s->e.exec_id != t->exec_id)
		return 0;
	bpf_probe_read_kernel_str(s->e.comm, sizeof(s->e.comm), comm);
	__sync_fetch_and_add(&s->e.renames, 1);
	return 0;
}
