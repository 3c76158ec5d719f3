/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names asked for as a way out. The streams have the shape of what programs send: iodine's upstream
 * (doc/proto_00000502.txt: an id, base32, labels of 57, NULL queries), dns2tcp's (base64, TXT), and
 * an hour of lookups as of people and builds.
 */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detect.h"
#include "detect/distinct.h"
#include "detect/dns.h"
#include "records.h"
#include "wire/suffix.h"

#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum { TYPE_A = 1, TYPE_NULL = 10, TYPE_TXT = 16, TYPE_AAAA = 28 };

TestSuite(dns_channel, .timeout = 120);

static struct {
	size_t n;
	char rule[64], suffix[OF_HOST_LEN], name[OF_HOST_LEN];
	struct verdict v;
	struct dns_told dns;
} got;

static void on_verdict(void *arg, const struct verdict *v)
{
	(void)arg;
	got.n++;
	got.v = *v;
	got.dns = *v->dns;
	(void)snprintf(got.rule, sizeof(got.rule), "%s", v->rule->id);
	(void)snprintf(got.suffix, sizeof(got.suffix), "%s",
		       v->dns->suffix == NULL ? "(any)" : v->dns->suffix);
	(void)snprintf(got.name, sizeof(got.name), "%s", v->dns->name);
}

static struct config config;
static struct dns *dns;
static struct suffix *list;
static uint64_t now, sent;

static void start_with(size_t windows, size_t sketches)
{
	if (list == NULL)
		cr_assert_eq(suffix_open(&list), 0);
	cr_assert_eq(dns_new(&config.policy, windows, sketches, &dns), 0);
	got.n = 0;
	sent = 0;
	now = 1000 * SECOND;
}

static void start(const char *yaml)
{
	config_of(yaml, &config);
	start_with(DNS_WINDOWS_MAX, DNS_SKETCHES_MAX);
}

static void start_shipped(void)
{
	struct config_err e = { "" };

	cr_assert_eq(config_load("config/outflow.yaml", false, &config, &e), 0, "%s", e.msg);
	start_with(DNS_WINDOWS_MAX, DNS_SKETCHES_MAX);
}

static void stop(void)
{
	dns_free(dns);
	config_done(&config);
	suffix_close(list);
	list = NULL;
}

#define RULE(dns) "version: 1\nrules:\n  - {id: r, when: {dns: " dns "}}\n"

static const struct execution some[] = {
	{ .exec_id = 1, .process = 1, .sid = 1, .name = "sh" },
	{ .exec_id = 2, .process = 2, .parent = &some[0], .sid = 1, .name = "iodine" },
	{ .exec_id = 3, .process = 3, .sid = 3, .name = "other" },
};
static const struct execution *who = &some[1];
static enum endpoint_class class = CLASS_RESOLVER;
static const char *server = "192.0.2.53";

/* Labels and octets of a name in its text form. */
static void wire_of(struct of_rec_dns *r)
{
	const char *c;

	r->labels = 1;
	r->name_octets = 2;
	for (c = r->name; *c != '\0'; c += *c == '\\' ? 4 : 1) {
		r->name_octets++;
		r->labels += *c == '.';
	}
}

static void take(struct of_rec_dns *r)
{
	struct account a = { .who = who, .to = endpoint(server, 53), .class = class };
	struct subject s = { .time_ns = now, .account = &a };

	r->suffix = (uint16_t)suffix_of(list, r->name);
	if (r->labels == 0)
		wire_of(r);
	if ((r->flags & (OF_DNS_ANSWER | OF_DNS_KEPT)) == 0)
		sent += r->octets;
	dns_take(dns, &s, r, on_verdict, NULL);
}

static size_t ask(const char *name, uint16_t type)
{
	struct of_rec_dns r = { .type = type };

	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	wire_of(&r);
	r.octets = 12U + r.name_octets + 4 + 11;
	take(&r);
	return got.n;
}

static uint32_t next(uint64_t *seed, uint32_t n)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((*seed >> 33) % n);
}

