/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact.h: secrets in the arguments of a program, overwritten so that one still sees which kind
 * stood there: "ghp_***", "Authorization: Bearer ***", "https://ci:***@example.org".
 *
 * A secret is what has the form of a known token, the password of a URL, or the value of something
 * that is called a password, a token or the like: an option, NAME=value, "name": "value", a header.
 * Also inside an argument: much of what runs is `sh -c "..."`.
 *
 * This is for the reader's sake, not a wall: who wants to, writes a secret in a form that nobody
 * knows, and who wants to hide another argument calls it a token. Hence the count.
 */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * In place, in time that grows with the length and no faster, without memory of its own. `argv` has
 * *len bytes, NULs between its arguments; `cut`: there was more behind them, so that a token may
 * have lost its end. Each secret becomes "***", or as many '*' as it had bytes if that is fewer;
 * *len is less by what that saved, and the bytes behind it are zero. No NUL comes or goes, and
 * doing it again changes nothing. Returns how many.
 */
unsigned int redact_argv(char *argv, size_t *len, bool cut);

/* The same for variables, "NAME=value" with a NUL behind each, of whose values at most `most` bytes
 * were kept: one that has as many was cut. */
unsigned int redact_env(char *env, size_t *len, size_t most);

#endif
