/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/client.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

#include "base/poison.h"

/* ---- What arrives ---- */

void client_reader_init(struct client_reader *r, struct buf *lines, struct buf *errors)
{
	*r = (struct client_reader){ .lines = lines, .errors = errors };
	buf_init(&r->line, CLIENT_LINE_MAX);
}

void client_reader_done(struct client_reader *r)
{
	buf_done(&r->line);
}

/* true: it was {"error":"..."}, and its text went to r->errors. */
static bool error_take(struct client_reader *r)
{
	static const char start[] = "{\"error\":";
	json_error_t e;
	json_t *o, *text;
	bool is = false;

	if (r->line.len < sizeof(start) - 1 || memcmp(r->line.data, start, sizeof(start) - 1) != 0)
		return false;
	o = json_loadb(r->line.data, r->line.len, JSON_ALLOW_NUL, &e);
	text = json_object_get(o, "error");
	if (json_is_string(text)) {
		text_escape(r->errors, json_string_value(text), json_string_length(text));
		buf_char(r->errors, '\n');
		is = true;
	}
	json_decref(o);
	return is;
}

static void line_end(struct client_reader *r)
{
	if (r->line.len == 0) {
		r->ended = true;
	} else if (!error_take(r)) {
		buf_char(&r->line, '\n');
		buf_add(r->lines, r->line.data, r->line.len);
	}
	if (r->line.err == 0)
		buf_clear(&r->line);
}

int client_reader_add(struct client_reader *r, const char *data, size_t n)
{
	const char *nl;
	size_t len;
	int err;

	while (n > 0) {
		if (r->ended)
			return -EBADMSG;
		nl = memchr(data, '\n', n);
		len = nl != NULL ? (size_t)(nl - data) : n;
		buf_add(&r->line, data, len);
		data += len;
		n -= len;
		if (nl != NULL && r->line.err == 0) {
			line_end(r);
			data++;
			n--;
		}
		err = r->line.err < 0	  ? r->line.err
		      : r->lines->err < 0 ? r->lines->err
					  : r->errors->err;
		if (err < 0)
			return err == -ENOSPC ? -EMSGSIZE : err;
	}
	return 0;
}

/* ---- The socket ---- */

static void say_no_daemon(const char *path, int err)
{
	cli_warn("%s: no outflowd answers there (%s); %s", path, strerror(-err),
		 err == -EACCES ? "are you root or in the group outflow?"
				: "is the service running?");
}

static int client_connect(const char *path, int *ret)
{
	struct timeval tv = { .tv_sec = CLIENT_TIMEOUT_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(sa.sun_path)) {
		cli_warn("%s: a socket's path has at most %zu bytes", path,
			 sizeof(sa.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		err = -errno;
		cli_warn("socket: %s", strerror(-err));
		return err;
	}
	/* Also bounds connect(), which waits while the daemon has clients enough. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		err = -errno;
		say_no_daemon(path, err);
		(void)close(fd);
		return err;
	}
	*ret = fd;
	return 0;
}

/* Whoever made the socket decides what we tell people: only root, or we ourselves. */
static int server_check(int fd, const char *path)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.uid == 0 || peer.uid == geteuid())
		return 0;
	cli_warn("%s: pid %d of uid %u answers there, which is neither root nor you: not asked",
		 path, peer.pid, peer.uid);
	return -EPERM;
}

static int answer_read(int fd, const char *path, struct client_reader *r)
{
	char data[65536];
	ssize_t n;
	int err;

	while (!r->ended) {
		n = recv(fd, data, sizeof(data), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			cli_warn("%s: outflowd said nothing for %d s", path, CLIENT_TIMEOUT_S);
			return -ETIMEDOUT;
		}
		if (n <= 0) {
			cli_warn("%s: the answer was cut off", path);
			return n < 0 ? -errno : -EPIPE;
		}
		err = client_reader_add(r, data, (size_t)n);
		if (err < 0) {
			cli_warn("%s: the answer makes no sense (%s)", path, strerror(-err));
			return err;
		}
	}
	return 0;
}

static int errors_say(const struct buf *errors, const char *path)
{
	const char *s = errors->data, *nl;

	if (errors->len == 0)
		return 0;
	while ((nl = strchr(s, '\n')) != NULL) {
		cli_warn("%s: %.*s", path, (int)(nl - s), s);
		s = nl + 1;
	}
	return -EREMOTEIO;
}

int client_ask(const char *path, enum ctl_verb verb, struct buf *ret)
{
	struct ctl_req req = { .verb = (uint16_t)verb, .len = sizeof(req) };
	struct client_reader r;
	struct buf errors;
	int fd = -1, err, told;

	buf_init(&errors, CLIENT_LINE_MAX);
	client_reader_init(&r, ret, &errors);
	err = client_connect(path, &fd);
	if (err < 0)
		goto out;
	err = server_check(fd, path);
	if (err < 0)
		goto out;
	/* A daemon that refuses us has closed already, but what it said waits to be read. */
	if (send(fd, &req, sizeof(req), MSG_NOSIGNAL) < 0 && errno != EPIPE) {
		err = -errno;
		cli_warn("%s: cannot ask (%s)", path, strerror(-err));
		goto out;
	}
	err = answer_read(fd, path, &r);
	told = errors_say(&errors, path);
	if (err == 0)
		err = told;
out:
	if (fd >= 0)
		(void)close(fd);
	client_reader_done(&r);
	buf_done(&errors);
	return err;
}
