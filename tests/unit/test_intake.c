/* SPDX-License-Identifier: BSD-2-Clause */
/* Intake: the array and the recording, cut and forged; and the tap that records. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "intake/intake.h"
#include "records.h"

static char dir[] = "/tmp/outflow-intake-XXXXXX";
static char path[64];

static void folder_make(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/recording", dir);
	log_init("test", LOG_LEVEL_WARN);
}

static void folder_remove(void)
{
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(intake, .init = folder_make, .fini = folder_remove, .timeout = 60);

static void file_write(const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert(len == 0 || fwrite(data, len, 1, f) == 1);
	cr_assert_eq(fclose(f), 0);
}

/* The file behind its header, which must be right. NULL when it is empty there. */
static char *recorded(size_t *ret_len)
{
	struct of_file_hdr h;
	struct stat st;
	char *data = NULL;
	FILE *f = fopen(path, "r");

	cr_assert_not_null(f);
	cr_assert_eq(fstat(fileno(f), &st), 0);
	cr_assert_eq(fread(&h, sizeof(h), 1, f), 1);
	cr_assert_eq(memcmp(h.magic, "outflow\n", 8), 0);
	cr_assert_eq(h.abi_version, OF_ABI_VERSION);
	cr_assert_eq(h.byte_order, 0x01020304);
	*ret_len = (size_t)st.st_size - sizeof(h);
	if (*ret_len > 0) {
		data = malloc(*ret_len);
		cr_assert_eq(fread(data, *ret_len, 1, f), 1);
	}
	(void)fclose(f);
	return data;
}

struct got {
	size_t n;
	uint64_t kinds; /* a bit each */
};

static void on_event(void *arg, const struct event *ev)
{
	struct got *got = arg;

	got->n++;
	got->kinds |= 1ULL << ev->kind;
}

static struct intake *array(const struct stream *s, size_t len)
{
	struct intake *in;

	cr_assert_eq(intake_array(s->data, len, &in), 0);
	return in;
}

static int drain_all(struct intake *in, struct got *got)
{
	int n;

	do
		n = intake_drain(in, 3, on_event, got);
	while (n >= 0);
	return n;
}

/* How many records of the stream lie whole in its first `len` bytes, and whether one is cut. */
static size_t whole(const struct stream *s, size_t len, bool *ret_cut)
{
	struct of_rec_hdr h;
	size_t at = 0, n = 0;

	while (at < len) {
		if (len - at < sizeof(h))
			break;
		memcpy(&h, s->data + at, sizeof(h));
		if (len - at < h.len)
			break;
		at += h.len;
		n++;
	}
	*ret_cut = at < len;
	return n;
}

/* ---- Reading ---- */

Test(intake, array_cut_at_every_byte)
{
	struct stream s = { .now_ns = SECOND };
	struct intake *in;
	struct got got;
	size_t len, n;
	bool cut;
	int end;

	rec_every_kind(&s);
	for (len = 0; len <= s.len; len++) {
		struct stream part = { .data = malloc(len), .len = len };

		memcpy(part.data, s.data, len);
		in = array(&part, len);
		got = (struct got){ 0 };
		end = drain_all(in, &got);
		n = whole(&s, len, &cut);
		cr_assert_eq(got.n, n, "%zu bytes", len);
		cr_assert_eq(end, cut ? -EBADMSG : -ENODATA, "%zu bytes", len);
		intake_free(in);
		stream_done(&part);
	}
	stream_done(&s);
}

