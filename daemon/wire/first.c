/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/first.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "wire/proxy_header.h"
#include "wire/socks.h"
#include "wire/starttls.h"

#include "base/poison.h"

/* More than one inside the other, as proxies behind proxies, than anybody has. */
#define LAYERS_MAX 8

void first_init(struct first *f)
{
	memset(f, 0, offsetof(struct first, data));
}

/* What of [start, end) is in none of the pieces from..to. */
static void fill(struct first *f, size_t start, size_t end, const uint8_t *data, size_t from,
		 size_t to)
{
	size_t at = start, i;

	for (i = from; i < to; i++) {
		if (at < f->pieces[i].start)
			memcpy(f->data + at, data + at - start, f->pieces[i].start - at);
		if (at < f->pieces[i].end)
			at = f->pieces[i].end;
	}
	if (at < end)
		memcpy(f->data + at, data + at - start, end - at);
}

int first_add(struct first *f, uint64_t offset, const void *data, size_t len)
{
	size_t start, end, from = 0, to, tail;

	if (offset >= FIRST_MAX || len == 0)
		return 0;
	start = (size_t)offset;
	end = start + (len < FIRST_MAX - start ? len : FIRST_MAX - start);
	while (from < f->n_pieces && f->pieces[from].end < start)
		from++;
	for (to = from; to < f->n_pieces && f->pieces[to].start <= end; to++)
		;
	if (from == to && f->n_pieces == FIRST_PIECES) {
		f->found.flags |= FIRST_IS_SCATTERED;
		return -E2BIG;
	}
	fill(f, start, end, data, from, to);
	if (from < to) {
		if (f->pieces[from].start < start)
			start = f->pieces[from].start;
		if (f->pieces[to - 1].end > end)
			end = f->pieces[to - 1].end;
	}
	/* One piece instead of those from..to. */
	tail = f->n_pieces - to;
	memmove(f->pieces + from + 1, f->pieces + to, tail * sizeof(f->pieces[0]));
	f->pieces[from] = (struct first_piece){ (uint16_t)start, (uint16_t)end };
	f->n_pieces = from + 1 + tail;
	return 0;
}

static void add_name(struct first *f, const struct host *host, uint16_t port,
		     enum first_source source)
{
	struct first_found *found = &f->found;
	struct first_name *n;
	size_t i;

	for (i = 0; i < found->n_names; i++) {
		n = &found->names[i];
		if (n->source == source && n->port == port && strcmp(n->host.text, host->text) == 0)
			return;
	}
	if (i == FIRST_NAMES_MAX) {
		found->flags |= FIRST_MORE_NAMES;
		return;
	}
	found->names[i] = (struct first_name){ *host, port, source, f->tunnel };
	found->n_names++;
}

/*
 * Each reads one layer: 0 and f->at is behind it, or all is found; -EAGAIN; -EINVAL: not that
 * protocol; -E2BIG.
 */
static int read_proxy_header(struct first *f, const uint8_t *data, size_t len)
{
	size_t n;
	int err = proxy_header_parse(data, len, &n);

	if (err < 0)
		return err;
	f->found.flags |= FIRST_IS_PROXIED;
	f->at += n;
	return 0;
}

static int read_tls(struct first *f, const uint8_t *data, size_t len)
{
	struct first_found *found = &f->found;
	int err = tls_records_read(&f->tls, data, len, &found->hello);

	if (err < 0)
		return err;
	found->flags |= FIRST_IS_TLS;
	if (found->hello.ech)
		found->flags |= FIRST_HAS_ECH;
	if (found->hello.early_data)
		found->flags |= FIRST_HAS_EARLY_DATA;
	if (found->hello.n_alpn > 0 || found->hello.alpn_more)
		found->flags |= FIRST_HAS_ALPN;
	if (found->hello.sni == TLS_SNI_OTHER)
		found->flags |= FIRST_NOT_A_NAME;
	if (found->hello.sni == TLS_SNI_HOST)
		add_name(f, &found->hello.host, 0, FIRST_SNI);
	found->done = true;
	return 0;
}

static int read_socks(struct first *f, const uint8_t *data, size_t len)
{
	struct socks_request r;
	int err = socks_parse(data, len, &r);

	if (err < 0)
		return err;
	f->found.flags |= FIRST_IS_SOCKS;
	if (r.command != SOCKS_CONNECT) {
		f->found.flags |= FIRST_IS_SOCKS_OTHER;
		f->found.done = true;
		return 0;
	}
	if (r.named)
		add_name(f, &r.host, r.port, FIRST_CONNECT);
	else
		f->found.flags |= FIRST_NOT_A_NAME;
	f->tunnel = true;
	f->at += r.len;
	return 0;
}

static int read_http(struct first *f, const uint8_t *data, size_t len)
{
	struct http_request r;
	int err = http_read(&f->http, data, len, &r);

	if (err < 0)
		return err;
	f->found.flags |= r.h2c ? FIRST_IS_H2C : FIRST_IS_HTTP;
	if (r.host_is == HTTP_HOST_OTHER)
		f->found.flags |= FIRST_NOT_A_NAME;
	if (r.host_is == HTTP_HOST_NAME)
		add_name(f, &r.host, r.port, r.connect ? FIRST_CONNECT : FIRST_HOST);
	if (!r.connect) {
		f->found.done = true;
		f->found.http = !r.h2c;
		f->found.tunnelled = f->tunnel;
		f->found.http_at = f->at;
		return 0;
	}
	f->tunnel = true;
	f->at += r.head_len;
	return 0;
}

static int read_starttls(struct first *f, const uint8_t *data, size_t len)
{
	size_t n;
	int err = starttls_parse(data, len, &n);

	if (err < 0)
		return err;
	f->found.flags |= FIRST_IS_STARTTLS;
	f->at += n;
	return 0;
}

/* In this order: a line for STARTTLS may also begin a request of HTTP, and is read as that as long
 * as it may become one. */
static int read_layer(struct first *f, const uint8_t *data, size_t len)
{
	static int (*const readers[])(struct first * f, const uint8_t *data,
				      size_t len) = { read_proxy_header, read_tls, read_socks,
						      read_http, read_starttls };
	int err = -EINVAL;
	size_t i;

	if (f->layers++ == LAYERS_MAX)
		return -E2BIG;
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]) && err == -EINVAL; i++)
		err = readers[i](f, data, len);
	if (err == -EAGAIN)
		f->layers--;
	if (err == 0) {
		memset(&f->http, 0, sizeof(f->http));
		memset(&f->tls, 0, sizeof(f->tls));
	}
	return err;
}

const struct first_found *first_parse(struct first *f)
{
	size_t have = f->n_pieces > 0 && f->pieces[0].start == 0 ? f->pieces[0].end : 0;
	bool longer = have > f->tried;
	int err = 0;

	f->tried = have;
	while (longer && !f->found.done && err == 0) {
		err = f->at == have ? -EAGAIN : read_layer(f, f->data + f->at, have - f->at);
		if (err < 0 && (err != -EAGAIN || have == FIRST_MAX)) {
			f->found.flags |= FIRST_IS_UNKNOWN;
			f->found.done = true;
		}
	}
	if (f->found.flags & FIRST_IS_SCATTERED)
		f->found.done = true;
	return &f->found;
}
