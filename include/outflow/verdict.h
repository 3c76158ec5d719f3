/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.h: what a rule concluded, with its numbers. Made by detection, read by alerting.
 */
#ifndef OUTFLOW_VERDICT_H
#define OUTFLOW_VERDICT_H

#include "outflow/policy.h"
#include "outflow/subject.h"

/* Two verdicts with equal keys are the same alert. All bytes count: zero what is unused. */
struct verdict_key {
	uint32_t rule;	       /* index in policy.rules */
	uint32_t per;	       /* enum rule_per */
	uint64_t root;	       /* exec_id, process or role bit, as `per` says */
	struct of_endpoint to; /* for PER_ENDPOINT, else zero */
};

struct verdict {
	struct verdict_key key;
	const struct rule *rule;
	const struct subject *subject;
	uint64_t sent;	    /* bytes in the window; without a `sent` condition, on the account */
	uint64_t limit;	    /* bytes; 0: the rule has no `sent` condition */
	uint64_t window_ns; /* 0: the rule has no `sent` condition */
};

#endif
