/* SPDX-License-Identifier: BSD-2-Clause */
/* When the names of far ends are settled, and that every byte is judged once, whatever the order.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "naming_world.h"

static struct world w;

static void stop(void)
{
	world_stop(&w);
}

TestSuite(naming_settle, .fini = stop, .timeout = 60);

static struct stream *s(void)
{
	return &w.t.s;
}

static bool is_settled(uint64_t id, const char *ip, uint16_t port)
{
	return (tracked_account(&w.t, id, ip, port)->names.flags & NAMES_SETTLED) != 0;
}

Test(naming_settle, by_time)
{
	world_start(&w, STRANGE);
	rec_account(s(), CURL, FAR, 443, 100);
	world_run(&w);
	world_tick(&w, 3 * SECOND - 1);
	cr_expect_not(is_settled(CURL, FAR, 443));
	cr_expect_eq(w.judged_n, 0);
	world_tick(&w, 3 * SECOND);
	cr_expect(is_settled(CURL, FAR, 443));
	cr_assert_eq(w.judged_n, 1);
	cr_expect_eq(w.judged[0].sent, 100);
	cr_expect_eq(w.named_n, 1);
	world_tick(&w, 30 * SECOND);
	cr_expect_eq(w.judged_n, 1);
}

Test(naming_settle, by_the_end_of_a_beginning)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443), .exec_id = CURL, .names_n = 1 };

	world_start(&w, STRANGE);
	rec_account(s(), CURL, FAR, 443, 100);
	r.names[0].source = OF_NAME_SNI;
	(void)snprintf(r.names[0].host, sizeof(r.names[0].host), EVIL);
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect_not(is_settled(CURL, FAR, 443), "more may come");
	cr_expect_eq(w.named_n, 1);
	cr_expect_eq(w.judged_n, 0);
	r.names_n = 0;
	r.flags = OF_FLOW_DONE;
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect(is_settled(CURL, FAR, 443));
	cr_expect_eq(w.judged_n, 1);
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect_eq(w.named_n, 2, "nothing new");
}

/* The lookup was not told when the account was, but is when it settles. */
Test(naming_settle, names_that_come_meanwhile_count)
{
	world_start(&w, STRANGE);
	rec_account(s(), CURL, FAR, 443, 100);
	world_run(&w);
	s()->now_ns = 2 * SECOND;
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(w.judged_n, 0);
	cr_expect_str_eq(tracked_account(&w.t, CURL, FAR, 443)->label, GOOD);
}

Test(naming_settle, a_late_lookup_confirms_what_was_said)
{
	world_start(&w, STRANGE);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	world_run(&w);
	cr_expect_eq(w.judged_n, 1, "nothing confirms it");
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 200);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443),
			 "sni:good.example.org+ dns:good.example.org+");
	cr_expect_eq(w.judged_n, 1, "what comes now is excused");
}

Test(naming_settle, what_a_flow_says_waits_for_its_account)
{
	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), WGET, FAR, 443, OF_NAME_SNI, EVIL);
	rec_account(s(), WGET, FAR, 443, 100);
	world_run(&w);
	cr_expect(is_settled(CURL, FAR, 443));
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443),
			 "sni:good.example.org+ dns:good.example.org+");
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
	cr_expect_eq(w.named_n, 0, "told with them for the first time");
}

/* Who makes the socket sends by it; who runs when the packet leaves may be anybody. */
Test(naming_settle, by_the_creator_of_the_socket)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443),
				 .exec_id = OTHER,
				 .creator = CURL,
				 .flags = OF_FLOW_DONE,
				 .names_n = 1,
				 .names = { { .source = OF_NAME_SNI, .host = EVIL } } };

	world_start(&w, STRANGE);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "sni:evil.example.net");
	cr_expect_eq(w.judged_n, 1);
	r.to.self = 1; /* as a packet shows it */
	r.exec_id = 0;
	(void)snprintf(r.names[0].host, sizeof(r.names[0].host), "b.example");
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "sni:evil.example.net sni:b.example");
}

