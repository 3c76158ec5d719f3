/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * who.h: ways to come to send: what the bytes must be charged to is not who made the socket, nor
 * what a name or a number says. Each sends who.bytes to who.to and says who did. The programs give
 * up at any error. who.c has the table; the files beside this one the bodies.
 */
#ifndef LAB_WHO_WHO_H
#define LAB_WHO_WHO_H

#include <stdint.h>
#include <sys/types.h>

#include "../lib/lab.h"
#include "../lib/post.h"

struct who {
	const char *way;
	struct lab_addr to;
	const char *to_text; /* as it was given */
	uint64_t bytes;
	struct lab_chain chain; /* this process is the last of it */
	char payer[512];	/* path of the program that only sends */
};

/* Who else a claim is about than the payer itself; zeros: nobody. */
struct maker {
	pid_t pid;
	const char *name;
};

/* A TCP socket that is connected to who.to. */
int who_connect(const struct who *w);
/* Sends so many bytes; returns them. Safe in a child of vfork. */
uint64_t who_send(int fd, uint64_t n);
/* Says that `pid`, called `name`, behind `chain` (which does not have it yet) sent so many. */
void who_claim(const struct who *w, const struct lab_chain *chain, const char *name, pid_t pid,
	       uint64_t sent, struct maker maker);
/* The same for a child of this process that was forked and did not exec. */
void who_claim_child(const struct who *w, pid_t pid, uint64_t sent, struct maker maker);
pid_t who_fork(void);
/* Ends with the child's exit status when that is not 0. */
void who_wait(pid_t pid);
/* Becomes the payer: connects by itself, or sends over `fd` unless that is -1. It claims by its
 * own number, as `name`, behind `chain`; `as` is its argv[0]. Give `path` or, with NULL, `exe`. */
struct payer {
	const char *path, *as, *name;
	int exe, fd;
	uint64_t bytes;
	struct maker maker;
};
__attribute__((noreturn)) void who_become(const struct who *w, const struct lab_chain *chain,
					  const struct payer *p);
int who_skip(const struct who *w, const char *call);

int who_fork_child(struct who *w);
int who_fork_both(struct who *w);
int who_vfork(struct who *w);
int who_vfork_exec(struct who *w);
int who_detach(struct who *w);
int who_subreaper(struct who *w);
int who_orphan(struct who *w);
int who_clone_parent(struct who *w);
int who_pid_reuse(struct who *w);

int who_scm_rights(struct who *w);
int who_pidfd_getfd(struct who *w);
int who_threads(struct who *w);
int who_thread_alone(struct who *w);
int who_ring_inherited(struct who *w);
int who_deputy(struct who *w);

int who_exec_between(struct who *w);
int who_renamed(struct who *w);
int who_argv0(struct who *w);
int who_memfd(struct who *w);
int who_deleted(struct who *w);
int who_ptrace(struct who *w);
int who_ptrace_other(struct who *w);

int who_setuid(struct who *w);
int who_pid_namespace(struct who *w);
int who_net_namespace(struct who *w);
int who_net_borrowed(struct who *w);
int who_user_namespace(struct who *w);
int who_container(struct who *w);
int who_container_socket(struct who *w);

#endif
