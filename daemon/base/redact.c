/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact.c: one pass over the arguments, reading at `r` and writing at `w`, which never overtakes
 * it. What stands behind is looked at in what was written, what stands ahead in what is still to be
 * read; each byte is looked at a bounded number of times.
 *
 * Where a name tells that a value follows, the value is held: from where to where. Until the pass
 * gets there it goes on looking for tokens, which tell by themselves what they are.
 */
#include "base/redact.h"

#include <string.h>

#include "base/redact_forms.h"

#include "base/poison.h"

#define STARS 3

struct redactor {
	char *s;
	size_t r, w;
	size_t len;	      /* of all */
	size_t arg, end;      /* of the argument at r */
	size_t written;	      /* where it begins in what was written */
	size_t from, to;      /* the held value; to <= r: none */
	enum redact_key next; /* of the next argument, as this one says */
	enum redact_tool tool;
	bool cut;
	bool script; /* the argument is one: behind -c */
	unsigned int n;
};

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* '*': what was blanked is still part of the name it stood in. */
static bool is_name(char c)
{
	return is_alnum(c) || c == '_' || c == '-' || c == '.' || c == '*';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* Ends a word of a shell's script. */
static bool ends_word(char c)
{
	return c == '\0' || is_space(c) || is_quote(c) || strchr(";|&<>()", c) != NULL;
}

/* What was written last; NUL at the beginning. */
static char before(const struct redactor *a, size_t back)
{
	return a->w >= back ? a->s[a->w - back] : '\0';
}

static bool starts(const struct redactor *a, size_t at, size_t to, const char *with)
{
	size_t n = strlen(with);

	return to - at >= n && memcmp(a->s + at, with, n) == 0;
}

static bool is_text(const struct redactor *a, size_t at, size_t to, const char *text)
{
	return to - at == strlen(text) && starts(a, at, to, text);
}

/* Is this the end of all, and was more cut off there? */
static bool is_open(const struct redactor *a, size_t at)
{
	return a->cut && at == a->len;
}

static bool is_blanked(const char *s, size_t n)
{
	return n <= STARS && memcmp(s, "***", n) == 0;
}

/* What is blank already is not counted again. */
static void blank(struct redactor *a, size_t to)
{
	size_t n = to - a->r < STARS ? to - a->r : STARS;
	bool done = is_blanked(a->s + a->r, to - a->r);

	memset(a->s + a->w, '*', n);
	a->w += n;
	a->r = to;
	a->n += !done;
}

static void copy(struct redactor *a, size_t to)
{
	while (a->r < to)
		a->s[a->w++] = a->s[a->r++];
}

/* ---- Values ---- */

/* What is said in the place of a secret. */
static bool is_plain_word(const char *s, size_t n)
{
	static const char *const words[] = { "true", "false", "yes",  "no",
					     "null", "none",  "None", "undefined" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (n == strlen(words[i]) && memcmp(s, words[i], n) == 0)
			return true;
	return false;
}

/* In a script the name of a variable, which tells more than three stars do, and no secret. */
static bool is_variable(const char *s, size_t n)
{
	size_t i;

	if (n < 2 || s[0] != '$' || (!is_alnum(s[1]) && s[1] != '_' && s[1] != '{' && s[1] != '('))
		return false;
	for (i = 1; i < n && s[1] != '('; i++)
		if (!is_alnum(s[i]) && strchr("_{}$*", s[i]) == NULL)
			return false;
	return true;
}

/* Moves *from to where the secret of the value begins; false: it has none. */
static bool value_part(const struct redactor *a, enum redact_key key, size_t *from, size_t to)
{
	const char *colon;

	switch (key) {
	case KEY_USER:
		colon = memchr(a->s + *from, ':', to - *from);
		if (colon == NULL)
			return false;
		*from = (size_t)(colon - a->s) + 1;
		return true;
	case KEY_COOKIE:
		return memchr(a->s + *from, '=', to - *from) != NULL;
	case KEY_PASS:
		if (starts(a, *from, to, "pass:"))
			*from += 5;
		return !starts(a, *from, to, "file:") && !starts(a, *from, to, "env:") &&
		       !starts(a, *from, to, "fd:") && !starts(a, *from, to, "stdin");
	case KEY_FILE:
		return *from < to && strchr("/.~@", a->s[*from]) == NULL;
	case KEY_QUERY:
		return to - *from >= 16;
	case KEY_SECRET: /* docker build --secret id=x,src=y */
		return !starts(a, *from, to, "id=") && !starts(a, *from, to, "type=");
	default:
		return true;
	}
}

/* `variables`: somebody will still put their values in. */
static void hold(struct redactor *a, enum redact_key key, size_t from, size_t to, bool variables)
{
	if (!value_part(a, key, &from, to) || from >= to)
		return;
	if (is_plain_word(a->s + from, to - from) ||
	    (variables && is_variable(a->s + from, to - from)))
		return;
	a->from = from;
	a->to = to;
}

/* Behind an option may stand the next one. A random secret may begin with '-' too, but is long. */
static bool is_option(const struct redactor *a, size_t from, size_t to)
{
	return from < to && a->s[from] == '-' && (starts(a, from, to, "--") || to - from < 16);
}

/* ---- Where a value ends ---- */

static size_t word_end(const struct redactor *a, size_t at)
{
	while (at < a->end && !ends_word(a->s[at]))
		at++;
	return at;
}

/* The quote that closes what `quote` opened, which may itself be quoted: \"...\". */
static size_t quote_end(const struct redactor *a, size_t at, char quote, bool escaped)
{
	for (; at < a->end && a->s[at] != quote; at++)
		if (!escaped && a->s[at] == '\\' && at + 1 < a->end)
			at++;
	if (at > a->end)
		at = a->end;
	if (escaped && at < a->end && a->s[at - 1] == '\\')
		at--;
	return at;
}

static size_t line_end(const struct redactor *a, size_t at)
{
	while (at < a->end && a->s[at] != '\n')
		at++;
	return at;
}

static size_t spaces_end(const struct redactor *a, size_t at)
{
	while (at < a->end && (a->s[at] == ' ' || a->s[at] == '\t'))
		at++;
	return at;
}

/* A word of a script, or what its quotes hold. */
static void hold_word(struct redactor *a, enum redact_key key, size_t at)
{
	bool escaped = at + 1 < a->end && a->s[at] == '\\' && is_quote(a->s[at + 1]);
	size_t to;

	/* What another program will say. */
	if (starts(a, at, a->end, "$(") || starts(a, at, a->end, "`"))
		return;
	at += escaped;
	if (at < a->end && is_quote(a->s[at])) {
		to = quote_end(a, at + 1, a->s[at], escaped);
		if (to > at)
			hold(a, key, at + 1, to, true);
		return;
	}
	hold(a, key, at, word_end(a, at), true);
}

/* ---- Names, and what they tell ---- */

/* scheme://user:password@host. */
static bool see_url(struct redactor *a, size_t name_end)
{
	size_t from = name_end + 3, to, at = 0, colon = 0, i;
	bool random = true;

	if (!starts(a, name_end, a->end, "://"))
		return false;
	for (to = from; to < a->end && !ends_word(a->s[to]) && strchr("/?#\\", a->s[to]) == NULL;
	     to++)
		if (a->s[to] == '@')
			at = to;
	if (at == 0 && is_open(a, to))
		at = to;
	for (i = from; i < at && colon == 0; i++) {
		if (a->s[i] == ':')
			colon = i;
		else if (!is_alnum(a->s[i]) && a->s[i] != '_' && a->s[i] != '-')
			random = false;
	}
	/* Many take a token for the user, and no password. */
	if (random && at > 0 && at < to && (colon > 0 ? colon : at) - from >= 20)
		hold(a, KEY_SECRET, from, at, true);
	else if (colon > 0)
		hold(a, KEY_SECRET, colon + 1, at, true);
	return true;
}

/* The value is all that is left of the argument, and not only a word of it. */
static bool is_whole(const struct redactor *a)
{
	return !a->script && (a->r == a->arg || (before(a, 1) == '=' && a->s[a->written] == '-'));
}

/* Bearer and its like stay. */
static size_t scheme_end(const struct redactor *a, size_t at)
{
	size_t to = at;

	while (to < a->end && (is_name(a->s[to])))
		to++;
	return spaces_end(a, to) > to && redact_scheme(a->s + at, to - at) ? spaces_end(a, to) : at;
}

/* Is the colon at `at` one that a value follows, and not a sentence or a path? */
static bool colon_tells(const struct redactor *a, enum redact_key key, bool bare, bool quoted,
			size_t at)
{
	if (at + 1 < a->end && a->s[at + 1] == '/')
		return false;
	if (quoted || key == KEY_HEADER)
		return true;
	return key == KEY_PASSWORD || !bare;
}

static void see_colon(struct redactor *a, enum redact_key key, size_t at, bool quoted)
{
	char open = before(a, 1);

	at = scheme_end(a, spaces_end(a, at + 1));
	if (quoted)
		hold_word(a, key, at);
	else if (is_quote(open))
		hold(a, key, at, quote_end(a, at, open, before(a, 2) == '\\'), true);
	else if (is_whole(a))
		hold(a, key, at, line_end(a, at), false);
	else
		hold_word(a, key, at);
}

static void see_equals(struct redactor *a, enum redact_key key, size_t at, bool apart)
{
	char open = before(a, 1);

	while (at < a->end && (a->s[at] == '=' || a->s[at] == '>'))
		at++;
	if (apart)
		at = spaces_end(a, at);
	if (is_quote(open) && !apart)
		hold(a, key, at, quote_end(a, at, open, before(a, 2) == '\\'), true);
	else if (is_whole(a) && !apart)
		hold(a, key, at, a->end, false);
	else
		hold_word(a, key, at);
}

/* NAME=value, "name": "value", name: value. */
static bool see_pair(struct redactor *a, enum redact_key key, bool bare, size_t name_end)
{
	size_t at = name_end, sign;
	bool quoted;

	while (at < a->end && (is_quote(a->s[at]) || a->s[at] == '\\' || a->s[at] == ']'))
		at++;
	quoted = at > name_end;
	sign = spaces_end(a, at);
	if (sign == a->end)
		return false;
	if (key == KEY_JSON && !quoted)
		return false;
	if (a->s[sign] == '=' && key == KEY_QUERY && before(a, 1) != '?' && before(a, 1) != '&')
		return false;
	if (a->s[sign] == '=' && key != KEY_HEADER) {
		see_equals(a, key, sign, quoted || sign > at);
		return true;
	}
	if (a->s[sign] == ':' && before(a, 1) != '/' && key != KEY_QUERY &&
	    colon_tells(a, key, bare, quoted, sign)) {
		if (sign + 1 < a->end && a->s[sign + 1] == '=')
			see_equals(a, key, sign + 1, true);
		else
			see_colon(a, key, sign, quoted);
		return true;
	}
	return false;
}

/* The value of an option is the next argument, or the next word. */
static void see_option(struct redactor *a, enum redact_key key, size_t name_end)
{
	size_t at;

	if (name_end == a->end) {
		if (a->r == a->arg)
			a->next = key;
		return;
	}
	at = spaces_end(a, name_end);
	if (at > name_end && !is_option(a, at, word_end(a, at)))
		hold_word(a, key, at);
}

/* aws configure set aws_secret_access_key VALUE */
static bool is_setting(const struct redactor *a, size_t name_end)
{
	return a->r == a->arg && name_end == a->end &&
	       (is_text(a, a->r, name_end, "aws_secret_access_key") ||
		is_text(a, a->r, name_end, "aws_session_token"));
}

static void see_tool(struct redactor *a, size_t name_end)
{
	size_t at, n = name_end - a->r;
	enum redact_tool tool = TOOL_NONE;
	enum redact_key key = redact_tool_option(a->tool, a->s + a->r, n, &at);

	if (key != KEY_NONE && at == 0) {
		if (name_end < a->end && a->s[name_end] == '=')
			hold(a, key, name_end + 1, a->script ? word_end(a, name_end) : a->end,
			     a->script);
		else
			see_option(a, key, name_end);
		return;
	}
	if (key != KEY_NONE) {
		at += a->r;
		if (a->r == a->arg && !a->script)
			hold(a, key, at, a->end, false);
		else
			hold_word(a, key, at);
		return;
	}
	if (name_end == a->end || ends_word(a->s[name_end]))
		tool = redact_tool(a->s + a->r, n);
	if (tool != TOOL_NONE && (tool != TOOL_LOGIN || a->tool == TOOL_REGISTRY))
		a->tool = tool;
}

/* At the first character of a name: what it tells of what follows. */
static void see(struct redactor *a)
{
	size_t to = a->r;
	enum redact_key key;
	bool bare = false;

	while (to < a->end && is_name(a->s[to]))
		to++;
	if (see_url(a, to))
		return;
	key = redact_key(a->s + a->r, to - a->r, &bare);
	if (key != KEY_NONE && see_pair(a, key, bare, to))
		return;
	if (key != KEY_NONE && key != KEY_JSON && key != KEY_QUERY && key != KEY_HEADER &&
	    a->s[a->r] == '-')
		see_option(a, key, to);
	else if (is_setting(a, to))
		a->next = KEY_SECRET;
	else
		see_tool(a, to);
}

/* ---- The pass ---- */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* May a token begin here? Not inside of a word, but behind %3D or \n one does. */
static bool token_may_begin(const struct redactor *a)
{
	char c = before(a, 1);

	/* What these two begin with may stand in them again and again. */
	if (a->s[a->r] == '-' || a->s[a->r] == 'e')
		if (c == '-' || c == '.' || c == '_')
			return false;
	if (!is_alnum(c) && c != '_')
		return true;
	return (before(a, 3) == '%' && is_hex(before(a, 2)) && is_hex(c)) ||
	       (before(a, 2) == '\\' && strchr("nrt", c) != NULL);
}

/* Before a held value, which is one secret, a token ends where that begins. */
static bool take_token(struct redactor *a)
{
	size_t keep = 0, n;

	if (!token_may_begin(a))
		return false;
	n = redact_token(a->s + a->r, a->end - a->r, is_open(a, a->end), &keep);
	if (a->r < a->from && a->r + n > a->from)
		n = a->from - a->r;
	if (n <= keep)
		return false;
	n += a->r;
	copy(a, a->r + keep);
	blank(a, n);
	return true;
}

static void step(struct redactor *a)
{
	if (a->r >= a->from && a->r < a->to) {
		blank(a, a->to);
		return;
	}
	if (take_token(a))
		return;
	if (a->r >= a->to && is_name(a->s[a->r]) && (a->r == a->arg || !is_name(before(a, 1))))
		see(a);
	/* It may have held what stands right here. */
	if (a->r >= a->from && a->r < a->to)
		return;
	if (a->script && strchr(";|&\n", a->s[a->r]) != NULL)
		a->tool = TOOL_NONE;
	a->s[a->w++] = a->s[a->r++];
}

/* -c, -lc, -ec: a shell's, and others' before a program in their own language. */
static bool says_script(const char *s, size_t n)
{
	size_t i;

	if (n < 2 || n > 6 || s[0] != '-' || s[n - 1] != 'c')
		return false;
	for (i = 1; i < n; i++)
		if (!is_alnum(s[i]))
			return false;
	return true;
}

static void take_argument(struct redactor *a)
{
	const char *end = memchr(a->s + a->r, '\0', a->len - a->r);
	enum redact_key key = a->next;

	a->arg = a->r;
	a->written = a->w;
	a->end = end != NULL ? (size_t)(end - a->s) : a->len;
	a->next = KEY_NONE;
	a->from = a->to = 0;
	if (key != KEY_NONE && !is_option(a, a->arg, a->end))
		hold(a, key, a->arg, a->end, false);
	while (a->r < a->end)
		step(a);
	a->script = says_script(a->s + a->written, a->w - a->written);
	if (a->r < a->len)
		a->s[a->w++] = a->s[a->r++];
}

unsigned int redact_argv(char *argv, size_t *len, bool cut)
{
	struct redactor a = { .s = argv, .len = *len, .cut = cut };

	while (a.r < a.len)
		take_argument(&a);
	memset(argv + a.w, 0, a.len - a.w);
	*len = a.w;
	return a.n;
}
