/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/http_stream.h"

#include <errno.h>
#include <string.h>

#include "base/poison.h"

#define SIZE_DIGITS 15 /* of what 64 bits hold */

bool http_stream_in_head(const struct http_stream *s)
{
	return s->state == HTTP_STREAM_HEAD && s->head != NULL && s->head->n > 0;
}

static void head_forget(struct http_stream *s)
{
	if (s->head != NULL)
		s->head->n = 0;
}

static void become_broken(struct http_stream *s)
{
	s->state = HTTP_STREAM_BROKEN;
	head_forget(s);
}

static void message_end(struct http_stream *s)
{
	s->state = s->upgrade ? HTTP_STREAM_UPGRADE : HTTP_STREAM_HEAD;
}

static void chunk_begin(struct http_stream *s)
{
	s->state = HTTP_STREAM_CHUNK_SIZE;
	s->left = 0;
	s->line = 0;
	s->digits = 0;
}

static void body_end(struct http_stream *s)
{
	if (s->chunked)
		s->state = HTTP_STREAM_CHUNK_CR;
	else
		message_end(s);
}

static void request_end(struct http_stream *s, const struct http_request *r,
			const struct http_stream_ear *ear)
{
	s->upgrade = r->upgrade;
	s->chunked = r->body_is == HTTP_BODY_CHUNKED;
	if (r->h2c || (!r->connect && r->body_is == HTTP_BODY_UNCLEAR))
		s->state = HTTP_STREAM_BROKEN;
	else if (r->connect)
		s->state = HTTP_STREAM_TUNNEL;
	else if (s->chunked)
		chunk_begin(s);
	else if (r->body_is == HTTP_BODY_LENGTH && r->body_len > 0)
		s->state = HTTP_STREAM_BODY;
	else
		message_end(s);
	if (s->state == HTTP_STREAM_BODY)
		s->left = r->body_len;
	if (!r->h2c)
		ear->request(ear->arg, r);
	head_forget(s);
}

/* Each reads some of `data`, at least one byte, and tells how many. */
static size_t head_keep(struct http_stream *s, const uint8_t *data, size_t len,
			const struct http_stream_ear *ear)
{
	struct http_request r;

	if (s->head == NULL)
		s->head = ear->room(ear->arg);
	if (s->head == NULL) {
		become_broken(s);
		return len;
	}
	memset(&s->head->reader, 0, sizeof(s->head->reader));
	memcpy(s->head->data, data, len);
	s->head->n = len;
	if (http_read(&s->head->reader, s->head->data, len, &r) != -EAGAIN)
		become_broken(s); /* it was that a moment ago */
	return len;
}

static size_t head_begin(struct http_stream *s, const uint8_t *data, size_t len,
			 const struct http_stream_ear *ear)
{
	struct http_request r;
	int err = http_parse(data, len, &r);

	if (err == -EAGAIN && len < HTTP_HEAD_MAX)
		return head_keep(s, data, len, ear);
	if (err < 0) {
		become_broken(s);
		return len;
	}
	request_end(s, &r, ear);
	return r.head_len;
}

static size_t head_more(struct http_stream *s, const uint8_t *data, size_t len,
			const struct http_stream_ear *ear)
{
	struct http_head *head = s->head;
	size_t had = head->n, n = len < HTTP_HEAD_MAX - had ? len : HTTP_HEAD_MAX - had;
	struct http_request r;
	int err;

	memcpy(head->data + had, data, n);
	head->n += n;
	err = http_read(&head->reader, head->data, head->n, &r);
	if (err == -EAGAIN)
		return n;
	if (err < 0 || r.head_len <= had) {
		become_broken(s);
		return len;
	}
	request_end(s, &r, ear);
	return r.head_len - had;
}