static void chars(char *ret, size_t n, const char *alphabet, uint64_t *seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		ret[i] = alphabet[next(seed, (uint32_t)strlen(alphabet))];
	ret[n] = '\0';
}

#define BASE32 "abcdefghijklmnopqrstuvwxyz012345"
#define BASE64 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz-/"
#define HEX    "0123456789abcdef"

/* A message as iodine sends a packet of the tunnel's: labels of 57, 240 characters in all. */
static size_t iodine(uint64_t *seed, const char *domain, const char *alphabet)
{
	char data[256], name[300];

	chars(data, 220, alphabet, seed);
	(void)snprintf(name, sizeof(name), "0%.56s.%.57s.%.57s.%.49s.%s", data, data + 56,
		       data + 113, data + 170, domain);
	now += 20 * MS;
	return ask(name, TYPE_NULL);
}

static size_t dns2tcp(uint64_t *seed, const char *domain)
{
	char data[256], name[300];

	chars(data, 110, BASE64, seed);
	(void)snprintf(name, sizeof(name), "%.63s.%s.%s", data, data + 63, domain);
	now += 20 * MS;
	return ask(name, TYPE_TXT);
}

/* What a real program asked, as tests/unit/captured has it, a question each 20 ms. Returns how many
 * bytes were sent when it was flagged. */
static uint64_t real(const char *file)
{
	struct of_rec_dns r = { .netns = NETNS };
	unsigned int type, octets, name_octets, labels;
	char line[512];
	FILE *f = fopen(file, "r");

	cr_assert_not_null(f);
	start_shipped();
	while (got.n == 0 && fgets(line, sizeof(line), f) != NULL) {
		if (line[0] == '#')
			continue;
		cr_assert_eq(sscanf(line, "%u %u %u %u %255s", &type, &octets, &name_octets,
				    &labels, r.name),
			     5);
		r.type = (uint16_t)type;
		r.octets = octets;
		r.name_octets = (uint16_t)name_octets;
		r.labels = (uint16_t)labels;
		now += 20 * MS;
		take(&r);
	}
	(void)fclose(f);
	printf("%s: flagged after %lu bytes sent: %lu names of %lu bytes, %u/100 bits\n", file,
	       sent, got.dns.names, got.dns.name_bytes, got.dns.entropy);
	cr_expect_str_eq(got.rule, "dns-tunnel");
	cr_expect_str_eq(got.suffix, "example.com");
	return sent;
}

Test(dns_channel, real_iodine, .fini = stop)
{
	cr_expect_lt(real("tests/unit/captured/iodine.txt"), 25000);
}

Test(dns_channel, real_dns2tcp, .fini = stop)
{
	cr_expect_lt(real("tests/unit/captured/dns2tcp.txt"), 25000);
}

Test(dns_channel, iodine_is_flagged, .fini = stop)
{
	uint64_t seed = 1;

	start_shipped();
	while (iodine(&seed, "t.example.com", BASE32) == 0 && sent < 50000)
		;
	printf("iodine-like: flagged after %lu bytes sent, %lu names of %lu bytes\n", sent,
	       got.dns.names, got.dns.name_bytes);
	cr_expect_str_eq(got.rule, "dns-tunnel");
	cr_expect_lt(sent, 25000);
	cr_expect_str_eq(got.suffix, "example.com");
	cr_expect_eq(got.v.sent, sent);
	cr_expect_eq(got.v.window_ns, 10 * MINUTE);
	cr_expect(got.dns.names >= 65 && got.dns.names <= 68, "%lu", got.dns.names);
	/* 220 characters and the t of each; one may be taken for another. */
	cr_expect(got.dns.name_bytes > 62 * 221 && got.dns.name_bytes < 70 * 221, "%lu",
		  got.dns.name_bytes);
	cr_expect(got.dns.entropy > 480 && got.dns.entropy <= 520, "%u", got.dns.entropy);
	cr_expect_eq(got.dns.txt_share, 100);
}

