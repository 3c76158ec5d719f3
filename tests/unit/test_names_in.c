/* SPDX-License-Identifier: BSD-2-Clause */
/* From copied packets to records of DNS: what is told of them, to whom it belongs, and what is not.
 */
#include "names_in_feed.h"

/* Takes the flows out of what was told. */
static size_t dns_only(void)
{
	size_t i, n = 0;

	for (i = 0; i < told_n; i++)
		if (told[i].hdr.kind == OF_REC_DNS)
			told[n++] = told[i];
	told_n = n;
	return n;
}

/* ---- DNS ---- */

/* "a.example.org", type A; `flags`: 0x01 a question, 0x81 an answer with one address. */
static size_t message(uint8_t *ret, uint16_t id, uint8_t flags)
{
	static const uint8_t rest[] = "\0\1\0\0\0\0\0\0\1a\7example\3org\0\0\1\0\1";
	static const uint8_t answer[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x09";
	size_t len = 4 + sizeof(rest) - 1;

	ret[0] = (uint8_t)(id >> 8);
	ret[1] = (uint8_t)id;
	ret[2] = flags;
	ret[3] = 0;
	memcpy(ret + 4, rest, sizeof(rest) - 1);
	if (flags & 0x80) {
		ret[7] = 1;
		memcpy(ret + len, answer, sizeof(answer) - 1);
		len += sizeof(answer) - 1;
	}
	return len;
}

static void dns(struct names_in *n, struct of_capture c, uint16_t id, bool in)
{
	uint8_t msg[128];
	size_t len = message(msg, id, in ? 0x81 : 0x01);

	c.in = in;
	if (in)
		c.exec_id = 0;
	take(n, c, msg, len);
}

Test(names_in, an_answer_belongs_to_who_asked)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct names_in *n = fresh();
	const struct of_rec_dns *r;

	dns(n, c, 5, false);
	dns(n, c, 5, true);
	cr_assert_eq(dns_only(), 2);
	r = &told[0].dns;
	cr_expect_eq(r->hdr.err, 0);
	cr_expect_str_eq(r->name, "a.example.org");
	cr_expect_eq(r->flags, OF_DNS_HOST);
	cr_expect_eq(r->suffix, 2);
	cr_expect_eq(r->name_octets, 15);
	cr_expect_eq(r->labels, 3);
	r = &told[1].dns;
	cr_expect_eq(r->exec_id, ASKER);
	cr_expect_eq(r->flags, OF_DNS_HOST | OF_DNS_ANSWER);
	cr_expect_eq(r->server.port, 53);
	cr_assert_eq(r->addrs_n, 1);
	cr_expect_eq(r->addrs[0].ttl, 60);
	cr_expect_eq(r->addrs[0].addr[15], 9);
	names_in_free(n);
}

/* Each differs in one thing from what was asked. */
Test(names_in, an_answer_that_nobody_asked_for_says_nothing)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct of_capture other;
	struct names_in *n = fresh();
	size_t i;

	dns(n, c, 5, false);
	dns(n, c, 6, true); /* its id */
	other = c;
	other.cookie++; /* the socket that it came to */
	dns(n, other, 5, true);
	other = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.54", 53);
	dns(n, other, 5, true); /* who sent it */
	other = c;
	other.peer.self = 1; /* the way that it came: forged on this machine */
	dns(n, other, 5, true);
	cr_assert_eq(dns_only(), 5);
	for (i = 1; i < told_n; i++)
		cr_expect_eq(told[i].hdr.err, -EBADMSG, "%zu", i);
	dns(n, c, 5, true);
	dns(n, c, 5, true); /* a second one: who was first counts */
	cr_assert_eq(told_n, 7);
	cr_expect_eq(told[5].hdr.err, 0);
	cr_expect_eq(told[6].hdr.err, -EBADMSG);
	names_in_free(n);
}

Test(names_in, dns_in_a_stream_whose_pieces_are_small)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_TCP, "198.51.100.53", 53);
	struct names_in *n = fresh();
	uint8_t msg[2 + 128];
	size_t len, i;
	bool in;

	for (in = false;; in = true) {
		len = message(msg + 2, 9, in ? 0x81 : 0x01);
		msg[0] = 0;
		msg[1] = (uint8_t)len;
		c.first = in ? 0xfffffff0 : 100; /* one passes the end of the numbers */
		for (i = 0; i < len + 2; i++) {
			c.seq = c.first + (uint32_t)i;
			c.in = in;
			/* Later ones leave while others run. */
			c.exec_id = !in && i == 0 ? ASKER : 99;
			take(n, c, msg + i, 1);
		}
		if (in)
			break;
	}
	cr_assert_eq(dns_only(), 2);
	cr_expect_eq(told[0].dns.exec_id, ASKER);
	cr_expect_eq(told[1].dns.exec_id, ASKER);
	cr_expect_eq(told[1].dns.addrs_n, 1);
	names_in_free(n);
}

