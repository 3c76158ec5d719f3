/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_books.c: the account and execution tables of the kernel, mapped into memory; what was
 * last told of each slot; and the ageing of what is over, which gives slots back.
 *
 * A slot is given back in two steps, a second apart. First it is closed: taken out of the index
 * and marked in its exec_id, so that no hint leads to it any more. A send that had found it before
 * may still add to it; a second later none is left, and what the slot then holds is final.
 *
 * The maps outlive this process, which may be killed anywhere in here: whatever is changed in them
 * is found and finished by the next one (books_open()). Of what was told the map `told` keeps
 * marks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "intake/journal.h"
#include "intake/kernel_private.h"
#include "intake/told.h"
#include "outflow/subject.h"

#include "base/poison.h"

#define RETIRE_NS    2000000000ULL /* after the end of an execution, its accounts are closed */
/* Looks come more often when somebody asks. Less than a second, or the look of each second that
 * comes a little early would put off till the next what track.c counts on (FINAL_NS). */
#define AGE_EVERY_NS 900000000ULL
#define LEDGER_TRIES 32
#define IDLE_NS	     10000000000ULL /* with a table three quarters full, idle accounts are closed */
#define PAUSE_EVERY  8192	    /* accounts told, closed or given back: 10 ms */

struct execution_told {
	uint64_t exec_id; /* 0: none */
	uint64_t overflow;
	uint32_t renames;
	bool ended;
};

struct books {
	struct map_view accounts, told, executions, machine;
	struct who *who;
	int totals_fd, index_fd, free_accounts_fd, free_reserve_fd, free_executions_fd;
	uint32_t reserve; /* account slots below this */
	bool *closed; /* account slots seen closed by the ageing before; this one gives them back */
	struct execution_told *execution_told;
	uint32_t *untold; /* scratch: slots of executions to tell, in order */
	uint64_t machine_overflow;
	uint64_t since_ns;  /* when this process began to look: nothing is over for longer */
	uint64_t adopted;   /* executions with lower ids were told to a daemon before */
	uint64_t window_ns; /* the longest of a rule */
	uint64_t aged_ns;   /* when slots were last closed and given back */
	uint32_t accounts_open, executions_open; /* at the last look */
	struct of_totals *per_cpu;
	int cpus;
	books_pause_fn *pause;
	void *pause_arg;
	uint32_t steps; /* since the last pause */
};

static struct of_account *account_at(const struct books *b, uint32_t slot)
{
	return (struct of_account *)b->accounts.data + slot;
}

static struct of_told *told_at(const struct books *b, uint32_t slot)
{
	return (struct of_told *)b->told.data + slot;
}

static struct of_exec_slot *execution_at(const struct books *b, uint32_t slot)
{
	return (struct of_exec_slot *)b->executions.data + slot;
}

bool books_alive(const struct books *b, uint32_t slot, uint64_t exec_id)
{
	const struct of_exec *e = &execution_at(b, slot)->e;

	return slot < b->executions.mapped && e->exec_id == exec_id &&
	       __atomic_load_n(&e->end_ns, __ATOMIC_ACQUIRE) == 0;
}

/* Only we give slots back: what is there stays there meanwhile. */
void books_roles(struct books *b, uint32_t slot, uint64_t exec_id, uint64_t roles)
{
	struct of_exec *e = &execution_at(b, slot)->e;

	if (slot < b->executions.mapped && e->exec_id == exec_id)
		(void)__atomic_or_fetch(&e->roles, roles, __ATOMIC_RELAXED);
}

/* Where a free slot waits for its next account. */
static int account_free_fd(const struct books *b, uint32_t slot)
{
	return slot < b->reserve ? b->free_reserve_fd : b->free_accounts_fd;
}

/* A slot that nobody uses goes where the programs look for one. */
static void account_free(struct books *b, uint32_t slot)
{
	(void)bpf_map_update_elem(account_free_fd(b, slot), NULL, &slot, BPF_ANY);
	journal_done(books_machine(b));
}

static void execution_free(struct books *b, uint32_t slot)
{
	(void)bpf_map_update_elem(b->free_executions_fd, NULL, &slot, BPF_ANY);
	journal_done(books_machine(b));
}

