/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/deputies.h"

#include <string.h>

#include "base/poison.h"

static const struct deputy_kind docker = { .name = "docker" };
static const struct deputy_kind containerd = { .name = "containerd" };
static const struct deputy_kind podman = { .name = "podman" };
static const struct deputy_kind crio = { .name = "crio" };
static const struct deputy_kind systemd = { .name = "systemd", .manager = true };
static const struct deputy_kind bus = { .name = "systemd", .manager = true, .bus = true };

/* The last names of a path, whole ones. */
static const struct {
	const char *tail;
	const struct deputy_kind *kind;
} tails[] = {
	{ "docker.sock", &docker },	    { "cri-dockerd.sock", &docker },
	{ "containerd.sock", &containerd }, { "containerd.sock.ttrpc", &containerd },
	{ "podman.sock", &podman },	    { "crio.sock", &crio },
	{ "systemd/private", &systemd },    { "systemd/io.systemd.Manager", &systemd },
	{ "dbus/system_bus_socket", &bus },
};

static bool ends(const char *path, size_t len, const char *tail)
{
	size_t n = strlen(tail);

	if (len < n || memcmp(path + len - n, tail, n) != 0)
		return false;
	return len == n || path[len - n - 1] == '/';
}

/* Where path + len holds the name in front of the last; 0: there is none. */
static size_t parent_of(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	return len > 0 ? len - 1 : 0;
}

/* /run/user/1000/bus */
static bool is_user_bus(const char *path, size_t len)
{
	size_t dir = parent_of(path, len), i = dir;

	if (!ends(path, len, "bus"))
		return false;
	while (i > 0 && path[i - 1] >= '0' && path[i - 1] <= '9')
		i--;
	return i < dir && i > 0 && path[i - 1] == '/' && ends(path, i - 1, "user");
}

/* containerd's own children, of which each looks after a container: containerd asks them to start
 * something in one that runs. /run/containerd/s/HASH; before containerd 1.4 an abstract name. */
static bool is_shim(const char *path, size_t len)
{
	static const char abstract[] = "\0/containerd-shim/";
	size_t dir;

	if (len >= sizeof(abstract) - 1 && memcmp(path, abstract, sizeof(abstract) - 1) == 0)
		return true;
	dir = parent_of(path, len);
	return dir > 0 && ends(path, dir, "containerd/s");
}

const struct deputy_kind *deputy_of_socket(const char *path, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
		if (ends(path, len, tails[i].tail))
			return tails[i].kind;
	if (is_user_bus(path, len))
		return &bus;
	return is_shim(path, len) ? &containerd : NULL;
}

size_t deputy_tails(uint64_t ret[DEPUTY_TAILS_MAX])
{
	size_t i, len;

	_Static_assert(sizeof(tails) / sizeof(tails[0]) <= DEPUTY_TAILS_MAX, "there is room");
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		len = strlen(tails[i].tail);
		memcpy(&ret[i], tails[i].tail + len - sizeof(ret[i]), sizeof(ret[i]));
	}
	return i;
}

enum deputy_spool deputy_of_program(const char *name)
{
	static const struct {
		const char *name;
		enum deputy_spool spool;
	} programs[] = {
		{ "cron", DEPUTY_SPOOL_CRON },	     { "crond", DEPUTY_SPOOL_CRON },
		{ "anacron", DEPUTY_SPOOL_CRON },    { "atd", DEPUTY_SPOOL_AT },
		{ "run-parts", DEPUTY_SPOOL_PARTS },
	};
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(name, programs[i].name) == 0)
			return programs[i].spool;
	return DEPUTY_SPOOL_NONE;
}
