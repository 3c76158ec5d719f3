/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * adopt.bpf.c: the processes that were there before the probes.
 */
#include "execution.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

/*
 * Run over every task after the probes are attached, and again until nothing changes: a parent
 * may come after its child in the walk, and a child may have been forked while its parent's roles
 * were not known yet. Who was born under the probes takes roles only from the one it was forked by.
 */
SEC("iter/task")
int lineage_adopt(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *from;
	struct of_task *t, *source, *born;
	struct of_machine *m = machine_get();
	struct of_exec_slot *s;
	bool leader, orphan;
	__u32 tgid;

	if (task == NULL || m == NULL)
		return 0;
	t = bpf_task_storage_get(&tasks, task, 0, 0);
	if (t == NULL) {
		(void)task_get(task, ANY);
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
	/* Where those without storage of their own will look. */
	tgid = task->tgid;
	born = bpf_map_lookup_elem(&exec_ids, &tgid);
	if (born != NULL && born->exec_id == t->exec_id)
		born->roles |= source->roles;
	if (orphan) {
		s->e.parent = source->exec_id;
		s->e.parent_slot = source->slot;
	}
	__sync_fetch_and_add(&m->adopted_changes, 1);
	return 0;
}
