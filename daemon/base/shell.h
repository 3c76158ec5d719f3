/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shell.h: words as a shell takes them, with quotes and backslashes: 'a "b" c', u:'p', X:\ p. Of
 * what is no script, too, as good as it goes. All of it looks at s from `at` to `end`.
 */
#ifndef BASE_SHELL_H
#define BASE_SHELL_H

#include <stdbool.h>
#include <stddef.h>

/* What the quotes around a byte are; zeroes at the beginning of a text. */
struct shell {
	char quote; /* 0: none; '#': a comment */
	bool escaped;
	bool script; /* else an apostrophe may stand in a word: "don't" */
	char last;
};

bool is_space(char c);
bool is_quote(char c);

/* Ends a word where it is not quoted. */
bool ends_word(char c);

/* Is taken for the end of a word of a text that stands in quotes, or is no script. */
bool ends_text(char c);

/* The quotes behind one byte more, and behind all up to `to`. */
void shell_take(struct shell *q, char c);
struct shell shell_over(const char *s, size_t at, size_t to, struct shell q);

/* `q`: the quotes at `at`, where the word begins. `all`: what stands in them belongs to it. */
size_t shell_word_end(const char *s, size_t at, size_t end, struct shell q, bool all);

/* The quote that closes what `quote` opened, which may itself be quoted: \"...\". Not beyond
 * `outer`, the quotes that all of it stands in (0: none). */
size_t quote_end(const char *s, size_t at, size_t end, char quote, bool escaped, char outer);

size_t line_end(const char *s, size_t at, size_t end);

/* Also the escaped ones, and the end of a line that goes on. */
size_t spaces_end(const char *s, size_t at, size_t end);

#endif
