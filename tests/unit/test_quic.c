/* SPDX-License-Identifier: BSD-2-Clause */
/* The handshake of QUIC clients: the RFCs' packets, those of Chromium, and how both are told from
 * what is not one. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "quic_client.h"
#include "quic_feed.h"
#include "quic_vectors.h"
#include "wire/quic.h"

static const uint8_t rfc_dcid[] = { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 };

static void expect_hex(const uint8_t *data, size_t len, const char *hex)
{
	struct bytes b = { .len = 0 };

	put_hex(&b, hex);
	cr_assert_eq(b.len, len);
	cr_expect_arr_eq(b.data, data, len, "%s", hex);
}

/* The only name of a server_name extension (RFC 6066 section 3) in a whole ClientHello. */
static void sni(const struct quic *q, char ret[256])
{
	size_t len, at, end, n;
	const uint8_t *d = quic_crypto_data(q, &len);

	ret[0] = '\0';
	cr_assert_geq(len, 40);
	cr_assert_eq(d[0], 1);
	cr_assert_leq(4 + ((size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3]), len);
	at = 4 + 2 + 32;
	at += 1 + d[at];
	at += 2 + ((size_t)d[at] << 8 | d[at + 1]);
	at += 1 + d[at];
	end = at + 2 + ((size_t)d[at] << 8 | d[at + 1]);
	cr_assert_leq(end, len);
	for (at += 2; at + 4 <= end; at += 4 + n) {
		n = (size_t)d[at + 2] << 8 | d[at + 3];
		if (d[at] == 0 && d[at + 1] == 0) {
			memcpy(ret, d + at + 9, n - 5);
			ret[n - 5] = '\0';
		}
	}
}

static void expect_sni(const struct quic *q, const char *name)
{
	char found[256];

	sni(q, found);
	cr_expect_str_eq(found, name, "%s", found);
}

/* Appendix A.1 of both. */
Test(quic, keys)
{
	struct quic_keys keys;

	cr_assert_eq(quic_keys_derive(QUIC_V1, rfc_dcid, 8, &keys), 0);
	expect_hex(keys.key, 16, "1f369613dd76d5467730efcbe3b1a22d");
	expect_hex(keys.iv, 12, "fa044b2f42a3fd3b46fb255c");
	expect_hex(keys.hp, 16, "9f50449e04a0e810283a1e9933adedd2");
	cr_assert_eq(quic_keys_derive(QUIC_V2, rfc_dcid, 8, &keys), 0);
	expect_hex(keys.key, 16, "8b1a0bc121284290a29e0971b5cd045d");
	expect_hex(keys.iv, 12, "91f73e2351d8fa91660e909f");
	expect_hex(keys.hp, 16, "45b95e15235d6f45a6b19cbcb0294ba9");
	cr_expect_eq(quic_keys_derive(2, rfc_dcid, 8, &keys), -EINVAL);
}

static void read_vector(const char *hex, uint32_t version, const char *mask_hex)
{
	struct initial i = { version, rfc_dcid, 8, NULL, 0, 0, 2, 4, 0 };
	struct bytes packet = { .len = 0 }, frames = { .len = 0 }, sealed = { .len = 0 };
	uint8_t buf[QUIC_PACKET_MAX], mask[5];
	struct quic_packet p;
	struct quic_plain plain;
	struct quic_keys keys;
	struct quic q;

	put_hex(&packet, hex);
	put_hex(&frames, RFC_CRYPTO);
	cr_assert_eq(packet.len, 1200);
	cr_assert_eq(quic_packet_parse(packet.data, packet.len, packet.len, &p), 0);
	cr_expect_eq(p.type, QUIC_INITIAL);
	cr_expect_eq(p.version, version);
	cr_expect_eq(p.number_offset, 18);
	cr_expect_eq(p.len, 1200);
	cr_assert_eq(quic_keys_derive(version, p.dcid, p.dcid_len, &keys), 0);
	quic_header_mask(&keys, packet.data + 22, mask);
	expect_hex(mask, 5, mask_hex);
	cr_assert_eq(quic_packet_open(&p, &keys, -1, buf, &plain), 0);
	cr_expect_eq(plain.number, 2);
	cr_expect_eq(plain.len, 1162);
	cr_expect_arr_eq(plain.payload, frames.data, frames.len);

	quic_init(&q);
	cr_expect_eq(feed(&q, &packet), 1);
	cr_expect_eq(got(&q), 241);
	expect_sni(&q, "example.com");
	cr_expect_eq(feed(&q, &packet), 0);

	/* The tests' own sealing makes the same of it. */
	put_initial(&sealed, &i, &frames, 1200);
	cr_assert_eq(sealed.len, 1200);
	cr_expect_arr_eq(sealed.data, packet.data, 1200);
}

Test(quic, vector_of_version_1)
{
	read_vector(RFC_9001_PACKET, QUIC_V1, "437b9aec36");
}

Test(quic, vector_of_version_2)
{
	read_vector(RFC_9369_PACKET, QUIC_V2, "94a0c95e80");
}

