/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alerts.c: the open alerts, the numbers of the records and the chain that binds each record to
 * the one before.
 */
#include "alert/alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "alert/late_hash.h"
#include "alert/late_name.h"
#include "alert/open.h"
#include "base/table.h"
#include "base/text.h"

#include "base/poison.h"

/* A record with the longest argv and the deepest lineage, every byte escaped, is below 40 KiB. */
#define RECORD_BYTES_MAX (128 << 10)

/* Open alerts are counted by the execution they are about, so that a name of a far end that none is
 * about, which is nearly all, is no work. */
#define WHO_SLOTS 4096

struct alerts {
	const struct policy *policy;
	alerts_put *put;
	void *arg;
	struct table open;	    /* by key; the longest without news first */
	struct open_alert **by_seq; /* the same, in the order they were raised */
	uint64_t seq;		    /* of the last record */
	char head[ALERT_HASH_LEN];  /* hash of the last record */
	size_t unhashed;	    /* open alerts that wait for a hash */
	uint16_t who[WHO_SLOTS];    /* open alerts about executions */
	struct alerts_stats stats;
	struct buf json, text;
};

static bool open_same(const struct table_node *node, const void *key)
{
	const struct open_alert *a = table_entry(node, const struct open_alert, node);

	return memcmp(&a->key, key, sizeof(a->key)) == 0;
}

int alerts_new(const struct policy *policy, alerts_put *put, void *arg, struct alerts **ret)
{
	struct alerts *a = calloc(1, sizeof(*a));
	int err;

	if (a == NULL)
		return -ENOMEM;
	a->policy = policy;
	a->put = put;
	a->arg = arg;
	memset(a->head, '0', sizeof(a->head) - 1);
	buf_init(&a->json, RECORD_BYTES_MAX);
	buf_init(&a->text, RECORD_BYTES_MAX);
	err = table_init(&a->open, ALERTS_OPEN_MAX, open_same);
	if (err < 0)
		goto out;
	a->by_seq = calloc(ALERTS_OPEN_MAX, sizeof(struct open_alert *));
	if (a->by_seq == NULL) {
		err = -ENOMEM;
		goto out;
	}
	*ret = a;
	a = NULL;
out:
	alerts_free(a);
	return err;
}

static void open_free(struct open_alert *alert)
{
	if (alert == NULL)
		return;
	free(alert->endpoint);
	free(alert->names);
	free(alert->dns);
	free(alert);
}

void alerts_free(struct alerts *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; a->by_seq != NULL && i < a->open.n; i++)
		open_free(a->by_seq[i]);
	free(a->by_seq);
	table_done(&a->open);
	buf_done(&a->json);
	buf_done(&a->text);
	free(a);
}

/* Index of the first open alert with a number above `seq`; open.n when there is none. */
static size_t seq_above(const struct alerts *a, uint64_t seq)
{
	size_t low = 0, high = a->open.n, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (a->by_seq[mid]->seq > seq)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void open_close(struct alerts *a, struct open_alert *alert)
{
	size_t i = seq_above(a, alert->seq - 1);

	a->unhashed -= alert->hash_at != 0;
	memmove(&a->by_seq[i], &a->by_seq[i + 1],
		(a->open.n - i - 1) * sizeof(struct open_alert *));
	table_del(&a->open, &alert->node);
	a->who[alert->exec_id % WHO_SLOTS]--;
	open_free(alert);
}

/* The caller made sure that there is room and that the key is new. */
static void open_keep(struct alerts *a, struct open_alert *alert, uint64_t hash)
{
	a->unhashed += alert->hash_at != 0;
	a->who[alert->exec_id % WHO_SLOTS]++;
	a->by_seq[a->open.n] = alert;
	(void)table_add(&a->open, &alert->node, hash);
}

static uint64_t verdict_time(const struct verdict *v)
{
	return v->leak != NULL ? v->leak->time_ns : v->subject->time_ns;
}

static void open_id(struct open_alert *alert, const struct verdict *v, const struct origin *o)
{
	uint64_t time_ns = verdict_time(v);
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strnlen(o->boot_id, sizeof(o->boot_id)), (const uint8_t *)o->boot_id);
	sha256_update(&ctx, strlen(v->rule->id) + 1, (const uint8_t *)v->rule->id);
	sha256_update(&ctx, sizeof(v->key), (const uint8_t *)&v->key);
	sha256_update(&ctx, sizeof(time_ns), (const uint8_t *)&time_ns);
	sha256_digest(&ctx, sizeof(digest), digest);
	text_hex(alert->id, digest, (ALERT_ID_LEN - 1) / 2);
}

static void notice_id(struct notice *n, const struct origin *o)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, strnlen(o->boot_id, sizeof(o->boot_id)), (const uint8_t *)o->boot_id);
	sha256_update(&ctx, strlen(n->type) + 1, (const uint8_t *)n->type);
	sha256_update(&ctx, sizeof(n->seq), (const uint8_t *)&n->seq);
	sha256_update(&ctx, sizeof(n->utc_ns), (const uint8_t *)&n->utc_ns);
	sha256_digest(&ctx, sizeof(digest), digest);
	text_hex(n->id, digest, (ALERT_ID_LEN - 1) / 2);
}

