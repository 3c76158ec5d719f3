/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * track.c: what each kind of event means for executions, accounts and places.
 */
#include "track/track.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "track/errands.h"
#include "track/private.h"
#include "track/spool.h"

#include "base/poison.h"

/* A connection that sent nothing for so long is told as an attempt. */
#define ATTEMPT_NS 500000000ULL
/* The kernel's slot of a dead execution has been given back after this, nothing more comes. */
#define FINAL_NS   5000000000ULL

struct track {
	const struct policy *policy;
	struct track_limits limits;
	struct executions executions;
	struct accounts accounts;
	struct table cgroups;	 /* cgroups.c */
	struct table envs;	 /* envs.c */
	struct table containers; /* containers.c */
	struct errands errands;
	struct spools spools;
	struct namings namings;
	struct places *places;
	struct origin origin;
	struct track_stats stats;
	bool roles_fit; /* the stream's role bits are this policy's */
	bool by_texts;	/* there are roles that texts earn */

	track_roles_fn *roles_fn; /* NULL: nobody asks */
	void *roles_arg;

	track_fn *fn; /* while an event is under way */
	void *arg;
	uint64_t untold; /* bytes of the account that is about to be told */
};

int track_new(const struct policy *policy, struct track_limits limits, struct track **ret)
{
	struct track *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	if (t == NULL)
		return err;
	t->policy = policy;
	t->limits = limits;
	t->by_texts = policy_roles_need_texts(policy);
	if (t->limits.grace_ns < FINAL_NS)
		t->limits.grace_ns = FINAL_NS;
	err = executions_init(&t->executions, limits.executions);
	if (err == 0)
		err = accounts_init(&t->accounts, limits.accounts);
	if (err == 0)
		err = cgroups_init(&t->cgroups);
	if (err == 0)
		err = envs_init(&t->envs);
	if (err == 0)
		err = containers_init(&t->containers);
	if (err == 0)
		err = errands_init(&t->errands);
	if (err == 0)
		err = spools_init(&t->spools);
	if (err == 0)
		err = places_new(policy, &t->places);
	if (err == 0)
		err = namings_init(&t->namings, policy, &t->executions, &t->accounts, limits.names);
	if (err < 0) {
		track_free(t);
		return err;
	}
	*ret = t;
	return 0;
}

void track_free(struct track *t)
{
	if (t == NULL)
		return;
	accounts_done(&t->accounts);
	executions_done(&t->executions);
	namings_done(&t->namings);
	errands_done(&t->errands);
	spools_done(&t->spools);
	cgroups_done(&t->cgroups);
	envs_done(&t->envs);
	containers_done(&t->containers); /* when nobody is in them any more */
	places_free(t->places);
	free(t);
}

static void refuse(struct track *t)
{
	t->stats.refused++;
	t->origin.loss.tracking = t->stats.refused;
}

/* A dead execution goes, with its accounts; its descendants keep it as an ancestor. */
static void ended_release(struct track *t, struct exec_node *n)
{
	accounts_release(&t->accounts, n);
	execution_release(&t->executions, n);
}

/* The dead of which all is told go before their grace is over. `keep` is what the room is for. */
static bool ended_evict(struct track *t, const struct exec_node *keep)
{
	struct exec_node *n = execution_ended(&t->executions);

	if (n == NULL || n == keep || n->e.end_ns + FINAL_NS > t->origin.time_ns)
		return false;
	ended_release(t, n);
	return true;
}

/*
 * A process that lives on must not be able to keep others out: it can fill a table with what is
 * over but still its own, dead ancestors and accounts long idle. When the dead do not make enough
 * room, those go.
 */
static void execution_make_room(struct track *t)
{
	struct table *table = &t->executions.by_id;

	while (table->n >= table->max && (ended_evict(t, NULL) || execution_elide(&t->executions)))
		t->stats.evicted++;
}

static void account_make_room(struct track *t, const struct exec_node *keep)
{
	struct table *table = &t->accounts.by_key;

	while (table->n >= table->max && (account_evict(&t->accounts) || ended_evict(t, keep)))
		t->stats.evicted++;
}

static struct exec_node *execution_get(struct track *t, uint64_t exec_id)
{
	struct exec_node *n = execution_find(&t->executions, exec_id);

