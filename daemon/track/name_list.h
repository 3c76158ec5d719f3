/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name_list.h: the names of one far end, few and in order. When there are more, those that only
 * others asked for go first, and what was said itself goes last.
 */
#ifndef TRACK_NAME_LIST_H
#define TRACK_NAME_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outflow/subject.h"

struct text;

/* Beyond so many a list grows only while all that do so have few names more, NAME_LISTS_MORE: what
 * is said costs nothing, and accounts are many. */
#define NAME_LIST_PLAIN 16
#define NAME_LISTS_MORE 65536

/* The names of one far end, and what it was offered to speak. All zero but for `more`: none. */
struct name_list {
	struct endpoint_name *name;
	struct text **host; /* what each name's `host` points into */
	size_t n, room;
	uint32_t flags;	  /* enum endpoint_names_flags, but NAMES_SETTLED */
	uint64_t version; /* greater when a flow said something new; 0: none was told */
	size_t *more;	  /* names beyond NAME_LIST_PLAIN, of all lists */
	struct of_alpn *alpn;
	uint32_t alpn_n; /* at most OF_ALPN_MAX */
};

void name_list_clear(struct name_list *g);
/* Is it there already as one that was asked for? */
bool name_list_asked(const struct name_list *g, const char *host);
/* Leaves only what was said, as if nothing had confirmed it. */
void name_list_said(struct name_list *g);
/* 1: something is new, 0: nothing, or -ENOMEM with NAMES_MORE set. A new name is a copy, or shared
 * when it is in `host` already (NULL: it is not). */
int name_list_put(struct name_list *g, const struct endpoint_name *name, struct text *host);
/* Adds those that are not there yet, with NAMES_ALPN_MORE those without room. Returns as above. */
int name_list_alpn(struct name_list *g, const struct of_alpn *alpn, uint32_t n);
/* Adds all that was said, not what was asked for. Returns as above. */
int name_list_merge(struct name_list *g, const struct name_list *from);

#endif
