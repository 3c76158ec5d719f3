/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/poison.h"

size_t utf8_char(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	/* The second byte alone decides what is overlong, a surrogate or too high. */
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (u[1] < low || u[1] > high)
		return 0;
	for (i = 2; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *s, size_t n)
{
	size_t i = 0, len;

	while (i < n) {
		len = utf8_char(s + i, n - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

/*
 * Characters that a terminal obeys instead of showing: C0 and C1 controls, line and paragraph
 * separators, and those that turn the direction of text around (UAX #9), so that a name could
 * show as another. `len` is what utf8_char() said.
 */
static bool is_control(const unsigned char *u, size_t len)
{
	if (len == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	if (len == 2)
		return (u[0] == 0xc2 && u[1] < 0xa0) || (u[0] == 0xd8 && u[1] == 0x9c);
	if (len != 3 || u[0] != 0xe2)
		return false;
	if (u[1] == 0x80) /* U+200E, U+200F, U+2028 to U+202E */
		return u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xa8 && u[2] <= 0xae);
	return u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9; /* U+2066 to U+2069 */
}

static void escape(struct buf *b, const char *s, size_t n, bool quoted)
{
	size_t i = 0, len;

	while (i < n) {
		len = utf8_char(s + i, n - i);
		if (len > 0 && s[i] != '\\' && !(quoted && s[i] == '"') &&
		    !is_control((const unsigned char *)s + i, len)) {
			buf_add(b, s + i, len);
			i += len;
			continue;
		}
		for (len = len == 0 ? 1 : len; len > 0; len--, i++)
			buf_printf(b, "\\x%02x", (unsigned char)s[i]);
	}
}

void text_escape(struct buf *b, const char *s, size_t n)
{
	escape(b, s, n, false);
}

/* No space and nothing that a line is parted with, nor what may look like that. */
static bool is_plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 0x80 || (s[i] != '\0' && strchr(" \"';,<>()[]|", s[i])))
			return false;
	return n > 0;
}

void text_name(struct buf *b, const char *s, size_t n)
{
	bool quoted = !is_plain(s, n);

	if (quoted)
		buf_char(b, '"');
	escape(b, s, n, quoted);
	if (quoted)
		buf_char(b, '"');
}

bool text_glob(const char *pattern, const char *text, size_t n)
{
	const char *star = NULL;
	size_t i = 0, from = 0; /* where the run of the last '*' ends */

	while (i < n) {
		char c = text[i] == '\0' ? ' ' : text[i];

		if (*pattern == '*') {
			star = ++pattern;
			from = i;
		} else if (*pattern != '\0' && (*pattern == '?' || *pattern == c)) {
			pattern++;
			i++;
		} else if (star != NULL) {
			pattern = star;
			i = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

uint64_t fnv64(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
}

void text_hex(char *ret, const uint8_t *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		ret[2 * i] = digits[data[i] >> 4];
		ret[2 * i + 1] = digits[data[i] & 15];
	}
	ret[2 * n] = '\0';
}

void time_text(char ret[TIME_TEXT_LEN], int64_t utc_ns)
{
	int64_t sec = utc_ns / 1000000000, ns = utc_ns % 1000000000;
	char text[96];
	struct tm tm;
	time_t t;

	if (ns < 0) {
		sec--;
		ns += 1000000000;
	}
	/* RFC 3339 has four digits for the year; a broken clock shows as its first or last second.
	 */
	if (sec < 0)
		sec = ns = 0;
	else if (sec > 253402300799)
		sec = 253402300799;
	t = (time_t)sec;
	(void)gmtime_r(&t, &tm);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		       (int)(ns / 1000));
	memcpy(ret, text, TIME_TEXT_LEN - 1);
	ret[TIME_TEXT_LEN - 1] = '\0';
}
