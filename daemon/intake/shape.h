/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shape.h: are the pinned maps, programs and links those that this daemon would make? Pure: the
 * kernel engine reads the facts on both sides.
 */
#ifndef INTAKE_SHAPE_H
#define INTAKE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_NAME_LEN 16 /* BPF_OBJ_NAME_LEN */
#define SHAPE_TAG_LEN  8  /* BPF_TAG_SIZE */
#define SHAPE_MAPS_MAX 32 /* that one program uses */

enum shape_diff {
	SHAPE_SAME,
	SHAPE_CONFIG, /* what the configuration asks for is another size */
	SHAPE_FOREIGN /* outflow would not have made it so */
};

struct map_shape {
	char name[SHAPE_NAME_LEN]; /* as the kernel has it, cut */
	uint32_t type, key_size, value_size, max_entries, flags;
};

struct prog_shape {
	uint32_t type;
	uint8_t tag[SHAPE_TAG_LEN]; /* of the instructions, without what differs between two loads
				     */
	uint32_t target;	    /* BTF id of what it is for: tracepoint, function; 0: none */
	uint32_t maps_n;
	uint32_t maps[SHAPE_MAPS_MAX]; /* ids, in the order of use */
};

struct link_shape {
	uint32_t prog_id;
	bool cgroup;	      /* attached to a cgroup: */
	uint64_t cgroup_id;   /* 0: detached from it */
	uint32_t attach_type; /* which of its hooks */
};

/* `why` gets a line when they differ. `name` is what the line calls it. */
enum shape_diff map_diff(const struct map_shape *want, const struct map_shape *have, char *why,
			 size_t size);
/* Without `maps` the ids are not compared: `want` was loaded with maps of its own. */
enum shape_diff prog_diff(const char *name, const struct prog_shape *want,
			  const struct prog_shape *have, bool maps, char *why, size_t size);
/* `want.cgroup_id` and `want.attach_type` hold only for cgroup links. */
enum shape_diff link_diff(const char *name, const struct link_shape *want,
			  const struct link_shape *have, char *why, size_t size);

#endif
