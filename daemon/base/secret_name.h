/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secret_name.h: names that say of a value that it is a secret: the one list of them, for arguments
 * (redact.c), for conditions on variables (conf/roles.c) and against which the variables of CI
 * systems are tested.
 */
#ifndef BASE_SECRET_NAME_H
#define BASE_SECRET_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* What the name of a value says of it. */
enum secret_key {
	KEY_NONE,
	KEY_SECRET,   /* hide it */
	KEY_PASSWORD, /* the same, and "password: x" is enough */
	KEY_PASS,     /* the same, or as openssl(1) wants it: pass:x, file:x, env:x, fd:x, stdin */
	KEY_FILE,     /* a key, or where it is */
	KEY_HEADER,   /* of HTTP: only before a colon */
	KEY_JSON,     /* only where the name stands in quotes */
	KEY_QUERY,    /* only in the query of a URL */
	KEY_USER,     /* user:password */
	KEY_ADDRESS,  /* user:password@host, also without a scheme before it */
	KEY_COOKIE,   /* a=b, or the name of a file */
};

struct secret_name {
	enum secret_key key;
	bool bare;     /* it is no more than the one word that makes it a secret */
	bool assigned; /* only with '=' behind it: the next argument is not its value */
};

/* Of an option, a variable, a key of JSON, a header; n may be 0. Words in it that make a secret of
 * it count only where it is likely one: not in "token_file". */
struct secret_name secret_name(const char *name, size_t n);

/* May a variable of this name hold a secret? Whatever may, does: here nobody has to read values
 * again, but one that was told cannot be taken back. */
bool secret_variable(const char *name);

#endif
