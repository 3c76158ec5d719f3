/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * again.h: what was told of flows a moment ago. Who opens a thousand connections to one far end
 * says a thousand times the same: telling it once is enough, for what follows is kept by account.
 */
#ifndef INTAKE_AGAIN_H
#define INTAKE_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "outflow/abi.h"

/* After so long it is told again: the time of what was said is then this old at most. */
#define AGAIN_NS    1000000000ULL
#define AGAIN_FLOWS 64

/* All zero: nothing was told. Some 90 KiB, of the caller. */
struct again {
	struct of_rec_flow last[AGAIN_FLOWS];
};

/*
 * Was the same told less than AGAIN_NS before? Of another socket it is the same. If not it is now.
 * `rec` is whole (decode.h); of what is not a flow, and of a flow that was not read, each is told:
 * those are counted.
 */
bool again_told(struct again *a, const struct of_rec_hdr *rec);

#endif
