/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * post.h: what a sender says of its own bytes: one line of JSON for each account that must come of
 * them, in one write, so that lines of several processes do not mix.
 */
#ifndef LAB_POST_H
#define LAB_POST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab.h"

/* The end of a lineage, as JSON strings: "name[pid]","name[pid]"; oldest first. */
struct lab_chain {
	char text[1024];
};

struct lab_post {
	const char *way;
	uint64_t sent;
	pid_t pid;	  /* of the payer, in the initial pid namespace */
	const char *name; /* the payer's, as its execution is called; NULL: this program's */
	const struct lab_chain *chain;
	const struct lab_addr *to; /* NULL: where the row of the table says */
	bool self;		   /* to an address of this machine: beside what the row counts */
	pid_t creator;		   /* of the socket; 0: it is the payer's own */
	const char *creator_name;  /* NULL: this program's */
	uint64_t wire; /* what the far end must count, where that is not `sent`; 0: it is */
};

/* This process and its parents up to the one whose id is in $LAB_ROOT ("self": none of them;
 * without it: one), by the names in their /proc/PID/stat. */
void lab_chain_self(struct lab_chain *ret);
/* Behind those that are there; what does not fit ends the program. */
void lab_chain_add(struct lab_chain *c, const char *name, pid_t pid);

void lab_post(const struct lab_post *p);
/* {"way":..,"skip":".."}; returns LAB_EXIT_SKIP. */
int lab_skip(const char *way, const char *why);

#endif
