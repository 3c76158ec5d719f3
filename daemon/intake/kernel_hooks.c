/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_hooks.c: which program serves which purpose. A hook is a row of alternatives, best first;
 * the first that this kernel has is taken. Probing asks for the feature, never for a version.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

#define ALTS_MAX 2

struct alt {
	const char *prog;
	const char *needs; /* BTF typedef that the kernel has with the tracepoint; NULL: nothing */
};

struct hook {
	const char *name;
	struct alt alts[ALTS_MAX];
};

/* In the order of attaching: lineage first, so that every sender already has an execution. */
static const struct hook hooks[] = {
	{ "fork", { { "lineage_fork", "btf_trace_sched_process_fork" } } },
	{ "exec", { { "lineage_exec", "btf_trace_sched_process_exec" } } },
	{ "exit", { { "lineage_exit", "btf_trace_sched_process_exit" } } },
	{ "adoption", { { "lineage_adopt", NULL } } },
	{ "datagram destination, IPv4", { { "endpoint_sendmsg4", NULL } } },
	{ "datagram destination, IPv6", { { "endpoint_sendmsg6", NULL } } },
	{ "connection attempt, IPv4", { { "endpoint_connect4", NULL } } },
	{ "connection attempt, IPv6", { { "endpoint_connect6", NULL } } },
	{ "bytes sent", { { "ledger_send", "btf_trace_sock_send_length" } } },
	{ "interfaces", { { "link_xmit", "btf_trace_net_dev_start_xmit" } } },
};

#define HOOKS_N (sizeof(hooks) / sizeof(hooks[0]))
_Static_assert(HOOKS_N <= HOOKS_MAX, "links[] holds one for each hook");

/* What such a hook serves is off without it, and it is said to be missing. */
static bool is_optional(const struct hook *h)
{
	return strcmp(h->name, "interfaces") == 0;
}

/* The alternative that this kernel has, or NULL. */
static const struct alt *hook_choice(const struct hook *h, const struct btf *btf)
{
	size_t i;

	for (i = 0; i < ALTS_MAX && h->alts[i].prog != NULL; i++)
		if (h->alts[i].needs == NULL ||
		    btf__find_by_name_kind(btf, h->alts[i].needs, BTF_KIND_TYPEDEF) > 0)
			return &h->alts[i];
	return NULL;
}

int hooks_choose(struct outflow_bpf *skel, bool optional, struct kernel_err *ret_err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	struct bpf_program *prog;
	const struct alt *alt;
	int err = 0;
	size_t i;

	if (btf == NULL)
		return kernel_fail(ret_err, -errno, "the kernel's BTF cannot be read: %s",
				   strerror(errno));
	bpf_object__for_each_program(prog, skel->obj)(void) bpf_program__set_autoload(prog, false);
	for (i = 0; i < HOOKS_N && err == 0; i++) {
		if (is_optional(&hooks[i]) && !optional)
			continue;
		alt = hook_choice(&hooks[i], btf);
		if (alt == NULL && is_optional(&hooks[i]))
			continue;
		if (alt == NULL) {
			err = kernel_fail(ret_err, -ENOTSUP,
					  "no hook for '%s': this kernel lacks the tracepoint "
					  "'%s' (Linux 6.3 and later have it)",
					  hooks[i].name,
					  hooks[i].alts[0].needs + strlen("btf_trace_"));
			break;
		}
		prog = bpf_object__find_program_by_name(skel->obj, alt->prog);
		err = prog == NULL ? -ENOENT : bpf_program__set_autoload(prog, true);
	}
	btf__free(btf);
	return err;
}

static struct bpf_link *prog_attach(struct bpf_program *prog, int cgroup_fd)
{
	if (bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
		return bpf_program__attach_cgroup(prog, cgroup_fd);
	return bpf_program__attach(prog);
}

int hooks_attach(struct outflow_bpf *skel, int cgroup_fd, struct bpf_link *links[HOOKS_MAX],
		 struct kernel_err *ret_err)
{
	struct bpf_program *prog;
	size_t i, j;

	for (i = 0; i < HOOKS_N; i++) {
		for (j = 0; j < ALTS_MAX && hooks[i].alts[j].prog != NULL; j++) {
			prog = bpf_object__find_program_by_name(skel->obj, hooks[i].alts[j].prog);
			/* The iterator is run by kernel_adopt(), when all the others stand. */
			if (prog == NULL || !bpf_program__autoload(prog) ||
			    bpf_program__expected_attach_type(prog) == BPF_TRACE_ITER)
				continue;
			links[i] = prog_attach(prog, cgroup_fd);
			if (links[i] == NULL && !is_optional(&hooks[i]))
				return kernel_fail(ret_err, -errno,
						   "hook '%s': program %s cannot be attached: %s",
						   hooks[i].name, hooks[i].alts[j].prog,
						   strerror(errno));
		}
	}
	return 0;
}

void hooks_missing(struct bpf_link *const links[HOOKS_MAX], const char *ret[HOOKS_MAX + 1])
{
	size_t i, n = 0;

	for (i = 0; i < HOOKS_N; i++)
		if (is_optional(&hooks[i]) && links[i] == NULL)
			ret[n++] = hooks[i].name;
	ret[n] = NULL;
}

uint64_t hooks_missed(const struct outflow_bpf *skel)
{
	struct bpf_program *prog;
	uint64_t missed = 0;

	bpf_object__for_each_program(prog, skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

int kernel_print_hooks(struct kernel_err *ret_err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct alt *alt;
	int err = 0;
	size_t i;

	if (btf == NULL)
		return kernel_fail(ret_err, -errno, "the kernel's BTF cannot be read: %s",
				   strerror(errno));
	for (i = 0; i < HOOKS_N; i++) {
		alt = hook_choice(&hooks[i], btf);
		if (alt == NULL) {
			(void)printf("%-28s none: the kernel has no %s\n", hooks[i].name,
				     hooks[i].alts[0].needs);
			if (is_optional(&hooks[i]))
				continue;
			err = kernel_fail(ret_err, -ENOTSUP,
					  "hook '%s' has no program that this "
					  "kernel takes",
					  hooks[i].name);
			continue;
		}
		(void)printf("%-28s %-20s %s%s\n", hooks[i].name, alt->prog,
			     alt->needs == NULL ? "needs nothing special" : "the kernel has ",
			     alt->needs == NULL ? "" : alt->needs + strlen("btf_trace_"));
	}
	btf__free(btf);
	return err;
}
