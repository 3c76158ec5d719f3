/* SPDX-License-Identifier: BSD-2-Clause */
/* hash_helpers.h: the daemon's end of the two processes that hash: begins, asks, watches, ends
 * them. Nothing here waits. */
#ifndef INTAKE_HASH_HELPERS_H
#define INTAKE_HASH_HELPERS_H

#include <stdbool.h>
#include <stdint.h>

#include "intake/hash_child.h"

/* Standing still for so long is a hang. They have the lowest priority: on a machine that is full to
 * the brim a slice takes a second. */
#define HELPERS_STALL_NS 10000000000ULL

struct helpers;

/* 0 or -errno. No process yet. */
int helpers_new(struct helpers **ret);
void helpers_free(struct helpers *x);
/* Readable when helpers_answer() has one. */
int helpers_fd(const struct helpers *x);
/* 0 or -errno. */
int helpers_begin(struct helpers *x, uint64_t now_ns);
bool helpers_up(const struct helpers *x);
void helpers_end(struct helpers *x);
/* `fd` is borrowed, -1: none. 0, -EAGAIN: not now, or -errno. */
int helpers_ask(struct helpers *x, const struct hash_request *req, int fd);
/* 1, and who it is from; 0: none; or -errno: an end is gone, or talks nonsense. */
int helpers_answer(struct helpers *x, struct hash_answer *ret, enum hash_role *ret_from);
/* At what it is, or was when it ended; 0: at nothing. */
uint64_t helpers_at(const struct helpers *x, enum hash_role role);
/* Now and then. True: one hangs, at *ret_id; 0: before it took anything. */
bool helpers_hang(struct helpers *x, uint64_t now_ns, uint64_t *ret_id);

#endif