Test(naming_settle, flows_without_an_account_are_counted)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 1), .exec_id = 99, .flags = OF_FLOW_DONE };
	uint32_t i;

	world_start(&w, STRANGE);
	for (i = 0; i < 2 * OF_KEPT_FLOWS; i++) {
		r.to.port = (uint16_t)i;
		rec_flow_of(s(), &r);
	}
	world_run(&w);
	cr_expect_eq(track_stats(w.t.track).names_lost, 0);
	r.to.port = 50000;
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect_eq(track_stats(w.t.track).names_lost, 1, "there is room for so many");
	world_tick(&w, 612 * SECOND);
	cr_expect_eq(track_stats(w.t.track).names_lost, OF_KEPT_FLOWS * 2 + 1, "and for so long");
	/* Of two that may be meant one is enough. */
	r.exec_id = CURL;
	r.creator = WORK;
	rec_account(s(), CURL, FAR, 50000, 1);
	rec_flow_of(s(), &r);
	world_tick(&w, 1300 * SECOND);
	cr_expect_eq(track_stats(w.t.track).names_lost, OF_KEPT_FLOWS * 2 + 1);
	r.to.port++;
	rec_flow_of(s(), &r);
	world_tick(&w, 2000 * SECOND);
	cr_expect_eq(track_stats(w.t.track).names_lost, OF_KEPT_FLOWS * 2 + 2);
}

/* It comes before the accounts, of which some are gone meanwhile. */
Test(naming_settle, what_was_said_to_a_daemon_before)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443),
				 .exec_id = CURL,
				 .flags = OF_FLOW_DONE | OF_FLOW_KEPT,
				 .names_n = 1,
				 .names = { { .source = OF_NAME_SNI, .host = EVIL } } };

	world_start(&w, STRANGE);
	rec_flow_of(s(), &r);
	(void)snprintf(r.names[0].host, sizeof(r.names[0].host), "b.example");
	rec_flow_of(s(), &r);
	r.exec_id = 99;
	rec_flow_of(s(), &r);
	rec_account(s(), CURL, FAR, 443, 100);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "sni:evil.example.net sni:b.example");
	world_tick(&w, 700 * SECOND);
	cr_expect_eq(track_stats(w.t.track).names_lost, 0, "nobody waits for an account of his");
}

/* ---- Bytes ---- */

static uint64_t volume(void)
{
	return w.judged_n == 0 ? 0 : w.judged[w.judged_n - 1].sent;
}

Test(naming_settle, every_byte_counts_once)
{
	world_start(&w, VOLUME);
	rec_account(s(), CURL, FAR, 443, 100);
	s()->now_ns += 100 * MS;
	rec_account(s(), CURL, FAR, 443, 250);
	world_run(&w);
	cr_expect_eq(w.judged_n, 0);
	world_tick(&w, 3 * SECOND);
	cr_expect_eq(volume(), 250, "all that was told while it waited");
	rec_account(s(), CURL, FAR, 443, 300);
	world_run(&w);
	cr_expect_eq(volume(), 300);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, EVIL);
	rec_dns(s(), CURL, RESOLVER, EVIL, FAR);
	rec_account(s(), CURL, FAR, 443, 301);
	world_run(&w);
	cr_expect_eq(volume(), 301, "names that change nothing add nothing");
}

/* It was excused by its name, and then said another: what it had sent counts, and once. */
Test(naming_settle, what_was_excused_may_count_later)
{
	world_start(&w, VOLUME);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	world_run(&w);
	cr_expect_eq(w.judged_n, 0);
	/* The same lineage asks for another name that leads there, and sends; nothing is said. */
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, EVIL);
	world_run(&w);
	cr_expect_eq(volume(), 100);
	rec_account(s(), CURL, FAR, 443, 150);
	world_run(&w);
	cr_expect_eq(volume(), 150);
}

/* A child goes on with a connection that its parent began. */
static void handed_on(const char *host)
{
	struct of_account a = account_of(CURL, FAR, 443, 100);

	world_start(&w, VOLUME);
	world_tick(&w, SECOND);
	rec_dns(s(), WORK, RESOLVER, GOOD, FAR);
	rec_account(s(), WORK, FAR, 443, 10);
	rec_flow(s(), WORK, FAR, 443, OF_NAME_SNI, host);
	a.creator = WORK;
	rec_account_of(s(), &a);
	world_tick(&w, 4 * SECOND);
}

