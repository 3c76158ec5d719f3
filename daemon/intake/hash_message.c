/* SPDX-License-Identifier: BSD-2-Clause */
/* hash_message.c: what the daemon and the processes that hash say to each other, and about what. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "intake/hash_child.h"

#include "base/poison.h"

/* statfs(2). stat() may tell another device than the one that the kernel knows their files under:
 * of a subvolume, and of a layer that is a file system of its own. */
#define MAGIC_OVERLAY 0x794c7630
#define MAGIC_BTRFS   0x9123683e

bool image_known(const struct of_image *image)
{
	static const struct of_image none;

	return memcmp(image, &none, sizeof(none)) != 0;
}

static bool same_device(const struct of_image *image, const struct stat *st)
{
	return ((uint32_t)major(st->st_dev) << 20 | (uint32_t)minor(st->st_dev)) == image->dev;
}

bool image_in_layer(const struct of_image *image, const struct stat *st)
{
	return image->magic == MAGIC_OVERLAY && !same_device(image, st);
}

static bool same_file(const struct of_image *image, const struct stat *st, uint32_t magic)
{
	if (!S_ISREG(st->st_mode) || magic != image->magic || st->st_ino != image->ino)
		return false;
	return magic == MAGIC_BTRFS || magic == MAGIC_OVERLAY || same_device(image, st);
}

static bool same_time(const struct timespec *t, int64_t s, uint32_t ns)
{
	return t->tv_sec == s && t->tv_nsec == (long)ns;
}

enum image_diff image_compare(const struct of_image *image, const struct stat *st, uint32_t magic)
{
	bool same_content = (uint64_t)st->st_size == image->size &&
			    same_time(&st->st_mtim, image->mtime_s, image->mtime_ns);

	if (!same_file(image, st, magic))
		return IMAGE_OTHER;
	if (!same_content)
		return image_in_layer(image, st) ? IMAGE_OTHER : IMAGE_CHANGED;
	if (same_time(&st->st_ctim, image->ctime_s, image->ctime_ns))
		return IMAGE_SAME;
	return IMAGE_TOUCHED;
}

int hash_receive(int sock, void *buf, size_t size, int flags, int *ret_fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { buf, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	int fd = -1;
	ssize_t n;

	if (ret_fd != NULL) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c = ret_fd != NULL ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if ((size_t)n != size || (msg.msg_flags & MSG_TRUNC)) {
		if (fd >= 0)
			(void)close(fd);
		return n == 0 ? 0 : -EBADMSG;
	}
	if (ret_fd != NULL)
		*ret_fd = fd;
	return 1;
}

int hash_send(int sock, const void *buf, size_t size, int flags, int fd)
{
	union {
		struct cmsghdr hdr;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)buf, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
	}
	do
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
