/* SPDX-License-Identifier: BSD-2-Clause */
/* spool.c: see spool.h. Time is the event's. */
#include "track/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crontab.h"
#include "base/deputies.h"
#include "track/errands.h"
#include "track/private.h"

#include "base/poison.h"

/* A change is told when the daemon reads of it, and a job may have begun since: chosen for a daemon
 * that waits for a processor. */
#define SLACK_NS     5000000000ULL
#define ANCESTORS    16 /* between a program of a folder and cron */
#define ARGS_OF_PATH 4	/* among which the path of a script is: `sh -e PATH` */

struct spooled {
	struct table_node by_path;
	char path[OF_SPOOL_LEN];
	size_t path_len;
	enum of_spool kind;
	uint32_t uid;	  /* UINT32_MAX: any */
	uint64_t process; /* who wrote it, as in struct execution */
	uint64_t from_ns, until_ns;
	bool read; /* it has these commands and no others */
	__u64 commands[OF_COMMANDS];
	size_t commands_n;
	struct errand_ref *errand;
};

struct path {
	const char *s;
	size_t len;
};

static bool same_path(const struct table_node *node, const void *key)
{
	const struct spooled *f = table_entry(node, struct spooled, by_path);
	const struct path *p = key;

	return f->path_len == p->len && memcmp(f->path, p->s, p->len) == 0;
}

int spools_init(struct spools *s)
{
	return table_init(&s->files, SPOOLED_MAX, same_path);
}

static void spooled_free(struct spools *s, struct spooled *f)
{
	table_del(&s->files, &f->by_path);
	errand_put(f->errand);
	free(f);
}

void spools_done(struct spools *s)
{
	while (s->files.oldest != NULL)
		spooled_free(s, table_entry(s->files.oldest, struct spooled, by_path));
	table_done(&s->files);
}

static struct spooled *spooled_find(const struct spools *s, const struct path *path)
{
	struct table_node *node =
		table_find(&s->files, table_hash(&s->files, path->s, path->len), path);

	return node == NULL ? NULL : table_entry(node, struct spooled, by_path);
}

/* ---- Files ---- */

/* One that is over, else the one written longest ago. */
static struct spooled *spooled_worst(const struct spools *s, uint64_t time_ns)
{
	struct table_node *node;
	struct spooled *f;

	for (node = s->files.oldest; node != NULL; node = node->newer) {
		f = table_entry(node, struct spooled, by_path);
		if (f->until_ns < time_ns)
			return f;
	}
	return table_entry(s->files.oldest, struct spooled, by_path);
}

/* 0, -ENOSPC: one that still counted had to go, or -ENOMEM. */
static int spooled_get(struct spools *s, const struct path *path, uint64_t time_ns,
		       struct spooled **ret)
{
	struct spooled *f = spooled_find(s, path), *worst;
	int err = 0;

	if (f != NULL) {
		*ret = f;
		return 0;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	f->path_len = path->len;
	memcpy(f->path, path->s, path->len);
	if (s->files.n == s->files.max) {
		worst = spooled_worst(s, time_ns);
		if (worst->until_ns >= time_ns)
			err = -ENOSPC;
		spooled_free(s, worst);
	}
	(void)table_add(&s->files, &f->by_path, table_hash(&s->files, path->s, path->len));
	*ret = f;
	return err;
}

static void commands_set(struct spooled *f, const struct of_rec_spool *rec)
{
	f->read = (rec->flags & OF_SPOOL_READ) != 0;
	f->commands_n = rec->commands_n;
	memcpy(f->commands, rec->commands, rec->commands_n * sizeof(f->commands[0]));
}

static bool has_command(const __u64 *commands, size_t n, uint64_t command)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (commands[i] == command)
			return true;
	return false;
}

/* Somebody without a role has rewritten it: what he left in it is still of who wrote it first. */
static size_t commands_keep(struct spooled *f, const struct of_rec_spool *rec)
{
	size_t i, n = 0;

	for (i = 0; i < f->commands_n; i++)
		if (has_command(rec->commands, rec->commands_n, f->commands[i]))
			f->commands[n++] = f->commands[i];
	return n;
}

static void spooled_ends(struct spooled *f, uint64_t time_ns)
{
	uint64_t until_ns = time_ns + (f->kind == OF_SPOOL_AT ? SPOOL_AT_NS : SPOOL_CRON_NS);

	if (f->until_ns > until_ns)
		f->until_ns = until_ns;
}

static void rewritten(struct spooled *f, const struct of_rec_spool *rec, uint64_t time_ns)
{
	bool known = f->read && (rec->flags & OF_SPOOL_READ) != 0;
	size_t kept = 0;

	if (known)
		kept = commands_keep(f, rec);
	if (kept > 0)
		f->commands_n = kept;
	else
		spooled_ends(f, time_ns);
}

static const char *kind_name(enum of_spool kind)
{
	return kind == OF_SPOOL_AT ? "at" : "cron";
}

