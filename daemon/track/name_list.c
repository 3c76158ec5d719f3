/* SPDX-License-Identifier: BSD-2-Clause */
#include "track/name_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "track/private.h"

#include "base/poison.h"

void name_list_clear(struct name_list *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		text_put(g->host[i]);
	if (g->n > NAME_LIST_PLAIN)
		*g->more -= g->n - NAME_LIST_PLAIN;
	free(g->name);
	free(g->host);
	free(g->alpn);
	*g = (struct name_list){ .more = g->more };
}

/* Stronger sources first, the latest of each first. */
static bool stands_before(const struct endpoint_name *a, const struct endpoint_name *b)
{
	return a->source != b->source ? a->source < b->source : a->time_ns > b->time_ns;
}

static void name_remove(struct name_list *g, size_t i)
{
	text_put(g->host[i]);
	*g->more -= g->n > NAME_LIST_PLAIN;
	g->n--;
	memmove(&g->name[i], &g->name[i + 1], (g->n - i) * sizeof(g->name[0]));
	memmove(&g->host[i], &g->host[i + 1], (g->n - i) * sizeof(struct text *));
}

/* Room for one more. 0 or -ENOMEM. */
static int name_room(struct name_list *g)
{
	size_t room = g->room == 0 ? 1 : 2 * g->room;
	struct endpoint_name *name;
	struct text **host;

	if (g->n < g->room)
		return 0;
	name = realloc(g->name, room * sizeof(*name));
	if (name == NULL)
		return -ENOMEM;
	g->name = name;
	host = realloc(g->host, room * sizeof(struct text *));
	if (host == NULL)
		return -ENOMEM;
	g->host = host;
	g->room = room;
	return 0;
}

static bool is_full(const struct name_list *g)
{
	return g->n == ENDPOINT_NAMES_MAX ||
	       (g->n >= NAME_LIST_PLAIN && *g->more >= NAME_LISTS_MORE);
}

static void name_insert(struct name_list *g, const struct endpoint_name *name, struct text *host)
{
	size_t i = 0;

	while (i < g->n && !stands_before(name, &g->name[i]))
		i++;
	memmove(&g->name[i + 1], &g->name[i], (g->n - i) * sizeof(g->name[0]));
	memmove(&g->host[i + 1], &g->host[i], (g->n - i) * sizeof(struct text *));
	g->name[i] = *name;
	g->name[i].host = host->s;
	g->host[i] = host;
	g->n++;
	*g->more += g->n > NAME_LIST_PLAIN;
}

bool name_list_asked(const struct name_list *g, const char *host)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->name[i].source == OF_NAME_DNS && g->name[i].asked &&
		    strcmp(g->name[i].host, host) == 0)
			return true;
	return false;
}

void name_list_said(struct name_list *g)
{
	size_t i = g->n;

	while (i-- > 0) {
		if (g->name[i].source == OF_NAME_DNS)
			name_remove(g, i);
		else
			g->name[i].confirmed = false;
	}
}

/* Names that were asked for are what others are compared with. */
static bool is_said_too(const struct name_list *g, const char *host)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->name[i].source != OF_NAME_DNS && strcmp(g->name[i].host, host) == 0)
			return true;
	return false;
}

/* How much is lost with a name: what others asked for tells least. */
static int worth(const struct name_list *g, const struct endpoint_name *name)
{
	if (name->source != OF_NAME_DNS)
		return 3;
	if (!name->asked)
		return 0;
	return is_said_too(g, name->host) ? 2 : 1;
}

/* The number of the name that goes for another one; n: the other one. */
static size_t name_least(const struct name_list *g, const struct endpoint_name *other)
{
	int least = worth(g, other), w;
	size_t i, ret = g->n;

	/* Of equal worth the last stands longest. Nothing is worth less than nothing. */
	for (i = g->n; i-- > 0 && least > 0;) {
		w = worth(g, &g->name[i]);
		if (w < least) {
			least = w;
			ret = i;
		}
	}
	return ret;
}

static uint32_t missing_flag(const struct endpoint_name *name)
{
	if (name->source != OF_NAME_DNS)
		return NAMES_MORE;
	return name->asked ? NAMES_MORE_ASKED : 0;
}

int name_list_put(struct name_list *g, const struct endpoint_name *name, struct text *host)
{
	struct endpoint_name with = *name;
	uint32_t flags = g->flags;
	size_t i;
	bool news;

	for (i = 0; i < g->n; i++)
		if (g->name[i].source == with.source && g->name[i].port == with.port &&
		    strcmp(g->name[i].host, with.host) == 0)
			break;
	if (i < g->n) {
		with.asked |= g->name[i].asked;
		with.confirmed |= g->name[i].confirmed;
		with.maybe |= g->name[i].maybe;
		news = with.asked != g->name[i].asked || with.confirmed != g->name[i].confirmed;
		if (!news && with.time_ns <= g->name[i].time_ns)
			return 0;
		host = text_get(g->host[i]);
		name_remove(g, i);
		name_insert(g, &with, host);
		return news;
	}
	if (is_full(g)) {
		i = name_least(g, &with);
		g->flags |= missing_flag(i < g->n ? &g->name[i] : &with);
		if (i == g->n)
			return g->flags != flags;
		name_remove(g, i);
	}
	host = host != NULL ? text_get(host) : text_new(with.host, strlen(with.host));
	if (host == NULL || name_room(g) < 0) {
		text_put(host);
		g->flags |= NAMES_MORE;
		return -ENOMEM;
	}
	name_insert(g, &with, host);
	return 1;
}

static bool alpn_has(const struct name_list *g, const struct of_alpn *alpn)
{
	uint32_t i;

	for (i = 0; i < g->alpn_n; i++)
		if (g->alpn[i].len == alpn->len && memcmp(g->alpn[i].id, alpn->id, alpn->len) == 0)
			return true;
	return false;
}

int name_list_alpn(struct name_list *g, const struct of_alpn *alpn, uint32_t n)
{
	uint32_t flags = g->flags, before = g->alpn_n, i;

	for (i = 0; i < n; i++) {
		if (alpn_has(g, &alpn[i]))
			continue;
		if (g->alpn == NULL)
			g->alpn = malloc(OF_ALPN_MAX * sizeof(*g->alpn));
		if (g->alpn == NULL || g->alpn_n == OF_ALPN_MAX)
			g->flags |= NAMES_ALPN_MORE;
		else
			g->alpn[g->alpn_n++] = alpn[i];
		if (g->alpn == NULL)
			return -ENOMEM;
	}
	return g->alpn_n != before || g->flags != flags;
}

int name_list_merge(struct name_list *g, const struct name_list *from)
{
	const uint32_t flags = g->flags | (from->flags & ~NAMES_MORE_ASKED);
	int news = flags != g->flags, err;
	size_t i;

	g->flags = flags;
	err = name_list_alpn(g, from->alpn, from->alpn_n);
	news |= err != 0;
	for (i = 0; i < from->n && err >= 0; i++) {
		if (from->name[i].source == OF_NAME_DNS)
			continue;
		err = name_list_put(g, &from->name[i], from->host[i]);
		news |= err != 0;
	}
	return err < 0 ? err : news;
}