static size_t body_pass(struct http_stream *s, size_t len)
{
	size_t n = s->left < len ? (size_t)s->left : len;

	s->left -= n;
	if (s->left == 0)
		body_end(s);
	return n;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http_stream_state chunk_size(struct http_stream *s, uint8_t c)
{
	int value = hex_value(c);

	if (value >= 0 && s->digits < SIZE_DIGITS) {
		s->digits++;
		s->left = s->left << 4 | (uint64_t)value;
		return HTTP_STREAM_CHUNK_SIZE;
	}
	if (value >= 0 || s->digits == 0)
		return HTTP_STREAM_BROKEN;
	if (c == ';')
		return HTTP_STREAM_CHUNK_EXTENSION;
	return c == '\r' ? HTTP_STREAM_CHUNK_SIZE_LF : HTTP_STREAM_BROKEN;
}

/* In a line of text: what comes behind one of its bytes. */
static enum http_stream_state text_byte(uint8_t c, enum http_stream_state stay,
					enum http_stream_state end)
{
	if (c == '\r')
		return end;
	return (c < ' ' && c != '\t') || c == 0x7f ? HTTP_STREAM_BROKEN : stay;
}

/* A line that begins with a blank would belong to the one before it (RFC 9112 section 5.2). */
static enum http_stream_state trailer_begin(uint8_t c)
{
	if (c == ' ' || c == '\t' || c == ':')
		return HTTP_STREAM_BROKEN;
	return text_byte(c, HTTP_STREAM_TRAILER_LINE, HTTP_STREAM_LAST_LF);
}

/* Of the ends of lines CR LF alone: readers differ in what else ends one (RFC 9112 section 7.1). */
static void chunk_byte(struct http_stream *s, uint8_t c)
{
	bool lf = c == '\n';

	switch (s->state) {
	case HTTP_STREAM_CHUNK_SIZE:
		s->state = chunk_size(s, c);
		break;
	case HTTP_STREAM_CHUNK_EXTENSION:
		s->state = ++s->line > HTTP_CHUNK_LINE_MAX
				   ? HTTP_STREAM_BROKEN
				   : text_byte(c, s->state, HTTP_STREAM_CHUNK_SIZE_LF);
		break;
	case HTTP_STREAM_CHUNK_SIZE_LF:
		s->line = 0;
		s->state = !lf		  ? HTTP_STREAM_BROKEN
			   : s->left == 0 ? HTTP_STREAM_TRAILER
					  : HTTP_STREAM_BODY;
		break;
	case HTTP_STREAM_CHUNK_CR:
		s->state = c == '\r' ? HTTP_STREAM_CHUNK_LF : HTTP_STREAM_BROKEN;
		break;
	case HTTP_STREAM_CHUNK_LF:
		chunk_begin(s);
		s->state = lf ? HTTP_STREAM_CHUNK_SIZE : HTTP_STREAM_BROKEN;
		break;
	case HTTP_STREAM_TRAILER:
		s->state = trailer_begin(c);
		break;
	case HTTP_STREAM_TRAILER_LINE:
		s->state = ++s->line > HTTP_TRAILERS_MAX
				   ? HTTP_STREAM_BROKEN
				   : text_byte(c, s->state, HTTP_STREAM_TRAILER_LF);
		break;
	case HTTP_STREAM_TRAILER_LF:
		s->state = lf ? HTTP_STREAM_TRAILER : HTTP_STREAM_BROKEN;
		break;
	default: /* HTTP_STREAM_LAST_LF */
		if (lf)
			message_end(s);
		else
			s->state = HTTP_STREAM_BROKEN;
		break;
	}
}

static size_t step(struct http_stream *s, const uint8_t *data, size_t len,
		   const struct http_stream_ear *ear)
{
	switch (s->state) {
	case HTTP_STREAM_HEAD:
		return http_stream_in_head(s) ? head_more(s, data, len, ear)
					      : head_begin(s, data, len, ear);
	case HTTP_STREAM_BODY:
		return body_pass(s, len);
	case HTTP_STREAM_TUNNEL:
	case HTTP_STREAM_UPGRADE:
		s->opaque = true;
		return len;
	case HTTP_STREAM_BROKEN:
		return len;
	default:
		chunk_byte(s, data[0]);
		return 1;
	}
}

/* `n` bytes that are not here. */
static void pass_over(struct http_stream *s, uint64_t n)
{
	uint64_t some;

	s->next += n;
	if (s->state == HTTP_STREAM_BODY && n > 0) {
		some = n < s->left ? n : s->left;
		s->left -= some;
		n -= some;
		if (s->left == 0)
			body_end(s);
	}
	if (n == 0)
		return;
	if (s->state == HTTP_STREAM_TUNNEL || s->state == HTTP_STREAM_UPGRADE)
		s->opaque = true;
	else
		become_broken(s);
}

void http_stream_feed(struct http_stream *s, uint64_t offset, const uint8_t *data, size_t len,
		      size_t whole, const struct http_stream_ear *ear)
{
	uint64_t end = offset + whole;
	size_t n;

	if (end < offset || end <= s->next)
		return;
	if (offset < s->next) {
		n = s->next - offset < len ? (size_t)(s->next - offset) : len;
		data += n;
		len -= n;
	} else {
		pass_over(s, offset - s->next);
	}
	while (len > 0) {
		n = step(s, data, len, ear);
		data += n;
		len -= n;
		s->next += n;
	}
	if (end > s->next)
		pass_over(s, end - s->next);
}