/* Finishes what a daemon before was killed at. */
static void books_redo(struct books *b)
{
	struct of_machine *m = books_machine(b);
	uint32_t slot = m->journal.slot;

	switch (journal_begun(m)) {
	case OF_JOURNAL_NONE:
		return;
	case OF_JOURNAL_ACCOUNT:
		if (slot >= view_cover(&b->accounts, slot + 1))
			break;
		journal_account_again(m, account_at(b, slot));
		account_free(b, slot);
		return;
	case OF_JOURNAL_EXECUTION:
		if (slot >= view_cover(&b->executions, slot + 1))
			break;
		journal_execution_again(m, execution_at(b, slot));
		execution_free(b, slot);
		return;
	case OF_JOURNAL_FREE_ACCOUNT:
	case OF_JOURNAL_FREE_EXECUTION:
		log_info("books: slot %u was being given back when the daemon before was killed, "
			 "it may stay unused",
			 slot);
		journal_done(m);
		return;
	}
	log_warn("books: the journal says step %u on slot %u, which cannot be: left out",
		 m->journal.step, slot);
	journal_done(m);
}

static uint64_t longest_window(const struct policy *p)
{
	uint64_t ns = 0;
	size_t i;

	for (i = 0; i < p->rules_n; i++)
		if (p->rules[i].off == NULL && p->rules[i].has_sent &&
		    p->rules[i].sent.within_ns > ns)
			ns = p->rules[i].sent.within_ns;
	return ns;
}

int books_open(struct outflow_bpf *skel, const struct policy *policy, bool adopted,
	       struct books **ret)
{
	struct books *b = calloc(1, sizeof(*b));
	int err = -ENOMEM;

	if (b == NULL)
		return err;
	b->window_ns = longest_window(policy);
	b->totals_fd = bpf_map__fd(skel->maps.totals);
	b->index_fd = bpf_map__fd(skel->maps.account_index);
	b->free_accounts_fd = bpf_map__fd(skel->maps.free_accounts);
	b->free_reserve_fd = bpf_map__fd(skel->maps.free_reserve);
	b->reserve = bpf_map__max_entries(skel->maps.free_reserve);
	b->free_executions_fd = bpf_map__fd(skel->maps.free_executions);
	b->cpus = libbpf_num_possible_cpus();
	if (b->cpus <= 0) {
		err = b->cpus < 0 ? b->cpus : -EINVAL;
		goto out;
	}
	err = who_new(skel, policy, &b->who);
	if (err == 0)
		err = view_open(skel->maps.accounts, &b->accounts);
	if (err == 0)
		err = view_open(skel->maps.told, &b->told);
	if (err == 0)
		err = view_open(skel->maps.executions, &b->executions);
	if (err == 0)
		err = view_open(skel->maps.machine, &b->machine);
	if (err != 0)
		goto out;
	err = -ENOMEM;
	b->per_cpu = calloc((size_t)b->cpus, sizeof(*b->per_cpu));
	b->closed = calloc(b->accounts.max, sizeof(*b->closed));
	b->execution_told = calloc(b->executions.max, sizeof(*b->execution_told));
	b->untold = calloc(b->executions.max, sizeof(*b->untold));
	if (b->per_cpu == NULL || b->closed == NULL || b->execution_told == NULL ||
	    b->untold == NULL)
		goto out;
	if (adopted) {
		b->adopted = books_machine(b)->next_exec_id;
		books_redo(b);
	}
	*ret = b;
	return 0;
out:
	books_free(b);
	return err;
}

void books_free(struct books *b)
{
	if (b == NULL)
		return;
	who_free(b->who);
	view_close(&b->accounts);
	view_close(&b->told);
	view_close(&b->executions);
	view_close(&b->machine);
	free(b->per_cpu);
	free(b->closed);
	free(b->execution_told);
	free(b->untold);
	free(b);
}

void books_set_pause(struct books *b, books_pause_fn *pause, void *arg)
{
	b->pause = pause;
	b->pause_arg = arg;
}

/* After each account that cost something. Views may move in here. */
static void step(struct books *b)
{
	if (++b->steps < PAUSE_EVERY)
		return;
	b->steps = 0;
	if (b->pause != NULL)
		b->pause(b->pause_arg);
}

