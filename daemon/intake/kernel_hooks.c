/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_hooks.c: which program serves which purpose. A hook is a row of alternatives, best first;
 * the first that this kernel takes is chosen. That is found by trying, never by a version.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "intake/kernel_private.h"
#include "intake/spool.h"

#include "base/poison.h"

#define ALTS_MAX 4

enum needs {
	NEEDS_NOTHING,	  /* what every kernel has that passed kernel_check() */
	NEEDS_HELD,	  /* a tracepoint that calls with preemption disabled */
	NEEDS_EVENT,	  /* a tracepoint's classic event, which runs its programs so */
	NEEDS_TRACEPOINT, /* a tracepoint, however it calls */
	NEEDS_FUNCTION, /* of the kernel or of a module that is loaded, to be traced at its exit */
};

struct alt {
	const char *prog;
	enum needs needs;
	const char *of; /* the tracepoint or function; of an event, "GROUP/EVENT" */
};

/* A socket family that may be a module. */
struct family {
	int number;
	const char *module;
};

static const struct family vsock = { AF_VSOCK, "vsock" };
static const struct family tipc = { AF_TIPC, "tipc" };

struct hook {
	const char *name;
	/* Not NULL: where the kernel has none of it nobody can send by it, and nothing is missing.
	 * Where it refuses the hook, every alert's `loss` says so. */
	const struct family *family;
	/* Not 0: the daemon watches without it, and `loss` says so; its bit in cfg_without. */
	uint32_t optional;
	bool beside; /* only beside an event, which lacks it; behind it in the list */
	struct alt alts[ALTS_MAX];
};

/*
 * A program that a tracepoint calls with preemption enabled (Linux 7.0) is skipped for as long as
 * another run of it waits for the same processor: ledger_event() says more. Then the classic event
 * comes first; without that the program stands, and what it misses is counted as loss.
 */
#define TRACEPOINT(prog, of, event_prog, event)                       \
	{ prog, NEEDS_HELD, of }, { event_prog, NEEDS_EVENT, event }, \
	{                                                             \
		prog, NEEDS_TRACEPOINT, of                            \
	}
#define SEND TRACEPOINT("ledger_send", "sock_send_length", "ledger_event", "sock/sock_send_length")
/* Before Linux 6.3 */
#define FUNCTION(prog, of)               \
	{                                \
		prog, NEEDS_FUNCTION, of \
	}

/* In the order of attaching: lineage first, so that every sender already has an execution; then
 * what prepares a send; the sends last. */
