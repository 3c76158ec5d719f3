/* SPDX-License-Identifier: BSD-2-Clause */
/* Windows: how much went in the last while, never less than that. */
#include <criterion/criterion.h>

#include "detect/windows.h"

#define SECOND 1000000000ULL
#define MINUTE (60 * SECOND)

TestSuite(windows, .timeout = 30);

static struct verdict_key key(uint64_t root)
{
	return (struct verdict_key){ .root = root };
}

static uint64_t add(struct windows *w, uint64_t root, uint64_t time_ns, uint64_t n)
{
	struct verdict_key k = key(root);

	return windows_add(w, &k, 16 * MINUTE, time_ns, n); /* buckets of a minute */
}

static struct windows *windows(size_t max)
{
	struct windows *w;

	cr_assert_eq(windows_new(max, &w), 0);
	return w;
}

Test(windows, edges)
{
	struct windows *w = windows(10);

	cr_expect_eq(add(w, 1, 5 * MINUTE, 100), 100);
	cr_expect_eq(add(w, 1, 21 * MINUTE - 1, 10), 110, "within sixteen minutes, for certain");
	cr_expect_eq(add(w, 1, 22 * MINUTE - 1, 1), 111, "the oldest bucket counts in full");
	cr_expect_eq(add(w, 1, 22 * MINUTE, 1), 12, "a seventeenth later it is over, for certain");
	cr_expect_eq(add(w, 2, 22 * MINUTE, 7), 7, "another key is another window");
	windows_free(w);
}

/* Never too little: against a sum over every byte of the last `within`. */
Test(windows, never_less_than_what_was_sent)
{
	static const uint64_t widths[] = { SECOND, 10 * MINUTE, 7 * 24 * 60 * MINUTE, 999999937 };
	uint64_t at[400], n[400], within, now, exact, sum, loose, x = 88172645463325252ULL;
	struct verdict_key k = key(1);
	struct windows *w;
	size_t i, j, wide;

	for (wide = 0; wide < 4; wide++) {
		within = widths[wide];
		w = windows(10);
		for (i = 0, now = 77; i < 400; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			now += x % (within / 20);
			at[i] = now;
			n[i] = 1 + x % 1000;
			sum = windows_add(w, &k, within, now, n[i]);
			for (j = 0, exact = loose = 0; j <= i; j++) {
				exact += now - at[j] < within ? n[j] : 0;
				loose += now - at[j] <= within / 16 * 17 + 16 ? n[j] : 0;
			}
			cr_assert_geq(sum, exact);
			cr_assert_leq(sum, loose);
		}
		windows_free(w);
	}
}

Test(windows, long_silence_forgets_all)
{
	struct windows *w = windows(10);

	(void)add(w, 1, MINUTE, 100);
	cr_expect_eq(add(w, 1, 1000000 * MINUTE, 1), 1);
	cr_expect_eq(add(w, 1, UINT64_MAX, 2), 2);
	cr_expect_eq(add(w, 1, UINT64_MAX, UINT64_MAX), 1, "sums wrap as all counters do");
	windows_free(w);
}

Test(windows, a_time_that_goes_back_counts_as_now)
{
	struct windows *w = windows(10);

	(void)add(w, 1, 100 * MINUTE, 100);
	cr_expect_eq(add(w, 1, 3 * MINUTE, 10), 110);
	cr_expect_eq(add(w, 1, 0, 1), 111);
	cr_expect_eq(add(w, 1, 116 * MINUTE, 0), 111);
	cr_expect_eq(add(w, 1, 117 * MINUTE, 0), 0);
	windows_free(w);
}

Test(windows, eviction_is_counted)
{
	struct windows *w = windows(3);

	(void)add(w, 1, MINUTE, 10);
	(void)add(w, 2, MINUTE, 10);
	(void)add(w, 3, MINUTE, 10);
	(void)add(w, 1, MINUTE, 10);
	cr_expect_eq(windows_evicted(w), 0);
	(void)add(w, 4, MINUTE, 10);
	cr_expect_eq(windows_evicted(w), 1);
	cr_expect_eq(windows_count(w), 3);
	cr_expect_eq(add(w, 1, MINUTE, 1), 21, "it was used after 2");
	cr_expect_eq(add(w, 2, MINUTE, 1), 1);
	windows_free(w);
}
