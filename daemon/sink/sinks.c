/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sinks.c: hands every record to every sink, and brings back the sinks that are down. How lines
 * travel is the transports' matter (transport.h).
 */
#include "sink/sink.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "sink/syslog.h"
#include "sink/transport.h"

#include "base/poison.h"

#define BACKOFF_MAX_S  60
#define CONNECT_MAX_S  10
#define SEND_BATCH     256	   /* lines of one sink before the loop goes on */
#define READ_BATCH     16	   /* a syslog receiver has nothing to say */
#define LINE_BYTES_MAX (256 << 10) /* twice the longest record */
#define CUT_BYTES_MIN  480	   /* RFC 5424 section 6.1: every receiver takes that much */

struct sinks {
	char host[256];
	struct buf text, line;
	size_t n;
	struct sink sink[];
};

static void on_ready(struct loop_src *s, uint32_t events);

static const struct transport *transport_of(const struct sink_conf *conf)
{
	if (conf->type == SINK_FILE)
		return &transport_file;
	if (conf->type == SINK_STDERR)
		return &transport_stderr;
	if (conf->transport == TRANSPORT_UDP)
		return &transport_udp;
	return conf->transport == TRANSPORT_TCP ? &transport_tcp : &transport_unix;
}

/* ---- one sink: open, down, up ---- */

static void sink_close(struct sink *k)
{
	if (k->src.fd < 0)
		return;
	loop_del(k->loop, &k->src);
	(void)close(k->src.fd);
	k->src.fd = -1;
	/* What the other side got of a line is worth nothing: it is sent whole again. */
	k->written = 0;
	k->connecting = k->waiting = k->later = false;
}

/* What the kernel took and the peer never read is gone with the connection, and nobody can tell how
 * much that is: syslog over TCP acknowledges nothing (RFC 6587). */
static void connection_broke(struct sink *k)
{
	if (k->conf->type != SINK_SYSLOG || k->conf->transport != TRANSPORT_TCP ||
	    k->on_connection == 0)
		return;
	if (k->doubtful.n == 0)
		k->doubtful.first_utc_ns = k->last_utc_ns;
	k->doubtful.last_utc_ns = k->last_utc_ns;
	k->doubtful.n += k->on_connection;
	k->on_connection = 0;
}

static void sink_down(struct sink *k, int err)
{
	connection_broke(k);
	if (k->via->keeps && k->src.fd >= 0)
		loop_del(k->loop, &k->src);
	else
		sink_close(k);
	k->waiting = k->later = false;
	k->up = false;
	k->err = err;
	k->backoff_s = k->backoff_s == 0 ? 1 : k->backoff_s * 2;
	if (k->backoff_s > BACKOFF_MAX_S)
		k->backoff_s = BACKOFF_MAX_S;
	k->retry_in_s = k->backoff_s;
	if (!k->told_down)
		log_warnerr(err, "sink '%s': cannot deliver, records stay queued (%zu)",
			    k->conf->name, k->queue.records);
	k->told_down = true;
}

/* Up for a whole second is up: a peer that takes connections only to end them is not. */
static void sink_settle(struct sink *k)
{
	k->backoff_s = 0;
	if (!k->told_down)
		return;
	k->told_down = false;
	log_info("sink '%s': delivers again", k->conf->name);
}

/* Hears of what is needed now and of nothing else: epoll would tell it again and again. */
static void sink_watch(struct sink *k)
{
	uint32_t events = k->via->watch | (k->waiting || k->connecting ? EPOLLOUT : 0);
	int err;

	if (k->src.fd < 0)
		return;
	if (events == 0) {
		loop_del(k->loop, &k->src);
		return;
	}
	err = loop_set(k->loop, &k->src, events);
	if (err == 0)
		return;
	/* A file (EPERM) is ready at all times; the next record or tick goes on with it. */
	k->waiting = false;
	k->later = err != -EPERM;
}

static void sink_opened(struct sink *k)
{
	k->connecting = false;
	if (k->queue.first == NULL && !k->via->blind)
		k->up = true;
}

static void sink_open(struct sink *k)
{
	int err = k->via->open(k);

	k->src.on_ready = on_ready;
	if (err < 0 && err != -EINPROGRESS) {
		sink_down(k, err);
		return;
	}
	if (err == 0) {
		sink_opened(k);
	} else {
		k->connecting = true;
		k->connecting_s = 0;
	}
	sink_watch(k);
}

/* ---- one sink: lines ---- */

static void sink_format(const struct sink *k, const struct record *r, struct buf *text,
			struct buf *line)
{
	bool local = k->conf->type == SINK_SYSLOG && k->conf->transport == TRANSPORT_UNIX;
	char when[TIME_TEXT_LEN];

