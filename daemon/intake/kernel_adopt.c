/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_adopt.c: going on with a pinned set, when it is what this daemon would have made: maps of
 * the same shapes, the same instructions on the same maps, links that still hold. Our own programs
 * are loaded once to compare with, and let go.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "intake/kernel_private.h"
#include "intake/shape.h"

#include "base/poison.h"

static int foreign(struct pins *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int foreign(struct pins *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->status.reason, sizeof(p->status.reason), fmt, ap);
	va_end(ap);
	p->status.tamper = true;
	return SHAPE_FOREIGN;
}

static int changed(struct pins *p, const char *what)
{
	(void)snprintf(p->status.reason, sizeof(p->status.reason), "%s", what);
	return SHAPE_CONFIG;
}

/* What the kernel calls a descriptor; a program's facts must not be read as a map's. */
static bool is_kind(int fd, enum pin_kind kind)
{
	static const char *const names[] = {
		[PIN_MAP] = "map", [PIN_PROG] = "prog", [PIN_LINK] = "link"
	};
	char path[32], target[32] = "";

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return false;
	/* "anon_inode:bpf-map"; of links some have a '-' there, others a '_'. */
	return strncmp(target, "anon_inode:bpf", strlen("anon_inode:bpf")) == 0 &&
	       strcmp(target + strlen("anon_inode:bpf-"), names[kind]) == 0;
}

/* A descriptor of what is pinned there, or -errno. */
static int pinned(const struct pins *p, enum pin_kind kind, const char *name)
{
	struct pin_path path = { "" };
	int err = pins_path(p, PINS_LIVE, kind, name, &path), fd;

	if (err < 0)
		return err;
	fd = bpf_obj_get(path.s);
	if (fd < 0)
		return -errno;
	if (is_kind(fd, kind))
		return fd;
	(void)close(fd);
	return -EBADF;
}

/* Is attached while the daemon lives: the iterator runs only once, at a fresh start. */
static bool is_linked(const struct bpf_program *prog)
{
	return bpf_program__autoload(prog) &&
	       bpf_program__expected_attach_type(prog) != BPF_TRACE_ITER;
}

/* ---- Maps ---- */

static int map_check(struct pins *p, const struct bpf_map *map, int fd)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	struct map_shape want = {
		.type = bpf_map__type(map),
		.key_size = bpf_map__key_size(map),
		.value_size = bpf_map__value_size(map),
		.max_entries = bpf_map__max_entries(map),
		.flags = bpf_map__map_flags(map),
	};
	struct map_shape have;
	enum shape_diff diff;

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return foreign(p, "in the place of map %s is no map", bpf_map__name(map));
	have = (struct map_shape){ .type = info.type,
				   .key_size = info.key_size,
				   .value_size = info.value_size,
				   .max_entries = info.max_entries,
				   .flags = info.map_flags };
	(void)snprintf(want.name, sizeof(want.name), "%s", bpf_map__name(map));
	(void)snprintf(have.name, sizeof(have.name), "%s", info.name);
	diff = map_diff(&want, &have, p->status.reason, sizeof(p->status.reason));
	p->status.tamper = diff == SHAPE_FOREIGN;
	return (int)diff;
}

/* All but the sizes first: a changed size must not hide that something is foreign. */
static int maps_check(struct pins *p, const struct outflow_bpf *skel)
{
	char why[sizeof(p->status.reason)] = "";
	struct bpf_map *map;
	int fd, diff, n = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		n++;
		fd = pinned(p, PIN_MAP, bpf_map__name(map));
		if (fd < 0)
			return foreign(p, "map %s: %s", bpf_map__name(map), strerror(-fd));
		diff = map_check(p, map, fd);
		(void)close(fd);
		if (diff == SHAPE_FOREIGN)
			return diff;
		if (diff == SHAPE_CONFIG && why[0] == '\0')
			(void)snprintf(why, sizeof(why), "%s", p->status.reason);
	}
	if (n != pins_count(p, PINS_LIVE, PIN_MAP))
		return foreign(p, "%d maps, expected %d", pins_count(p, PINS_LIVE, PIN_MAP), n);
	if (why[0] != '\0')
		return changed(p, why);
	return SHAPE_SAME;
}

