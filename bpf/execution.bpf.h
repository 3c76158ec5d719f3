/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * execution.bpf.h: executions and the tasks that belong to them: made at fork and exec by
 * lineage.bpf.c, and for a task that is older than the probes by whoever meets it first.
 */
#ifndef OUTFLOW_BPF_EXECUTION_H
#define OUTFLOW_BPF_EXECUTION_H

#include "cgroup.bpf.h"
#include "emit.bpf.h"
#include "env.bpf.h"
#include "image.bpf.h"
#include "roles.bpf.h"

/*
 * Where a record is put together: too large for the stack. Taken and given back, for a program can
 * be preempted in its middle, and another one then runs on its CPU: the iterator on every kernel,
 * tp_btf programs since Linux 7.0, fexit ones where the kernel was booted with preempt=full. One
 * does not meet itself there, the kernel's recursion guard sees to that (and to classic ones, which
 * cannot be preempted); so there is one for each that may need it: fork, exec, adoption, send. Only
 * of fexit programs there are more, and those need one when they meet a task older than the probes.
 */
#define SCRATCHES 4

struct scratch {
	__u32 taken;
	__u32 pad0;
	struct role_subject subject;
	struct cgroup_scratch cgroup;
	struct env_scratch env;
	struct of_rec_exec rec;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches __weak SEC(".maps");

/* To be given back on every way out. NULL: all are taken. */
static __always_inline struct scratch *scratch_take(void)
{
	struct scratch *sc;
	__u32 i;

	for (i = 0; i < SCRATCHES; i++) {
		__u32 key = i;

		sc = bpf_map_lookup_elem(&scratches, &key);
		if (sc != NULL && __sync_val_compare_and_swap(&sc->taken, 0, 1) == 0)
			return sc;
	}
	LOSS(task_storage);
	return NULL;
}

static __always_inline void scratch_give(struct scratch *sc)
{
	(void)__sync_lock_test_and_set(&sc->taken, 0);
}

static __always_inline struct of_exec_slot *execution_find(__u32 slot)
{
	return bpf_map_lookup_elem(&executions, &slot);
}

/* The roles of a task, with those that the daemon has given its execution since (kernel_roles()).
 */
static __always_inline __u64 roles_of(const struct of_task *t)
{
	struct of_exec_slot *s = execution_find(t->slot);

	return s != NULL && s->e.exec_id == t->exec_id ? t->roles | s->e.roles : t->roles;
}

/* A free slot: one that was used before, or the next that never was. OF_NO_SLOT: full. */
static __always_inline __u32 execution_slot(struct of_machine *m)
{
	__u32 slot;

	if (bpf_map_pop_elem(&free_executions, &slot) == 0)
		return slot;
	if (m->executions_used >= cfg_executions)
		return OF_NO_SLOT;
	slot = __sync_fetch_and_add(&m->executions_used, 1);
	if (slot < cfg_executions)
		return slot;
	__sync_fetch_and_add(&m->executions_used, -1);
	return OF_NO_SLOT;
}

/* The exec_id is stored last, with a full barrier: who finds it in a slot finds the rest there
 * too. */
static __always_inline void execution_fill(struct of_exec_slot *s, const struct of_exec *e,
					   const struct of_image *image, const char *exe,
					   __u32 exe_len)
{
	__builtin_memcpy((char *)&s->e + sizeof(__u64), (char *)e + sizeof(__u64),
			 sizeof(*e) - sizeof(__u64));
	s->exe[0] = 0;
	__builtin_memset(&s->image, 0, sizeof(s->image));
	if (exe != NULL) {
		s->image = *image;
		exe_len &= OF_EXE_LEN - 1;
		bpf_probe_read_kernel(s->exe, exe_len, exe);
		s->exe[exe_len] = 0;
	}
	(void)__sync_lock_test_and_set(&s->e.exec_id, e->exec_id);
}

/* Gives the execution in `e` an id and a slot. `exe` is the path of `image`, or NULL for a fork. */
static __always_inline void execution_store(struct of_exec *e, const struct of_image *image,
					    const char *exe, __u32 exe_len)
{
	struct of_machine *m = machine_get();
	struct of_task t = { .claimed = 1 };
	struct of_exec_slot *s;

	if (m == NULL)
		return;
	e->exec_id = __sync_fetch_and_add(&m->next_exec_id, 1);
	e->slot = execution_slot(m);
	s = execution_find(e->slot);
	if (s == NULL) {
		e->slot = OF_NO_SLOT;
		__sync_fetch_and_add(&m->loss.executions_full, 1);
	} else {
		execution_fill(s, e, image, exe, exe_len);
	}
	t.exec_id = e->exec_id;
	t.roles = e->roles;
	t.slot = e->slot;
	bpf_map_update_elem(&exec_ids, &e->tgid, &t, BPF_ANY);
}

static __always_inline void execution_end(struct of_task *t, __u32 flags)
{
	struct of_exec_slot *s = execution_find(t->slot);

	if (s == NULL || s->e.exec_id != t->exec_id)
		return;
	s->e.flags |= flags; /* written by the process's own end or exec only */
	s->e.end_ns = bpf_ktime_get_boot_ns();
}

/* What a task looks like now; name, parent, roles and flags are the caller's. */
static __always_inline void execution_describe(struct of_exec *e, struct task_struct *task)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->parent_slot = OF_NO_SLOT;
	e->tgid = task->tgid;
	e->sid = task->signal->pids[PIDTYPE_SID]->numbers[0].nr;
	e->uid = task->cred->uid.val;
	e->gid = task->cred->gid.val;
	bpf_probe_read_kernel(&e->caps, sizeof(e->caps),
			      (char *)task->cred +
				      bpf_core_field_offset(struct cred, cap_effective));
	e->loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : ~0U;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), task->comm);
}

