/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of far ends, from records to verdicts: what is proved, and what only claimed. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "naming_world.h"

#define TRAITS                                                                 \
	"- {id: nameless, when: {role: w, endpoint: {no_name: true}}}\n"       \
	"- {id: mismatch, when: {role: w, endpoint: {name_mismatch: true}}}\n" \
	"- {id: ech, when: {role: w, endpoint: {ech: true}}}\n"                \
	"- {id: plain, when: {role: w, endpoint: {no_name: false, ech: false}}}\n"

static struct world w;

static void stop(void)
{
	world_stop(&w);
}

TestSuite(naming, .fini = stop, .timeout = 60);

static struct stream *s(void)
{
	return &w.t.s;
}

/* Asked for, sent to, and said. */
static void visit(uint64_t id, const char *host, const char *ip)
{
	s()->now_ns += 10 * MS;
	rec_dns(s(), id, RESOLVER, host, ip);
	rec_account(s(), id, ip, 443, 100);
	rec_flow(s(), id, ip, 443, OF_NAME_SNI, host);
	world_run(&w);
}

/* ---- Two names on one address, one allowed ---- */

Test(naming, the_allowed_name_first)
{
	world_start(&w, STRANGE);
	visit(CURL, GOOD, FAR);
	cr_expect_eq(world_count(&w, "strange", 0), 0);
	visit(WGET, EVIL, FAR);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
	cr_expect_str_eq(world_names(&w, WGET, FAR, 443),
			 "sni:evil.example.net+ dns:evil.example.net+ dns:good.example.org+");
}

Test(naming, the_other_name_first)
{
	world_start(&w, STRANGE);
	visit(WGET, EVIL, FAR);
	visit(CURL, GOOD, FAR);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
	world_tick(&w, 10 * SECOND);
	cr_expect_eq(w.judged_n, 1);
}

/* One process, one address, connections after each other: once is enough, and both count. */
Test(naming, both_names_from_one_process)
{
	world_start(&w, STRANGE);
	visit(CURL, GOOD, FAR);
	cr_expect_eq(w.judged_n, 0);
	rec_dns(s(), CURL, RESOLVER, EVIL, FAR);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, EVIL);
	rec_account(s(), CURL, FAR, 443, 300);
	world_run(&w);
	cr_assert_eq(w.judged_n, 2);
	cr_expect_str_eq(w.judged[0].rule, "strange");
	cr_expect_eq(memcmp(&w.judged[0].key, &w.judged[1].key, sizeof(w.judged[0].key)), 0,
		     "one alert");
}

/* A name that comes after the verdict raises nothing twice. */
Test(naming, a_stronger_name_later_is_the_same_alert)
{
	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, EVIL, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	world_run(&w);
	cr_expect_eq(w.judged_n, 0, "waits");
	world_tick(&w, 3 * SECOND);
	cr_expect_eq(w.judged_n, 1);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, "other.example");
	rec_account(s(), CURL, FAR, 443, 200);
	world_run(&w);
	cr_assert_eq(w.judged_n, 2, "an update of what was sent");
	cr_expect_eq(memcmp(&w.judged[0].key, &w.judged[1].key, sizeof(w.judged[0].key)), 0);
	cr_expect_str_eq(tracked_account(&w.t, CURL, FAR, 443)->label, EVIL);
	cr_expect_eq(w.judged[0].key.to.family, 0);
	cr_expect_eq(w.judged[0].key.to.port, 443);
}

/* One name, many addresses: one alert. */
Test(naming, a_named_place_is_one)
{
	world_start(&w, STRANGE);
	visit(CURL, EVIL, FAR);
	visit(CURL, EVIL, "203.0.113.10");
	visit(CURL, "evil2.example.net", "203.0.113.11");
	cr_assert_eq(w.judged_n, 3);
	cr_expect_eq(memcmp(&w.judged[0].key, &w.judged[1].key, sizeof(w.judged[0].key)), 0);
	cr_expect_neq(memcmp(&w.judged[0].key, &w.judged[2].key, sizeof(w.judged[0].key)), 0);
}

/* ---- What is claimed ---- */

