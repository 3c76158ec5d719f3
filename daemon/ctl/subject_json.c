/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/subject_json.h"

#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "base/text.h"

#include "base/poison.h"

void subject_json_process(struct json *j, const struct execution *e)
{
	json_u64(j, "pid", e->tgid);
	json_u64(j, "exec_id", e->exec_id);
	json_str(j, "name", e->name, strnlen(e->name, sizeof(e->name)));
	json_cstr(j, "exe", e->exe != NULL && e->exe[0] != '\0' ? e->exe : NULL);
}

void subject_json_lineage(struct json *j, const struct execution *e)
{
	const struct execution *chain[LINEAGE_DEPTH_MAX + 1], *leaf = e;
	char text[OF_NAME_LEN + 32];
	size_t n = 0;

	for (; e != NULL && n < LINEAGE_DEPTH_MAX + 1; e = e->parent)
		chain[n++] = e;
	json_open(j, "lineage", '[');
	while (n > 0) {
		e = chain[--n];
		if (e->elided > 0) {
			(void)snprintf(text, sizeof(text), "(%u left out)", e->elided);
			json_cstr(j, NULL, text);
		}
		if (e != leaf && !lineage_shows(e))
			continue;
		(void)snprintf(text, sizeof(text), "%.*s[%u]", OF_NAME_LEN - 1, e->name, e->tgid);
		json_cstr(j, NULL, text);
	}
	json_close(j, ']');
}

void subject_json_roles(struct json *j, const struct policy *p, uint64_t roles)
{
	const char *name;
	unsigned int bit;

	json_open(j, "roles", '[');
	for (bit = 0; bit < OF_ROLES_MAX; bit++) {
		name = (roles >> bit & 1) != 0 ? policy_role_name(p, bit) : NULL;
		if (name != NULL)
			json_cstr(j, NULL, name);
	}
	json_close(j, ']');
}

/* Names of IANA's protocol numbers as ss and nftables write them. */
static const char *const protocols[] = {
	[1] = "icmp",	[2] = "igmp",	   [6] = "tcp",	  [17] = "udp",	   [33] = "dccp",
	[41] = "ipv6",	[47] = "gre",	   [50] = "esp",  [51] = "ah",	   [58] = "icmpv6",
	[132] = "sctp", [136] = "udplite", [255] = "raw", [262] = "mptcp",
};

static void proto_json(struct json *j, const struct of_endpoint *to)
{
	char number[8];

	if (to->family == OF_AF_PACKET) {
		json_cstr(j, "proto", "packet");
	} else if (to->family == OF_AF_VSOCK) {
		json_cstr(j, "proto", "vsock");
	} else if (to->family != OF_AF_INET && to->family != OF_AF_INET6) {
		json_null(j, "proto");
	} else if (to->proto < sizeof(protocols) / sizeof(protocols[0]) &&
		   protocols[to->proto] != NULL) {
		json_cstr(j, "proto", protocols[to->proto]);
	} else {
		(void)snprintf(number, sizeof(number), "%u", to->proto);
		json_cstr(j, "proto", number);
	}
}

void subject_json_endpoint(struct json *j, const struct account *a)
{
	bool inet = a->to.family == OF_AF_INET || a->to.family == OF_AF_INET6;
	char text[IP_TEXT_LEN];

	json_open(j, "endpoint", '{');
	if (inet) {
		ip_text(text, a->to.addr);
		json_cstr(j, "ip", text);
		json_u64(j, "port", a->to.port);
	} else {
		json_null(j, "ip");
		json_null(j, "port");
	}
	proto_json(j, &a->to);
	json_cstr(j, "class", endpoint_class_name(a->class));
	json_open(j, "names", '[');
	json_close(j, ']');
	json_close(j, '}');
}

void subject_json_time(struct json *j, const char *key, const struct origin *o, uint64_t ns)
{
	char text[TIME_TEXT_LEN];

	if (ns == 0) {
		json_null(j, key);
		return;
	}
	time_text(text, (int64_t)(ns + (uint64_t)o->utc_offset_ns));
	json_cstr(j, key, text);
}

void subject_json_loss(struct json *j, const struct of_loss *loss)
{
	json_open(j, "loss", '{');
#define X(name) json_u64(j, #name, loss->name);
	OF_LOSS_LIST(X)
#undef X
	json_close(j, '}');
}
