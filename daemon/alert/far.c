/* SPDX-License-Identifier: BSD-2-Clause */
/* far.c: the words for a far end, by name where it has one. */
#include <stdio.h>
#include <string.h>

#include "alert/open.h"
#include "base/ip.h"
#include "base/text.h"

#include "base/poison.h"

#define PROTO_MPTCP 262 /* IPPROTO_MPTCP; missing in older libc headers */

static const struct {
	uint16_t number;
	const char *name;
} protos[] = {
	{ IPPROTO_TCP, "tcp" },	      { IPPROTO_UDP, "udp" },	{ IPPROTO_ICMP, "icmp" },
	{ IPPROTO_ICMPV6, "icmpv6" }, { 136, "udplite" },	{ IPPROTO_SCTP, "sctp" },
	{ IPPROTO_DCCP, "dccp" },     { PROTO_MPTCP, "mptcp" }, { IPPROTO_RAW, "raw" },
};

static bool is_inet(const struct of_endpoint *to)
{
	return to->family == OF_AF_INET || to->family == OF_AF_INET6;
}

bool endpoint_has_address(const struct of_endpoint *to)
{
	return is_inet(to) && !ip_is_unspecified(to->addr);
}

void say_proto(char ret[PROTO_TEXT_LEN], const struct of_endpoint *to)
{
	size_t i;

	if (to->family == 0)
		ret[0] = '\0';
	else if (to->family == OF_AF_PACKET)
		(void)snprintf(ret, PROTO_TEXT_LEN, "packet");
	else if (to->family == OF_AF_VSOCK)
		(void)snprintf(ret, PROTO_TEXT_LEN, "vsock");
	else if (!is_inet(to))
		(void)snprintf(ret, PROTO_TEXT_LEN, "af_%u", (unsigned int)to->family);
	else
		(void)snprintf(ret, PROTO_TEXT_LEN, "%u", (unsigned int)to->proto);
	for (i = 0; is_inet(to) && i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].number == to->proto)
			(void)snprintf(ret, PROTO_TEXT_LEN, "%s", protos[i].name);
}

void say_endpoint(struct buf *b, const struct of_endpoint *to, uint32_t account_flags, bool proto)
{
	char ip[IP_TEXT_LEN], name[PROTO_TEXT_LEN];

	say_proto(name, to);
	if (account_is_overflow(account_flags)) {
		buf_str(b, "endpoints not seen singly (account table full)");
	} else if (!endpoint_has_address(to)) {
		buf_str(b, name[0] == '\0' || is_inet(to) ? "an endpoint not known" : name);
		if (is_inet(to))
			buf_printf(b, " (%s)", name);
		if (to->port != 0)
			buf_printf(b, ":%u", (unsigned int)to->port);
	} else {
		ip_text(ip, to->addr);
		if (to->port == 0)
			buf_printf(b, "%s/%s", ip, name);
		else
			buf_printf(b, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip,
				   (unsigned int)to->port);
		if (to->port != 0 && proto)
			buf_printf(b, "/%s", name);
	}
}

/* How far the name can be trusted, when it is not known to hold. */
static const char *name_doubt(const struct open_name *n)
{
	if (n->source != OF_NAME_DNS)
		return n->confirmed ? "" : ", by its own word";
	if (!n->confirmed)
		return ", by a server that is not configured";
	return n->asked ? "" : ", asked for by others";
}

void say_far(struct buf *b, const struct open_alert *a, bool proto)
{
	const struct open_name *n = a->names == NULL ? NULL : &a->names->shown;

	if (n == NULL || n->host[0] == '\0') {
		say_endpoint(b, &a->to, a->account_flags, proto);
		return;
	}
	text_escape(b, n->host, strlen(n->host));
	if (n->port != 0)
		buf_printf(b, ":%u", (unsigned int)n->port);
	buf_str(b, n->source == OF_NAME_CONNECT ? " (by proxy " : " (");
	say_endpoint(b, &a->to, a->account_flags, proto);
	buf_str(b, name_doubt(n));
	buf_char(b, ')');
}

/* ", says X, asked for Y". */
static void say_mismatch(struct buf *b, const struct open_names *n)
{
	if (n == NULL || n->said.host[0] == '\0') {
		buf_str(b, ", says another name than it asked for");
		return;
	}
	buf_str(b, ", says ");
	text_escape(b, n->said.host, strlen(n->said.host));
	if (n->asked.host[0] == '\0') {
		buf_str(b, ", which it did not ask for");
		return;
	}
	buf_str(b, ", asked for ");
	text_escape(b, n->asked.host, strlen(n->asked.host));
}

void say_traits(struct buf *b, const struct open_alert *a)
{
	uint32_t traits = a->rule->endpoint.traits;

	if (traits & TRAIT_NO_NAME)
		buf_str(b, ", without a name");
	if (traits & TRAIT_MISMATCH)
		say_mismatch(b, a->names);
	if (traits & TRAIT_ECH)
		buf_str(b, ", with an encrypted ClientHello");
}
