/* SPDX-License-Identifier: BSD-2-Clause */
/* test_container.c: which container a cgroup belongs to. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

#include "base/caps.h"
#include "base/container.h"

#define ID     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define UID    "7a2b1c3d-0000-4111-8222-123456789abc"
#define UID_   "7a2b1c3d_0000_4111_8222_123456789abc"
#define STATIC "0123456789abcdef0123456789abcdef"

struct row {
	char path[400];
	char id[80], runtime[16], pod[40]; /* "": none, or not known */
};

static struct row rows[] = {
	{ "/", "", "", "" },
	{ "", "", "", "" },
	{ "/user.slice/user-1000.slice/session-2.scope", "", "", "" },
	{ "/system.slice/docker-" ID ".scope", ID, "docker", "" },
	{ "/docker/" ID, ID, "docker", "" },
	{ "/docker/" ID "/init", ID, "docker", "" },
	/* What is below is the container's own to name. */
	{ "/docker/" ID "/docker/" ID2, ID, "docker", "" },
	{ "/machine.slice/libpod-" ID ".scope/container", ID, "podman", "" },
	{ "/libpod_parent/libpod-" ID, ID, "podman", "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", "", "" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-"
	  "pod7a2b1c3d_0000_4111_8222_123456789abc.slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID },
	{ "/kubepods/besteffort/pod" UID "/" ID, ID, "", UID },
	{ "/kubepods/besteffort/pod" UID, "", "", UID },
	{ "/kubepods.slice/kubepods-pod7a2b1c3d_0000_4111_8222_123456789abc.slice/crio-" ID
	  ".scope",
	  ID, "cri-o", UID },
	/* The cgroupfs driver. */
	{ "/kubepods/burstable/pod" UID "/" ID, ID, "", UID },
	{ "/kubepods/pod" UID "/" ID, ID, "", UID },
	{ "/kubepods/burstable/pod" UID "/crio-" ID, ID, "cri-o", UID },
	{ "/kubepods/burstable/pod" UID "/crio-conmon-" ID, "", "", UID },
	{ "/kubepods/burstable/pod" UID "/" ID "/docker/" ID2, ID, "", UID },
	/* The systemd driver, by quality of service. */
	{ "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_ ".slice/docker-" ID
	  ".scope/init.scope",
	  ID, "docker", UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", ID,
	  "containerd", UID },
	{ "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice", "", "", UID },
	/* One side was given the systemd driver, the other not. */
	{ "/system.slice/containerd.service/kubepods-besteffort-pod" UID_
	  ".slice:cri-containerd:" ID,
	  ID, "containerd", UID },
	{ "/kubepods-pod" UID_ ".slice:crio:" ID "/init", ID, "cri-o", UID },
	{ "/system.slice:cri-containerd:" ID, ID, "containerd", "" },
	{ "/kubepods-pod" UID_ ".slice:crio:x", "", "", "" },
	{ "/a:b", "", "", "" },
	{ "/:::", "", "", "" },
	{ "/system.slice/runc-" ID ".scope", ID, "runc", "" },
	{ "/system.slice/runc-by-hand.scope", "", "", "" },
	{ "/lxc.payload/web/system.slice", "web", "lxc", "" },
	/* Static pods. */
	{ "/kubepods/burstable/pod" STATIC "/" ID, ID, "", STATIC },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" STATIC
	  ".slice/cri-containerd-" ID ".scope",
	  ID, "containerd", STATIC },
	/* Met with podman 4.3, docker 20.10, containerd 1.6 and buildah 1.28. */
	{ "/my/parent/libpod-" ID, ID, "podman", "" },
	{ "/libpod_parent/" ID2 "/libpod-" ID, ID, "podman", "" },
	{ "/libpod_parent/" ID2, "", "", "" },
	{ "/system.slice/web.service/libpod-payload-" ID, ID, "podman", "" },
	{ "/docker/buildkit/scabevaquneqwpdmmn3a261qy", "scabevaquneqwpdmmn3a261qy", "buildkit",
	  "" },
	{ "/system.slice/docker-scabevaquneqwpdmmn3a261qy.scope", "scabevaquneqwpdmmn3a261qy",
	  "buildkit", "" },
	{ "/buildah-buildah2776049915", "buildah-buildah2776049915", "buildah", "" },
	{ "/default/" ID, ID, "", "" },
	{ "/system.slice/nerdctl-" ID ".scope", ID, "containerd", "" },
	{ "/actions_job/" ID, ID, "", "" },
	{ "/" ID, ID, "", "" },
	{ "/machine.slice/machine-web.scope/payload", "web", "machined", "" },
	{ "/machine.slice/systemd-nspawn@web.service", "web", "nspawn", "" },
	{ "/lxc.payload.web/init.scope", "web", "lxc", "" },
	/* Nearly. */
	{ "/docker-" ID, "", "", "" },
	{ "/docker-.scope", "", "", "" },
	{ "/docker-0123.scope", "", "", "" },
	{ "/docker/0123456789", "", "", "" },
	{ "/docker/buildkit/scabevaquneqwpdmmn3a261q", "", "", "" },
	{ "/docker/buildkit/scabevaquneqwpdmmn3a261qY", "", "", "" },
	{ "/buildah-buildah", "", "", "" },
	{ "/" ID "0", "", "", "" },
	{ "/pod7a2b1c3d-0000-4111-8222-123456789abg/x", "", "", "" },
	{ "/pod7a2b1c3d-0000-4111-8222-123456789abg/" ID, ID, "", "" },
	{ "/podpod" UID, "", "", UID },
	{ "/pod" UID "0", "", "", "" },
	{ "/pod" STATIC "0", "", "", "" },
	{ "/pod", "", "", "" },
	{ "/pod/" ID, ID, "", "" },
	{ "//docker//" ID "//", ID, "docker", "" },
};