Test(naming_settle, what_its_maker_said_is_of_a_socket_that_was_handed_on)
{
	handed_on(GOOD);
	cr_expect_eq(w.judged_n, 0);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443),
			 "sni:good.example.org+ dns:good.example.org+");
}

Test(naming_settle, also_what_excuses_nothing)
{
	handed_on(EVIL);
	cr_expect_eq(w.judged_n, 2);
}

/* Counted, then excused, then not: what was counted before does not count again. */
Test(naming_settle, what_was_counted_and_excused_counts_once)
{
	world_start(&w, VOLUME);
	rec_account(s(), CURL, FAR, 443, 100);
	world_tick(&w, 3 * SECOND);
	cr_expect_eq(volume(), 100);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	rec_account(s(), CURL, FAR, 443, 150);
	world_run(&w);
	cr_expect_eq(w.judged_n, 1);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, EVIL);
	world_run(&w);
	cr_expect_eq(w.judged_n, 2);
	cr_expect_eq(volume(), 150);
	rec_account(s(), CURL, FAR, 443, 160);
	world_run(&w);
	cr_expect_eq(volume(), 160);
}

Test(naming_settle, names_asked_for_later_come_with_the_next_bytes)
{
	world_start(&w, VOLUME);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(w.judged_n, 0);
	rec_dns(s(), CURL, RESOLVER, EVIL, FAR);
	rec_account(s(), CURL, FAR, 443, 150);
	world_run(&w);
	cr_expect_eq(w.judged[0].sent, 100, "those before");
	cr_expect_eq(volume(), 150, "and these");
}

/* A look told it without its argv, the ring does so later: what was told meanwhile counts once. */
static void gain_after(uint64_t ns)
{
	static const char argv[] = "tool\0scan";
	struct of_exec e = exec_of(20, OTHER, 300, "tool");

	world_start(&w, "- {id: v, when: {role: late, endpoint: {not_in: [good]}, "
			"sent: {over: 1, within: 1h}}}\n");
	rec_exec_of(s(), &e, "/usr/bin/tool", "", 0);
	rec_account(s(), 20, FAR, 443, 100);
	world_tick(&w, SECOND + ns);
	rec_exec_of(s(), &e, "/usr/bin/tool", argv, sizeof(argv));
	world_run(&w);
	rec_account(s(), 20, FAR, 443, 110);
	world_run(&w);
	world_tick(&w, 10 * SECOND);
	rec_account(s(), 20, FAR, 443, 115);
	world_run(&w);
	cr_expect_eq(volume(), 115);
}

Test(naming_settle, a_role_gained_while_names_wait)
{
	gain_after(SECOND);
	cr_expect_eq(w.judged[0].time_ns, 10 * SECOND);
}

Test(naming_settle, a_role_gained_when_they_have_settled)
{
	gain_after(3 * SECOND);
	cr_expect_eq(w.judged[0].sent, 100);
}

/* A rule that asks nothing of names does not wait, unless it counts by them. */
Test(naming_settle, what_needs_no_names_does_not_wait)
{
	world_start(&w, STRANGE
		    "- {id: net, when: {role: w, endpoint: {not_in: [nets]}, "
		    "sent: {over: 10, within: 1h}}}\n"
		    "- {id: all, when: {role: w, sent: {over: 10, within: 1h}}}\n"
		    "- {id: per, when: {role: w, sent: {over: 10, within: 1h, per: endpoint}}}\n");
	rec_account(s(), CURL, FAR, 443, 100);
	rec_account(s(), WGET, "198.51.100.3", 443, 100);
	world_run(&w);
	cr_expect_eq(world_count(&w, "net", CURL), 1);
	cr_expect_eq(world_count(&w, "all", 0), 2);
	cr_expect_eq(world_count(&w, "per", 0), 0);
	cr_expect_eq(world_count(&w, "strange", 0), 0);
	world_tick(&w, 3 * SECOND);
	cr_expect_eq(world_count(&w, "net", 0), 1, "once");
	cr_expect_eq(world_count(&w, "all", 0), 2);
	cr_expect_eq(world_count(&w, "per", CURL), 1);
	cr_expect_eq(world_count(&w, "strange", WGET), 0, "its address is listed");
}

