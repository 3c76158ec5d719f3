/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/container.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/poison.h"

#define ID_LEN 64 /* of OCI runtimes: SHA-256 in hexadecimal */

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

static bool begins(const struct part *p, const char *with)
{
	size_t n = strlen(with);

	return p->len > n && memcmp(p->s, with, n) == 0;
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

static void id_set(struct container *c, const struct part *id, const char *runtime)
{
	size_t n = id->len < CONTAINER_ID_MAX ? id->len : CONTAINER_ID_MAX;

	memcpy(c->id, id->s, n);
	c->id[n] = '\0';
	c->runtime = runtime;
}

/* ...pod12345678_1234_1234_1234_123456789abc.slice, or with '-' and without the end. */
static bool pod_of(const struct part *p, struct container *ret)
{
	size_t len = p->len, i;
	const char *uid;
	bool dash;

	if (len > 6 && memcmp(p->s + len - 6, ".slice", 6) == 0)
		len -= 6;
	if (len < POD_UID_LEN + 3)
		return false;
	uid = p->s + len - POD_UID_LEN;
	if (memcmp(uid - 3, "pod", 3) != 0)
		return false;
	for (i = 0; i < POD_UID_LEN; i++) {
		dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? uid[i] != '-' && uid[i] != '_' : !isxdigit((unsigned char)uid[i]))
			return false;
	}
	for (i = 0; i < POD_UID_LEN; i++)
		ret->pod[i] = uid[i] == '_' ? '-' : uid[i];
	ret->pod[POD_UID_LEN] = '\0';
	return true;
}

static bool container_of_part(const struct part *p, const struct part *above, struct container *c)
{
	static const struct {
		const char *head, *tail, *runtime;
		bool oci;
	} names[] = {
		{ "docker-", ".scope", "docker", true },
		{ "cri-containerd-", ".scope", "containerd", true },
		{ "crio-", ".scope", "cri-o", true },
		{ "libpod-", ".scope", "podman", true },
		{ "libpod-", "", "podman", true },
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
	if (!is_id(p))
		return false;
	if (above->len == 6 && memcmp(above->s, "docker", 6) == 0) {
		id_set(c, p, "docker");
		return true;
	}
	if (c->pod[0] != '\0' && begins(above, "pod")) {
		id_set(c, p, NULL);
		return true;
	}
	return false;
}

bool container_of_cgroup(const char *path, struct container *ret)
{
	struct part p = { path, 0 }, above = { path, 0 };

	*ret = (struct container){ .id = "" };
	while (*p.s != '\0') {
		p.s += strspn(p.s, "/");
		p.len = strcspn(p.s, "/");
		if (container_of_part(&p, &above, ret))
			return true;
		if (ret->pod[0] == '\0')
			(void)pod_of(&p, ret);
		above = p;
		p.s += p.len;
	}
	return ret->pod[0] != '\0';
}
