/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/container.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/poison.h"

#define ID_LEN	     64 /* of OCI runtimes: SHA-256 in hexadecimal */
#define BUILD_ID_LEN 25 /* of a step that BuildKit runs: 128 bits to the base 36 */
#define STATIC_UID_LEN \
	32 /* of a pod that the kubelet reads from a file: a hash of it, in hexadecimal */

/* One component of a path. */
struct part {
	const char *s;
	size_t len;
};

static bool is_hex(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

static bool is(const struct part *p, const char *s)
{
	return p->len == strlen(s) && memcmp(p->s, s, p->len) == 0;
}

/* What stands between both ends; false: it has other ends. */
static bool between(const struct part *p, const char *head, const char *tail, struct part *ret)
{
	size_t h = strlen(head), t = strlen(tail);

	if (p->len <= h + t || memcmp(p->s, head, h) != 0 ||
	    memcmp(p->s + p->len - t, tail, t) != 0)
		return false;
	*ret = (struct part){ p->s + h, p->len - h - t };
	return true;
}

static bool is_id(const struct part *p)
{
	return p->len == ID_LEN && is_hex(p->s, p->len);
}

static bool is_build_id(const struct part *p)
{
	size_t i;

	for (i = 0; i < p->len; i++)
		if (!islower((unsigned char)p->s[i]) && !isdigit((unsigned char)p->s[i]))
			return false;
	return p->len == BUILD_ID_LEN;
}

static void id_set(struct container *c, const struct part *id, const char *runtime)
{
	size_t n = id->len < CONTAINER_ID_MAX ? id->len : CONTAINER_ID_MAX;

	memcpy(c->id, id->s, n);
	c->id[n] = '\0';
	c->runtime = runtime;
}

static bool is_uid(const char *s)
{
	size_t i;
	bool dash;

	for (i = 0; i < POD_UID_LEN; i++) {
		dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? s[i] != '-' && s[i] != '_' : !isxdigit((unsigned char)s[i]))
			return false;
	}
	return true;
}

/* ...pod12345678_1234_1234_1234_123456789abc.slice, or with '-' and without the end; of a static
 * pod ...pod123456781234123412341234567890ab. */
static bool pod_of(const struct part *p, struct container *ret)
{
	struct part left = *p, uid;
	size_t i;

	if (left.len > 6 && memcmp(left.s + left.len - 6, ".slice", 6) == 0)
		left.len -= 6;
	for (uid = left; uid.len >= STATIC_UID_LEN + 3; uid.s++, uid.len--)
		if (memcmp(uid.s, "pod", 3) == 0 &&
		    (uid.len == STATIC_UID_LEN + 3 || uid.len == POD_UID_LEN + 3))
			break;
	if (uid.len < STATIC_UID_LEN + 3)
		return false;
	uid = (struct part){ uid.s + 3, uid.len - 3 };
	if (uid.len == POD_UID_LEN ? !is_uid(uid.s) : !is_hex(uid.s, uid.len))
		return false;
	for (i = 0; i < uid.len; i++)
		ret->pod[i] = uid.s[i] == '_' ? '-' : uid.s[i];
	ret->pod[uid.len] = '\0';
	return true;
}

/* By its own name. */
static bool container_named(const struct part *p, struct container *c)
{
	static const struct {
		const char *head, *tail, *runtime;
		bool oci;
	} names[] = {
		{ "docker-", ".scope", "docker", true },
		{ "cri-containerd-", ".scope", "containerd", true },
		{ "nerdctl-", ".scope", "containerd", true },
		{ "crio-", ".scope", "cri-o", true },
		{ "crio-", "", "cri-o", true },
		{ "libpod-", ".scope", "podman", true },
		{ "libpod-payload-", "", "podman", true },
		{ "libpod-", "", "podman", true },
		{ "runc-", ".scope", "runc", true },
		{ "machine-", ".scope", "machined", false },
		{ "systemd-nspawn@", ".service", "nspawn", false },
		{ "lxc.payload.", "", "lxc", false },
	};
	struct part id;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!between(p, names[i].head, names[i].tail, &id) || (names[i].oci && !is_id(&id)))
			continue;
		id_set(c, &id, names[i].runtime);
		return true;
	}
	if (between(p, "docker-", ".scope", &id) && is_build_id(&id)) {
		id_set(c, &id, "buildkit");
		return true;
	}
	/* Of RUN in a file that buildah or `podman build` builds: its id is all of it. */
	if (between(p, "buildah-buildah", "", &id)) {
		id_set(c, p, "buildah");
		return true;
	}
	return false;
}

/* "SLICE:RUNTIME:ID": what systemd would take apart, where a runtime that was given it does not ask
 * systemd. The slice is a pod's, or of none. */
static bool container_of_triple(const struct part *p, struct container *c)
{
	static const struct {
		const char *name, *runtime;
	} runtimes[] = { { "cri-containerd", "containerd" }, { "crio", "cri-o" } };
	const char *first = memchr(p->s, ':', p->len), *end = p->s + p->len, *second;
	struct part slice, name, id;
	size_t i;

	second = first == NULL ? NULL : memchr(first + 1, ':', (size_t)(end - first - 1));
	if (second == NULL)
		return false;
	slice = (struct part){ p->s, (size_t)(first - p->s) };
	name = (struct part){ first + 1, (size_t)(second - first - 1) };
	id = (struct part){ second + 1, (size_t)(end - second - 1) };
	for (i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		if (!is(&name, runtimes[i].name) || !is_id(&id))
			continue;
		if (c->pod[0] == '\0')
			(void)pod_of(&slice, c);
		id_set(c, &id, runtimes[i].runtime);
		return true;
	}
	return false;
}

static bool container_of_part(const struct part *p, const struct part *above, struct container *c)
{
	if (container_named(p, c) || container_of_triple(p, c))
		return true;
	if (is(above, "lxc.payload") && p->len > 0) {
		id_set(c, p, "lxc");
		return true;
	}
	if (is(above, "buildkit") && is_build_id(p)) {
		id_set(c, p, "buildkit");
		return true;
	}
	/* In there a bare id is a pod's. */
	if (!is_id(p) || is(above, "libpod_parent"))
		return false;
	id_set(c, p, is(above, "docker") ? "docker" : NULL);
	return true;
}

/* user@UID.service of anybody but root. */
static bool is_user_manager(const struct part *p)
{
	struct part uid;
	size_t i;

	if (!between(p, "user@", ".service", &uid))
		return false;
	for (i = 0; i < uid.len; i++)
		if (!isdigit((unsigned char)uid.s[i]))
			return false;
	return uid.len > 1 || uid.s[0] != '0';
}

bool container_of_cgroup(const char *path, struct container *ret)
{
	struct part p = { path, 0 }, above = { path, 0 };

	*ret = (struct container){ .id = "" };
	while (*p.s != '\0') {
		p.s += strspn(p.s, "/");
		p.len = strcspn(p.s, "/");
		if (container_of_part(&p, &above, ret) || (ret->pod[0] == '\0' && pod_of(&p, ret)))
			ret->path_len = (size_t)(p.s + p.len - path);
		if (ret->id[0] != '\0')
			return true;
		if (ret->pod[0] == '\0' && is_user_manager(&p))
			ret->claimed = true;
		above = p;
		p.s += p.len;
	}
	return ret->pod[0] != '\0';
}