Test(dns_channel, dns2tcp_is_flagged, .fini = stop)
{
	uint64_t seed = 2;

	start_shipped();
	while (dns2tcp(&seed, "t.example.co.uk") == 0 && sent < 50000)
		;
	printf("dns2tcp-like: flagged after %lu bytes sent, %lu names of %lu bytes\n", sent,
	       got.dns.names, got.dns.name_bytes);
	cr_expect_str_eq(got.rule, "dns-tunnel");
	cr_expect_lt(sent, 25000);
	cr_expect_str_eq(got.suffix, "example.co.uk");
}

/* Bytes that are no host's: \DDD, of which the record keeps the end alone. */
Test(dns_channel, escaped_bytes_count_once, .fini = stop)
{
	struct of_rec_dns r = { .type = TYPE_NULL, .octets = 282, .labels = 6, .name_octets = 253 };
	int i;

	start(RULE("{over: {name_bytes: 8KiB}, within: 10m}"));
	for (i = 0; i < 80 && got.n == 0; i++) {
		(void)snprintf(r.name, sizeof(r.name), "%03d\\200\\201\\%03d.t.example.com", i,
			       128 + i);
		take(&r);
	}
	/* 253 octets less the root, 6 lengths and "examplecom". */
	cr_expect(abs(i - (8192 / (253 - 1 - 6 - 10) + 1)) <= 2, "%d", i);
}

/* ---- What is none ---- */

static void zipf_name(char ret[OF_HOST_LEN], uint64_t *seed)
{
	static const char *const hosts[] = { "www",   "api",	"cdn", "static", "img",	 "mail",
					     "login", "assets", "m",   "news",	 "shop", "edge" };
	static const char *const tlds[] = {
		"com", "com", "com", "net", "org", "de", "co.uk", "io"
	};
	uint32_t rank, pick = next(seed, 100);
	char hash[40];

	/* Zipf with exponent 1: the logarithm of the rank is uniform. */
	for (rank = 1; rank < 4096 && next(seed, 12) != 0; rank *= 2)
		;
	rank += next(seed, rank);
	if (pick < 4) { /* where each customer is his own */
		chars(hash, 13, "abcdefghijklmnopqrstuvwxyz0123456789", seed);
		(void)snprintf(ret, OF_HOST_LEN, "d%s.cloudfront.net", hash);
	} else if (pick < 6) {
		(void)snprintf(ret, OF_HOST_LEN, "bucket-%u.s3.amazonaws.com", rank);
	} else if (pick < 7) { /* a new one for each advertisement */
		chars(hash, 32, HEX, seed);
		(void)snprintf(ret, OF_HOST_LEN, "%s.safeframe.googlesyndication.com", hash);
	} else if (pick < 10) {
		chars(hash, 8, "abcdefghijklmnopqrstuvwxyz0123456789", seed);
		(void)snprintf(ret, OF_HOST_LEN, "rr%u---sn-%.5s%u.googlevideo.com", rank % 8,
			       "4g5e6nsz", next(seed, 100));
	} else if (pick < 18) {
		(void)snprintf(ret, OF_HOST_LEN, "%s%u.google.com", hosts[rank % 12],
			       next(seed, 17));
	} else if (pick < 24) {
		(void)snprintf(ret, OF_HOST_LEN, "e%u.dscb.akamaiedge.net", 1000 + next(seed, 500));
	} else if (pick < 27) {
		(void)snprintf(ret, OF_HOST_LEN, "%u.%u.0.203.in-addr.arpa", next(seed, 256),
			       next(seed, 256));
	} else {
		(void)snprintf(ret, OF_HOST_LEN, "%s.site-%u.%s", hosts[next(seed, 1 + rank % 12)],
			       rank, tlds[rank % 8]);
	}
}

