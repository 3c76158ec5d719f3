/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes of executed files: which file is the same, which executions are told what, and what is
 * believed of the processes that read. These are a mock here, which answers what a test says.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "intake/hash.h"
#include "intake/hash_helpers.h"

TestSuite(hash, .timeout = 30);

/* ---- The processes ---- */

static struct {
	struct hash_request asked[64];
	bool held[64]; /* what was asked for is held open */
	size_t asked_n, begun, ended;
	bool up, hang;
	struct hash_answer answers[64];
	enum hash_role from[64];
	size_t answers_n, answers_at;
	int err;	  /* in the place of the next answer */
	int begin_err;	  /* why they cannot be begun */
	int64_t ahead_s;  /* of the clock */
	uint64_t at;	  /* what the worker is at */
	uint64_t hang_id; /* at which it hangs */
} mock;

int helpers_new(struct helpers **ret)
{
	*ret = NULL;
	return 0;
}

void helpers_free(struct helpers *x)
{
	(void)x;
}

int helpers_fd(const struct helpers *x)
{
	(void)x;
	return -1;
}

int helpers_begin(struct helpers *x, uint64_t now_ns)
{
	(void)x;
	(void)now_ns;
	mock.begun++;
	mock.up = mock.begin_err == 0;
	return mock.begin_err;
}

bool helpers_up(const struct helpers *x)
{
	(void)x;
	return mock.up;
}

void helpers_end(struct helpers *x)
{
	(void)x;
	mock.ended++;
	mock.up = false;
}

int helpers_ask(struct helpers *x, const struct hash_request *req, int fd)
{
	(void)x;
	cr_assert_lt(mock.asked_n, 64);
	mock.held[mock.asked_n] = fd >= 0;
	mock.asked[mock.asked_n++] = *req;
	return 0;
}

int helpers_answer(struct helpers *x, struct hash_answer *ret, enum hash_role *ret_from)
{
	int err = mock.err;

	(void)x;
	mock.err = 0;
	if (err < 0 || mock.answers_at == mock.answers_n)
		return err;
	*ret = mock.answers[mock.answers_at];
	*ret_from = mock.from[mock.answers_at++];
	return 1;
}

uint64_t helpers_at(const struct helpers *x, enum hash_role role)
{
	(void)x;
	return role == HASH_WORKER ? mock.at : 0;
}

bool helpers_hang(struct helpers *x, uint64_t now_ns, uint64_t *ret_id)
{
	(void)x;
	(void)now_ns;
	*ret_id = mock.hang_id;
	return mock.hang;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	long err = syscall(SYS_clock_gettime, clock, ret);

	ret->tv_sec += mock.ahead_s;
	return (int)err;
}

/* ---- What a test does and sees ---- */

static struct hashes *h;
static struct of_rec_hash told[4096];
static size_t told_n;
static bool alive;

static bool still_runs(void *arg, uint32_t slot, uint64_t exec_id)
{
	(void)arg;
	(void)slot;
	(void)exec_id;
	return alive;
}

static int on_told(void *arg, const struct of_rec_hdr *rec, size_t size)
{
	(void)arg;
	cr_assert_eq(rec->kind, OF_REC_HASH);
	cr_assert_eq(size, sizeof(struct of_rec_hash));
	cr_assert_lt(told_n, sizeof(told) / sizeof(told[0]));
	memcpy(&told[told_n++], rec, size);
	return 0;
}

static void start(void)
{
	cr_assert_eq(hashes_new(still_runs, NULL, &h), 0);
	hashes_start(h);
}

static void done(void)
{
	hashes_free(h);
}

#define EXT4 0xef53

static struct of_image image(uint64_t ino)
{
	return (struct of_image){ .ino = ino,
				  .size = 100,
				  .mtime_s = 1000,
				  .ctime_s = 2000,
				  .ctime_ns = 5,
				  .dev = 8 << 20 | 1,
				  .magic = EXT4 };
}

