/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_event.c: classic tracepoint programs, which hang on a perf event of the kernel's tracing
 * file system; and whether this kernel's tracepoints ask for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intake/kernel_private.h"
#include "try_preempt.skel.h"

#include "base/poison.h"

#define SECTION "tracepoint/"

/* Mounted nowhere: it depends on no path, and nobody sees it. A descriptor or -errno. */
static int tracefs_open(void)
{
	int fd = -1, fs = fsopen("tracefs", FSOPEN_CLOEXEC);

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	(void)close(fs);
	return fd;
}

/* `name` is "GROUP/EVENT". Its number or -errno. */
static int event_id(const char *name)
{
	char path[128], text[16] = "";
	int id = -EINVAL, fd = -1, tracefs = tracefs_open();

	if (tracefs < 0)
		return tracefs;
	(void)snprintf(path, sizeof(path), "events/%s/id", name);
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		id = -errno;
	else if (read(fd, text, sizeof(text) - 1) > 0)
		id = (int)strtol(text, NULL, 10);
	if (fd >= 0)
		(void)close(fd);
	(void)close(tracefs);
	return id;
}

int event_open(const char *name)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	int fd, id = event_id(name);

	if (id < 0)
		return id;
	attr.config = (__u64)id;
	/* A program on it runs for every task on every processor. */
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct bpf_link *event_attach(struct bpf_program *prog)
{
	struct bpf_link *link;
	int fd;

	fd = event_open(bpf_program__section_name(prog) + strlen(SECTION));
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	link = bpf_program__attach_perf_event(prog, fd);
	if (link == NULL)
		(void)close(fd);
	return link;
}

/* One send, which goes nowhere. */
static int send_something(void)
{
	int pair[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (send(pair[0], "", 1, 0) < 0)
		err = -errno;
	(void)close(pair[0]);
	(void)close(pair[1]);
	return err;
}

int kernel_preemptible(void)
{
	struct try_preempt *t = try_preempt__open();
	int err = t == NULL ? -errno : 0;

	if (err == 0) {
		t->rodata->cfg_tgid = (__u32)getpid();
		err = try_preempt__load(t);
	}
	if (err == 0)
		err = try_preempt__attach(t);
	if (err == 0)
		err = send_something();
	if (err == 0)
		err = t->data->answer < 0 ? -ENOENT : t->data->answer;
	try_preempt__destroy(t);
	return err;
}
