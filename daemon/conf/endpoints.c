/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoints.c: `networks` and `endpoints`: addresses, ranges and names of far ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/num.h"
#include "conf/node.h"
#include "conf/parts.h"
#include "wire/host.h"

#include "base/poison.h"

#define ENTRY_LEN  300 /* the longest name, its port range and some air */
#define ENTRY_WANT "a host name, *.name, address or CIDR, then :port, :port-port or nothing"
#define RANGE_WANT "a range as 192.0.2.0/24 or 2001:db8::/32"
#define PROXY_WANT "an address or CIDR, then :port, :port-port or nothing"
#define DNS_WANT   "an address, address:port or [address]:port"
#define DNS_PORT   53

/* Zeroes the host bits; true when there were none. */
static bool cidr_trim(struct cidr *net)
{
	bool clean = true;
	size_t i;

	for (i = net->bits; i < 128; i++) {
		uint8_t bit = (uint8_t)(0x80 >> (i % 8));

		if (net->addr[i / 8] & bit)
			clean = false;
		net->addr[i / 8] &= (uint8_t)~bit;
	}
	return clean;
}

/* "ADDRESS" or "ADDRESS/BITS"; text is written to. -EINVAL without a message: it is neither. */
static int cidr_parse(struct doc *d, const struct at *at, const char *want, char *text,
		      struct cidr *ret)
{
	char shown[IP_TEXT_LEN], *slash = strchr(text, '/');
	struct cidr net = { .bits = 128 };
	unsigned int skip;
	uint64_t bits;

	if (slash != NULL)
		*slash = '\0';
	if (ip_parse(text, net.addr) < 0)
		return at_expected(d, at, slash != NULL ? RANGE_WANT : want);
	skip = strchr(text, ':') == NULL ? 96 : 0;
	if (slash != NULL) {
		if (num_parse(slash + 1, 0, 128 - skip, &bits) < 0)
			return at_error(d, at, "expected /0 to /%u behind the address", 128 - skip);
		net.bits = (uint8_t)(bits + skip);
	}
	if (!cidr_trim(&net)) {
		ip_text(shown, net.addr);
		return at_error(d, at, "the address has bits behind the range, expected %s/%u",
				shown, net.bits - skip);
	}
	*ret = net;
	return 0;
}

static int ports_parse(struct doc *d, const struct at *at, char *text, struct endpoint_match *ret)
{
	char *dash = strchr(text, '-');
	uint64_t low, high;

	if (dash != NULL)
		*dash = '\0';
	if (num_parse(text, 1, 65535, &low) < 0 ||
	    num_parse(dash != NULL ? dash + 1 : text, 1, 65535, &high) < 0)
		return at_expected(d, at, "ports from 1 to 65535 behind the ':'");
	if (low > high)
		return at_error(d, at, "port range runs backwards, expected %u-%u",
				(unsigned int)high, (unsigned int)low);
	ret->port_min = (uint16_t)low;
	ret->port_max = (uint16_t)high;
	return 0;
}

/* NULL, or what is wrong with it as a name (RFC 1123 section 2.1, and '_', which exists). */
static const char *name_problem(const char *s)
{
	const char *label = s, *c;
	bool digits = true;

	if (strlen(s) > HOST_MAX)
		return "a name of at most 253 characters";
	if (label[0] == '*' && label[1] == '.')
		label += 2;
	for (c = label;; c++) {
		if (*c == '.' || *c == '\0') {
			if (c == label || c - label > LABEL_MAX)
				return "labels of 1 to 63 characters between the dots";
			if (*label == '-' || c[-1] == '-')
				return "labels that neither begin nor end with '-'";
			if (*c == '\0')
				break;
			label = c + 1;
			digits = true;
		} else if (*c == '*') {
			return "'*' as the whole first label only, as in *.example.org";
		} else if (strchr("abcdefghijklmnopqrstuvwxyz-_", *c) != NULL) {
			digits = false;
		} else if (*c < '0' || *c > '9') {
			return ENTRY_WANT;
		}
	}
	return digits ? "an IPv4 address of four numbers" : NULL;
}

