/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * roles.bpf.h: the path of an executed file, and the roles it earns. Runs at exec only.
 */
#ifndef OUTFLOW_BPF_ROLES_H
#define OUTFLOW_BPF_ROLES_H

#include "maps.bpf.h"

#include "outflow/glob.h"

_Static_assert(OF_CWD_LEN == OF_EXE_LEN, "one walk serves both");

/* Components and mount points: more than OF_EXE_LEN holds, so that only the length cuts a path. */
#define PATH_DEPTH_MAX (OF_EXE_LEN / 2 + 64)

/* The matcher reads whole buffers: each is as long as of_glob_step() asks for. */
struct role_subject {
	char name[OF_EXE_LEN]; /* as the caller named the file, its last component */
	char base[OF_EXE_LEN]; /* the last component of the file's own path */
	char exe[OF_EXE_LEN];
	char path[OF_EXE_LEN * 2]; /* built from the end; the second half only takes overhang */
	struct of_role_name key;
	__u32 exe_len;
	__u32 exe_truncated;
	__u32 image; /* OF_EXEC_DELETED, OF_EXEC_MEMFD, OF_EXEC_OVERLAY */
	__u32 pad0;
	struct of_glob glob; /* here and not on the stack, see glob_step() */
};

struct path_walk {
	char *path; /* of role_subject */
	struct dentry *dentry;
	struct mount *mnt;
	__u32 at; /* where the path built so far begins */
	__u32 done;
	__u32 detached; /* it ends at a root that is mounted nowhere */
};

/*
 * Loops are calls of bpf_loop(), here and below: the verifier then looks at one round. Written as
 * `for` the one over a file name takes more than its million steps (6.18, clang 14).
 */

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/* One step up: a component in front, or from the root of a mount to where it is mounted. */
static long path_step(__u32 i, struct path_walk *w)
{
	/* Copies, since BPF_CORE_READ would relocate an access to our own struct too. */
	struct dentry *dentry = w->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	struct mount *mnt = w->mnt, *up;
	char *path = w->path;
	__u32 len, at;

	if (dentry == BPF_CORE_READ(mnt, mnt.mnt_root)) {
		up = BPF_CORE_READ(mnt, mnt_parent);
		w->done = up == mnt;
		w->dentry = BPF_CORE_READ(mnt, mnt_mountpoint);
		w->mnt = up;
		return up == mnt;
	}
	len = BPF_CORE_READ(dentry, d_name.len);
	if (dentry == parent || len == 0) {
		w->done = w->detached = 1; /* memfd, a detached mount */
		return 1;
	}
	if (len + 1 > w->at)
		return 1;
	at = w->at - len;
	bpf_probe_read_kernel(&path[at & (OF_EXE_LEN - 1)], len & (OF_EXE_LEN - 1),
			      BPF_CORE_READ(dentry, d_name.name));
	at--;
	path[at & (OF_EXE_LEN - 1)] = '/';
	w->at = at;
	w->dentry = parent;
	return 0;
}

static __always_inline __u32 image_flags(struct role_subject *s, struct file *file, __u32 detached)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u32 flags = 0;

	if (BPF_CORE_READ(inode, i_sb, s_magic) == OVERLAYFS_SUPER_MAGIC)
		flags |= OF_EXEC_OVERLAY;
	if (BPF_CORE_READ(inode, i_nlink) != 0)
		return flags;
	/* The kernel's own name for it; on a file system anybody can write it, but it has a root.
	 */
	if (detached && s->exe_len == 0 && s->base[0] == 'm' && s->base[1] == 'e' &&
	    s->base[2] == 'm' && s->base[3] == 'f' && s->base[4] == 'd' && s->base[5] == ':')
		return flags | OF_EXEC_MEMFD;
	return flags | OF_EXEC_DELETED;
}

/* Puts a path together in s->path; where it begins is in w->at. */
static __always_inline void path_walk(struct role_subject *s, struct path_walk *w)
{
	w->path = s->path;
	w->at = OF_EXE_LEN - 1;
	bpf_loop(PATH_DEPTH_MAX, path_step, w, 0);
}

static __noinline void subject_exe(struct role_subject *s, struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct path_walk w = { .dentry = dentry };
	__u32 len;

	w.mnt = mount_of(BPF_CORE_READ(file, f_path.mnt));
	bpf_probe_read_kernel_str(s->base, sizeof(s->base), BPF_CORE_READ(dentry, d_name.name));
	path_walk(s, &w);
	len = OF_EXE_LEN - 1 - w.at;
	s->exe_len = len;
	s->exe_truncated = !w.done;
	bpf_probe_read_kernel(s->exe, len & (OF_EXE_LEN - 1), &s->path[w.at & (OF_EXE_LEN - 1)]);
	s->exe[len & (OF_EXE_LEN - 1)] = 0;
	s->image = image_flags(s, file, w.detached);
}

