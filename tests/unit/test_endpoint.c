/* SPDX-License-Identifier: BSD-2-Clause */
/* Judging a far end by its address and names, and what is left open until names have settled. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <string.h>

#include "detect/endpoint.h"
#include "records.h"

#define S (NAMES_SETTLED | NAMES_READ)
#define P NAMES_PROXY

TestSuite(endpoint, .timeout = 60);

/* Of 203.0.113.9:443; in a set by its address is 198.51.100.1, a proxy 192.0.2.80:3128. */
struct asked {
	char when[80];
	char names[128]; /* "dns:a.example+?": '+' confirmed, '?' nobody asked, '~' perhaps; a space
			    between */
	char ip[24];
	uint32_t flags; /* without NAMES_SETTLED: not settled */
	enum endpoint_verdict verdict;
};

static struct asked verdicts[] = {
	/* not_in excuses only what is proved. */
	{ "not_in: [good]", "dns:good.example+", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "dns:good.example+", FAR, 0, ENDPOINT_LATER },
	{ "not_in: [good]", "", FAR, 0, ENDPOINT_LATER },
	{ "not_in: [good]", "", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example+?", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example+ dns:evil.example+", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example+ dns:evil.example+?", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "dns:a.good.example+", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:a.wide.example+", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "dns:wide.example+", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+ dns:evil.example+", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "sni:good.example dns:good.example+", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+ host:evil.example+", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "host:good.example+", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "sni:good.example+", FAR, S | NAMES_INVALID, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+", FAR, S | NAMES_MORE, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+", FAR, S | NAMES_UNHEARD, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example+", FAR, S | NAMES_UNHEARD, ENDPOINT_YES },
	{ "not_in: [nets]", "sni:good.example+", "198.51.100.1", S | NAMES_UNHEARD, ENDPOINT_NO },
	{ "not_in: [good]", "sni:good.example+", FAR, S | NAMES_MORE_ASKED, ENDPOINT_NO },
	{ "not_in: [good]", "dns:good.example+", FAR, S | NAMES_MORE_ASKED, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+", FAR, S | NAMES_ECH, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+ dns:good.example", FAR, S | NAMES_ECH, ENDPOINT_NO },
	{ "not_in: [good]", "sni:good.example+ dns:good.example+ dns:evil.example", FAR,
	  S | NAMES_ECH, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+ dns:good.example+", FAR,
	  S | NAMES_ECH | NAMES_MORE_ASKED, ENDPOINT_YES },
	/* Of several connections one said nothing. */
	{ "not_in: [good]", "sni:good.example+", FAR, S | NAMES_SILENT, ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+ dns:good.example+", FAR, S | NAMES_SILENT,
	  ENDPOINT_NO },
	{ "not_in: [good]", "sni:good.example+ dns:good.example+ dns:evil.example+", FAR,
	  S | NAMES_SILENT, ENDPOINT_YES },
	/* What may have been asked for excuses, and accuses nobody. */
	{ "not_in: [good]", "dns:good.example+~", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "dns:good.example~", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:evil.example+~", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example+ dns:evil.example+~", FAR, S, ENDPOINT_NO },
	{ "no_name: true", "dns:a.example~", FAR, S, ENDPOINT_NO },
	{ "name_mismatch: true", "sni:a.example dns:a.example~", FAR, S, ENDPOINT_NO },
	/* Hosts without a domain. */
	{ "not_in: [good]", "host:good dns:good.example+", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "sni:a dns:a.wide.example+", FAR, S, ENDPOINT_NO },
	{ "not_in: [good]", "host:good dns:good.example", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "host:good dns:good.example+?", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "host:goo dns:good.example+", FAR, S, ENDPOINT_YES },
	{ "not_in: [good]", "host:good dns:good.example+ dns:good.evil.example+", FAR, S,
	  ENDPOINT_YES },
	{ "not_in: [good]", "connect:good dns:good.example+", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "name_mismatch: true", "host:good dns:good.example", FAR, S, ENDPOINT_NO },
	{ "name_mismatch: true", "host:good.example dns:good.example.org", FAR, S, ENDPOINT_YES },
	/* An address decides alone. */
	{ "not_in: [good]", "sni:evil.example", "198.51.100.1", 0, ENDPOINT_NO },
	{ "not_in: [good]", "sni:evil.example", "198.51.100.1", S, ENDPOINT_NO },
	{ "not_in: [nets]", "sni:good.example", FAR, 0, ENDPOINT_YES },
	{ "not_in: [nets]", "", "198.51.100.1", 0, ENDPOINT_NO },
	/* in holds for what may be. */
	{ "in: [good]", "dns:good.example?", FAR, 0, ENDPOINT_YES },
	{ "in: [good]", "sni:a.b.wide.example", FAR, S, ENDPOINT_YES },
	{ "in: [good]", "", FAR, 0, ENDPOINT_LATER },
	{ "in: [good]", "", FAR, S, ENDPOINT_NO },
	{ "in: [good]", "", "198.51.100.1", 0, ENDPOINT_YES },
	{ "in: [nets]", "sni:good.example", FAR, 0, ENDPOINT_NO },
	{ "in: [good], not_in: [nets]", "dns:good.example?", FAR, 0, ENDPOINT_YES },
	/* A proxy's target. */
	{ "not_in: [good]", "connect:good.example+", "192.0.2.80", S | P, ENDPOINT_NO },
	/* Another connection said something else than where to. */
	{ "not_in: [good]", "connect:good.example+", "192.0.2.80", S | P | NAMES_SILENT,
	  ENDPOINT_YES },
	{ "not_in: [good]", "connect:good.example", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "not_in: [good]", "connect:evil.example+", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "not_in: [good]", "connect:good.example+ sni:a.wide.example", "192.0.2.80", S | P,
	  ENDPOINT_NO },
	{ "not_in: [good]", "connect:good.example+ sni:evil.example", "192.0.2.80", S | P,
	  ENDPOINT_YES },
	{ "not_in: [good]", "sni:good.example+", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "not_in: [good]", "dns:good.example+", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "not_in: [good]", "connect:good.example+ connect:evil.example+", "192.0.2.80", S | P,
	  ENDPOINT_YES },
	{ "not_in: [proxies]", "connect:good.example+", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "not_in: [proxies]", "", "192.0.2.80", S, ENDPOINT_NO },
	{ "not_in: [proxies]", "", "192.0.2.80", 0, ENDPOINT_LATER },
	{ "in: [proxies]", "", "192.0.2.80", S, ENDPOINT_YES },
	{ "in: [proxies]", "", "192.0.2.80", 0, ENDPOINT_LATER },
	{ "in: [good]", "connect:good.example", "192.0.2.80", S | P, ENDPOINT_YES },
	/* What they are like. */
	{ "no_name: true", "", FAR, S, ENDPOINT_YES },
	{ "no_name: true", "", FAR, 0, ENDPOINT_LATER },
	{ "no_name: true", "dns:a.example?", FAR, S, ENDPOINT_YES },
	{ "no_name: true", "dns:a.example", FAR, S, ENDPOINT_NO },
	{ "no_name: true", "host:a.example", FAR, S, ENDPOINT_NO },
	{ "no_name: true", "connect:a.example", FAR, S | P, ENDPOINT_NO },
	{ "no_name: true", "dns:proxy.example+", "192.0.2.80", S | P, ENDPOINT_YES },
	{ "no_name: true", "dns:a.example+", FAR, S | P, ENDPOINT_NO },
	{ "no_name: true", "", FAR, S | NAMES_INVALID, ENDPOINT_NO },
	{ "no_name: false", "", FAR, S, ENDPOINT_NO },
	{ "no_name: false", "dns:a.example", FAR, S, ENDPOINT_YES },
	{ "name_mismatch: true", "sni:a.example dns:a.example", FAR, S, ENDPOINT_NO },
	{ "name_mismatch: true", "sni:a.example dns:a.example?", FAR, S, ENDPOINT_YES },
	{ "name_mismatch: true", "sni:a.example dns:b.example+", FAR, S, ENDPOINT_YES },
	{ "name_mismatch: true", "sni:a.example", FAR, S, ENDPOINT_YES },
	{ "name_mismatch: true", "host:a.example sni:b.example dns:a.example", FAR, S,
	  ENDPOINT_YES },
	{ "name_mismatch: true", "dns:a.example", FAR, S, ENDPOINT_NO },
	{ "name_mismatch: true", "connect:a.example sni:b.example", "192.0.2.80", S | P,
	  ENDPOINT_NO },
	{ "name_mismatch: true", "connect:a.example sni:b.example", FAR, S | P, ENDPOINT_YES },
	{ "name_mismatch: true", "sni:a.example dns:b.example", FAR, S | NAMES_MORE_ASKED,
	  ENDPOINT_NO },
	/* Nobody makes a name vanish by words to a proxy that there is not. */
	{ "in: [good]", "connect:x.example sni:good.example", FAR, S | P, ENDPOINT_YES },
	/* That nothing was heard proves nothing. */
	{ "not_in: [good]", "dns:good.example+", FAR, NAMES_SETTLED, ENDPOINT_YES },
	{ "ech: true", "", FAR, S | NAMES_ECH, ENDPOINT_YES },
	{ "ech: true", "", FAR, S, ENDPOINT_NO },
	{ "ech: false", "", FAR, S | NAMES_ECH, ENDPOINT_NO },
	{ "ech: true, no_name: true", "sni:a.example", FAR, S | NAMES_ECH, ENDPOINT_NO },
	{ "ech: true, in: [nets]", "", FAR, 0, ENDPOINT_NO },
	/* Who asks a proxy does not choose the class of what he asks for. */
	{ "class: external", "", FAR, 0, ENDPOINT_YES },
	{ "class: internal", "", FAR, S, ENDPOINT_NO },
	{ "class: internal", "connect:a.example", FAR, S | P, ENDPOINT_YES },
	{ "class: metadata", "connect:a.example", FAR, S | P, ENDPOINT_NO },
	{ "class: metadata", "connect:169.254.169.254", FAR, S | P, ENDPOINT_YES },
	{ "class: metadata", "connect:192.0.2.200", FAR, S | P, ENDPOINT_YES },
	{ "class: metadata", "host:169.254.169.254", FAR, S, ENDPOINT_NO },
};

ParameterizedTestParameters(endpoint, verdicts)
{
	return cr_make_param_array(struct asked, verdicts, sizeof(verdicts) / sizeof(verdicts[0]));
}

/* One word of `names`, which is written to. */
static struct endpoint_name name_of(char *word, bool proxy)
{
	static const char *const sources[] = { "", "connect", "sni", "host", "dns" };
	struct endpoint_name n = { .asked = true };
	char *end = word + strlen(word), *colon = strchr(word, ':');
	int i;

