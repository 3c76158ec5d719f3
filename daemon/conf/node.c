/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/node.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#include "base/poison.h"

#define NEAR_LEN 32 /* no key is longer */

static const char *node_text(const yaml_node_t *n)
{
	return (const char *)n->data.scalar.value;
}

bool node_is_empty(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0 &&
	       n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

size_t node_items(const yaml_node_t *n)
{
	return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
}

size_t node_pairs(const yaml_node_t *n)
{
	return (size_t)(n->data.mapping.pairs.top - n->data.mapping.pairs.start);
}

static const char *node_quote(char ret[QUOTE_LEN], const yaml_node_t *n)
{
	if (n->type == YAML_SEQUENCE_NODE)
		return "a list";
	if (n->type == YAML_MAPPING_NODE)
		return "a mapping";
	if (node_is_empty(n))
		return "nothing";
	return quote(ret, node_text(n), n->data.scalar.length);
}

int at_error(struct doc *d, const struct at *at, const char *fmt, ...)
{
	char text[sizeof(d->err->msg)], q[QUOTE_LEN];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return doc_error(d, at->node, "%s%s%s: %s: %s", at->path, *at->path != '\0' ? "." : "",
			 at->name, node_quote(q, at->node), text);
}

int at_expected(struct doc *d, const struct at *at, const char *want)
{
	return at_error(d, at, "expected %s", want);
}

int at_text(struct doc *d, const struct at *at, const char *want, const char **ret)
{
	const char *s;

	if (at->node->type != YAML_SCALAR_NODE || at->node->data.scalar.length == 0)
		return at_expected(d, at, want);
	for (s = node_text(at->node); *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return at_expected(d, at, want);
	*ret = node_text(at->node);
	return 0;
}

int at_id(struct doc *d, const struct at *at, const char **ret)
{
	static const char want[] = "a name of 1 to 63 of a-z, 0-9 and '-'";
	const char *s;
	size_t n;
	int err;

	err = at_text(d, at, want, &s);
	if (err != 0)
		return err;
	n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (s[n] != '\0' || n > 63)
		return at_expected(d, at, want);
	*ret = s;
	return 0;
}

/* "info, low or high": what is built already. */
static void choices_text(struct buf *b, const struct choice *choices)
{
	const struct choice *c, *last = NULL;

	for (c = choices; c->name != NULL; c++)
		if (!c->later)
			last = c;
	for (c = choices; c->name != NULL; c++) {
		if (c->later)
			continue;
		if (b->len > 0)
			buf_str(b, c == last ? " or " : ", ");
		buf_str(b, c->name);
	}
}

int at_choice(struct doc *d, const struct at *at, const struct choice *choices,
	      const struct choice **ret)
{
	const struct choice *c;
	struct buf b;
	int err;

	if (at->node->type == YAML_SCALAR_NODE)
		for (c = choices; c->name != NULL; c++)
			if (strcmp(c->name, node_text(at->node)) == 0) {
				*ret = c;
				return 0;
			}
	buf_init(&b, sizeof(d->err->msg));
	choices_text(&b, choices);
	err = b.err;
	if (err == 0)
		err = at_expected(d, at, b.data);
	buf_done(&b);
	return err < 0 ? err : -EINVAL;
}

int at_bool(struct doc *d, const struct at *at, bool *ret)
{
	static const struct choice choices[] = { { "true", true, false },
						 { "false", false, false },
						 { NULL, 0, false } };
	const struct choice *c;
	int err = at_choice(d, at, choices, &c);

	if (err == 0)
		*ret = c->value != 0;
	return err;
}

int at_each(struct doc *d, const struct at *at, size_t max, const char *want,
	    int (*fn)(struct doc *d, const struct at *item, void *arg), void *arg)
{
	const yaml_node_t *list = at->node;
	struct at item = *at;
	size_t i;
	int err;

	if (list->type == YAML_SCALAR_NODE)
		return fn(d, at, arg);
	if (list->type != YAML_SEQUENCE_NODE)
		return at_expected(d, at, want);
	if (node_items(list) > max)
		return at_error(d, at, "%zu entries, expected at most %zu", node_items(list), max);
	for (i = 0; i < node_items(list); i++) {
		item.node = doc_node(d, list->data.sequence.items.start[i]);
		err = fn(d, &item, arg);
		if (err < 0)
			return err;
	}
	return 0;
}

int at_some(struct doc *d, const struct at *at, size_t max, const char *want,
	    int (*fn)(struct doc *d, const struct at *item, void *arg), void *arg)
{
	if (at->node->type == YAML_SEQUENCE_NODE && node_items(at->node) == 0)
		return at_error(d, at, "empty, expected %s", want);
	return at_each(d, at, max, want, fn, arg);
}

int key_keep(struct doc *d, const struct at *at, void *ret)
{
	(void)d;
	*(const yaml_node_t **)ret = at->node;
	return 0;
}

int key_count(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	uint64_t n;
	int err;

	err = at_text(d, at, at->spec->want, &s);
	if (err < 0)
		return err;
	if (num_parse(s, at->spec->min, at->spec->max, &n) < 0)
		return at_expected(d, at, at->spec->want);
	*(uint32_t *)ret = (uint32_t)n;
	return 0;
}

int key_size(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	int err;

	err = at_text(d, at, at->spec->want, &s);
	if (err < 0)
		return err;
	if (size_parse(s, at->spec->min, at->spec->max, ret) < 0)
		return at_expected(d, at, at->spec->want);
	return 0;
}

int key_size32(struct doc *d, const struct at *at, void *ret)
{
	uint64_t n;
	int err;

	err = key_size(d, at, &n);
	if (err < 0)
		return err;
	*(uint32_t *)ret = (uint32_t)n;
	return 0;
}

int key_duration(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	int err;

	err = at_text(d, at, at->spec->want, &s);
	if (err < 0)
		return err;
	if (duration_parse(s, at->spec->min, at->spec->max, ret) < 0)
		return at_expected(d, at, at->spec->want);
	return 0;
}

int key_path(struct doc *d, const struct at *at, void *ret)
{
	static const char want[] = "an absolute path";
	const char *s;
	char *copy;
	int err;

	err = at_text(d, at, want, &s);
	if (err != 0)
		return err;
	if (s[0] != '/' || strlen(s) >= PATH_MAX) // NOLINT: set when err is 0
		return at_expected(d, at, want);
	if (at->spec != NULL && at->spec->max > 0 && strlen(s) > at->spec->max)
		return at_expected(d, at, at->spec->want);
	copy = strdup(s);
	if (copy == NULL)
		return -ENOMEM;
	*(char **)ret = copy;
	return 0;
}

int key_note(struct doc *d, const struct at *at, void *ret)
{
	(void)ret;
	if (at->node->type != YAML_SCALAR_NODE)
		return at_expected(d, at, "text");
	return 0;
}

/* Levenshtein's distance; both are shorter than NEAR_LEN. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAR_LEN + 1], i, j, above, diagonal, n = strlen(b);

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= n; j++) {
			above = row[j];
			if (a[i - 1] != b[j - 1])
				diagonal++;
			if (above + 1 < diagonal)
				diagonal = above + 1;
			if (row[j - 1] + 1 < diagonal)
				diagonal = row[j - 1] + 1;
			row[j] = diagonal;
			diagonal = above;
		}
	}
	return row[n];
}

const char *name_near(const char *s, const char *const *names, size_t n)
{
	const char *near = NULL;
	size_t i, far, best = 3;

	if (strlen(s) >= NEAR_LEN)
		return NULL;
	for (i = 0; i < n; i++) {
		if (strlen(names[i]) >= NEAR_LEN)
			continue;
		far = distance(s, names[i]);
		/* Of a name of two letters, two changes leave nothing. */
		if (far < best && far < strlen(names[i])) {
			best = far;
			near = names[i];
		}
	}
	return near;
}