/* By one process, as a resolver on the machine asks for all. */
Test(dns_channel, an_hour_of_lookups_raises_nothing, .fini = stop)
{
	char name[OF_HOST_LEN];
	uint64_t seed = 3;
	size_t i;

	start_shipped();
	for (i = 0; i < 10000; i++) {
		zipf_name(name, &seed);
		now += HOUR / 10000;
		(void)ask(name, i % 3 == 0 ? TYPE_AAAA : TYPE_A);
	}
	printf("10,000 ordinary lookups: %zu verdicts, %zu windows, %lu evicted\n", got.n,
	       dns_count(dns), dns_evicted(dns));
	cr_expect_eq(got.n, 0, "%s: %s", got.rule, got.suffix);
	cr_expect_gt(dns_count(dns), 1000, "they were varied");
	cr_expect_eq(dns_evicted(dns), 0);
}

Test(dns_channel, a_name_again_and_again, .fini = stop)
{
	uint64_t seed = 4, i, again;
	char name[300];

	start(RULE("{over: {name_bytes: 8KiB}, within: 10m}"));
	for (i = 0; i < 20000; i++) {
		/* 100 names of 80 characters. */
		again = i % 100;
		chars(name, 60, BASE32, &again);
		(void)snprintf(name + 60, 240, "%020lu.example.com", i % 100);
		now += next(&seed, 100) * MS;
		(void)ask(name, TYPE_A);
	}
	cr_expect_eq(got.n, 0, "%lu bytes", got.dns.name_bytes);
}

/* An address counts as what it carries, however it is written. */
Test(dns_channel, addresses_written_as_names, .fini = stop)
{
	char name[OF_HOST_LEN];
	uint64_t seed = 5;
	int i, k;

	start_shipped();
	for (i = 0; i < 2000; i++) {
		now += 100 * MS;
		(void)snprintf(name, sizeof(name), "%u.%u.%u.203.in-addr.arpa", next(&seed, 256),
			       next(&seed, 256), next(&seed, 256));
		(void)ask(name, 12);
		(void)snprintf(name, sizeof(name), "%u.%u.%u.10.in-addr.arpa", next(&seed, 256),
			       next(&seed, 256), next(&seed, 256));
		(void)ask(name, 12);
		(void)snprintf(name, sizeof(name), "%u.%u.%u.%u.bl.example.org", next(&seed, 256),
			       next(&seed, 256), next(&seed, 256), next(&seed, 256));
		if (i < 1250)
			(void)ask(name, TYPE_A);
		(void)snprintf(name, sizeof(name), "%u.%u.%u.%u.zen.spamhaus.org", next(&seed, 256),
			       next(&seed, 256), next(&seed, 256), next(&seed, 256));
		(void)ask(name, TYPE_A);
	}
	cr_expect_eq(got.n, 0, "%s", got.suffix);
	/* What somebody who owns the reverse zone of a network may put below it. */
	for (i = 0; i < 200 && got.n == 0; i++) {
		chars(name, 60, BASE32, &seed);
		(void)snprintf(name + 60, 64, ".2.0.192.in-addr.arpa");
		now += 100 * MS;
		(void)ask(name, TYPE_A);
	}
	cr_expect_gt(got.n, 0);
	cr_expect_str_eq(got.suffix, "192.in-addr.arpa");
	got.n = 0;
	for (i = 0; i < 1200 && got.n == 0; i++) {
		for (k = 0; k < 31; k++)
			(void)snprintf(name + k * 2, 3, "%c.", HEX[next(&seed, 16)]);
		(void)snprintf(name + 62, 64, "2.ip6.arpa");
		now += 100 * MS;
		(void)ask(name, 12);
	}
	cr_expect(got.n == 1 && i > 980 && i < 1070, "%zu %d", got.n, i);
	got.n = 0;
	/* 16 octets each: data in them is found all the same. */
	for (i = 0; i < 1000 && got.n == 0; i++) {
		for (k = 0; k < 32; k++)
			(void)snprintf(name + k * 2, 3, "%c.", HEX[next(&seed, 16)]);
		(void)snprintf(name + 64, 64, "t.example.net");
		now += 100 * MS;
		(void)ask(name, TYPE_A);
	}
	cr_expect(got.n == 1 && i > 430 && i < 510, "%zu %d", got.n, i);
}

/* ---- What counts together ---- */

