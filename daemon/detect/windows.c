/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

#include "base/poison.h"

#define FULL_BUCKETS 16
#define BUCKETS	     (FULL_BUCKETS + 1) /* and the one that is filling */

struct window {
	struct table_node node;
	struct verdict_key key;
	uint64_t newest; /* number of the bucket that is filling, counted from time 0 */
	uint64_t sum;
	uint64_t bucket[BUCKETS]; /* number n is at n % BUCKETS */
};

struct windows {
	struct table table;
	uint64_t evicted;
};

static bool same_key(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct window, node)->key, key,
		      sizeof(struct verdict_key)) == 0;
}

int windows_new(size_t max, struct windows **ret)
{
	struct windows *w = calloc(1, sizeof(*w));
	int err = -ENOMEM;

	if (w != NULL)
		err = table_init(&w->table, max, same_key);
	if (err < 0) {
		free(w);
		return err;
	}
	*ret = w;
	return 0;
}

static void window_drop(struct windows *w, struct table_node *node)
{
	table_del(&w->table, node);
	free(table_entry(node, struct window, node));
}

void windows_free(struct windows *w)
{
	if (w == NULL)
		return;
	while (w->table.oldest != NULL)
		window_drop(w, w->table.oldest);
	table_done(&w->table);
	free(w);
}

static struct window *window_get(struct windows *w, const struct verdict_key *key)
{
	uint64_t hash = table_hash(&w->table, key, sizeof(*key));
	struct table_node *node = table_find(&w->table, hash, key);
	struct window *win;

	if (node != NULL) {
		table_touch(&w->table, node);
		return table_entry(node, struct window, node);
	}
	win = calloc(1, sizeof(*win));
	if (win == NULL)
		return NULL;
	if (w->table.n >= w->table.max && w->table.oldest != NULL) {
		window_drop(w, w->table.oldest);
		w->evicted++;
	}
	win->key = *key;
	(void)table_add(&w->table, &win->node, hash);
	return win;
}

/* Moves the ring on to bucket `number`; what falls out is over. */
static void window_advance(struct window *win, uint64_t number)
{
	uint64_t steps = number - win->newest, i;

	if (steps > BUCKETS)
		steps = BUCKETS;
	for (i = 1; i <= steps; i++) {
		uint64_t *b = &win->bucket[(number - steps + i) % BUCKETS];

		win->sum -= *b;
		*b = 0;
	}
	win->newest = number;
}

uint64_t windows_add(struct windows *w, const struct verdict_key *key, uint64_t within_ns,
		     uint64_t time_ns, uint64_t n)
{
	struct window *win = window_get(w, key);
	uint64_t number = time_ns / ((within_ns + FULL_BUCKETS - 1) / FULL_BUCKETS);

	if (win == NULL) {
		w->evicted++;
		return n;
	}
	if (number > win->newest)
		window_advance(win, number);
	/* A record of the ring may be a little older than the look before it: it counts as now. */
	win->bucket[win->newest % BUCKETS] += n;
	win->sum += n;
	return win->sum;
}

size_t windows_count(const struct windows *w)
{
	return w->table.n;
}

uint64_t windows_evicted(const struct windows *w)
{
	return w->evicted;
}
