/* SPDX-License-Identifier: BSD-2-Clause */
/* The first bytes of connections: what programs sent, whole and in pieces, and what nobody knows.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/first.h"
#include "wire_bytes.h"

#define TLS (FIRST_IS_TLS | FIRST_HAS_ALPN)

struct flow {
	char file[28];
	char names[2][48]; /* SOURCE HOST PORT, with "in a tunnel" */
	unsigned int flags;
	bool more; /* not done when all is there */
};

/* As each was called; the name of the listener's port stands for any. */
ParameterizedTestParameters(first, flows)
{
	static struct flow rows[] = {
		{ "tls-curl", { "sni www.example.com 0" }, TLS, false },
		{ "tls-chromium", { "sni www.example.com 0" }, TLS | FIRST_HAS_ECH, false },
		{ "http-curl", { "host www.example.com N" }, FIRST_IS_HTTP, false },
		{ "http-curl-h2c", { "" }, FIRST_IS_H2C, false },
		{ "connect-curl-tls",
		  { "connect www.example.com 443", "sni www.example.com 0 in a tunnel" },
		  TLS | FIRST_IS_HTTP,
		  false },
		{ "connect-curl-http",
		  { "connect www.example.com 8080", "host www.example.com 8080 in a tunnel" },
		  FIRST_IS_HTTP,
		  false },
		{ "connect-curl-407",
		  { "connect www.example.com 443", "sni www.example.com 0 in a tunnel" },
		  TLS | FIRST_IS_HTTP,
		  false },
		{ "connect-curl-ip6", { "connect 2001:db8::1 8443" }, TLS | FIRST_IS_HTTP, false },
		{ "proxyv1-connect-curl",
		  { "connect www.example.com 443", "sni www.example.com 0 in a tunnel" },
		  TLS | FIRST_IS_HTTP | FIRST_IS_PROXIED,
		  false },
		{ "proxyv1-curl-tls", { "sni www.example.com 0" }, TLS | FIRST_IS_PROXIED, false },
		{ "socks4-curl",
		  { "connect 192.0.2.1 80", "host 192.0.2.1 0 in a tunnel" },
		  FIRST_IS_SOCKS | FIRST_IS_HTTP,
		  false },
		{ "socks4-user-curl",
		  { "connect 192.0.2.1 80", "host 192.0.2.1 0 in a tunnel" },
		  FIRST_IS_SOCKS | FIRST_IS_HTTP,
		  false },
		{ "socks4a-curl-tls",
		  { "connect www.example.com 443", "sni www.example.com 0 in a tunnel" },
		  TLS | FIRST_IS_SOCKS,
		  false },
		{ "socks5-curl-ip",
		  { "connect 192.0.2.1 80", "host 192.0.2.1 0 in a tunnel" },
		  FIRST_IS_SOCKS | FIRST_IS_HTTP,
		  false },
		{ "socks5-curl-ip6",
		  { "connect 2001:db8::1 80", "host 2001:db8::1 0 in a tunnel" },
		  FIRST_IS_SOCKS | FIRST_IS_HTTP,
		  false },
		{ "socks5h-curl-tls",
		  { "connect www.example.com 443", "sni www.example.com 0 in a tunnel" },
		  TLS | FIRST_IS_SOCKS,
		  false },
		{ "socks5h-user-curl-tls",
		  { "connect www.example.com 443", "sni www.example.com 0 in a tunnel" },
		  TLS | FIRST_IS_SOCKS,
		  false },
		{ "ssh", { "" }, FIRST_IS_UNKNOWN, false },
	};

	return cr_make_param_array(struct flow, rows, sizeof(rows) / sizeof(rows[0]));
}

static const char *name_text(const struct first_name *n, const char *want)
{
	static const char *const sources[] = { "sni", "connect", "host" };
	static char text[320];
	size_t len = strlen(want);

	if (len > 0 && want[len - 1] == 'N' && n->port != 0)
		(void)snprintf(text, sizeof(text), "%s %s N", sources[n->source], n->host.text);
	else
		(void)snprintf(text, sizeof(text), "%s %s %u%s", sources[n->source], n->host.text,
			       n->port, n->tunnelled ? " in a tunnel" : "");
	return text;
}