static void execute_as(uint64_t exec_id, uint32_t pid, uint64_t end_ns, const struct of_image *im)
{
	struct of_rec_exec rec = {
		.hdr = { .len = sizeof(rec), .kind = OF_REC_EXEC },
		.e = { .exec_id = exec_id, .tgid = pid, .ppid = 3, .end_ns = end_ns },
		.image = *im,
		.exe_len = 6,
	};

	memcpy(rec.tail, "/bin/x", 6);
	hashes_exec(h, &rec, on_told, NULL);
}

/* Of a process that is over: nothing is looked for in /proc. */
static void execute(uint64_t exec_id, const struct of_image *im)
{
	execute_as(exec_id, 7, 1, im);
}

static void answer(uint64_t id, enum of_hash_state state, enum hash_role from)
{
	struct hash_answer *a = &mock.answers[mock.answers_n];

	*a = (struct hash_answer){ .id = id, .state = state };
	if (state == OF_HASH_OK)
		memset(a->sha256, (int)id, sizeof(a->sha256));
	mock.from[mock.answers_n++] = from;
	hashes_drain(h, on_told, NULL);
}

Test(hash, one_file_is_hashed_once, .init = start, .fini = done)
{
	struct of_image im = image(1);
	uint64_t id;

	for (id = 1; id <= 1000; id++)
		execute(id, &im);
	cr_assert_eq(mock.asked_n, 1);
	cr_expect_eq(told_n, 0);
	cr_expect_eq(hashes_stats(h).pending, 1000);
	cr_expect_str_eq(mock.asked[0].path, "/bin/x");
	cr_expect_eq(memcmp(&mock.asked[0].image, &im, sizeof(im)), 0);
	/* The next 500 came while it was under way: they are another way to it, if it fails. */
	answer(mock.asked[0].id, OF_HASH_OK, HASH_WORKER);
	cr_assert_eq(told_n, 1000);
	for (id = 1; id <= 1000; id++) {
		cr_expect_eq(told[id - 1].exec_id, id);
		cr_expect_eq(told[id - 1].state, OF_HASH_OK);
		cr_expect_eq(memcmp(&told[id - 1].image, &im, sizeof(im)), 0);
		cr_expect_eq(told[id - 1].sha256[31], (uint8_t)mock.asked[0].id);
	}
	execute(2000, &im);
	cr_assert_eq(told_n, 1001, "told at once");
	cr_expect_eq(told[1000].exec_id, 2000);
	cr_expect_eq(mock.asked_n, 1);
	cr_expect_eq(hashes_stats(h).files, 1);
	cr_expect_eq(hashes_stats(h).cached, 1);
	cr_expect_eq(hashes_stats(h).pending, 0);
}

Test(hash, every_number_of_a_file_counts, .init = start, .fini = done)
{
	struct of_image im[9];
	size_t i;

	for (i = 0; i < 9; i++)
		im[i] = image(1);
	im[1].ino++;
	im[2].size++;
	im[3].mtime_s++;
	im[4].mtime_ns++;
	im[5].ctime_s++;
	im[6].ctime_ns++;
	im[7].dev++;
	im[8].magic++;
	for (i = 0; i < 9; i++) {
		execute(i + 1, &im[i]);
		cr_expect_eq(mock.asked_n, i + 1, "%zu", i);
	}
}

Test(hash, what_is_remembered_is_bounded, .init = start, .fini = done)
{
	struct of_image im;
	uint64_t i;

	for (i = 1; i <= HASH_CACHED_MAX + 1; i++) {
		im = image(i);
		execute(i, &im);
		told_n = mock.answers_n = mock.answers_at = 0;
		answer(mock.asked[0].id, OF_HASH_OK, HASH_WORKER);
		mock.asked_n = 0;
	}
	im = image(2);
	execute(1, &im);
	cr_expect_eq(mock.asked_n, 0);
	im = image(1);
	execute(1, &im);
	cr_expect_eq(mock.asked_n, 1, "the oldest went");
}