/* Binds what stands in a->json to the chain and hands it out. */
static void record_put(struct alerts *a, struct record *r)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	r->json = a->json.data;
	r->json_len = a->json.len;
	r->text = a->text.data;
	r->text_len = a->text.len;
	sha256_init(&ctx);
	sha256_update(&ctx, r->json_len, (const uint8_t *)r->json);
	sha256_digest(&ctx, sizeof(digest), digest);
	text_hex(a->head, digest, sizeof(digest));
	a->seq++;
	a->put(a->arg, r);
}

static int64_t utc(const struct origin *o, uint64_t time_ns)
{
	return (int64_t)(time_ns + (uint64_t)o->utc_offset_ns); /* may wrap, a recording may lie */
}

/* What it is about. 0 or -ENOMEM. */
static int open_about(struct open_alert *alert, const struct verdict *v, const struct origin *o)
{
	const struct subject *s = v->subject;

	if (v->leak != NULL) {
		alert->is_leak = true;
		alert->leak = *v->leak;
		return 0;
	}
	alert->kind = s->kind;
	alert->account_flags = s->account->flags;
	alert->exec_id = s->account->who == NULL ? 0 : s->account->who->exec_id;
	if (v->dns != NULL) {
		alert->dns = open_dns_new(v->dns);
		if (alert->dns == NULL)
			return -ENOMEM;
	}
	return late_name_keep(alert, s->account, o);
}

/* NULL: no memory. Uses a->json on the way. */
static struct open_alert *open_new(struct alerts *a, const struct verdict *v,
				   const struct origin *o)
{
	const struct subject *s = v->subject;
	uint64_t time_ns = verdict_time(v);
	struct open_alert *alert;
	size_t hash_at = 0;

	buf_clear(&a->json);
	if (v->leak != NULL)
		leak_facts(&a->json);
	else
		alert_facts(&a->json, a->policy, s, o);
	if (a->json.err < 0)
		return NULL;
	if (v->leak == NULL && late_hash_waits(s->account->who))
		hash_at = late_hash_find(&a->json);
	alert = malloc(sizeof(*alert) + a->json.len +
		       (hash_at != 0 ? late_hash_room(s->account->who) : 0));
	if (alert == NULL)
		return NULL;
	*alert = (struct open_alert){
		.key = v->key,
		.rule = v->rule,
		.seq = a->seq + 1,
		.first_utc_ns = utc(o, time_ns),
		.last_utc_ns = utc(o, time_ns),
		.last_ns = time_ns,
		.count = 1,
		.sent = v->sent,
		.told = v->sent,
		.limit = v->limit,
		.window_ns = v->window_ns,
		.facts_len = a->json.len,
	};
	if (open_about(alert, v, o) < 0) {
		open_free(alert);
		return NULL;
	}
	memcpy(alert->facts, a->json.data, a->json.len);
	if (hash_at != 0)
		late_hash_wait(alert, hash_at, s->account->who);
	memcpy(alert->prev, a->head, sizeof(alert->prev));
	open_id(alert, v, o);
	return alert;
}

static void open_fold(struct alerts *a, struct open_alert *alert, const struct verdict *v,
		      const struct origin *o)
{
	alert->count++;
	if (v->sent > alert->sent) {
		alert->sent = v->sent;
		if (v->leak != NULL)
			alert->leak = *v->leak;
		if (v->dns != NULL && alert->dns != NULL)
			open_dns_set(alert->dns, v->dns);
	}
	if (verdict_time(v) > alert->last_ns) {
		alert->last_ns = verdict_time(v);
		alert->last_utc_ns = utc(o, alert->last_ns);
	}
	table_touch(&a->open, &alert->node);
	a->stats.folded++;
}

/* Tells again what stands in an open alert, with the line that the caller put into a->text. */
static int update_put(struct alerts *a, const struct open_alert *alert, const struct origin *o)
{
	struct open_alert *told;
	struct record r = {
		.severity = alert->rule->severity,
		.type = "update",
		.id = alert->id,
		.rule = alert->rule->id,
		.utc_ns = alert->last_utc_ns,
		.host = o->host,
	};

	told = malloc(sizeof(*told) + alert->facts_len);
	if (told == NULL)
		return -ENOMEM;
	memcpy(told, alert, sizeof(*told) + alert->facts_len);
	told->seq = a->seq + 1;
	memcpy(told->prev, a->head, sizeof(told->prev));
	buf_clear(&a->json);
	alert_json(&a->json, "update", a->policy, told, o);
	free(told);
	if (a->json.err < 0 || a->text.err < 0)
		return -ENOMEM;
	record_put(a, &r);
	return 0;
}

