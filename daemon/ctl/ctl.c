/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/table.h"
#include "ctl/listen.h"
#include "ctl/proto.h"
#include "ctl/verbs.h"

#include "base/poison.h"

/* An answer is made up to here and then sent. What is left of CTL_OUT_MAX is room for the longest
 * line: 40 KiB, an alert with 64 ancestors and 1 KiB of argv where every byte is escaped. */
#define FILL (16U << 10)

struct client {
	struct loop_src src; /* fd -1: this place is free */
	struct ctl *ctl;
	struct ucred peer;
	ctl_next *next; /* NULL: the request is not complete yet */
	struct ctl_walk walk;
	struct buf out;
	size_t in_len;
	unsigned int idle, age; /* ticks */
	bool midline;		/* what was made so far ends inside a line */
	bool ended;		/* nothing more is to be made */
	unsigned char in[CTL_REQ_MAX];
};

struct ctl {
	struct loop *loop;
	struct ctl_view view;
	struct ctl_stats stats;
	struct ctl_listen listen;
	struct loop_src src;
	bool waiting; /* for clients; false: no place or no descriptor is free */
	bool told;    /* a refusal was logged in this second */
	struct client clients[CTL_CLIENTS_MAX];
};

/* ---- One client ---- */

static void accept_again(struct ctl *c)
{
	int err;

	if (c->waiting)
		return;
	err = loop_set(c->loop, &c->src, EPOLLIN);
	c->waiting = err == 0;
	if (err < 0)
		log_warnerr(err, "control socket: no clients for now, tried again in a second");
}

static void accept_pause(struct ctl *c)
{
	loop_del(c->loop, &c->src);
	c->waiting = false;
}

static void client_end(struct client *c)
{
	struct ctl *ctl = c->ctl;

	if (c->ended && c->out.len == 0)
		ctl->stats.answers++;
	else
		ctl->stats.dropped++;
	loop_del(ctl->loop, &c->src);
	(void)close(c->src.fd);
	buf_done(&c->out);
	c->src.fd = -1;
	ctl->stats.clients--;
	accept_again(ctl);
}

static void error_line(struct buf *out, const char *what, int err)
{
	struct buf text;
	struct json j;

	buf_init(&text, 256);
	buf_printf(&text, "%s%s%s", what, err < 0 ? ": " : "", err < 0 ? strerror(-err) : "");
	json_init(&j, out);
	json_open(&j, NULL, '{');
	json_cstr(&j, "error", text.err < 0 ? what : text.data);
	json_close(&j, '}');
	buf_char(out, '\n');
	buf_done(&text);
}

/* Takes back what a piece left behind that could not be made to its end. */
static void rewind_to(struct buf *out, size_t len)
{
	out->err = 0;
	out->len = len;
	if (out->data != NULL)
		out->data[len] = '\0';
}

/* The next piece failed. `before`: where the walk stood. */
static void piece_failed(struct client *c, const struct ctl_walk *before, size_t len, int err)
{
	rewind_to(&c->out, len);
	if (err == -ENOSPC && len > 0) { /* once this was sent there is room */
		c->walk = *before;
		c->out.err = -ENOSPC;
		return;
	}
	/* One line that cannot be shown must not hide the others, but a walk that stands still, or
	 * a line that was cut in half, has no good end. */
	if (c->midline || (c->walk.cursor == before->cursor && c->walk.alert == before->alert))
		c->ended = true;
	if (c->midline)
		buf_char(&c->out, '\n');
	c->midline = false;
	error_line(&c->out, "a line cannot be made", err);
	if (c->ended)
		buf_char(&c->out, '\n');
}

static void client_fill(struct client *c)
{
	struct ctl_walk before;
	size_t len;
	int n;

	c->out.err = 0;
	while (!c->ended && c->out.len < FILL && c->out.err == 0) {
		before = c->walk;
		len = c->out.len;
		n = c->next(&c->walk, &c->out);
		if (n < 0 || c->out.err < 0) {
			piece_failed(c, &before, len, n < 0 ? n : c->out.err);
		} else if (n == 0) {
			buf_char(&c->out, '\n');
			c->ended = c->out.err == 0;
		} else if (c->out.len > len) {
			c->midline = c->out.data[c->out.len - 1] != '\n';
		}
	}
	/* ENOSPC was only the sign to stop. Without memory for even an error line: end it. */
	if (c->out.err < 0 && c->out.err != -ENOSPC)
		c->ended = true;
	c->out.err = 0;
}

static void client_write(struct client *c)
{
	ssize_t n;

	if (c->out.len == 0)
		client_fill(c);
	if (c->out.len > 0) {
		n = send(c->src.fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			client_end(c);
			return;
		}
		buf_eat(&c->out, (size_t)n);
		c->idle = 0;
	}
	if (c->out.len == 0 && c->ended)
		client_end(c);
}

