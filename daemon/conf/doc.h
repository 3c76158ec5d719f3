/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * doc.h: one YAML document that has been bounded before it was built, and the messages about it.
 *
 * Refused: more than CONFIG_BYTES_MAX bytes, CONFIG_DEPTH_MAX levels or CONFIG_NODES_MAX nodes,
 * several documents, anchors, aliases, tags and NULs. What is left needs no trust to walk.
 */
#ifndef CONF_DOC_H
#define CONF_DOC_H

#include <stdbool.h>
#include <errno.h>
#include <stddef.h>

#include <yaml.h>

#include "base/buf.h"
#include "conf/config.h"

struct doc {
	const char *name; /* what messages call the text; borrowed until doc_done() */
	const char *text; /* without byte order mark; borrowed until doc_done() */
	size_t len;
	yaml_document_t yaml;
	bool loaded;
	struct config_err *err; /* where errors go; borrowed until doc_done() */
	struct buf warnings;
	size_t warnings_n;
	size_t seek_char, seek_byte; /* a place in the text by both counts, for doc_source() */
};

/* 0 or -errno; doc_done() is due in both cases. */
int doc_init(struct doc *d, const char *name, const void *text, size_t len,
	     struct config_err *ret_err);
void doc_done(struct doc *d);
/* Borrowed, like every node. NULL: the text holds nothing. */
const yaml_node_t *doc_root(struct doc *d);
const yaml_node_t *doc_node(struct doc *d, int id);

/* Both say "name:line:col: ..."; without a node an error is at 1:1, a warning has no
 * place. The first returns -EINVAL. */
int doc_error(struct doc *d, const yaml_node_t *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__
/* The analyzer sees one file at a time and would think that this may return 0. */
#define doc_error(...) ((doc_error)(__VA_ARGS__) < 0 ? -EINVAL : -EINVAL)
#endif
void doc_warn(struct doc *d, const yaml_node_t *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The warnings as one string for the caller to free, NULL when there are none. 0 or -errno. */
int doc_warnings(struct doc *d, char **ret);

/* The bytes that a node was written with: no comments or blanks behind it. Borrowed. */
const char *doc_source(struct doc *d, const yaml_node_t *n, size_t *ret_len);

/* 's' in quotes, escaped, cut when long. */
#define QUOTE_LEN 96
const char *quote(char ret[QUOTE_LEN], const char *s, size_t n);

#endif
