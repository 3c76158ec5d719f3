/* SPDX-License-Identifier: BSD-2-Clause */
/* test_kept.c: what a daemon put is found by the next one, whenever it was killed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intake/kept.h"

#define SLOTS 4
#define WORDS 8 /* behind the key: all of them are told from it */

struct entry {
	struct of_kept_head head;
	uint64_t key[2];
	uint64_t more[WORDS];
};

static struct entry slots[SLOTS];

static struct kept *kept_make(uint32_t max)
{
	const struct kept_shape shape = { sizeof(struct entry), sizeof(slots[0].key), max };
	struct kept *k = NULL;

	cr_assert_eq(kept_new(&shape, &k), 0);
	return k;
}

/* Another daemon. */
static struct kept *kept_again(struct kept *k, struct entry *memory, uint32_t max)
{
	kept_free(k);
	k = kept_make(max);
	kept_place(k, memory, max);
	cr_assert_eq(kept_read(k), 0);
	return k;
}

static void put(struct kept *k, uint64_t key, uint64_t time_ns)
{
	struct entry e = { { 0, time_ns }, { key, ~key }, { 0 } };
	int i;

	for (i = 0; i < WORDS; i++)
		e.more[i] = key * 1000 + (uint64_t)i;
	kept_put(k, &e.head);
}

static bool is_whole(const struct entry *e)
{
	int i;

	for (i = 0; i < WORDS; i++)
		if (e->more[i] != e->key[0] * 1000 + (uint64_t)i)
			return false;
	return e->key[1] == ~e->key[0] && e->head.time_ns != 0;
}

struct got {
	uint64_t key[64], time_ns[64];
	size_t n;
};

static void on_entry(void *arg, const struct of_kept_head *head)
{
	const struct entry *e = (const struct entry *)head;
	struct got *got = arg;

	cr_assert_lt(got->n, sizeof(got->key) / sizeof(got->key[0]));
	cr_expect(is_whole(e));
	got->key[got->n] = e->key[0];
	got->time_ns[got->n++] = head->time_ns;
}

/* Keys, and times, in the order that they are told; ended by a 0. */
static void expect(const struct kept *k, const uint64_t *keys, const uint64_t *times)
{
	struct got got = { .n = 0 };
	size_t i;

	kept_each(k, on_entry, &got);
	for (i = 0; keys[i] != 0 && i < got.n; i++) {
		cr_expect_eq(got.key[i], keys[i], "%zu: %lu, not %lu", i, got.key[i], keys[i]);
		if (times != NULL)
			cr_expect_eq(got.time_ns[i], times[i]);
	}
	cr_expect_eq(got.n, i);
	cr_expect_eq(keys[i], 0, "%zu: %lu is missing", i, keys[i]);
}

#define LIST(...) ((const uint64_t[]){ __VA_ARGS__, 0 })

Test(kept, nothing)
{
	struct kept *k = kept_again(NULL, slots, SLOTS);

	expect(k, LIST(0), NULL);
	cr_expect_eq(kept_used(k), 0);
	kept_free(k);
	k = kept_make(SLOTS);
	put(k, 1, 10);
	expect(k, LIST(0), NULL);
	kept_free(k);
}

Test(kept, the_next_tells_the_same)
{
	struct kept *k = kept_make(SLOTS);

	kept_place(k, slots, SLOTS);
	put(k, 3, 30);
	put(k, 1, 10);
	put(k, 2, 20);
	expect(k, LIST(3, 1, 2), LIST(30, 10, 20));
	cr_expect_eq(kept_used(k), 3);
	k = kept_again(k, slots, SLOTS);
	expect(k, LIST(3, 1, 2), LIST(30, 10, 20));
	cr_expect_eq(kept_used(k), 3);
	put(k, 4, 40);
	put(k, 5, 50);
	k = kept_again(k, slots, SLOTS);
	expect(k, LIST(1, 2, 4, 5), LIST(10, 20, 40, 50));
	kept_free(k);
}

Test(kept, a_key_stays_in_its_slot)
{
	struct kept *k = kept_make(SLOTS);

	kept_place(k, slots, SLOTS);
	put(k, 1, 10);
	put(k, 2, 20);
	put(k, 1, 5);
	expect(k, LIST(2, 1), LIST(20, 5));
	cr_expect_eq(kept_used(k), 2);
	cr_expect_eq(slots[0].key[0], 1);
	k = kept_again(k, slots, SLOTS);
	expect(k, LIST(2, 1), LIST(20, 5));
	kept_free(k);
}

Test(kept, what_was_not_put_for_longest_makes_room)
{
	struct kept *k = kept_make(SLOTS);
	uint64_t i;

	kept_place(k, slots, SLOTS);
	for (i = 1; i <= SLOTS; i++)
		put(k, i, i);
	put(k, 1, 11);
	put(k, 5, 55);
	expect(k, LIST(3, 4, 1, 5), LIST(3, 4, 11, 55));
	cr_expect_eq(slots[1].key[0], 5, "in the place of 2");
	cr_expect_eq(kept_used(k), SLOTS);
	put(k, 2, 22);
	k = kept_again(k, slots, SLOTS);
	put(k, 6, 66);
	expect(k, LIST(1, 5, 2, 6), LIST(11, 55, 22, 66));
	kept_free(k);
}

