/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime_read.h: the files of runtime_files.h, opened and read, in two halves. The daemon
 * does both. That who parses may be a process without rights, under seccomp as hash_child.h's are,
 * the first calls openat(), fstat() and close(), the second fstat() and pread(), nothing else, and
 * they allocate nothing.
 */
#ifndef INTAKE_RUNTIME_READ_H
#define INTAKE_RUNTIME_READ_H

#include "intake/runtime_files.h"

/* A descriptor, or -errno: -EPERM when others than root may write to it, or it is no plain file.
 * `root` is a directory that the path is looked up below. */
int runtime_file_open(int root, const char *path);
/* 0, -EFBIG: longer than `size`, the bytes of `buf`, or another -errno; the descriptor stays open.
 * *ret is empty unless 0, but for the bytes. */
int runtime_file_read(int fd, enum runtime_file_kind kind, const char *id, char *buf, size_t size,
		      struct runtime_told *ret);

#endif
