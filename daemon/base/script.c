/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/script.h"

#include <stdint.h>
#include <string.h>

#include "base/poison.h"

/* An interpreter, by the beginning of its name; digits and dots of a version may follow. Options as
 * its manual has them. */
struct interpreter {
	const char *name;
	const char *text;   /* letters of options after which a text comes to be run */
	const char *module; /* and a module */
	const char *takes;  /* letters of options that take an argument of their own */
	const char *longs;  /* long options that do, each with a space behind it */
	bool reads_stdin;   /* without a file */
};

static const struct interpreter interpreters[] = {
	{ "sh", "c", "", "oO", "--rcfile --init-file ", true },
	{ "bash", "c", "", "oO", "--rcfile --init-file ", true },
	{ "dash", "c", "", "o", "", true },
	{ "ash", "c", "", "o", "", true },
	{ "ksh", "c", "", "o", "", true },
	{ "mksh", "c", "", "o", "", true },
	{ "zsh", "c", "", "o", "", true },
	{ "fish", "c", "", "C", "", true },
	{ "python", "c", "m", "WX", "--check-hash-based-pycs ", true },
	{ "pypy", "c", "m", "WX", "", true },
	{ "perl", "eE", "", "", "", true },
	{ "ruby", "e", "", "CEIr", "", true },
	{ "node", "ep", "", "Cr", "--require --import --loader --eval --print ", true },
	{ "nodejs", "ep", "", "Cr", "--require --import --loader --eval --print ", true },
	{ "bun", "e", "", "r", "--preload --require ", false },
	{ "php", "r", "", "cdfz", "", true },
	{ "lua", "e", "", "l", "", true },
	{ "Rscript", "e", "", "", "", false },
	{ "tclsh", "", "", "", "", true },
	{ "pwsh", "", "", "", "", true },
};

static bool name_is(const char *program, const char *name)
{
	size_t len = strlen(name);

	return strncmp(program, name, len) == 0 &&
	       program[len + strspn(program + len, "0123456789.")] == '\0';
}

static const struct interpreter *interpreter_of(const char *program)
{
	size_t i;

	for (i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
		if (name_is(program, interpreters[i].name))
			return &interpreters[i];
	return NULL;
}

/* Arguments one after the other. */
struct args {
	const char *at, *end;
	const char *arg;
	size_t len;
};

static bool next(struct args *a)
{
	if (a->at >= a->end)
		return false;
	a->arg = a->at;
	a->len = strnlen(a->at, (size_t)(a->end - a->at));
	a->at += a->len + 1;
	return true;
}

static bool holds(const char *letters, char c)
{
	return c != '\0' && strchr(letters, c) != NULL;
}

/* Is the argument, with a space behind it, in the list? */
static bool listed(const char *list, const struct args *a)
{
	const char *p;

	for (p = list; *p != '\0'; p += strcspn(p, " ") + 1)
		if (strcspn(p, " ") == a->len && memcmp(p, a->arg, a->len) == 0)
			return true;
	return false;
}

enum option { OPTION_PLAIN, OPTION_TAKES, OPTION_TEXT, OPTION_MODULE };

/* What a cluster of letters asks for. One that takes something ends it: the rest of the cluster is
 * that, or the next argument. */
static enum option letters_of(const struct interpreter *in, const struct args *a, bool *ret_rest)
{
	size_t i;

	for (i = 1; i < a->len; i++) {
		*ret_rest = i + 1 < a->len;
		if (holds(in->text, a->arg[i]))
			return OPTION_TEXT;
		if (holds(in->module, a->arg[i]))
			return OPTION_MODULE;
		if (holds(in->takes, a->arg[i]))
			return OPTION_TAKES;
	}
	return OPTION_PLAIN;
}

static bool found(struct script *ret, const char *text, size_t len, bool is_module)
{
	*ret = (struct script){ text, len, is_module };
	return true;
}

bool script_of(const char *program, const char *argv, size_t argv_len, struct script *ret)
{
	const struct interpreter *in = interpreter_of(program);
	struct args a;
	bool rest = false;

	if (in == NULL || argv_len == 0)
		return false;
	a = (struct args){ .at = argv, .end = argv + argv_len };
	if (!next(&a))
		return false;
	while (next(&a)) {
		if (a.len == 0 || (a.arg[0] != '-' && a.arg[0] != '+'))
			return a.len > 0 && found(ret, a.arg, a.len, false);
		if (a.len == 1)
			return found(ret, a.arg, 1, false);
		if (a.arg[1] == '-') {
			if (a.len == 2)
				return next(&a) && found(ret, a.arg, a.len, false);
			if (listed("--eval --print ", &a) && listed(in->longs, &a))
				return found(ret, "-c", 2, false);
			if (listed(in->longs, &a))
				(void)next(&a);
			continue;
		}
		switch (letters_of(in, &a, &rest)) {
		case OPTION_TEXT:
			return found(ret, "-c", 2, false);
		case OPTION_MODULE:
			if (rest)
				return false;
			return next(&a) && found(ret, a.arg, a.len, true);
		case OPTION_TAKES:
			if (!rest)
				(void)next(&a);
			break;
		case OPTION_PLAIN:
			break;
		}
	}
	/* `curl ... | bash`: nothing says so but that there is nothing else. */
	return in->reads_stdin && found(ret, "-", 1, false);
}
