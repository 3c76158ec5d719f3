/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deputies.h: processes that act for others, by the socket on which they are asked. The names are
 * where docker, containerd (k3s and rke2 among its users), podman, CRI-O and systemd put theirs;
 * compared are the ends of paths, so that /var/run, a chroot or a runtime's own folder do not
 * matter.
 */
#ifndef BASE_DEPUTIES_H
#define BASE_DEPUTIES_H

#include <stdbool.h>
#include <stddef.h>

struct deputy_kind {
	const char *name; /* static */
	bool manager;	  /* of services: other deputies ask it for a cgroup, not to act for them */
	bool bus;	  /* who listens only hands on: to the manager that started it */
};

/* `path` is as the socket was bound, an abstract one begins with a NUL. NULL: of none. */
const struct deputy_kind *deputy_of_socket(const char *path, size_t len);

#endif
