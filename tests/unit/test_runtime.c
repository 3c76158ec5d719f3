/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_runtime.c: from a container to its image. The files are those that docker 20.10, podman 4.3,
 * containerd 1.6, runc 1.1 and crun 1.8 wrote, cut down to what is around what counts.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_find.h"
#include "intake/runtime_files.h"
#include "intake/runtime_read.h"

#define ID  "a83c4b31b4ee3aae23018d36dac462df9f4ef1a7f3cc206e6face6aee485e8a3"
#define ID2 "4d4d6a2d4f9d51588a5ee32cf0f14c48b08c08d79df1e592f98f85df8447c970"

static struct runtime_told parse(enum runtime_file_kind kind, const char *text)
{
	size_t len = strlen(text);
	char *exact = malloc(len); /* so that a byte too far is seen */
	struct runtime_told told;

	cr_assert_not_null(exact);
	memcpy(exact, text, len);
	runtime_file_parse(kind, ID, exact, len, &told);
	free(exact);
	return told;
}

static const char *image(enum runtime_file_kind kind, const char *text)
{
	static struct runtime_told told;

	told = parse(kind, text);
	cr_expect_str_eq(told.bundle, "");
	cr_expect_str_eq(told.docker, "");
	return told.image;
}

Test(runtime, docker)
{
	cr_expect_str_eq(image(RUNTIME_FILE_DOCKER,
			       "{\"StreamConfig\":{},\"ID\":\"" ID "\",\"Args\":[\"300\"],"
			       "\"Config\":{\"Hostname\":\"a83c\",\"Env\":null,\"Cmd\":[\"x]}\"],"
			       "\"Image\":\"outflow-test:1\",\"Labels\":{\"Image\":\"no\"}},"
			       "\"Image\":\"sha256:08a20a0d\"}"),
			 "outflow-test:1");
	cr_expect_str_eq(image(RUNTIME_FILE_DOCKER, "{\"Image\":\"sha256:08a20a0d\"}"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_DOCKER, "{\"Config\":{\"Image\":[\"a\"]}}"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_DOCKER, "{\"Config\":null}"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_DOCKER, ""), "");
	/* In the middle of being written. */
	cr_expect_str_eq(image(RUNTIME_FILE_DOCKER, "{\"Config\":{\"Image\":\"outflow-t"), "");
}

#define STORED(id, metadata)                                                              \
	"{\"id\":\"" id "\",\"names\":[\"web\"],\"image\":\"81c862\",\"layer\":\"20c4\"," \
	"\"metadata\":\"" metadata "\",\"created\":\"2026-01-01T00:00:00Z\","             \
	"\"flags\":{\"MountLabel\":\"\"}}"
#define NAMED(name)                     \
	"{\\\"image-name\\\":\\\"" name \
	"\\\",\\\"image-id\\\":\\\"81c8\\\",\\\"name\\\":\\\"web\\\"}"

Test(runtime, storage)
{
	cr_expect_str_eq(image(RUNTIME_FILE_STORAGE,
			       "[" STORED(ID2, NAMED("other:1")) ",\n" STORED(
				       ID, NAMED("localhost/outflow-test:1")) "]"),
			 "localhost/outflow-test:1");
	cr_expect_str_eq(image(RUNTIME_FILE_STORAGE, "[" STORED(ID2, NAMED("other:1")) "]"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_STORAGE, "[" STORED(ID, "") "]"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_STORAGE, "[" STORED(ID, "not json") "]"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_STORAGE, "[]"), "");
	cr_expect_str_eq(image(RUNTIME_FILE_STORAGE, "null"), "");
}