/* The knobs that a set was made with, by this skeleton's layout; NULL: they cannot be read. */
static struct outflow_bpf__rodata *knobs_read(const struct pins *p, const struct outflow_bpf *skel)
{
	size_t size = bpf_map__value_size(skel->maps.rodata);
	int fd = pinned(p, PIN_MAP, bpf_map__name(skel->maps.rodata));
	struct outflow_bpf__rodata *knobs = NULL;
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), zero = 0;

	if (fd < 0)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_MAP_TYPE_ARRAY &&
	    info.key_size == sizeof(zero) && info.value_size == size)
		knobs = calloc(1, size);
	if (knobs != NULL && bpf_map_lookup_elem(fd, &zero, knobs) < 0) {
		free(knobs);
		knobs = NULL;
	}
	(void)close(fd);
	return knobs;
}

uint32_t pins_without(const struct pins *p, const struct outflow_bpf *skel)
{
	struct outflow_bpf__rodata *knobs = knobs_read(p, skel);
	uint32_t without = knobs == NULL ? 0 : knobs->cfg_without;

	free(knobs);
	return without;
}

static bool naming_changed(uint32_t before, uint32_t now)
{
	const uint32_t naming = OF_WITHOUT_NAMING | OF_WITHOUT_BY_CHOICE;

	return ((before ^ now) & OF_WITHOUT_BY_CHOICE) != 0 && ((before ^ now) & ~naming) == 0;
}

/* What the maps say of themselves. */
static int content_check(struct pins *p, const struct outflow_bpf *skel,
			 const struct policy *policy)
{
	struct outflow_bpf__rodata *knobs = knobs_read(p, skel);
	struct of_machine m;
	uint32_t zero = 0;
	int fd, err, diff = SHAPE_SAME;

	fd = pinned(p, PIN_MAP, bpf_map__name(skel->maps.machine));
	err = fd < 0 ? fd : bpf_map_lookup_elem(fd, &zero, &m);
	if (fd >= 0)
		(void)close(fd);
	if (err < 0 || knobs == NULL)
		diff = foreign(p, "the maps cannot be read: %s", strerror(err < 0 ? -err : EIO));
	else if (m.abi_version != OF_ABI_VERSION)
		diff = foreign(p,
			       "made by another version of outflowd (ABI %" PRIu64 ", this is %d)",
			       (uint64_t)m.abi_version, OF_ABI_VERSION);
	else if (naming_changed(knobs->cfg_without, skel->rodata->cfg_without))
		diff = changed(p, "naming was turned on or off");
	else if (knobs->cfg_without != skel->rodata->cfg_without)
		diff = foreign(p, "this kernel refuses hooks that the pinned probes have");
	else if (m.roles_id != policy->roles_id)
		diff = changed(p, "the roles were changed");
	else if (m.env_id != policy->env_id)
		diff = changed(p, "the variables that are told were changed");
	else if (memcmp(knobs, skel->rodata, bpf_map__value_size(skel->maps.rodata)) != 0)
		diff = changed(p, "the limits or the ports of resolvers were changed");
	free(knobs);
	return diff;
}

static int maps_reuse(struct pins *p, struct outflow_bpf *skel)
{
	struct bpf_map *map;
	int fd, err = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		fd = pinned(p, PIN_MAP, bpf_map__name(map));
		err = fd < 0 ? fd : bpf_map__reuse_fd(map, fd); /* keeps a copy of it */
		if (fd >= 0)
			(void)close(fd);
		if (err < 0)
			return foreign(p, "map %s: %s", bpf_map__name(map), strerror(-err));
	}
	return SHAPE_SAME;
}

/* ---- Programs and links ---- */

/* 0 with its id, or -errno. */
static int prog_read(int fd, struct prog_shape *ret, uint32_t *ret_id)
{
	struct bpf_prog_info info = { .nr_map_ids = SHAPE_MAPS_MAX };
	__u32 len = sizeof(info);

	*ret = (struct prog_shape){ .type = 0 };
	info.map_ids = (uintptr_t)ret->maps;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	ret->type = info.type;
	memcpy(ret->tag, info.tag, sizeof(ret->tag));
	ret->target = info.attach_btf_id;
	ret->maps_n = info.nr_map_ids;
	*ret_id = info.id;
	return 0;
}

static int link_check(struct pins *p, const struct bpf_program *prog, uint32_t prog_id,
		      uint64_t cgroup_id)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);
	struct link_shape have, want = {
		.prog_id = prog_id,
		.cgroup = hooks_at_cgroup(prog),
		.cgroup_id = cgroup_id,
		.attach_type = bpf_program__expected_attach_type(prog),
	};
	const char *name = bpf_program__name(prog);
	int fd = pinned(p, PIN_LINK, name), err;

	if (fd < 0)
		return foreign(p, "link %s: %s", name, strerror(-fd));
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	(void)close(fd);
	if (err < 0)
		return foreign(p, "link %s: %s", name, strerror(-err));
	have = (struct link_shape){ .prog_id = info.prog_id,
				    .cgroup = info.type == BPF_LINK_TYPE_CGROUP };
	if (have.cgroup) {
		have.cgroup_id = info.cgroup.cgroup_id;
		have.attach_type = info.cgroup.attach_type;
	}
	p->status.tamper = link_diff(name, &want, &have, p->status.reason,
				     sizeof(p->status.reason)) != SHAPE_SAME;
	return p->status.tamper ? SHAPE_FOREIGN : SHAPE_SAME;
}