/* Where the task works: the length of the path that begins at s->path[*ret_at]. The root has none
 * of its own. */
static __always_inline __u32 subject_cwd(struct role_subject *s, struct task_struct *task,
					 __u32 *ret_at, __u32 *ret_truncated)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct path_walk w = { .dentry = BPF_CORE_READ(fs, pwd.dentry) };

	w.mnt = mount_of(BPF_CORE_READ(fs, pwd.mnt));
	path_walk(s, &w);
	*ret_truncated = !w.done;
	if (w.at == OF_EXE_LEN - 1)
		s->path[--w.at & (OF_EXE_LEN - 1)] = '/';
	*ret_at = w.at;
	return OF_EXE_LEN - 1 - w.at;
}

struct name_scan {
	const char *path;
	__u32 from; /* behind the last '/' so far */
};

static long name_step(__u32 i, struct name_scan *scan)
{
	char c = scan->path[i & (OF_EXE_LEN - 1)];

	if (c == '/')
		scan->from = i + 1;
	return c == 0;
}

/* The last component of `path`, which may be anything the caller of exec wrote. */
static __always_inline void subject_name(struct role_subject *s, const char *path)
{
	long n = bpf_probe_read_kernel_str(s->path, OF_EXE_LEN, path);
	struct name_scan scan = { .path = s->path };
	__u32 from;

	bpf_loop(OF_EXE_LEN, name_step, &scan, 0);
	from = scan.from & (OF_EXE_LEN - 1);
	/* exec takes paths up to 4096 bytes: of a longer one the tail is not here, the kernel's own
	 * short name (comm) then stands in. */
	if (n <= 0 || n >= OF_EXE_LEN || s->path[from] == 0)
		bpf_get_current_comm(s->name, 16);
	else
		bpf_probe_read_kernel_str(s->name, OF_EXE_LEN, &s->path[from]);
}

struct glob_run {
	struct of_glob *g;
	const char *pattern;
	const char *text;
	__u32 matched;
};

/*
 * The matcher's state lies in a map value, whose content the verifier does not follow. On the stack
 * it would follow every number through every round, and refuse the program as too complex (6.18).
 */
static long glob_step(__u32 i, struct glob_run *r)
{
	enum of_glob_result result = of_glob_step(r->g, r->pattern, r->text);

	r->matched = result == OF_GLOB_MATCH;
	return result != OF_GLOB_MORE;
}

static __noinline bool glob_match(struct of_glob *g, const char *pattern, const char *text)
{
	struct glob_run r = { .g = g, .pattern = pattern, .text = text };

	__builtin_memset(g, 0, sizeof(*g));
	bpf_loop(OF_GLOB_STEPS, glob_step, &r, 0);
	return r.matched;
}

static __always_inline __u64 roles_by_name(struct role_subject *s, const char *name)
{
	__u64 *roles;

	__builtin_memset(&s->key, 0, sizeof(s->key));
	if (bpf_probe_read_kernel_str(s->key.name, sizeof(s->key.name), name) <= 0)
		return 0;
	/* A longer name was cut and would equal a name that is just as long as the key. */
	if (s->key.name[sizeof(s->key.name) - 2] != 0 && name[sizeof(s->key.name) - 1] != 0)
		return 0;
	roles = bpf_map_lookup_elem(&role_names, &s->key);
	return roles == NULL ? 0 : *roles;
}

struct glob_scan {
	struct role_subject *s;
	__u64 roles;
};

static long glob_scan_step(__u32 i, struct glob_scan *scan)
{
	struct role_subject *s = scan->s;
	struct of_role_glob *glob;
	bool match;

	if (i >= cfg_globs)
		return 1;
	glob = bpf_map_lookup_elem(&role_globs, &i);
	if (glob == NULL)
		return 1;
	if (glob->kind == OF_GLOB_EXE)
		match = glob_match(&s->glob, glob->pattern, s->exe);
	else
		match = glob_match(&s->glob, glob->pattern, s->name) ||
			glob_match(&s->glob, glob->pattern, s->base);
	if (match)
		scan->roles |= glob->roles;
	return 0;
}

static __noinline __u64 roles_match(struct role_subject *s)
{
	struct glob_scan scan = { .s = s };
	__u64 roles = roles_by_name(s, s->name) | roles_by_name(s, s->base);

	if (cfg_globs > 0)
		bpf_loop(OF_GLOBS_MAX, glob_scan_step, &scan, 0);
	return roles | scan.roles;
}

#endif
