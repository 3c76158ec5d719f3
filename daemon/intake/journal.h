/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * journal.h: moves what a slot holds to the sums of what is over, so that a daemon killed at any
 * instruction of it leaves books that the next one continues to the byte. The sums as they will be
 * are written down first; doing a step again changes nothing.
 *
 * journal_account() or journal_execution(), then the caller puts the slot into its queue of free
 * ones, then journal_done(). Nobody but the caller touches the slot before it is in the queue.
 */
#ifndef INTAKE_JOURNAL_H
#define INTAKE_JOURNAL_H

#include <stdint.h>

#include "outflow/abi.h"

void journal_account(struct of_machine *m, struct of_account *a, uint32_t slot);
void journal_execution(struct of_machine *m, struct of_exec_slot *s, uint32_t slot);
void journal_done(struct of_machine *m);

/*
 * What a daemon before had begun. OF_JOURNAL_ACCOUNT and OF_JOURNAL_EXECUTION: m->journal.slot is
 * to be handed to journal_account_again() or journal_execution_again(), and then into its queue.
 * OF_JOURNAL_FREE_*: nobody can know whether the slot is in its queue already, where a program may
 * have taken it. It must not be put there twice: it stays out, which costs one slot and no byte.
 */
enum of_journal_step journal_begun(const struct of_machine *m);
void journal_account_again(struct of_machine *m, struct of_account *a);
void journal_execution_again(struct of_machine *m, struct of_exec_slot *s);

#endif
