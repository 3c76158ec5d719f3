/* SPDX-License-Identifier: BSD-2-Clause */
/* A socket that somebody else made: what was said there counts beside what is said by its own. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "naming_world.h"
#include "track/name_list.h"

static struct world w;

static void stop(void)
{
	world_stop(&w);
}

TestSuite(naming_handed, .fini = stop, .timeout = 60);

static struct stream *s(void)
{
	return &w.t.s;
}

/* CURL sends by its own connection, and says GOOD there. */
static void begin(void)
{
	world_start(&w, STRANGE VOLUME);
	world_tick(&w, SECOND);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	rec_account(s(), CURL, FAR, 443, 100);
	rec_flow(s(), CURL, FAR, 443, OF_NAME_SNI, GOOD);
	world_run(&w);
	cr_assert_eq(w.judged_n, 0);
}

static void made_by(uint64_t creator, uint64_t sent)
{
	struct of_account a = account_of(CURL, FAR, 443, sent);

	a.creator = creator;
	rec_account_of(s(), &a);
	world_run(&w);
}

static void says(uint64_t exec_id, uint64_t creator, uint32_t flags, const char *host)
{
	struct of_rec_flow r = { .to = endpoint(FAR, 443),
				 .exec_id = exec_id,
				 .creator = creator,
				 .flags = flags | OF_FLOW_READ,
				 .names_n = host != NULL,
				 .names = { { .source = OF_NAME_SNI } } };

	if (host != NULL)
		(void)snprintf(r.names[0].host, sizeof(r.names[0].host), "%s", host);
	rec_flow_of(s(), &r);
	world_run(&w);
}

Test(naming_handed, its_maker_said_another_name)
{
	begin();
	rec_account(s(), OTHER, FAR, 443, 10);
	says(OTHER, OTHER, OF_FLOW_DONE, EVIL);
	cr_expect_eq(w.judged_n, 0, "a connection of somebody else");
	made_by(OTHER, 60000);
	cr_expect_gt(world_count(&w, "volume", CURL), 0);
	cr_expect_eq(w.judged[w.judged_n - 1].sent, 60000);
	cr_expect_str_eq(world_names(&w, CURL, FAR, 443),
			 "sni:good.example.org+ sni:evil.example.net dns:good.example.org+");
	world_tick(&w, 9 * SECOND);
	made_by(OTHER, 60001);
	cr_expect_eq(w.judged[w.judged_n - 1].sent, 60001, "once");
}

/* Before who made it had an account, and when it has none any more. */
Test(naming_handed, its_maker_has_no_account)
{
	begin();
	says(OTHER, OTHER, OF_FLOW_DONE, EVIL);
	made_by(OTHER, 60000);
	cr_expect_gt(world_count(&w, "volume", CURL), 0);
}

/* The rest of what was begun is told of who began. */
Test(naming_handed, its_maker_is_heard_after_it_sent)
{
	begin();
	rec_account(s(), OTHER, FAR, 443, 10);
	says(OTHER, OTHER, 0, NULL);
	made_by(OTHER, 60000);
	cr_expect_eq(w.judged_n, 0, "what was read so far says nothing");
	says(OTHER, OTHER, OF_FLOW_DONE, EVIL);
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(w.judged[w.judged_n - 1].sent, 60000);
}

Test(naming_handed, of_its_maker_nothing_is_heard)
{
	begin();
	made_by(OTHER, 60000);
	world_tick(&w, 2 * SECOND);
	cr_expect_eq(w.judged_n, 0, "it may come");
	world_tick(&w, 4 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 1);
	cr_expect_eq(w.judged[w.judged_n - 1].sent, 60000);
	cr_expect(tracked_account(&w.t, CURL, FAR, 443)->names.flags & NAMES_UNHEARD);
	says(OTHER, OTHER, OF_FLOW_DONE, GOOD);
	made_by(OTHER, 60001);
	cr_expect_not(tracked_account(&w.t, CURL, FAR, 443)->names.flags & NAMES_UNHEARD);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 1, "what comes now is excused");
}

