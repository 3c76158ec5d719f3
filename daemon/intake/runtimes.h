/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtimes.h: from which image a container was made, asked when its first cgroup is told. What
 * is found becomes a record, so that a recording holds it too.
 *
 * Who asks does not wait: a file is asked for, and its answer may come before that returns or any
 * time later. A runtime writes some of its files only after the container's first process is there:
 * what is not found is looked for again, when something is executed in there and at the next looks,
 * for half a minute.
 *
 * Who may name cgroups may have anything asked for. So between two looks only so many files are
 * asked for, and one branch of cgroups leaves as much as it takes to others; the rest waits, and of
 * those that are too many the branch that has the most is given up first. What a user claims
 * (base/container.h) is not asked for at all: of that no file of root's tells.
 */
#ifndef INTAKE_RUNTIMES_H
#define INTAKE_RUNTIMES_H

#include <stdint.h>

#include "intake/intake.h"
#include "intake/runtime_files.h"

#define RUNTIMES_FILES_MAX 256	      /* between two looks: of 3 us, when they are not there */
#define RUNTIMES_BYTES_MAX (4U << 20) /* the same; 2.6 ms a MiB are what it takes to parse them */

struct runtimes;

/* The file is to be read; runtimes_answer() is to be called with this ticket, with nothing told
 * when it cannot be. `id` and `file` are borrowed. */
typedef void runtimes_ask_fn(void *arg, uint64_t ticket, const char *id,
			     const struct runtime_file *file);

/* 0 or -errno. */
int runtimes_new(runtimes_ask_fn *ask, void *arg, struct runtimes **ret);
void runtimes_free(struct runtimes *i);
/* Every record of the stream, after it was told. */
void runtimes_record(struct runtimes *i, const struct of_rec_hdr *rec);
/* A ticket that is not waited for any more is ignored. */
void runtimes_answer(struct runtimes *i, uint64_t ticket, const struct runtime_told *told,
		     uint64_t now_ns, intake_raw_fn *fn, void *arg);
/* Once a second. */
void runtimes_look(struct runtimes *i, uint64_t now_ns);
struct image_stats runtimes_stats(const struct runtimes *i);

#endif
