/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * confine.h: how a process that works on what others made gives up what it does not need, for good,
 * before it hears of the first of it.
 */
#ifndef INTAKE_CONFINE_H
#define INTAKE_CONFINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CONFINE_CALLS_MAX 16

struct confinement {
	const unsigned short *calls; /* system calls that it makes from then on; others end it */
	size_t calls_n;		     /* at most CONFINE_CALLS_MAX */
	uint64_t caps;		     /* bit n: keeps capability n when it has it */
	int fd_first;		     /* descriptors from this one on are closed */
	unsigned int files;	     /* it may have open at a time */
	int idle;		     /* not 0: gets the processor and the disk last */
};

/* The process becomes user `outflow`, or nobody, and ends with `parent`. 0 or -errno. */
int confine(const struct confinement *c, pid_t parent);

#endif
