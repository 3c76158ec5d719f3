/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * records.h: streams of records for tests, and tracking fed with them. A test says what happened;
 * everything it does not say is plain: uid 1000, session 1, name from the path.
 */
#ifndef TESTS_UNIT_RECORDS_H
#define TESTS_UNIT_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "conf/config.h"
#include "outflow/abi.h"
#include "outflow/subject.h"
#include "track/track.h"

#define MS     1000000ULL
#define SECOND 1000000000ULL
#define NETNS  4026531840U /* of every account and address that names no other */
#define FAR    "203.0.113.9"

/* Records back to back, as in a recording. Each is stamped with `now_ns`. */
struct stream {
	char *data;
	size_t len, cap;
	uint64_t now_ns;
};

void stream_done(struct stream *s);
/* Fills in the header's time and length. */
void stream_add(struct stream *s, void *rec, size_t len, enum of_rec_kind kind);

struct of_endpoint endpoint(const char *ip, uint16_t port);
struct of_exec exec_of(uint64_t id, uint64_t parent, uint32_t tgid, const char *name);
struct of_account account_of(uint64_t exec_id, const char *ip, uint16_t port, uint64_t sent);

void rec_host(struct stream *s, uint64_t roles_id);
void rec_clock(struct stream *s, int64_t utc_offset_ns);
void rec_resolver(struct stream *s, const char *ip);
void rec_addr(struct stream *s, const char *ip, uint32_t netns, uint32_t gone);
void rec_fork_of(struct stream *s, const struct of_exec *e);
void rec_fork(struct stream *s, uint64_t id, uint64_t parent, uint32_t tgid);
void rec_cgroup(struct stream *s, uint64_t id, const char *path);
/* `text`: "NAME=value", each with its NUL. */
void rec_env(struct stream *s, uint64_t id, const char *text, size_t len);
/* The same, a newline behind each. */
void rec_env_lines(struct stream *s, uint64_t id, const char *lines);
void rec_comm(struct stream *s, uint64_t exec_id, uint32_t renames, const char *comm);
/* Of one whose path was cut. */
void rec_cgroup_cut(struct stream *s, uint64_t id, const char *path);
void rec_container(struct stream *s, uint64_t cgroup, const char *runtime, const char *image);
void rec_exec_of(struct stream *s, const struct of_exec *e, const char *exe, const char *argv,
		 size_t argv_len);
void rec_exec(struct stream *s, uint64_t id, uint64_t parent, uint32_t tgid, const char *exe);
/* The same, executed with the environment `env`. */
void rec_exec_env(struct stream *s, uint64_t id, uint64_t parent, uint32_t tgid, const char *exe,
		  uint64_t env);
void rec_exit(struct stream *s, uint64_t id, uint32_t tgid);
void rec_connect(struct stream *s, uint32_t tgid, const char *ip, uint16_t port);
void rec_account_of(struct stream *s, const struct of_account *a);
void rec_account(struct stream *s, uint64_t exec_id, const char *ip, uint16_t port, uint64_t sent);
void rec_loss(struct stream *s, uint64_t ring);
void rec_link_of(struct stream *s, const struct of_rec_link *link);
void rec_hash(struct stream *s, uint64_t id, enum of_hash_state state, uint8_t byte);
/* At this moment; `name` may hold NULs. */
void rec_ask_name(struct stream *s, uint64_t exec_id, uint32_t tgid, const char *name, size_t len);
void rec_ask(struct stream *s, uint64_t exec_id, uint32_t tgid, const char *path);
/* A file was written: its commands are those of the line `command`; NULL: not known. */
void rec_spool(struct stream *s, uint64_t exec_id, enum of_spool kind, uint32_t uid,
	       const char *path, const char *command);
void rec_spool_of(struct stream *s, const struct of_rec_spool *rec, const char *path);
/* NAME's address is IP, says the server at port 53; `exec_id` asked. A literal name; TTL 300 s. */
void rec_dns(struct stream *s, uint64_t exec_id, const char *server, const char *name,
	     const char *ip);
/* Of `addrs` the used part is sent, of `name` nothing is filled in; netns NETNS when it is 0. */
void rec_dns_of(struct stream *s, const struct of_rec_dns *rec);
/* What a flow says first, and nothing more is expected. `host` NULL: no name. */
void rec_flow(struct stream *s, uint64_t exec_id, const char *ip, uint16_t port,
	      enum of_name_source source, const char *host);
void rec_flow_of(struct stream *s, const struct of_rec_flow *rec);
void rec_tick(struct stream *s);

/* Some of every kind, in an order that makes sense. */
#define EVERY_KIND_N 22
void rec_every_kind(struct stream *s);

/* A configuration that must be right. */
void config_of(const char *yaml, struct config *ret);

/* ---- Tracking, fed with a stream; what it told is kept. ---- */

struct told {
	enum subject_kind kind;
	uint64_t time_ns, delta;
	uint64_t exec_id;	/* 0: the machine's */
	struct account account; /* `who` may be gone by now */
	uint64_t roles;
	struct via via; /* the same */
};

struct tracked {
	struct config config;
	struct track *track;
	struct stream s;
	struct told told[256]; /* later ones are only counted */
	size_t told_n;
};

void tracked_init(struct tracked *t, const char *yaml, struct track_limits limits);
void tracked_done(struct tracked *t);
/* Feeds what was added since the last run; told[] starts anew. */
void tracked_run(struct tracked *t);
/* The same, with a tick behind it. */
void tracked_tick(struct tracked *t, uint64_t now_ns);
const struct execution *tracked_execution(const struct tracked *t, uint64_t exec_id);
const struct account *tracked_account(const struct tracked *t, uint64_t exec_id, const char *ip,
				      uint16_t port);

#endif