static int prog_check(struct pins *p, const struct bpf_program *prog, bool maps, uint64_t cgroup_id)
{
	const char *name = bpf_program__name(prog);
	struct prog_shape want, have;
	uint32_t id = 0, own_id;
	int fd = pinned(p, PIN_PROG, name), err;

	err = fd < 0 ? fd : prog_read(fd, &have, &id);
	if (fd >= 0)
		(void)close(fd);
	if (err == 0)
		err = prog_read(bpf_program__fd(prog), &want, &own_id);
	if (err < 0)
		return foreign(p, "program %s: %s", name, strerror(-err));
	if (prog_diff(name, &want, &have, maps, p->status.reason, sizeof(p->status.reason)) !=
	    SHAPE_SAME) {
		p->status.tamper = true;
		return SHAPE_FOREIGN;
	}
	return link_check(p, prog, id, cgroup_id);
}

int pins_compare(struct pins *p, const struct outflow_bpf *skel, bool maps, int cgroup_fd)
{
	struct bpf_program *prog;
	struct stat st;
	uint32_t without;
	int diff = SHAPE_SAME, n = 0;

	if (!pins_there(p, PINS_LIVE) || p->status.tamper)
		return SHAPE_SAME;
	if (fstat(cgroup_fd, &st) < 0)
		return foreign(p, "the cgroup tree: %s", strerror(errno));
	without = pins_without(p, skel);
	bpf_object__for_each_program(prog, skel->obj)
	{
		if (!is_linked(prog) || (hooks_optional(prog) & without) != 0)
			continue;
		n++;
		diff = prog_check(p, prog, maps, st.st_ino);
		if (diff != SHAPE_SAME)
			return diff;
	}
	if (n != pins_count(p, PINS_LIVE, PIN_LINK))
		return foreign(p, "%d links, expected %d", pins_count(p, PINS_LIVE, PIN_LINK), n);
	return SHAPE_SAME;
}

/* In the place of our copies of the programs: nothing of theirs stays loaded. */
static int progs_take(struct pins *p, struct outflow_bpf *skel, struct bpf_link *links[HOOKS_MAX])
{
	struct bpf_program *prog;
	struct pin_path path = { "" };
	size_t n = 0;
	int fd, err;

	bpf_object__for_each_program(prog, skel->obj)
	{
		if (!is_linked(prog)) {
			bpf_program__unload(prog);
			continue;
		}
		fd = pinned(p, PIN_PROG, bpf_program__name(prog));
		err = fd < 0 || dup3(fd, bpf_program__fd(prog), O_CLOEXEC) >= 0 ? 0 : -errno;
		if (fd >= 0)
			(void)close(fd);
		if (fd >= 0 && err == 0)
			err = pins_path(p, PINS_LIVE, PIN_LINK, bpf_program__name(prog), &path);
		if (fd < 0 || err < 0 || n == HOOKS_MAX)
			return -EIO;
		links[n] = bpf_link__open(path.s);
		if (links[n++] == NULL)
			return -errno;
	}
	return 0;
}

int pins_adopt(struct pins *p, struct outflow_bpf *skel, int cgroup_fd, const struct policy *policy,
	       struct bpf_link *links[HOOKS_MAX])
{
	int diff, err;

	diff = maps_check(p, skel);
	if (diff == SHAPE_SAME)
		diff = content_check(p, skel, policy);
	if (diff == SHAPE_SAME)
		diff = maps_reuse(p, skel);
	if (diff != SHAPE_SAME)
		return 0;
	err = outflow_bpf__load(skel);
	if (err < 0) {
		(void)foreign(p, "our programs cannot be loaded on the maps: %s", strerror(-err));
		return 0;
	}
	if (pins_compare(p, skel, true, cgroup_fd) != SHAPE_SAME)
		return 0;
	err = progs_take(p, skel, links);
	if (err < 0)
		return err;
	p->status.state = PINS_ADOPTED;
	p->status.held = pins_held(p, PINS_LIVE);
	return 1;
}