/* RFC 9000 appendix A.1. */
Test(quic, varints)
{
	static const struct {
		const char *hex;
		uint64_t value;
	} rows[] = {
		{ "c2197c5eff14e88c", 151288809941952652u },
		{ "9d7f3e7d", 494878333 },
		{ "7bbd", 15293 },
		{ "25", 37 },
		{ "4025", 37 },
	};
	struct bytes b;
	const uint8_t *pos;
	uint64_t value;
	size_t i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		b.len = 0;
		put_hex(&b, rows[i].hex);
		pos = b.data;
		cr_expect_eq(quic_varint(&pos, b.data + b.len, &value), 0);
		cr_expect_eq(value, rows[i].value, "%s", rows[i].hex);
		cr_expect_eq(pos, b.data + b.len);
		for (n = 0; n < b.len; n++) {
			pos = b.data;
			cr_expect_eq(quic_varint(&pos, b.data + n, &value), -EAGAIN);
			cr_expect_eq(pos, b.data);
		}
	}
}

/* The first is that of RFC 9000 appendix A.3. */
Test(quic, packet_numbers)
{
	cr_expect_eq(quic_packet_number(0xa82f30ea, 0x9b32, 16), 0xa82f9b32);
	cr_expect_eq(quic_packet_number(-1, 0, 8), 0);
	cr_expect_eq(quic_packet_number(-1, 0xff, 8), 0xff);
	cr_expect_eq(quic_packet_number(254, 1, 8), 257);
	cr_expect_eq(quic_packet_number(257, 254, 8), 254);
	cr_expect_eq(quic_packet_number(0xffffffff, 3, 32), 0x100000003);
}

/* Recordings: each datagram behind two bytes of its length. */
struct recording {
	struct bytes datagrams[8];
	size_t n;
};

static void load(const char *name, struct recording *ret)
{
	char path[128];
	uint8_t head[2];
	FILE *f;

	snprintf(path, sizeof(path), "tests/fuzz/corpus/quic/%s", name);
	f = fopen(path, "re");
	cr_assert_not_null(f, "%s", path);
	for (ret->n = 0; ret->n < 8 && fread(head, 1, 2, f) == 2; ret->n++) {
		struct bytes *b = &ret->datagrams[ret->n];

		b->len = (size_t)head[0] << 8 | head[1];
		cr_assert_leq(b->len, sizeof(b->data));
		cr_assert_eq(fread(b->data, 1, b->len, f), b->len);
	}
	fclose(f);
}

/* Neither datagram has the whole of it: the name is there with the second, whichever that is. */
static void read_both_ways(const char *name, size_t first, const char *host)
{
	static struct recording r;
	struct quic q, back;
	size_t n;

	load(name, &r);
	cr_assert_geq(r.n, first + 2);
	quic_init(&q);
	cr_expect_geq(feed(&q, &r.datagrams[first]), 0);
	n = got(&q);
	cr_expect_eq(feed(&q, &r.datagrams[first + 1]), 1);
	cr_expect_gt(got(&q), n);
	expect_sni(&q, host);

	quic_init(&back);
	cr_expect_geq(feed(&back, &r.datagrams[first + 1]), 0);
	cr_expect_eq(feed(&back, &r.datagrams[first]), 1);
	expect_sni(&back, host);
	cr_assert_eq(got(&back), got(&q));
	cr_expect_arr_eq(back.crypto, q.crypto, got(&q));
	cr_expect_gt(got(&q), 1216); /* X25519MLKEM768 has a share of that */
}

Test(quic, chromium)
{
	read_both_ways("chromium-156-v1", 0, "host.example");
	read_both_ways("chromium-156-v2", 0, "host.example");
	read_both_ways(
		"chromium-156-long-name", 0,
		"a-rather-long-name-for-a-host.of-a-subdomain.with-some-more-labels.example");
	read_both_ways("chromium-156-retry", 0, "host.example");
	read_both_ways("chromium-156-retry", 2, "host.example");
}

/* The server answered the first datagram with a Retry: another ID and other keys, and the same
 * handshake once more. */
Test(quic, chromium_after_retry)
{
	static struct recording r;
	struct quic q;
	size_t i, n;

	load("chromium-156-retry", &r);
	cr_assert_eq(r.n, 4);
	quic_init(&q);
	for (i = 0; i < 2; i++)
		cr_expect_geq(feed(&q, &r.datagrams[i]), 0);
	n = got(&q);
	for (; i < r.n; i++)
		cr_expect_eq(feed(&q, &r.datagrams[i]), 0, "%zu", i);
	cr_expect_eq(got(&q), n);
	cr_expect_eq(q.dcid_len, 14);
	expect_sni(&q, "host.example");

	/* One from before and one from behind are enough. */
	quic_init(&q);
	cr_expect_geq(feed(&q, &r.datagrams[0]), 0);
	for (i = 2; i < r.n; i++)
		cr_expect_geq(feed(&q, &r.datagrams[i]), 0, "%zu", i);
	expect_sni(&q, "host.example");
}