static void check(const struct flow *w, const struct first_found *got, const char *how)
{
	size_t i, n = (w->names[0][0] != '\0') + (w->names[1][0] != '\0');

	cr_expect_eq(got->flags, w->flags, "%s, %s: %#x", w->file, how, got->flags);
	cr_expect_neq(got->done, w->more, "%s, %s", w->file, how);
	cr_assert_eq(got->n_names, n, "%s, %s: %zu", w->file, how, got->n_names);
	for (i = 0; i < n; i++)
		cr_expect_str_eq(name_text(&got->names[i], w->names[i]), w->names[i], "%s, %s: %s",
				 w->file, how, name_text(&got->names[i], w->names[i]));
}

static void in_pieces(const struct flow *w, const struct bytes *b, size_t piece, bool backwards)
{
	static struct first f;
	size_t n = (b->len + piece - 1) / piece, i, at;
	char how[48];

	(void)snprintf(how, sizeof(how), "pieces of %zu%s", piece, backwards ? " backwards" : "");
	first_init(&f);
	for (i = 0; i < n; i++) {
		at = (backwards ? n - 1 - i : i) * piece;
		cr_assert_eq(first_add(&f, at, b->data + at,
				       b->len - at < piece ? b->len - at : piece),
			     0, "%s", how);
		if (backwards && i + 1 < n)
			cr_expect_not(first_parse(&f)->done, "%s", how);
		(void)first_parse(&f);
	}
	check(w, first_parse(&f), how);
}

static void each_way(const struct flow *w)
{
	static struct bytes b;

	bytes_file(&b, "first", w->file);
	in_pieces(w, &b, b.len, false);
	in_pieces(w, &b, 1, false);
	in_pieces(w, &b, 1, true);
	in_pieces(w, &b, 7, false);
	in_pieces(w, &b, 300, true);
}

ParameterizedTest(struct flow *w, first, flows)
{
	each_way(w);
}

struct starttls {
	char file[20], host[20];
};