struct of_machine *books_machine(const struct books *b)
{
	return b->machine.data;
}

/* The counter in the map may be over the end for a moment: see account_slot() in account.bpf.h. */
static uint32_t accounts_used(struct books *b)
{
	uint32_t used = view_cover(&b->accounts, books_machine(b)->accounts_used);

	return view_cover(&b->told, used);
}

static uint32_t executions_used(struct books *b)
{
	return view_cover(&b->executions, books_machine(b)->executions_used);
}

static void execution_tell(struct books *b, const struct of_exec_slot *s, uint64_t now_ns,
			   intake_raw_fn *fn, void *arg)
{
	bool older = (s->e.flags & OF_EXEC_ADOPTED) || s->e.exec_id < b->adopted;

	who_tell(b->who, s, older, now_ns, fn, arg);
}

/*
 * What is about to be told refers to this execution: when its own record was lost, it is told
 * first, and its ancestors before it. Whoever reads the stream never meets a child before its
 * parent.
 */
static void execution_need(struct books *b, uint32_t slot, uint64_t exec_id, uint64_t now_ns,
			   intake_raw_fn *fn, void *arg)
{
	const struct of_exec_slot *chain[LINEAGE_DEPTH_MAX], *s;
	uint32_t used = executions_used(b); /* once: it may move the view */
	size_t n = 0;

	while (n < LINEAGE_DEPTH_MAX && exec_id != 0 && slot < used &&
	       b->execution_told[slot].exec_id != exec_id) {
		s = execution_at(b, slot);
		if (s->e.exec_id != exec_id)
			break; /* given to another since */
		chain[n++] = s;
		slot = s->e.parent_slot;
		exec_id = s->e.parent;
	}
	while (n > 0) {
		s = chain[--n];
		execution_tell(b, s, now_ns, fn, arg);
		b->execution_told[s->e.slot] = (struct execution_told){ .exec_id = s->e.exec_id };
	}
}

/* The short name that the sender has now, when that is not the one it was told with. */
static void name_tell(struct books *b, uint32_t slot, uint64_t exec_id, uint64_t now_ns,
		      intake_raw_fn *fn, void *arg)
{
	struct of_rec_comm rec = { .hdr = { now_ns, sizeof(rec), OF_REC_COMM, 0 } };
	const struct of_exec *e;

	if (exec_id == 0 || slot >= executions_used(b))
		return;
	e = &execution_at(b, slot)->e;
	if (e->exec_id != exec_id || b->execution_told[slot].exec_id != exec_id ||
	    b->execution_told[slot].renames == e->renames)
		return;
	b->execution_told[slot].renames = e->renames;
	rec.exec_id = exec_id;
	rec.renames = e->renames;
	memcpy(rec.comm, e->comm, sizeof(rec.comm));
	rec.comm[sizeof(rec.comm) - 1] = '\0';
	(void)fn(arg, &rec.hdr, sizeof(rec));
}

void books_ring(struct books *b, const struct of_rec_hdr *rec, intake_raw_fn *fn, void *arg)
{
	const struct of_exec *e;
	const struct of_account *a;
	const struct of_rec_ask *ask;

	if (rec->kind == OF_REC_ACCOUNT && rec->len >= sizeof(struct of_rec_account)) {
		a = &((const struct of_rec_account *)rec)->a;
		execution_need(b, a->exec_slot, a->exec_id, rec->ts_ns, fn, arg);
		name_tell(b, a->exec_slot, a->exec_id, rec->ts_ns, fn, arg);
	}
	who_saw(b->who, rec);
	if (rec->kind == OF_REC_ASK && rec->len >= sizeof(*ask)) {
		ask = (const struct of_rec_ask *)rec;
		execution_need(b, ask->exec_slot, ask->exec_id, rec->ts_ns, fn, arg);
	}
	/* exec and fork records begin alike. */
	if ((rec->kind != OF_REC_FORK && rec->kind != OF_REC_EXEC) ||
	    rec->len < sizeof(struct of_rec_fork))
		return;
	e = &((const struct of_rec_fork *)rec)->e;
	execution_need(b, e->parent_slot, e->parent, rec->ts_ns, fn, arg);
	who_need(b->who, e, rec->ts_ns, fn, arg);
	if (e->slot < b->executions.max)
		b->execution_told[e->slot] = (struct execution_told){ .exec_id = e->exec_id };
}

