/* SPDX-License-Identifier: BSD-2-Clause */
/* From copied datagrams to records of flows: names in QUIC, and what could hide one. */
#include "names_in_feed.h"

#include "quic_client.h"

static const uint32_t not_read = OF_FLOW_DONE | OF_FLOW_INVALID | OF_FLOW_LOST;
static const uint32_t silent = OF_FLOW_DONE | OF_FLOW_READ | OF_FLOW_SILENT;

static struct of_capture datagrams_of(uint64_t cookie)
{
	struct of_capture c = capture_of(OF_CAPTURE_UDP, IPPROTO_UDP, "203.0.113.9", 443);

	c.cookie = cookie;
	return c;
}

/* Datagrams of a browser, each with its length before it. */
Test(names_datagrams, quic_of_a_browser)
{
	struct of_capture c = capture_of(OF_CAPTURE_UDP, IPPROTO_UDP, "203.0.113.9", 443);
	struct names_in *n = fresh();
	uint8_t data[2048], len[2];
	FILE *f = fopen("tests/fuzz/corpus/quic/chromium-156-v1", "re");
	size_t size;

	cr_assert_not_null(f);
	while (told_n == 0 && fread(len, 1, 2, f) == 2) {
		size = (size_t)len[0] << 8 | len[1];
		cr_assert_leq(size, sizeof(data));
		cr_assert_eq(fread(data, 1, size, f), size);
		take(n, c, data, size);
	}
	(void)fclose(f);
	cr_assert_eq(told_n, 1);
	cr_assert_eq(told[0].flow.names_n, 1);
	cr_expect_eq(told[0].flow.names[0].source, OF_NAME_SNI);
	cr_expect_str_eq(told[0].flow.names[0].host, "host.example");
	cr_expect(told[0].flow.flags & OF_FLOW_QUIC);
	cr_expect(told[0].flow.flags & OF_FLOW_DONE);
	cr_assert_eq(told[0].flow.alpn_n, 1);
	cr_expect_eq(told[0].flow.alpn[0].len, 2);
	cr_expect_eq(memcmp(told[0].flow.alpn[0].id, "h3", 2), 0);
	names_in_free(n);
}

/* A ClientHello for b.example (RFC 8446 section 4.1.2), of which `len` bytes from `at` on are sent.
 * `first`: bits of the first byte that are changed. */
static struct bytes hello_part(size_t at, size_t len, size_t token_len, uint8_t first)
{
	static const uint8_t hello[] = "\1\0\0\x41\3\3"
				       "0123456789abcdef0123456789abcdef"
				       "\0\0\2\x13\1\1\0\0\x16"
				       "\0\0\0\x0e\0\x0c\0\0\x09"
				       "b.example"
				       "\0\x17\0\0";
	static const uint8_t dcid[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct initial i = { .version = QUIC_V1, .dcid = dcid, .dcid_len = 8 };
	struct bytes frames = { .len = 0 }, ret = { .len = 0 };

	i.token_len = token_len;
	i.number = (unsigned int)at;
	i.number_len = 1;
	i.first = first;
	if (len > sizeof(hello) - 1 - at)
		len = sizeof(hello) - 1 - at;
	put_crypto(&frames, at, hello + at, len);
	put_initial(&ret, &i, &frames, 1200);
	return ret;
}

static void hello_sent(struct names_in *n, struct of_capture *c, const struct bytes *b)
{
	take(n, *c, b->data, b->len);
	c->seq++;
}

static void is_hello(size_t i)
{
	cr_assert_lt(i, told_n);
	cr_expect_eq(told[i].flow.flags, OF_FLOW_DONE | OF_FLOW_QUIC | OF_FLOW_READ);
	cr_assert_eq(told[i].flow.names_n, 1);
	cr_expect_str_eq(told[i].flow.names[0].host, "b.example");
}

/* HelloRetryRequest (RFC 8446 section 4.1.4): the stream of CRYPTO goes on, with the keys as they
 * were and the server's ID. What is said there may be another name. */
Test(names_datagrams, another_hello_that_was_asked_for)
{
	static const uint8_t dcid[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t other[] = "\1\0\0\x41\3\3 another";
	struct initial i = { .version = QUIC_V1, .dcid = dcid, .dcid_len = 8, .number_len = 1 };
	struct bytes set = hello_part(0, 999, 0, 0), ack = { 0 }, again = { 0 }, frames = { 0 };
	struct of_capture c = datagrams_of(1);
	struct names_in *n = fresh();

	hello_sent(n, &c, &set);
	is_hello(0);
	i.number = 1;
	frames.data[frames.len++] = 1; /* PING */
	put_initial(&ack, &i, &frames, 1200);
	hello_sent(n, &c, &set);
	hello_sent(n, &c, &ack);
	cr_expect_eq(told_n, 1, "the same again, and what says nothing");
	i.number = 2;
	frames.len = 0;
	put_crypto(&frames, 4 + 0x41, other, sizeof(other) - 1);
	put_initial(&again, &i, &frames, 1200);
	hello_sent(n, &c, &again);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].flow.flags, not_read | OF_FLOW_QUIC);
	names_in_free(n);
}

