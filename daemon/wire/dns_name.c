/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/dns_name.h"

#include <errno.h>
#include <string.h>

#include "wire/host.h"

#include "base/poison.h"

#define HEADER_LEN 12
#define JUMPS_MAX  127 /* a pointer for each label is the most that a name needs */

static uint8_t lower(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Where the pointer at pos leads; `start` is where the labels before it begin. */
static int pointer_read(const uint8_t *msg, size_t len, size_t pos, size_t start, size_t *ret)
{
	size_t to;

	if (len - pos < 2)
		return -EAGAIN;
	to = (size_t)(msg[pos] & 0x3f) << 8 | msg[pos + 1];
	if (to < HEADER_LEN || to >= start)
		return -EINVAL;
	*ret = to;
	return 0;
}

/* The label at *pos and its length octet, not the root. */
static int label_read(const uint8_t *msg, size_t len, size_t *pos, struct dns_octets *o)
{
	size_t i, n = msg[*pos];

	if (n > LABEL_MAX)
		return -EINVAL; /* 01 and 10 are no labels (RFC 6891 section 5) */
	if (o->len + 1 + n + 1 > DNS_NAME_WIRE_MAX)
		return -EINVAL;
	if (n > len - *pos - 1)
		return -EAGAIN;
	o->at[o->len++] = (uint8_t)n;
	for (i = 0; i < n; i++)
		o->at[o->len++] = lower(msg[*pos + 1 + i]);
	o->labels++;
	*pos += 1 + n;
	return 0;
}

int dns_octets_read(const uint8_t *msg, size_t len, size_t *pos, struct dns_octets *ret)
{
	size_t at = *pos, start = at, end = 0;
	struct dns_octets o = { .len = 0 };
	unsigned int jumps = 0;
	int err;

	for (;;) {
		if (at >= len)
			return -EAGAIN;
		if (msg[at] == 0)
			break;
		if ((msg[at] & 0xc0) != 0xc0) {
			err = label_read(msg, len, &at, &o);
			if (err < 0)
				return err;
			continue;
		}
		if (jumps++ == 0)
			end = at + 2;
		err = jumps > JUMPS_MAX ? -EINVAL : pointer_read(msg, len, at, start, &start);
		if (err < 0)
			return err;
		at = start;
	}
	o.at[o.len++] = 0;
	*ret = o;
	*pos = jumps > 0 ? end : at + 1;
	return 0;
}

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static char *octet_put(char *to, uint8_t c)
{
	if (is_plain(c)) {
		*to++ = (char)c;
		return to;
	}
	*to++ = '\\';
	*to++ = (char)('0' + c / 100);
	*to++ = (char)('0' + c / 10 % 10);
	*to++ = (char)('0' + c % 10);
	return to;
}

static size_t text_put(char *to, const struct dns_octets *o)
{
	char *start = to;
	size_t i = 0, n;

	while ((n = o->at[i++]) > 0) {
		if (to > start)
			*to++ = '.';
		for (; n > 0; n--)
			to = octet_put(to, o->at[i++]);
	}
	if (to == start)
		*to++ = '.';
	*to = '\0';
	return (size_t)(to - start);
}

int dns_name_read(const uint8_t *msg, size_t len, size_t *pos, struct dns_name *ret)
{
	struct dns_octets o;
	struct host host;
	int err;

	err = dns_octets_read(msg, len, pos, &o);
	if (err < 0)
		return err;
	ret->len = (uint16_t)text_put(ret->text, &o);
	ret->wire_len = o.len;
	ret->labels = o.labels;
	/* "192.0.2.1" in four labels is a name that nobody has, not that address. */
	ret->is_host = host_parse(ret->text, ret->len, &host) == 0 && !host.is_address;
	return 0;
}

bool dns_names_equal(const uint8_t *msg, size_t len, size_t a, size_t b)
{
	struct dns_octets x, y;

	if (a == b)
		return dns_octets_read(msg, len, &a, &x) == 0;
	return dns_octets_read(msg, len, &a, &x) == 0 && dns_octets_read(msg, len, &b, &y) == 0 &&
	       x.len == y.len && memcmp(x.at, y.at, x.len) == 0;
}
