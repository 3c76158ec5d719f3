/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/poison.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "KiB", 1ULL << 10 },
	{ "MiB", 1ULL << 20 },
	{ "GiB", 1ULL << 30 },
	{ "TiB", 1ULL << 40 },
	{ "kB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "TB", 1000000000000 },
	{ NULL, 0 },
};

static const struct unit duration_units[] = {
	{ "ms", 1000000ULL },	       { "s", 1000000000ULL },	       { "m", 60 * 1000000000ULL },
	{ "h", 3600 * 1000000000ULL }, { "d", 86400 * 1000000000ULL }, { NULL, 0 },
};

/* The digits at the start of s; *ret_end is behind them. */
static int digits_parse(const char *s, uint64_t *ret, const char **ret_end)
{
	uint64_t n = 0, digit;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	for (; *s >= '0' && *s <= '9'; s++) {
		digit = (uint64_t)(*s - '0');
		if (n > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		n = n * 10 + digit;
	}
	*ret = n;
	*ret_end = s;
	return 0;
}

static int unit_parse(const char *s, const struct unit *units, uint64_t min, uint64_t max,
		      uint64_t *ret)
{
	const struct unit *u;
	const char *end;
	uint64_t n;
	int err;

	err = digits_parse(s, &n, &end);
	if (err < 0)
		return err;
	for (u = units; u->name != NULL; u++)
		if (strcmp(end, u->name) == 0)
			break;
	if (u->name == NULL)
		return -EINVAL;
	if (n > UINT64_MAX / u->factor)
		return -ERANGE;
	n *= u->factor;
	if (n < min || n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

int num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	static const struct unit none[] = { { "", 1 }, { NULL, 0 } };

	return unit_parse(s, none, min, max, ret);
}

int size_parse(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	return unit_parse(s, size_units, min, max, ret);
}

int duration_parse(const char *s, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns)
{
	return unit_parse(s, duration_units, min_ns, max_ns, ret_ns);
}

void size_text(char ret[SIZE_TEXT_LEN], uint64_t bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		(void)snprintf(ret, SIZE_TEXT_LEN, "%" PRIu64 " B", bytes);
		return;
	}
	/* 1023.95 would print as 1024.0 */
	while (v >= 1023.95 && i < sizeof(names) / sizeof(names[0]) - 1) {
		v /= 1024;
		i++;
	}
	(void)snprintf(ret, SIZE_TEXT_LEN, "%.1f%s", v, names[i]);
}

void duration_text(char ret[DURATION_TEXT_LEN], uint64_t ns)
{
	const struct unit *u, *best = &duration_units[0];

	for (u = duration_units; u->name != NULL; u++)
		if (ns != 0 && ns % u->factor == 0)
			best = u;
	(void)snprintf(ret, DURATION_TEXT_LEN, "%" PRIu64 "%s", ns / best->factor, best->name);
}