	if (n != NULL)
		return n;
	execution_make_room(t);
	n = execution_add(&t->executions, exec_id);
	if (n == NULL)
		refuse(t);
	return n;
}

static struct account_node *account_get(struct track *t, struct exec_node *who,
					const struct of_endpoint *to)
{
	struct account_node *n = account_find(&t->accounts, who == NULL ? 0 : who->e.exec_id, to);

	if (n != NULL)
		return n;
	if (who != NULL)
		execution_revive(&t->executions, who);
	account_make_room(t, who);
	n = account_add(&t->accounts, who, to);
	if (n == NULL)
		refuse(t);
	return n;
}

static void on_host(struct track *t, const struct event *ev)
{
	(void)snprintf(t->origin.host, sizeof(t->origin.host), "%s", ev->host.name);
	(void)snprintf(t->origin.boot_id, sizeof(t->origin.boot_id), "%s", ev->host.boot_id);
	t->roles_fit = ev->host.roles_id == t->policy->roles_id;
	t->namings.netns = ev->host.netns;
}

static void on_clock(struct track *t, const struct event *ev)
{
	t->origin.utc_offset_ns = ev->clock.utc_offset_ns;
}

static void on_resolver(struct track *t, const struct event *ev)
{
	places_resolver(t->places, ev->addr.addr);
}

static void on_addr(struct track *t, const struct event *ev)
{
	places_own(t->places, ev->addr.addr, ev->addr.netns, ev->addr.gone);
}

/* The roles that a record earns by itself. A name of full length may be a longer one that was cut,
 * which only the kernel saw whole: it must not pass for the shorter one. */
static uint64_t roles_match(const struct track *t, const struct event *ev)
{
	const char *name = ev->exec.e->name;

	if (strnlen(name, OF_NAME_LEN) == OF_NAME_LEN - 1)
		name = "";
	return policy_roles_match(t->policy, name, ev->exec.exe, ev->exec.exe_len);
}

/* The roles are those of the execution, and of who asked it for something. */
static struct subject subject_of(const struct track *t, enum subject_kind kind,
				 const struct account_node *n, uint64_t delta, uint64_t time_ns)
{
	struct subject s = { .kind = kind, .time_ns = time_ns, .delta = delta, .account = &n->a };

	if (n->who != NULL) {
		s.via = errands_via(&t->errands, n->who, time_ns);
		s.roles = n->who->e.roles;
	}
	if (s.via.errand != NULL)
		s.roles |= s.via.errand->roles;
	return s;
}

static void on_named(void *arg, struct account_node *n, const struct endpoint_names *before,
		     uint64_t time_ns)
{
	struct track *t = arg;
	uint64_t sent = n->a.sent > t->untold ? n->a.sent - t->untold : 0;
	/* It is about what was sent, and for whom that was. */
	struct subject s = subject_of(t, SUBJECT_NAMED, n, sent, n->a.last_ns);

	s.time_ns = time_ns;
	s.roles |= n->told_roles;
	s.before = *before;
	t->fn(t->arg, &s);
}

/* What its far end is called comes first, for what was told before. */
static void tell(struct track *t, enum subject_kind kind, struct account_node *n, uint64_t delta,
		 uint64_t time_ns)
{
	struct subject s;

	t->untold = delta;
	if (naming_told(&t->namings, n, time_ns, on_named, t) < 0)
		refuse(t);
	t->untold = 0;
	s = subject_of(t, kind, n, delta, time_ns);
	n->told_roles |= s.roles;
	t->fn(t->arg, &s);
}

/* The bits of a stream that are another policy's tell nobody. */
static void roles_tell(const struct track *t, struct exec_node *n)
{
	if (t->roles_fn == NULL || !t->roles_fit || !n->told || n->e.end_ns != 0 ||
	    (n->e.roles & ~n->roles_told) == 0)
		return;
	n->roles_told |= n->e.roles;
	t->roles_fn(t->roles_arg, n->e.exec_id, n->slot, n->e.roles);
}

/*
 * It and its descendants, those that were born already too, get roles; what was told of their
 * accounts before is judged by them now. A chain is never longer than LINEAGE_DEPTH_MAX.
 */
