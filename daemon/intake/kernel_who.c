/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_who.c: what is told of an execution beside its slot: its cgroup and environment, which go
 * before it, and of those that are older than the probes or than this daemon what /proc says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/deputies.h"
#include "intake/env.h"
#include "intake/kernel_private.h"

#include "base/poison.h"

/* Of an environment; the kernel's limit for one with its arguments is 6 MiB at most, mostly 2. */
#define ENVIRON_MAX (1U << 20)

struct who {
	const struct policy *policy;
	int cgroups_fd, envs_fd;
	/* At id % length; one in the way is told again. */
	uint64_t cgroups_told[OF_CGROUPS];
	uint64_t envs_told[OF_ENVS];
};

/* The names of sockets that the probes may tell of; also of a set that is gone on with, which
 * another version may have filled. */
static int tails_fill(const struct outflow_bpf *skel)
{
	int fd = bpf_map__fd(skel->maps.ask_tails);
	uint64_t tails[DEPUTY_TAILS_MAX], key;
	size_t i, n = deputy_tails(tails);
	uint32_t set = 1;

	while (bpf_map_get_next_key(fd, NULL, &key) == 0 && bpf_map_delete_elem(fd, &key) == 0)
		;
	for (i = 0; i < n; i++)
		if (bpf_map_update_elem(fd, &tails[i], &set, BPF_ANY) < 0)
			return -errno;
	return 0;
}

int who_new(struct outflow_bpf *skel, const struct policy *policy, struct who **ret)
{
	struct who *w = calloc(1, sizeof(*w));
	int err;

	if (w == NULL)
		return -ENOMEM;
	err = tails_fill(skel);
	if (err < 0) {
		free(w);
		return err;
	}
	w->policy = policy;
	w->cgroups_fd = bpf_map__fd(skel->maps.cgroups);
	w->envs_fd = bpf_map__fd(skel->maps.envs);
	*ret = w;
	return 0;
}

void who_free(struct who *w)
{
	free(w);
}

