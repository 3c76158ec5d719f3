/* SPDX-License-Identifier: BSD-2-Clause */
/* Deputies: which sockets are theirs. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdint.h>
#include <string.h>

#include "base/deputies.h"
#include "outflow/abi.h"

struct socket_row {
	char path[OF_ASK_LEN];
	char kind[16]; /* "": none */
	int bus;
};

ParameterizedTestParameters(deputies, sockets)
{
	static struct socket_row rows[] = {
		{ "/run/docker.sock", "docker", 0 },
		{ "/var/run/docker.sock", "docker", 0 },
		{ "/run/user/1000/docker.sock", "docker", 0 },
		{ "docker.sock", "docker", 0 },
		{ "/run/cri-dockerd.sock", "docker", 0 },
		{ "/run/containerd/containerd.sock", "containerd", 0 },
		{ "/run/containerd/containerd.sock.ttrpc", "containerd", 0 },
		{ "/run/docker/containerd/containerd.sock", "containerd", 0 },
		{ "/run/k3s/containerd/containerd.sock", "containerd", 0 },
		{ "/run/containerd/s/0a1b2c", "containerd", 0 },
		{ "/srv/root/run/containerd/s/0a1b2c", "containerd", 0 },
		{ "/run/podman/podman.sock", "podman", 0 },
		{ "/run/user/1000/podman/podman.sock", "podman", 0 },
		{ "/tmp/x/podman.sock", "podman", 0 },
		{ "/var/run/crio/crio.sock", "crio", 0 },
		{ "/run/systemd/private", "systemd", 0 },
		{ "/run/user/1000/systemd/private", "systemd", 0 },
		{ "/run/dbus/system_bus_socket", "systemd", 1 },
		{ "/run/user/1000/bus", "systemd", 1 },
		/* Nearly. */
		{ "", "", 0 },
		{ "/", "", 0 },
		{ "bus", "", 0 },
		{ "/bus", "", 0 },
		{ "/1000/bus", "", 0 },
		{ "1000/bus", "", 0 },
		{ "/run/user//bus", "", 0 },
		{ "/run/user/x/bus", "", 0 },
		{ "/run/mydocker.sock", "", 0 },
		{ "/run/docker.sock.old", "", 0 },
		{ "/run/docker.sock/", "", 0 },
		{ "/containerd/s", "", 0 },
		{ "/run/xcontainerd/s/0a", "", 0 },
		{ "/run/systemd/journal/stdout", "", 0 },
		{ "private", "", 0 },
	};

	return cr_make_param_array(struct socket_row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct socket_row *r, deputies, sockets)
{
	const struct deputy_kind *k = deputy_of_socket(r->path, strlen(r->path));

	cr_assert_str_eq(k == NULL ? "" : k->name, r->kind, "%s", r->path);
	cr_expect_eq(k != NULL && k->bus, r->bus, "%s", r->path);
}

/* The kernel tells of no other names. */
Test(deputies, tails)
{
	static const char *const paths[] = {
		"/run/docker.sock",
		"/run/cri-dockerd.sock",
		"/run/containerd/containerd.sock",
		"/run/containerd/containerd.sock.ttrpc",
		"/run/podman/podman.sock",
		"/var/run/crio/crio.sock",
		"/run/systemd/private",
		"/run/systemd/io.systemd.Manager",
		"/run/dbus/system_bus_socket",
	};
	uint64_t tails[DEPUTY_TAILS_MAX];
	size_t n = deputy_tails(tails), i, j;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		for (j = 0; j < n; j++)
			if (memcmp(paths[i] + strlen(paths[i]) - sizeof(tails[j]), &tails[j],
				   sizeof(tails[j])) == 0)
				break;
		cr_expect_lt(j, n, "%s", paths[i]);
	}
}

Test(deputies, abstract_names)
{
	static const char shim[] = "\0/containerd-shim/0a.sock", docker[] = "\0docker.sock";

	cr_assert_not_null(deputy_of_socket(shim, sizeof(shim) - 1));
	cr_expect_str_eq(deputy_of_socket(shim, sizeof(shim) - 1)->name, "containerd");
	cr_expect_null(deputy_of_socket(shim, 10));
	cr_expect_null(deputy_of_socket(docker, sizeof(docker) - 1), "nobody's, anybody may");
}
