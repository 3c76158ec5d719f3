/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/runtime_files.h"

#include <stdio.h>
#include <string.h>

#include "base/json_find.h"

#include "base/poison.h"

/* Empty unless it is a path that may be followed. */
static void path_set(char ret[RUNTIME_PATH_MAX], const char *path, size_t len)
{
	ret[0] = '\0';
	if (len == 0 || len >= RUNTIME_PATH_MAX || path[0] != '/')
		return;
	memcpy(ret, path, len);
	ret[len] = '\0';
	if (strstr(ret, "/../") != NULL || (len >= 3 && strcmp(ret + len - 3, "/..") == 0))
		ret[0] = '\0';
}

static bool member_text(const struct json_value *object, const char *name, char *ret, size_t size)
{
	struct json_value v;

	return json_find_member(object, name, &v) && json_find_text(&v, ret, size);
}

static void docker_parse(const struct json_value *root, struct runtime_told *ret)
{
	struct json_value config;

	if (!json_find_member(root, "Config", &config) ||
	    !member_text(&config, "Image", ret->image, sizeof(ret->image)))
		ret->image[0] = '\0';
}

static void storage_parse(const struct json_value *root, const char *id, struct runtime_told *ret)
{
	struct json_value element = { NULL, 0 }, inner;
	char text[CONTAINER_ID_MAX + 1], metadata[2048];

	while (json_find_next(root, &element)) {
		if (!member_text(&element, "id", text, sizeof(text)) || strcmp(text, id) != 0)
			continue;
		if (!member_text(&element, "metadata", metadata, sizeof(metadata)) ||
		    !json_find(metadata, strlen(metadata), &inner) ||
		    !member_text(&inner, "image-name", ret->image, sizeof(ret->image)))
			ret->image[0] = '\0';
		return;
	}
}

static void bundle_parse(const struct json_value *root, struct runtime_told *ret)
{
	static const char *const names[] = {
		"io.kubernetes.cri.image-name",
		"io.kubernetes.cri.podsandbox.image-name",
		"io.kubernetes.cri-o.ImageName",
	};
	struct json_value annotations;
	size_t i;

	if (!json_find_member(root, "annotations", &annotations))
		return;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (member_text(&annotations, names[i], ret->image, sizeof(ret->image)))
			return;
	ret->image[0] = '\0';
}

/* Where docker keeps what it mounts at /etc/hostname: DIR/containers/ID/hostname. */
static void mount_parse(const struct json_value *mounts, const char *id, struct runtime_told *ret)
{
	struct json_value mount = { NULL, 0 };
	char source[RUNTIME_PATH_MAX], tail[CONTAINER_ID_MAX + 32];
	size_t len, tail_len;

	(void)snprintf(tail, sizeof(tail), "/containers/%s/hostname", id);
	tail_len = strlen(tail);
	while (json_find_next(mounts, &mount)) {
		if (!member_text(&mount, "source", source, sizeof(source)))
			continue;
		len = strlen(source);
		if (len < tail_len || strcmp(source + len - tail_len, tail) != 0)
			continue;
		path_set(ret->docker, source, len - strlen("/hostname"));
		return;
	}
}

static void runc_parse(const struct json_value *root, const char *id, struct runtime_told *ret)
{
	static const char bundle[] = "bundle=";
	struct json_value config, list, label = { NULL, 0 };
	char text[RUNTIME_PATH_MAX + sizeof(bundle)];

	if (!json_find_member(root, "config", &config))
		return;
	if (json_find_member(&config, "mounts", &list))
		mount_parse(&list, id, ret);
	if (!json_find_member(&config, "labels", &list))
		return;
	while (json_find_next(&list, &label)) {
		if (!json_find_text(&label, text, sizeof(text)) ||
		    strncmp(text, bundle, strlen(bundle)) != 0)
			continue;
		path_set(ret->bundle, text + strlen(bundle), strlen(text) - strlen(bundle));
		return;
	}
}

static void crun_parse(const struct json_value *root, struct runtime_told *ret)
{
	char text[RUNTIME_PATH_MAX];

	if (member_text(root, "bundle", text, sizeof(text)))
		path_set(ret->bundle, text, strlen(text));
}

void runtime_file_parse(enum runtime_file_kind kind, const char *id, const char *text, size_t len,
			struct runtime_told *ret)
{
	struct json_value root;

	*ret = (struct runtime_told){ .image = "" };
	if (!json_find(text, len, &root))
		return;
	switch (kind) {
	case RUNTIME_FILE_DOCKER:
		docker_parse(&root, ret);
		break;
	case RUNTIME_FILE_STORAGE:
		storage_parse(&root, id, ret);
		break;
	case RUNTIME_FILE_BUNDLE:
		bundle_parse(&root, ret);
		break;
	case RUNTIME_FILE_RUNC:
		runc_parse(&root, id, ret);
		break;
	case RUNTIME_FILE_CRUN:
		crun_parse(&root, ret);
		break;
	case RUNTIME_FILE_KINDS:
		break;
	}
}

#define LIB	"/var/lib/containers/storage/"
#define RUN	"/run/containers/storage/"
#define TASK	"/io.containerd.runtime.v2.task/"
#define STORED	"containers.json"
#define STORED2 "volatile-containers.json"

