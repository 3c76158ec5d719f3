/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl_world.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---- Mocks ---- */

struct ctl_mock mock;

const struct origin *track_origin(const struct track *t)
{
	(void)t;
	return &mock.origin;
}

struct track_stats track_stats(const struct track *t)
{
	(void)t;
	return (struct track_stats){ .executions = 3,
				     .accounts = 4,
				     .evicted = 5,
				     .refused = 6,
				     .unresolved = 7,
				     .names = 8,
				     .names_evicted = 9,
				     .names_lost = 10 };
}

const struct execution *track_next_execution(const struct track *t, size_t *cursor)
{
	(void)t;
	return *cursor < mock.executions_n ? &mock.executions[(*cursor)++] : NULL;
}

const struct account *track_next_account(const struct track *t, size_t *cursor)
{
	(void)t;
	if (*cursor >= mock.accounts_n * mock.accounts_times)
		return NULL;
	return &mock.accounts[(*cursor)++ % mock.accounts_n];
}

int alerts_next(struct alerts *a, uint64_t *cursor, const struct origin *o, struct buf *ret)
{
	const char *s = mock.alerts[*cursor];

	(void)a;
	(void)o;
	if (s == NULL)
		return 0;
	(*cursor)++;
	if (*s == '\0') {
		buf_str(ret, "{\"half of");
		return -ENOMEM;
	}
	buf_str(ret, s);
	return ret->err < 0 ? ret->err : 1;
}

struct alerts_stats alerts_stats(const struct alerts *a)
{
	(void)a;
	return (struct alerts_stats){
		.raised = 11, .folded = 12, .evicted = 13, .failed = 14, .open = 15
	};
}

struct detect_stats detect_stats(const struct detect *d)
{
	(void)d;
	return (struct detect_stats){ .windows = 21, .evicted = 22 };
}

const struct links *detect_links(const struct detect *d)
{
	(void)d;
	return NULL;
}

bool links_next(const struct links *l, size_t *cursor, struct link_books *ret)
{
	(void)l;
	if ((*cursor)++ > 0 || mock.link.name[0] == '\0')
		return false;
	*ret = mock.link;
	return true;
}

static struct namer_stats mock_naming(void *arg)
{
	(void)arg;
	return (struct namer_stats){
		.records = 7, .unread = 2, .forgotten = 3, .begun = 1, .up = 1
	};
}

static struct hash_stats mock_hashed(void *arg)
{
	(void)arg;
	return (struct hash_stats){ .files = 51,
				    .cached = 52,
				    .changed = 53,
				    .gone = 54,
				    .failed = 55,
				    .skipped = 56,
				    .pending = 57,
				    .respawned = 58 };
}

static struct image_stats mock_images(void *arg)
{
	(void)arg;
	return (struct image_stats){ .found = 61, .none = 62, .waiting = 63, .given_up = 64 };
}

static const char *mock_edges_off(void *arg)
{
	(void)arg;
	return mock.edges_off;
}

static size_t mock_edges_left_out(void *arg)
{
	(void)arg;
	return mock.edges_left_out;
}

size_t sinks_count(const struct sinks *s)
{
	(void)s;
	return 2;
}

struct sink_state sinks_state(const struct sinks *s, size_t i)
{
	static const struct sink_state states[] = {
		{ .name = "syslog:local", .up = 1, .delivered = 9 },
		{ .name = "file:/x\n", .err = -ENOSPC, .queued = 2, .dropped = 3 },
	};

	(void)s;
	return states[i];
}

struct intake_stats intake_stats(const struct intake *in)
{
	(void)in;
	return (struct intake_stats){ .records = 31, .bad = 32, .record_lost = 33 };
}

static int mock_ledger(void *arg, struct ledger *ret)
{
	(void)arg;
	*ret = mock.ledger;
	return mock.ledger_err;
}

