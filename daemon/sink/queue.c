/* SPDX-License-Identifier: BSD-2-Clause */
#include "sink/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"

#define CUT_MARK "...[cut]"

void queue_init(struct queue *q, size_t bytes_max)
{
	*q = (struct queue){ .bytes_max = bytes_max };
}

void queue_done(struct queue *q)
{
	while (q->first != NULL)
		queue_pop(q);
}

int queue_add(struct queue *q, const char *data, size_t len, bool own)
{
	size_t need = sizeof(struct line) + len;
	struct line *l;

	if (q->first != NULL && (need > q->bytes_max || q->bytes > q->bytes_max - need))
		return -ENOSPC;
	l = malloc(need);
	if (l == NULL)
		return -ENOMEM;
	*l = (struct line){ .len = len, .own = own };
	memcpy(l->data, data, len);
	if (q->last != NULL)
		q->last->next = l;
	else
		q->first = l;
	q->last = l;
	q->bytes += need;
	q->records += !own;
	return 0;
}

void queue_pop(struct queue *q)
{
	struct line *l = q->first;

	q->first = l->next;
	if (q->first == NULL)
		q->last = NULL;
	q->bytes -= sizeof(*l) + l->len;
	q->records -= !l->own;
	free(l);
}

void queue_cut(struct queue *q, size_t max)
{
	struct line *l = q->first;
	size_t at;

	if (l->len <= max || max < strlen(CUT_MARK))
		return;
	at = max - strlen(CUT_MARK);
	while (at > 0 && ((unsigned char)l->data[at] & 0xc0) == 0x80)
		at--;
	memcpy(l->data + at, CUT_MARK, strlen(CUT_MARK));
	at += strlen(CUT_MARK);
	q->bytes -= l->len - at;
	l->len = at;
}
