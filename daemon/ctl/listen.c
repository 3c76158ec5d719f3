/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "ctl/ctl.h"

#include "base/poison.h"

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	return sa;
}

static int parent_make(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;
	int err;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return 0;
	*slash = '\0';
	if (mkdir(dir, 0755) < 0)
		err = errno == EEXIST ? 0 : -errno;
	else /* the group must get in whatever the umask is */
		err = chmod(dir, 0755) < 0 ? -errno : 0;
	if (err < 0)
		log_warnerr(err, "control socket '%s': cannot make its directory", path);
	return err;
}

static int lock_take(struct ctl_listen *l)
{
	char path[sizeof(l->path) + 8];
	int err;

	(void)snprintf(path, sizeof(path), "%s.lock", l->path);
	l->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->lock < 0) {
		err = -errno;
		log_warnerr(err, "control socket: cannot open '%s'", path);
		return err;
	}
	if (flock(l->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	err = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	log_warnerr(err, "control socket '%s': another outflowd holds it", l->path);
	return err;
}

/* 0: somebody answers, or would if it were less busy; else -errno. */
static int answers(const char *path)
{
	struct sockaddr_un sa = address(path);
	int fd, err = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno != EAGAIN)
		err = -errno;
	(void)close(fd);
	return err;
}

static int stale_remove(const char *path)
{
	struct stat st;
	int err;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode)) {
		log_warn("control socket '%s': something that is no socket is in its place, "
			 "left alone",
			 path);
		return -EEXIST;
	}
	err = answers(path);
	if (err == 0) {
		log_warn("control socket '%s': another program answers there, left alone; is "
			 "outflowd already running?",
			 path);
		return -EADDRINUSE;
	}
	if (err == -ECONNREFUSED) {
		log_info("control socket '%s': nobody answers there, replaced", path);
		err = unlink(path) < 0 ? -errno : 0;
	}
	if (err < 0)
		log_warnerr(err, "control socket '%s': cannot be replaced", path);
	return err;
}

/* To the group outflow where there is one, else to root's. */
static void group_set(struct ctl_listen *l)
{
	const struct group *gr = getgrnam(CTL_GROUP);
	gid_t gid = gr != NULL ? gr->gr_gid : 0;

	if (gr == NULL && geteuid() != 0)
		return;
	if (lchown(l->path, (uid_t)-1, gid) < 0)
		log_warnerr(-errno, "control socket '%s': cannot be given to group %u", l->path,
			    gid);
}

static int bind_there(struct ctl_listen *l)
{
	struct sockaddr_un sa = address(l->path);
	struct stat st;
	mode_t old;
	int err;

	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return -errno;
	old = umask(0117);
	err = bind(l->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : 0;
	(void)umask(old);
	if (err < 0)
		return err;
	group_set(l);
	if (lstat(l->path, &st) < 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->gid = st.st_gid;
	return listen(l->fd, CTL_CLIENTS_MAX) < 0 ? -errno : 0;
}

int ctl_listen_init(struct ctl_listen *l, const char *path)
{
	int err;

	*l = (struct ctl_listen){ .fd = -1, .lock = -1 };
	if (strlen(path) >= sizeof(l->path)) {
		log_warn("control socket '%s': the path is too long, at most %zu bytes", path,
			 sizeof(l->path) - 1);
		return -ENAMETOOLONG;
	}
	(void)snprintf(l->path, sizeof(l->path), "%s", path);
	err = parent_make(path);
	if (err < 0)
		goto out;
	err = lock_take(l);
	if (err < 0)
		goto out;
	err = stale_remove(path);
	if (err < 0)
		goto out;
	err = bind_there(l);
	if (err < 0)
		log_warnerr(err, "control socket '%s': cannot listen", path);
out:
	if (err < 0)
		ctl_listen_done(l);
	return err;
}

void ctl_listen_done(struct ctl_listen *l)
{
	struct stat st;

	if (l->ino != 0 && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		(void)unlink(l->path);
	if (l->fd >= 0)
		(void)close(l->fd);
	/* Last, and the file stays: whoever opened it a moment ago must lock the same one. */
	if (l->lock >= 0)
		(void)close(l->lock);
	*l = (struct ctl_listen){ .fd = -1, .lock = -1 };
}

static int peer_in_group(int fd, gid_t gid)
{
	gid_t few[64], *gids = few;
	socklen_t len = sizeof(few), i;
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) < 0)
		err = -errno;
	if (err == -ERANGE) { /* len says how many bytes; NGROUPS_MAX bounds it to 256 KiB */
		gids = malloc(len);
		if (gids == NULL)
			return -ENOMEM;
		err = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &len) < 0 ? -errno : 0;
	}
	if (err == 0) {
		err = -EACCES;
		for (i = 0; i < len / sizeof(*gids); i++)
			if (gids[i] == gid)
				err = 0;
	}
	if (gids != few)
		free(gids);
	return err;
}

int ctl_peer_check(int fd, gid_t gid, struct ucred *ret)
{
	socklen_t len = sizeof(*ret);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) < 0)
		return -errno;
	if (ret->uid == 0 || ret->uid == geteuid() || ret->gid == gid)
		return 0;
	return peer_in_group(fd, gid);
}
