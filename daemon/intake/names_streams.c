/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_streams.c: what streams say: the names at their beginning, and the host of each request of
 * HTTP.
 */
#include "intake/names_flows.h"

#include <stdlib.h>
#include <string.h>

#include "wire/http.h"
#include "wire/tls.h"

#include "base/poison.h"

#define HTTP_PORT 80

static struct stream *stream_of(struct table_node *node)
{
	return table_entry(node, struct stream, e.k.node);
}

/* ---- Streams that are followed ---- */

/* Nothing more is read of it. If the kernel goes on copying, that is remembered. */
static void stream_is_over(struct names_flows *f, const struct of_capture *c)
{
	struct table_node *node = names_entry_find(&f->streams, c);
	struct stream *s = node != NULL ? stream_of(node) : NULL;
	bool more = c->http && !c->lost;

	if (s == NULL && more)
		s = names_stream_add(f, c);
	if (s == NULL)
		return;
	names_head_free(f, s);
	list_del(&s->e.waits);
	s->over = true;
	if (!more)
		names_stream_drop(f, s);
}

/* Where a capture is heard. */
struct listener {
	struct names_flows *f;
	struct stream *s;
	const struct of_capture *c;
};

static struct http_head *head_room(void *arg)
{
	const struct listener *l = arg;
	struct http_head *head = NULL;

	if (l->f->heads_n < NAMES_HEADS_MAX)
		head = malloc(sizeof(*head));
	l->f->heads_n += head != NULL;
	return head;
}

static bool host_is_new(struct names_flows *f, struct stream *s, uint64_t exec_id,
			const struct http_request *r)
{
	uint64_t hash = table_hash(&f->streams, r->host.text, strlen(r->host.text)) ^
			table_hash(&f->streams, &exec_id, sizeof(exec_id));
	bool is_new = !s->told || s->last_host != hash;

	s->last_host = hash;
	return is_new;
}

/* With the host in the target it is asked as a proxy is (RFC 9112 section 3.2.2). */
static void request_name(struct names_flows *f, struct stream *s, const struct http_request *r)
{
	if (!r->connect && (!r->absolute || s->tunnelled)) {
		names_rec_name(f, OF_NAME_HOST, 0, &r->host);
		return;
	}
	s->flags |= OF_FLOW_PROXY;
	names_rec_name(f, OF_NAME_CONNECT, r->port == 0 ? HTTP_PORT : r->port, &r->host);
}

/* The first is told in any case, so that nobody waits. */
static void on_request(void *arg, const struct http_request *r)
{
	const struct listener *l = arg;
	struct names_flows *f = l->f;
	struct stream *s = l->s;

	uint64_t exec_id = s->e.exec_id;
	bool is_new = !s->told;

	s->e.exec_id = l->c->exec_id;
	names_wait(f, &s->e, false, 0);
	names_rec_begin(f, l->c, exec_id);
	if (r->host_is == HTTP_HOST_OTHER) {
		s->flags = (s->flags | OF_FLOW_INVALID) & ~(uint32_t)OF_FLOW_READ;
		is_new = true;
	} else if (r->host_is == HTTP_HOST_NAME) {
		is_new = host_is_new(f, s, exec_id, r);
		request_name(f, s, r);
	}
	/* For whatever host the far end takes it. */
	if (f->rec.names_n == 0 && r->host_is != HTTP_HOST_OTHER) {
		is_new |= (s->flags & OF_FLOW_SILENT) == 0;
		s->flags |= OF_FLOW_SILENT;
	}
	s->told = true;
	f->rec.flags |= OF_FLOW_DONE | s->flags;
	if (is_new)
		names_rec_tell(f);
}

/* May more be sent than is read? A protocol that an upgrade leads to is not known, nor is a tunnel
 * behind other requests read; and what the kernel does not follow ends with the first bytes. */
static bool stream_is_unread(const struct stream *s, const struct of_capture *c)
{
	return c->lost || s->http.state == HTTP_STREAM_BROKEN ||
	       s->http.state == HTTP_STREAM_TUNNEL || s->http.opaque ||
	       (!c->http && c->seq - c->first + c->len >= OF_CAPTURE_BYTES);
}

