/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * links.c: chooses the interfaces that are compared with what was posted, and tells how they stand.
 * What the figures mean is detect's business (detect/links.c).
 *
 * Edges are the lowest devices: hardware, which a vlan, bond or bridge sends through once more, so
 * nothing is counted twice. Of tunnels only what is forwarded into them matters: all they send is
 * seen again at an edge, wrapped.
 */
#include "intake/links.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#include "base/poison.h"

#define MASTERS_MAX  4	/* one above the other: a bond in a bridge is 2 */
#define DEPTH_MAX    2	/* namespaces inside the next one: a container in a container is 1 */
#define FAILED_LOOKS 10 /* in a row are no passing trouble */
#define TUNNEL_HEADER \
	80 /* a packet or segment: IPv6 40, UDP 8, WireGuard 32; vxlan and GRE take less */

struct edge {
	uint32_t ifindex;
	uint32_t flags; /* enum of_link_flags */
	char name[16];
	/* Of slots that were given back. */
	struct of_link_sums retired, retired_passed;
	struct of_rec_link told; /* header aside, as last told */
	bool seen;
};

/* What an interface is, or was as long as it was there: what it had summed keeps its meaning. */
struct known {
	uint32_t ifindex;
	enum link_kind kind;
	bool last; /* as in struct link */
};

/* What sockets in other namespaces sent into this one. */
struct elsewhere {
	uint64_t bytes, packets, headers;
};

struct edges {
	const struct reconcile *policy;
	struct link_probes probes;
	struct link_table *table;
	uint32_t netns;
	struct edge edge[EDGES_MAX];
	size_t n, left_out;
	char off[128];
	char unread[128];
	unsigned failed; /* looks in a row, the latest ones; `unread` says why */
	/* Of slots that were given back. */
	struct elsewhere retired_elsewhere;
	uint64_t retired_tunnels, retired_packet, retired_data;
	struct link_sums sums;
	struct known known[LINK_SLOTS], known_next[LINK_SLOTS]; /* of sums.own, by number */
	size_t known_n;
	uint64_t explains[LINK_SLOTS];	       /* of sums.elsewhere */
	uint64_t explains_sum[LINK_SLOTS + 1]; /* of all before this one */
};

int edges_new(const struct reconcile *r, uint32_t netns, const struct link_probes *probes,
	      struct edges **ret)
{
	struct edges *e = calloc(1, sizeof(*e));
	int err;

	if (e == NULL)
		return -ENOMEM;
	e->policy = r;
	e->probes = *probes;
	e->netns = netns;
	err = link_table_new(&e->table);
	if (err < 0) {
		free(e);
		return err;
	}
	*ret = e;
	return 0;
}

void edges_free(struct edges *e)
{
	if (e == NULL)
		return;
	link_table_free(e->table);
	free(e);
}

const char *edges_off(const struct edges *e)
{
	if (e->failed >= FAILED_LOOKS)
		return e->unread;
	return e->off[0] == '\0' ? NULL : e->off;
}

size_t edges_left_out(const struct edges *e)
{
	return e->left_out + link_table_left_out(e->table);
}

void link_sums_add(struct of_link_sums *to, const struct of_link_sums *s)
{
	to->socket += s->socket;
	to->packet += s->packet;
	to->packet_data += s->packet_data;
	to->control += s->control;
	to->kernel += s->kernel;
	to->forwarded += s->forwarded;
	to->packets += s->packets;
	to->segments += s->segments;
	to->headers += s->headers;
	to->padding += s->padding;
	to->fragments += s->fragments;
}

/* ---- Which ---- */

static bool is_edge(const struct reconcile *r, const struct link *l)
{
	size_t i;

	for (i = 0; i < r->names_n; i++)
		if (fnmatch(r->names[i], l->name, 0) == 0)
			return strcmp(l->name, "lo") != 0;
	return r->names_n == 0 && l->kind == LINK_PLAIN;
}

static struct edge *edge_find(struct edges *e, uint32_t ifindex)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (e->edge[i].ifindex == ifindex)
			return &e->edge[i];
	return NULL;
}

static void tell(struct of_rec_link *rec, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	rec->hdr = (struct of_rec_hdr){ now_ns, sizeof(*rec), OF_REC_LINK, 0 };
	(void)fn(arg, &rec->hdr, sizeof(*rec));
}

