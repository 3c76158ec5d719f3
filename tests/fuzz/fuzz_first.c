/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_first.c: any bytes as the beginning of a connection. What is found is the same when they
 * come at once, byte for byte, or in pieces of any order that overlap and of which some come again
 * with other bytes; nothing is taken back when more come; and a name that is told stands in them,
 * in order and beside each other but for headers of records.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "wire/first.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CUTS	16
#define ONE_MAX 768 /* byte for byte, which takes its time */

static void add(struct first *f, size_t at, const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len);

	if (copy == NULL && len > 0)
		exit(1);
	if (len > 0)
		memcpy(copy, data, len);
	if (first_add(f, at, copy, len) != 0)
		abort();
	free(copy);
}

static void same(const struct first_found *a, const struct first_found *b)
{
	const struct first_name *n, *m;
	size_t i;

	if (a->flags != b->flags || a->done != b->done || a->n_names != b->n_names ||
	    a->hello.sni != b->hello.sni || a->hello.version != b->hello.version ||
	    a->hello.n_alpn != b->hello.n_alpn ||
	    memcmp(a->hello.alpn, b->hello.alpn, sizeof(a->hello.alpn)) != 0)
		abort();
	for (i = 0; i < a->n_names; i++) {
		n = &a->names[i];
		m = &b->names[i];
		if (strcmp(n->host.text, m->host.text) != 0 || n->port != m->port ||
		    n->source != m->source || n->tunnelled != m->tunnelled)
			abort();
	}
}

struct known {
	unsigned int flags;
	size_t n_names;
	bool done;
};

/* Of what came before, names and flags stay, and nothing comes after the end. */
static struct known grows(struct known before, const struct first_found *now)
{
	if ((before.flags & ~now->flags) != 0 || before.n_names > now->n_names ||
	    (before.done &&
	     (!now->done || before.flags != now->flags || before.n_names != now->n_names)))
		abort();
	return (struct known){ now->flags, now->n_names, now->done };
}

static bool stands_in(const char *name, const uint8_t *data, size_t size)
{
	size_t i, n = strlen(name);

	for (i = 0; i + n <= size; i++)
		if (strncasecmp((const char *)data + i, name, n) == 0)
			return true;
	return false;
}

/* What is in records one after the other, the first of which may be anywhere. */
static bool stands_in_records(const char *name, const uint8_t *data, size_t size)
{
	static uint8_t out[FIRST_MAX];
	size_t start, at, n, len;

	for (start = 0; start + 5 < size; start++) {
		if (data[start] != 22 || data[start + 1] != 3)
			continue;
		len = 0;
		for (at = start; at + 5 < size && data[at] == 22 && data[at + 1] == 3;
		     at += 5 + n) {
			n = (size_t)(data[at + 3] << 8 | data[at + 4]);
			if (n > size - at - 5)
				n = size - at - 5;
			memcpy(out + len, data + at + 5, n);
			len += n;
		}
		if (stands_in(name, out, len))
			return true;
	}
	return false;
}

static void check_names(const struct first_found *found, const uint8_t *data, size_t size)
{
	const struct first_name *n;
	size_t i;

	for (i = 0; i < found->n_names; i++) {
		n = &found->names[i];
		if (n->host.text[0] == '\0')
			abort();
		if (n->host.is_address || stands_in(n->host.text, data, size))
			continue;
		if (n->source != FIRST_SNI || !stands_in_records(n->host.text, data, size))
			abort();
	}
}

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int by_value(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void shuffled(struct first *f, const uint8_t *data, size_t size, uint64_t state)
{
	static const uint8_t lie[FIRST_MAX] = { 0x16, 3, 1, 'G', 'E', 'T' };
	size_t cuts[CUTS + 1] = { 0 }, order[CUTS], i, j, swap, end;
	struct known known = { .flags = 0 };

	for (i = 1; i < CUTS; i++)
		cuts[i] = next(&state) % (size + 1);
	cuts[CUTS] = size;
	qsort(cuts, CUTS, sizeof(cuts[0]), by_value);
	for (i = 0; i < CUTS; i++)
		order[i] = i;
	for (i = CUTS - 1; i > 0; i--) {
		j = next(&state) % (i + 1);
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	first_init(f);
	for (i = 0; i < CUTS; i++) {
		j = order[i];
		end = cuts[j + 1] + next(&state) % 8; /* some that the next piece has too */
		end = end < size ? end : size;
		add(f, cuts[j], data + cuts[j], end - cuts[j]);
		known = grows(known, first_parse(f));
		add(f, cuts[j], lie, end - cuts[j]);
		known = grows(known, first_parse(f));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct first whole, other;
	struct known known = { .flags = 0 };
	size_t i;

	if (size > FIRST_MAX)
		size = FIRST_MAX;
	first_init(&whole);
	add(&whole, 0, data, size);
	check_names(first_parse(&whole), data, size);
	shuffled(&other, data, size, fnv64(FNV64_START, data, size) | 1);
	same(first_parse(&whole), first_parse(&other));

	if (size > ONE_MAX)
		return 0;
	first_init(&other);
	for (i = 0; i < size; i++) {
		add(&other, i, data + i, 1);
		known = grows(known, first_parse(&other));
	}
	same(first_parse(&whole), first_parse(&other));
	return 0;
}
