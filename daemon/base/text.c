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

void text_escape(struct buf *b, const char *s, size_t n)
{
	size_t i = 0, len;
	unsigned char c;

	while (i < n) {
		c = (unsigned char)s[i];
		len = utf8_char(s + i, n - i);
		/* U+0080 to U+009F are control characters too, some terminals obey them. */
		if (len == 0 || c < 0x20 || c == 0x7f || c == '\\' ||
		    (c == 0xc2 && (unsigned char)s[i + 1] < 0xa0)) {
			buf_printf(b, "\\x%02x", c);
			i++;
			continue;
		}
		buf_add(b, s + i, len);
		i += len;
	}
}

uint64_t fnv64(uint64_t h, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h;
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
