/* SPDX-License-Identifier: BSD-2-Clause */
/* What is refused as the begin of a QUIC connection, and what must not be: packets that are made
 * here, with right tags where it is their frames that count. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "quic_client.h"
#include "quic_feed.h"
#include "quic_vectors.h"
#include "wire/quic.h"

#define TEXT "a stream of some bytes that are no ClientHello"

static const uint8_t id[QUIC_CID_MAX + 1] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };
static const uint8_t other_id[] = { 9, 9, 9, 9, 9, 9, 9, 9 };

static struct initial plain_initial(void)
{
	struct initial i = { QUIC_V1, id, 8, NULL, 0, 0, 0, 1, 0 };

	return i;
}

static int feed_initial(struct quic *q, const struct initial *i, const struct bytes *frames)
{
	struct bytes datagram = { .len = 0 };

	put_initial(&datagram, i, frames, QUIC_DATAGRAM_MIN);
	cr_assert_geq(datagram.len, QUIC_DATAGRAM_MIN);
	return feed(q, &datagram);
}

static int feed_frames(struct quic *q, const struct bytes *frames)
{
	struct initial i = plain_initial();

	return feed_initial(q, &i, frames);
}

static int feed_crypto(struct quic *q, uint64_t offset, const void *data, size_t len)
{
	struct bytes frames = { .len = 0 };

	put_crypto(&frames, offset, data, len);
	return feed_frames(q, &frames);
}

static int feed_text(struct quic *q, size_t offset, size_t len)
{
	return feed_crypto(q, offset, TEXT + offset, len);
}

static void expect_text(const struct quic *q, size_t len)
{
	cr_assert_eq(got(q), len);
	cr_expect_arr_eq(q->crypto, TEXT, len);
}

/* Every bit counts: header, packet number, payload and tag. Two of them make another type of it,
 * which is passed over. */
