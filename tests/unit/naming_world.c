/* SPDX-License-Identifier: BSD-2-Clause */
#include "naming_world.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intake/intake.h"

#define HEAD                                                                        \
	"version: 1\n"                                                              \
	"networks: {resolvers: [192.0.2.53, '192.0.2.54:5353', 127.0.0.53],\n"      \
	"           proxies: ['192.0.2.80:3128', '127.0.0.1:3128']}\n"              \
	"endpoints:\n"                                                              \
	"  good: ['good.example.org:443', '*.ok.example:443', '198.51.100.0/28', "  \
	"'192.0.2.80:3128']\n"                                                      \
	"  bad: ['evil.example.net', 198.51.100.66]\n"                              \
	"  nets: [198.51.100.0/28]\n"                                               \
	"roles: {w: {match: [{name: work}]}, late: {match: [{argv: \"*scan\"}]}}\n" \
	"rules:\n"

static struct of_exec exec_in(uint64_t id, uint64_t parent, const char *name, uint32_t sid)
{
	struct of_exec e = exec_of(id, parent, (uint32_t)id + 100, name);

	e.sid = sid;
	e.ns.net = NETNS;
	return e;
}

static void exec(struct world *w, uint64_t id, uint64_t parent, const char *name, uint32_t sid)
{
	struct of_exec e = exec_in(id, parent, name, sid);
	char exe[64];

	(void)snprintf(exe, sizeof(exe), "/usr/bin/%s", name);
	rec_exec_of(&w->t.s, &e, exe, "x", 2);
}

void world_start(struct world *w, const char *rules)
{
	struct track_limits limits = {
		.executions = 64, .accounts = 64, .grace_ns = 60 * SECOND, .names = 256
	};
	char yaml[4096];

	*w = (struct world){ .judged_n = 0 };
	(void)snprintf(yaml, sizeof(yaml), HEAD "%s", rules);
	tracked_init(&w->t, yaml, limits);
	cr_assert_eq(detect_new(&w->t.config.policy, &w->detect), 0);
	rec_host(&w->t.s, w->t.config.policy.roles_id);
	exec(w, 1, 0, "init", 1);
	exec(w, SSHD, 1, "sshd", 1);
	exec(w, WORK, 1, "work", 2);
	exec(w, CURL, WORK, "curl", 2);
	exec(w, WGET, WORK, "wget", 2);
	exec(w, OTHER, SSHD, "other", 3);
	world_run(w);
}

void world_stop(struct world *w)
{
	detect_free(w->detect);
	tracked_done(&w->t);
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct world *w = arg;
	struct judged *j = &w->judged[w->judged_n];

	cr_assert_lt(w->judged_n, sizeof(w->judged) / sizeof(w->judged[0]));
	w->judged_n++;
	(void)snprintf(j->rule, sizeof(j->rule), "%s", v->rule->id);
	j->exec_id = v->subject->account->who == NULL ? 0 : v->subject->account->who->exec_id;
	j->time_ns = v->subject->time_ns;
	j->sent = v->sent;
	j->key = v->key;
}

/* What the contract says of names. */
static void check_names(const struct endpoint_names *names)
{
	size_t i;

	cr_assert_leq(names->n, ENDPOINT_NAMES_MAX);
	for (i = 1; i < names->n; i++) {
		cr_assert_leq(names->name[i - 1].source, names->name[i].source);
		if (names->name[i - 1].source == names->name[i].source)
			cr_assert_geq(names->name[i - 1].time_ns, names->name[i].time_ns);
	}
	for (i = 0; i < names->n; i++)
		cr_assert_gt(strlen(names->name[i].host), 0);
}

static void on_subject(void *arg, const struct subject *s)
{
	struct world *w = arg;

	check_names(&s->account->names);
	check_names(&s->before);
	w->named_n += s->kind == SUBJECT_NAMED;
	detect_subject(w->detect, s, on_verdict, w);
}

static void on_event(void *arg, const struct event *ev)
{
	struct world *w = arg;

	track_event(w->t.track, ev, on_subject, w);
}

void world_run(struct world *w)
{
	struct intake *in;

	cr_assert_eq(intake_array(w->t.s.data, w->t.s.len, &in), 0);
	while (intake_drain(in, 64, on_event, w) > 0)
		;
	cr_assert_eq(intake_drain(in, 64, on_event, w), -ENODATA);
	cr_assert_eq(intake_stats(in).bad, 0);
	intake_free(in);
	w->t.s.len = 0;
}

void world_tick(struct world *w, uint64_t now_ns)
{
	w->t.s.now_ns = now_ns;
	rec_tick(&w->t.s);
	world_run(w);
}

size_t world_count(const struct world *w, const char *rule, uint64_t exec_id)
{
	size_t i, n = 0;

	for (i = 0; i < w->judged_n; i++)
		n += strcmp(w->judged[i].rule, rule) == 0 &&
		     (exec_id == 0 || w->judged[i].exec_id == exec_id);
	return n;
}

const char *world_names(const struct world *w, uint64_t exec_id, const char *ip, uint16_t port)
{
	static const char *const sources[] = { "?", "connect", "sni", "host", "dns" };
	const struct account *a = tracked_account(&w->t, exec_id, ip, port);
	static char text[4096];
	const struct endpoint_name *n;
	size_t len = 0;

	cr_assert_not_null(a);
	text[0] = '\0';
	for (n = a->names.name; n < a->names.name + a->names.n; n++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s:%s%s%s",
					len > 0 ? " " : "", sources[n->source], n->host,
					n->confirmed ? "+" : "", n->asked ? "" : "?");
	return text;
}