	buf_clear(text);
	buf_clear(line);
	switch (k->conf->format) {
	case FORMAT_RFC3164:
		syslog_rfc3164(text, r, k->conf->facility, getpid(), !local);
		break;
	case FORMAT_RFC5424:
		syslog_rfc5424(text, r, k->conf->facility, getpid());
		break;
	case FORMAT_JSON:
		buf_add(text, r->json, r->json_len);
		break;
	case FORMAT_TEXT:
		time_text(when, r->utc_ns);
		buf_printf(text, "%s ", when);
		buf_add(text, r->text, r->text_len);
		break;
	}
	if (text->err < 0)
		line->err = text->err;
	else if (k->via->frame != NULL)
		k->via->frame(line, text->data, text->len);
	else
		buf_add(line, text->data, text->len);
}

/* As it is of this sink alone, it is no part of the chain: no number and no hash. */
static void loss_json(struct buf *b, const struct sink *k, const struct sink_gap *gap,
		      const char *reason)
{
	char first[TIME_TEXT_LEN], last[TIME_TEXT_LEN];
	struct json j;

	time_text(first, gap->first_utc_ns);
	time_text(last, gap->last_utc_ns);
	json_init(&j, b);
	json_open(&j, NULL, '{');
	json_u64(&j, "v", 1);
	json_cstr(&j, "type", "loss");
	json_cstr(&j, "time", last);
	json_cstr(&j, "host", k->host);
	json_cstr(&j, "severity", severity_name(SEVERITY_MEDIUM));
	json_cstr(&j, "reason", reason);
	json_cstr(&j, "sink", k->conf->name);
	json_u64(&j, "dropped", gap->n);
	json_cstr(&j, "first", first);
	json_cstr(&j, "last", last);
	json_close(&j, '}');
}

/* False when it did not fit or there is no memory. */
static bool loss_add(struct sink *k, const struct sink_gap *gap, const char *reason)
{
	struct record r = { .severity = SEVERITY_MEDIUM, .type = "loss", .id = "", .rule = "" };
	struct buf json, text, body, line;
	bool added;

	buf_init(&json, LINE_BYTES_MAX);
	buf_init(&body, LINE_BYTES_MAX);
	buf_init(&text, LINE_BYTES_MAX);
	buf_init(&line, LINE_BYTES_MAX);
	loss_json(&json, k, gap, reason);
	buf_printf(&body, "%s loss: %s", severity_name(r.severity), reason);
	r.utc_ns = gap->last_utc_ns;
	r.host = k->host;
	r.json = json.data;
	r.json_len = json.len;
	r.text = body.data;
	r.text_len = body.len;
	added = json.err == 0 && body.err == 0;
	if (added) {
		sink_format(k, &r, &text, &line);
		added = line.err == 0 && queue_add(&k->queue, line.data, line.len, true) == 0;
	}
	buf_done(&json);
	buf_done(&body);
	buf_done(&text);
	buf_done(&line);
	return added;
}

/*
 * Not before half of the queue is free: said at the first free byte, a receiver that is merely
 * slow would get a line of loss for every line it takes.
 */
static void sink_say_loss(struct sink *k)
{
	char first[TIME_TEXT_LEN], last[TIME_TEXT_LEN], reason[160];

	if (k->lost.n == 0 || k->queue.bytes > k->queue.bytes_max / 2)
		return;
	time_text(first, k->lost.first_utc_ns);
	time_text(last, k->lost.last_utc_ns);
	(void)snprintf(reason, sizeof(reason),
		       "%" PRIu64 " record%s not delivered here between %s and %s (queue full)",
		       k->lost.n, k->lost.n == 1 ? " was" : "s were", first, last);
	if (loss_add(k, &k->lost, reason))
		k->lost.n = 0;
}

static void sink_say_doubt(struct sink *k)
{
	char reason[160];

	if (k->doubtful.n == 0 || k->queue.bytes > k->queue.bytes_max / 2)
		return;
	(void)snprintf(reason, sizeof(reason),
		       "the connection broke; of %" PRIu64
		       " record%s sent over it the last ones may "
		       "be missing here",
		       k->doubtful.n, k->doubtful.n == 1 ? "" : "s");
	if (loss_add(k, &k->doubtful, reason))
		k->doubtful.n = 0;
}

static void sink_sent(struct sink *k)
{
	k->delivered += !k->queue.first->own;
	k->on_connection++;
	queue_pop(&k->queue);
	k->written = 0;
	k->up = true;
	sink_say_loss(k);
}

static void sink_refused(struct sink *k, int err)
{
	if (err == -EAGAIN)
		k->waiting = true;
	else if (err == -ENOBUFS || err == -ENOMEM)
		k->later = true;
	else
		sink_down(k, err);
}

int line_send(struct sink *k, const struct line *l,
	      ssize_t (*some)(int fd, const void *data, size_t len))
{
	ssize_t n;

	while (k->written < l->len) {
		n = some(k->src.fd, l->data + k->written, l->len - k->written);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		k->written += (size_t)n;
	}
	return 0;
}

static void sink_flush(struct sink *k)
{
	int budget = SEND_BATCH, err;

	if (k->src.fd < 0 || k->connecting || k->waiting || k->later || k->retry_in_s > 0)
		return;
	while (k->queue.first != NULL && budget-- > 0) {
		err = k->via->send(k, k->queue.first);
		if (err == -EMSGSIZE && k->queue.first->len > CUT_BYTES_MIN) {
			queue_cut(&k->queue, k->queue.first->len / 2);
			continue;
		}
		if (err < 0) {
			sink_refused(k, err);
			break;
		}
		sink_sent(k);
	}
	if (k->queue.first != NULL && budget < 0)
		k->waiting = true;
	sink_watch(k);
}

