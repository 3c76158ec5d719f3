/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_pins.c: the directory of the pins. `live` holds one whole set: maps, programs and links,
 * each by its name. A set is made under `starting` and takes the place of the one before in one
 * step, so `live` is whole at every moment; what is left under `starting` is of a start that was
 * killed. The directory itself is the lock: a BPF file system takes no regular files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "intake/kernel_private.h"

#include "base/poison.h"

#define BPFFS	   "/sys/fs/bpf"
#define LOCK_TRIES 100 /* a daemon that ends may take the directory away under another's hands */

static const char *const kinds[] = {
	[PIN_MAP] = "maps", [PIN_PROG] = "progs", [PIN_LINK] = "links"
};
#define KINDS_N (sizeof(kinds) / sizeof(kinds[0]))

int pins_path(const struct pins *p, const char *set, enum pin_kind kind, const char *name,
	      struct pin_path *ret)
{
	int n = snprintf(ret->s, sizeof(ret->s), "%s/%s/%s/%s", p->status.path, set, kinds[kind],
			 name);
	char *c;

	if (n < 0 || (size_t)n >= sizeof(ret->s))
		return -ENAMETOOLONG;
	/* The file system keeps names with dots for itself. */
	for (c = ret->s + (size_t)n - strlen(name); *c != '\0'; c++)
		if (*c == '.')
			*c = '_';
	return 0;
}

static int __attribute__((format(printf, 3, 4))) none(struct pins *p, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(p->status.reason, sizeof(p->status.reason), fmt, ap);
	va_end(ap);
	p->status.state = PINS_NONE;
	return err;
}

/* ---- The directory ---- */

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* The nearest part of the path that is there already. */
static void nearest(const char *path, char *ret, size_t size)
{
	struct stat st;
	char *slash;

	(void)snprintf(ret, size, "%s", path);
	while (lstat(ret, &st) < 0) {
		slash = strrchr(ret, '/');
		if (slash == NULL || slash == ret)
			slash = ret + 1; /* the path is absolute: conf saw to it */
		*slash = '\0';
	}
}

static int dirs_make(const char *path)
{
	char part[PATH_MAX];
	size_t i;

	for (i = 1; i == 1 || path[i - 1] != '\0'; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return -errno;
		if (path[i] == '\0')
			break;
	}
	return 0;
}

/* Makes sure that the path lies on a BPF file system, before anything is made there. */
static int bpffs_find(struct pins *p)
{
	char there[PATH_MAX];
	const char *path = p->status.path;

	nearest(path, there, sizeof(there));
	if (on_bpffs(there))
		return 0;
	if (strncmp(path, BPFFS "/", strlen(BPFFS "/")) != 0)
		return none(p, -ENOTSUP, "%s is on no BPF file system", path);
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return none(p, -errno, BPFFS " cannot be mounted: %s", strerror(errno));
	log_info("pins: mounted the BPF file system on " BPFFS);
	return 0;
}

/* pid of who holds the lock, from /proc/locks; 0: it does not tell. */
static int lock_holder(const struct stat *st)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], want[64];
	int pid = 0, found = 0;

	if (f == NULL)
		return 0;
	(void)snprintf(want, sizeof(want), " %02x:%02x:%" PRIu64 " ", major(st->st_dev),
		       minor(st->st_dev), (uint64_t)st->st_ino);
	while (found == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, want) != NULL && strstr(line, " FLOCK ") != NULL &&
		    sscanf(line, "%*d: FLOCK %*s %*s %d ", &pid) == 1 && pid > 0)
			found = pid;
	(void)fclose(f);
	return found;
}

