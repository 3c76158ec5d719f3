/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS over TCP: what unbound 1.17.1 answered to three questions in one connection, and worse. */
#include <criterion/criterion.h>
#include <errno.h>

#include "dns_bytes.h"
#include "wire/dns.h"
#include "wire/dns_stream.h"

#define MOST 64

struct heard {
	size_t count;
	struct {
		size_t len, whole;
		uint8_t first, last;
	} at[MOST];
};

static void hear(void *arg, const uint8_t *msg, size_t len, size_t whole)
{
	struct heard *h = arg;

	cr_assert_lt(h->count, MOST);
	h->at[h->count].len = len;
	h->at[h->count].whole = whole;
	h->at[h->count].first = len > 0 ? msg[0] : 0;
	h->at[h->count].last = len > 0 ? msg[len - 1] : 0;
	h->count++;
}

struct world {
	struct dns_stream s;
	struct heard h;
	struct bytes b;
};

static struct world w;

static void start(void)
{
	memset(&w, 0, sizeof(w));
}

static int feed(size_t from, size_t len)
{
	const struct dns_stream_ear ear = { .message = hear, .arg = &w.h };

	cr_assert_leq(from + len, w.b.len);
	return dns_stream_feed(&w.s, (uint32_t)from, w.b.at + from, len, &ear);
}

/* A message of so many octets, all of this value. */
static void put_message(unsigned int len, int value)
{
	put16(&w.b, len);
	cr_assert_leq(w.b.len + len, sizeof(w.b.at));
	memset(w.b.at + w.b.len, value, len);
	w.b.len += len;
}

static void expect_heard(size_t i, size_t len, size_t whole, uint8_t value)
{
	cr_assert_lt(i, w.h.count, "message %zu was not told", i);
	cr_expect_eq(w.h.at[i].len, len);
	cr_expect_eq(w.h.at[i].whole, whole);
	cr_expect_eq(w.h.at[i].first, value);
	cr_expect_eq(w.h.at[i].last, value);
}

static void hear_name(void *arg, const uint8_t *msg, size_t len, size_t whole)
{
	struct dns_message m;
	char *names = arg;

	cr_assert_eq(dns_parse_cut(msg, len, whole, &m), 0);
	snprintf(names + strlen(names), 100 - strlen(names), "%s %u %u;", m.name.text, m.octets,
		 m.address_count);
}

/* Behind the nine octets that tell the fuzzer how to cut it. */
Test(dns_stream, captured, .init = start)
{
	char names[100];
	const struct dns_stream_ear ear = { .message = hear_name, .arg = names };
	size_t at, n, step;

	cr_assert_gt(bytes_load(&w.b, "tests/fuzz/corpus/dns_stream/unbound_in_order"), 9);
	for (step = 1; step < 5000; step = step * 3 + 1) {
		memset(&w.s, 0, sizeof(w.s));
		names[0] = '\0';
		for (at = 9; at < w.b.len; at += n) {
			n = w.b.len - at < step ? w.b.len - at : step;
			cr_assert_eq(dns_stream_feed(&w.s, (uint32_t)(at - 9), w.b.at + at, n,
						     &ear),
				     0);
		}
		cr_expect_str_eq(names, "big.chain.test 3952 0;www.example.test 50 1;"
					"h.example.test 104 3;");
		cr_expect_eq(w.s.messages, 3);
		cr_expect_not(dns_stream_is_partial(&w.s));
	}
}

Test(dns_stream, several_in_one_piece_and_a_length_in_two, .init = start)
{
	put_message(20, 'a');
	put_message(0, 0);
	put_message(300, 'b');
	put_message(12, 'c');
	cr_expect_eq(feed(0, 25), 0); /* 22, 2, and the first octet of a length */
	cr_expect_eq(w.h.count, 2);
	cr_expect(dns_stream_is_partial(&w.s));
	cr_expect_eq(feed(25, w.b.len - 25), 0);
	cr_expect_eq(w.h.count, 4);
	expect_heard(0, 20, 20, 'a');
	expect_heard(1, 0, 0, 0);
	expect_heard(2, 300, 300, 'b');
	expect_heard(3, 12, 12, 'c');
	cr_expect_not(dns_stream_is_partial(&w.s));
}

Test(dns_stream, out_of_order_repeated_and_overlapping, .init = start)
{
	put_message(500, 'a');
	put_message(500, 'b');
	cr_expect_eq(feed(900, 104), 0);
	cr_expect_eq(feed(300, 300), 0);
	cr_expect_eq(feed(301, 50), 0);
	cr_expect_eq(feed(250, 400), 0); /* around one */
	cr_expect_eq(feed(1, 10), 0);
	cr_expect_eq(feed(0, 1), 0);
	cr_expect_eq(w.h.count, 0);
	cr_expect_eq(feed(5, 250), 0);
	cr_expect_eq(w.h.count, 1);
	cr_expect_eq(feed(0, 700), 0); /* told already, and some more */
	cr_expect_eq(feed(690, 220), 0);
	cr_expect_eq(w.h.count, 2);
	cr_expect_eq(feed(0, w.b.len), 0);
	cr_expect_eq(feed(10, 0), 0);
	cr_expect_eq(w.h.count, 2);
	expect_heard(0, 500, 500, 'a');
	expect_heard(1, 500, 500, 'b');
}

