/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/runtime_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/poison.h"

/* Not fstat(): newer C libraries do that by a call that takes paths, too, which a filter for who
 * reads alone would refuse. */
static int file_stat(int fd, struct stat *ret)
{
	return syscall(SYS_fstat, fd, ret) < 0 ? -errno : 0;
}

int runtime_file_open(int root, const char *path)
{
	struct stat st;
	int fd, err;

	while (*path == '/')
		path++;
	/* What is no file is not waited for, nor who holds a lease on one. */
	fd = openat(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = file_stat(fd, &st);
	if (err == 0 && (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & 022) != 0))
		err = -EPERM;
	if (err == 0)
		return fd;
	(void)close(fd);
	return err;
}

static int read_all(int fd, char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		n = pread(fd, buf + done, size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ESTALE; /* shorter than it was: it is being written */
		done += (size_t)n;
	}
	return 0;
}

int runtime_file_read(int fd, enum runtime_file_kind kind, const char *id, char *buf, size_t size,
		      struct runtime_told *ret)
{
	struct stat st;
	int err;

	*ret = (struct runtime_told){ .image = "" };
	err = file_stat(fd, &st);
	if (err < 0)
		return err;
	if (st.st_size < 0 || (uint64_t)st.st_size > size)
		return -EFBIG;
	err = read_all(fd, buf, (size_t)st.st_size);
	if (err == 0)
		runtime_file_parse(kind, id, buf, (size_t)st.st_size, ret);
	ret->bytes = (size_t)st.st_size;
	return err;
}
