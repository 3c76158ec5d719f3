/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h: text that somebody else chose, made safe to print.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Length of the well-formed UTF-8 character at s (RFC 3629: no surrogates, nothing overlong, at
 * most U+10FFFF), or 0. n > 0. */
size_t utf8_char(const char *s, size_t n);
bool utf8_valid(const char *s, size_t n);

/* Appends s with every control character (those that turn text around included), backslash and
 * byte that is not UTF-8 as \xNN. For log lines and tables. */
void text_escape(struct buf *b, const char *s, size_t n);

/* The same of a name that stands in a line among other words: in quotes when it is not plainly one
 * word, '"' in it then is \x22, so that no name can pass for more than one. */
void text_name(struct buf *b, const char *s, size_t n);

/*
 * Does the whole of `text` (n bytes, no NUL needed) match? '*': any run of bytes, also none; '?':
 * one byte; everything else stands for itself, a space for a NUL too. Takes at most n steps for
 * each byte of the pattern.
 */
bool text_glob(const char *pattern, const char *text, size_t n);

/* FNV-1a of 64 bits: for hash keys that no attacker gains from, and for ids of equal content.
 * Start with FNV64_START. */
#define FNV64_START 0xcbf29ce484222325ULL
uint64_t fnv64(uint64_t h, const void *data, size_t n);

/* 2 n digits and a NUL. */
void text_hex(char *ret, const uint8_t *data, size_t n);

/* "2026-03-19T17:43:12.123456Z" (RFC 3339) and its NUL. */
#define TIME_TEXT_LEN 28
void time_text(char ret[TIME_TEXT_LEN], int64_t utc_ns);

#endif
