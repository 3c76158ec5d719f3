/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_dns.c: questions and answers of DNS. An answer counts when its socket asked just that: the
 * same server, id, name and type, and had no answer yet. What anybody else sends there says
 * nothing. What leaves for a server and is no question is told as that: a program that speaks
 * something else there is a tunnel's more often than not.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/share.h"
#include "base/table.h"
#include "intake/names.h"
#include "wire/dns.h"
#include "wire/dns_stream.h"

#include "base/poison.h"

/* So long somebody waits for an answer: as resolv.conf(5) lets, at most. */
#define WAITS_NS   30000000000ULL
#define DNS_HEADER 12 /* RFC 1035 section 4.1.1 */
#define DNS_LENGTH 2  /* before each message of a stream (the same, section 4.2.2) */

/* What an answer must agree with. All bytes count: zero what is unused. */
struct question_key {
	uint64_t cookie;
	uint64_t name; /* hash of it */
	struct of_endpoint server;
	uint32_t type;
	uint16_t id;
	uint16_t class;
};

struct question {
	struct table_node node;
	struct share_node of_asker;
	struct question_key key;
	uint64_t exec_id; /* who asked */
	uint64_t time_ns; /* the last time */
};

/* A TCP connection to a server. */
struct stream {
	struct table_node node;
	struct share_node of_sender;
	uint64_t cookie;
	uint64_t exec_id;
	uint64_t time_ns; /* of its last piece */
	bool other;	  /* what leaves by it is no DNS */
	uint32_t end; /* of what left and is told, from the first octet on: it may be sent again */
	struct dns_stream out, in;
};

/* A socket to a server, and its flow: most sockets ask often, and are told once. All bytes of the
 * key count. */
struct server_told {
	struct server_key {
		uint64_t cookie;
		uint64_t exec_id;
		struct of_endpoint to;
	} key;
	bool told;
	bool other; /* something that was no DNS */
};

struct names_dns {
	const struct names_teller *teller;
	struct table questions, streams;
	struct shares askers, senders; /* whose these are */
	size_t forgotten;	       /* of them, before their time, and not told yet */
	struct dns_message msg;	       /* the one that is being read */
	struct of_rec_dns rec;	       /* the one that is being told */
	struct of_rec_flow flow;
	struct server_told servers[NAMES_SERVERS_MAX];
	/* Of the capture that is being taken. */
	const struct of_capture *capture;
	uint64_t exec_id;
	bool other; /* something in it was no DNS */
};

static bool same_question(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct question, node)->key, key,
		      sizeof(struct question_key)) == 0;
}

static bool same_stream(const struct table_node *node, const void *key)
{
	return table_entry(node, struct stream, node)->cookie == *(const uint64_t *)key;
}

int names_dns_new(const struct names_teller *teller, struct names_dns **ret)
{
	struct names_dns *d = calloc(1, sizeof(*d));
	int err = -ENOMEM;

	if (d == NULL)
		return err;
	d->teller = teller;
	err = table_init(&d->questions, NAMES_QUESTIONS_MAX, same_question);
	if (err == 0)
		err = table_init(&d->streams, NAMES_STREAMS_MAX, same_stream);
	if (err == 0)
		err = shares_init(&d->askers, NAMES_QUESTIONS_MAX,
				  NAMES_QUESTIONS_MAX / NAMES_ONE_OF);
	if (err == 0)
		err = shares_init(&d->senders, NAMES_STREAMS_MAX, NAMES_STREAMS_MAX / NAMES_ONE_OF);
	if (err < 0) {
		names_dns_free(d);
		return err;
	}
	*ret = d;
	return 0;
}

static void question_drop(struct names_dns *d, struct question *q)
{
	table_del(&d->questions, &q->node);
	shares_del(&d->askers, &q->of_asker);
	free(q);
}

static void stream_drop(struct names_dns *d, struct stream *s)
{
	table_del(&d->streams, &s->node);
	shares_del(&d->senders, &s->of_sender);
	free(s);
}

/* For one more of who asks now: the oldest of its own when it has its part, else of all. Most of
 * the oldest will never be answered. */
static void question_room(struct names_dns *d)
{
	const struct share_node *own = shares_oldest(&d->askers, d->exec_id);
	struct question *q;

	if (own != NULL)
		q = list_entry(own, struct question, of_asker);
	else if (d->questions.n >= d->questions.max)
		q = table_entry(d->questions.oldest, struct question, node);
	else
		return;
	d->forgotten += d->capture->time_ns < q->time_ns + WAITS_NS;
	question_drop(d, q);
}

