/* SPDX-License-Identifier: BSD-2-Clause */
#include "alert/ci_json.h"

#include <string.h>

#include "base/ci.h"
#include "base/text.h"

#include "base/poison.h"

#define LINE_TEXT_MAX 100 /* bytes of one text in a line; the feed has all of it */

static void json_conflict(struct json *j, const struct ci_place *p)
{
	const struct ci_claim *c;

	if (p->claims_n == 0) {
		json_nil(j, "conflict");
		return;
	}
	json_open(j, "conflict", '[');
	for (c = p->claims; c < p->claims + p->claims_n; c++) {
		json_open(j, NULL, '{');
		json_cstr(j, "key", ci_key_name((enum ci_key)c->key));
		json_cstr(j, "claimed", c->said);
		json_u64(j, "pid", c->tgid);
		json_u64(j, "exec_id", c->exec_id);
		json_str(j, "name", c->name, strnlen(c->name, sizeof(c->name)));
		json_close(j, '}');
	}
	json_close(j, ']');
}

void ci_json(struct json *j, const struct ci_place *p)
{
	const struct ci_text *t;
	int key;

	if (p->ci == NULL) {
		json_nil(j, "ci");
		return;
	}
	json_open(j, "ci", '{');
	for (key = 0; key < CI_KEYS; key++) {
		t = &p->ci->value[key];
		if (t->s != NULL)
			json_str(j, ci_key_name((enum ci_key)key), t->s, t->len);
		else
			json_nil(j, ci_key_name((enum ci_key)key));
	}
	json_conflict(j, p);
	json_close(j, '}');
}

static void line_text(struct buf *b, const char *before, const struct ci_text *t)
{
	size_t len = t->len;

	if (len > LINE_TEXT_MAX) /* at a character's start */
		for (len = LINE_TEXT_MAX; len > 0 && ((unsigned char)t->s[len] & 0xc0) == 0x80;)
			len--;
	buf_str(b, before);
	text_name(b, t->s, len);
	if (len < t->len)
		buf_str(b, "...");
}

/* Of what the job is: the repository, else the best that there is. */
static enum ci_key line_subject(const struct ci *ci)
{
	static const enum ci_key keys[] = { CI_REPOSITORY, CI_WORKFLOW, CI_JOB };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (ci->value[keys[i]].s != NULL)
			return keys[i];
	return CI_SYSTEM;
}

void ci_line(struct buf *b, const struct ci_place *p)
{
	const struct ci_text *v, *subject;
	enum ci_key key;
	size_t i;

	if (p->ci == NULL)
		return;
	v = p->ci->value;
	key = line_subject(p->ci);
	subject = &v[key];
	buf_str(b, "; ");
	if (key != CI_JOB && v[CI_OWNER].s != NULL &&
	    memchr(subject->s, '/', subject->len) == NULL) {
		line_text(b, "", &v[CI_OWNER]);
		buf_char(b, '/');
	}
	line_text(b, "", subject);
	if (v[CI_STEP].s != NULL)
		line_text(b, " step ", &v[CI_STEP]);
	else if (v[CI_JOB].s != NULL && key != CI_JOB)
		line_text(b, " job ", &v[CI_JOB]);
	for (i = 0; i < p->claims_n; i++)
		buf_printf(b, "%s%s", i == 0 ? " (conflict: " : ", ",
			   ci_key_name((enum ci_key)p->claims[i].key));
	if (p->claims_n > 0)
		buf_char(b, ')');
}
