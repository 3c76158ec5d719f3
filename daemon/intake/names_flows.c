/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_flows.c: what the beginnings of flows say of their far ends. A flow is told as soon as
 * something new is known of it, and once more when nothing more is to be expected.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "intake/names.h"
#include "wire/first.h"
#include "wire/http.h"
#include "wire/http_stream.h"
#include "wire/quic.h"
#include "wire/tls.h"

#include "base/poison.h"

#define HTTP_PORT 80

/* A flow that waits for longer than this may as well be one that says nothing: nobody misses it
 * when it gives way to another. */
#define YOUNG_NS  10000000000ULL
#define QUIC_LONG 0xc0 /* header form and fixed bit (RFC 9000 section 17.2) */

/* All bytes count. A socket can connect to the same peer again: `first` differs then. */
struct flow_key {
	uint64_t cookie;
	struct of_endpoint peer;
	uint32_t first;
	uint32_t pad0; /* zero */
};

struct entry {
	struct table_node node;
	struct flow_key key;
};

struct flow {
	struct entry entry;
	uint64_t exec_id; /* who sent the first of it: later ones may leave while another runs */
	uint64_t time_ns;
	size_t told_n; /* names that were told */
	bool told;     /* that it is read */
	bool lost;     /* some of it was not */
	bool named;    /* it said a name */
	union {
		struct first first;
		struct quic quic;
	};
};

/*
 * A stream behind its beginning, which the kernel goes on copying. Nobody tells when a connection
 * is over: it stays until it is pushed out. Of one that goes on after that, or that began before
 * this process, nothing is known but that it may have said anything, and that is told.
 */
struct stream {
	struct entry entry;
	uint64_t exec_id;   /* who sent the first of the head under way, or of what came last */
	uint64_t last_host; /* hash of what was told last, and of whom: most are the same */
	uint32_t flags;	    /* of all records */
	bool told;
	bool tunnelled;
	bool over; /* not HTTP, or not read further: that was told */
	struct http_stream http;
};

struct names_flows {
	const struct names_teller *teller;
	struct table flows;	/* of struct flow */
	struct table streams;	/* of struct stream */
	size_t heads_n;		/* struct http_head of them */
	struct of_rec_flow rec; /* the one that is being told */
};

static bool same_flow(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct entry, node)->key, key, sizeof(struct flow_key)) ==
	       0;
}

static void flow_drop(struct names_flows *f, struct flow *flow)
{
	table_del(&f->flows, &flow->entry.node);
	free(flow);
}

static struct flow *flow_of(struct table_node *node)
{
	return table_entry(node, struct flow, entry.node);
}

static struct stream *stream_of(struct table_node *node)
{
	return table_entry(node, struct stream, entry.node);
}

static void head_free(struct names_flows *f, struct stream *s)
{
	f->heads_n -= s->http.head != NULL;
	free(s->http.head);
	s->http.head = NULL;
}

static void stream_drop(struct names_flows *f, struct stream *s)
{
	head_free(f, s);
	table_del(&f->streams, &s->entry.node);
	free(s);
}

int names_flows_new(const struct names_teller *teller, struct names_flows **ret)
{
	struct names_flows *f = calloc(1, sizeof(*f));
	int err;

	if (f == NULL)
		return -ENOMEM;
	f->teller = teller;
	err = table_init(&f->flows, NAMES_FLOWS_MAX, same_flow);
	if (err < 0)
		goto out;
	err = table_init(&f->streams, NAMES_HTTP_MAX, same_flow);
	if (err < 0)
		table_done(&f->flows);
out:
	if (err < 0)
		free(f);
	else
		*ret = f;
	return err;
}

void names_flows_free(struct names_flows *f)
{
	if (f == NULL)
		return;
	while (f->flows.oldest != NULL)
		flow_drop(f, flow_of(f->flows.oldest));
	while (f->streams.oldest != NULL)
		stream_drop(f, stream_of(f->streams.oldest));
	table_done(&f->flows);
	table_done(&f->streams);
	free(f);
}