Test(dns_channel, windows_slide, .fini = stop)
{
	uint64_t seed = 6;
	int i;

	start(RULE("{over: {name_bytes: 8KiB}, within: 10m}"));
	for (i = 0; i < 32; i++)
		(void)iodine(&seed, "t.example.com", BASE32);
	cr_expect_eq(got.n, 0);
	now += 12 * MINUTE;
	for (i = 0; i < 32; i++)
		(void)iodine(&seed, "t.example.com", BASE32);
	cr_expect_eq(got.n, 0);
	now += 9 * MINUTE;
	for (i = 0; i < 10; i++)
		(void)iodine(&seed, "t.example.com", BASE32);
	cr_expect(got.n >= 3 && got.n <= 7, "from the 38th on: %zu", got.n);
	/* What was asked in a window that is over is new again. */
	seed = 6;
	now += HOUR;
	got.n = 0;
	for (i = 0; i < 32; i++)
		(void)iodine(&seed, "t.example.com", BASE32);
	cr_expect_eq(got.n, 0);
	for (i = 0; i < 10; i++)
		(void)iodine(&seed, "t.example.com", BASE32);
	cr_expect_gt(got.n, 0);
}

Test(dns_channel, lineages_and_domains_are_apart, .fini = stop)
{
	uint64_t seed = 7;
	int i;

	start("version: 1\nrules:\n"
	      "  - {id: lineage, when: {dns: {over: {name_bytes: 8KiB}, within: 10m}}}\n"
	      "  - {id: process, when: {dns: {over: {name_bytes: 10KiB}, within: 10m, per: "
	      "process}}}\n"
	      "  - {id: machine, when: {dns: {over: {name_bytes: 16KiB}, within: 10m, per: "
	      "machine}}}\n");
	for (i = 0; i < 60; i++) {
		who = &some[i % 2 + 1];
		(void)iodine(&seed, "a.example.com", BASE32);
		(void)iodine(&seed, "b.example.net", BASE32);
	}
	cr_expect_eq(got.n, 0, "30 each: %s", got.rule);
	/* Of the lineage another process. */
	who = &some[0];
	for (i = 0; i < 10; i++)
		(void)iodine(&seed, "a.example.com", BASE32);
	cr_expect_gt(got.n, 0);
	cr_expect_str_eq(got.rule, "lineage");
	who = &some[2];
	for (i = 0; i < 10; i++)
		(void)iodine(&seed, "a.example.com", BASE32);
	cr_expect_str_eq(got.rule, "machine");
	cr_expect_eq(got.v.key.root, 0);
}

Test(dns_channel, alerts_are_told_apart_by_domain, .fini = stop)
{
	struct verdict_key a;
	uint64_t seed = 8;

	start(RULE("{over: {queries: 3}, within: 10m}"));
	while (iodine(&seed, "t.example.com", BASE32) == 0)
		;
	a = got.v.key;
	(void)iodine(&seed, "u.example.com", BASE32);
	cr_expect_eq(got.n, 2);
	cr_expect_eq(memcmp(&a, &got.v.key, sizeof(a)), 0);
	while (iodine(&seed, "t.example.net", BASE32) == 2)
		;
	cr_expect_neq(memcmp(&a, &got.v.key, sizeof(a)), 0);
}

Test(dns_channel, full_tables_say_so, .fini = stop)
{
	uint64_t seed = 9;
	char domain[64];
	int i, k;

	config_of(RULE("{over: {name_bytes: 8KiB, names: 30}, within: 10m}"), &config);
	start_with(4, 2);
	for (i = 0; i < 4; i++)
		for (k = 0; k < 20; k++) {
			(void)snprintf(domain, sizeof(domain), "t%d.example%d.com", i, i);
			(void)iodine(&seed, domain, BASE32);
		}
	cr_expect_eq(dns_count(dns), 4);
	cr_expect_eq(dns_evicted(dns), 2, "sketches: %lu", dns_evicted(dns));
	(void)iodine(&seed, "t.other.org", BASE32);
	cr_expect_eq(dns_count(dns), 4);
	cr_expect_eq(dns_evicted(dns), 3);
	cr_expect_eq(got.n, 0);
	/* Who was used last is still whole. */
	for (k = 0; k < 22; k++)
		(void)iodine(&seed, "t3.example3.com", BASE32);
	cr_expect_gt(got.n, 0);
}

