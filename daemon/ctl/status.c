/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * status.c: how the daemon itself is: what is off, what is down, what was lost. One line, in
 * pieces: the rules that are off can be many.
 */
#include "ctl/verbs.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "detect/links.h"

#include "base/poison.h"

/* What others chose is cut, so that every piece fits. */
#define ID_MAX	       128
#define NAME_MAX_SHOWN 256
#define WHY_MAX	       512

static void short_str(struct json *j, const char *key, const char *s, size_t max)
{
	json_str(j, key, s, strnlen(s, max));
}

static uint64_t uptime_s(uint64_t start_ns)
{
	struct timespec ts;
	uint64_t now_ns;

	if (clock_gettime(CLOCK_BOOTTIME, &ts) < 0)
		return 0;
	now_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	return now_ns > start_ns ? (now_ns - start_ns) / 1000000000 : 0;
}

static void head(struct json *j, const struct ctl_view *v)
{
	const struct origin *o = track_origin(v->track);
	const struct policy *p = &v->config->policy;
	uint64_t on = 0;
	size_t i;

	for (i = 0; i < p->rules_n; i++)
		on += p->rules[i].off == NULL;
	json_open(j, NULL, '{');
	json_cstr(j, "version", v->version);
	json_u64(j, "pid", (uint64_t)getpid());
	json_u64(j, "uptime_s", uptime_s(v->start_ns));
	json_str(j, "host", o->host, strnlen(o->host, sizeof(o->host)));
	json_str(j, "boot_id", o->boot_id, strnlen(o->boot_id, sizeof(o->boot_id)));
	json_open(j, "rules", '{');
	json_u64(j, "on", on);
	json_open(j, "off", '[');
}

/* The next rule that is off. false: there is none. */
static bool rule_off(struct json *j, const struct policy *p, size_t *cursor, bool first)
{
	const struct rule *r;

	while (*cursor < p->rules_n) {
		r = &p->rules[(*cursor)++];
		if (r->off == NULL)
			continue;
		j->comma = !first;
		json_open(j, NULL, '{');
		short_str(j, "id", r->id, ID_MAX);
		short_str(j, "why", r->off, WHY_MAX);
		json_close(j, '}');
		return true;
	}
	return false;
}