/* One that is over is not waited for, and what is told is not told again. */
Test(names_datagrams, a_hello_that_was_read_is_not_lost)
{
	struct bytes set = hello_part(0, 999, 0, 0);
	struct of_capture c = datagrams_of(1), other = datagrams_of(2);
	struct names_in *n = fresh();

	hello_sent(n, &c, &set);
	cr_assert_eq(told_n, 1);
	other.time_ns += 100000000000ULL;
	hello_sent(n, &other, &set);
	cr_expect_eq(told_n, 2);
	c.lost = 1;
	take(n, c, "\x40 data of a connection", 20);
	cr_expect_eq(told_n, 2);
	names_in_free(n);
}

/* RFC 9287 section 3.1: with a token it may be clear. */
Test(names_datagrams, the_fixed_bit_may_be_clear)
{
	struct of_capture c = datagrams_of(1), d = datagrams_of(2);
	struct bytes set = hello_part(0, 999, 0, 0), clear = hello_part(0, 999, 20, 0x40);
	struct names_in *n = fresh();

	hello_sent(n, &c, &set);
	cr_assert_eq(told_n, 1);
	is_hello(0);
	cr_assert_eq(clear.data[0] & 0xc0, 0x80);
	hello_sent(n, &d, &clear);
	cr_assert_eq(told_n, 2);
	is_hello(1);
	names_in_free(n);
}

Test(names_datagrams, versions_that_are_not_read)
{
	static const char *const unread[] = { "\xc3\xff\0\0\x1d", "\xc3Q050", "\xc3\xfa\xce\xb0\2",
					      "\xc3\x1a\x2a\x3a\x4a", "\x83T051" };
	static const char *const others[] = { "\xc3\0\0\0\0", "\xc3\0\0\0\x09", "\xc3QQQQ",
					      "\x43Q050", "\x80\x60\0\1\0" };
	struct names_in *n = fresh();
	uint8_t data[1200] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(unread) / sizeof(unread[0]); i++) {
		memcpy(data, unread[i], 5);
		take(n, datagrams_of(1 + i), data, sizeof(data));
		cr_assert_eq(told_n, 1, "%zu", i);
		cr_expect_eq(told[0].flow.flags, not_read | OF_FLOW_QUIC, "%zu", i);
		told_n = 0;
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		memcpy(data, others[i], 5);
		take(n, datagrams_of(100 + i), data, sizeof(data));
		cr_assert_eq(told_n, 1, "%zu", i);
		cr_expect_eq(told[0].flow.flags, silent, "%zu", i);
		told_n = 0;
	}
	names_in_free(n);
}