Test(quic_hostile, one_bit_is_another)
{
	struct bytes packet = { .len = 0 };
	struct quic q;
	size_t i;

	put_hex(&packet, RFC_9001_PACKET);
	for (i = 0; i < 8 * packet.len; i++) {
		packet.data[i / 8] ^= (uint8_t)(1u << i % 8);
		quic_init(&q);
		cr_expect_eq(feed(&q, &packet), i == 4 || i == 5 ? 0 : -EINVAL, "bit %zu", i);
		cr_expect_eq(got(&q), 0);
		packet.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	/* Those that failed before are no hindrance. */
	cr_expect_eq(feed(&q, &packet), 1);
}

Test(quic_hostile, cut_at_every_byte)
{
	struct bytes packet = { .len = 0 };
	struct quic q;
	size_t n;

	put_hex(&packet, RFC_9001_PACKET);
	for (n = 0; n < packet.len; n++) {
		quic_init(&q);
		cr_expect_eq(feed_cut(&q, packet.data, n, packet.len), -ENODATA, "%zu", n);
		cr_expect_eq(feed_cut(&q, packet.data, n, n), -EINVAL, "%zu", n);
		cr_expect_eq(got(&q), 0);
	}
	cr_expect_eq(feed_cut(&q, packet.data, packet.len, packet.len - 1), -EINVAL);
}

/* Of a datagram that was cut behind the Initial, or in what follows it. */
Test(quic_hostile, cut_behind_the_initial)
{
	struct initial i = plain_initial();
	struct bytes frames = { .len = 0 }, datagram = { .len = 0 };
	struct quic q;

	put_crypto(&frames, 0, TEXT, 20);
	put_initial(&datagram, &i, &frames, 0);
	quic_init(&q);
	cr_expect_eq(feed_cut(&q, datagram.data, datagram.len, QUIC_DATAGRAM_MIN), 1);
	expect_text(&q, 20);
	/* There may have been an Initial in the rest. */
	cr_expect_eq(feed_cut(&q, datagram.data, datagram.len, QUIC_DATAGRAM_MIN), -ENODATA);
}

Test(quic_hostile, small_datagrams)
{
	struct initial i = plain_initial();
	struct bytes frames = { .len = 0 }, datagram = { .len = 0 };
	struct quic q;

	put_crypto(&frames, 0, TEXT, 20);
	put_initial(&datagram, &i, &frames, QUIC_DATAGRAM_MIN - 1);
	quic_init(&q);
	cr_expect_eq(feed(&q, &datagram), -EINVAL);
	put_int(&datagram, 0, 1);
	cr_expect_eq(feed(&q, &datagram), 1);
}

/* A header by hand, in a datagram of 1,200. */
static int feed_header(const char *hex)
{
	struct bytes b = { .len = 0 };
	struct quic q;

	put_hex(&b, hex);
	memset(b.data + b.len, 0, sizeof(b.data) - b.len);
	b.len = QUIC_DATAGRAM_MIN;
	quic_init(&q);
	return feed(&q, &b);
}

Test(quic_hostile, headers)
{
	static const char *const refused[] = {
		/* Tokens and lengths that are not there. */
		"c000000001080102030405060708 00 ffffffffffffffff 449e00",
		"c000000001080102030405060708 00 44b0",
		"c000000001080102030405060708 00 00 ffffffffffffffff",
		"c000000001080102030405060708 00 00 44a0",
		/* Too short for a sample, RFC 9001 section 5.4.2. */
		"c000000001080102030405060708 00 00 00",
		"c000000001080102030405060708 00 00 13",
		/* IDs of 21 bytes. */
		"c00000000115",
		"c00000000108010203040506070815",
		/* Version negotiation, and one that is not known. */
		"c000000000080102030405060708 00 00 4400",
		"c000000002080102030405060708 00 00 4400",
		/* Retry, of both versions. */
		"f000000001080102030405060708 00",
		"c06b3343cf080102030405060708 00",
		/* No long header, and DTLS (RFC 6347), STUN (RFC 8489), RTP (RFC 3550). */
		"4001020304050607080000",
		"16fefd0000000000000000",
		"000100002112a442",
		"8060000000000000",
	};
	char hex[64];
	size_t i, n;
	const char *s;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		for (s = refused[i], n = 0; *s != '\0'; s++)
			if (*s != ' ')
				hex[n++] = *s;
		hex[n] = '\0';
		cr_expect_eq(feed_header(hex), -EINVAL, "%s", refused[i]);
	}
	/* 0-RTT and Handshake, of both versions: passed over. */
	cr_expect_eq(feed_header("d00000000108010203040506070800449f"), 0);
	cr_expect_eq(feed_header("e00000000108010203040506070800449f"), 0);
	cr_expect_eq(feed_header("e06b3343cf08010203040506070800449f"), 0);
	cr_expect_eq(feed_header("f06b3343cf08010203040506070800449f"), 0);
}

/* RFC 9000 section 15 (drafts; those that ask for a negotiation), and the list of versions at
 * github.com/quicwg/base-drafts/wiki/QUIC-Versions (Google's, mvfst's). */
