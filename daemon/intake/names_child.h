/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_child.h: the process that reads packets for names. What is in them anybody may have made:
 * so it has no rights, makes no calls but to wait and to answer, and what it says is checked like a
 * recording.
 *
 *	kernel --captures--> this process --records--> daemon
 */
#ifndef INTAKE_NAMES_CHILD_H
#define INTAKE_NAMES_CHILD_H

#include <stddef.h>

#include "intake/child.h"

#define NAMES_CHILD_NAME "outflowd-names" /* its argv[0]; argv[1]: bytes of the ring */

/* What it finds open. */
enum names_child_fd {
	NAMES_FD_DAEMON = CHILD_FD_FIRST,
	NAMES_FD_RING, /* the map `captures` */
	NAMES_FD_FIRST,
};

/* A message is some records, each of which takes up NAMES_ALIGN() of its length. */
#define NAMES_BATCH	 32768
#define NAMES_ALIGN(len) (((size_t)(len) + 7) & ~(size_t)7)

/* main() of it. */
int names_child_main(int argc, char **argv);

#endif
