/* SPDX-License-Identifier: BSD-2-Clause */
/* child.h: processes that are this program once more, executed anew, so that they have nothing of
 * the daemon's memory. */
#ifndef INTAKE_CHILD_H
#define INTAKE_CHILD_H

#include <sys/types.h>

#define CHILD_FD_FIRST 3 /* what it finds open behind the standard ones */

/* A copy of a descriptor above the numbers that children find theirs under, or -errno. */
int child_fd_high(int fd);
/* Both ends of a SOCK_SEQPACKET above those. 0, or -errno with what was opened in ret, else -1 or
 * less. */
int child_pair(int ret[2]);
/* Executes argv { name, arg, the caller's pid } with fds[i], each from child_fd_high(), as
 * CHILD_FD_FIRST + i. 0 or -errno with *ret 0. */
int child_spawn(char *name, char *arg, const int *fds, int n, pid_t *ret);

#endif