int who_fill_names(struct outflow_bpf *skel, const struct policy *policy)
{
	int fd = bpf_map__fd(skel->maps.env_names);
	struct of_env_name key;
	uint32_t kind;
	size_t i;

	for (i = 0; i < policy->env_n; i++) {
		memcpy(key.name, policy->env[i].name, sizeof(key.name));
		kind = policy->env[i].kind;
		if (bpf_map_update_elem(fd, &key, &kind, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

static void cgroup_need(struct who *w, uint64_t id, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_cgroup rec = { .hdr = { now_ns, 0, OF_REC_CGROUP, 0 }, .id = id };
	uint64_t *told = &w->cgroups_told[id % OF_CGROUPS];

	if (id == 0 || *told == id || bpf_map_lookup_elem(w->cgroups_fd, &id, &rec.cgroup) < 0 ||
	    rec.cgroup.len >= OF_CGROUP_LEN)
		return;
	*told = id;
	rec.hdr.len = (uint32_t)offsetof(struct of_rec_cgroup, cgroup.path) + rec.cgroup.len;
	(void)fn(arg, &rec.hdr, rec.hdr.len);
}

static void env_tell(struct who *w, struct of_rec_env *rec, uint64_t now_ns, intake_raw_fn *fn,
		     void *arg)
{
	w->envs_told[rec->id % OF_ENVS] = rec->id;
	rec->hdr = (struct of_rec_hdr){ now_ns, 0, OF_REC_ENV, 0 };
	rec->hdr.len = (uint32_t)offsetof(struct of_rec_env, env.text) + rec->env.len;
	(void)fn(arg, &rec->hdr, rec->hdr.len);
}

static void env_need(struct who *w, uint64_t id, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_env rec = { .id = id };

	if (id == 0 || w->envs_told[id % OF_ENVS] == id ||
	    bpf_map_lookup_elem(w->envs_fd, &id, &rec.env) < 0 || rec.env.len > OF_ENV_LEN)
		return;
	env_tell(w, &rec, now_ns, fn, arg);
}

void who_need(struct who *w, const struct of_exec *e, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	cgroup_need(w, e->cgroup, now_ns, fn, arg);
	env_need(w, e->env, now_ns, fn, arg);
}

void who_saw(struct who *w, const struct of_rec_hdr *rec)
{
	const struct of_rec_env *r = (const struct of_rec_env *)rec;

	if (rec->kind == OF_REC_ENV && rec->len >= offsetof(struct of_rec_env, env.text))
		w->envs_told[r->id % OF_ENVS] = r->id;
}

static int proc_open(uint32_t pid, const char *file)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static size_t argv_read(uint32_t pid, char *buf, size_t size)
{
	int fd = proc_open(pid, "cmdline");
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, buf, size);
	(void)close(fd);
	return n > 0 ? (size_t)n : 0;
}

static size_t cwd_read(uint32_t pid, char *buf, size_t size)
{
	char path[32];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
	n = readlink(path, buf, size);
	return n > 0 && buf[0] == '/' ? (size_t)n : 0;
}

/* What was read in /proc under its number was its own. An end is in the slot before the number is
 * free, and so is the next exec. */
static bool is_running(const struct of_exec_slot *s, uint64_t exec_id)
{
	return __atomic_load_n(&s->e.end_ns, __ATOMIC_ACQUIRE) == 0 &&
	       __atomic_load_n(&s->e.exec_id, __ATOMIC_ACQUIRE) == exec_id;
}

/* What is allowed of a living process's environment, told under the number of its execution, which
 * no environment that the probes saw has. */
static uint64_t environ_tell(struct who *w, const struct of_exec_slot *s, uint64_t now_ns,
			     intake_raw_fn *fn, void *arg, bool *ret_truncated)
{
	struct of_rec_env rec = { .id = s->e.exec_id };
	struct env_filter f = { .policy = w->policy, .env = &rec.env };
	int fd = w->policy->env_n > 0 ? proc_open(s->e.tgid, "environ") : -1;
	char buf[4096];
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return 0;
	while (done < ENVIRON_MAX && (n = read(fd, buf, sizeof(buf))) > 0) {
		env_filter_feed(&f, buf, (size_t)n);
		done += (size_t)n;
	}
	(void)close(fd);
	env_filter_end(&f);
	explicit_bzero(buf, sizeof(buf));
	if (!is_running(s, rec.id)) {
		explicit_bzero(&rec.env, sizeof(rec.env));
		return 0;
	}
	if (n > 0)
		rec.env.truncated = 1;
	*ret_truncated = rec.env.truncated != 0;
	if (rec.env.len == 0)
		return 0;
	env_tell(w, &rec, now_ns, fn, arg);
	return rec.id;
}

static void fork_tell(const struct of_exec_slot *s, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_fork rec = { .hdr = { now_ns, sizeof(rec), OF_REC_FORK, 0 }, .e = s->e };

	(void)fn(arg, &rec.hdr, sizeof(rec));
}

/* Puts into the tail what /proc says of a living process. */
static void living_tell(struct who *w, const struct of_exec_slot *s, struct of_rec_exec *rec,
			uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	char *at = rec->tail + rec->exe_len;
	size_t cwd_len = cwd_read(rec->e.tgid, at, OF_CWD_LEN - 1);
	size_t argv_len = argv_read(rec->e.tgid, at + cwd_len, OF_ARGV_LEN);
	bool truncated = false;

	if (!is_running(s, rec->e.exec_id)) {
		explicit_bzero(at, cwd_len + argv_len);
		return;
	}
	rec->cwd_len = (uint16_t)cwd_len;
	rec->argv_len = (uint16_t)argv_len;
	/* A full read may have been cut. */
	rec->argv_size = argv_len == OF_ARGV_LEN ? OF_ARGV_LEN + 1 : (uint32_t)argv_len;
	if (rec->e.env == 0)
		rec->e.env = environ_tell(w, s, now_ns, fn, arg, &truncated);
	if (truncated)
		rec->e.flags |= OF_EXEC_ENV_TRUNCATED;
}

void who_tell(struct who *w, const struct of_exec_slot *s, bool older, uint64_t now_ns,
	      intake_raw_fn *fn, void *arg)
{
	struct of_rec_exec rec = { .hdr = { now_ns, 0, OF_REC_EXEC, 0 },
				   .e = s->e,
				   .image = s->image,
				   /* Of an exec whose record was lost nothing is known. */
				   .argv_size = OF_ARGV_LEN + 1 };

	who_need(w, &s->e, now_ns, fn, arg);
	if (s->e.flags & OF_EXEC_FORKED) {
		fork_tell(s, now_ns, fn, arg);
		return;
	}
	rec.exe_len = (uint16_t)strnlen(s->exe, sizeof(s->exe) - 1);
	memcpy(rec.tail, s->exe, rec.exe_len);
	if (older && s->e.end_ns == 0)
		living_tell(w, s, &rec, now_ns, fn, arg);
	rec.hdr.len = (uint32_t)offsetof(struct of_rec_exec, tail) + rec.exe_len + rec.cwd_len +
		      rec.argv_len;
	(void)fn(arg, &rec.hdr, rec.hdr.len);
	explicit_bzero(rec.tail, sizeof(rec.tail)); /* argv, before secrets were blanked in it */
}