Test(naming, an_answer_of_a_strange_server_excuses_nothing)
{
	world_start(&w, STRANGE TRAITS);
	rec_dns(s(), CURL, "198.51.100.99", GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443),
			 "sni:good.example.org dns:good.example.org");
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "mismatch", CURL), 0, "it was asked for");
	/* The same server, for somebody else. */
	rec_account(s(), WGET, FAR, 443, 100);
	world_tick(&w, 3 * SECOND);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
}

Test(naming, the_port_of_a_resolver_counts)
{
	struct of_rec_dns r = { .server = endpoint("192.0.2.54", 5353),
				.exec_id = CURL,
				.flags = OF_DNS_ANSWER | OF_DNS_HOST,
				.addrs_n = 1,
				.name = GOOD,
				.addrs = { { .ttl = 5 } } };

	world_start(&w, STRANGE);
	memcpy(r.addrs[0].addr, endpoint(FAR, 1).addr, 16);
	rec_dns_of(s(), &r);
	rec_dns(s(), CURL, "192.0.2.54", GOOD, "203.0.113.10"); /* port 53 */
	rec_account(s(), CURL, FAR, 443, 1);
	rec_account(s(), CURL, "203.0.113.10", 443, 1);
	world_tick(&w, 3 * SECOND);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "dns:good.example.org+");
	cr_expect_str_eq(world_names(&w, CURL, "203.0.113.10", 443), "dns:good.example.org");
	cr_expect_eq(w.judged_n, 1);
}

/* In a container everybody can listen where the machine has its stub. */
Test(naming, a_resolver_on_loopback_counts_at_home)
{
	struct of_rec_host host = { .host = "h", .boot_id = "b", .netns = 77 };
	struct of_rec_dns r = { .server = endpoint("127.0.0.53", 53),
				.exec_id = CURL,
				.flags = OF_DNS_ANSWER | OF_DNS_HOST,
				.addrs_n = 1,
				.name = GOOD,
				.addrs = { { .ttl = 5 } } };
	struct of_account a = account_of(CURL, FAR, 443, 1);

	world_start(&w, "- {id: strange, when: {endpoint: {not_in: [good]}}}\n");
	stream_add(s(), &host, sizeof(host), OF_REC_HOST);
	memcpy(r.addrs[0].addr, endpoint(FAR, 1).addr, 16);
	rec_dns_of(s(), &r);
	r.netns = 77;
	rec_dns_of(s(), &r);
	rec_account_of(s(), &a);
	a.exec_id = WGET;
	a.netns = 77;
	rec_account_of(s(), &a);
	world_tick(&w, 3 * SECOND);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "dns:good.example.org");
	cr_expect_str_eq(world_names(&w, WGET, FAR, 443), "dns:good.example.org+");
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "strange", WGET), 0);
}

/* SNI of an allowed host, sent to an address that it has not. */
Test(naming, an_allowed_name_at_a_foreign_address)
{
	world_start(&w, STRANGE TRAITS);
	rec_dns(s(), CURL, RESOLVER, GOOD, "203.0.113.50");
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	world_run(&w);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "sni:good.example.org");
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "mismatch", CURL), 1);
	cr_expect_eq(world_count(&w, "nameless", CURL), 0);
}

/* Fronting: asked for one name, said another, both at one address. */
Test(naming, another_name_than_asked_for)
{
	world_start(&w, STRANGE TRAITS);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, EVIL);
	world_run(&w);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "mismatch", CURL), 1);
}

/* The Host inside is what counts, too. */
Test(naming, all_that_it_says_must_be_listed)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443),
				 .exec_id = CURL,
				 .flags = OF_FLOW_DONE,
				 .names_n = 2,
				 .names = { { .source = OF_NAME_SNI, .host = GOOD },
					    { .source = OF_NAME_HOST, .host = EVIL } } };

	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow_of(s(), &r);
	world_run(&w);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
}

Test(naming, what_others_asked_for_is_not_asked)
{
	world_start(&w, STRANGE TRAITS);
	rec_dns(s(), OTHER, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	world_tick(&w, 3 * SECOND);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443), "dns:good.example.org+?");
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "nameless", CURL), 1);
	cr_expect_eq(world_count(&w, "plain", CURL), 0);
	cr_expect_null(tracked_account(&w.t, CURL, FAR, 443)->label);
}

