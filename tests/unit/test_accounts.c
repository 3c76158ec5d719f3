/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracking: how accounts grow, what class their far end is of, and attempts. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <string.h>

#include "records.h"

#define YAML           \
	"version: 1\n" \
	"networks: {internal: [10.0.0.0/8, \"fd00::/8\"]}\n"
#define CURL	 5U
#define CURL_PID 102U

static struct tracked t;

static void start(void)
{
	tracked_init(&t, YAML, (struct track_limits){ 64, 64, 60 * SECOND, 0 });
	rec_exec(&t.s, CURL, 0, CURL_PID, "/usr/bin/curl");
	tracked_run(&t);
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(accounts, .init = start, .fini = stop, .timeout = 60);

static void snapshot(uint32_t generation, uint64_t sent)
{
	struct of_account a = account_of(CURL, FAR, 443, sent);

	a.generation = generation;
	rec_account_of(&t.s, &a);
}

static uint64_t deltas(void)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < t.told_n; i++)
		sum += t.told[i].delta;
	return sum;
}

/* ---- Growth ---- */

Test(accounts, grow)
{
	snapshot(1, 100);
	snapshot(1, 100);
	t.s.now_ns = 3 * SECOND;
	snapshot(1, 250);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 2, "what did not grow is not told");
	cr_expect_eq(t.told[0].kind, SUBJECT_SENT);
	cr_expect_eq(t.told[0].delta, 100);
	cr_expect_eq(t.told[0].account.sent, 100);
	cr_expect_eq(t.told[0].time_ns, SECOND);
	cr_expect_eq(t.told[1].delta, 150);
	cr_expect_eq(t.told[1].account.sent, 250);
	cr_expect_eq(t.told[1].account.first_ns, SECOND);
	cr_expect_eq(t.told[1].account.last_ns, 3 * SECOND);
	cr_expect_eq(tracked_execution(&t, CURL)->sent, 250);
}

Test(accounts, older_snapshots_are_ignored)
{
	snapshot(1, 300);
	snapshot(1, 100);
	snapshot(1, 299);
	snapshot(1, 301);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 2);
	cr_expect_eq(deltas(), 301);
}

Test(accounts, generations_add_up)
{
	snapshot(1, 300);
	snapshot(2, 100);
	snapshot(3, 700);
	tracked_run(&t);
	cr_expect_eq(deltas(), 1100);
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->sent, 1100);
}

/* An idle account is closed while its last sends are still under way, and the next of its key has
 * begun in a slot that comes before: a look tells both, again and again in that order. */
Test(accounts, two_generations_grow_at_once)
{
	snapshot(1, 300);
	snapshot(2, 10);
	snapshot(1, 310);
	snapshot(2, 20);
	snapshot(1, 310);
	snapshot(2, 30);
	tracked_run(&t);
	cr_expect_eq(deltas(), 340);
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->sent, 340);
	cr_expect_eq(tracked_execution(&t, CURL)->sent, 340);
}

/* ---- What was received, and who made the socket ---- */

static void received(uint32_t generation, uint64_t sent, uint64_t n)
{
	struct of_account a = account_of(CURL, FAR, 443, sent);

	a.generation = generation;
	a.flags = OF_ACCOUNT_RECEIVED;
	a.received = n;
	rec_account_of(&t.s, &a);
}

Test(accounts, received_adds_up_over_generations)
{
	received(1, 100, 5000);
	received(1, 100, 9000);
	received(1, 100, 6000); /* from the ring, and older */
	received(2, 1, 30);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 2, "receiving is not sending");
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->received, 9030);
	cr_expect(tracked_account(&t, CURL, FAR, 443)->flags & OF_ACCOUNT_RECEIVED);
}

static void made_by(uint64_t creator)
{
	struct of_account a = account_of(CURL, FAR, 443, 1);

	a.creator = creator;
	rec_account_of(&t.s, &a);
}

Test(accounts, the_first_other_creator_stays)
{
	rec_exec(&t.s, 6, 0, 103, "/usr/bin/maker");
	made_by(0);
	made_by(6);
	made_by(CURL);
	tracked_run(&t);
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->creator_id, 6);
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->creator, tracked_execution(&t, 6));
}

Test(accounts, a_creator_that_is_forgotten_leaves_its_id)
{
	rec_exec(&t.s, 6, 0, 103, "/usr/bin/maker");
	made_by(6);
	rec_exit(&t.s, 6, 103);
	tracked_run(&t);
	tracked_tick(&t, 120 * SECOND);
	cr_assert_null(tracked_execution(&t, 6));
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->creator_id, 6);
	cr_expect_null(tracked_account(&t, CURL, FAR, 443)->creator);
}

