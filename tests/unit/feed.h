/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * feed.h: what the tests of sinks share: numbered records, sinks of a test's own configuration,
 * and a loop that runs until something holds or a deadline passes.
 */
#ifndef TESTS_FEED_H
#define TESTS_FEED_H

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/loop.h"
#include "base/table.h"
#include "base/text.h"
#include "sink/sink.h"

#define FEED_SINKS  8
#define DEADLINE_MS 20000 /* a hundred times what a slow machine needs */
#define STEP_MS	    5

struct feed {
	char dir[64];
	struct loop *loop;
	struct sinks *sinks;
	struct config config;
	struct sink_conf conf[FEED_SINKS];
	bool ticking; /* every step is a second */
	bool (*done)(struct feed *f);
	struct loop_src timer;
	int steps;
};

static inline void feed_init(struct feed *f)
{
	*f = (struct feed){ .dir = "/tmp/outflow-test.XXXXXX", .timer.fd = -1 };
	cr_assert_not_null(mkdtemp(f->dir));
	f->config.sinks = f->conf;
	f->config.limits.sink_queue_bytes = 1 << 20;
	cr_assert_eq(loop_new(&f->loop), 0);
}

static inline const char *feed_path(struct feed *f, const char *name)
{
	static char paths[8][128];
	static int turn;
	char *path = paths[turn++ % 8];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", f->dir, name);
	return path;
}

static inline struct sink_conf *feed_add(struct feed *f, enum sink_type type,
					 enum sink_transport transport, enum sink_format format)
{
	struct sink_conf *c = &f->conf[f->config.sinks_n++];

	*c = (struct sink_conf){ .type = type,
				 .transport = transport,
				 .format = format,
				 .facility = 10,
				 .name = (char *)"test" };
	return c;
}

static inline void feed_add_path(struct feed *f, enum sink_type type, enum sink_format format,
				 const char *name)
{
	feed_add(f, type, TRANSPORT_UNIX, format)->path = strdup(feed_path(f, name));
}

static inline void feed_add_port(struct feed *f, enum sink_transport transport,
				 enum sink_format format, uint16_t port)
{
	struct sink_conf *c = feed_add(f, SINK_SYSLOG, transport, format);

	cr_assert_eq(ip_parse("127.0.0.1", c->addr), 0);
	c->port = port;
}

static inline void feed_start(struct feed *f)
{
	cr_assert_eq(sinks_new(f->loop, &f->config, &f->sinks), 0);
}

static inline void feed_done(struct feed *f)
{
	char command[128];
	size_t i;

	sinks_free(f->sinks);
	loop_free(f->loop);
	for (i = 0; i < f->config.sinks_n; i++)
		free(f->conf[i].path);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	cr_assert_eq(system(command), 0);
}

static inline int64_t feed_time(int n)
{
	return 1773942192123456789 + n * 1000000000LL;
}

/* Record n; as JSON at least `size` bytes long. */
static inline void feed_put_size(struct feed *f, int n, size_t size)
{
	char *json = malloc(size + 64), text[64];
	struct record r = { .severity = SEVERITY_HIGH,
			    .type = "alert",
			    .id = "6f1c",
			    .rule = "rule-1",
			    .utc_ns = feed_time(n),
			    .host = "runner-7",
			    .json = json,
			    .text = text };

	cr_assert_not_null(json);
	r.text_len = (size_t)snprintf(text, sizeof(text), "high rule-1: record %d", n);
	r.json_len = (size_t)snprintf(json, size + 64, "{\"n\":%d}", n);
	if (r.json_len < size)
		r.json_len = (size_t)snprintf(json, size + 64, "{\"n\":%d,\"pad\":\"%0*d\"}", n,
					      (int)(size - r.json_len), 0);
	sinks_put(f->sinks, &r);
	free(json);
}

static inline void feed_put(struct feed *f, int from, int to)
{
	for (; from < to; from++)
		feed_put_size(f, from, 0);
}

