/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * subject.h: who sent, from where, to where. Made by tracking, read by detection and alerting.
 *
 * All pointers are borrowed and valid until the callback returns. Executions stay at their
 * address for as long as anything refers to them.
 */
#ifndef OUTFLOW_SUBJECT_H
#define OUTFLOW_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outflow/abi.h"
#include "outflow/policy.h"

/* Longest chain that is kept. Measured: a CI job under a desktop session is 9 deep, a shell inside
 * a container inside that 14. Deeper ones drop their nearest ancestors and say how many. */
#define LINEAGE_DEPTH_MAX 64

/* What is known of a container: all in it share one, and what comes later is filled in. */
struct container_told {
	char id[132];			    /* "": none, but a pod's */
	char pod[40];			    /* UID; "": none */
	char runtime[OF_RUNTIME_LEN];	    /* "": not known */
	char image[OF_CONTAINER_IMAGE_LEN]; /* the same */
	bool claimed; /* by the name of a cgroup that a user other than root may give */
};

struct ci; /* base/ci.h */

/* What an execution says of the CI job that it belongs to, against what the job's runner said. */
struct ci_claim {
	int key;	  /* enum ci_key */
	const char *said; /* NUL-terminated */
	/* Who says so. */
	uint64_t exec_id;
	uint32_t tgid;
	char name[OF_NAME_LEN];
};

/* The job that somebody is part of, and the exec_id of the first execution of its step. */
struct ci_place {
	const struct ci *ci; /* NULL: none */
	uint64_t step, job;
	const struct ci_claim *claims;
	size_t claims_n;
};

/* Deputies that an errand went through, behind the first; what is passed on further is not said. */
#define ERRAND_PASSED_MAX 4

/*
 * Something that a process with a role asked a deputy for: a process that acts for others, as
 * dockerd does. That what the deputy did then was for it is inferred from the time. Stays for as
 * long as an execution or the deputy refers to it.
 */
struct errand {
	const char *kind; /* static: "docker", "systemd", "cron" */
	char socket[OF_ASK_LEN];
	size_t socket_len; /* 0: it was asked by `file`, which the deputy reads */
	char file[OF_SPOOL_LEN];
	size_t file_len;
	struct errand_deputy {
		uint32_t tgid;
		char name[OF_NAME_LEN];
	} deputy, passed[ERRAND_PASSED_MAX]; /* whom it was asked, and whom that one asked */
	size_t passed_n;
	uint64_t asked_ns;
	uint64_t exec_id; /* who asked */
	uint64_t roles;
	uint32_t tgid;
	uint32_t others; /* other executions, with a role or without, that asked the same deputy
			  * meanwhile; by a file: whose files may as well be what was run */
	char name[OF_NAME_LEN];
	const char *lineage; /* of who asked, as "name[pid]", the topmost first, NULs between */
	size_t lineage_len;
	struct ci_place ci; /* where who asked belonged to */
};

/* An errand, and how long after it was asked for. `errand` NULL: none. */
struct via {
	const struct errand *errand;
	uint64_t after_ns;
};

struct execution {
	uint64_t exec_id;
	const struct execution *parent; /* NULL: none, or not known */
	uint64_t process;		/* exec_id of the first execution of the same process */
	uint64_t start_ns;
	uint64_t end_ns; /* 0: alive */
	uint64_t roles;	 /* inherited ones included */
	uint64_t sent;	 /* bytes over all its accounts */
	uint32_t tgid, ppid, sid, uid, gid, loginuid;
	struct of_ns ns;	/* at its start */
	uint32_t ns_tgid;	/* tgid in its pid namespace; 0: not known */
	uint32_t renames;	/* how often it gave itself another short name */
	char comm[OF_COMM_LEN]; /* the one it had when that was last told, NUL-terminated */
	uint64_t caps;		/* effective at start, bit n: capability n */
	uint32_t flags;		/* enum of_exec_flags */
	uint32_t depth;		/* ancestors above when it was told; the chain is never longer */
	uint32_t elided;	/* ancestors left out between this one and `parent` */
	struct via via;		/* a deputy forked it, or its ancestor, on an errand */
	char name[OF_NAME_LEN];
	const char *exe; /* NUL-terminated; "" when not known; a forked one shares its parent's */
	/* Of the executed file; a forked one shares its parent's, also when they come later. */
	const uint8_t *sha256;			/* 32 bytes; NULL: not known */
	enum of_hash_state hash_state;		/* OF_HASH_NONE: not told yet */
	const char *cgroup;			/* path, NUL-terminated; NULL when not known */
	const char *cwd;			/* as cgroup */
	const struct container_told *container; /* NULL: in none, or not known */
	const char *argv;			/* NULs between arguments, argv_len bytes */
	size_t argv_len;
	size_t argv_size;	/* as it was in memory; > argv_len: cut */
	uint32_t argv_redacted; /* secrets that were blanked in it */
	const char *env;	/* the variables that are told: "NAME=value", each with its NUL */
	size_t env_len;
	/* The job that the topmost of its ancestors and itself which is in one was given; what is
	 * said further down changes nothing. */
	const struct ci *ci; /* NULL: in none */
	uint64_t ci_step;    /* exec_id of that topmost one */
	uint64_t ci_job;     /* ci_job() of it */
	const struct ci_claim
		*ci_claims; /* by itself and those in between, the first of each key */
	size_t ci_claims_n;
	struct of_image image; /* the executed file; ino 0: not known */
};

