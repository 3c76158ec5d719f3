/* SPDX-License-Identifier: BSD-2-Clause */
/* Reconciliation: what the hardware may count, and how it is learned that it does not. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "link_tale.h"

TestSuite(drivers, .init = tale_setup, .fini = tale_teardown);

/* TCP in pieces that the hardware cuts; `counts` of each segment but the first. */
static void bulk(uint64_t pieces, uint64_t counts)
{
	now.socket += pieces * BULK_BYTES;
	now.packets += pieces;
	now.segments += pieces * BULK_SEGMENTS;
	now.headers += pieces * BULK_SEGMENTS * BULK_HEADERS;
	now.tx_bytes += pieces * (BULK_BYTES + BULK_SEGMENTS * counts);
	now.tx_packets += pieces * (1 + (counts > 0 ? BULK_SEGMENTS : 0));
}

/* Nothing is known of the driver yet, but that it does not count is seen from what stays unused. */
Test(drivers, bulk_traffic_hides_nothing_for_long)
{
	int i;

	for (i = 0; i < 10; i++) {
		bulk(600, 0); /* 38 MB; headers of 2 MB might be counted */
		now.tx_bytes += MIB;
		now.tx_packets += MIB / 1000; /* as if they were segments */
		look();
	}
	looks(2);
	cr_expect_eq(sent, 10 * MIB - books().allowance);
	cr_expect_leq(books().allowance, 10 * 600 * 8, "of each packet checksum and tag");
	cr_expect_eq(last.allowance, books().allowance);
}

/* So it is told when no more traffic follows. */
Test(drivers, what_bulk_traffic_hid_is_told_when_it_is_over)
{
	int i;

	for (i = 0; i < 4; i++) {
		bulk(600, 0);
		now.tx_bytes += MIB;
		look();
	}
	for (i = 0; i < 12; i++) {
		ordinary(100);
		look();
	}
	cr_expect_eq(sent, 4 * MIB - books().allowance);
	cr_expect_leq(books().allowance, 4 * 600 * 8);
}

/* And when nothing at all does. */
Test(drivers, what_bulk_traffic_hid_is_told_in_silence)
{
	int i;

	for (i = 0; i < 4; i++) {
		bulk(600, 0);
		now.tx_bytes += MIB;
		now.tx_packets += MIB / 1000;
		look();
	}
	for (i = 0; i < 12; i++) {
		now_ns += SECOND;
		detect_tick(detect, now_ns, on_verdict, NULL);
	}
	cr_expect_eq(sent, 4 * MIB - books().allowance);
	cr_expect_leq(books().allowance, 4 * 600 * 8);
}

Test(drivers, bulk_traffic_of_a_driver_that_is_known_hides_nothing)
{
	tale_teardown();
	start_flags = OF_LINK_EXACT;
	tale_setup();
	bulk(600, 0);
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
}

ParameterizedTestParameters(drivers, hardware_that_counts_segments)
{
	/* Headers alone, without timestamps too; with checksum; with a tag as well. */
	static uint64_t counts[] = { 66, 70, 74 };

	return cr_make_param_array(uint64_t, counts, sizeof(counts) / sizeof(counts[0]));
}

/* In bursts, with pauses, with drops: it never raises an alert. */
ParameterizedTest(uint64_t *counts, drivers, hardware_that_counts_segments)
{
	int i;

	for (i = 0; i < 300; i++) {
		if (i % 7 < 3 || i % 50 == 49)
			bulk(i % 50 == 49 ? 6000 : 100, *counts);
		if (i % 11 == 0)
			dropped(3 * MIB);
		look();
	}
	looks(12);
	cr_expect_eq(verdicts, 0, "%lu bytes", sent);
	cr_expect_gt(books().allowance, 0);
}

/* The checksum of each packet, and padding. */
Test(drivers, hardware_that_counts_packets)
{
	int i;

	for (i = 0; i < 300; i++) {
		uint64_t packets = i % 7 < 3 ? 20000 : 10;

		now.socket += packets * 50;
		now.packets += packets;
		now.padding += packets * 10;
		now.tx_packets += packets;
		now.tx_bytes += packets * (50 + (i < 150 ? 0 : 10) + 4);
		if (i % 40 == 0)
			dropped(3 * MIB);
		look();
	}
	looks(12);
	cr_expect_eq(verdicts, 0, "%lu bytes", sent);
}

/* Once it has shown that it does not, bulk traffic hides nothing. */
Test(drivers, an_allowance_that_is_not_used_is_withdrawn)
{
	int i;

	for (i = 0; i < 20; i++) {
		ordinary(20 * MIB);
		bulk(100, 0);
		look();
	}
	ordinary(20 * MIB);
	bulk(100, 0);
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
}

/* A packet that was lost long ago stands in the place of nothing any more. */
static void loses_and_shows(void)
{
	int i;

	dropped(1000);
	for (i = 0; i < 4000; i++) {
		ordinary(100 * MIB);
		look();
	}
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB - 1000, "%lu: it hides itself alone", sent);
	cr_expect_eq(books().allowance, 0);
}

Test(drivers, an_allowance_is_withdrawn_long_after_a_loss)
{
	loses_and_shows();
}

Test(drivers, an_allowance_is_withdrawn_when_losses_are_counted_anew)
{
	tale_teardown();
	start_lost = 1000;
	tale_setup();
	ordinary(MIB);
	look();
	now.tx_lost = 0;
	loses_and_shows();
}

Test(drivers, a_little_beside_much_is_told)
{
	int i;

	/* The interface shows meanwhile that it adds nothing of its own. */
	for (i = 0; i < 42; i++) {
		ordinary(100 * MIB);
		now.tx_bytes += i < 30 ? 0 : 8 * KIB;
		look();
	}
	looks(2);
	cr_expect_eq(sent, 12 * 8 * KIB);
}
