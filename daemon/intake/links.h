/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * links.h: the interfaces that are compared with what was posted: which they are, their statistics,
 * and what the probes saw go to them. Each that changed becomes a record at each look.
 */
#ifndef INTAKE_LINKS_H
#define INTAKE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake/intake.h"
#include "outflow/policy.h"

/* More are not watched, and `outflow status` says so. */
#define EDGES_MAX  64
/* Slots of each map (maps.bpf.h). */
#define LINK_SLOTS 4096

struct link_slot {
	struct of_link_key key;
	struct of_link_sums sums; /* over all CPUs */
};

/* The maps as they stand; what explains was read after what is to be explained, but what
 * packet sockets were posted before all else. */
struct link_sums {
	struct link_slot own[LINK_SLOTS];
	struct link_slot elsewhere[LINK_SLOTS];
	size_t own_n, elsewhere_n;
	uint64_t packet_posted, data_posted, unplaced;
	bool untraced; /* as OF_LINK_UNTRACED */
};

/* The counters alone. */
void link_sums_add(struct of_link_sums *to, const struct of_link_sums *s);

struct link_probes {
	/* 0 or -errno. */
	int (*read)(void *arg, struct link_sums *ret);
	/* Gives a slot back. */
	void (*forget)(void *arg, const struct of_link_key *key, int elsewhere);
	void *arg;
};

struct edges;

/* 0 or -errno. `r` is borrowed, the probes' arg too. `netns`: the one this process is in. */
int edges_new(const struct reconcile *r, uint32_t netns, const struct link_probes *probes,
	      struct edges **ret);
void edges_free(struct edges *e);
void edges_look(struct edges *e, uint64_t now_ns, intake_raw_fn *fn, void *arg);
/* Why none is watched, or none can be read; NULL: some is. Borrowed. */
const char *edges_off(const struct edges *e);
/* How many were left out: EDGES_MAX, and all beyond LINKS_MAX, of which nothing is known. */
size_t edges_left_out(const struct edges *e);

/* ---- link_table.c: the interfaces of this network namespace, by rtnetlink ---- */

enum link_kind {
	LINK_PLAIN,  /* hardware, or what looks like it */
	LINK_TUNNEL, /* what goes in leaves once more, wrapped, by another one */
	LINK_PAIR,   /* veth, netkit: the other end is on this machine */
	LINK_BRIDGE,
	LINK_OTHER, /* the rest: loopback, tap, vlan, bond, dummy ... */
};

struct link {
	uint32_t ifindex;
	uint32_t master; /* 0: none */
	enum link_kind kind;
	char name[16];
	char kind_name[16]; /* as the kernel has it; "" for hardware */
	bool exact;	    /* as OF_LINK_EXACT; false: not known */
	bool pair_behind;   /* a bridge that had a port of kind LINK_PAIR */
	bool last;	    /* what is sent by it is not seen once more at another interface */
};

/* As in of_rec_link. */
struct link_stats {
	uint64_t tx_bytes, tx_packets, tx_lost;
};

#define LINKS_MAX 4096

struct link_table;

int link_table_new(struct link_table **ret);
void link_table_free(struct link_table *t);
/* Reads all anew when something changed since. 1: it was read, 0: nothing changed, or -errno. */
int link_table_look(struct link_table *t);
size_t link_table_n(const struct link_table *t);
/* How many there are beyond LINKS_MAX. */
size_t link_table_left_out(const struct link_table *t);
/* The i-th; and by number, NULL: there is none. */
const struct link *link_table_at(const struct link_table *t, size_t i);
const struct link *link_table_find(const struct link_table *t, uint32_t ifindex);
/* Its statistics now. 0, -ENODEV, or -errno. */
int link_table_stats(struct link_table *t, uint32_t ifindex, struct link_stats *ret);

#endif
