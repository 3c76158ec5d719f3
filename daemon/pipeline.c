/* SPDX-License-Identifier: BSD-2-Clause */
#include "pipeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

#include "base/poison.h"

#define DRAIN_BATCH  4096
#define DRAIN_ROUNDS 64 /* of a look; a flood that fills the ring faster than this waits */

/* A counter that rises from 0 is said at once, a further rise at most so often. */
#define LOSS_EVERY_NS 60000000000ULL

int pipeline_init(struct pipeline *p, const struct config *config, struct intake *intake,
		  alerts_put *put, void *arg)
{
	struct track_limits limits = { .executions = config->limits.tracked_executions,
				       .accounts = config->limits.tracked_accounts,
				       .names = config->limits.names,
				       .grace_ns = config->limits.grace_ns };
	int err;

	*p = (struct pipeline){ .config = config, .intake = intake };
	err = track_new(&config->policy, limits, &p->track);
	if (err == 0)
		err = detect_new(&config->policy, &p->detect);
	if (err == 0)
		err = alerts_new(&config->policy, put, arg, &p->alerts);
	if (err < 0)
		pipeline_done(p);
	return err;
}

void pipeline_done(struct pipeline *p)
{
	intake_free(p->intake);
	alerts_free(p->alerts);
	detect_free(p->detect);
	track_free(p->track);
	*p = (struct pipeline){ .config = NULL };
}

static void on_verdict(void *arg, const struct verdict *v)
{
	struct pipeline *p = arg;

	(void)alerts_raise(p->alerts, v, track_origin(p->track)); /* it counts its failures */
}

static void on_subject(void *arg, const struct subject *s)
{
	struct pipeline *p = arg;

	detect_subject(p->detect, s, on_verdict, p);
	if (s->kind == SUBJECT_NAMED)
		alerts_named(p->alerts, s->account, track_origin(p->track));
}

/* "3 ring, 120 accounts_full": what came since the last notice. */
static void loss_text(const struct of_loss *now, const struct of_loss *before, struct buf *b)
{
#define X(name)                                                                \
	if (now->name > before->name)                                          \
		buf_printf(b, "%s%" PRIu64 " " #name, b->len == 0 ? "" : ", ", \
			   (uint64_t)(now->name - before->name));
	OF_LOSS_LIST(X)
#undef X
}

/* Something is missing of which nothing was said yet. */
static bool loss_is_new(const struct of_loss *now, const struct of_loss *said)
{
#define X(name)                               \
	if (said->name == 0 && now->name > 0) \
		return true;
	OF_LOSS_LIST(X)
#undef X
	return false;
}

static void loss_notice(struct pipeline *p, uint64_t time_ns, bool last)
{
	const struct origin *o = track_origin(p->track);
	struct buf what;

	if (memcmp(&o->loss, &p->loss_said, sizeof(o->loss)) == 0)
		return;
	if (!last && p->loss_said_ns != 0 && time_ns < p->loss_said_ns + LOSS_EVERY_NS &&
	    !loss_is_new(&o->loss, &p->loss_said))
		return;
	buf_init(&what, 1024);
	loss_text(&o->loss, &p->loss_said, &what);
	if (what.len > 0)
		(void)alerts_notice(p->alerts, "loss", SEVERITY_MEDIUM, what.data, o);
	buf_done(&what);
	p->loss_said = o->loss;
	p->loss_said_ns = time_ns;
}

static void dns_judge(struct pipeline *p, const struct of_rec_dns *r, uint64_t time_ns)
{
	struct account server;
	struct subject s;

	track_asker(p->track, r, time_ns, &server, &s);
	detect_dns(p->detect, &s, r, on_verdict, p);
}

static void on_event(void *arg, const struct event *ev)
{
	struct pipeline *p = arg;

	track_event(p->track, ev, on_subject, p);
	if (ev->kind == OF_REC_HASH)
		alerts_hashed(p->alerts, &ev->hash, track_origin(p->track));
	if (ev->kind == OF_REC_DNS)
		dns_judge(p, ev->dns, ev->time_ns);
	if (ev->kind == OF_REC_LINK)
		detect_link(p->detect, ev->link, ev->time_ns, on_verdict, p);
	if (ev->kind != OF_REC_TICK)
		return;
	detect_tick(p->detect, ev->time_ns, on_verdict, p);
	loss_notice(p, ev->time_ns, false);
	alerts_tick(p->alerts, track_origin(p->track));
}

int pipeline_drain(struct pipeline *p, int budget)
{
	return intake_drain(p->intake, budget, on_event, p);
}

int pipeline_look(struct pipeline *p)
{
	int i, n;

	for (i = 0; i < DRAIN_ROUNDS; i++) {
		n = pipeline_drain(p, DRAIN_BATCH);
		if (n < 0)
			return n;
		if (n < DRAIN_BATCH)
			break;
	}
	return intake_look(p->intake, on_event, p);
}

void pipeline_finish(struct pipeline *p)
{
	loss_notice(p, track_origin(p->track)->time_ns, true);
}