Test(accounts, a_creator_that_nobody_told_of)
{
	made_by(77);
	tracked_run(&t);
	cr_expect_eq(tracked_account(&t, CURL, FAR, 443)->creator_id, 77);
	cr_expect_null(tracked_account(&t, CURL, FAR, 443)->creator);
}

/* ---- Generations ---- */

Test(accounts, the_generation_before_is_met_second)
{
	snapshot(9, 10);
	snapshot(7, 300);
	snapshot(9, 20);
	snapshot(7, 301);
	tracked_run(&t);
	cr_expect_eq(deltas(), 321);
}

Test(accounts, generations_that_are_over_are_ignored)
{
	snapshot(1, 300);
	snapshot(2, 10);
	snapshot(3, 10);
	snapshot(1, 400);
	snapshot(3, 11);
	tracked_run(&t);
	cr_expect_eq(deltas(), 321);
}

Test(accounts, generations_begin_anywhere_and_wrap)
{
	snapshot(0xfffffffe, 10);
	snapshot(0xffffffff, 10);
	snapshot(0, 10);
	snapshot(1, 10);
	snapshot(0, 11);
	tracked_run(&t);
	cr_expect_eq(deltas(), 41);
}

/* ---- Accounts of no far end ---- */

Test(accounts, overflow)
{
	struct of_account a = {
		.exec_id = CURL, .flags = OF_ACCOUNT_OVERFLOW, .sent = 70, .exec_slot = 5
	};

	rec_account_of(&t.s, &a);
	a.sent = 90;
	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 2);
	cr_expect_eq(t.told[1].exec_id, CURL);
	cr_expect_eq(t.told[1].delta, 20);
	cr_expect_eq(t.told[1].account.class, CLASS_UNKNOWN);
	cr_expect_eq(t.told[1].account.flags, OF_ACCOUNT_OVERFLOW);
	cr_expect_eq(tracked_execution(&t, CURL)->sent, 90);
}

Test(accounts, of_the_machine)
{
	struct of_account a = { .flags = OF_ACCOUNT_OVERFLOW | OF_ACCOUNT_MACHINE, .sent = 70 };

	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_null(t.told[0].account.who);
	cr_expect_eq(t.told[0].account.class, CLASS_UNKNOWN);
	tracked_tick(&t, 1000 * SECOND);
	cr_expect_eq(track_stats(t.track).accounts, 1, "it belongs to nobody who ends");
}

Test(accounts, a_full_table_is_said)
{
	uint16_t port;

	for (port = 1; port <= 70; port++)
		rec_account(&t.s, CURL, FAR, port, 1);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 64);
	cr_expect_eq(track_stats(t.track).accounts, 64);
	cr_expect_eq(track_stats(t.track).refused, 6);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 6);
	rec_loss(&t.s, 2);
	tracked_run(&t);
	cr_expect_eq(track_origin(t.track)->loss.tracking, 6, "the kernel knows nothing of it");
}

/* ---- Classes ---- */

#define VIA_LOOPBACK 0x8000 /* no flag of the ABI: the endpoint says so */

struct place {
	char ip[40];
	uint16_t port;
	uint16_t flags;
	uint32_t netns;
	enum endpoint_class class;
};