/* The same for streams; most of the oldest are closed. */
static void stream_room(struct names_dns *d)
{
	const struct share_node *own = shares_oldest(&d->senders, d->exec_id);
	struct stream *s;

	if (own != NULL)
		s = list_entry(own, struct stream, of_sender);
	else if (d->streams.n >= d->streams.max)
		s = table_entry(d->streams.oldest, struct stream, node);
	else
		return;
	d->forgotten += d->capture->time_ns < s->time_ns + WAITS_NS;
	stream_drop(d, s);
}

void names_dns_free(struct names_dns *d)
{
	if (d == NULL)
		return;
	while (d->questions.oldest != NULL)
		question_drop(d, table_entry(d->questions.oldest, struct question, node));
	while (d->streams.oldest != NULL)
		stream_drop(d, table_entry(d->streams.oldest, struct stream, node));
	table_done(&d->questions);
	table_done(&d->streams);
	shares_done(&d->askers);
	shares_done(&d->senders);
	free(d);
}

static struct question_key key_of(const struct names_dns *d)
{
	const struct dns_message *m = &d->msg;
	struct question_key key = { .cookie = d->capture->cookie,
				    .server = d->capture->peer,
				    .type = m->type,
				    .id = m->id,
				    .class = m->class };

	key.name = table_hash(&d->questions, m->name.text, m->name.len);
	return key;
}

static void asked(struct names_dns *d)
{
	struct question_key key = key_of(d);
	uint64_t hash = table_hash(&d->questions, &key, sizeof(key));
	struct table_node *node = table_find(&d->questions, hash, &key);
	struct question *q;

	if (node != NULL) { /* asked again */
		q = table_entry(node, struct question, node);
		q->time_ns = d->capture->time_ns;
		table_touch(&d->questions, node);
		shares_touch(&q->of_asker);
		return;
	}
	question_room(d);
	q = calloc(1, sizeof(*q));
	if (q == NULL || shares_add(&d->askers, d->exec_id, &q->of_asker) < 0) {
		free(q);
		return; /* the answer is then one that nobody asked for */
	}
	q->key = key;
	q->exec_id = d->exec_id;
	q->time_ns = d->capture->time_ns;
	(void)table_add(&d->questions, &q->node, hash);
}

/* Who asked; false: nobody did. */
static bool answered(struct names_dns *d, uint64_t *ret_exec_id)
{
	struct question_key key = key_of(d);
	struct table_node *node =
		table_find(&d->questions, table_hash(&d->questions, &key, sizeof(key)), &key);

	struct question *q;

	if (node == NULL)
		return false;
	q = table_entry(node, struct question, node);
	*ret_exec_id = q->exec_id;
	question_drop(d, q);
	return true;
}

/* As much of its end as there is room for. */
static void rec_name(struct names_dns *d)
{
	const struct dns_name *name = &d->msg.name;
	struct of_rec_dns *r = &d->rec;
	size_t cut = name->len < OF_HOST_LEN ? 0 : name->len - (OF_HOST_LEN - 1);
	size_t len = name->len - cut;

	memcpy(r->name, name->text + cut, len);
	r->name[len] = '\0';
	if (cut == 0 && name->is_host)
		r->flags |= OF_DNS_HOST;
	r->name_octets = name->wire_len;
	r->labels = name->labels;
	r->suffix = (uint16_t)(d->teller->suffix == NULL
				       ? len
				       : d->teller->suffix(d->teller->suffix_arg, r->name));
}

static void rec_addresses(struct names_dns *d)
{
	const struct dns_message *m = &d->msg;
	struct of_rec_dns *r = &d->rec;
	uint32_t i;

	for (i = 0; i < m->address_count && i < OF_DNS_ADDRS; i++) {
		memcpy(r->addrs[i].addr, m->addresses[i].addr, sizeof(r->addrs[i].addr));
		r->addrs[i].ttl = m->addresses[i].ttl;
		r->addrs[i].flags = m->addresses[i].is_hint ? OF_DNS_HINT : 0;
	}
	r->addrs_n = (uint16_t)i;
}

static void rec_begin(struct names_dns *d)
{
	memset(&d->rec, 0, offsetof(struct of_rec_dns, addrs));
	d->rec.hdr = (struct of_rec_hdr){ .ts_ns = d->capture->time_ns, .kind = OF_REC_DNS };
	d->rec.server = d->capture->peer;
	d->rec.netns = d->capture->netns;
}

static void rec_tell(struct names_dns *d)
{
	d->rec.hdr.len = (uint32_t)(offsetof(struct of_rec_dns, addrs) +
				    d->rec.addrs_n * sizeof(d->rec.addrs[0]));
	d->teller->fn(d->teller->arg, &d->rec.hdr);
}