static int mock_look(void *arg)
{
	(void)arg;
	mock.looks++;
	return mock.look_err;
}

/* ---- What they tell ---- */

static const struct execution runner = {
	.exec_id = 100,
	.start_ns = 1000000000,
	.tgid = 3001,
	.roles = 1,
	.name = "Runner.Worker",
	.exe = "/opt/runner/Runner.Worker",
	.flags = OF_EXEC_ADOPTED,
};
static const struct execution forked = {
	.exec_id = 101,
	.parent = &runner,
	.tgid = 4242,
	.flags = OF_EXEC_FORKED | OF_EXEC_ENDED | OF_EXEC_REPLACED,
	.name = "Runner.Worker",
	.exe = "",
};
static const struct execution some[] = {
	{
		.exec_id = 102,
		.parent = &forked,
		.elided = 2,
		.start_ns = 2000000000,
		.end_ns = 3000000000,
		.roles = 3,
		.sent = 393216,
		.tgid = 4242,
		.uid = 1001,
		.name = "cu\"rl",
		.exe = "/usr/bin/cu\"rl",
	},
	{ .exec_id = 100,
	  .tgid = 3001,
	  .name = "init",
	  .exe = "",
	  .flags = OF_EXEC_ADOPTED,
	  .start_ns = 1000000000 },
};
static const struct endpoint_name names[] = {
	{ .host = "scan.example.org", .source = OF_NAME_SNI, .asked = true, .time_ns = 2000000000 },
	{ .host = "cdn.example.net",
	  .source = OF_NAME_DNS,
	  .confirmed = true,
	  .time_ns = 2100000000 },
};
static const struct account flows[] = {
	{
		.who = &some[0],
		.to = { .addr = { [10] = 0xff, [11] = 0xff, 203, 0, 113, 9 },
			.port = 443,
			.proto = 6,
			.family = OF_AF_INET },
		.class = CLASS_EXTERNAL,
		.sent = 393216,
		.first_ns = 2000000000,
		.last_ns = 2500000000,
		.names = { .name = names, .n = 2, .flags = NAMES_SETTLED | NAMES_ECH | NAMES_MORE },
	},
	{ .who = &some[0],
	  .class = CLASS_UNKNOWN,
	  .sent = 7,
	  .flags = OF_ACCOUNT_OVERFLOW,
	  .first_ns = 1,
	  .last_ns = 1 },
	{ .who = NULL,
	  .class = CLASS_UNKNOWN,
	  .sent = 8,
	  .flags = OF_ACCOUNT_OVERFLOW | OF_ACCOUNT_MACHINE },
	{ .who = &some[1],
	  .to = { .addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
		  .proto = 250,
		  .family = OF_AF_INET6 },
	  .class = CLASS_EXTERNAL,
	  .sent = 9,
	  .first_ns = 1,
	  .last_ns = 1 },
	{ .who = &some[1],
	  .to = { .family = OF_AF_PACKET },
	  .class = CLASS_UNKNOWN,
	  .sent = 10,
	  .first_ns = 1,
	  .last_ns = 1 },
};

static struct rule rules[] = {
	{ .id = "on" },
	{ .id = "off-1", .off = "first_seen is not built yet" },
	{ .id = "off-2", .off = "say \"why\"" },
};
static const char *const missing[] = { "connect6", NULL };

char path[80];
static struct role roles[] = { { .name = "runner" }, { .name = "scanner" } };
struct config config;
struct loop *loop;
struct ctl *ctl;

static char dir[64];
static struct loop_src timer;

static void timer_ready(struct loop_src *s, uint32_t events)
{
	uint64_t n;

	(void)events;
	(void)!read(s->fd, &n, sizeof(n));
	loop_stop(loop);
}

