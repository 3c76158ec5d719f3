/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alert_line.c: a record as one line for syslog, complete in itself: who, where, how much, which
 * rule, and the id under which the details are found.
 */
#include <inttypes.h>
#include <string.h>

#include "alert/ancestry.h"
#include "alert/ci_json.h"
#include "alert/open.h"
#include "alert/subject_json.h"
#include "base/text.h"

#include "base/poison.h"

#define LINE_CUT "..."

/* Cuts what stands behind `from` to `max` bytes at a character's start, and says so. */
static void line_cut(struct buf *b, size_t from, size_t max)
{
	size_t at;

	if (b->err < 0 || b->len - from <= max)
		return;
	at = from + max - strlen(LINE_CUT);
	while (at > from && ((unsigned char)b->data[at] & 0xc0) == 0x80)
		at--;
	b->len = at;
	buf_str(b, LINE_CUT);
}

/* "; id=..." behind what stands there, which gives way when both do not fit. */
static void line_end(struct buf *b, size_t from, const char *id)
{
	line_cut(b, from, ALERT_LINE_MAX - strlen("; id=") - strlen(id));
	buf_printf(b, "; id=%s", id);
}

/* As much of the lineage as leaves room for `rest` bytes behind it. */
static void line_lineage(struct buf *b, size_t from, const struct execution *who, size_t rest)
{
	struct ancestry a;
	size_t keep, start = b->len;

	ancestry_of(&a, who);
	ancestry_cut(&a);
	for (keep = a.n; keep > 0; keep--) {
		b->len = start;
		ancestry_line(b, &a, keep);
		if (b->len - from + rest <= ALERT_LINE_MAX)
			return;
	}
}

void alert_line(struct buf *b, const struct policy *p, const struct open_alert *a,
		const struct subject *s)
{
	const struct execution *who = s == NULL ? NULL : s->account->who;
	struct ci_place place = { .ci = NULL };
	size_t from = b->len;
	struct buf act;

	buf_init(&act, 64 << 10);
	if (who != NULL)
		buf_printf(&act, " uid=%" PRIu32, who->uid);
	if (s != NULL) {
		say_via(&act, s->via.errand);
		place = ci_place_of(who, &s->via);
	}
	if (!a->is_leak)
		buf_char(&act, ' ');
	say_act(&act, p, a);
	ci_line(&act, &place);
	buf_printf(b, "%s ", severity_name(a->rule->severity));
	text_escape(b, a->rule->id, strlen(a->rule->id));
	buf_str(b, ": ");
	if (who != NULL)
		line_lineage(b, from, who, act.len + strlen("; id=") + strlen(a->id));
	else if (!a->is_leak)
		buf_str(b, "processes not seen singly");
	if (act.err < 0)
		b->err = act.err;
	else
		buf_add(b, act.data, act.len);
	line_end(b, from, a->id);
	buf_done(&act);
}

void hash_line(struct buf *b, const struct open_alert *a, const struct file_hash *h)
{
	const struct execution e = { .hash_state = h->state, .sha256 = h->sha256 };
	char hash[SUBJECT_HASH_LEN];
	size_t from = b->len;

	buf_printf(b, "%s update: sha256 %s: ", severity_name(a->rule->severity),
		   subject_hash_text(hash, &e) ? hash : subject_hash_state(h->state));
	text_name(b, a->file, strlen(a->file));
	line_end(b, from, a->id);
}

void name_line(struct buf *b, const struct open_alert *a)
{
	size_t from = b->len;

	buf_printf(b, "%s update: ", severity_name(a->rule->severity));
	say_far(b, a, true);
	line_end(b, from, a->id);
}

void notice_line(struct buf *b, const struct notice *n)
{
	size_t from = b->len;

	buf_printf(b, "%s %s: ", severity_name(n->severity), n->type);
	text_escape(b, n->reason, strlen(n->reason));
	line_end(b, from, n->id);
}
