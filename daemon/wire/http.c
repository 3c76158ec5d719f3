/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/poison.h"

#define CHECKED_MAX   1024 /* bytes of a request line that has no end yet */
#define LENGTH_DIGITS 18   /* of what 64 bits hold */

struct text {
	const char *p;
	size_t n;
};

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 9110 section 5.6.2 */
static bool is_token(char c)
{
	return is_alpha(c) || is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* Bytes above ASCII are not of a URI, but clients send them in paths and servers take them. */
static bool is_of_target(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool equals(struct text t, const char *s)
{
	return t.n == strlen(s) && strncasecmp(t.p, s, t.n) == 0;
}

/* HTTP/1.x, or `s` is where it may become that when not `whole`. */
static int version_check(struct text s, bool whole)
{
	static const char want[] = "HTTP/1.";
	size_t n = sizeof(want) - 1;

	if (memcmp(s.p, want, s.n < n ? s.n : n) != 0 || s.n > n + 1 ||
	    (s.n == n + 1 && !is_digit(s.p[n])))
		return -EINVAL;
	if (s.n == n + 1)
		return 0;
	return whole ? -EINVAL : -EAGAIN;
}

static int request_line(struct text line, bool whole, struct http_request *r)
{
	int more = whole ? -EINVAL : -EAGAIN;
	size_t i = 0, j;

	while (i < line.n && i <= HTTP_METHOD_MAX && is_token(line.p[i]))
		i++;
	if (i > HTTP_METHOD_MAX)
		return -EINVAL;
	if (i == line.n)
		return more;
	if (i == 0 || line.p[i] != ' ')
		return -EINVAL;
	memcpy(r->method, line.p, i);
	for (j = i + 1; j < line.n && is_of_target(line.p[j]); j++)
		;
	if (j == line.n)
		return more;
	if (j == i + 1 || line.p[j] != ' ')
		return -EINVAL;
	r->target = (const uint8_t *)line.p + i + 1;
	r->target_len = j - i - 1;
	if (whole)
		r->minor = (uint8_t)(line.p[line.n - 1] - '0');
	return version_check((struct text){ line.p + j + 1, line.n - j - 1 }, whole);
}

/* The port may be empty (RFC 3986 section 3.2.3). */
static void authority(struct text t, struct http_request *r)
{
	bool empty_port = t.n > 1 && t.p[t.n - 1] == ':';
	struct host host;
	uint16_t port;

	r->host_is = HTTP_HOST_OTHER;
	if (host_port_parse(t.p, t.n - empty_port, &host, &port) < 0 || (empty_port && port != 0))
		return;
	r->host_is = HTTP_HOST_NAME;
	r->host = host;
	r->port = port;
}

/* SCHEME "://" AUTHORITY and what follows (RFC 3986 section 3). */
static int absolute_form(struct text t, struct http_request *r)
{
	size_t i = 0, end;

	while (i < t.n && (is_alpha(t.p[i]) || is_digit(t.p[i]) || strchr("+-.", t.p[i]) != NULL))
		i++;
	if (!is_alpha(t.p[0]) || t.n - i < 3 || memcmp(t.p + i, "://", 3) != 0)
		return -EINVAL;
	i += 3;
	for (end = i; end < t.n && strchr("/?#", t.p[end]) == NULL; end++)
		;
	r->absolute = true;
	authority((struct text){ t.p + i, end - i }, r);
	return 0;
}

/* RFC 9112 section 3.2 */
static int target_parse(struct http_request *r)
{
	struct text t = { (const char *)r->target, r->target_len };

	if (strcmp(r->method, "CONNECT") == 0) {
		r->connect = true;
		r->host_is = HTTP_HOST_NAME;
		if (host_port_parse(t.p, t.n, &r->host, &r->port) < 0 || r->port == 0)
			return -EINVAL;
		return 0;
	}
	if (t.p[0] == '/')
		return 0;
	if (t.n == 1 && t.p[0] == '*')
		return strcmp(r->method, "OPTIONS") == 0 ? 0 : -EINVAL;
	return absolute_form(t, r);
}

static void content_length(struct text value, struct http_request *r)
{
	size_t i;

	r->body_is = r->body_is == HTTP_BODY_NONE && value.n > 0 && value.n <= LENGTH_DIGITS
			     ? HTTP_BODY_LENGTH
			     : HTTP_BODY_UNCLEAR;
	for (i = 0; i < value.n && r->body_is == HTTP_BODY_LENGTH; i++) {
		if (!is_digit(value.p[i]))
			r->body_is = HTTP_BODY_UNCLEAR;
		r->body_len = r->body_len * 10 + (uint64_t)(value.p[i] - '0');
	}
}

static void transfer_encoding(struct text value, struct http_request *r)
{
	r->body_is = r->body_is == HTTP_BODY_NONE && r->minor > 0 && equals(value, "chunked")
			     ? HTTP_BODY_CHUNKED
			     : HTTP_BODY_UNCLEAR;
}

static int field_take(struct text name, struct text value, bool *host_seen, struct http_request *r)
{
	if (equals(name, "Content-Length"))
		content_length(value, r);
	else if (equals(name, "Transfer-Encoding"))
		transfer_encoding(value, r);
	else if (equals(name, "Upgrade"))
		r->upgrade = true;
	if (!equals(name, "Host"))
		return 0;
	if (*host_seen)
		return -EINVAL;
	*host_seen = true;
	if (!r->connect && !r->absolute && value.n > 0)
		authority(value, r);
	return 0;
}

static int field_parse(struct text line, bool *host_seen, struct http_request *r)
{
	struct text name = { line.p, 0 }, value;

	while (name.n < line.n && is_token(line.p[name.n]))
		name.n++;
	if (name.n == 0 || name.n == line.n || line.p[name.n] != ':')
		return -EINVAL; /* blanks before the colon too (RFC 9112 section 5.1) */
	value = (struct text){ line.p + name.n + 1, line.n - name.n - 1 };
	while (value.n > 0 && is_blank(value.p[0])) {
		value.p++;
		value.n--;
	}
	while (value.n > 0 && is_blank(value.p[value.n - 1]))
		value.n--;
	return field_take(name, value, host_seen, r);
}

/* The line at *at, which then is behind it. -EAGAIN: no end yet. */
static int next_line(struct text data, size_t *at, struct text *ret)
{
	const char *lf = memchr(data.p + *at, '\n', data.n - *at);
	struct text line;

	if (lf == NULL)
		return -EAGAIN;
	line = (struct text){ data.p + *at, (size_t)(lf - data.p) - *at };
	*at += line.n + 1;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (memchr(line.p, '\r', line.n) != NULL || memchr(line.p, '\0', line.n) != NULL)
		return -EINVAL;
	*ret = line;
	return 0;
}

/* Of a line without its end: a last CR may be half of that. Looked at again with each segment, and
 * therefore only so far. */
static int unfinished(struct text rest, struct http_request *r)
{
	if (rest.n > CHECKED_MAX)
		rest.n = CHECKED_MAX;
	if (rest.n > 0 && rest.p[rest.n - 1] == '\r')
		rest.n--;
	return request_line(rest, false, r) == -EINVAL ? -EINVAL : -EAGAIN;
}

static int read_request_line(struct http_reader *h, struct text data)
{
	struct text line;
	int err;

	do {
		if (h->at == data.n)
			return -EAGAIN;
		err = next_line(data, &h->at, &line);
		if (err == -EAGAIN)
			return unfinished((struct text){ data.p + h->at, data.n - h->at }, &h->r);
		if (err == 0 && line.n == 0 && ++h->empty > HTTP_EMPTY_MAX)
			err = -EINVAL;
	} while (err == 0 && line.n == 0);
	if (err == 0)
		err = request_line(line, true, &h->r);
	if (err == 0)
		err = target_parse(&h->r);
	h->line_read = true;
	return err;
}

static int read_fields(struct http_reader *h, struct text data)
{
	struct text line;
	int err = 0;

	while (err == 0) {
		err = h->at == data.n ? -EAGAIN : next_line(data, &h->at, &line);
		if (err == 0 && line.n == 0) {
			h->r.head_len = h->at;
			return 0;
		}
		if (err == 0)
			err = field_parse(line, &h->host_seen, &h->r);
	}
	return err;
}

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

int http_read(struct http_reader *h, const uint8_t *data, size_t len, struct http_request *ret)
{
	struct text head = { (const char *)data, len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX };
	size_t n = len < sizeof(preface) - 1 ? len : sizeof(preface) - 1;
	int err = h->err;

	if (err < 0)
		return err;
	if (len == 0)
		return -EAGAIN;
	if (memcmp(data, preface, n) == 0) {
		if (n < sizeof(preface) - 1)
			return -EAGAIN;
		*ret = (struct http_request){ .h2c = true, .head_len = n };
		return 0;
	}
	if (!h->line_read)
		err = read_request_line(h, head);
	if (err == 0)
		err = read_fields(h, head);
	if (err == -EAGAIN && len >= HTTP_HEAD_MAX)
		err = -E2BIG;
	if (err == 0)
		*ret = h->r;
	if (err < 0 && err != -EAGAIN)
		h->err = err;
	return err;
}

int http_parse(const uint8_t *data, size_t len, struct http_request *ret)
{
	struct http_reader h = { .at = 0 };

	return http_read(&h, data, len, ret);
}

#define METHOD_MAX 7 /* the longest of these */

static bool is_method(struct text word)
{
	static const char *const methods[] = { "GET",	  "HEAD",    "POST",  "PUT",  "DELETE",
					       "CONNECT", "OPTIONS", "TRACE", "PATCH" };
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]) && word.n <= METHOD_MAX; i++)
		if (word.n == strlen(methods[i]) && memcmp(word.p, methods[i], word.n) == 0)
			return true;
	return false;
}

