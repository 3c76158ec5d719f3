/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transport.h: one sink and how its lines travel. Private to this folder.
 */
#ifndef SINK_TRANSPORT_H
#define SINK_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/loop.h"
#include "conf/config.h"
#include "sink/queue.h"

struct sink;

struct transport {
	/* Sets k->src.fd. 0, -EINPROGRESS: wait for EPOLLOUT, or -errno with src.fd -1. */
	int (*open)(struct sink *k);
	/*
	 * Sends the first line from k->written on, as much as goes without waiting. 0: all of it is
	 * with the kernel; -EAGAIN: wait for EPOLLOUT; -ENOBUFS: try again later; else -errno.
	 */
	int (*send)(struct sink *k, const struct line *l);
	/* How a text becomes a line of the queue. NULL: as it is. */
	void (*frame)(struct buf *ret, const char *text, size_t len);
	/* Once a second while it is open: 0, or -errno when it must be opened anew. NULL: none. */
	int (*check)(struct sink *k);
	uint32_t watch; /* events to hear of at all times; 0: only when there is something to wait
			   for */
	bool blind;	/* that it opened does not say that anybody is there */
	bool keeps;	/* a failed send leaves it open: what is half written is completed */
};

extern const struct transport transport_unix;
extern const struct transport transport_udp;
extern const struct transport transport_tcp;
extern const struct transport transport_file;
extern const struct transport transport_stderr;

struct sink_gap {
	uint64_t n; /* records */
	int64_t first_utc_ns, last_utc_ns;
};

struct sink {
	struct loop_src src;	      /* fd -1: not open */
	struct loop *loop;	      /* borrowed */
	const char *host;	      /* borrowed: of the last record */
	const struct sink_conf *conf; /* borrowed */
	const struct transport *via;
	struct queue queue;
	size_t written; /* bytes of the first line that went out through this fd */
	dev_t dev;	/* of an open file */
	ino_t ino;
	bool connecting; /* open, and not yet usable */
	bool waiting;	 /* for EPOLLOUT */
	bool later; /* for the next tick: the kernel has no room and will not say when it has */
	bool up;
	bool told_down; /* the log says that it is down */
	int err;
	unsigned int backoff_s, retry_in_s; /* backoff 0: the last attempt was good */
	unsigned int connecting_s;
	uint64_t delivered, dropped;
	uint64_t on_connection;	  /* records sent over the connection that stands */
	int64_t last_utc_ns;	  /* of the last record that was put */
	struct sink_gap lost;	  /* refused by the full queue and not yet said here */
	struct sink_gap doubtful; /* sent over connections that broke, and not yet said here */
};

/* transport.send for what takes a line in pieces: `some` is asked as write(2) until all is taken.
 */
int line_send(struct sink *k, const struct line *l,
	      ssize_t (*some)(int fd, const void *data, size_t len));

#endif
