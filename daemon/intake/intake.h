/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake.h: where records come from. Three engines behind one small table of functions: the
 * kernel, a recording, an array. What reads an intake cannot tell which it is.
 */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "conf/config.h"
#include "outflow/abi.h"
#include "outflow/event.h"

struct intake;

/* A raw record is borrowed until the function returns. A negative return stops the drain. */
typedef int intake_raw_fn(void *arg, const struct of_rec_hdr *rec, size_t size);
/* An event is borrowed until the function returns. */
typedef void intake_fn(void *arg, const struct event *ev);

/* What every engine offers; `self` is its own state. */
struct intake_ops {
	const char *name;
	/* Up to budget records. 0: nothing now, > 0: that many, -ENODATA: no more will ever come,
	 * or -errno. */
	int (*drain)(void *self, int budget, intake_raw_fn *fn, void *arg);
	/* Tells every account and execution that changed since, then the time. May be NULL. */
	int (*look)(void *self, intake_raw_fn *fn, void *arg);
	void (*close)(void *self); /* safe on a half-open engine */
};

/* The sums of the books, read in one go; `outflow ledger` prints them (design: I1). */
struct ledger {
	uint64_t total;	     /* per-CPU counter, raised before any lookup */
	uint64_t accounts;   /* sum over account slots */
	uint64_t overflow;   /* sum over the executions' overflow accounts and the machine's */
	uint64_t retired;    /* of accounts that were aged out */
	uint64_t executions; /* sum over execution slots, those without a slot, those aged out */
	uint64_t local[OF_FAMILIES]; /* bytes of families that stay on the machine */
	struct of_loss loss;
	uint32_t accounts_used, accounts_max; /* slots in use now */
	uint32_t executions_used, executions_max;
};

/* How it goes with the hashes of executed files. */
struct hash_stats {
	uint64_t files; /* hashed */
	/* Executions, by what was told of their files: */
	uint64_t cached; /* hashed before */
	uint64_t changed, gone, failed, skipped;
	uint64_t pending;   /* now */
	uint64_t respawned; /* times that the processes were begun anew */
};

/* How it goes with the images of containers. */
struct image_stats {
	uint64_t found, none; /* containers of which a file told, and of which none did */
	uint64_t waiting;     /* now */
	uint64_t given_up;    /* because too many waited */
};

struct intake_stats {
	uint64_t records;
	uint64_t bad;	      /* records that decode refused */
	uint64_t record_lost; /* records that --record could not write; at least as many are missing
			       */
};

/* 0 or -errno. Takes the engine over: it is closed by intake_free(), also when this fails. */
int intake_new(const struct intake_ops *ops, void *self, struct intake **ret);
void intake_free(struct intake *in);
/* From now on secrets in argv and in environments are blanked (base/redact.h) before anybody gets
 * an event, or the recording a record. For an engine whose records were not redacted before. */
void intake_redact(struct intake *in);
/* Every raw record is also written to this file (mode 0600, must not exist). 0 or -errno. */
int intake_record(struct intake *in, const char *path);
/* As in intake_ops, on decoded events. */
int intake_drain(struct intake *in, int budget, intake_fn *fn, void *arg);
int intake_look(struct intake *in, intake_fn *fn, void *arg);
struct intake_stats intake_stats(const struct intake *in);

/* ---- The engines. ---- */

/* Records back to back in memory, borrowed. 0 or -errno. */
int intake_array(const void *records, size_t len, struct intake **ret);
/* A file that intake_record() wrote. 0, -EBADMSG: not a recording, -EPROTONOSUPPORT: of another
 * ABI version or byte order, or -errno. */
int intake_recording(const char *path, struct intake **ret);

/* ---- decode.c ---- */

/* 0, -EBADMSG: a length does not fit, -EPROTONOSUPPORT: no such kind. *ret points into rec. */
int decode(const void *rec, size_t size, struct event *ret);

#endif
