/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/confine.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/poison.h"

#define USER_NAME    "outflow"
#define USER_NOBODY  65534
#define MEMORY_BYTES (256ULL << 20) /* this program with its libraries is mapped to 20 MiB */
#define IO_LOWEST    (2 << 13 | 7)  /* ioprio_set(2): best effort, the last */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#else
#define ARCH 0 /* to be added: until then no such process works there */
#endif

static int confine_calls(const unsigned short *calls, size_t n)
{
	struct sock_filter f[2 * CONFINE_CALLS_MAX + 8];
	struct sock_fprog prog = { .filter = f };
	size_t i, at = 0;

	if (ARCH == 0 || n > CONFINE_CALLS_MAX)
		return -ENOTSUP;
	f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, arch));
	f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0);
	f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	for (i = 0; i < n; i++) {
		f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
		f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	prog.len = (unsigned short)at;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

static int limit(int what, rlim_t n)
{
	struct rlimit l = { n, n };

	return setrlimit((__rlimit_resource_t)what, &l) < 0 ? -errno : 0;
}

static int confine_resources(const struct confinement *c)
{
	int err = limit(RLIMIT_NOFILE, c->files);

	if (err == 0)
		err = limit(RLIMIT_CORE, 0);
	if (err == 0)
		err = limit(RLIMIT_FSIZE, 0);
#ifndef __SANITIZE_ADDRESS__
	if (err == 0)
		err = limit(RLIMIT_AS, MEMORY_BYTES);
#endif
	if (c->idle) { /* courtesy */
		(void)setpriority(PRIO_PROCESS, 0, 19);
		(void)syscall(SYS_ioprio_set, 1, 0, IO_LOWEST);
	}
	return err;
}

/* From the file, for what else might be asked may hang. */
static void user_find(uid_t *ret_uid, gid_t *ret_gid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	*ret_uid = *ret_gid = USER_NOBODY;
	if (f == NULL)
		return;
	while ((p = fgetpwent(f)) != NULL)
		if (strcmp(p->pw_name, USER_NAME) == 0 && p->pw_uid != 0 && p->pw_gid != 0) {
			*ret_uid = p->pw_uid;
			*ret_gid = p->pw_gid;
			break;
		}
	(void)fclose(f);
}

/* Of capabilities what is in `keep` and was there stays. */
static int confine_caps(uint64_t keep)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int i;

	if (syscall(SYS_capget, &hdr, data) < 0)
		return -errno;
	for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &hdr, data) < 0 ? -errno : 0;
}

static int confine_user(uint64_t keep)
{
	uid_t uid;
	gid_t gid;

	if (geteuid() == 0) {
		user_find(&uid, &gid);
		if (prctl(PR_SET_KEEPCAPS, keep != 0, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
		    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
			return -errno;
	}
	return confine_caps(keep);
}

int confine(const struct confinement *c, pid_t parent)
{
	int err;

	if (syscall(SYS_close_range, c->fd_first, UINT_MAX, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || chdir("/") < 0)
		return -errno;
	err = confine_resources(c);
	if (err == 0)
		err = confine_user(c->caps);
	if (err < 0)
		return err;
	/* Another user than before undoes both. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	if (getppid() != parent) /* it ended before that could be heard of */
		return -ESRCH;
	return confine_calls(c->calls, c->calls_n);
}
