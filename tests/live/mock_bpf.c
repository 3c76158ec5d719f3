/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_bpf.c: a mock of the kernel's bpf(), to be loaded with LD_PRELOAD: it refuses ring buffers
 * with EPERM, as a container's seccomp filter may, and hands everything else to the kernel. libbpf
 * calls bpf() through syscall(). With MOCK_REFUSE_PROG=NAME it refuses that program instead, and
 * with MOCK_KILL=push:N or MOCK_KILL=delete:N it refuses nothing: the process is killed in place of
 * the Nth push into a queue, or the Nth deletion from a map.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As the kernel is called: numbers only. */
static long kernel(long number, const long a[6])
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (ret >= 0 || ret < -4095)
		return ret;
	errno = (int)-ret;
	return -1;
}

static bool counts(const char *what, long cmd, const union bpf_attr *attr)
{
	if (strncmp(what, "push:", 5) == 0)
		return cmd == BPF_MAP_UPDATE_ELEM && attr->key == 0;
	return cmd == BPF_MAP_DELETE_ELEM;
}

static void kill_at(const char *what, long cmd, const union bpf_attr *attr)
{
	static unsigned long n;

	if (counts(what, cmd, attr) && ++n == strtoul(strchr(what, ':') + 1, NULL, 10))
		(void)raise(SIGKILL);
}

static bool refused(long cmd, const union bpf_attr *attr)
{
	const char *prog = getenv("MOCK_REFUSE_PROG");
	const char *killed = getenv("MOCK_KILL");

	if (killed != NULL) {
		kill_at(killed, cmd, attr);
		return false;
	}
	if (prog != NULL)
		return cmd == BPF_PROG_LOAD && strcmp(attr->prog_name, prog) == 0;
	return cmd == BPF_MAP_CREATE && attr->map_type == BPF_MAP_TYPE_RINGBUF;
}

long syscall(long number, ...)
{
	const union bpf_attr *attr;
	long a[6];
	va_list ap;
	int i;

	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	attr = (const union bpf_attr *)a[1];
	if (number == SYS_bpf && refused(a[0], attr)) {
		errno = EPERM;
		return -1;
	}
	return kernel(number, a);
}
