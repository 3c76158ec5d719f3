/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_proc.c: a mock of open(), to be loaded with LD_PRELOAD: the first time that MOCK_PROC is to
 * be opened it writes a line to the FIFO MOCK_FIFO.out and waits for one from MOCK_FIFO.in. What
 * was decided before that open can be untrue behind it, as on a machine that is busy.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fifo(const char *end)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s.%s", getenv("MOCK_FIFO"), end);
	return openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
}

static void hold(void)
{
	int out = fifo("out"), in = fifo("in");
	char byte;

	if (write(out, "held\n", 5) != 5 || read(in, &byte, 1) != 1)
		abort();
	close(out);
	close(in);
}

int open(const char *path, int flags, ...)
{
	static bool held;
	const char *at = getenv("MOCK_PROC");
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (!held && at != NULL && strcmp(path, at) == 0) {
		held = true;
		hold();
	}
	return openat(AT_FDCWD, path, flags, mode);
}
