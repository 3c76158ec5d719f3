/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

void json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

static void json_text(struct json *j, const char *s, size_t n)
{
	bool valid = utf8_valid(s, n);
	size_t i = 0, from = 0, len;
	unsigned char c;

	buf_char(j->out, '"');
	while (i < n) {
		c = (unsigned char)s[i];
		len = valid ? utf8_char(s + i, n - i) : c < 0x80 ? 1 : utf8_char(s + i, n - i);
		if (len > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f &&
		    (valid || c != '%')) {
			i += len;
			continue;
		}
		buf_add(j->out, s + from, i - from);
		if (len == 0 || c == '%')
			buf_printf(j->out, "%%%02X", c);
		else if (c == '"' || c == '\\')
			buf_printf(j->out, "\\%c", c);
		else
			buf_printf(j->out, "\\u%04x", c);
		from = ++i;
	}
	buf_add(j->out, s + from, n - from);
	buf_char(j->out, '"');
}

static void json_key(struct json *j, const char *key)
{
	if (j->comma)
		buf_char(j->out, ',');
	if (key != NULL) {
		json_text(j, key, strlen(key));
		buf_char(j->out, ':');
	}
	j->comma = true;
}

void json_open(struct json *j, const char *key, char c)
{
	json_key(j, key);
	buf_char(j->out, c);
	j->comma = false;
}

void json_close(struct json *j, char c)
{
	buf_char(j->out, c);
	j->comma = true;
}

void json_str(struct json *j, const char *key, const char *s, size_t n)
{
	json_key(j, key);
	json_text(j, s, n);
}

void json_cstr(struct json *j, const char *key, const char *s)
{
	if (s == NULL) {
		json_nil(j, key);
		return;
	}
	json_str(j, key, s, strlen(s));
}

void json_u64(struct json *j, const char *key, uint64_t n)
{
	json_key(j, key);
	buf_printf(j->out, "%" PRIu64, n);
}

void json_i64(struct json *j, const char *key, int64_t n)
{
	json_key(j, key);
	buf_printf(j->out, "%" PRId64, n);
}

void json_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	buf_str(j->out, v ? "true" : "false");
}

void json_nil(struct json *j, const char *key)
{
	json_key(j, key);
	buf_str(j->out, "null");
}
