/* SPDX-License-Identifier: BSD-2-Clause */
/* Files, stderr, queues, and that no sink waits for another. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "feed.h"

static struct feed f;

static void setup(void)
{
	feed_init(&f);
}

static void teardown(void)
{
	feed_done(&f);
	buf_done(&got);
}

TestSuite(sinks, .init = setup, .fini = teardown, .timeout = 60);

static struct sink_state state(size_t i)
{
	return sinks_state(f.sinks, i);
}

/* The receiver on got_fd took everything. */
static bool is_drained(struct feed *feed)
{
	(void)feed;
	take_datagrams();
	return state(0).queued == 0;
}

/* ---- files ---- */

static void take_file(const char *path)
{
	char data[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf_clear(&got);
	cr_assert_geq(fd, 0, "%s", path);
	while ((n = read(fd, data, sizeof(data))) > 0)
		buf_add(&got, data, (size_t)n);
	buf_add(&got, "", 0);
	(void)close(fd);
}

Test(sinks, file_with_its_folder)
{
	struct stat st;

	(void)umask(022);
	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "var/alerts.jsonl");
	feed_start(&f);
	feed_put(&f, 1, 3);
	take_file(f.conf[0].path);
	cr_expect_str_eq(got.data, "{\"n\":1}\n{\"n\":2}\n");
	cr_assert_eq(stat(f.conf[0].path, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0640);
	cr_assert_eq(stat(feed_path(&f, "var"), &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0750);
}

Test(sinks, file_as_text)
{
	feed_add_path(&f, SINK_FILE, FORMAT_TEXT, "alerts.log");
	feed_start(&f);
	feed_put(&f, 1, 2);
	take_file(f.conf[0].path);
	cr_expect_str_eq(got.data, "2026-03-19T17:43:13.123456Z high rule-1: record 1\n");
}

Test(sinks, file_renamed_and_removed)
{
	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "a");
	feed_start(&f);
	feed_put(&f, 1, 2);
	cr_assert_eq(rename(f.conf[0].path, feed_path(&f, "a.1")), 0);
	feed_put(&f, 2, 3);
	feed_tick(&f, 1);
	feed_put(&f, 3, 4);
	take_file(feed_path(&f, "a.1"));
	cr_expect_str_eq(got.data, "{\"n\":1}\n{\"n\":2}\n", "until it was seen");
	take_file(f.conf[0].path);
	cr_expect_str_eq(got.data, "{\"n\":3}\n");
	cr_assert_eq(unlink(f.conf[0].path), 0);
	feed_tick(&f, 1);
	feed_put(&f, 4, 5);
	take_file(f.conf[0].path);
	cr_expect_str_eq(got.data, "{\"n\":4}\n");
	cr_expect_eq(state(0).up, 1);
}

/* The daemon is root: whoever may write to the folder must not choose what it writes to. */
Test(sinks, file_symlink_and_fifo_are_refused)
{
	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "link");
	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "fifo");
	cr_assert_eq(symlink("target", f.conf[0].path), 0);
	cr_assert_eq(mkfifo(f.conf[1].path, 0600), 0);
	feed_start(&f);
	feed_put(&f, 0, 1);
	cr_expect_eq(state(0).err, -ELOOP);
	cr_expect_eq(state(1).err, -EINVAL);
	cr_expect_eq(access(feed_path(&f, "target"), F_OK), -1);
	cr_expect_eq(state(0).queued, 1);
}

Test(sinks, file_ends_the_line_of_an_earlier_run)
{
	FILE *old;

	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "a");
	old = fopen(f.conf[0].path, "w");
	cr_assert_not_null(old);
	(void)fputs("{\"n\":1}\n{\"n\":", old);
	(void)fclose(old);
	feed_start(&f);
	feed_put(&f, 3, 4);
	take_file(f.conf[0].path);
	cr_expect_str_eq(got.data, "{\"n\":1}\n{\"n\":\n{\"n\":3}\n");
}

/* The limit falls in mid-line; when there is room again the line is completed, not repeated. */
Test(sinks, file_at_its_size_limit)
{
	struct rlimit limit = { 20, RLIM_INFINITY };

	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "a");
	feed_start(&f);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	feed_put(&f, 1, 6);
	cr_expect_eq(state(0).up, 0);
	cr_expect_eq(state(0).err, -EFBIG);
	cr_expect_eq(state(0).delivered, 2);
	cr_expect_eq(state(0).queued, 3);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	feed_tick(&f, 1);
	feed_put(&f, 6, 7);
	take_file(f.conf[0].path);
	cr_expect_str_eq(got.data,
			 "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n{\"n\":6}\n");
	cr_expect_eq(state(0).up, 1);
}