Test(intake, recording_cut_at_every_byte)
{
	struct of_file_hdr h = { OF_FILE_MAGIC, OF_ABI_VERSION, OF_FILE_ORDER };
	struct stream s = { .now_ns = SECOND };
	struct intake *in;
	struct got got;
	char *file;
	size_t len, n;
	bool cut;

	rec_every_kind(&s);
	file = malloc(sizeof(h) + s.len);
	memcpy(file, &h, sizeof(h));
	memcpy(file + sizeof(h), s.data, s.len);
	for (len = 0; len < sizeof(h); len++) {
		file_write(file, len);
		cr_assert_eq(intake_recording(path, &in), -EBADMSG, "%zu bytes", len);
	}
	for (len = 0; len <= s.len; len++) {
		file_write(file, sizeof(h) + len);
		cr_assert_eq(intake_recording(path, &in), 0);
		got = (struct got){ 0 };
		n = whole(&s, len, &cut);
		cr_assert_eq(drain_all(in, &got), cut ? -EBADMSG : -ENODATA, "%zu bytes", len);
		cr_assert_eq(got.n, n, "%zu bytes", len);
		intake_free(in);
	}
	free(file);
	stream_done(&s);
}

struct forged {
	char why[64];
	struct of_file_hdr h;
	int err;
};

ParameterizedTestParameters(intake, header)
{
	static struct forged cases[] = {
		{ "right", { OF_FILE_MAGIC, OF_ABI_VERSION, OF_FILE_ORDER }, 0 },
		{ "another file", { "outflow ", OF_ABI_VERSION, OF_FILE_ORDER }, -EBADMSG },
		{ "nothing", { "", 0, 0 }, -EBADMSG },
		{ "an older version",
		  { OF_FILE_MAGIC, OF_ABI_VERSION - 1, OF_FILE_ORDER },
		  -EPROTONOSUPPORT },
		{ "a newer version",
		  { OF_FILE_MAGIC, OF_ABI_VERSION + 1, OF_FILE_ORDER },
		  -EPROTONOSUPPORT },
		{ "the other byte order",
		  { OF_FILE_MAGIC, OF_ABI_VERSION << 24, 0x04030201 },
		  -EPROTONOSUPPORT },
		{ "only the order", { OF_FILE_MAGIC, OF_ABI_VERSION, 0 }, -EPROTONOSUPPORT },
	};

	return cr_make_param_array(struct forged, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct forged *c, intake, header)
{
	struct intake *in = NULL;

	file_write(&c->h, sizeof(c->h));
	cr_assert_eq(intake_recording(path, &in), c->err, "%s", c->why);
	cr_expect_eq(in != NULL, c->err == 0, "%s", c->why);
	intake_free(in);
}

Test(intake, not_a_file)
{
	struct intake *in;

	cr_expect_eq(intake_recording("/tmp/outflow-there-is-none", &in), -ENOENT);
	cr_expect_lt(intake_recording(dir, &in), 0);
}

Test(intake, lengths_that_lie)
{
	static const uint32_t lens[] = { 0, 15, sizeof(struct of_rec_exec) + 1, UINT32_MAX };
	struct got got = { 0 };
	struct intake *in;
	size_t i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct of_rec_hdr h[200] = { { .len = lens[i], .kind = OF_REC_TICK } };

		cr_assert_eq(intake_array(h, sizeof(h), &in), 0);
		cr_expect_eq(intake_drain(in, 10, on_event, &got), -EBADMSG, "%u", lens[i]);
		intake_free(in);
	}
	cr_expect_eq(got.n, 0);
}

Test(intake, records_that_decode_refuses_are_counted_and_passed_over)
{
	struct of_rec_tick strange = { .hdr = { 0 } };
	struct stream s = { .now_ns = SECOND };
	struct got got = { 0 };
	struct intake *in;

	rec_tick(&s);
	stream_add(&s, &strange, sizeof(strange), OF_REC_MAX);
	stream_add(&s, &strange, sizeof(strange), OF_REC_ACCOUNT); /* too short for one */
	rec_tick(&s);
	in = array(&s, s.len);
	cr_expect_eq(intake_record(in, path), 0);
	cr_expect_eq(drain_all(in, &got), -ENODATA);
	cr_expect_eq(got.n, 2);
	cr_expect_eq(intake_stats(in).records, 4);
	cr_expect_eq(intake_stats(in).bad, 2);
	intake_free(in);
	free(recorded(&s.len));
	cr_expect_eq(s.len, 2 * sizeof(struct of_rec_tick), "what nobody understands is not kept");
	s.len = 0;
	stream_done(&s);
}