/* How often it was told that something gave way. */
static size_t forgotten(void)
{
	size_t i, n = 0;

	for (i = 0; i < told_n; i++)
		n += told[i].hdr.err == -ENOBUFS;
	return n;
}

static size_t ask(struct names_in *n, struct of_capture c, uint64_t exec_id, uint32_t from,
		  uint32_t number)
{
	size_t gone = 0;
	uint32_t i;

	c.exec_id = exec_id;
	for (i = 0; i < number; i++) {
		told_n = 0;
		dns(n, c, (uint16_t)(from + i), false);
		gone += forgotten();
	}
	told_n = 0;
	return gone;
}

static bool is_answered(struct names_in *n, struct of_capture c, uint32_t id)
{
	told_n = 0;
	dns(n, c, (uint16_t)id, true);
	cr_assert_eq(told_n, 1);
	return told[0].hdr.err == 0;
}

#define QUARTER (NAMES_QUESTIONS_MAX / 4)

Test(names_in, questions_that_nobody_answers_give_way)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct names_in *n = fresh();
	uint32_t i;

	for (i = 0; i < 8; i++)
		cr_expect_eq(ask(n, c, ASKER + i, i * QUARTER / 2, QUARTER / 2), 0);
	cr_expect_eq(ask(n, c, ASKER + 8, NAMES_QUESTIONS_MAX, 1), 1);
	cr_expect_not(is_answered(n, c, 0), "the first was pushed out");
	cr_expect(is_answered(n, c, 1));
	cr_expect(is_answered(n, c, NAMES_QUESTIONS_MAX));
	/* Whoever waited for long is not missed. */
	ask(n, c, ASKER + 8, 5000, 2);
	c.time_ns += 30000000000ULL;
	cr_expect_eq(ask(n, c, ASKER + 8, 5002, 1), 0);
	cr_expect_not(is_answered(n, c, 2));
	names_in_free(n);
}

/* Who asks more than a quarter pushes out its own. */
Test(names_in, one_asker_does_not_push_out_others)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct names_in *n = fresh();

	ask(n, c, ASKER, 9000, 1);
	cr_expect_eq(ask(n, c, ASKER + 1, 0, QUARTER), 0);
	cr_expect_eq(ask(n, c, ASKER + 1, QUARTER, NAMES_QUESTIONS_MAX), NAMES_QUESTIONS_MAX);
	cr_expect(is_answered(n, c, 9000));
	cr_expect_not(is_answered(n, c, NAMES_QUESTIONS_MAX - 1));
	cr_expect(is_answered(n, c, NAMES_QUESTIONS_MAX));
	cr_expect(is_answered(n, c, NAMES_QUESTIONS_MAX + QUARTER - 1));
	cr_expect_eq(ask(n, c, ASKER + 1, 0, 3), 1, "two were answered");
	names_in_free(n);
}

/* A question, or its answer, in a stream of its own. */
static void by_stream(struct names_in *n, uint64_t exec_id, uint64_t cookie, bool in)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_TCP, "198.51.100.53", 53);
	uint8_t msg[2 + 128];
	size_t len = message(msg + 2, 9, in ? 0x81 : 0x01);

	msg[0] = 0;
	msg[1] = (uint8_t)len;
	c.exec_id = exec_id;
	c.cookie = cookie;
	c.in = in;
	c.first = c.seq = 100;
	take(n, c, msg, len + 2);
}

Test(names_in, one_sender_does_not_push_out_streams_of_others)
{
	struct names_in *n = fresh();
	uint64_t i;

	by_stream(n, ASKER, 1, false);
	for (i = 0; i < NAMES_STREAMS_MAX; i++)
		by_stream(n, ASKER + 1, 1000 + i, false);
	cr_expect_eq(forgotten(), NAMES_STREAMS_MAX - NAMES_STREAMS_MAX / 4);
	told_n = 0;
	by_stream(n, 0, 1, true);
	by_stream(n, 0, 1000, true);
	by_stream(n, 0, 1000 + NAMES_STREAMS_MAX - 1, true);
	cr_assert_eq(told_n, 3);
	cr_expect_eq(told[0].dns.exec_id, ASKER);
	cr_expect_eq(told[0].hdr.err, 0);
	cr_expect_eq(told[1].hdr.err, -EBADMSG);
	cr_expect_eq(told[2].hdr.err, 0);
	names_in_free(n);
}

/* ---- What is no DNS ---- */

