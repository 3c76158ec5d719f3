/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alert_json.c: records as JSON. The keys and their order are a contract with whoever reads the
 * feed (packaging/schema/alert.schema.json): add, never rename.
 */
#include <inttypes.h>
#include <string.h>

#include "alert/ancestry.h"
#include "alert/open.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/text.h"

#include "base/poison.h"

static void json_time(struct json *j, const char *key, int64_t utc_ns)
{
	char text[TIME_TEXT_LEN];

	time_text(text, utc_ns);
	json_cstr(j, key, text);
}

static void json_argv(struct json *j, const struct execution *e)
{
	size_t i, n;

	json_open(j, "argv", '[');
	for (i = 0; i < e->argv_len; i += n + 1) {
		n = strnlen(e->argv + i, e->argv_len - i);
		json_str(j, NULL, e->argv + i, n);
	}
	json_close(j, ']');
	json_bool(j, "argv_truncated", e->argv_size > e->argv_len);
}

static void json_process(struct json *j, const struct execution *e)
{
	if (e == NULL) {
		json_cstr(j, "process", NULL);
		return;
	}
	json_open(j, "process", '{');
	json_u64(j, "pid", e->tgid);
	json_u64(j, "exec_id", e->exec_id);
	json_u64(j, "ppid", e->ppid);
	json_str(j, "name", e->name, strnlen(e->name, OF_NAME_LEN));
	json_cstr(j, "exe", e->exe != NULL && e->exe[0] != '\0' ? e->exe : NULL);
	json_argv(j, e);
	json_cstr(j, "sha256", NULL);
	json_u64(j, "uid", e->uid);
	if (e->loginuid == UINT32_MAX)
		json_cstr(j, "loginuid", NULL);
	else
		json_u64(j, "loginuid", e->loginuid);
	json_cstr(j, "cgroup", NULL);
	json_cstr(j, "container", NULL);
	json_close(j, '}');
}

static void json_roles(struct json *j, const struct policy *p, const struct execution *e)
{
	const char *name;
	unsigned int bit;

	json_open(j, "roles", '[');
	for (bit = 0; e != NULL && bit < OF_ROLES_MAX; bit++) {
		if (!(e->roles & (1ULL << bit)))
			continue;
		name = policy_role_name(p, bit);
		if (name != NULL)
			json_cstr(j, NULL, name);
	}
	json_close(j, ']');
}

static void json_endpoint(struct json *j, const struct account *account)
{
	const struct of_endpoint *to = &account->to;
	char ip[IP_TEXT_LEN], proto[PROTO_TEXT_LEN];

	say_proto(proto, to);
	json_open(j, "endpoint", '{');
	if (to->family == OF_AF_INET || to->family == OF_AF_INET6) {
		ip_text(ip, to->addr);
		json_cstr(j, "ip", ip);
	} else {
		json_cstr(j, "ip", NULL);
	}
	json_u64(j, "port", to->port);
	json_cstr(j, "proto", proto[0] == '\0' ? NULL : proto);
	json_cstr(j, "class", endpoint_class_name(account->class));
	json_open(j, "names", '[');
	json_close(j, ']');
	if (account_is_overflow(account->flags))
		json_bool(j, "overflow", true);
	json_close(j, '}');
}

void alert_facts(struct buf *b, const struct policy *p, const struct account *account)
{
	struct ancestry ancestry;
	struct json j;

	json_init(&j, b);
	json_process(&j, account->who);
	ancestry_of(&ancestry, account->who);
	ancestry_json(&j, "lineage", &ancestry);
	json_roles(&j, p, account->who);
	json_cstr(&j, "ci", NULL);
	json_endpoint(&j, account);
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
	json_time(j, "time", utc_ns);
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
	json_cstr(j, "received", NULL);
	if (a->window_ns == 0)
		json_cstr(j, "window_s", NULL);
	else if (a->window_ns % s == 0)
		json_u64(j, "window_s", a->window_ns / s);
	else
		buf_printf(j->out, ",\"window_s\":%" PRIu64 ".%03" PRIu64, a->window_ns / s,
			   a->window_ns % s / ms);
	json_close(j, '}');
}

void alert_json(struct buf *b, const struct policy *p, const struct open_alert *a,
		const struct origin *o)
{
	struct json j;

	json_init(&j, b);
	json_open(&j, NULL, '{');
	json_head(&j, "alert", a->id, a->seq, a->prev, a->first_utc_ns, o);
	json_rule(&j, p, a);
	if (a->limit != 0 || a->window_ns != 0)
		json_u64(&j, "limit", a->limit);
	else
		json_cstr(&j, "limit", NULL);
	json_cstr(&j, "baseline", "none");
	json_open(&j, "labels", '{');
	json_close(&j, '}');
	json_u64(&j, "count", a->count);
	json_time(&j, "first", a->first_utc_ns);
	json_time(&j, "last", a->last_utc_ns);
	buf_char(b, ',');
	buf_add(b, a->facts, a->facts_len);
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