Test(hash, what_waits_is_bounded, .init = start, .fini = done)
{
	struct of_image im;
	uint64_t i;

	for (i = 1; i <= HASH_WAITING_MAX + 5; i++) {
		im = image(i);
		execute(i, &im);
	}
	cr_expect_eq(mock.asked_n, HASH_ACTIVE_MAX, "so many are under way at a time");
	cr_expect_eq(told_n, 5);
	cr_expect_eq(told[0].state, OF_HASH_SKIPPED);
	cr_expect_eq(told[0].image.ino, HASH_WAITING_MAX + 1);
	cr_expect_eq(hashes_stats(h).skipped, 5);
	im = image(1);
	told_n = 0;
	for (i = hashes_stats(h).pending; i < HASH_WAITERS_MAX + 3; i++)
		execute(i, &im);
	cr_expect_eq(told_n, 3);
	cr_expect_eq(told[0].state, OF_HASH_SKIPPED);
	cr_expect_eq(told[0].image.ino, 0, "not the last word on the file");
	cr_expect_eq(hashes_stats(h).pending, HASH_WAITERS_MAX);
}

static void execute_sized(uint64_t ino, uint64_t size)
{
	struct of_image im = image(ino);

	im.size = size;
	execute(ino, &im);
}

Test(hash, large_ones_leave_room, .init = start, .fini = done)
{
	uint64_t i;

	for (i = 1; i <= 8; i++)
		execute_sized(i, 2ULL << 30);
	cr_expect_eq(mock.asked_n, 4);
	execute_sized(20, 100);
	cr_expect_eq(mock.asked_n, 5);
	cr_expect_eq(mock.asked[4].image.ino, 20, "a small one goes before four large ones");
	answer(mock.asked[0].id, OF_HASH_OK, HASH_WORKER);
	cr_expect_eq(mock.asked_n, 6);
}

/* However many small ones wait, a large one is among the next. */
Test(hash, small_ones_leave_room, .init = start, .fini = done)
{
	uint64_t i;

	for (i = 1; i <= 100; i++)
		execute_sized(i, 100);
	cr_assert_eq(mock.asked_n, HASH_ACTIVE_MAX);
	execute_sized(200, 64ULL << 20);
	execute_sized(201, 64ULL << 20);
	for (i = 0; i < 4; i++) /* for each that is done another small one comes */
		answer(mock.asked[i].id, OF_HASH_OK, HASH_WORKER);
	cr_assert_eq(mock.asked_n, HASH_ACTIVE_MAX + 4);
	for (i = 0; i < 4; i++)
		cr_expect_eq(mock.asked[HASH_ACTIVE_MAX + i].image.size > 100, i % 2 == 0,
			     "in turns: %d", (int)i);
}

/* A sparse file costs nothing to make, and minutes to read. */
Test(hash, large_ones_are_bounded, .init = start, .fini = done)
{
	uint64_t i;

	execute_sized(1, (4ULL << 30) + 1);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].state, OF_HASH_SKIPPED, "by itself");
	for (i = 2; i <= 5; i++)
		execute_sized(i, 4ULL << 30);
	cr_expect_eq(told_n, 1);
	execute_sized(6, 64ULL << 20);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].state, OF_HASH_SKIPPED, "with the others that wait");
	cr_expect_eq(hashes_stats(h).skipped, 2);
	execute_sized(7, 100);
	cr_expect_eq(told_n, 2, "small ones are not counted there");
	answer(mock.asked[0].id, OF_HASH_OK, HASH_WORKER);
	cr_expect_eq(told_n, 3);
	execute_sized(6, 64ULL << 20);
	cr_expect_eq(told_n, 3, "there is room again");
}

Test(hash, no_image_no_hash, .init = start, .fini = done)
{
	struct of_image im = { 0 };

	execute(1, &im);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].state, OF_HASH_GONE);
	cr_expect_eq(mock.asked_n, 0);
}

