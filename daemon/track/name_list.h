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

/* The names of one far end. */
struct name_list {
	struct endpoint_name name[ENDPOINT_NAMES_MAX];
	struct text *host[ENDPOINT_NAMES_MAX]; /* what each name's `host` points into */
	size_t n;
	uint32_t flags; /* enum endpoint_names_flags, but NAMES_SETTLED */
};

void name_list_clear(struct name_list *g);
/* To be cleared, too. */
void name_list_copy(struct name_list *ret, const struct name_list *from);
/* Is it there already as one that was asked for? */
bool name_list_asked(const struct name_list *g, const char *host);
/* Leaves only what was said, as if nothing had confirmed it. */
void name_list_said(struct name_list *g);
/* 1: something is new, 0: nothing, or -ENOMEM with NAMES_MORE set. A new name is a copy, or shared
 * when it is in `host` already (NULL: it is not). */
int name_list_put(struct name_list *g, const struct endpoint_name *name, struct text *host);

#endif
