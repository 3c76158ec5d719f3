/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS messages: those that dnsmasq 2.90 and unbound 1.17.1 sent, and those that nobody should. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>

#include "base/ip.h"
#include "dns_bytes.h"
#include "wire/dns.h"

#define ANSWER	   0x8180 /* QR, RD, RA */
#define QUESTION   12
#define CORPUS	   "tests/fuzz/corpus/dns/"
#define TO_START() put16(&b, 0xc000 | QUESTION)

/* In memory of its own length, for the sanitizers. */
static int parse(const struct bytes *b, struct dns_message *ret)
{
	uint8_t *own = malloc(b->len);
	int err;

	cr_assert_not_null(own);
	memcpy(own, b->at, b->len);
	err = dns_parse(own, b->len, ret);
	free(own);
	return err;
}

static void expect_address(const struct dns_message *m, size_t i, const char *text, uint32_t ttl,
			   bool is_hint)
{
	char got[IP_TEXT_LEN];

	cr_assert_lt(i, m->address_count, "%s is not told", text);
	ip_text(got, m->addresses[i].addr);
	cr_expect_str_eq(got, text);
	cr_expect_eq(m->addresses[i].ttl, ttl, "%s: %u", text, m->addresses[i].ttl);
	cr_expect_eq(m->addresses[i].is_hint, is_hint, "%s", text);
}

struct captured {
	char file[24];
	char name[24];
	uint16_t type;
	bool truncated, ech;
	uint8_t rcode;
	uint32_t count, ttl, opaque;
	char addresses[4][16]; /* the first ones */
	bool is_hint;
};

/* What the servers had been told to answer; TTLs as dig shows them. */
static struct captured captured_rows[] = {
	{ .file = "dnsmasq_a",
	  .name = "www.example.test",
	  .type = DNS_A,
	  .count = 1,
	  .ttl = 300,
	  .addresses = { "192.0.2.1" } },
	{ .file = "dnsmasq_aaaa",
	  .name = "www.example.test",
	  .type = DNS_AAAA,
	  .count = 1,
	  .ttl = 300,
	  .addresses = { "2001:db8::1" } },
	{ .file = "dnsmasq_cname1",
	  .name = "alias.example.test",
	  .type = DNS_A,
	  .count = 1,
	  .ttl = 120,
	  .addresses = { "192.0.2.1" } },
	{ .file = "dnsmasq_cname12",
	  .name = "c0.example.test",
	  .type = DNS_A,
	  .count = 1,
	  .ttl = 0,
	  .addresses = { "192.0.2.12" } },
	{ .file = "dnsmasq_nxdomain", .name = "nope.example.test", .type = DNS_A, .rcode = 3 },
	{ .file = "dnsmasq_txt", .name = "t.example.test", .type = DNS_TXT, .opaque = 12 },
	{ .file = "unbound_a",
	  .name = "www.example.test",
	  .type = DNS_A,
	  .count = 1,
	  .ttl = 300,
	  .addresses = { "192.0.2.1" } },
	{ .file = "unbound_txt", .name = "t.example.test", .type = DNS_TXT, .opaque = 14 },
	{ .file = "unbound_https",
	  .name = "h.example.test",
	  .type = DNS_HTTPS,
	  .ech = true,
	  .count = 3,
	  .ttl = 300,
	  .addresses = { "192.0.2.8", "192.0.2.9", "2001:db8::8" },
	  .is_hint = true },
	{ .file = "unbound_svcb",
	  .name = "s.example.test",
	  .type = DNS_SVCB,
	  .count = 1,
	  .ttl = 300,
	  .addresses = { "2001:db8::9" },
	  .is_hint = true },
	{ .file = "unbound_nxdomain", .name = "nope.example.test", .type = DNS_A, .rcode = 3 },
	{ .file = "unbound_tc", .name = "big.chain.test", .type = DNS_TXT, .truncated = true },
	{ .file = "unbound_many",
	  .name = "many.chain.test",
	  .type = DNS_A,
	  .count = 40,
	  .ttl = 80,
	  .addresses = { "192.0.2.3", "192.0.2.4" } },
	{ .file = "unbound_big", .name = "big.chain.test", .type = DNS_TXT, .opaque = 16 * 233 },
	{ .file = "unbound_zone_cname1",
	  .name = "one.chain.test",
	  .type = DNS_A,
	  .count = 1,
	  .ttl = 120,
	  .addresses = { "192.0.2.77" } },
	{ .file = "unbound_zone_alias", .name = "alias.chain.test", .type = DNS_HTTPS },
};

