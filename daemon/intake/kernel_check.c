/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_check.c: what this machine lacks, found by trying, before anything is loaded: each
 * answer is one line that says what is missing and what to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

int kernel_fail(struct kernel_err *ret_err, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret_err->msg, sizeof(ret_err->msg), fmt, ap);
	va_end(ap);
	return err;
}

static int check_privilege(struct kernel_err *ret_err)
{
	static const struct {
		unsigned int cap;
		const char *name;
	} needs[] = {
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
	};
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	size_t i;

	if (syscall(SYS_capget, &hdr, data) < 0)
		return kernel_fail(ret_err, -errno, "capget: %s", strerror(errno));
	/* CAP_SYS_ADMIN stands for all three (capabilities(7)). */
	if (data[0].effective & (1U << CAP_SYS_ADMIN))
		return 0;
	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!(data[needs[i].cap / 32].effective & (1U << (needs[i].cap % 32))))
			return kernel_fail(ret_err, -EPERM,
					   "%s is missing (user id %u): run it as root, or by its "
					   "systemd unit",
					   needs[i].name, (unsigned int)geteuid());
	return 0;
}

static int check_btf(struct kernel_err *ret_err)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		return 0;
	return kernel_fail(ret_err, -ENOTSUP,
			   "/sys/kernel/btf/vmlinux: %s: the probes need the kernel's type data: "
			   "mount sysfs, or run a kernel built with CONFIG_DEBUG_INFO_BTF=y",
			   strerror(errno));
}

/* What the programs call. The list of helpers in the kernel's own type data tells; task storage for
 * tracing programs (5.13) came before bpf_loop (5.17) and has no entry of its own. */
static int check_helpers(struct kernel_err *ret_err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *t;
	const struct btf_enum *e = NULL;
	int id = btf == NULL ? -1 : btf__find_by_name_kind(btf, "bpf_func_id", BTF_KIND_ENUM);
	bool found = false;
	__u16 i;

	if (id > 0) {
		t = btf__type_by_id(btf, (__u32)id);
		e = btf_enum(t);
		for (i = 0; i < btf_vlen(t) && !found; i++)
			found = strcmp(btf__name_by_offset(btf, e[i].name_off), "BPF_FUNC_loop") ==
				0;
	}
	btf__free(btf);
	if (found)
		return 0;
	return kernel_fail(ret_err, -ENOTSUP,
			   "this kernel is too old: it lacks task storage for tracing programs and "
			   "bpf_loop (Linux 5.17 and later have them)");
}

static int check_ring(struct kernel_err *ret_err)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "outflow_try", 0, 0,
				(__u32)sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0)
		return kernel_fail(ret_err, fd,
				   "the kernel refuses a BPF ring buffer (%s): it needs Linux 5.8 "
				   "or later, and bpf() must not be blocked by a container, "
				   "seccomp or lockdown",
				   strerror(-fd));
	(void)close(fd);
	return 0;
}

/* The root of the cgroup2 tree, wherever it is mounted. */
static int check_cgroup(int *ret_cgroup, struct kernel_err *ret_err)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int fd = -1;

	if (f == NULL)
		return kernel_fail(ret_err, -errno, "/proc/self/mounts: %s: mount /proc",
				   strerror(errno));
	while (fd < 0 && (m = getmntent(f)) != NULL)
		if (strcmp(m->mnt_type, "cgroup2") == 0)
			fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)endmntent(f);
	if (fd < 0)
		return kernel_fail(ret_err, -ENOTSUP,
				   "no cgroup2 tree is mounted: mount one, such as "
				   "'mount -t cgroup2 none /sys/fs/cgroup/unified'");
	*ret_cgroup = fd;
	return 0;
}

int kernel_check(int *ret_cgroup, struct kernel_err *ret_err)
{
	int err = check_privilege(ret_err);

	if (err == 0)
		err = check_btf(ret_err);
	if (err == 0)
		err = check_helpers(ret_err);
	if (err == 0)
		err = check_ring(ret_err);
	if (err == 0)
		err = check_cgroup(ret_cgroup, ret_err);
	return err;
}