Test(kept, what_is_not_whole_is_free)
{
	struct kept *k = kept_make(SLOTS);
	uint64_t i;

	kept_place(k, slots, SLOTS);
	for (i = 1; i <= SLOTS; i++)
		put(k, i, i);
	slots[1].head.mark = 0;
	slots[3].head.mark = 0;
	k = kept_again(k, slots, SLOTS);
	expect(k, LIST(1, 3), NULL);
	cr_expect_eq(kept_used(k), 3);
	put(k, 7, 7);
	cr_expect_eq(slots[1].key[0], 7, "what lies between is taken first");
	put(k, 8, 8);
	expect(k, LIST(1, 3, 7, 8), NULL);
	put(k, 9, 9);
	expect(k, LIST(3, 7, 8, 9), NULL);
	kept_free(k);
}

Test(kept, a_key_that_is_there_twice)
{
	struct kept *k = kept_make(SLOTS);

	kept_place(k, slots, SLOTS);
	put(k, 1, 10);
	put(k, 2, 20);
	slots[2] = slots[0];
	slots[2].head = (struct of_kept_head){ 9, 90 };
	k = kept_again(k, slots, SLOTS);
	expect(k, LIST(2, 1), LIST(20, 90));
	put(k, 3, 30);
	cr_expect_eq(slots[0].key[0], 3);
	k = kept_again(k, slots, SLOTS);
	expect(k, LIST(2, 1, 3), LIST(20, 90, 30));
	kept_free(k);
}

/* Slots come in reach as they are needed, at other addresses; or there is no memory for more. */
Test(kept, slots_that_move)
{
	struct entry more[SLOTS];
	struct kept *k = kept_make(SLOTS);

	kept_place(k, slots, 2);
	put(k, 1, 10);
	put(k, 2, 20);
	put(k, 3, 30);
	expect(k, LIST(2, 3), LIST(20, 30));
	memcpy(more, slots, sizeof(more));
	memset(slots, 0xff, sizeof(slots));
	kept_place(k, more, SLOTS + 1);
	put(k, 4, 40);
	put(k, 2, 21);
	put(k, 5, 50);
	put(k, 6, 60);
	expect(k, LIST(4, 2, 5, 6), LIST(40, 21, 50, 60));
	kept_free(k);
}

/* Beside a model that is a list. */
Test(kept, at_random)
{
	enum { MAX = 37 };
	static struct entry memory[MAX];
	struct kept *k = kept_make(MAX);
	uint64_t model[MAX + 2] = { 0 }, key;
	size_t n = 0, at, i;

	kept_place(k, memory, MAX);
	srand(4711);
	for (i = 0; i < 50000; i++) {
		key = (uint64_t)(rand() % 60) + 1;
		put(k, key, i + 1);
		for (at = 0; at < n && model[at] != key; at++)
			;
		if (at == n && n == MAX)
			at = 0;
		if (at < n)
			memmove(&model[at], &model[at + 1], (--n - at) * sizeof(model[0]));
		model[n++] = key;
		model[n] = 0;
		if (i % 97 == 0)
			k = kept_again(k, memory, MAX);
		if (i % 31 == 0 || i % 97 == 0)
			expect(k, model, NULL);
	}
	kept_free(k);
}

/* ---- Killed ---- */

static void life(struct kept *k)
{
	uint64_t i;

	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	for (i = 1; i <= 2 * SLOTS; i++) {
		put(k, i, i);
		put(k, i, i + 100);
	}
	_exit(0);
}

static size_t whole_count(const struct entry *e)
{
	size_t n = 0;
	int i;

	for (i = 0; i < SLOTS; i++) {
		if (e[i].head.mark == 0)
			continue;
		n++;
		cr_assert(is_whole(&e[i]), "slot %d, mark %lu", i, (unsigned long)e[i].head.mark);
	}
	return n;
}

/* Behind each instruction, all that is marked is whole, and at most one entry is missing. */
Test(kept, killed_behind_any_instruction, .timeout = 300)
{
	struct entry *memory = mmap(NULL, SLOTS * sizeof(*memory), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kept *k = kept_make(SLOTS);
	size_t n = 0, most = 0, steps = 0;
	int status = 0;
	pid_t pid;

	cr_assert_neq(memory, MAP_FAILED);
	kept_place(k, memory, SLOTS);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0)
		life(k);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	while (WIFSTOPPED(status)) {
		n = whole_count(memory);
		most = n > most ? n : most;
		cr_assert_geq(n + 1, most);
		steps++;
		cr_assert_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
	}
	cr_expect(WIFEXITED(status));
	cr_expect_eq(n, SLOTS);
	cr_expect_gt(steps, 1000);
	k = kept_again(k, memory, SLOTS);
	expect(k, LIST(5, 6, 7, 8), LIST(105, 106, 107, 108));
	kept_free(k);
}