static const struct hook hooks[] = {
	{ "fork", .alts = { TRACEPOINT("lineage_fork", "sched_process_fork", "lineage_fork_event",
				       "task/task_newtask") } },
	{ "exec", .alts = { TRACEPOINT("lineage_exec", "sched_process_exec", "lineage_exec_event",
				       "sched/sched_process_exec") } },
	{ "exit", .alts = { TRACEPOINT("lineage_exit", "sched_process_exit", "lineage_exit_event",
				       "sched/sched_process_exit") } },
	{ "change of a process's name", .optional = OF_WITHOUT_NAMES,
	  .alts = { { "lineage_rename", NEEDS_TRACEPOINT, "task_rename" } } },
	{ "adoption", .alts = { { .prog = "lineage_adopt" } } },
	{ "creator of a socket", .alts = { { .prog = "endpoint_sock_create" } } },
	{ "datagram destination, IPv4", .alts = { { .prog = "endpoint_sendmsg4" } } },
	{ "datagram destination, IPv6", .alts = { { .prog = "endpoint_sendmsg6" } } },
	{ "destination of raw and ping", .alts = { { .prog = "endpoint_egress" } } },
	{ "connection attempt, IPv4", .alts = { { .prog = "endpoint_connect4" } } },
	{ "connection attempt, IPv6", .alts = { { .prog = "endpoint_connect6" } } },
	{ "end of a connection",
	  .alts = { TRACEPOINT("ledger_state", "inet_sock_set_state", "ledger_state_event",
			       "sock/inet_sock_set_state") } },
	{ "interfaces", .optional = OF_WITHOUT_INTERFACES,
	  /* Called with preemption disabled on every kernel: the driver's queue is locked. */
	  .alts = { { "link_xmit", NEEDS_TRACEPOINT, "net_dev_start_xmit" } } },
	{ "bytes sent, IPv4", .alts = { SEND, FUNCTION("ledger_inet", "inet_sendmsg") } },
	{ "bytes sent, IPv6", .alts = { SEND, FUNCTION("ledger_inet6", "inet6_sendmsg") } },
	{ "bytes sent, sendfile", .alts = { SEND, FUNCTION("ledger_sendpage", "inet_sendpage") } },
	{ "bytes sent, packet", .alts = { SEND, FUNCTION("ledger_packet", "packet_sendmsg") } },
	{ "bytes sent, old packet",
	  .alts = { SEND, FUNCTION("ledger_spkt", "packet_sendmsg_spkt") } },
	{ "bytes sent, vsock", .family = &vsock,
	  .alts = { SEND, FUNCTION("ledger_vsock", "vsock_connectible_sendmsg") } },
	{ "bytes sent, vsock datagrams", .family = &vsock,
	  .alts = { SEND, FUNCTION("ledger_vsock_dgram", "vsock_dgram_sendmsg") } },
	{ "bytes sent, TIPC", .family = &tipc,
	  .alts = { SEND, FUNCTION("ledger_tipc", "tipc_sendmsg") } },
	{ "bytes sent, TIPC packets", .family = &tipc,
	  .alts = { SEND, FUNCTION("ledger_tipc_packet", "tipc_send_packet") } },
	{ "bytes sent, TIPC streams", .family = &tipc,
	  .alts = { SEND, FUNCTION("ledger_tipc_stream", "tipc_sendstream") } },
	{ "asks of deputies", .optional = OF_WITHOUT_ASKS,
	  .alts = { SEND, FUNCTION("ledger_unix", "unix_stream_sendmsg") } },
	{ "names, what leaves", .optional = OF_WITHOUT_NAMING,
	  .alts = { { .prog = "endpoint_egress" } } },
	{ "names, DNS answers", .optional = OF_WITHOUT_NAMING,
	  .alts = { { .prog = "names_ingress" } } },
	{ "received, creator", .beside = true,
	  .alts = { { "ledger_beside", NEEDS_TRACEPOINT, "sock_send_length" } } },
	{ "received at the end", .beside = true,
	  .alts = { { "ledger_state_beside", NEEDS_TRACEPOINT, "inet_sock_set_state" } } },
};

#define HOOKS_N (sizeof(hooks) / sizeof(hooks[0]))
_Static_assert(HOOKS_N <= HOOKS_MAX, "links[] holds one for each hook");

/* ---- What this kernel takes ---- */

/* A program that does nothing, attached and taken away again: what the kernel says to that. */
static int tracing_try(enum bpf_attach_type type, int btf_id, int btf_fd)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = type,
		.attach_btf_id = (__u32)btf_id,
		.attach_btf_obj_fd = btf_fd > 0 ? (__u32)btf_fd : 0,
	};
	int link, prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, "outflow_try", "GPL", nothing,
				       sizeof(nothing) / sizeof(nothing[0]), &opts);

	if (prog < 0)
		return prog;
	link = bpf_raw_tracepoint_open(NULL, prog);
	if (link >= 0)
		(void)close(link);
	(void)close(prog);
	return link < 0 ? link : 0;
}

static int tracepoint_try(const struct btf *vmlinux, const char *name)
{
	char typedef_name[64];
	int id;

	(void)snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(vmlinux, typedef_name, BTF_KIND_TYPEDEF);
	return id < 0 ? -ENOENT : tracing_try(BPF_TRACE_RAW_TP, id, 0);
}

/* A module that any user's first socket would load is loaded now: a hook must stand before there is
 * a sender. */
static void family_load(const struct family *family)
{
	int fd = socket(family->number, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)close(fd);
}