Test(quic_hostile, versions_that_are_not_read)
{
	static const char *const unread[] = {
		"c0ff00001d080102030405060708", "c0ff000022080102030405060708",
		"c00a0a0a0a080102030405060708", "80ba5afa1a080102030405060708",
		"c351303436080102030405060708", "c351303530080102030405060708",
		"c354303531080102030405060708", "c0faceb002080102030405060708",
		"c0faceb00e080102030405060708",
	};
	static const uint32_t others[] = { 0,	       1,	   2,	       QUIC_V2,
					   0x5130353a, 0x51303f30, 0x51405030, 0x52303530,
					   0x0a0a0a0b, 0xfe00001d, 0xff010000, 0xfacec001 };
	size_t i;

	for (i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
		cr_expect_eq(feed_header(unread[i]), -EPROTONOSUPPORT, "%s", unread[i]);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(quic_version_is_unread(others[i]), "%x", others[i]);
}

Test(quic_hostile, longer_than_is_opened)
{
	static const uint8_t head[] = {
		0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x50, 0
	};
	static uint8_t datagram[8192];
	struct quic q;

	memcpy(datagram, head, sizeof(head));
	quic_init(&q);
	cr_expect_eq(feed_cut(&q, datagram, sizeof(datagram), sizeof(datagram)), -E2BIG);
}

Test(quic_hostile, lengths_of_ids)
{
	struct bytes frames = { .len = 0 };
	struct initial i = plain_initial();
	struct quic q;

	put_crypto(&frames, 0, TEXT, 20);
	for (i.dcid_len = 0; i.dcid_len <= QUIC_CID_MAX + 1; i.dcid_len++) {
		quic_init(&q);
		cr_expect_eq(feed_initial(&q, &i, &frames),
			     i.dcid_len < QUIC_DCID_MIN || i.dcid_len > QUIC_CID_MAX ? -EINVAL : 1,
			     "%zu", i.dcid_len);
	}
}

Test(quic_hostile, lengths_of_packet_numbers)
{
	static const uint64_t numbers[] = { 0xfe, 0xfffe, 0xfffffe, 0xfffffffe };
	struct bytes frames = { .len = 0 };
	struct initial i = plain_initial();
	struct quic q;

	put_crypto(&frames, 0, TEXT, 20);
	for (i.number_len = 1; i.number_len <= 4; i.number_len++) {
		quic_init(&q);
		i.number = numbers[i.number_len - 1];
		cr_expect_eq(feed_initial(&q, &i, &frames), 1, "%u", i.number_len);
		/* Its low bits alone are sent. */
		i.number += 5;
		cr_expect_eq(feed_initial(&q, &i, &frames), 0, "%u", i.number_len);
	}
}

/* Against version negotiation that is forged, fixed and reserved bits: RFC 9000 section 17.2, and
 * RFC 9287 for who has a token. */
Test(quic_hostile, bits_of_the_first_byte)
{
	struct bytes frames = { .len = 0 };
	struct initial i = plain_initial();
	struct quic q;

	put_crypto(&frames, 0, TEXT, 20);
	quic_init(&q);
	for (i.first = 0x04; i.first <= 0x0c; i.first = (uint8_t)(i.first + 4))
		cr_expect_eq(feed_initial(&q, &i, &frames), -EINVAL, "%#x", i.first);
	i.first = 0x40;
	cr_expect_eq(feed_initial(&q, &i, &frames), -EINVAL);
	cr_expect_eq(got(&q), 0);
	i.token_len = 16;
	cr_expect_eq(feed_initial(&q, &i, &frames), 1);
}

Test(quic_hostile, frames_in_any_order)
{
	struct quic q;

	quic_init(&q);
	cr_expect_eq(feed_text(&q, 30, 10), 0);
	cr_expect_eq(feed_text(&q, 10, 10), 0);
	cr_expect_eq(feed_text(&q, 10, 10), 0);
	cr_expect_eq(feed_text(&q, 0, 5), 1);
	expect_text(&q, 5);
	cr_expect_eq(feed_text(&q, 3, 9), 1);
	expect_text(&q, 20);
	cr_expect_eq(feed_text(&q, 0, 20), 0);
	cr_expect_eq(feed_text(&q, 20, 0), 0);
	cr_expect_eq(feed_text(&q, 19, 12), 1);
	expect_text(&q, 40);
}

/* As many ranges as bytes. */
Test(quic_hostile, every_other_byte)
{
	struct bytes odd = { .len = 0 }, even = { .len = 0 };
	struct quic q;
	size_t i;

	for (i = 0; i < 40; i++)
		put_crypto(i % 2 ? &odd : &even, i, TEXT + i, 1);
	quic_init(&q);
	cr_expect_eq(feed_frames(&q, &odd), 0);
	cr_expect_eq(feed_frames(&q, &even), 1);
	expect_text(&q, 40);
}

/* The first stands, and nothing is taken from the packet that says otherwise. */
Test(quic_hostile, overlaps_that_differ)
{
	struct bytes frames = { .len = 0 };
	struct quic q;

	quic_init(&q);
	cr_expect_eq(feed_text(&q, 0, 10), 1);
	put_crypto(&frames, 10, TEXT + 10, 5);
	put_crypto(&frames, 9, "XY", 2);
	cr_expect_eq(feed_frames(&q, &frames), -EBADMSG);
	expect_text(&q, 10);
	/* Not in order yet, but seen. */
	cr_expect_eq(feed_text(&q, 20, 5), 0);
	cr_expect_eq(feed_crypto(&q, 24, "Z", 1), -EBADMSG);
	cr_expect_eq(feed_text(&q, 10, 10), 1);
	expect_text(&q, 25);
}

Test(quic_hostile, a_packet_against_itself)
{
	struct bytes frames = { .len = 0 };
	struct quic q;

	put_crypto(&frames, 0, TEXT, 10);
	put_crypto(&frames, 5, "X", 1);
	quic_init(&q);
	cr_expect_eq(feed_frames(&q, &frames), -EBADMSG);
	expect_text(&q, 10);
}

Test(quic_hostile, another_connection)
{
	struct initial i = plain_initial();
	struct bytes frames = { .len = 0 };
	struct quic q;

	quic_init(&q);
	cr_expect_eq(feed_text(&q, 0, 10), 1);
	put_crypto(&frames, 0, "another", 7);
	i.dcid = other_id;
	cr_expect_eq(feed_initial(&q, &i, &frames), -EBADMSG);
	expect_text(&q, 10);
	/* Nor were its keys kept. */
	i.key_dcid = other_id;
	i.key_dcid_len = 8;
	i.dcid = id + 1;
	cr_expect_eq(feed_initial(&q, &i, &frames), -EINVAL);
	cr_expect_eq(feed_text(&q, 10, 10), 1);
	quic_init(&q);
	i = plain_initial();
	i.dcid = other_id;
	cr_expect_eq(feed_initial(&q, &i, &frames), 1);
}

Test(quic_hostile, offsets)
{
	static const uint64_t top = ((uint64_t)1 << 62) - 1;
	struct bytes frames = { .len = 0 };
	struct quic q;

	quic_init(&q);
	cr_expect_eq(feed_crypto(&q, top, "x", 1), -EINVAL);
	cr_expect_eq(feed_crypto(&q, top - 1, "xy", 2), -EINVAL);
	cr_expect_eq(feed_crypto(&q, top, "", 0), -E2BIG);
	cr_expect_eq(feed_crypto(&q, top - 1, "x", 1), -E2BIG);
	cr_expect_eq(feed_crypto(&q, QUIC_CRYPTO_MAX, "x", 1), -E2BIG);
	cr_expect_eq(feed_crypto(&q, QUIC_CRYPTO_MAX - 1, "xy", 2), -E2BIG);
	cr_expect_eq(feed_crypto(&q, QUIC_CRYPTO_MAX - 1, "x", 1), 0);
	cr_expect_eq(feed_crypto(&q, QUIC_CRYPTO_MAX, "", 0), 0);
	/* A length that is not there. */
	put_int(&frames, 0x06, 1);
	put_varint(&frames, 0, 1);
	put_varint(&frames, 2000, 2);
	cr_expect_eq(feed_frames(&q, &frames), -EINVAL);
	cr_expect_eq(got(&q), 0);
}

Test(quic_hostile, as_much_as_there_is_room_for)
{
	static const uint8_t zeros[1024];
	struct quic q;
	size_t at;

	quic_init(&q);
	for (at = 0; at < QUIC_CRYPTO_MAX; at += sizeof(zeros)) {
		cr_expect_eq(feed_crypto(&q, at, zeros, sizeof(zeros)), 1, "%zu", at);
		cr_expect_eq(got(&q), at + sizeof(zeros));
	}
}

/* Frames behind a good CRYPTO frame: all of the packet counts, or nothing. */
static int feed_behind(const char *hex)
{
	struct bytes frames = { .len = 0 };
	struct quic q;
	int ret;

	put_crypto(&frames, 0, TEXT, 10);
	put_hex(&frames, hex);
	quic_init(&q);
	ret = feed_frames(&q, &frames);
	cr_expect_eq(got(&q), ret == 1 ? 10 : 0, "%s", hex);
	return ret;
}

/* RFC 9000 section 12.4, table 3, as far as frames may be in an Initial. PADDING follows. */
Test(quic_hostile, types_of_frames)
{
	static const char *const good[] = {
		"00",
		"01",
		"01000101",
		"02050000"
		"00", /* ACK: largest, delay, ranges, the first */
		"02050000"
		"05", /* down to 0 */
		"02090001"
		"03"
		"0103",			    /* 6 to 9, and 0 to 3 */
		"02800000ff40010001010000", /* of other sizes */
		"03050000"
		"05"
		"1e1e1e", /* with the counts of ECN, no types of frames */
		"1c0000"
		"00",
		"1c410006"
		"03616263",
	};
	static const char *const bad[] = {
		"02050000"
		"06", /* below 0 */
		"02090001"
		"03"
		"0104", /* the second range too */
		"02090001"
		"03"
		"3f00",
		"0205003f"
		"00", /* ranges that PADDING cannot be */
		"020500c000000000ffffff"
		"00",
		"02c0000000000000ff00ffffffffffffffff00",
		"1c0000"
		"7fff",
		"1c0000"
		"ffffffffffffffff",
		"1d00"
		"00",	/* of an application: not before its keys */
		"4006", /* a type as long as it need not be */
		"4000",
	};
	char hex[3];
	unsigned int type;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect_eq(feed_behind(good[i]), 1, "%s", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(feed_behind(bad[i]), -EINVAL, "%s", bad[i]);
	for (type = 0x04; type < 0x100; type++) {
		if (type == 0x06 || type == 0x1c)
			continue;
		snprintf(hex, sizeof(hex), "%02x", type);
		cr_expect_eq(feed_behind(hex), -EINVAL, "%s", hex);
	}
}

/* A frame that the end of the packet cuts; one more byte and it is whole. */
Test(quic_hostile, frames_cut_at_every_byte)
{
	struct initial i = plain_initial();
	struct bytes all = { .len = 0 }, some;
	static const size_t whole[] = { 3, 13, 18 }; /* bytes up to the end of a frame */
	struct quic q;
	size_t k, w;

	put_hex(&all, "010101");
	put_crypto(&all, 0, TEXT, 7);
	put_hex(&all, "0205000005");
	for (k = 3; k <= all.len; k++) {
		struct bytes datagram = { .len = 0 }, rest = { .len = 0 };
		bool good = false;

		some = all;
		some.len = k;
		for (w = 0; w < sizeof(whole) / sizeof(whole[0]); w++)
			good |= k == whole[w];
		put_initial(&datagram, &i, &some, 0);
		put_crypto(&rest, 7, "x", 0);
		put_initial(&datagram, &i, &rest, QUIC_DATAGRAM_MIN - datagram.len);
		quic_init(&q);
		cr_expect_eq(feed(&q, &datagram) >= 0, good, "%zu", k);
	}
}

Test(quic_hostile, no_frame_at_all)
{
	struct bytes frames = { .len = 0 }, datagram = { .len = 0 };
	struct initial i = plain_initial();
	struct quic q;

	/* With 4 bytes of number it has a sample all the same. */
	i.number_len = 4;
	put_initial(&datagram, &i, &frames, 0);
	while (datagram.len < QUIC_DATAGRAM_MIN)
		put_int(&datagram, 0, 1);
	quic_init(&q);
	cr_expect_eq(feed(&q, &datagram), -EINVAL);
}

static void put_handshake(struct bytes *b, size_t len)
{
	put_int(b, 0xe0, 1);
	put_int(b, QUIC_V1, 4);
	put_int(b, 8, 1);
	put(b, id, 8);
	put_int(b, 0, 1);
	put_varint(b, len, 2);
	while (len-- > 0)
		put_int(b, 0xa5, 1);
}

Test(quic_hostile, packets_in_one_datagram)
{
	struct initial i = plain_initial(), other = plain_initial();
	struct bytes a = { .len = 0 }, b = { .len = 0 }, datagram = { .len = 0 };
	struct quic q;

	put_crypto(&a, 0, TEXT, 10);
	put_crypto(&b, 10, TEXT + 10, 10);
	put_handshake(&datagram, 50);
	put_initial(&datagram, &i, &a, 100);
	put_handshake(&datagram, 50);
	i.number = 1;
	put_initial(&datagram, &i, &b, 900);
	while (datagram.len < QUIC_DATAGRAM_MIN) /* a short header */
		put_int(&datagram, 0x5a, 1);
	quic_init(&q);
	cr_expect_eq(feed(&q, &datagram), 1);
	expect_text(&q, 20);
	cr_expect_eq(q.tried, 2);

	/* Of another ID than the first of the datagram. */
	datagram.len = 0;
	other.dcid = other_id;
	put_initial(&datagram, &i, &a, 100);
	put_initial(&datagram, &other, &b, 1100);
	quic_init(&q);
	cr_expect_eq(feed(&q, &datagram), 1);
	expect_text(&q, 10);

	/* One that nothing opens, and a good one behind it. */
	datagram.len = 0;
	put_initial(&datagram, &i, &a, 100);
	datagram.data[99] ^= 1;
	put_initial(&datagram, &i, &a, 1100);
	quic_init(&q);
	cr_expect_eq(feed(&q, &datagram), 1);
	expect_text(&q, 10);
}

/* The ID that the server chose may have any length; the keys stay (RFC 9001 section 5.2). */
Test(quic_hostile, keys_stay_after_the_answer)
{
	struct initial i = plain_initial();
	struct bytes frames = { .len = 0 };
	struct quic q;
	size_t n;

	put_crypto(&frames, 10, TEXT + 10, 10);
	i.key_dcid = id;
	i.key_dcid_len = 8;
	i.dcid = other_id;
	for (n = 0; n <= 8; n += 4) {
		i.dcid_len = n;
		quic_init(&q);
		cr_expect_eq(feed_initial(&q, &i, &frames), -EINVAL);
		cr_expect_eq(feed_text(&q, 0, 10), 1);
		i.number = 1;
		cr_expect_eq(feed_initial(&q, &i, &frames), 1, "%zu", n);
		expect_text(&q, 20);
		/* What all further datagrams are. */
		cr_expect_eq(feed_cut(&q, (const uint8_t *)"@abcdefgh", 9, 40), 0);
	}
}

/* RFC 9369 section 4: the server chose version 2, the keys follow from the same ID. */
Test(quic_hostile, change_of_version)
{
	struct initial i = plain_initial();
	struct bytes frames = { .len = 0 };
	struct quic q;

	put_crypto(&frames, 10, TEXT + 10, 10);
	i.version = QUIC_V2;
	i.key_dcid = id;
	i.key_dcid_len = 8;
	i.dcid = other_id;
	i.number = 1;
	quic_init(&q);
	cr_expect_eq(feed_text(&q, 0, 10), 1);
	cr_expect_eq(feed_initial(&q, &i, &frames), 1);
	expect_text(&q, 20);
}

/* Of any length too, but never without a token, nor as the first of a flow. */
Test(quic_hostile, id_of_a_retry)
{
	struct initial i = plain_initial();
	struct bytes frames = { .len = 0 };
	struct quic q;

	put_crypto(&frames, 0, TEXT, 20);
	i.dcid = other_id;
	i.dcid_len = 3;
	i.token_len = 30;
	i.number = 1;
	quic_init(&q);
	cr_expect_eq(feed_initial(&q, &i, &frames), -EINVAL);
	cr_expect_eq(feed_text(&q, 0, 10), 1);
	i.token_len = 0;
	cr_expect_eq(feed_initial(&q, &i, &frames), -EINVAL);
	i.token_len = 30;
	cr_expect_eq(feed_initial(&q, &i, &frames), 1);
	expect_text(&q, 20);
	/* One from before the Retry that comes late. */
	cr_expect_eq(feed_text(&q, 10, 20), 1);
	expect_text(&q, 30);
}

Test(quic_hostile, no_more_tries)
{
	struct bytes packet = { .len = 0 };
	struct quic q;
	int i;

	put_hex(&packet, RFC_9001_PACKET);
	packet.data[1199] ^= 1;
	quic_init(&q);
	for (i = 0; i < QUIC_TRIES; i++)
		cr_expect_eq(feed(&q, &packet), -EINVAL);
	packet.data[1199] ^= 1;
	cr_expect_eq(feed(&q, &packet), -E2BIG);
	cr_expect_eq(got(&q), 0);
}