Test(naming_settle, attempts_wait_too)
{
	world_start(&w, STRANGE VOLUME);
	rec_dns(s(), CURL, RESOLVER, GOOD, "203.0.113.50");
	w.t.s.now_ns = SECOND;
	rec_connect(s(), CURL + 100, FAR, 443);
	rec_connect(s(), CURL + 100, "203.0.113.50", 443);
	world_run(&w);
	world_tick(&w, 2 * SECOND);
	cr_expect_eq(w.judged_n, 0);
	world_tick(&w, 4 * SECOND);
	cr_assert_eq(w.judged_n, 1);
	cr_expect_str_eq(w.judged[0].rule, "strange");
	cr_expect_eq(w.judged[0].sent, 0);
}

/* A connect knows no network namespace; what is sent then may be in another than was thought. */
Test(naming_settle, in_another_network_namespace)
{
	struct of_account a = account_of(CURL, FAR, 443, 100);

	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_connect(s(), CURL + 100, FAR, 443);
	world_tick(&w, 4 * SECOND);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "dns:good.example.org+");
	world_tick(&w, 7 * SECOND);
	cr_expect_eq(w.judged_n, 0);
	a.netns = NETNS + 1;
	rec_account_of(s(), &a);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "");
	cr_expect_eq(w.judged_n, 1);
}

Test(naming_settle, what_has_no_address_does_not_wait)
{
	struct of_account a = { .exec_id = CURL, .to.family = OF_AF_PACKET, .sent = 9 };

	world_start(&w, STRANGE "- {id: n, when: {role: w, endpoint: {no_name: true}}}\n"
				"- {id: m, when: {role: w, endpoint: {no_name: false}}}\n");
	rec_account_of(s(), &a);
	a = (struct of_account){ .exec_id = WGET, .flags = OF_ACCOUNT_OVERFLOW, .sent = 5 };
	rec_account_of(s(), &a);
	world_run(&w);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
	cr_expect_eq(world_count(&w, "n", CURL), 0, "it could not have one");
	cr_expect_eq(world_count(&w, "n", WGET), 1, "nobody knows");
	cr_expect_eq(world_count(&w, "m", WGET), 1);
}

/* ---- Without anything that asks for names ---- */

static struct tracked t;

static void plain_stop(void)
{
	tracked_done(&t);
}

Test(naming_plain, nothing_waits, .fini = plain_stop, .timeout = 60)
{
	tracked_init(&t,
		     "version: 1\n"
		     "endpoints: {a: [192.0.2.1], n: [a.example]}\n"
		     "rules: [{id: r, when: {endpoint: {not_in: [a]}}},\n"
		     "  {id: off, when: {endpoint: {not_in: [n], first_seen: true}}}]\n",
		     (struct track_limits){ 64, 64, 60 * SECOND, 0 });
	rec_exec(&t.s, 1, 0, 100, "/usr/bin/curl");
	rec_dns(&t.s, 1, "192.0.2.53", GOOD, FAR);
	rec_account(&t.s, 1, FAR, 443, 10);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect(t.told[0].account.names.flags & NAMES_SETTLED);
	cr_expect_eq(t.told[0].account.names.n, 1, "and they are known all the same");
	cr_expect_null(tracked_account(&t, 1, FAR, 443)->label, "nobody who counts said so");
	rec_flow(&t.s, 1, FAR, 443, OF_NAME_SNI, GOOD);
	tracked_run(&t);
	cr_assert_eq(t.told_n, 1);
	cr_expect_eq(t.told[0].kind, SUBJECT_NAMED);
	cr_expect_eq(t.told[0].delta, 10);
	tracked_tick(&t, 60 * SECOND);
	cr_expect_eq(t.told_n, 0);
}