static int by_start(const void *x, const void *y, void *arg)
{
	const struct of_exec *a = &execution_at(arg, *(const uint32_t *)x)->e;
	const struct of_exec *b = &execution_at(arg, *(const uint32_t *)y)->e;

	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns ? -1 : 1;
	return a->exec_id < b->exec_id ? -1 : a->exec_id > b->exec_id;
}

/* Executions whose record was lost, or that were adopted: parents before their children. */
static void executions_tell_new(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	uint32_t used = executions_used(b), slot, i, n = 0;

	for (slot = 0; slot < used; slot++) {
		uint64_t id = execution_at(b, slot)->e.exec_id;

		if (id != 0 && id != b->execution_told[slot].exec_id)
			b->untold[n++] = slot;
	}
	qsort_r(b->untold, n, sizeof(*b->untold), by_start, b);
	for (i = 0; i < n; i++) {
		slot = b->untold[i];
		execution_tell(b, execution_at(b, slot), now_ns, fn, arg);
		b->execution_told[slot] =
			(struct execution_told){ .exec_id = execution_at(b, slot)->e.exec_id };
	}
}

static void end_tell(const struct of_exec *e, intake_raw_fn *fn, void *arg)
{
	struct of_rec_exit rec = {
		.hdr = { e->end_ns, sizeof(rec), OF_REC_EXIT, 0 },
		.exec_id = e->exec_id,
		.tgid = e->tgid,
		.flags = e->flags & (OF_EXEC_ENDED | OF_EXEC_REPLACED),
	};

	(void)fn(arg, &rec.hdr, sizeof(rec));
}

static void account_tell(const struct of_account *a, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_account rec = { .hdr = { now_ns, sizeof(rec), OF_REC_ACCOUNT, 0 }, .a = *a };

	(void)fn(arg, &rec.hdr, sizeof(rec));
}

static void overflow_tell(const struct of_exec *e, uint16_t flags, uint64_t sent, uint64_t now_ns,
			  intake_raw_fn *fn, void *arg)
{
	struct of_account a = { .exec_id = e == NULL ? 0 : e->exec_id,
				.flags = flags,
				.sent = sent,
				.exec_slot = e == NULL ? OF_NO_SLOT : e->slot };

	account_tell(&a, now_ns, fn, arg);
}

/* Ends that were not told (a second record of one that was does no harm), and overflows. */
static void executions_tell_changes(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	uint32_t used = executions_used(b), slot, open = 0;
	uint64_t sum = books_machine(b)->overflow;

	for (slot = 0; slot < used; slot++) {
		struct execution_told *told = &b->execution_told[slot];
		const struct of_exec *e = &execution_at(b, slot)->e;

		if (e->exec_id == 0 || e->exec_id != told->exec_id)
			continue;
		open++;
		if (e->overflow != told->overflow) {
			told->overflow = e->overflow;
			overflow_tell(e, OF_ACCOUNT_OVERFLOW, told->overflow, now_ns, fn, arg);
		}
		if (e->end_ns != 0 && !told->ended) {
			told->ended = true;
			end_tell(e, fn, arg);
		}
	}
	b->executions_open = open;
	if (sum != b->machine_overflow) {
		b->machine_overflow = sum;
		overflow_tell(NULL, OF_ACCOUNT_OVERFLOW | OF_ACCOUNT_MACHINE, sum, now_ns, fn, arg);
	}
}

/* A mark of a slot. */
struct mark {
	uint64_t ns;
	uint32_t slot, i;
};

static int by_time(const void *x, const void *y)
{
	const struct mark *a = x, *b = y;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return a->slot != b->slot ? (a->slot < b->slot ? -1 : 1) : (a->i < b->i ? -1 : 1);
}

/* What a daemon before had told, in the order of its times. Without memory for that, all is told as
 * of now. */