ParameterizedTestParameters(dns, captured)
{
	return cr_make_param_array(struct captured, captured_rows,
				   sizeof(captured_rows) / sizeof(captured_rows[0]));
}

ParameterizedTest(struct captured *c, dns, captured)
{
	static struct bytes b;
	struct dns_message m;
	char path[64];
	size_t i;

	snprintf(path, sizeof(path), CORPUS "%s", c->file);
	cr_assert_gt(bytes_load(&b, path), 0, "%s", path);
	cr_assert_eq(parse(&b, &m), 0, "%s", c->file);
	cr_expect(m.is_answer);
	cr_expect_eq(m.id, 0x1234);
	cr_expect_eq(m.octets, b.len);
	cr_expect_str_eq(m.name.text, c->name);
	cr_expect(m.name.is_host);
	cr_expect_eq(m.name.wire_len, strlen(c->name) + 2);
	cr_expect_eq(m.name.labels, 3);
	cr_expect_eq(m.type, c->type);
	cr_expect_eq(m.class, 1);
	cr_expect_eq(m.rcode, c->rcode);
	cr_expect_eq(m.truncated, c->truncated);
	cr_expect_eq(m.ech, c->ech, "%s", c->file);
	cr_expect_eq(m.opaque, c->opaque, "%s: %u", c->file, m.opaque);
	cr_expect_eq(m.unread, 0);
	cr_assert_eq(m.address_count, c->count, "%s: %u", c->file, m.address_count);
	for (i = 0; i < 4 && c->addresses[i][0] != '\0'; i++)
		expect_address(&m, i, c->addresses[i], c->ttl, c->is_hint);
}

/* Each address of 192.0.2.1 to .40 once, in the order in which the server had put them. */
Test(dns, captured_with_many_addresses)
{
	static struct bytes b;
	struct dns_message m;
	bool seen[41] = { false };
	size_t i;

	cr_assert_gt(bytes_load(&b, CORPUS "unbound_many"), 0);
	cr_assert_eq(parse(&b, &m), 0);
	for (i = 0; i < m.address_count; i++) {
		cr_assert(m.addresses[i].addr[15] >= 1 && m.addresses[i].addr[15] <= 40);
		cr_expect_not(seen[m.addresses[i].addr[15]]);
		seen[m.addresses[i].addr[15]] = true;
	}
}

Test(dns, captured_query)
{
	static struct bytes b;
	struct dns_message m;

	cr_assert_gt(bytes_load(&b, CORPUS "query_a"), 0);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_not(m.is_answer);
	cr_expect_str_eq(m.name.text, "www.example.test");
	cr_expect_eq(m.type, DNS_A);
	cr_expect_eq(m.octets, 45);
}

/* The capture kept less: what is there wholly is told, and never anything else. */
Test(dns, cut_anywhere)
{
	static const char *const files[] = { CORPUS "dnsmasq_cname12", CORPUS "unbound_https",
					     CORPUS "unbound_many" };
	static struct bytes b;
	struct dns_message all, m;
	uint8_t *own;
	size_t f, n, question;
	int err;

	for (f = 0; f < 3; f++) {
		cr_assert_gt(bytes_load(&b, files[f]), 0);
		cr_assert_eq(dns_parse(b.at, b.len, &all), 0);
		question = 12U + all.name.wire_len + 4U;
		for (n = 0; n < b.len; n++) {
			own = malloc(n);
			memcpy(own, b.at, n);
			/* Behind the answer stands EDNS, of 11 octets, or nothing. */
			cr_expect_eq(dns_parse(own, n, &m) == 0, n >= b.len - b.at[11] * 11U);
			err = dns_parse_cut(own, n, b.len, &m);
			cr_assert_eq(err, n < question ? -EAGAIN : 0, "%s, %zu: %d", files[f], n,
				     err);
			free(own);
			if (err < 0)
				continue;
			cr_expect(m.cut);
			cr_expect_eq(m.octets, b.len);
			cr_expect_leq(m.address_count, all.address_count);
			cr_expect_eq(memcmp(m.addresses, all.addresses,
					    m.address_count * sizeof(m.addresses[0])),
				     0);
		}
	}
	/* 40 records of 16 octets behind 33: 12 + "many.chain.test" in 17 + 4. */
	cr_assert_eq(dns_parse_cut(b.at, 33 + 16 * 7 + 15, b.len, &m), 0);
	cr_expect_eq(m.address_count, 7);
	cr_expect_eq(m.unread, 33);
	cr_expect_eq(dns_parse_cut(b.at, 40, 39, &m), -EINVAL);
	cr_expect_eq(dns_parse_cut(b.at, 40, 65535, &m), 0);
	cr_expect_eq(dns_parse_cut(b.at, 40, 65536, &m), -E2BIG);
}

