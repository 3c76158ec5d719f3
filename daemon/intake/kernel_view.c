/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_view.c: array maps of the kernel, mapped into memory as far as they were ever in use. */
#include <errno.h>
#include <sys/mman.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

#define VIEW_BYTES (64U << 10) /* mapped at first; a multiple of every page size */

static int view_map(struct map_view *v, size_t bytes)
{
	size_t whole = v->value_size * v->max;
	void *data;

	if (bytes > whole)
		bytes = whole;
	data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	if (v->data != NULL)
		(void)munmap(v->data, v->bytes);
	v->data = data;
	v->bytes = bytes;
	v->mapped = (uint32_t)(bytes / v->value_size);
	return 0;
}

int view_open(struct bpf_map *map, struct map_view *ret)
{
	ret->fd = bpf_map__fd(map);
	ret->max = bpf_map__max_entries(map);
	ret->value_size = (bpf_map__value_size(map) + 7U) & ~7U;
	if (ret->max == 0)
		return -EINVAL;
	return view_map(ret, VIEW_BYTES);
}

uint32_t view_cover(struct map_view *v, uint32_t n)
{
	size_t bytes = v->bytes;

	if (n > v->max)
		n = v->max;
	while (bytes < n * v->value_size)
		bytes *= 2;
	if (bytes > v->bytes)
		(void)view_map(v, bytes);
	return n < v->mapped ? n : v->mapped;
}

void view_trim(struct map_view *v, uint32_t n)
{
	size_t bytes = VIEW_BYTES;

	while (bytes < n * v->value_size)
		bytes *= 2;
	if (bytes < v->bytes)
		(void)view_map(v, bytes);
}

void view_close(struct map_view *v)
{
	if (v->data != NULL)
		(void)munmap(v->data, v->bytes);
}
