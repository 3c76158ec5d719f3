/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracking under a million events from a seeded generator. One kind of machine keeps the order a
 * kernel keeps, so that the bytes that must come out are known; the other keeps none at all.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdlib.h>
#include <string.h>

#include "intake/intake.h"
#include "records.h"

#define EVENTS	   250000 /* for each of four seeds */
#define BATCH	   1000
#define EXECUTIONS 300
#define ACCOUNTS   700
#define PIDS	   200

TestSuite(track_random, .timeout = 300);

static uint64_t rng;

/* xorshift64 (Marsaglia 2003) */
static uint64_t any(uint64_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % below;
}

struct world {
	struct track *track;
	struct stream s;
	uint64_t told; /* sum of all deltas */
	uint64_t attempts, named;
};

/* The names are all there, in their order, those before too. */
static uint64_t names_check(const struct endpoint_names *names)
{
	uint64_t sum = 0;
	size_t i;

	cr_assert_leq(names->n, ENDPOINT_NAMES_MAX);
	for (i = 0; i < names->n; i++) {
		sum += strlen(names->name[i].host);
		cr_assert(i == 0 || names->name[i - 1].source <= names->name[i].source);
	}
	return sum;
}

static void on_subject(void *arg, const struct subject *s)
{
	struct world *w = arg;
	const struct account *a = s->account;

	cr_assert(a->class != 0);
	cr_assert(a->sent >= s->delta || s->kind == SUBJECT_ATTEMPT);
	w->named += names_check(&a->names) + names_check(&s->before);
	if (s->kind == SUBJECT_NAMED)
		return;
	cr_assert_eq(s->kind == SUBJECT_SENT, s->delta > 0);
	cr_assert(s->kind == SUBJECT_SENT || a->sent == 0);
	w->told += s->delta;
	w->attempts += s->kind == SUBJECT_ATTEMPT;
	if (a->who != NULL) {
		(void)lineage_root(a->who, OF_ROLE_ANY);
		cr_assert_lt(strlen(a->who->exe), OF_EXE_LEN);
		cr_assert_lt(strlen(a->who->name), OF_NAME_LEN);
	}
}

static void on_event(void *arg, const struct event *ev)
{
	struct world *w = arg;

	track_event(w->track, ev, on_subject, w);
}

/* Touches everything that can be reached, which finds what dangles. */
static uint64_t check(const struct world *w)
{
	struct track_stats stats = track_stats(w->track);
	const struct execution *e, *p;
	const struct account *a;
	uint64_t executions = 0, accounts = 0, machine = 0, sum = 0;
	size_t cursor = 0, argv, depth;

	while ((e = track_next_execution(w->track, &cursor)) != NULL) {
		executions++;
		sum += e->sent;
		cr_assert_lt(e->depth, LINEAGE_DEPTH_MAX);
		for (p = e->parent, depth = e->depth; p != NULL; depth = p->depth, p = p->parent)
			cr_assert_lt(p->depth, depth, "ancestors left out leave gaps, no circles");
		cr_assert(e->parent == NULL || (e->parent->roles & ~e->roles) == 0);
		cr_assert(memchr(e->exe, '\0', OF_EXE_LEN) != NULL);
		for (argv = 0; argv < e->argv_len; argv++)
			sum += e->argv[argv] == 1; /* never */
		cr_assert_eq((e->flags & OF_EXEC_ENDED) != 0, e->end_ns != 0);
	}
	for (cursor = 0; (a = track_next_account(w->track, &cursor)) != NULL;) {
		accounts++;
		(void)names_check(&a->names);
		cr_assert(a->label == NULL || strlen(a->label) > 0);
		if (a->who == NULL)
			machine += a->sent;
		else
			cr_assert_leq(a->sent, a->who->sent);
	}
	cr_assert_eq(executions, stats.executions);
	cr_assert_eq(accounts, stats.accounts);
	cr_assert_leq(executions, EXECUTIONS);
	cr_assert_leq(accounts, ACCOUNTS);
	return sum + machine;
}

static void run(struct world *w)
{
	struct intake *in;

	cr_assert_eq(intake_array(w->s.data, w->s.len, &in), 0);
	while (intake_drain(in, BATCH, on_event, w) > 0)
		;
	intake_free(in);
	w->s.len = 0;
}

static const char *const hosts[] = { "h0.example", "h1.example", "h2.example", "h3.example",
				     "h4.example", "h5.example", "h6.example", "h7.example",
				     "h8.example", "h9.example" };