/* One name of a far end. */
struct endpoint_name {
	const char *host;	    /* NUL-terminated, in the form of wire/host.h */
	enum of_name_source source; /* smaller is stronger */
	uint16_t port;		    /* of the target that a proxy is asked for; else 0 */
	/* OF_NAME_DNS: its own lineage asked for it, or a resolver on this machine that asks for
	 * all. The others: always. */
	bool asked;
	/* OF_NAME_DNS that is not `asked`: it may have been, by somebody who ended before the
	 * daemon began. That excuses, and accuses nobody. */
	bool maybe;
	/*
	 * It holds, whatever the sender says: OF_NAME_DNS: a configured resolver answered so.
	 * OF_NAME_CONNECT: a configured proxy was asked. The others: a configured resolver answered
	 * for this name with this address.
	 */
	bool confirmed;
	uint64_t time_ns; /* when it was last learned */
};

enum endpoint_names_flags {
	NAMES_SETTLED = 1, /* what is to be expected has come, or its time is over */
	NAMES_ECH = 2,	   /* a ClientHello had an encrypted one inside, or looks so */
	NAMES_INVALID =
		4,	/* a name that is none was said, or not all was seen: some may be missing */
	NAMES_MORE = 8, /* it said more than are kept, or one was not kept for want of memory */
	NAMES_PROXY = 16,      /* a proxy was asked for another far end */
	NAMES_MORE_ASKED = 32, /* more were asked for than are kept */
	/* The beginning of a connection was read, or is older than the daemon: that no name is said
	 * means something. */
	NAMES_READ = 64,
	NAMES_SILENT = 128, /* one of several connections, or the only one, said no name */
	/* A socket was handed on to it, and nothing is known of what was said there before. */
	NAMES_UNHEARD = 256,
	NAMES_ALPN_MORE = 512, /* more protocols were offered than are kept, or longer ones */
};

#define ENDPOINT_NAMES_MAX 64 /* of one account */

/* The names of an account's far end: stronger sources first, the latest of each first. */
struct endpoint_names {
	const struct endpoint_name *name;
	size_t n;
	uint32_t flags; /* enum endpoint_names_flags */
	/* What its ClientHellos offered to speak, none twice, as it came. */
	const struct of_alpn *alpn;
	size_t alpn_n; /* at most OF_ALPN_MAX */
};

struct account {
	const struct execution *who;
	struct of_endpoint to; /* zero for an overflow account */
	enum endpoint_class class;
	uint64_t sent;
	uint64_t received;	    /* with OF_ACCOUNT_RECEIVED in flags, else nobody counts it */
	uint64_t first_ns, last_ns; /* when growth was first and last told */
	/* Who made a socket that it sent by, when that was another execution: the first such. */
	uint64_t creator_id; /* exec_id; 0: none, or the socket is older than the probes */
	const struct execution *creator; /* NULL: none, or not known any more */
	uint32_t netns;
	uint32_t flags; /* enum of_account_flags */
	struct endpoint_names names;
	/* The strongest name when they first settled: by it the far end is counted (`per:
	 * endpoint`), so that what is learned later makes no second alert. NULL: none. */
	const char *label;
};

enum subject_kind {
	SUBJECT_SENT,	 /* the account grew by `delta` */
	SUBJECT_ATTEMPT, /* a connection was tried and half a second later nothing was sent */
	/* Its execution turned out to have roles, `gained`, that what was told of the account so
	 * far was not judged by: `delta` is all of that, as of now. */
	SUBJECT_GAINED,
	/* The names of its far end, which were `before`, changed or have settled: `delta` is all
	 * that was told of the account so far. */
	SUBJECT_NAMED,
};

struct subject {
	enum subject_kind kind;
	uint64_t time_ns;
	uint64_t delta;	 /* bytes; 0 for an attempt */
	uint64_t gained; /* role mask; 0 for the others */
	const struct account *account;
	uint64_t roles; /* of who sent, and of whoever it was on an errand for then */
	struct via via;
	struct endpoint_names before; /* with SUBJECT_NAMED */
};

/* Where the stream of records comes from, and what it is known to lack. */
struct origin {
	char host[64];
	char boot_id[40];
	int64_t utc_offset_ns; /* UTC = boot time + this */
	uint64_t time_ns;      /* of the latest record */
	struct of_loss loss;
	const char *const *hooks_missing; /* names, NULL behind the last; NULL: none is missing */
};

/* Where a chain ends for `per: lineage`: the topmost execution that holds a role of `roles`; with
 * OF_ROLE_ANY the topmost of the same process session. */
const struct execution *lineage_root(const struct execution *e, uint64_t roles);

/* Its own, by its environment or that of an ancestor, else that of who asked a deputy for it. `e`
 * may be NULL. */
struct ci_place ci_place_of(const struct execution *e, const struct via *via);

/* Is it worth a place in a printed lineage? Not a fork that went on to exec: it ran nothing of
 * its own but its parent's image. */
bool lineage_shows(const struct execution *e);

#endif