Test(hash, what_is_not_there_is_asked_for_again, .init = start, .fini = done)
{
	struct of_image im = image(1);

	execute(1, &im);
	answer(mock.asked[0].id, OF_HASH_GONE, HASH_OPENER);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].state, OF_HASH_GONE);
	execute(2, &im);
	cr_assert_eq(mock.asked_n, 2, "another execution may be another way to it");
	execute(3, &im); /* as this one, which comes when it is under way */
	answer(mock.asked[1].id, OF_HASH_CHANGED, HASH_OPENER);
	cr_expect_eq(told_n, 1);
	cr_assert_eq(mock.asked_n, 3);
	answer(mock.asked[2].id, OF_HASH_CHANGED, HASH_WORKER);
	cr_assert_eq(told_n, 3);
	cr_expect_eq(told[1].state, OF_HASH_CHANGED);
	cr_expect_eq(told[1].sha256[0], 0);
	cr_expect_eq(hashes_stats(h).changed, 2);
	cr_expect_eq(hashes_stats(h).gone, 1);
}

static void touched_one(bool runs, enum of_hash_state expected)
{
	struct of_image im = image(1);

	im.ctime_ns = runs;
	alive = runs;
	told_n = 0;
	execute(1, &im);
	mock.answers[mock.answers_n].touched = 1;
	mock.answers[mock.answers_n] = (struct hash_answer){ .id = mock.asked[mock.asked_n - 1].id,
							     .state = OF_HASH_OK,
							     .touched = 1 };
	mock.from[mock.answers_n++] = HASH_WORKER;
	hashes_drain(h, on_told, NULL);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].state, expected);
}

Test(hash, touched_counts_while_it_runs, .init = start, .fini = done)
{
	touched_one(false, OF_HASH_CHANGED);
	touched_one(true, OF_HASH_OK);
}

static void refused(uint64_t id, uint32_t state, enum hash_role from)
{
	size_t ended = mock.ended;

	answer(id, (enum of_hash_state)state, from);
	cr_expect_eq(mock.ended, ended + 1, "id %lu, state %u, from %d", (unsigned long)id, state,
		     (int)from);
	cr_expect_eq(told_n, 0);
	mock.up = true;
}

/* Whoever says what it cannot say is ended, and nothing is believed. */
Test(hash, nonsense, .init = start, .fini = done)
{
	struct of_image im = image(1);

	execute(1, &im);
	refused(mock.asked[0].id, OF_HASH_OK, HASH_OPENER);
	hashes_drain(h, on_told, NULL);
	refused(mock.asked[0].id + 1, OF_HASH_OK, HASH_WORKER);
	hashes_drain(h, on_told, NULL);
	refused(mock.asked[0].id, OF_HASH_GONE, HASH_WORKER);
	hashes_drain(h, on_told, NULL);
	refused(mock.asked[0].id, 99, HASH_WORKER);
}

Test(hash, a_process_that_ends_is_replaced, .init = start, .fini = done)
{
	struct of_image im = image(1);

	execute(1, &im);
	mock.err = -EPIPE;
	hashes_drain(h, on_told, NULL);
	cr_expect_eq(mock.ended, 1);
	cr_expect_eq(told_n, 0, "it is asked for again");
	mock.up = true; /* what a second later would be */
	hashes_drain(h, on_told, NULL);
	cr_assert_eq(mock.asked_n, 2);
	cr_expect_eq(mock.asked[1].id, mock.asked[0].id);
}

Test(hash, a_file_at_which_they_end_is_left, .init = start, .fini = done)
{
	struct of_image im = image(1), other = image(2);
	int i;

	execute(1, &im);
	execute(2, &other);
	mock.at = mock.asked[0].id;
	for (i = 0; i < 3; i++) {
		cr_expect_eq(told_n, 0);
		mock.err = -EPIPE;
		hashes_drain(h, on_told, NULL);
		mock.up = true;
		hashes_drain(h, on_told, NULL);
	}
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].exec_id, 1);
	cr_expect_eq(told[0].state, OF_HASH_FAILED);
}