/* The kernel's type data of a module that is loaded: a descriptor with its id in *ret_id, or -1. */
static int module_find(const char *name, __u32 *ret_id)
{
	struct bpf_btf_info info;
	__u32 id = 0, len;
	int fd;

	while (bpf_btf_get_next_id(id, &id) == 0) {
		char found[64] = "";

		fd = bpf_btf_get_fd_by_id(id);
		if (fd < 0)
			continue;
		len = sizeof(info);
		info = (struct bpf_btf_info){ .name = (__u64)(uintptr_t)found,
					      .name_len = sizeof(found) };
		if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.kernel_btf &&
		    strcmp(found, name) == 0) {
			*ret_id = id;
			return fd;
		}
		(void)close(fd);
	}
	return -1;
}

static int module_function_try(struct btf *vmlinux, const char *module, const char *name)
{
	int func = -ENOENT, err = -ENOENT, fd;
	struct btf *btf;
	__u32 id = 0;

	fd = module_find(module, &id);
	if (fd < 0)
		return err;
	btf = btf__load_from_kernel_by_id_split(id, vmlinux);
	if (btf != NULL)
		func = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	if (func > 0)
		err = tracing_try(BPF_TRACE_FEXIT, func, fd);
	btf__free(btf);
	(void)close(fd);
	return err;
}

static int function_try(struct btf *vmlinux, const struct family *family, const char *name)
{
	int id = btf__find_by_name_kind(vmlinux, name, BTF_KIND_FUNC);

	if (id > 0)
		return tracing_try(BPF_TRACE_FEXIT, id, 0);
	if (family == NULL)
		return -ENOENT;
	family_load(family);
	return module_function_try(vmlinux, family->module, name);
}

static int event_try(const char *name)
{
	int fd = event_open(name);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 ? fd : 0;
}

/* What is asked of the kernel. */
struct asked {
	struct btf *vmlinux;
	bool preemptible;
};

static int asked_open(struct asked *ret, struct kernel_err *ret_err)
{
	*ret = (struct asked){ .vmlinux = btf__load_vmlinux_btf() };
	if (ret->vmlinux == NULL)
		return kernel_fail(ret_err, -ENOTSUP, "the kernel's BTF cannot be read: %s",
				   strerror(errno));
	/* Where it is not to be found out, what is right in both cases is taken. */
	ret->preemptible =
		tracepoint_try(ret->vmlinux, "sock_send_length") == 0 && kernel_preemptible() != 0;
	return 0;
}

/* 0: this kernel takes it, -ENOENT: it has no such thing, or -errno: what it says. */
static int alt_try(const struct alt *alt, const struct family *family, const struct asked *asked)
{
	int err;

	switch (alt->needs) {
	case NEEDS_HELD:
		err = tracepoint_try(asked->vmlinux, alt->of);
		return err == 0 && asked->preemptible ? -EAGAIN : err;
	case NEEDS_EVENT:
		return event_try(alt->of);
	case NEEDS_TRACEPOINT:
		return tracepoint_try(asked->vmlinux, alt->of);
	case NEEDS_FUNCTION:
		return function_try(asked->vmlinux, family, alt->of);
	case NEEDS_NOTHING:
		break;
	}
	return 0;
}

static const char *needs_name(enum needs needs)
{
	switch (needs) {
	case NEEDS_FUNCTION:
		return "the function";
	case NEEDS_EVENT:
		return "the classic event";
	default:
		return "the tracepoint";
	}
}

/* "the kernel has the tracepoint x", or why not. */
static void alt_reason(const struct alt *alt, int err, char *buf, size_t size)
{
	if (alt->needs == NEEDS_NOTHING)
		(void)snprintf(buf, size, "every kernel has it");
	else if (err == 0)
		(void)snprintf(buf, size, "the kernel takes %s %s", needs_name(alt->needs),
			       alt->of);
	else if (alt->needs == NEEDS_HELD && err == -EAGAIN)
		(void)snprintf(buf, size, "tracepoint %s can be preempted", alt->of);
	else if (err == -ENOENT)
		(void)snprintf(buf, size, "the kernel lacks %s %s", needs_name(alt->needs),
			       alt->of);
	else
		(void)snprintf(buf, size, "the kernel refuses %s %s: %s", needs_name(alt->needs),
			       alt->of, strerror(-err));
}

