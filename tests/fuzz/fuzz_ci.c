/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_ci.c: any bytes as two environments, parted by the byte 1: what a runner gave and what a
 * process below made of it. All that is found lies in them and is as long as it may be.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of that very size, so that a byte too far is seen. */
static char *copy(const uint8_t *data, size_t size)
{
	char *s = malloc(size == 0 ? 1 : size);

	if (s == NULL)
		abort();
	if (size > 0)
		memcpy(s, data, size);
	return s;
}

static void within(const struct ci_text *t, const char *env, size_t len)
{
	if (t->s == NULL ? t->len != 0 : t->len == 0 || t->len > CI_VALUE_MAX)
		abort();
	if (t->s != NULL && (t->s < env || t->s + t->len > env + len))
		abort();
	if (t->s != NULL && memchr(t->s, '\0', t->len) != NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *part = size == 0 ? NULL : memchr(data, 1, size);
	size_t len = part == NULL ? size : (size_t)(part - data);
	size_t below_len = part == NULL ? 0 : size - len - 1;
	char *env = copy(data, len), *below = copy(part == NULL ? NULL : part + 1, below_len);
	struct ci_text said[CI_KEYS];
	struct ci ci;
	bool any = false;
	int key;

	if (!ci_parse(env, len, CI_NO_SYSTEM, &ci))
		goto out;
	if (ci.value[CI_SYSTEM].s == NULL || ci_job(&ci) >> 63 == 0)
		abort();
	for (key = CI_SYSTEM + 1; key < CI_KEYS; key++)
		within(&ci.value[key], env, len);
	(void)ci_action_matches(&ci, "aquasecurity/*");
	if (ci_claims(&ci, below, below_len, said)) {
		for (key = CI_SYSTEM + 1; key < CI_KEYS; key++)
			within(&said[key], below, below_len);
		for (key = 0; key < CI_KEYS; key++)
			any = any || said[key].s != NULL;
		if (!any)
			abort();
	}
	/* It does not contradict itself, but by naming two systems. */
	(void)ci_claims(&ci, env, len, said);
	for (key = CI_SYSTEM + 1; key < CI_KEYS; key++)
		if (said[key].s != NULL)
			abort();
out:
	free(below);
	free(env);
	return 0;
}
