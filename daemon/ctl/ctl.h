/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl.h: the control socket: shows what the daemon knows, changes nothing. A client that does not
 * read, or that asks nonsense, delays nobody and costs at most CTL_OUT_MAX bytes.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <stddef.h>
#include <stdint.h>

#include "alert/alerts.h"
#include "base/loop.h"
#include "conf/config.h"
#include "detect/detect.h"
#include "intake/intake.h"
#include "intake/namer.h"
#include "intake/pins.h"
#include "sink/sink.h"
#include "track/track.h"

#define CTL_GROUP	"outflow"
#define CTL_CLIENTS_MAX 16		  /* people and scripts of one team; others wait */
#define CTL_OUT_MAX	((64U << 10) - 1) /* bytes of an answer in memory: the longest line */
#define CTL_IDLE_TICKS	30		  /* a client may leave us waiting for so long */
#define CTL_AGE_TICKS	300		  /* and a whole answer may take so long */

/* What the verbs show; all borrowed until ctl_free(). */
struct ctl_view {
	const struct config *config;
	const struct intake *intake;
	const struct track *track;
	struct alerts *alerts;
	const struct detect *detect;
	const struct sinks *sinks;
	/* The books as they stand. 0 or -errno. */
	int (*ledger)(void *arg, struct ledger *ret);
	/* Called before an answer, so that its figures are exact: tells the pipeline what changed
	 * in the maps. 0 or -errno. */
	int (*look)(void *arg);
	/* How it goes with the hashes of executed files. */
	struct hash_stats (*hashed)(void *arg);
	/* The same of the images of containers. */
	struct image_stats (*images)(void *arg);
	/* The same of the process that reads names. */
	struct namer_stats (*naming)(void *arg);
	/* Why no interface is compared with what was posted; NULL: some is. */
	const char *(*edges_off)(void *arg);
	/* How many interfaces are not, though they should be: there are too many. */
	size_t (*edges_left_out)(void *arg);
	void *arg;
	const struct pins_status *pins;
	const char *version;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
};

struct ctl_stats {
	uint64_t clients; /* now */
	uint64_t answers; /* given to the end */
	uint64_t refused; /* clients that may not ask */
	uint64_t bad;	  /* requests that made no sense */
	uint64_t dropped; /* clients that went or were let go before the end of their answer */
};

struct ctl;

/*
 * 0 or -errno, and the reason was logged. -EADDRINUSE: another outflowd answers there. The socket
 * is made at view->config->control; *view is copied.
 */
int ctl_new(struct loop *loop, const struct ctl_view *view, struct ctl **ret);
/* Removes the socket; NULL is fine. */
void ctl_free(struct ctl *c);
/* Once a second. */
void ctl_tick(struct ctl *c);
struct ctl_stats ctl_stats(const struct ctl *c);

/* For tests: bytes of memory that the clients' answers take now. */
size_t ctl_memory(const struct ctl *c);

#endif