/* ---- Telling ---- */

static void rec_begin(struct names_flows *f, const struct of_capture *c, uint64_t exec_id)
{
	struct of_rec_flow *r = &f->rec;

	memset(r, 0, offsetof(struct of_rec_flow, names));
	r->hdr = (struct of_rec_hdr){ .ts_ns = c->time_ns, .kind = OF_REC_FLOW };
	r->to = c->peer;
	r->exec_id = exec_id;
	r->creator = c->creator;
	r->cookie = c->cookie;
	r->netns = c->netns;
}

static void rec_name(struct names_flows *f, enum of_name_source source, uint16_t port,
		     const struct host *host)
{
	struct of_flow_name *name = &f->rec.names[f->rec.names_n];

	if (f->rec.names_n >= OF_FLOW_NAMES)
		return;
	/* An address is no name, except of the far end that a proxy is asked for. */
	if (host->is_address && source != OF_NAME_CONNECT)
		return;
	if (host->is_address)
		f->rec.flags |= OF_FLOW_ADDRESS;
	memset(name, 0, sizeof(*name));
	name->source = (uint16_t)source;
	name->port = source == OF_NAME_CONNECT ? port : 0;
	(void)snprintf(name->host, sizeof(name->host), "%s", host->text);
	f->rec.names_n++;
}

static void rec_tell(struct names_flows *f)
{
	f->rec.hdr.len = (uint32_t)(offsetof(struct of_rec_flow, names) +
				    f->rec.names_n * sizeof(f->rec.names[0]));
	f->teller->fn(f->teller->arg, &f->rec.hdr);
}

static void tell_end(struct names_flows *f, const struct of_capture *c, uint64_t exec_id,
		     uint32_t flags)
{
	rec_begin(f, c, exec_id);
	f->rec.flags = OF_FLOW_DONE | flags;
	rec_tell(f);
}

/* ---- The flows under way ---- */

static void flow_push_out(struct names_flows *f, const struct of_capture *c)
{
	struct flow *old = flow_of(f->flows.oldest);
	struct of_capture of = *c;

	if (c->time_ns - old->time_ns < YOUNG_NS) {
		of.cookie = old->entry.key.cookie;
		of.peer = old->entry.key.peer;
		of.creator = 0;
		tell_end(f, &of, old->exec_id, OF_FLOW_LOST);
	}
	flow_drop(f, old);
}

static struct flow_key key_of(const struct of_capture *c)
{
	return (struct flow_key){ .cookie = c->cookie, .peer = c->peer, .first = c->first };
}

static struct table_node *entry_find(const struct table *t, const struct of_capture *c)
{
	struct flow_key key = key_of(c);

	return table_find(t, table_hash(t, &key, sizeof(key)), &key);
}

static void entry_add(struct table *t, struct entry *e, const struct of_capture *c)
{
	e->key = key_of(c);
	(void)table_add(t, &e->node, table_hash(t, &e->key, sizeof(e->key)));
}

static struct flow *flow_find(struct names_flows *f, const struct of_capture *c)
{
	struct table_node *node = entry_find(&f->flows, c);

	return node == NULL ? NULL : flow_of(node);
}

static struct flow *flow_add(struct names_flows *f, const struct of_capture *c)
{
	struct flow *flow;

	if (f->flows.n >= f->flows.max)
		flow_push_out(f, c);
	flow = malloc(sizeof(*flow));
	if (flow == NULL)
		return NULL;
	memset(flow, 0, offsetof(struct flow, first));
	flow->exec_id = c->exec_id;
	flow->time_ns = c->time_ns;
	entry_add(&f->flows, &flow->entry, c);
	return flow;
}

/* ---- Streams that are followed ---- */

static struct stream *stream_add(struct names_flows *f, const struct of_capture *c)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (f->streams.n >= f->streams.max)
		stream_drop(f, stream_of(f->streams.oldest));
	s->exec_id = c->exec_id;
	entry_add(&f->streams, &s->entry, c);
	return s;
}