/* A lookup, or what a connection says first, by anybody to anywhere. */
static void some_name(struct stream *s, uint64_t id)
{
	const char *host = hosts[any(10)], *ip = any(2) ? FAR : "10.0.0.1";
	struct of_rec_flow f = { .to = endpoint(ip, (uint16_t)(1 + any(4))),
				 .exec_id = any(4) ? id : 0,
				 .creator = any(600),
				 .flags = (uint32_t)any(512),
				 .names_n = (uint32_t)any(OF_FLOW_NAMES + 1) };
	uint32_t i;

	if (any(3) == 0) {
		rec_dns(s, id, any(2) ? "192.0.2.53" : "192.0.2.54", host, ip);
		return;
	}
	for (i = 0; i < f.names_n; i++) {
		f.names[i].source = (uint16_t)(1 + any(3));
		memcpy(f.names[i].host, hosts[any(10)], sizeof("h0.example"));
	}
	rec_flow_of(s, &f);
}

/* ---- A machine that keeps the kernel's order ---- */

struct proc {
	uint64_t exec_id; /* 0: not alive */
	struct of_account account[4];
	bool used[4];
};

struct machine {
	struct proc proc[PIDS];
	uint64_t next_id;
	uint32_t next_generation;
	uint64_t sent;	   /* bytes of snapshots that were told */
	uint64_t machines; /* of no execution */
};

static void proc_starts(struct machine *m, struct world *w)
{
	uint32_t pid = (uint32_t)any(PIDS), from = (uint32_t)any(PIDS);
	struct proc *p = &m->proc[pid];

	if (p->exec_id != 0)
		return;
	*p = (struct proc){ .exec_id = m->next_id++ };
	rec_fork(&w->s, p->exec_id, m->proc[from].exec_id, pid + 1);
}

static void proc_execs(struct machine *m, struct world *w, uint32_t pid)
{
	static const char *const exes[] = { "/usr/bin/trivy", "/bin/sh", "/opt/Runner.Worker" };
	uint64_t old = m->proc[pid].exec_id;

	m->proc[pid] = (struct proc){ .exec_id = m->next_id++ };
	rec_exec(&w->s, m->proc[pid].exec_id, old, pid + 1, exes[any(3)]);
}

static void proc_sends(struct machine *m, struct world *w, uint32_t pid)
{
	uint64_t i = any(4), n = 1 + any(100000);
	struct of_account *a = &m->proc[pid].account[i];

	if (!m->proc[pid].used[i]) {
		*a = account_of(m->proc[pid].exec_id, any(2) ? FAR : "10.0.0.1", (uint16_t)(1 + i),
				0);
		m->proc[pid].used[i] = true;
		a->generation = m->next_generation++;
	} else if (any(20) == 0) { /* closed while idle, and opened again */
		a->generation = m->next_generation++;
		a->sent = 0;
	}
	a->sent += n;
	m->sent += n;
	rec_account_of(&w->s, a);
	if (any(4) == 0) { /* an older snapshot comes late */
		struct of_account late = *a;

		late.sent -= any(n);
		rec_account_of(&w->s, &late);
	}
}

static void machine_step(struct machine *m, struct world *w)
{
	uint32_t pid = (uint32_t)any(PIDS);
	struct of_account a = { .flags = OF_ACCOUNT_OVERFLOW | OF_ACCOUNT_MACHINE };

	w->s.now_ns += any(20 * MS);
	if (any(100) == 0)
		rec_tick(&w->s);
	if (any(10) == 0)
		proc_starts(m, w);
	if (m->proc[pid].exec_id == 0)
		return;
	switch (any(16)) {
	case 0:
		proc_execs(m, w, pid);
		break;
	case 1:
		rec_exit(&w->s, m->proc[pid].exec_id, pid + 1);
		m->proc[pid].exec_id = 0;
		break;
	case 2:
		rec_connect(&w->s, pid + 1, FAR, (uint16_t)any(6));
		break;
	case 3:
		m->machines += any(100);
		a.sent = m->machines;
		rec_account_of(&w->s, &a);
		break;
	case 4:
	case 5:
		some_name(&w->s, m->proc[pid].exec_id);
		break;
	default:
		proc_sends(m, w, pid);
	}
}