/* An answer for "a.test", A: so many links in an order that `step` gives, then the address of the
 * last one. Link i is "\1" and a character. */
static void chain_answer(struct bytes *b, unsigned int links, unsigned int step)
{
	uint8_t owner[3] = { 1 }, target[3] = { 1 };
	unsigned int i, k;

	put_header(b, ANSWER, links + 1);
	put(b, "\1A", 3);
	put16(b, DNS_A);
	put16(b, 1);
	for (k = 0; k <= links; k++) {
		i = k * step % (links + 1);
		owner[1] = (uint8_t)('a' + i);
		target[1] = (uint8_t)('A' + i + 1);
		put(b, owner, 3);
		if (i == links) {
			put_fixed(b, DNS_A, 1000, 4);
			put(b, "\xc0\0\2\7", 4);
		} else {
			put_fixed(b, DNS_CNAME, 900 - i, 3);
			put(b, target, 3);
		}
	}
}

Test(dns, chain_in_any_order)
{
	static struct bytes b;
	struct dns_message m;
	unsigned int step;

	for (step = 1; step < 17; step++) { /* all prime to 17 */
		chain_answer(&b, 16, step);
		cr_assert_eq(parse(&b, &m), 0);
		cr_assert_eq(m.address_count, 1, "step %u", step);
		expect_address(&m, 0, "192.0.2.7", 885, false);
		cr_expect_not(m.chain_too_long);
	}
	chain_answer(&b, 17, 1);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 0);
	cr_expect(m.chain_too_long);
}

/* A header, "host.test" and a type. */
static void start_answer(struct bytes *b, unsigned int type, unsigned int answers)
{
	put_header(b, ANSWER, answers);
	PUT_NAME(b, "\4Host\4tesT");
	put16(b, type);
	put16(b, 1);
}

static void put_a(struct bytes *b, uint32_t ttl, uint8_t last)
{
	put_fixed(b, DNS_A, ttl, 4);
	put(b, "\xc0\0\2", 3);
	put(b, &last, 1);
}

Test(dns, owner_that_is_not_on_the_chain)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 5);
	PUT_NAME(&b, "\5other\4test");
	put_a(&b, 60, 1);
	PUT_NAME(&b, "\4test");
	put_a(&b, 60, 2);
	PUT_NAME(&b, "\1x\4host\4test");
	put_a(&b, 60, 3);
	PUT_NAME(&b, "\4hOST\4TEST"); /* the same name in other letters */
	put_a(&b, 60, 4);
	PUT_NAME(&b, "\11host.test");
	put_a(&b, 60, 5);
	cr_assert_eq(parse(&b, &m), 0);
	cr_assert_eq(m.address_count, 1);
	expect_address(&m, 0, "192.0.2.4", 60, false);
	cr_expect_str_eq(m.name.text, "host.test");
}

/* What leads to the name does not lead from it. */
Test(dns, chain_is_not_followed_backwards)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 2);
	PUT_NAME(&b, "\5other\4test");
	put_fixed(&b, DNS_CNAME, 60, 2);
	TO_START();
	PUT_NAME(&b, "\5other\4test");
	put_a(&b, 60, 1);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 0);
}

Test(dns, chain_that_is_a_loop)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 4);
	TO_START();
	put_fixed(&b, DNS_CNAME, 60, 2);
	TO_START();
	TO_START();
	put_fixed(&b, DNS_CNAME, 50, 3);
	put(&b, "\1b", 3);
	put(&b, "\1B", 3);
	put_fixed(&b, DNS_CNAME, 40, 2);
	TO_START();
	put(&b, "\1b", 3);
	put_a(&b, 70, 1);
	cr_assert_eq(parse(&b, &m), 0);
	cr_assert_eq(m.address_count, 1);
	expect_address(&m, 0, "192.0.2.1", 40, false);
	cr_expect_not(m.chain_too_long);
}