/* By the same process it is written once: its first word has the time. */
static int spooled_by(struct spooled *f, const struct exec_node *who, const struct event *ev)
{
	struct errand_ref *r;
	uint64_t from_ns = ev->time_ns > SLACK_NS ? ev->time_ns - SLACK_NS : 0;

	if (f->errand != NULL && f->process == who->e.process)
		return 0;
	r = errand_new(who, kind_name(ev->spool->kind), ev->time_ns);
	if (r == NULL)
		return -ENOMEM;
	r->e.file_len = f->path_len;
	memcpy(r->e.file, f->path, f->path_len);
	errand_put(f->errand);
	f->errand = r;
	f->process = who->e.process;
	f->from_ns = from_ns > who->e.start_ns ? from_ns : who->e.start_ns;
	return 0;
}

/* By one with a role. */
static int written(struct spools *s, const struct exec_node *who, const struct event *ev,
		   const struct path *path, struct spooled **ret)
{
	const struct of_rec_spool *rec = ev->spool;
	struct spooled *f = NULL;
	int err = spooled_get(s, path, ev->time_ns, &f), err2;

	if (f == NULL)
		return err;
	err2 = spooled_by(f, who, ev);
	if (f->errand == NULL) {
		spooled_free(s, f);
		return err2;
	}
	f->kind = (enum of_spool)rec->kind;
	f->uid = rec->uid;
	/* It went before it was looked at. */
	if (rec->uid == UINT32_MAX && (rec->flags & OF_SPOOL_GONE) && f->kind != OF_SPOOL_SYSTEM)
		f->uid = who->e.uid;
	f->until_ns = ev->time_ns + SPOOL_STAYS_NS;
	commands_set(f, rec);
	table_touch(&s->files, &f->by_path);
	*ret = f;
	return err < 0 ? err : err2;
}

/* ---- Jobs ---- */

static bool is_cron_or_at(enum deputy_spool d)
{
	return d == DEPUTY_SPOOL_CRON || d == DEPUTY_SPOOL_AT;
}

/* The n-th argument, with its end in *ret_len. NULL: there is none that is whole. */
static const char *argument(const struct execution *e, size_t n, size_t *ret_len)
{
	const char *at = e->argv, *end = e->argv + e->argv_len, *nul;

	for (; at != NULL && at < end; at = nul + 1) {
		nul = memchr(at, '\0', (size_t)(end - at));
		if (nul == NULL)
			return NULL;
		*ret_len = (size_t)(nul - at);
		if (n-- == 0)
			return at;
	}
	return NULL;
}

/* `sh -c COMMAND`. Where that is not known as it was, every job of that user may be it. */
static bool runs_command(const struct execution *e, const struct spooled *f)
{
	const char *command;
	size_t len;

	if (!f->read || e->argv_redacted > 0 || e->argv_size > e->argv_len)
		return true;
	command = argument(e, 2, &len);
	return command != NULL &&
	       has_command(f->commands, f->commands_n, crontab_hash(command, len));
}

static bool runs_path(const struct execution *e, const struct spooled *f)
{
	const char *arg;
	size_t i, len;

	if (strlen(e->exe) == f->path_len && memcmp(e->exe, f->path, f->path_len) == 0)
		return true;
	for (i = 0; i < ARGS_OF_PATH && (arg = argument(e, i, &len)) != NULL; i++)
		if (len == f->path_len && memcmp(arg, f->path, len) == 0)
			return true;
	return false;
}

/* Who may have started it for somebody: cron itself, or for a program of a folder an ancestor. */
struct starter {
	enum deputy_spool parent;
	const struct exec_node *cron, *at; /* NULL: none */
};

static bool is_job(const struct spooled *f, const struct exec_node *n, const struct starter *by)
{
	if (n->e.start_ns < f->from_ns || n->e.start_ns > f->until_ns)
		return false;
	if (f->kind == OF_SPOOL_PROGRAM)
		return by->cron != NULL && runs_path(&n->e, f);
	if (f->uid != UINT32_MAX && f->uid != n->e.uid)
		return false;
	if (f->kind == OF_SPOOL_AT)
		return by->parent == DEPUTY_SPOOL_AT;
	return by->parent == DEPUTY_SPOOL_CRON && runs_command(&n->e, f);
}

/* The nearest ancestor of each kind, and of these the topmost that lives: the daemon, not what it
 * forked for the job. */
static struct starter starter_of(const struct exec_node *n)
{
	struct starter by = { .parent = DEPUTY_SPOOL_NONE };
	const struct exec_node *p, **mine;
	enum deputy_spool d;
	size_t i;

