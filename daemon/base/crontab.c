/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/crontab.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Backslashes do not count: in front of '%' cron takes them away, and cron and cronie do
 * not agree on which of the others. */
uint64_t crontab_hash(const char *command, size_t len)
{
	uint64_t h = FNV64_START;
	size_t i;

	for (i = 0; i < len; i++)
		if (command[i] != '\\')
			h = fnv64(h, command + i, 1);
	return h;
}

/* Up to the first '%' without a backslash, behind which is what the command reads. */
static size_t command_len(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len && s[i] != '%'; i++)
		if (s[i] == '\\' && i + 1 < len)
			i++;
	return i < len ? i : len;
}

static size_t fields_of(enum crontab_form form, char first)
{
	if (form == CRONTAB_ANACRON)
		return 3;
	return (first == '@' ? 1 : 5) + (form == CRONTAB_SYSTEM);
}

/* Behind so many fields and the blanks after them; NULL: the line has no more. */
static const char *skip_fields(const char *s, const char *end, size_t n)
{
	while (n-- > 0) {
		while (s < end && !blank(*s))
			s++;
		while (s < end && blank(*s))
			s++;
	}
	return s < end ? s : NULL;
}

size_t crontab_commands(const char *text, size_t len, enum crontab_form form, uint64_t *ret,
			size_t max)
{
	const char *end = text + len, *next, *line_end, *s;
	size_t n = 0;

	for (; text < end; text = next) {
		line_end = memchr(text, '\n', (size_t)(end - text));
		next = line_end == NULL ? end : line_end + 1;
		line_end = line_end == NULL ? end : line_end;
		while (text < line_end && blank(*text))
			text++;
		if (text == line_end || *text == '#')
			continue;
		s = skip_fields(text, line_end, fields_of(form, *text));
		if (s == NULL)
			continue;
		if (n < max)
			ret[n] = crontab_hash(s, command_len(s, (size_t)(line_end - s)));
		n++;
	}
	return n;
}