static void edges_choose(struct edges *e, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	const struct link *l;
	struct edge *edge;
	size_t i, kept = 0, real = 0;
	bool wanted;

	e->left_out = 0;
	for (i = 0; i < link_table_n(e->table); i++) {
		l = link_table_at(e->table, i);
		wanted = is_edge(e->policy, l);
		if (!wanted && l->kind != LINK_TUNNEL)
			continue;
		edge = edge_find(e, l->ifindex);
		if (edge == NULL && e->n == EDGES_MAX) {
			e->left_out++;
			continue;
		}
		if (edge == NULL) {
			edge = &e->edge[e->n++];
			*edge = (struct edge){ .ifindex = l->ifindex };
		}
		memcpy(edge->name, l->name, sizeof(edge->name));
		edge->flags = (wanted ? 0 : OF_LINK_INNER) | (l->exact ? OF_LINK_EXACT : 0);
		edge->seen = true;
		real += wanted;
	}
	for (i = 0; i < e->n; i++) {
		edge = &e->edge[i];
		if (edge->seen) {
			edge->seen = false;
			e->edge[kept++] = *edge;
		} else if (edge->told.ifindex != 0) {
			edge->told.flags |= OF_LINK_GONE;
			tell(&edge->told, now_ns, fn, arg);
		}
	}
	e->n = kept;
	e->off[0] = '\0';
	if (real == 0 && e->policy->names_n > 0)
		(void)snprintf(e->off, sizeof(e->off),
			       "no interface has a name that "
			       "'reconcile: interfaces' lists");
	else if (real == 0)
		(void)snprintf(e->off, sizeof(e->off),
			       "no interface here is hardware; name one in 'reconcile: "
			       "interfaces'");
}

/* ---- What they are ---- */

static int slot_order(const void *a, const void *b)
{
	const struct link_slot *x = a, *y = b;

	if (x->key.ifindex != y->key.ifindex)
		return x->key.ifindex < y->key.ifindex ? -1 : 1;
	return (x->key.iif > y->key.iif) - (x->key.iif < y->key.iif);
}

static int peer_order(const void *a, const void *b)
{
	const struct link_slot *x = a, *y = b;

	return (x->sums.peer_netns > y->sums.peer_netns) -
	       (x->sums.peer_netns < y->sums.peer_netns);
}

