/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * process.h: is an execution what a rule asks for? Pure.
 */
#ifndef DETECT_PROCESS_H
#define DETECT_PROCESS_H

#include <stdbool.h>

#include "outflow/policy.h"
#include "outflow/subject.h"

/* One that is looked at by many rules: its texts are made ready once. */
struct process_asked {
	const struct execution *e; /* NULL: not known, of which no condition holds */
	bool ready;
	struct exec_texts texts; /* when `ready` */
};

/* NULL: nobody knows who. */
void process_asked_begin(struct process_asked *p, const struct execution *e);

/* True also for a rule that asks for nothing. */
bool process_holds(const struct rule *r, struct process_asked *p);

#endif