static int unknown_key(struct doc *d, const struct at *at, const struct key *keys)
{
	const char *names[KEYS_MAX], *near, *dot = *at->path != '\0' ? ": " : "";
	char q[QUOTE_LEN];
	struct buf b;
	size_t i;
	int err;

	(void)quote(q, at->name, strlen(at->name));
	if (strcmp(at->name, "<<") == 0)
		return doc_error(d, at->key, "%s%smerge key '<<' is not supported", at->path, dot);
	buf_init(&b, sizeof(d->err->msg));
	for (i = 0; keys[i].name != NULL; i++) {
		names[i] = keys[i].name;
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	near = name_near(at->name, names, i);
	if (near != NULL)
		err = doc_error(d, at->key, "%s%sunknown key %s, did you mean '%s'?", at->path, dot,
				q, near);
	else
		err = doc_error(d, at->key, "%s%sunknown key %s, expected one of %s", at->path, dot,
				q, b.data != NULL ? b.data : "");
	buf_done(&b);
	return err;
}

int node_key(struct doc *d, const char *path, const yaml_node_t *map, size_t i, struct at *ret)
{
	const yaml_node_pair_t *pairs = map->data.mapping.pairs.start;
	const yaml_node_t *key = doc_node(d, pairs[i].key), *before;
	const char *colon = *path != '\0' ? ": " : "";
	char q[QUOTE_LEN];
	size_t j;

	if (key->type != YAML_SCALAR_NODE || key->data.scalar.length == 0)
		return doc_error(d, key, "%s%s%s: expected a key", path, colon, node_quote(q, key));
	for (j = 0; j < i; j++) {
		before = doc_node(d, pairs[j].key);
		if (strcmp(node_text(before), node_text(key)) == 0)
			return doc_error(d, key, "%s%skey %s is repeated, first on line %zu", path,
					 colon, node_quote(q, key), before->start_mark.line + 1);
	}
	*ret = (struct at){ path, node_text(key), key, doc_node(d, pairs[i].value), NULL };
	return 0;
}

int section_parse(struct doc *d, const char *path, const struct key *keys, const yaml_node_t *map,
		  void *ret)
{
	bool seen[KEYS_MAX] = { false };
	const struct key *k;
	char q[QUOTE_LEN];
	struct at at;
	size_t i;
	int err;

	if (map->type != YAML_MAPPING_NODE)
		return doc_error(d, map, "%s: %s: expected keys with values",
				 *path != '\0' ? path : "the file", node_quote(q, map));
	for (i = 0; i < node_pairs(map); i++) {
		err = node_key(d, path, map, i, &at);
		if (err != 0)
			return err;
		for (k = keys; k->name != NULL && strcmp(k->name, at.name) != 0; k++)
			;
		if (k->name == NULL)
			return unknown_key(d, &at, keys);
		seen[k - keys] = true;
		at.spec = k;
		err = k->parse(d, &at, (char *)ret + k->offset);
		if (err < 0)
			return err;
	}
	for (k = keys; k->name != NULL; k++)
		if (k->needed && !seen[k - keys])
			return doc_error(d, map, "%s%skey '%s' is missing", path,
					 *path != '\0' ? ": " : "", k->name);
	return 0;
}
