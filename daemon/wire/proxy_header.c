/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/proxy_header.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/poison.h"

enum {
	V1_MAX = 107, /* section 2.1, with CR and LF */
	V2_HEADER = 16
};

static bool begins(const uint8_t *data, size_t len, const char *text)
{
	size_t n = strlen(text);

	return memcmp(data, text, len < n ? len : n) == 0;
}

/* Section 2.1: a line of ASCII. What follows UNKNOWN means nothing. */
static int v1_parse(const uint8_t *data, size_t len, size_t *ret)
{
	size_t i;

	if (!begins(data, len, "PROXY TCP4 ") && !begins(data, len, "PROXY TCP6 ") &&
	    !begins(data, len, "PROXY UNKNOWN"))
		return -EINVAL;
	for (i = 0; i < len && i < V1_MAX; i++) {
		if (data[i] == '\r') {
			if (i + 1 == len)
				return -EAGAIN;
			if (data[i + 1] != '\n' || i + 2 > V1_MAX)
				return -EINVAL;
			*ret = i + 2;
			return 0;
		}
		if (data[i] < ' ' || data[i] >= 0x7f)
			return -EINVAL;
	}
	return i == V1_MAX ? -EINVAL : -EAGAIN;
}

/* Section 2.2: signature, version and command, family and protocol, length. */
static int v2_parse(const uint8_t *data, size_t len, size_t *ret)
{
	static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
	size_t n = sizeof(signature) - 1;

	if (memcmp(data, signature, len < n ? len : n) != 0 ||
	    (len > 12 && data[12] != 0x20 && data[12] != 0x21) ||
	    (len > 13 && (data[13] >> 4 > 3 || (data[13] & 15) > 2)))
		return -EINVAL;
	if (len < V2_HEADER)
		return -EAGAIN;
	n = V2_HEADER + (size_t)(data[14] << 8 | data[15]);
	if (len < n)
		return -EAGAIN;
	*ret = n;
	return 0;
}

int proxy_header_parse(const uint8_t *data, size_t len, size_t *ret)
{
	if (len == 0)
		return -EAGAIN;
	return data[0] == 'P' ? v1_parse(data, len, ret) : v2_parse(data, len, ret);
}
