/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

#include "wire/host.h"

struct row {
	char text[72];
	char want[64]; /* "": refused */
	bool is_address;
	int port; /* of HOST:PORT */
};

ParameterizedTestParameters(host, rows)
{
	static struct row rows[] = {
		{ "github.com", "github.com", false, 0 },
		{ "GitHub.COM", "github.com", false, 0 },
		{ "github.com.", "github.com", false, 0 },
		{ "_dmarc.x-y.example", "_dmarc.x-y.example", false, 0 },
		{ "localhost", "localhost", false, 0 },
		{ "github.com:443", "github.com", false, 443 },
		{ "github.com:", "", false, 0 },
		{ "github.com:0", "", false, 0 },
		{ "github.com:65536", "", false, 0 },
		{ "github.com:4 3", "", false, 0 },
		{ "github.com:443:1", "", false, 0 },
		{ "", "", false, 0 },
		{ ".", "", false, 0 },
		{ "a..b", "", false, 0 },
		{ ".a", "", false, 0 },
		{ "a..", "", false, 0 },
		{ "a b", "", false, 0 },
		{ "a\nb", "", false, 0 },
		{ "*.example", "", false, 0 },
		{ "b\xc3\xbc"
		  "cher.example",
		  "", false, 0 },
		{ "203.0.113.9", "203.0.113.9", true, 0 },
		{ "203.0.113.9:80", "203.0.113.9", true, 80 },
		{ "[2001:DB8::1]", "2001:db8::1", true, 0 },
		{ "[2001:db8:0:0::1]:443", "2001:db8::1", true, 443 },
		{ "[2001:db8::1]443", "", false, 0 },
		{ "[2001:db8::1", "", false, 0 },
		{ "[203.0.113.9]", "", false, 0 },
		{ "[]", "", false, 0 },
		{ "0x7f.1", "0x7f.1", false, 0 },
	};

	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *r, host, rows)
{
	struct host h = { .text = "untouched" };
	uint16_t port = 7;

	if (r->want[0] == '\0') {
		cr_expect_eq(host_port_parse(r->text, strlen(r->text), &h, &port), -EINVAL);
		cr_expect_str_eq(h.text, "untouched");
		cr_expect_eq(port, 7);
		return;
	}
	cr_assert_eq(host_port_parse(r->text, strlen(r->text), &h, &port), 0, "%s", r->text);
	cr_expect_str_eq(h.text, r->want);
	cr_expect_eq(h.is_address, r->is_address, "%s", r->text);
	cr_expect_eq(port, r->port, "%s", r->text);
}

Test(host, longest)
{
	char text[HOST_MAX + 3];
	struct host h;
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 64 == 63 ? '.' : 'a');
	cr_expect_eq(host_parse(text, HOST_MAX, &h), 0);
	cr_expect_eq(strlen(h.text), HOST_MAX);
	text[HOST_MAX] = '.';
	cr_expect_eq(host_parse(text, HOST_MAX + 1, &h), 0);
	cr_expect_eq(strlen(h.text), HOST_MAX);
	text[HOST_MAX] = 'a';
	cr_expect_eq(host_parse(text, HOST_MAX + 1, &h), -EINVAL);
	memset(text, 'a', LABEL_MAX + 1);
	cr_expect_eq(host_parse(text, LABEL_MAX + 1, &h), -EINVAL);
	cr_expect_eq(host_parse(text, LABEL_MAX, &h), 0);
}

/* An address with a byte of 0 in it. */
Test(host, zero)
{
	struct host h;

	cr_expect_eq(host_parse("203.0.113.9\0x", 13, &h), -EINVAL);
	cr_expect_eq(host_parse("a\0b", 3, &h), -EINVAL);
}
