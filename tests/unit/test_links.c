/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reconciliation: what left by an interface and nothing explains. Each test is a second-by-second
 * tale of one interface, fed to the real rule.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "link_tale.h"

TestSuite(links, .init = tale_setup, .fini = tale_teardown);

Test(links, what_was_before_is_not_judged)
{
	looks(3);
	cr_expect_eq(verdicts, 0);
	cr_expect_eq(books().sent, 0);
}

Test(links, ordinary_traffic_is_explained)
{
	int i;

	for (i = 0; i < 600; i++) {
		ordinary(3 * MIB + (uint64_t)i);
		now.control += 42;
		now.tx_bytes += 42;
		now.packet += 60;
		now.packet_seen += 60;
		now.packet_posted += 60;
		now.tx_bytes += 60;
		look();
	}
	looks(3);
	cr_expect_eq(verdicts, 0);
	cr_expect_eq(books().unattributed, 0);
}

/* ---- Each way past the sockets ---- */

struct way {
	uint64_t bypass, forwarded, passed, kernel;
};

ParameterizedTestParameters(links, each_way_is_told)
{
	static struct way ways[] = {
		{ MIB, 0, 0, 0 },
		{ 0, MIB, 0, 0 },
		{ 0, 0, MIB, 0 },
		{ 0, 0, 0, MIB },
		{ MIB, 2 * MIB, 3 * MIB, 4 * MIB },
	};

	return cr_make_param_array(struct way, ways, sizeof(ways) / sizeof(ways[0]));
}

ParameterizedTest(struct way *w, links, each_way_is_told)
{
	now.socket += 10 * MIB;
	now.tx_bytes += 10 * MIB;
	look();
	now.tx_bytes += w->bypass + w->forwarded + w->passed + w->kernel;
	now.forwarded += w->forwarded + w->passed;
	now.passed += w->passed;
	now.kernel += w->kernel;
	look();
	look(); /* nothing explains it at the next look either */
	cr_expect_eq(last.bypass, w->bypass);
	cr_expect_eq(last.forwarded, w->forwarded);
	cr_expect_eq(last.passed, w->passed);
	cr_expect_eq(last.kernel, w->kernel);
	cr_expect_eq(last.sockets, 10 * MIB);
	cr_expect_str_eq(last.name, "eth0");
}

Test(links, grows_with_what_leaves)
{
	int i;

	for (i = 1; i <= 20; i++) {
		now.tx_bytes += 100 * KIB;
		look();
	}
	look();
	cr_expect_eq(sent, 2000 * KIB);
}

Test(links, below_the_limit_nothing_is_said)
{
	now.tx_bytes += 64 * KIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
	cr_expect_eq(books().unattributed, 64 * KIB, "but it is in the books");
	now.tx_bytes++;
	looks(2);
	cr_expect_eq(verdicts, 1);
}

Test(links, a_slow_leak_is_seen_within_half_an_hour)
{
	int i;

	for (i = 0; i < 1100 && verdicts == 0; i++) {
		now.tx_bytes += KIB;
		ordinary(100);
		look();
	}
	cr_expect_gt(verdicts, 0, "1 KiB a second is more than 1 MiB in 1,100 s");
	cr_expect_geq(sent, MIB);
}

/* ---- Time ---- */

Test(links, late_statistics_explain_nothing_away_and_raise_nothing)
{
	uint64_t late = 0;
	int i;

	for (i = 0; i < 60; i++) {
		now.socket += 5 * MIB;
		late += 5 * MIB;
		if (i % 2 == 1) { /* hardware that tells every two seconds */
			now.tx_bytes += late;
			late = 0;
		}
		look();
	}
	cr_expect_eq(verdicts, 0);
	now.tx_bytes += late + MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
}

Test(links, what_explains_may_come_a_look_later)
{
	now.forwarded += MIB;
	now.passed += MIB;
	now.tx_bytes += 2 * MIB;
	look();
	now.elsewhere += MIB;
	now.packet_posted += MIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
}

/* Somebody who asks all the time makes a look each time. */
Test(links, many_looks_in_a_second_do_not_hurry_it)
{
	int i;

	now.tx_bytes += MIB;
	for (i = 0; i < 4; i++) {
		now_ns += 100 * MS;
		detect_link(detect, &now, now_ns, on_verdict, NULL);
		detect_tick(detect, now_ns, on_verdict, NULL);
	}
	cr_expect_eq(verdicts, 0, "only 0.3 s have passed");
	for (i = 0; i < 20; i++) {
		now.tx_bytes += KIB;
		now_ns += 100 * MS;
		detect_link(detect, &now, now_ns, on_verdict, NULL);
		detect_tick(detect, now_ns, on_verdict, NULL);
	}
	cr_expect_geq(sent, MIB, "nor keep it off");
}

