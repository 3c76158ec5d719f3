/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact_forms.h: what redact.c knows of tokens, names and programs. Private to the two.
 */
#ifndef BASE_REDACT_FORMS_H
#define BASE_REDACT_FORMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/secret_name.h"

/* The one who is being given arguments. */
enum redact_tool {
	TOOL_NONE,
	TOOL_CONFIG, /* a command that sets what it is told: "npm config set NAME VALUE" */
	TOOL_CURL,
	TOOL_HTTPIE,
	TOOL_LDAP,
	TOOL_LOGIN,   /* of a TOOL_REGISTRY */
	TOOL_LOWER_P, /* those whose password is -p */
	TOOL_MYSQL,   /* those whose password is -p, and only in the same word */
	TOOL_OPENSSL,
	TOOL_REDIS,
	TOOL_REGISTRY, /* docker and its like */
	TOOL_UPPER_P,  /* those whose password is -P */
	TOOL_ZIP,
	TOOL_MAX,
};

/*
 * Length of the token that begins at s, at most n; 0: none does. *ret_keep: what of it may stay.
 * `open`: behind the n bytes something is missing.
 */
size_t redact_token(const char *s, size_t n, bool open, size_t *ret_keep);

enum redact_tool redact_tool(const char *name, size_t n);

/*
 * What an option of the tool says of its value. `joined`: the word goes on behind these n bytes,
 * with what stands in no name. *ret_at: where in the word the value begins; n: right behind, if
 * the word is joined or '=' follows, else in the next word.
 */
enum secret_key redact_tool_option(enum redact_tool tool, const char *word, size_t n, bool joined,
				   size_t *ret_at);

/* "Bearer" and the other words that stand before the secret of an Authorization header. */
bool redact_scheme(const char *word, size_t n);

#endif
