/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/tls.h"

#include <errno.h>
#include <string.h>

#include "base/poison.h"

enum {
	RECORD_CCS = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_HEADER = 5,
	RECORD_MAX = 1 << 14,
	CLIENT_HELLO = 1,
	HS_HEADER = 4,
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32
};

enum {
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_EARLY_DATA = 42,
	EXT_SUPPORTED_VERSIONS = 43,
	EXT_ECH = 0xfe0d
};

enum { NAME_HOST = 0 };
enum { ECH_OUTER = 0, ECH_INNER = 1 };

struct span {
	const uint8_t *p;
	size_t n;
};

static bool take(struct span *s, size_t n, struct span *ret)
{
	if (s->n < n)
		return false;
	*ret = (struct span){ s->p, n };
	s->p += n;
	s->n -= n;
	return true;
}

/* A big-endian number of `octets`. */
static bool take_num(struct span *s, size_t octets, size_t *ret)
{
	struct span num;
	size_t i;

	if (!take(s, octets, &num))
		return false;
	*ret = 0;
	for (i = 0; i < octets; i++)
		*ret = *ret << 8 | num.p[i];
	return true;
}

/* A vector with a length of `octets` before it (RFC 8446 section 3.4) and at least `min` bytes. */
static bool take_vector(struct span *s, size_t octets, size_t min, struct span *ret)
{
	size_t n;

	return take_num(s, octets, &n) && n >= min && take(s, n, ret);
}

/* Types of names other than host_name begin with a length of 16 bits as well (RFC 6066 section 3).
 */
static bool server_name(struct span ext, struct tls_hello *h)
{
	struct span list, name;
	bool seen = false;
	size_t type;

	if (!take_vector(&ext, 2, 1, &list) || ext.n != 0)
		return false;
	h->sni = TLS_SNI_OTHER;
	while (list.n > 0) {
		if (!take_num(&list, 1, &type) || !take_vector(&list, 2, 1, &name))
			return false;
		if (type != NAME_HOST)
			continue;
		if (seen)
			return false;
		seen = true;
		if (host_parse((const char *)name.p, name.n, &h->host) == 0 && !h->host.is_address)
			h->sni = TLS_SNI_HOST;
	}
	if (h->sni != TLS_SNI_HOST)
		memset(&h->host, 0, sizeof(h->host));
	return true;
}

static bool alpn(struct span ext, struct tls_hello *h)
{
	struct span list, name;

	if (!take_vector(&ext, 2, 2, &list) || ext.n != 0)
		return false;
	while (list.n > 0) {
		if (!take_vector(&list, 1, 1, &name))
			return false;
		if (h->n_alpn == TLS_ALPN_MAX || name.n > TLS_ALPN_LEN_MAX) {
			h->alpn_more = true;
			continue;
		}
		h->alpn[h->n_alpn].len = (uint8_t)name.n;
		memcpy(h->alpn[h->n_alpn].name, name.p, name.n);
		h->n_alpn++;
	}
	return true;
}

/* Values that mean nothing (RFC 8701) and those of drafts are higher than real ones: passed over.
 */
static bool supported_versions(struct span ext, struct tls_hello *h)
{
	struct span list;
	size_t version;

	if (!take_vector(&ext, 1, 2, &list) || ext.n != 0)
		return false;
	h->version = 0;
	while (list.n > 0) {
		if (!take_num(&list, 2, &version))
			return false;
		if (version >> 8 == 3 && version > h->version)
			h->version = (uint16_t)version;
	}
	return true;
}

/* The inner form in the clear is what a client-facing server hands on (RFC 9849 section 3.1). */
static bool ech(struct span ext, struct tls_hello *h)
{
	struct span skip;
	size_t type;

	if (!take_num(&ext, 1, &type))
		return false;
	if (type == ECH_INNER)
		return ext.n == 0;
	if (type != ECH_OUTER || !take(&ext, 5, &skip) || !take_vector(&ext, 2, 0, &skip) ||
	    !take_vector(&ext, 2, 1, &skip) || ext.n != 0)
		return false;
	h->ech = true;
	return true;
}

static bool early_data(struct span ext, struct tls_hello *h)
{
	h->early_data = true;
	return ext.n == 0;
}

static const struct {
	uint16_t type;
	bool (*read)(struct span ext, struct tls_hello *h);
} extensions_read[] = {
	{ EXT_SERVER_NAME, server_name },
	{ EXT_ALPN, alpn },
	{ EXT_SUPPORTED_VERSIONS, supported_versions },
	{ EXT_EARLY_DATA, early_data },
	{ EXT_ECH, ech },
};

static bool extensions(struct span list, struct tls_hello *h)
{
	unsigned int seen = 0;
	struct span ext;
	size_t type, i;

	while (list.n > 0) {
		if (!take_num(&list, 2, &type) || !take_vector(&list, 2, 0, &ext))
			return false;
		for (i = 0; i < sizeof(extensions_read) / sizeof(extensions_read[0]); i++) {
			if (extensions_read[i].type != type)
				continue;
			if (seen & 1U << i || !extensions_read[i].read(ext, h))
				return false;
			seen |= 1U << i;
		}
	}
	return true;
}