Test(hash, who_hangs_is_replaced, .init = start, .fini = done)
{
	struct of_image im = image(1), other = image(2);

	im.magic = 0x65735546; /* FUSE */
	execute(1, &im);
	execute(2, &other);
	mock.hang = true;
	mock.hang_id = mock.asked[0].id;
	hashes_tick(h, on_told, NULL);
	cr_expect_eq(mock.ended, 1);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].exec_id, 1);
	cr_expect_eq(told[0].state, OF_HASH_FAILED);
	im.ino = 5;
	execute(3, &im);
	cr_assert_eq(told_n, 2, "that file system is left alone for a while");
	cr_expect_eq(told[1].state, OF_HASH_FAILED);
	cr_expect_eq(hashes_stats(h).pending, 1, "the other waits on");
}

Test(hash, processes_that_always_end_are_said, .init = start, .fini = done)
{
	struct of_image im = image(1);
	int i;

	execute(1, &im);
	for (i = 0; i < 5; i++) {
		mock.up = true;
		mock.err = -EPIPE;
		hashes_drain(h, on_told, NULL);
	}
	cr_assert_eq(told_n, 1, "nobody waits for ever");
	cr_expect_eq(told[0].state, OF_HASH_FAILED);
}

/* As when there are no descriptors left, or those killed before do not die. */
Test(hash, processes_that_cannot_be_begun_are_said, .fini = done)
{
	struct of_image im = image(1);
	uint64_t id;

	mock.begin_err = -EMFILE;
	start();
	execute(1, &im);
	for (mock.ahead_s = 2; mock.ahead_s <= 20; mock.ahead_s += 2)
		hashes_tick(h, on_told, NULL);
	cr_assert_eq(told_n, 1, "nobody waits for ever");
	cr_expect_eq(told[0].state, OF_HASH_FAILED);
	cr_expect_eq(hashes_stats(h).respawned, 0);
	cr_expect_leq(mock.begun, 7, "then they are tried seldom");
	for (id = 2; id < 4; id++) { /* also who comes later */
		execute(id, &im);
		mock.ahead_s += 61;
		hashes_tick(h, on_told, NULL);
		cr_assert_eq(told_n, id);
	}
	execute(4, &im);
	mock.begin_err = 0;
	mock.ahead_s += 61;
	hashes_tick(h, on_told, NULL);
	cr_assert_eq(mock.asked_n, 1);
	answer(mock.asked[0].id, OF_HASH_OK, HASH_WORKER);
	cr_assert_eq(told_n, 4);
	cr_expect_eq(told[3].state, OF_HASH_OK);
	mock.ahead_s = 0; /* or it seems to have taken so long */
}

/* The daemon holds what runs, where that cannot make it wait. */
Test(hash, what_runs_is_held, .init = start, .fini = done)
{
	static const uint32_t magics[] = { EXT4, 0x65735546, 0x01021997 /* 9P */,
					   0x6969 /* NFS */ };
	struct of_image im;
	size_t i;

	for (i = 0; i < 4; i++) {
		im = image(i + 1);
		im.magic = magics[i];
		execute_as(i + 1, (uint32_t)getpid(), 0, &im);
		cr_assert_eq(mock.asked_n, i + 1);
		cr_expect_eq(mock.held[i], i < 2, "%x", magics[i]);
	}
}

/* ---- Which file is the same ---- */

static struct stat stat_of(const struct of_image *im)
{
	struct stat st = { .st_ino = im->ino,
			   .st_mode = S_IFREG | 0755,
			   .st_size = (off_t)im->size,
			   .st_dev = makedev(im->dev >> 20, im->dev & 0xfffff) };

	st.st_mtim = (struct timespec){ im->mtime_s, im->mtime_ns };
	st.st_ctim = (struct timespec){ im->ctime_s, im->ctime_ns };
	return st;
}