/* Its beginning is known: a parent that says the same name, one that says none and did as SSH does,
 * and a parent whose socket its child was the first to send by. */
Test(naming_handed, who_goes_on_with_what_is_allowed_is_excused)
{
	begin();
	rec_account(s(), WORK, FAR, 443, 10);
	says(WORK, WORK, OF_FLOW_DONE, GOOD);
	made_by(WORK, 200);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
}

Test(naming_handed, who_goes_on_with_what_says_nothing_is_excused)
{
	begin();
	rec_account(s(), WORK, FAR, 443, 10);
	says(WORK, WORK, OF_FLOW_DONE | OF_FLOW_SILENT, NULL);
	made_by(WORK, 200);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
}

Test(naming_handed, who_is_the_first_to_send_is_excused)
{
	begin();
	made_by(WORK, 200);
	world_tick(&w, 2 * SECOND);
	says(CURL, WORK, OF_FLOW_DONE, GOOD);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(world_count(&w, "strange", CURL), 0);
	cr_expect_not(tracked_account(&w.t, CURL, FAR, 443)->names.flags & NAMES_UNHEARD);
}

/* Workers that send by what their parent made and never sent by. */
Test(naming_handed, a_pool_of_workers_is_excused)
{
	struct of_account a = account_of(WGET, FAR, 443, 10);

	begin();
	rec_dns(s(), WORK, RESOLVER, GOOD, FAR);
	a.creator = WORK;
	rec_account_of(s(), &a);
	says(WGET, WORK, OF_FLOW_DONE, GOOD);
	made_by(WORK, 200);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(w.judged_n, 0);
}

/* Nobody reads what was said to a daemon before, when it was told already. */
Test(naming_handed, what_was_told_before_is_excused)
{
	struct of_account a = account_of(CURL, FAR, 443, 100);

	world_start(&w, STRANGE);
	rec_dns(s(), CURL, RESOLVER, GOOD, FAR);
	a.creator = WORK;
	rec_account_of(s(), &a);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(w.judged_n, 0);
}

/* ---- How many names are kept ---- */

static void say_many(const char *ip, size_t n)
{
	char host[32];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(host, sizeof(host), "n%zu.ok.example", i);
		rec_dns(s(), CURL, RESOLVER, host, ip);
		rec_flow(s(), CURL, ip, 443, OF_NAME_SNI, host);
	}
	rec_account(s(), CURL, ip, 443, 100);
	world_run(&w);
}

/* A content network answers for all hosts of a domain with one address. */
Test(naming_handed, forty_allowed_names_at_one_address)
{
	world_start(&w, STRANGE "- {id: m, when: {role: w, endpoint: {name_mismatch: true}}}\n");
	say_many(FAR, 40);
	world_tick(&w, 9 * SECOND);
	cr_expect_eq(w.judged_n, 0);
	cr_expect_eq(tracked_account(&w.t, CURL, FAR, 443)->names.n, ENDPOINT_NAMES_MAX);
}

/* Some have many names, all cannot. */
Test(naming_handed, names_of_all_accounts_are_bounded)
{
	struct name_list lists[3] = { { .n = 0 } };
	struct endpoint_name name = { .source = OF_NAME_SNI };
	size_t more = NAME_LISTS_MORE - 10, i;
	char host[32];

	world_start(&w, STRANGE);
	for (i = 0; i < 3 * 40; i++) {
		(void)snprintf(host, sizeof(host), "n%zu.example", i);
		name.host = host;
		lists[i % 3].more = &more;
		cr_assert_geq(name_list_put(&lists[i % 3], &name, NULL), 0);
	}
	cr_expect_eq(more, NAME_LISTS_MORE);
	cr_expect_eq(lists[0].n + lists[1].n + lists[2].n, 3 * NAME_LIST_PLAIN + 10);
	for (i = 0; i < 3; i++) {
		cr_expect_geq(lists[i].n, NAME_LIST_PLAIN);
		cr_expect(lists[i].flags & NAMES_MORE, "and that is said");
		name_list_clear(&lists[i]);
	}
	cr_expect_eq(more, NAME_LISTS_MORE - 10);
}
