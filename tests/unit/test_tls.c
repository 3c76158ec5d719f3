/* SPDX-License-Identifier: BSD-2-Clause */
/* ClientHellos of real programs, and some that lie. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <string.h>

#include "wire/tls.h"
#include "wire_bytes.h"

struct program {
	char file[24], host[24], alpn[2][12];
	uint16_t version;
	bool ech;
};

/* What each was told to say. */
ParameterizedTestParameters(tls, programs)
{
	static struct program rows[] = {
		{ "openssl", "www.example.com", { "h2", "http/1.1" }, 0x0304, false },
		{ "openssl-noname", "", { "" }, 0x0304, false },
		{ "openssl-12", "www.example.com", { "" }, 0x0303, false },
		{ "curl", "www.example.com", { "h2", "http/1.1" }, 0x0304, false },
		{ "wget", "localhost", { "" }, 0x0304, false },
		{ "python", "python.example.org", { "h2", "http/1.1" }, 0x0304, false },
		{ "node", "node.example.org", { "h2" }, 0x0304, false },
		{ "git", "localhost", { "h2", "http/1.1" }, 0x0304, false },
		/* A key share of ML-KEM, and GREASE of everything (RFC 8701, RFC 9849). */
		{ "chromium", "www.example.com", { "h2", "http/1.1" }, 0x0304, true },
	};

	return cr_make_param_array(struct program, rows, sizeof(rows) / sizeof(rows[0]));
}

static bool alpn_is(const struct tls_alpn *a, const char *want)
{
	return a->len == strlen(want) && memcmp(a->name, want, a->len) == 0;
}

ParameterizedTest(struct program *p, tls, programs)
{
	static struct bytes b;
	struct tls_hello h;
	size_t i, n = (p->alpn[0][0] != '\0') + (p->alpn[1][0] != '\0');

	bytes_file(&b, "tls", p->file);
	cr_assert_eq(tls_records_parse(b.data, b.len, &h), 0, "%s", p->file);
	cr_expect_eq(h.sni, p->host[0] == '\0' ? TLS_SNI_NONE : TLS_SNI_HOST, "%s", p->file);
	cr_expect_str_eq(h.host.text, p->host, "%s", p->file);
	cr_expect_eq(h.version, p->version, "%s: %x", p->file, h.version);
	cr_expect_eq(h.ech, p->ech, "%s", p->file);
	cr_expect_eq(h.n_alpn, n, "%s: %u", p->file, h.n_alpn);
	cr_expect_not(h.alpn_more, "%s", p->file);
	for (i = 0; i < n; i++)
		cr_expect(alpn_is(&h.alpn[i], p->alpn[i]), "%s", p->file);
	for (i = 0; i < b.len; i++)
		cr_expect_eq(tls_records_parse(b.data, i, &h), -EAGAIN, "%s: %zu", p->file, i);
	for (i = 0; i + 5 < b.len; i++)
		cr_expect_eq(tls_handshake_parse(b.data + 5, i, &h), -EAGAIN, "%s: %zu", p->file,
			     i);
}

/* openssl s_client -max_send_frag 512 with 40 names of ALPN. */
Test(tls, openssl_in_three_records)
{
	static struct bytes b;
	struct tls_hello h;

	bytes_file(&b, "tls", "openssl-frag");
	cr_assert_eq(tls_records_parse(b.data, b.len, &h), 0);
	cr_expect_str_eq(h.host.text, "www.example.com");
	cr_expect_eq(h.n_alpn, TLS_ALPN_MAX);
	cr_expect(h.alpn_more);
	cr_expect(alpn_is(&h.alpn[7], "proto-07-xxxxxxxxxxxxxxxxxxxx"));
	cr_expect_eq(tls_records_parse(b.data, b.len - 1, &h), -EAGAIN);
}

Test(tls, any_size_of_fragments)
{
	static struct bytes chromium, hs, out;
	struct tls_hello h;
	size_t n;

	bytes_file(&chromium, "tls", "chromium");
	bytes_add(&hs, chromium.data + 5, chromium.len - 5);
	for (n = 1; n <= hs.len; n += 1 + n / 7) {
		out.len = 0;
		hello_records(&out, &hs, n);
		cr_assert_eq(tls_records_parse(out.data, out.len, &h), 0, "%zu", n);
		cr_expect_str_eq(h.host.text, "www.example.com", "%zu", n);
		cr_expect_eq(tls_records_parse(out.data, out.len - 1, &h), -EAGAIN, "%zu", n);
	}
}