	if (end[-1] == '?' || end[-1] == '~') {
		n.asked = false;
		n.maybe = end[-1] == '~';
		*--end = '\0';
	}
	if (end[-1] == '+') {
		n.confirmed = true;
		*--end = '\0';
	}
	*colon = '\0';
	for (i = 1; i < 5; i++)
		if (strcmp(word, sources[i]) == 0)
			n.source = (enum of_name_source)i;
	cr_assert_neq((int)n.source, 0, "%s", word);
	n.port = (uint16_t)(n.source == OF_NAME_CONNECT && proxy ? 443 : 0);
	n.host = colon + 1;
	return n;
}

ParameterizedTest(struct asked *c, endpoint, verdicts)
{
	struct account a = { .to = endpoint(c->ip, strcmp(c->ip, "192.0.2.80") == 0 ? 3128 : 443),
			     .class = CLASS_EXTERNAL };
	struct endpoint_name names[8];
	struct endpoint_names list = { .name = names, .flags = c->flags };
	char yaml[1024], text[128], *word, *save = NULL;
	struct config config;

	(void)snprintf(yaml, sizeof(yaml),
		       "version: 1\n"
		       "networks: {proxies: ['192.0.2.80:3128'], metadata: [192.0.2.200]}\n"
		       "endpoints:\n"
		       "  good: ['good.example:443', '*.wide.example', 198.51.100.1]\n"
		       "  nets: [198.51.100.1]\n"
		       "  proxies: [192.0.2.80]\n"
		       "rules: [{id: r, when: {endpoint: {%s}}}]\n",
		       c->when);
	config_of(yaml, &config);
	(void)snprintf(text, sizeof(text), "%s", c->names);
	for (word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
		names[list.n++] = name_of(word, (c->flags & P) != 0);
	cr_expect_eq(endpoint_judge(&config.policy, &config.policy.rules[0], &a, &list), c->verdict,
		     "%s: '%s' of %s, %#x", c->when, c->names, c->ip, (unsigned int)c->flags);
	config_done(&config);
}

/* The machine itself, and its resolvers. */
Test(endpoint, what_is_set_aside)
{
	static const struct {
		enum endpoint_class class;
		uint32_t flags;
		enum endpoint_verdict strange, any;
	} cases[] = {
		{ CLASS_SELF, S, ENDPOINT_NO, ENDPOINT_NO },
		{ CLASS_SELF, 0, ENDPOINT_LATER, ENDPOINT_LATER },
		{ CLASS_SELF, S | P, ENDPOINT_YES, ENDPOINT_YES },
		{ CLASS_RESOLVER, S, ENDPOINT_NO, ENDPOINT_NO },
		{ CLASS_RESOLVER, S | P, ENDPOINT_NO, ENDPOINT_NO },
		{ CLASS_EXTERNAL, 0, ENDPOINT_LATER, ENDPOINT_YES },
	};
	struct account a = { .to = endpoint("127.0.0.1", 3128) };
	struct endpoint_names names = { .n = 0 };
	struct config c;
	size_t i;

	config_of("version: 1\nendpoints: {good: [good.example]}\n"
		  "rules: [{id: r, when: {endpoint: {not_in: [good]}}},\n"
		  "  {id: any, when: {sent: {over: 1, within: 1h}}}]\n",
		  &c);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a.class = cases[i].class;
		names.flags = cases[i].flags;
		cr_expect_eq(endpoint_judge(&c.policy, &c.policy.rules[0], &a, &names),
			     cases[i].strange, "%zu", i);
		cr_expect_eq(endpoint_judge(&c.policy, &c.policy.rules[1], &a, &names),
			     cases[i].any, "%zu", i);
	}
	config_done(&c);
}