Test(sinks, file_on_a_full_disk)
{
	int fd, i, n;

	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "disk/a");
	cr_assert_eq(mkdir(feed_path(&f, "disk"), 0755), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", feed_path(&f, "disk"), "tmpfs", 0, "size=64k") < 0) {
		feed_start(&f);
		cr_skip_test("no privilege to mount a small disk");
	}
	feed_start(&f);
	fd = open(feed_path(&f, "disk/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	for (i = 0; i < 10; i++)
		(void)!write(fd, &(char[4096]){ 1 }, 4096);
	for (n = 0; n < 100; n++)
		feed_put_size(&f, n, 1000);
	cr_expect_eq(state(0).err, -ENOSPC);
	cr_expect_eq(state(0).queued + state(0).delivered, 100);
	cr_expect_gt(state(0).queued, 50);
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(unlink(feed_path(&f, "disk/filler")), 0);
	(void)close(fd);
	feed_tick(&f, 1);
	/* 64 KiB do not hold 100 records; what fits is whole, and the disk is full again. */
	cr_expect_gt(state(0).delivered, 55);
	cr_assert_eq(mount("none", feed_path(&f, "disk"), NULL, MS_REMOUNT, "size=1m"), 0);
	feed_tick(&f, 60);
	cr_expect_eq(state(0).queued, 0);
	take_file(f.conf[0].path);
	cr_expect_eq(got_lines(), 100);
	for (i = 0, n = 0; n < 100; n++, i += 1 + (int)strcspn(got.data + i, "\n"))
		cr_assert_eq(strtol(got.data + i + 5, NULL, 10), n);
	(void)umount2(feed_path(&f, "disk"), MNT_DETACH);
}

/* ---- stderr ---- */

static int pipe_fds[2];

static void stderr_to_pipe(void)
{
	cr_assert_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	cr_assert_geq(dup2(pipe_fds[1], STDERR_FILENO), 0);
	(void)close(pipe_fds[1]);
	cr_assert_eq(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
}

static bool has_piped(struct feed *feed)
{
	char data[4096];
	ssize_t n;

	(void)feed;
	while ((n = read(pipe_fds[0], data, sizeof(data))) > 0)
		buf_add(&got, data, (size_t)n);
	return got_lines() >= want;
}

/* A reader that sleeps does not stop the daemon, and whoever shares the pipe is left alone. */
Test(sinks, stderr_full)
{
	stderr_to_pipe();
	feed_add(&f, SINK_STDERR, TRANSPORT_UNIX, FORMAT_TEXT);
	feed_start(&f);
	feed_put(&f, 0, 5000);
	cr_expect_gt(state(0).queued, 0);
	cr_expect_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	want = 5000;
	cr_expect(feed_run(&f, has_piped));
	expect_records(0, 5000);
}

Test(sinks, stderr_without_a_reader)
{
	stderr_to_pipe();
	feed_add(&f, SINK_STDERR, TRANSPORT_UNIX, FORMAT_TEXT);
	feed_start(&f);
	(void)close(pipe_fds[0]);
	feed_put(&f, 0, 2);
	cr_expect_eq(state(0).err, -EPIPE);
	cr_expect_eq(state(0).queued, 2);
}

Test(sinks, stderr_a_file_shared_with_the_log)
{
	int fd = open(feed_path(&f, "err"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_geq(dup2(fd, STDERR_FILENO), 0);
	feed_add(&f, SINK_STDERR, TRANSPORT_UNIX, FORMAT_JSON);
	feed_start(&f);
	(void)!write(STDERR_FILENO, "before\n", 7);
	feed_put(&f, 1, 2);
	(void)!write(STDERR_FILENO, "after\n", 6);
	take_file(feed_path(&f, "err"));
	cr_expect_str_eq(got.data, "before\n{\"n\":1}\nafter\n");
}

Test(sinks, stderr_a_full_socket)
{
	int sv[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
	cr_assert_geq(dup2(sv[1], STDERR_FILENO), 0);
	(void)close(sv[1]);
	pipe_fds[0] = sv[0];
	cr_assert_eq(fcntl(sv[0], F_SETFL, O_NONBLOCK), 0);
	feed_add(&f, SINK_STDERR, TRANSPORT_UNIX, FORMAT_TEXT);
	feed_start(&f);
	feed_put(&f, 0, 9000);
	cr_expect_gt(state(0).queued, 0);
	want = 9000;
	cr_expect(feed_run(&f, has_piped));
	expect_records(0, 9000);
}

/* ---- queues ---- */

/* What the full queue refused is counted, and said in the sink once it takes lines again. */
Test(sinks, loss_is_counted_and_said)
{
	char text[256], first[TIME_TEXT_LEN], last[TIME_TEXT_LEN];
	uint64_t kept, lost;

	f.config.limits.sink_queue_bytes = 4096;
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	feed_start(&f);
	feed_put(&f, 0, 100);
	kept = state(0).queued;
	lost = state(0).dropped;
	cr_expect_gt(kept, 10);
	cr_expect_eq(kept + lost, 100);
	got_fd = unix_bind(f.conf[0].path);
	f.ticking = true;
	cr_expect(feed_run(&f, is_drained));
	feed_put(&f, 100, 101);
	cr_expect(feed_run(&f, is_drained));
	cr_expect_eq(got_lines(), (int)kept + 2, "the kept, the line of loss, the new one");
	time_text(first, feed_time((int)kept));
	time_text(last, feed_time(99));
	(void)snprintf(text, sizeof(text),
		       "]: medium loss: %" PRIu64 " records were not delivered here between "
		       "%s and %s (queue full)\n",
		       lost, first, last);
	cr_expect_not_null(strstr(got.data, text), "%s in %s", text, got.data);
	cr_expect_eq(state(0).delivered, kept + 1, "the line of loss is no record");
	cr_expect_eq(state(0).dropped, lost);
}

/* A slow receiver is told of loss now and then, not after each line it takes. */
Test(sinks, loss_is_not_said_at_each_line)
{
	int i, losses = 0;
	char data[4096], *at;
	ssize_t n;

	f.config.limits.sink_queue_bytes = 8192;
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	got_fd = unix_bind(f.conf[0].path);
	feed_start(&f);
	for (i = 0; i < 5000; i++) {
		feed_put(&f, i, i + 1);
		n = i % 3 == 0 ? recv(got_fd, data, sizeof(data), MSG_DONTWAIT) : 0;
		if (n > 0) {
			buf_add(&got, data, (size_t)n);
			feed_tick(&f, 1);
		}
	}
	cr_expect_eq(state(0).delivered + state(0).dropped + state(0).queued, 5000);
	f.ticking = true;
	cr_expect(feed_run(&f, is_drained));
	cr_expect(feed_run(&f, is_drained));
	for (at = got.data; (at = strstr(at, ": medium loss: ")) != NULL; at++)
		losses++;
	cr_expect_eq(losses, 1, "%d", losses);
}

/* A sink that is up loses nothing, however small its queue. */
Test(sinks, a_record_longer_than_the_queue)
{
	f.config.limits.sink_queue_bytes = 200;
	feed_add_path(&f, SINK_FILE, FORMAT_JSON, "a");
	feed_start(&f);
	feed_put_size(&f, 1, 1000);
	feed_put_size(&f, 2, 1000);
	cr_expect_eq(state(0).delivered, 2);
	cr_expect_eq(state(0).dropped, 0);
	take_file(f.conf[0].path);
	cr_expect_eq(got_lines(), 2);
}

Test(sinks, loss_as_json)
{
	feed_lose_one(&f);
	f.ticking = true;
	cr_expect(feed_run(&f, is_drained));
	take_file(f.conf[0].path);
	cr_expect_str_eq(
		got.data,
		"{\"n\":1}\n{\"v\":1,\"type\":\"loss\",\"time\":\"2026-03-19T17:43:14.123456Z\","
		"\"host\":\"runner-7\",\"severity\":\"medium\",\"reason\":\"1 record was not "
		"delivered here between 2026-03-19T17:43:14.123456Z and "
		"2026-03-19T17:43:14.123456Z (queue full)\",\"sink\":\"test\",\"dropped\":1,"
		"\"first\":\"2026-03-19T17:43:14.123456Z\","
		"\"last\":\"2026-03-19T17:43:14.123456Z\"}\n");
}

/* Six sinks, four of them dead, deaf or full: the file has every record when put returns. */
Test(sinks, one_down_delays_no_other)
{
	uint16_t deaf = 0;
	int listener;
	size_t i;

	f.config.limits.sink_queue_bytes = 64 << 10;
	listener = feed_bind(SOCK_STREAM, &deaf);
	cr_assert_eq(listen(listener, 1), 0);
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "nobody");
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_RFC5424, deaf);
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_RFC5424, feed_free_port(SOCK_STREAM));
	feed_add_port(&f, TRANSPORT_UDP, FORMAT_RFC5424, feed_free_port(SOCK_DGRAM));
	feed_add_path(&f, SINK_FILE, FORMAT_TEXT, "a");
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	got_fd = unix_bind(f.conf[5].path);
	feed_start(&f);
	for (i = 0; i < 2000; i++) {
		feed_put(&f, (int)i, (int)i + 1);
		take_datagrams();
	}
	expect_records(0, 2000);
	take_file(f.conf[4].path);
	expect_records(0, 2000);
	for (i = 0; i < 4; i++)
		cr_expect_eq(state(i).delivered + state(i).dropped + state(i).queued, 2000);
	cr_expect_gt(state(0).dropped, 0);
	cr_expect_gt(state(3).dropped, 0);
	cr_expect_eq(state(4).dropped, 0);
	cr_expect_eq(state(5).dropped, 0);
}

/* The last try at the end does not wait for the backoff. */
Test(sinks, end_delivers_what_is_queued)
{
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	feed_start(&f);
	feed_put(&f, 0, 5);
	feed_tick(&f, 20);
	got_fd = unix_bind(f.conf[0].path);
	sinks_free(f.sinks);
	f.sinks = NULL;
	take_datagrams();
	expect_records(0, 5);
}
