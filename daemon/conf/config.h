/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.h: the configuration file, read whole into a new struct or not at all.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outflow/policy.h"

#define CONFIG_PATH	 "/etc/outflow/outflow.yaml"
#define CONFIG_BYTES_MAX (1U << 20) /* a thousand times the shipped file */
#define CONFIG_DEPTH_MAX 16	    /* the format itself is 5 deep */
#define CONFIG_NODES_MAX 65536
#define CONFIG_SINKS_MAX 16

enum sink_type { SINK_SYSLOG, SINK_FILE, SINK_STDERR };
enum sink_transport { TRANSPORT_UNIX, TRANSPORT_UDP, TRANSPORT_TCP };
enum sink_format { FORMAT_RFC3164, FORMAT_RFC5424, FORMAT_JSON, FORMAT_TEXT };

struct sink_conf {
	enum sink_type type;
	enum sink_transport transport; /* SINK_SYSLOG */
	enum sink_format format;
	uint8_t facility; /* SINK_SYSLOG: 0..23 (RFC 5424 section 6.2.1) */
	char *path;	  /* SINK_FILE, TRANSPORT_UNIX ("/dev/log" for target: local) */
	uint8_t addr[16]; /* TRANSPORT_UDP, TRANSPORT_TCP: an address; names would block */
	uint16_t port;
	char *name; /* for messages: "syslog:local", "syslog:tcp://127.0.0.1:1514", "file:PATH" */
};

struct config_limits {
	uint32_t accounts;	     /* slots in the kernel's account table */
	uint32_t executions;	     /* slots in the kernel's execution table */
	uint32_t ring_bytes;	     /* a power of two, at least a page */
	uint32_t tracked_accounts;   /* in the daemon, the dead included */
	uint32_t tracked_executions; /* in the daemon, the dead included */
	uint64_t grace_ns;	     /* how long the dead are kept */
	uint32_t names;		     /* addresses of which names are remembered */
	uint32_t name_ring_bytes;    /* of packets that names are read from; as ring_bytes */
	uint32_t sink_queue_bytes;   /* per sink, for what it could not yet deliver */
};

struct config {
	char *control; /* paths: */
	char *state;
	char *pins;
	bool no_redact; /* argv as it was, with its secrets */
	bool no_naming; /* no packet is read for names */
	struct config_limits limits;
	struct sink_conf *sinks;
	size_t sinks_n;
	struct policy policy;
	char *warnings; /* one a line, each as in config_err; NULL: none. What is off, and why. */
};

/* "file:line:col: ..." or, when the file as a whole is refused, "file: ...". */
struct config_err {
	char msg[512];
};

/* 0 or -errno with a message in ret_err; *ret is untouched on failure. `name` is what messages
 * call the text. */
int config_parse(const char *name, const void *text, size_t len, struct config *ret,
		 struct config_err *ret_err);
/*
 * The same for a file. With `trusted` it must be a regular file owned by root and writable by
 * nobody else, since who writes it decides what is watched.
 */
int config_load(const char *path, bool trusted, struct config *ret, struct config_err *ret_err);
/* The struct itself is the caller's; fine on a zeroed one. */
void config_done(struct config *c);

#endif
