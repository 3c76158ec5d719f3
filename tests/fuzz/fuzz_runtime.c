/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_runtime.c: a file of a container runtime, of the kind that the first byte says. What is
 * found in it is what another JSON library finds there, if that takes it for JSON at all; what is
 * not JSON gives something or nothing, and never more than there is room for.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intake/runtime_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID "a83c4b31b4ee3aae23018d36dac462df9f4ef1a7f3cc206e6face6aee485e8a3"

static void check_path(const char *path, size_t size)
{
	size_t len = strnlen(path, size);

	if (len == size || (len > 0 && path[0] != '/') || strstr(path, "/../") != NULL)
		abort();
}

/* Brackets as deep as they may be at most; within strings they count too. */
static size_t brackets(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == '[' || text[i] == '{';
	return n;
}

/* NULL where the other library has no string, or one that is too long. */
static const char *expected(const json_t *v, size_t size)
{
	const char *s = json_string_value(v);

	return s == NULL || strlen(s) >= size ? NULL : s;
}

static void compare(const char *got, const char *want)
{
	if (strcmp(got, want == NULL ? "" : want) != 0)
		abort();
}

static void check_docker(const json_t *root, const struct runtime_told *told)
{
	const json_t *config = json_object_get(root, "Config");

	compare(told->image, expected(json_object_get(config, "Image"), sizeof(told->image)));
}

static void check_crun(const json_t *root, const struct runtime_told *told)
{
	const char *want = expected(json_object_get(root, "bundle"), sizeof(told->bundle));

	if (told->bundle[0] != '\0')
		compare(told->bundle, want);
	else if (want != NULL && want[0] == '/' && strstr(want, "/..") == NULL)
		abort();
}

static void check_bundle(const json_t *root, const struct runtime_told *told)
{
	static const char *const names[] = { "io.kubernetes.cri.image-name",
					     "io.kubernetes.cri.podsandbox.image-name",
					     "io.kubernetes.cri-o.ImageName" };
	const json_t *annotations = json_object_get(root, "annotations");
	const char *want = NULL;
	size_t i;

	for (i = 0; i < 3 && want == NULL; i++)
		want = expected(json_object_get(annotations, names[i]), sizeof(told->image));
	compare(told->image, want);
}

static void check(enum runtime_file_kind kind, const char *text, size_t len,
		  const struct runtime_told *told)
{
	json_t *root;

	/* It takes the last of two members of one name, and names with escapes. */
	if (memchr(text, '\\', len) != NULL || brackets(text, len) > 256)
		return;
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	if (root == NULL)
		return;
	if (kind == RUNTIME_FILE_DOCKER)
		check_docker(root, told);
	else if (kind == RUNTIME_FILE_BUNDLE)
		check_bundle(root, told);
	else if (kind == RUNTIME_FILE_CRUN)
		check_crun(root, told);
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum runtime_file_kind kind;
	struct runtime_told told;
	char *text;

	if (size == 0)
		return 0;
	kind = (enum runtime_file_kind)(data[0] % RUNTIME_FILE_KINDS);
	text = malloc(size); /* the text is of its very size, so that a byte too far is seen */
	if (text == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text = realloc(text, size - 1 == 0 ? 1 : size - 1);
	if (text == NULL)
		abort();
	runtime_file_parse(kind, ID, text, size - 1, &told);
	if (strnlen(told.image, sizeof(told.image)) == sizeof(told.image))
		abort();
	check_path(told.bundle, sizeof(told.bundle));
	check_path(told.docker, sizeof(told.docker));
	check(kind, text, size - 1, &told);
	free(text);
	return 0;
}
