/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/shape.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/poison.h"

static enum shape_diff __attribute__((format(printf, 4, 5)))
differ(enum shape_diff diff, char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return diff;
}

enum shape_diff map_diff(const struct map_shape *want, const struct map_shape *have, char *why,
			 size_t size)
{
	const struct {
		const char *what;
		uint32_t want, have;
	} facts[] = {
		{ "type", want->type, have->type },
		{ "key size", want->key_size, have->key_size },
		{ "value size", want->value_size, have->value_size },
		{ "flags", want->flags, have->flags },
	};
	size_t i;

	if (strncmp(want->name, have->name, sizeof(want->name)) != 0)
		return differ(SHAPE_FOREIGN, why, size, "in the place of map %.*s is %.*s",
			      SHAPE_NAME_LEN, want->name, SHAPE_NAME_LEN, have->name);
	for (i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
		if (facts[i].want != facts[i].have)
			return differ(SHAPE_FOREIGN, why, size,
				      "map %.*s: %s %" PRIu32 ", expected %" PRIu32, SHAPE_NAME_LEN,
				      want->name, facts[i].what, facts[i].have, facts[i].want);
	if (want->max_entries != have->max_entries)
		return differ(SHAPE_CONFIG, why, size,
			      "map %.*s: size %" PRIu32 ", the configuration asks for %" PRIu32,
			      SHAPE_NAME_LEN, want->name, have->max_entries, want->max_entries);
	return SHAPE_SAME;
}

static bool maps_same(const struct prog_shape *a, const struct prog_shape *b)
{
	return a->maps_n == b->maps_n && a->maps_n <= SHAPE_MAPS_MAX &&
	       memcmp(a->maps, b->maps, a->maps_n * sizeof(a->maps[0])) == 0;
}

enum shape_diff prog_diff(const char *name, const struct prog_shape *want,
			  const struct prog_shape *have, bool maps, char *why, size_t size)
{
	if (want->type != have->type)
		return differ(SHAPE_FOREIGN, why, size,
			      "program %s: type %" PRIu32 ", expected %" PRIu32, name, have->type,
			      want->type);
	if (memcmp(want->tag, have->tag, sizeof(want->tag)) != 0)
		return differ(SHAPE_FOREIGN, why, size, "program %s: its instructions are not ours",
			      name);
	if (want->target != have->target)
		return differ(SHAPE_FOREIGN, why, size, "program %s: made for another hook", name);
	if (maps && !maps_same(want, have))
		return differ(SHAPE_FOREIGN, why, size,
			      "program %s: uses other maps than those pinned", name);
	return SHAPE_SAME;
}

enum shape_diff link_diff(const char *name, const struct link_shape *want,
			  const struct link_shape *have, char *why, size_t size)
{
	if (want->prog_id != have->prog_id)
		return differ(SHAPE_FOREIGN, why, size, "link %s: runs another program", name);
	if (want->cgroup != have->cgroup)
		return differ(SHAPE_FOREIGN, why, size, "link %s: of another kind", name);
	if (!want->cgroup)
		return SHAPE_SAME;
	if (have->cgroup_id == 0)
		return differ(SHAPE_FOREIGN, why, size, "link %s: was detached", name);
	if (want->cgroup_id != have->cgroup_id || want->attach_type != have->attach_type)
		return differ(SHAPE_FOREIGN, why, size, "link %s: attached elsewhere", name);
	return SHAPE_SAME;
}