static void accounts_tell_again(struct books *b, intake_raw_fn *fn, void *arg)
{
	uint32_t used = accounts_used(b), slot, i;
	struct mark *marks = calloc(used, OF_TOLD_MARKS * sizeof(*marks));
	size_t n = 0, m;

	for (slot = 0; slot < used; slot++) {
		struct of_told *told = told_at(b, slot);

		if (marks == NULL || !told_is_of(told, account_at(b, slot))) {
			*told = (struct of_told){ .exec_id = 0 };
			continue;
		}
		told->moved = 0;
		for (i = 0; i < told->n; i++)
			marks[n++] = (struct mark){ told->at[i].ns, slot, i };
	}
	if (n > 0)
		qsort(marks, n, sizeof(*marks), by_time);
	for (m = 0; m < n; m++) {
		struct of_account a = *account_at(b, marks[m].slot);

		a.exec_id &= ~OF_ACCOUNT_CLOSED;
		a.sent = told_at(b, marks[m].slot)->at[marks[m].i].sent;
		a.moved = 0; /* told when all of it is */
		account_tell(&a, marks[m].ns, fn, arg);
	}
	free(marks);
}

static void accounts_tell(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	uint32_t used = accounts_used(b), slot, open = 0;
	bool grown;

	for (slot = 0; slot < used; slot++) {
		struct of_told *told = told_at(b, slot);
		struct of_account a = *account_at(b, slot);

		a.exec_id &= ~OF_ACCOUNT_CLOSED;
		if (a.exec_id == 0)
			continue;
		open++;
		grown = !told_is_of(told, &a) || told_last(told).sent != a.sent;
		if (!grown && told->received == a.received && told->moved == a.moved)
			continue;
		if (grown)
			told_grow(told, &a, now_ns, b->window_ns);
		told->received = a.received;
		told->moved = a.moved;
		/* Executed since this look began, and its record is still in the ring. */
		execution_need(b, a.exec_slot, a.exec_id, now_ns, fn, arg);
		name_tell(b, a.exec_slot, a.exec_id, now_ns, fn, arg);
		account_tell(&a, now_ns, fn, arg);
		step(b);
	}
	b->accounts_open = open;
}

/* Since when it is over, for a daemon that looks since `since_ns`: a second look must always come.
 */
static bool is_past(const struct books *b, const struct of_exec *e, uint64_t after_ns,
		    uint64_t now_ns)
{
	uint64_t end_ns = e->end_ns > b->since_ns ? e->end_ns : b->since_ns;

	return e->end_ns != 0 && now_ns > end_ns + after_ns;
}

/* Is this account over: its execution ended a while ago, or is not even known any more? */
static bool account_is_over(const struct books *b, const struct of_account *a, uint64_t now_ns)
{
	const struct of_exec *e;

	if (a->exec_slot >= b->executions.mapped)
		return false; /* no slot tells; only idleness can close it */
	e = &execution_at(b, a->exec_slot)->e;
	return e->exec_id != a->exec_id || is_past(b, e, RETIRE_NS, now_ns);
}

static void account_close(struct books *b, uint32_t slot)
{
	struct of_account *a = account_at(b, slot);
	struct of_account_key key = { .exec_id = a->exec_id, .to = a->to };
	uint32_t found;

	/* A daemon killed between the two left a slot that has no entry: another one's may be there
	 * since. */
	if (bpf_map_lookup_elem(b->index_fd, &key, &found) == 0 && found == slot)
		(void)bpf_map_delete_elem(b->index_fd, &key);
	(void)__atomic_or_fetch(&a->exec_id, OF_ACCOUNT_CLOSED, __ATOMIC_SEQ_CST);
	b->closed[slot] = true;
}

void books_reserve(struct books *b)
{
	uint32_t slot;

	for (slot = 0; slot < b->reserve; slot++)
		(void)bpf_map_update_elem(account_free_fd(b, slot), NULL, &slot, BPF_ANY);
	books_machine(b)->accounts_used = b->reserve;
}