Test(runtime, annotations)
{
	cr_expect_str_eq(image(RUNTIME_FILE_BUNDLE,
			       "{\"ociVersion\":\"1.1.0\",\"annotations\":{"
			       "\"io.kubernetes.cri.container-type\":\"container\","
			       "\"io.kubernetes.cri.image-name\":\"registry.example/app:v2\"}}"),
			 "registry.example/app:v2");
	cr_expect_str_eq(image(RUNTIME_FILE_BUNDLE,
			       "{\"annotations\":{\"io.kubernetes.cri-o.Image\":\"0123\","
			       "\"io.kubernetes.cri-o.ImageName\":\"registry.example/app:v3\"}}"),
			 "registry.example/app:v3");
	/* As `ctr` and podman write it. */
	cr_expect_str_eq(image(RUNTIME_FILE_BUNDLE, "{\"process\":{\"args\":[\"/bin/sleep\"]}}"),
			 "");
	cr_expect_str_eq(image(RUNTIME_FILE_BUNDLE,
			       "{\"annotations\":{\"io.container.manager\":\"libpod\"}}"),
			 "");
}

#define MOUNT(source) \
	"{\"source\":\"" source "\",\"destination\":\"/etc/hostname\",\"flags\":20480}"
#define STATE(mount, label)                                                    \
	"{\"id\":\"" ID "\",\"config\":{\"rootfs\":\"/x\",\"mounts\":[" MOUNT( \
		"proc") "," mount "],\"labels\":[\"a=b\",\"" label "\"]},\"created\":\"2026\"}"

Test(runtime, state)
{
	struct runtime_told told =
		parse(RUNTIME_FILE_RUNC,
		      STATE(MOUNT("/data/containers/" ID "/hostname"), "bundle=/run/x/" ID));

	cr_expect_str_eq(told.image, "");
	cr_expect_str_eq(told.bundle, "/run/x/" ID);
	cr_expect_str_eq(told.docker, "/data/containers/" ID);
	told = parse(RUNTIME_FILE_RUNC,
		     STATE(MOUNT("/data/containers/" ID2 "/hostname"), "bundle=x"));
	cr_expect_str_eq(told.bundle, "", "not an absolute path");
	cr_expect_str_eq(told.docker, "", "of another container");
	told = parse(RUNTIME_FILE_CRUN, "{\"pid\":1,\"bundle\":\"/var/x/" ID "/userdata\"}");
	cr_expect_str_eq(told.bundle, "/var/x/" ID "/userdata");
	told = parse(RUNTIME_FILE_CRUN, "{\"bundle\":\"/var/../etc\"}");
	cr_expect_str_eq(told.bundle, "");
	told = parse(RUNTIME_FILE_CRUN, "{\"bundle\":\"/var/..\"}");
	cr_expect_str_eq(told.bundle, "");
}

/* All that a search asks for when each file leads to `led`. */
static void ways(const char *id, const char *runtime, const struct runtime_told *led, size_t n,
		 char *ret, size_t size)
{
	struct container c = { .runtime = runtime };
	struct runtime_search s;
	struct runtime_file f;
	size_t len = 0;

	(void)snprintf(c.id, sizeof(c.id), "%s", id);
	ret[0] = '\0';
	if (!runtime_search_start(&s, &c))
		return;
	while (n-- > 0 && runtime_search_next(&s, &f)) {
		len += (size_t)snprintf(ret + len, size - len, "%s\n", f.path);
		if (led != NULL)
			runtime_search_led(&s, led);
	}
}