/* Also behind STUN (RFC 8489 section 5), as in WebRTC. */
Test(names_datagrams, dtls_is_not_read)
{
	static const uint8_t stun[] = "\0\1\0\0\x21\x12\xa4\x42"
				      "0123456789ab";
	static uint8_t hello[] = "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\xc0\1\0\0\xb4\0\0\0\0\0\0\0\xb4";
	struct of_capture c = datagrams_of(1);
	struct names_in *n = fresh();

	take(n, c, stun, sizeof(stun) - 1);
	c.seq = 1;
	take(n, c, hello, sizeof(hello) - 1);
	c.cookie++;
	c.seq = 0;
	hello[2] = 0xfd;
	take(n, c, hello, sizeof(hello) - 1);
	cr_assert_eq(told_n, 3);
	cr_expect_eq(told[0].flow.flags, silent);
	cr_expect_eq(told[1].flow.flags, not_read);
	cr_expect_eq(told[2].flow.flags, not_read);
	told_n = 0;
	hello[13] = 16; /* another message */
	c.cookie++;
	take(n, c, hello, sizeof(hello) - 1);
	c.cookie++;
	take(n, c, hello, 13);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].flow.flags, silent);
	cr_expect_eq(told[1].flow.flags, silent);
	names_in_free(n);
}

Test(names_datagrams, a_hello_in_more_than_are_copied)
{
	struct of_capture c = datagrams_of(1);
	struct names_in *n = fresh();
	struct bytes part;
	size_t i;

	for (i = 0; i < 8; i++) {
		cr_expect_eq(told_n, 0);
		part = hello_part(i * 6, 6, 0, 0);
		c.lost = i == 7;
		hello_sent(n, &c, &part);
	}
	cr_assert_eq(told_n, 1);
	cr_expect_eq(told[0].flow.flags, not_read | OF_FLOW_QUIC);
	/* The last is another. */
	c = datagrams_of(2);
	part = hello_part(0, 6, 0, 0);
	hello_sent(n, &c, &part);
	c.lost = 1;
	c.len = 1200;
	take(n, c, "\x40", 1);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[1].flow.flags, not_read | OF_FLOW_QUIC);
	names_in_free(n);
}

/* The last that is copied of a flow that was read, or that is none of QUIC, says nothing new. */
Test(names_datagrams, the_last_of_what_was_read)
{
	struct of_capture c = datagrams_of(1);
	struct bytes whole = hello_part(0, 999, 0, 0);
	struct names_in *n = fresh();

	hello_sent(n, &c, &whole);
	cr_expect_eq(told_n, 1);
	c.seq = 7;
	c.lost = 1;
	c.len = 1200;
	take(n, c, "\x40", 1);
	cr_expect_eq(told_n, 1);
	names_in_free(n);
}

/* What is in between is passed over by servers. */
Test(names_datagrams, something_else_between_the_parts_of_a_hello)
{
	struct of_capture c = datagrams_of(1);
	struct bytes one = hello_part(0, 30, 0, 0), two = hello_part(30, 999, 0, 0);
	struct bytes other = one;
	struct names_in *n = fresh();

	other.data[600] ^= 1;
	hello_sent(n, &c, &one);
	hello_sent(n, &c, &other);
	cr_expect_eq(told_n, 0);
	hello_sent(n, &c, &two);
	cr_assert_eq(told_n, 1);
	is_hello(0);
	names_in_free(n);
}

Test(names_datagrams, a_hello_that_never_gets_whole)
{
	struct of_capture c = datagrams_of(1);
	struct bytes one = hello_part(0, 30, 0, 0);
	struct names_in *n = fresh();

	hello_sent(n, &c, &one);
	cr_expect_eq(told_n, 0);
	c.cookie = 2;
	c.seq = 0;
	c.time_ns += 10000000000ULL;
	take(n, c, "\1\2\3", 3);
	cr_assert_eq(told_n, 2);
	cr_expect_eq(told[0].flow.flags, OF_FLOW_DONE | OF_FLOW_LOST);
	cr_expect_eq(told[0].flow.cookie, 1);
	cr_expect_eq(told[1].flow.flags, silent);
	names_in_free(n);
}

/* However many were read, none is remembered as one that was pushed out: nothing is missed. */
Test(names_datagrams, those_that_were_read_give_way)
{
	struct bytes set = hello_part(0, 999, 0, 0);
	struct names_in *n = fresh();
	struct of_capture c;
	size_t i;

	for (i = 0; i < NAMES_FLOWS_MAX + NAMES_GONE_MAX + 2; i++) {
		c = datagrams_of(i + 1);
		told_n = 0;
		hello_sent(n, &c, &set);
		cr_assert_eq(told_n, 1, "%zu", i);
		is_hello(0);
	}
	names_in_free(n);
}
