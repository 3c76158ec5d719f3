/* SPDX-License-Identifier: BSD-2-Clause */
/* test_edges.c: which interfaces are watched, how many are left out, and what explains theirs. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intake/links.h"

#define HERE 4026531840U

/* ---- The interfaces of this network namespace ---- */

static struct link links[EDGES_MAX * 2];
static size_t links_n;
static int changed;    /* or -errno */
static size_t unknown; /* links, beyond those */
static int stats;      /* -errno of asking for any */

int link_table_new(struct link_table **ret)
{
	*ret = NULL;
	return 0;
}

void link_table_free(struct link_table *t)
{
	(void)t;
}

int link_table_look(struct link_table *t)
{
	int was = changed;

	(void)t;
	changed = was < 0 ? was : 0;
	return was;
}

size_t link_table_n(const struct link_table *t)
{
	(void)t;
	return links_n;
}

size_t link_table_left_out(const struct link_table *t)
{
	(void)t;
	return unknown;
}

const struct link *link_table_at(const struct link_table *t, size_t i)
{
	(void)t;
	return &links[i];
}

const struct link *link_table_find(const struct link_table *t, uint32_t ifindex)
{
	size_t i;

	(void)t;
	for (i = 0; i < links_n; i++)
		if (links[i].ifindex == ifindex)
			return &links[i];
	return NULL;
}

int link_table_stats(struct link_table *t, uint32_t ifindex, struct link_stats *ret)
{
	(void)t;
	*ret = (struct link_stats){ .tx_bytes = ifindex, .tx_packets = 1 };
	return stats;
}

static void plug(uint32_t ifindex, enum link_kind kind)
{
	struct link *l = &links[links_n++];

	*l = (struct link){ .ifindex = ifindex,
			    .kind = kind,
			    .last = kind == LINK_PLAIN || kind == LINK_PAIR };
	(void)snprintf(l->name, sizeof(l->name), "eth%u", ifindex);
	changed = 1;
}

static void unplug_first(void)
{
	memmove(&links[0], &links[1], --links_n * sizeof(links[0]));
	changed = 1;
}

/* ---- What is watched ---- */

static struct edges *edges;
static size_t told, gone;
static struct of_rec_link last;
static struct link_sums sums;
static int maps; /* 0, or -errno of reading them */

static int sums_read(void *arg, struct link_sums *ret)
{
	(void)arg;
	*ret = sums;
	return maps;
}

static bool kept; /* whatever should be forgotten */

static void forget(void *arg, const struct of_link_key *key, int elsewhere)
{
	size_t i;

	(void)arg;
	if (elsewhere || kept)
		return;
	for (i = 0; i < sums.own_n && memcmp(&sums.own[i].key, key, sizeof(*key)) != 0; i++)
		;
	cr_assert_lt(i, sums.own_n);
	sums.own[i] = sums.own[--sums.own_n];
}

/* What sockets handed to an interface of this namespace. */
static void sent(uint32_t ifindex, uint64_t n)
{
	sums.own[sums.own_n++] =
		(struct link_slot){ .key = { HERE, ifindex, 0, 0 }, .sums = { .socket = n } };
}

static int on_record(void *arg, const struct of_rec_hdr *hdr, size_t size)
{
	const struct of_rec_link *rec = (const void *)hdr;

	(void)arg;
	cr_assert_eq(size, sizeof(*rec));
	last = *rec;
	if ((rec->flags & OF_LINK_GONE) != 0)
		gone++;
	else
		told++;
	return 0;
}

static void look(void)
{
	told = gone = 0;
	edges_look(edges, 1, on_record, NULL);
}

static void watch(const struct reconcile *r)
{
	static const struct link_probes probes = { .read = sums_read, .forget = forget };

	cr_assert_eq(edges_new(r, HERE, &probes, &edges), 0);
}

static void unwatch(void)
{
	edges_free(edges);
}

static void packets(uint32_t ifindex, uint64_t n)
{
	sums.own[sums.own_n++] = (struct link_slot){ .key = { HERE, ifindex, 0, 0 },
						     .sums = { .packet = n, .packet_data = n } };
}

TestSuite(edges, .fini = unwatch);

static const struct reconcile hardware;

