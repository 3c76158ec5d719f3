/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h: which names an address was the answer for, who asked, and until when that counts. By
 * network namespace: in one of their own others resolve as they like.
 */
#ifndef TRACK_NAMES_H
#define TRACK_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/table.h"
#include "outflow/abi.h"
#include "outflow/subject.h"

#define NAMES_OF_ADDRESS_MAX 128 /* those that no resolver confirms go first, then the oldest */
#define NAME_ASKERS_MAX	     16	 /* of one name; whoever asked longest ago is forgotten */
#define NAMES_PER_ADDRESS    4	 /* over all addresses, on average: more make others go */

struct executions;
struct text;

/* Who asked. What is told of it outlives it. */
struct name_asker {
	uint64_t exec_id;
	uint64_t process; /* as in struct execution */
	uint64_t job;	  /* the CI job that it is part of; 0: none */
	uint64_t session; /* process of the topmost of its process session; 0: not known */
	bool kept;	  /* it was told to a daemon before, and may have ended since */
};

struct known_name {
	struct text *host;
	uint64_t time_ns; /* of the latest answer */
	uint64_t end_ns;  /* it counts until then */
	uint64_t
		confirmed_end_ns; /* the same of what a configured resolver answered; 0: none did */
	bool for_all;		  /* a program asked that resolves for others */
	struct name_asker *askers;
	size_t askers_n;
};

/* What a name is worth is what a configured resolver confirms: see name_is_confirmed(). */
enum names_worth {
	NAMES_UNPROVED, /* none of them is confirmed */
	NAMES_MIXED,
	NAMES_PROVED, /* all are */
	NAMES_WORTHS,
};

struct known_address {
	struct table_node by_address;
	struct list alike; /* in names.alike */
	uint8_t addr[16];
	uint32_t netns;
	uint64_t version; /* greater when something is new: a name, an asker, a confirmation */
	enum names_worth worth;
	/* Until then it is worth that and no name ends, unless more is learned; 0: not known. */
	uint64_t same_until_ns;
	struct known_name *name;
	size_t n, room;
};

struct names {
	struct table by_address; /* the least recently used is the oldest */
	/* By enum names_worth: what makes room for others is looked for here. Unproved ones are in
	 * the order of their use, before them those that were confirmed and are no more; of the
	 * others those come first that were used, or looked at for that, longest ago. */
	struct list alike[NAMES_WORTHS];
	size_t names_n;
	uint64_t version; /* the latest */
	uint64_t evicted; /* names that made room for others while they counted */
};

/* An answer. */
struct name_told {
	const char *host; /* NUL-terminated */
	const uint8_t *addr;
	uint32_t netns;
	uint64_t time_ns, end_ns;
	bool confirmed; /* the server is a configured one */
	bool for_all;
	const struct execution *asker; /* NULL: not known */
	uint64_t asker_id;	       /* 0: not known */
	bool kept;		       /* as in name_asker */
};

/* `max` addresses. 0 or -ENOMEM. */
int names_init(struct names *x, size_t max);
void names_done(struct names *x);
/*
 * Whoever has a DNS server of his own makes nothing forgotten that is proved: first the addresses
 * go of which no name is confirmed, the least recently used before the others; then, when there are
 * too many names, those of other addresses that are not; then the least recently used address. 0 or
 * -ENOMEM.
 */
int names_learn(struct names *x, const struct name_told *told);
/* What counts at `now_ns`; names that are over are dropped. NULL: none is known. */
struct known_address *names_find(struct names *x, uint32_t netns, const uint8_t addr[16],
				 uint64_t now_ns);
/*
 * Did `who` ask for it, or somebody for it: the same process, an ancestor, a descendant, one of the
 * same CI job or process session, or a program that resolves for all?
 */
bool name_was_asked(const struct known_name *n, const struct executions *executions,
		    const struct execution *who);
/* Was it asked for by somebody who had ended when the daemon began: for whom is not known. */
bool name_may_be_asked(const struct known_name *n, const struct executions *executions);
bool name_is_confirmed(const struct known_name *n, uint64_t now_ns);
/* Does it resolve for others on this machine, as dnsmasq does? By its file's name, and when a
 * system user executed it: anybody may call a file of his so. */
bool name_is_of_resolver(const struct execution *e);

#endif
