/* SPDX-License-Identifier: BSD-2-Clause */
/* Names in DNS messages. Each lies in memory of its own length, for the sanitizers. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>

#include "dns_bytes.h"
#include "wire/dns_name.h"

static int name_at(const struct bytes *b, size_t *pos, struct dns_name *ret)
{
	uint8_t *own = malloc(b->len);
	int err;

	cr_assert_not_null(own);
	memcpy(own, b->at, b->len);
	err = dns_name_read(own, b->len, pos, ret);
	free(own);
	return err;
}

/* The example of RFC 1035 section 4.1.4, with its offsets. */
static void rfc_example(struct bytes *b)
{
	memset(b, 0xee, 20);
	b->len = 20;
	PUT_NAME(b, "\1F\3ISI\4ARPA");
	b->len = 40;
	put(b, "\3FOO", 4);
	put16(b, 0xc000 | 20);
	b->len = 64;
	put16(b, 0xc000 | 26);
	b->len = 92;
	put(b, "", 1);
}

Test(dns_name, example_of_rfc_1035)
{
	static const struct {
		size_t pos, end;
		const char *text;
		uint8_t wire_len, labels;
	} rows[] = { { 20, 32, "f.isi.arpa", 12, 3 },
		     { 40, 46, "foo.f.isi.arpa", 16, 4 },
		     { 64, 66, "arpa", 6, 1 },
		     { 92, 93, ".", 1, 0 } };
	static struct bytes b;
	struct dns_name n;
	size_t i, pos;

	rfc_example(&b);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pos = rows[i].pos;
		cr_assert_eq(name_at(&b, &pos, &n), 0, "%s", rows[i].text);
		cr_expect_str_eq(n.text, rows[i].text);
		cr_expect_eq(n.len, strlen(rows[i].text));
		cr_expect_eq(pos, rows[i].end, "%s: %zu", rows[i].text, pos);
		cr_expect_eq(n.wire_len, rows[i].wire_len);
		cr_expect_eq(n.labels, rows[i].labels);
		cr_expect_eq(n.is_host, rows[i].labels > 0);
	}
}

Test(dns_name, equal_whatever_the_case_and_the_compression)
{
	static struct bytes b;
	size_t other;

	rfc_example(&b);
	other = b.len;
	PUT_NAME(&b, "\3foo\1f\3isi\4aRPA");
	cr_expect(dns_names_equal(b.at, b.len, 40, other));
	cr_expect(dns_names_equal(b.at, b.len, 40, 40));
	cr_expect_not(dns_names_equal(b.at, b.len, 20, other));
	cr_expect_not(dns_names_equal(b.at, b.len, b.len, b.len));
}