static void stream_settle(struct names_flows *f, struct stream *s, const struct of_capture *c)
{
	if (s->http.head != NULL && !http_stream_in_head(&s->http))
		names_head_free(f, s);
	names_wait(f, &s->e, http_stream_in_head(&s->http), c->time_ns);
	if (!stream_is_unread(s, c))
		return;
	names_tell_end(f, c, s->e.exec_id,
		       (s->flags & ~(uint32_t)OF_FLOW_READ) | OF_FLOW_LOST | OF_FLOW_INVALID);
	stream_is_over(f, c);
}

static void stream_hear(struct names_flows *f, struct stream *s, const struct of_capture *c,
			const uint8_t *data)
{
	struct listener l = { f, s, c };
	const struct http_stream_ear ear = { on_request, head_room, &l };
	uint64_t next = s->http.next;
	/* Numbers go round, and captures come in the order of sending. */
	int64_t away = (int32_t)(c->seq - c->first - (uint32_t)next);

	if (away < 0 && (uint64_t)-away > next)
		return;
	http_stream_feed(&s->http, next + (uint64_t)away, data, c->copied, c->len, &ear);
}

static void stream_more(struct names_flows *f, struct stream *s, const struct of_capture *c,
			const uint8_t *data)
{
	table_touch(&f->streams, &s->e.k.node);
	if (s->over)
		return;
	if (!http_stream_in_head(&s->http))
		s->e.exec_id = c->exec_id;
	if (!c->lost)
		stream_hear(f, s, c, data);
	stream_settle(f, s, c);
}

/* ---- The beginning of streams ---- */

/* Bytes from the first on without a gap. */
static size_t stream_have(const struct flow *flow)
{
	const struct first *first = &flow->first;

	return first->n_pieces > 0 && first->pieces[0].start == 0 ? first->pieces[0].end : 0;
}

/* Began like something that says names, and then was none of it, or went on for too long. */
static bool is_spoilt(const struct flow *flow, const struct first_found *found)
{
	const uint8_t *data = flow->first.data;
	size_t have = stream_have(flow);
	const unsigned int known = FIRST_IS_TLS | FIRST_IS_HTTP | FIRST_IS_SOCKS |
				   FIRST_IS_PROXIED | FIRST_IS_STARTTLS;

	if ((found->flags & FIRST_IS_UNKNOWN) == 0)
		return false;
	/* A record of TLS (RFC 8446 section 5.1), of whatever type. */
	return (found->flags & known) != 0 || http_resembles(data, have) ||
	       (have > 1 && data[0] >= 20 && data[0] <= 23 && data[1] == 3);
}

static uint32_t stream_flags(const struct flow *flow, const struct first_found *found)
{
	static const struct {
		unsigned int first;
		uint32_t flag;
	} flags[] = {
		{ FIRST_IS_TLS, OF_FLOW_TLS },
		{ FIRST_IS_HTTP, OF_FLOW_HTTP },
		{ FIRST_IS_H2C, OF_FLOW_HTTP | OF_FLOW_INVALID },
		{ FIRST_IS_SOCKS, OF_FLOW_PROXY },
		{ FIRST_HAS_ECH, OF_FLOW_ECH },
		{ FIRST_NOT_A_NAME, OF_FLOW_INVALID },
		{ FIRST_HAS_EARLY_DATA, OF_FLOW_INVALID },
		{ FIRST_IS_SOCKS_OTHER, OF_FLOW_INVALID },
		{ FIRST_MORE_NAMES, OF_FLOW_LOST },
		{ FIRST_IS_SCATTERED, OF_FLOW_LOST },
	};
	uint32_t ret = flow->lost ? OF_FLOW_LOST : 0;
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (found->flags & flags[i].first)
			ret |= flags[i].flag;
	if (is_spoilt(flow, found))
		ret |= OF_FLOW_LOST;
	/* From its first byte on, and no hole since. */
	if ((ret & (OF_FLOW_LOST | OF_FLOW_INVALID)) == 0 && flow->first.n_pieces == 1 &&
	    stream_have(flow) > 0)
		ret |= OF_FLOW_READ;
	return ret;
}

/* Those of requests on_request() tells. */
static void stream_name(struct names_flows *f, const struct first_name *name)
{
	if (name->source == FIRST_CONNECT) {
		f->rec.flags |= OF_FLOW_PROXY;
		names_rec_name(f, OF_NAME_CONNECT, name->port, &name->host);
	} else if (name->source == FIRST_SNI) {
		names_rec_name(f, OF_NAME_SNI, name->port, &name->host);
	}
}

