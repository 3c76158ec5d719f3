/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/host.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/poison.h"

static bool address_parse(const char *text, size_t len, struct host *ret)
{
	struct in6_addr addr;
	struct host h = { .is_address = true };

	if (len == 0 || len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(h.text, text, len);
	if (strlen(h.text) != len)
		return false;
	if (inet_pton(AF_INET, h.text, &addr) != 1 &&
	    (inet_pton(AF_INET6, h.text, &addr) != 1 ||
	     inet_ntop(AF_INET6, &addr, h.text, sizeof(h.text)) == NULL))
		return false;
	*ret = h;
	return true;
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_of_label(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

int host_parse(const char *text, size_t len, struct host *ret)
{
	struct host h = { .is_address = false };
	size_t i, label = 0;

	if (address_parse(text, len, ret))
		return 0;
	if (len > 1 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > HOST_MAX)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		h.text[i] = lower(text[i]);
		if (h.text[i] == '.') {
			if (label == 0)
				return -EINVAL;
			label = 0;
		} else if (!is_of_label(h.text[i]) || ++label > LABEL_MAX) {
			return -EINVAL;
		}
	}
	if (label == 0)
		return -EINVAL;
	*ret = h;
	return 0;
}

/* Digits alone, 1 to 65535. */
static int port_parse(const char *text, size_t len, uint16_t *ret)
{
	unsigned int port = 0;
	size_t i;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

int host_port_parse(const char *text, size_t len, struct host *ret, uint16_t *ret_port)
{
	const char *close, *colon;
	uint16_t port = 0;
	struct host h;
	int err;

	if (len == 0)
		return -EINVAL;
	if (text[0] == '[') {
		close = memchr(text, ']', len);
		if (close == NULL || !address_parse(text + 1, (size_t)(close - text - 1), &h) ||
		    strchr(h.text, ':') == NULL)
			return -EINVAL;
		colon = close + 1 < text + len ? close + 1 : NULL;
		if (colon != NULL && *colon != ':')
			return -EINVAL;
	} else {
		colon = memchr(text, ':', len);
		err = host_parse(text, colon == NULL ? len : (size_t)(colon - text), &h);
		if (err < 0)
			return err;
	}
	if (colon != NULL && port_parse(colon + 1, (size_t)(text + len - colon - 1), &port) < 0)
		return -EINVAL;
	*ret = h;
	*ret_port = port;
	return 0;
}
