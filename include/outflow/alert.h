/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alert.h: one alert, with every text it needs: it outlives what it speaks of. Made by alert,
 * read by sinks and by the control socket.
 */
#ifndef OUTFLOW_ALERT_H
#define OUTFLOW_ALERT_H

#include <stddef.h>
#include <stdint.h>

#include "outflow/policy.h"

/*
 * A record on its way to the sinks. Owned by the caller of sink_put(); a sink copies what it
 * keeps. Both texts are one line without a newline, printable UTF-8.
 */
struct record {
	enum severity severity;
	const char *type; /* "alert", "start", "stop", "loss": design's record types */
	const char *id;	  /* 32 hex digits, or "" */
	const char *rule; /* or "" */
	int64_t utc_ns;	  /* time of the event, since the epoch */
	const char *host;
	const char *json; /* the whole record */
	size_t json_len;
	const char *text; /* the short form for syslog, without host, program and pid */
	size_t text_len;
};

#endif
