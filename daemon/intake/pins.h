/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins.h: what became of the pins at start: probes and maps that outlive the daemon, so that the
 * next one goes on with the same books.
 */
#ifndef INTAKE_PINS_H
#define INTAKE_PINS_H

#include <stdbool.h>
#include <stdint.h>

#define PINS_TEXT_MAX 4608 /* the longest path and a reason */

enum pins_state {
	PINS_NONE,    /* nothing is pinned: everything ends with this daemon */
	PINS_PINNED,  /* fresh books, pinned */
	PINS_ADOPTED, /* the books of a daemon before, gone on with */
};

struct pins_status {
	const char *path; /* of the configuration, borrowed */
	enum pins_state state;
	bool tamper;	  /* the pins that were there are not what outflow had left */
	char reason[256]; /* NONE: why; PINNED: why the pins that were there were not adopted, or ""
			   */
	uint64_t held;	  /* bytes in the books that were found: adopted, or given up */
	bool left;	  /* `held` is of a start that did not come to its end */
};

/* "pinned", "adopted", "none" */
const char *pins_state_name(enum pins_state state);
/* What a "start" or "tamper" record says of it: "fresh books: ..."; cut at `size`. */
void pins_text(const struct pins_status *s, char *ret, uint32_t size);

#endif
