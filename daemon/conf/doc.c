/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/doc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

#define WARNINGS_MAX 100 /* lines; more are counted only, nobody reads so many */
#define QUOTE_TEXT   60	 /* bytes of a value in a message */

/* What the document holds so far, seen from the stream of events. */
struct scan {
	size_t depth, nodes, documents;
};

const char *quote(char ret[QUOTE_LEN], const char *s, size_t n)
{
	struct buf b;
	size_t i = 0, len;

	buf_init(&b, QUOTE_LEN);
	while (i < n && b.len < QUOTE_TEXT) {
		len = utf8_char(s + i, n - i);
		if (len == 0)
			len = 1;
		text_escape(&b, s + i, len);
		i += len;
	}
	(void)snprintf(ret, QUOTE_LEN, "'%s%s'", b.data != NULL ? b.data : "", i < n ? "..." : "");
	buf_done(&b);
	return ret;
}

/* Line 0: the text as a whole. Lines and columns count from 1. */
static int error_v(struct doc *d, size_t line, size_t column, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

static int error_v(struct doc *d, size_t line, size_t column, const char *fmt, va_list ap)
{
	char *msg = d->err->msg;
	size_t size = sizeof(d->err->msg);
	int n;

	if (line > 0)
		n = snprintf(msg, size, "%s:%zu:%zu: ", d->name, line, column);
	else
		n = snprintf(msg, size, "%s: ", d->name);
	if (n >= 0 && (size_t)n < size)
		(void)vsnprintf(msg + n, size - (size_t)n, fmt, ap);
	return -EINVAL;
}

static int error_at(struct doc *d, size_t line, size_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int error_at(struct doc *d, size_t line, size_t column, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = error_v(d, line, column, fmt, ap);
	va_end(ap);
	return err;
}

#undef doc_error
int doc_error(struct doc *d, const yaml_node_t *at, const char *fmt, ...)
{
	size_t line = at != NULL ? at->start_mark.line + 1 : 1;
	size_t column = at != NULL ? at->start_mark.column + 1 : 1;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = error_v(d, line, column, fmt, ap);
	va_end(ap);
	return err;
}

void doc_warn(struct doc *d, const yaml_node_t *at, const char *fmt, ...)
{
	char text[sizeof(d->err->msg)];
	va_list ap;

	if (++d->warnings_n > WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (d->warnings.len > 0)
		buf_char(&d->warnings, '\n');
	if (at != NULL)
		buf_printf(&d->warnings, "%s:%zu:%zu: %s", d->name, at->start_mark.line + 1,
			   at->start_mark.column + 1, text);
	else
		buf_printf(&d->warnings, "%s: %s", d->name, text);
}

int doc_warnings(struct doc *d, char **ret)
{
	if (d->warnings_n > WARNINGS_MAX)
		buf_printf(&d->warnings, "\n%s: %zu more warnings", d->name,
			   d->warnings_n - WARNINGS_MAX);
	if (d->warnings.err < 0)
		return d->warnings.err;
	*ret = d->warnings.data;
	d->warnings.data = NULL;
	return 0;
}

/* Line and column of a byte; columns are characters, as libyaml counts them. */
static int error_at_byte(struct doc *d, size_t byte, const char *problem, int value)
{
	size_t i, line = 1, column = 1;

	for (i = 0; i < byte && i < d->len; i++) {
		if (d->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)d->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	if (value < 0)
		return error_at(d, line, column, "%s", problem);
	return error_at(d, line, column, "%s (0x%02x)", problem, (unsigned int)value);
}

static int parser_error(struct doc *d, const yaml_parser_t *p)
{
	const yaml_mark_t *at = &p->problem_mark;

	/* Out of memory, libyaml does not always say so, but then it has nothing else to say. */
	if (p->error == YAML_MEMORY_ERROR || p->problem == NULL)
		return -ENOMEM;
	if (p->error == YAML_READER_ERROR)
		return error_at_byte(d, p->problem_offset, p->problem, p->problem_value);
	if (p->context == NULL)
		return error_at(d, at->line + 1, at->column + 1, "%s", p->problem);
	return error_at(d, at->line + 1, at->column + 1, "%s %s from line %zu", p->problem,
			p->context, p->context_mark.line + 1);
}

static int parser_init(struct doc *d, yaml_parser_t *p)
{
	if (!yaml_parser_initialize(p))
		return -ENOMEM;
	yaml_parser_set_input_string(p, (const unsigned char *)d->text, d->len);
	/* Else UTF-16 would be read too, and offsets would mean something else. */
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	return 0;
}

static int event_error(struct doc *d, const yaml_event_t *e, const char *what, const char *value)
{
	char q[QUOTE_LEN];

	return error_at(d, e->start_mark.line + 1, e->start_mark.column + 1,
			"%s %s is not supported", what, quote(q, value, strlen(value)));
}

static int node_check(struct doc *d, struct scan *s, const yaml_event_t *e,
		      const unsigned char *anchor, const unsigned char *tag)
{
	size_t line = e->start_mark.line + 1, column = e->start_mark.column + 1;

	if (anchor != NULL)
		return event_error(d, e, "anchor", (const char *)anchor);
	if (tag != NULL)
		return event_error(d, e, "tag", (const char *)tag);
	if (++s->nodes > CONFIG_NODES_MAX)
		return error_at(d, line, column, "more than %d values", CONFIG_NODES_MAX);
	if (s->depth > CONFIG_DEPTH_MAX)
		return error_at(d, line, column, "nested more than %d deep", CONFIG_DEPTH_MAX);
	return 0;
}

static int event_check(struct doc *d, struct scan *s, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents > 1)
			return error_at(d, e->start_mark.line + 1, e->start_mark.column + 1,
					"a second document, expected one");
		return 0;
	case YAML_ALIAS_EVENT:
		return event_error(d, e, "alias", (const char *)e->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		if (memchr(e->data.scalar.value, 0, e->data.scalar.length) != NULL)
			return error_at(d, e->start_mark.line + 1, e->start_mark.column + 1,
					"a NUL inside a value");
		return node_check(d, s, e, e->data.scalar.anchor, e->data.scalar.tag);
	case YAML_SEQUENCE_START_EVENT:
		s->depth++;
		return node_check(d, s, e, e->data.sequence_start.anchor,
				  e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		s->depth++;
		return node_check(d, s, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		return 0;
	default:
		return 0;
	}
}

/*
 * libyaml 0.2.5 compares each %TAG with all before it: 1 MiB of them took it 23 s. Tags are refused
 * anyway. Every byte that may end a line for libyaml is outside printable ASCII.
 */
static int directives_check(struct doc *d)
{
	const char *at = d->text, *end = d->text + d->len;

	while ((at = memmem(at, (size_t)(end - at), "%TAG", 4)) != NULL) {
		if (at == d->text || (unsigned char)at[-1] < ' ' || (unsigned char)at[-1] > '~')
			return error_at_byte(d, (size_t)(at - d->text), "%TAG is not supported",
					     -1);
		at++;
	}
	return 0;
}

/* Reads the text once as events, which hold one value at a time. */
static int doc_scan(struct doc *d)
{
	struct scan s = { 0 };
	yaml_parser_t p;
	yaml_event_t e;
	bool more = true;
	int err;

	err = parser_init(d, &p);
	if (err < 0)
		return err;
	while (more && err == 0) {
		if (!yaml_parser_parse(&p, &e)) {
			err = parser_error(d, &p);
			break;
		}
		more = e.type != YAML_STREAM_END_EVENT;
		err = event_check(d, &s, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return err;
}

int doc_init(struct doc *d, const char *name, const void *text, size_t len,
	     struct config_err *ret_err)
{
	yaml_parser_t p;
	int err;

	*d = (struct doc){ .name = name, .text = text, .len = len, .err = ret_err };
	buf_init(&d->warnings, (WARNINGS_MAX + 1) * 2 * sizeof(ret_err->msg));
	if (len > CONFIG_BYTES_MAX) {
		(void)error_at(d, 0, 0, "more than %u bytes", CONFIG_BYTES_MAX);
		return -EFBIG;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		d->text += 3;
		d->len -= 3;
	}
	err = directives_check(d);
	if (err == 0)
		err = doc_scan(d);
	if (err < 0)
		return err;
	err = parser_init(d, &p);
	if (err < 0)
		return err;
	if (yaml_parser_load(&p, &d->yaml))
		d->loaded = true;
	else
		err = parser_error(d, &p);
	yaml_parser_delete(&p);
	return err;
}

void doc_done(struct doc *d)
{
	if (d->loaded)
		yaml_document_delete(&d->yaml);
	buf_done(&d->warnings);
	d->loaded = false;
}

const yaml_node_t *doc_root(struct doc *d)
{
	return yaml_document_get_root_node(&d->yaml);
}

const yaml_node_t *doc_node(struct doc *d, int id)
{
	return yaml_document_get_node(&d->yaml, id);
}

/*
 * Where a node's own text ends, in characters. A collection in block style ends for libyaml where
 * the next token starts; what lies between are comments that belong to somebody else.
 */
static size_t node_end(struct doc *d, const yaml_node_t *n)
{
	for (;;) {
		if (n->type == YAML_SEQUENCE_NODE &&
		    n->data.sequence.style == YAML_BLOCK_SEQUENCE_STYLE &&
		    n->data.sequence.items.top > n->data.sequence.items.start)
			n = doc_node(d, n->data.sequence.items.top[-1]);
		else if (n->type == YAML_MAPPING_NODE &&
			 n->data.mapping.style == YAML_BLOCK_MAPPING_STYLE &&
			 n->data.mapping.pairs.top > n->data.mapping.pairs.start)
			n = doc_node(d, n->data.mapping.pairs.top[-1].value);
		else
			return n->end_mark.index;
	}
}

/* Marks count characters. Rules come in order, so going on from the last place is cheap. */
static size_t seek(struct doc *d, size_t to_char)
{
	if (to_char < d->seek_char)
		d->seek_char = d->seek_byte = 0;
	while (d->seek_char < to_char && d->seek_byte < d->len) {
		d->seek_byte++;
		while (d->seek_byte < d->len &&
		       ((unsigned char)d->text[d->seek_byte] & 0xc0) == 0x80)
			d->seek_byte++;
		d->seek_char++;
	}
	return d->seek_byte;
}

const char *doc_source(struct doc *d, const yaml_node_t *n, size_t *ret_len)
{
	size_t start = seek(d, n->start_mark.index), end = seek(d, node_end(d, n));

	*ret_len = end > start ? end - start : 0;
	return d->text + start;
}
