/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_links.c: the maps of link.bpf.c, read. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

int kernel_links_init(struct outflow_bpf *skel, uint32_t netns)
{
	uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.link_netns), &zero, &netns, BPF_ANY) < 0)
		return -errno;
	return 0;
}

/* Each entry of the map, its sums over all CPUs. None goes meanwhile: only we delete. */
static int slots_read(int fd, struct of_link_sums *per_cpu, int cpus, struct link_slot *ret,
		      size_t *ret_n)
{
	struct of_link_key *prev = NULL;
	size_t n = 0;
	int cpu;

	while (n < LINK_SLOTS && bpf_map_get_next_key(fd, prev, &ret[n].key) == 0) {
		prev = &ret[n].key;
		if (bpf_map_lookup_elem(fd, prev, per_cpu) < 0)
			return -errno;
		ret[n].sums = (struct of_link_sums){ 0 };
		for (cpu = 0; cpu < cpus; cpu++) {
			link_sums_add(&ret[n].sums, &per_cpu[cpu]);
			if (per_cpu[cpu].peer_netns == 0)
				continue;
			ret[n].sums.peer_netns = per_cpu[cpu].peer_netns;
			ret[n].sums.peer_ifindex = per_cpu[cpu].peer_ifindex;
		}
		n++;
	}
	*ret_n = n;
	return 0;
}

int kernel_links_read(void *arg, struct link_sums *ret)
{
	struct outflow_bpf *skel = arg;
	struct of_machine all = { 0 };
	struct of_link_machine *machine;
	struct of_link_sums *per_cpu;
	int cpus = libbpf_num_possible_cpus(), cpu, err;
	uint32_t zero = 0;

	if (cpus <= 0)
		return cpus < 0 ? cpus : -EINVAL;
	per_cpu = calloc((size_t)cpus, sizeof(*per_cpu));
	machine = calloc((size_t)cpus, sizeof(*machine));
	err = per_cpu == NULL || machine == NULL ? -ENOMEM : 0;
	/* First: what packet sockets sent past the stack is what is not in the slots either. */
	if (err == 0 && bpf_map_lookup_elem(bpf_map__fd(skel->maps.link_sums), &zero, machine) < 0)
		err = -errno;
	if (err == 0)
		err = slots_read(bpf_map__fd(skel->maps.links), per_cpu, cpus, ret->own,
				 &ret->own_n);
	if (err == 0)
		err = slots_read(bpf_map__fd(skel->maps.links_elsewhere), per_cpu, cpus,
				 ret->elsewhere, &ret->elsewhere_n);
	if (err == 0 && bpf_map_lookup_elem(bpf_map__fd(skel->maps.machine), &zero, &all) < 0)
		err = -errno;
	ret->untraced = all.loss.untraced > 0 && !all.init_traced;
	ret->packet_posted = ret->data_posted = ret->unplaced = 0;
	for (cpu = 0; err == 0 && cpu < cpus; cpu++) {
		ret->packet_posted += machine[cpu].packet_posted;
		ret->data_posted += machine[cpu].packet_data;
		ret->unplaced += machine[cpu].unplaced;
	}
	free(per_cpu);
	free(machine);
	return err;
}

void kernel_links_forget(void *arg, const struct of_link_key *key, int elsewhere)
{
	struct outflow_bpf *skel = arg;

	(void)bpf_map_delete_elem(bpf_map__fd(elsewhere ? skel->maps.links_elsewhere
							: skel->maps.links),
				  key);
}
