/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "alert/ci_json.h"
#include "alert/subject_json.h"
#include "base/json.h"
#include "detect/links.h"

#include "base/poison.h"

static int line_end(struct json *j)
{
	json_close(j, '}');
	buf_char(j->out, '\n');
	return j->out->err < 0 ? j->out->err : 1;
}

/* `key`: boot time `ns` as UTC, or null when ns is 0. */
static void boot_time(struct json *j, const char *key, const struct origin *o, uint64_t ns)
{
	if (ns == 0)
		json_nil(j, key);
	else
		subject_json_time(j, key, (int64_t)(ns + (uint64_t)o->utc_offset_ns));
}

void ctl_loss_json(struct json *j, const struct of_loss *loss)
{
	json_open(j, "loss", '{');
#define X(name) json_u64(j, #name, loss->name);
	OF_LOSS_LIST(X)
#undef X
	json_close(j, '}');
}

static int flows_next(struct ctl_walk *w, struct buf *out)
{
	const struct account *a = track_next_account(w->view->track, &w->cursor);
	const struct origin *o = track_origin(w->view->track);
	struct via via = { .errand = NULL };
	struct ci_place place;
	bool overflow;
	struct json j;

	if (a == NULL)
		return 0;
	if (a->who != NULL)
		via = a->who->via;
	place = ci_place_of(a->who, &via);
	overflow = (a->flags & (OF_ACCOUNT_OVERFLOW | OF_ACCOUNT_MACHINE)) != 0;
	json_init(&j, out);
	json_open(&j, NULL, '{');
	if (a->who != NULL) {
		json_open(&j, "process", '{');
		subject_json_process(&j, a->who);
		json_close(&j, '}');
	} else {
		json_nil(&j, "process");
	}
	subject_json_lineage(&j, a->who);
	subject_json_roles(&j, &w->view->config->policy, a->who != NULL ? a->who->roles : 0);
	subject_json_creator(&j, a);
	subject_json_via(&j, &via);
	ci_json(&j, &place);
	subject_json_endpoint(&j, a, o);
	json_open(&j, "bytes", '{');
	json_u64(&j, "sent", a->sent);
	subject_json_received(&j, a->received, a->flags);
	json_close(&j, '}');
	boot_time(&j, "first", o, a->first_ns);
	boot_time(&j, "last", o, a->last_ns);
	json_bool(&j, "overflow", overflow);
	return line_end(&j);
}

static int ps_next(struct ctl_walk *w, struct buf *out)
{
	const struct execution *e = track_next_execution(w->view->track, &w->cursor);
	const struct origin *o = track_origin(w->view->track);
	struct ci_place place;
	struct json j;

	if (e == NULL)
		return 0;
	place = ci_place_of(e, &e->via);
	json_init(&j, out);
	json_open(&j, NULL, '{');
	json_open(&j, "process", '{');
	subject_json_process(&j, e);
	if (e->parent != NULL)
		json_u64(&j, "parent", e->parent->exec_id);
	else
		json_nil(&j, "parent");
	json_u64(&j, "uid", e->uid);
	subject_json_hash(&j, e);
	json_close(&j, '}');
	subject_json_lineage(&j, e);
	subject_json_roles(&j, &w->view->config->policy, e->roles);
	subject_json_via(&j, &e->via);
	ci_json(&j, &place);
	json_u64(&j, "sent", e->sent);
	boot_time(&j, "start", o, e->start_ns);
	boot_time(&j, "end", o, e->end_ns);
	json_bool(&j, "adopted", (e->flags & OF_EXEC_ADOPTED) != 0);
	return line_end(&j);
}

int ctl_ledger(const struct ctl_view *v, struct ledger *ret)
{
	const struct of_loss *told = &track_origin(v->track)->loss;
	struct ledger l = { 0 };
	int err;

	err = v->ledger(v->arg, &l);
	if (err < 0)
		return err;
		/* Both only grow: the larger one is the later one. */
#define X(name)                       \
	if (told->name > l.loss.name) \
		l.loss.name = told->name;
	OF_LOSS_LIST(X)
#undef X
	*ret = l;
	return 0;
}

static void local_json(struct json *j, const uint64_t local[OF_FAMILIES])
{
	static const char *const names[OF_FAMILIES] = {
		[OF_AF_UNIX] = "unix", [OF_AF_KEY] = "key",	[OF_AF_NETLINK] = "netlink",
		[OF_AF_ALG] = "alg",   [OF_AF_VSOCK] = "vsock",
	};
	char other[16];
	size_t i;

	json_open(j, "local", '{');
	for (i = 0; i < OF_FAMILIES; i++) {
		if (local[i] == 0 && i != OF_AF_UNIX && i != OF_AF_NETLINK)
			continue;
		(void)snprintf(other, sizeof(other), "family_%zu", i);
		json_u64(j, names[i] != NULL ? names[i] : other, local[i]);
	}
	json_close(j, '}');
}

static void interfaces_json(struct json *j, const struct ctl_view *v)
{
	const struct links *links = detect_links(v->detect);
	struct link_books b;
	size_t cursor = 0;

	json_open(j, "interfaces", '[');
	while (links_next(links, &cursor, &b)) {
		json_open(j, NULL, '{');
		json_str(j, "name", b.name, strnlen(b.name, sizeof(b.name)));
		json_u64(j, "ifindex", b.ifindex);
		json_bool(j, "tunnel", b.inner);
		json_u64(j, "sent", b.sent);
		json_u64(j, "sockets", b.sockets);
		json_u64(j, "control", b.control);
		json_u64(j, "kernel", b.kernel);
		json_u64(j, "forwarded", b.forwarded);
		json_u64(j, "bypass", b.bypass);
		json_u64(j, "allowance", b.allowance);
		json_u64(j, "unattributed", b.unattributed);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static int ledger_next(struct ctl_walk *w, struct buf *out)
{
	struct ledger l;
	struct json j;
	int err;

	if (w->step++ > 0)
		return 0;
	err = ctl_ledger(w->view, &l);
	if (err < 0)
		return err;
	json_init(&j, out);
	json_open(&j, NULL, '{');
	json_u64(&j, "total", l.total);
	json_u64(&j, "executions", l.executions);
	json_u64(&j, "accounts", l.accounts);
	json_u64(&j, "overflow", l.overflow);
	json_u64(&j, "retired", l.retired);
	interfaces_json(&j, w->view);
	ctl_loss_json(&j, &l.loss);
	json_bool(&j, "balanced",
		  l.total == l.accounts + l.overflow + l.retired && l.total == l.executions);
	local_json(&j, l.local);
	return line_end(&j);
}

static int alerts_next_line(struct ctl_walk *w, struct buf *out)
{
	return alerts_next(w->view->alerts, &w->alert, track_origin(w->view->track), out);
}

ctl_next *ctl_verb_next(uint16_t verb)
{
	static ctl_next *const table[CTL_VERB_MAX] = {
		[CTL_STATUS] = ctl_status_next,	 [CTL_PS] = ps_next,
		[CTL_FLOWS] = flows_next,	 [CTL_LEDGER] = ledger_next,
		[CTL_ALERTS] = alerts_next_line,
	};

	return verb < CTL_VERB_MAX ? table[verb] : NULL;
}
