/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_crontab.c: any bytes as a crontab, of the form that the first byte says. The text lies in
 * memory of its own length. There are no more commands than lines, no more are told than there is
 * room for, and what is told of a line does not depend on the lines around it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crontab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 8

static size_t lines(const char *text, size_t len)
{
	size_t i, n = len > 0;

	for (i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* Line by line, as one would who reads them singly. */
static size_t singly(const char *text, size_t len, enum crontab_form form, uint64_t *ret)
{
	const char *end = text + len, *nl;
	size_t n = 0;

	for (; text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		if (nl == NULL)
			nl = end;
		n += crontab_commands(text, (size_t)(nl - text), form, ret + n, n < ROOM);
		if (n > ROOM)
			return n;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t all[ROOM + 1] = { 0 }, one[ROOM + 2] = { 0 };
	enum crontab_form form;
	char *text;
	size_t n;

	if (size == 0)
		return 0;
	form = (enum crontab_form)(data[0] % 3);
	text = malloc(size - 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	all[ROOM] = 7;
	n = crontab_commands(text, size - 1, form, all, ROOM);
	if (n > lines(text, size - 1) || all[ROOM] != 7)
		abort();
	if (n <= ROOM &&
	    (singly(text, size - 1, form, one) != n || memcmp(all, one, n * sizeof(all[0])) != 0))
		abort();
	free(text);
	return 0;
}