	if (n->parent == NULL)
		return by;
	by.parent = deputy_of_program(n->parent->e.name);
	for (p = n->parent, i = 0; p != NULL && i < ANCESTORS; p = p->parent, i++) {
		d = deputy_of_program(p->e.name);
		if (d == DEPUTY_SPOOL_NONE)
			continue;
		mine = d == DEPUTY_SPOOL_AT ? &by.at : &by.cron;
		if (*mine == NULL || p->e.end_ns == 0)
			*mine = p;
	}
	return by;
}

/* The file written last of those that may be the job, and by how many others there are some. */
static struct spooled *job_find(const struct spools *s, const struct exec_node *n,
				const struct starter *by, uint32_t *ret_others)
{
	struct spooled *best = NULL, *f;
	struct table_node *node;

	*ret_others = 0;
	for (node = s->files.newest; node != NULL; node = node->older) {
		f = table_entry(node, struct spooled, by_path);
		if (!is_job(f, n, by))
			continue;
		if (best == NULL)
			best = f;
		else if (f->errand->e.exec_id != best->errand->e.exec_id)
			(*ret_others)++;
	}
	return best;
}

/* The errand that it is; NULL: none, or no memory. */
static struct errand_ref *job_errand(const struct spools *s, const struct exec_node *n,
				     const struct starter *by, int *ret_err)
{
	uint32_t others;
	const struct spooled *f = job_find(s, n, by, &others);
	const struct exec_node *deputy;
	struct errand_ref *r;

	/* Of the lineage that asked, by its parent and not by an errand, it says more itself. */
	if (f == NULL || (n->via == NULL && (f->errand->e.roles & ~n->parent->e.roles) == 0))
		return NULL;
	r = errand_copy(f->errand);
	if (r == NULL) {
		*ret_err = -ENOMEM;
		return NULL;
	}
	deputy = f->kind == OF_SPOOL_AT ? by->at : by->cron;
	errand_deputy(&r->e.deputy, deputy);
	r->e.others = others;
	return r;
}

int spools_born(struct spools *s, struct exec_node *n)
{
	struct starter by = starter_of(n);
	struct errand_ref *r;
	int err = 0;

	if (!is_cron_or_at(by.parent) && by.cron == NULL)
		return 0;
	if (deputy_of_program(n->e.name) != DEPUTY_SPOOL_NONE) /* started anew, or on the way */
		return 0;
	r = job_errand(s, n, &by, &err);
	if (r == NULL) {
		s->recent[s->recent_next++ % SPOOL_RECENT] = n->e.exec_id;
		return err;
	}
	errand_set(n, r, errand_after(r, n->e.start_ns));
	errand_put(r);
	return 0; // NOLINT: the execution refers to it
}

/* What was told before the file was, which it may come from. */
static int catch_up(const struct spools *s, const struct executions *x, uint64_t time_ns,
		    errands_gain_fn *gain, void *arg)
{
	struct exec_node *n;
	struct errand_ref *r;
	struct starter by;
	int err = 0;
	size_t i;

	for (i = 0; i < SPOOL_RECENT; i++) {
		n = s->recent[i] == 0 ? NULL : execution_find(x, s->recent[i]);
		if (n == NULL || n->via != NULL || n->parent == NULL ||
		    n->e.start_ns + SLACK_NS < time_ns)
			continue;
		by = starter_of(n);
		r = job_errand(s, n, &by, &err);
		if (r == NULL)
			continue;
		errand_reach(n, r, time_ns, gain, arg);
		errand_put(r);
	}
	return err;
}

/* ---- Changes ---- */

static struct exec_node *who_of(const struct executions *x, const struct of_rec_spool *rec,
				uint64_t time_ns)
{
	struct exec_node *n = NULL;

	if (rec->exec_id != 0)
		return execution_find(x, rec->exec_id);
	if (rec->tgid != 0 && !(rec->flags & OF_SPOOL_REAPED))
		n = execution_of_process(x, rec->tgid, time_ns);
	return n != NULL || rec->tgid == 0 ? n : execution_of_ended(x, rec->tgid);
}

int spools_changed(struct spools *s, const struct executions *x, const struct event *ev,
		   errands_gain_fn *gain, void *arg)
{
	const struct of_rec_spool *rec = ev->spool;
	struct path path = { rec->path, rec->path_len };
	const struct exec_node *who = who_of(x, rec, ev->time_ns);
	struct spooled *f = NULL;
	bool is_written = (rec->flags & OF_SPOOL_WRITTEN) != 0;
	int err = who == NULL && is_written ? -ESRCH : 0, err2;

	if (is_written && who != NULL && who->e.roles != 0) {
		err = written(s, who, ev, &path, &f);
	} else {
		f = spooled_find(s, &path);
		if (f != NULL && who != NULL && is_written)
			rewritten(f, rec, ev->time_ns);
	}
	if (f == NULL)
		return err;
	/* For a moment it may have been read. */
	if (rec->flags & OF_SPOOL_GONE)
		spooled_ends(f, ev->time_ns);
	err2 = catch_up(s, x, ev->time_ns, gain, arg);
	return err < 0 ? err : err2;
}