/* Why each alternative was passed over, and the last taken if there is one. */
struct choice {
	const struct alt *alt; /* NULL: none */
	bool absent;	       /* the last one: the kernel has no such thing */
	char reason[256];
};

/* An alternative that says nothing new: a tracepoint that is absent is so however it calls. */
static bool alt_again(const struct alt *alt, bool absent)
{
	return absent && alt->needs == NEEDS_TRACEPOINT;
}

static struct choice hook_choose(const struct hook *h, const struct asked *asked)
{
	struct choice c = { .alt = NULL };
	size_t i, len = 0;
	int err;

	for (i = 0; i < ALTS_MAX && h->alts[i].prog != NULL && c.alt == NULL; i++) {
		if (alt_again(&h->alts[i], c.absent))
			continue;
		err = alt_try(&h->alts[i], h->family, asked);
		c.absent = err == -ENOENT;
		if (err == 0)
			c.alt = &h->alts[i];
		if (i > 0)
			len += (size_t)snprintf(c.reason + len, sizeof(c.reason) - len, "; ");
		alt_reason(&h->alts[i], err, c.reason + len, sizeof(c.reason) - len);
		len = strlen(c.reason);
	}
	return c;
}

/* What no alternative serves: 0 where nobody can send by it or it is told in *ret_missing. */
static int hook_unserved(const struct hook *h, const struct choice *c, const char **ret_missing,
			 struct kernel_err *ret_err)
{
	if (h->family == NULL && h->optional == 0)
		return kernel_fail(ret_err, -ENOTSUP, "no hook for '%s': %s", h->name, c->reason);
	if (h->optional != 0 || !c->absent)
		*ret_missing = h->name;
	return 0;
}

/* ---- What is done with that ---- */

int hooks_choose(struct outflow_bpf *skel, uint32_t without, const char *ret_missing[HOOKS_MAX + 1],
		 struct kernel_err *ret_err)
{
	struct bpf_program *prog;
	struct asked asked;
	struct choice c;
	size_t i, missing = 0;
	bool events = false;
	int err = asked_open(&asked, ret_err);

	if (err < 0)
		return err;
	bpf_object__for_each_program(prog, skel->obj)(void) bpf_program__set_autoload(prog, false);
	memset(ret_missing, 0, (HOOKS_MAX + 1) * sizeof(*ret_missing));
	for (i = 0; i < HOOKS_N && err == 0; i++) {
		if (hooks[i].beside && !events)
			continue;
		if ((hooks[i].optional & without) != 0) {
			ret_missing[missing++] = hooks[i].name;
			skel->rodata->cfg_without |= hooks[i].optional;
			continue;
		}
		c = hook_choose(&hooks[i], &asked);
		if (c.alt == NULL) {
			err = hook_unserved(&hooks[i], &c, &ret_missing[missing], ret_err);
			missing += ret_missing[missing] != NULL;
			skel->rodata->cfg_without |= hooks[i].optional;
			continue;
		}
		events |= c.alt->needs == NEEDS_EVENT;
		prog = bpf_object__find_program_by_name(skel->obj, c.alt->prog);
		err = prog == NULL ? -ENOENT : bpf_program__set_autoload(prog, true);
	}
	btf__free(asked.vmlinux);
	return err;
}

uint32_t hooks_optional(const struct bpf_program *prog)
{
	uint32_t optional = 0;
	size_t i, j;

	for (i = 0; i < HOOKS_N; i++)
		for (j = 0; j < ALTS_MAX && hooks[i].alts[j].prog != NULL; j++) {
			if (strcmp(hooks[i].alts[j].prog, bpf_program__name(prog)) != 0)
				continue;
			if (hooks[i].optional == 0)
				return 0; /* another hook needs it */
			optional = hooks[i].optional;
		}
	return optional;
}

bool hooks_at_cgroup(const struct bpf_program *prog)
{
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SKB:
		return true;
	default:
		return false;
	}
}