Test(runtime, ways)
{
	const struct runtime_told nothing = { .image = "" };
	const struct runtime_told docker = { .docker = "/srv/docker/containers/" ID,
					     .bundle = "/run/elsewhere" };
	static char text[8192];

	ways(ID, "docker", &nothing, 100, text, sizeof(text));
	cr_expect_str_eq(text, "/var/lib/docker/containers/" ID "/config.v2.json\n"
			       "/run/docker/runtime-runc/moby/" ID "/state.json\n");
	ways(ID, "podman", &nothing, 100, text, sizeof(text));
	cr_expect_not_null(strstr(text, "/run/runc/" ID "/state.json\n"));
	cr_expect_not_null(strstr(text, "/var/lib/containers/storage/overlay-containers/"
					"containers.json\n"));
	cr_expect_null(strstr(text, "docker"));
	ways(ID, "docker", &docker, 2, text, sizeof(text));
	cr_expect_str_eq(text, "/var/lib/docker/containers/" ID "/config.v2.json\n"
			       "/srv/docker/containers/" ID "/config.v2.json\n");
	ways(ID, NULL, &nothing, 100, text, sizeof(text));
	cr_expect_not_null(strstr(text, "docker"));
	cr_expect_not_null(strstr(text, "/run/crun/" ID "/status\n"));
	ways("web", "lxc", &nothing, 100, text, sizeof(text));
	cr_expect_str_eq(text, "", "no file is known");
	ways("..", NULL, &nothing, 100, text, sizeof(text));
	cr_expect_str_eq(text, "", "an id that leads elsewhere");
	ways("", NULL, &nothing, 100, text, sizeof(text));
	cr_expect_str_eq(text, "");
}

/* ---- Files ---- */

struct place {
	char dir[64];
	int fd;
};

static void place_make(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/outflow-runtime.XXXXXX");
	cr_assert_not_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(p->fd, 0);
}

static void place_put(const struct place *p, const char *name, const char *text, size_t len)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	(void)close(fd);
}

static void place_remove(struct place *p, const char *name)
{
	(void)unlinkat(p->fd, name, 0);
	(void)close(p->fd);
	(void)rmdir(p->dir);
}

static int file_read(int fd, struct runtime_told *ret)
{
	static char buf[RUNTIME_FILE_MAX];

	return runtime_file_read(fd, RUNTIME_FILE_DOCKER, ID, buf, sizeof(buf), ret);
}

#define CONFIG "{\"Config\":{\"Image\":\"app:1\"}}"

Test(runtime_read, a_file)
{
	struct runtime_told told;
	struct place p;
	int fd;

	if (geteuid() != 0)
		cr_skip_test("needs root, whose files alone are read");
	place_make(&p);
	place_put(&p, "config", CONFIG, strlen(CONFIG));
	fd = runtime_file_open(p.fd, "/config");
	cr_assert_geq(fd, 0);
	cr_expect_eq(file_read(fd, &told), 0);
	cr_expect_str_eq(told.image, "app:1");
	cr_expect_eq(ftruncate(fd, 0), -1, "it is not open for writing");
	(void)close(fd);
	place_put(&p, "config", "", 0);
	fd = runtime_file_open(p.fd, "/config");
	cr_expect_eq(file_read(fd, &told), 0);
	cr_expect_str_eq(told.image, "");
	(void)close(fd);
	place_remove(&p, "config");
}

Test(runtime_read, what_is_refused)
{
	struct runtime_told told;
	struct place p;
	int fd;

	if (geteuid() != 0)
		cr_skip_test("needs root, whose files alone are read");
	place_make(&p);
	cr_expect_eq(runtime_file_open(p.fd, "/config"), -ENOENT);
	place_put(&p, "config", CONFIG, strlen(CONFIG));
	cr_assert_eq(fchmodat(p.fd, "config", 0622, 0), 0);
	cr_expect_eq(runtime_file_open(p.fd, "/config"), -EPERM, "others may write to it");
	cr_assert_eq(fchmodat(p.fd, "config", 0600, 0), 0);
	cr_assert_eq(fchownat(p.fd, "config", 65534, 0, 0), 0);
	cr_expect_eq(runtime_file_open(p.fd, "/config"), -EPERM, "another's");
	cr_assert_eq(fchownat(p.fd, "config", 0, 0, 0), 0);
	cr_assert_eq(unlinkat(p.fd, "config", 0), 0);
	cr_assert_eq(symlinkat("/etc/passwd", p.fd, "config"), 0);
	cr_expect_eq(runtime_file_open(p.fd, "/config"), -ELOOP, "a link");
	cr_assert_eq(unlinkat(p.fd, "config", 0), 0);
	cr_assert_eq(mkfifoat(p.fd, "config", 0600), 0);
	cr_expect_eq(runtime_file_open(p.fd, "/config"), -EPERM, "a pipe, and nobody waits for it");
	cr_assert_eq(unlinkat(p.fd, "config", 0), 0);
	place_put(&p, "config", CONFIG, strlen(CONFIG));
	fd = openat(p.fd, "config", O_RDWR);
	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)RUNTIME_FILE_MAX + 1), 0);
	cr_expect_eq(file_read(fd, &told), -EFBIG);
	cr_expect_str_eq(told.image, "");
	(void)close(fd);
	place_remove(&p, "config");
}