/* Two ways to one name: the least TTL of both, wherever the records stand. */
Test(dns, two_ways_to_one_name)
{
	static const char *const names[] = { "\1b", "\1c" };
	static struct bytes b;
	struct dns_message m;
	unsigned int order, i, k;

	for (order = 0; order < 2; order++) {
		start_answer(&b, DNS_A, 5);
		put(&b, "\1d", 3);
		put_a(&b, 70, 1);
		for (k = 0; k < 2; k++) {
			i = k ^ order;
			TO_START();
			put_fixed(&b, DNS_CNAME, 60, 3);
			put(&b, names[i], 3);
			put(&b, names[i], 3);
			put_fixed(&b, DNS_CNAME, 40 - i, 3);
			put(&b, "\1d", 3);
		}
		cr_assert_eq(parse(&b, &m), 0);
		cr_assert_eq(m.address_count, 1);
		expect_address(&m, 0, "192.0.2.1", 39, false);
	}
}

Test(dns, ttl_with_the_top_bit)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 2);
	TO_START();
	put_a(&b, 0x80000000, 1);
	TO_START();
	put_a(&b, 0x7fffffff, 2);
	cr_assert_eq(parse(&b, &m), 0);
	expect_address(&m, 0, "192.0.2.1", 0, false);
	expect_address(&m, 1, "192.0.2.2", 0x7fffffff, false);
}

Test(dns, https_alias)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_HTTPS, 5);
	TO_START();
	put_fixed(&b, DNS_HTTPS, 30, 2 + 5);
	put(&b, "\0\0\3poo", 7);
	PUT_NAME(&b, "\3POO");
	put_fixed(&b, DNS_HTTPS, 60, 3 + 8 + 5);
	put(&b, "\0\1\0\0\4\0\4\xc0\0\2\7\0\5\0\1x", 16);
	PUT_NAME(&b, "\3poo");
	put_fixed(&b, DNS_AAAA, 20, 16);
	put(&b, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
	/* A service at another name: its hints are the question's, its own records are not. */
	TO_START();
	put_fixed(&b, DNS_HTTPS, 25, 2 + 3 + 8);
	put(&b, "\0\1\1o\0\0\4\0\4\xc0\0\2\10", 13);
	put(&b, "\1o", 3);
	put_a(&b, 60, 9);
	cr_assert_eq(parse(&b, &m), 0);
	cr_assert_eq(m.address_count, 3);
	expect_address(&m, 0, "192.0.2.7", 30, true);
	expect_address(&m, 1, "2001:db8::7", 20, false);
	expect_address(&m, 2, "192.0.2.8", 25, true);
	cr_expect(m.ech);
}

Test(dns, ech_of_another_name)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_HTTPS, 1);
	PUT_NAME(&b, "\5other\4test");
	put_fixed(&b, DNS_HTTPS, 60, 3 + 5);
	put(&b, "\0\1\0\0\5\0\1x", 8);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_not(m.ech);
}

Test(dns, more_addresses_than_there_is_room_for)
{
	static struct bytes b;
	struct dns_message m;
	unsigned int i;

	start_answer(&b, DNS_A, 300);
	for (i = 0; i < 300; i++) {
		TO_START();
		put_a(&b, 60, (uint8_t)i);
	}
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 256);
	cr_expect_eq(m.unread, 300 - 256);
}

Test(dns, opaque_octets)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_NULL, 4);
	TO_START();
	put_fixed(&b, DNS_NULL, 0, 5);
	put(&b, "hello", 5);
	TO_START();
	put_fixed(&b, 65399, 0, 3); /* for private use, as iodine does */
	put(&b, "abc", 3);
	TO_START();
	put_fixed(&b, 15, 0, 4); /* MX */
	put(&b, "\0\1\xc0\14", 4);
	TO_START();
	put_fixed(&b, DNS_TXT, 0, 2);
	put(&b, "\1x", 2);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.opaque, 10);
	cr_expect_eq(m.octets, b.len);
}

