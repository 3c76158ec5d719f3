/* SPDX-License-Identifier: BSD-2-Clause */
/* Syslog to real receivers on this machine: slow, dead, late, full, gone and back. */
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

TestSuite(sockets, .init = setup, .fini = teardown, .timeout = 60);

static struct sink_state state(size_t i)
{
	return sinks_state(f.sinks, i);
}

static bool is_up(struct feed *feed)
{
	(void)feed;
	return state(0).up == 1;
}

static bool is_down(struct feed *feed)
{
	(void)feed;
	return state(0).up == 0;
}

/* ---- datagrams ---- */

static bool has_datagrams(struct feed *feed)
{
	(void)feed;
	take_datagrams();
	return got_lines() >= want;
}

Test(sockets, unix_as_glibc_writes)
{
	char text[128];

	(void)setenv("TZ", "UTC", 1);
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	got_fd = unix_bind(f.conf[0].path);
	feed_start(&f);
	feed_put(&f, 1, 2);
	take_datagrams();
	(void)snprintf(text, sizeof(text),
		       "<83>Mar 19 17:43:13 outflowd[%d]: high rule-1: record 1\n", (int)getpid());
	cr_expect_str_eq(got.data, text);
	cr_expect_eq(state(0).up, 1);
	cr_expect_eq(state(0).err, 0);
	cr_expect_eq(state(0).delivered, 1);
	cr_expect_str_eq(state(0).name, "test");
	cr_expect_eq(sinks_count(f.sinks), 1);
}

/* The receiver goes and a new one comes under the same path; nothing is lost in between. */
Test(sockets, unix_restarted)
{
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	got_fd = unix_bind(f.conf[0].path);
	feed_start(&f);
	feed_put(&f, 0, 3);
	take_datagrams();
	(void)close(got_fd); /* killed: the path stays */
	feed_put(&f, 3, 5);
	cr_expect_eq(state(0).up, 0);
	cr_expect_eq(state(0).err, -ECONNREFUSED);
	cr_expect_eq(state(0).queued, 2);
	(void)unlink(f.conf[0].path); /* stopped: it goes */
	feed_tick(&f, 1);
	cr_expect_eq(state(0).err, -ENOENT);
	got_fd = unix_bind(f.conf[0].path);
	feed_put(&f, 5, 6);
	feed_tick(&f, 2);
	cr_expect_eq(state(0).up, 1);
	take_datagrams();
	expect_records(0, 6);
}

/* Many more than the receiver's queue holds: they wait here, and follow without a tick. */
Test(sockets, unix_full)
{
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	got_fd = unix_bind(f.conf[0].path);
	feed_start(&f);
	feed_put(&f, 0, 3000);
	cr_expect_gt(state(0).queued, 0);
	cr_expect_eq(state(0).up, 1, "slow is not down");
	want = 3000;
	cr_expect(feed_run(&f, has_datagrams));
	expect_records(0, 3000);
	cr_expect_eq(state(0).delivered, 3000);
}

Test(sockets, unix_too_long_is_cut_and_marked)
{
	int room = 8 << 10;

	feed_add_path(&f, SINK_SYSLOG, FORMAT_JSON, "log");
	got_fd = unix_bind(f.conf[0].path);
	feed_start(&f);
	/* More than the send buffer of any socket here may hold (net.core.wmem_default). */
	cr_assert_eq(setsockopt(got_fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	feed_put_size(&f, 1, 240 << 10);
	feed_put(&f, 2, 3);
	take_datagrams();
	cr_expect_not_null(strstr(got.data, "...[cut]\n{\"n\":2}\n"));
	cr_expect_eq(strncmp(got.data, "{\"n\":1,", 7), 0);
	cr_expect_eq(state(0).delivered, 2);
}

Test(sockets, unix_path_too_long)
{
	static char path[200];

	memset(path, 'x', sizeof(path) - 1);
	feed_add(&f, SINK_SYSLOG, TRANSPORT_UNIX, FORMAT_RFC3164)->path = strdup(path);
	feed_start(&f);
	cr_expect_eq(state(0).err, -ENAMETOOLONG);
}

/* "Nobody listens" comes back as an ICMP message; the record it speaks of is not lost. */
Test(sockets, udp_refused_then_taken)
{
	uint16_t port = feed_free_port(SOCK_DGRAM);

	feed_add_port(&f, TRANSPORT_UDP, FORMAT_RFC5424, port);
	feed_start(&f);
	feed_put(&f, 0, 3);
	cr_expect_eq(state(0).up, 0);
	cr_expect_eq(state(0).err, -ECONNREFUSED);
	cr_expect_eq(state(0).queued, 3);
	got_fd = feed_bind(SOCK_DGRAM, &port);
	feed_tick(&f, 1);
	want = 3;
	cr_expect(feed_run(&f, has_datagrams));
	expect_records(0, 3);
	cr_expect_eq(state(0).up, 1);
	cr_expect_eq(strncmp(got.data, "<83>1 2026-03-19T17:43:12.123456Z runner-7 outflowd ", 52),
		     0);
}

/* ---- TCP ---- */

static int listener = -1, peer = -1;
static size_t read_step = 64 << 10; /* bytes the receiver takes at a time */

static void receive_room(int fd, int bytes)
{
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)), 0);
}