static void gain(struct track *t, struct exec_node *n, uint64_t roles, uint64_t time_ns)
{
	uint64_t gained = roles & ~n->e.roles;
	struct account_node *account;
	struct subject s;
	struct list *i;

	if (gained == 0)
		return;
	n->e.roles |= roles;
	roles_tell(t, n);
	errands_gained(&t->errands, n);
	list_each(i, &n->accounts)
	{
		account = list_entry(i, struct account_node, sibling);
		s = subject_of(t, SUBJECT_GAINED, account, account->a.sent, time_ns);
		s.gained = gained;
		/* An attempt that is waited for is told when it is one. */
		if (s.delta > 0 || list_empty(&account->pending))
			t->fn(t->arg, &s);
	}
	list_each(i, &n->children)
		gain(t, list_entry(i, struct exec_node, sibling), roles, time_ns);
}

/* The roles that its texts earn it. */
static uint64_t roles_of_texts(const struct track *t, const struct execution *e)
{
	struct role_texts texts = { .argv = e->argv,
				    .argv_len = e->argv_len,
				    .env = e->env,
				    .env_len = e->env_len,
				    .cgroup = e->cgroup,
				    .ci = e->ci };

	return policy_roles_match_texts(t->policy, &texts);
}

static void on_exec(struct track *t, const struct event *ev)
{
	const struct of_exec *e = ev->exec.e;
	struct exec_node *n;
	uint64_t roles;

	if (e->exec_id == 0)
		return;
	n = execution_get(t, e->exec_id);
	if (n == NULL)
		return;
	/* Matched here too: a recording may be judged by another policy than it was made under. */
	roles = ev->kind == OF_REC_EXEC ? roles_match(t, ev) : 0;
	if (t->roles_fit)
		roles |= e->roles;
	if (execution_tell(&t->executions, n, ev, roles, cgroup_find(&t->cgroups, e->cgroup),
			   env_find(&t->envs, e->env)) < 0)
		refuse(t);
	if (t->by_texts)
		gain(t, n, roles_of_texts(t, &n->e), ev->time_ns);
	errands_born(&t->errands, n, execution_find(&t->executions, e->parent));
	if (ev->kind == OF_REC_EXEC && spools_born(&t->spools, n) < 0)
		refuse(t);
	roles_tell(t, n);
}

static void errand_gain(void *arg, struct exec_node *n, uint64_t roles, uint64_t time_ns)
{
	gain(arg, n, roles, time_ns);
}

static void on_ask(struct track *t, const struct event *ev)
{
	struct exec_node *who = execution_find(&t->executions, ev->ask.exec_id);
	struct exec_node *deputy = execution_of_process(&t->executions, ev->ask.tgid, ev->time_ns);

	if (who == NULL || errands_ask(&t->errands, who, deputy, ev, errand_gain, t) < 0)
		refuse(t);
}

static void on_spool(struct track *t, const struct event *ev)
{
	if (ev->err < 0 || spools_changed(&t->spools, &t->executions, ev, errand_gain, t) < 0)
		refuse(t);
}

static void on_hash(struct track *t, const struct event *ev)
{
	struct exec_node *n = execution_find(&t->executions, ev->hash.exec_id);

	if (n != NULL)
		image_hashed(n, ev->hash.state, ev->hash.sha256);
}

static void on_cgroup(struct track *t, const struct event *ev)
{
	if (cgroup_told(&t->cgroups, &t->containers, ev) < 0)
		refuse(t);
}

static void on_container(struct track *t, const struct event *ev)
{
	const struct cgroup_node *n = cgroup_find(&t->cgroups, ev->container->cgroup);

	if (n != NULL && n->container != NULL)
		container_tell(n->container, ev->container);
}

static void on_env(struct track *t, const struct event *ev)
{
	if (env_told(&t->envs, ev) < 0)
		refuse(t);
}

static void on_comm(struct track *t, const struct event *ev)
{
	struct exec_node *n = execution_find(&t->executions, ev->comm.exec_id);

	if (n == NULL)
		return;
	n->e.renames = ev->comm.renames;
	(void)snprintf(n->e.comm, sizeof(n->e.comm), "%s", ev->comm.comm);
}

