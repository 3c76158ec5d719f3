/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rules.c: `rules`. A rule that needs something which is not built yet stays off as a whole:
 * without one of its conditions it would mean something else.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "base/text.h"
#include "conf/node.h"
#include "conf/parts.h"

#include "base/poison.h"

#define SECOND_NS 1000000000ULL
#define DAY_NS	  (24 * 3600 * SECOND_NS)
#define OFF_MAX	  320 /* bytes of reasons for a rule that is off; more are cut off in a message */
#define KNOWN_MAX 200 /* bytes of known names in a message */

/* What is being built. */
struct rules {
	struct policy *policy;
	struct rule *rule;
	struct buf off;
	const yaml_node_t *per;		  /* NULL: not written */
	const yaml_node_t *dns, *dns_per; /* the same */
	bool later;			  /* a condition that is not built yet */
	uint64_t *sets;			  /* in or not_in, while its list is read */
};

static void off_add(struct rules *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void off_add(struct rules *r, const char *fmt, ...)
{
	char text[OFF_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->off.len + strlen(text) + 2 > OFF_MAX)
		return;
	buf_printf(&r->off, "%s%s", r->off.len > 0 ? "; " : "", text);
}

/* Conditions to come; their `want` is what to call them. */
static int key_later(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	(void)d;
	r->later = true;
	off_add(r, "condition '%s' is not built yet", at->spec->want);
	return 0;
}

#define LATER(key, called)                                          \
	{                                                           \
		.name = (key), .parse = key_later, .want = (called) \
	}

/* A name that the file does not define. `names` has n entries, at most POLICY_SETS_MAX. */
static int unknown_name(struct doc *d, const struct at *at, const char *what, const char *names[],
			size_t n)
{
	const char *near = name_near((const char *)at->node->data.scalar.value, names, n);
	struct buf b;
	size_t i;
	int err;

	if (n == 0)
		return at_error(d, at, "unknown %s, the file defines none", what);
	if (near != NULL)
		return at_error(d, at, "unknown %s, did you mean '%s'?", what, near);
	buf_init(&b, sizeof(d->err->msg));
	for (i = 0; i < n && b.len < KNOWN_MAX; i++)
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", names[i]);
	err = at_error(d, at, "unknown %s, expected one of %s%s", what,
		       b.data != NULL ? b.data : "", i < n ? ", ..." : "");
	buf_done(&b);
	return err;
}

static int key_role(struct doc *d, const struct at *at, void *ret)
{
	const char *s, *names[OF_ROLES_MAX];
	struct rules *r = ret;
	size_t i;
	int err;

	err = at_text(d, at, "the name of a role", &s);
	if (err < 0)
		return err;
	for (i = 0; i < r->policy->roles_n; i++) {
		names[i] = r->policy->roles[i].name;
		if (strcmp(s, names[i]) == 0) {
			r->rule->roles = 1ULL << i;
			return 0;
		}
	}
	return unknown_name(d, at, "role", names, i);
}

static int set_parse(struct doc *d, const struct at *at, void *arg)
{
	const char *s, *names[POLICY_SETS_MAX];
	struct rules *r = arg;
	size_t i;
	int err;

	err = at_text(d, at, "the name of an endpoint set", &s);
	if (err < 0)
		return err;
	for (i = 0; i < r->policy->sets_n; i++) {
		names[i] = r->policy->sets[i].name;
		if (strcmp(s, names[i]) == 0)
			break;
	}
	if (i == r->policy->sets_n)
		return unknown_name(d, at, "endpoint set", names, i);
	if ((r->rule->endpoint.in | r->rule->endpoint.not_in) & (1ULL << i))
		return at_error(d, at, "named twice in this rule");
	*r->sets |= 1ULL << i;
	return 0;
}

static int sets_parse(struct doc *d, const struct at *at, struct rules *r, uint64_t *ret)
{
	r->sets = ret;
	return at_some(d, at, POLICY_SETS_MAX, "names of endpoint sets", set_parse, r);
}

static int key_in(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	return sets_parse(d, at, r, &r->rule->endpoint.in);
}

static int key_not_in(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	return sets_parse(d, at, r, &r->rule->endpoint.not_in);
}

static int class_parse(struct doc *d, const struct at *at, void *arg)
{
	static const struct choice choices[] = {
		{ "self", CLASS_SELF, false },
		{ "internal", CLASS_INTERNAL, false },
		{ "external", CLASS_EXTERNAL, false },
		{ "resolver", CLASS_RESOLVER, false },
		{ "unknown", CLASS_UNKNOWN, false },
		{ "metadata", CLASS_METADATA, false },
		{ "multicast", CLASS_MULTICAST, false },
		{ "raw", CLASS_RAW, false },
		{ NULL, 0, false },
	};
	const struct choice *c;
	struct rules *r = arg;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err == 0)
		r->rule->endpoint.classes |= (uint32_t)c->value;
	return err;
}

static int key_class(struct doc *d, const struct at *at, void *ret)
{
	return at_some(d, at, 8, "classes of endpoints", class_parse, ret);
}

