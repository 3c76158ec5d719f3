/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/again.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

/* Without secret: who finds two that share a place makes both be told more often. */
static struct of_rec_flow *place(struct again *a, const struct of_rec_flow *f)
{
	uint64_t h = FNV64_START;

	h = fnv64(h, &f->to, sizeof(f->to));
	h = fnv64(h, &f->exec_id, sizeof(f->exec_id));
	return &a->last[(h ^ h >> 32) % AGAIN_FLOWS];
}

/* But for the time and the socket. */
static bool same(const struct of_rec_flow *x, const struct of_rec_flow *y)
{
	const size_t head = offsetof(struct of_rec_flow, cookie) - offsetof(struct of_rec_flow, to);
	const size_t at = offsetof(struct of_rec_flow, netns);

	return x->hdr.len == y->hdr.len && memcmp(&x->to, &y->to, head) == 0 &&
	       memcmp(&x->netns, &y->netns, x->hdr.len - at) == 0;
}

bool again_told(struct again *a, const struct of_rec_hdr *rec)
{
	const struct of_rec_flow *f = (const struct of_rec_flow *)rec;
	struct of_rec_flow *last;

	if (rec->kind != OF_REC_FLOW || (f->flags & (OF_FLOW_INVALID | OF_FLOW_LOST)))
		return false;
	last = place(a, f);
	if (rec->ts_ns - last->hdr.ts_ns < AGAIN_NS && same(f, last))
		return true;
	memcpy(last, f, rec->len);
	return false;
}