/* ---- Conditions ---- */

Test(dns_channel, foreign_servers, .fini = stop)
{
	start(RULE("{resolver: foreign}"));
	cr_expect_eq(ask("www.example.com", TYPE_A), 0);
	class = CLASS_SELF;
	server = "127.0.0.53";
	cr_expect_eq(ask("www.example.com", TYPE_A), 0);
	class = CLASS_INTERNAL;
	server = "10.0.0.1";
	cr_expect_eq(ask("www.example.com", TYPE_A), 1);
	cr_expect(got.dns.foreign);
	cr_expect_str_eq(got.name, "www.example.com");
	cr_expect_eq(got.v.key.per, PER_ENDPOINT);
	cr_expect_eq(got.v.window_ns, 0);
	cr_expect_gt(got.v.sent, 0);
	take(&(struct of_rec_dns){ .flags = OF_DNS_ANSWER, .type = 1, .name = "a.example" });
	cr_expect_eq(got.n, 1, "an answer is no question");
}

/* A server of his own answers for any name, the one that is left out too. */
Test(dns_channel, exceptions_are_not_for_foreign_servers, .fini = stop)
{
	uint64_t seed = 10;
	int i;

	start_shipped();
	for (i = 0; i < 100; i++)
		(void)iodine(&seed, "t.spamhaus.org", BASE32);
	cr_expect_eq(got.n, 0);
	for (i = 0; i < 100; i++)
		(void)iodine(&seed, "t.notspamhaus.org", BASE32);
	cr_expect_gt(got.n, 0);
	got.n = 0;
	class = CLASS_EXTERNAL;
	for (i = 0; i < 100; i++)
		(void)iodine(&seed, "t.spamhaus.org", BASE32);
	cr_expect_gt(got.n, 0);
}

Test(dns_channel, by_server_names_need_nothing_in_common, .fini = stop)
{
	char name[64];
	uint64_t seed = 11;
	size_t i;

	start_shipped();
	class = CLASS_EXTERNAL;
	for (i = 0; i < 2000 && got.n == 0; i++) {
		chars(name, 40, BASE32, &seed);
		name[20] = '.';
		now += 100 * MS;
		(void)ask(name, TYPE_A);
	}
	cr_expect_str_eq(got.rule, "dns-tunnel-server");
	cr_expect_str_eq(got.suffix, "(any)");
	cr_expect(i > 700 && i < 900, "%zu", i);
}

Test(dns_channel, all_thresholds_hold_together, .fini = stop)
{
	uint64_t seed = 12;
	char name[64];
	int i;

	start(RULE("{over: {queries: 20, entropy: 4.2, txt_share: 0.5}, within: 10m}"));
	for (i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "host-%04d.example.com", i);
		(void)ask(name, TYPE_TXT);
	}
	cr_expect_eq(got.n, 0, "%u", got.dns.entropy);
	for (i = 0; i < 40; i++)
		(void)iodine(&seed, "example.net", BASE32);
	cr_expect_eq(got.n, 20, "%zu", got.n);
	got.n = 0;
	for (i = 0; i < 80; i++) {
		chars(name, 40, BASE32, &seed);
		(void)snprintf(name + 40, 20, ".example.org");
		(void)ask(name, i % 2 == 0 ? TYPE_TXT : TYPE_AAAA);
	}
	cr_expect_leq(got.n, 30, "half is not over half");
	cr_expect_leq(got.dns.txt_share, 52);
}