Test(dns_stream, message_that_is_too_long, .init = start)
{
	put_message(12, 'a');
	put_message(DNS_STREAM_MESSAGE, 'b');
	put_message(DNS_STREAM_MESSAGE + 1, 'c');
	put_message(12, 'd');
	put_message(20000, 'e');
	put_message(12, 'f');
	cr_expect_eq(feed(0, w.b.len), 0); /* in one piece */
	cr_expect_eq(w.h.count, 6);
	expect_heard(1, DNS_STREAM_MESSAGE, DNS_STREAM_MESSAGE, 'b');
	expect_heard(2, DNS_STREAM_MESSAGE, DNS_STREAM_MESSAGE + 1, 'c');
	expect_heard(3, 12, 12, 'd');
	expect_heard(4, DNS_STREAM_MESSAGE, 20000, 'e');
	expect_heard(5, 12, 12, 'f');
	cr_expect_eq(w.s.too_long, 2);
	cr_expect_eq(w.s.messages, 6);
}

/* What is not kept of it need not even have been seen. */
Test(dns_stream, gap_behind_what_is_kept, .init = start)
{
	put_message(60000, 'a');
	put_message(12, 'b');
	cr_expect_eq(feed(0, DNS_STREAM_ROOM), 0);
	cr_expect_eq(w.h.count, 1);
	cr_expect_eq(feed(50000, 20), 0);
	cr_expect_eq(feed(60002, 14), 0);
	expect_heard(0, DNS_STREAM_MESSAGE, 60000, 'a');
	expect_heard(1, 12, 12, 'b');
}

Test(dns_stream, gap_that_is_not_filled, .init = start)
{
	int i;

	for (i = 0; i < 40; i++)
		put_message(998, 'a');
	cr_expect_eq(feed(0, 1500), 0);
	/* Octet 1500 is missing. */
	cr_expect_eq(feed(1501, 499), 0);
	cr_expect_eq(feed(2000, 1000 + DNS_STREAM_ROOM - 2000), 0);
	cr_expect_eq(feed(1000 + DNS_STREAM_ROOM, 1), -E2BIG);
	cr_expect_eq(feed(1500, 1), -E2BIG); /* too late */
	cr_expect_eq(feed(0, 40000), -E2BIG);
	cr_expect_eq(w.h.count, 1);
	cr_expect_eq(w.s.lost, 40001);
	cr_expect_eq(w.s.err, -E2BIG);
}

Test(dns_stream, more_gaps_than_are_kept, .init = start)
{
	size_t i;

	put_message(998, 'a');
	for (i = 0; i < DNS_STREAM_RUNS; i++)
		cr_expect_eq(feed(10 + i * 2, 1), 0);
	cr_expect_eq(feed(11, 1), 0); /* fills one */
	cr_expect_eq(feed(200, 1), 0);
	cr_expect_eq(feed(202, 1), -E2BIG);
	cr_expect_eq(w.h.count, 0);
}

/* Nobody but the far end knows which of them it took. */
Test(dns_stream, same_octet_with_another_value, .init = start)
{
	put_message(500, 'a');
	put_message(12, 'b');
	cr_expect_eq(feed(0, 300), 0);
	w.b.at[299] = 'x';
	cr_expect_eq(feed(290, 10), -EINVAL);
	w.b.at[299] = 'a';
	cr_expect_eq(feed(290, w.b.len - 290), -EINVAL);
	cr_expect_eq(w.h.count, 0);
}

Test(dns_stream, of_more_than_four_gib, .init = start)
{
	const struct dns_stream_ear ear = { .message = hear, .arg = &w.h };

	put_message(100, 'a');
	put_message(100, 'b');
	w.s.base = UINT32_MAX - 49;
	cr_expect_eq(dns_stream_feed(&w.s, 50, w.b.at + 100, 104, &ear), 0);
	cr_expect_eq(dns_stream_feed(&w.s, UINT32_MAX - 49, w.b.at, 60, &ear), 0);
	cr_expect_eq(dns_stream_feed(&w.s, UINT32_MAX - 9, w.b.at + 40, 60, &ear), 0);
	cr_expect_eq(w.h.count, 2);
	cr_expect_eq(dns_stream_feed(&w.s, UINT32_MAX - 49, w.b.at, 204, &ear), 0);
	cr_expect_eq(w.h.count, 2);
	expect_heard(0, 100, 100, 'a');
	expect_heard(1, 100, 100, 'b');
	cr_expect_eq(w.s.base, 154);
}

Test(dns_stream, from_far_away, .init = start)
{
	const struct dns_stream_ear ear = { .message = hear, .arg = &w.h };

	put_message(100, 'a');
	/* From long ago, then from long hence. */
	cr_expect_eq(dns_stream_feed(&w.s, UINT32_MAX - 200, w.b.at, 100, &ear), 0);
	cr_expect_eq(dns_stream_feed(&w.s, 0x80000000, w.b.at, 100, &ear), 0);
	cr_expect_eq(dns_stream_feed(&w.s, 0x7fffffff, w.b.at, 100, &ear), -E2BIG);
}