ParameterizedTestParameters(accounts, classes)
{
	static struct place places[] = {
		{ FAR, 443, 0, NETNS, CLASS_EXTERNAL },
		{ "2001:db8::1", 443, 0, NETNS, CLASS_EXTERNAL },
		{ "10.255.0.1", 443, 0, NETNS, CLASS_INTERNAL },
		{ "fd12::1", 443, 0, NETNS, CLASS_INTERNAL },
		{ "192.168.0.1", 443, 0, NETNS, CLASS_EXTERNAL },
		{ "127.0.0.1", 443, 0, NETNS, CLASS_SELF },
		{ "127.255.255.255", 1, 0, 0, CLASS_SELF },
		{ "::1", 443, 0, NETNS, CLASS_SELF },
		{ FAR, 443, VIA_LOOPBACK, NETNS, CLASS_SELF },
		{ "192.0.2.1", 443, 0, NETNS, CLASS_SELF },
		{ "192.0.2.1", 443, 0, NETNS + 1, CLASS_EXTERNAL },
		{ "192.0.2.2", 443, 0, NETNS, CLASS_EXTERNAL }, /* it is gone again */
		{ "10.0.0.1", 443, 0, NETNS, CLASS_SELF },
		{ "10.0.0.1", 443, 0, NETNS + 1, CLASS_SELF },
		{ "192.0.2.53", 53, 0, NETNS, CLASS_RESOLVER },
		{ "192.0.2.53", 853, 0, NETNS, CLASS_EXTERNAL },
		{ "127.0.0.53", 53, VIA_LOOPBACK, NETNS, CLASS_RESOLVER },
		{ "127.0.0.54", 53, 0, NETNS, CLASS_SELF },
		{ "0.0.0.0", 0, 0, NETNS, CLASS_UNKNOWN },
		{ "::", 9, 0, NETNS, CLASS_UNKNOWN },
		{ FAR, 443, OF_ACCOUNT_OVERFLOW, NETNS, CLASS_UNKNOWN },
		{ "169.254.169.254", 80, 0, NETNS, CLASS_METADATA },
		{ "169.254.169.254", 80, VIA_LOOPBACK, NETNS, CLASS_SELF },
		{ "169.254.169.254", 53, 0, NETNS, CLASS_METADATA },
		{ "169.254.169.253", 53, 0, NETNS, CLASS_EXTERNAL },
		{ "168.63.129.16", 32526, 0, NETNS, CLASS_METADATA },
		{ "100.100.100.200", 80, 0, NETNS, CLASS_METADATA },
		{ "fd00:ec2::254", 80, 0, NETNS, CLASS_METADATA },
		{ "fd00:ec2::253", 53, 0, NETNS, CLASS_INTERNAL },
		{ "fe80::a9fe:a9fe", 80, 0, NETNS, CLASS_METADATA },
		{ "224.0.0.251", 5353, 0, NETNS, CLASS_MULTICAST },
		{ "239.255.255.250", 1900, 0, NETNS, CLASS_MULTICAST },
		{ "240.0.0.1", 9, 0, NETNS, CLASS_EXTERNAL },
		{ "255.255.255.255", 67, 0, NETNS, CLASS_MULTICAST },
		{ "ff02::fb", 5353, 0, NETNS, CLASS_MULTICAST },
	};

	return cr_make_param_array(struct place, places, sizeof(places) / sizeof(places[0]));
}

static void own_places(void)
{
	rec_resolver(&t.s, "192.0.2.53");
	rec_resolver(&t.s, "127.0.0.53");
	rec_addr(&t.s, "192.0.2.1", NETNS, 0);
	rec_addr(&t.s, "192.0.2.2", NETNS, 0);
	rec_addr(&t.s, "192.0.2.2", NETNS, 0);
	rec_addr(&t.s, "10.0.0.1", NETNS, 0);
	rec_addr(&t.s, "10.0.0.1", NETNS + 1, 0);
	rec_addr(&t.s, "192.0.2.2", NETNS, 1);
	rec_addr(&t.s, "192.0.2.99", NETNS, 1);
}

ParameterizedTest(struct place *p, accounts, classes)
{
	struct of_account a = account_of(CURL, p->ip, p->port, 1);

	a.flags = p->flags & ~VIA_LOOPBACK;
	a.to.self = (p->flags & VIA_LOOPBACK) != 0;
	a.netns = p->netns;
	own_places();
	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].account.class, p->class, "%s port %u: %s, not %s", p->ip, p->port,
		     endpoint_class_name(t.told[0].account.class), endpoint_class_name(p->class));
}

/* In a namespace of one's own any address can be made a local one: what goes there says nothing
 * about what goes to the same address by a wire. */
Test(accounts, a_local_route_is_another_far_end)
{
	struct of_account a = account_of(CURL, FAR, 443, 1);

	a.to.self = 1;
	rec_account_of(&t.s, &a);
	a = account_of(CURL, FAR, 443, 4000000);
	a.generation = 1;
	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 2);
	cr_expect_eq(t.told[0].account.class, CLASS_SELF);
	cr_expect_eq(t.told[1].account.class, CLASS_EXTERNAL);
	cr_expect_eq(t.told[1].delta, 4000000);
}

Test(accounts, families_without_addresses)
{
	struct of_account a = { .exec_id = CURL, .to.family = OF_AF_PACKET, .sent = 9 };

	rec_account_of(&t.s, &a);
	a.to = endpoint(FAR, 443);
	a.to.family = OF_AF_VSOCK;
	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 2);
	cr_expect_eq(t.told[0].account.class, CLASS_RAW);
	cr_expect_eq(t.told[1].account.class, CLASS_UNKNOWN);
}

Test(accounts, resolvers_of_the_policy_replace_those_of_the_machine)
{
	tracked_done(&t);
	tracked_init(&t, "version: 1\nnetworks: {resolvers: [198.51.100.53]}\n",
		     (struct track_limits){ 64, 64, SECOND, 0 });
	rec_resolver(&t.s, "192.0.2.53");
	rec_account(&t.s, 1, "192.0.2.53", 53, 1);
	rec_account(&t.s, 1, "198.51.100.53", 53, 1);
	rec_account(&t.s, 1, "198.51.100.53", 443, 1);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 3);
	cr_expect_eq(t.told[0].account.class, CLASS_EXTERNAL);
	cr_expect_eq(t.told[1].account.class, CLASS_RESOLVER);
	cr_expect_eq(t.told[2].account.class, CLASS_EXTERNAL);
}

