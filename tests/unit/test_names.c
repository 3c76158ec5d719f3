/* SPDX-License-Identifier: BSD-2-Clause */
/* What is remembered of lookups: for how long, for whom, how much. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "records.h"
#include "track/names.h"

#define RESOLVER "192.0.2.53"
#define HOST	 "host.example"
#define HOUR	 (3600 * SECOND)

static struct tracked t;

static void start(void)
{
	tracked_init(&t, "version: 1\nnetworks: {resolvers: [192.0.2.53]}\n",
		     (struct track_limits){ 256, 1024, 60 * SECOND, 256 });
	rec_exec(&t.s, 1, 0, 100, "/sbin/init");
	rec_exec(&t.s, 2, 1, 102, "/usr/bin/curl");
	tracked_run(&t);
}

static void stop(void)
{
	tracked_done(&t);
}

TestSuite(names, .init = start, .fini = stop, .timeout = 60);

static struct of_rec_dns answer(uint64_t exec_id, const char *name, const char *ip)
{
	struct of_rec_dns r = { .server = endpoint(RESOLVER, 53),
				.exec_id = exec_id,
				.flags = OF_DNS_ANSWER | OF_DNS_HOST,
				.type = 1,
				.addrs_n = 1,
				.addrs = { { .ttl = 60 } } };

	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	memcpy(r.addrs[0].addr, endpoint(ip, 1).addr, 16);
	return r;
}

static uint16_t port;

/* What an account that is told now for the first time is called; NULL: nothing. */
static const struct endpoint_name *name_for(uint64_t exec_id, const char *ip)
{
	const struct account *a;

	rec_account(&t.s, exec_id, ip, ++port, 1);
	tracked_run(&t);
	a = tracked_account(&t, exec_id, ip, port);
	cr_assert_not_null(a);
	return a->names.n == 0 ? NULL : &a->names.name[0];
}

/* ---- How long ---- */

static void expect_ttl(uint32_t ttl, uint64_t end_ns)
{
	struct of_rec_dns r = answer(2, HOST, FAR);

	r.addrs[0].ttl = ttl;
	rec_dns_of(&t.s, &r);
	t.s.now_ns += end_ns;
	cr_expect_not_null(name_for(2, FAR), "%u", ttl);
	t.s.now_ns++;
	cr_expect_null(name_for(2, FAR), "%u", ttl);
	cr_expect_eq(track_stats(t.track).names, 0);
	cr_expect_eq(track_stats(t.track).names_evicted, 0);
}

Test(names, an_hour_longer_than_they_say)
{
	expect_ttl(0, HOUR);
	expect_ttl(60, HOUR + 60 * SECOND);
	expect_ttl(86400, 25 * HOUR);
	expect_ttl(86401, 25 * HOUR);
	expect_ttl(UINT32_MAX, 25 * HOUR);
}

/* A later answer of another server makes a name stay, not what was confirmed. */
Test(names, confirmed_for_as_long_as_the_resolver_said)
{
	rec_dns(&t.s, 2, RESOLVER, HOST, FAR); /* 300 s */
	t.s.now_ns += HOUR;
	rec_dns(&t.s, 2, "198.51.100.1", HOST, FAR);
	t.s.now_ns += 300 * SECOND;
	cr_expect(name_for(2, FAR)->confirmed);
	t.s.now_ns++;
	cr_expect_not(name_for(2, FAR)->confirmed);
}

/* What an account was called it is called on. */
Test(names, an_account_keeps_its_names)
{
	const struct account *a;

	rec_dns(&t.s, 2, RESOLVER, HOST, FAR);
	cr_expect_not_null(name_for(2, FAR));
	t.s.now_ns += 100 * HOUR;
	rec_account(&t.s, 2, FAR, port, 2);
	tracked_run(&t);
	a = tracked_account(&t, 2, FAR, port);
	cr_expect_eq(a->names.n, 1);
	cr_expect(a->names.name[0].confirmed);
}

/* ---- Which records ---- */

Test(names, only_answers_for_hosts_teach)
{
	struct of_rec_dns r = answer(2, HOST, FAR);

	r.flags = OF_DNS_HOST;
	rec_dns_of(&t.s, &r);
	r.flags = OF_DNS_ANSWER;
	rec_dns_of(&t.s, &r);
	r.flags = OF_DNS_ANSWER | OF_DNS_HOST;
	r.rcode = 3;
	rec_dns_of(&t.s, &r);
	r.rcode = 0;
	r.addrs_n = 0;
	rec_dns_of(&t.s, &r);
	cr_expect_null(name_for(2, FAR));
	r.addrs_n = 1;
	r.flags |= OF_DNS_TRUNCATED | OF_DNS_CUT;
	rec_dns_of(&t.s, &r);
	cr_expect_not_null(name_for(2, FAR), "what came counts");
}