static void tcp_listen(uint16_t *port)
{
	listener = feed_bind(SOCK_STREAM, port);
	receive_room(listener, 4096);
	cr_assert_eq(listen(listener, 4), 0);
}

static void take_stream(void)
{
	static char data[64 << 10];
	ssize_t n;

	if (peer < 0)
		peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer < 0)
		return;
	n = recv(peer, data, read_step, MSG_DONTWAIT);
	if (n > 0)
		buf_add(&got, data, (size_t)n);
}

/* Octet counting: "LEN SP MSG". The number of whole frames; *ret_next is behind the last. */
static int frames(size_t *ret_next)
{
	size_t at = 0, len;
	char *end;
	int n = 0;

	while (at < got.len) {
		cr_assert(got.data[at] >= '1' && got.data[at] <= '9', "no frame at %zu: %.20s", at,
			  got.data + at);
		len = strtoul(got.data + at, &end, 10);
		if (*end == '\0')
			break;
		cr_assert_eq(*end, ' ');
		if ((size_t)(end + 1 - got.data) + len > got.len)
			break;
		at = (size_t)(end + 1 - got.data) + len;
		n++;
	}
	*ret_next = at;
	return n;
}

static bool has_frames(struct feed *feed)
{
	size_t next;

	(void)feed;
	take_stream();
	return frames(&next) >= want;
}

static bool has_bytes(struct feed *feed)
{
	(void)feed;
	take_stream();
	return got.len >= (size_t)want;
}

Test(sockets, tcp_octet_counted)
{
	uint16_t port = 0;
	char text[128];

	tcp_listen(&port);
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_JSON, port);
	feed_start(&f);
	feed_put(&f, 1, 3);
	want = 2;
	cr_expect(feed_run(&f, has_frames));
	(void)snprintf(text, sizeof(text), "7 {\"n\":1}7 {\"n\":2}");
	cr_expect_str_eq(got.data, text);
	cr_expect_eq(state(0).delivered, 2);
}

static bool is_a_moment_later(struct feed *feed)
{
	return feed->steps >= 2;
}

/* n seconds, with time for the answers in between. */
static void pass(int n)
{
	while (n-- > 0) {
		feed_tick(&f, 1);
		(void)feed_run(&f, is_a_moment_later);
	}
}

/* Down at 0 s: tried after 1, 2, 4 and 8 more; up as soon as somebody listens then. */
Test(sockets, tcp_comes_up_later)
{
	uint16_t port = feed_free_port(SOCK_STREAM);

	feed_add_port(&f, TRANSPORT_TCP, FORMAT_JSON, port);
	feed_start(&f);
	feed_put(&f, 0, 4);
	cr_assert(feed_run(&f, is_down));
	cr_expect_eq(state(0).err, -ECONNREFUSED);
	pass(1 + 2 + 4);
	tcp_listen(&port);
	pass(7);
	cr_expect_eq(state(0).up, 0);
	cr_expect_eq(accept(listener, NULL, NULL), -1, "it is not time to try yet");
	pass(1);
	want = 4;
	cr_expect(feed_run(&f, has_frames));
	cr_expect_eq(state(0).up, 1);
	cr_expect_eq(state(0).queued, 0);
}

