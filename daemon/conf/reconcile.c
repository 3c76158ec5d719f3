/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reconcile.c: `reconcile`: which interfaces are compared with what was posted, and from when on a
 * difference is an alert. On by default; `reconcile: off` turns it off.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "conf/node.h"
#include "conf/parts.h"

#include "base/poison.h"

#define SECOND_NS	  1000000000ULL
#define OVER_DEFAULT	  (64 << 10)
#define WITHIN_DEFAULT_NS (10 * SECOND_NS)

static int name_parse(struct doc *d, const struct at *at, void *arg)
{
	static const char want[] = "the name of an interface, or a glob as eth*";
	struct reconcile *r = arg;
	const char *s;
	int err;

	err = at_text(d, at, want, &s);
	if (err < 0)
		return err;
	if (strlen(s) >= IF_NAMESIZE || strpbrk(s, "/ ") != NULL)
		return at_expected(d, at, want);
	r->names[r->names_n] = strdup(s);
	if (r->names[r->names_n] == NULL)
		return -ENOMEM;
	r->names_n++;
	return 0;
}

static int key_interfaces(struct doc *d, const struct at *at, void *ret)
{
	struct reconcile *r = ret;

	r->names = calloc(RECONCILE_NAMES_MAX, sizeof(*r->names));
	if (r->names == NULL)
		return -ENOMEM;
	return at_each(d, at, RECONCILE_NAMES_MAX, "names of interfaces", name_parse, r);
}

int reconcile_parse(struct doc *d, const yaml_node_t *n, struct reconcile *ret)
{
	static const struct key keys[] = {
		{ .name = "interfaces", .parse = key_interfaces },
		{ .name = "over",
		  .parse = key_size,
		  .offset = offsetof(struct reconcile, rule.sent.over),
		  .min = 1024,
		  .max = 1ULL << 40,
		  .want = "a size, 1KiB to 1TiB" },
		{ .name = "within",
		  .parse = key_duration,
		  .offset = offsetof(struct reconcile, rule.sent.within_ns),
		  .min = 2 * SECOND_NS,
		  .max = 3600 * SECOND_NS,
		  .want = "a duration, 2s to 1h" },
		{ .name = "severity",
		  .parse = key_severity,
		  .offset = offsetof(struct reconcile, rule.severity) },
		{ .name = NULL },
	};

	ret->rule.severity = SEVERITY_HIGH;
	ret->rule.roles = OF_ROLE_ANY;
	ret->rule.has_sent = true;
	ret->rule.sent.over = OVER_DEFAULT;
	ret->rule.sent.within_ns = WITHIN_DEFAULT_NS;
	ret->rule.id = strdup(RECONCILE_ID);
	if (ret->rule.id == NULL)
		return -ENOMEM;
	if (n == NULL || node_is_empty(n))
		return 0;
	if (n->type == YAML_SCALAR_NODE) {
		if (strcmp((const char *)n->data.scalar.value, "off") != 0)
			return doc_error(d, n, "reconcile: expected 'off' or keys");
		ret->off = true;
		return 0;
	}
	rule_rev(d, n, ret->rule.rev);
	return section_parse(d, "reconcile", keys, n, ret);
}