Test(names, every_address_of_an_answer)
{
	struct of_rec_dns r = answer(2, HOST, FAR);
	char ip[IP_TEXT_LEN];
	uint32_t i;

	r.addrs_n = OF_DNS_ADDRS;
	for (i = 0; i < OF_DNS_ADDRS; i++) {
		(void)snprintf(ip, sizeof(ip), "2001:db8::%x", i + 1);
		memcpy(r.addrs[i].addr, endpoint(ip, 1).addr, 16);
		r.addrs[i].flags = i % 2 == 0 ? 0 : OF_DNS_HINT;
	}
	rec_dns_of(&t.s, &r);
	cr_expect_not_null(name_for(2, "2001:db8::1"));
	cr_expect_not_null(name_for(2, "2001:db8::100"));
	cr_expect_null(name_for(2, "2001:db8::101"));
	cr_expect_eq(track_stats(t.track).names, OF_DNS_ADDRS);
}

Test(names, of_another_network_namespace)
{
	struct of_rec_dns r = answer(2, HOST, FAR);
	struct of_account a = account_of(2, FAR, 443, 1);

	r.netns = NETNS + 1;
	rec_dns_of(&t.s, &r);
	cr_expect_null(name_for(2, FAR));
	a.netns = NETNS + 1;
	rec_account_of(&t.s, &a);
	tracked_run(&t);
	cr_expect_eq(tracked_account(&t, 2, FAR, 443)->names.n, 1);
}

Test(names, servers_of_the_machine_when_the_policy_names_none)
{
	tracked_done(&t);
	tracked_init(&t, "version: 1\n", (struct track_limits){ 64, 64, 60 * SECOND, 0 });
	rec_exec(&t.s, 2, 0, 102, "/usr/bin/curl");
	rec_resolver(&t.s, "198.51.100.1");
	rec_dns(&t.s, 2, RESOLVER, HOST, FAR);
	rec_dns(&t.s, 2, "198.51.100.1", HOST, "203.0.113.10");
	cr_expect_not(name_for(2, FAR)->confirmed);
	cr_expect(name_for(2, "203.0.113.10")->confirmed);
}

/* ---- Who asked ---- */

static void exec_in(uint64_t id, uint64_t parent, uint32_t sid, const char *name, uint64_t env)
{
	struct of_exec e = exec_of(id, parent, (uint32_t)(100 + id), name);
	char exe[64];

	e.sid = sid;
	e.env = env;
	(void)snprintf(exe, sizeof(exe), "/usr/bin/%s", name);
	rec_exec_of(&t.s, &e, exe, name, strlen(name) + 1);
}

/* `asker` asks, and is it for `who`? */
static bool asked(uint64_t asker, uint64_t who)
{
	static unsigned int n;
	char ip[IP_TEXT_LEN];

	(void)snprintf(ip, sizeof(ip), "10.0.%u.%u", n / 256, n % 256);
	n++;
	rec_dns(&t.s, asker, RESOLVER, HOST, ip);
	return name_for(who, ip)->asked;
}

Test(names, asked_in_the_lineage)
{
	/* shell[10] > {make[11] > cc[12], curl[13]} in sessions of their own; apart[14] */
	exec_in(10, 1, 10, "shell", 0);
	exec_in(11, 10, 11, "make", 0);
	exec_in(12, 11, 12, "cc", 0);
	exec_in(13, 10, 13, "curl", 0);
	exec_in(14, 1, 14, "apart", 0);
	exec_in(15, 14, 14, "below", 0);
	cr_expect(asked(12, 12), "itself");
	cr_expect(asked(11, 12), "its parent");
	cr_expect(asked(10, 12), "an ancestor");
	cr_expect(asked(12, 10), "a descendant");
	cr_expect_not(asked(12, 13), "a cousin");
	cr_expect_not(asked(14, 13));
	cr_expect(asked(15, 14), "of the same session");
	cr_expect_not(asked(0, 12), "nobody is known");
	cr_expect_not(asked(999, 12), "nobody that is known");
	cr_expect(asked(999, 999), "not told yet");
}

