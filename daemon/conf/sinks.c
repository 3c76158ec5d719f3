/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sinks.c: `sinks`: where alerts go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/ip.h"
#include "base/num.h"
#include "conf/node.h"
#include "conf/parts.h"

#include "base/poison.h"

#define LOCAL_SOCKET	  "/dev/log"
#define UNIX_MAX	  (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define FACILITY_AUTHPRIV 10

static const char target_want[] = "local, unix:/path, tcp://address:port or udp://address:port";

/* A sink's values before its type is known, which says what they mean. */
struct sink_keys {
	struct at type, target, path, format, facility; /* .node NULL: not written */
};

struct sink_type_desc {
	const char *name; /* NULL ends the table */
	enum sink_type type;
	bool target, path, facility;  /* which keys it has, besides format */
	const struct choice *formats; /* the first is what it does by itself */
	int (*parse)(struct doc *d, const struct sink_keys *k, const yaml_node_t *n,
		     struct sink_conf *s);
};

static const struct choice syslog_formats[] = {
	{ "rfc3164", FORMAT_RFC3164, false },
	{ "rfc5424", FORMAT_RFC5424, false },
	{ NULL, 0, false },
};
static const struct choice file_formats[] = {
	{ "json", FORMAT_JSON, false },
	{ NULL, 0, false },
};
static const struct choice stderr_formats[] = {
	{ "text", FORMAT_TEXT, false },
	{ "json", FORMAT_JSON, false },
	{ NULL, 0, false },
};

/* RFC 5424 section 6.2.1, by the names that syslog daemons use. */
static const struct choice facilities[] = {
	{ "kern", 0, false },	 { "user", 1, false },	    { "mail", 2, false },
	{ "daemon", 3, false },	 { "auth", 4, false },	    { "syslog", 5, false },
	{ "lpr", 6, false },	 { "news", 7, false },	    { "uucp", 8, false },
	{ "cron", 9, false },	 { "authpriv", 10, false }, { "ftp", 11, false },
	{ "ntp", 12, false },	 { "audit", 13, false },    { "alert", 14, false },
	{ "clock", 15, false },	 { "local0", 16, false },   { "local1", 17, false },
	{ "local2", 18, false }, { "local3", 19, false },   { "local4", 20, false },
	{ "local5", 21, false }, { "local6", 22, false },   { "local7", 23, false },
	{ NULL, 0, false },
};

static int at_set(struct doc *d, const struct at *at, void *ret)
{
	(void)d;
	*(struct at *)ret = *at;
	return 0;
}

/* "IP:PORT" or "[IP]:PORT". */
static int address_parse(struct doc *d, const struct at *at, const char *s, struct sink_conf *ret)
{
	static const char want[] = "an address and a port, as tcp://192.0.2.1:514";
	char host[IP_TEXT_LEN + 2];
	const char *colon = strrchr(s, ':');
	uint64_t port;
	size_t n;

	if (colon == NULL || num_parse(colon + 1, 1, 65535, &port) < 0)
		return at_expected(d, at, want);
	n = (size_t)(colon - s);
	if (s[0] == '[' && n > 2 && s[n - 1] == ']') {
		s++;
		n -= 2;
	} else if (memchr(s, ':', n) != NULL) {
		return at_expected(d, at,
				   "an IPv6 address in brackets, as tcp://[2001:db8::1]:514");
	}
	(void)snprintf(host, sizeof(host), "%.*s", (int)(n < sizeof(host) ? n : sizeof(host)), s);
	if (n >= sizeof(host) || ip_parse(host, ret->addr) < 0)
		return at_error(d, at,
				"an address is needed, a name would have to be looked up first");
	ret->port = (uint16_t)port;
	return 0;
}

static int udp_parse(struct doc *d, const struct at *at, const char *s, struct sink_conf *ret)
{
	ret->transport = TRANSPORT_UDP;
	return address_parse(d, at, s, ret);
}

static int tcp_parse(struct doc *d, const struct at *at, const char *s, struct sink_conf *ret)
{
	ret->transport = TRANSPORT_TCP;
	return address_parse(d, at, s, ret);
}