static bool is_target(struct text t)
{
	size_t i;

	if (t.n > 0 && strchr("/*[", t.p[0]) != NULL && t.p[0] != '\0')
		return true;
	for (i = 0; i + 1 < t.n; i++)
		if (t.p[i] == ':' &&
		    (is_digit(t.p[i + 1]) || (t.n - i >= 3 && memcmp(t.p + i, "://", 3) == 0)))
			return true;
	return false;
}

/* Blanks, and with `ends` those of empty lines. */
static struct text skip(struct text t, bool ends)
{
	while (t.n > 0 && (is_blank(t.p[0]) || (ends && (t.p[0] == '\r' || t.p[0] == '\n')))) {
		t.p++;
		t.n--;
	}
	return t;
}

/* Up to a blank. */
static struct text word_of(struct text t)
{
	size_t n = 0;

	while (n < t.n && !is_blank(t.p[n]))
		n++;
	return (struct text){ t.p, n };
}

bool http_resembles(const uint8_t *data, size_t len)
{
	static const char version[] = "HTTP"; /* and then '/' */
	const size_t n = sizeof(version) - 1;
	struct text line = skip((struct text){ (const char *)data, len }, true), word;
	const char *lf = line.n > 0 ? memchr(line.p, '\n', line.n) : NULL;
	const char *at;
	size_t i;

	if (lf != NULL)
		line.n = (size_t)(lf - line.p);
	/* Of its bytes the rarest is looked for. */
	for (at = line.p; (at = memchr(at, '/', (size_t)(line.p + line.n - at))) != NULL; at++) {
		i = (size_t)(at - line.p);
		if (i >= n && strncasecmp(at - n, version, n) == 0)
			return i > n;
	}
	/* Of one that is longer no more is looked at. */
	word = line;
	if (word.n > METHOD_MAX)
		word.n = METHOD_MAX + 1;
	word = word_of(word);
	if (!is_method(word))
		return false;
	line = skip((struct text){ line.p + word.n, line.n - word.n }, false);
	return is_target(word_of(line));
}
