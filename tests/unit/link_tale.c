/* SPDX-License-Identifier: BSD-2-Clause */
/* See link_tale.h. */
#include "link_tale.h"

#include <criterion/criterion.h>

#include <string.h>

struct config config;
struct detect *detect;
struct of_rec_link now;
uint64_t now_ns;
struct leak last;
uint64_t sent;
size_t verdicts;
uint32_t start_flags;
uint64_t start_lost;

void on_verdict(void *arg, const struct verdict *v)
{
	(void)arg;
	cr_assert_not_null(v->leak);
	cr_assert_null(v->subject);
	cr_expect_str_eq(v->rule->id, "unattributed-egress");
	cr_expect_eq(v->sent,
		     v->leak->bypass + v->leak->forwarded + v->leak->passed + v->leak->kernel);
	last = *v->leak;
	sent = v->sent;
	verdicts++;
}

void look(void)
{
	now_ns += SECOND;
	detect_link(detect, &now, now_ns, on_verdict, NULL);
	detect_tick(detect, now_ns, on_verdict, NULL);
}

void looks(int n)
{
	while (n-- > 0)
		look();
}

void tale_start(const char *yaml)
{
	config_of(yaml, &config);
	cr_assert_eq(detect_new(&config.policy, &detect), 0);
	now = (struct of_rec_link){ .name = "eth0",
				    .ifindex = 2,
				    .netns = 1,
				    .tx_bytes = 7 * MIB,
				    .flags = start_flags,
				    .tx_lost = start_lost };
	now_ns = 1000 * SECOND;
	look();
}

void tale_setup(void)
{
	tale_start("version: 1\n");
}

void tale_teardown(void)
{
	detect_free(detect);
	config_done(&config);
}

void dropped(uint64_t n)
{
	now.socket += n;
	now.packets += n / 1000;
	now.tx_lost += n / 1000;
}

void ordinary(uint64_t n)
{
	now.socket += n;
	now.packets += n / 1000 + 1;
	now.tx_packets += n / 1000 + 1;
	now.tx_bytes += n;
}

struct link_books books(void)
{
	struct link_books b = { .name = "" };
	size_t cursor = 0;

	cr_assert(links_next(detect_links(detect), &cursor, &b));
	return b;
}