/* "a.example.org" with the option of EDNS that dig sends (RFC 6891), in the additional section. */
static size_t message_edns(uint8_t *ret, uint16_t id)
{
	static const uint8_t opt[] = "\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08\1\2\3\4\5\6\7\x08";
	size_t len = message(ret, id, 0x01);

	ret[11] = 1;
	memcpy(ret + len, opt, sizeof(opt) - 1);
	return len + sizeof(opt) - 1;
}

/* Takes out of what was told that sockets are no longer only DNS's. */
static size_t flows_lost(void)
{
	const uint32_t lost = OF_FLOW_DONE | OF_FLOW_LOST | OF_FLOW_INVALID;
	size_t i, n = 0, before = told_n;

	for (i = 0; i < told_n; i++)
		if (told[i].hdr.kind != OF_REC_FLOW || told[i].flow.flags != lost)
			told[n++] = told[i];
	told_n = n;
	return before - n;
}

static void expect_malformed(size_t i, uint32_t octets)
{
	const struct of_rec_dns *r = &told[i].dns;

	cr_assert_lt(i, told_n);
	cr_assert_eq(r->hdr.kind, OF_REC_DNS);
	cr_expect_eq(r->hdr.err, 0);
	cr_expect_eq(r->flags, OF_DNS_MALFORMED);
	cr_expect_str_eq(r->name, "");
	cr_expect_eq(r->octets, octets, "%zu: %u", i, r->octets);
	cr_expect_eq(r->exec_id, ASKER);
	cr_expect_eq(r->netns, 3);
	cr_expect_eq(r->server.port, 53);
}

/* Each to a socket of its own. */
Test(names_in, datagrams_that_are_no_dns)
{
	/* iodine's raw mode (its src/encoding.h: magic, then a command and the user). */
	static const uint8_t raw[] = "\x10\xd1\x9e\x20\x78\xda\x63\x60\x60\x60\0\0\0\0";
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct names_in *n = fresh();
	uint8_t msg[256];
	size_t len;

	take(n, c, raw, sizeof(raw) - 1);
	c.cookie++;
	take(n, c, "\1\2\3", 3);
	c.cookie++;
	take(n, c, msg, message(msg, 1, 0x81)); /* an answer */
	c.cookie++;
	len = message_edns(msg, 2);
	take(n, c, msg, len + 100); /* something behind a question */
	c.cookie++;
	take(n, c, msg, len - 1); /* a record that is not whole */
	cr_expect_eq(flows_lost(), 5);
	cr_assert_eq(told_n, 5, "and no flow is read");
	expect_malformed(0, sizeof(raw) - 1);
	expect_malformed(1, 3);
	expect_malformed(2, 47);
	expect_malformed(3, (uint32_t)len + 100);
	expect_malformed(4, (uint32_t)len - 1);
	/* Several in one capture: each is one. */
	told_n = 0;
	c.cookie++;
	c.segment = 6;
	take(n, c, "no dns nor dns", 14);
	cr_expect_eq(flows_lost(), 1, "once");
	cr_assert_eq(told_n, 3);
	expect_malformed(0, 6);
	expect_malformed(2, 2);
	names_in_free(n);
}

Test(names_in, what_may_be_dns_is_not_called_none)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct names_in *n = fresh();
	uint8_t msg[256];
	size_t len = message_edns(msg, 1);

	c.len = 20000; /* not copied whole, and so not read whole */
	take(n, c, msg, len);
	take(n, c, msg, 20);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].dns.flags, OF_DNS_HOST);
	cr_expect_eq(told[1].hdr.err, -EBADMSG);
	told_n = 0;
	c.len = 0;
	c.in = 1; /* what others send */
	take(n, c, "no dns", 6);
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].hdr.err, -EBADMSG);
	/* A server here answers one that asked by port 53, as old ones do. */
	told_n = 0;
	c.in = 0;
	c.port = 53;
	take(n, c, msg, message(msg, 1, 0x81));
	message(msg, 1, 0x81);
	msg[3] = 1; /* the form is wrong, and of the question nothing is there */
	msg[5] = msg[7] = 0;
	take(n, c, msg, 12);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].hdr.err, -EBADMSG);
	cr_expect_eq(told[1].hdr.err, -EBADMSG);
	names_in_free(n);
}

static void stream_out(struct names_in *n, uint32_t at, const void *data, size_t len)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_TCP, "198.51.100.53", 53);

	c.first = 0xfffffffe;
	c.seq = c.first + at;
	take(n, c, data, len);
}

