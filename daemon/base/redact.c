/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact.c: one pass over the arguments, reading at `r` and writing at `w`, which never overtakes
 * it. What stands behind is looked at in what was written, what stands ahead in what is still to be
 * read; each byte is looked at a bounded number of times.
 *
 * Where a name tells that a value follows, the value is held: from where to where. Until the pass
 * gets there it goes on looking for tokens, which tell by themselves what they are.
 *
 * Words are a shell's, with its quotes and backslashes: 'a "b" c', u:'p', X-Token:\ p. In which
 * quotes a byte stands is told by what was written before it, and what becomes stars leaves the
 * quotes as they were, so that a second pass sees the same words.
 */
#include "base/redact.h"

#include <ctype.h>
#include <string.h>

#include "base/redact_forms.h"
#include "base/shell.h"

#include "base/poison.h"

#define STARS 3

struct redactor {
	char *s;
	size_t r, w;
	size_t len;	      /* of all */
	size_t arg, end;      /* of the argument at r */
	size_t written;	      /* where it begins in what was written */
	size_t from, to;      /* the held value; to <= r: none */
	size_t no_at;	      /* up to where there is no '@' in what follows */
	char close;	      /* the quote that it takes away with it; 0: none */
	enum secret_key next; /* of the next argument, as this one says */
	enum redact_tool tool;
	bool config;	    /* of a program that sets names to values */
	struct shell shell; /* at w */
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

static void put(struct redactor *a, char c)
{
	shell_take(&a->shell, c);
	a->s[a->w++] = c;
}

/* What is blank already is not counted again. A quote that closes in there is put behind it. */
static void blank(struct redactor *a, size_t to, char close)
{
	size_t n = to - a->r - (close != 0), i;
	bool done = is_blanked(a->s + a->r, to - a->r);

	for (i = 0; i < n && i < STARS; i++)
		put(a, '*');
	if (close != 0)
		put(a, close);
	a->r = to;
	a->n += !done;
}

static void copy(struct redactor *a, size_t to)
{
	while (a->r < to)
		put(a, a->s[a->r++]);
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

/* A path, or the name of a file by its ending: "sa.json". Whose name was a token was one before. */
static bool is_file(const char *s, size_t n)
{
	size_t i = n;

	if (strchr("/.~@", s[0]) != NULL || n < 2 || (is_alnum(s[0]) && s[1] == ':') ||
	    (n > STARS && memcmp(s + n - STARS, "***", STARS) == 0))
		return true;
	while (i > 0 && is_alnum(s[i - 1]))
		i--;
	return i > 1 && s[i - 1] == '.' && n - i >= 2 && n - i <= 5;
}

/* "user:password@host", with a path before or behind; what has a scheme is seen as a URL. */
static bool address_part(const struct redactor *a, size_t *from, size_t *to)
{
	size_t end = *from, name = *from;
	const char *s = a->s + *from, *colon, *at;

	while (end < *to && !is_space(a->s[end]) && !is_quote(a->s[end]))
		end++;
	while (name < end && is_name(a->s[name]))
		name++;
	at = memrchr(s, '@', end - *from);
	if (at == NULL && is_open(a, end))
		at = a->s + end;
	if (at == NULL || starts(a, name, end, "://") ||
	    starts(a, (size_t)(at - a->s), end, "@sha256:"))
		return false;
	colon = memchr(s, ':', (size_t)(at - s));
	while (colon != NULL && colon + 1 < at && colon[1] == '/')
		colon = memchr(colon + 1, ':', (size_t)(at - colon - 1));
	if (colon == NULL)
		colon = memchr(s, ':', (size_t)(at - s));
	if (colon == NULL)
		return false;
	*from = (size_t)(colon - a->s) + 1;
	*to = (size_t)(at - a->s);
	/* What is blanked hid ends of words, so that more seems to be one. */
	return is_blanked(a->s + *from, *to - *from) ||
	       memmem(s, (size_t)(at - s), "***", STARS) == NULL;
}

/* Moves *from to where the secret of the value begins, and *to to its end; false: it has none. */
static bool value_part(const struct redactor *a, enum secret_key key, size_t *from, size_t *to)
{
	const char *colon;

	switch (key) {
	case KEY_USER:
		colon = memchr(a->s + *from, ':', *to - *from);
		if (colon == NULL)
			return false;
		*from = (size_t)(colon - a->s) + 1;
		return true;
	case KEY_COOKIE:
		return memchr(a->s + *from, '=', *to - *from) != NULL;
	case KEY_ADDRESS:
		return address_part(a, from, to);
	case KEY_PASS:
		if (starts(a, *from, *to, "pass:"))
			*from += 5;
		return !starts(a, *from, *to, "file:") && !starts(a, *from, *to, "env:") &&
		       !starts(a, *from, *to, "fd:") && !starts(a, *from, *to, "stdin");
	case KEY_FILE:
		return *from < *to && !is_file(a->s + *from, *to - *from);
	case KEY_QUERY:
		return *to - *from >= 16 && memchr(a->s + *from, '*', *to - *from) == NULL;
	case KEY_SECRET: /* docker build --secret id=x,src=y */
		return !starts(a, *from, *to, "id=") && !starts(a, *from, *to, "type=");
	default:
		return true;
	}
}

/* `variables`: somebody will still put their values in. */
static bool hold_part(struct redactor *a, size_t from, size_t to, bool variables)
{
	if (from >= to || is_plain_word(a->s + from, to - from) ||
	    (variables && is_variable(a->s + from, to - from)))
		return false;
	a->from = from;
	a->to = to;
	a->close = 0;
	return true;
}

static void hold(struct redactor *a, enum secret_key key, size_t from, size_t to, bool variables)
{
	if (value_part(a, key, &from, &to))
		(void)hold_part(a, from, to, variables);
}

/* Behind an option may stand the next one. A random secret may begin with '-' too, but is long. */
static bool is_option(const struct redactor *a, size_t from, size_t to)
{
	return from < to && a->s[from] == '-' && (starts(a, from, to, "--") || to - from < 16);
}

/* ---- Where a value ends ---- */

/* The quotes at `to`, which is not far ahead of r. */
static struct shell shell_at(const struct redactor *a, size_t to)
{
	return shell_over(a->s, a->r, to, a->shell);
}

/* Behind the quotes that open at `at`. */
static size_t quotes_skip(const struct redactor *a, size_t at, size_t to)
{
	while (at < to && (a->s[at] == '"' || a->s[at] == '\''))
		at++;
	return at;
}

/* A word with its quotes, of which those around the secret stay. */
static void hold_shell(struct redactor *a, enum secret_key key, size_t at, bool all)
{
	struct shell q = shell_at(a, at), in, out;
	size_t from, to;

	if (at < a->end && is_quote(a->s[at])) /* opens, whatever stands before it */
		q.last = ' ';
	to = shell_word_end(a->s, at, a->end, q, all);
	from = quotes_skip(a, at, to);
	if (!value_part(a, key, &from, &to))
		return;
	from = quotes_skip(a, from, to);
	in = shell_over(a->s, at, from, q);
	out = shell_over(a->s, from, to, in);
	if (in.quote != 0 && out.quote != in.quote && to > from && a->s[to - 1] == in.quote) {
		to--;
		out = in;
	}
	if (hold_part(a, from, to, true) && in.quote != 0 && out.quote == 0)
		a->close = in.quote;
}

/* A word of a script, or what its quotes hold. */
static void hold_word(struct redactor *a, enum secret_key key, size_t at)
{
	bool escaped = at + 1 < a->end && a->s[at] == '\\' && is_quote(a->s[at + 1]);
	char outer = shell_at(a, at).quote;
	size_t to;

	if (at >= a->end)
		return;
	/* What another program will say. */
	if (starts(a, at, a->end, "$(") || (a->script && a->s[at] == '`'))
		return;
	/* In a string of another language, inside of the shell's. */
	if (escaped || a->s[at] == '`' || (outer != 0 && is_quote(a->s[at]) && a->s[at] != outer)) {
		at += escaped;
		to = quote_end(a->s, at + 1, a->end, a->s[at], escaped, outer);
		if (to > at)
			hold(a, key, at + 1, to, true);
		return;
	}
	hold_shell(a, key, at, false);
}

/* All that stands in the quotes that opened right before the name. */
static void hold_quoted(struct redactor *a, enum secret_key key, size_t at)
{
	char open = before(a, 1);
	bool escaped = before(a, 2) == '\\';

	if (!escaped && a->shell.quote == open)
		hold_shell(a, key, at, true);
	else
		hold(a, key, at, quote_end(a->s, at, a->end, open, escaped, a->shell.quote), true);
}

/* ---- Names, and what they tell ---- */

/* Behind the scheme; 0: it is none. Some say http:/x, and are understood. */
static size_t scheme_end_of_url(const struct redactor *a, size_t at)
{
	if (starts(a, at, a->end, "://"))
		return at + 3;
	if (starts(a, at, a->end, ":/") &&
	    (is_text(a, a->r, at, "https") || is_text(a, a->r, at, "http") ||
	     is_text(a, a->r, at, "ssh") || is_text(a, a->r, at, "git")))
		return at + 2;
	return 0;
}

static bool ends_authority(char c)
{
	return ends_text(c) || strchr("/?#\\", c) != NULL;
}

/* Behind a colon that no port follows there may be a password with a '/' in it: to its '@'. 0: no
 * such. What is blanked hid other ends of words, and ends it. */
static size_t odd_password_end(struct redactor *a, size_t colon, size_t end)
{
	size_t i = colon + 1, at = 0;

	while (i < end && a->s[i] >= '0' && a->s[i] <= '9')
		i++;
	if ((i == end && i > colon + 1) || (i < end && strchr("${[", a->s[i]) != NULL))
		return 0;
	if (end < a->no_at)
		return is_open(a, a->no_at) ? a->no_at : 0;
	for (i = end; i < a->end && !ends_text(a->s[i]) && strchr("@*", a->s[i]) == NULL;)
		i++;
	if (i == a->end || a->s[i] != '@') {
		a->no_at = i;
		return is_open(a, i) ? i : 0;
	}
	for (; i < a->end && !ends_authority(a->s[i]) && (at == 0 || !starts(a, i, a->end, "***"));
	     i++)
		if (a->s[i] == '@')
			at = i;
	return at;
}

/* scheme://user:password@host. */
static bool see_url(struct redactor *a, size_t name_end)
{
	size_t from = scheme_end_of_url(a, name_end), to, at = 0, colon = 0, i;
	bool random = true;

	if (from == 0)
		return false;
	for (to = from; to < a->end && !ends_authority(a->s[to]); to++) {
		if (colon > 0 && colon < at && starts(a, to, a->end, "***"))
			break;
		if (a->s[to] == '@')
			at = to;
		if (a->s[to] == ':' && colon == 0)
			colon = to;
	}
	if (at == 0 && colon > from - 1 && to < a->end && strchr("/?#", a->s[to]) != NULL)
		at = odd_password_end(a, colon, to);
	if (at == 0 && is_open(a, to))
		at = to;
	if (colon > at)
		colon = 0;
	for (i = from; i < at && i != colon; i++)
		if (!is_alnum(a->s[i]) && a->s[i] != '_' && a->s[i] != '-')
			random = false;
	/* Many take a token for the user, and no password. */
	if (random && at > 0 && at < a->end && a->s[at] == '@' &&
	    (colon > 0 ? colon : at) - from >= 20)
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
	return spaces_end(a->s, to, a->end) > to && redact_scheme(a->s + at, to - at)
		       ? spaces_end(a->s, to, a->end)
		       : at;
}

/* Is the colon at `at` one that a value follows, and not a sentence or a path? */
static bool colon_tells(const struct redactor *a, enum secret_key key, bool bare, bool quoted,
			size_t at)
{
	if (at + 1 < a->end && a->s[at + 1] == '/')
		return false;
	if (quoted || key == KEY_HEADER || a->s[a->r] == '-')
		return true;
	return key == KEY_PASSWORD || !bare;
}

static void see_colon(struct redactor *a, enum secret_key key, size_t at, bool quoted)
{
	at = scheme_end(a, spaces_end(a->s, at + 1, a->end));
	if (quoted)
		hold_word(a, key, at);
	else if (is_quote(before(a, 1)))
		hold_quoted(a, key, at);
	else if (is_whole(a))
		hold(a, key, at, line_end(a->s, at, a->end), false);
	else
		hold_word(a, key, at);
}

static void see_equals(struct redactor *a, enum secret_key key, size_t at, bool apart)
{
	while (at < a->end && (a->s[at] == '=' || a->s[at] == '>'))
		at++;
	if (apart)
		at = spaces_end(a->s, at, a->end);
	if (is_quote(before(a, 1)) && !apart)
		hold_quoted(a, key, at);
	else if (is_whole(a) && !apart)
		hold(a, key, at, a->end, false);
	else
		hold_word(a, key, at);
}

/* NAME=value, "name": "value", name: value. */
static bool see_pair(struct redactor *a, const struct secret_name *name, size_t name_end)
{
	enum secret_key key = name->key;
	size_t at = name_end, sign;
	bool quoted;

	while (at < a->end && (is_quote(a->s[at]) || a->s[at] == '\\' || a->s[at] == ']'))
		at++;
	quoted = at > name_end;
	sign = spaces_end(a->s, at, a->end);
	if (sign == a->end)
		return false;
	if (key == KEY_JSON && !quoted)
		return false;
	if (key != KEY_HEADER &&
	    (starts(a, sign, a->end, "%3D") || starts(a, sign, a->end, "%3d"))) {
		see_equals(a, key, sign + 3, quoted);
		return true;
	}
	if (a->s[sign] == '=' && key == KEY_QUERY && before(a, 1) != '?' && before(a, 1) != '&')
		return false;
	if (a->s[sign] == '=' && key != KEY_HEADER) {
		see_equals(a, key, sign, quoted || sign > at);
		return true;
	}
	if (a->s[sign] == ':' && before(a, 1) != '/' && key != KEY_QUERY &&
	    (quoted || !name->assigned) && colon_tells(a, key, name->bare, quoted, sign)) {
		if (sign + 1 < a->end && a->s[sign + 1] == '=')
			see_equals(a, key, sign + 1, true);
		else
			see_colon(a, key, sign, quoted);
		return true;
	}
	return false;
}

static bool word_is_option(const struct redactor *a, size_t at)
{
	return at < a->end && a->s[at] == '-' &&
	       is_option(a, at, shell_word_end(a->s, at, a->end, shell_at(a, at), false));
}

/* The value of an option is the next argument, or the next word. */
static void see_option(struct redactor *a, enum secret_key key, size_t name_end)
{
	size_t at;

	if (name_end == a->end) {
		if (a->r == a->arg || a->config)
			a->next = key;
		return;
	}
	at = spaces_end(a->s, name_end, a->end);
	if (at > name_end && !word_is_option(a, at))
		hold_word(a, key, at);
}

/* npm config set //registry.example/:_authToken VALUE */
static bool is_setting(const struct redactor *a, enum secret_key key, size_t name_end)
{
	if (!a->config || (name_end < a->end && (!a->script || !is_space(a->s[name_end]))))
		return false;
	return key == KEY_SECRET || key == KEY_PASSWORD || key == KEY_PASS || key == KEY_FILE ||
	       key == KEY_JSON;
}

/* The value of a tool's option, in the same word. */
static void see_same(struct redactor *a, enum secret_key key, size_t at)
{
	if (a->r == a->arg && !a->script)
		hold(a, key, at, a->end, false);
	else
		hold_word(a, key, at);
}

/* False: the word is no option of the tool that takes a secret. */
static bool see_tool_option(struct redactor *a, size_t name_end)
{
	bool more = name_end < a->end && !ends_word(a->s[name_end]);
	size_t at, n = name_end - a->r;
	enum secret_key key;

	if (a->r != a->arg && !ends_text(before(a, 1)))
		return false;
	key = redact_tool_option(a->tool, a->s + a->r, n, more && a->s[name_end] != '=', &at);
	if (key == KEY_NONE)
		return false;
	at += at == n && more && a->s[name_end] == '=';
	if (at != n || more)
		see_same(a, key, a->r + at);
	else
		see_option(a, key, name_end);
	return true;
}

static void see_tool(struct redactor *a, size_t name_end)
{
	enum redact_tool tool = TOOL_NONE;

	if (name_end == a->end || ends_word(a->s[name_end]))
		tool = redact_tool(a->s + a->r, name_end - a->r);
	if (tool == TOOL_CONFIG)
		a->config = true;
	else if (tool != TOOL_NONE && (tool != TOOL_LOGIN || a->tool == TOOL_REGISTRY))
		a->tool = tool;
}

/* At the first character of a name: what it tells of what follows. */
static void see(struct redactor *a)
{
	struct secret_name name;
	size_t to = a->r;

	while (to < a->end && is_name(a->s[to]))
		to++;
	/* The tool first: `-pMYSECRET` is a password, not the name of one. */
	if (see_url(a, to) || see_tool_option(a, to))
		return;
	name = secret_name(a->s + a->r, to - a->r);
	if (name.key != KEY_NONE && see_pair(a, &name, to))
		return;
	if (name.key != KEY_NONE && name.key != KEY_JSON && name.key != KEY_QUERY &&
	    name.key != KEY_HEADER && !name.assigned && a->s[a->r] == '-')
		see_option(a, name.key, to);
	else if (is_setting(a, name.key, to))
		see_option(a, KEY_SECRET, to);
	else
		see_tool(a, to);
}

/* ---- The pass ---- */

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
	return (before(a, 3) == '%' && isxdigit((unsigned char)before(a, 2)) &&
		isxdigit((unsigned char)c)) ||
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
	blank(a, n, 0);
	return true;
}

/* Another command begins. */
static void script_next(struct redactor *a)
{
	a->tool = TOOL_NONE;
	a->config = false;
}

static void step(struct redactor *a)
{
	if (a->r >= a->from && a->r < a->to) {
		blank(a, a->to, a->close);
		return;
	}
	/* A token may be the beginning of a name. */
	if (a->r >= a->to && is_name(a->s[a->r]) && (a->r == a->arg || !is_name(before(a, 1))))
		see(a);
	/* It may have held what stands right here. */
	if ((a->r >= a->from && a->r < a->to) || take_token(a))
		return;
	if (a->script && strchr(";|&\n", a->s[a->r]) != NULL)
		script_next(a);
	put(a, a->s[a->r++]);
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
	enum secret_key key = a->next;

	a->arg = a->r;
	a->written = a->w;
	a->end = end != NULL ? (size_t)(end - a->s) : a->len;
	a->next = KEY_NONE;
	a->from = a->to = a->no_at = 0;
	a->shell = (struct shell){ .script = a->script };
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

unsigned int redact_env(char *env, size_t *len, size_t most)
{
	size_t at, w = 0, n, was;
	const char *equals;
	unsigned int found = 0;

	for (at = 0; at < *len; at += was + 1) {
		was = n = strnlen(env + at, *len - at);
		equals = memchr(env + at, '=', was);
		found += redact_argv(env + at, &n,
				     equals != NULL && env + at + was - equals > (ptrdiff_t)most);
		memmove(env + w, env + at, n);
		w += n;
		if (at + was < *len)
			env[w++] = '\0';
	}
	memset(env + w, 0, *len - w);
	*len = w;
	return found;
}
