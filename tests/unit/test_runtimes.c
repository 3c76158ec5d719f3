/* SPDX-License-Identifier: BSD-2-Clause */
/* test_runtimes.c: when files of container runtimes are asked for, and what is told of the answers.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "intake/runtimes.h"
#include "records.h"

#define ID	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define STORAGE "/var/lib/containers/storage/overlay-containers/containers.json"

/* Answers at once what `image` says of the path `at`, unless `later`. Nothing else tells anything,
 * but that of `leads` which bundle there is. */
struct world {
	struct runtimes *runtimes;
	const char *at, *image;
	const char *leads, *bundle;
	bool later;
	size_t bytes;	  /* of each file */
	char paths[8192]; /* that were asked for, each with a newline */
	uint64_t ticket;  /* of the last file that was asked for */
	size_t asked;
	size_t told;
	struct of_rec_container last;
	uint64_t now_ns;
};

static int told(void *arg, const struct of_rec_hdr *rec, size_t size)
{
	struct world *w = arg;

	cr_assert_eq(rec->kind, OF_REC_CONTAINER);
	cr_assert_eq(size, sizeof(w->last));
	memcpy(&w->last, rec, size);
	w->told++;
	return 0;
}

static void ask(void *arg, uint64_t ticket, const char *id, const struct runtime_file *file)
{
	struct world *w = arg;
	struct runtime_told answer = { .bytes = w->bytes };
	size_t len;

	cr_assert_gt(strlen(id), 0);
	w->asked++;
	w->ticket = ticket;
	len = strlen(w->paths);
	(void)snprintf(w->paths + len, sizeof(w->paths) - len, "%s\n", file->path);
	if (w->at != NULL && strcmp(file->path, w->at) == 0)
		(void)snprintf(answer.image, sizeof(answer.image), "%s", w->image);
	if (w->leads != NULL && strcmp(file->path, w->leads) == 0)
		(void)snprintf(answer.bundle, sizeof(answer.bundle), "%s", w->bundle);
	if (!w->later)
		runtimes_answer(w->runtimes, ticket, &answer, w->now_ns, told, w);
}

static void begin(struct world *w)
{
	*w = (struct world){ .now_ns = SECOND };
	cr_assert_eq(runtimes_new(ask, w, &w->runtimes), 0);
}

static void cgroup(struct world *w, uint64_t id, const char *path)
{
	struct of_rec_cgroup r = { .hdr = { w->now_ns, 0, OF_REC_CGROUP, 0 }, .id = id };

	r.cgroup.len = (uint32_t)strlen(path);
	memcpy(r.cgroup.path, path, r.cgroup.len);
	r.hdr.len = (uint32_t)offsetof(struct of_rec_cgroup, cgroup.path) + r.cgroup.len;
	runtimes_record(w->runtimes, &r.hdr);
}

static void exec(struct world *w, uint64_t cgroup_id)
{
	struct of_rec_exec r = { .hdr = { w->now_ns, offsetof(struct of_rec_exec, tail),
					  OF_REC_EXEC, 0 },
				 .e = { .exec_id = 1, .cgroup = cgroup_id } };

	runtimes_record(w->runtimes, &r.hdr);
}

static void look(struct world *w)
{
	w->now_ns += SECOND;
	runtimes_look(w->runtimes, w->now_ns);
}

Test(runtimes, at_once)
{
	struct world w;

	begin(&w);
	w.at = STORAGE;
	w.image = "localhost/app:1";
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	cr_assert_eq(w.told, 1);
	cr_expect_eq(w.last.cgroup, 7);
	cr_expect_eq(w.last.hdr.ts_ns, w.now_ns);
	cr_expect_str_eq(w.last.runtime, "podman");
	cr_expect_str_eq(w.last.image, "localhost/app:1");
	cr_expect_eq(w.asked, 1);
	/* Another cgroup in it, and what runs there: it is known. */
	cgroup(&w, 8, "/libpod_parent/libpod-" ID "/sub");
	exec(&w, 7);
	look(&w);
	cr_expect_eq(w.asked, 1);
	cgroup(&w, 9, "/libpod_parent/libpod-" ID2);
	cr_expect_eq(w.told, 2);
	cr_expect_eq(w.last.cgroup, 9);
	runtimes_free(w.runtimes);
}

Test(runtimes, the_file_tells_the_runtime)
{
	struct world w;

	begin(&w);
	w.at = "/var/lib/docker/containers/" ID "/config.v2.json";
	w.image = "app:1";
	cgroup(&w, 7, "/actions_job/" ID);
	cr_assert_eq(w.told, 1);
	cr_expect_str_eq(w.last.runtime, "docker");
	runtimes_free(w.runtimes);
}

