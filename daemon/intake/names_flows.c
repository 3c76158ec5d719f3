/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_flows.c: what the beginnings of flows say of their far ends. A flow is told as soon as
 * something new is known of it, and once more when nothing more is to be expected. One that stops
 * in the middle of what may say a name is told as lost: else another's reading vouched for it.
 */
#include "intake/names_flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"

static bool same_key(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct keyed, node)->key, key, sizeof(struct flow_key)) ==
	       0;
}

static struct entry *entry_of(struct table_node *node)
{
	return table_entry(node, struct entry, k.node);
}

static struct flow *flow_of(struct table_node *node)
{
	return table_entry(node, struct flow, e.k.node);
}

static struct stream *stream_of(struct table_node *node)
{
	return table_entry(node, struct stream, e.k.node);
}

void names_flow_drop(struct names_flows *f, struct flow *flow)
{
	list_del(&flow->e.waits);
	table_del(&f->flows, &flow->e.k.node);
	free(f->spare);
	f->spare = flow;
}

void names_head_free(struct names_flows *f, struct stream *s)
{
	f->heads_n -= s->http.head != NULL;
	free(s->http.head);
	s->http.head = NULL;
}

void names_stream_drop(struct names_flows *f, struct stream *s)
{
	names_head_free(f, s);
	list_del(&s->e.waits);
	table_del(&f->streams, &s->e.k.node);
	free(s);
}

static void gone_drop(struct names_flows *f, struct table_node *node)
{
	table_del(&f->gone, node);
	free(table_entry(node, struct keyed, node));
}

int names_flows_new(const struct names_teller *teller, struct names_flows **ret)
{
	struct names_flows *f = calloc(1, sizeof(*f));
	int err;

	if (f == NULL)
		return -ENOMEM;
	f->teller = teller;
	list_init(&f->waiting);
	err = table_init(&f->flows, NAMES_FLOWS_MAX, same_key);
	if (err == 0)
		err = table_init(&f->streams, NAMES_HTTP_MAX, same_key);
	if (err == 0)
		err = table_init(&f->gone, NAMES_GONE_MAX, same_key);
	if (err < 0)
		names_flows_free(f);
	else
		*ret = f;
	return err;
}

void names_flows_free(struct names_flows *f)
{
	if (f == NULL)
		return;
	while (f->flows.oldest != NULL)
		names_flow_drop(f, flow_of(f->flows.oldest));
	while (f->streams.oldest != NULL)
		names_stream_drop(f, stream_of(f->streams.oldest));
	while (f->gone.oldest != NULL)
		gone_drop(f, f->gone.oldest);
	free(f->spare);
	table_done(&f->flows);
	table_done(&f->streams);
	table_done(&f->gone);
	free(f);
}

/* ---- Telling ---- */

void names_rec_begin(struct names_flows *f, const struct of_capture *c, uint64_t exec_id)
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

