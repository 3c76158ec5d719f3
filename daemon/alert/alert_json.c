/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alert_json.c: records as JSON. The keys and their order are a contract with whoever reads the
 * feed (packaging/schema/alert.schema.json): add, never rename.
 */
#include <inttypes.h>
#include <string.h>

#include "alert/ci_json.h"
#include "alert/open.h"
#include "alert/subject_json.h"
#include "alert/who_json.h"
#include "base/caps.h"
#include "base/json.h"
#include "base/text.h"

#include "base/poison.h"

/* What there was to say of the file when it was executed. */
static void json_exe_state(struct json *j, uint32_t flags)
{
	json_open(j, "exe_state", '[');
	if (flags & OF_EXEC_DELETED)
		json_cstr(j, NULL, "deleted");
	if (flags & OF_EXEC_MEMFD)
		json_cstr(j, NULL, "memfd");
	if (flags & OF_EXEC_OVERLAY)
		json_cstr(j, NULL, "overlay");
	json_close(j, ']');
}

/* What it can do and the one it came from could not. */
static void json_caps_gained(struct json *j, const struct execution *e)
{
	uint64_t gained = e->parent == NULL ? 0 : e->caps & ~e->parent->caps;
	unsigned int bit;

	json_open(j, "caps_gained", '[');
	for (bit = 0; bit < CAPS_N; bit++)
		if ((gained >> bit & 1) != 0)
			json_cstr(j, NULL, cap_name(bit));
	json_close(j, ']');
}

/* "" is null. */
static void json_known(struct json *j, const char *key, const char *s)
{
	json_cstr(j, key, s[0] == '\0' ? NULL : s);
}

static void json_container(struct json *j, const struct container_told *c)
{
	if (c == NULL) {
		json_nil(j, "container");
		return;
	}
	json_open(j, "container", '{');
	json_known(j, "id", c->id);
	json_known(j, "runtime", c->runtime);
	json_known(j, "image", c->image);
	json_known(j, "pod", c->pod);
	json_bool(j, "claimed", c->claimed);
	json_close(j, '}');
}

static void json_process(struct json *j, const struct execution *e, const struct origin *o)
{
	if (e == NULL) {
		json_nil(j, "process");
		return;
	}
	json_open(j, "process", '{');
	subject_json_process(j, e);
	who_json_argv(j, e, SIZE_MAX);
	subject_json_hash(j, e);
	json_u64(j, "uid", e->uid);
	if (e->loginuid == UINT32_MAX)
		json_nil(j, "loginuid");
	else
		json_u64(j, "loginuid", e->loginuid);
	json_u64(j, "gid", e->gid);
	json_u64(j, "sid", e->sid);
	json_exe_state(j, e->flags);
	json_caps_gained(j, e);
	json_u64(j, "pid_ns", e->ns.pid);
	if (e->ns_tgid != 0)
		json_u64(j, "ns_pid", e->ns_tgid);
	else
		json_nil(j, "ns_pid");
	json_cstr(j, "cgroup", e->cgroup);
	json_container(j, e->container);
	who_json(j, e, o);
	json_close(j, '}');
}

void alert_facts(struct buf *b, const struct policy *p, const struct subject *s,
		 const struct origin *o)
{
	const struct account *account = s->account;
	const struct execution *who = account->who;
	struct ci_place place = ci_place_of(who, &s->via);
	struct json j;

	json_init(&j, b);
	json_process(&j, who, o);
	subject_json_lineage(&j, who);
	who_json_ancestors(&j, who, o);
	subject_json_roles(&j, p, s->roles);
	subject_json_creator(&j, account);
	subject_json_via(&j, &s->via);
	ci_json(&j, &place);
}

/* What the stream is known to lack. Two counters have short names in the contract and are always
 * there; of the others only those that count something. */
