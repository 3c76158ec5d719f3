/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * env.h: of an environment the variables that are allowed, as the probes take them at exec
 * (bpf/env.bpf.h), for processes that are older than the probes.
 */
#ifndef INTAKE_ENV_H
#define INTAKE_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "outflow/abi.h"
#include "outflow/policy.h"

/* Fed with an environment as it lies in memory, in pieces of any size. Zero it to start. */
struct env_filter {
	const struct policy *policy;
	struct of_env *env; /* what was allowed so far */
	size_t len;	    /* of the variable under way, as far as it is in `piece` */
	char piece[OF_ENV_PIECE];
};

void env_filter_feed(struct env_filter *f, const char *bytes, size_t n);
/* After the last piece; nothing of what was not allowed is left in *f. */
void env_filter_end(struct env_filter *f);

#endif