Test(names, asked_by_one_that_is_gone)
{
	exec_in(10, 1, 10, "shell", 0);
	exec_in(11, 10, 10, "getent", 0);
	rec_dns(&t.s, 11, RESOLVER, HOST, FAR);
	rec_exit(&t.s, 11, 111);
	tracked_run(&t);
	tracked_tick(&t, 1000 * SECOND);
	cr_assert_null(tracked_execution(&t, 11));
	cr_expect(name_for(10, FAR)->asked);
	cr_expect_not(name_for(2, FAR)->asked);
}

Test(names, asked_by_the_program_before_an_exec)
{
	struct of_exec e = exec_of(11, 10, 110, "next");

	exec_in(10, 1, 10, "first", 0);
	rec_dns(&t.s, 10, RESOLVER, HOST, FAR);
	rec_exec_of(&t.s, &e, "/usr/bin/next", "next", 5);
	cr_expect(name_for(11, FAR)->asked);
}

Test(names, asked_in_the_same_job)
{
	rec_env_lines(&t.s, 5,
		      "GITLAB_CI=true\nCI_JOB_ID=1\nCI_PIPELINE_ID=1\nCI_PROJECT_PATH=g/p\n");
	rec_env_lines(&t.s, 6,
		      "GITLAB_CI=true\nCI_JOB_ID=2\nCI_PIPELINE_ID=1\nCI_PROJECT_PATH=g/p\n");
	exec_in(10, 1, 10, "a", 5);
	exec_in(11, 1, 11, "b", 5);
	exec_in(12, 1, 12, "c", 6);
	cr_expect(asked(10, 11));
	cr_expect_not(asked(10, 12));
}

static void exec_as(uint64_t id, uint32_t uid, const char *name)
{
	struct of_exec e = exec_of(id, 1, (uint32_t)(100 + id), name);
	char exe[64];

	e.sid = (uint32_t)id;
	e.uid = uid;
	(void)snprintf(exe, sizeof(exe), "/usr/sbin/%s", name);
	rec_exec_of(&t.s, &e, exe, name, strlen(name) + 1);
}

static void fork_as(uint64_t id, uint64_t parent, uint32_t uid, const char *name)
{
	struct of_exec e = exec_of(id, parent, (uint32_t)(100 + id), name);

	e.sid = (uint32_t)id;
	e.uid = uid;
	rec_fork_of(&t.s, &e);
}

Test(names, asked_by_who_resolves_for_all)
{
	static const char *const names[] = { "dnsmasq", "unbound", "systemd-resolved", "nscd",
					     "named",	"kresd",   "dnscrypt-proxy",   "dockerd" };
	size_t i;

	exec_in(9, 1, 9, "curl", 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		exec_as(10 + i, 0, names[i]);
		cr_expect(asked(10 + i, 9), "%s", names[i]);
	}
	exec_as(40, 0, "dnsmasq2");
	cr_expect_not(asked(40, 9));
}

/* Anybody may call a copy of dig so. */
Test(names, resolvers_are_executed_by_system_users)
{
	exec_in(9, 1, 9, "curl", 0);
	exec_as(10, 999, "unbound");
	exec_as(11, 1000, "unbound");
	exec_as(12, 100000, "dnsmasq"); /* root of a user namespace */
	fork_as(13, 11, 1000, "unbound");
	cr_expect(asked(10, 9));
	cr_expect_not(asked(11, 9));
	cr_expect_not(asked(12, 9));
	cr_expect_not(asked(13, 9));
	cr_expect(asked(11, 11), "it is asked for by itself");
}

/* dnsmasq becomes `nobody`, and forks then for each connection. */
Test(names, a_resolver_that_became_somebody_else)
{
	exec_in(9, 1, 9, "curl", 0);
	exec_as(10, 0, "dnsmasq");
	fork_as(11, 10, 0, "dnsmasq");
	fork_as(12, 11, 65534, "dnsmasq");
	cr_expect(asked(11, 9));
	cr_expect(asked(12, 9));
}

Test(names, what_a_daemon_before_knew)
{
	struct of_rec_dns r = answer(0, HOST, FAR);

	r.flags |= OF_DNS_KEPT;
	rec_dns_of(&t.s, &r);
	cr_expect(name_for(2, FAR)->asked);
	cr_expect(name_for(2, FAR)->confirmed);
	r = answer(0, HOST, "203.0.113.10");
	r.flags |= OF_DNS_KEPT;
	r.server = endpoint("198.51.100.1", 53);
	rec_dns_of(&t.s, &r);
	cr_expect(name_for(2, "203.0.113.10")->asked);
	cr_expect_not(name_for(2, "203.0.113.10")->confirmed);
}

