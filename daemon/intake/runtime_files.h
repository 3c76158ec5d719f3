/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * runtime_files.h: where container runtimes write down which image a container was made from, and
 * what to look for there. Pure: whoever asks opens and reads the files.
 *
 * Seen as they are written by docker 20.10, podman 4.3, containerd 1.6, runc 1.1 and crun 1.8; what
 * Kubernetes' containerd and CRI-O write is taken from their sources (names of annotations in
 * containerd's pkg/cri/annotations and CRI-O's pkg/annotations).
 *
 *	docker		/var/lib/docker/containers/ID/config.v2.json: Config.Image
 *	podman, CRI-O	/var/lib/containers/storage/DRIVER-containers/containers.json, of those that
 *			go with their end volatile-containers.json: the element with id ID has
 *			metadata, a text that is JSON again: image-name
 *	containerd	/run/containerd/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json:
 *			annotations, by CRI only: of `ctr` and nerdctl no file tells
 *	others		/run/runc/ID/state.json, /run/crun/ID/status: the bundle, where config.json
 *			has annotations, and above which stands a containers.json when podman was
 *			told another root. Of docker with another root the state tells where it
 *			bind-mounts /etc/hostname from, which is beside config.v2.json.
 *
 * Rootless containers are left out: what is written down of them is their user's to change.
 */
#ifndef INTAKE_RUNTIME_FILES_H
#define INTAKE_RUNTIME_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/container.h"

#define RUNTIME_PATH_MAX  512	     /* with its NUL; longer ones are not followed */
#define RUNTIME_IMAGE_MAX 256	     /* the same; a reference has at most 255 (OCI distribution) */
#define RUNTIME_FILE_MAX  (1U << 20) /* bytes worth reading: podman writes 500 a container */

enum runtime_file_kind {
	RUNTIME_FILE_DOCKER,  /* config.v2.json */
	RUNTIME_FILE_STORAGE, /* containers.json */
	RUNTIME_FILE_BUNDLE,  /* config.json of OCI */
	RUNTIME_FILE_RUNC,    /* state.json */
	RUNTIME_FILE_CRUN,    /* status */
	RUNTIME_FILE_KINDS,
};

struct runtime_file {
	char path[RUNTIME_PATH_MAX];
	enum runtime_file_kind kind;
	const char *runtime; /* whose it is; static; NULL: of any */
};

/* What a file told; "": nothing. Paths begin with '/' and have no "..". */
struct runtime_told {
	char image[RUNTIME_IMAGE_MAX];
	char bundle[RUNTIME_PATH_MAX];
	char docker[RUNTIME_PATH_MAX]; /* folder with a config.v2.json */
	size_t bytes;		       /* that were read for it */
};

/* The parser: bytes of a file that others may have a say in. */
void runtime_file_parse(enum runtime_file_kind kind, const char *id, const char *text, size_t len,
			struct runtime_told *ret);

/* The way from a container to its image, file by file. */
struct runtime_search {
	struct container container;
	unsigned int next;   /* file of the list that is due */
	unsigned int follow; /* where the last one led, the same */
	struct runtime_told led;
};

/* False: no file is known to tell of it. The search starts anew with each call. */
bool runtime_search_start(struct runtime_search *s, const struct container *c);
/* The next file to read. False: that was all. */
bool runtime_search_next(struct runtime_search *s, struct runtime_file *ret);
/* What the last one told, without an image: where to go on. One that told nothing changes nothing.
 */
void runtime_search_led(struct runtime_search *s, const struct runtime_told *told);

#endif
