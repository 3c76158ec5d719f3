/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_opener.c: finds the file that was executed and opens it for the worker: what the daemon
 * holds of the process, what the process runs, or, when it is gone, what its path leads to where
 * its parent is and where the daemon is. Only what is the executed file by all its numbers counts.
 *
 * Under seccomp: what is called here must be in hash_child.c's list.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intake/hash_child.h"

#include "base/poison.h"

struct finding {
	const struct hash_request *req;
	enum of_hash_state state; /* when nothing is found */
	int fd;			  /* -1: not found */
};

enum where {
	AT_PROCESS, /* what the process runs now */
	AT_PATH,    /* what its path leads to now */
	ELSEWHERE,  /* what the path leads to in another mount namespace */
};

/* Takes the descriptor over. */
static void consider(struct finding *f, int fd, enum where where)
{
	struct statfs fs;
	struct stat st;
	enum image_diff diff;

	if (syscall(SYS_fstat, fd, &st) < 0 || syscall(SYS_fstatfs, fd, &fs) < 0) {
		f->state = OF_HASH_FAILED;
		(void)close(fd);
		return;
	}
	diff = image_compare(&f->req->image, &st, (uint32_t)fs.f_type);
	if (diff == IMAGE_SAME && where != AT_PROCESS && image_in_layer(&f->req->image, &st)) {
		(void)close(fd);
		return;
	}
	if (diff == IMAGE_SAME || (diff == IMAGE_TOUCHED && where == AT_PROCESS)) {
		f->fd = fd;
		return;
	}
	/* A process that runs another file has gone on, which says nothing of this one. */
	if (where == AT_PATH || diff != IMAGE_OTHER)
		f->state = OF_HASH_CHANGED;
	(void)close(fd);
}

static void consider_exe(struct finding *f)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%u/exe", f->req->pid);
	fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		consider(f, fd, AT_PROCESS);
}

/* Is this process in the mount namespace that the path belongs to? When that is not known, it is
 * taken to be. */
static bool same_mounts(const struct hash_request *req, const char *process)
{
	char path[32];
	struct stat st;
	int fd;
	bool same;

	if (req->mnt_ns == 0)
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	same = syscall(SYS_fstat, fd, &st) == 0 && st.st_ino == req->mnt_ns;
	(void)close(fd);
	return same;
}

/* The path as the process sees it: no link leads out of its root. */
static void consider_path(struct finding *f, const char *process)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	char path[32];
	int root, fd;

	if (f->req->path[0] != '/')
		return;
	(void)snprintf(path, sizeof(path), "/proc/%s/root", process);
	root = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	fd = (int)syscall(SYS_openat2, root, f->req->path, &how, sizeof(how));
	(void)close(root);
	if (fd >= 0)
		consider(f, fd, same_mounts(f->req, process) ? AT_PATH : ELSEWHERE);
}

/* A descriptor to read by, or -errno. Takes fd over. */
static int readable(int fd)
{
	char path[32];
	int ret;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Who holds a lease on it is not waited for. */
	ret = openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (ret < 0)
		ret = -errno;
	(void)close(fd);
	return ret;
}

static void answer(uint64_t id, enum of_hash_state state)
{
	struct hash_answer ans = { .id = id, .state = state };

	if (hash_send(HASH_FD_DAEMON, &ans, sizeof(ans), 0, -1) < 0)
		_exit(0);
}

static void serve(struct hash_pulse *pulse, const struct hash_request *req, int fd)
{
	struct hash_job job = { .id = req->id, .image = req->image };
	struct finding f = { .req = req, .state = OF_HASH_GONE, .fd = -1 };
	char process[16];

	if (fd >= 0)
		consider(&f, fd, AT_PROCESS);
	else
		consider_exe(&f);
	if (f.fd < 0) {
		(void)snprintf(process, sizeof(process), "%u", req->ppid);
		consider_path(&f, process);
	}
	if (f.fd < 0)
		consider_path(&f, "self");
	if (f.fd < 0) {
		answer(req->id, f.state);
		return;
	}
	f.fd = readable(f.fd);
	if (f.fd < 0) {
		answer(req->id, OF_HASH_FAILED);
		return;
	}
	if (hash_send(HASH_FD_OTHER, &job, sizeof(job), 0, f.fd) < 0)
		_exit(1);
	(void)atomic_fetch_add(&pulse->passed, 1);
	(void)close(f.fd);
}

void hash_opener_run(struct hash_pulse *pulse)
{
	struct hash_request req = { .id = 0 };
	int fd, n;

	for (;;) {
		atomic_store(&pulse->id, 0);
		n = hash_receive(HASH_FD_DAEMON, &req, sizeof(req), 0, &fd);
		if (n <= 0)
			_exit(n != 0);
		req.path[sizeof(req.path) - 1] = '\0';
		atomic_store(&pulse->id, req.id);
		(void)atomic_fetch_add(&pulse->beats, 1);
		serve(pulse, &req, fd);
	}
}