/* 1: locked, 0: the directory went away meanwhile, or -errno. */
static int dir_lock(struct pins *p, struct kernel_err *ret_err)
{
	struct stat st, there;
	int pid;

	p->fd = open(p->status.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(p->fd, &st) < 0)
		return -errno;
	/* Where everybody may make a directory, somebody else's lock must not keep us from
	 * starting. */
	if (st.st_uid != geteuid())
		return -EPERM;
	if (flock(p->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return -errno;
		pid = lock_holder(&st);
		if (pid > 0)
			return kernel_fail(ret_err, -EBUSY, "another outflowd (pid %d) holds '%s'",
					   pid, p->status.path);
		return kernel_fail(ret_err, -EBUSY, "another outflowd holds '%s'", p->status.path);
	}
	if (lstat(p->status.path, &there) == 0 && there.st_ino == st.st_ino &&
	    there.st_dev == st.st_dev)
		return 1;
	(void)close(p->fd);
	p->fd = -1;
	return 0;
}

static int dir_check(struct pins *p)
{
	struct stat st;

	if (fstat(p->fd, &st) < 0)
		return none(p, -errno, "%s: %s", p->status.path, strerror(errno));
	if (st.st_uid != geteuid())
		return none(p, -EPERM, "%s belongs to uid %u", p->status.path,
			    (unsigned int)st.st_uid);
	if ((st.st_mode & 07777) != 0700 && fchmod(p->fd, 0700) < 0)
		return none(p, -errno, "%s: chmod: %s", p->status.path, strerror(errno));
	return 0;
}

int pins_open(const char *path, bool make, struct pins **ret, struct kernel_err *ret_err)
{
	struct pins *p = calloc(1, sizeof(*p));
	int i, err = 0;

	*ret = p;
	if (p == NULL) {
		(void)kernel_fail(ret_err, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	p->fd = -1;
	p->status.path = path;
	if (make ? bpffs_find(p) < 0 : !on_bpffs(path))
		return 0;
	for (i = 0; i < LOCK_TRIES && err == 0; i++) {
		err = make ? dirs_make(path) : 0;
		if (err == 0)
			err = dir_lock(p, ret_err);
		if (err == 0 && !make)
			return 0;
	}
	if (err == -EBUSY) {
		if (p->fd >= 0)
			(void)close(p->fd);
		free(p);
		*ret = NULL;
		return err;
	}
	if (err <= 0)
		(void)none(p, err, "%s cannot be used: %s", path, strerror(-err));
	if (err > 0)
		err = dir_check(p);
	if (err < 0 && p->fd >= 0) {
		(void)close(p->fd);
		p->fd = -1;
	}
	return 0;
}

void pins_close(struct pins *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0) {
		/* Only when nothing is in it: then nothing of us must stay. */
		(void)rmdir(p->status.path);
		(void)close(p->fd);
	}
	free(p);
}

/* ---- Sets ---- */

static int dir_walk(const struct pins *p, const char *set, enum pin_kind kind, bool unlink_them)
{
	char sub[64];
	struct dirent *e;
	DIR *d;
	int fd, n = 0;

	(void)snprintf(sub, sizeof(sub), "%s/%s", set, kinds[kind]);
	fd = openat(p->fd, sub, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (unlink_them)
			(void)unlinkat(fd, e->d_name, 0);
	}
	(void)closedir(d);
	return n;
}

int pins_count(const struct pins *p, const char *set, enum pin_kind kind)
{
	return dir_walk(p, set, kind, false);
}

bool pins_there(const struct pins *p, const char *set)
{
	struct stat st;

	return p->fd >= 0 && fstatat(p->fd, set, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

uint64_t pins_held(const struct pins *p, const char *set)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), zero = 0;
	struct pin_path path = { "" };
	uint64_t *values = NULL, sum = 0;
	int cpus = libbpf_num_possible_cpus(), fd = -1, i;
	size_t each;

	if (p->fd < 0 || pins_path(p, set, PIN_MAP, "totals", &path) < 0)
		return 0;
	fd = bpf_obj_get(path.s);
	if (fd < 0 || cpus <= 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0 ||
	    info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.value_size < sizeof(*values))
		goto out;
	each = (info.value_size + 7) / 8;
	values = calloc((size_t)cpus * each, sizeof(*values));
	if (values == NULL || bpf_map_lookup_elem(fd, &zero, values) < 0)
		goto out;
	for (i = 0; i < cpus; i++)
		sum += values[(size_t)i * each]; /* of_totals.posted */
out:
	free(values);
	if (fd >= 0)
		(void)close(fd);
	return sum;
}

struct pins_removed pins_remove(const struct pins *p, const char *set)
{
	struct pins_removed r = { .held = pins_held(p, set) };
	char sub[64];
	size_t i;

	r.links = dir_walk(p, set, PIN_LINK, true); /* first: nothing runs on maps without a name */
	r.progs = dir_walk(p, set, PIN_PROG, true);
	r.maps = dir_walk(p, set, PIN_MAP, true);
	for (i = 0; i < KINDS_N; i++) {
		(void)snprintf(sub, sizeof(sub), "%s/%s", set, kinds[i]);
		(void)unlinkat(p->fd, sub, AT_REMOVEDIR);
	}
	if (unlinkat(p->fd, set, AT_REMOVEDIR) < 0 && errno != ENOENT)
		log_warnerr(-errno, "pins: '%s/%s' cannot be removed", p->status.path, set);
	return r;
}

static int pin(const struct pins *p, enum pin_kind kind, const char *name, int fd)
{
	struct pin_path path = { "" };
	int err = pins_path(p, PINS_STARTING, kind, name, &path);

	if (err == 0 && bpf_obj_pin(fd, path.s) < 0)
		err = -errno;
	return err;
}

/* Of the skeleton's programs, the one that a link runs. */
static struct bpf_program *link_prog(const struct outflow_bpf *skel, const struct bpf_link *link)
{
	struct bpf_link_info linked = { 0 };
	__u32 len = sizeof(linked);
	struct bpf_program *prog;

	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &linked, &len) < 0)
		return NULL;
	bpf_object__for_each_program(prog, skel->obj)
	{
		struct bpf_prog_info info = { 0 };

		len = sizeof(info);
		if (bpf_program__fd(prog) >= 0 &&
		    bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) == 0 &&
		    info.id == linked.prog_id)
			return prog;
	}
	return NULL;
}

