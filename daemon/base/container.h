/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * container.h: which container a cgroup belongs to, by how runtimes name theirs:
 *
 *	docker-ID.scope, cri-containerd-ID.scope, nerdctl-ID.scope, crio-ID.scope, libpod-ID.scope
 *		under systemd, also below kubepods-...-podUID.slice
 *	docker/ID, kubepods/.../podUID/ID, podUID/crio-ID, libpod_parent/libpod-ID
 *	libpod-payload-ID
 *		without; ID alone, below whatever it was put, is a container of no known runtime
 *	docker/buildkit/ID, docker-ID.scope with a shorter ID, buildah-buildahN
 *		a step of an image that is being built
 *	lxc.payload.NAME, machine-NAME.scope, systemd-nspawn@NAME.service
 *
 * The topmost that matches counts: below it the names are the container's own to choose. A
 * container that was given a name instead of an ID by hand (runc run NAME, ctr run) shows nothing.
 *
 * A name proves nothing: whoever may make cgroups calls them as he likes. Two with the same ID are
 * two containers, unless it is the same cgroup; and below a user's own service manager,
 * user@UID.service, which hands its cgroups over to the user, the name is that user's claim. There
 * rootless podman has its containers, too.
 */
#ifndef BASE_CONTAINER_H
#define BASE_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINER_ID_MAX 128
#define POD_UID_LEN	 36 /* of Kubernetes: 8-4-4-4-12 hexadecimal digits */

struct container {
	char id[CONTAINER_ID_MAX + 1]; /* "": none, but a pod's */
	const char *runtime;	       /* static; NULL: not known */
	char pod[POD_UID_LEN + 1];     /* "": none; a static pod's has 32 digits and no '-' */
	size_t path_len; /* of the path, up to the end of the name that told: the container's own */
	bool claimed;	 /* by a user who is not root */
};

/* False: in none. */
bool container_of_cgroup(const char *path, struct container *ret);

#endif
