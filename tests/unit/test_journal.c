/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_journal.c: a daemon killed behind any single instruction of giving a slot back leaves books
 * that the next one closes to the byte. A child runs it one instruction at a time; behind each,
 * what a next daemon would make of the memory is looked at.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intake/journal.h"

#define SLOT	 3
#define SENT	 1000001
#define OVERFLOW 70007
#define BEFORE	 5000
#define STEPS	 100000 /* many times what it takes; a child that loops is found */

/* What the daemon and the programs share, and the queue of free slots beside it. */
struct world {
	struct of_machine m;
	struct of_account account;
	struct of_exec_slot execution;
	uint32_t queued; /* how often the slot is in it */
	uint32_t begun;	 /* the child is at the part that counts */
	uint32_t ended;
};

struct sums {
	uint64_t accounts, executions;
};

static struct sums sums_of(const struct world *w)
{
	return (struct sums){
		.accounts = w->m.retired + w->account.sent + w->execution.e.overflow,
		.executions = w->m.retired_executions + w->execution.e.sent,
	};
}

/* As books_redo() does. */
static void next_daemon(struct world *w)
{
	switch (journal_begun(&w->m)) {
	case OF_JOURNAL_ACCOUNT:
		cr_assert_eq(w->m.journal.slot, SLOT);
		journal_account_again(&w->m, &w->account);
		w->queued++;
		break;
	case OF_JOURNAL_EXECUTION:
		cr_assert_eq(w->m.journal.slot, SLOT);
		journal_execution_again(&w->m, &w->execution);
		w->queued++;
		break;
	default:
		break;
	}
	journal_done(&w->m);
}

static struct world *world_new(void)
{
	struct world *w =
		mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(w, MAP_FAILED);
	w->m.retired = BEFORE;
	w->m.retired_executions = BEFORE;
	w->account = (struct of_account){ .exec_id = 9 | OF_ACCOUNT_CLOSED, .sent = SENT };
	w->execution.e = (struct of_exec){ .exec_id = 9, .sent = SENT, .overflow = OVERFLOW };
	return w;
}

static void give_account(struct world *w)
{
	journal_account(&w->m, &w->account, SLOT);
	__atomic_fetch_add(&w->queued, 1, __ATOMIC_SEQ_CST);
	journal_done(&w->m);
}

static void give_execution(struct world *w)
{
	journal_execution(&w->m, &w->execution, SLOT);
	__atomic_fetch_add(&w->queued, 1, __ATOMIC_SEQ_CST);
	journal_done(&w->m);
}

static void child(struct world *w, void (*give)(struct world *))
{
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	__atomic_store_n(&w->begun, 1, __ATOMIC_SEQ_CST);
	give(w);
	__atomic_store_n(&w->ended, 1, __ATOMIC_SEQ_CST);
	_exit(0);
}

/* Killed here, what then? */
static void check_kill(const struct world *now, const struct sums *want, unsigned int step)
{
	struct world w = *now;
	enum of_journal_step begun = journal_begun(&w.m);
	struct sums got;

	next_daemon(&w);
	got = sums_of(&w);
	cr_assert_eq(got.accounts, want->accounts, "instruction %u, journal step %d: %lu", step,
		     (int)begun, got.accounts);
	cr_assert_eq(got.executions, want->executions, "instruction %u: %lu", step, got.executions);
	cr_assert_leq(w.queued, 1, "instruction %u: the slot is free twice", step);
	/* Once more: killed while it went on. */
	next_daemon(&w);
	got = sums_of(&w);
	cr_assert_eq(got.accounts, want->accounts);
	cr_assert_leq(w.queued, 1);
	if (w.queued == 1 && !now->ended)
		cr_assert(w.account.exec_id == 0 || w.execution.e.exec_id == 0,
			  "instruction %u: a slot in the queue is in use", step);
}

/* Returns the instructions that were looked behind; *ret_unsure: how many lose the slot. */
static unsigned int step_through(void (*give)(struct world *), unsigned int *ret_unsure)
{
	struct world *w = world_new();
	struct sums want = sums_of(w);
	unsigned int i, looked = 0, unsure = 0;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		child(w, give);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSTOPPED(status), "ptrace is not allowed here");
	for (i = 0; i < STEPS && !w->ended; i++) {
		cr_assert_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSTOPPED(status));
		if (!w->begun)
			continue;
		check_kill(w, &want, i);
		unsure += journal_begun(&w->m) >= OF_JOURNAL_FREE_ACCOUNT && w->queued == 0;
		looked++;
	}
	cr_expect_eq(w->ended, 1);
	cr_expect_eq(w->queued, 1);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	*ret_unsure = unsure;
	return looked;
}

Test(journal, account)
{
	unsigned int unsure, looked = step_through(give_account, &unsure);

	cr_expect_gt(looked, 20, "behind %u instructions", looked);
	cr_expect_lt(unsure, looked, "a kill between the two loses the slot, %u of %u", unsure,
		     looked);
}

Test(journal, execution)
{
	unsigned int unsure, looked = step_through(give_execution, &unsure);

	cr_expect_gt(looked, 20, "behind %u instructions", looked);
	cr_expect_lt(unsure, looked);
}

Test(journal, nothing_begun)
{
	struct world w = { .m.retired = 7 };

	cr_expect_eq(journal_begun(&w.m), OF_JOURNAL_NONE);
	next_daemon(&w);
	cr_expect_eq(w.m.retired, 7);
	cr_expect_eq(w.queued, 0);
}