static int unix_parse(struct doc *d, const struct at *at, const char *s, struct sink_conf *ret)
{
	ret->transport = TRANSPORT_UNIX;
	if (s[0] != '/' || strlen(s) > UNIX_MAX)
		return at_expected(d, at, "unix: and an absolute path of at most 107 characters");
	ret->path = strdup(s);
	return ret->path != NULL ? 0 : -ENOMEM;
}

static int local_parse(struct doc *d, const struct at *at, const char *s, struct sink_conf *ret)
{
	if (*s != '\0')
		return at_expected(d, at, target_want);
	return unix_parse(d, at, LOCAL_SOCKET, ret);
}

static int later_parse(struct doc *d, const struct at *at, const char *s, struct sink_conf *ret)
{
	(void)s;
	(void)ret;
	return at_error(d, at, "not built yet, expected local, unix:/path, tcp:// or udp://");
}

static int target_parse(struct doc *d, const struct at *at, struct sink_conf *ret)
{
	static const struct scheme {
		const char *prefix;
		int (*parse)(struct doc *d, const struct at *at, const char *rest,
			     struct sink_conf *ret);
	} schemes[] = {
		{ "local", local_parse },   { "unix:", unix_parse },   { "tcp://", tcp_parse },
		{ "udp://", udp_parse },    { "tls://", later_parse }, { "relp://", later_parse },
		{ "nats://", later_parse },
	};
	const char *s;
	size_t i, n;
	int err;

	err = at_text(d, at, target_want, &s);
	if (err < 0)
		return err;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		n = strlen(schemes[i].prefix);
		if (strncmp(s, schemes[i].prefix, n) == 0)
			return schemes[i].parse(d, at, s + n, ret);
	}
	return at_expected(d, at, target_want);
}