static void on_end(struct track *t, const struct event *ev)
{
	struct exec_node *n = execution_find(&t->executions, ev->exit.exec_id);

	if (n != NULL)
		execution_end(&t->executions, n, ev->exit.flags, ev->time_ns);
}

static void on_connect(struct track *t, const struct event *ev)
{
	struct exec_node *who = execution_of_process(&t->executions, ev->connect.tgid, ev->time_ns);
	struct account_node *n;
	enum endpoint_class class;
	struct of_endpoint to;

	if (who == NULL)
		return;
	class = places_class(t->places, ev->connect.to, ev->connect.netns, 0);
	/* To no address is to this machine (the kernel takes loopback). */
	if (class == CLASS_UNKNOWN || class == CLASS_SELF)
		return;
	/* The hook does not know the route yet. */
	to = *ev->connect.to;
	to.self = 1;
	if (account_find(&t->accounts, who->e.exec_id, &to) != NULL)
		return;
	n = account_find(&t->accounts, who->e.exec_id, ev->connect.to);
	if (n != NULL) {
		/* Tried again after a vain attempt was told: a beacon does that. */
		if (n->a.sent == 0 && list_empty(&n->pending))
			account_await(&t->accounts, n, ev->time_ns);
		return;
	}
	/* The last eighth is for accounts that sent: attempts cost their maker nothing. */
	if (t->accounts.by_key.n >= t->accounts.by_key.max / 8 * 7 &&
	    !account_evict(&t->accounts)) {
		refuse(t);
		return;
	}
	n = account_get(t, who, ev->connect.to);
	if (n == NULL)
		return;
	n->a.class = class;
	/* The hook does not know that either; mostly it is the one it was started in. */
	n->a.netns = ev->connect.netns != 0 ? ev->connect.netns : who->e.ns.net;
	account_await(&t->accounts, n, ev->time_ns);
}

static void account_creator(struct track *t, struct account_node *n, uint64_t creator_id)
{
	struct exec_node *creator;

	if (creator_id == 0 || n->a.creator_id != 0)
		return;
	n->a.creator_id = creator_id;
	creator = execution_find(&t->executions, creator_id);
	if (creator != NULL)
		account_made_by(n, creator);
}

static void on_account(struct track *t, const struct event *ev)
{
	const struct of_account *a = ev->account;
	struct exec_node *who = NULL;
	struct account_node *n;
	uint64_t delta, moved;

	if (a->exec_id != 0) {
		who = execution_get(t, a->exec_id);
		if (who == NULL)
			return;
		t->stats.unresolved += !who->told && list_empty(&who->accounts);
	}
	n = account_get(t, who, &a->to);
	if (n == NULL)
		return;
	if (n->a.sent == 0) {
		if (n->a.netns != a->netns)
			naming_moved(n);
		n->a.netns = a->netns;
		n->a.flags = a->flags & ~OF_ACCOUNT_FINAL;
		n->a.class = places_class(t->places, &a->to, a->netns, a->flags);
	}
	account_creator(t, n, a->creator);
	delta = account_grow(n, a, ev->time_ns);
	if (delta > 0 && who != NULL)
		who->e.sent += delta;
	moved = account_shrink(n, a);
	if (who != NULL)
		who->e.sent -= moved < who->e.sent ? moved : who->e.sent;
	if (delta > 0)
		tell(t, SUBJECT_SENT, n, delta, ev->time_ns);
	if (a->flags & OF_ACCOUNT_FINAL)
		account_finish(&t->accounts, n, a->generation);
}

static void on_dns(struct track *t, const struct event *ev)
{
	if (namings_dns(&t->namings, t->places, ev->dns, ev->time_ns) < 0)
		refuse(t);
}

static void on_flow(struct track *t, const struct event *ev)
{
	if (namings_flow(&t->namings, ev->flow, ev->time_ns, on_named, t) < 0)
		refuse(t);
}

static void on_loss(struct track *t, const struct event *ev)
{
	t->origin.loss = *ev->loss;
	t->origin.loss.tracking = t->stats.refused;
}

