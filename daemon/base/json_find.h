/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json_find.h: one value out of a JSON text, without a tree, memory of its own or recursion: for
 * files that are long, of which one string is wanted, and that somebody else may have a say in.
 *
 * A value is where it stands in the text. What is walked over is not checked for more than its
 * brackets and quotes: of a text that is no JSON, some value or none is found, never one outside of
 * the text. RFC 8259.
 */
#ifndef BASE_JSON_FIND_H
#define BASE_JSON_FIND_H

#include <stdbool.h>
#include <stddef.h>

/* Brackets within brackets; deeper ones are not walked over. */
#define JSON_FIND_DEPTH_MAX 256

struct json_value {
	const char *s; /* its first byte; not NUL-terminated */
	size_t len;
};

/* The value that a text holds. False: none. */
bool json_find(const char *text, size_t len, struct json_value *ret);
/* Of an object: the first member of that name. A name that is written with escapes is not found. */
bool json_find_member(const struct json_value *object, const char *name, struct json_value *ret);
/* Of an array: the next element; start with `after` zero. False: there is no more. */
bool json_find_next(const struct json_value *array, struct json_value *after);
/* Of a string: its text, NUL-terminated. False: it is no string, has a bad escape, U+0000 or half a
 * surrogate pair, or is longer than size - 1 bytes. */
bool json_find_text(const struct json_value *string, char *ret, size_t size);

#endif