/* Its bit is the `min` of its line. */
static int key_trait(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;
	bool holds = false;
	int err = at_bool(d, at, &holds);

	if (err < 0)
		return err;
	if (holds)
		r->rule->endpoint.traits |= (uint32_t)at->spec->min;
	else
		r->rule->endpoint.traits_not |= (uint32_t)at->spec->min;
	return 0;
}

#define TRAIT(key, bit)                                         \
	{                                                       \
		.name = (key), .parse = key_trait, .min = (bit) \
	}

static int key_endpoint(struct doc *d, const struct at *at, void *ret)
{
	static const struct key keys[] = {
		{ .name = "in", .parse = key_in },
		{ .name = "not_in", .parse = key_not_in },
		{ .name = "class", .parse = key_class },
		LATER("first_seen", "endpoint.first_seen"),
		TRAIT("no_name", TRAIT_NO_NAME),
		TRAIT("name_mismatch", TRAIT_MISMATCH),
		TRAIT("ech", TRAIT_ECH),
		{ .name = NULL },
	};
	struct rules *r = ret;

	r->rule->has_endpoint = true;
	if (at->node->type == YAML_MAPPING_NODE && node_pairs(at->node) == 0)
		return at_error(d, at, "empty, expected in, not_in, class or another condition");
	return section_parse(d, "rules[].when.endpoint", keys, at->node, r);
}

static int key_over(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	return key_size(d, at, &r->rule->sent.over);
}

static int key_within(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	return key_duration(d, at, &r->rule->sent.within_ns);
}

static int key_per(struct doc *d, const struct at *at, void *ret)
{
	static const struct choice choices[] = {
		{ "endpoint", PER_ENDPOINT, false },
		{ "process", PER_PROCESS, false },
		{ "lineage", PER_LINEAGE, false },
		{ "role", PER_ROLE, false },
		{ "step", PER_STEP, false },
		{ "job", PER_JOB, false },
		{ NULL, 0, false },
	};
	const struct choice *c;
	struct rules *r = ret;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err < 0)
		return err;
	r->per = at->node;
	r->rule->sent.per = (enum rule_per)c->value;
	return 0;
}

static int key_sent(struct doc *d, const struct at *at, void *ret)
{
	static const struct key keys[] = {
		{ .name = "over",
		  .parse = key_over,
		  .needed = true,
		  .min = 1,
		  .max = INT64_MAX,
		  .want = "a size of at least 1, as 16MiB" },
		{ .name = "within",
		  .parse = key_within,
		  .needed = true,
		  .min = SECOND_NS,
		  .max = 30 * DAY_NS,
		  .want = "a duration, 1s to 30d" },
		{ .name = "per", .parse = key_per },
		{ .name = NULL },
	};
	struct rules *r = ret;

	r->rule->has_sent = true;
	return section_parse(d, "rules[].when.sent", keys, at->node, r);
}

static int key_process(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	r->rule->has_process = true;
	return process_condition_parse(d, at, &r->rule->process);
}

static int key_dns(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	r->rule->has_dns = true;
	r->dns = at->key;
	return dns_condition_parse(d, at, &r->rule->dns, &r->dns_per);
}

/* What needs more than the condition itself. */
static int dns_check(struct doc *d, const struct rules *r)
{
	if (r->rule->has_endpoint || r->rule->has_sent)
		return doc_error(d, r->dns,
				 "rules[].when.dns: cannot stand beside 'endpoint' or 'sent'");
	if (r->rule->dns.per == PER_ROLE && r->rule->roles == OF_ROLE_ANY)
		return doc_error(d, r->dns_per,
				 "rules[].when.dns.per: 'role': expected a role in 'when' too");
	return 0;
}

static int key_when(struct doc *d, const struct at *at, void *ret)
{
	static const struct key keys[] = {
		{ .name = "role", .parse = key_role },
		{ .name = "process", .parse = key_process },
		{ .name = "endpoint", .parse = key_endpoint },
		{ .name = "sent", .parse = key_sent },
		LATER("received", "received"),
		LATER("ratio", "ratio"),
		{ .name = "dns", .parse = key_dns },
		LATER("memory_read", "memory_read"),
		LATER("file_opened", "file_opened"),
		LATER("outlived_step", "outlived_step"),
		LATER("beacon", "beacon"),
		LATER("fan_out", "fan_out"),
		{ .name = NULL },
	};
	struct rules *r = ret;
	int err;

	err = section_parse(d, "rules[].when", keys, at->node, r);
	if (err < 0)
		return err;
	if (r->rule->has_dns)
		return dns_check(d, r);
	if (!r->rule->has_endpoint && !r->rule->has_sent && !r->rule->has_process && !r->later)
		return doc_error(d, at->node,
				 "rules[].when: expected one or more of 'process', 'endpoint' and "
				 "'sent', or 'dns'");
	/* Who names a role thinks of what it started as one; else of the process that sent. */
	if (r->per == NULL)
		r->rule->sent.per = r->rule->roles == OF_ROLE_ANY ? PER_PROCESS : PER_LINEAGE;
	else if (r->rule->sent.per == PER_ROLE && r->rule->roles == OF_ROLE_ANY)
		return doc_error(d, r->per,
				 "rules[].when.sent.per: 'role': expected a role in 'when' too");
	return 0;
}