/* In this order. `of` names the runtimes that it is tried for besides those that are not known. */
static const struct listed {
	const char *head, *tail; /* the container's id stands between; tail NULL: not */
	const char *of, *runtime;
	enum runtime_file_kind kind;
} listed[] = {
	{ "/var/lib/docker/containers/", "/config.v2.json", "docker", "docker",
	  RUNTIME_FILE_DOCKER },
	{ "/run/docker/runtime-runc/moby/", "/state.json", "docker", "docker", RUNTIME_FILE_RUNC },
	{ "/run/containerd" TASK "k8s.io/", "/config.json", "containerd", "containerd",
	  RUNTIME_FILE_BUNDLE },
	{ "/run/k3s/containerd" TASK "k8s.io/", "/config.json", "containerd", "containerd",
	  RUNTIME_FILE_BUNDLE },
	{ LIB "overlay-containers/" STORED, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ LIB "overlay-containers/" STORED2, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ RUN "overlay-containers/" STORED2, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ LIB "vfs-containers/" STORED, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ LIB "vfs-containers/" STORED2, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ LIB "btrfs-containers/" STORED, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ LIB "zfs-containers/" STORED, NULL, "podman cri-o", NULL, RUNTIME_FILE_STORAGE },
	{ "/run/crun/", "/status", "podman cri-o", NULL, RUNTIME_FILE_CRUN },
	{ "/run/runc/", "/state.json", "podman cri-o", NULL, RUNTIME_FILE_RUNC },
};

/* Where a file that names no image may lead. */
static const struct {
	const char *tail;
	bool docker; /* behind what was told of docker, else behind the bundle */
	enum runtime_file_kind kind;
} follows[] = {
	{ "/config.v2.json", true, RUNTIME_FILE_DOCKER },
	/* podman's bundle is DRIVER-containers/ID/userdata. */
	{ "/../../" STORED, false, RUNTIME_FILE_STORAGE },
	{ "/../../" STORED2, false, RUNTIME_FILE_STORAGE },
	{ "/config.json", false, RUNTIME_FILE_BUNDLE },
};

#define LISTED_N  (sizeof(listed) / sizeof(listed[0]))
#define FOLLOWS_N (sizeof(follows) / sizeof(follows[0]))

static bool is_tried(const struct listed *f, const char *runtime)
{
	return runtime == NULL || strstr(f->of, runtime) != NULL;
}

bool runtime_search_start(struct runtime_search *s, const struct container *c)
{
	size_t i;

	*s = (struct runtime_search){ .container = *c, .follow = FOLLOWS_N };
	/* It becomes part of a path. */
	if (c->id[0] == '\0' || c->id[0] == '.' || strchr(c->id, '/') != NULL)
		return false;
	for (i = 0; i < LISTED_N; i++)
		if (is_tried(&listed[i], c->runtime))
			return true;
	return false;
}

/* DIR/ID/userdata to DIR; false: the bundle lies elsewhere. */
static bool storage_of(const struct runtime_search *s, char ret[RUNTIME_PATH_MAX])
{
	char tail[CONTAINER_ID_MAX + 16];
	size_t len = strlen(s->led.bundle), tail_len;

	(void)snprintf(tail, sizeof(tail), "/%s/userdata", s->container.id);
	tail_len = strlen(tail);
	if (len <= tail_len || strcmp(s->led.bundle + len - tail_len, tail) != 0)
		return false;
	memcpy(ret, s->led.bundle, len - tail_len);
	ret[len - tail_len] = '\0';
	return true;
}

static bool follow(const struct runtime_search *s, unsigned int i, struct runtime_file *ret)
{
	static const char up[] = "/../..";
	const char *tail = follows[i].tail;
	char dir[RUNTIME_PATH_MAX];
	int n;

	if (strncmp(tail, up, strlen(up)) == 0) {
		if (!storage_of(s, dir))
			return false;
		tail += strlen(up);
	} else {
		memcpy(dir, follows[i].docker ? s->led.docker : s->led.bundle, sizeof(dir));
	}
	if (dir[0] == '\0')
		return false;
	n = snprintf(ret->path, sizeof(ret->path), "%s%s", dir, tail);
	ret->kind = follows[i].kind;
	ret->runtime = follows[i].docker ? "docker" : NULL;
	return n > 0 && (size_t)n < sizeof(ret->path);
}

bool runtime_search_next(struct runtime_search *s, struct runtime_file *ret)
{
	const struct listed *f;
	int n;

	while (s->follow < FOLLOWS_N)
		if (follow(s, s->follow++, ret))
			return true;
	while (s->next < LISTED_N) {
		f = &listed[s->next++];
		if (!is_tried(f, s->container.runtime))
			continue;
		n = snprintf(ret->path, sizeof(ret->path), "%s%s%s", f->head,
			     f->tail == NULL ? "" : s->container.id,
			     f->tail == NULL ? "" : f->tail);
		ret->kind = f->kind;
		ret->runtime = f->runtime;
		if (n > 0 && (size_t)n < sizeof(ret->path))
			return true;
	}
	return false;
}

void runtime_search_led(struct runtime_search *s, const struct runtime_told *told)
{
	/* Files that one led to lead no further: the rest of the way stays. */
	if (told->bundle[0] == '\0' && told->docker[0] == '\0')
		return;
	s->led = *told;
	s->follow = 0;
}