Test(names_in, a_stream_that_is_no_dns)
{
	static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
	struct names_in *n = fresh();
	uint8_t more[1000] = { 0 };

	stream_out(n, 0, ssh, 5);
	cr_expect_eq(told_n, 0, "not yet known");
	stream_out(n, 5, ssh + 5, 27);
	stream_out(n, 32, more, 1000);
	stream_out(n, 32, more, 1000); /* sent again */
	stream_out(n, 1000, more, 100);
	cr_expect_eq(flows_lost(), 1);
	cr_assert_eq(told_n, 3);
	expect_malformed(0, 32);
	expect_malformed(1, 1000);
	expect_malformed(2, 68);
	names_in_free(n);
}

/* What comes behind a question in a stream. */
Test(names_in, a_stream_that_is_dns_first)
{
	struct names_in *n = fresh();
	uint8_t msg[256] = { 0 };
	size_t len = message_edns(msg + 2, 1);

	msg[1] = (uint8_t)len;
	stream_out(n, 0, msg, len + 2);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].dns.flags, OF_DNS_HOST);
	cr_expect_eq(told[1].hdr.kind, OF_REC_FLOW);
	stream_out(n, (uint32_t)len + 2, "\0\4data", 6); /* whole, and none */
	stream_out(n, (uint32_t)len + 8, "anything", 8);
	cr_expect_eq(flows_lost(), 1);
	cr_assert_eq(told_n, 4);
	expect_malformed(2, 4);
	expect_malformed(3, 8);
	names_in_free(n);
}

/* ---- The flow to a server ---- */

Test(names_in, a_socket_that_asks_is_read_once)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.53", 53);
	struct of_capture other = capture_of(OF_CAPTURE_DNS, IPPROTO_UDP, "198.51.100.54", 53);
	struct names_in *n = fresh();
	const struct of_rec_flow *r = &told[1].flow;
	uint8_t msg[256];

	take(n, c, msg, message_edns(msg, 1));
	cr_assert_eq(told_n, 2);
	cr_assert_eq(r->hdr.kind, OF_REC_FLOW);
	cr_expect_eq(r->flags, OF_FLOW_DONE | OF_FLOW_READ | OF_FLOW_SILENT);
	cr_expect_eq(r->names_n, 0);
	cr_expect_eq(r->exec_id, ASKER);
	cr_expect_eq(r->creator, ASKER);
	cr_expect_eq(r->cookie, COOKIE);
	cr_expect_eq(r->netns, 3);
	cr_expect_eq(memcmp(&r->to, &c.peer, sizeof(r->to)), 0);
	dns(n, c, 2, false);
	dns(n, c, 2, true);
	cr_expect_eq(told_n, 4, "once");
	dns(n, other, 3, false);
	cr_expect_eq(told_n, 6, "another server");
	c.cookie++;
	dns(n, c, 3, false);
	cr_expect_eq(told_n, 8, "another socket");
	c.cookie++;
	take(n, c, "no dns", 6);
	cr_expect_eq(flows_lost(), 1);
	dns(n, c, 4, false);
	cr_expect_eq(told_n, 10, "what went first may have said a name");
	names_in_free(n);
}

/* One question vouches for nothing that leaves by the same connection. */
Test(names_in, a_request_of_http_behind_a_question)
{
	static const char post[] = "POST / HTTP/1.1\r\nHost: b.example\r\n\r\n";
	struct names_in *n = fresh();
	uint8_t msg[256] = { 0 };
	size_t len = message(msg + 2, 1, 0x01);

	msg[1] = (uint8_t)len;
	stream_out(n, 0, msg, len + 2);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(flows_lost(), 0);
	stream_out(n, (uint32_t)len + 2, post, sizeof(post) - 1);
	cr_expect_eq(flows_lost(), 1);
	cr_assert_eq(told_n, 3);
	expect_malformed(2, sizeof(post) - 1);
	names_in_free(n);
}

Test(names_in, a_stream_that_is_not_read_further)
{
	struct of_capture c = capture_of(OF_CAPTURE_DNS, IPPROTO_TCP, "198.51.100.53", 53);
	struct names_in *n = fresh();
	uint64_t i;

	by_stream(n, ASKER, 1, false);
	cr_expect_eq(flows_lost(), 0);
	c.cookie = 1;
	c.seq = 200;
	c.first = 100;
	c.lost = 1;
	take(n, c, "x", 1);
	cr_expect_eq(flows_lost(), 1, "some of it found no room");
	for (i = 0; i < NAMES_STREAMS_MAX; i++)
		by_stream(n, ASKER, 1000 + i, false);
	cr_expect_eq(flows_lost(), 0);
	c.cookie = 1000;
	c.lost = 0;
	take(n, c, "x", 1);
	cr_expect_eq(flows_lost(), 1, "it gave way");
	names_in_free(n);
}
