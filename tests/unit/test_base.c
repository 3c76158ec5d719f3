/* SPDX-License-Identifier: BSD-2-Clause */
/* The base: buffers, numbers, text, JSON, addresses, tables. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/num.h"
#include "base/table.h"
#include "base/text.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- buf ---- */

Test(buf, grows_and_ends_with_nul)
{
	struct buf b;
	int i;

	buf_init(&b, 1 << 20);
	for (i = 0; i < 5000; i++)
		buf_printf(&b, "%04d", i);
	cr_expect_eq(b.err, 0);
	cr_expect_eq(b.len, 20000);
	cr_expect_eq(strlen(b.data), 20000);
	buf_eat(&b, 19996);
	cr_expect_str_eq(b.data, "4999");
	buf_eat(&b, 99);
	cr_expect_eq(b.len, 0);
	buf_done(&b);
	buf_done(&b);
}

Test(buf, holds_exactly_its_bound)
{
	struct buf b;

	buf_init(&b, 256);
	buf_printf(&b, "%0256d", 0);
	cr_expect_eq(b.err, 0);
	cr_expect_eq(b.len, 256);
	buf_add(&b, "", 0);
	cr_expect_eq(b.err, 0);
	buf_char(&b, 'x');
	cr_expect_eq(b.err, -ENOSPC);
	buf_done(&b);
}

Test(buf, error_sticks_until_cleared)
{
	struct buf b;

	buf_init(&b, 8);
	buf_str(&b, "12345");
	buf_str(&b, "too long");
	buf_str(&b, "6");
	cr_expect_eq(b.err, -ENOSPC);
	cr_expect_str_eq(b.data, "12345", "nothing after the first error");
	buf_clear(&b);
	buf_str(&b, "12345678");
	cr_expect_eq(b.err, 0);
	buf_done(&b);
}

/* ---- num ---- */

struct num_case {
	char text[32];
	int err;
	uint64_t want;
};

ParameterizedTestParameters(num, sizes)
{
	static struct num_case cases[] = {
		{ "0", 0, 0 },
		{ "65536", 0, 65536 },
		{ "7B", 0, 7 },
		{ "64KiB", 0, 65536 },
		{ "16MiB", 0, 16 << 20 },
		{ "1TiB", 0, 1ULL << 40 },
		{ "500kB", 0, 500000 },
		{ "3MB", 0, 3000000 },
		{ "2GB", 0, 2000000000 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "16777216TiB", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1.5MiB", -EINVAL, 0 },
		{ "64kib", -EINVAL, 0 },
		{ "64K", -EINVAL, 0 },
		{ "KiB", -EINVAL, 0 },
	};

	return cr_make_param_array(struct num_case, cases, COUNT(cases));
}

ParameterizedTest(struct num_case *c, num, sizes)
{
	uint64_t n = 4711;

	cr_expect_eq(size_parse(c->text, 0, UINT64_MAX, &n), c->err, "'%s'", c->text);
	cr_expect_eq(n, c->err < 0 ? 4711 : c->want, "'%s'", c->text);
}

ParameterizedTestParameters(num, durations)
{
	static struct num_case cases[] = {
		{ "500ms", 0, 500000000ULL },
		{ "10s", 0, 10000000000ULL },
		{ "10m", 0, 600000000000ULL },
		{ "2h", 0, 7200000000000ULL },
		{ "7d", 0, 604800000000000ULL },
		{ "10", -EINVAL, 0 },
		{ "1w", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "300000d", -ERANGE, 0 },
	};

	return cr_make_param_array(struct num_case, cases, COUNT(cases));
}

ParameterizedTest(struct num_case *c, num, durations)
{
	uint64_t n = 4711;

	cr_expect_eq(duration_parse(c->text, 0, UINT64_MAX, &n), c->err, "'%s'", c->text);
	cr_expect_eq(n, c->err < 0 ? 4711 : c->want, "'%s'", c->text);
}

Test(num, bounds_are_part_of_the_range)
{
	uint64_t n = 4711;

	cr_expect_eq(num_parse("9", 10, 20, &n), -ERANGE);
	cr_expect_eq(num_parse("21", 10, 20, &n), -ERANGE);
	cr_expect_eq(num_parse("15B", 10, 20, &n), -EINVAL, "a count has no unit");
	cr_expect_eq(n, 4711);
	cr_expect_eq(num_parse("10", 10, 20, &n), 0);
	cr_expect_eq(num_parse("20", 10, 20, &n), 0);
	cr_expect_eq(n, 20);
}

Test(num, size_text)
{
	static const struct {
		uint64_t n;
		const char *want;
	} cases[] = {
		{ 0, "0 B" },
		{ 812, "812 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0KiB" },
		{ 393216, "384.0KiB" },
		{ (1 << 20) - 1, "1.0MiB" },
		{ 18035507, "17.2MiB" },
		{ 1ULL << 30, "1.0GiB" },
		{ UINT64_MAX, "16.0EiB" },
	};
	char text[SIZE_TEXT_LEN];
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		size_text(text, cases[i].n);
		cr_expect_str_eq(text, cases[i].want);
	}
}

