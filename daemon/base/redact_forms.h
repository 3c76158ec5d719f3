/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact_forms.h: what redact.c knows of tokens, names and programs. Private to the two.
 */
#ifndef BASE_REDACT_FORMS_H
#define BASE_REDACT_FORMS_H

#include <stdbool.h>
#include <stddef.h>

/* What the name of a value says of it. */
enum redact_key {
	KEY_NONE,
	KEY_SECRET,   /* hide it */
	KEY_PASSWORD, /* the same, and "password: x" is enough */
	KEY_PASS,     /* the same, or as openssl(1) wants it: pass:x, file:x, env:x, fd:x, stdin */
	KEY_FILE,     /* a key, or where it is */
	KEY_HEADER,   /* of HTTP: only before a colon */
	KEY_JSON,     /* only where the name stands in quotes */
	KEY_QUERY,    /* only in the query of a URL */
	KEY_USER,     /* user:password */
	KEY_COOKIE,   /* a=b, or the name of a file */
};

/* The one who is being given arguments. */
enum redact_tool {
	TOOL_NONE,
	TOOL_CURL,
	TOOL_HTTPIE,
	TOOL_LDAP,
	TOOL_LOGIN, /* of a TOOL_REGISTRY */
	TOOL_MONGO,
	TOOL_MYSQL,
	TOOL_REDIS,
	TOOL_REGISTRY, /* docker and its like */
	TOOL_SEVENZIP,
	TOOL_SSHPASS,
	TOOL_UPPER_P, /* those whose password is -P */
};

/*
 * Length of the token that begins at s, at most n; 0: none does. *ret_keep: what of it may stay.
 * `open`: behind the n bytes something is missing.
 */
size_t redact_token(const char *s, size_t n, bool open, size_t *ret_keep);

/* *ret_bare: the name is no more than the one word that makes it a secret. */
enum redact_key redact_key(const char *name, size_t n, bool *ret_bare);

enum redact_tool redact_tool(const char *name, size_t n);

/* An option of one letter. *ret_at: 0: the value is the next argument, else where it begins. */
enum redact_key redact_tool_option(enum redact_tool tool, const char *word, size_t n,
				   size_t *ret_at);

/* "Bearer" and the other words that stand before the secret of an Authorization header. */
bool redact_scheme(const char *word, size_t n);

#endif
