/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.h: the SHA-256 of what was executed. Which file that was the probes tell (struct of_image);
 * what was hashed once is remembered by that, and the rest is read by two processes that may be
 * stopped by a hostile file, so that this one never is (hash_child.h).
 */
#ifndef INTAKE_HASH_H
#define INTAKE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake/intake.h"
#include "outflow/abi.h"

#define HASH_CACHED_MAX	 4096  /* files; a build machine has some 3000 programs */
#define HASH_WAITING_MAX 1024  /* files; at a start all that runs waits */
#define HASH_WAITERS_MAX 16384 /* executions of these */
#define HASH_HELD_MAX	 128   /* files that are held open meanwhile */

struct hashes;

/* Does this execution still run what it executed? Asked of the kernel's table, so that there is no
 * moment between its end and the answer. */
typedef bool hashes_alive_fn(void *arg, uint32_t exec_slot, uint64_t exec_id);

/* 0 or -errno. Nothing is read before hashes_start(). */
int hashes_new(hashes_alive_fn *alive, void *arg, struct hashes **ret);
/* Ends the two processes; NULL is fine. */
void hashes_free(struct hashes *h);
/* This process is the one that stays: the two processes end with it. */
void hashes_start(struct hashes *h);
/* An execution was told. When its file is known, its hash is told at once, else later. */
void hashes_exec(struct hashes *h, const struct of_rec_exec *rec, intake_raw_fn *fn, void *arg);
/* Readable when hashes_drain() has something to do. */
int hashes_fd(const struct hashes *h);
/* Tells what the processes found out meanwhile. */
void hashes_drain(struct hashes *h, intake_raw_fn *fn, void *arg);
/* Once a second: replaces processes that ended or hang. */
void hashes_tick(struct hashes *h, intake_raw_fn *fn, void *arg);
struct hash_stats hashes_stats(const struct hashes *h);

#endif