/* At most 60 s between two tries, however long it was away. */
Test(sockets, backoff_is_bounded)
{
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	feed_start(&f);
	feed_put(&f, 0, 1);
	feed_tick(&f, 100000);
	got_fd = unix_bind(f.conf[0].path);
	feed_tick(&f, 60);
	cr_expect_eq(state(0).up, 1);
}

/* Lines go out in pieces and arrive whole. */
Test(sockets, tcp_slow_receiver)
{
	uint16_t port = 0;
	size_t next;
	int i;

	f.config.limits.sink_queue_bytes = 16 << 20;
	tcp_listen(&port);
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_JSON, port);
	feed_start(&f);
	cr_assert(feed_run(&f, is_up));
	for (i = 0; i < 40; i++)
		feed_put_size(&f, i, 200 << 10);
	cr_expect_gt(state(0).queued, 0);
	cr_expect_eq(state(0).up, 1);
	read_step = 333;
	want = 10000;
	cr_expect(feed_run(&f, has_bytes), "in small pieces first");
	receive_room(peer, 1 << 20);
	while (state(0).queued > 0) {
		take_stream();
		feed_tick(&f, 1);
		read_step = 64 << 10;
	}
	want = 40;
	cr_expect(feed_run(&f, has_frames));
	cr_expect_eq(frames(&next), 40);
	cr_expect_eq(next, got.len);
}

/* Reset in mid-line: the line is sent again from its start on the next connection. */
Test(sockets, tcp_reset_in_mid_line)
{
	struct linger reset = { 1, 0 };
	uint16_t port = 0;
	char text[32], *at;
	int i, first;

	f.config.limits.sink_queue_bytes = 16 << 20;
	tcp_listen(&port);
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_JSON, port);
	feed_start(&f);
	cr_assert(feed_run(&f, is_up));
	for (i = 0; i < 40; i++)
		feed_put_size(&f, i, 200 << 10);
	want = 100000;
	cr_assert(feed_run(&f, has_bytes));
	cr_assert_gt(state(0).queued, 1);
	cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	(void)close(peer);
	cr_expect(feed_run(&f, is_down), "seen without sending anything");
	first = 40 - (int)state(0).queued;
	peer = -1;
	receive_room(listener, 1 << 20);
	buf_clear(&got);
	feed_tick(&f, 1);
	want = 40 - first;
	while (state(0).queued > 0) {
		take_stream();
		(void)feed_run(&f, is_up);
		feed_tick(&f, 1);
	}
	cr_expect(feed_run(&f, has_frames));
	at = got.data;
	for (i = first; i < 40; i++) {
		(void)snprintf(text, sizeof(text), " {\"n\":%d,", i);
		at = strstr(at, text);
		cr_assert_not_null(at, "record %d of %d..39", i, first);
	}
}

Test(sockets, tcp_end_is_seen_without_sending)
{
	uint16_t port = 0;

	tcp_listen(&port);
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_RFC5424, port);
	feed_start(&f);
	cr_assert(feed_run(&f, is_up));
	peer = accept(listener, NULL, NULL);
	cr_assert_geq(peer, 0);
	(void)!write(peer, "what a receiver says", 20);
	(void)close(peer);
	cr_expect(feed_run(&f, is_down));
	peer = -1;
	feed_put(&f, 0, 1);
	f.ticking = true;
	want = 1;
	cr_expect(feed_run(&f, has_frames), "back with what came in between");
}

/* Whoever takes a connection only to end it is tried ever more rarely. */
Test(sockets, tcp_that_ends_at_once_backs_off)
{
	uint16_t port = 0;
	int i, n = 0, fd;

	tcp_listen(&port);
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_RFC5424, port);
	feed_start(&f);
	for (i = 0; i < 30; i++) {
		while ((fd = accept(listener, NULL, NULL)) >= 0) {
			n++;
			(void)close(fd);
			cr_assert(feed_run(&f, is_down));
		}
		feed_tick(&f, 1);
	}
	cr_expect_leq(n, 6);
	cr_expect_geq(n, 4);
}
