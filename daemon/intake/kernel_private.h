/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_private.h: what the parts of the kernel engine share; nobody else includes it. */
#ifndef INTAKE_KERNEL_PRIVATE_H
#define INTAKE_KERNEL_PRIVATE_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "intake/kernel.h"
#include "outflow.skel.h"

struct books;
struct machine;

/* ---- kernel_hooks.c: which program serves which purpose ---- */

#define HOOKS_MAX 32

/* Turns on the programs of the first alternative that this kernel takes, for each hook. 0, with the
 * names of those that it could be without and that it refused; or -ENOTSUP with a message when
 * another has none. */
int hooks_choose(struct outflow_bpf *skel, const char *ret_missing[HOOKS_MAX + 1],
		 struct kernel_err *ret_err);
/* Attaches what was chosen, lineage first; cgroup programs to cgroup_fd. 0 or -errno. */
int hooks_attach(struct outflow_bpf *skel, int cgroup_fd, struct bpf_link *links[HOOKS_MAX],
		 struct kernel_err *ret_err);
/* Sum of the runs that the kernel skipped (bpf_prog_info.recursion_misses, Linux 5.12), of programs
 * that bytes or lineage depend on. */
uint64_t hooks_missed(const struct outflow_bpf *skel);

/* ---- kernel_event.c: classic tracepoint programs ---- */

/* The perf event of "GROUP/EVENT", a descriptor of the caller's, or -errno. */
int event_open(const char *name);
/* NULL with errno. */
struct bpf_link *event_attach(struct bpf_program *prog);
/* 1: tracepoints call with preemption enabled, 0: without it, or -errno: not to be found out. */
int kernel_preemptible(void);

/* ---- kernel_check.c: what a machine may lack, each as one line ---- */

/* Before load. 0 with an open descriptor of the cgroup2 root in *ret_cgroup, or -errno. */
int kernel_check(int *ret_cgroup, struct kernel_err *ret_err);

/* ---- kernel_books.c: the maps, mapped into memory, and what was last told of each slot ---- */

int books_open(struct outflow_bpf *skel, struct books **ret);
void books_free(struct books *b);
/* A record came through the ring: tells what it refers to, when that was lost, and remembers that
 * the record itself need not be told again. */
void books_ring(struct books *b, const struct of_rec_hdr *rec, intake_raw_fn *fn, void *arg);
/* Tells executions and accounts that changed, then ages out the dead. */
void books_look(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg);
struct of_machine *books_machine(const struct books *b);
int books_ledger(struct books *b, struct ledger *ret);

int kernel_fail(struct kernel_err *ret_err, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