void names_rec_name(struct names_flows *f, enum of_name_source source, uint16_t port,
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

_Static_assert(TLS_ALPN_MAX == OF_ALPN_MAX && TLS_ALPN_LEN_MAX == OF_ALPN_LEN, "all have room");

void names_rec_alpn(struct names_flows *f, const struct tls_hello *hello)
{
	struct of_rec_flow *r = &f->rec;

	for (r->alpn_n = 0; r->alpn_n < hello->n_alpn; r->alpn_n++) {
		r->alpn[r->alpn_n].len = hello->alpn[r->alpn_n].len;
		memcpy(r->alpn[r->alpn_n].id, hello->alpn[r->alpn_n].name, OF_ALPN_LEN);
	}
	r->flags |= hello->alpn_more ? OF_FLOW_ALPN_MORE : 0;
}

void names_rec_tell(struct names_flows *f)
{
	f->rec.hdr.len = (uint32_t)(offsetof(struct of_rec_flow, names) +
				    f->rec.names_n * sizeof(f->rec.names[0]));
	f->teller->fn(f->teller->arg, &f->rec.hdr);
}

void names_tell_end(struct names_flows *f, const struct of_capture *c, uint64_t exec_id,
		    uint32_t flags)
{
	names_rec_begin(f, c, exec_id);
	f->rec.flags = OF_FLOW_DONE | flags;
	names_rec_tell(f);
}

/* ---- The flows under way ---- */

/* Nothing more of it is waited for. */
static void entry_tell_lost(struct names_flows *f, const struct entry *e, uint64_t time_ns)
{
	const struct of_capture of = { .time_ns = time_ns,
				       .cookie = e->k.key.cookie,
				       .peer = e->k.key.peer,
				       .creator = e->creator,
				       .netns = e->netns };

	names_tell_end(f, &of, e->exec_id, OF_FLOW_LOST | (e->followed ? OF_FLOW_INVALID : 0));
}

/* It stays in its table: the kernel may go on. */
static void stream_give_up(struct names_flows *f, struct stream *s)
{
	list_del(&s->e.waits);
	names_head_free(f, s);
	s->over = true;
}

/* Those that wait for too long at `time_ns`. */
static void entries_expire(struct names_flows *f, uint64_t time_ns)
{
	struct list *first;
	struct entry *e;

	while ((first = list_first(&f->waiting)) != NULL) {
		e = list_entry(first, struct entry, waits);
		if (time_ns < e->since_ns + NAMES_MESSAGE_NS)
			break;
		entry_tell_lost(f, e, time_ns);
		if (e->followed)
			stream_give_up(f, stream_of(&e->k.node));
		else
			names_flow_drop(f, flow_of(&e->k.node));
	}
}

void names_wait(struct names_flows *f, struct entry *e, bool waits, uint64_t time_ns)
{
	if (!waits) {
		list_del(&e->waits);
	} else if (list_empty(&e->waits)) {
		e->since_ns = time_ns;
		list_add(&f->waiting, &e->waits);
	}
}

static struct flow_key key_of(const struct of_capture *c)
{
	return (struct flow_key){ .cookie = c->cookie, .peer = c->peer, .first = c->first };
}

struct table_node *names_entry_find(const struct table *t, const struct of_capture *c)
{
	struct flow_key key = key_of(c);

	return table_find(t, table_hash(t, &key, sizeof(key)), &key);
}

static void keyed_add(struct table *t, struct keyed *k, const struct flow_key *key)
{
	k->key = *key;
	(void)table_add(t, &k->node, table_hash(t, key, sizeof(*key)));
}

static void entry_add(struct table *t, struct entry *e, const struct of_capture *c)
{
	struct flow_key key = key_of(c);

	list_init(&e->waits);
	e->exec_id = c->exec_id;
	e->creator = c->creator;
	e->netns = c->netns;
	e->http = c->http;
	keyed_add(t, &e->k, &key);
}

/* ---- Those that gave way ---- */

/* As of DNS (names_dns.c): a record of no question. */
static void tell_forgotten(struct names_flows *f, uint64_t time_ns)
{
	struct of_rec_dns rec;

	memset(&rec, 0, offsetof(struct of_rec_dns, addrs));
	rec.hdr = (struct of_rec_hdr){ .ts_ns = time_ns, .kind = OF_REC_DNS, .err = -ENOBUFS };
	rec.hdr.len = offsetof(struct of_rec_dns, addrs);
	rec.name[0] = '.';
	f->teller->fn(f->teller->arg, &rec.hdr);
}

static void gone_add(struct names_flows *f, const struct flow_key *key, uint64_t time_ns)
{
	struct keyed *k = calloc(1, sizeof(*k));

	if (k == NULL || f->gone.n >= f->gone.max)
		tell_forgotten(f, time_ns);
	if (k == NULL)
		return;
	if (f->gone.n >= f->gone.max)
		gone_drop(f, f->gone.oldest);
	keyed_add(&f->gone, k, key);
}

bool names_gone_take(struct names_flows *f, const struct of_capture *c)
{
	struct table_node *node = names_entry_find(&f->gone, c);

	if (node != NULL)
		gone_drop(f, node);
	return node != NULL;
}

/* In the middle of a message it may have said a name by half. Else nothing is missed, as long as
 * nothing more of it comes: what the kernel follows is told then in any case, for the others that
 * they were there is kept. Of QUIC it is not: most that was read says nothing more. */
static void entry_gives_way(struct names_flows *f, const struct entry *e, uint64_t time_ns)
{
	if (!list_empty(&e->waits))
		entry_tell_lost(f, e, time_ns);
	else if (!e->http && e->k.key.peer.proto != IPPROTO_UDP)
		gone_add(f, &e->k.key, time_ns);
}

struct flow *names_flow_find(struct names_flows *f, const struct of_capture *c)
{
	struct table_node *node = names_entry_find(&f->flows, c);

	return node == NULL ? NULL : flow_of(node);
}

struct flow *names_flow_add(struct names_flows *f, const struct of_capture *c)
{
	struct flow *flow;

	if (f->flows.n >= f->flows.max) {
		entry_gives_way(f, entry_of(f->flows.oldest), c->time_ns);
		names_flow_drop(f, flow_of(f->flows.oldest));
	}
	flow = f->spare != NULL ? f->spare : malloc(sizeof(*flow));
	f->spare = NULL;
	if (flow == NULL)
		return NULL;
	memset(flow, 0, offsetof(struct flow, first));
	entry_add(&f->flows, &flow->e, c);
	return flow;
}

struct stream *names_stream_add(struct names_flows *f, const struct of_capture *c)
{
	struct stream *s = calloc(1, sizeof(*s)), *old;

	if (s == NULL)
		return NULL;
	if (f->streams.n >= f->streams.max) {
		old = stream_of(f->streams.oldest);
		if (!old->over)
			entry_gives_way(f, &old->e, c->time_ns);
		names_stream_drop(f, old);
	}
	entry_add(&f->streams, &s->e, c);
	s->e.followed = true;
	return s;
}

void names_flows_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	entries_expire(f, c->time_ns);
	switch (c->kind) {
	case OF_CAPTURE_TCP:
	case OF_CAPTURE_HTTP:
		names_stream_take(f, c, data);
		break;
	case OF_CAPTURE_UDP:
		names_datagram_take(f, c, data);
		break;
	default:
		break;
	}
}
