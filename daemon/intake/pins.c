/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/pins.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/poison.h"

const char *pins_state_name(enum pins_state state)
{
	static const char *const names[] = {
		[PINS_NONE] = "none",
		[PINS_PINNED] = "pinned",
		[PINS_ADOPTED] = "adopted",
	};

	return names[state];
}

void pins_text(const struct pins_status *s, char *ret, uint32_t size)
{
	char held[96] = "";

	if (s->state == PINS_ADOPTED) {
		(void)snprintf(ret, size,
			       "goes on with the books in %s, which hold %" PRIu64 " bytes",
			       s->path, s->held);
		return;
	}
	if (s->left || s->held > 0 || (s->state == PINS_PINNED && s->reason[0] != '\0'))
		(void)snprintf(held, sizeof(held), "; %s held %" PRIu64 " bytes",
			       s->left ? "those of a start that did not end well" : "the old ones",
			       s->held);
	(void)snprintf(ret, size, "fresh books%s%s%s%s",
		       s->state == PINS_NONE ? ", not pinned" : "",
		       s->reason[0] != '\0' ? ": " : "", s->reason, held);
}
