/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.h: a decoded, bounds-checked record. Made by intake, read by tracking.
 *
 * Everything an event points to is borrowed from the raw record and valid only until the
 * callback that got the event returns.
 */
#ifndef OUTFLOW_EVENT_H
#define OUTFLOW_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outflow/abi.h"

/* What an executed file hashed to. */
struct file_hash {
	uint64_t exec_id;
	const struct of_image *image; /* of which this is the last word; NULL: of none */
	enum of_hash_state state;     /* not OF_HASH_NONE */
	const uint8_t *sha256;	      /* 32 bytes; NULL unless OF_HASH_OK */
};

struct event {
	enum of_rec_kind kind;
	int err;	  /* 0, or -errno: the record is partial */
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	union {
		struct {
			const char *name;    /* NUL-terminated */
			const char *boot_id; /* NUL-terminated */
			uint64_t roles_id;
			uint32_t netns; /* of the daemon; 0: not known */
		} host;
		struct {
			int64_t utc_offset_ns;
		} clock;
		struct {
			const uint8_t *addr; /* 16 bytes */
			uint32_t netns;	     /* 0 for a resolver: every netns */
			int gone;
		} addr; /* OF_REC_ADDR, OF_REC_RESOLVER */
		struct {
			const struct of_exec *e;      /* e->name is NUL-terminated */
			const struct of_image *image; /* NULL: not known */
			const char *exe;	      /* not NUL-terminated; exe_len 0: not known */
			const char *cwd;	      /* not NUL-terminated; cwd_len 0: not known */
			const char *argv; /* not NUL-terminated, NULs between arguments */
			size_t exe_len;
			size_t cwd_len;
			size_t argv_len;
			size_t argv_size;	/* as it was in memory; > argv_len: cut */
			uint32_t argv_redacted; /* secrets that were blanked in it */
		} exec;				/* OF_REC_FORK, OF_REC_EXEC */
		struct {
			uint64_t id;
			const char *text; /* "NAME=value", each with its NUL */
			size_t text_len;
			bool truncated; /* some had no room */
		} env;
		struct {
			uint64_t exec_id;
			const char *comm; /* NUL-terminated */
			uint32_t renames; /* so far */
		} comm;
		struct {
			uint64_t id;
			const char *path; /* not NUL-terminated */
			size_t path_len;
			int truncated; /* only its tail is there */
		} cgroup;
		const struct of_rec_container *container; /* its texts are NUL-terminated */
		struct {
			uint64_t exec_id;
			uint32_t tgid;
			uint32_t flags;
		} exit;
		struct {
			const struct of_endpoint *to;
			uint32_t tgid;
			uint32_t netns;
		} connect;
		struct {
			uint64_t exec_id;
			uint64_t asked_ns;
			uint32_t tgid;	  /* 0: not known */
			const char *name; /* not NUL-terminated, abstract ones begin with a NUL */
			size_t name_len;
		} ask;
		struct file_hash hash;
		/* Its lengths fit. With `err` everything in it is zero. */
		const struct of_rec_spool *spool;
		/* Its name is NUL-terminated and not empty; suffix and addrs_n fit. */
		const struct of_rec_dns *dns;
		const struct of_rec_flow *flow; /* names_n fits, hosts are NUL-terminated, not
						 * empty, sources valid */
		const struct of_account *account;
		const struct of_loss *loss;
		const struct of_rec_link *link; /* link->name is NUL-terminated */
	};
};

#endif