/* Starts a file sink that is down: record 1 waits, record 2 has no room. It is up when this
 * returns, and has told neither yet. */
static inline void feed_lose_one(struct feed *f)
{
	int fd = open(feed_path(f, "down"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0, "a file where its folder should be");
	(void)close(fd);
	f->config.limits.sink_queue_bytes = 200;
	feed_add_path(f, SINK_FILE, FORMAT_JSON, "down/sink");
	feed_start(f);
	feed_put(f, 1, 2);
	feed_put_size(f, 2, 1000);
	cr_assert_eq(sinks_state(f->sinks, 0).dropped, 1);
	cr_assert_eq(unlink(feed_path(f, "down")), 0);
}

static inline void feed_tick(struct feed *f, int n)
{
	while (n-- > 0)
		sinks_tick(f->sinks);
}

static inline void feed_step(struct loop_src *s, uint32_t events)
{
	struct feed *f = table_entry(s, struct feed, timer);
	uint64_t n;

	(void)events;
	(void)!read(s->fd, &n, sizeof(n));
	if (f->ticking)
		sinks_tick(f->sinks);
	f->steps++;
	if (f->done(f) || f->steps > DEADLINE_MS / STEP_MS)
		loop_stop(f->loop);
}

/* Runs the loop until done() holds; it is asked every few milliseconds. */
static inline bool feed_run(struct feed *f, bool (*done)(struct feed *f))
{
	struct itimerspec when = { { 0, STEP_MS * 1000000 }, { 0, STEP_MS * 1000000 } };

	f->done = done;
	f->steps = 0;
	f->timer = (struct loop_src){ .on_ready = feed_step };
	f->timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	cr_assert_geq(f->timer.fd, 0);
	cr_assert_eq(timerfd_settime(f->timer.fd, 0, &when, NULL), 0);
	cr_assert_eq(loop_set(f->loop, &f->timer, EPOLLIN), 0);
	cr_assert_eq(loop_run(f->loop), 0);
	loop_del(f->loop, &f->timer);
	(void)close(f->timer.fd);
	return done(f);
}

/* A bound socket of ours on loopback; *port 0 chooses one. */
static inline int feed_bind(int type, uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	cr_assert_geq(fd, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* A port that nobody listens on. */
static inline uint16_t feed_free_port(int type)
{
	uint16_t port = 0;

	(void)close(feed_bind(type, &port));
	return port;
}

/* ---- receivers ---- */

/* What a receiver got, one record after the other. */
static struct buf got = { .max = 64 << 20 };
static int got_fd __attribute__((unused)) = -1;
static int want __attribute__((unused)); /* records */

static inline int unix_bind(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)unlink(path);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* Takes every datagram that is there; each becomes a line. */
static inline void take_datagrams(void)
{
	static char data[512 << 10];
	ssize_t n;

	while ((n = recv(got_fd, data, sizeof(data), MSG_DONTWAIT)) >= 0) {
		buf_add(&got, data, (size_t)n);
		buf_char(&got, '\n');
	}
}

static inline int got_lines(void)
{
	size_t i;
	int n = 0;

	for (i = 0; i < got.len; i++)
		n += got.data[i] == '\n';
	return n;
}

/* Records from..to-1 stand in `got` in this order, each once, and nothing else says "record". */
static inline void expect_records(int from, int to)
{
	const char *at = got.data;
	char text[32];

	for (; from < to; from++) {
		at = strstr(at, ": record ");
		cr_assert_not_null(at, "record %d is missing", from);
		(void)snprintf(text, sizeof(text), ": record %d\n", from);
		cr_assert_eq(strncmp(at, text, strlen(text)), 0, "not record %d: %.40s", from, at);
		at++;
	}
	cr_expect_null(strstr(at, ": record "), "more than was put: %.40s", at);
}

#endif
