/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.bpf.h: copies the packets that names of far ends are read from: questions to DNS servers
 * and their answers, the first bytes that a stream sends, the first datagrams of a socket that may
 * be QUIC, all of what may be requests of HTTP. What is in them a process without rights finds
 * out; here is only as much decided as tells when to stop.
 */
#ifndef OUTFLOW_BPF_NAMES_H
#define OUTFLOW_BPF_NAMES_H

#include "packet.bpf.h"

#define HTTP_PACKET	 2048 /* a longer one is content, if it does not begin like a request */
#define HTTP_CONTENT	 256  /* of which so much is told */
#define DATAGRAMS_MAX	 8    /* to one far end: a ClientHello in QUIC takes two to four */
#define PEERS_MAX	 64   /* of one socket */
#define DNS_STREAM_MAX	 (1U << 20)
#define FIRST_LEN	 12 /* tells what a stream is */
/* Types of records (RFC 8446, B.1): change_cipher_spec to application_data, in this order. */
#define TLS_CCS		 20
#define TLS_ALERT	 21
#define TLS_HANDSHAKE	 22
#define TLS_DATA	 23
#define TLS_CLIENT_HELLO 1
#define TLS_SERVER_HELLO 2
#define TLS_RECORD	 5    /* header of a record (RFC 8446, 5.1) */
#define TLS_BETWEEN_MAX	 4    /* records between two ClientHellos */
#define TLS_HELLO	 4    /* header of a handshake message */
#define QUIC_LONG	 0x80 /* header form (RFC 9000, 17.2); the fixed bit may be clear (RFC 9287) */
#define DATAGRAM_LEN	 14 /* tells what a datagram is: the header of DTLS's record and a byte */

/* Behind the last port come zeros: mostly there is one, and nothing else is looked at. */
static __always_inline bool is_dns(__u16 port)
{
	int i;

	for (i = 0; i < OF_DNS_PORTS && cfg_dns_ports[i] != 0; i++)
		if (cfg_dns_ports[i] == port)
			return true;
	return false;
}

static __always_inline bool is_upper(__u8 c)
{
	return c >= 'A' && c <= 'Z';
}

static __always_inline bool begins_target(__u8 c)
{
	return (c >= '/' && c <= '9') || is_upper(c) || (c >= 'a' && c <= 'z') || c == '*' ||
	       c == '[';
}

/* PROXY headers, CONNECT and the preface of HTTP/2: what follows is mostly TLS or, in HTTP/2, not
 * read. */
static __always_inline bool is_prelude(const __u8 *h)
{
	return (h[0] == 'P' && h[1] == 'R' && h[2] == 'O' && h[3] == 'X' && h[4] == 'Y') ||
	       (h[0] == 'C' && h[1] == 'O' && h[2] == 'N' && h[3] == 'N' && h[4] == 'E') ||
	       (h[0] == 'P' && h[1] == 'R' && h[2] == 'I' && h[3] == ' ' && h[4] == '*');
}

/*
 * May it be the beginning of a request? A method in capital letters, or part of it, and what a
 * target begins with; or the empty lines that servers pass over (RFC 9112, 2.2), which a PROXY
 * header has, too. Any other that is HTTP after all is read as far as its first bytes go, and then
 * is lost (names_flows.c).
 */
static __always_inline bool is_request(const __u8 *h, __u32 n)
{
	__u32 i;

	if (h[0] == '\r' || h[0] == '\n')
		return n <= 4 || h[4] != 0;
	if (n > 4 && is_prelude(h))
		return false;
#pragma unroll
	for (i = 0; i < FIRST_LEN; i++) {
		if (i == n)
			break;
		if (i > 0 && h[i] == ' ')
			return i + 1 >= n || begins_target(h[i + 1]);
		if (!is_upper(h[i]))
			return false;
	}
	return true;
}

/* The first bytes of a packet: all FIRST_LEN, or of a shorter one the first alone. Returns how
 * many; the rest is zeros. */
static __always_inline __u32 first_bytes(struct __sk_buff *skb, const struct packet *p,
					 __u8 h[FIRST_LEN + 1])
{
	if (bpf_skb_load_bytes(skb, p->at, h, FIRST_LEN) == 0)
		return FIRST_LEN;
	return bpf_skb_load_bytes(skb, p->at, h, 1) == 0;
}

/* Of what first_bytes() found. */
static __always_inline bool may_be_request(const __u8 *h, __u32 n)
{
	return n == FIRST_LEN ? is_request(h, FIRST_LEN) : n == 1 && is_request(h, 1);
}

static __always_inline bool begins_request(struct __sk_buff *skb, const struct packet *p)
{
	__u8 h[FIRST_LEN + 1] = {};
	__u32 n = first_bytes(skb, p, h);

	return may_be_request(h, n);
}

