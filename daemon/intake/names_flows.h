/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names_flows.h: what the parts of names_flows.c share: names_streams.c reads what streams say,
 * names_datagrams.c the beginnings of QUIC. Included by these alone.
 */
#ifndef INTAKE_NAMES_FLOWS_H
#define INTAKE_NAMES_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "intake/names.h"
#include "wire/first.h"
#include "wire/http_stream.h"
#include "wire/quic.h"

/* So long the rest of a hello or a head is waited for. */
#define NAMES_MESSAGE_NS 10000000000ULL

/* All bytes count. A socket can connect to the same peer again: `first` differs then. */
struct flow_key {
	uint64_t cookie;
	struct of_endpoint peer;
	uint32_t first;
	uint32_t pad0; /* zero */
};

struct keyed {
	struct table_node node;
	struct flow_key key;
};

/* Of a flow and of a stream. */
struct entry {
	struct keyed k;
	struct list waits; /* in the middle of a message: in names_flows.waiting, */
	uint64_t since_ns; /* since then */
	uint64_t exec_id;  /* who sent the first of it: later ones may leave while another runs */
	uint64_t creator;
	uint32_t netns;
	bool followed; /* a struct stream, else a struct flow */
	bool http;     /* the kernel tells of all that it sends, not only of its beginning */
};

struct flow {
	struct entry e;
	size_t told_n; /* names that were told */
	bool told;     /* that it is read */
	bool lost;     /* some of it was not */
	bool named;    /* it said a name */
	bool begun;    /* datagrams: one of them was QUIC that is read */
	union {
		struct first first;
		struct quic quic;
	};
};

/*
 * A stream behind its beginning, which the kernel goes on copying. Nobody tells when a connection
 * is over: it stays until it is pushed out. Of one that goes on after that, or that began before
 * this process, nothing is known but that it may have said anything, and that is told.
 */
struct stream {
	struct entry e;	    /* its exec_id: of the head under way, or of what came last */
	uint64_t last_host; /* hash of what was told last, and of whom: most are the same */
	uint32_t flags;	    /* of all records */
	bool told;
	bool tunnelled;
	bool over; /* not HTTP, or not read further: that was told */
	struct http_stream http;
};

struct names_flows {
	const struct names_teller *teller;
	struct table flows;	/* of struct flow */
	struct table streams;	/* of struct stream */
	struct flow *spare;	/* most are read in one packet: memory of the last; or NULL */
	struct table gone;	/* of struct keyed: pushed out between two messages */
	struct list waiting;	/* of struct entry, in the order of their time */
	size_t heads_n;		/* struct http_head of the streams */
	struct of_rec_flow rec; /* the one that is being told */
};

/* A record is begun, is given names, and told. `flags` are of enum of_flow_flags. */
void names_rec_begin(struct names_flows *f, const struct of_capture *c, uint64_t exec_id);
void names_rec_name(struct names_flows *f, enum of_name_source source, uint16_t port,
		    const struct host *host);
void names_rec_alpn(struct names_flows *f, const struct tls_hello *hello);
void names_rec_tell(struct names_flows *f);
/* One without a name, behind which nothing more is told. */
void names_tell_end(struct names_flows *f, const struct of_capture *c, uint64_t exec_id,
		    uint32_t flags);

/* NULL: it is not there. */
struct table_node *names_entry_find(const struct table *t, const struct of_capture *c);
struct flow *names_flow_find(struct names_flows *f, const struct of_capture *c);
/* With an uninitialised union; NULL: no memory. */
struct flow *names_flow_add(struct names_flows *f, const struct of_capture *c);
void names_flow_drop(struct names_flows *f, struct flow *flow);
struct stream *names_stream_add(struct names_flows *f, const struct of_capture *c);
void names_stream_drop(struct names_flows *f, struct stream *s);
void names_head_free(struct names_flows *f, struct stream *s);
/* Whether it is in the middle of a message, after what came at `time_ns`. */
void names_wait(struct names_flows *f, struct entry *e, bool waits, uint64_t time_ns);
/* Was it pushed out between two messages? It is so told once. */
bool names_gone_take(struct names_flows *f, const struct of_capture *c);

void names_stream_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data);
void names_datagram_take(struct names_flows *f, const struct of_capture *c, const uint8_t *data);

#endif
