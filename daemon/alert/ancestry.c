/* SPDX-License-Identifier: BSD-2-Clause */
#include "alert/ancestry.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

void ancestry_of(struct ancestry *a, const struct execution *e)
{
	const struct execution *p;

	a->n = 0;
	for (p = e; p != NULL; p = p->parent) {
		if (p == e || lineage_shows(p)) {
			if (a->n == ANCESTRY_MAX) {
				a->gap[a->n - 1]++;
				continue;
			}
			a->e[a->n] = p;
			a->gap[a->n++] = 0;
		}
		a->gap[a->n - 1] += p->elided;
	}
}

void ancestry_cut(struct ancestry *a)
{
	size_t i, n = 0;

	for (i = 0; i < a->n; i++)
		if (a->e[i]->roles != 0)
			n = i + 1;
	if (n == 0)
		n = a->n < ANCESTRY_NO_ROLE ? a->n : ANCESTRY_NO_ROLE;
	if (n == a->n)
		return;
	a->n = n;
	/* What is missing above the first one shown is no gap in what is shown. */
	if (n > 0)
		a->gap[n - 1] = 0;
}

void ancestry_json(struct json *j, const char *key, const struct ancestry *a)
{
	struct buf one;
	size_t i;

	buf_init(&one, OF_NAME_LEN + 64);
	json_open(j, key, '[');
	for (i = a->n; i-- > 0;) {
		if (a->gap[i] > 0) {
			buf_clear(&one);
			buf_printf(&one, "...(+%" PRIu32 ")", a->gap[i]);
			json_str(j, NULL, one.data, one.len);
		}
		buf_clear(&one);
		buf_add(&one, a->e[i]->name, strnlen(a->e[i]->name, OF_NAME_LEN));
		buf_printf(&one, "[%" PRIu32 "]", a->e[i]->tgid);
		if (one.err < 0)
			j->out->err = one.err;
		else
			json_str(j, NULL, one.data, one.len);
	}
	json_close(j, ']');
	buf_done(&one);
}

static void line_item(struct buf *b, const struct execution *e)
{
	text_name(b, e->name, strnlen(e->name, OF_NAME_LEN));
	buf_printf(b, "[%" PRIu32 "]", e->tgid);
}

void ancestry_line(struct buf *b, const struct ancestry *a, size_t keep)
{
	size_t top = keep >= a->n ? a->n : keep / 2;
	size_t bottom = keep >= a->n ? 0 : keep - top;
	size_t i, from = b->len;
	uint64_t out = 0;

	for (i = a->n; i-- > 0;) {
		out += a->gap[i];
		if (i < a->n - top && i >= bottom) {
			out++;
			continue;
		}
		if (out > 0)
			buf_printf(b, "%s...(+%" PRIu64 ")", b->len > from ? " > " : "", out);
		out = 0;
		if (b->len > from)
			buf_str(b, " > ");
		line_item(b, a->e[i]);
	}
}
