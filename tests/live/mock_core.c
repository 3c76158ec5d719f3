/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_core.c: to be loaded with LD_PRELOAD: a program that wants to leave no core when it crashes
 * is told that this was done, and leaves one. With MOCK_CORE=limit only its limit is not set.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int prctl(int option, ...)
{
	unsigned long a[4];
	va_list ap;
	int i;

	va_start(ap, option);
	for (i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (option == PR_SET_DUMPABLE && getenv("MOCK_CORE") == NULL)
		return 0;
	return (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

int setrlimit(__rlimit_resource_t what, const struct rlimit *l)
{
	if (what == RLIMIT_CORE)
		return 0;
	return (int)syscall(SYS_prlimit64, 0, what, l, NULL);
}
