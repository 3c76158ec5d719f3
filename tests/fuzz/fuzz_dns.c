/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_dns.c: any bytes as a DNS message, in memory of its own length. What is told stands in the
 * message, as another and simpler reader finds it; neither octets behind the message nor the case
 * of the question's letters change it; of a message that was cut nothing is told that is not told
 * of the whole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER_LEN    12
#define PLAIN_RECORDS 48

static void check(bool holds)
{
	if (!holds)
		abort();
}

static int parse(const uint8_t *data, size_t len, size_t whole, struct dns_message *ret)
{
	uint8_t *own = malloc(len);
	int err;

	if (own == NULL && len > 0)
		exit(1);
	memcpy(own, data, len);
	memset(ret, 0x55, sizeof(*ret));
	err = dns_parse_cut(own, len, whole, ret);
	free(own);
	return err;
}

/* The octets of a text in presentation form again, in `ret` of at least DNS_NAME_WIRE_MAX. */
static size_t text_octets(const char *text, uint8_t *ret)
{
	size_t start = 0, n = 1;
	unsigned int c;

	if (strcmp(text, ".") == 0)
		text++;
	for (; *text != '\0'; text++) {
		if (*text == '.') {
			ret[start] = (uint8_t)(n - start - 1);
			start = n++;
			continue;
		}
		c = (unsigned char)*text;
		if (c == '\\') {
			check(sscanf(text + 1, "%3u", &c) == 1 && c < 256);
			text += 3;
		}
		check(n < DNS_NAME_WIRE_MAX);
		ret[n++] = (uint8_t)c;
	}
	ret[start] = (uint8_t)(n - start - 1);
	if (n > 1)
		ret[n++] = 0;
	return n;
}

