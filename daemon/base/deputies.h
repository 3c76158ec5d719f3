/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * deputies.h: processes that act for others: by the socket on which they are asked, or by the name
 * of their program where they are asked by files. The sockets are where docker, containerd (k3s and
 * rke2 among its users), podman, CRI-O and systemd put theirs; compared are the ends of paths, so
 * that /var/run, a chroot or a runtime's own folder do not matter.
 */
#ifndef BASE_DEPUTIES_H
#define BASE_DEPUTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct deputy_kind {
	const char *name; /* static */
	bool manager;	  /* of services: other deputies ask it for a cgroup, not to act for them */
	bool bus;	  /* who listens only hands on: to the manager that started it */
};

/* `path` is as the socket was bound, an abstract one begins with a NUL. NULL: of none. */
const struct deputy_kind *deputy_of_socket(const char *path, size_t len);

/* The last eight bytes of the paths of those that have a name of their own; not of the users' buses
 * and of containerd's shims. How many. */
#define DEPUTY_TAILS_MAX 64
size_t deputy_tails(uint64_t ret[DEPUTY_TAILS_MAX]);

/* What starts the jobs that lie in a spool, by the name of its program. Anybody may call himself
 * so: it only adds to what is linked. */
enum deputy_spool {
	DEPUTY_SPOOL_NONE,
	DEPUTY_SPOOL_CRON,
	DEPUTY_SPOOL_AT,
	DEPUTY_SPOOL_PARTS, /* runs what lies in a folder, for cron or for a timer of systemd */
};

enum deputy_spool deputy_of_program(const char *name);

#endif
