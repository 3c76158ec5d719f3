/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/told.h"

#include "base/poison.h"

/* Only the compiler must be kept from another order: see journal.c. */
#define FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* At no moment are there more bytes than belong to the time. */
static void mark_set(struct of_told_mark *m, uint64_t ns, uint64_t sent)
{
	m->ns = ns;
	FENCE();
	m->sent = sent;
	FENCE();
}

struct of_told_mark told_last(const struct of_told *t)
{
	return t->n == 0 || t->n > OF_TOLD_MARKS ? (struct of_told_mark){ 0, 0 } : t->at[t->n - 1];
}

bool told_is_of(const struct of_told *t, const struct of_account *a)
{
	uint32_t i;

	if (t->exec_id == 0 || t->exec_id != (a->exec_id & ~OF_ACCOUNT_CLOSED) ||
	    t->generation != a->generation || t->n > OF_TOLD_MARKS)
		return false;
	for (i = 0; i < t->n; i++)
		if (t->at[i].sent > a->sent || (i > 0 && t->at[i].ns < t->at[i - 1].ns))
			return false;
	return true;
}

void told_grow(struct of_told *t, const struct of_account *a, uint64_t now_ns, uint64_t window_ns)
{
	uint64_t exec_id = a->exec_id & ~OF_ACCOUNT_CLOSED;
	uint32_t i;

	if (t->exec_id != exec_id || t->generation != a->generation || t->n > OF_TOLD_MARKS) {
		t->exec_id = 0;
		FENCE();
		t->n = 0;
		t->generation = a->generation;
		FENCE();
		t->exec_id = exec_id;
		FENCE();
	}
	if (t->n < OF_TOLD_MARKS) {
		mark_set(&t->at[t->n], now_ns, a->sent);
		t->n++;
		return;
	}
	/* The first mark takes over what the second holds once that is out of every window. */
	if (now_ns > t->at[OF_TOLD_MARKS - 2].ns + window_ns)
		for (i = 0; i + 1 < OF_TOLD_MARKS; i++)
			mark_set(&t->at[i], t->at[i + 1].ns, t->at[i + 1].sent);
	mark_set(&t->at[OF_TOLD_MARKS - 1], now_ns, a->sent);
}