ParameterizedTestParameters(container, names)
{
	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *r, container, names)
{
	struct container c;
	bool in = r->id[0] != '\0' || r->pod[0] != '\0';

	cr_assert_eq(container_of_cgroup(r->path, &c), in, "%s", r->path);
	cr_expect_str_eq(c.id, r->id, "%s", r->path);
	cr_expect_str_eq(c.runtime == NULL ? "" : c.runtime, r->runtime, "%s", r->path);
	cr_expect_str_eq(c.pod, r->pod, "%s", r->path);
	cr_expect_not(c.claimed, "%s", r->path);
}

#define USER "/user.slice/user-1000.slice/user@1000.service/"

static struct owner {
	char path[400], own[400]; /* the container's own cgroup */
	bool claimed;
} owners[] = {
	{ "/docker/" ID "/init", "/docker/" ID, false },
	{ "/system.slice/docker-" ID ".scope", "/system.slice/docker-" ID ".scope", false },
	{ "/kubepods/pod" UID "/" ID "/x", "/kubepods/pod" UID "/" ID, false },
	{ "/kubepods/pod" UID "/x", "/kubepods/pod" UID, false },
	{ "/kubepods/pod" UID "/x/pod" STATIC, "/kubepods/pod" UID, false },
	{ USER "user.slice/libpod-" ID ".scope/container", USER "user.slice/libpod-" ID ".scope",
	  true },
	{ USER "docker-" ID ".scope", USER "docker-" ID ".scope", true },
	{ USER "kubepods-pod" UID ".slice/cri-containerd-" ID ".scope",
	  USER "kubepods-pod" UID ".slice/cri-containerd-" ID ".scope", true },
	{ USER "pod" UID "/x", USER "pod" UID, true },
	/* Root's own, who may anything. */
	{ "/user.slice/user-0.slice/user@0.service/libpod-payload-" ID,
	  "/user.slice/user-0.slice/user@0.service/libpod-payload-" ID, false },
	/* What is called like that within a container. */
	{ "/docker/" ID USER "docker-" ID2 ".scope", "/docker/" ID, false },
	{ "/kubepods/pod" UID USER ID2, "/kubepods/pod" UID USER ID2, false },
	/* Nearly. */
	{ "/user@.service/docker-" ID ".scope", "/user@.service/docker-" ID ".scope", false },
	{ "/user@x.service/docker-" ID ".scope", "/user@x.service/docker-" ID ".scope", false },
	{ "/user@00.service/docker-" ID ".scope", "/user@00.service/docker-" ID ".scope", true },
};

ParameterizedTestParameters(container, whose)
{
	return cr_make_param_array(struct owner, owners, sizeof(owners) / sizeof(owners[0]));
}

/* Which cgroup is the container's own, and whether a user may have called it so. */
ParameterizedTest(struct owner *o, container, whose)
{
	struct container c;

	cr_assert(container_of_cgroup(o->path, &c), "%s", o->path);
	cr_expect_eq(c.claimed, o->claimed, "%s", o->path);
	cr_assert_leq(c.path_len, strlen(o->path), "%s", o->path);
	cr_expect_eq(c.path_len, strlen(o->own), "%s", o->path);
	cr_expect_eq(memcmp(o->path, o->own, c.path_len), 0, "%s", o->path);
}

Test(container, a_long_name_is_cut)
{
	char path[400] = "/lxc.payload.";
	struct container c;

	memset(path + strlen(path), 'x', 300);
	cr_assert(container_of_cgroup(path, &c));
	cr_expect_eq(strlen(c.id), CONTAINER_ID_MAX);
}

Test(caps, names)
{
	cr_expect_str_eq(cap_name(0), "cap_chown");
	cr_expect_str_eq(cap_name(21), "cap_sys_admin");
	cr_expect_str_eq(cap_name(40), "cap_checkpoint_restore");
	cr_expect_str_eq(cap_name(63), "cap_63");
}