Test(edges, as_many_as_there_is_room_for)
{
	uint32_t i;

	watch(&hardware);
	for (i = 1; i <= EDGES_MAX; i++)
		plug(i, LINK_PLAIN);
	look();
	cr_expect_eq(told, EDGES_MAX);
	cr_expect_eq(edges_left_out(edges), 0);
	cr_expect_null(edges_off(edges));
}

Test(edges, those_left_out_are_counted)
{
	uint32_t i;

	watch(&hardware);
	for (i = 1; i <= EDGES_MAX + 3; i++)
		plug(i, LINK_PLAIN);
	plug(i, LINK_TUNNEL);
	plug(i + 1, LINK_PAIR); /* is none that would be watched */
	look();
	cr_expect_eq(told, EDGES_MAX);
	cr_expect_eq(edges_left_out(edges), 4);
}

Test(edges, a_place_that_comes_free_is_taken)
{
	uint32_t i;

	watch(&hardware);
	for (i = 1; i <= EDGES_MAX + 1; i++)
		plug(i, LINK_PLAIN);
	look();
	cr_expect_eq(edges_left_out(edges), 1);
	unplug_first();
	look();
	cr_expect_eq(gone, 1);
	look();
	cr_expect_eq(told, 1);
	cr_expect_eq(edges_left_out(edges), 0);
}

Test(edges, those_that_are_not_even_known_are_counted)
{
	watch(&hardware);
	plug(1, LINK_PLAIN);
	unknown = 7;
	look();
	cr_expect_eq(edges_left_out(edges), 7);
}

/* ---- What cannot be read ---- */

ParameterizedTestParameters(edges, looks_that_fail)
{
	/* the table, the maps, the statistics */
	static int fails[] = { 0, 1, 2 };

	return cr_make_param_array(int, fails, sizeof(fails) / sizeof(fails[0]));
}

ParameterizedTest(int *which, edges, looks_that_fail)
{
	int *const fails[] = { &changed, &maps, &stats }, i;

	watch(&hardware);
	plug(2, LINK_PLAIN);
	look();
	*fails[*which] = -EMFILE;
	for (i = 0; i < 9; i++)
		look();
	cr_expect_eq(told, 0);
	cr_expect_null(edges_off(edges), "it may pass");
	for (i = 0; i < 300; i++) {
		look();
		cr_expect_str_eq(edges_off(edges),
				 "interfaces cannot be read: Too many open files");
	}
	*fails[*which] = 0;
	look();
	cr_expect_null(edges_off(edges));
}

Test(edges, none)
{
	watch(&hardware);
	plug(1, LINK_OTHER);
	look();
	cr_expect_eq(told, 0);
	cr_expect_str_eq(edges_off(edges),
			 "no interface here is hardware; name one in 'reconcile: interfaces'");
}

/* ---- What explains ---- */

Test(edges, what_is_sent_above_explains_copies)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_OTHER); /* a bond of 2, and a port of */
	plug(4, LINK_BRIDGE);
	plug(5, LINK_BRIDGE); /* another */
	links[0].master = 3;
	links[1].master = 4;
	sent(2, 7);
	sent(3, 20);
	sent(4, 300);
	sent(5, 4000);
	look();
	cr_assert_eq(told, 1);
	cr_expect_eq(last.socket, 7);
	cr_expect_eq(last.flooded, 320);
}

Test(edges, masters_in_a_circle)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_BRIDGE);
	links[0].master = 3;
	links[1].master = 3; /* cannot be, but netlink is read as it comes */
	sent(3, 1);
	look();
	cr_expect_leq(last.flooded, 4);
}

Test(edges, a_driver_that_is_known)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	look();
	cr_expect_eq(last.flags, 0);
	links[0].exact = true;
	changed = 1;
	look();
	cr_expect_eq(last.flags, OF_LINK_EXACT);
}

/* What came by an interface is not what it forwards. */
Test(edges, what_comes_by_the_edge_does_not_explain_it)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_PAIR);
	sums.elsewhere_n = 2;
	sums.elsewhere[0] = (struct link_slot){
		.key = { HERE + 1, 9, 0, 0 },
		.sums = { .socket = 10, .peer_netns = HERE, .peer_ifindex = 2 },
	};
	sums.elsewhere[1] = (struct link_slot){
		.key = { HERE + 2, 9, 0, 0 },
		.sums = { .socket = 200, .peer_netns = HERE, .peer_ifindex = 3 },
	};
	look();
	cr_expect_eq(last.elsewhere, 200);
}