/* Something was there that no name can be read from. */
static void tell_unread(struct names_dns *d)
{
	rec_begin(d);
	d->rec.hdr.err = -EBADMSG;
	d->rec.name[0] = '.';
	d->rec.exec_id = d->exec_id;
	rec_tell(d);
}

/* After what it gave way to. */
static void tell_forgotten(struct names_dns *d)
{
	for (; d->forgotten > 0; d->forgotten--) {
		rec_begin(d);
		d->rec.hdr.err = -ENOBUFS;
		d->rec.name[0] = '.';
		rec_tell(d);
	}
}

static struct server_told *server_told(struct names_dns *d)
{
	struct server_key key = { d->capture->cookie, d->exec_id, d->capture->peer };
	struct server_told *s =
		&d->servers[table_hash(&d->questions, &key, sizeof(key)) % NAMES_SERVERS_MAX];

	if (memcmp(&s->key, &key, sizeof(key)) != 0)
		*s = (struct server_told){ .key = key };
	return s;
}

static void tell_flow(struct names_dns *d, uint32_t flags)
{
	const struct of_capture *c = d->capture;
	struct of_rec_flow *r = &d->flow;

	memset(r, 0, offsetof(struct of_rec_flow, names));
	r->hdr = (struct of_rec_hdr){ .ts_ns = c->time_ns, .kind = OF_REC_FLOW };
	r->hdr.len = offsetof(struct of_rec_flow, names);
	r->to = c->peer;
	r->exec_id = d->exec_id;
	r->creator = c->creator;
	r->cookie = c->cookie;
	r->netns = c->netns;
	r->flags = OF_FLOW_DONE | flags;
	d->teller->fn(d->teller->arg, &r->hdr);
}

/* A question says no name of the server it goes to. Where something else went first it is not
 * known what that said. */
static void tell_asks(struct names_dns *d)
{
	struct server_told *s = server_told(d);

	if (!s->told && !s->other)
		tell_flow(d, OF_FLOW_READ | OF_FLOW_SILENT);
	s->told = true;
}

/* By what is no DNS, or is not read, the server may be asked for any name; that it was asked as one
 * before proves nothing of that. */
static void tell_other(struct names_dns *d)
{
	struct server_told *s = server_told(d);

	if (!s->other)
		tell_flow(d, OF_FLOW_LOST | OF_FLOW_INVALID);
	s->other = true;
}

static void tell_malformed(struct names_dns *d, size_t octets)
{
	d->other = true;
	rec_begin(d);
	d->rec.flags = OF_DNS_MALFORMED;
	d->rec.exec_id = d->exec_id;
	d->rec.octets = (uint32_t)octets;
	rec_tell(d);
	tell_other(d);
}

/* A server here answers one elsewhere, both by the port of servers. A header alone says that the
 * question could not be read, which anybody can make a server say. */
static bool is_servers_answer(const struct names_dns *d, const uint8_t *msg, size_t len, int err)
{
	return d->capture->port == d->capture->peer.port && len >= DNS_HEADER &&
	       (msg[2] & 0x80) != 0 && (err == 0 || len == DNS_HEADER);
}

/* It leaves, and is no question, as far as was seen: what the rest is nobody knows. */
static bool is_other(const struct names_dns *d, const uint8_t *msg, size_t len, int err)
{
	const struct dns_message *m = &d->msg;

	if (d->capture->in || err == -EAGAIN || is_servers_answer(d, msg, len, err))
		return false;
	return err < 0 || m->is_answer || !(m->cut || m->exact);
}

static void take_message(struct names_dns *d, const uint8_t *msg, size_t len, size_t whole)
{
	struct dns_message *m = &d->msg;
	uint64_t exec_id = d->exec_id;
	int err = dns_parse_cut(msg, len, whole, m);

	if (is_other(d, msg, len, err)) {
		tell_malformed(d, whole);
		return;
	}
	if (err < 0 || m->is_answer != (d->capture->in != 0)) {
		tell_unread(d);
		return;
	}
	if (m->is_answer && !answered(d, &exec_id)) {
		tell_unread(d);
		return;
	}
	if (!m->is_answer)
		asked(d);
	rec_begin(d);
	d->rec.exec_id = exec_id;
	d->rec.octets = (uint32_t)whole;
	d->rec.type = m->type;
	rec_name(d);
	if (m->is_answer) {
		d->rec.flags |=
			OF_DNS_ANSWER | (m->truncated ? OF_DNS_TRUNCATED : 0) |
			(m->ech ? OF_DNS_ECH : 0) |
			(m->cut || m->more > 0 || m->unread > 0 || m->chain_too_long ? OF_DNS_CUT
										     : 0);
		d->rec.opaque = m->opaque;
		d->rec.rcode = m->rcode;
		rec_addresses(d);
	}
	rec_tell(d);
	if (!m->is_answer && m->exact)
		tell_asks(d);
}

