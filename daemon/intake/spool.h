/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spool.h: who changes the files from which cron and at start something, by fanotify(7) on their
 * folders. What is found becomes a record. Nobody waits for this: the kernel only tells.
 *
 * A folder that is made later is watched from the next look on.
 */
#ifndef INTAKE_SPOOL_H
#define INTAKE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "intake/intake.h"

struct spool;

/* exec_id of what the process runs now; 0: it has ended, or is not known. */
typedef uint64_t spool_who_fn(void *arg, uint32_t tgid);

/* 0 or -errno. Nothing is watched before the first spool_look(). */
int spool_new(spool_who_fn *who, void *arg, struct spool **ret);
/* NULL is fine. */
void spool_free(struct spool *s);
/* Readable when spool_read() has something to do. */
int spool_fd(const struct spool *s);
/* Once a second: folders that came or went. */
void spool_look(struct spool *s);
/* Takes what the kernel has to tell, and finds out who did it while that is known. */
void spool_read(struct spool *s, uint64_t now_ns);
/* Tells that. Records of the processes must have been told up to spool_read(). */
void spool_tell(struct spool *s, intake_raw_fn *fn, void *arg);
/* 0, or -errno of the kernel: a folder that is there is not watched. */
int spool_refused(const struct spool *s);

/* What this kernel says to such a watch: 0 or -errno. */
int spool_try(void);

#endif
