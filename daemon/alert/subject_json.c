/* SPDX-License-Identifier: BSD-2-Clause */
#include "alert/subject_json.h"

#include <string.h>

#include "alert/ancestry.h"
#include "alert/open.h"
#include "base/ip.h"
#include "base/text.h"

#include "base/poison.h"

/* Of 64 names of common length all are told; names as long as can be are too much for a line. */
#define NAMES_BYTES_MAX (14 << 10)

void subject_json_process(struct json *j, const struct execution *e)
{
	json_u64(j, "pid", e->tgid);
	json_u64(j, "exec_id", e->exec_id);
	json_u64(j, "ppid", e->ppid);
	json_str(j, "name", e->name, strnlen(e->name, sizeof(e->name)));
	json_cstr(j, "exe", e->exe != NULL && e->exe[0] != '\0' ? e->exe : NULL);
}

bool subject_hash_text(char ret[SUBJECT_HASH_LEN], const struct execution *e)
{
	text_hex(ret, e->sha256, e->sha256 == NULL ? 0 : 32);
	return e->sha256 != NULL;
}

const char *subject_hash_state(enum of_hash_state state)
{
	static const char *const names[] = {
		[OF_HASH_NONE] = "pending",    [OF_HASH_OK] = "ok",
		[OF_HASH_CHANGED] = "changed", [OF_HASH_GONE] = "gone",
		[OF_HASH_FAILED] = "failed",   [OF_HASH_SKIPPED] = "skipped",
	};

	return names[state];
}

void subject_json_hash(struct json *j, const struct execution *e)
{
	char text[SUBJECT_HASH_LEN];

	json_cstr(j, "sha256", subject_hash_text(text, e) ? text : NULL);
	json_cstr(j, "sha256_state", subject_hash_state(e->hash_state));
}

void subject_json_lineage(struct json *j, const struct execution *e)
{
	struct ancestry ancestry;

	ancestry_of(&ancestry, e);
	ancestry_json(j, "lineage", &ancestry);
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

const char *subject_name_source(enum of_name_source source)
{
	static const char *const names[] = {
		[OF_NAME_CONNECT] = "connect",
		[OF_NAME_SNI] = "sni",
		[OF_NAME_HOST] = "host",
		[OF_NAME_DNS] = "dns",
	};

	return names[source];
}

static void json_name(struct json *j, const struct endpoint_name *n, const struct origin *o)
{
	json_open(j, NULL, '{');
	json_cstr(j, "name", n->host);
	json_cstr(j, "source", subject_name_source(n->source));
	json_bool(j, "confirmed", n->confirmed);
	json_bool(j, "asked", n->asked);
	if (n->source == OF_NAME_CONNECT)
		json_u64(j, "port", n->port);
	subject_json_time(j, "time", (int64_t)(n->time_ns + (uint64_t)o->utc_offset_ns));
	json_close(j, '}');
}

static void json_alpn(struct json *j, const struct endpoint_names *names)
{
	size_t i;

	if (names->alpn_n > 0) {
		json_open(j, "alpn", '[');
		for (i = 0; i < names->alpn_n; i++)
			json_str(j, NULL, (const char *)names->alpn[i].id, names->alpn[i].len);
		json_close(j, ']');
	}
	if (names->flags & NAMES_ALPN_MORE)
		json_bool(j, "alpn_more", true);
}

static void json_names(struct json *j, const struct endpoint_names *names, const struct origin *o)
{
	size_t i, from = j->out->len;

	json_open(j, "names", '[');
	for (i = 0; i < names->n && j->out->len - from < NAMES_BYTES_MAX; i++)
		json_name(j, &names->name[i], o);
	json_close(j, ']');
	if (i < names->n || (names->flags & (NAMES_MORE | NAMES_MORE_ASKED)))
		json_bool(j, "names_more", true);
	if (names->flags & (NAMES_INVALID | NAMES_UNHEARD))
		json_bool(j, "names_invalid", true);
	if (names->flags & NAMES_ECH)
		json_bool(j, "ech", true);
	json_alpn(j, names);
}

void subject_json_endpoint(struct json *j, const struct account *a, const struct origin *o)
{
	char ip[IP_TEXT_LEN], proto[PROTO_TEXT_LEN];

	say_proto(proto, &a->to);
	json_open(j, "endpoint", '{');
	if (endpoint_has_address(&a->to)) {
		ip_text(ip, a->to.addr);
		json_cstr(j, "ip", ip);
	} else {
		json_nil(j, "ip");
	}
	if (a->to.port != 0)
		json_u64(j, "port", a->to.port);
	else
		json_nil(j, "port");
	json_cstr(j, "proto", proto[0] == '\0' ? NULL : proto);
	json_cstr(j, "class", endpoint_class_name(a->class));
	json_names(j, &a->names, o);
	if (account_is_overflow(a->flags))
		json_bool(j, "overflow", true);
	json_close(j, '}');
}

void subject_json_creator(struct json *j, const struct account *a)
{
	const struct execution *e = a->creator;

	if (a->creator_id == 0) {
		json_nil(j, "creator");
		return;
	}
	json_open(j, "creator", '{');
	if (e != NULL)
		json_u64(j, "pid", e->tgid);
	else
		json_nil(j, "pid");
	json_u64(j, "exec_id", a->creator_id);
	if (e != NULL)
		json_str(j, "name", e->name, strnlen(e->name, sizeof(e->name)));
	else
		json_nil(j, "name");
	json_close(j, '}');
}

void subject_json_received(struct json *j, uint64_t received, uint32_t account_flags)
{
	if (account_flags & OF_ACCOUNT_RECEIVED)
		json_u64(j, "received", received);
	else
		json_nil(j, "received");
}

void subject_json_time(struct json *j, const char *key, int64_t utc_ns)
{
	char text[TIME_TEXT_LEN];

	time_text(text, utc_ns);
	json_cstr(j, key, text);
}