/* Nothing more is read of it. If the kernel goes on copying, that is remembered. */
static void stream_is_over(struct names_flows *f, const struct of_capture *c)
{
	struct table_node *node = entry_find(&f->streams, c);
	struct stream *s = node != NULL ? stream_of(node) : NULL;
	bool more = c->http && !c->lost;

	if (s == NULL && more)
		s = stream_add(f, c);
	if (s == NULL)
		return;
	head_free(f, s);
	s->over = true;
	if (!more)
		stream_drop(f, s);
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
		rec_name(f, OF_NAME_HOST, 0, &r->host);
		return;
	}
	s->flags |= OF_FLOW_PROXY;
	rec_name(f, OF_NAME_CONNECT, r->port == 0 ? HTTP_PORT : r->port, &r->host);
}

/* The first is told in any case, so that nobody waits. */
static void on_request(void *arg, const struct http_request *r)
{
	const struct listener *l = arg;
	struct names_flows *f = l->f;
	struct stream *s = l->s;

	uint64_t exec_id = s->exec_id;
	bool is_new = !s->told;

	s->exec_id = l->c->exec_id;
	rec_begin(f, l->c, exec_id);
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
		rec_tell(f);
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
		head_free(f, s);
	if (!stream_is_unread(s, c))
		return;
	tell_end(f, c, s->exec_id,
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
	table_touch(&f->streams, &s->entry.node);
	if (s->over)
		return;
	if (!http_stream_in_head(&s->http))
		s->exec_id = c->exec_id;
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
		rec_name(f, OF_NAME_CONNECT, name->port, &name->host);
	} else if (name->source == FIRST_SNI) {
		rec_name(f, OF_NAME_SNI, name->port, &name->host);
	}
}

static void stream_tell(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			const struct first_found *found, bool done)
{
	size_t i;

	if (found->n_names == flow->told_n && !done && flow->told)
		return;
	rec_begin(f, c, flow->exec_id);
	f->rec.flags = stream_flags(flow, found) | (done ? OF_FLOW_DONE : 0);
	for (i = flow->told_n; i < found->n_names; i++)
		stream_name(f, &found->names[i]);
	flow->told_n = found->n_names;
	flow->told = true;
	flow->named |= f->rec.names_n > 0;
	if (done && (f->rec.flags & OF_FLOW_READ) && !flow->named)
		f->rec.flags |= OF_FLOW_SILENT;
	rec_tell(f);
}

/* Requests begin: the first is among what was collected. */
static void stream_begin(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			 const uint8_t *data, const struct first_found *found)
{
	const struct first *first = &flow->first;
	struct stream *s = stream_add(f, c);
	struct listener l = { f, s, c };
	const struct http_stream_ear ear = { on_request, head_room, &l };
	const struct first_piece *p;

	if (s == NULL) {
		tell_end(f, c, flow->exec_id, OF_FLOW_LOST);
		return;
	}
	if (flow->told_n < found->n_names && found->names[flow->told_n].source != FIRST_HOST)
		stream_tell(f, flow, c, found, false);
	s->exec_id = flow->exec_id;
	s->flags = stream_flags(flow, found) | (found->tunnelled ? OF_FLOW_PROXY : 0);
	s->tunnelled = found->tunnelled;
	s->http.next = found->http_at;
	for (p = first->pieces; p < first->pieces + first->n_pieces; p++)
		http_stream_feed(&s->http, p->start, first->data + p->start,
				 (size_t)p->end - p->start, (size_t)p->end - p->start, &ear);
	stream_hear(f, s, c, data);
	stream_settle(f, s, c);
}

/* Nothing is known of what came before. */
static void stream_late(struct names_flows *f, const struct of_capture *c)
{
	if (!c->lost && !c->http)
		return; /* done */
	tell_end(f, c, c->exec_id, OF_FLOW_LOST | (c->http ? OF_FLOW_INVALID : 0));
	stream_is_over(f, c);
}

