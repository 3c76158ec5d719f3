/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the registered domain of a name begins. The expected ones are those of the list's own test
 * data (https://raw.githubusercontent.com/publicsuffix/list/main/tests/test_psl.txt) and rules. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "wire/suffix.h"

static const struct {
	const char *name, *registered; /* "": none */
} rows[] = {
	/* Ordinary ones. */
	{ "example.com", "example.com" },
	{ "www.example.com", "example.com" },
	{ "a.b.c.d.example.com", "example.com" },
	{ "a.b.example.co.uk", "example.co.uk" },
	{ "www.city.kawasaki.jp", "city.kawasaki.jp" },
	{ "test.ac.jp", "test.ac.jp" },
	{ "www.test.k12.ak.us", "test.k12.ak.us" },
	{ "a.b.kyoto.jp", "b.kyoto.jp" },
	{ "xn--85x722f.com.cn", "xn--85x722f.com.cn" },
	/* Whole suffixes, one label, the root. */
	{ "com", "" },
	{ "co.uk", "" },
	{ "github.io", "" },
	{ "localhost", "" },
	{ ".", "" },
	/* "*.ck" and "!www.ck". */
	{ "ck", "" },
	{ "test.ck", "" },
	{ "b.test.ck", "b.test.ck" },
	{ "a.b.test.ck", "b.test.ck" },
	{ "www.ck", "www.ck" },
	{ "www.www.ck", "www.ck" },
	/* The private section: each customer is his own. */
	{ "someone.github.io", "someone.github.io" },
	{ "x.someone.github.io", "someone.github.io" },
	{ "d111111abcdef8.cloudfront.net", "d111111abcdef8.cloudfront.net" },
	{ "a.d111111abcdef8.cloudfront.net", "d111111abcdef8.cloudfront.net" },
	{ "x.bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com" },
	/* Top-level domains that are in no list. */
	{ "a.b.example", "b.example" },
	{ "host.lan", "host.lan" },
	/* Reverse names: "in-addr.arpa" and "ip6.arpa" are suffixes. */
	{ "9.113.0.203.in-addr.arpa", "203.in-addr.arpa" },
	{ "1.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "2.ip6.arpa" },
	{ "in-addr.arpa", "" },
	/* What tunnels ask for. */
	{ "_dmarc.example.com", "example.com" },
	{ "0eaba82m\\2002hb\\190\\230.t.example.co.uk", "example.co.uk" },
	{ "a\\046b\\000.example.com", "example.com" },
	/* No name in the agreed form. */
	{ "", "" },
	{ "example.com.", "" },
	{ "a..example.com", "" },
	{ ".example.com", "" },
};

Test(suffix, registered_domains)
{
	struct suffix *s = NULL;
	size_t i, at;

	cr_assert_eq(suffix_open(&s), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		at = suffix_of(s, rows[i].name);
		cr_assert_leq(at, strlen(rows[i].name));
		cr_expect_str_eq(rows[i].name + at, rows[i].registered, "%s: '%s', expected '%s'",
				 rows[i].name, rows[i].name + at, rows[i].registered);
	}
	suffix_close(s);
}

/* The longest names that a message can have: 127 labels of one byte, 253 bytes of escapes. */
Test(suffix, long_names)
{
	struct suffix *s = NULL;
	char name[256];
	size_t i;

	cr_assert_eq(suffix_open(&s), 0);
	for (i = 0; i < 127; i++)
		memcpy(name + i * 2, "a.", 2);
	name[253] = '\0';
	cr_expect_str_eq(name + suffix_of(s, name), "a.a");
	memcpy(name + 242, "example.com", 12);
	cr_expect_str_eq(name + suffix_of(s, name), "example.com");
	for (i = 0; i < 241; i++)
		name[i] = "\\255"[i % 4];
	name[241] = '.';
	cr_expect_str_eq(name + suffix_of(s, name), "example.com");
	suffix_close(s);
}

Test(suffix, without_a_list)
{
	cr_expect_eq(suffix_of(NULL, "a.b.example.co.uk"), strlen("a.b.example."));
	cr_expect_eq(suffix_of(NULL, "co.uk"), 0);
	cr_expect_eq(suffix_of(NULL, "com"), 3);
	cr_expect_eq(suffix_of(NULL, "."), 1);
	suffix_close(NULL);
}