Test(dns_channel, answers_count_for_who_asked, .fini = stop)
{
	struct of_rec_dns r = { .flags = OF_DNS_ANSWER,
				.type = TYPE_TXT,
				.octets = 1000,
				.opaque = 800,
				.name = "a.t.example.com" };
	int i;

	start(RULE("{over: {answer_bytes: 9000, opaque_bytes: 8000}, within: 10m}"));
	take(&r);
	cr_expect_eq(dns_count(dns), 0, "nobody asked");
	(void)ask("a.t.example.com", TYPE_TXT);
	for (i = 0; i < 11; i++) {
		cr_expect_eq(got.n, 0);
		take(&r);
	}
	cr_expect_eq(got.n, 1);
	cr_expect_eq(got.dns.opaque_bytes, 8800);
	cr_expect_eq(got.dns.queries, 1);
}

Test(dns_channel, what_a_daemon_before_learned_is_not_asked, .fini = stop)
{
	start(RULE("{over: {queries: 1}, within: 10m}"));
	take(&(struct of_rec_dns){ .flags = OF_DNS_KEPT, .type = 1, .name = "a.example.com" });
	take(&(struct of_rec_dns){
		.flags = OF_DNS_KEPT | OF_DNS_ANSWER, .type = 1, .name = "a.example.com" });
	cr_expect_eq(dns_count(dns), 0);
}

/* Nobody is known to have asked. */
Test(dns_channel, unknown_askers, .fini = stop)
{
	start(RULE("{over: {queries: 1}, within: 10m}"));
	who = NULL;
	(void)ask("a.example.com", TYPE_A);
	cr_expect_eq(ask("b.example.com", TYPE_A), 1);
	cr_expect_eq(got.v.key.root, 0);
	cr_expect_eq(ask(".", TYPE_A), 1);
	cr_expect_eq(ask("com", TYPE_A), 2, "names without a registered domain are one");
	cr_expect_str_eq(got.suffix, "");
}

/* ---- The measures ---- */

Test(dns_channel, names_are_told_apart)
{
	static struct distinct d;
	uint64_t seed = 13, weighed = 0;
	uint32_t weight;
	size_t n;

	distinct_start(&d);
	for (n = 1; n <= 8000; n++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		if (distinct_mark(&d, n * DISTINCT_PARTS / 8001, seed >> 13, &weight))
			weighed += weight;
		if (n != 64 && n != 1000 && n != 8000)
			continue;
		printf("%zu names: %lu by count, %lu by weight\n", n, distinct_count(&d),
		       weighed / DISTINCT_BITS);
		cr_expect(distinct_count(&d) * 100 > n * 95 && distinct_count(&d) * 100 < n * 105);
		cr_expect(weighed / DISTINCT_BITS * 100 > n * 95 &&
			  weighed / DISTINCT_BITS * 100 < n * 105);
	}
	for (n = 0; n < DISTINCT_PARTS; n++)
		distinct_turn(&d, n);
	cr_expect_eq(distinct_count(&d), 0);
	for (n = 0; n < 1000000; n++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		(void)distinct_mark(&d, 0, seed >> 13, &weight);
	}
	cr_expect_gt(distinct_count(&d), 30000, "more than it can tell is not none");
}

Test(dns_channel, entropy)
{
	static struct distinct d;
	uint8_t all[256];
	size_t i;

	distinct_start(&d);
	cr_expect_eq(distinct_entropy(&d), 0);
	distinct_octets(&d, 0, (const uint8_t *)"aaaaaaaa", 8);
	cr_expect_eq(distinct_entropy(&d), 0);
	distinct_octets(&d, 1, (const uint8_t *)"bbbbbbbb", 8);
	cr_expect_eq(distinct_entropy(&d), 100);
	distinct_turn(&d, 0);
	cr_expect_eq(distinct_entropy(&d), 0);
	distinct_turn(&d, 1);
	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	distinct_octets(&d, 2, all, 256);
	cr_expect_eq(distinct_entropy(&d), 800);
	distinct_turn(&d, 2);
	/* 3/4 and 1/4: 0.811 bits. */
	distinct_octets(&d, 2, (const uint8_t *)"aaab", 4);
	cr_expect_eq(distinct_entropy(&d), 81);
}
