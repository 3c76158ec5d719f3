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
#include "wire/quic.h"
#include "wire/tls.h"

#include "base/poison.h"

#define HTTP_PORT 80

/* A flow that waits for longer than this may as well be one that says nothing: nobody misses it
 * when it gives way to another. */
#define YOUNG_NS  10000000000ULL
#define QUIC_LONG 0xc0 /* header form and fixed bit (RFC 9000 section 17.2) */

/* All bytes count. */
struct flow_key {
	uint64_t cookie;
	struct of_endpoint peer;
};

struct flow {
	struct table_node node;
	struct flow_key key;
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

/* The last Host of a stream: most requests of one are for the same. */
struct last_host {
	uint64_t cookie, hash;
};

struct names_flows {
	const struct names_teller *teller;
	struct table flows;
	struct last_host hosts[NAMES_HOSTS_MAX];
	struct of_rec_flow rec; /* the one that is being told */
};

static bool same_flow(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct flow, node)->key, key, sizeof(struct flow_key)) ==
	       0;
}

int names_flows_new(const struct names_teller *teller, struct names_flows **ret)
{
	struct names_flows *f = calloc(1, sizeof(*f));
	int err;

	if (f == NULL)
		return -ENOMEM;
	f->teller = teller;
	err = table_init(&f->flows, NAMES_FLOWS_MAX, same_flow);
	if (err < 0) {
		free(f);
		return err;
	}
	*ret = f;
	return 0;
}

static void flow_drop(struct names_flows *f, struct flow *flow)
{
	table_del(&f->flows, &flow->node);
	free(flow);
}

void names_flows_free(struct names_flows *f)
{
	if (f == NULL)
		return;
	while (f->flows.oldest != NULL)
		flow_drop(f, table_entry(f->flows.oldest, struct flow, node));
	table_done(&f->flows);
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
	struct flow *old = table_entry(f->flows.oldest, struct flow, node);
	struct of_capture of = *c;

	if (c->time_ns - old->time_ns < YOUNG_NS) {
		of.cookie = old->key.cookie;
		of.peer = old->key.peer;
		of.creator = 0;
		tell_end(f, &of, old->exec_id, OF_FLOW_LOST);
	}
	flow_drop(f, old);
}

static struct flow_key key_of(const struct of_capture *c)
{
	return (struct flow_key){ .cookie = c->cookie, .peer = c->peer };
}

static struct flow *flow_find(struct names_flows *f, const struct of_capture *c)
{
	struct flow_key key = key_of(c);
	struct table_node *node =
		table_find(&f->flows, table_hash(&f->flows, &key, sizeof(key)), &key);

	return node == NULL ? NULL : table_entry(node, struct flow, node);
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
	flow->key = key_of(c);
	flow->exec_id = c->exec_id;
	flow->time_ns = c->time_ns;
	(void)table_add(&f->flows, &flow->node,
			table_hash(&f->flows, &flow->key, sizeof(flow->key)));
	return flow;
}

/* ---- Further requests of a stream ---- */

static bool host_is_new(struct names_flows *f, const struct of_capture *c, const char *host)
{
	uint64_t hash = table_hash(&f->flows, host, strlen(host));
	struct last_host *last =
		&f->hosts[table_hash(&f->flows, &c->cookie, sizeof(c->cookie)) % NAMES_HOSTS_MAX];

	if (last->cookie == c->cookie && last->hash == hash)
		return false;
	*last = (struct last_host){ c->cookie, hash };
	return true;
}