Test(intake, budget)
{
	struct stream s = { .now_ns = SECOND };
	struct got got = { 0 };
	struct intake *in;
	int i;

	for (i = 0; i < 10; i++)
		rec_tick(&s);
	in = array(&s, s.len);
	cr_expect_eq(intake_drain(in, 0, on_event, &got), 0);
	cr_expect_eq(got.n, 0);
	cr_expect_eq(intake_drain(in, 4, on_event, &got), 4);
	cr_expect_eq(got.n, 4);
	cr_expect_eq(intake_drain(in, 6, on_event, &got), 6);
	cr_expect_eq(got.n, 10);
	cr_expect_eq(intake_drain(in, 6, on_event, &got), -ENODATA);
	cr_expect_eq(intake_drain(in, 6, on_event, &got), -ENODATA);
	cr_expect_eq(intake_look(in, on_event, &got), 0, "an array has nothing to look at");
	intake_free(in);
	stream_done(&s);
}

Test(intake, records_that_lie_askew)
{
	struct stream s = { .now_ns = SECOND };
	struct got got = { 0 };
	struct intake *in;
	char *askew;

	rec_every_kind(&s);
	askew = malloc(s.len + 1);
	memcpy(askew + 1, s.data, s.len);
	cr_assert_eq(intake_array(askew + 1, s.len, &in), 0);
	cr_expect_eq(drain_all(in, &got), -ENODATA);
	cr_expect_eq(got.kinds, (1ULL << OF_REC_MAX) - 2, "every kind was there");
	intake_free(in);
	free(askew);
	stream_done(&s);
}

/* ---- Recording ---- */

Test(intake, what_is_recorded_replays_byte_for_byte)
{
	struct stream s = { .now_ns = SECOND };
	struct got first = { 0 }, again = { 0 };
	struct intake *in;
	struct stat st;
	char *copy;
	size_t len;

	for (s.now_ns = SECOND; s.now_ns < 50 * SECOND; s.now_ns += SECOND)
		rec_every_kind(&s);
	in = array(&s, s.len);
	umask(0);
	cr_assert_eq(intake_record(in, path), 0);
	cr_expect_eq(drain_all(in, &first), -ENODATA);
	cr_expect_eq(intake_stats(in).record_lost, 0);
	intake_free(in);

	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode, S_IFREG | 0600);
	copy = recorded(&len);
	cr_assert_eq(len, s.len);
	cr_expect_eq(memcmp(copy, s.data, len), 0);
	free(copy);

	cr_assert_eq(intake_recording(path, &in), 0);
	cr_expect_eq(drain_all(in, &again), -ENODATA);
	cr_expect_eq(again.n, first.n);
	intake_free(in);
	stream_done(&s);
}

Test(intake, a_file_that_is_there_is_refused)
{
	struct stream s = { .now_ns = SECOND };
	struct intake *in = array(&s, 0);
	char link[80];
	struct stat st;

	file_write("precious", 8);
	cr_expect_eq(intake_record(in, path), -EEXIST);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_size, 8);

	(void)snprintf(link, sizeof(link), "%s.link", path);
	cr_assert_eq(symlink("/tmp/outflow-there-is-none", link), 0);
	cr_expect_eq(intake_record(in, link), -EEXIST);
	(void)unlink(link);
	cr_expect_eq(intake_record(in, "/tmp/outflow-there-is-none/x"), -ENOENT);
	intake_free(in);
}

/* ---- A full disk ---- */