Test(dns_name, octets_of_every_value)
{
	static struct bytes b;
	struct dns_name n;
	char want[5];
	size_t pos;
	int c;

	for (c = 0; c < 256; c++) {
		b.len = 12;
		put(&b, "\1", 1);
		b.at[b.len++] = (uint8_t)c;
		put(&b, "", 1);
		pos = 12;
		cr_assert_eq(name_at(&b, &pos, &n), 0);
		if (c >= 'A' && c <= 'Z')
			snprintf(want, sizeof(want), "%c", c - 'A' + 'a');
		else if (c != 0 && strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", c) != NULL)
			snprintf(want, sizeof(want), "%c", c);
		else
			snprintf(want, sizeof(want), "\\%03d", c);
		cr_expect_str_eq(n.text, want);
		cr_expect_eq(n.is_host, want[1] == '\0');
	}
}

Test(dns_name, a_dot_in_a_label_is_none_between_labels)
{
	static struct bytes b;
	struct dns_name n;
	size_t pos = 12;

	b.len = 12;
	PUT_NAME(&b, "\7a.b\\c d\3com");
	cr_assert_eq(name_at(&b, &pos, &n), 0);
	cr_expect_str_eq(n.text, "a\\046b\\092c\\032d.com");
	cr_expect_not(n.is_host);
	cr_expect_eq(n.labels, 2);
}

Test(dns_name, an_address_in_labels_is_no_host)
{
	static struct bytes b;
	struct dns_name n;
	size_t pos = 12;

	b.len = 12;
	PUT_NAME(&b, "\003192\0010\0012\0011");
	cr_assert_eq(name_at(&b, &pos, &n), 0);
	cr_expect_str_eq(n.text, "192.0.2.1");
	cr_expect_not(n.is_host);
}

/* Labels of 63, 63, 63 and `last` octets. */
static void put_long(struct bytes *b, uint8_t c, uint8_t last)
{
	static const uint8_t lens[] = { 63, 63, 63 };
	size_t i;

	b->len = 12;
	for (i = 0; i < 3; i++) {
		put(b, &lens[i], 1);
		memset(b->at + b->len, c, 63);
		b->len += 63;
	}
	put(b, &last, 1);
	memset(b->at + b->len, c, last);
	b->len += last;
	put(b, "", 1);
}

Test(dns_name, as_long_as_a_name_may_be)
{
	static struct bytes b;
	struct dns_name n;
	size_t pos = 12;

	put_long(&b, 'x', 61); /* 3 * 64 + 62 + 1 */
	cr_assert_eq(name_at(&b, &pos, &n), 0);
	cr_expect_eq(n.wire_len, 255);
	cr_expect_eq(n.len, 253);
	cr_expect(n.is_host);
	pos = 12;
	put_long(&b, 0xff, 61);
	cr_assert_eq(name_at(&b, &pos, &n), 0);
	cr_expect_eq(n.len, 250 * 4 + 3);
	cr_expect_eq(strlen(n.text), n.len);
	pos = 12;
	put_long(&b, 'x', 62);
	cr_expect_eq(name_at(&b, &pos, &n), -EINVAL);
	cr_expect_eq(pos, 12);
}

Test(dns_name, as_many_labels_as_a_name_may_have)
{
	static struct bytes b;
	struct dns_name n;
	size_t pos = 12;
	int i;

	b.len = 12;
	for (i = 0; i < 127; i++)
		put(&b, "\1a", 2);
	put(&b, "", 1);
	cr_assert_eq(name_at(&b, &pos, &n), 0);
	cr_expect_eq(n.labels, 127);
	cr_expect_eq(n.wire_len, 255);
	b.len--;
	put(&b, "\1a", 3);
	pos = 12;
	cr_expect_eq(name_at(&b, &pos, &n), -EINVAL);
}

struct bad {
	char octets[24]; /* behind a header */
	size_t len;
	size_t from; /* where the name begins, from the header's end on */
	int err;
};

#define BAD(literal, from, err)                             \
	{                                                   \
		literal, sizeof(literal) - 1, (from), (err) \
	}

ParameterizedTestParameters(dns_name, refused)
{
	static struct bad rows[] = {
		/* To itself, forward, into the labels that it ends, to each other. */
		BAD("\xc0\x0c\0", 0, -EINVAL),
		BAD("\xc0\x0e\1a\0", 0, -EINVAL),
		BAD("\1a\xc0\x0c", 0, -EINVAL),
		BAD("\1a\xc0\x0e", 0, -EINVAL),
		BAD("\1a\xc0\x10\1b\xc0\x0c", 0, -EINVAL),
		BAD("\1a\xc0\x10\1b\xc0\x0c", 4, -EINVAL),
		/* Into the header, where no name is. */
		BAD("\1a\xc0\x00", 0, -EINVAL),
		BAD("\0\1a\xc0\x0b", 1, -EINVAL),
		/* Beyond the end. */
		BAD("\1a\xff\xff", 0, -EINVAL),
		/* A label of 64, and other labels that are none. */
		BAD("\x40xxxxxxxx", 0, -EINVAL),
		BAD("\x80xxxxxxxx", 0, -EINVAL),
		BAD("\xbfxxxxxxxx", 0, -EINVAL),
		/* Not all there. */
		BAD("", 0, -EAGAIN),
		BAD("\1", 0, -EAGAIN),
		BAD("\1a", 0, -EAGAIN),
		BAD("\3ab", 0, -EAGAIN),
		BAD("\0\1a\xc0", 1, -EAGAIN),
	};

	return cr_make_param_array(struct bad, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct bad *r, dns_name, refused)
{
	static struct bytes b;
	size_t pos = 12 + r->from;
	struct dns_name n;

	b.len = 12;
	put(&b, r->octets, r->len);
	cr_expect_eq(name_at(&b, &pos, &n), r->err);
	cr_expect_eq(pos, 12 + r->from);
}

/* Each pointer leads to the one before: more than a name can need is refused, at once. */
Test(dns_name, pointers_to_pointers)
{
	static struct bytes b;
	struct dns_name n;
	size_t pos;
	int i;

	b.len = 12;
	PUT_NAME(&b, "\1a");
	put16(&b, 0xc000 | 12);
	for (i = 1; i < 8000; i++)
		put16(&b, 0xc000 | (unsigned int)(b.len - 2));
	pos = 15 + 126 * 2;
	cr_expect_eq(name_at(&b, &pos, &n), 0);
	cr_expect_str_eq(n.text, "a");
	pos = 15 + 127 * 2;
	cr_expect_eq(name_at(&b, &pos, &n), -EINVAL);
	pos = b.len - 2;
	cr_expect_eq(name_at(&b, &pos, &n), -EINVAL);
}
