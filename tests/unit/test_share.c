/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a table is whose. */
#include <criterion/criterion.h>

#include <errno.h>

#include "base/share.h"

Test(share, the_oldest_of_ones_own)
{
	struct share_node n[6];
	struct shares s;
	size_t i;

	cr_assert_eq(shares_init(&s, 8, 3), 0);
	cr_expect_null(shares_oldest(&s, 7), "holds nothing");
	for (i = 0; i < 3; i++) {
		cr_expect_null(shares_oldest(&s, 7), "%zu", i);
		cr_expect_eq(shares_add(&s, 7, &n[i]), 0);
	}
	cr_expect_eq(shares_add(&s, 8, &n[3]), 0);
	cr_expect_eq(shares_oldest(&s, 7), &n[0]);
	cr_expect_null(shares_oldest(&s, 8));
	shares_touch(&n[0]);
	cr_expect_eq(shares_oldest(&s, 7), &n[1]);
	shares_del(&s, &n[1]);
	cr_expect_null(shares_oldest(&s, 7));
	cr_expect_eq(shares_add(&s, 7, &n[1]), 0);
	cr_expect_eq(shares_oldest(&s, 7), &n[2]);
	for (i = 0; i < 4; i++)
		shares_del(&s, &n[i]);
	cr_expect_eq(s.by_owner.n, 0, "who holds nothing is forgotten");
	shares_done(&s);
}

Test(share, of_too_many_owners)
{
	struct share_node n[3];
	struct shares s;
	uint64_t i;

	cr_assert_eq(shares_init(&s, 2, 2), 0);
	for (i = 0; i < 2; i++)
		cr_expect_eq(shares_add(&s, i, &n[i]), 0);
	cr_expect_eq(shares_add(&s, 2, &n[2]), -ENOSPC);
	cr_expect_eq(shares_add(&s, 1, &n[2]), 0);
	shares_done(&s);
}
