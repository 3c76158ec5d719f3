/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/suffix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libpsl.h>

#include "base/poison.h"

struct suffix {
	psl_ctx_t *file;       /* NULL: the built-in one serves */
	const psl_ctx_t *list; /* `file`, or the built-in one */
};

int suffix_open(struct suffix **ret)
{
	struct suffix *s = calloc(1, sizeof(*s));
	const char *path = psl_dist_filename();

	if (s == NULL)
		return -ENOMEM;
	if (path != NULL && path[0] != '\0')
		s->file = psl_load_file(path);
	s->list = s->file != NULL ? s->file : psl_builtin();
	if (s->list == NULL) {
		free(s);
		return -ENOENT;
	}
	*ret = s;
	return 0;
}

void suffix_close(struct suffix *s)
{
	if (s == NULL)
		return;
	psl_free(s->file);
	free(s);
}

/* Where the last two labels begin; the length: there are no two. */
static size_t last_two(const char *name, size_t len)
{
	size_t i, dots = 0;

	for (i = len; i > 0; i--)
		if (name[i - 1] == '.' && ++dots == 2)
			return i;
	return dots == 1 ? 0 : len;
}

/* An empty label: the root, or no name in the agreed form. */
static int has_empty_label(const char *name, size_t len)
{
	return len == 0 || name[0] == '.' || name[len - 1] == '.' || strstr(name, "..") != NULL;
}

size_t suffix_of(const struct suffix *s, const char *name)
{
	size_t len = strlen(name);
	const char *domain;

	if (has_empty_label(name, len))
		return len;
	if (s == NULL)
		return last_two(name, len);
	/* It looks at the last nine labels alone, so that a long name costs no more. */
	domain = psl_registrable_domain(s->list, name);
	return domain == NULL ? len : (size_t)(domain - name);
}
