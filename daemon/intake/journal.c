/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/journal.h"

#include <string.h>

#include "base/poison.h"

/*
 * What was stored before a kill is seen by whoever maps the page next, in the order in which this
 * thread stored it: only the compiler must be kept from another order.
 */
static void step_set(struct of_machine *m, enum of_journal_step step)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&m->journal.step, step, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

void journal_account_again(struct of_machine *m, struct of_account *a)
{
	m->retired = m->journal.retired;
	memset(a, 0, sizeof(*a));
	step_set(m, OF_JOURNAL_FREE_ACCOUNT);
}

void journal_execution_again(struct of_machine *m, struct of_exec_slot *s)
{
	m->retired = m->journal.retired;
	m->retired_executions = m->journal.retired_executions;
	memset(s, 0, sizeof(*s));
	step_set(m, OF_JOURNAL_FREE_EXECUTION);
}

void journal_account(struct of_machine *m, struct of_account *a, uint32_t slot)
{
	m->journal.slot = slot;
	m->journal.retired = m->retired + a->sent - a->moved;
	step_set(m, OF_JOURNAL_ACCOUNT);
	journal_account_again(m, a);
}

void journal_execution(struct of_machine *m, struct of_exec_slot *s, uint32_t slot)
{
	m->journal.slot = slot;
	m->journal.retired = m->retired + s->e.overflow;
	m->journal.retired_executions = m->retired_executions + s->e.sent;
	step_set(m, OF_JOURNAL_EXECUTION);
	journal_execution_again(m, s);
}

void journal_done(struct of_machine *m)
{
	step_set(m, OF_JOURNAL_NONE);
}

enum of_journal_step journal_begun(const struct of_machine *m)
{
	return (enum of_journal_step)__atomic_load_n(&m->journal.step, __ATOMIC_RELAXED);
}