static void on_message(void *arg, const uint8_t *msg, size_t len, size_t whole)
{
	take_message(arg, msg, len, whole);
}

static struct stream *stream_get(struct names_dns *d, const struct of_capture *c)
{
	uint64_t hash = table_hash(&d->streams, &c->cookie, sizeof(c->cookie));
	struct table_node *node = table_find(&d->streams, hash, &c->cookie);
	struct stream *s;

	if (node != NULL) {
		s = table_entry(node, struct stream, node);
		s->time_ns = c->time_ns;
		table_touch(&d->streams, node);
		shares_touch(&s->of_sender);
		return s;
	}
	/* Of one that was forgotten nothing more can be read. */
	if (c->in || c->seq != c->first)
		return NULL;
	stream_room(d);
	s = calloc(1, sizeof(*s));
	if (s == NULL || shares_add(&d->senders, c->exec_id, &s->of_sender) < 0) {
		free(s);
		return NULL;
	}
	s->cookie = c->cookie;
	s->exec_id = c->exec_id;
	s->time_ns = c->time_ns;
	(void)table_add(&d->streams, &s->node, hash);
	return s;
}

/* A message that has begun, and is no question by its header: its end need not be waited for, which
 * something that is no DNS may put off for 64 KiB. */
static size_t begun_badly(const struct dns_stream *s)
{
	const uint8_t *header = s->buf + DNS_LENGTH;
	bool is_answer;

	if (s->run_count == 0 || s->runs[0].from > 0 || s->runs[0].to < DNS_LENGTH + DNS_HEADER)
		return 0;
	is_answer = (header[2] & 0x80) != 0;
	return is_answer || header[4] != 0 || header[5] != 1 ? s->runs[0].to : 0;
}

/* Of a stream that is no DNS: what was not sent before. */
static void take_other(struct names_dns *d, struct stream *s, const struct of_capture *c)
{
	uint32_t end = c->seq - c->first + c->len;
	int32_t more = (int32_t)(end - s->end);

	if (more <= 0)
		return;
	s->end = end;
	tell_malformed(d, (uint32_t)more < c->len ? (uint32_t)more : c->len);
}

static void take_out(struct names_dns *d, struct stream *s, const struct of_capture *c,
		     const uint8_t *data)
{
	const struct dns_stream_ear ear = { on_message, d };
	size_t begun;
	int err;

	if (s->other) {
		take_other(d, s, c);
		return;
	}
	d->other = false;
	err = dns_stream_feed(&s->out, c->seq - c->first, data, c->copied, &ear);
	begun = err < 0 || c->port == c->peer.port ? 0 : begun_badly(&s->out);
	if (begun > 0)
		tell_malformed(d, begun);
	s->other = d->other;
	if ((int32_t)(c->seq - c->first + c->len - s->end) > 0)
		s->end = c->seq - c->first + c->len;
	if (err < 0) {
		tell_unread(d);
		tell_other(d);
	}
}

static void take_piece(struct names_dns *d, const struct of_capture *c, const uint8_t *data)
{
	const struct dns_stream_ear ear = { on_message, d };
	struct stream *s = stream_get(d, c);

	if (s == NULL) {
		tell_unread(d);
		if (!c->in)
			tell_other(d);
		return;
	}
	/* The first that sent by it: what leaves later may do so while another runs. */
	d->exec_id = s->exec_id;
	if (!c->in && c->lost) /* nor is what follows copied */
		tell_other(d);
	else if (!c->in)
		take_out(d, s, c, data);
	else if (dns_stream_feed(&s->in, c->seq - c->first, data, c->copied, &ear) < 0)
		tell_unread(d);
}

/* Several where the kernel cuts what one call sent. */
static void take_datagrams(struct names_dns *d, const struct of_capture *c, const uint8_t *data)
{
	size_t step = c->segment != 0 ? c->segment : c->len, at, whole;

	for (at = 0; at < c->copied; at += step) {
		whole = c->len - at < step ? c->len - at : step;
		take_message(d, data + at, c->copied - at < whole ? c->copied - at : whole, whole);
	}
}

void names_dns_take(struct names_dns *d, const struct of_capture *c, const uint8_t *data)
{
	d->capture = c;
	d->exec_id = c->exec_id;
	if (c->peer.proto == IPPROTO_TCP)
		take_piece(d, c, data);
	else
		take_datagrams(d, c, data);
	tell_forgotten(d);
}