/* One extension of `n` bytes beside the name. */
static int padded(size_t n, size_t fragment, struct tls_hello *ret)
{
	static struct bytes exts, pad, hs, out;

	exts.len = hs.len = out.len = 0;
	pad.len = n;
	hello_ext(&exts, 21, &pad);
	hello_sni(&exts, "example.com", 11);
	hello_message(&hs, &exts);
	hello_records(&out, &hs, fragment);
	return tls_records_parse(out.data, out.len, ret);
}

Test(tls, sizes)
{
	/* 47 of the hello with its header, 4 of the padding, 20 of the name */
	const size_t max = TLS_HELLO_MAX - 47 - 4 - 20;
	struct tls_hello h;

	cr_expect_eq(padded(1200, 1 << 14, &h), 0);
	cr_expect_eq(padded(max, 1 << 14, &h), 0);
	cr_expect_str_eq(h.host.text, "example.com");
	cr_expect_eq(padded(max, 1000, &h), 0);
	cr_expect_eq(padded(max + 1, 1 << 14, &h), -E2BIG);
	cr_expect_eq(padded(max + 1, 1000, &h), -E2BIG);
}

static int with_extensions(const struct bytes *exts, struct tls_hello *ret)
{
	static struct bytes hs;

	hs.len = 0;
	hello_message(&hs, exts);
	return tls_handshake_parse(hs.data, hs.len, ret);
}

struct name {
	char name[304];
	size_t len;
	int err;
	enum tls_sni sni;
	char host[24];
};