/* Tells once more what it came to, as final. */
static void account_give_back(struct books *b, uint32_t slot, uint64_t now_ns, intake_raw_fn *fn,
			      void *arg)
{
	struct of_account *a = account_at(b, slot), last = *a;

	last.exec_id &= ~OF_ACCOUNT_CLOSED;
	last.flags |= OF_ACCOUNT_FINAL;
	account_tell(&last, now_ns, fn, arg);

	journal_account(books_machine(b), a, slot);
	*told_at(b, slot) = (struct of_told){ .exec_id = 0 };
	b->closed[slot] = false;
	account_free(b, slot);
}

static void accounts_age(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	uint32_t used = accounts_used(b), slot;
	bool tight = b->accounts_open > b->accounts.max / 4 * 3;

	for (slot = 0; slot < used; slot++) {
		const struct of_told *told = told_at(b, slot);
		const struct of_account *a = account_at(b, slot);

		if (b->closed[slot]) {
			account_give_back(b, slot, now_ns, fn, arg);
			step(b);
			continue;
		}
		if (a->exec_id & OF_ACCOUNT_CLOSED) { /* by a daemon before, who knows when */
			b->closed[slot] = true;
			continue;
		}
		if (a->exec_id == 0 || told->exec_id != a->exec_id)
			continue;
		if (account_is_over(b, a, now_ns) ||
		    (tight && now_ns > told_last(told).ns + IDLE_NS)) {
			account_close(b, slot);
			step(b);
		}
	}
}

/* Later than its accounts: they refer to it until they are given back. */
static void executions_age(struct books *b, uint64_t now_ns)
{
	uint32_t used = executions_used(b), slot;

	for (slot = 0; slot < used; slot++) {
		struct of_exec_slot *s = execution_at(b, slot);

		if (s->e.exec_id == 0 || !b->execution_told[slot].ended ||
		    !is_past(b, &s->e, 2 * RETIRE_NS, now_ns))
			continue;
		journal_execution(books_machine(b), s, slot);
		b->execution_told[slot] = (struct execution_told){ .exec_id = 0 };
		execution_free(b, slot);
	}
}

void books_look(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	executions_tell_new(b, now_ns, fn, arg);
	if (b->since_ns == 0 && b->adopted != 0)
		accounts_tell_again(b, fn, arg);
	accounts_tell(b, now_ns, fn, arg);
	executions_tell_changes(b, now_ns, fn, arg);
	if (b->since_ns == 0)
		b->since_ns = now_ns;
	if (now_ns < b->aged_ns + AGE_EVERY_NS)
		return;
	b->aged_ns = now_ns;
	accounts_age(b, now_ns, fn, arg);
	executions_age(b, now_ns);
}

static int ledger_read(struct books *b, struct ledger *ret)
{
	const struct of_machine *m = books_machine(b);
	struct ledger l = { .loss = m->loss };
	uint32_t accounts = accounts_used(b), executions = executions_used(b), zero = 0, slot;
	int cpu, i;

	if (bpf_map_lookup_elem(b->totals_fd, &zero, b->per_cpu) < 0)
		return -errno;
	for (cpu = 0; cpu < b->cpus; cpu++) {
		l.total += b->per_cpu[cpu].posted;
		for (i = 0; i < OF_FAMILIES; i++)
			l.local[i] += b->per_cpu[cpu].local[i];
	}
	for (slot = 0; slot < accounts; slot++)
		l.accounts += account_at(b, slot)->sent - account_at(b, slot)->moved;
	for (slot = 0; slot < executions; slot++) {
		l.executions += execution_at(b, slot)->e.sent;
		l.overflow += execution_at(b, slot)->e.overflow;
	}
	l.executions += m->executions_none + m->retired_executions;
	l.overflow += m->overflow;
	l.retired = m->retired;
	l.accounts_used = b->accounts_open;
	l.accounts_max = b->accounts.max;
	l.executions_used = b->executions_open;
	l.executions_max = b->executions.max;
	*ret = l;
	return 0;
}

/* Sums that many senders add to are not read at one moment: read again until they are those of one,
 * which when nobody sends is the first time. */
int books_ledger(struct books *b, struct ledger *ret)
{
	int i, err = 0;

	for (i = 0; i < LEDGER_TRIES && err == 0; i++) {
		err = ledger_read(b, ret);
		if (err == 0 && ret->total == ret->executions &&
		    ret->total == ret->accounts + ret->overflow + ret->retired)
			break;
	}
	return err;
}
