/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.h: the control socket's place in the file system, and who may speak to it.
 */
#ifndef CTL_LISTEN_H
#define CTL_LISTEN_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct ctl_listen {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;
	int lock;  /* held as long as the daemon lives, so that two that start at once cannot
		    * take each other's socket for a stale one */
	gid_t gid; /* of the socket */
	dev_t dev; /* of the socket file: no other one is removed at the end */
	ino_t ino; /* 0: not bound */
};

/* 0 or -errno, and the reason was logged. */
int ctl_listen_init(struct ctl_listen *l, const char *path);
/* Fine after a failed init. */
void ctl_listen_done(struct ctl_listen *l);

/* 0: root, this daemon's own user or a member of `gid`; -EACCES: somebody else; or -errno. */
int ctl_peer_check(int fd, gid_t gid, struct ucred *ret);

#endif