static bool hello(struct span body, struct tls_hello *h)
{
	struct span skip, list;
	size_t version;

	if (!take_num(&body, 2, &version) || version >> 8 != 3 || !take(&body, RANDOM_LEN, &skip) ||
	    !take_vector(&body, 1, 0, &skip) || skip.n > SESSION_ID_MAX ||
	    !take_vector(&body, 2, 2, &skip) || skip.n % 2 != 0 || !take_vector(&body, 1, 1, &skip))
		return false;
	h->version = (uint16_t)version;
	if (body.n == 0)
		return true; /* no extensions, as before TLS 1.2 */
	return take_vector(&body, 2, 0, &list) && body.n == 0 && extensions(list, h);
}

/* Of the message that begins so, with its header. */
static int message_len(const uint8_t *hs, size_t len, size_t *ret)
{
	struct span s = { hs, len };
	size_t type, n;

	if (!take_num(&s, 1, &type))
		return -EAGAIN;
	if (type != CLIENT_HELLO)
		return -EINVAL;
	if (!take_num(&s, 3, &n))
		return -EAGAIN;
	if (n > TLS_HELLO_MAX - HS_HEADER)
		return -E2BIG;
	*ret = HS_HEADER + n;
	return 0;
}

int tls_handshake_parse(const uint8_t *hs, size_t len, struct tls_hello *ret)
{
	struct tls_hello h = { .sni = TLS_SNI_NONE };
	size_t n;
	int err = message_len(hs, len, &n);

	if (err < 0)
		return err;
	if (len < n)
		return -EAGAIN;
	if (!hello((struct span){ hs + HS_HEADER, n - HS_HEADER }, &h))
		return -EINVAL;
	*ret = h;
	return 0;
}

/* What is there of a record's header says that this is one of the handshake (RFC 8446 section 5.1:
 * other types may not stand between, nor may an empty one). */
static int record_len(const uint8_t *data, size_t len, size_t *ret)
{
	if (len == 0)
		return -EAGAIN;
	if (data[0] != RECORD_HANDSHAKE || (len > 1 && data[1] != 3))
		return -EINVAL;
	if (len < RECORD_HEADER)
		return -EAGAIN;
	*ret = (size_t)(data[3] << 8 | data[4]);
	return *ret > 0 && *ret <= RECORD_MAX ? 0 : -EINVAL;
}

bool tls_may_be_hello(const uint8_t *data, size_t len)
{
	const uint8_t *end = data + len;
	size_t record;

	while (end - data >= RECORD_HEADER && data[1] == 3 &&
	       (data[0] == RECORD_CCS || data[0] == RECORD_ALERT)) {
		record = RECORD_HEADER + (size_t)(data[3] << 8 | data[4]);
		data = record < (size_t)(end - data) ? data + record : end;
	}
	if (data == end || data[0] != RECORD_HANDSHAKE || (end - data > 1 && data[1] != 3))
		return false;
	/* Type, the first octet of a length below 192 KiB, which is more than OpenSSL takes, and
	 * of legacy_version. */
	return end - data < RECORD_HEADER + 5 || (data[5] == 1 && data[6] <= 2 && data[9] == 3);
}

/* A message of so many bytes, from records that were found to hold it. */
static int assemble(const uint8_t *data, size_t len, size_t need, struct tls_hello *ret)
{
	uint8_t hs[TLS_HELLO_MAX];
	size_t n = 0, record, take;

	while (n < need && record_len(data, len, &record) == 0) {
		data += RECORD_HEADER;
		len -= RECORD_HEADER;
		take = record < len ? record : len;
		take = take < need - n ? take : need - n;
		memcpy(hs + n, data, take);
		n += take;
		data += take;
		len -= take;
	}
	return tls_handshake_parse(hs, n, ret);
}

/* The header of a record, unless its content has begun, and what there is of that. */
static int read_record(struct tls_reader *r, const uint8_t *data, size_t len)
{
	size_t take, i;
	int err;

	if (r->left == 0) {
		err = record_len(data + r->at, len - r->at, &r->left);
		if (err < 0)
			return err;
		r->at += RECORD_HEADER;
	}
	take = r->left < len - r->at ? r->left : len - r->at;
	if (take == 0)
		return -EAGAIN;
	for (i = 0; i < take && r->n + i < sizeof(r->head); i++)
		r->head[r->n + i] = data[r->at + i];
	r->at += take;
	r->left -= take;
	r->n += take;
	return 0;
}

int tls_records_read(struct tls_reader *r, const uint8_t *data, size_t len, struct tls_hello *ret)
{
	int err = r->err;

	while (err == 0 && (r->need == 0 || r->n < r->need)) {
		err = read_record(r, data, len);
		if (err == 0 && r->need == 0) {
			err = message_len(r->head, r->n < HS_HEADER ? r->n : HS_HEADER, &r->need);
			if (err == -EAGAIN)
				err = 0;
		}
	}
	if (err == 0)
		return assemble(data, len, r->need, ret);
	if (err != -EAGAIN)
		r->err = err;
	return err;
}

int tls_records_parse(const uint8_t *data, size_t len, struct tls_hello *ret)
{
	struct tls_reader r = { .at = 0 };

	return tls_records_read(&r, data, len, ret);
}
