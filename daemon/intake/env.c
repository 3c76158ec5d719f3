/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/env.h"

#include <string.h>

#include "base/poison.h"

static void take(struct env_filter *f)
{
	const char *equals = memchr(f->piece, '=', f->len);
	size_t name = equals == NULL ? 0 : (size_t)(equals - f->piece), len = f->len, most;
	const struct env_variable *v = name == 0 ? NULL : policy_env(f->policy, f->piece, name);

	if (v == NULL)
		return;
	most = name + 1 + (v->kind == OF_ENV_TEXT ? OF_ENV_VALUE - 1 : 0);
	if (len > most)
		len = most;
	if (f->env->len + len + 1 > OF_ENV_LEN) {
		f->env->truncated = 1;
		return;
	}
	memcpy(f->env->text + f->env->len, f->piece, len);
	f->env->text[f->env->len + len] = '\0';
	f->env->len += (__u32)len + 1;
}

void env_filter_feed(struct env_filter *f, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == '\0') {
			take(f);
			f->len = 0;
		} else if (f->len < sizeof(f->piece)) {
			f->piece[f->len++] = bytes[i];
		}
	}
}

void env_filter_end(struct env_filter *f)
{
	if (f->len > 0)
		take(f);
	f->len = 0;
	explicit_bzero(f->piece, sizeof(f->piece));
}
