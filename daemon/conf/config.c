/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.c: the file as a whole, with the sections that are only values: `paths` and `limits`.
 */
#include "conf/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/node.h"
#include "conf/parts.h"

#include "base/poison.h"

#define SECOND_NS 1000000000ULL
#define UNIX_MAX  (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Sections refer to each other, so the order in the file must not matter: kept, then parsed. */
struct sections {
	const yaml_node_t *paths, *limits, *networks, *endpoints, *roles, *rules, *reconcile,
		*sinks;
	bool no_redact, no_naming;
};

static const struct config_limits limits_default = {
	.accounts = 65536,
	.executions = 16384,
	.ring_bytes = 1 << 20,
	.tracked_accounts = 131072,
	.tracked_executions = 65536,
	.grace_ns = 60 * SECOND_NS,
	.names = 16384,
	.name_ring_bytes = 2 << 20,
	.sink_queue_bytes = 1 << 20,
};

static int key_version(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	int err;

	(void)ret;
	err = at_text(d, at, "1", &s);
	if (err < 0)
		return err;
	return strcmp(s, "1") == 0 ? 0 : at_expected(d, at, "1");
}

static int key_ring(struct doc *d, const struct at *at, void *ret)
{
	uint32_t *bytes = ret;
	int err;

	err = key_size32(d, at, bytes);
	if (err < 0)
		return err;
	return (*bytes & (*bytes - 1)) == 0 ? 0 : at_expected(d, at, at->spec->want);
}

/* Something that is done unless it is turned off. */
static int key_not(struct doc *d, const struct at *at, void *ret)
{
	bool done = true;
	int err = at_bool(d, at, &done);

	*(bool *)ret = !done;
	return err;
}

static int sections_parse(struct doc *d, struct sections *ret)
{
#define SECTION(name)                                                               \
	{                                                                           \
#name, key_keep, offsetof(struct sections, name), false, 0, 0, NULL \
	}
	static const struct key keys[] = {
		{ .name = "version", .parse = key_version, .needed = true },
		SECTION(paths),
		{ .name = "redact",
		  .parse = key_not,
		  .offset = offsetof(struct sections, no_redact) },
		{ .name = "naming",
		  .parse = key_not,
		  .offset = offsetof(struct sections, no_naming) },
		SECTION(limits),
		SECTION(networks),
		SECTION(endpoints),
		SECTION(roles),
		SECTION(rules),
		SECTION(reconcile),
		SECTION(sinks),
		{ .name = NULL },
	};
#undef SECTION
	const yaml_node_t *root = doc_root(d);

	if (root == NULL)
		return doc_error(d, NULL, "nothing in it, expected at least 'version: 1'");
	return section_parse(d, "", keys, root, ret);
}

static int path_default(char **path, const char *s)
{
	if (*path == NULL)
		*path = strdup(s);
	return *path != NULL ? 0 : -ENOMEM;
}

static int paths_parse(struct doc *d, const yaml_node_t *n, struct config *c)
{
	static const struct key keys[] = {
		{ .name = "control",
		  .parse = key_path,
		  .offset = offsetof(struct config, control),
		  .max = UNIX_MAX,
		  .want = "an absolute path of at most 107 characters" },
		{ .name = "state", .parse = key_path, .offset = offsetof(struct config, state) },
		{ .name = "pins", .parse = key_path, .offset = offsetof(struct config, pins) },
		{ .name = NULL },
	};
	int err = 0;

	if (n != NULL && !node_is_empty(n))
		err = section_parse(d, "paths", keys, n, c);
	if (err == 0)
		err = path_default(&c->control, "/run/outflow/control.sock");
	if (err == 0)
		err = path_default(&c->state, "/var/lib/outflow");
	if (err == 0)
		err = path_default(&c->pins, "/sys/fs/bpf/outflow");
	return err;
}

static int limits_parse(struct doc *d, const yaml_node_t *n, struct config_limits *l)
{
#define LIMIT(name, field, parse, min, max, want)                                         \
	{                                                                                 \
		name, parse, offsetof(struct config_limits, field), false, min, max, want \
	}
	static const struct key keys[] = {
		LIMIT("accounts", accounts, key_count, 64, 1 << 20, "a count, 64 to 1048576"),
		LIMIT("executions", executions, key_count, 64, 1 << 20, "a count, 64 to 1048576"),
		LIMIT("ring", ring_bytes, key_ring, 4096, 64 << 20,
		      "a size that is a power of two, 4KiB to 64MiB"),
		LIMIT("tracked_accounts", tracked_accounts, key_count, 64, 4 << 20,
		      "a count, 64 to 4194304"),
		LIMIT("tracked_executions", tracked_executions, key_count, 64, 4 << 20,
		      "a count, 64 to 4194304"),
		LIMIT("grace", grace_ns, key_duration, SECOND_NS, 86400 * SECOND_NS,
		      "a duration, 1s to 1d"),
		LIMIT("names", names, key_count, 256, 1 << 20, "a count, 256 to 1048576"),
		LIMIT("name_ring", name_ring_bytes, key_ring, 64 << 10, 64 << 20,
		      "a size that is a power of two, 64KiB to 64MiB"),
		LIMIT("sink_queue", sink_queue_bytes, key_size32, 4096, 256 << 20,
		      "a size, 4KiB to 256MiB"),
		{ .name = NULL },
	};
#undef LIMIT
	int err = 0;

	*l = limits_default;
	if (n != NULL && !node_is_empty(n))
		err = section_parse(d, "limits", keys, n, l);
	if (err < 0)
		return err;
	/* The daemon keeps what the kernel holds, and the dead besides. */
	if (l->tracked_accounts < l->accounts)
		doc_warn(d, n, "limits: tracked_accounts %u is less than accounts %u",
			 l->tracked_accounts, l->accounts);
	if (l->tracked_executions < l->executions)
		doc_warn(d, n, "limits: tracked_executions %u is less than executions %u",
			 l->tracked_executions, l->executions);
	return 0;
}

