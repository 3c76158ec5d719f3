/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node.h: typed access to the values of a document. A mapping is described by a table of keys;
 * unknown, repeated and missing ones are errors that say what was expected.
 *
 * Parsers return 0 or -errno with the message given, and own nothing they hand over.
 */
#ifndef CONF_NODE_H
#define CONF_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/doc.h"

/* A value and what leads to it. */
struct at {
	const char *path; /* of the mapping it stands in; "" at the top */
	const char *name; /* its key */
	const yaml_node_t *key;
	const yaml_node_t *node;
	const struct key *spec; /* its line in the table; NULL outside tables */
};

struct key {
	const char *name; /* NULL ends a table */
	/* `ret`: the struct that section_parse() was given, plus `offset`. */
	int (*parse)(struct doc *d, const struct at *at, void *ret);
	size_t offset;
	bool needed;
	uint64_t min, max; /* for numbers */
	const char *want;  /* "expected ..." */
};

/* The words a value may be; `later`: known, but not built yet. */
struct choice {
	const char *name; /* NULL ends a table */
	int value;
	bool later;
};

/* Every mapping has at most this many keys with a table. */
#define KEYS_MAX 32

int section_parse(struct doc *d, const char *path, const struct key *keys, const yaml_node_t *map,
		  void *ret);

/* "PATH.NAME: VALUE: expected WANT"; -EINVAL. */
int at_expected(struct doc *d, const struct at *at, const char *want);
/* "PATH.NAME: VALUE: ...". */
int at_error(struct doc *d, const struct at *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of a scalar that is not empty and has no control characters. Borrowed. */
int at_text(struct doc *d, const struct at *at, const char *want, const char **ret);
/* 1 to 63 of a-z, 0-9 and '-'. Borrowed. */
int at_id(struct doc *d, const struct at *at, const char **ret);
int at_choice(struct doc *d, const struct at *at, const struct choice *choices,
	      const struct choice **ret);
/* true or false. */
int at_bool(struct doc *d, const struct at *at, bool *ret);
/* Calls fn for each entry of a list, or once for a scalar. */
int at_each(struct doc *d, const struct at *at, size_t max, const char *want,
	    int (*fn)(struct doc *d, const struct at *item, void *arg), void *arg);
/* The same of a list that has an entry. */
int at_some(struct doc *d, const struct at *at, size_t max, const char *want,
	    int (*fn)(struct doc *d, const struct at *item, void *arg), void *arg);

/* Parsers for the table. `ret` is const yaml_node_t **, uint32_t *, uint64_t *, char **. */
int key_keep(struct doc *d, const struct at *at, void *ret);
int key_count(struct doc *d, const struct at *at, void *ret);
int key_size32(struct doc *d, const struct at *at, void *ret);
int key_size(struct doc *d, const struct at *at, void *ret);
int key_duration(struct doc *d, const struct at *at, void *ret);
int key_path(struct doc *d, const struct at *at, void *ret);
/* For text that is checked and not kept: a description. */
int key_note(struct doc *d, const struct at *at, void *ret);

/* Nothing was written behind the key. */
bool node_is_empty(const yaml_node_t *n);
size_t node_items(const yaml_node_t *n);
size_t node_pairs(const yaml_node_t *n);
/* Fails for keys that are not plain text, and for one that stands before in the same mapping. */
int node_key(struct doc *d, const char *path, const yaml_node_t *map, size_t i, struct at *ret);
/* The name of `names` that s is most likely to mean; NULL: none is near. */
const char *name_near(const char *s, const char *const *names, size_t n);

#endif