Test(naming, in_holds_for_any_name_that_is_known)
{
	world_start(&w, "- {id: bad, when: {role: w, endpoint: {in: [bad]}}}\n");
	rec_dns(s(), OTHER, "198.51.100.99", EVIL, FAR); /* forged, and not asked for */
	rec_account(s(), CURL, FAR, 443, 100);
	rec_account(s(), WGET, "198.51.100.66", 443, 100);
	rec_account(s(), WORK, "203.0.113.77", 443, 100);
	world_tick(&w, 3 * SECOND);
	cr_expect_eq(world_count(&w, "bad", CURL), 1);
	cr_expect_eq(world_count(&w, "bad", WGET), 1, "by its address");
	cr_expect_eq(world_count(&w, "bad", WORK), 0);
}

/* ---- Encrypted, nameless, not understood ---- */

static void flow(uint64_t id, uint32_t flags, const char *host)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443), .exec_id = id, .flags = flags };

	if (host != NULL) {
		r.names_n = 1;
		r.names[0].source = OF_NAME_SNI;
		(void)snprintf(r.names[0].host, sizeof(r.names[0].host), "%s", host);
	}
	rec_flow_of(s(), &r);
}

Test(naming, encrypted_hello_needs_what_was_asked_for)
{
	world_start(&w, STRANGE TRAITS);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	flow(CURL, OF_FLOW_DONE | OF_FLOW_TLS | OF_FLOW_ECH, GOOD);
	world_run(&w);
	cr_expect_eq(world_count(&w, "strange", CURL), 0, "GREASE, to what it says");
	cr_expect_eq(world_count(&w, "ech", CURL), 1);
	cr_expect_eq(world_count(&w, "plain", CURL), 0);
	/* Another process of the same session asks for what it hides. */
	rec_dns(s(), WGET, RESOLVER, EVIL, FAR);
	rec_account(s(), WGET, FAR, 443, 100);
	flow(WGET, OF_FLOW_DONE | OF_FLOW_TLS | OF_FLOW_ECH, GOOD);
	world_run(&w);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
	/* Without the encrypted one what it says would do. */
	rec_account(s(), WORK, FAR, 443, 100);
	flow(WORK, OF_FLOW_DONE | OF_FLOW_TLS, GOOD);
	world_run(&w);
	cr_expect_eq(world_count(&w, "strange", WORK), 0);
}

Test(naming, an_address_without_a_name)
{
	world_start(&w, STRANGE TRAITS);
	rec_account(s(), CURL, FAR, 443, 100);
	flow(CURL, OF_FLOW_DONE | OF_FLOW_TLS, NULL);
	world_run(&w);
	cr_expect_eq(world_count(&w, "nameless", CURL), 1);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "mismatch", CURL), 0);
	/* Asked for, and not said: it has one. */
	rec_dns(s(), WGET, RESOLVER, GOOD, "203.0.113.10");
	rec_account(s(), WGET, "203.0.113.10", 443, 100);
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(world_count(&w, "nameless", WGET), 0);
	cr_expect_eq(world_count(&w, "strange", WGET), 0);
	cr_expect_eq(world_count(&w, "plain", WGET), 1);
}

Test(naming, what_was_not_understood_proves_nothing)
{
	static const uint32_t flags[] = { OF_FLOW_INVALID, OF_FLOW_LOST, OF_FLOW_ADDRESS };
	static const uint64_t who[] = { CURL, WGET, WORK };
	size_t i;

	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	for (i = 0; i < 3; i++) {
		rec_account(s(), who[i], FAR, 443, 100);
		flow(who[i], OF_FLOW_DONE | flags[i], GOOD);
	}
	world_run(&w);
	for (i = 0; i < 3; i++)
		cr_expect_eq(world_count(&w, "strange", who[i]), 1, "%#x", flags[i]);
}

/* ---- Proxies ---- */

static void ask_proxy(uint64_t id, const char *proxy, const char *target, uint16_t port,
		      const char *inside)
{
	struct of_rec_flow r = { .to = endpoint(proxy, 3128),
				 .exec_id = id,
				 .flags = OF_FLOW_DONE | OF_FLOW_PROXY,
				 .names_n = 1,
				 .names = { { .source = OF_NAME_CONNECT, .port = port } } };

	(void)snprintf(r.names[0].host, sizeof(r.names[0].host), "%s", target);
	if (inside != NULL) {
		r.names[r.names_n].source = OF_NAME_SNI;
		(void)snprintf(r.names[r.names_n++].host, sizeof(r.names[0].host), "%s", inside);
	}
	rec_account(s(), id, proxy, 3128, 100);
	rec_flow_of(s(), &r);
	world_run(&w);
}

