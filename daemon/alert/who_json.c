/* SPDX-License-Identifier: BSD-2-Clause */
#include "alert/who_json.h"

#include <inttypes.h>
#include <string.h>

#include "alert/ancestry.h"
#include "alert/subject_json.h"
#include "base/script.h"

#include "base/poison.h"

void who_json_argv(struct json *j, const struct execution *e, size_t most)
{
	size_t len = e->argv_len < most ? e->argv_len : most, i, n;

	json_open(j, "argv", '[');
	for (i = 0; i < len; i += n + 1) {
		n = strnlen(e->argv + i, len - i);
		json_str(j, NULL, e->argv + i, n);
	}
	json_close(j, ']');
	json_bool(j, "argv_truncated", e->argv_size > len);
	json_u64(j, "argv_redacted", e->argv_redacted);
}

static const char *base_name(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What an interpreter runs. A script that was executed itself has its interpreter's file and its
 * own name. */
static void json_script(struct json *j, const struct execution *e)
{
	const char *program = base_name(e->exe);
	struct script s;

	if (program == NULL || !script_of(program, e->argv, e->argv_len, &s)) {
		json_nil(j, "script");
		return;
	}
	if (s.is_module) {
		json_open(j, "script", '{');
		json_str(j, "module", s.text, s.len);
		json_close(j, '}');
		return;
	}
	json_str(j, "script", s.text, s.len);
}

static void json_ns(struct json *j, const struct of_ns *ns)
{
	json_open(j, "ns", '{');
	json_u64(j, "pid", ns->pid);
	json_u64(j, "mnt", ns->mnt);
	json_u64(j, "net", ns->net);
	json_u64(j, "user", ns->user);
	json_u64(j, "uts", ns->uts);
	json_u64(j, "ipc", ns->ipc);
	json_u64(j, "cgroup", ns->cgroup);
	json_close(j, '}');
}

#define NS_PER_S 1000000000LL

static void json_file_time(struct json *j, const char *key, int64_t s, uint32_t ns)
{
	/* A file may bear any time; what no clock shows is not told. */
	if (s < 0 || s > INT64_MAX / NS_PER_S - 1)
		json_nil(j, key);
	else
		subject_json_time(j, key, s * NS_PER_S + ns);
}

static void json_file(struct json *j, const struct of_image *image)
{
	if (image->ino == 0) {
		json_nil(j, "file");
		return;
	}
	json_open(j, "file", '{');
	json_u64(j, "dev_major", image->dev >> 20);
	json_u64(j, "dev_minor", image->dev & 0xfffff);
	json_u64(j, "ino", image->ino);
	json_u64(j, "size", image->size);
	json_file_time(j, "mtime", image->mtime_s, image->mtime_ns);
	json_file_time(j, "ctime", image->ctime_s, image->ctime_ns);
	json_close(j, '}');
}

static void json_start(struct json *j, const struct execution *e, const struct origin *o)
{
	subject_json_time(j, "start", (int64_t)(e->start_ns + (uint64_t)o->utc_offset_ns));
}

void who_json(struct json *j, const struct execution *e, const struct origin *o)
{
	json_start(j, e, o);
	json_str(j, "comm", e->comm, strnlen(e->comm, sizeof(e->comm)));
	json_u64(j, "comm_changes", e->renames);
	json_script(j, e);
	json_cstr(j, "cwd", e->cwd);
	json_bool(j, "cwd_truncated", (e->flags & OF_EXEC_CWD_TRUNCATED) != 0);
	json_bool(j, "exe_truncated", (e->flags & OF_EXEC_EXE_TRUNCATED) != 0);
	json_bool(j, "env_truncated", (e->flags & OF_EXEC_ENV_TRUNCATED) != 0);
	json_file(j, &e->image);
	json_ns(j, &e->ns);
}

static void json_ancestor(struct json *j, const struct execution *e, const struct origin *o)
{
	json_open(j, NULL, '{');
	subject_json_process(j, e);
	who_json_argv(j, e, WHO_ARGV_MAX);
	json_u64(j, "uid", e->uid);
	json_start(j, e, o);
	json_script(j, e);
	json_close(j, '}');
}

void who_json_ancestors(struct json *j, const struct execution *e, const struct origin *o)
{
	struct ancestry a;
	size_t i;

	ancestry_of(&a, e);
	json_open(j, "ancestors", '[');
	for (i = 1; i < a.n && i <= WHO_ANCESTORS_MAX; i++)
		json_ancestor(j, a.e[i], o);
	json_close(j, ']');
}