Test(dns, records_of_another_class)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 1);
	TO_START();
	put_fixed(&b, DNS_A, 60, 5); /* CHAOS has A records of another form */
	b.at[b.len - 7] = 3;
	put(&b, "\1a\0\0\1", 5);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 0);
	/* Asked in CHAOS, answered in IN. */
	start_answer(&b, DNS_A, 1);
	b.at[b.len - 1] = 3;
	TO_START();
	put_a(&b, 60, 1);
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 0);
}

Test(dns, what_only_looks_like_an_answer)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 1);
	TO_START();
	put_a(&b, 60, 1);
	b.at[2] = 0x01; /* a query with an answer in it */
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 0);
	cr_expect_eq(m.unread, 1);
	b.at[2] = 0xa9; /* an answer to an UPDATE (RFC 2136) */
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.opcode, 5);
	cr_expect_eq(m.address_count, 0);
}

Test(dns, not_one_question)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 0);
	b.at[5] = 0;
	cr_expect_eq(parse(&b, &m), -EINVAL);
	b.at[5] = 2;
	PUT_NAME(&b, "\1b");
	put16(&b, DNS_A);
	put16(&b, 1);
	cr_expect_eq(parse(&b, &m), -EINVAL);
	b.at[4] = 1;
	b.at[5] = 1; /* 257 */
	cr_expect_eq(parse(&b, &m), -EINVAL);
	b.len = 11;
	cr_expect_eq(parse(&b, &m), -EINVAL);
	b.len = 0;
	cr_expect_eq(parse(&b, &m), -EINVAL);
}

Test(dns, counts_and_lengths_that_lie)
{
	static struct bytes b;
	struct dns_message m;

	start_answer(&b, DNS_A, 2); /* two, of which one is there */
	TO_START();
	put_a(&b, 60, 1);
	cr_expect_eq(parse(&b, &m), -EINVAL);
	b.at[2] |= 2; /* and that is said */
	cr_assert_eq(parse(&b, &m), 0);
	cr_expect_eq(m.address_count, 1);
	cr_expect_eq(m.unread, 1);

	start_answer(&b, DNS_A, 1);
	TO_START();
	put_fixed(&b, DNS_A, 60, 5);
	put(&b, "\xc0\0\2\1", 4);
	cr_expect_eq(parse(&b, &m), -EINVAL);
	put(&b, "\1", 1);
	cr_expect_eq(parse(&b, &m), -EINVAL);
	b.at[2] |= 2; /* truncated or not, it is there and wrong */
	cr_expect_eq(parse(&b, &m), -EINVAL);

	start_answer(&b, DNS_AAAA, 1);
	TO_START();
	put_fixed(&b, DNS_AAAA, 60, 4);
	put(&b, "\xc0\0\2\1", 4);
	cr_expect_eq(parse(&b, &m), -EINVAL);

	start_answer(&b, DNS_TXT, 1);
	TO_START();
	put_fixed(&b, DNS_TXT, 60, 0xffff);
	put(&b, "\1a", 2);
	cr_expect_eq(parse(&b, &m), -EINVAL);

	start_answer(&b, DNS_A, 1);
	TO_START();
	put_fixed(&b, DNS_CNAME, 60, 4); /* and one octet behind the name */
	put(&b, "\1b\0x", 4);
	cr_expect_eq(parse(&b, &m), -EINVAL);

	start_answer(&b, DNS_A, 1);
	TO_START();
	put_fixed(&b, DNS_CNAME, 60, 2); /* the name goes on behind the data */
	put(&b, "\1b\0", 3);
	cr_expect_eq(parse(&b, &m), -EINVAL);
}

/* In the worst order, with names as long as they may be, it is still done at once. */
Test(dns, as_much_work_as_possible, .timeout = 5)
{
	static struct bytes b;
	struct dns_message m;
	unsigned int i, round;
	size_t at;

	put_header(&b, ANSWER, 256);
	for (i = 0; i < 125; i++)
		put(&b, "\1a", 2);
	PUT_NAME(&b, "\1b");
	put16(&b, DNS_A);
	put16(&b, 1);
	for (i = 0; i < 256; i++) {
		TO_START();
		put_fixed(&b, DNS_CNAME, 60, 4);
		at = b.len;
		put(&b, "\1x", 2);
		b.at[at + 1] = (uint8_t)i;
		put16(&b, 0xc000 | (QUESTION + 4));
	}
	for (round = 0; round < 100; round++)
		cr_assert_eq(dns_parse(b.at, b.len, &m), 0);
	cr_expect(m.chain_too_long);
}