/* Packets sent by a bond are seen at its port once more. */
Test(edges, packets_are_counted_where_they_leave)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_OTHER);
	plug(4, LINK_PAIR);
	packets(3, 1000);
	packets(2, 1200);
	packets(4, 30);
	sums.data_posted = 1230;
	look();
	cr_expect_eq(last.packet_data, 1200);
	cr_expect_eq(last.data_seen, 1230);
	cr_expect_eq(last.data_posted, 1230);
	links_n--; /* what it had sent was sent */
	changed = 1;
	sums.data_posted++;
	look();
	cr_expect_eq(last.data_seen, 1230);
}

/* Datagrams that are cut into segments have the tunnel's header in each. */
Test(edges, tunnels_explain_what_they_sent)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_TUNNEL);
	sent(3, 64000);
	sums.own[0].sums.packets = 1;
	sums.own[0].sums.segments = 44;
	sums.own[0].sums.headers = 44 * 42;
	look();
	cr_expect_eq(last.tunnels, 64000 + 44 * 42 + 45 * 80);
}

Test(edges, a_tunnel_that_goes_takes_nothing_with_it)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_TUNNEL);
	plug(4, LINK_TUNNEL);
	sent(3, 10000);
	sent(4, 500);
	look();
	cr_expect_eq(last.tunnels, 10500);
	links[1] = links[2];
	links_n--;
	changed = 1;
	sums.own[1].sums.socket += 70;
	look();
	cr_expect_eq(gone, 1);
	cr_expect_eq(last.tunnels, 10570);
}

/* Nor when its slot is given back. */
Test(edges, a_tunnel_that_is_forgotten_takes_nothing_with_it)
{
	uint32_t i;

	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_TUNNEL);
	sent(2, 1);
	sent(3, 10000);
	look();
	links_n--;
	changed = 1;
	for (i = 0; i < LINK_SLOTS / 2; i++)
		sent(10 + i, 1);
	look();
	cr_expect_eq(sums.own_n, 1);
	sums.own[0].sums.socket++;
	look();
	cr_expect_eq(last.tunnels, 10000);
}

/* A container in a container sends by two pairs, and others by none that leads here. */
Test(edges, containers_inside_containers_explain)
{
	watch(&hardware);
	plug(2, LINK_PLAIN);
	plug(3, LINK_PAIR);
	sums.elsewhere_n = 4;
	sums.elsewhere[0] = (struct link_slot){
		.key = { HERE + 1, 9, 0, 0 },
		.sums = { .socket = 10, .forwarded = 700, .peer_netns = HERE, .peer_ifindex = 3 },
	};
	sums.elsewhere[1] = (struct link_slot){
		.key = { HERE + 4, 9, 0, 0 },
		.sums = { .socket = 100000, .peer_netns = HERE + 5 },
	};
	sums.elsewhere[2] = (struct link_slot){
		.key = { HERE + 3, 9, 0, 0 },
		.sums = { .socket = 400, .peer_netns = HERE + 1 },
	};
	sums.elsewhere[3] = (struct link_slot){
		.key = { HERE + 2, 9, 0, 0 },
		.sums = { .socket = 200, .peer_netns = HERE + 1 },
	};
	look();
	cr_expect_eq(last.elsewhere, 610);
	sums.elsewhere[0].sums.forwarded = 500;
	look();
	cr_expect_eq(last.elsewhere, 510, "no more than it forwarded");
}

/* As many slots as there can be, all of which forward: a look must not take long. */
Test(edges, a_look_is_quick, .timeout = 5)
{
	uint32_t i;

	watch(&hardware);
	kept = true;
	for (i = 0; i < EDGES_MAX; i++)
		plug(2 + i, LINK_PLAIN);
	for (i = 0; i < LINK_SLOTS; i++) {
		sums.own[i] = (struct link_slot){
			.key = { HERE, 2 + i % EDGES_MAX, 100 + i, 0 },
			.sums = { .forwarded = 1 },
		};
		sums.elsewhere[i] = (struct link_slot){
			.key = { HERE + LINK_SLOTS - i, 9, 0, 0 },
			.sums = { .socket = 1, .forwarded = 1, .peer_netns = HERE + i },
		};
	}
	sums.own_n = sums.elsewhere_n = LINK_SLOTS;
	for (i = 0; i < 200; i++)
		look();
}