static int name_set(struct sink_conf *s, const char *type, const char *rest)
{
	if (asprintf(&s->name, "%s%s%s", type, *rest != '\0' ? ":" : "", rest) < 0) {
		s->name = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int syslog_parse(struct doc *d, const struct sink_keys *k, const yaml_node_t *n,
			struct sink_conf *s)
{
	const struct choice *c;
	bool net;
	int err;

	(void)n;
	if (k->target.node != NULL)
		err = target_parse(d, &k->target, s);
	else
		err = unix_parse(d, &k->target, LOCAL_SOCKET, s);
	if (err < 0)
		return err;
	s->facility = FACILITY_AUTHPRIV;
	if (k->facility.node != NULL) {
		err = at_choice(d, &k->facility, facilities, &c);
		if (err < 0)
			return err;
		s->facility = (uint8_t)c->value;
	}
	net = s->transport != TRANSPORT_UNIX;
	if (k->format.node == NULL)
		s->format = net ? FORMAT_RFC5424 : FORMAT_RFC3164;
	else if (s->format == FORMAT_RFC5424 && !net && strcmp(s->path, LOCAL_SOCKET) == 0)
		return at_error(d, &k->format,
				"rsyslog reads " LOCAL_SOCKET
				" as rfc3164 and would garble it, expected rfc3164");
	return name_set(s, "syslog",
			k->target.node != NULL ? (const char *)k->target.node->data.scalar.value
					       : "local");
}

static int file_parse(struct doc *d, const struct sink_keys *k, const yaml_node_t *n,
		      struct sink_conf *s)
{
	int err;

	if (k->path.node == NULL)
		return doc_error(d, n, "sinks[]: key 'path' is missing");
	err = key_path(d, &k->path, &s->path);
	if (err < 0)
		return err;
	return name_set(s, "file", s->path);
}

static int stderr_parse(struct doc *d, const struct sink_keys *k, const yaml_node_t *n,
			struct sink_conf *s)
{
	(void)d;
	(void)k;
	(void)n;
	return name_set(s, "stderr", "");
}

static const struct sink_type_desc types[] = {
	{ "syslog", SINK_SYSLOG, true, false, true, syslog_formats, syslog_parse },
	{ "file", SINK_FILE, false, true, false, file_formats, file_parse },
	{ "stderr", SINK_STDERR, false, false, false, stderr_formats, stderr_parse },
};

static int type_find(struct doc *d, const struct at *at, const struct sink_type_desc **ret)
{
	static const struct choice choices[] = {
		{ "syslog", 0, false },	 { "file", 1, false }, { "stderr", 2, false },
		{ "relp", -1, true },	 { "tls", -1, true },  { "nats", -1, true },
		{ "journal", -1, true }, { NULL, 0, false },
	};
	const struct choice *c;
	int err;

	err = at_choice(d, at, choices, &c);
	if (err < 0)
		return err;
	if (c->later)
		return at_error(d, at, "not built yet, expected syslog, file or stderr");
	*ret = &types[c->value];
	return 0;
}

/* A key that the type gives no meaning is a mistake, not a wish. */
static int misplaced(struct doc *d, const struct sink_type_desc *t, const struct at *at, bool has)
{
	if (at->node == NULL || has)
		return 0;
	return doc_error(d, at->key, "sinks[]: a sink of type %s has no '%s'", t->name, at->name);
}

static int sink_parse(struct doc *d, const yaml_node_t *n, struct sink_conf *s)
{
	static const struct key keys[] = {
		{ "type", at_set, offsetof(struct sink_keys, type), true, 0, 0, NULL },
		{ "target", at_set, offsetof(struct sink_keys, target), false, 0, 0, NULL },
		{ "path", at_set, offsetof(struct sink_keys, path), false, 0, 0, NULL },
		{ "format", at_set, offsetof(struct sink_keys, format), false, 0, 0, NULL },
		{ "facility", at_set, offsetof(struct sink_keys, facility), false, 0, 0, NULL },
		{ .name = NULL },
	};
	const struct sink_type_desc *t = NULL;
	struct sink_keys k = { 0 };
	const struct choice *c;
	int err;

	err = section_parse(d, "sinks[]", keys, n, &k);
	if (err == 0)
		err = type_find(d, &k.type, &t);
	if (err == 0)
		err = misplaced(d, t, &k.target, t->target); // NOLINT: set when err is 0
	if (err == 0)
		err = misplaced(d, t, &k.path, t->path);
	if (err == 0)
		err = misplaced(d, t, &k.facility, t->facility);
	if (err != 0)
		return err;
	c = t->formats;
	if (k.format.node != NULL) {
		err = at_choice(d, &k.format, t->formats, &c);
		if (err < 0)
			return err;
	}
	s->type = t->type;
	s->format = (enum sink_format)c->value;
	return t->parse(d, &k, n, s);
}

int sinks_parse(struct doc *d, const yaml_node_t *n, struct config *ret)
{
	const yaml_node_t *item;
	size_t i, j;
	int err;

	if (n == NULL || node_is_empty(n))
		return 0;
	if (n->type != YAML_SEQUENCE_NODE)
		return doc_error(d, n, "sinks: expected a list");
	if (node_items(n) > CONFIG_SINKS_MAX)
		return doc_error(d, n, "sinks: %zu sinks, expected at most %d", node_items(n),
				 CONFIG_SINKS_MAX);
	ret->sinks = calloc(CONFIG_SINKS_MAX, sizeof(*ret->sinks));
	if (ret->sinks == NULL)
		return -ENOMEM;
	for (i = 0; i < node_items(n); i++) {
		item = doc_node(d, n->data.sequence.items.start[i]);
		err = sink_parse(d, item, &ret->sinks[ret->sinks_n++]);
		if (err < 0)
			return err;
		/* Two of one name would write each alert twice, and `status` could not tell them
		 * apart. */
		for (j = 0; j < i; j++)
			if (strcmp(ret->sinks[j].name, ret->sinks[i].name) == 0) // NOLINT: both set
				return doc_error(d, item, "sinks[]: another sink is %s already",
						 ret->sinks[i].name);
	}
	return 0;
}

void sinks_done(struct config *c)
{
	size_t i;

	for (i = 0; i < c->sinks_n; i++) {
		free(c->sinks[i].path);
		free(c->sinks[i].name);
	}
	free(c->sinks);
}