/* How many bytes a ClientHello in one record takes; one in several may have records of any size. */
static __always_inline __u32 hello_len(const __u8 h[FIRST_LEN])
{
	__u32 record = (__u32)h[3] << 8 | h[4];
	__u32 len = ((__u32)h[6] << 16 | (__u32)h[7] << 8 | h[8]) + TLS_HELLO;

	return len <= record ? len + TLS_RECORD : OF_CAPTURE_BYTES;
}

/* How many of a stream's first bytes are looked at; 0: an answer, which says no name. What begins
 * like nothing that says one is told once, so that nobody waits for it: all that has FIRST_LEN here
 * reads as that it is silent (stream_flags() in names_streams.c). */
static __always_inline __u32 stream_end(struct socket_hint *hint, const __u8 *h, __u32 n)
{
	if (n < FIRST_LEN)
		return OF_CAPTURE_BYTES; /* short: what follows may tell */
	if (h[0] == TLS_HANDSHAKE && h[5] == TLS_SERVER_HELLO)
		return 0;
	if (h[0] == TLS_HANDSHAKE && h[5] == TLS_CLIENT_HELLO) {
		hint->names_tls = 1;
		return hello_len(h);
	}
	/* A method has no '/' (RFC 9110, 9.1). */
	if (h[0] == 'H' && h[1] == 'T' && h[2] == 'T' && h[3] == 'P' && h[4] == '/')
		return 0;
	/* Text; SOCKS 4 and 5; PROXY 2; TLS that begins otherwise; the question for TLS of
	 * PostgreSQL and MySQL's answer. */
	if ((h[0] >= ' ' && h[0] < 0x7f) || h[0] == '\t' || h[0] == '\r' || h[0] == '\n' ||
	    h[0] == 4 || h[0] == 5 || (h[0] >= TLS_CCS && h[0] <= TLS_DATA) ||
	    (h[0] == 0 && h[3] == 8) || h[3] == 1)
		return OF_CAPTURE_BYTES;
	return FIRST_LEN;
}

static __always_inline void stream_begin(struct socket_hint *hint, struct __sk_buff *skb,
					 const struct packet *p, bool dns)
{
	__u8 h[FIRST_LEN + 1] = {};
	__u32 n = first_bytes(skb, p, h);

	hint->names_out = p->seq;
	hint->names_state = NAMES_COLLECT;
	hint->names_tls = 0;
	hint->names_end = dns ? DNS_STREAM_MAX : stream_end(hint, h, n);
	hint->names_http = !dns && may_be_request(h, n);
	if (hint->names_end == 0)
		hint->names_state = NAMES_OFF;
}

/* Tells that some of the stream was not copied, or that its bytes are not what the far end reads:
 * then all that follows is read for nothing. */
static __always_inline void lost_out(struct socket_hint *hint, struct __sk_buff *skb,
				     struct packet *p, bool dns)
{
	p->lost = 1;
	if (!capture(skb, p, 1, hint->creator, IPPROTO_TCP))
		return;
	hint->names_state = NAMES_OFF;
	if (dns)
		LOSS(captures);
}

/* Behind the first bytes of a stream that may be HTTP: a further request may begin anywhere, and be
 * for another host. */
static __always_inline void later_out(struct socket_hint *hint, struct __sk_buff *skb,
				      struct packet *p)
{
	__u32 n = p->len;

	p->kind = OF_CAPTURE_HTTP;
	if (n > HTTP_PACKET && !begins_request(skb, p))
		n = HTTP_CONTENT;
	if (!capture(skb, p, n, hint->creator, IPPROTO_TCP))
		hint->names_lost = 1;
}

/* A ClientHello, in a record that is long enough to tell. */
static __always_inline bool is_hello(const __u8 h[FIRST_LEN])
{
	return h[5] == TLS_CLIENT_HELLO && h[6] == 0 && h[9] == 3;
}

/* One of 64 KiB or more, which is not read; OpenSSL takes up to 128. */
static __always_inline bool is_large_hello(const __u8 h[FIRST_LEN])
{
	return h[5] == TLS_CLIENT_HELLO && h[6] <= 2 && h[9] == 3;
}

/* Of the records in the clear that may stand between two ClientHellos the length of this one; 0: it
 * is none. */
static __always_inline __u32 between_len(const __u8 h[TLS_RECORD])
{
	if (h[0] == TLS_CCS && h[3] == 0 && h[4] == 1)
		return TLS_RECORD + 1;
	return h[0] == TLS_ALERT && h[3] == 0 && h[4] == 2 ? TLS_RECORD + 2 : 0;
}

static __always_inline void packet_skip(struct packet *p, __u32 n)
{
	p->at += n;
	p->seq += n;
	p->len -= n;
}

enum hello_next { HELLO_NONE, HELLO_AGAIN, HELLO_WAITS, HELLO_LOST };

