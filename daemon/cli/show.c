/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/show.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/client.h"

#include "base/poison.h"

int show_each(const char *text, size_t len, show_line *fn, void *arg)
{
	const char *nl;
	json_error_t e;
	json_t *o;
	size_t n;
	int err;

	while (len > 0) {
		nl = memchr(text, '\n', len);
		n = nl != NULL ? (size_t)(nl - text) + 1 : len;
		o = json_loadb(text, n, JSON_ALLOW_NUL, &e);
		err = json_is_object(o) ? fn(arg, o) : -EBADMSG;
		json_decref(o);
		if (err < 0)
			return err;
		text += n;
		len -= n;
	}
	return 0;
}

json_t *show_at(const json_t *o, const char *key, const char *sub)
{
	json_t *v = json_object_get(o, key);

	return sub != NULL ? json_object_get(v, sub) : v;
}

uint64_t show_u64(const json_t *o, const char *key, const char *sub)
{
	json_int_t n = json_integer_value(show_at(o, key, sub));

	return n > 0 ? (uint64_t)n : 0;
}

bool show_is(const json_t *o, const char *key, const char *sub, const char *text)
{
	const char *s = json_string_value(show_at(o, key, sub));

	return s != NULL && strcmp(s, text) == 0;
}

/* ---- Cells ---- */

static void put_raw(struct buf *b, const json_t *string)
{
	if (json_is_string(string))
		buf_add(b, json_string_value(string), json_string_length(string));
}

/* The grid escapes: what a cell is made of must not be escaped before. */
static void cell(struct grid *g, struct buf *b)
{
	if (b->err < 0)
		g->text.err = b->err;
	grid_str(g, b->data, b->len);
	buf_done(b);
}

void show_text(struct grid *g, const json_t *string)
{
	if (json_is_string(string))
		grid_str(g, json_string_value(string), json_string_length(string));
	else
		grid_str(g, NULL, 0);
}

void show_size(struct grid *g, uint64_t bytes)
{
	char text[SIZE_TEXT_LEN];

	size_text(text, bytes);
	grid_str(g, text, strlen(text));
}

void show_time(struct grid *g, const json_t *string)
{
	const char *s = json_string_value(string);
	struct buf b;

	buf_init(&b, CLIENT_LINE_MAX);
	put_raw(&b, string);
	if (s != NULL && strlen(s) == TIME_TEXT_LEN - 1 && s[19] == '.') {
		buf_clear(&b);
		buf_printf(&b, "%.19sZ", s);
	}
	cell(g, &b);
}

void show_list(struct grid *g, const json_t *strings, const char *between)
{
	size_t i, n = json_array_size(strings);
	struct buf b;

	buf_init(&b, CLIENT_LINE_MAX * 4);
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_str(&b, between);
		put_raw(&b, json_array_get(strings, i));
	}
	cell(g, &b);
}

void show_process(struct grid *g, const json_t *process)
{
	struct buf b;

	buf_init(&b, CLIENT_LINE_MAX);
	if (json_is_object(process)) {
		put_raw(&b, json_object_get(process, "name"));
		buf_printf(&b, "[%" PRIu64 "]", show_u64(process, "pid", NULL));
	} else {
		buf_str(&b, "(machine)");
	}
	cell(g, &b);
}

/* "scan.example.org", "target.example:8443"; one that is not known to hold with a '?' behind it. */
static void put_name(struct buf *b, const json_t *name)
{
	put_raw(b, json_object_get(name, "name"));
	if (show_u64(name, "port", NULL) != 0)
		buf_printf(b, ":%" PRIu64, show_u64(name, "port", NULL));
	if (json_is_false(json_object_get(name, "confirmed")))
		buf_char(b, '?');
}

void show_endpoint(struct grid *g, const json_t *endpoint)
{
	const json_t *ip = json_object_get(endpoint, "ip");
	const json_t *proto = json_object_get(endpoint, "proto");
	const json_t *name = json_array_get(json_object_get(endpoint, "names"), 0);
	bool v6 = json_is_string(ip) && strchr(json_string_value(ip), ':') != NULL;
	struct buf b;

	buf_init(&b, CLIENT_LINE_MAX * 2);
	if (name != NULL) {
		put_name(&b, name);
		buf_str(&b, show_is(name, "source", NULL, "connect") ? " (by " : " (");
	}
	if (json_is_string(ip)) {
		buf_str(&b, v6 ? "[" : "");
		put_raw(&b, ip);
		buf_str(&b, v6 ? "]" : "");
		buf_printf(&b, ":%" PRIu64, show_u64(endpoint, "port", NULL));
	}
	if (json_is_string(proto)) {
		buf_str(&b, json_is_string(ip) ? "/" : "");
		put_raw(&b, proto);
	}
	if (name != NULL)
		buf_char(&b, ')');
	cell(g, &b);
}

/* ---- Lines ---- */

void show_put(struct buf *out, const json_t *string)
{
	if (json_is_string(string))
		text_escape(out, json_string_value(string), json_string_length(string));
	else
		buf_char(out, '-');
}

void show_put_size(struct buf *out, uint64_t bytes)
{
	char text[SIZE_TEXT_LEN];

	size_text(text, bytes);
	if (bytes >= 1024)
		buf_printf(out, "%s (%" PRIu64 " bytes)", text, bytes);
	else
		buf_printf(out, "%" PRIu64 " bytes", bytes);
}

void show_put_counts(struct buf *out, json_t *o, const char *none)
{
	const char *between = "", *key;
	void *it;

	for (it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
		key = json_object_iter_key(it);
		if (json_integer_value(json_object_iter_value(it)) == 0)
			continue;
		buf_str(out, between);
		text_escape(out, key, strlen(key));
		buf_printf(out, " %" JSON_INTEGER_FORMAT,
			   json_integer_value(json_object_iter_value(it)));
		between = ", ";
	}
	if (*between == '\0')
		buf_str(out, none);
}