static const char yaml[] = "version: 1\n"
			   "roles:\n"
			   "  scanner: {match: [{name: trivy}]}\n"
			   "  runner: {match: [{name: Runner.Worker}]}\n"
			   "networks: {resolvers: [192.0.2.53]}\n"
			   "endpoints: {n: ['h1.example']}\n"
			   "rules: [{id: r, when: {endpoint: {not_in: [n]}}}]\n";

ParameterizedTestParameters(track_random, in_order)
{
	static uint64_t seeds[] = { 1, 0x9e3779b97f4a7c15, 20260319, 4 };

	return cr_make_param_array(uint64_t, seeds, 4);
}

/* Sum of deltas = sum of what the machine counted, to the byte, whatever is forgotten meanwhile. */
ParameterizedTest(uint64_t *seed, track_random, in_order)
{
	struct track_limits limits = { 2 * EXECUTIONS * 8, 4 * ACCOUNTS * 8, 5 * SECOND, 0 };
	struct machine *m = calloc(1, sizeof(*m));
	struct world w = { .s.now_ns = SECOND };
	struct config config;
	int i;

	rng = *seed;
	m->next_id = 1;
	m->next_generation = (uint32_t)(0 - any(2 * BATCH)); /* will wrap */
	config_of(yaml, &config);
	cr_assert_eq(track_new(&config.policy, limits, &w.track), 0);
	for (i = 0; i < EVENTS; i++) {
		machine_step(m, &w);
		if (i % BATCH == BATCH - 1) {
			run(&w);
			cr_assert_eq(w.told, m->sent + m->machines, "after %d", i);
		}
	}
	cr_expect_eq(track_stats(w.track).refused, 0);
	cr_expect_eq(track_stats(w.track).unresolved, 0);
	cr_expect_gt(w.attempts, 0);
	cr_expect_gt(w.named, 0);
	track_free(w.track);
	config_done(&config);
	stream_done(&w.s);
	free(m);
}

/* ---- A recording that keeps no order, with tables too small for it ---- */

static void chaos_account(struct stream *s, uint64_t id)
{
	struct of_account a =
		account_of(id, any(3) ? FAR : "127.0.0.1", (uint16_t)any(8), any(1000));

	a.generation = (uint32_t)any(3);
	if (any(10) == 0)
		a = (struct of_account){ .exec_id = id,
					 .flags = (uint16_t)any(8),
					 .sent = any(99) };
	rec_account_of(s, &a);
}

static void chaos(struct stream *s)
{
	uint64_t id = any(50) ? any(600) : UINT64_MAX - any(30);
	uint64_t parent = any(600);
	uint32_t pid = (uint32_t)any(PIDS);

	s->now_ns += any(200 * MS);
	if (any(500) == 0)
		s->now_ns -= any(any(100) ? SECOND : s->now_ns);
	switch (any(10)) {
	case 8:
	case 9:
		some_name(s, id);
		break;
	case 0:
		rec_fork(s, id, parent, pid);
		break;
	case 1:
		rec_exec(s, id, parent, pid, any(2) ? "/usr/bin/trivy" : "");
		break;
	case 2:
	case 3:
		rec_exit(s, any(2) ? id : parent, pid);
		break;
	case 4:
		rec_connect(s, pid, FAR, (uint16_t)any(8));
		break;
	case 5:
		rec_tick(s);
		break;
	default:
		chaos_account(s, id);
	}
}

ParameterizedTestParameters(track_random, in_no_order)
{
	static uint64_t seeds[] = { 2, 0xdeadbeef, 7777, 5 };

	return cr_make_param_array(uint64_t, seeds, 4);
}

/* Nothing dangles, nothing outgrows its bound, and what is told stays the sum of what is kept and
 * what is not any more. */
ParameterizedTest(uint64_t *seed, track_random, in_no_order)
{
	struct track_limits limits = { EXECUTIONS, ACCOUNTS, 10 * SECOND, 0 };
	struct world w = { .s.now_ns = SECOND };
	struct config config;
	int i;

	rng = *seed;
	config_of(yaml, &config);
	cr_assert_eq(track_new(&config.policy, limits, &w.track), 0);
	for (i = 0; i < EVENTS; i++) {
		chaos(&w.s);
		if (i % BATCH == BATCH - 1) {
			run(&w);
			cr_assert_leq(check(&w), w.told);
		}
	}
	cr_expect_gt(track_stats(w.track).evicted, 0);
	cr_expect_gt(track_stats(w.track).refused, 0);
	track_free(w.track);
	config_done(&config);
	stream_done(&w.s);
}