/* What follows a whole ClientHello, where a record begins; `p` is behind what says nothing. */
static __always_inline enum hello_next hello_next(struct __sk_buff *skb, struct packet *p)
{
	__u8 h[FIRST_LEN] = {};
	__u32 n;
	int i;

	for (i = 0; i < TLS_BETWEEN_MAX; i++) {
		if (p->len == 0)
			return HELLO_WAITS;
		if (p->len < TLS_RECORD || bpf_skb_load_bytes(skb, p->at, h, TLS_RECORD) < 0)
			return HELLO_LOST;
		n = between_len(h);
		if (n == 0)
			break;
		if (n > p->len)
			return HELLO_LOST;
		packet_skip(p, n);
	}
	if (h[0] == TLS_DATA)
		return HELLO_NONE;
	if (h[0] != TLS_HANDSHAKE || p->len < FIRST_LEN ||
	    bpf_skb_load_bytes(skb, p->at, h, FIRST_LEN) < 0)
		return HELLO_LOST;
	if (is_hello(h))
		return HELLO_AGAIN;
	if (is_large_hello(h))
		return HELLO_LOST;
	return ((__u32)h[3] << 8 | h[4]) >= FIRST_LEN - TLS_RECORD ? HELLO_NONE : HELLO_LOST;
}

/*
 * A server may ask for another ClientHello (HelloRetryRequest: RFC 8446, 4.1.4), which is in the
 * clear like the first and is what counts then: the stream is read from there as from its begin.
 * What cannot be told from a few bytes is lost, as is one that did not wait to be asked for.
 */
static __always_inline void hello_out(struct socket_hint *hint, struct __sk_buff *skb,
				      struct packet *p, bool asked)
{
	__u32 at = p->seq - hint->names_out, end = hint->names_end;
	enum hello_next next;

	if (at >= 1U << 31 || at + p->len <= end) /* sent again */
		return;
	if (at < end)
		packet_skip(p, end - at);
	next = at > end ? HELLO_LOST : hello_next(skb, p);
	if (next == HELLO_NONE) {
		hint->names_state = NAMES_OFF;
	} else if (next == HELLO_WAITS) {
		hint->names_end = p->seq - hint->names_out;
	} else if (next == HELLO_AGAIN && asked) {
		stream_begin(hint, skb, p, false);
	} else {
		hint->names_out = p->seq;
		hint->names_state = NAMES_COLLECT;
		hint->names_lost = 1;
	}
}

/* A piece of the first bytes, with what else is in the packet if it is followed further. */
static __always_inline void first_out(struct socket_hint *hint, struct __sk_buff *skb,
				      struct packet *p, bool dns)
{
	__u32 at = p->seq - p->first, end = hint->names_end, n = p->len;

	if (at >= 1U << 31) /* sent again, from before */
		return;
	if (!p->http && n > end - at)
		n = end - at;
	if (at < end && !capture(skb, p, n, hint->creator, IPPROTO_TCP)) {
		hint->names_lost = 1;
		return;
	}
	if (at + p->len < end)
		return;
	hint->names_state = hint->names_http ? NAMES_HTTP : NAMES_OFF;
	if (hint->names_tls && end < OF_CAPTURE_BYTES)
		hint->names_state = NAMES_HELLO;
	if (dns)
		LOSS(captures); /* no stream of questions is that long */
}

/*
 * Was a connection of this account told as silent a moment ago? Then this one says nothing new: who
 * opens a thousand is not read a thousand times. Only of who made the socket: else another waits to
 * be told of it.
 */
static __always_inline bool silent_lately(struct socket_hint *hint, struct __sk_buff *skb,
					  const struct packet *p)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct of_account_key key = { .exec_id = hint->creator };
	__u16 tick = bpf_ktime_get_coarse_ns() >> OF_SILENT_TICK;
	__u32 tgid = task->tgid, *slot;
	struct of_account *a;
	struct of_task *runs;

	runs = p->later ? NULL : bpf_map_lookup_elem(&exec_ids, &tgid);
	if (runs == NULL || runs->exec_id != key.exec_id)
		return false;
	capture_peer(&key.to, skb, p, IPPROTO_TCP);
	slot = bpf_map_lookup_elem(&account_index, &key);
	a = slot == NULL ? NULL : bpf_map_lookup_elem(&accounts, slot);
	/* The index may hand out an entry that is being deleted (account_post()). */
	if (a == NULL || a->exec_id != key.exec_id || !endpoint_same(&a->to, &key.to))
		return false;
	/* The send that this packet is of will look for it, too. */
	hint->slot = *slot;
	hint->generation = a->generation;
	if (a->silent == tick)
		return tick != 0;
	a->silent = tick;
	return false;
}