static void sinks_json(struct json *j, const struct sinks *s)
{
	struct sink_state state;
	size_t i;

	json_open(j, "sinks", '[');
	for (i = 0; i < sinks_count(s); i++) {
		state = sinks_state(s, i);
		json_open(j, NULL, '{');
		short_str(j, "name", state.name, NAME_MAX_SHOWN);
		json_bool(j, "up", state.up != 0);
		json_cstr(j, "error", state.err < 0 ? strerror(-state.err) : NULL);
		json_u64(j, "queued", state.queued);
		json_u64(j, "delivered", state.delivered);
		json_u64(j, "dropped", state.dropped);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void tracked_json(struct json *j, const struct ctl_view *v)
{
	struct track_stats t = track_stats(v->track);

	json_open(j, "tracked", '{');
	json_u64(j, "executions", t.executions);
	json_u64(j, "accounts", t.accounts);
	json_u64(j, "evicted", t.evicted);
	json_u64(j, "refused", t.refused);
	json_u64(j, "unresolved", t.unresolved);
	json_close(j, '}');
}

static void reconcile_json(struct json *j, const struct ctl_view *v)
{
	const char *off = v->edges_off(v->arg);
	struct link_books b;
	size_t cursor = 0;

	json_open(j, "reconcile", '{');
	json_open(j, "interfaces", '[');
	while (off == NULL && links_next(detect_links(v->detect), &cursor, &b))
		if (!b.inner)
			json_str(j, NULL, b.name, strnlen(b.name, sizeof(b.name)));
	json_close(j, ']');
	json_cstr(j, "off", off);
	json_u64(j, "left_out", v->edges_left_out(v->arg));
	json_close(j, '}');
}

static void table_json(struct json *j, const char *name, uint32_t used, uint32_t max)
{
	json_open(j, name, '{');
	json_u64(j, "used", used);
	json_u64(j, "max", max);
	json_close(j, '}');
}

static void pins_json(struct json *j, const struct pins_status *p)
{
	json_open(j, "pins", '{');
	short_str(j, "path", p->path, NAME_MAX_SHOWN);
	json_cstr(j, "state", pins_state_name(p->state));
	if (p->reason[0] != '\0')
		json_str(j, "reason", p->reason, strnlen(p->reason, sizeof(p->reason)));
	else
		json_cstr(j, "reason", NULL);
	json_close(j, '}');
}

static void judged_json(struct json *j, const struct ctl_view *v)
{
	struct detect_stats d = detect_stats(v->detect);
	struct alerts_stats a = alerts_stats(v->alerts);

	json_u64(j, "windows", d.windows);
	json_u64(j, "windows_evicted", d.evicted);
	json_open(j, "alerts", '{');
	json_u64(j, "raised", a.raised);
	json_u64(j, "folded", a.folded);
	json_u64(j, "evicted", a.evicted);
	json_u64(j, "failed", a.failed);
	json_u64(j, "open", a.open);
	json_close(j, '}');
}

static void read_json(struct json *j, const struct ctl_view *v, const struct ctl_stats *c)
{
	struct intake_stats in = intake_stats(v->intake);

	json_open(j, "records", '{');
	json_u64(j, "read", in.records);
	json_u64(j, "bad", in.bad);
	json_u64(j, "record_lost", in.record_lost);
	json_close(j, '}');
	json_open(j, "control", '{');
	json_u64(j, "clients", c->clients);
	json_u64(j, "answers", c->answers);
	json_u64(j, "refused", c->refused);
	json_u64(j, "bad", c->bad);
	json_u64(j, "dropped", c->dropped);
	json_close(j, '}');
}

static void hash_json(struct json *j, const struct hash_stats *h)
{
	json_open(j, "hash", '{');
	json_u64(j, "files", h->files);
	json_u64(j, "cached", h->cached);
	json_u64(j, "changed", h->changed);
	json_u64(j, "gone", h->gone);
	json_u64(j, "failed", h->failed);
	json_u64(j, "skipped", h->skipped);
	json_u64(j, "pending", h->pending);
	json_u64(j, "respawned", h->respawned);
	json_close(j, '}');
}

static void images_json(struct json *j, const struct image_stats *i)
{
	json_open(j, "images", '{');
	json_u64(j, "found", i->found);
	json_u64(j, "none", i->none);
	json_u64(j, "waiting", i->waiting);
	json_u64(j, "given_up", i->given_up);
	json_close(j, '}');
}

static void names_json(struct json *j, const struct ctl_view *v)
{
	struct namer_stats read = v->naming(v->arg);
	struct track_stats known = track_stats(v->track);

	json_open(j, "names", '{');
	json_u64(j, "processes", read.up ? 1 : 0);
	json_u64(j, "begun", read.begun);
	json_u64(j, "records", read.records);
	json_u64(j, "unread", read.unread);
	json_u64(j, "forgotten", read.forgotten);
	json_u64(j, "refused", read.refused);
	json_u64(j, "addresses", known.names);
	json_u64(j, "evicted", known.names_evicted);
	json_u64(j, "unplaced", known.names_lost);
	json_close(j, '}');
}

static int tail(struct json *j, const struct ctl_view *v, const struct ctl_stats *c)
{
	const char *const *hook = track_origin(v->track)->hooks_missing;
	struct hash_stats hashed = v->hashed(v->arg);
	struct image_stats images = v->images(v->arg);
	struct ledger l;
	int err;

	err = ctl_ledger(v, &l);
	if (err < 0) {
		l = (struct ledger){ .loss = track_origin(v->track)->loss };
		json_cstr(j, "ledger_error", strerror(-err));
	}
	sinks_json(j, v->sinks);
	reconcile_json(j, v);
	tracked_json(j, v);
	hash_json(j, &hashed);
	images_json(j, &images);
	names_json(j, v);
	json_open(j, "tables", '{');
	table_json(j, "accounts", l.accounts_used, l.accounts_max);
	table_json(j, "executions", l.executions_used, l.executions_max);
	json_close(j, '}');
	pins_json(j, v->pins);
	judged_json(j, v);
	read_json(j, v, c);
	ctl_loss_json(j, &l.loss);
	json_open(j, "hooks_missing", '[');
	for (; hook != NULL && *hook != NULL; hook++)
		short_str(j, NULL, *hook, ID_MAX);
	json_close(j, ']');
	json_close(j, '}');
	buf_char(j->out, '\n');
	return j->out->err;
}

int ctl_status_next(struct ctl_walk *w, struct buf *out)
{
	enum { HEAD, FIRST_RULE, OTHER_RULES, END };
	struct json j;
	int err = 0;

	json_init(&j, out);
	switch (w->step) {
	case HEAD:
		head(&j, w->view);
		w->step = FIRST_RULE;
		break;
	case FIRST_RULE:
	case OTHER_RULES:
		if (rule_off(&j, &w->view->config->policy, &w->cursor, w->step == FIRST_RULE)) {
			w->step = OTHER_RULES;
			break;
		}
		json_close(&j, ']');
		json_close(&j, '}');
		err = tail(&j, w->view, w->stats);
		w->step = END;
		break;
	default:
		return 0;
	}
	if (err == 0)
		err = out->err;
	return err < 0 ? err : 1;
}