Test(links, what_was_dropped_hides_nothing_for_long)
{
	now.socket += 10 * MIB; /* the driver drops them */
	look();
	looks(8);
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
}

/* ---- Counters that do not only grow ---- */

Test(links, counters_that_begin_anew_raise_nothing)
{
	ordinary(100 * MIB);
	look();
	now.tx_bytes = 0;
	ordinary(5000);
	looks(9); /* what was allowed for before is over */
	cr_expect_eq(verdicts, 0);
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
}

Test(links, counters_of_32_bits_come_around)
{
	int i;

	for (i = 0; i < 10; i++) {
		ordinary(1000 * MIB);
		now.tx_bytes &= UINT32_MAX;
		look();
	}
	looks(2);
	cr_expect_eq(verdicts, 0);
	cr_expect_eq(books().sent, 10000 * MIB);
}

Test(links, an_interface_made_again_is_another)
{
	ordinary(10 * MIB);
	look();
	now.flags = OF_LINK_GONE;
	look();
	now = (struct of_rec_link){
		.name = "eth0", .ifindex = 3, .netns = 1, .tx_bytes = MIB, .socket = now.socket
	};
	looks(3);
	cr_expect_eq(verdicts, 0);
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
	cr_expect_eq(last.ifindex, 3);
}

Test(links, more_interfaces_than_are_remembered)
{
	uint32_t i;

	for (i = 10; i < 10 * LINK_STATES_MAX; i++) {
		now.ifindex = i;
		now.tx_bytes += MIB;
		look();
	}
	cr_expect_eq(verdicts, 0, "each is met for the first time");
}

/* ---- What explains, and no more than that ---- */

Test(links, a_container_is_posted_already)
{
	int i;

	for (i = 0; i < 30; i++) {
		now.elsewhere += 10 * MIB;
		now.elsewhere_packets += 10000;
		now.forwarded += 10 * MIB;
		now.passed += 10 * MIB;
		now.passed_packets += 10000;
		now.tx_bytes += 10 * MIB;
		look();
	}
	cr_expect_eq(verdicts, 0);
	now.forwarded += MIB; /* a TUN device inside it */
	now.passed += MIB;
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(last.passed, MIB);
	cr_expect_eq(last.forwarded, 0);
}

Test(links, a_container_does_not_explain_a_guest)
{
	now.elsewhere += 10 * MIB; /* to another container */
	now.forwarded += MIB;	   /* from a tap */
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(last.forwarded, MIB);
}

/* 64 KiB pieces of a container that are cut into segments of 1,448 bytes on the way. */
Test(links, segments_cut_on_the_way_are_explained)
{
	int i;

	for (i = 0; i < 30; i++) {
		now.elsewhere += 100 * 64 * KIB;
		now.elsewhere_packets += 100;
		now.elsewhere_headers += 100 * 45 * 94;
		now.passed += 100 * 64 * KIB + 100 * 45 * 66;
		now.passed_packets += 100 * 46;
		now.forwarded = now.passed;
		now.tx_bytes += 100 * 64 * KIB + 100 * 45 * 66;
		look();
	}
	looks(2);
	cr_expect_eq(books().unattributed, 0);
}

Test(links, a_tunnel_is_not_counted_twice)
{
	now.tunnels += MIB + 800 * 80;
	now.kernel += MIB + 800 * 60;
	now.tx_bytes += MIB + 800 * 60;
	looks(3);
	cr_expect_eq(verdicts, 0);
}

Test(links, what_is_forwarded_into_a_tunnel_is_judged_there)
{
	now = (struct of_rec_link){
		.name = "wg0", .ifindex = 9, .netns = 1, .flags = OF_LINK_INNER
	};
	look();
	now.tx_bytes += 3 * MIB;
	now.socket += MIB;
	now.forwarded += 2 * MIB;
	looks(2);
	cr_expect_eq(sent, 2 * MIB, "its statistics are those of the edge once more");
	cr_expect_str_eq(last.name, "wg0");
}