/* Who is there still is known; who has ended may have been anybody. */
Test(names, what_a_daemon_before_knew_of_askers)
{
	struct of_rec_dns r = answer(2, HOST, FAR);

	exec_in(9, 1, 9, "curl", 0);
	r.flags |= OF_DNS_KEPT;
	rec_dns_of(&t.s, &r);
	cr_expect(name_for(2, FAR)->asked);
	cr_expect_not(name_for(9, FAR)->asked);
	r = answer(777, HOST, "203.0.113.10");
	rec_dns_of(&t.s, &r);
	cr_expect_not(name_for(9, "203.0.113.10")->asked);
	cr_expect_not(name_for(9, "203.0.113.10")->maybe);
	r.flags |= OF_DNS_KEPT;
	r.exec_id = 778;
	rec_dns_of(&t.s, &r);
	cr_expect_not(name_for(9, "203.0.113.10")->asked);
	cr_expect(name_for(9, "203.0.113.10")->maybe);
}

/* Who asked longest ago is forgotten; one that asks again is not. */
Test(names, many_askers)
{
	uint64_t i;

	for (i = 0; i < 17; i++)
		exec_in(20 + i, 1, (uint32_t)(20 + i), "x", 0);
	for (i = 0; i < 16; i++)
		rec_dns(&t.s, 20 + i, RESOLVER, HOST, FAR);
	rec_dns(&t.s, 20, RESOLVER, HOST, FAR);
	rec_dns(&t.s, 36, RESOLVER, HOST, FAR);
	cr_expect(name_for(20, FAR)->asked);
	cr_expect_not(name_for(21, FAR)->asked);
	cr_expect(name_for(22, FAR)->asked);
	cr_expect(name_for(36, FAR)->asked);
}

/* ---- How much ---- */

static void fill(size_t from, size_t n)
{
	char ip[IP_TEXT_LEN];

	for (; n > 0; n--, from++) {
		(void)snprintf(ip, sizeof(ip), "10.1.%zu.%zu", from / 256, from % 256);
		rec_dns(&t.s, 2, RESOLVER, HOST, ip);
	}
	tracked_run(&t);
}

Test(names, the_least_recently_used_address_goes)
{
	fill(0, 256);
	cr_expect_eq(track_stats(t.track).names, 256);
	cr_expect_eq(track_stats(t.track).names_evicted, 0);
	cr_expect_not_null(name_for(2, "10.1.0.0"));
	fill(256, 1);
	cr_expect_eq(track_stats(t.track).names, 256);
	cr_expect_eq(track_stats(t.track).names_evicted, 1);
	cr_expect_not_null(name_for(2, "10.1.0.0"), "it was used");
	cr_expect_null(name_for(2, "10.1.0.1"));
	/* What is over makes room for nothing that counts. */
	t.s.now_ns += 2 * HOUR;
	fill(300, 256);
	cr_expect_eq(track_stats(t.track).names_evicted, 1);
}

static void flood(const char *server, const char *ip, size_t n)
{
	char host[64];
	size_t i;

	for (i = 0; i < n; i++) {
		t.s.now_ns += MS;
		(void)snprintf(host, sizeof(host), "f%zu.example", i);
		rec_dns(&t.s, 2, server, host, ip);
	}
	tracked_run(&t);
}

static bool is_known(const char *host, const char *ip)
{
	const struct account *a;
	size_t i;

	/* The list of an account is short: what it says itself is confirmed by all that is known.
	 */
	rec_account(&t.s, 2, ip, ++port, 1);
	rec_flow(&t.s, 2, ip, port, OF_NAME_SNI, host);
	tracked_run(&t);
	a = tracked_account(&t, 2, ip, port);
	for (i = 0; i < a->names.n; i++)
		if (a->names.name[i].source == OF_NAME_SNI)
			return a->names.name[i].confirmed;
	return false;
}

/* Whoever has a name server of his own makes nothing forgotten that is proved. */
Test(names, many_of_one_address)
{
	rec_dns(&t.s, 2, RESOLVER, HOST, FAR);
	flood("198.51.100.1", FAR, 200);
	cr_expect(is_known(HOST, FAR));
	cr_expect_eq(track_stats(t.track).names_evicted, 73);
	flood(RESOLVER, FAR, 127);
	cr_expect(is_known(HOST, FAR));
	cr_expect(is_known("f126.example", FAR));
	flood("198.51.100.1", FAR, 140);
	cr_expect(is_known("f0.example", FAR));
	cr_expect(is_known(HOST, FAR));
	flood(RESOLVER, FAR, 140);
	cr_expect_not(is_known(HOST, FAR), "it is the oldest");
}