static int far_parse(struct doc *d, const struct at *at, char *text, struct endpoint_match *ret)
{
	const char *problem;
	uint8_t addr[16];
	char *c;

	if (strchr(text, '/') != NULL || ip_parse(text, addr) == 0)
		return cidr_parse(d, at, ENTRY_WANT, text, &ret->net);
	for (c = text; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	problem = name_problem(text);
	if (problem != NULL)
		return at_expected(d, at, problem);
	ret->name = strdup(text);
	return ret->name != NULL ? 0 : -ENOMEM;
}

/* "[2001:db8::1]", "[2001:db8::1]:443", "[2001:db8::/32]:443-444". */
static int bracket_parse(struct doc *d, const struct at *at, char *text, struct endpoint_match *ret)
{
	static const char want[] = "[address] or [address]:port";
	char *end = strchr(text, ']');

	if (end == NULL || (end[1] != '\0' && end[1] != ':'))
		return at_expected(d, at, want);
	*end = '\0';
	if (strchr(text, ':') == NULL)
		return at_expected(d, at, "an IPv6 address between the brackets");
	if (end[1] == ':' && ports_parse(d, at, end + 2, ret) < 0)
		return -EINVAL;
	return cidr_parse(d, at, "an IPv6 address between the brackets", text + 1, &ret->net);
}

static int entry_parse(struct doc *d, const struct at *at, void *arg)
{
	struct endpoint_set *set = arg;
	struct endpoint_match *m = &set->match[set->n];
	char text[ENTRY_LEN], *colon;
	const char *s;
	int err;

	err = at_text(d, at, ENTRY_WANT, &s);
	if (err < 0)
		return err;
	if (strlen(s) >= sizeof(text) || strstr(s, "://") != NULL)
		return at_expected(d, at, ENTRY_WANT);
	(void)snprintf(text, sizeof(text), "%s", s);
	set->n++;
	m->port_max = 65535;
	if (text[0] == '[')
		return bracket_parse(d, at, text, m);
	colon = strchr(text, ':');
	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		return cidr_parse(d, at, ENTRY_WANT, text, &m->net);
	if (colon != NULL) {
		*colon = '\0';
		err = ports_parse(d, at, colon + 1, m);
		if (err < 0)
			return err;
	}
	err = far_parse(d, at, text, m);
	set->has_names |= m->name != NULL;
	return err;
}

static int set_parse(struct doc *d, const struct at *at, size_t room, struct endpoint_set *set)
{
	size_t n = at->node->type == YAML_SEQUENCE_NODE ? node_items(at->node) : 1;

	if (n > room)
		return at_error(d, at, "expected at most %d entries over all sets",
				POLICY_ENTRIES_MAX);
	set->name = strdup(at->name);
	set->match = calloc(n > 0 ? n : 1, sizeof(*set->match));
	if (set->name == NULL || set->match == NULL)
		return -ENOMEM;
	return at_each(d, at, POLICY_ENTRIES_MAX, "a list of endpoints", entry_parse, set);
}

int endpoints_parse(struct doc *d, const yaml_node_t *n, struct policy *ret)
{
	size_t i, room = POLICY_ENTRIES_MAX;
	struct at at, name;
	const char *id;
	int err;

	if (n == NULL || node_is_empty(n))
		return 0;
	if (n->type != YAML_MAPPING_NODE)
		return doc_error(d, n, "endpoints: expected names with lists of endpoints");
	if (node_pairs(n) > POLICY_SETS_MAX)
		return doc_error(d, n, "endpoints: %zu sets, expected at most %d", node_pairs(n),
				 POLICY_SETS_MAX);
	ret->sets = calloc(POLICY_SETS_MAX, sizeof(*ret->sets));
	if (ret->sets == NULL)
		return -ENOMEM;
	for (i = 0; i < node_pairs(n); i++) {
		err = node_key(d, "endpoints", n, i, &at);
		if (err < 0)
			return err;
		name = (struct at){ "", "endpoints", at.key, at.key, NULL };
		err = at_id(d, &name, &id);
		if (err < 0)
			return err;
		err = set_parse(d, &at, room, &ret->sets[ret->sets_n++]);
		if (err < 0)
			return err;
		room -= ret->sets[i].n;
	}
	return 0;
}

/* A growing list of ranges, for networks. */
struct nets {
	struct cidr *net;
	size_t n;
};

static int net_parse(struct doc *d, const struct at *at, void *arg)
{
	struct nets *nets = arg;
	char text[ENTRY_LEN];
	static const char want[] = "an address or a range";
	const char *s;
	int err;

	err = at_text(d, at, want, &s);
	if (err < 0)
		return err;
	if (strlen(s) >= sizeof(text))
		return at_expected(d, at, want);
	(void)snprintf(text, sizeof(text), "%s", s);
	err = cidr_parse(d, at, want, text, &nets->net[nets->n]);
	if (err == 0)
		nets->n++;
	return err;
}

static int nets_parse(struct doc *d, const struct at *at, struct cidr **ret, size_t *ret_n)
{
	struct nets nets = { calloc(POLICY_NETS_MAX, sizeof(*nets.net)), 0 };
	int err;

	if (nets.net == NULL)
		return -ENOMEM;
	err = at_each(d, at, POLICY_NETS_MAX, "a list of addresses", net_parse, &nets);
	*ret = nets.net;
	*ret_n = nets.n;
	return err;
}

static int key_internal(struct doc *d, const struct at *at, void *ret)
{
	struct policy *p = ret;

	return nets_parse(d, at, &p->internal, &p->internal_n);
}

static int key_metadata(struct doc *d, const struct at *at, void *ret)
{
	struct policy *p = ret;

	return nets_parse(d, at, &p->metadata, &p->metadata_n);
}

/* A port where DNS is looked for; -ENOSPC: there are too many. */
static int dns_port_add(struct policy *p, uint16_t port)
{
	size_t i;

	for (i = 0; i < p->dns_ports_n; i++)
		if (p->dns_ports[i] == port)
			return 0;
	if (p->dns_ports_n == OF_DNS_PORTS)
		return -ENOSPC;
	p->dns_ports[p->dns_ports_n++] = port;
	return 0;
}

/* What stands behind the address is cut off; *ret stays as it is when nothing does. */
static int resolver_port(struct doc *d, const struct at *at, char **text, uint16_t *ret)
{
	char *colon = strchr(*text, ':'), *end = strchr(*text, ']');
	uint64_t port;

	if ((*text)[0] == '[') {
		if (end == NULL || end[1] != ':')
			return at_expected(d, at, DNS_WANT);
		*end = '\0';
		(*text)++;
		if (strchr(*text, ':') == NULL)
			return at_expected(d, at, "an IPv6 address between the brackets");
		colon = end + 1;
	} else if (colon == NULL || strchr(colon + 1, ':') != NULL) {
		return 0;
	}
	*colon = '\0';
	if (num_parse(colon + 1, 1, 65535, &port) < 0)
		return at_expected(d, at, "a port from 1 to 65535 behind the ':'");
	*ret = (uint16_t)port;
	return 0;
}

static int resolver_parse(struct doc *d, const struct at *at, void *arg)
{
	struct policy *p = arg;
	struct resolver *r = &p->resolvers[p->resolvers_n];
	char buf[ENTRY_LEN], *text = buf;
	const char *s;
	int err;

	err = at_text(d, at, DNS_WANT, &s);
	if (err < 0)
		return err;
	if (strlen(s) >= sizeof(buf))
		return at_expected(d, at, DNS_WANT);
	(void)snprintf(buf, sizeof(buf), "%s", s);
	r->port = DNS_PORT;
	err = resolver_port(d, at, &text, &r->port);
	if (err < 0)
		return err;
	if (ip_parse(text, r->addr) < 0)
		return at_expected(d, at, DNS_WANT);
	if (dns_port_add(p, r->port) < 0)
		return at_error(d, at, "expected at most %d different ports, 53 among them",
				OF_DNS_PORTS);
	p->resolvers_n++;
	return 0;
}

static int key_resolvers(struct doc *d, const struct at *at, void *ret)
{
	struct policy *p = ret;

	p->resolvers_set = true;
	p->resolvers = calloc(POLICY_NETS_MAX, sizeof(*p->resolvers));
	if (p->resolvers == NULL)
		return -ENOMEM;
	return at_each(d, at, POLICY_NETS_MAX, "a list of addresses", resolver_parse, p);
}

/* A name could not be held against where a connection goes. */
static int proxy_parse(struct doc *d, const struct at *at, void *arg)
{
	struct policy *p = arg;
	struct endpoint_set one = { .match = &p->proxies[p->proxies_n] };
	int err = entry_parse(d, at, &one);

	p->proxies_n += one.n;
	if (err == 0 && one.has_names)
		return at_expected(d, at, PROXY_WANT);
	return err;
}

static int key_proxies(struct doc *d, const struct at *at, void *ret)
{
	struct policy *p = ret;

	p->proxies = calloc(POLICY_NETS_MAX, sizeof(*p->proxies));
	if (p->proxies == NULL)
		return -ENOMEM;
	return at_each(d, at, POLICY_NETS_MAX, "a list of addresses", proxy_parse, p);
}

/* Private addresses: RFC 1918 section 3, RFC 4193 section 3. */
static int internal_default(struct policy *p)
{
	static const struct cidr nets[] = {
		{ { [10] = 0xff, [11] = 0xff, [12] = 10 }, 96 + 8 },
		{ { [10] = 0xff, [11] = 0xff, [12] = 172, [13] = 16 }, 96 + 12 },
		{ { [10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168 }, 96 + 16 },
		{ { 0xfc }, 7 },
	};

	p->internal = malloc(sizeof(nets));
	if (p->internal == NULL)
		return -ENOMEM;
	memcpy(p->internal, nets, sizeof(nets));
	p->internal_n = sizeof(nets) / sizeof(nets[0]);
	return 0;
}

int networks_parse(struct doc *d, const yaml_node_t *n, struct policy *ret)
{
	static const struct key keys[] = {
		{ .name = "internal", .parse = key_internal },
		{ .name = "metadata", .parse = key_metadata },
		{ .name = "resolvers", .parse = key_resolvers },
		{ .name = "proxies", .parse = key_proxies },
		{ .name = NULL },
	};
	int err;

	(void)dns_port_add(ret, DNS_PORT);
	if (n != NULL && !node_is_empty(n)) {
		err = section_parse(d, "networks", keys, n, ret);
		if (err < 0)
			return err;
	}
	return ret->internal == NULL ? internal_default(ret) : 0;
}
