/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracking: in which container an execution is, and what is known of that. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "records.h"
#include "track/private.h"

#define ID   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define PATH "/libpod_parent/libpod-" ID

static struct tracked t;

static void start(void)
{
	tracked_init(&t, "version: 1\n", (struct track_limits){ 64, 64, 60 * SECOND, 0 });
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(track_container, .init = start, .fini = stop, .timeout = 60);

static void run_in(uint64_t id, uint64_t parent, uint64_t cgroup)
{
	struct of_exec e = exec_of(id, parent, (uint32_t)(100 + id), "app");

	e.cgroup = cgroup;
	rec_exec_of(&t.s, &e, "/bin/app", NULL, 0);
	tracked_run(&t);
}

static const struct container_told *container(uint64_t id)
{
	const struct execution *e = tracked_execution(&t, id);

	cr_assert_not_null(e);
	return e->container;
}

Test(track_container, all_in_it_share_what_is_known)
{
	rec_cgroup(&t.s, 7, PATH);
	rec_cgroup(&t.s, 8, PATH "/init.scope");
	rec_cgroup(&t.s, 9, "/user.slice");
	run_in(1, 0, 7);
	run_in(2, 1, 8);
	run_in(3, 0, 9);
	cr_assert_not_null(container(1));
	cr_expect_str_eq(container(1)->id, ID);
	cr_expect_str_eq(container(1)->runtime, "podman");
	cr_expect_str_eq(container(1)->image, "");
	cr_expect_str_eq(container(1)->pod, "");
	cr_expect_eq(container(2), container(1));
	cr_expect_null(container(3));
	/* What comes later is known of those that were there. */
	rec_container(&t.s, 7, "podman", "localhost/app:1");
	tracked_run(&t);
	cr_expect_str_eq(container(2)->image, "localhost/app:1");
	/* The first word counts. */
	rec_container(&t.s, 8, "docker", "another");
	tracked_run(&t);
	cr_expect_str_eq(container(1)->image, "localhost/app:1");
	cr_expect_str_eq(container(1)->runtime, "podman");
	run_in(4, 2, 8);
	cr_expect_str_eq(container(4)->image, "localhost/app:1");
}

#define USER "/user.slice/user-1000.slice/user@1000.service/"

/* A user calls a cgroup as a container of root's is called, before or after that is seen. */
Test(track_container, a_name_is_no_proof)
{
	rec_cgroup(&t.s, 6, USER "docker-" ID ".scope");
	rec_cgroup(&t.s, 7, "/system.slice/docker-" ID ".scope");
	rec_cgroup(&t.s, 8, "/system.slice/runner.service/docker-" ID ".scope");
	rec_container(&t.s, 6, "docker", "not believed");
	rec_container(&t.s, 7, "docker", "app:1");
	run_in(1, 0, 6);
	run_in(2, 0, 7);
	run_in(3, 0, 8);
	cr_expect_str_eq(container(1)->id, ID);
	cr_expect_str_eq(container(1)->image, "");
	cr_expect(container(1)->claimed);
	cr_expect_str_eq(container(2)->image, "app:1");
	cr_expect_not(container(2)->claimed);
	/* Another cgroup is another container, whosever it is. */
	cr_expect_str_eq(container(3)->id, ID);
	cr_expect_str_eq(container(3)->image, "");
	cr_expect_not(container(3)->claimed);
}

Test(track_container, runtime_of_a_bare_id)
{
	rec_cgroup(&t.s, 7, "/actions_job/" ID);
	rec_cgroup(&t.s, 8, "/actions_job/" ID2);
	rec_container(&t.s, 7, "docker", "app:1");
	rec_container(&t.s, 99, "docker", "of nobody");
	run_in(1, 0, 7);
	run_in(2, 0, 8);
	cr_expect_str_eq(container(1)->runtime, "docker");
	cr_expect_str_eq(container(1)->image, "app:1");
	cr_expect_str_eq(container(2)->runtime, "");
	cr_expect_str_eq(container(2)->image, "");
}

Test(track_container, the_word_about_no_container_is_ignored)
{
	rec_cgroup(&t.s, 9, "/user.slice");
	rec_container(&t.s, 9, "docker", "app:1");
	run_in(1, 0, 9);
	cr_expect_null(container(1));
}

/* Who is in a container makes cgroups with names so long that only the tail of the path is left,
 * and calls the last one as another container's is called. */
Test(track_container, a_path_that_was_cut)
{
	rec_cgroup(&t.s, 7, PATH);
	rec_cgroup_cut(&t.s, 8, "/docker/" ID2);
	run_in(1, 0, 7);
	run_in(2, 1, 8);
	run_in(3, 0, 8);
	cr_assert_not_null(container(2));
	cr_expect_str_eq(container(2)->id, ID);
	cr_expect_null(container(3), "nothing is known");
	/* Of a cgroup that was never told the same holds. */
	run_in(4, 2, 99);
	cr_assert_not_null(container(4));
	cr_expect_str_eq(container(4)->id, ID);
}

Test(track_container, a_pod_without_container)
{
	rec_cgroup(&t.s, 7, "/kubepods/pod7a2b1c3d-0000-4111-8222-123456789abc");
	run_in(1, 0, 7);
	cr_assert_not_null(container(1));
	cr_expect_str_eq(container(1)->id, "");
	cr_expect_str_eq(container(1)->pod, "7a2b1c3d-0000-4111-8222-123456789abc");
}

/* More than are remembered: whoever runs in one keeps what is known of it. */
Test(track_container, many)
{
	char path[100];
	uint64_t i;

	rec_cgroup(&t.s, 7, PATH);
	rec_container(&t.s, 7, "podman", "localhost/app:1");
	run_in(1, 0, 7);
	for (i = 0; i < 2 * CGROUPS_MAX; i++) {
		(void)snprintf(path, sizeof(path), "/docker/%064lx", (unsigned long)i);
		rec_cgroup(&t.s, 100 + i, path);
	}
	tracked_run(&t);
	cr_assert_not_null(container(1));
	cr_expect_str_eq(container(1)->image, "localhost/app:1");
	run_in(2, 0, 100 + 2 * CGROUPS_MAX - 1);
	cr_assert_not_null(container(2));
	cr_expect_str_eq(container(2)->runtime, "docker");
	/* Its cgroup is forgotten: what it starts is in there all the same. */
	run_in(3, 1, 7);
	cr_expect_eq(container(3), container(1));
	cr_expect_eq(track_stats(t.track).refused, 0);
}
