/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "track/private.h"

#include "base/poison.h"

static int slots_grow(struct slots *s)
{
	size_t cap = s->cap == 0 ? 64 : s->cap * 2;
	void **at = reallocarray(s->at, cap, sizeof(*at));
	size_t *spare;

	if (at == NULL)
		return -ENOMEM;
	s->at = at;
	spare = reallocarray(s->free, cap, sizeof(*spare));
	if (spare == NULL)
		return -ENOMEM;
	s->free = spare;
	s->cap = cap;
	return 0;
}

int slots_add(struct slots *s, void *thing, size_t *ret)
{
	size_t place;

	if (s->free_n > 0) {
		place = s->free[--s->free_n];
	} else {
		if (s->n == s->cap && slots_grow(s) < 0)
			return -ENOMEM;
		place = s->n++;
	}
	s->at[place] = thing;
	*ret = place;
	return 0;
}

void slots_del(struct slots *s, size_t place)
{
	s->at[place] = NULL;
	s->free[s->free_n++] = place;
}

void *slots_next(const struct slots *s, size_t *cursor)
{
	while (*cursor < s->n)
		if (s->at[(*cursor)++] != NULL)
			return s->at[*cursor - 1];
	return NULL;
}

void slots_done(struct slots *s)
{
	free(s->at);
	free(s->free);
	*s = (struct slots){ .n = 0 };
}
