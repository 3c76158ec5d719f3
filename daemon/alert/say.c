/* SPDX-License-Identifier: BSD-2-Clause */
/* say.c: the words of an alert. Nothing here comes from the monitored side but far ends. */
#include <inttypes.h>
#include <string.h>

#include "alert/open.h"
#include "base/num.h"
#include "base/text.h"

#include "base/poison.h"

static void say_sets(struct buf *b, const struct policy *p, const char *what, uint64_t sets)
{
	const char *before = what;
	size_t i;

	for (i = 0; i < p->sets_n && i < POLICY_SETS_MAX; i++) {
		if (!(sets & (1ULL << i)))
			continue;
		buf_str(b, before);
		text_escape(b, p->sets[i].name, strlen(p->sets[i].name));
		before = " or ";
	}
}

/* What about the endpoint made the rule hold. */
static void say_conditions(struct buf *b, const struct policy *p, const struct rule *r)
{
	const char *before = ", class ";
	uint32_t bit;

	if (!r->has_endpoint)
		return;
	say_sets(b, p, ", not in ", r->endpoint.not_in);
	say_sets(b, p, ", in ", r->endpoint.in);
	for (bit = CLASS_SELF; bit < CLASS_END; bit <<= 1) {
		if (!(r->endpoint.classes & bit))
			continue;
		buf_printf(b, "%s%s", before, endpoint_class_name((enum endpoint_class)bit));
		before = " or ";
	}
}

/* A name, a path and a user are in every alert anyway. */
static void say_process(struct buf *b, const struct rule *r)
{
	if (r->process.file & OF_EXEC_MEMFD)
		buf_str(b, ", run from memory");
	if (r->process.file & OF_EXEC_DELETED)
		buf_str(b, ", run from a deleted file");
}

static bool is_volume(const struct open_alert *a)
{
	return a->limit != 0 || a->window_ns != 0;
}

static void say_volume(struct buf *b, const struct open_alert *a, bool line)
{
	char sent[SIZE_TEXT_LEN], limit[SIZE_TEXT_LEN], window[DURATION_TEXT_LEN];
	bool one = a->key.per == PER_ENDPOINT;

	size_text(sent, a->sent);
	size_text(limit, a->limit);
	duration_text(window, a->window_ns);
	buf_printf(b, "sent %s", sent);
	if (one) {
		buf_str(b, " to ");
		say_far(b, a, line);
	}
	buf_printf(b, " within %s, over %s", window, limit);
	if (!one && line) {
		buf_str(b, ", last to ");
		say_far(b, a, true);
	}
}

static void say_what(struct buf *b, const struct policy *p, const struct open_alert *a, bool line)
{
	char sent[SIZE_TEXT_LEN];

	if (is_volume(a)) {
		say_volume(b, a, line);
	} else if (a->kind == SUBJECT_ATTEMPT || a->sent == 0) {
		buf_str(b, "tried to connect to ");
		say_far(b, a, line);
	} else {
		size_text(sent, a->sent);
		buf_printf(b, line ? "sent %s to " : "sent to ", sent);
		say_far(b, a, line);
	}
	say_conditions(b, p, a->rule);
	say_traits(b, a);
	say_process(b, a->rule);
}

void say_act(struct buf *b, const struct policy *p, const struct open_alert *a)
{
	if (a->is_leak)
		say_leak(b, a, true);
	else if (a->dns != NULL)
		say_dns(b, a, true);
	else
		say_what(b, p, a, true);
}

void say_reason(struct buf *b, const struct policy *p, const struct open_alert *a)
{
	uint64_t roles = a->rule->roles & ~OF_ROLE_ANY;
	const char *role = NULL;

	if (a->is_leak) {
		say_leak(b, a, false);
		return;
	}
	if (roles != 0)
		role = policy_role_name(p, (unsigned int)__builtin_ctzll(roles));
	if (role != NULL)
		text_escape(b, role, strlen(role));
	else
		buf_str(b, a->key.per == PER_MACHINE ? "machine" : "process");
	if (is_volume(a) && a->key.per != PER_MACHINE && a->key.per != PER_ENDPOINT &&
	    (role != NULL || a->key.per != PER_PROCESS))
		buf_printf(b, " %s", rule_per_name((enum rule_per)a->key.per));
	buf_char(b, ' ');
	if (a->dns != NULL) {
		say_dns(b, a, false);
		return;
	}
	if (account_is_overflow(a->account_flags) && is_volume(a) && a->key.per != PER_ENDPOINT) {
		say_what(b, p, a, false);
		buf_str(b, ", last to endpoints not seen singly (account table full)");
		return;
	}
	say_what(b, p, a, false);
}
