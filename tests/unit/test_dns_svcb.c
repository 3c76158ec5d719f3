/* SPDX-License-Identifier: BSD-2-Clause */
/* The data of SVCB records: the test vectors of RFC 9460 appendix D, and what section 2.2 forbids.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>

#include "dns_bytes.h"
#include "wire/dns_svcb.h"

#define FOO_COM "\3foo\7example\3com\0"
#define FOO_ORG "\3foo\7example\3org\0"

struct row {
	char data[96];
	size_t len;
	int err;
	uint16_t v4, v6;
	bool is_alias, has_target, ech;
};

#define ROW(literal, ...)                                 \
	{                                                 \
		literal, sizeof(literal) - 1, __VA_ARGS__ \
	}

ParameterizedTestParameters(dns_svcb, vectors)
{
	static struct row rows[] = {
		/* Figures 2 to 10. */
		ROW("\0\0" FOO_COM, 0, 0, 0, true, true, false),
		ROW("\0\1\0", 0, 0, 0, false, false, false),
		ROW("\0\20" FOO_COM "\0\3\0\2\0\65", 0, 0, 0, false, true, false),
		ROW("\0\1" FOO_COM "\2\233\0\5hello", 0, 0, 0, false, true, false),
		ROW("\0\1" FOO_COM "\2\233\0\11hello\322qoo", 0, 0, 0, false, true, false),
		ROW("\0\1" FOO_COM "\0\6\0\40"
		    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		    "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\x53\0\1",
		    0, 0, 2, false, true, false),
		ROW("\0\1\7example\3com\0\0\6\0\20\x20\1\xd\xb8\1\x22\3\x44\0\0\0\0\xc0\0\2\x21", 0,
		    0, 1, false, true, false),
		ROW("\0\20" FOO_ORG "\0\0\0\4\0\1\0\4\0\1\0\11\2h2\5h3-19\0\4\0\4\xc0\0\2\1", 0, 1,
		    0, false, true, false),
		ROW("\0\20" FOO_ORG "\0\1\0\14\10f\\oo,bar\2h2", 0, 0, 0, false, true, false),
		/* ech (RFC 9848), also an empty one. */
		ROW("\0\1\0\0\5\0\1x", 0, 0, 0, false, false, true),
		ROW("\0\1\0\0\5\0\0", 0, 0, 0, false, false, true),
		/* AliasMode: parameters are ignored, whatever they are; and one to nowhere. */
		ROW("\0\0" FOO_COM "\0\4\0\4\xc0\0\2\1", 0, 0, 0, true, true, false),
		ROW("\0\0" FOO_COM "\0\4\0", 0, 0, 0, true, true, false),
		ROW("\0\0\0", 0, 0, 0, true, false, false),
		/* Malformed: the end within something. */
		ROW("", -EINVAL, 0, 0, false, false, false),
		ROW("\0", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\3fo", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\0\0\4\0", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\0\0\4\0\4\xc0\0\2", -EINVAL, 0, 0, false, false, false),
		/* Keys that do not increase. */
		ROW("\0\1\0\0\4\0\4\xc0\0\2\1\0\4\0\4\xc0\0\2\1", -EINVAL, 0, 0, false, false,
		    false),
		ROW("\0\1\0\0\4\0\4\xc0\0\2\1\0\1\0\3\2h2", -EINVAL, 0, 0, false, false, false),
		/* Hints that are no lists of addresses. */
		ROW("\0\1\0\0\4\0\0", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\0\0\4\0\5\xc0\0\2\1\1", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\0\0\6\0\4\xc0\0\2\1", -EINVAL, 0, 0, false, false, false),
		/* A compressed target, to the "a" before the data. */
		ROW("\0\1\xc0\x0c", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\1b\xc0\x0c", -EINVAL, 0, 0, false, false, false),
		ROW("\0\1\1b\xc0\x0e", -EINVAL, 0, 0, false, false, false),
	};

	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *r, dns_svcb, vectors)
{
	size_t pos = 15, end = pos + r->len;
	uint8_t *own = calloc(1, end);
	struct dns_svcb s;

	cr_assert_not_null(own);
	own[12] = 1;
	own[13] = 'a';
	memcpy(own + pos, r->data, r->len);
	cr_assert_eq(dns_svcb_read(own, pos, end, &s), r->err);
	if (r->err == 0) {
		cr_expect_eq(s.v4_count, r->v4);
		cr_expect_eq(s.v6_count, r->v6);
		cr_expect_eq(s.is_alias, r->is_alias);
		cr_expect_eq(s.target, r->has_target ? pos + 2 : 0);
		cr_expect_eq(s.ech, r->ech);
	}
	free(own);
}