ParameterizedTestParameters(tls, names)
{
	static struct name rows[] = {
		{ "example.com", 11, 0, TLS_SNI_HOST, "example.com" },
		{ "WWW.Example.COM", 15, 0, TLS_SNI_HOST, "www.example.com" },
		{ "example.com.", 12, 0, TLS_SNI_HOST, "example.com" },
		{ "a.example\0.b", 12, 0, TLS_SNI_OTHER, "" },
		{ "example.com\0", 12, 0, TLS_SNI_OTHER, "" },
		{ "192.0.2.1", 9, 0, TLS_SNI_OTHER, "" },
		{ "2001:db8::1", 11, 0, TLS_SNI_OTHER, "" },
		{ "[2001:db8::1]", 13, 0, TLS_SNI_OTHER, "" },
		{ "example.com:443", 15, 0, TLS_SNI_OTHER, "" },
		{ "exa mple.com", 12, 0, TLS_SNI_OTHER, "" },
		{ "*.example.com", 13, 0, TLS_SNI_OTHER, "" },
		{ "b\xc3\xbc.example", 11, 0, TLS_SNI_OTHER, "" },
		{ ".", 1, 0, TLS_SNI_OTHER, "" },
		{ "", 0, -EINVAL, TLS_SNI_NONE, "" }, /* HostName<1..2^16-1> */
		{ "long", 300, 0, TLS_SNI_OTHER, "" },
	};

	memset(rows[sizeof(rows) / sizeof(rows[0]) - 1].name, 'a', 300);
	return cr_make_param_array(struct name, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct name *n, tls, names)
{
	static struct bytes exts;
	struct tls_hello h = { .sni = TLS_SNI_NONE };

	hello_sni(&exts, n->name, n->len);
	cr_assert_eq(with_extensions(&exts, &h), n->err, "%s", n->name);
	cr_expect_eq(h.sni, n->sni, "%s", n->name);
	cr_expect_str_eq(h.host.text, n->host, "%s", n->name);
}

struct ext {
	uint16_t type;
	size_t len;
	char content[24];
	int err;
};

ParameterizedTestParameters(tls, extensions)
{
	static struct ext rows[] = {
		/* server_name */
		{ 0, 6, "\0\4\0\0\1a", 0 },
		{ 0, 0, "", -EINVAL },
		{ 0, 2, "\0\0", -EINVAL },
		{ 0, 6, "\0\5\0\0\1a", -EINVAL },
		{ 0, 6, "\0\3\0\0\1a", -EINVAL },
		{ 0, 6, "\0\4\0\0\2a", -EINVAL },
		{ 0, 6, "\0\4\0\1\1a", -EINVAL },
		{ 0, 7, "\0\4\0\0\1ab", -EINVAL },
		{ 0, 7, "\0\5\0\0\1ab", -EINVAL },
		{ 0, 10, "\0\10\0\0\1a\0\0\1b", -EINVAL }, /* two names */
		{ 0, 10, "\0\10\0\0\1a\0\0\1a", -EINVAL },
		{ 0, 10, "\0\10\0\0\1a\1\0\1b", 0 }, /* and one of another type */
		/* application_layer_protocol_negotiation */
		{ 16, 5, "\0\3\2h2", 0 },
		{ 16, 0, "", -EINVAL },
		{ 16, 2, "\0\0", -EINVAL },
		{ 16, 3, "\0\1\0", -EINVAL },
		{ 16, 5, "\0\3\3h2", -EINVAL },
		{ 16, 5, "\0\2\2h2", -EINVAL },
		{ 16, 6, "\0\3\2h2x", -EINVAL },
		{ 16, 6, "\0\4\2h2\0", -EINVAL },
		/* supported_versions */
		{ 43, 5, "\4\3\3\3\4", 0 },
		{ 43, 0, "", -EINVAL },
		{ 43, 1, "\0", -EINVAL },
		{ 43, 4, "\3\3\3\3", -EINVAL },
		{ 43, 5, "\6\3\3\3\4", -EINVAL },
		{ 43, 5, "\2\3\3\3\4", -EINVAL },
		/* encrypted_client_hello */
		{ 0xfe0d, 11, "\0\0\1\0\1\7\0\0\0\1x", 0 },
		{ 0xfe0d, 12, "\0\0\1\0\1\7\0\1e\0\1x", 0 },
		{ 0xfe0d, 1, "\1", 0 },
		{ 0xfe0d, 2, "\1x", -EINVAL },
		{ 0xfe0d, 1, "\2", -EINVAL },
		{ 0xfe0d, 0, "", -EINVAL },
		{ 0xfe0d, 10, "\0\0\1\0\1\7\0\0\0\0", -EINVAL },
		{ 0xfe0d, 11, "\0\0\1\0\1\7\0\0\0\2x", -EINVAL },
		{ 0xfe0d, 12, "\0\0\1\0\1\7\0\0\0\1xy", -EINVAL },
		/* Not read. */
		{ 0x0a0a, 0, "", 0 },
		{ 51, 3, "lie", 0 },
	};

	return cr_make_param_array(struct ext, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct ext *e, tls, extensions)
{
	static struct bytes exts, content;
	struct tls_hello h;

	bytes_add(&content, e->content, e->len);
	hello_ext(&exts, e->type, &content);
	cr_expect_eq(with_extensions(&exts, &h), e->err, "%x %zu", e->type, e->len);
	/* Of those that are read none may stand twice, whatever it says. */
	hello_ext(&exts, e->type, &content);
	cr_expect_eq(with_extensions(&exts, &h), e->type == 0x0a0a || e->type == 51 ? 0 : -EINVAL,
		     "%x %zu", e->type, e->len);
}

Test(tls, two_names_that_differ)
{
	static struct bytes exts;
	struct tls_hello h;

	hello_sni(&exts, "a.example", 9);
	hello_sni(&exts, "b.example", 9);
	cr_expect_eq(with_extensions(&exts, &h), -EINVAL);
}

static uint16_t version_of(const char *list, size_t len)
{
	static struct bytes exts, content;
	struct tls_hello h = { .version = 1 };

	exts.len = content.len = 0;
	bytes_num(&content, 1, len);
	bytes_add(&content, list, len);
	hello_ext(&exts, 43, &content);
	cr_expect_eq(with_extensions(&exts, &h), 0);
	return h.version;
}

Test(tls, versions)
{
	static struct bytes none;
	struct tls_hello h;

	cr_expect_eq(version_of("\xda\xda\3\4\3\3", 6), 0x0304); /* GREASE */
	cr_expect_eq(version_of("\3\2\3\3\3\1", 6), 0x0303);
	cr_expect_eq(version_of("\x7f\x1c\3\3", 4), 0x0303); /* a draft of TLS 1.3 */
	cr_expect_eq(version_of("\xfe\xfd", 2), 0);
	cr_assert_eq(with_extensions(&none, &h), 0);
	cr_expect_eq(h.version, 0x0303);
}

Test(tls, alpn_of_33_octets)
{
	static struct bytes exts, list, name, ext;
	struct tls_hello h;

	name.len = TLS_ALPN_LEN_MAX + 1;
	bytes_vector(&list, 1, &name);
	name.len = TLS_ALPN_LEN_MAX;
	bytes_vector(&list, 1, &name);
	bytes_vector(&ext, 2, &list);
	hello_ext(&exts, 16, &ext);
	cr_assert_eq(with_extensions(&exts, &h), 0);
	cr_expect_eq(h.n_alpn, 1);
	cr_expect_eq(h.alpn[0].len, TLS_ALPN_LEN_MAX);
	cr_expect(h.alpn_more);
}

/* Each byte of the lengths above the extensions, raised by one: no hello is as long as it says. */
Test(tls, lengths_that_lie)
{
	static const size_t at[] = { 3, 38, 40, 43,
				     46 }; /* message, session, suites, methods, extensions */
	static struct bytes exts, hs;
	struct tls_hello h;
	size_t i;

	hello_sni(&exts, "example.com", 11);
	hello_message(&hs, &exts);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		hs.data[at[i]]++;
		bytes_num(&hs, 1, 0); /* that the message is whole even so */
		cr_expect_eq(tls_handshake_parse(hs.data, hs.len, &h), -EINVAL, "%zu", at[i]);
		hs.len--;
		hs.data[at[i]] -= 2;
		cr_expect_eq(tls_handshake_parse(hs.data, hs.len, &h), -EINVAL, "%zu", at[i]);
		hs.data[at[i]]++;
	}
	cr_expect_eq(tls_handshake_parse(hs.data, hs.len, &h), 0);
}

Test(tls, before_extensions)
{
	static const uint8_t v10[] = { 1, 0, 0, 41, 3, 1, [38] = 0, 0, 2, 0, 0x2f, 1, 0 };
	struct tls_hello h;

	cr_assert_eq(tls_handshake_parse(v10, sizeof(v10), &h), 0);
	cr_expect_eq(h.version, 0x0301);
	cr_expect_eq(h.sni, TLS_SNI_NONE);
}

Test(tls, not_a_hello)
{
	static const char *const rows[] = {
		"GET / HTTP/1.1\r\n", "\x15\3\1",	"\x16\2",	"\x16\3\1\x40\1",
		"\x16\3\1\1\1\2",     "\x80\x2e\1\3\1", "SSH-2.0-x\r\n"
	};
	static const uint8_t empty[] = { 22, 3, 1, 0, 0 };
	static struct bytes exts, hs, out;
	struct tls_hello h;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(tls_records_parse((const uint8_t *)rows[i], strlen(rows[i]), &h),
			     -EINVAL, "%zu", i);
	cr_expect_eq(tls_records_parse(empty, sizeof(empty), &h), -EINVAL);
	cr_expect_eq(tls_records_parse(empty, 0, &h), -EAGAIN);
	cr_expect_eq(tls_handshake_parse(empty, 0, &h), -EAGAIN);
	cr_expect_eq(tls_handshake_parse((const uint8_t *)"\2", 1, &h), -EINVAL); /* ServerHello */

	/* An alert between two fragments. */
	hello_sni(&exts, "example.com", 11);
	hello_message(&hs, &exts);
	hello_records(&out, &hs, 20);
	out.data[25] = 21;
	cr_expect_eq(tls_records_parse(out.data, out.len, &h), -EINVAL);
}

Test(tls, early_data_is_offered)
{
	static struct bytes exts, ext;
	struct tls_hello h;

	hello_ext(&exts, 42, &ext);
	cr_assert_eq(with_extensions(&exts, &h), 0);
	cr_expect(h.early_data);
	exts.len = 0;
	bytes_num(&ext, 4, 16384); /* as a server says it, elsewhere */
	hello_ext(&exts, 42, &ext);
	cr_expect_eq(with_extensions(&exts, &h), -EINVAL);
	exts.len = 0;
	cr_assert_eq(with_extensions(&exts, &h), 0);
	cr_expect_not(h.early_data);
}

/* What may stand where a server asked for another: of any length that servers take. */
Test(tls, another_hello_may_be_large)
{
	cr_expect(tls_may_be_hello((const uint8_t *)"\x16\3\1\x40\0\1\2\1\x44\3\3", 11));
	cr_expect_not(tls_may_be_hello((const uint8_t *)"\x16\3\1\x40\0\1\3\1\x44\3\3", 11));
	cr_expect_not(tls_may_be_hello((const uint8_t *)"\x16\3\1\x40\0\2\0\0\x44\3\3", 11));
}
