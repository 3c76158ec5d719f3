/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h: a streaming JSON writer over a buf. The buf's sticky error is the only one.
 *
 *	json_open(&j, NULL, '{');
 *	json_str(&j, "name", name, strlen(name));
 *	json_u64(&j, "bytes", 42);
 *	json_close(&j, '}');
 *
 * `key` is NULL inside arrays and at the top. Strings may hold anything: control characters are
 * escaped (RFC 8259 section 7), and of text that is not UTF-8 every byte that is not, and every
 * '%', is percent-encoded (RFC 3986 section 2.1), so that no reader refuses the line.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct json {
	struct buf *out;
	bool comma; /* a value stands before */
};

/* The buf is borrowed. */
void json_init(struct json *j, struct buf *out);
/* `c` is '{' or '['. */
void json_open(struct json *j, const char *key, char c);
void json_close(struct json *j, char c);
void json_str(struct json *j, const char *key, const char *s, size_t n);
/* NULL writes null. */
void json_cstr(struct json *j, const char *key, const char *s);
void json_u64(struct json *j, const char *key, uint64_t n);
void json_i64(struct json *j, const char *key, int64_t n);
void json_bool(struct json *j, const char *key, bool v);
void json_nil(struct json *j, const char *key);

#endif