Test(links, packet_sockets_past_the_queue_are_posted)
{
	now.packet_posted += 2 * MIB;
	now.packet_seen += MIB; /* the other half took the queue */
	now.packet += MIB;
	now.tx_bytes += 2 * MIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
	now.packet_posted += MIB;
	now.packet_seen += MIB;
	now.packet += MIB;
	now.tx_bytes += 2 * MIB;
	looks(2);
	cr_expect_eq(last.bypass, MIB);
}

/* By a packet socket that takes the queue; `posted` of it to somebody. */
static void packets(uint64_t n, uint64_t posted)
{
	now.packet += n;
	now.packet_data += n;
	now.packet_seen += n;
	now.data_seen += n;
	now.packet_posted += posted;
	now.data_posted += posted;
	now.tx_bytes += n;
}

/* A call that fails may have sent all frames but one: PACKET_TX_RING. */
Test(links, packets_that_nobody_was_posted_for)
{
	int i;

	for (i = 0; i < 10; i++) {
		packets(MIB, MIB);
		look();
	}
	packets(3 * MIB, 2 * MIB);
	looks(7);
	cr_expect_eq(verdicts, 0, "the call may still return");
	looks(4); /* nothing else happens */
	cr_expect_eq(sent, MIB);
	cr_expect_eq(last.bypass, MIB);
	cr_expect_eq(books().sockets, 12 * MIB);
	looks(20);
	cr_expect_eq(verdicts, 1, "and only once");
}

Test(links, packets_that_are_posted_late)
{
	packets(5 * MIB, 0);
	looks(6);
	now.data_posted += 5 * MIB;
	now.packet_posted += 5 * MIB;
	looks(20);
	cr_expect_eq(verdicts, 0);
}

/* Posted before it is seen: it waits in the queue. */
Test(links, packets_that_are_seen_late)
{
	int i;

	for (i = 0; i < 30; i++) {
		packets(i < 3 ? 0 : MIB, i > 26 ? 0 : MIB);
		look();
	}
	looks(20);
	cr_expect_eq(verdicts, 0);
}

/* By another interface of this machine. */
Test(links, packets_of_another_interface)
{
	now.data_seen += 3 * MIB;
	now.packet_seen += 3 * MIB;
	packets(100 * KIB, 0);
	looks(12);
	cr_expect_eq(sent, 100 * KIB, "no more than it may have sent itself");
}

/* Two containers talk to each other, and much of what might be cut is not; then one sends by
 * hardware that cannot cut, and all is. */
Test(links, segments_cut_after_long_being_whole)
{
	int i;

	for (i = 0; i < 30; i++) {
		now.elsewhere += 100 * BULK_BYTES;
		now.elsewhere_packets += 100;
		now.elsewhere_headers += 100 * BULK_SEGMENTS * BULK_HEADERS;
		look();
	}
	for (i = 0; i < 30; i++) {
		now.elsewhere += 100 * BULK_BYTES;
		now.elsewhere_packets += 100;
		now.elsewhere_headers += 100 * BULK_SEGMENTS * BULK_HEADERS;
		now.passed += 100 * (BULK_BYTES + BULK_SEGMENTS * 66);
		now.passed_packets += 100 * (BULK_SEGMENTS + 1);
		now.forwarded = now.passed;
		now.tx_bytes += 100 * (BULK_BYTES + BULK_SEGMENTS * 66);
		look();
	}
	looks(2);
	cr_expect_eq(verdicts, 0, "%lu bytes", sent);
}

/* What passes whole needs no headers: they hide nothing of a TUN device. */
Test(links, segments_that_pass_whole_hide_nothing)
{
	int i;

	for (i = 0; i < 5; i++) {
		now.elsewhere += 100 * BULK_BYTES;
		now.elsewhere_packets += 100;
		now.elsewhere_headers += 100 * BULK_SEGMENTS * BULK_HEADERS;
		now.passed_headers = now.elsewhere_headers;
		now.passed += 100 * BULK_BYTES + 100 * KIB;
		now.passed_packets += 100 + 100;
		now.forwarded = now.passed;
		now.tx_bytes += 100 * BULK_BYTES + 100 * KIB;
		look();
	}
	looks(2);
	cr_expect_eq(last.passed, 500 * KIB, "%lu", last.passed);
}