Test(num, duration_text_is_what_duration_parse_takes)
{
	static const char *const cases[] = { "10m", "90s", "1500ms", "1h", "7d", "25h", "0ms" };
	char text[DURATION_TEXT_LEN];
	uint64_t ns;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		cr_assert_eq(duration_parse(cases[i], 0, UINT64_MAX, &ns), 0);
		duration_text(text, ns);
		cr_expect_str_eq(text, cases[i]);
	}
}

/* ---- text ---- */

struct utf8_case {
	char text[8];
	size_t len; /* 0: not well-formed */
};

ParameterizedTestParameters(text, utf8)
{
	static struct utf8_case cases[] = {
		{ "a", 1 },
		{ "\xc3\xbc", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x92\xa9", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 }, /* U+10FFFF */
		{ "\xf4\x90\x80\x80", 0 }, /* above it */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 }, /* a surrogate */
		{ "\xc0\x80", 0 },     /* overlong */
		{ "\xc1\xbf", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\x80", 0 }, /* no start */
		{ "\xc3", 0 }, /* cut short */
		{ "\xe2\x82", 0 },
		{ "\xf0\x9f\x92", 0 },
		{ "\xe2\x82g", 0 },
		{ "\xff", 0 },
	};

	return cr_make_param_array(struct utf8_case, cases, COUNT(cases));
}

ParameterizedTest(struct utf8_case *c, text, utf8)
{
	cr_expect_eq(utf8_char(c->text, strlen(c->text)), c->len);
	cr_expect_eq(utf8_valid(c->text, strlen(c->text)), c->len != 0);
}

Test(text, escape)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "plain gr\xc3\xbc\xc3\x9f", "plain gr\xc3\xbc\xc3\x9f" },
		{ "a\nb\tc\r", "a\\x0ab\\x09c\\x0d" },
		{ "\x1b[31m", "\\x1b[31m" },
		{ "\\x41", "\\x5cx41" },
		{ "\x7f", "\\x7f" },
		{ "\xc2\x9b", "\\xc2\\x9b" }, /* CSI as one character: U+009B */
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "\xff\xc3", "\\xff\\xc3" },
	};
	struct buf b;
	size_t i;

	buf_init(&b, 1024);
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		text_escape(&b, cases[i].in, strlen(cases[i].in));
		cr_expect_str_eq(b.data, cases[i].want);
	}
	buf_clear(&b);
	text_escape(&b, "a\0b", 3);
	cr_expect_str_eq(b.data, "a\\x00b");
	buf_done(&b);
}