static uint8_t lower(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* Nothing can stand before the question that a pointer in its name could lead to: the text is the
 * octets behind the header. */
static void question_check(const uint8_t *data, const struct dns_message *m)
{
	uint8_t octets[DNS_NAME_TEXT_MAX + 2];
	size_t i, n;

	check(strlen(m->name.text) == m->name.len && m->name.len <= DNS_NAME_TEXT_MAX);
	n = text_octets(m->name.text, octets);
	check(n == m->name.wire_len);
	for (i = 0; i < n; i++)
		check(octets[i] == lower(data[HEADER_LEN + i]));
	check(m->type == (data[HEADER_LEN + n] << 8 | data[HEADER_LEN + n + 1]));
}

static bool stands_in(const uint8_t *data, size_t size, const struct dns_address *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (memmem(data, size, a->addr, 16) != NULL)
		return true;
	return memcmp(a->addr, mapped, 12) == 0 && memmem(data, size, a->addr + 12, 4) != NULL;
}

static void addresses_check(const uint8_t *data, size_t size, const struct dns_message *m)
{
	uint32_t i;

	check(m->address_count <= DNS_ADDRESSES_MAX);
	check(m->more == 0 || m->address_count == DNS_ADDRESSES_MAX);
	for (i = 0; i < m->address_count; i++) {
		check(m->addresses[i].ttl <= INT32_MAX);
		check(stands_in(data, size, &m->addresses[i]));
	}
	check(m->opaque <= size);
	check(m->opcode == 0 && m->is_answer ? true : m->address_count == 0);
}

/* The other reader: it keeps the octets of every name, and looks at few records. */
struct plain_record {
	uint8_t owner[256], target[256]; /* as plain_name() has them; a target of zeros: none */
	size_t rdata, len;
	unsigned int type;
	bool reached;
};

/* Of a name in a message that was taken: with a 1 before it. Behind it in the message. */
static size_t plain_name(const uint8_t *data, size_t pos, uint8_t ret[256])
{
	size_t end = 0, n = 1, i;

	ret[0] = 1;
	while (data[pos] != 0) {
		if (data[pos] >= 0xc0) {
			end = end > 0 ? end : pos + 2;
			pos = (size_t)(data[pos] & 0x3f) << 8 | data[pos + 1];
			continue;
		}
		check(n + data[pos] + 1 < 256);
		for (i = 0; i <= data[pos]; i++)
			ret[n++] = lower(data[pos + i]);
		pos += i;
	}
	ret[n] = 0;
	return end > 0 ? end : pos + 1;
}

static bool leads_on(const uint8_t *data, const struct plain_record *r)
{
	if (r->type == DNS_CNAME)
		return true;
	return (r->type == DNS_HTTPS || r->type == DNS_SVCB) && data[r->rdata] == 0 &&
	       data[r->rdata + 1] == 0 && data[r->rdata + 2] != 0;
}

static size_t plain_record_read(const uint8_t *data, size_t pos, struct plain_record *r)
{
	memset(r, 0, sizeof(*r));
	pos = plain_name(data, pos, r->owner);
	r->type = (unsigned int)data[pos] << 8 | data[pos + 1];
	if (data[pos + 2] != 0 || data[pos + 3] != 1)
		r->type = 0; /* of another class */
	r->len = (size_t)data[pos + 8] << 8 | data[pos + 9];
	r->rdata = pos + 10;
	if (leads_on(data, r))
		plain_name(data, r->rdata + (r->type == DNS_CNAME ? 0 : 2), r->target);
	return r->rdata + r->len;
}

static void plain_reach(struct plain_record *r, size_t n, const uint8_t *question)
{
	bool more = true;
	size_t i, k;

	for (i = 0; i < n; i++)
		r[i].reached = memcmp(r[i].owner, question, 256) == 0;
	while (more) {
		more = false;
		for (i = 0; i < n; i++) {
			for (k = 0; r[i].reached && r[i].target[0] != 0 && k < n; k++) {
				if (r[k].reached || memcmp(r[k].owner, r[i].target, 256) != 0)
					continue;
				r[k].reached = true;
				more = true;
			}
		}
	}
}

/* The addresses of A and AAAA records are those of the names that the question leads to. */
static void chain_check(const uint8_t *data, const struct dns_message *m)
{
	static struct plain_record records[PLAIN_RECORDS];
	uint8_t question[256] = { 0 };
	size_t i, pos, n = ((size_t)data[6] << 8 | data[7]) - m->unread;
	const struct dns_address *a = m->addresses, *end = a + m->address_count;

	if (n > PLAIN_RECORDS || !m->is_answer || m->opcode != 0 || m->chain_too_long)
		return;
	if ((m->class != 1 && m->class != 255) || m->more > 0)
		return;
	pos = plain_name(data, HEADER_LEN, question) + 4;
	for (i = 0; i < n; i++)
		pos = plain_record_read(data, pos, &records[i]);
	plain_reach(records, n, question);
	for (i = 0; i < n; i++) {
		if (!records[i].reached ||
		    (records[i].type != DNS_A && records[i].type != DNS_AAAA))
			continue;
		while (a < end && a->is_hint)
			a++;
		check(a < end);
		check(memcmp(a->addr + 16 - records[i].len, data + records[i].rdata,
			     records[i].len) == 0);
		a++;
	}
	for (; a < end; a++)
		check(a->is_hint);
}

/* The letters of the question's name in the other case. */
static void other_case(const uint8_t *data, size_t size, const struct dns_message *m)
{
	struct dns_message other;
	uint8_t *own = malloc(size);
	size_t i;
	uint8_t c;

	if (own == NULL)
		exit(1);
	memcpy(own, data, size);
	/* Where one in the midst of it is read as a pointer, a letter says where that leads. */
	for (i = HEADER_LEN; i < HEADER_LEN + (size_t)m->name.wire_len; i++) {
		if (own[i] >= 0xc0) {
			free(own);
			return;
		}
	}
	for (i = HEADER_LEN; i < HEADER_LEN + (size_t)m->name.wire_len; i++) {
		c = lower(own[i]);
		/* No length octet is as large as a letter. */
		if (c >= 'a' && c <= 'z')
			own[i] ^= 0x20;
	}
	check(parse(own, size, size, &other) == 0 && memcmp(m, &other, sizeof(*m)) == 0);
	free(own);
}

static void octets_behind(const uint8_t *data, size_t size, const struct dns_message *m)
{
	static const uint8_t tail[] = "\300\014\0\1\0\1\0\0\0\0\0\4abcd";
	struct dns_message other;
	uint8_t *own;

	/* Of one that ends early they would be the rest. */
	if (size + sizeof(tail) > DNS_MESSAGE_MAX || (m->truncated && m->unread > 0))
		return;
	own = malloc(size + sizeof(tail));
	if (own == NULL)
		exit(1);
	memcpy(own, data, size);
	memcpy(own + size, tail, sizeof(tail));
	check(parse(own, size + sizeof(tail), size + sizeof(tail), &other) == 0);
	other.octets -= sizeof(tail);
	/* They may be the rest of a query's records, but nothing stands behind what is whole. */
	check(!other.exact || !m->exact);
	other.exact = m->exact;
	check(memcmp(m, &other, sizeof(*m)) == 0);
	free(own);
}

static bool is_told(const struct dns_message *m, const struct dns_address *a)
{
	uint32_t i;

	for (i = 0; i < m->address_count; i++)
		if (memcmp(m->addresses[i].addr, a->addr, 16) == 0 &&
		    m->addresses[i].is_hint == a->is_hint)
			return true;
	return false;
}

static void cut(const uint8_t *data, size_t size, const struct dns_message *m)
{
	size_t len = (data[0] << 8 | data[1]) % size;
	struct dns_message part;
	uint32_t i;
	int err;

	err = parse(data, len, size, &part);
	if (err == -EAGAIN)
		return;
	check(err == 0 && part.cut && part.octets == size);
	check(part.unread >= m->unread && part.opaque <= m->opaque);
	if (m->more > 0 || m->chain_too_long)
		return;
	for (i = 0; i < part.address_count; i++)
		check(is_told(m, &part.addresses[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_message m;
	int err;

	err = parse(data, size, size, &m);
	check(err == 0 || err == (size > DNS_MESSAGE_MAX ? -E2BIG : -EINVAL));
	if (err < 0)
		return 0;
	check(!m.cut && m.octets == size);
	question_check(data, &m);
	addresses_check(data, size, &m);
	chain_check(data, &m);
	other_case(data, size, &m);
	octets_behind(data, size, &m);
	cut(data, size, &m);
	return 0;
}