Test(runtimes, nobody_is_asked)
{
	static const char *const paths[] = {
		"/",
		"/user.slice",
		"/lxc.payload.web",
		"/docker/buildkit/scabevaquneqwpdmmn3a261qy",
		"/kubepods/pod7a2b1c3d-0000-4111-8222-123456789abc",
	};
	struct world w;
	size_t i;

	begin(&w);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		cgroup(&w, i + 1, paths[i]);
	look(&w);
	cr_expect_eq(w.asked, 0);
	runtimes_free(w.runtimes);
}

/* The runtime writes it between the container's first process and what that executes. */
Test(runtimes, at_the_exec)
{
	struct world w;

	begin(&w);
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	cr_expect_eq(w.told, 0);
	w.at = STORAGE;
	w.image = "app:1";
	exec(&w, 8);
	cr_expect_eq(w.told, 0, "elsewhere");
	exec(&w, 7);
	cr_expect_eq(w.told, 1);
	runtimes_free(w.runtimes);
}

Test(runtimes, at_a_look)
{
	struct world w;

	begin(&w);
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	look(&w);
	w.at = STORAGE;
	w.image = "app:1";
	look(&w);
	look(&w);
	look(&w);
	cr_expect_eq(w.told, 1);
	runtimes_free(w.runtimes);
}

/* Of one that no file tells of nobody asks for ever, whatever it does. */
Test(runtimes, gives_up)
{
	struct world w;
	size_t i, asked, each;

	begin(&w);
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	each = w.asked;
	for (i = 0; i < 100; i++) {
		exec(&w, 7);
		look(&w);
	}
	cr_expect_leq(w.asked, 10 * each);
	asked = w.asked;
	for (i = 0; i < 100; i++) {
		exec(&w, 7);
		look(&w);
	}
	cr_expect_eq(w.asked, asked);
	cr_expect_eq(w.told, 0);
	runtimes_free(w.runtimes);
}

/* The answer takes its time: nothing is asked twice meanwhile, and one that is late is no harm. */
Test(runtimes, later)
{
	struct runtime_told answer = { .image = "app:1" };
	struct world w;
	uint64_t ticket;

	begin(&w);
	w.later = true;
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	cr_assert_eq(w.asked, 1);
	ticket = w.ticket;
	for (int i = 0; i < 60; i++) {
		exec(&w, 7);
		look(&w);
	}
	cr_expect_eq(w.asked, 1);
	runtimes_answer(w.runtimes, ticket + 1, &answer, w.now_ns, told, &w);
	runtimes_answer(w.runtimes, 0, &answer, w.now_ns, told, &w);
	cr_expect_eq(w.told, 0);
	runtimes_answer(w.runtimes, ticket, &answer, w.now_ns, told, &w);
	cr_expect_eq(w.told, 1);
	runtimes_answer(w.runtimes, ticket, &answer, w.now_ns, told, &w);
	cr_expect_eq(w.told, 1);
	runtimes_free(w.runtimes);
}

#define SERVICE "/system.slice/runner.service/"

/* More than may be asked for: what of it was not given up comes at later looks. */
static void flood(struct world *w, const char *below, int n)
{
	static uint64_t next = 100;
	char path[200];

	for (; n > 0; n--) {
		(void)snprintf(path, sizeof(path), "%s%064llx", below, (unsigned long long)next);
		cgroup(w, next++, path);
	}
}

/* Whoever may name cgroups keeps nobody else from being asked for. */
Test(runtimes, a_flood_of_names)
{
	struct world w;

	begin(&w);
	flood(&w, SERVICE, 2000);
	flood(&w, SERVICE "below/", 2000);
	flood(&w, SERVICE "below/below/", 1000);
	cr_expect_leq(w.asked, RUNTIMES_FILES_MAX / 2);
	w.at = STORAGE;
	w.image = "app:1";
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	cr_expect_eq(w.told, 1);
	runtimes_free(w.runtimes);
}

Test(runtimes, so_many_files_between_looks)
{
	struct world w;
	size_t before;
	int i;

	begin(&w);
	for (i = 0; i < 100; i++) {
		before = w.asked;
		flood(&w, SERVICE, 50);
		flood(&w, "/system.slice/another.service/", 50);
		exec(&w, 100);
		look(&w);
		cr_expect_leq(w.asked - before, 2 * RUNTIMES_FILES_MAX);
	}
	runtimes_free(w.runtimes);
}

/* podman's list, which is as long as it is for each of its containers. */
Test(runtimes, so_many_bytes_between_looks)
{
	struct world w;

	begin(&w);
	w.bytes = 1 << 20;
	flood(&w, SERVICE "libpod-", 100);
	cr_expect_leq(w.asked * w.bytes, RUNTIMES_BYTES_MAX / 2);
	cr_expect_gt(w.asked, 0);
	runtimes_free(w.runtimes);
}