Test(naming, a_proxy_is_judged_by_its_target)
{
	world_start(&w, STRANGE TRAITS);
	ask_proxy(CURL, PROXY, GOOD, 443, GOOD);
	cr_expect_str_eq(world_names(&w, CURL, PROXY, 3128),
			 "connect:good.example.org+ sni:good.example.org");
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
	cr_expect_eq(world_count(&w, "mismatch", CURL), 0, "who asks a proxy asks no resolver");
	/* The proxy itself is listed, which says nothing of what it is asked for. */
	ask_proxy(WGET, PROXY, EVIL, 443, NULL);
	cr_expect_eq(world_count(&w, "strange", WGET), 1);
	cr_expect_str_eq(tracked_account(&w.t, WGET, PROXY, 3128)->label, EVIL);
	ask_proxy(WORK, PROXY, GOOD, 22, NULL);
	cr_expect_eq(world_count(&w, "strange", WORK), 1, "the port is the target's");
}

Test(naming, what_is_said_in_a_tunnel_is_listed_too)
{
	world_start(&w, STRANGE);
	ask_proxy(CURL, PROXY, GOOD, 443, EVIL);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	ask_proxy(WGET, PROXY, GOOD, 443, "deep.below.ok.example");
	cr_expect_eq(world_count(&w, "strange", WGET), 0);
	ask_proxy(WORK, PROXY, GOOD, 443, "ok.example");
	cr_expect_eq(world_count(&w, "strange", WORK), 1, "*.host is not host");
}

Test(naming, whoever_calls_himself_a_proxy_is_none)
{
	world_start(&w, STRANGE);
	ask_proxy(CURL, FAR, GOOD, 443, NULL);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 3128), "connect:good.example.org");
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
}

Test(naming, a_proxy_on_loopback)
{
	world_start(&w, STRANGE "- {id: out, when: {role: w, endpoint: {class: external}, "
				"sent: {over: 50, within: 1h}}}\n");
	ask_proxy(CURL, "127.0.0.1", EVIL, 443, NULL);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(world_count(&w, "out", CURL), 1);
	ask_proxy(WGET, "127.0.0.1", GOOD, 443, NULL);
	cr_expect_eq(world_count(&w, "strange", WGET), 0);
	rec_account(s(), WORK, "127.0.0.1", 80, 100);
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(world_count(&w, "strange", WORK), 0, "the machine itself is set aside");
	cr_expect_eq(world_count(&w, "out", WORK), 0);
}

/* While it is not known what a proxy was asked for, that it is listed excuses nothing yet. */
Test(naming, an_idle_proxy_is_an_address)
{
	world_start(&w, STRANGE);
	rec_account(s(), CURL, PROXY, 3128, 100);
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(w.judged_n, 0);
	ask_proxy(CURL, PROXY, EVIL, 443, NULL);
	cr_expect_eq(w.judged_n, 1, "later it is asked for something");
}

/* ---- What is offered to be spoken ---- */

static void offer(uint64_t id, const char *protocol, uint32_t flags)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443),
				 .exec_id = id,
				 .flags = flags,
				 .alpn_n = 1,
				 .alpn = { { .len = (uint8_t)strlen(protocol) } } };

	memcpy(r.alpn[0].id, protocol, strlen(protocol));
	rec_flow_of(s(), &r);
	world_run(&w);
}

Test(naming, protocols_before_the_account_and_after)
{
	const struct endpoint_names *names;

	world_start(&w, STRANGE);
	offer(CURL, "h2", 0);
	rec_account(s(), CURL, FAR, 443, 100);
	world_run(&w);
	names = &tracked_account(&w.t, CURL, FAR, 443)->names;
	cr_assert_eq(names->alpn_n, 1);
	cr_expect_eq(memcmp(names->alpn[0].id, "h2", 2), 0);
	offer(CURL, "h2", OF_FLOW_DONE);
	offer(CURL, "dot", OF_FLOW_DONE | OF_FLOW_ALPN_MORE);
	cr_assert_eq(names->alpn_n, 2);
	cr_expect_eq(memcmp(names->alpn[1].id, "dot", 3), 0);
	cr_expect(names->flags & NAMES_ALPN_MORE);
}
