/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.h: reads the daemon's lines for the views. What is absent, or of another kind than
 * expected, reads as nothing: an older tool must get along with a newer daemon.
 */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/grid.h"

/* `o` is borrowed until it returns; a negative return ends the walk. */
typedef int show_line(void *arg, const json_t *o);
/* Calls fn for each line. 0, -EBADMSG: a line is no JSON object, or what fn returned. */
int show_each(const char *text, size_t len, show_line *fn, void *arg);

/* o[key], or o[key][sub] when sub is not NULL. NULL: absent. */
json_t *show_at(const json_t *o, const char *key, const char *sub);
uint64_t show_u64(const json_t *o, const char *key, const char *sub);
/* false when it is absent or no string. */
bool show_is(const json_t *o, const char *key, const char *sub, const char *text);

/* Cells. */
void show_text(struct grid *g, const json_t *string);
void show_size(struct grid *g, uint64_t bytes);
void show_time(struct grid *g, const json_t *string); /* to the second */
void show_list(struct grid *g, const json_t *strings, const char *between);
void show_process(struct grid *g, const json_t *process); /* "curl[4242]" */
/* "203.0.113.9:443/tcp", "scan.example.org (203.0.113.9:443/tcp)"; see outflow(1), flows. */
void show_endpoint(struct grid *g, const json_t *endpoint);

/* Escaped, into a line. */
void show_put(struct buf *out, const json_t *string);
/* "1.2MiB (1234567 bytes)" */
void show_put_size(struct buf *out, uint64_t bytes);
/* "ring 3, argv 1" of the counters of an object that are not 0, or `none`. */
void show_put_counts(struct buf *out, json_t *o, const char *none);

#endif
