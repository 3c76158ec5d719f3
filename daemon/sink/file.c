/* SPDX-License-Identifier: BSD-2-Clause */
/* file.c: lines into a file, and to stderr. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sink/transport.h"

#include "base/poison.h"

static void line_frame(struct buf *ret, const char *text, size_t len)
{
	buf_add(ret, text, len);
	buf_char(ret, '\n');
}

/* The folder of `path`, when it is missing; what is above it is the administrator's. */
static int parent_make(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	if (slash == NULL || slash == path)
		return 0;
	if ((size_t)(slash - path) >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return mkdir(dir, 0750) < 0 && errno != EEXIST ? -errno : 0;
}

/* A line that an earlier run left half written gets its end, so that ours begins a line. */
static int file_ready(struct sink *k)
{
	struct stat st;
	char last;

	if (fstat(k->src.fd, &st) < 0)
		return -errno;
	/* A pipe or a device would block, or have no end to look at. */
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	k->dev = st.st_dev;
	k->ino = st.st_ino;
	if (st.st_size == 0)
		return 0;
	if (pread(k->src.fd, &last, 1, st.st_size - 1) == 1 && last != '\n' &&
	    write(k->src.fd, "\n", 1) < 0)
		return -errno;
	return 0;
}

static int file_open(struct sink *k)
{
	const int flags =
		O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int err = parent_make(k->conf->path);

	if (err < 0)
		return err;
	k->src.fd = open(k->conf->path, flags, 0640);
	if (k->src.fd < 0)
		return -errno;
	err = file_ready(k);
	if (err < 0) {
		(void)close(k->src.fd);
		k->src.fd = -1;
	}
	return err;
}

static int file_send(struct sink *k, const struct line *l)
{
	return line_send(k, l, write);
}

/* logrotate renames the file and expects a new one; somebody may have removed it. */
static int file_check(struct sink *k)
{
	struct stat st;

	if (lstat(k->conf->path, &st) < 0)
		return -errno;
	return st.st_dev == k->dev && st.st_ino == k->ino ? 0 : -ESTALE;
}

/*
 * stderr is shared with others, so it must not be made non-blocking. A pipe or a terminal is opened
 * once more for ourselves; a file keeps the one position that log lines use too; a socket can be
 * asked not to wait at each send.
 */
static int stderr_open(struct sink *k)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDERR_FILENO, &st) < 0)
		return -errno;
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	k->src.fd = fd;
	return 0;
}

/* Where the descriptor may block after all, poll() promises room for PIPE_BUF bytes (pipe(7)). */
static ssize_t stderr_some(int fd, const void *data, size_t len)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 || errno != ENOTSOCK)
		return n;
	if (poll(&ready, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, data, len < PIPE_BUF ? len : PIPE_BUF);
}

static int stderr_send(struct sink *k, const struct line *l)
{
	return line_send(k, l, stderr_some);
}

const struct transport transport_file = {
	.open = file_open,
	.send = file_send,
	.frame = line_frame,
	.check = file_check,
	.keeps = true,
};
const struct transport transport_stderr = {
	.open = stderr_open,
	.send = stderr_send,
	.frame = line_frame,
	.keeps = true,
};