/* ---- events ---- */

static int socket_error(const struct sink *k)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(k->src.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

/* What a receiver says is thrown away; that it ended is what we want to know. */
static int stream_read(const struct sink *k)
{
	char trash[4096];
	ssize_t n;
	int i;

	for (i = 0; i < READ_BATCH; i++) {
		n = recv(k->src.fd, trash, sizeof(trash), MSG_DONTWAIT);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	}
	return 0;
}

static void on_ready(struct loop_src *s, uint32_t events)
{
	struct sink *k = table_entry(s, struct sink, src);
	int err = 0;

	if (k->via->watch != 0)
		err = socket_error(k);
	if (err == 0 && !k->connecting && (k->via->watch & EPOLLIN) && (events & ~EPOLLOUT))
		err = stream_read(k);
	if (err < 0) {
		sink_down(k, err);
		return;
	}
	if (!(events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
		return;
	if (k->connecting)
		sink_opened(k);
	k->waiting = false;
	sink_flush(k);
	/* A flush that stopped early did not get to it. */
	sink_watch(k);
}

static void sink_tick(struct sink *k)
{
	if (k->up)
		sink_settle(k);
	if (k->retry_in_s > 0 && --k->retry_in_s > 0)
		return;
	if (k->src.fd >= 0 && k->via->check != NULL && k->via->check(k) < 0)
		sink_close(k);
	if (k->src.fd < 0)
		sink_open(k);
	else if (k->connecting && ++k->connecting_s >= CONNECT_MAX_S)
		sink_down(k, -ETIMEDOUT);
	k->waiting = k->later = false;
	sink_say_loss(k);
	sink_say_doubt(k);
	sink_flush(k);
}

/* ---- all sinks ---- */

int sinks_new(struct loop *loop, const struct config *config, struct sinks **ret)
{
	struct sinks *s = calloc(1, sizeof(*s) + config->sinks_n * sizeof(struct sink));
	struct sink *k;
	size_t i;

	if (s == NULL)
		return -ENOMEM;
	/* A pipe without a reader and a file at its limit are errors, not ends of the daemon. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	buf_init(&s->text, LINE_BYTES_MAX);
	buf_init(&s->line, LINE_BYTES_MAX);
	s->n = config->sinks_n;
	for (i = 0; i < s->n; i++) {
		k = &s->sink[i];
		k->src.fd = -1;
		k->loop = loop;
		k->host = s->host;
		k->conf = &config->sinks[i];
		k->via = transport_of(k->conf);
		k->up = true;
		queue_init(&k->queue, config->limits.sink_queue_bytes);
		sink_open(k);
	}
	*ret = s;
	return 0;
}

/* As long as lines go out without waiting. */
static void sink_finish(struct sink *k)
{
	uint64_t before;

	k->waiting = k->later = false;
	k->retry_in_s = 0;
	if (k->src.fd < 0 && k->queue.first != NULL)
		sink_open(k);
	do {
		before = k->delivered;
		k->waiting = false;
		sink_flush(k);
	} while (k->delivered != before);
	if (k->queue.records > 0 || k->lost.n > 0)
		log_warn("sink '%s': stopped with %zu records not delivered, %" PRIu64
			 " refused and not said there",
			 k->conf->name, k->queue.records, k->lost.n);
	sink_close(k);
	queue_done(&k->queue);
}

void sinks_free(struct sinks *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->n; i++)
		sink_finish(&s->sink[i]);
	buf_done(&s->text);
	buf_done(&s->line);
	free(s);
}

static void sink_put(struct sinks *s, struct sink *k, const struct record *r)
{
	k->last_utc_ns = r->utc_ns;
	sink_format(k, r, &s->text, &s->line);
	if (s->line.err < 0 || queue_add(&k->queue, s->line.data, s->line.len, false) < 0) {
		if (k->lost.n++ == 0)
			k->lost.first_utc_ns = r->utc_ns;
		k->lost.last_utc_ns = r->utc_ns;
		k->dropped++;
	}
	sink_flush(k);
}

void sinks_put(struct sinks *s, const struct record *r)
{
	size_t i;

	(void)snprintf(s->host, sizeof(s->host), "%s", r->host);
	for (i = 0; i < s->n; i++)
		sink_put(s, &s->sink[i], r);
}

void sinks_tick(struct sinks *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		sink_tick(&s->sink[i]);
}

size_t sinks_count(const struct sinks *s)
{
	return s->n;
}

struct sink_state sinks_state(const struct sinks *s, size_t i)
{
	const struct sink *k = &s->sink[i];

	return (struct sink_state){
		.name = k->conf->name,
		.up = k->up,
		.err = k->err,
		.queued = k->queue.records,
		.delivered = k->delivered,
		.dropped = k->dropped,
	};
}
