/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_datagrams.c: what the first datagrams of a socket to a far end say: the name in the
 * ClientHello of QUIC. One that is not read says so: it must not pass for one that says no name.
 */
#include "intake/names_flows.h"

#include <errno.h>

#include "wire/dtls.h"
#include "wire/tls.h"

#include "base/poison.h"

/* Behind the ClientHello: the server asked for another, which may say another name. */
static bool quic_goes_on(const uint8_t *crypto, size_t len)
{
	return len > 4 + ((size_t)crypto[1] << 16 | (size_t)crypto[2] << 8 | crypto[3]);
}

/* The name in what is known of the handshake, once that is whole. */
static void quic_tell(struct names_flows *f, struct flow *flow, const struct of_capture *c)
{
	struct tls_hello hello;
	const uint8_t *crypto;
	size_t len = 0;
	int err;

	crypto = quic_crypto_data(&flow->quic, &len);
	err = tls_handshake_parse(crypto, len, &hello);
	if (err == -EAGAIN)
		return;
	names_rec_begin(f, c, flow->e.exec_id);
	f->rec.flags = OF_FLOW_QUIC | OF_FLOW_DONE | (err < 0 ? 0 : OF_FLOW_READ);
	if (err < 0 || hello.sni == TLS_SNI_OTHER || quic_goes_on(crypto, len))
		f->rec.flags |= OF_FLOW_INVALID;
	if (err == 0 && hello.ech)
		f->rec.flags |= OF_FLOW_ECH;
	if (err == 0)
		names_rec_alpn(f, &hello);
	if (err == 0 && hello.sni == TLS_SNI_HOST)
		names_rec_name(f, OF_NAME_SNI, 0, &hello.host);
	if (err == 0 && f->rec.names_n == 0)
		f->rec.flags |= OF_FLOW_SILENT;
	names_rec_tell(f);
	flow->told = true;
}

/* One of a capture. */
struct datagram {
	const uint8_t *data;
	size_t len, whole;
	bool first; /* that is looked at of those to its far end */
};

/* True: nothing more is to be expected. */
static bool quic_take(struct names_flows *f, struct flow *flow, const struct of_capture *c,
		      const struct datagram *d)
{
	int err = quic_feed(&flow->quic, d->data, d->len, d->whole);

	if (err == -EBADMSG) { /* perhaps another connection by the same socket */
		quic_init(&flow->quic);
		flow->told = false;
		err = quic_feed(&flow->quic, d->data, d->len, d->whole);
	}
	flow->begun |= err >= 0;
	/* Servers pass over what they cannot open, and so the rest may come behind it. */
	if (err == 0 || (err == -EINVAL && flow->begun))
		return false;
	if (err == 1 && !flow->told) {
		quic_tell(f, flow, c);
		return false;
	}
	/* QUIC that is not understood, or goes on behind its ClientHello; or none, as most are. */
	if (err != -EINVAL)
		names_tell_end(f, c, flow->e.exec_id,
			       OF_FLOW_QUIC | OF_FLOW_INVALID | OF_FLOW_LOST);
	else if (d->first)
		names_tell_end(f, c, flow->e.exec_id, OF_FLOW_READ | OF_FLOW_SILENT);
	return true;
}

static void other_take(struct names_flows *f, const struct of_capture *c, const struct datagram *d)
{
	if (dtls_is_client_hello(d->data, d->len))
		names_tell_end(f, c, c->exec_id, OF_FLOW_INVALID | OF_FLOW_LOST);
	else if (d->first)
		names_tell_end(f, c, c->exec_id, OF_FLOW_READ | OF_FLOW_SILENT);
}

static void datagram_take(struct names_flows *f, const struct of_capture *c,
			  const struct datagram *d)
{
	struct flow *flow = names_flow_find(f, c);

	if ((d->data[0] & QUIC_LONG_HEADER) == 0) {
		if (flow == NULL || dtls_is_client_hello(d->data, d->len))
			other_take(f, c, d);
		return;
	}
	if (flow == NULL) {
		flow = names_flow_add(f, c);
		if (flow == NULL)
			return;
		quic_init(&flow->quic);
	}
	if (quic_take(f, flow, c, d))
		names_flow_drop(f, flow);
	else
		names_wait(f, &flow->e, !flow->told, c->time_ns);
}

/* Several where the kernel cuts what one call sent. */
void names_datagram_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data)
{
	size_t step = c->segment != 0 ? c->segment : c->len, at;
	struct datagram d = { .first = c->seq == 0 };
	struct flow *flow;

	for (at = 0; at < c->copied; at += step) {
		d.data = data + at;
		d.whole = c->len - at < step ? c->len - at : step;
		d.len = c->copied - at < d.whole ? c->copied - at : d.whole;
		datagram_take(f, c, &d);
		d.first = false;
	}
	flow = c->lost ? names_flow_find(f, c) : NULL;
	if (flow == NULL)
		return;
	if (!flow->told)
		names_tell_end(f, c, flow->e.exec_id,
			       OF_FLOW_QUIC | OF_FLOW_INVALID | OF_FLOW_LOST);
	names_flow_drop(f, flow);
}