static void on_tick(struct track *t, const struct event *ev)
{
	struct exec_node *dead;
	struct account_node *n;

	while (ev->time_ns > ATTEMPT_NS &&
	       (n = account_attempt(&t->accounts, ev->time_ns - ATTEMPT_NS)) != NULL)
		tell(t, SUBJECT_ATTEMPT, n, 0, ev->time_ns);
	namings_tick(&t->namings, ev->time_ns, on_named, t);
	while ((dead = execution_ended(&t->executions)) != NULL &&
	       dead->e.end_ns + t->limits.grace_ns < ev->time_ns)
		ended_release(t, dead);
	errands_tick(&t->errands, ev->time_ns);
}

void track_event(struct track *t, const struct event *ev, track_fn *fn, void *arg)
{
	static void (*const on[OF_REC_MAX])(struct track *, const struct event *) = {
		[OF_REC_HOST] = on_host,
		[OF_REC_CLOCK] = on_clock,
		[OF_REC_RESOLVER] = on_resolver,
		[OF_REC_ADDR] = on_addr,
		[OF_REC_FORK] = on_exec,
		[OF_REC_EXEC] = on_exec,
		[OF_REC_EXIT] = on_end,
		[OF_REC_CONNECT] = on_connect,
		[OF_REC_ACCOUNT] = on_account,
		[OF_REC_LOSS] = on_loss,
		[OF_REC_TICK] = on_tick,
		[OF_REC_CGROUP] = on_cgroup,
		[OF_REC_CONTAINER] = on_container,
		[OF_REC_ENV] = on_env,
		[OF_REC_COMM] = on_comm,
		[OF_REC_ASK] = on_ask,
		[OF_REC_HASH] = on_hash,
		[OF_REC_SPOOL] = on_spool,
		[OF_REC_DNS] = on_dns,
		[OF_REC_FLOW] = on_flow,
	};

	t->fn = fn;
	t->arg = arg;
	if (ev->time_ns > t->origin.time_ns)
		t->origin.time_ns = ev->time_ns;
	if (on[ev->kind] != NULL) /* interfaces are detection's own */
		on[ev->kind](t, ev);
	if (errands_settle(&t->errands, &t->executions, ev->time_ns, errand_gain, t) < 0)
		refuse(t);
}

const struct origin *track_origin(const struct track *t)
{
	return &t->origin;
}

struct track_stats track_stats(const struct track *t)
{
	struct track_stats s = t->stats;

	s.executions = t->executions.by_id.n;
	s.accounts = t->accounts.by_key.n;
	s.names = t->namings.names.by_address.n;
	s.names_evicted = t->namings.names.evicted;
	s.names_lost = t->namings.lost;
	return s;
}

void track_set_roles(struct track *t, track_roles_fn *fn, void *arg)
{
	t->roles_fn = fn;
	t->roles_arg = arg;
}

void track_set_hooks_missing(struct track *t, const char *const *names)
{
	t->origin.hooks_missing = names;
}

const struct execution *track_execution(const struct track *t, uint64_t exec_id)
{
	const struct exec_node *n = execution_find(&t->executions, exec_id);

	return n == NULL ? NULL : &n->e;
}

void track_asker(const struct track *t, const struct of_rec_dns *r, uint64_t time_ns,
		 struct account *ret_account, struct subject *ret)
{
	struct exec_node *n = execution_find(&t->executions, r->exec_id);

	*ret_account = (struct account){ .to = r->server, .netns = r->netns };
	ret_account->class = places_class(t->places, &r->server, r->netns, 0);
	*ret = (struct subject){ .kind = SUBJECT_SENT, .time_ns = time_ns, .account = ret_account };
	if (n == NULL)
		return;
	ret_account->who = &n->e;
	ret->via = errands_via(&t->errands, n, time_ns);
	ret->roles = n->e.roles;
	if (ret->via.errand != NULL)
		ret->roles |= ret->via.errand->roles;
}

const struct execution *track_next_execution(const struct track *t, size_t *cursor)
{
	const struct exec_node *n = slots_next(&t->executions.slots, cursor);

	return n == NULL ? NULL : &n->e;
}

const struct account *track_next_account(const struct track *t, size_t *cursor)
{
	const struct account_node *n = slots_next(&t->accounts.slots, cursor);

	return n == NULL ? NULL : &n->a;
}