static void json_loss(struct json *j, const struct origin *o)
{
	const char *const *hook;

	json_open(j, "loss", '{');
	json_u64(j, "ring", o->loss.ring);
	json_u64(j, "overflow", o->loss.accounts_full);
	json_open(j, "hooks_missing", '[');
	for (hook = o->hooks_missing; hook != NULL && *hook != NULL; hook++)
		json_cstr(j, NULL, *hook);
	json_close(j, ']');
#define X(name)                                                    \
	if (o->loss.name != 0 && &o->loss.name != &o->loss.ring && \
	    &o->loss.name != &o->loss.accounts_full)               \
		json_u64(j, #name, o->loss.name);
	OF_LOSS_LIST(X)
#undef X
	json_close(j, '}');
}

/* What every record begins with. */
static void json_head(struct json *j, const char *type, const char *id, uint64_t seq,
		      const char *prev, int64_t utc_ns, const struct origin *o)
{
	json_u64(j, "v", 1);
	json_cstr(j, "type", type);
	json_cstr(j, "id", id);
	json_u64(j, "seq", seq);
	json_cstr(j, "prev", prev);
	subject_json_time(j, "time", utc_ns);
	json_str(j, "host", o->host, strnlen(o->host, sizeof(o->host)));
	json_str(j, "boot_id", o->boot_id, strnlen(o->boot_id, sizeof(o->boot_id)));
}

static void json_rule(struct json *j, const struct policy *p, const struct open_alert *a)
{
	struct buf reason;
	size_t i;

	json_cstr(j, "rule", a->rule->id);
	json_cstr(j, "rule_rev", a->rule->rev);
	json_cstr(j, "severity", severity_name(a->rule->severity));
	json_open(j, "attack", '[');
	for (i = 0; i < POLICY_ATTACK_MAX && a->rule->attack[i] != NULL; i++)
		json_cstr(j, NULL, a->rule->attack[i]);
	json_close(j, ']');
	buf_init(&reason, 16 << 10);
	say_reason(&reason, p, a);
	if (reason.err < 0)
		j->out->err = reason.err;
	else
		json_str(j, "reason", reason.data, reason.len);
	buf_done(&reason);
}

static void json_bytes(struct json *j, const struct open_alert *a)
{
	const uint64_t ms = 1000000, s = 1000 * ms;

	json_open(j, "bytes", '{');
	json_u64(j, "sent", a->sent);
	subject_json_received(j, a->received, a->account_flags);
	if (a->window_ns == 0)
		json_nil(j, "window_s");
	else if (a->window_ns % s == 0)
		json_u64(j, "window_s", a->window_ns / s);
	else
		buf_printf(j->out, ",\"window_s\":%" PRIu64 ".%03" PRIu64, a->window_ns / s,
			   a->window_ns % s / ms);
	json_close(j, '}');
}

void alert_json(struct buf *b, const char *type, const struct policy *p, const struct open_alert *a,
		const struct origin *o)
{
	struct json j;

	json_init(&j, b);
	json_open(&j, NULL, '{');
	json_head(&j, type, a->id, a->seq, a->prev, a->first_utc_ns, o);
	json_rule(&j, p, a);
	if (a->dns == NULL && (a->limit != 0 || a->window_ns != 0))
		json_u64(&j, "limit", a->limit);
	else
		json_nil(&j, "limit");
	json_cstr(&j, "baseline", "none");
	json_open(&j, "labels", '{');
	json_close(&j, '}');
	json_u64(&j, "count", a->count);
	subject_json_time(&j, "first", a->first_utc_ns);
	subject_json_time(&j, "last", a->last_utc_ns);
	buf_char(b, ',');
	buf_add(b, a->facts, a->facts_len);
	if (a->endpoint != NULL) {
		buf_char(b, ',');
		buf_str(b, a->endpoint);
	}
	if (a->is_leak)
		leak_json(&j, &a->leak);
	if (a->dns != NULL)
		open_dns_json(&j, &a->dns->told);
	json_bytes(&j, a);
	json_loss(&j, o);
	json_close(&j, '}');
}

void notice_json(struct buf *b, const struct notice *n, const struct origin *o)
{
	struct json j;

	json_init(&j, b);
	json_open(&j, NULL, '{');
	json_head(&j, n->type, n->id, n->seq, n->prev, n->utc_ns, o);
	json_cstr(&j, "severity", severity_name(n->severity));
	json_cstr(&j, "reason", n->reason);
	json_loss(&j, o);
	json_close(&j, '}');
}
