/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/shell.h"

#include <string.h>

#include "base/poison.h"

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

bool ends_word(char c)
{
	return c == '\0' || is_space(c) || strchr(";|&<>()`", c) != NULL;
}

bool ends_text(char c)
{
	return ends_word(c) || is_quote(c);
}

void shell_take(struct shell *q, char c)
{
	if (q->escaped)
		q->escaped = false;
	else if (q->quote == '#')
		q->quote = (char)(c == '\n' ? 0 : '#');
	else if (c == '\\' && q->quote != '\'')
		q->escaped = true;
	else if (q->quote != 0)
		q->quote = (char)(c == q->quote ? 0 : q->quote);
	else if (c == '"' || (c == '\'' && (q->script || !is_alnum(q->last))) ||
		 (c == '#' && q->script && ends_word(q->last)))
		q->quote = c;
	q->last = c;
}

struct shell shell_over(const char *s, size_t at, size_t to, struct shell q)
{
	for (; at < to; at++)
		shell_take(&q, s[at]);
	return q;
}

/* Does the word go on behind a closing quote? In a shell it does, in other languages a sign comes.
 */
static bool goes_on(const char *s, size_t at, size_t end, const char *signs)
{
	return at < end && !ends_word(s[at]) && strchr(signs, s[at]) == NULL;
}

size_t shell_word_end(const char *s, size_t at, size_t end, struct shell q, bool all)
{
	char outer = q.quote, c, was;
	bool bare = false;

	for (; at < end; at++) {
		c = s[at];
		was = q.quote;
		if (outer != 0 && !q.escaped && c == outer) {
			if (!goes_on(s, at + 1, end, ",:}]"))
				return at;
			outer = 0;
		} else if (outer != 0 && !all && ends_text(c)) {
			return is_quote(c) && q.escaped ? at - 1 : at;
		} else if (was == 0 && !q.escaped && ends_word(c)) {
			return at;
		}
		shell_take(&q, c);
		if (was == 0 && q.quote == 0)
			bare = true;
		/* Only quotes: their end is that of the value. */
		if (was != 0 && q.quote == 0 && !bare && outer == 0 &&
		    !goes_on(s, at + 1, end, ",}]"))
			return at + 1;
	}
	return at;
}

size_t quote_end(const char *s, size_t at, size_t end, char quote, bool escaped, char outer)
{
	if (escaped)
		outer = 0;
	for (; at < end && s[at] != quote && (outer == 0 || s[at] != outer); at++)
		if (!escaped && s[at] == '\\' && at + 1 < end)
			at++;
	if (at > end)
		at = end;
	if (escaped && at < end && s[at - 1] == '\\')
		at--;
	return at;
}

size_t line_end(const char *s, size_t at, size_t end)
{
	while (at < end && s[at] != '\n')
		at++;
	return at;
}

size_t spaces_end(const char *s, size_t at, size_t end)
{
	for (; at < end; at++) {
		if (s[at] == '\\' && at + 1 < end && is_space(s[at + 1]))
			at++;
		else if (s[at] != ' ' && s[at] != '\t')
			break;
	}
	return at;
}
