/* SPDX-License-Identifier: BSD-2-Clause */
/* test_again.c: what was told of flows is not told again at once, and nothing else is kept back. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "intake/again.h"

#include "base/poison.h"

static struct again again;

static void fresh(void)
{
	memset(&again, 0, sizeof(again));
}

TestSuite(again, .init = fresh);

static struct of_rec_flow flow_of(uint16_t port)
{
	struct of_rec_flow f;

	memset(&f, 0xa5, sizeof(f)); /* behind the names anything may lie */
	memset(&f, 0, offsetof(struct of_rec_flow, names));
	f.hdr = (struct of_rec_hdr){ .ts_ns = 5 * AGAIN_NS, .kind = OF_REC_FLOW };
	f.hdr.len = offsetof(struct of_rec_flow, names);
	f.to.family = OF_AF_INET;
	f.to.port = port;
	f.exec_id = 7;
	f.creator = 7;
	f.cookie = 1;
	f.netns = 2;
	f.flags = OF_FLOW_DONE | OF_FLOW_READ | OF_FLOW_SILENT;
	return f;
}

static void flow_says(struct of_rec_flow *f, const char *name)
{
	struct of_flow_name *n = &f->names[f->names_n++];

	memset(n, 0, sizeof(*n));
	n->source = OF_NAME_SNI;
	(void)snprintf(n->host, sizeof(n->host), "%s", name);
	f->hdr.len += sizeof(*n);
}

static bool told(const struct of_rec_flow *f)
{
	return again_told(&again, &f->hdr);
}

Test(again, another_socket_of_the_same_says_nothing_new)
{
	struct of_rec_flow f = flow_of(443);

	cr_expect(!told(&f));
	f.cookie = 2;
	f.hdr.ts_ns += AGAIN_NS - 1;
	cr_expect(told(&f));
}

/* Measured from when it was told, not from when it was kept back last. */
Test(again, is_told_again_after_its_time)
{
	struct of_rec_flow f = flow_of(443);

	cr_expect(!told(&f));
	f.hdr.ts_ns += AGAIN_NS - 1;
	cr_expect(told(&f));
	f.hdr.ts_ns += 1;
	cr_expect(!told(&f));
	f.hdr.ts_ns += AGAIN_NS - 1;
	cr_expect(told(&f));
}

/* Captures of two processors may change places. */
Test(again, one_from_before_is_told)
{
	struct of_rec_flow f = flow_of(443);

	cr_expect(!told(&f));
	f.hdr.ts_ns -= 1;
	cr_expect(!told(&f));
}

Test(again, whatever_differs_is_told)
{
	struct of_rec_flow f[8];
	size_t i;

	for (i = 0; i < 8; i++)
		f[i] = flow_of(443);
	f[1].to.port = 444;
	f[2].exec_id = 8;
	f[3].creator = 8;
	f[4].netns = 3;
	f[5].flags |= OF_FLOW_TLS;
	f[6].alpn_n = 1;
	f[6].alpn[0].len = 2;
	flow_says(&f[7], "a.example");
	for (i = 1; i < 8; i++) {
		fresh();
		cr_expect(!told(&f[0]));
		cr_expect(!told(&f[i]), "%zu", i);
		cr_expect(told(&f[i]), "%zu", i);
	}
}

Test(again, names_count_to_their_last_byte)
{
	struct of_rec_flow a = flow_of(443), b = flow_of(443);

	flow_says(&a, "a.example");
	flow_says(&b, "a.examplf");
	cr_expect(!told(&a));
	cr_expect(!told(&b));
	cr_expect(told(&b));
}

/* They are counted one by one. */
Test(again, what_was_not_read_is_always_told)
{
	struct of_rec_flow f = flow_of(443);

	f.flags |= OF_FLOW_LOST;
	cr_expect(!told(&f));
	cr_expect(!told(&f));
	f.flags = OF_FLOW_DONE | OF_FLOW_INVALID;
	cr_expect(!told(&f));
	cr_expect(!told(&f));
}

Test(again, an_answer_is_always_told)
{
	struct of_rec_dns d;

	memset(&d, 0, sizeof(d));
	d.hdr = (struct of_rec_hdr){ .kind = OF_REC_DNS };
	d.hdr.len = offsetof(struct of_rec_dns, addrs);
	cr_expect(!again_told(&again, &d.hdr));
	cr_expect(!again_told(&again, &d.hdr));
}

/* Whoever takes the place of another makes it be told once more, and nothing else. */
Test(again, more_far_ends_than_places)
{
	struct of_rec_flow f;
	unsigned int port, n = 0;

	for (port = 1; port <= 4 * AGAIN_FLOWS; port++) {
		f = flow_of((uint16_t)port);
		cr_expect(!told(&f));
		n += told(&f);
	}
	cr_expect_eq(n, 4 * AGAIN_FLOWS);
}