static int set_make(const struct pins *p, const struct outflow_bpf *skel,
		    struct bpf_link *const links[HOOKS_MAX])
{
	struct bpf_program *prog;
	struct bpf_map *map;
	char sub[64];
	size_t i;
	int err = 0;

	if (mkdirat(p->fd, PINS_STARTING, 0700) < 0)
		return -errno;
	for (i = 0; i < KINDS_N; i++) {
		(void)snprintf(sub, sizeof(sub), PINS_STARTING "/%s", kinds[i]);
		if (mkdirat(p->fd, sub, 0700) < 0)
			return -errno;
	}
	bpf_object__for_each_map(map, skel->obj) if (err == 0 && bpf_map__fd(map) >= 0) err =
		pin(p, PIN_MAP, bpf_map__name(map), bpf_map__fd(map));
	for (i = 0; i < HOOKS_MAX && err == 0; i++) {
		if (links[i] == NULL)
			continue;
		prog = link_prog(skel, links[i]);
		err = prog == NULL
			      ? -ENOENT
			      : pin(p, PIN_PROG, bpf_program__name(prog), bpf_program__fd(prog));
		if (err == 0)
			err = pin(p, PIN_LINK, bpf_program__name(prog), bpf_link__fd(links[i]));
	}
	return err;
}

void pins_save(struct pins *p, const struct outflow_bpf *skel,
	       struct bpf_link *const links[HOOKS_MAX])
{
	bool old = pins_there(p, PINS_LIVE);
	int err;

	if (p->fd < 0)
		return;
	if (pins_there(p, PINS_STARTING)) {
		p->status.held = pins_remove(p, PINS_STARTING).held;
		p->status.left = p->status.held > 0;
	}
	err = set_make(p, skel, links);
	/* Read when the new probes stand: what is sent meanwhile is in both books, and in one of
	 * them at least. */
	if (old) {
		p->status.held = pins_held(p, PINS_LIVE);
		p->status.left = false;
	}
	if (err == 0 &&
	    renameat2(p->fd, PINS_STARTING, p->fd, PINS_LIVE, old ? RENAME_EXCHANGE : 0) < 0)
		err = -errno;
	if (err < 0) {
		(void)pins_remove(p, PINS_LIVE); /* it must not count beside ours */
		(void)none(p, err, "%s: cannot pin: %s", p->status.path, strerror(-err));
	} else {
		p->status.state = PINS_PINNED;
	}
	if (pins_there(p, PINS_STARTING))
		(void)pins_remove(p, PINS_STARTING);
}

/* ---- outflowd --unload ---- */

int kernel_unload(const char *path, struct kernel_err *ret_err)
{
	static const char *const sets[] = { PINS_LIVE, PINS_STARTING };
	struct pins_removed r;
	struct pins *p;
	size_t i;
	int err, n = 0;

	err = pins_open(path, false, &p, ret_err);
	if (err < 0)
		return err;
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]) && p->fd >= 0; i++) {
		if (!pins_there(p, sets[i]))
			continue;
		r = pins_remove(p, sets[i]);
		(void)printf("removed %s/%s: %d links, %d programs, %d maps; the books held "
			     "%" PRIu64 " bytes\n",
			     path, sets[i], r.links, r.progs, r.maps, r.held);
		n++;
		if (pins_there(p, sets[i]))
			err = kernel_fail(ret_err, -EBUSY, "%s/%s cannot be removed whole", path,
					  sets[i]);
	}
	if (p->fd < 0 && p->status.reason[0] != '\0')
		err = kernel_fail(ret_err, -EIO, "%s", p->status.reason);
	else if (n == 0)
		(void)printf("nothing is pinned in %s\n", path);
	pins_close(p);
	return err;
}