/* The namespaces that a task's children will be in, and it itself but for its pid. */
static __noinline void execution_describe_ns(struct of_exec *e, struct task_struct *task)
{
	struct nsproxy *ns = BPF_CORE_READ(task, nsproxy);

	e->ns.pid = BPF_CORE_READ(ns, pid_ns_for_children, ns.inum);
	e->ns.mnt = BPF_CORE_READ(ns, mnt_ns, ns.inum);
	e->ns.net = BPF_CORE_READ(ns, net_ns, ns.inum);
	e->ns.uts = BPF_CORE_READ(ns, uts_ns, ns.inum);
	e->ns.ipc = BPF_CORE_READ(ns, ipc_ns, ns.inum);
	e->ns.cgroup = BPF_CORE_READ(ns, cgroup_ns, ns.inum);
	e->ns.user = BPF_CORE_READ(task, cred, user_ns, ns.inum);
}

/* What a task with a number of its own is known as in its pid namespace. */
static __noinline void execution_describe_pid(struct of_exec *e, struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid *inner = (void *)((char *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * bpf_core_type_size(struct upid));

	e->ns_tgid = BPF_CORE_READ(inner, nr);
	e->ns.pid = BPF_CORE_READ(inner, ns, ns.inum);
}

/* exec_id last, with a full barrier: other threads of an adopted process may be reading. */
static __always_inline void task_assign(struct of_task *t, const struct of_exec *e)
{
	t->slot = e->slot;
	t->roles = e->roles;
	(void)__sync_lock_test_and_set(&t->exec_id, e->exec_id);
}

static __always_inline struct of_task *task_ready(struct of_task *t)
{
	return t != NULL && t->exec_id != 0 ? t : NULL;
}

/* What a process runs that was here before the probes: its own file tells. */
static __always_inline void adopt_describe(struct scratch *sc, struct task_struct *leader)
{
	struct of_exec *e = &sc->rec.e;
	struct file *file;

	execution_describe(e, leader);
	e->start_ns = leader->start_boottime;
	e->ppid = leader->real_parent->tgid;
	e->flags = OF_EXEC_ADOPTED;
	e->cgroup = cgroup_note(&sc->cgroup, leader);
	execution_describe_ns(e, leader);
	execution_describe_pid(e, leader);
	bpf_probe_read_kernel_str(e->name, sizeof(leader->comm), leader->comm);
	__builtin_memset(sc->subject.name, 0, sizeof(sc->subject.name));
	bpf_probe_read_kernel_str(sc->subject.name, sizeof(leader->comm), leader->comm);
	sc->subject.exe_len = 0;
	sc->subject.exe[0] = 0;
	sc->subject.base[0] = 0;
	__builtin_memset(&sc->rec.image, 0, sizeof(sc->rec.image));
	file = BPF_CORE_READ(leader, mm, exe_file);
	if (file != NULL) {
		subject_exe(&sc->subject, file);
		image_describe(&sc->rec.image, file);
		e->flags |=
			sc->subject.image | (sc->subject.exe_truncated ? OF_EXEC_EXE_TRUNCATED : 0);
	}
	e->roles = roles_match(&sc->subject);
}

/* And where it comes from: its parent, when that is known by now. */
static __always_inline struct of_task *process_adopt(struct task_struct *leader)
{
	struct of_task *t, *parent;
	struct scratch *sc;
	struct of_exec *e;

	t = bpf_task_storage_get(&tasks, leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (t == NULL) {
		LOSS(task_storage);
		return NULL;
	}
	/* Its threads and the walk over all tasks may meet here: one of them does it. */
	if (__sync_val_compare_and_swap(&t->claimed, 0, 1) != 0)
		return task_ready(t);
	sc = scratch_take();
	if (sc == NULL) {
		t->claimed = 0;
		return NULL;
	}
	e = &sc->rec.e;
	adopt_describe(sc, leader);
	parent = bpf_task_storage_get(&tasks, leader->real_parent, 0, 0);
	if (parent != NULL) {
		e->parent = parent->exec_id;
		e->parent_slot = parent->slot;
		e->roles |= roles_of(parent);
	}
	execution_store(e, &sc->rec.image, sc->subject.exe, sc->subject.exe_len);
	task_assign(t, e);
	scratch_give(sc);
	return t;
}

/* A process whose start was seen, but by a program that could not give it storage. */
static __always_inline struct of_task *process_born(struct task_struct *leader)
{
	__u32 tgid = leader->tgid;
	struct of_task *born = bpf_map_lookup_elem(&exec_ids, &tgid);

	if (born == NULL)
		return NULL;
	return bpf_task_storage_get(&tasks, leader, born, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/*
 * Global, so that the verifier looks at it by itself: for each state in which a send gets here it
 * looked at the whole of an adoption, which was most of what it took to load the probes. Such a
 * function is given no task; so it is for the one that runs.
 */
__weak __noinline int current_adopt(void)
{
	return process_adopt(bpf_get_current_task_btf()->group_leader) != NULL;
}

enum whose { ANY, CURRENT };

static __always_inline struct of_task *leader_adopt(struct task_struct *leader, enum whose whose)
{
	if (whose == ANY)
		return process_adopt(leader);
	return current_adopt() ? bpf_task_storage_get(&tasks, leader, 0, 0) : NULL;
}

/* The execution of a task. NULL: the kernel has no memory for it, or it is just being adopted on
 * another CPU; what it sends meanwhile is posted to the machine. */
static __always_inline struct of_task *task_get(struct task_struct *task, enum whose whose)
{
	struct of_task *t = bpf_task_storage_get(&tasks, task, 0, 0), *process;

	if (t != NULL)
		return task_ready(t);
	/* A thread that nobody saw start: older than the probes, or io_uring's own worker, whose
	 * start fires no fork event. */
	process = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (process == NULL)
		process = process_born(task->group_leader);
	process = process == NULL ? leader_adopt(task->group_leader, whose) : task_ready(process);
	if (process == NULL || task->pid == task->tgid)
		return process;
	t = bpf_task_storage_get(&tasks, task, process, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return t != NULL ? t : process;
}

static __always_inline struct of_task *current_get(void)
{
	return task_get(bpf_get_current_task_btf(), CURRENT);
}

#endif