static void stream_tell(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			const struct first_found *found, bool done)
{
	size_t i;

	if (found->n_names == flow->told_n && !done && flow->told)
		return;
	names_rec_begin(f, c, flow->e.exec_id);
	f->rec.flags = stream_flags(flow, found) | (done ? OF_FLOW_DONE : 0);
	if (found->flags & FIRST_HAS_ALPN)
		names_rec_alpn(f, &found->hello);
	for (i = flow->told_n; i < found->n_names; i++)
		stream_name(f, &found->names[i]);
	flow->told_n = found->n_names;
	flow->told = true;
	flow->named |= f->rec.names_n > 0;
	if (done && (f->rec.flags & OF_FLOW_READ) && !flow->named)
		f->rec.flags |= OF_FLOW_SILENT;
	names_rec_tell(f);
}

/* Requests begin: the first is among what was collected. */
static void stream_begin(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			 const uint8_t *data, const struct first_found *found)
{
	const struct first *first = &flow->first;
	struct stream *s = names_stream_add(f, c);
	struct listener l = { f, s, c };
	const struct http_stream_ear ear = { on_request, head_room, &l };
	const struct first_piece *p;

	if (s == NULL) {
		names_tell_end(f, c, flow->e.exec_id, OF_FLOW_LOST);
		return;
	}
	if (flow->told_n < found->n_names && found->names[flow->told_n].source != FIRST_HOST)
		stream_tell(f, flow, c, found, false);
	s->e.exec_id = flow->e.exec_id;
	s->flags = stream_flags(flow, found) | (found->tunnelled ? OF_FLOW_PROXY : 0);
	s->tunnelled = found->tunnelled;
	s->http.next = found->http_at;
	for (p = first->pieces; p < first->pieces + first->n_pieces; p++)
		http_stream_feed(&s->http, p->start, first->data + p->start,
				 (size_t)p->end - p->start, (size_t)p->end - p->start, &ear);
	stream_hear(f, s, c, data);
	stream_settle(f, s, c);
}

/* Nothing is known of what came before. Where TLS began inside something else, or its hello was in
 * several records, the kernel does not see that another follows. */
static void stream_late(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	if (!names_gone_take(f, c) && !c->lost && !c->http && !tls_may_be_hello(data, c->copied))
		return; /* done */
	names_tell_end(f, c, c->exec_id, OF_FLOW_LOST | (c->http ? OF_FLOW_INVALID : 0));
	stream_is_over(f, c);
}

/* Has something begun that may say a name when it is whole? Behind a whole line of what is no HTTP
 * the next may as well never come: so protocols are that may begin TLS later. */
static bool is_in_message(const struct flow *flow)
{
	const struct first *first = &flow->first;
	size_t have = stream_have(flow);

	if (first->n_pieces != 1 || have <= first->at)
		return first->n_pieces != 1 || have < first->at;
	return first->data[have - 1] != '\n' ||
	       http_resembles(first->data + first->at, have - first->at);
}

static void stream_collect(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			   const uint8_t *data)
{
	const struct first_found *found;
	size_t at = flow->first.at;
	bool done;

	(void)first_add(&flow->first, c->seq - c->first, data, c->copied);
	found = first_parse(&flow->first);
	/* Where a packet was not copied whole, nothing that follows is. */
	flow->lost |= c->lost || (c->copied < c->len && !found->done) ||
		      (c->kind == OF_CAPTURE_HTTP && !found->done);
	done = found->done || flow->lost;
	if (found->http && !flow->lost) {
		stream_begin(f, flow, c, data, found);
	} else {
		stream_tell(f, flow, c, found, done);
		if (done)
			stream_is_over(f, c);
	}
	if (flow->first.at != at) /* one message was read */
		names_wait(f, &flow->e, false, 0);
	names_wait(f, &flow->e, is_in_message(flow), c->time_ns);
	if (done)
		names_flow_drop(f, flow);
}

void names_stream_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	struct table_node *node = names_entry_find(&f->streams, c);
	struct flow *flow;

	if (node != NULL) {
		stream_more(f, stream_of(node), c, data);
		return;
	}
	flow = names_flow_find(f, c);
	if (flow == NULL && (c->lost || c->seq != c->first)) {
		stream_late(f, c, data);
		return;
	}
	if (flow == NULL) {
		flow = names_flow_add(f, c);
		if (flow == NULL)
			return;
		first_init(&flow->first);
	}
	stream_collect(f, flow, c, data);
}
