/* SPDX-License-Identifier: BSD-2-Clause */
/* Heads of HTTP/1 requests: real ones, and those that proxies and servers read differently. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <string.h>

#include "wire/http.h"
#include "wire_bytes.h"

static int parse(const char *text, struct http_request *ret)
{
	memset(ret, 0, sizeof(*ret));
	return http_parse((const uint8_t *)text, strlen(text), ret);
}

struct program {
	char file[24], method[8], target[32], host[20];
	int port; /* -1: that of the listener, whatever it was */
	bool connect, absolute;
};

ParameterizedTestParameters(http, programs)
{
	static struct program rows[] = {
		{ "curl", "GET", "/a?b=c", "www.example.com", -1, false, false },
		{ "wget", "GET", "/x", "localhost", -1, false, false },
		{ "python", "GET", "/y", "127.0.0.1", -1, false, false },
		{ "curl-upgrade", "GET", "/", "www.example.com", -1, false, false },
		{ "curl-proxy", "GET", "http://www.example.com/a", "www.example.com", 0, false,
		  true },
		{ "connect-curl-tls", "CONNECT", "www.example.com:443", "www.example.com", 443,
		  true, false },
		{ "connect-curl-http", "CONNECT", "www.example.com:8080", "www.example.com", 8080,
		  true, false },
		{ "connect-curl-407", "CONNECT", "www.example.com:443", "www.example.com", 443,
		  true, false },
		{ "connect-curl-ip6", "CONNECT", "[2001:db8::1]:8443", "2001:db8::1", 8443, true,
		  false },
	};

	return cr_make_param_array(struct program, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct program *p, http, programs)
{
	static struct bytes b;
	struct http_request r;
	size_t i;

	bytes_file(&b, "http", p->file);
	cr_assert_eq(http_parse(b.data, b.len, &r), 0, "%s", p->file);
	cr_expect_str_eq(r.method, p->method, "%s", p->file);
	cr_expect_eq(r.target_len, strlen(p->target), "%s", p->file);
	cr_expect_eq(memcmp(r.target, p->target, r.target_len), 0, "%s", p->file);
	cr_expect_eq(r.host_is, HTTP_HOST_NAME, "%s", p->file);
	cr_expect_str_eq(r.host.text, p->host, "%s", p->file);
	cr_expect(p->port < 0 ? r.port != 0 : r.port == p->port, "%s", p->file);
	cr_expect_eq(r.connect, p->connect, "%s", p->file);
	cr_expect_eq(r.absolute, p->absolute, "%s", p->file);
	cr_expect_not(r.h2c, "%s", p->file);
	cr_expect(http_resembles(b.data, b.len), "%s", p->file);
	cr_expect_eq(memcmp(b.data + r.head_len - 4, "\r\n\r\n", 4), 0, "%s", p->file);
	for (i = 0; i < r.head_len; i++)
		cr_expect_eq(http_parse(b.data, i, &r), -EAGAIN, "%s: %zu", p->file, i);
}

Test(http, prior_knowledge_of_http2)
{
	static struct bytes b;
	struct http_request r;
	size_t i;

	bytes_file(&b, "http", "curl-h2c");
	cr_assert_eq(http_parse(b.data, b.len, &r), 0);
	cr_expect(r.h2c);
	cr_expect_eq(r.host_is, HTTP_HOST_NONE);
	cr_expect_eq(r.head_len, 24);
	for (i = 0; i < 24; i++)
		cr_expect_eq(http_parse(b.data, i, &r), -EAGAIN, "%zu", i);
	cr_expect_eq(parse("PRI * HTTP/2.0\r\n\r\nSX", &r), -EINVAL);
}

struct field {
	char value[40];
	enum http_host is;
	char host[20];
	uint16_t port;
};

ParameterizedTestParameters(http, hosts)
{
	static struct field rows[] = {
		{ "example.com", HTTP_HOST_NAME, "example.com", 0 },
		{ "EXAMPLE.com.", HTTP_HOST_NAME, "example.com", 0 },
		{ "example.com:8080", HTTP_HOST_NAME, "example.com", 8080 },
		{ "example.com:", HTTP_HOST_NAME, "example.com", 0 },
		{ "  \t example.com \t", HTTP_HOST_NAME, "example.com", 0 },
		{ "192.0.2.1:1", HTTP_HOST_NAME, "192.0.2.1", 1 },
		{ "[2001:DB8::1]:80", HTTP_HOST_NAME, "2001:db8::1", 80 },
		{ "[::1]", HTTP_HOST_NAME, "::1", 0 },
		{ "[::1]:", HTTP_HOST_NAME, "::1", 0 },
		{ "", HTTP_HOST_NONE, "", 0 },
		{ "  ", HTTP_HOST_NONE, "", 0 },
		{ ":", HTTP_HOST_OTHER, "", 0 },
		{ ":80", HTTP_HOST_OTHER, "", 0 },
		{ "[::1", HTTP_HOST_OTHER, "", 0 },
		{ "::1", HTTP_HOST_OTHER, "", 0 },
		{ "example.com:0", HTTP_HOST_OTHER, "", 0 },
		{ "example.com:65536", HTTP_HOST_OTHER, "", 0 },
		{ "example.com:80:", HTTP_HOST_OTHER, "", 0 },
		{ "example.com::", HTTP_HOST_OTHER, "", 0 },
		{ "user@example.com", HTTP_HOST_OTHER, "", 0 },
		{ "user:1@example.com", HTTP_HOST_OTHER, "", 0 },
		{ "a.example b.example", HTTP_HOST_OTHER, "", 0 },
		{ "a.example, b.example", HTTP_HOST_OTHER, "", 0 },
		{ "a.example/b", HTTP_HOST_OTHER, "", 0 },
		{ "http://a.example", HTTP_HOST_OTHER, "", 0 },
		{ "a.example\x01", HTTP_HOST_OTHER, "", 0 },
	};

	return cr_make_param_array(struct field, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct field *f, http, hosts)
{
	struct http_request r;
	char text[160];

	(void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA: b\r\nhOsT:%s\r\n\r\n", f->value);
	cr_assert_eq(parse(text, &r), 0, "%s", f->value);
	cr_expect_eq(r.host_is, f->is, "%s", f->value);
	cr_expect_str_eq(r.host.text, f->host, "%s", f->value);
	cr_expect_eq(r.port, f->port, "%s", f->value);
}

struct target {
	char line[56];
	int err;
	enum http_host is;
	char host[20];
	uint16_t port;
};

/* With "Host: other.example". */
ParameterizedTestParameters(http, targets)
{
	static struct target rows[] = {
		{ "GET / HTTP/1.0", 0, HTTP_HOST_NAME, "other.example", 0 },
		{ "OPTIONS * HTTP/1.1", 0, HTTP_HOST_NAME, "other.example", 0 },
		{ "M-SEARCH /\xc3\xbc HTTP/1.1", 0, HTTP_HOST_NAME, "other.example", 0 },
		{ "GET http://a.example HTTP/1.1", 0, HTTP_HOST_NAME, "a.example", 0 },
		{ "GET HTTP://A.example:81?x HTTP/1.1", 0, HTTP_HOST_NAME, "a.example", 81 },
		{ "GET ftp://a.example/b:1/@c HTTP/1.1", 0, HTTP_HOST_NAME, "a.example", 0 },
		{ "GET http://[::1]:80/ HTTP/1.1", 0, HTTP_HOST_NAME, "::1", 80 },
		{ "GET http://u@a.example/ HTTP/1.1", 0, HTTP_HOST_OTHER, "", 0 },
		{ "GET http://a.example\\@b.example/ HTTP/1.1", 0, HTTP_HOST_OTHER, "", 0 },
		{ "GET http:///a HTTP/1.1", 0, HTTP_HOST_OTHER, "", 0 },
		{ "CONNECT a.example:443 HTTP/1.1", 0, HTTP_HOST_NAME, "a.example", 443 },
		{ "CONNECT [::1]:443 HTTP/1.1", 0, HTTP_HOST_NAME, "::1", 443 },
		{ "CONNECT a.example HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT a.example: HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT a.example:0 HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT a.example:65536 HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT a.example:44x HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT u@a.example:443 HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT http://a.example:443 HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT ::1:443 HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "CONNECT / HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET * HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET a.example HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET 1a://a.example HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET a:/b HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET  / HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET /  HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET / HTTP/1.1 ", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET / b HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET\t/ HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET / HTTP/2.0", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET / HTTP/1.", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET / HTTP/1.1\r", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET / http/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET /", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "GET", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ " GET / HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "G(T / HTTP/1.1", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "EHLO a.example", -EINVAL, HTTP_HOST_NONE, "", 0 },
		{ "SSH-2.0-OpenSSH_9.2p1", -EINVAL, HTTP_HOST_NONE, "", 0 },
	};

	return cr_make_param_array(struct target, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct target *t, http, targets)
{
	struct http_request r;
	char text[160];

	(void)snprintf(text, sizeof(text), "%s\r\nHost: other.example\r\n\r\n", t->line);
	cr_assert_eq(parse(text, &r), t->err, "%s", t->line);
	cr_expect_eq(r.host_is, t->is, "%s", t->line);
	cr_expect_str_eq(r.host.text, t->host, "%s", t->line);
	cr_expect_eq(r.port, t->port, "%s", t->line);
}

struct head {
	char text[72];
	int err;
};

ParameterizedTestParameters(http, heads)
{
	static struct head rows[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\n\n", 0 },
		{ "GET / HTTP/1.1\nHost: a\n\r\n", 0 },
		{ "\r\n\nGET / HTTP/1.1\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\nA:\r\nB:c\r\n\r\nbody", 0 },
		{ "\n\n\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n", 0 },
		{ "\n\n\n\n\n\n\n\n\nGET / HTTP/1.1\r\n\r\n", -EINVAL },
		{ "", -EAGAIN },
		{ "\r", -EAGAIN },
		{ "\r\n", -EAGAIN },
		{ "G", -EAGAIN },
		{ "GET / HTTP/1.1\r", -EAGAIN },
		{ "GET / HTTP/1.1\r\nHost: a\r\n", -EAGAIN },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r", -EAGAIN },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n", -EINVAL },
		{ "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", -EINVAL },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", -EINVAL }, /* obs-fold */
		{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\nHost\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\n: a\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\r\nA: b\rHost: c\r\n\r\n", -EINVAL }, /* bare CR */
		{ "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", -EINVAL },
		{ "GET / HTTP/1.1\rHost: a\r\n\r\n", -EINVAL },
		{ "\x16\x03\x01", -EINVAL },
		{ "GET /\x01", -EINVAL },
		{ "GET / HTTP/2", -EINVAL },
		{ "GET / HTTPS", -EINVAL },
		{ "A23456789012345678901234567890123", -EINVAL },
		{ "* OK", -EAGAIN },
		{ "* OK done", -EINVAL },
	};

	return cr_make_param_array(struct head, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct head *h, http, heads)
{
	struct http_request r;

	cr_expect_eq(parse(h->text, &r), h->err, "%s", h->text);
}

Test(http, nul_in_a_field)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n";
	struct http_request r;

	cr_expect_eq(http_parse((const uint8_t *)text, sizeof(text) - 1, &r), -EINVAL);
}

/* A head of `n` bytes. */
static int sized(size_t n)
{
	static const char begin[] = "GET / HTTP/1.1\r\nA: ", end[] = "\r\n\r\n";
	static struct bytes b;
	struct http_request r;

	b.len = 0;
	bytes_text(&b, begin);
	memset(b.data + b.len, 'a', n - b.len);
	b.len = n - strlen(end);
	bytes_text(&b, end);
	return http_parse(b.data, b.len, &r);
}

Test(http, limit_of_a_head)
{
	cr_expect_eq(sized(HTTP_HEAD_MAX), 0);
	cr_expect_eq(sized(HTTP_HEAD_MAX + 1), -E2BIG);
}

static bool resembles(const char *text)
{
	return http_resembles((const uint8_t *)text, strlen(text));
}

/* What other protocols begin with, and what servers that are lenient may take for a request. */
Test(http, what_resembles_a_request)
{
	static const char *const no[] = {
		"",
		"GET",
		"get /",
		"GET key\r\n",
		"GET key:a\r\n",
		"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n",
		"CONNECT\naccept-version:1.2\nhost:x\n\n",
		"HEAD <a@b>\r\n",
		"EHLO [127.0.0.1]\r\n",
		"NICK x\r\nUSER x 0 * :x\r\n",
		"HTTP/1.1 200 OK\r\n",
		"PRI * ",
		"SSH-2.0-OpenSSH_9.2\r\nGET / HTTP/1.1\r\n",
	};
	static const char *const yes[] = {
		"GET /",
		"GET  /",
		" GET /",
		"\r\nGET /",
		"OPTIONS *",
		"GET [::1]",
		"CONNECT a.example:443",
		"OPTIONS rtsp://cam.example/s RTSP/1.0\r\n",
		"PROPFIND x HTTP/1.1\r\n",
		"get / http/1.1",
		"GET / HTTP/2\r\n",
	};
	size_t i;

	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_expect_not(resembles(no[i]), "%s", no[i]);
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		cr_expect(resembles(yes[i]), "%s", yes[i]);
}

struct body {
	char fields[80];
	enum http_body is;
	uint64_t len;
};

ParameterizedTestParameters(http, bodies)
{
	static struct body rows[] = {
		{ "", HTTP_BODY_NONE, 0 },
		{ "Content-Length: 0\r\n", HTTP_BODY_LENGTH, 0 },
		{ "content-length:0042 \r\n", HTTP_BODY_LENGTH, 42 },
		{ "Content-Length: 999999999999999999\r\n", HTTP_BODY_LENGTH, 999999999999999999 },
		{ "Content-Length: 1000000000000000000\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length:\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: +1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: -1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: 0x1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: 1 1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: 1, 1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: 1\r\nContent-Length: 1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Transfer-Encoding: Chunked\r\n", HTTP_BODY_CHUNKED, 0 },
		{ "Transfer-Encoding: gzip, chunked\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Transfer-Encoding: identity\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Transfer-Encoding: \vchunked\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", HTTP_BODY_UNCLEAR, 0 },
		{ "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", HTTP_BODY_UNCLEAR, 0 },
	};

	return cr_make_param_array(struct body, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct body *b, http, bodies)
{
	struct http_request r;
	char text[160];

	(void)snprintf(text, sizeof(text), "POST / HTTP/1.1\r\n%sHost: a\r\n\r\n", b->fields);
	cr_assert_eq(parse(text, &r), 0, "%s", text);
	cr_expect_eq(r.body_is, b->is, "%s", b->fields);
	if (b->is == HTTP_BODY_LENGTH)
		cr_expect_eq(r.body_len, b->len, "%s", b->fields);
	cr_expect_not(r.upgrade);
	cr_expect_eq(r.minor, 1);
	cr_expect_eq(r.host_is, HTTP_HOST_NAME);
}

Test(http, chunks_and_upgrade)
{
	struct http_request r;

	cr_assert_eq(parse("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", &r), 0);
	cr_expect_eq(r.minor, 0);
	cr_expect_eq(r.body_is, HTTP_BODY_UNCLEAR, "RFC 9112 section 6.1");
	cr_assert_eq(parse("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", &r), 0);
	cr_expect(r.upgrade);
}
