/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_rule.c: `dns` in a rule's `when`: names asked for as a way to carry data, and servers that
 * are not configured.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "conf/node.h"
#include "conf/parts.h"
#include "wire/host.h"

#include "base/poison.h"

#define SECOND_NS 1000000000ULL
#define DAY_NS	  (24 * 3600 * SECOND_NS)

/* What is being built. */
struct dns_rule {
	struct dns_condition *c;
	const yaml_node_t *over, *per, *within, *by, *except;
};

/* "3.6": at most two digits behind the dot. -EINVAL: it is not such a number. */
static int hundredths_parse(const char *s, uint64_t min, uint64_t max, uint32_t *ret)
{
	const char *dot = strchr(s, '.');
	size_t whole = dot == NULL ? strlen(s) : (size_t)(dot - s);
	size_t digits = dot == NULL ? 0 : strlen(dot + 1);
	char text[16] = "";
	uint64_t n;

	if (whole == 0 || whole > 8 || digits > 2 || (dot != NULL && digits == 0))
		return -EINVAL;
	memcpy(text, s, whole);
	memcpy(text + whole, "00", 2);
	if (digits > 0)
		memcpy(text + whole, dot + 1, digits);
	if (num_parse(text, min, max, &n) < 0)
		return -EINVAL;
	*ret = (uint32_t)n;
	return 0;
}

static int key_hundredths(struct doc *d, const struct at *at, void *ret)
{
	const char *s;
	int err;

	err = at_text(d, at, at->spec->want, &s);
	if (err < 0)
		return err;
	if (hundredths_parse(s, at->spec->min, at->spec->max, ret) < 0)
		return at_expected(d, at, at->spec->want);
	return 0;
}

#define OVER(field, how, most, called)                                                      \
	{                                                                                   \
		.name = #field, .parse = (how), .offset = offsetof(struct dns_over, field), \
		.min = 1, .max = (most), .want = (called)                                   \
	}

static int key_over(struct doc *d, const struct at *at, void *ret)
{
	static const struct key keys[] = {
		OVER(queries, key_count, 1000000000, "a number, 1 to 1000000000"),
		OVER(names, key_count, DNS_NAMES_MAX, "a number, 1 to 8000"),
		OVER(name_bytes, key_size, INT64_MAX, "a size of at least 1, as 8KiB"),
		OVER(answer_bytes, key_size, INT64_MAX, "a size of at least 1, as 8KiB"),
		OVER(opaque_bytes, key_size, INT64_MAX, "a size of at least 1, as 8KiB"),
		OVER(entropy, key_hundredths, 799, "bits a character, 0.01 to 7.99"),
		OVER(malformed, key_count, 1000000000, "a number, 1 to 1000000000"),
		OVER(txt_share, key_hundredths, 99, "a share, 0.01 to 0.99"),
		{ .name = NULL },
	};
	struct dns_rule *r = ret;
	struct dns_over *o = &r->c->over;
	int err;

	r->c->has_over = true;
	r->over = at->node;
	err = section_parse(d, "rules[].when.dns.over", keys, at->node, o);
	if (err < 0)
		return err;
	/* A share and a measure of chance hold for a single name. */
	if (o->queries == 0 && o->names == 0 && o->name_bytes == 0 && o->answer_bytes == 0 &&
	    o->opaque_bytes == 0 && o->malformed == 0)
		return doc_error(d, at->node,
				 "rules[].when.dns.over: expected at least one of queries, names, "
				 "name_bytes, answer_bytes, opaque_bytes or malformed");
	return 0;
}

static int key_within(struct doc *d, const struct at *at, void *ret)
{
	struct dns_rule *r = ret;

	r->within = at->key;
	return key_duration(d, at, &r->c->within_ns);
}

static int key_per(struct doc *d, const struct at *at, void *ret)
{
	static const struct choice choices[] = {
		{ "process", PER_PROCESS, false },
		{ "lineage", PER_LINEAGE, false },
		{ "role", PER_ROLE, false },
		{ "step", PER_STEP, false },
		{ "job", PER_JOB, false },
		{ "machine", PER_MACHINE, false },
		{ NULL, 0, false },
	};
	const struct choice *c;
	struct dns_rule *r = ret;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err < 0)
		return err;
	r->per = at->node;
	r->c->per = (enum rule_per)c->value;
	return 0;
}

