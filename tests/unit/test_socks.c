/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to SOCKS proxies and PROXY headers: real ones, and some that lie. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <string.h>

#include "wire/proxy_header.h"
#include "wire/socks.h"
#include "wire_bytes.h"

struct program {
	char file[24], host[20];
	uint16_t port;
	uint8_t version;
	bool is_address;
	char next[8]; /* what follows */
};

ParameterizedTestParameters(socks, programs)
{
	static struct program rows[] = {
		{ "socks4-curl", "192.0.2.1", 80, 4, true, "GET /a " },
		{ "socks4-user-curl", "192.0.2.1", 80, 4, true, "GET /a " },
		{ "socks4a-curl-tls", "www.example.com", 443, 4, false, "\x16\3\1" },
		{ "socks5-curl-ip", "192.0.2.1", 80, 5, true, "GET /a " },
		{ "socks5-curl-ip6", "2001:db8::1", 80, 5, true, "GET /a " },
		{ "socks5h-curl-tls", "www.example.com", 443, 5, false, "\x16\3\1" },
		{ "socks5h-user-curl-tls", "www.example.com", 443, 5, false, "\x16\3\1" },
	};

	return cr_make_param_array(struct program, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct program *p, socks, programs)
{
	static struct bytes b;
	struct socks_request r;
	size_t i;

	bytes_file(&b, "socks", p->file);
	cr_assert_eq(socks_parse(b.data, b.len, &r), 0, "%s", p->file);
	cr_expect_eq(r.version, p->version, "%s", p->file);
	cr_expect_eq(r.command, SOCKS_CONNECT, "%s", p->file);
	cr_expect(r.named, "%s", p->file);
	cr_expect_str_eq(r.host.text, p->host, "%s", p->file);
	cr_expect_eq(r.host.is_address, p->is_address, "%s", p->file);
	cr_expect_eq(r.port, p->port, "%s", p->file);
	cr_expect_eq(memcmp(b.data + r.len, p->next, strlen(p->next)), 0, "%s", p->file);
	for (i = 0; i < r.len; i++)
		cr_expect_eq(socks_parse(b.data, i, &r), -EAGAIN, "%s: %zu", p->file, i);
}

struct row {
	char data[40];
	size_t len;
	int err;
	enum socks_command command;
	char host[16]; /* "": no host's shape */
};

#define ROW(text, ...)                              \
	{                                           \
		text, sizeof(text) - 1, __VA_ARGS__ \
	}

ParameterizedTestParameters(socks, rows)
{
	static struct row rows[] = {
		/* SOCKS4 */
		ROW("\4\2\0\25\xc0\0\2\1x\0", 0, SOCKS_BIND, "192.0.2.1"),
		ROW("\4\1\0\25\0\0\0\1x\0a.EXAMPLE\0", 0, SOCKS_CONNECT, "a.example"),
		ROW("\4\1\0\25\0\0\0\1\0a b\0", 0, SOCKS_CONNECT, ""),
		ROW("\4\1\0\25\0\0\0\1\0\0", -EINVAL, 0, ""),
		ROW("\4\1\0\25\0\0\0\0x\0", -EINVAL, 0, ""),
		ROW("\4\1\0\0\xc0\0\2\1x\0", -EINVAL, 0, ""),
		ROW("\4\3\0\25\xc0\0\2\1x\0", -EINVAL, 0, ""),
		ROW("\4\0\0\0\1", -EINVAL, 0, ""), /* a STARTUP of Cassandra */
		ROW("\4\1\0\25\xc0\0\2\1x\1", -EINVAL, 0, ""),
		/* SOCKS5 */
		ROW("\5\1\0\5\1\0\1\xc0\0\2\1\0\25", 0, SOCKS_CONNECT, "192.0.2.1"),
		ROW("\5\1\0\5\2\0\1\xc0\0\2\1\0\25", 0, SOCKS_BIND, "192.0.2.1"),
		ROW("\5\1\0\5\3\0\1\0\0\0\0\0\0", 0, SOCKS_UDP, "0.0.0.0"),
		ROW("\5\1\0\5\1\0\3\11A.example\0\25", 0, SOCKS_CONNECT, "a.example"),
		ROW("\5\1\0\5\1\0\3\011192.0.2.1\0\25", 0, SOCKS_CONNECT, "192.0.2.1"),
		ROW("\5\1\0\5\1\0\3\3a\0b\0\25", 0, SOCKS_CONNECT, ""),
		ROW("\5\1\2\1\1u\1p\5\1\0\3\1a\0\25", 0, SOCKS_CONNECT, "a"),
		ROW("\5\1\2\1\1u\0\5\1\0\3\1a\0\25", 0, SOCKS_CONNECT, "a"),
		ROW("\5\3\0\1\2\1\2uu\1p\5\1\0\3\1a\0\25", 0, SOCKS_CONNECT, "a"),
		ROW("\5\3\0\1\2\5\1\0\3\1a\0\25", 0, SOCKS_CONNECT, "a"),
		/* A user of one byte, or GSSAPI. */
		ROW("\5\3\0\1\2\1\1u\1p\5\1\0\3\1a\0\25", -EINVAL, 0, ""),
		ROW("\5\2\0\1\1\1\0\2xx", -EINVAL, 0, ""),
		ROW("\5\1\0\1\1u\1p\5\1\0\3\1a\0\25", -EINVAL, 0, ""),
		ROW("\5\0", -EINVAL, 0, ""),
		ROW("\5\1\0\4", -EINVAL, 0, ""),
		ROW("\5\1\0\5\0", -EINVAL, 0, ""),
		ROW("\5\1\0\5\xf0", -EINVAL, 0, ""), /* Tor's RESOLVE */
		ROW("\5\1\0\5\1\1", -EINVAL, 0, ""),
		ROW("\5\1\0\5\1\0\2", -EINVAL, 0, ""),
		ROW("\5\1\0\5\1\0\3\0\0\25", -EINVAL, 0, ""),
		ROW("\5\1\0\5\1\0\3\1a\0\0", -EINVAL, 0, ""),
		ROW("\5\1\0\5\1\0\3\377a", -EAGAIN, 0, ""),
		ROW("\5\1\2\1\377u", -EAGAIN, 0, ""),
		ROW("\6\1\0", -EINVAL, 0, ""),
		ROW("GET / HTTP/1.1\r\n", -EINVAL, 0, ""),
	};

	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *w, socks, rows)
{
	struct socks_request r = { .version = 0 };
	size_t i;
	int err = 0;

	cr_assert_eq(socks_parse((const uint8_t *)w->data, w->len, &r), w->err, "%s", w->data);
	if (w->err == 0) {
		cr_expect_eq(r.command, w->command);
		cr_expect_eq(r.named, w->host[0] != '\0');
		cr_expect_str_eq(r.host.text, w->host);
		cr_expect_eq(r.len, w->len);
	}
	/* What is none is none from some byte on, and before that may become one. */
	for (i = 0; i <= w->len; i++) {
		if (err == 0 || err == -EAGAIN)
			err = socks_parse((const uint8_t *)w->data, i, &r);
		else
			cr_expect_eq(socks_parse((const uint8_t *)w->data, i, &r), err);
	}
}

Test(socks, names_of_255_bytes)
{
	static struct bytes b;
	struct socks_request r;

	bytes_add(&b, "\5\1\0\5\1\0\3\377", 8);
	memset(b.data + b.len, 'a', 255);
	b.len += 255;
	bytes_num(&b, 2, 21);
	cr_assert_eq(socks_parse(b.data, b.len, &r), 0);
	cr_expect_not(r.named);
	cr_expect_str_eq(r.host.text, "");
	cr_expect_eq(r.len, b.len);

	/* 63.63.63.61 letters are 253 with the dots: the longest. */
	b.data[8 + 63] = b.data[8 + 127] = b.data[8 + 191] = '.';
	b.data[7] = 253;
	cr_assert_eq(socks_parse(b.data, b.len, &r), 0);
	cr_expect(r.named);
	cr_expect_eq(strlen(r.host.text), 253);
}

Test(socks, texts_without_an_end)
{
	static struct bytes b;
	struct socks_request r;

	bytes_add(&b, "\4\1\0\25\xc0\0\2\1", 8);
	memset(b.data + b.len, 'u', 256);
	cr_expect_eq(socks_parse(b.data, 8 + 255, &r), -EAGAIN);
	cr_expect_eq(socks_parse(b.data, 8 + 256, &r), -E2BIG);
	b.data[8 + 255] = '\0';
	cr_expect_eq(socks_parse(b.data, 8 + 256, &r), 0);
}

static int proxy(const void *data, size_t len, size_t *ret)
{
	*ret = 0;
	return proxy_header_parse(data, len, ret);
}

Test(socks, proxy_header_1)
{
	static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET ";
	static const char *const no[] = { "PROXY TCP4 192.0.2.1\n",
					  "PROXY TCP4 \x01",
					  "PROXY UDP4 ",
					  "PROXY  ",
					  "PROXX",
					  "GET",
					  "PROXY TCP4 a\rb" };
	static struct bytes b;
	size_t n, i;

	cr_expect_eq(proxy(line, sizeof(line) - 1, &n), 0);
	cr_expect_eq(n, sizeof(line) - 5);
	for (i = 0; i < sizeof(line) - 5; i++)
		cr_expect_eq(proxy(line, i, &n), -EAGAIN, "%zu", i);
	cr_expect_eq(proxy("PROXY UNKNOWN\r\n", 15, &n), 0);
	cr_expect_eq(n, 15);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		cr_expect_eq(proxy(no[i], strlen(no[i]), &n), -EINVAL, "%s", no[i]);

	/* 107 bytes are the most. */
	bytes_text(&b, "PROXY UNKNOWN ");
	memset(b.data + b.len, 'f', 200);
	memcpy(b.data + 105, "\r\n", 2);
	cr_expect_eq(proxy(b.data, 200, &n), 0);
	cr_expect_eq(n, 107);
	memcpy(b.data + 105, "f\r\n", 3);
	cr_expect_eq(proxy(b.data, 200, &n), -EINVAL);
	cr_expect_eq(proxy(b.data, 106, &n), -EAGAIN);
}

Test(socks, proxy_header_2)
{
	uint8_t h[32] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
	size_t n, i;

	cr_expect_eq(proxy(h, sizeof(h), &n), 0);
	cr_expect_eq(n, 28);
	for (i = 0; i < 28; i++)
		cr_expect_eq(proxy(h, i, &n), -EAGAIN, "%zu", i);
	h[12] = 0x11;
	cr_expect_eq(proxy(h, 13, &n), -EINVAL);
	h[12] = 0x20; /* LOCAL */
	h[13] = 0;
	h[15] = 0;
	cr_expect_eq(proxy(h, sizeof(h), &n), 0);
	cr_expect_eq(n, 16);
	h[13] = 0x13;
	cr_expect_eq(proxy(h, sizeof(h), &n), -EINVAL);
	h[13] = 0x41;
	cr_expect_eq(proxy(h, sizeof(h), &n), -EINVAL);
	h[13] = 0x11;
	h[14] = 0xff;
	cr_expect_eq(proxy(h, sizeof(h), &n), -EAGAIN);
}