static void client_answer(struct client *c, const struct ctl_req *req)
{
	const struct ctl_view *v = &c->ctl->view;
	int err;

	log_debug("control: verb %u for pid %d, uid %u", req->verb, c->peer.pid, c->peer.uid);
	c->next = ctl_verb_next(req->verb);
	c->walk = (struct ctl_walk){ .view = v, .stats = &c->ctl->stats };
	err = v->look(v->arg);
	if (err < 0)
		error_line(&c->out, "the figures may be old, the maps cannot be read", err);
}

static void client_refuse(struct client *c, int err)
{
	c->ctl->stats.bad++;
	log_debug("control: pid %d, uid %u sent no request", c->peer.pid, c->peer.uid);
	error_line(&c->out,
		   err == -EMSGSIZE ? "the length of the request is wrong"
				    : "no such verb; are outflow and outflowd of one version?",
		   0);
	buf_char(&c->out, '\n');
	c->ended = true;
}

static void client_read(struct client *c)
{
	struct ctl_req req;
	ssize_t n;
	int err;

	n = recv(c->src.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->in_len += (size_t)n;
	c->idle = 0;
	err = ctl_req_parse(c->in, c->in_len, &req);
	if (err == -EAGAIN)
		return;
	if (err < 0)
		client_refuse(c, err);
	else
		client_answer(c, &req);
	if (loop_set(c->ctl->loop, &c->src, EPOLLOUT) < 0)
		client_end(c);
}

static void client_ready(struct loop_src *s, uint32_t events)
{
	struct client *c = table_entry(s, struct client, src);

	if (c->next == NULL && !c->ended)
		client_read(c);
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		client_end(c);
	else
		client_write(c);
}

/* ---- All clients ---- */

static struct client *client_free_place(struct ctl *c)
{
	size_t i;

	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->clients[i].src.fd < 0)
			return &c->clients[i];
	return NULL;
}

static void client_not_allowed(struct ctl *c, int fd, const struct ucred *peer)
{
	static const char line[] = "{\"error\":\"only root and members of the socket's group may "
				   "ask\"}\n\n";

	c->stats.refused++;
	if (!c->told)
		log_warn("control socket: pid %d, uid %u may not ask, refused", peer->pid,
			 peer->uid);
	c->told = true;
	(void)send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

static void listen_ready(struct loop_src *s, uint32_t events)
{
	struct ctl *c = table_entry(s, struct ctl, src);
	struct client *client = client_free_place(c);
	struct ucred peer = { 0 };
	int fd;

	(void)events;
	if (client == NULL) {
		accept_pause(c);
		return;
	}
	fd = accept4(c->listen.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* Without descriptors this would spin; ctl_tick() tries again. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			accept_pause(c);
		return;
	}
	if (ctl_peer_check(fd, c->listen.gid, &peer) < 0) {
		client_not_allowed(c, fd, &peer);
		return;
	}
	*client = (struct client){ .src = { .on_ready = client_ready, .fd = fd },
				   .ctl = c,
				   .peer = peer };
	buf_init(&client->out, CTL_OUT_MAX);
	c->stats.clients++;
	if (loop_set(c->loop, &client->src, EPOLLIN) < 0)
		client_end(client);
}

void ctl_tick(struct ctl *c)
{
	struct client *client;
	size_t i;

	c->told = false;
	for (i = 0; i < CTL_CLIENTS_MAX; i++) {
		client = &c->clients[i];
		if (client->src.fd < 0)
			continue;
		if (++client->idle <= CTL_IDLE_TICKS && ++client->age <= CTL_AGE_TICKS)
			continue;
		log_debug("control: pid %d, uid %u neither reads nor asks, let go",
			  client->peer.pid, client->peer.uid);
		client_end(client);
	}
	if (client_free_place(c) != NULL)
		accept_again(c);
}

int ctl_new(struct loop *loop, const struct ctl_view *view, struct ctl **ret)
{
	struct ctl *c;
	size_t i;
	int err;

	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->loop = loop;
	c->view = *view;
	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		c->clients[i].src.fd = -1;
	err = ctl_listen_init(&c->listen, view->config->control);
	if (err < 0)
		goto out;
	c->src = (struct loop_src){ .on_ready = listen_ready, .fd = c->listen.fd };
	err = loop_set(loop, &c->src, EPOLLIN);
	if (err < 0) {
		log_warnerr(err, "control socket '%s': cannot be watched", c->listen.path);
		goto out;
	}
	c->waiting = true;
	*ret = c;
	c = NULL;
	err = 0;
out:
	ctl_free(c);
	return err;
}

void ctl_free(struct ctl *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		if (c->clients[i].src.fd >= 0)
			client_end(&c->clients[i]);
	loop_del(c->loop, &c->src);
	ctl_listen_done(&c->listen);
	free(c);
}

struct ctl_stats ctl_stats(const struct ctl *c)
{
	return c->stats;
}

size_t ctl_memory(const struct ctl *c)
{
	size_t i, n = 0;

	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		n += c->clients[i].out.cap;
	return n;
}