static void stream_collect(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			   const uint8_t *data)
{
	const struct first_found *found;
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
	if (done)
		flow_drop(f, flow);
}

static void stream_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	struct table_node *node = entry_find(&f->streams, c);
	struct flow *flow;

	if (node != NULL) {
		stream_more(f, stream_of(node), c, data);
		return;
	}
	flow = flow_find(f, c);
	if (flow == NULL && (c->lost || c->seq != c->first)) {
		stream_late(f, c);
		return;
	}
	if (flow == NULL) {
		flow = flow_add(f, c);
		if (flow == NULL)
			return;
		first_init(&flow->first);
	}
	stream_collect(f, flow, c, data);
}

/* ---- Datagrams ---- */

/* The name in what is known of the handshake. True: nothing more is to be expected. */
static bool quic_tell(struct names_flows *f, struct flow *flow, const struct of_capture *c)
{
	struct tls_hello hello;
	const uint8_t *crypto;
	size_t len = 0;
	int err;

	crypto = quic_crypto_data(&flow->quic, &len);
	err = tls_handshake_parse(crypto, len, &hello);
	if (err == -EAGAIN)
		return false;
	rec_begin(f, c, flow->exec_id);
	f->rec.flags = OF_FLOW_QUIC | OF_FLOW_DONE | (err < 0 ? 0 : OF_FLOW_READ);
	if (err < 0 || hello.sni == TLS_SNI_OTHER)
		f->rec.flags |= OF_FLOW_INVALID;
	if (err == 0 && hello.ech)
		f->rec.flags |= OF_FLOW_ECH;
	if (err == 0 && hello.sni == TLS_SNI_HOST)
		rec_name(f, OF_NAME_SNI, 0, &hello.host);
	if (err == 0 && f->rec.names_n == 0)
		f->rec.flags |= OF_FLOW_SILENT;
	rec_tell(f);
	return true;
}

/* True: nothing more is to be expected. */
static bool datagram_feed(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			  const uint8_t *data, size_t len, size_t whole)
{
	int err = quic_feed(&flow->quic, data, len, whole);

	if (err == -EBADMSG) { /* perhaps another connection by the same socket */
		quic_init(&flow->quic);
		err = quic_feed(&flow->quic, data, len, whole);
	}
	if (err == 0)
		return false;
	if (err == 1)
		return quic_tell(f, flow, c);
	/* Not QUIC, as most are not; or QUIC that is not understood. */
	tell_end(f, c, flow->exec_id,
		 err == -EINVAL ? OF_FLOW_READ | OF_FLOW_SILENT
				: OF_FLOW_QUIC | OF_FLOW_INVALID | OF_FLOW_LOST);
	return true;
}

static void datagram_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	size_t step = c->segment != 0 ? c->segment : c->len, at, whole;
	struct flow *flow = flow_find(f, c);
	bool done = false;

	if (flow == NULL) {
		if ((data[0] & QUIC_LONG) != QUIC_LONG) {
			tell_end(f, c, c->exec_id, OF_FLOW_READ | OF_FLOW_SILENT);
			return;
		}
		flow = flow_add(f, c);
		if (flow == NULL)
			return;
		quic_init(&flow->quic);
	}
	for (at = 0; at < c->copied && !done; at += step) {
		whole = c->len - at < step ? c->len - at : step;
		done = datagram_feed(f, flow, c, data + at,
				     c->copied - at < whole ? c->copied - at : whole, whole);
	}
	if (done)
		flow_drop(f, flow);
}

void names_flows_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	switch (c->kind) {
	case OF_CAPTURE_TCP:
	case OF_CAPTURE_HTTP:
		stream_take(f, c, data);
		break;
	case OF_CAPTURE_UDP:
		datagram_take(f, c, data);
		break;
	default:
		break;
	}
}
