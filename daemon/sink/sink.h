/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sink.h: the ways an alert leaves the daemon. Every sink has a queue of its own, bounded in
 * bytes: one that is down or slow delays no other. What a full queue refuses is counted, and said
 * in the sink itself as soon as it takes lines again.
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "conf/config.h"
#include "outflow/alert.h"

struct sinks;

struct sink_state {
	const char *name;   /* borrowed, as sink_conf.name */
	int up;		    /* 1: the last attempt to deliver succeeded, or none was needed yet */
	int err;	    /* -errno of the last failure, 0: none */
	uint64_t queued;    /* records */
	uint64_t delivered; /* records handed to the kernel; syslog has no better proof */
	uint64_t dropped;   /* records the full queue refused */
};

/*
 * 0 or -errno. The loop and the configuration are borrowed until sinks_free(). A sink that cannot
 * be opened now is not an error: it is tried again by sinks_tick().
 */
int sinks_new(struct loop *loop, const struct config *config, struct sinks **ret);
/* Tries once more, without waiting, to deliver what is queued; NULL is fine. */
void sinks_free(struct sinks *s);
void sinks_put(struct sinks *s, const struct record *r);
/* Once a second: reconnects (after 1, 2, 4 .. 60 s) and retries. */
void sinks_tick(struct sinks *s);
size_t sinks_count(const struct sinks *s);
struct sink_state sinks_state(const struct sinks *s, size_t i);

#endif