static int key_by(struct doc *d, const struct at *at, void *ret)
{
	static const struct choice choices[] = {
		{ "suffix", DNS_BY_SUFFIX, false },
		{ "server", DNS_BY_SERVER, false },
		{ NULL, 0, false },
	};
	const struct choice *c;
	struct dns_rule *r = ret;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err < 0)
		return err;
	r->by = at->key;
	r->c->by = (enum dns_by)c->value;
	return 0;
}

static int key_resolver(struct doc *d, const struct at *at, void *ret)
{
	static const struct choice choices[] = {
		{ "foreign", 1, false },
		{ "any", 0, false },
		{ NULL, 0, false },
	};
	const struct choice *c;
	struct dns_rule *r = ret;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err == 0)
		r->c->foreign = c->value != 0;
	return err;
}

static int except_parse(struct doc *d, const struct at *at, void *arg)
{
	static const char want[] = "the name of a host, without '*': what is below it is meant too";
	struct dns_condition *c = arg;
	struct host host;
	const char *s;
	int err;

	err = at_text(d, at, want, &s);
	if (err < 0)
		return err;
	if (host_parse(s, strlen(s), &host) < 0 || host.is_address)
		return at_expected(d, at, want);
	c->except[c->except_n] = strdup(host.text);
	if (c->except[c->except_n] == NULL)
		return -ENOMEM;
	c->except_n++;
	return 0;
}

static int key_except(struct doc *d, const struct at *at, void *ret)
{
	struct dns_rule *r = ret;

	r->except = at->key;
	r->c->except = calloc(DNS_EXCEPT_MAX, sizeof(*r->c->except));
	if (r->c->except == NULL)
		return -ENOMEM;
	return at_each(d, at, DNS_EXCEPT_MAX, "names of hosts", except_parse, r->c);
}

static int without_over(struct doc *d, const yaml_node_t *n, const char *key)
{
	return doc_error(d, n, "rules[].when.dns.%s: expected 'over' beside it", key);
}

static int dns_check(struct doc *d, const struct at *at, const struct dns_rule *r)
{
	/* A server of the sender's own answers for any name. */
	if (r->c->foreign && r->except != NULL)
		return doc_error(
			d, r->except,
			"rules[].when.dns.except: cannot stand beside 'resolver: foreign'");
	if (r->c->has_over && r->within == NULL)
		return doc_error(d, at->node, "rules[].when.dns: key 'within' is missing");
	/* It has no name. */
	if (r->c->over.malformed != 0 && r->c->by != DNS_BY_SERVER)
		return doc_error(d, r->over,
				 "rules[].when.dns.over.malformed: expected 'by: server' beside "
				 "'over'");
	if (r->c->has_over)
		return 0;
	if (r->within != NULL)
		return without_over(d, r->within, "within");
	if (r->per != NULL)
		return without_over(d, r->per, "per");
	if (r->by != NULL)
		return without_over(d, r->by, "by");
	if (!r->c->foreign)
		return doc_error(d, at->node,
				 "rules[].when.dns: expected 'over', 'resolver: foreign' or both");
	return 0;
}

int dns_condition_parse(struct doc *d, const struct at *at, struct dns_condition *ret,
			const yaml_node_t **ret_per)
{
	static const struct key keys[] = {
		{ .name = "over", .parse = key_over },
		{ .name = "within",
		  .parse = key_within,
		  .min = SECOND_NS,
		  .max = 7 * DAY_NS,
		  .want = "a duration, 1s to 7d" },
		{ .name = "per", .parse = key_per },
		{ .name = "by", .parse = key_by },
		{ .name = "resolver", .parse = key_resolver },
		{ .name = "except", .parse = key_except },
		{ .name = NULL },
	};
	struct dns_rule r = { .c = ret };
	int err;

	ret->per = PER_LINEAGE; /* a tunnel may take a process for each name */
	err = section_parse(d, "rules[].when.dns", keys, at->node, &r);
	if (err < 0)
		return err;
	*ret_per = r.per;
	return dns_check(d, at, &r);
}
