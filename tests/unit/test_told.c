/* SPDX-License-Identifier: BSD-2-Clause */
/* test_told.c: marks put no byte earlier than it was sent, nor what is old into a window. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "intake/told.h"

#define S      1000000000ULL
#define WINDOW (600 * S)

static const struct of_account account = { .exec_id = 7, .generation = 3, .sent = 100 };

Test(told, is_of_one_account)
{
	struct of_account a = account;
	struct of_told t = { 0 };

	cr_expect_not(told_is_of(&t, &a), "none is told yet");
	told_grow(&t, &a, 5 * S, WINDOW);
	cr_expect(told_is_of(&t, &a));
	cr_expect_eq(told_last(&t).ns, 5 * S);
	cr_expect_eq(told_last(&t).sent, 100);
	a.exec_id |= OF_ACCOUNT_CLOSED;
	cr_expect(told_is_of(&t, &a), "closed, but not given back");
	a.generation++;
	cr_expect_not(told_is_of(&t, &a), "the same key, another life");
	a = account;
	a.sent = 99;
	cr_expect_not(told_is_of(&t, &a), "an account never gets smaller");
	t.n = OF_TOLD_MARKS + 1;
	cr_expect_not(told_is_of(&t, &account), "what cannot be");
	told_grow(&t, &account, 6 * S, WINDOW);
	cr_expect_eq(t.n, 1);
}

Test(told, another_account_in_the_slot)
{
	struct of_account b = { .exec_id = 8, .generation = 4, .sent = 5 };
	struct of_told t = { 0 };

	told_grow(&t, &account, 5 * S, WINDOW);
	told_grow(&t, &b, 6 * S, WINDOW);
	cr_expect(told_is_of(&t, &b));
	cr_expect_eq(t.n, 1);
	cr_expect_eq(told_last(&t).sent, 5);
}

/* The first bytes are told one by one. */
Test(told, few)
{
	struct of_account a = account;
	struct of_told t = { 0 };

	told_grow(&t, &a, 1 * S, WINDOW);
	a.sent = 200;
	told_grow(&t, &a, 9 * S, WINDOW);
	cr_assert_eq(t.n, 2);
	cr_expect_eq(t.at[0].sent, 100);
	cr_expect_eq(t.at[0].ns, 1 * S);
	cr_expect_eq(t.at[1].sent, 200);
	cr_expect_eq(t.at[1].ns, 9 * S);
}

/* A daemon that lives for a day and an account that grows at random: at any moment the marks make
 * of the last window no less than what was sent in it, and no more than in twice the window. */
Test(told, windows)
{
	static uint64_t sent[86401]; /* at each second */
	struct of_account a = account;
	struct of_told t = { 0 };
	uint64_t window = WINDOW / S, now, from, in, told;
	uint32_t i;

	srand(4711);
	a.sent = 0;
	for (now = 1; now <= 86400; now++) {
		sent[now] = sent[now - 1];
		if (rand() % 7 == 0) {
			sent[now] += (uint64_t)(rand() % 100000);
			a.sent = sent[now];
			told_grow(&t, &a, now * S, WINDOW);
		}
		if (a.sent == 0)
			continue;
		from = now > window ? now - window : 0;
		in = sent[now] - sent[from];
		told = a.sent;
		for (i = 0; i < t.n; i++)
			if (t.at[i].ns <= from * S)
				told = a.sent - t.at[i].sent;
		cr_assert_geq(told, in, "second %lu: %lu of %lu", now, told, in);
		from = now > 2 * window + 60 ? now - 2 * window - 60 : 0;
		cr_assert_leq(told, sent[now] - sent[from], "second %lu", now);
	}
}
