/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * upload.c: one upload, and how long it took until the alert about it stood in the file. Nothing of
 * the tool is asked, and nobody's schedule but the daemon's is in the times: the file is watched
 * (inotify) from here. The line must name this process and the rule.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define LINE_MAX_BYTES 65536

struct upload {
	struct lab_addr to;
	const char *file, *rule;
	uint64_t bytes, chunk, timeout_ms;
	uint64_t sent, first_us, end_us, alert_us;
};

struct reader {
	int fd, watch;
	size_t len;
	char line[LINE_MAX_BYTES];
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void send_all(struct upload *u)
{
	int fd = socket(u->to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char *buf = calloc(1, u->chunk);
	uint64_t left;
	ssize_t n;

	if (fd < 0 || buf == NULL || connect(fd, (struct sockaddr *)&u->to.ss, u->to.len) < 0)
		lab_die("connect");
	u->first_us = now_us();
	while (u->sent < u->bytes) {
		left = u->bytes - u->sent;
		n = send(fd, buf, left < u->chunk ? left : u->chunk, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			lab_die("send");
		u->sent += n > 0 ? (uint64_t)n : 0;
	}
	u->end_us = now_us();
	free(buf);
	close(fd);
}

static bool line_is_it(const struct upload *u, const char *line)
{
	char pid[32], rule[160];

	snprintf(pid, sizeof(pid), "\"pid\":%d,", getpid());
	snprintf(rule, sizeof(rule), "\"rule\":\"%s\"", u->rule);
	return strstr(line, "\"type\":\"alert\"") != NULL && strstr(line, rule) != NULL &&
	       strstr(line, pid) != NULL;
}

/* Reads what is new in the file; true when the line was there. */
static bool lines_read(const struct upload *u, struct reader *r)
{
	char *end, *line;
	ssize_t n;

	while ((n = read(r->fd, r->line + r->len, sizeof(r->line) - 1 - r->len)) > 0) {
		r->len += (size_t)n;
		r->line[r->len] = '\0';
		for (line = r->line; (end = strchr(line, '\n')) != NULL; line = end + 1) {
			*end = '\0';
			if (line_is_it(u, line))
				return true;
		}
		r->len -= (size_t)(line - r->line);
		memmove(r->line, line, r->len);
		if (r->len == sizeof(r->line) - 1)
			r->len = 0; /* no alert is so long */
	}
	return false;
}

static void alert_await(struct upload *u, struct reader *r)
{
	uint64_t end = u->end_us + u->timeout_ms * 1000, now;
	struct pollfd p = { .fd = r->watch, .events = POLLIN };
	char events[4096];

	while (!lines_read(u, r)) {
		now = now_us();
		if (now >= end)
			return;
		if (poll(&p, 1, (int)((end - now) / 1000) + 1) > 0 &&
		    read(r->watch, events, sizeof(events)) < 0)
			lab_die("inotify");
	}
	u->alert_us = now_us();
}

static void options_parse(struct upload *u, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "chunk", required_argument, NULL, 'c' },
		{ "alerts", required_argument, NULL, 'a' },
		{ "rule", required_argument, NULL, 'r' },
		{ "timeout-ms", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	struct lab_ports none;
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &u->to, &none);
		else if (o == 'b')
			u->bytes = lab_num("--bytes", optarg, 1, UINT32_MAX);
		else if (o == 'c')
			u->chunk = lab_num("--chunk", optarg, 1, 16 << 20);
		else if (o == 'a')
			u->file = optarg;
		else if (o == 'r')
			u->rule = optarg;
		else if (o == 'm')
			u->timeout_ms = lab_num("--timeout-ms", optarg, 1, 600000);
		else
			lab_usage("--to ADDRESS:PORT --bytes N --alerts FILE --rule NAME "
				  "[--chunk N] [--timeout-ms N]");
	}
	if (u->to.len == 0 || u->bytes == 0 || u->file == NULL || u->rule == NULL || optind < argc)
		lab_usage("--to, --bytes, --alerts and --rule are needed");
}

int main(int argc, char **argv)
{
	static struct reader r;
	struct upload u = { .chunk = 10000, .timeout_ms = 10000 };

	options_parse(&u, argc, argv);
	r.fd = open(u.file, O_RDONLY | O_CLOEXEC);
	r.watch = inotify_init1(IN_CLOEXEC);
	if (r.fd < 0 || lseek(r.fd, 0, SEEK_END) < 0 || r.watch < 0 ||
	    inotify_add_watch(r.watch, u.file, IN_MODIFY) < 0)
		lab_die("%s", u.file);
	send_all(&u);
	alert_await(&u, &r);
	printf("{\"sent\":%llu,\"pid\":%d,\"alerted\":%s", (unsigned long long)u.sent, getpid(),
	       u.alert_us != 0 ? "true" : "false");
	/* The alert may well come before the last byte is out. */
	if (u.alert_us != 0)
		printf(",\"from_first_ms\":%.1f,\"from_end_ms\":%.1f",
		       (double)(u.alert_us - u.first_us) / 1000,
		       ((double)u.alert_us - (double)u.end_us) / 1000);
	printf(",\"upload_ms\":%.1f}\n", (double)(u.end_us - u.first_us) / 1000);
	lab_flush();
	return u.alert_us == 0;
}
