/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.h: what the kernel engine must know that no probe tells: host, clock, configured DNS
 * servers, own addresses. Each becomes a record, so that a recording holds it too.
 */
#ifndef INTAKE_MACHINE_H
#define INTAKE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "intake/intake.h"

struct machine;

/* 0 or -errno. With `resolvers` the name servers of /etc/resolv.conf are told too. */
int machine_new(uint64_t roles_id, bool resolvers, struct machine **ret);
void machine_free(struct machine *m);
/* Tells what changed since the last call; at the first call, everything. */
void machine_look(struct machine *m, uint64_t now_ns, intake_raw_fn *fn, void *arg);
/* Inode number of the daemon's network namespace; 0: not known. */
uint32_t machine_netns(const struct machine *m);
/* CLOCK_BOOTTIME in nanoseconds. */
uint64_t machine_now(void);

#endif