/* 128 names at each of 256 addresses would be 32 times what is kept. */
Test(names, all_together_are_bounded)
{
	char ip[IP_TEXT_LEN];
	size_t i;

	for (i = 0; i < 64; i++) {
		(void)snprintf(ip, sizeof(ip), "10.2.0.%zu", i);
		flood(RESOLVER, ip, 128);
	}
	cr_expect_eq(track_stats(t.track).names, 8);
	cr_expect_eq(track_stats(t.track).names_evicted, 56 * 128);
}

/* ---- Who has a server of his own, and what is proved ---- */

#define OWN "198.51.100.1"

static void answers(const char *server, const char *prefix, size_t n)
{
	char ip[IP_TEXT_LEN];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(ip, sizeof(ip), "%s%zu", prefix, i);
		rec_dns(&t.s, 2, server, HOST, ip);
	}
	tracked_run(&t);
}

static size_t confirmed_of(const char *prefix, size_t n)
{
	char ip[IP_TEXT_LEN];
	size_t i, ret = 0;

	for (i = 0; i < n; i++) {
		(void)snprintf(ip, sizeof(ip), "%s%zu", prefix, i);
		ret += is_known(HOST, ip);
	}
	return ret;
}

Test(names, addresses_that_nobody_confirms_go_first)
{
	answers(OWN, "10.3.0.", 2);
	answers(RESOLVER, "10.4.0.", 10);
	cr_expect_not_null(name_for(2, "10.3.0.0"), "and is used");
	answers(OWN, "10.5.0.", 245);
	cr_expect_null(name_for(2, "10.3.0.1"), "the least recently used of them");
	cr_expect_not_null(name_for(2, "10.3.0.0"));
	cr_expect_eq(track_stats(t.track).names_evicted, 1);
	answers(OWN, "2001:db8::", 1000);
	cr_expect_eq(track_stats(t.track).names, 256);
	cr_expect_eq(track_stats(t.track).names_evicted, 1001);
	cr_expect_eq(confirmed_of("10.4.0.", 10), 10);
	cr_expect_not_null(name_for(2, "2001:db8::999"));
}

/* One of a stranger's is always there to go. */
Test(names, confirmed_addresses_go_when_no_other_is_left)
{
	answers(RESOLVER, "10.4.0.", 256);
	answers(OWN, "2001:db8::", 1000);
	cr_expect_eq(confirmed_of("10.4.0.", 256), 255);
	cr_expect_null(name_for(2, "10.4.0.0"));
	answers(RESOLVER, "10.5.0.", 2);
	cr_expect_null(name_for(2, "2001:db8::999"));
	cr_expect_null(name_for(2, "10.4.0.1"));
	cr_expect_eq(confirmed_of("10.4.0.", 256), 254);
	cr_expect_eq(track_stats(t.track).names_evicted, 1002);
}

Test(names, confirmed_once_is_not_for_ever)
{
	answers(RESOLVER, "10.4.0.", 256); /* 300 s and an hour */
	t.s.now_ns += HOUR;
	answers(OWN, "10.4.0.", 256);
	t.s.now_ns += 301 * SECOND;
	answers(OWN, "10.5.0.", 256);
	cr_expect_not_null(name_for(2, "10.5.0.0"));
	cr_expect_not_null(name_for(2, "10.5.0.255"));
	cr_expect_null(name_for(2, "10.4.0.0"));
	cr_expect_null(name_for(2, "10.4.0.255"));
}

/* Nor does it help to have many names of addresses that are confirmed. */
Test(names, many_names_of_confirmed_addresses)
{
	char ip[IP_TEXT_LEN];
	size_t i;

	answers(RESOLVER, "10.4.0.", 200);
	for (i = 0; i < 100; i++) {
		(void)snprintf(ip, sizeof(ip), "10.4.0.%zu", i);
		flood(OWN, ip, 31);
	}
	cr_expect_eq(confirmed_of("10.4.0.", 200), 200);
	cr_expect_eq(track_stats(t.track).names, 200);
	cr_expect_geq(track_stats(t.track).names_evicted, 100 * 31 + 200 - 1024);
}
