/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/dns_svcb.h"

#include <errno.h>

#include "wire/dns_name.h"
#include "wire/octets.h"

#include "base/poison.h"

enum { KEY_IPV4HINT = 4, KEY_ECH = 5, KEY_IPV6HINT = 6 }; /* RFC 9460 section 14.3.2 */

static int hint_read(const uint8_t *at, size_t len, size_t size, const uint8_t **ret,
		     uint16_t *ret_count)
{
	if (len == 0 || len % size != 0)
		return -EINVAL;
	*ret = at;
	*ret_count = (uint16_t)(len / size);
	return 0;
}

static int param_read(unsigned int key, const uint8_t *at, size_t len, struct dns_svcb *s)
{
	switch (key) {
	case KEY_IPV4HINT:
		return hint_read(at, len, 4, &s->v4, &s->v4_count);
	case KEY_IPV6HINT:
		return hint_read(at, len, 16, &s->v6, &s->v6_count);
	case KEY_ECH:
		s->ech = true;
		return 0;
	default:
		return 0;
	}
}

static int params_read(const uint8_t *msg, size_t pos, size_t end, struct dns_svcb *s)
{
	unsigned int key, least = 0;
	size_t len;
	int err;

	while (pos < end) {
		if (end - pos < 4)
			return -EINVAL;
		key = be16(msg + pos);
		len = be16(msg + pos + 2);
		pos += 4;
		if (key < least || len > end - pos)
			return -EINVAL;
		err = param_read(key, msg + pos, len, s);
		if (err < 0)
			return err;
		least = key + 1;
		pos += len;
	}
	return 0;
}

int dns_svcb_read(const uint8_t *msg, size_t pos, size_t end, struct dns_svcb *ret)
{
	struct dns_svcb s = { .ech = false };
	struct dns_octets target;
	size_t at = pos + 2;

	if (end < at || dns_octets_read(msg, end, &at, &target) < 0)
		return -EINVAL;
	/* Never compressed; a name with a pointer in it is longer or shorter than where it stands.
	 */
	if (at - pos - 2 != target.len)
		return -EINVAL;
	s.target = target.labels == 0 ? 0 : (uint16_t)(pos + 2);
	s.is_alias = be16(msg + pos) == 0;
	if (!s.is_alias && params_read(msg, at, end, &s) < 0)
		return -EINVAL;
	*ret = s;
	return 0;
}
