/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/poison.h"

enum { METHOD_GSSAPI = 1, METHOD_USER = 2, LOGIN_VERSION = 1 };

enum { ADDR_V4 = 1, ADDR_NAME = 3, ADDR_V6 = 4 };

struct in {
	const uint8_t *p;
	size_t n, at;
};

static int take(struct in *in, size_t n, const uint8_t **ret)
{
	if (in->n - in->at < n)
		return -EAGAIN;
	*ret = in->p + in->at;
	in->at += n;
	return 0;
}

static int take_byte(struct in *in, uint8_t *ret)
{
	const uint8_t *p;
	int err = take(in, 1, &p);

	if (err == 0)
		*ret = *p;
	return err;
}

/* A byte with the length, then as much. */
static int take_counted(struct in *in, const uint8_t **ret, uint8_t *ret_len)
{
	int err = take_byte(in, ret_len);

	return err == 0 ? take(in, *ret_len, ret) : err;
}

static int take_port(struct in *in, struct socks_request *r)
{
	const uint8_t *p;
	int err = take(in, 2, &p);

	if (err == 0)
		r->port = (uint16_t)(p[0] << 8 | p[1]);
	return err;
}

static void set_name(struct socks_request *r, const uint8_t *text, size_t len)
{
	r->named = host_parse((const char *)text, len, &r->host) == 0;
}

static void set_address(struct socks_request *r, int family, const uint8_t *addr)
{
	(void)inet_ntop(family, addr, r->host.text, sizeof(r->host.text));
	r->host.is_address = true;
	r->named = true;
}

/* Up to a NUL. A user or a host has no control characters: what has is another protocol. */
static int take_text(struct in *in, const uint8_t **ret, size_t *ret_len)
{
	size_t i, start = in->at;

	for (i = 0; start + i < in->n; i++) {
		if (in->p[start + i] == '\0') {
			*ret = in->p + start;
			*ret_len = i;
			in->at = start + i + 1;
			return 0;
		}
		if (in->p[start + i] < ' ' || in->p[start + i] == 0x7f)
			return -EINVAL;
		if (i == SOCKS_TEXT_MAX)
			return -E2BIG;
	}
	return -EAGAIN;
}

/* VN, CD, DSTPORT, DSTIP, USERID, NUL; 4a: with 0.0.0.x a name and a NUL. */
static int socks4(struct in *in, struct socks_request *r)
{
	const uint8_t *addr, *text;
	uint8_t command;
	size_t len;
	int err;

	if (take_byte(in, &command) < 0)
		return -EAGAIN;
	if (command != SOCKS_CONNECT && command != SOCKS_BIND)
		return -EINVAL;
	r->command = (enum socks_command)command;
	if (take_port(in, r) < 0)
		return -EAGAIN;
	if (command == SOCKS_CONNECT && r->port == 0)
		return -EINVAL;
	if (take(in, 4, &addr) < 0)
		return -EAGAIN;
	if (memcmp(addr, "\0\0\0\0", 4) == 0)
		return -EINVAL;
	err = take_text(in, &text, &len);
	if (err < 0)
		return err;
	if (memcmp(addr, "\0\0\0", 3) != 0) {
		set_address(r, AF_INET, addr);
		return 0;
	}
	err = take_text(in, &text, &len);
	if (err == 0 && len == 0)
		err = -EINVAL;
	if (err == 0)
		set_name(r, text, len);
	return err;
}

/* What stands between the offer and the request. */
static int login(struct in *in, const uint8_t *methods, uint8_t n)
{
	bool user = memchr(methods, METHOD_USER, n) != NULL;
	bool gssapi = memchr(methods, METHOD_GSSAPI, n) != NULL;
	const uint8_t *skip;
	uint8_t len;
	int err;

	if (in->at == in->n)
		return -EAGAIN;
	if (in->p[in->at] != LOGIN_VERSION)
		return 0;
	if (!user)
		return -EINVAL;
	in->at++;
	if (in->at == in->n)
		return -EAGAIN;
	if (gssapi && in->p[in->at] == 1)
		return -EINVAL; /* a message of GSSAPI, or a user of one byte */
	err = take_counted(in, &skip, &len);
	return err == 0 ? take_counted(in, &skip, &len) : err;
}

/* ATYP, DST.ADDR, DST.PORT */
static int destination(struct in *in, struct socks_request *r)
{
	const uint8_t *p;
	uint8_t type, len;
	int err;

	if (take_byte(in, &type) < 0)
		return -EAGAIN;
	switch (type) {
	case ADDR_V4:
		err = take(in, 4, &p);
		if (err == 0)
			set_address(r, AF_INET, p);
		break;
	case ADDR_V6:
		err = take(in, 16, &p);
		if (err == 0)
			set_address(r, AF_INET6, p);
		break;
	case ADDR_NAME:
		err = take_byte(in, &len);
		if (err == 0 && len == 0)
			err = -EINVAL;
		if (err == 0)
			err = take(in, len, &p);
		if (err == 0)
			set_name(r, p, len);
		break;
	default:
		err = -EINVAL;
		break;
	}
	return err == 0 ? take_port(in, r) : err;
}

static int socks5(struct in *in, struct socks_request *r)
{
	const uint8_t *methods;
	uint8_t n, version, command, reserved;
	int err;

	if (take_byte(in, &n) < 0)
		return -EAGAIN;
	if (n == 0)
		return -EINVAL;
	if (take(in, n, &methods) < 0)
		return -EAGAIN;
	err = login(in, methods, n);
	if (err < 0)
		return err;
	if (take_byte(in, &version) < 0)
		return -EAGAIN;
	if (version != 5)
		return -EINVAL;
	if (take_byte(in, &command) < 0)
		return -EAGAIN;
	if (command < SOCKS_CONNECT || command > SOCKS_UDP)
		return -EINVAL;
	r->command = (enum socks_command)command;
	if (take_byte(in, &reserved) < 0)
		return -EAGAIN;
	if (reserved != 0)
		return -EINVAL;
	err = destination(in, r);
	if (err == 0 && command == SOCKS_CONNECT && r->port == 0)
		err = -EINVAL;
	return err;
}

int socks_parse(const uint8_t *data, size_t len, struct socks_request *ret)
{
	struct socks_request r = { .version = 0 };
	struct in in = { data, len, 0 };
	int err;

	if (take_byte(&in, &r.version) < 0)
		return -EAGAIN;
	if (r.version == 4)
		err = socks4(&in, &r);
	else
		err = r.version == 5 ? socks5(&in, &r) : -EINVAL;
	if (err == 0) {
		r.len = in.at;
		*ret = r;
	}
	return err;
}