/* A recording of a version that learned no names: nothing is proved, and everything is judged. */
Test(naming_settle, a_recording_without_names)
{
	world_start(&w, STRANGE);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_account(s(), WGET, "198.51.100.7", 443, 100);
	world_tick(&w, 5 * SECOND);
	cr_assert_eq(w.judged_n, 1);
	cr_expect_eq(w.judged[0].exec_id, CURL);
	cr_expect_eq(w.judged[0].key.to.family, OF_AF_INET, "by its address");
}

/* Where no beginning of a connection was read, that it says no name means nothing; what is older
 * than the daemon began when nobody read. */
Test(naming_settle, what_was_not_read_is_not_excused)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443), .exec_id = CURL };

	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	world_tick(&w, 10 * SECOND);
	world_tick(&w, 20 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 0, "older than the daemon");
	rec_dns(s(), CURL, RESOLVER, GOOD, "203.0.113.10");
	rec_account(s(), CURL, "203.0.113.10", 443, 100);
	world_tick(&w, 30 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 1, "nothing was heard");
	rec_dns(s(), CURL, RESOLVER, GOOD, "203.0.113.11");
	rec_account(s(), CURL, "203.0.113.11", 443, 100);
	r.to = endpoint("203.0.113.11", 443);
	r.flags = OF_FLOW_READ;
	rec_flow_of(s(), &r);
	world_tick(&w, 40 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 1, "heard, and nothing said");
}

/* ---- Bounds ---- */

Test(naming_settle, of_many_names_the_said_stay)
{
	char host[32];
	const struct account *a;
	size_t i;

	world_start(&w, STRANGE "- {id: m, when: {role: w, endpoint: {name_mismatch: true}}}\n");
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	for (i = 0; i < ENDPOINT_NAMES_MAX + 4; i++) {
		s()->now_ns += MS;
		(void)snprintf(host, sizeof(host), "n%zu.example", i);
		rec_dns(s(), i < 4 ? OTHER : CURL, RESOLVER, host, FAR);
	}
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	world_run(&w);
	a = tracked_account(&w.t, CURL, FAR, 443);
	cr_assert_eq(a->names.n, ENDPOINT_NAMES_MAX);
	cr_expect_str_eq(a->names.name[0].host, GOOD);
	cr_expect(a->names.flags & NAMES_MORE_ASKED);
	cr_expect_not(a->names.flags & NAMES_MORE);
	cr_expect_eq(world_count(&w, "strange", CURL), 0, "what it says decides");
	cr_expect_eq(world_count(&w, "m", CURL), 0, "and what that is compared with is kept");
}

Test(naming_settle, more_said_than_is_kept_proves_nothing)
{
	char host[32];
	size_t i;

	world_start(&w, STRANGE);
	for (i = 0; i <= ENDPOINT_NAMES_MAX; i++) {
		(void)snprintf(host, sizeof(host), "n%zu.ok.example", i);
		rec_dns(s(), CURL, RESOLVER, host, FAR);
	}
	rec_account(s(), CURL, FAR, 443, 100);
	for (i = 0; i < ENDPOINT_NAMES_MAX; i++) {
		(void)snprintf(host, sizeof(host), "n%zu.ok.example", i);
		rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, host);
	}
	world_run(&w);
	cr_expect_eq(w.judged_n, 0);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, "n64.ok.example");
	world_run(&w);
	cr_expect(tracked_account(&w.t, CURL, FAR, 443)->names.flags & NAMES_MORE);
	cr_expect_eq(w.judged_n, 1);
}

/* The dead go with all that hangs on them. */
Test(naming_settle, accounts_go_while_they_wait)
{
	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, EVIL, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, EVIL);
	rec_account(s(), CURL, "203.0.113.10", 443, 100);
	rec_exit(s(), CURL, CURL + 100);
	world_run(&w);
	s()->now_ns = 1000 * SECOND;
	rec_tick(s());
	world_run(&w);
	cr_expect_eq(track_stats(w.t.track).accounts, 0);
	cr_expect_eq(world_count(&w, "strange", CURL), 2, "judged before they went");
}