ParameterizedTestParameters(first, starttls)
{
	static struct starttls rows[] = {
		{ "smtp-curl", "www.example.com" },
		{ "smtp-openssl", "www.example.com" },
		{ "smtp-python", "localhost" },
		{ "imap-curl", "www.example.com" },
		{ "imap-openssl", "www.example.com" },
		{ "pop3-curl", "www.example.com" },
		{ "ftp-curl", "www.example.com" },
		{ "nntp-openssl", "www.example.com" },
		{ "sieve-openssl", "www.example.com" },
		{ "xmpp-openssl", "www.example.com" },
		{ "ldap-openssl", "www.example.com" },
		{ "postgres-psql", "localhost" },
		{ "postgres-openssl", "www.example.com" },
		{ "mysql-openssl", "www.example.com" },
	};

	return cr_make_param_array(struct starttls, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct starttls *s, first, starttls)
{
	struct flow w = { .flags = FIRST_IS_TLS | FIRST_IS_STARTTLS };

	(void)snprintf(w.file, sizeof(w.file), "%s", s->file);
	(void)snprintf(w.names[0], sizeof(w.names[0]), "sni %s 0", s->host);
	each_way(&w);
}

static const struct first_found *found(const void *data, size_t len)
{
	static struct first f;

	first_init(&f);
	cr_assert_eq(first_add(&f, 0, data, len), 0);
	return first_parse(&f);
}

struct text {
	char data[112];
	size_t len;
	unsigned int flags;
	bool more;
	char name[40];
};

#define TEXT(data, ...)                             \
	{                                           \
		data, sizeof(data) - 1, __VA_ARGS__ \
	}

ParameterizedTestParameters(first, texts)
{
	static struct text rows[] = {
		TEXT("", 0, true, ""),
		TEXT("\x16", 0, true, ""),
		TEXT("\x16\3\1\2\0", 0, true, ""),
		TEXT("\x16\2", FIRST_IS_UNKNOWN, false, ""),
		TEXT("\x16\3\1\2\0\2", FIRST_IS_UNKNOWN, false, ""),
		TEXT("\x80\x2e\1\3\1", FIRST_IS_UNKNOWN, false, ""),
		TEXT("*1\r\n$4\r\nPING\r\n", FIRST_IS_UNKNOWN, false, ""),
		TEXT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", FIRST_IS_UNKNOWN, false, ""),
		TEXT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", FIRST_IS_HTTP | FIRST_NOT_A_NAME, false,
		     ""),
		TEXT("GET http://a.example/ HTTP/1.1\r\nHost: b\r\n\r\n", FIRST_IS_HTTP, false,
		     "host a.example 0"),
		TEXT("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n",
		     FIRST_IS_HTTP, false, "host a 0"),
		TEXT("CONNECT a:443 HTTP/1.1\r\n\r\n", FIRST_IS_HTTP, true, "connect a 443"),
		TEXT("CONNECT a:443 HTTP/1.1\r\n\r\nCONNECT a:443 HTTP/1.1\r\n\r\nSSH-2.0-x\r\n",
		     FIRST_IS_HTTP | FIRST_IS_UNKNOWN, false, "connect a 443"),
		TEXT("\5\1\0\5\1\0\3\1a\0\26SSH-2.0-x\r\n", FIRST_IS_SOCKS | FIRST_IS_UNKNOWN,
		     false, "connect a 22"),
		TEXT("\5\1\0\5\1\0\3\3a b\0\26", FIRST_IS_SOCKS | FIRST_NOT_A_NAME, true, ""),
		TEXT("\5\1\0\5\3\0\1\0\0\0\0\0\0", FIRST_IS_SOCKS | FIRST_IS_SOCKS_OTHER, false,
		     ""),
		TEXT("\5\1\1\1\1\0\2xx", FIRST_IS_UNKNOWN, false, ""),
		TEXT("PROXY UNKNOWN HTTP/1.1\r\nHost: a\r\n\r\n",
		     FIRST_IS_PROXIED | FIRST_IS_UNKNOWN, false, ""),
		/* No STARTTLS, and no TLS after it. */
		TEXT("EHLO a\r\nSTARTTLS\r\n", 0, true, ""),
		TEXT("EHLO a\r\nSTARTTLS\r\nEHLO a\r\nMAIL FROM:<b>\r\n", FIRST_IS_UNKNOWN, false,
		     ""),
		TEXT("EHLO a\r\nDATA\r\n", FIRST_IS_UNKNOWN, false, ""),
		TEXT("EHLO a\r\n\x16\3\1", FIRST_IS_UNKNOWN, false, ""),
		TEXT("EHLO STARTTLS\r\n\x16\3\1", FIRST_IS_UNKNOWN, false, ""),
		TEXT("STARTTLS x\r\n\x16\3\1", FIRST_IS_UNKNOWN, false, ""),
		TEXT("STARTTLS\r\n\x16\3\2\1", FIRST_IS_STARTTLS, true, ""),
		TEXT("USER a\r\nPASS b\r\n", FIRST_IS_UNKNOWN, false, ""),
		TEXT("a LOGIN b c\r\n", FIRST_IS_UNKNOWN, false, ""),
		TEXT("AUTH TLS\r\n", 0, true, ""),
		TEXT("AUTH PLAIN AA==\r\n", FIRST_IS_UNKNOWN, false, ""),
		TEXT("<a><starttls/> </a>\x16\3\1", FIRST_IS_UNKNOWN, false, ""),
		TEXT("<a/>", 0, true, ""),
		TEXT("<starttls a='b'></starttls>\n\x16\3", FIRST_IS_STARTTLS, true, ""),
		TEXT("<starttls a='b'/>\x17\3", FIRST_IS_UNKNOWN, false, ""),
		/* PostgreSQL: refused, and goes on in the clear. */
		TEXT("\0\0\0\10\4\xd2\x16\x2f\0\0\0\10\0\3\0\0", FIRST_IS_UNKNOWN, false, ""),
		TEXT("\0\0\0\10\4\xd2\x16\x30\0\0\0\10\4\xd2\x16\x2f\x16\3", FIRST_IS_STARTTLS,
		     true, ""),
		TEXT("\0\0\0\10\4\xd2\x16\x2e", FIRST_IS_UNKNOWN, false, ""),
	};

	return cr_make_param_array(struct text, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct text *t, first, texts)
{
	const struct first_found *got = found(t->data, t->len);

	cr_expect_eq(got->flags, t->flags, "%s: %#x", t->data, got->flags);
	cr_expect_neq(got->done, t->more, "%s", t->data);
	cr_assert_eq(got->n_names, t->name[0] != '\0', "%s", t->data);
	if (got->n_names > 0)
		cr_expect_str_eq(name_text(&got->names[0], t->name), t->name, "%s", t->data);
}

Test(first, proxies_behind_proxies)
{
	static struct bytes b;
	const struct first_found *got;
	char text[64];
	int i;

	for (i = 0; i < 6; i++) {
		(void)snprintf(text, sizeof(text), "CONNECT p%d:8080 HTTP/1.1\r\n\r\n", i);
		bytes_text(&b, text);
	}
	got = found(b.data, b.len);
	cr_expect_eq(got->n_names, FIRST_NAMES_MAX);
	cr_expect_str_eq(got->names[3].host.text, "p3");
	cr_expect_eq(got->flags, FIRST_IS_HTTP | FIRST_MORE_NAMES);
	cr_expect_not(got->done);
	for (; i < 9; i++)
		bytes_text(&b, "CONNECT p:8080 HTTP/1.1\r\n\r\n");
	cr_expect(found(b.data, b.len)->done);
}

Test(first, proxy_header_2_before_tls)
{
	static struct bytes b, tls;

	bytes_add(&b, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\0\1\1\xbb", 28);
	bytes_file(&tls, "tls", "curl");
	bytes_add(&b, tls.data, tls.len);
	cr_expect_eq(found(b.data, b.len)->flags, TLS | FIRST_IS_PROXIED);
	cr_expect_eq(found(b.data, b.len)->n_names, 1);
}

Test(first, the_first_copy_counts)
{
	static struct first f;
	static const char text[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
	const char *lie = "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
	const struct first_found *got;

	first_init(&f);
	cr_assert_eq(first_add(&f, 20, text + 20, 5), 0);
	cr_assert_eq(first_add(&f, 10, lie + 10, 20), 0);
	cr_assert_eq(first_add(&f, 0, text, sizeof(text) - 1), 0);
	cr_assert_eq(first_add(&f, 0, lie, strlen(lie)), 0);
	got = first_parse(&f);
	cr_assert_eq(got->n_names, 1);
	cr_expect_str_eq(got->names[0].host.text, "a.example");
}

Test(first, sixteen_holes)
{
	static struct first f;
	static const char text[] =
		"GET /0123456789012345678901234567890 HTTP/1.1\r\nHost: a\r\n\r\n";
	size_t i;

	first_init(&f);
	for (i = 0; i < FIRST_PIECES; i++)
		cr_assert_eq(first_add(&f, 2 * i, text + 2 * i, 1), 0);
	cr_expect_not(first_parse(&f)->done);
	cr_expect_eq(first_add(&f, 2 * i - 1, text + 2 * i - 1, 1), 0); /* grows the last */
	for (i = 0; i + 1 < FIRST_PIECES; i++)
		cr_assert_eq(first_add(&f, 2 * i + 1, text + 2 * i + 1, 1), 0);
	cr_expect_eq(f.n_pieces, 1);
	cr_assert_eq(first_add(&f, 34, text + 34, sizeof(text) - 1 - 34), 0);
	cr_expect_eq(first_parse(&f)->n_names, 1);

	first_init(&f);
	for (i = 0; i < FIRST_PIECES; i++)
		cr_assert_eq(first_add(&f, 2 * i, text + 2 * i, 1), 0);
	cr_expect_eq(first_add(&f, 2 * i, text + 2 * i, 1), -E2BIG);
	cr_expect(first_parse(&f)->done);
	cr_expect_eq(first_parse(&f)->flags, FIRST_IS_SCATTERED);
}

Test(first, limit_of_bytes)
{
	static struct first f;
	static uint8_t data[FIRST_MAX + 100];

	memset(data, 'a', sizeof(data));
	memcpy(data, "GET /", 5);
	first_init(&f);
	cr_expect_eq(first_add(&f, 0, data, FIRST_MAX - 1), 0);
	cr_expect_not(first_parse(&f)->done);
	cr_expect_eq(first_add(&f, FIRST_MAX - 1, data, 100), 0);
	cr_expect(first_parse(&f)->done);
	cr_expect_eq(first_parse(&f)->flags, FIRST_IS_UNKNOWN);
	first_init(&f);
	cr_expect_eq(first_add(&f, UINT64_MAX, data, 100), 0);
	cr_expect_eq(first_add(&f, FIRST_MAX, data, 100), 0);
	cr_expect_eq(first_add(&f, 0, data, 0), 0);
	cr_expect_eq(f.n_pieces, 0);
	cr_expect_eq(first_add(&f, 1, data, sizeof(data)), 0);
	cr_expect_eq(f.pieces[0].end, FIRST_MAX);
}

/* What never becomes one of the protocols is not waited for until the end. */
Test(first, limits_in_the_clear)
{
	static struct bytes b;
	int i;

	bytes_text(&b, "<a>");
	memset(b.data + b.len, 'x', 2045);
	cr_expect_not(found(b.data, 2048)->done);
	b.data[2048] = 'x';
	cr_expect(found(b.data, 2049)->done);

	b.len = 0;
	for (i = 0; i < 32; i++)
		bytes_text(&b, "NOOP\r\n");
	cr_expect_not(found(b.data, b.len)->done);
	bytes_text(&b, "NOOP\r\n");
	cr_expect(found(b.data, b.len)->done);
}