static void disk_limit(rlim_t bytes)
{
	struct rlimit l = { bytes, RLIM_INFINITY };

	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* The file must be a beginning of the stream, cut at any byte. */
static size_t is_beginning(const struct stream *s)
{
	size_t len;
	char *copy = recorded(&len);

	cr_assert_leq(len, s->len);
	cr_expect(len == 0 || memcmp(copy, s->data, len) == 0, "a hole in the recording");
	free(copy);
	return len;
}

Test(intake, a_full_disk_ends_the_recording_and_nothing_else)
{
	struct stream s = { .now_ns = SECOND };
	struct got got = { 0 };
	struct intake *in;
	uint64_t lost;
	int i;

	for (i = 0; i < 1000; i++)
		rec_every_kind(&s);
	in = array(&s, s.len);
	disk_limit(65536);
	cr_assert_eq(intake_record(in, path), 0);
	while (got.n < 6000)
		(void)intake_drain(in, 100, on_event, &got);
	lost = intake_stats(in).record_lost;
	cr_expect_gt(lost, 0);
	disk_limit(RLIM_INFINITY); /* room again: it has ended all the same */
	cr_expect_eq(drain_all(in, &got), -ENODATA);
	cr_expect_eq(got.n, 1000 * EVERY_KIND_N, "watching goes on");
	cr_expect_eq(intake_stats(in).record_lost, lost + 1000 * EVERY_KIND_N - 6000);
	intake_free(in);
	cr_expect_leq(is_beginning(&s), 65536);
	stream_done(&s);
}

/* An engine that, as the kernel, has something to tell at each look. */
struct looked {
	struct stream *s;
	size_t at;
};

static int look_drain(void *self, int budget, intake_raw_fn *fn, void *arg)
{
	(void)self;
	(void)budget;
	(void)fn;
	(void)arg;
	return 0;
}

static int look_look(void *self, intake_raw_fn *fn, void *arg)
{
	struct looked *l = self;
	struct of_rec_tick rec;

	memcpy(&rec, l->s->data + l->at, sizeof(rec));
	l->at += sizeof(rec);
	return fn(arg, &rec.hdr, sizeof(rec));
}

static void look_close(void *self)
{
	(void)self;
}

static const struct intake_ops look_ops = { "looked at", look_drain, look_look, look_close };

Test(intake, a_disk_that_was_full_for_a_look_leaves_no_hole)
{
	struct stream s = { .now_ns = SECOND };
	struct looked l = { .s = &s };
	struct got got = { 0 };
	struct intake *in;
	int i;

	for (i = 0; i < 100; i++, s.now_ns += SECOND)
		rec_tick(&s);
	cr_assert_eq(intake_new(&look_ops, &l, &in), 0);
	cr_assert_eq(intake_record(in, path), 0);
	for (i = 0; i < 10; i++)
		cr_assert_eq(intake_look(in, on_event, &got), 0);
	cr_expect_eq(is_beginning(&s), 10 * sizeof(struct of_rec_tick), "a look writes it out");
	disk_limit(200); /* in the middle of a record */
	for (i = 0; i < 10; i++)
		cr_assert_eq(intake_look(in, on_event, &got), 0);
	disk_limit(RLIM_INFINITY);
	for (i = 0; i < 10; i++)
		cr_assert_eq(intake_look(in, on_event, &got), 0);
	cr_expect_eq(got.n, 30);
	cr_expect_eq(intake_stats(in).record_lost, 19,
		     "from the first that did not reach the disk");
	intake_free(in);
	(void)is_beginning(&s);
	stream_done(&s);
}

/* ---- Secrets ---- */

struct seen {
	char argv[64];
	size_t len, size;
	uint32_t redacted;
};

static void see(void *arg, const struct event *ev)
{
	struct seen *seen = arg;

	seen->len = ev->exec.argv_len;
	seen->size = ev->exec.argv_size;
	seen->redacted = ev->exec.argv_redacted;
	cr_assert_lt(seen->len, sizeof(seen->argv));
	memcpy(seen->argv, ev->exec.argv, seen->len);
}

/* One record by an intake that records; what it came to, and the record as it was written. */
static struct seen through(const struct stream *s, bool redacts, char **ret_rec, size_t *ret_len)
{
	struct intake *in = array(s, s->len);
	struct seen seen = { .len = 0 };

	(void)unlink(path);
	cr_assert_eq(intake_record(in, path), 0);
	if (redacts)
		intake_redact(in);
	cr_assert_eq(intake_drain(in, 8, see, &seen), 1);
	intake_free(in);
	*ret_rec = recorded(ret_len);
	return seen;
}

Test(intake, secrets)
{
	static const char argv[] = "curl\0--token\0hunter2secret", clean[] = "curl\0--token\0***";
	struct of_exec e = { .exec_id = 1, .tgid = 5, .name = "curl" };
	struct stream s = { .now_ns = SECOND };
	struct of_rec_exec *r;
	struct seen seen;
	char *rec;
	size_t len;

	rec_exec_of(&s, &e, "/usr/bin/curl", argv, sizeof(argv));
	seen = through(&s, false, &rec, &len);
	cr_expect_eq(seen.redacted, 0);
	cr_expect_eq(seen.len, sizeof(argv));
	cr_expect_not_null(memmem(rec, len, "hunter2", 7));
	free(rec);

	seen = through(&s, true, &rec, &len);
	cr_expect_eq(seen.redacted, 1);
	cr_expect(seen.len == sizeof(clean) && memcmp(seen.argv, clean, sizeof(clean)) == 0);
	cr_expect_eq(seen.size, seen.len, "it was whole");
	cr_expect_null(memmem(rec, len, "hunter2", 7));
	cr_expect_eq(((struct of_rec_hdr *)rec)->len, len, "the record is as long as it says");
	free(rec);

	/* The same with its end cut off: how much, is still told. */
	r = (struct of_rec_exec *)s.data;
	r->argv_size += 1000;
	seen = through(&s, true, &rec, &len);
	cr_expect_eq(seen.size, seen.len + 1000);
	cr_expect_null(memmem(rec, len, "hunter2", 7));
	free(rec);
	stream_done(&s);
}

struct seen_env {
	char text[OF_ENV_LEN];
	size_t len;
};

static void see_env(void *arg, const struct event *ev)
{
	struct seen_env *seen = arg;

	seen->len = ev->env.text_len;
	memcpy(seen->text, ev->env.text, seen->len);
}

/* What a variable of a CI system holds is blanked where it comes in: nobody behind has it. */
Test(intake, secrets_of_an_environment)
{
	static const char lines[] =
		"BUILDBOT_REPOSITORY=u:SECRETA@h:/r\0"
		"BUILDBOT_BUILDER=b\0"
		"BUILDBOT_BUILDNUMBER=ghp_SECRETB01234567890123456789012345678\0"
		"CI_REPO=https:/u:SECRETC@h/r\0"
		"GITHUB_REPOSITORY=https://u:SECRETD@h/r?token=SECRETE\0"
		"DRONE_REPO=https://u:SECRETF";
	static const char clean[] = "BUILDBOT_REPOSITORY=u:***@h:/r\0"
				    "BUILDBOT_BUILDER=b\0"
				    "BUILDBOT_BUILDNUMBER=ghp_***\0"
				    "CI_REPO=https:/u:***@h/r\0"
				    "GITHUB_REPOSITORY=https://u:***@h/r?token=***\0"
				    "DRONE_REPO=https://u:***";
	static struct seen_env seen;
	struct stream s = { .now_ns = SECOND };
	char text[sizeof(lines) + OF_ENV_VALUE], *rec;
	size_t n = sizeof(lines) - 1, len;
	struct intake *in;

	/* The last is cut: a '@' may have followed. */
	memcpy(text, lines, n);
	memset(text + n, 'x', OF_ENV_VALUE - 1 - strlen("https://u:SECRETF"));
	n += OF_ENV_VALUE - 1 - strlen("https://u:SECRETF");
	text[n++] = '\0';
	rec_env(&s, 7, text, n);

	in = array(&s, s.len);
	(void)unlink(path);
	cr_assert_eq(intake_record(in, path), 0);
	intake_redact(in);
	cr_assert_eq(intake_drain(in, 8, see_env, &seen), 1);
	intake_free(in);
	rec = recorded(&len);
	cr_expect(seen.len == sizeof(clean) && memcmp(seen.text, clean, sizeof(clean)) == 0);
	cr_expect_null(memmem(rec, len, "SECRET", 6));
	cr_expect_eq(((struct of_rec_hdr *)rec)->len, len);
	free(rec);
	stream_done(&s);
}