/* `p` has its data, and names are still looked for. */
static __always_inline void stream_out(struct socket_hint *hint, struct __sk_buff *skb,
				       struct packet *p)
{
	bool dns = is_dns(remote_port(skb)), begins = hint->names_state == NAMES_NEW;

	if (begins)
		stream_begin(hint, skb, p, dns);
	packet_sender(p, skb, hint);
	if (begins && hint->names_end == FIRST_LEN && !p->urgent && silent_lately(hint, skb, p)) {
		hint->names_state = NAMES_OFF;
		return;
	}
	p->first = hint->names_out;
	p->kind = dns ? OF_CAPTURE_DNS : OF_CAPTURE_TCP;
	p->http = hint->names_http;
	hint->names_lost |= p->urgent;
	if (hint->names_state == NAMES_HELLO) {
		hello_out(hint, skb, p, true);
		p->first = hint->names_out;
	}
	/* That one was lost is told by the next that is not. */
	if (hint->names_state != NAMES_OFF && hint->names_lost) {
		lost_out(hint, skb, p, dns);
	} else if (hint->names_state == NAMES_COLLECT) {
		first_out(hint, skb, p, dns);
		if (hint->names_state == NAMES_HELLO)
			hello_out(hint, skb, p, false);
	} else if (hint->names_state == NAMES_HTTP) {
		later_out(hint, skb, p);
	}
}

/* The far end of a datagram, as a number that differs for most. */
static __always_inline __u32 datagram_peer(const struct of_endpoint *to, const struct packet *p)
{
	const __u32 *addr = (const __u32 *)to->addr;

	return (addr[3] ^ (__u32)p->port << 16 ^ p->port) | 1;
}

/* Is it one of the first to its far end? */
static __always_inline bool datagram_is_early(struct socket_hint *hint, const struct packet *p,
					      const struct of_endpoint *to)
{
	__u32 peer;

	if (hint == NULL || hint->names_peers >= PEERS_MAX)
		return false;
	peer = datagram_peer(to, p);
	if (hint->names_peer != peer) {
		hint->names_peer = peer;
		hint->names_packets = 0;
		hint->names_peers++;
	}
	return hint->names_packets < DATAGRAMS_MAX;
}

/* A version of QUIC that is read (1 and 2, RFC 9369), or told as one that is not: drafts, those
 * that ask for a negotiation (RFC 9000, 15), Google's "Q" or "T" and digits, and mvfst's
 * (wire/quic_packet.h has the sources). */
static __always_inline bool is_quic_version(__u32 v)
{
	return v == 1 || v == 0x6b3343cf || (v & 0x0f0f0f0f) == 0x0a0a0a0a ||
	       (v & 0xffffff00) == 0xff000000 || (v & 0xffffff00) == 0xfaceb000 ||
	       (v & 0xfff0f0f0) == 0x51303030 || (v & 0xfff0f0f0) == 0x54303030;
}

/* May it be one that a name is read from, or that has one which is not? Several at once are looked
 * at where they are cut. */
static __always_inline bool datagram_says(struct __sk_buff *skb, const struct packet *p)
{
	__u8 h[DATAGRAM_LEN] = {};

	if (skb->gso_size != 0)
		return true;
	if (bpf_skb_load_bytes(skb, p->at, h, sizeof(h)) < 0)
		return false;
	if (h[0] & QUIC_LONG)
		return is_quic_version((__u32)h[1] << 24 | (__u32)h[2] << 16 | (__u32)h[3] << 8 |
				       h[4]);
	/* A ClientHello of DTLS (RFC 6347, 4.1). */
	return h[0] == TLS_HANDSHAKE && h[1] == 0xfe && (h[2] == 0xff || h[2] == 0xfd) &&
	       h[13] == TLS_CLIENT_HELLO;
}

/* `p` has data; `to` is its address. */
static __always_inline void datagram_out(struct socket_hint *hint, struct __sk_buff *skb,
					 struct packet *p, const struct of_endpoint *to)
{
	__u64 creator = hint == NULL ? 0 : hint->creator;
	__u32 n;

	p->kind = OF_CAPTURE_UDP;
	if (is_dns(p->port)) {
		p->kind = OF_CAPTURE_DNS;
		(void)capture(skb, p, p->len, creator, IPPROTO_UDP);
		return;
	}
	if (!datagram_is_early(hint, p, to))
		return;
	p->seq = hint->names_packets++;
	p->lost = hint->names_packets >= DATAGRAMS_MAX || hint->names_peers >= PEERS_MAX;
	n = p->len < 256 ? p->len : 256;
	if (datagram_says(skb, p))
		n = p->len;
	else if (p->seq > 0) /* that no more are looked at is told by the last */
		n = p->lost;
	/* The first is told in any case, so that nobody waits for a name. */
	if (n > 0)
		(void)capture(skb, p, n, creator, IPPROTO_UDP);
}

#endif