/* ---- JSON ---- */

static bool text_of(const char *json, char *ret, size_t size)
{
	struct json_value v;

	return json_find(json, strlen(json), &v) && json_find_text(&v, ret, size);
}

Test(json_find, strings)
{
	char text[64];

	cr_expect(text_of(" \"a\" ", text, sizeof(text)));
	cr_expect_str_eq(text, "a");
	cr_expect(text_of("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", text, sizeof(text)));
	cr_expect_str_eq(text, "\"\\/\b\f\n\r\t");
	cr_expect(text_of("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", text, sizeof(text)));
	cr_expect_str_eq(text, "A\u00e9\u20ac\U0001f600");
	cr_expect(text_of("\"\"", text, 1));
	cr_expect_str_eq(text, "");
	cr_expect(text_of("\"abc\"", text, 4));
	cr_expect_not(text_of("\"abc\"", text, 3), "too long");
	cr_expect_not(text_of("\"\\u0000\"", text, sizeof(text)));
	cr_expect_not(text_of("\"\\ud83d\"", text, sizeof(text)), "half a pair");
	cr_expect_not(text_of("\"\\ude00\"", text, sizeof(text)), "the other half");
	cr_expect_not(text_of("\"\\ud83d\\u0041\"", text, sizeof(text)));
	cr_expect_not(text_of("\"\\u12g4\"", text, sizeof(text)));
	cr_expect_not(text_of("\"\\u12\"", text, sizeof(text)));
	cr_expect_not(text_of("\"\\x\"", text, sizeof(text)));
	cr_expect_not(text_of("\"abc", text, sizeof(text)));
	cr_expect_not(text_of("\"abc\\\"", text, sizeof(text)));
	cr_expect_not(text_of("12", text, sizeof(text)));
	cr_expect_not(text_of("", text, sizeof(text)));
}

static bool deep(size_t n, struct json_value *v)
{
	char text[2 * (JSON_FIND_DEPTH_MAX + 1)];

	memset(text, '[', n);
	memset(text + n, ']', n);
	return json_find(text, 2 * n, v) && v->len == 2 * n;
}

Test(json_find, brackets)
{
	struct json_value v, w = { NULL, 0 };
	const char *text = "{\"a\":[1,{\"b\":\"]}\"},[]],\"c\":true}";

	cr_assert(json_find(text, strlen(text), &v));
	cr_expect_eq(v.len, strlen(text));
	cr_expect(json_find_member(&v, "c", &w));
	cr_expect_eq(w.len, 4);
	cr_expect_not(json_find_member(&v, "b", &w), "not of what lies within");
	cr_assert(json_find_member(&v, "a", &v));
	w = (struct json_value){ NULL, 0 };
	cr_assert(json_find_next(&v, &w));
	cr_expect_eq(w.len, 1);
	cr_assert(json_find_next(&v, &w));
	cr_expect_eq(w.len, strlen("{\"b\":\"]}\"}"));
	cr_assert(json_find_next(&v, &w));
	cr_expect_eq(w.len, 2);
	cr_expect_not(json_find_next(&v, &w));
	cr_expect(deep(JSON_FIND_DEPTH_MAX, &v));
	cr_expect_not(deep(JSON_FIND_DEPTH_MAX + 1, &v));
	cr_expect_not(json_find("[}", 2, &v));
	cr_expect_not(json_find("{\"a\":[1}", 8, &v));
	cr_expect_not(json_find("]", 1, &v));
}
