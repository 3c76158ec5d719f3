/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.h: the engine that loads the probes and reads their maps. With kernel.c the only place
 * that knows libbpf.
 */
#ifndef INTAKE_KERNEL_H
#define INTAKE_KERNEL_H

#include "conf/config.h"
#include "intake/intake.h"
#include "intake/namer.h"
#include "intake/pins.h"

struct kernel;

struct kernel_err {
	char msg[512]; /* one line: what is missing, and what to do */
};

/* Goes on with pinned probes and their books, or loads, attaches and adopts the processes that were
 * there before. 0 or -errno with a message. `config` is borrowed. Hand it to intake_new() with
 * kernel_ops, which closes it. */
int kernel_open(const struct config *config, struct kernel **ret, struct kernel_err *ret_err);
extern const struct intake_ops kernel_ops;
/* Readable when records wait. */
int kernel_fd(const struct kernel *k);
/* From now on what is executed is hashed, and names are read, by processes that end with this one.
 */
void kernel_helpers(struct kernel *k);
struct namer_stats kernel_namer_stats(const struct kernel *k);
struct hash_stats kernel_hash_stats(const struct kernel *k);
struct image_stats kernel_image_stats(const struct kernel *k);
/* A track_roles_fn; `self` is a kernel. The next daemon reads them back. */
void kernel_roles(void *self, uint64_t exec_id, uint32_t slot, uint64_t roles);
int kernel_ledger(const struct kernel *k, struct ledger *ret);
/* One line a hook to stdout: name, what was chosen, why. 0, or -errno when one that is needed is
 * missing. */
int kernel_print_hooks(struct kernel_err *ret_err);
/* Names of optional hooks that this kernel refused, NULL behind the last. */
const char *const *kernel_hooks_missing(const struct kernel *k);
/* Why no interface is compared with what was posted; NULL: some is. */
const char *kernel_edges_off(const struct kernel *k);
/* How many interfaces are not compared because there are too many. */
size_t kernel_edges_left_out(const struct kernel *k);

/* Pins what kernel_open() made, in the place of what was there; it outlives this process from now
 * on. The outcome is in the status. */
void kernel_keep(struct kernel *k);
/* How it went with the pins; holds for as long as the engine, and is whole after kernel_keep(). */
const struct pins_status *kernel_pins(const struct kernel *k);
/* Takes away what a daemon left pinned at `path`, and prints what. 0, -EBUSY: one is running, or
 * -errno; with a message. */
int kernel_unload(const char *path, struct kernel_err *ret_err);

#endif
