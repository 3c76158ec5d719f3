/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipeline.h: intake -> track -> detect -> alert, wired. The daemon runs it on the kernel, the
 * tool's replay on a recording; what the records come from makes no difference to what is raised.
 */
#ifndef OUTFLOW_PIPELINE_H
#define OUTFLOW_PIPELINE_H

#include "alert/alerts.h"
#include "conf/config.h"
#include "detect/detect.h"
#include "intake/intake.h"
#include "track/track.h"

struct pipeline {
	const struct config *config;
	struct intake *intake; /* owned once it is set */
	struct track *track;
	struct detect *detect;
	struct alerts *alerts;
	struct of_loss loss_said; /* by the last notice */
	uint64_t loss_said_ns;
};

/* 0 or -errno. Takes the intake over, also when this fails. `put` gets every record that is
 * raised; the configuration is borrowed. */
int pipeline_init(struct pipeline *p, const struct config *config, struct intake *intake,
		  alerts_put *put, void *arg);
void pipeline_done(struct pipeline *p);
/* Reads what waits, up to `budget` records. As intake_drain(). */
int pipeline_drain(struct pipeline *p, int budget);
/* Reads what waits, then looks at every account that changed. 0 or -errno. */
int pipeline_look(struct pipeline *p);
/* Nothing more will come: says what of the losses was not said yet. */
void pipeline_finish(struct pipeline *p);

#endif
