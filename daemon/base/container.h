/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * container.h: which container a cgroup belongs to, by how runtimes name theirs:
 *
 *	docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope	systemd
 *driver /docker/ID, /kubepods/.../podUID/ID, /libpod_parent/libpod-ID, /lxc.payload.NAME
 *cgroupfs machine-NAME.scope, systemd-nspawn@NAME.service				systemd
 *
 * The topmost that matches counts: below it the names are the container's own to choose.
 */
#ifndef BASE_CONTAINER_H
#define BASE_CONTAINER_H

#include <stdbool.h>

#define CONTAINER_ID_MAX 128
#define POD_UID_LEN	 36 /* of Kubernetes: 8-4-4-4-12 hexadecimal digits */

struct container {
	char id[CONTAINER_ID_MAX + 1]; /* "": none, but a pod's */
	const char *runtime;	       /* static; NULL: not known */
	char pod[POD_UID_LEN + 1];     /* "": none */
};

/* False: in none. */
bool container_of_cgroup(const char *path, struct container *ret);

#endif
