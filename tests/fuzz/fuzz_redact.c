/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_redact.c: any bytes as argv. The first says whether they were cut, or are variables. What is
 * there stays there but for stars, no argument comes or goes, and of some tokens, looked for in
 * another way than redact.c does, none is left. A second pass finds nothing in what was whole:
 * where a cut took the end of a URL away, what is hidden behind it makes another end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"

#define ARGV_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t nuls(const char *s, size_t n)
{
	size_t count = 0, i;

	for (i = 0; i < n; i++)
		count += s[i] == '\0';
	return count;
}

/* Is b what is left of a, when pieces of it became stars? */
static int is_left_of(const char *a, size_t n, const char *b, size_t m)
{
	size_t i = 0, k;

	for (k = 0; k < m; k++) {
		if (b[k] == '*')
			continue;
		while (i < n && a[i] != b[k])
			i++;
		if (i++ >= n)
			return 0;
	}
	return 1;
}

static int is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_';
}

/* Does a whole token of this prefix and `min` letters and digits stand anywhere? */
static int has_token(const char *s, size_t n, const char *prefix, size_t min)
{
	size_t len = strlen(prefix), i, k;

	for (i = 0; i + len + min <= n; i++) {
		if (memcmp(s + i, prefix, len) != 0 || (i > 0 && is_word(s[i - 1])))
			continue;
		for (k = 0; k < min && is_word(s[i + len + k]) && s[i + len + k] != '_'; k++)
			;
		if (k == min)
			return 1;
	}
	return 0;
}

static void check(char *argv, const char *was, size_t size, int cut)
{
	static const struct {
		const char *prefix;
		size_t min;
	} tokens[] = { { "ghp_", 36 }, { "npm_", 36 },	   { "glpat-", 20 },	{ "hf_", 34 },
		       { "AIza", 35 }, { "sk_live_", 24 }, { "dckr_pat_", 27 }, { "HRKU-", 36 } };
	char again[ARGV_MAX];
	size_t len = size, more, i;
	unsigned int n = redact_argv(argv, &len, cut);

	if (len > size || nuls(argv, len) != nuls(was, size) || !is_left_of(was, size, argv, len))
		abort();
	if (n == 0 && (len != size || memcmp(argv, was, len) != 0))
		abort();
	for (i = len; i < size; i++)
		if (argv[i] != '\0')
			abort();
	for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		if (has_token(argv, len, tokens[i].prefix, tokens[i].min))
			abort();
	if (cut)
		return;
	memcpy(again, argv, len);
	more = len;
	if (redact_argv(again, &more, cut) != 0 || more != len || memcmp(again, argv, len) != 0)
		abort();
}

/* The same of variables, each of which is alone. */
static void check_env(char *env, const char *was, size_t size)
{
	size_t len = size;
	unsigned int n = redact_env(env, &len, 16);

	if (len > size || nuls(env, len) != nuls(was, size) || !is_left_of(was, size, env, len))
		abort();
	if (n == 0 && (len != size || memcmp(env, was, len) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv, was[ARGV_MAX];

	if (size == 0 || size > ARGV_MAX)
		return 0;
	argv = malloc(size - 1 +
		      (size == 1)); /* of that very size, so that a byte too far is seen */
	if (argv == NULL)
		abort();
	memcpy(argv, data + 1, size - 1);
	memcpy(was, data + 1, size - 1);
	if ((data[0] & 2) != 0)
		check_env(argv, was, size - 1);
	else
		check(argv, was, size - 1, data[0] & 1);
	free(argv);
	return 0;
}