Test(text, name)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "Runner.Worker", "Runner.Worker" },
		{ "kworker/0:1", "kworker/0:1" },
		{ "aquasecurity/trivy-action@v1", "aquasecurity/trivy-action@v1" },
		{ "Nightly scan", "\"Nightly scan\"" },
		{ "x; id=deadbeef", "\"x; id=deadbeef\"" },
		{ "x id=deadbeef\"", "\"x id=deadbeef\\x22\"" },
		{ "a[1]", "\"a[1]\"" },
		{ "a>b", "\"a>b\"" },
		{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		{ "x\xe2\x80\x83id=1", "\"x\xe2\x80\x83id=1\"" },
		{ "a\nb", "a\\x0ab" },
		{ "\\", "\\x5c" },
		{ "", "\"\"" },
	};
	struct buf b;
	size_t i;

	buf_init(&b, 1024);
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		text_name(&b, cases[i].in, strlen(cases[i].in));
		cr_expect_str_eq(b.data, cases[i].want);
	}
	buf_done(&b);
}

Test(text, time)
{
	static const struct {
		int64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000Z" },
		{ 1773942192123456789, "2026-03-19T17:43:12.123456Z" },
		{ 1709164800000000999, "2024-02-29T00:00:00.000000Z" },
		{ -1, "1970-01-01T00:00:00.000000Z" },
		{ INT64_MIN, "1970-01-01T00:00:00.000000Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775Z" },
	};
	char text[TIME_TEXT_LEN];
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		time_text(text, cases[i].ns);
		cr_expect_str_eq(text, cases[i].want);
	}
}

/* ---- json ---- */

Test(json, nesting_and_commas)
{
	struct json j;
	struct buf b;

	buf_init(&b, 1024);
	json_init(&j, &b);
	json_open(&j, NULL, '{');
	json_open(&j, "a", '[');
	json_close(&j, ']');
	json_open(&j, "b", '[');
	json_u64(&j, NULL, UINT64_MAX);
	json_i64(&j, NULL, INT64_MIN);
	json_close(&j, ']');
	json_open(&j, "c", '{');
	json_close(&j, '}');
	json_bool(&j, "d", true);
	json_nil(&j, "e");
	json_cstr(&j, "f", NULL);
	json_close(&j, '}');
	cr_expect_str_eq(b.data, "{\"a\":[],\"b\":[18446744073709551615,-9223372036854775808],"
				 "\"c\":{},\"d\":true,\"e\":null,\"f\":null}");
	buf_done(&b);
}

Test(json, strings)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "\n\x1f\x7f", "\"\\u000a\\u001f\\u007f\"" },
		{ "gr\xc3\xbc 100%", "\"gr\xc3\xbc 100%\"" },
		{ "gr\xc3\xbc\xff 100%", "\"gr\xc3\xbc%FF 100%25\"" },
		{ "\xed\xa0\x80", "\"%ED%A0%80\"" },
		{ "cut\xe2\x82", "\"cut%E2%82\"" },
	};
	struct json j;
	struct buf b;
	size_t i;

	buf_init(&b, 1024);
	for (i = 0; i < COUNT(cases); i++) {
		buf_clear(&b);
		json_init(&j, &b);
		json_cstr(&j, NULL, cases[i].in);
		cr_expect_str_eq(b.data, cases[i].want);
	}
	buf_done(&b);
}

/* Whatever the bytes are, a strict reader takes the line. */
Test(json, every_pair_of_bytes)
{
	struct json j;
	struct buf b;
	json_t *root;
	unsigned int i;
	char s[2];

	buf_init(&b, 1024);
	for (i = 0; i < 65536; i++) {
		s[0] = (char)(i >> 8);
		s[1] = (char)i;
		buf_clear(&b);
		json_init(&j, &b);
		json_open(&j, NULL, '[');
		json_str(&j, NULL, s, 2);
		json_close(&j, ']');
		root = json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
		cr_assert_not_null(root, "%04x: %s", i, b.data);
		json_decref(root);
	}
	buf_done(&b);
}

/* ---- ip ---- */

Test(ip, there_and_back)
{
	static const struct {
		const char *in, *want;
		bool v4, loopback;
	} cases[] = {
		{ "203.0.113.9", "203.0.113.9", true, false },
		{ "127.8.9.1", "127.8.9.1", true, true },
		{ "::ffff:10.0.0.1", "10.0.0.1", true, false },
		{ "::1", "::1", false, true },
		{ "::", "::", false, false },
		{ "2001:DB8:0:0::1", "2001:db8::1", false, false },
	};
	char text[IP_TEXT_LEN];
	uint8_t addr[16];
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		cr_assert_eq(ip_parse(cases[i].in, addr), 0);
		ip_text(text, addr);
		cr_expect_str_eq(text, cases[i].want);
		cr_expect_eq(ip_is_v4(addr), cases[i].v4);
		cr_expect_eq(ip_is_loopback(addr), cases[i].loopback);
	}
}