/* Datagrams of 8,000 bytes that are sent on in 6 pieces. */
Test(links, fragments_made_on_the_way_are_explained)
{
	int i;

	for (i = 0; i < 30; i++) {
		now.elsewhere += 1000 * 8042;
		now.elsewhere_packets += 1000;
		now.passed += 1000 * (8042 + 5 * 34);
		now.passed_packets += 1000 * 6;
		now.passed_fragments += 1000 * 5 * 34;
		now.forwarded = now.passed;
		now.tx_bytes += 1000 * (8042 + 5 * 34);
		look();
	}
	looks(2);
	cr_expect_eq(verdicts, 0, "%lu bytes", sent);
	now.passed += MIB;
	now.passed_fragments += 10 * 34; /* none of it is left over for later */
	now.forwarded = now.passed;
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(last.passed, MIB - 10 * 34);
}

/* What a bridge floods goes out as a copy without a socket. */
Test(links, copies_of_a_bridge_are_explained)
{
	now.kernel += MIB;
	now.tx_bytes += MIB;
	look();
	now.flooded += MIB; /* read later */
	looks(3);
	cr_expect_eq(verdicts, 0);
	now.flooded += MIB;
	now.kernel += 3 * MIB;
	now.tx_bytes += 3 * MIB;
	looks(2);
	cr_expect_eq(last.kernel, 2 * MIB);
}

Test(links, what_found_no_slot_is_not_unattributed)
{
	now.unplaced += MIB;
	now.tx_bytes += MIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
}

Test(links, forwarded_and_dropped_did_not_leave)
{
	now.forwarded += 3 * MIB;
	now.tx_bytes += MIB;
	looks(12);
	cr_expect_eq(sent, MIB);
}

/* A MiB that is forwarded and of which the statistics tell so many looks later. */
static void told_late(int n)
{
	now.forwarded += MIB;
	looks(n);
	now.tx_bytes += MIB;
	looks(2);
	cr_expect_eq(sent, MIB);
}

/* What was dropped and given up takes nothing with it that came later. */
Test(links, forwarded_and_told_late_after_drops)
{
	now.forwarded += 3 * MIB;
	looks(14);
	told_late(2);
}

/* Nor what was explained after it had waited. */
Test(links, forwarded_and_told_late_after_explanations)
{
	now.forwarded += 3 * MIB;
	now.passed += 3 * MIB;
	looks(4);
	now.elsewhere += 3 * MIB;
	looks(14);
	told_late(2);
}

/* Nor what came shortly before. */
Test(links, forwarded_and_told_late_beside_drops)
{
	now.forwarded += 3 * MIB;
	looks(8);
	told_late(4);
}

/* What packet sockets send to the machine itself: on its way it was seen, and posted when it came
 * back. */
Test(links, packets_seen_elsewhere_explain_nothing)
{
	int i;

	for (i = 0; i < 5; i++) {
		now.packet_seen += 10 * MIB;
		now.packet_posted += i == 0 ? 9 * MIB : 10 * MIB;
		now.tx_bytes += 100 * KIB;
		look();
	}
	looks(2);
	cr_expect_eq(sent, 500 * KIB);
}

/* Forwarded for a container where the kernel runs no probe: only on such a kernel. */
Test(links, forwarded_and_untraced)
{
	now.flags = OF_LINK_UNTRACED;
	now.elsewhere += MIB;
	now.tx_bytes += MIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
	now.flags = 0;
	now.elsewhere += MIB;
	now.tx_bytes += MIB;
	looks(3);
	cr_expect_eq(sent, MIB);
}

/* ---- Configuration ---- */

Test(reconcile, off)
{
	tale_start("version: 1\nreconcile: off\n");
	now.tx_bytes += MIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
	tale_teardown();
}

Test(reconcile, as_configured)
{
	tale_start("version: 1\nreconcile: {interfaces: [eth0, \"wan*\"], over: 1MiB, within: 30s, "
		   "severity: critical}\n");
	cr_expect_eq(config.policy.reconcile.names_n, 2);
	cr_expect_str_eq(config.policy.reconcile.names[1], "wan*");
	cr_expect_eq(config.policy.reconcile.rule.severity, SEVERITY_CRITICAL);
	cr_expect_eq(config.policy.reconcile.rule.sent.within_ns, 30 * SECOND);
	now.tx_bytes += MIB;
	looks(3);
	cr_expect_eq(verdicts, 0);
	now.tx_bytes += 1;
	looks(2);
	cr_expect_eq(verdicts, 1);
	tale_teardown();
}