static void rules_count(struct doc *d, const struct policy *p)
{
	size_t i;

	for (i = 0; i < p->rules_n; i++)
		if (p->rules[i].off == NULL)
			return;
	doc_warn(d, NULL, "no rule is on: bytes are counted, nothing will be alerted");
}

static int doc_config(struct doc *d, struct config *c)
{
	struct sections s = { 0 };
	int err;

	err = sections_parse(d, &s);
	c->no_redact = s.no_redact;
	c->no_naming = s.no_naming;
	if (err == 0)
		err = paths_parse(d, s.paths, c);
	if (err == 0)
		err = limits_parse(d, s.limits, &c->limits);
	if (err == 0)
		err = networks_parse(d, s.networks, &c->policy);
	if (err == 0)
		err = endpoints_parse(d, s.endpoints, &c->policy);
	if (err == 0)
		err = roles_parse(d, s.roles, &c->policy);
	if (err == 0)
		err = rules_parse(d, s.rules, &c->policy);
	if (err == 0)
		err = reconcile_parse(d, s.reconcile, &c->policy.reconcile);
	if (err == 0)
		err = sinks_parse(d, s.sinks, c);
	if (err < 0)
		return err;
	rules_count(d, &c->policy);
	return doc_warnings(d, &c->warnings);
}

int config_parse(const char *name, const void *text, size_t len, struct config *ret,
		 struct config_err *ret_err)
{
	struct config c = { 0 };
	struct doc d;
	int err;

	ret_err->msg[0] = '\0';
	err = doc_init(&d, name, text, len, ret_err);
	if (err < 0)
		goto out;
	err = doc_config(&d, &c);
	if (err < 0)
		goto out;
	*ret = c;
	c = (struct config){ 0 };
out:
	if (err == -ENOMEM)
		(void)snprintf(ret_err->msg, sizeof(ret_err->msg), "%s: out of memory", name);
	doc_done(&d);
	config_done(&c);
	return err;
}

void config_done(struct config *c)
{
	if (c == NULL)
		return;
	policy_done(&c->policy);
	sinks_done(c);
	free(c->control);
	free(c->state);
	free(c->pins);
	free(c->warnings);
	*c = (struct config){ 0 };
}

static int refuse(struct config_err *e, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct config_err *e, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return err;
}

static int file_check(const char *path, int fd, bool trusted, struct config_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return refuse(e, -errno, "%s: cannot be examined: %m", path);
	if (!S_ISREG(st.st_mode))
		return refuse(e, -EINVAL, "%s: not a regular file", path);
	if (st.st_size > (off_t)CONFIG_BYTES_MAX)
		return refuse(e, -EFBIG, "%s: %jd bytes, expected at most %u", path,
			      (intmax_t)st.st_size, CONFIG_BYTES_MAX);
	if (!trusted)
		return 0;
	if (st.st_uid != 0)
		return refuse(e, -EPERM,
			      "%s: owned by uid %u, who could change what is watched: "
			      "chown root '%s'",
			      path, (unsigned int)st.st_uid, path);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(e, -EPERM,
			      "%s: mode %04o lets others change what is watched: "
			      "chmod go-w '%s'",
			      path, (unsigned int)(st.st_mode & 07777), path);
	return 0;
}

/* Up to `size` bytes. */
static int file_read(int fd, char *buf, size_t size, size_t *ret_len)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

int config_load(const char *path, bool trusted, struct config *ret, struct config_err *ret_err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang the start. */
	int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | (trusted ? O_NOFOLLOW : 0);
	char *text = NULL;
	size_t len = 0;
	int fd, err;

	fd = open(path, flags);
	if (fd < 0 && errno == ELOOP)
		return refuse(ret_err, -ELOOP, "%s: a symbolic link: give the file it leads to",
			      path);
	if (fd < 0)
		return refuse(ret_err, -errno, "%s: cannot be opened: %m", path);
	err = file_check(path, fd, trusted, ret_err);
	if (err < 0)
		goto out;
	/* One more than is taken, so that a file which grew meanwhile is refused and not cut. */
	text = malloc(CONFIG_BYTES_MAX + 1);
	if (text == NULL) {
		err = refuse(ret_err, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	err = file_read(fd, text, CONFIG_BYTES_MAX + 1, &len);
	if (err < 0) {
		errno = -err;
		(void)refuse(ret_err, err, "%s: cannot be read: %m", path);
		goto out;
	}
	err = config_parse(path, text, len, ret, ret_err);
out:
	free(text);
	(void)close(fd);
	return err;
}
