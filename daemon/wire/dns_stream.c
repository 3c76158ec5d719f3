/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/dns_stream.h"

#include <errno.h>
#include <string.h>

#include "wire/octets.h"

#include "base/poison.h"

#define PIECE_MAX (1U << 30)

/* What is there of a piece must be the same; the rest is copied. */
static int octets_put(struct dns_stream *s, size_t from, const uint8_t *data, size_t len)
{
	size_t at = from, to = from + len, a, b;
	uint16_t i;

	for (i = 0; i < s->run_count && s->runs[i].from < to; i++) {
		if (s->runs[i].to <= at)
			continue;
		a = s->runs[i].from > at ? s->runs[i].from : at;
		b = s->runs[i].to < to ? s->runs[i].to : to;
		if (memcmp(s->buf + a, data + (a - from), b - a) != 0)
			return -EINVAL;
		memcpy(s->buf + at, data + (at - from), a - at);
		at = b;
	}
	memcpy(s->buf + at, data + (at - from), to - at);
	return 0;
}

/* One run in place of those that it touches. */
static int run_put(struct dns_stream *s, size_t from, size_t to)
{
	uint16_t first = 0, behind;

	while (first < s->run_count && s->runs[first].to < from)
		first++;
	for (behind = first; behind < s->run_count && s->runs[behind].from <= to; behind++) {
		if (s->runs[behind].from < from)
			from = s->runs[behind].from;
		if (s->runs[behind].to > to)
			to = s->runs[behind].to;
	}
	if (behind == first && s->run_count == DNS_STREAM_RUNS)
		return -E2BIG;
	memmove(s->runs + first + 1, s->runs + behind,
		(size_t)(s->run_count - behind) * sizeof(s->runs[0]));
	s->run_count = (uint16_t)(s->run_count - behind + first + 1);
	s->runs[first] = (struct dns_run){ .from = (uint16_t)from, .to = (uint16_t)to };
	return 0;
}

/* Octets up to `by` are done with, which may be more than are there. */
static void forward(struct dns_stream *s, size_t by)
{
	uint16_t i, n = 0;
	size_t from;

	s->base += (uint32_t)by;
	for (i = 0; i < s->run_count; i++) {
		if (s->runs[i].to <= by)
			continue;
		from = s->runs[i].from > by ? s->runs[i].from : by;
		memmove(s->buf + (from - by), s->buf + from, s->runs[i].to - from);
		s->runs[n++] = (struct dns_run){ .from = (uint16_t)(from - by),
						 .to = (uint16_t)(s->runs[i].to - by) };
	}
	s->run_count = n;
}

/* Of a message that is too long, what follows need not be there: where the next one begins is
 * known. */
static void messages_tell(struct dns_stream *s, const struct dns_stream_ear *ear)
{
	size_t at = 0, end, len, whole;

	if (s->run_count == 0 || s->runs[0].from > 0)
		return;
	end = s->runs[0].to;
	while (at < end && end - at >= 2) {
		whole = be16(s->buf + at);
		len = whole > DNS_STREAM_MESSAGE ? DNS_STREAM_MESSAGE : whole;
		if (end - at - 2 < len)
			break;
		s->messages++;
		s->too_long += whole > len;
		ear->message(ear->arg, s->buf + at + 2, len, whole);
		at += 2 + whole;
	}
	if (at > 0)
		forward(s, at);
}

/* From base + at on. As much as there is room for at a time; each time base moves, or it is a gap
 * that is too large. */
static int piece_put(struct dns_stream *s, size_t at, const uint8_t *data, size_t len,
		     const struct dns_stream_ear *ear)
{
	uint32_t base;
	size_t n, moved;
	int err;

	while (len > 0) {
		if (at >= DNS_STREAM_ROOM)
			return -E2BIG;
		n = len < DNS_STREAM_ROOM - at ? len : DNS_STREAM_ROOM - at;
		err = octets_put(s, at, data, n);
		if (err == 0)
			err = run_put(s, at, at + n);
		if (err < 0)
			return err;
		data += n;
		len -= n;
		at += n;
		base = s->base;
		messages_tell(s, ear);
		moved = s->base - base;
		n = moved > at ? moved - at : 0; /* of a message that is told already */
		n = n < len ? n : len;
		data += n;
		len -= n;
		at = at > moved ? at - moved : 0;
	}
	return 0;
}

int dns_stream_feed(struct dns_stream *s, uint32_t offset, const uint8_t *data, size_t len,
		    const struct dns_stream_ear *ear)
{
	int32_t at = (int32_t)(offset - s->base);
	size_t known;

	if (s->err == 0 && len > PIECE_MAX)
		s->err = -E2BIG;
	if (s->err < 0) {
		s->lost += len;
		return s->err;
	}
	known = at < 0 ? (size_t) - (int64_t)at : 0;
	if (known >= len)
		return 0;
	s->err = piece_put(s, at < 0 ? 0 : (size_t)at, data + known, len - known, ear);
	return s->err;
}

bool dns_stream_is_partial(const struct dns_stream *s)
{
	return s->run_count > 0;
}