/* `known`: its head is put together from pieces as well. */
static void request_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data,
			 bool known)
{
	struct http_request req;
	int err = http_parse(data, c->copied, &req);

	if ((err == -EAGAIN || err == -E2BIG) && !known) {
		/* Not all of its head is here: it may be for anyone. */
		tell_end(f, c, c->exec_id, OF_FLOW_HTTP | OF_FLOW_INVALID | OF_FLOW_LOST);
		return;
	}
	if (err < 0 || req.host_is == HTTP_HOST_NONE)
		return;
	rec_begin(f, c, c->exec_id);
	f->rec.flags = OF_FLOW_HTTP | (known ? 0 : OF_FLOW_DONE);
	if (req.host_is == HTTP_HOST_OTHER) {
		f->rec.flags |= OF_FLOW_INVALID;
	} else if (!host_is_new(f, c, req.host.text)) {
		return;
	} else if (req.connect || req.absolute) {
		f->rec.flags |= OF_FLOW_PROXY;
		rec_name(f, OF_NAME_CONNECT, req.port == 0 ? HTTP_PORT : req.port, &req.host);
	} else {
		rec_name(f, OF_NAME_HOST, 0, &req.host);
	}
	rec_tell(f);
}

/* ---- Streams ---- */

/* Bytes from the first on without a gap. */
static size_t stream_have(const struct flow *flow)
{
	const struct first *first = &flow->first;

	return first->n_pieces > 0 && first->pieces[0].start == 0 ? first->pieces[0].end : 0;
}

/* Asked as a proxy is, with the host in the target, though not to connect (RFC 9112 section 3.2.2).
 */
static bool is_absolute(const struct flow *flow)
{
	struct http_request req;

	return http_parse(flow->first.data, stream_have(flow), &req) == 0 && req.absolute;
}

static void stream_name(struct names_flows *f, const struct flow *flow,
			const struct first_name *name)
{
	enum of_name_source source = OF_NAME_SNI;
	uint16_t port = name->port;

	if (name->source == FIRST_CONNECT) {
		source = OF_NAME_CONNECT;
	} else if (name->source == FIRST_HOST) {
		source = OF_NAME_HOST;
		if (!name->tunnelled && is_absolute(flow)) {
			source = OF_NAME_CONNECT;
			port = port == 0 ? HTTP_PORT : port;
		}
	}
	if (source == OF_NAME_CONNECT)
		f->rec.flags |= OF_FLOW_PROXY;
	rec_name(f, source, port, &name->host);
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
	return (found->flags & known) != 0 || http_begins(data, have) ||
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

static void stream_tell(struct names_flows *f, struct flow *flow, const struct of_capture *c,
			const struct first_found *found, bool done)
{
	size_t i;

	if (found->n_names == flow->told_n && !done && flow->told)
		return;
	rec_begin(f, c, flow->exec_id);
	f->rec.flags = stream_flags(flow, found) | (done ? OF_FLOW_DONE : 0);
	for (i = flow->told_n; i < found->n_names; i++)
		stream_name(f, flow, &found->names[i]);
	flow->told_n = found->n_names;
	flow->told = true;
	flow->named |= f->rec.names_n > 0;
	if (done && (f->rec.flags & OF_FLOW_READ) && !flow->named)
		f->rec.flags |= OF_FLOW_SILENT;
	rec_tell(f);
}

/* Of one that is done, or was pushed out, further requests alone count. */
static void stream_late(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	if (c->lost)
		tell_end(f, c, c->exec_id, OF_FLOW_LOST);
	else if (c->request || http_begins(data, c->copied))
		request_take(f, c, data, false);
}

static void stream_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	struct flow *flow = flow_find(f, c);
	const struct first_found *found;
	bool done;

	if (flow == NULL && (c->lost || c->seq != c->first)) {
		stream_late(f, c, data);
		return;
	}
	if (flow == NULL) {
		flow = flow_add(f, c);
		if (flow == NULL)
			return;
		first_init(&flow->first);
	}
	(void)first_add(&flow->first, c->seq - c->first, data, c->copied);
	found = first_parse(&flow->first);
	/* Where a packet was not copied whole, nothing that follows is. */
	flow->lost |= c->lost || (c->copied < c->len && !found->done);
	done = found->done || flow->lost;
	stream_tell(f, flow, c, found, done);
	if (done)
		flow_drop(f, flow);
	if (c->request)
		request_take(f, c, data, !done);
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
		stream_take(f, c, data);
		break;
	case OF_CAPTURE_HTTP:
		request_take(f, c, data, false);
		break;
	case OF_CAPTURE_UDP:
		datagram_take(f, c, data);
		break;
	default:
		break;
	}
}