/* The first that is not below `key`, of n that are in this order; n: there is none. */
static size_t slots_from(const struct link_slot *slots, size_t n, const struct link_slot *key,
			 int (*order)(const void *a, const void *b))
{
	size_t lo = 0, hi = n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (order(&slots[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The slots of this interface are from here to that of the next. */
static size_t own_from(const struct edges *e, uint64_t ifindex)
{
	struct link_slot key = { .key = { .ifindex = (uint32_t)ifindex } };

	if (ifindex > UINT32_MAX)
		return e->sums.own_n;
	return slots_from(e->sums.own, e->sums.own_n, &key, slot_order);
}

/* And those that lead to this network namespace. */
static size_t elsewhere_from(const struct edges *e, uint64_t netns)
{
	struct link_slot key = { .sums = { .peer_netns = (uint32_t)netns } };

	if (netns > UINT32_MAX)
		return e->sums.elsewhere_n;
	return slots_from(e->sums.elsewhere, e->sums.elsewhere_n, &key, peer_order);
}

static int known_order(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static const struct known *known_find(const struct edges *e, uint32_t ifindex)
{
	struct known key = { .ifindex = ifindex };

	return bsearch(&key, e->known, e->known_n, sizeof(key), known_order);
}

/* Thousands of slots come in any order; sorted, each look goes through them a few times. */
static void slots_sort(struct edges *e)
{
	qsort(e->sums.own, e->sums.own_n, sizeof(e->sums.own[0]), slot_order);
	qsort(e->sums.elsewhere, e->sums.elsewhere_n, sizeof(e->sums.elsewhere[0]), peer_order);
}

/* One for each interface that the slots are of. */
static void know(struct edges *e)
{
	const struct known *before;
	const struct link *l;
	uint32_t ifindex;
	size_t i, n = 0;

	for (i = 0; i < e->sums.own_n; i++) {
		ifindex = e->sums.own[i].key.ifindex;
		if (n > 0 && e->known_next[n - 1].ifindex == ifindex)
			continue;
		l = link_table_find(e->table, ifindex);
		before = known_find(e, ifindex);
		e->known_next[n] = (struct known){ ifindex, LINK_OTHER, false };
		if (l != NULL)
			e->known_next[n] = (struct known){ ifindex, l->kind, l->last };
		else if (before != NULL)
			e->known_next[n] = *before;
		n++;
	}
	memcpy(e->known, e->known_next, n * sizeof(e->known[0]));
	e->known_n = n;
}

/* ---- What explains ---- */

/* What sockets sent by this slot. */
static uint64_t slot_explains(const struct link_slot *slot)
{
	const struct of_link_sums *x = &slot->sums;

	return x->socket + x->packet + x->control;
}

/* What came into this slot's namespace from those inside it, at most what it forwarded. */
static uint64_t slot_inner(const struct edges *e, const struct link_slot *slot)
{
	uint64_t netns = slot->key.netns, sum;

	if (slot->sums.forwarded == 0)
		return 0;
	sum = e->explains_sum[elsewhere_from(e, netns + 1)] -
	      e->explains_sum[elsewhere_from(e, netns)];
	return sum < slot->sums.forwarded ? sum : slot->sums.forwarded;
}

/* Each round reaches one namespace deeper. Rounds and slots are bounded: namespaces that lead into
 * each other are anybody's to make. */
static void explain(struct edges *e)
{
	const struct link_slot *slot = e->sums.elsewhere;
	size_t i, round;

	for (i = 0; i < e->sums.elsewhere_n; i++)
		e->explains[i] = slot_explains(&slot[i]);
	for (round = 0; round < DEPTH_MAX; round++) {
		for (i = 0; i < e->sums.elsewhere_n; i++)
			e->explains_sum[i + 1] = e->explains_sum[i] + e->explains[i];
		for (i = 0; i < e->sums.elsewhere_n; i++)
			e->explains[i] = slot_explains(&slot[i]) + slot_inner(e, &slot[i]);
	}
}

static void elsewhere_add(struct elsewhere *to, const struct link_slot *slot, uint64_t bytes)
{
	to->bytes += bytes;
	to->packets += slot->sums.packets;
	to->headers += slot->sums.headers;
}

/* Sent into this namespace from others, and by pairs both of whose ends are here. What came by the
 * edge itself is not what it forwards. */
static struct elsewhere sum_elsewhere(const struct edges *e, uint32_t edge)
{
	const struct link_sums *s = &e->sums;
	struct elsewhere sum = e->retired_elsewhere;
	size_t i, to = elsewhere_from(e, (uint64_t)e->netns + 1);

	for (i = elsewhere_from(e, e->netns); i < to; i++)
		if (s->elsewhere[i].sums.peer_ifindex != edge)
			elsewhere_add(&sum, &s->elsewhere[i], e->explains[i]);
	for (i = 0; i < s->own_n; i++)
		if (s->own[i].sums.peer_netns == e->netns && s->own[i].sums.peer_ifindex != edge)
			elsewhere_add(&sum, &s->own[i], slot_explains(&s->own[i]));
	return sum;
}

/* What is cut behind the tunnel has its headers in each piece. */
static uint64_t tunnel_explains(const struct of_link_sums *s)
{
	return s->socket + s->packet + s->control + s->kernel + s->forwarded + s->headers +
	       (s->packets + s->segments) * TUNNEL_HEADER;
}

static bool is_tunnel(const struct edges *e, const struct link_slot *slot)
{
	const struct known *k = known_find(e, slot->key.ifindex);

	return k != NULL && k->kind == LINK_TUNNEL;
}

static uint64_t sum_tunnels(const struct edges *e)
{
	uint64_t sum = e->retired_tunnels;
	size_t i;

	for (i = 0; i < e->sums.own_n; i++)
		if (is_tunnel(e, &e->sums.own[i]))
			sum += tunnel_explains(&e->sums.own[i].sums);
	return sum;
}

static uint64_t sum_packet(const struct edges *e)
{
	uint64_t sum = e->retired_packet;
	size_t i;

	for (i = 0; i < e->sums.own_n; i++)
		sum += e->sums.own[i].sums.packet;
	return sum;
}

static bool is_last(const struct edges *e, const struct link_slot *slot)
{
	const struct known *k = known_find(e, slot->key.ifindex);

	return k != NULL && k->last;
}

/* Once each: what is sent through a bridge, a bond or a vlan is seen there as well. */
static uint64_t sum_data(const struct edges *e)
{
	uint64_t sum = e->retired_data;
	size_t i;

	for (i = 0; i < e->sums.own_n; i++)
		if (is_last(e, &e->sums.own[i]))
			sum += e->sums.own[i].sums.packet_data;
	return sum;
}

/*
 * What sockets sent through the bridge, bond or team that this interface is a port of. A bridge
 * floods what is for a group, or for whom it does not know, and a bond may send all by each of its
 * ports: as copies, which the kernel makes without the socket.
 */
static uint64_t sum_flooded(const struct edges *e, uint32_t ifindex)
{
	const struct link *l = link_table_find(e->table, ifindex);
	uint64_t sum = 0;
	int depth;
	size_t i;

	for (depth = 0; depth < MASTERS_MAX && l != NULL && l->master != 0; depth++) {
		i = own_from(e, l->master); /* what did not come in by another is the first */
		if (i < e->sums.own_n && e->sums.own[i].key.ifindex == l->master &&
		    e->sums.own[i].key.iif == 0)
			sum += slot_explains(&e->sums.own[i]);
		l = link_table_find(e->table, l->master);
	}
	return sum;
}

/* Did what came in by this interface begin in another namespace of this machine? When it is gone
 * already, what was sent to it tells that it was one end of a pair. */
static bool leads_elsewhere(const struct edges *e, uint32_t iif)
{
	const struct link *l = link_table_find(e->table, iif);
	size_t i;

	if (l != NULL)
		return l->kind == LINK_PAIR || (l->kind == LINK_BRIDGE && l->pair_behind);
	for (i = own_from(e, iif); i < e->sums.own_n && e->sums.own[i].key.ifindex == iif; i++)
		if (e->sums.own[i].sums.peer_netns != 0)
			return true;
	return false;
}

/* ---- Telling ---- */

/* What was handed to its driver, and what of that came from other namespaces. */
static void edge_fill(const struct edges *e, const struct edge *edge, struct of_rec_link *r)
{
	struct of_link_sums sum = edge->retired, passed = edge->retired_passed;
	const struct link_slot *slot;
	size_t i;

	for (i = own_from(e, edge->ifindex); i < e->sums.own_n; i++) {
		slot = &e->sums.own[i];
		if (slot->key.ifindex != edge->ifindex)
			break;
		link_sums_add(&sum, &slot->sums);
		if (slot->key.iif != 0 && leads_elsewhere(e, slot->key.iif))
			link_sums_add(&passed, &slot->sums);
	}
	r->socket = sum.socket;
	r->packet = sum.packet;
	r->packet_data = sum.packet_data;
	r->control = sum.control;
	r->kernel = sum.kernel;
	r->forwarded = sum.forwarded;
	r->packets = sum.packets;
	r->segments = sum.segments;
	r->headers = sum.headers;
	r->padding = sum.padding;
	r->passed = passed.forwarded;
	r->passed_packets = passed.packets;
	r->passed_headers = passed.headers;
	r->passed_fragments = passed.fragments;
}

/*
 * The statistics first: what the probes have not counted then did not leave before. Of one that is
 * met for the first time they are read once more behind the sums, since what was sent in between
 * would be in the sums it begins with, but still to come in the statistics.
 */
static void edges_stats(struct edges *e, bool again, struct of_rec_link recs[EDGES_MAX],
			int errs[EDGES_MAX])
{
	struct link_stats stats = { 0 };
	size_t i;

	for (i = 0; i < e->n; i++) {
		if (again && e->edge[i].told.ifindex != 0)
			continue;
		recs[i] = (struct of_rec_link){ .netns = e->netns,
						.ifindex = e->edge[i].ifindex,
						.flags = e->edge[i].flags };
		memcpy(recs[i].name, e->edge[i].name, sizeof(recs[i].name));
		errs[i] = link_table_stats(e->table, e->edge[i].ifindex, &stats);
		recs[i].tx_bytes = stats.tx_bytes;
		recs[i].tx_packets = stats.tx_packets;
		recs[i].tx_lost = stats.tx_lost;
	}
}

static bool told_same(const struct of_rec_link *a, const struct of_rec_link *b)
{
	const size_t head = sizeof(struct of_rec_hdr);

	return memcmp((const char *)a + head, (const char *)b + head, sizeof(*a) - head) == 0;
}

/* ---- Giving slots back ---- */

static void edge_retire(struct edges *e, const struct link_slot *slot, bool passed)
{
	struct edge *edge = edge_find(e, slot->key.ifindex);
	const struct of_link_sums *s = &slot->sums;

	if (edge == NULL)
		return;
	link_sums_add(&edge->retired, s);
	if (passed)
		link_sums_add(&edge->retired_passed, s);
}

/* Interfaces come and go, and whoever may make them must not fill the maps: those of interfaces
 * that are gone make room, and so do those between other namespaces. Sums that explain are kept. */
static void slots_age(struct edges *e)
{
	struct link_sums *s = &e->sums;
	const struct link_slot *slot;
	const struct link *l;
	size_t i;

	for (i = 0; s->own_n > LINK_SLOTS / 2 && i < s->own_n; i++) {
		slot = &s->own[i];
		l = link_table_find(e->table, slot->key.ifindex);
		if (l != NULL &&
		    (slot->key.iif == 0 || link_table_find(e->table, slot->key.iif) != NULL))
			continue;
		edge_retire(e, slot, leads_elsewhere(e, slot->key.iif));
		e->retired_packet += slot->sums.packet;
		if (is_last(e, slot))
			e->retired_data += slot->sums.packet_data;
		if (slot->sums.peer_netns == e->netns)
			elsewhere_add(&e->retired_elsewhere, slot, slot_explains(slot));
		if (is_tunnel(e, slot))
			e->retired_tunnels += tunnel_explains(&slot->sums);
		e->probes.forget(e->probes.arg, &slot->key, 0);
	}
	for (i = 0; s->elsewhere_n > LINK_SLOTS / 2 && i < s->elsewhere_n; i++) {
		slot = &s->elsewhere[i];
		if (slot->sums.peer_netns == e->netns &&
		    link_table_find(e->table, slot->sums.peer_ifindex) != NULL)
			continue;
		if (slot->sums.peer_netns == e->netns)
			elsewhere_add(&e->retired_elsewhere, slot, e->explains[i]);
		e->probes.forget(e->probes.arg, &slot->key, 1);
	}
}

/* The next look covers what this one missed, and the first that works says so. */
static void look_failed(struct edges *e, int err)
{
	(void)snprintf(e->unread, sizeof(e->unread), "interfaces cannot be read: %s",
		       strerror(-err));
	if (e->failed < FAILED_LOOKS && ++e->failed == FAILED_LOOKS)
		log_warn("%s", e->unread);
	else
		log_debug("%s", e->unread);
}

/* One may go at any time; not all of them, at every look. */
static int stats_err(const struct edges *e, const int errs[EDGES_MAX])
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (errs[i] >= 0)
			return 0;
	return e->n > 0 ? errs[0] : 0;
}

void edges_look(struct edges *e, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_link recs[EDGES_MAX];
	int errs[EDGES_MAX] = { 0 }, err = link_table_look(e->table);
	struct elsewhere elsewhere;
	uint64_t tunnels, packet_seen, data_seen;
	size_t i;

	if (err > 0 || e->left_out > 0) /* one that was gone may have made room */
		edges_choose(e, now_ns, fn, arg);
	edges_stats(e, false, recs, errs);
	err = err < 0 ? err : e->probes.read(e->probes.arg, &e->sums);
	if (err < 0) {
		look_failed(e, err);
		return;
	}
	edges_stats(e, true, recs, errs);
	err = stats_err(e, errs);
	if (err < 0) {
		look_failed(e, err);
		return;
	}
	e->failed = 0;
	slots_sort(e);
	know(e);
	explain(e);
	tunnels = sum_tunnels(e);
	packet_seen = sum_packet(e);
	data_seen = sum_data(e);
	for (i = 0; i < e->n; i++) {
		if (errs[i] < 0)
			continue; /* it goes: the next look says so */
		edge_fill(e, &e->edge[i], &recs[i]);
		elsewhere = sum_elsewhere(e, e->edge[i].ifindex);
		recs[i].packet_posted = e->sums.packet_posted;
		recs[i].packet_seen = packet_seen;
		recs[i].data_posted = e->sums.data_posted;
		recs[i].data_seen = data_seen;
		recs[i].elsewhere = elsewhere.bytes;
		recs[i].elsewhere_packets = elsewhere.packets;
		recs[i].elsewhere_headers = elsewhere.headers;
		recs[i].flooded = sum_flooded(e, e->edge[i].ifindex);
		recs[i].tunnels = tunnels;
		recs[i].unplaced = e->sums.unplaced;
		recs[i].flags = e->edge[i].flags | (e->sums.untraced ? OF_LINK_UNTRACED : 0);
		if (told_same(&recs[i], &e->edge[i].told))
			continue;
		tell(&recs[i], now_ns, fn, arg);
		e->edge[i].told = recs[i];
	}
	slots_age(e);
}