static struct bpf_link *prog_attach(struct bpf_program *prog, int cgroup_fd)
{
	if (hooks_at_cgroup(prog))
		return bpf_program__attach_cgroup(prog, cgroup_fd);
	if (bpf_program__type(prog) == BPF_PROG_TYPE_TRACEPOINT)
		return event_attach(prog);
	return bpf_program__attach(prog);
}

/* The program that serves a hook, when an earlier hook has not attached it and attaching is all it
 * needs: the iterator is run by kernel_adopt(), when all the others stand. NULL: none. */
static struct bpf_program *hook_program(const struct outflow_bpf *skel, size_t hook, size_t alt)
{
	const char *name = hooks[hook].alts[alt].prog;
	struct bpf_program *prog =
		name == NULL ? NULL : bpf_object__find_program_by_name(skel->obj, name);
	size_t i, j;

	if (prog == NULL || !bpf_program__autoload(prog) ||
	    bpf_program__expected_attach_type(prog) == BPF_TRACE_ITER)
		return NULL;
	for (i = 0; i <= hook; i++)
		for (j = 0; j < (i < hook ? ALTS_MAX : alt); j++)
			if (hooks[i].alts[j].prog != NULL &&
			    strcmp(hooks[i].alts[j].prog, name) == 0)
				return NULL;
	return prog;
}

int hooks_attach(struct outflow_bpf *skel, int cgroup_fd, struct bpf_link *links[HOOKS_MAX],
		 struct kernel_err *ret_err)
{
	struct bpf_program *prog;
	size_t i, j;

	for (i = 0; i < HOOKS_N; i++) {
		for (j = 0; j < ALTS_MAX; j++) {
			prog = hook_program(skel, i, j);
			if (prog == NULL)
				continue;
			links[i] = prog_attach(prog, cgroup_fd);
			if (links[i] == NULL)
				return kernel_fail(ret_err, -errno,
						   "hook '%s': program %s cannot be attached: %s",
						   hooks[i].name, bpf_program__name(prog),
						   strerror(errno));
		}
	}
	return 0;
}

static bool prog_is_beside(const struct bpf_program *prog)
{
	size_t i;

	for (i = 0; i < HOOKS_N; i++)
		if (hooks[i].beside && strcmp(hooks[i].alts[0].prog, bpf_program__name(prog)) == 0)
			return true;
	return false;
}

uint64_t hooks_missed(const struct outflow_bpf *skel)
{
	struct bpf_program *prog;
	uint64_t missed = 0;

	bpf_object__for_each_program(prog, skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (!prog_is_beside(prog) && bpf_program__fd(prog) >= 0 &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) == 0)
			missed += info.recursion_misses;
	}
	return missed;
}

static void hook_line(const char *name, const char *chosen, const char *reason)
{
	(void)printf("%-28s  %-20s  %s\n", name, chosen, reason);
}

static void spool_line(void)
{
	char reason[128];
	int err = spool_try();

	(void)snprintf(reason, sizeof(reason), "the kernel refuses it: %s", strerror(-err));
	hook_line(SPOOL_HOOK, err < 0 ? "none" : "fanotify",
		  err < 0 ? reason : "the kernel takes it");
}

int kernel_print_hooks(struct kernel_err *ret_err)
{
	const char *missing = NULL;
	bool events = false;
	struct asked asked;
	struct choice c;
	int cgroup_fd, err;
	size_t i;

	err = kernel_check(&cgroup_fd, ret_err);
	if (err < 0)
		return err;
	(void)close(cgroup_fd);
	err = asked_open(&asked, ret_err);
	if (err < 0)
		return err;
	for (i = 0; i < HOOKS_N; i++) {
		if (hooks[i].beside && !events)
			continue;
		c = hook_choose(&hooks[i], &asked);
		events |= c.alt != NULL && c.alt->needs == NEEDS_EVENT;
		hook_line(hooks[i].name, c.alt != NULL ? c.alt->prog : "none", c.reason);
		/* The first that is missing is the one line. */
		if (c.alt == NULL && err == 0)
			err = hook_unserved(&hooks[i], &c, &missing, ret_err);
	}
	spool_line();
	btf__free(asked.vmlinux);
	return err;
}