Test(hash, compare)
{
	const uint32_t btrfs = 0x9123683e;
	struct of_image im = image(7);
	struct stat st = stat_of(&im);

	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_SAME);
	cr_expect_eq(image_compare(&im, &st, 0x65735546), IMAGE_OTHER, "FUSE says what it likes");
	st.st_ctim.tv_nsec++;
	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_TOUCHED);
	st.st_mtim.tv_nsec++;
	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_CHANGED);
	st = stat_of(&im);
	st.st_size++;
	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_CHANGED);
	st = stat_of(&im);
	st.st_ino++;
	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_OTHER);
	st = stat_of(&im);
	st.st_dev = makedev(8, 2);
	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_OTHER);
	st.st_mode = S_IFIFO;
	cr_expect_eq(image_compare(&im, &st, EXT4), IMAGE_OTHER);

	st = stat_of(&im);
	st.st_dev = makedev(0, 99);
	im.magic = btrfs;
	cr_expect_eq(image_compare(&im, &st, btrfs), IMAGE_SAME, "a subvolume has its own");
	st.st_ino++;
	cr_expect_eq(image_compare(&im, &st, btrfs), IMAGE_OTHER);
}

/* Two files that were made in one tick of the clock differ by their numbers alone. */
Test(hash, compare_on_overlay)
{
	const uint32_t overlay = 0x794c7630;
	struct of_image im = image(7);
	struct stat st = stat_of(&im);

	im.magic = overlay;
	cr_expect_eq(image_compare(&im, &st, overlay), IMAGE_SAME);
	cr_expect_not(image_in_layer(&im, &st));
	st.st_mtim.tv_nsec++;
	cr_expect_eq(image_compare(&im, &st, overlay), IMAGE_CHANGED);
	st = stat_of(&im);
	st.st_ino++;
	cr_expect_eq(image_compare(&im, &st, overlay), IMAGE_OTHER);
	st = stat_of(&im);
	st.st_dev = makedev(0, 99);
	cr_expect_eq(image_compare(&im, &st, overlay), IMAGE_SAME, "a layer has its own device");
	cr_expect(image_in_layer(&im, &st), "but only the process proves it");
	st.st_mtim.tv_nsec++;
	cr_expect_eq(image_compare(&im, &st, overlay), IMAGE_OTHER);
	im.magic = EXT4;
	cr_expect_not(image_in_layer(&im, &st));
}

/* ---- Messages ---- */

Test(hash, messages)
{
	struct hash_answer ans = { .id = 5, .state = OF_HASH_GONE }, got = { .id = 0 };
	char longer[sizeof(ans) + 1] = { 0 };
	int s[2], fd = -2;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	cr_expect_eq(hash_receive(s[0], &got, sizeof(got), MSG_DONTWAIT, NULL), -EAGAIN);
	cr_expect_eq(hash_send(s[1], &ans, sizeof(ans), 0, s[1]), 0);
	cr_expect_eq(hash_receive(s[0], &got, sizeof(got), 0, &fd), 1);
	cr_expect_eq(memcmp(&got, &ans, sizeof(ans)), 0);
	cr_expect_geq(fd, 0);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(close(fd), 0);
	cr_expect_eq(hash_send(s[1], &ans, sizeof(ans), 0, -1), 0);
	cr_expect_eq(hash_receive(s[0], &got, sizeof(got), 0, &fd), 1);
	cr_expect_eq(fd, -1);
	cr_expect_eq(hash_send(s[1], &ans, sizeof(ans) - 1, 0, -1), 0);
	cr_expect_eq(hash_receive(s[0], &got, sizeof(got), 0, NULL), -EBADMSG);
	cr_expect_eq(hash_send(s[1], longer, sizeof(longer), 0, s[1]), 0);
	cr_expect_eq(hash_receive(s[0], &got, sizeof(got), 0, &fd), -EBADMSG);
	cr_assert_eq(close(s[1]), 0);
	cr_expect_eq(hash_receive(s[0], &got, sizeof(got), 0, NULL), 0);
}