static int key_id(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;
	const struct rule *other;
	const char *id;
	int err;

	err = at_id(d, at, &id);
	if (err < 0)
		return err;
	if (strcmp(id, RECONCILE_ID) == 0)
		return at_error(d, at, "this is the id of what 'reconcile' raises");
	for (other = r->policy->rules; other < r->rule; other++)
		if (strcmp(other->id, id) == 0)
			return at_error(d, at, "another rule has this id");
	r->rule->id = strdup(id);
	return r->rule->id != NULL ? 0 : -ENOMEM;
}

int key_severity(struct doc *d, const struct at *at, void *ret)
{
	static const struct choice choices[] = {
		{ "info", SEVERITY_INFO, false },	  { "low", SEVERITY_LOW, false },
		{ "medium", SEVERITY_MEDIUM, false },	  { "high", SEVERITY_HIGH, false },
		{ "critical", SEVERITY_CRITICAL, false }, { NULL, 0, false },
	};
	const struct choice *c;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err == 0)
		*(enum severity *)ret = (enum severity)c->value;
	return err;
}

/* T1041 or T1048.003. */
static bool attack_is_id(const char *s)
{
	static const char digits[] = "0123456789";

	if (s[0] != 'T' || strspn(s + 1, digits) != 4)
		return false;
	return s[5] == '\0' || (s[5] == '.' && strspn(s + 6, digits) == 3 && s[9] == '\0');
}

static int attack_parse(struct doc *d, const struct at *at, void *arg)
{
	static const char want[] = "an ATT&CK technique as T1041 or T1048.003";
	struct rules *r = arg;
	const char *s;
	size_t i = 0;
	int err;

	err = at_text(d, at, want, &s);
	if (err < 0)
		return err;
	if (!attack_is_id(s))
		return at_expected(d, at, want);
	while (r->rule->attack[i] != NULL)
		i++;
	r->rule->attack[i] = strdup(s);
	return r->rule->attack[i] != NULL ? 0 : -ENOMEM;
}

static int key_attack(struct doc *d, const struct at *at, void *ret)
{
	return at_each(d, at, POLICY_ATTACK_MAX, "ATT&CK techniques", attack_parse, ret);
}

void rule_rev(struct doc *d, const yaml_node_t *n, char ret[17])
{
	uint8_t sum[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;
	const char *text;
	size_t len;

	text = doc_source(d, n, &len);
	sha256_init(&sha);
	sha256_update(&sha, len, (const uint8_t *)text);
	sha256_digest(&sha, sizeof(sum), sum);
	text_hex(ret, sum, 8);
}

static int key_rule_severity(struct doc *d, const struct at *at, void *ret)
{
	struct rules *r = ret;

	return key_severity(d, at, &r->rule->severity);
}

static int rule_parse(struct doc *d, const yaml_node_t *n, struct rules *r)
{
	static const struct key keys[] = {
		{ .name = "id", .parse = key_id, .needed = true },
		{ .name = "when", .parse = key_when, .needed = true },
		{ .name = "severity", .parse = key_rule_severity },
		{ .name = "attack", .parse = key_attack },
		{ .name = "description", .parse = key_note },
		{ .name = NULL },
	};
	int err;

	r->rule->severity = SEVERITY_MEDIUM;
	r->rule->roles = OF_ROLE_ANY;
	err = section_parse(d, "rules[]", keys, n, r);
	if (err < 0)
		return err;
	rule_rev(d, n, r->rule->rev);
	if (r->off.len == 0)
		return 0;
	doc_warn(d, n, "rule '%s' is off: %s", r->rule->id, r->off.data);
	r->rule->off = strdup(r->off.data);
	return r->rule->off != NULL ? 0 : -ENOMEM;
}

int rules_parse(struct doc *d, const yaml_node_t *n, struct policy *ret)
{
	struct rules r;
	size_t i;
	int err = 0;

	if (n == NULL || node_is_empty(n))
		return 0;
	if (n->type != YAML_SEQUENCE_NODE)
		return doc_error(d, n, "rules: expected a list");
	if (node_items(n) > POLICY_RULES_MAX)
		return doc_error(d, n, "rules: %zu rules, expected at most %d", node_items(n),
				 POLICY_RULES_MAX);
	ret->rules = calloc(POLICY_RULES_MAX, sizeof(*ret->rules));
	if (ret->rules == NULL)
		return -ENOMEM;
	for (i = 0; i < node_items(n) && err == 0; i++) {
		r = (struct rules){ .policy = ret, .rule = &ret->rules[ret->rules_n++] };
		buf_init(&r.off, OFF_MAX);
		err = rule_parse(d, doc_node(d, n->data.sequence.items.start[i]), &r);
		if (err == 0)
			err = r.off.err;
		buf_done(&r.off);
	}
	return err;
}