struct ctl_view view(void)
{
	static const struct pins_status pins = { .path = "/p",
						 .state = PINS_PINNED,
						 .reason = "the roles were changed" };
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (struct ctl_view){
		.config = &config,
		.ledger = mock_ledger,
		.look = mock_look,
		.hashed = mock_hashed,
		.naming = mock_naming,
		.images = mock_images,
		.pins = &pins,
		.edges_off = mock_edges_off,
		.edges_left_out = mock_edges_left_out,
		.version = "1.0-test",
		.start_ns = ((uint64_t)ts.tv_sec - 77) * 1000000000,
	};
}

void world_start(void)
{
	struct itimerspec it = { .it_value.tv_nsec = 1, .it_interval.tv_nsec = 200000 };
	struct ctl_view v;

	(void)snprintf(dir, sizeof(dir), "/tmp/outflow-ctl-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chmod(dir, 0711), 0);
	(void)snprintf(path, sizeof(path), "%s/run/c.sock", dir);
	config.control = path;
	config.policy.roles = roles;
	config.policy.roles_n = 2;
	config.policy.rules = rules;
	config.policy.rules_n = 3;
	mock.origin = (struct origin){ .host = "runner-7",
				       .boot_id = "b00t",
				       .utc_offset_ns = 1773942190000000000,
				       .time_ns = 5000000000,
				       .loss = { .ring = 1, .tracking = 2 },
				       .hooks_missing = missing };
	mock.executions = some;
	mock.executions_n = 2;
	mock.accounts = flows;
	mock.accounts_n = 5;
	mock.accounts_times = 1;
	mock.ledger = (struct ledger){ .total = 60,
				       .accounts = 30,
				       .overflow = 20,
				       .retired = 10,
				       .executions = 60,
				       .local = { [OF_AF_UNIX] = 5, [OF_AF_ALG] = 6, [63] = 7 },
				       .loss = { .ring = 4, .argv = 3 },
				       .accounts_used = 1,
				       .accounts_max = 2,
				       .executions_used = 3,
				       .executions_max = 4 };
	cr_assert_eq(loop_new(&loop), 0);
	timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	timer.on_ready = timer_ready;
	cr_assert_eq(timerfd_settime(timer.fd, 0, &it, NULL), 0);
	cr_assert_eq(loop_set(loop, &timer, EPOLLIN), 0);
	v = view();
	cr_assert_eq(ctl_new(loop, &v, &ctl), 0);
}

void world_stop(void)
{
	char lock[96];

	ctl_free(ctl);
	loop_del(loop, &timer);
	loop_free(loop);
	(void)close(timer.fd);
	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	(void)unlink(lock);
	(void)unlink(path);
	*strrchr(path, '/') = '\0';
	(void)rmdir(path);
	(void)rmdir(dir);
}

void pump(void)
{
	int i;

	for (i = 0; i < 15; i++)
		cr_assert_eq(loop_run(loop), 0);
}

int dial(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		err = -errno;
		(void)close(fd);
		return err;
	}
	return fd;
}

void put(int fd, uint16_t verb, uint16_t len)
{
	struct ctl_req req = { .verb = verb, .len = len };

	cr_assert_eq(send(fd, &req, sizeof(req), MSG_NOSIGNAL), (ssize_t)sizeof(req));
}

const char *take(int fd)
{
	static char *text;
	static size_t cap;
	size_t len = 0, tries = 0;
	ssize_t n;

	while (tries < 100) {
		if (cap - len < 65536)
			text = realloc(text, cap += 1 << 20);
		n = recv(fd, text + len, cap - len - 1, MSG_DONTWAIT);
		if (n > 0) {
			len += (size_t)n;
			tries = 0;
		} else if (n == 0 || errno == ECONNRESET) {
			(void)close(fd);
			text[len] = '\0';
			return text;
		} else {
			tries++;
			pump();
		}
	}
	return NULL;
}

const char *ask(uint16_t verb)
{
	int fd = dial();

	cr_assert_geq(fd, 0);
	put(fd, verb, sizeof(struct ctl_req));
	return take(fd);
}