Test(ip, refused)
{
	static const char *const bad[] = { "",		"1.2.3",    "1.2.3.4.5", "256.1.1.1",
					   "1.2.3.4/8", " 1.2.3.4", "host",	 "fe80::1%lo",
					   "[::1]",	":::" };
	uint8_t addr[16] = { 42 };
	size_t i;

	for (i = 0; i < COUNT(bad); i++)
		cr_expect_eq(ip_parse(bad[i], addr), -EINVAL, "'%s'", bad[i]);
	cr_expect_eq(addr[0], 42, "untouched on failure");
}

Test(ip, of_metadata)
{
	static const char *const are[] = {
		"169.254.169.254",   "169.254.170.2",	   "169.254.170.23",
		"168.63.129.16",     "100.100.100.200",	   "192.0.0.192",
		"169.254.0.23",	     "169.254.10.10",	   "169.254.42.42",
		"fd00:ec2::254",     "fd00:ec2::23",	   "fd20:ce::254",
		"fd00:42::42",	     "fd00:c1::a9fe:a9fe", "fd00:a9fe:a9fe::1",
		"fd00:100::100:200", "fe80::a9fe:a9fe",	   "::ffff:169.254.169.254",
	};
	static const char *const are_not[] = {
		"169.254.169.253", "169.254.169.123", "254.169.254.169", "fd00:ec2::253", "::",
		"fd00:ec2::2540",  "a9fe:a9fe::",
	};
	uint8_t addr[16];
	size_t i;

	for (i = 0; i < COUNT(are); i++) {
		cr_assert_eq(ip_parse(are[i], addr), 0);
		cr_expect(ip_is_metadata(addr), "%s", are[i]);
		cr_expect_not(ip_is_multicast(addr), "%s", are[i]);
	}
	for (i = 0; i < COUNT(are_not); i++) {
		cr_assert_eq(ip_parse(are_not[i], addr), 0);
		cr_expect_not(ip_is_metadata(addr), "%s", are_not[i]);
	}
}

/* ---- table ---- */

struct item {
	int key;
	struct table_node node;
};

static bool item_same(const struct table_node *node, const void *key)
{
	return table_entry(node, const struct item, node)->key == *(const int *)key;
}

Test(table, bounded_ordered_and_found_after_growth)
{
	static struct item items[1001];
	struct table_node *n;
	struct table t;
	int i, key;

	cr_assert_eq(table_init(&t, 1000, item_same), 0);
	for (i = 0; i <= 1000; i++) {
		items[i].key = i;
		cr_expect_eq(table_add(&t, &items[i].node, table_hash(&t, &i, sizeof(i))),
			     i < 1000 ? 0 : -ENOSPC);
	}
	for (key = 0; key <= 1000; key++) {
		n = table_find(&t, table_hash(&t, &key, sizeof(key)), &key);
		cr_assert_eq(n, key < 1000 ? &items[key].node : NULL);
	}
	table_touch(&t, &items[0].node);
	cr_expect_eq(t.oldest, &items[1].node);
	cr_expect_eq(t.newest, &items[0].node);
	for (i = 0; i < 1000; i += 2)
		table_del(&t, &items[i].node);
	cr_expect_eq(t.n, 500);
	cr_expect_eq(t.oldest, &items[1].node);
	cr_expect_eq(t.newest, &items[999].node);
	key = 0;
	cr_expect_null(table_find(&t, table_hash(&t, &key, sizeof(key)), &key));
	for (i = 1; i < 1000; i += 2)
		table_del(&t, &items[i].node);
	cr_expect_null(t.oldest);
	cr_expect_null(t.newest);
	table_done(&t);
}
