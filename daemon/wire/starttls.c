/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/starttls.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/poison.h"

enum {
	XML_MAX = 2048, /* bytes before TLS, of which clients send some 200 */
	TLS_RECORD = 0x16,
	LINES_MAX = 32,	    /* more than any client asks before */
	LINE_MAX_LEN = 1000 /* RFC 5321 section 4.5.3.1 has 512, RFC 7162 of IMAP more */
};

struct text {
	const char *p;
	size_t n;
};

static bool is_text(uint8_t c)
{
	return c >= ' ' ? c != 0x7f : c == '\t' || c == '\r' || c == '\n';
}

/* A word and the blanks after it. */
static struct text next_word(struct text *line)
{
	struct text word = { line->p, 0 };

	while (word.n < line->n && line->p[word.n] != ' ')
		word.n++;
	line->p += word.n;
	line->n -= word.n;
	while (line->n > 0 && line->p[0] == ' ') {
		line->p++;
		line->n--;
	}
	return word;
}

static bool equals(struct text t, const char *s)
{
	return t.n == strlen(s) && strncasecmp(t.p, s, t.n) == 0;
}

static bool is_among(struct text t, const char *const *words)
{
	for (; *words != NULL; words++)
		if (equals(t, *words))
			return true;
	return false;
}

enum line {
	LINE_NONE, /* of no such protocol, or only said with TLS or without */
	LINE_BEFORE,
	LINE_STARTTLS
};

/*
 * What clients ask before STARTTLS: SMTP and LMTP (RFC 3207), POP3 and IMAP (RFC 2595), FTP (RFC
 * 4217), NNTP (RFC 4642), ManageSieve (RFC 5804). No command that mail or a file follows is among
 * them: their lines are others' words.
 */
static const char *const before[] = { "EHLO",	      "HELO", "LHLO", "NOOP", "CAPA", "CAPABILITY",
				      "CAPABILITIES", "MODE", "FEAT", "HOST", "CLNT", NULL };
static const char *const tagged[] = { "CAPABILITY", "ID", "NOOP", NULL };
static const char *const mechanisms[] = { "TLS", "TLS-C", "SSL", NULL };

static enum line line_of(struct text line)
{
	struct text first = next_word(&line), second;

	if (line.n == 0 && (equals(first, "STARTTLS") || equals(first, "STLS")))
		return LINE_STARTTLS;
	if (equals(first, "AUTH"))
		return is_among(line, mechanisms) ? LINE_STARTTLS : LINE_NONE;
	if (is_among(first, before))
		return LINE_BEFORE;
	second = next_word(&line);
	if (line.n == 0 && equals(second, "STARTTLS"))
		return LINE_STARTTLS;
	return is_among(second, tagged) ? LINE_BEFORE : LINE_NONE;
}

static int lines_parse(const uint8_t *data, size_t len, size_t *ret)
{
	enum line last = LINE_BEFORE;
	size_t start = 0, lines = 0, i;
	struct text line;

	for (i = 0; i < len; i++) {
		if (i == start && data[i] == TLS_RECORD && last == LINE_STARTTLS) {
			*ret = i;
			return 0;
		}
		if (!is_text(data[i]) || i - start > LINE_MAX_LEN)
			return -EINVAL;
		if (i == start && data[i] >= 0x80) /* a command is ASCII */
			return -EINVAL;
		if (data[i] != '\n')
			continue;
		line = (struct text){ (const char *)data + start, i - start };
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		last = line_of(line);
		if (last == LINE_NONE || ++lines > LINES_MAX)
			return -EINVAL;
		start = i + 1;
	}
	return -EAGAIN;
}

/* XMPP (RFC 6120 section 5.4.2.1): <starttls .../> or <starttls ...></starttls> comes last. */
static int xml_parse(const uint8_t *data, size_t len, size_t *ret)
{
	static const char open[] = "<starttls ", close[] = "</starttls>";
	const char *s = (const char *)data, *tag;
	size_t n = 0, end;

	while (n < len && n <= XML_MAX && is_text(data[n]))
		n++;
	if (n > XML_MAX)
		return -EINVAL;
	if (n == len)
		return -EAGAIN;
	for (end = n; end > 0 && strchr(" \t\r\n", s[end - 1]) != NULL; end--)
		;
	tag = memrchr(s, '<', end);
	if (data[n] != TLS_RECORD || tag == NULL || s[end - 1] != '>')
		return -EINVAL;
	end -= (size_t)(tag - s);
	if (!(end == strlen(close) && memcmp(tag, close, end) == 0) &&
	    !(end > strlen(open) && memcmp(tag, open, strlen(open)) == 0 && tag[end - 2] == '/'))
		return -EINVAL;
	*ret = n;
	return 0;
}

/* A message of fixed bytes, of which the masked do not count. */
struct fixed {
	uint8_t data[36], mask[36];
	size_t len;
};

static const struct fixed requests[] = {
	/* SSLRequest, GSSENCRequest of PostgreSQL (its manual, "Message Formats") */
	{ { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f }, { 0 }, 8 },
	{ { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30 }, { 0 }, 8 },
	/* SSLRequest of MySQL (its manual, "Protocol::SSLRequest"): 32 bytes, the second packet; of
	 * the capabilities CLIENT_PROTOCOL_41 and CLIENT_SSL; filler of 23 zeros. MariaDB has more
	 * capabilities in the last four of these. */
	{ { 32, 0, 0, 1, 0, 0x0a },
	  { [4] = 0xff,
	    0xf5,
	    0xff,
	    0xff,
	    0xff,
	    0xff,
	    0xff,
	    0xff,
	    0xff,
	    [32] = 0xff,
	    0xff,
	    0xff,
	    0xff },
	  36 },
	/* StartTLS of LDAP (RFC 4511 section 4.14) as first message */
	{ "0\x1d\2\1\1w\x18\x80\x16"
	  "1.3.6.1.4.1.1466.20037",
	  { 0 },
	  31 },
};

static bool fixed_begins(const struct fixed *f, const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < f->len && i < len; i++)
		if ((data[i] & ~f->mask[i]) != f->data[i])
			return false;
	return true;
}

/* PostgreSQL's may come one after the other, the first refused. */
static int requests_parse(const uint8_t *data, size_t len, size_t *ret)
{
	size_t at = 0, i, n = sizeof(requests) / sizeof(requests[0]), round;

	for (round = 0; round < 3; round++) {
		if (at == len)
			return -EAGAIN;
		if (at > 0 && data[at] == TLS_RECORD) {
			*ret = at;
			return 0;
		}
		for (i = 0; i < n && !fixed_begins(&requests[i], data + at, len - at); i++)
			;
		if (i == n)
			return -EINVAL;
		if (len - at < requests[i].len)
			return -EAGAIN;
		at += requests[i].len;
	}
	return -EINVAL;
}

int starttls_parse(const uint8_t *data, size_t len, size_t *ret)
{
	int err;

	if (len == 0)
		return -EAGAIN;
	if (data[0] == '<')
		return xml_parse(data, len, ret);
	err = requests_parse(data, len, ret);
	return err == -EINVAL ? lines_parse(data, len, ret) : err;
}
