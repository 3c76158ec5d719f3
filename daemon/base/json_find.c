/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json_find.h"

#include <stdint.h>
#include <string.h>

#include "base/poison.h"

/* What is left to read. */
struct rest {
	const char *s, *end;
};

static void skip_space(struct rest *r)
{
	while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r'))
		r->s++;
}

static bool skip_char(struct rest *r, char c)
{
	skip_space(r);
	if (r->s == r->end || *r->s != c)
		return false;
	r->s++;
	return true;
}

static bool skip_string(struct rest *r)
{
	if (!skip_char(r, '"'))
		return false;
	for (; r->s < r->end; r->s++) {
		if (*r->s == '"') {
			r->s++;
			return true;
		}
		if (*r->s == '\\' && ++r->s == r->end)
			return false;
	}
	return false;
}

static bool ends_scalar(char c)
{
	return c != '\0' && strchr(" \t\n\r,:]}[{\"", c) != NULL;
}

static bool skip_scalar(struct rest *r)
{
	const char *start = r->s;

	while (r->s < r->end && !ends_scalar(*r->s))
		r->s++;
	return r->s > start;
}

/* From a bracket to behind the one that closes it. */
static bool skip_brackets(struct rest *r)
{
	char open[JSON_FIND_DEPTH_MAX] = "";
	size_t depth = 0;

	do {
		skip_space(r);
		if (r->s == r->end)
			return false;
		if (*r->s == '"') {
			if (!skip_string(r))
				return false;
			continue;
		}
		if (*r->s == '{' || *r->s == '[') {
			if (depth == JSON_FIND_DEPTH_MAX)
				return false;
			open[depth++] = *r->s;
		} else if (*r->s == '}' || *r->s == ']') {
			if (open[--depth] != (*r->s == '}' ? '{' : '['))
				return false;
		}
		r->s++;
	} while (depth > 0);
	return true;
}

static bool skip_value(struct rest *r, struct json_value *ret)
{
	bool ok;

	skip_space(r);
	if (r->s == r->end)
		return false;
	ret->s = r->s;
	if (*r->s == '"')
		ok = skip_string(r);
	else if (*r->s == '{' || *r->s == '[')
		ok = skip_brackets(r);
	else
		ok = skip_scalar(r);
	ret->len = (size_t)(r->s - ret->s);
	return ok;
}

bool json_find(const char *text, size_t len, struct json_value *ret)
{
	struct rest r = { text, text + len };

	return skip_value(&r, ret);
}

bool json_find_member(const struct json_value *object, const char *name, struct json_value *ret)
{
	struct rest r = { object->s, object->s + object->len };
	size_t len = strlen(name);
	struct json_value key;

	if (!skip_char(&r, '{'))
		return false;
	do {
		skip_space(&r);
		key.s = r.s;
		if (!skip_string(&r))
			return false;
		key.len = (size_t)(r.s - key.s);
		if (!skip_char(&r, ':') || !skip_value(&r, ret))
			return false;
		if (key.len == len + 2 && memcmp(key.s + 1, name, len) == 0)
			return true;
	} while (skip_char(&r, ','));
	return false;
}

bool json_find_next(const struct json_value *array, struct json_value *after)
{
	struct rest r = { array->s, array->s + array->len };

	if (after->s == NULL) {
		if (!skip_char(&r, '['))
			return false;
	} else {
		r.s = after->s + after->len;
		if (!skip_char(&r, ','))
			return false;
	}
	return skip_value(&r, after);
}

/* Four hexadecimal digits. */
static bool unit(struct rest *r, uint32_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;
	int i;

	*ret = 0;
	if (r->end - r->s < 4)
		return false;
	for (i = 0; i < 4; i++, r->s++) {
		digit = *r->s == '\0' ? NULL : strchr(digits, *r->s | 0x20);
		if (digit == NULL)
			return false;
		*ret = *ret * 16 + (uint32_t)(digit - digits);
	}
	return true;
}

/* What stands behind "\u". */
static bool code_point(struct rest *r, uint32_t *ret)
{
	uint32_t low;

	if (!unit(r, ret) || *ret == 0)
		return false;
	if (*ret < 0xd800 || *ret > 0xdfff)
		return true;
	if (*ret > 0xdbff || r->end - r->s < 2 || r->s[0] != '\\' || r->s[1] != 'u')
		return false;
	r->s += 2;
	if (!unit(r, &low) || low < 0xdc00 || low > 0xdfff)
		return false;
	*ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
	return true;
}

static size_t utf8(uint32_t c, char ret[4])
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		ret[0] = (char)(0xe0 | c >> 12);
		ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | c >> 18);
	ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* What stands behind a backslash. Its length in UTF-8; 0: nothing that may. */
static size_t escape(struct rest *r, char ret[4])
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *name;
	uint32_t c;

	if (r->s == r->end || *r->s == '\0')
		return 0;
	if (*r->s == 'u') {
		r->s++;
		return code_point(r, &c) ? utf8(c, ret) : 0;
	}
	name = strchr(names, *r->s++);
	if (name == NULL)
		return 0;
	ret[0] = means[name - names];
	return 1;
}

bool json_find_text(const struct json_value *string, char *ret, size_t size)
{
	struct rest r = { string->s, string->s + string->len };
	size_t len = 0, n;
	char c[4];

	if (!skip_char(&r, '"') || r.s == r.end || r.end[-1] != '"')
		return false;
	r.end--;
	while (r.s < r.end) {
		n = 1;
		c[0] = *r.s++;
		if (c[0] == '\\')
			n = escape(&r, c);
		else if (c[0] == '\0' || c[0] == '"')
			n = 0;
		if (n == 0 || len + n >= size)
			return false;
		memcpy(ret + len, c, n);
		len += n;
	}
	if (size == 0)
		return false;
	ret[len] = '\0';
	return true;
}