/* Who had to wait is asked for at a later look, where his way had come to. */
Test(runtimes, the_rest_waits)
{
	struct image_stats stats;
	struct world w;
	int i;

	begin(&w);
	flood(&w, "/libpod_parent/libpod-", 100);
	w.at = STORAGE;
	w.image = "app:1";
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	cr_expect_eq(w.told, 0);
	stats = runtimes_stats(w.runtimes);
	cr_expect_eq(stats.waiting, 101);
	for (i = 0; i < 60 && w.told == 0; i++)
		look(&w);
	/* The others are in that list, too. */
	cr_expect_gt(w.told, 0);
	for (; i < 100; i++)
		look(&w);
	stats = runtimes_stats(w.runtimes);
	cr_expect_eq(stats.waiting, 0);
	cr_expect_eq(stats.given_up, 0);
	cr_expect_eq(stats.found + stats.none, 101);
	cr_expect_eq(stats.found, w.told);
	runtimes_free(w.runtimes);
}

/* Of the branch that has the most, however it came to that. */
Test(runtimes, too_many_wait)
{
	struct image_stats stats;
	struct world w;

	begin(&w);
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	flood(&w, SERVICE, 1000);
	stats = runtimes_stats(w.runtimes);
	cr_expect_gt(stats.given_up, 0);
	cr_expect_eq(stats.waiting + stats.given_up, 1001);
	w.at = STORAGE;
	w.image = "app:1";
	exec(&w, 7);
	look(&w);
	look(&w);
	cr_expect_gt(w.told, 0);
	runtimes_free(w.runtimes);
}

/* What a user claims nobody is asked of, and who is really called so is asked for all the same. */
Test(runtimes, claimed)
{
	struct world w;

	begin(&w);
	w.at = STORAGE;
	w.image = "app:1";
	cgroup(&w, 6, "/user.slice/user-1000.slice/user@1000.service/libpod-" ID ".scope");
	cr_expect_eq(w.asked, 0);
	cgroup(&w, 7, "/machine.slice/libpod-" ID ".scope");
	cr_expect_eq(w.told, 1);
	cr_expect_eq(w.last.cgroup, 7);
	/* The same id elsewhere is another container. */
	cgroup(&w, 8, "/libpod_parent/libpod-" ID);
	cr_expect_eq(w.told, 2);
	cr_expect_eq(w.last.cgroup, 8);
	runtimes_free(w.runtimes);
}

#define STATE	   "/run/crun/" ID "/status"
#define ELSEWHERE  "/srv/overlay-containers/"
#define LED(path)  ELSEWHERE path "\n"
#define NEXT_STATE "/run/runc/" ID "/state.json\n"

/* podman with another root: what its state leads to is tried to the end, and then the rest. */
Test(runtimes, all_that_a_bundle_leads_to)
{
	static const char *const files[] = { "containers.json", "volatile-containers.json",
					     ID "/userdata/config.json" };
	static const char all[] = STATE "\n" LED("containers.json") LED("volatile-containers.json")
		LED(ID "/userdata/config.json") NEXT_STATE;
	char at[200];
	struct world w;
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		begin(&w);
		w.leads = STATE;
		w.bundle = ELSEWHERE ID "/userdata";
		(void)snprintf(at, sizeof(at), "%s%s", ELSEWHERE, files[i]);
		w.at = at;
		w.image = "app:1";
		cgroup(&w, 7, "/libpod_parent/libpod-" ID);
		cr_expect_eq(w.told, 1, "%s", at);
		runtimes_free(w.runtimes);
	}
	begin(&w);
	w.leads = STATE;
	w.bundle = ELSEWHERE ID "/userdata";
	cgroup(&w, 7, "/libpod_parent/libpod-" ID);
	cr_assert_not_null(strstr(w.paths, STATE));
	cr_expect_str_eq(strstr(w.paths, STATE), all);
	runtimes_free(w.runtimes);
}

/* Not even an id may be believed of a path that was cut. */
Test(runtimes, a_cut_path)
{
	struct of_rec_cgroup r = { .hdr = { SECOND, sizeof(r), OF_REC_CGROUP, 0 }, .id = 7 };
	struct world w;

	begin(&w);
	r.cgroup.len = (uint32_t)snprintf(r.cgroup.path, sizeof(r.cgroup.path), "/libpod-%s", ID);
	r.cgroup.truncated = 1;
	runtimes_record(w.runtimes, &r.hdr);
	cr_expect_eq(w.asked, 0);
	runtimes_free(w.runtimes);
}