/*
 * How much left by an interface is known only when it is over: told again for each 50th part that
 * it grew, so that the last that was told is right to 2 %, in some 50 records for each e-fold.
 * Names that carry data are told again when it is twice as much.
 */
static int open_update(struct alerts *a, struct open_alert *alert, const struct verdict *v,
		       const struct origin *o)
{
	uint64_t step = alert->is_leak ? alert->told / 50 : alert->told;
	int err;

	if ((!alert->is_leak && alert->dns == NULL) || alert->sent - alert->told <= step)
		return 0;
	buf_clear(&a->text);
	alert_line(&a->text, a->policy, alert, v->subject);
	err = update_put(a, alert, o);
	if (err == 0)
		alert->told = alert->sent;
	return err;
}

int alerts_raise(struct alerts *a, const struct verdict *v, const struct origin *o)
{
	uint64_t hash = table_hash(&a->open, &v->key, sizeof(v->key));
	struct table_node *node = table_find(&a->open, hash, &v->key);
	struct open_alert *alert;
	struct record r = { .type = "alert", .host = o->host };

	if (node != NULL) {
		alert = table_entry(node, struct open_alert, node);
		open_fold(a, alert, v, o);
		if (open_update(a, alert, v, o) < 0)
			a->stats.failed++;
		return 0;
	}
	alert = open_new(a, v, o);
	if (alert == NULL)
		goto fail;
	buf_clear(&a->json);
	buf_clear(&a->text);
	alert_json(&a->json, "alert", a->policy, alert, o);
	alert_line(&a->text, a->policy, alert, v->subject);
	if (a->json.err < 0 || a->text.err < 0)
		goto fail;
	if (a->open.n == ALERTS_OPEN_MAX) {
		open_close(a, table_entry(a->open.oldest, struct open_alert, node));
		a->stats.evicted++;
	}
	open_keep(a, alert, hash);
	a->stats.raised++;
	r.severity = v->rule->severity;
	r.id = alert->id;
	r.rule = v->rule->id;
	r.utc_ns = alert->first_utc_ns;
	record_put(a, &r);
	return 1;
fail:
	open_free(alert);
	a->stats.failed++;
	return -ENOMEM;
}

void alerts_hashed(struct alerts *a, const struct file_hash *h, const struct origin *o)
{
	size_t i;

	for (i = 0; i < a->open.n && a->unhashed > 0; i++) {
		if (!late_hash_set(a->by_seq[i], h))
			continue;
		a->unhashed--;
		buf_clear(&a->text);
		hash_line(&a->text, a->by_seq[i], h);
		if (update_put(a, a->by_seq[i], o) < 0)
			a->stats.failed++;
	}
}

void alerts_named(struct alerts *a, const struct account *account, const struct origin *o)
{
	size_t i;
	int err;

	if (account->who == NULL || a->who[account->who->exec_id % WHO_SLOTS] == 0)
		return;
	for (i = 0; i < a->open.n; i++) {
		err = late_name_set(a->by_seq[i], account, o);
		if (err > 0) {
			buf_clear(&a->text);
			name_line(&a->text, a->by_seq[i]);
			err = update_put(a, a->by_seq[i], o);
		}
		if (err < 0)
			a->stats.failed++;
	}
}

int alerts_notice(struct alerts *a, const char *type, enum severity severity, const char *reason,
		  const struct origin *o)
{
	struct notice n = {
		.type = type,
		.severity = severity,
		.reason = reason,
		.seq = a->seq + 1,
		.utc_ns = utc(o, o->time_ns),
	};
	struct record r = {
		.severity = severity,
		.type = type,
		.id = n.id,
		.rule = "",
		.utc_ns = n.utc_ns,
		.host = o->host,
	};

	memcpy(n.prev, a->head, sizeof(n.prev));
	notice_id(&n, o);
	buf_clear(&a->json);
	buf_clear(&a->text);
	notice_json(&a->json, &n, o);
	notice_line(&a->text, &n);
	if (a->json.err < 0 || a->text.err < 0)
		return a->json.err < 0 ? a->json.err : a->text.err;
	record_put(a, &r);
	return 0;
}

void alerts_tick(struct alerts *a, const struct origin *o)
{
	struct open_alert *alert;

	while (a->open.oldest != NULL) {
		alert = table_entry(a->open.oldest, struct open_alert, node);
		if (alert->last_ns + ALERTS_QUIET_NS > o->time_ns)
			return;
		open_close(a, alert);
	}
}

int alerts_next(struct alerts *a, uint64_t *cursor, const struct origin *o, struct buf *ret)
{
	size_t i = seq_above(a, *cursor);

	if (i == a->open.n)
		return 0;
	*cursor = a->by_seq[i]->seq;
	alert_json(ret, "alert", a->policy, a->by_seq[i], o);
	buf_char(ret, '\n');
	return ret->err < 0 ? ret->err : 1;
}

struct alerts_stats alerts_stats(const struct alerts *a)
{
	struct alerts_stats stats = a->stats;

	stats.open = a->open.n;
	return stats;
}