Test(accounts, more_addresses_than_a_machine_has)
{
	struct of_rec_addr r = { .netns = NETNS };
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		memcpy(r.addr, &i, sizeof(i));
		r.addr[15] = 1;
		stream_add(&t.s, &r, sizeof(r), OF_REC_ADDR);
	}
	rec_addr(&t.s, FAR, NETNS, 0);
	rec_account(&t.s, CURL, FAR, 443, 1);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].account.class, CLASS_EXTERNAL, "no room: judged rather than not");
}

/* ---- Attempts ---- */

Test(accounts, an_attempt_is_told_after_half_a_second)
{
	rec_connect(&t.s, CURL_PID, FAR, 443);
	tracked_tick(&t, SECOND + 500 * MS);
	cr_expect_eq(t.told_n, 0);
	tracked_tick(&t, SECOND + 500 * MS + 1);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].kind, SUBJECT_ATTEMPT);
	cr_expect_eq(t.told[0].delta, 0);
	cr_expect_eq(t.told[0].exec_id, CURL);
	cr_expect_eq(t.told[0].account.class, CLASS_EXTERNAL);
	cr_expect_eq(t.told[0].account.sent, 0);
	tracked_tick(&t, 9 * SECOND);
	cr_expect_eq(t.told_n, 0, "once");
}

Test(accounts, no_attempt_when_bytes_came)
{
	rec_connect(&t.s, CURL_PID, FAR, 443);
	t.s.now_ns = SECOND + 400 * MS;
	rec_account(&t.s, CURL, FAR, 443, 1);
	tracked_run(&t);
	cr_expect_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].account.netns, NETNS);
	rec_connect(&t.s, CURL_PID, FAR, 443); /* nor again where bytes went before */
	tracked_tick(&t, 9 * SECOND);
	cr_expect_eq(t.told_n, 0);
}

Test(accounts, attempts_are_told_in_their_order)
{
	uint16_t port;

	for (port = 1; port <= 10; port++) {
		rec_connect(&t.s, CURL_PID, FAR, port);
		t.s.now_ns += 100 * MS;
	}
	rec_account(&t.s, CURL, FAR, 2, 1);
	tracked_tick(&t, SECOND + 901 * MS); /* those that began until 1.4 s */
	cr_assert_eq(t.told_n, 1 + 4);
	cr_expect_eq(t.told[1].account.to.port, 1);
	cr_expect_eq(t.told[2].account.to.port, 3);
	cr_expect_eq(t.told[4].account.to.port, 5);
	tracked_tick(&t, 9 * SECOND);
	cr_expect_eq(t.told_n, 5);
}

Test(accounts, attempts_that_go_nowhere)
{
	own_places();
	rec_connect(&t.s, CURL_PID, "127.0.0.1", 80);
	rec_connect(&t.s, CURL_PID, "::1", 80);
	rec_connect(&t.s, CURL_PID, "0.0.0.0", 80);
	rec_connect(&t.s, CURL_PID, "192.0.2.1", 80); /* own, though the hook knows no netns */
	rec_connect(&t.s, CURL_PID, "10.0.0.1", 80);
	rec_connect(&t.s, CURL_PID + 1, FAR, 80); /* nobody's */
	tracked_tick(&t, 9 * SECOND);
	cr_expect_eq(t.told_n, 0);
	cr_expect_eq(track_stats(t.track).accounts, 0);
}

/* What waits for its half second goes with its execution, from any place in the row. */
Test(accounts, attempts_of_executions_that_go)
{
	uint32_t i;

	for (i = 0; i < 6; i++) {
		rec_exec(&t.s, 10 + i, 0, 200 + i, "/bin/a");
		rec_connect(&t.s, 200 + i, FAR, 443);
	}
	rec_exit(&t.s, 13, 203); /* in the middle, the last, the first */
	rec_exit(&t.s, 15, 205);
	rec_exit(&t.s, 10, 200);
	t.s.now_ns = 10 * SECOND;
	for (i = 1; i <= 64; i++) /* needs their room */
		rec_exec(&t.s, 100 + i, 0, 1000 + i, "/bin/b");
	rec_connect(&t.s, 1001, FAR, 443);
	tracked_tick(&t, 11 * SECOND);
	cr_expect_eq(track_stats(t.track).evicted, 3);
	cr_assert_eq(t.told_n, 4);
	cr_expect_eq(t.told[0].exec_id, 11);
	cr_expect_eq(t.told[1].exec_id, 12);
	cr_expect_eq(t.told[2].exec_id, 14);
	cr_expect_eq(t.told[3].exec_id, 101);
}
