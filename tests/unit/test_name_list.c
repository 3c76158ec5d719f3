/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of one far end: what is offered to speak, and lists that become one. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "track/name_list.h"

static struct of_alpn alpn_of(const char *id)
{
	struct of_alpn a = { .len = (uint8_t)strlen(id) };

	memcpy(a.id, id, a.len);
	return a;
}

static int offer(struct name_list *g, const char *id)
{
	const struct of_alpn a = alpn_of(id);

	return name_list_alpn(g, &a, 1);
}

static void is_offered(const struct name_list *g, size_t i, const char *id)
{
	cr_assert_lt(i, g->alpn_n);
	cr_expect_eq(g->alpn[i].len, strlen(id));
	cr_expect_eq(memcmp(g->alpn[i].id, id, strlen(id)), 0, "%s", id);
}

static void name_put(struct name_list *g, enum of_name_source source, const char *host)
{
	const struct endpoint_name name = { .host = host, .source = source, .asked = true };

	cr_expect_eq(name_list_put(g, &name, NULL), 1);
}

Test(name_list, a_protocol_stands_once)
{
	size_t more = 0;
	struct name_list g = { .more = &more };

	cr_expect_eq(name_list_alpn(&g, NULL, 0), 0);
	cr_expect_eq(offer(&g, "h2"), 1);
	cr_expect_eq(offer(&g, "h"), 1, "the beginning of another");
	cr_expect_eq(offer(&g, "h2"), 0);
	cr_expect_eq(offer(&g, "http/1.1"), 1);
	cr_assert_eq(g.alpn_n, 3);
	is_offered(&g, 0, "h2");
	is_offered(&g, 1, "h");
	is_offered(&g, 2, "http/1.1");
	cr_expect_eq(g.flags, 0);
	name_list_clear(&g);
	cr_expect_eq(g.alpn_n, 0);
	name_list_clear(&g);
}

Test(name_list, more_protocols_than_are_kept)
{
	size_t more = 0;
	struct name_list g = { .more = &more };
	char id[8];
	int i;

	for (i = 0; i < OF_ALPN_MAX; i++) {
		(void)snprintf(id, sizeof(id), "p%d", i);
		cr_expect_eq(offer(&g, id), 1);
	}
	cr_expect_eq(g.flags, 0, "as many as are kept");
	cr_expect_eq(offer(&g, "p0"), 0);
	cr_expect_eq(offer(&g, "h3"), 1, "it is news that there are more");
	cr_expect_eq(g.flags, NAMES_ALPN_MORE);
	cr_expect_eq(offer(&g, "h4"), 0);
	cr_assert_eq(g.alpn_n, OF_ALPN_MAX);
	is_offered(&g, OF_ALPN_MAX - 1, "p7");
	name_list_clear(&g);
}

Test(name_list, what_was_said_is_merged)
{
	size_t more = 0;
	struct name_list g = { .more = &more }, from = { .more = &more };

	name_put(&from, OF_NAME_SNI, "said.example");
	name_put(&from, OF_NAME_DNS, "asked.example");
	from.flags = NAMES_ECH | NAMES_MORE_ASKED;
	offer(&from, "h2");
	offer(&g, "http/1.1");
	cr_expect_eq(name_list_merge(&g, &from), 1);
	cr_expect_eq(g.flags, NAMES_ECH);
	cr_assert_eq(g.n, 1);
	cr_expect_str_eq(g.name[0].host, "said.example");
	cr_assert_eq(g.alpn_n, 2);
	is_offered(&g, 1, "h2");
	cr_expect_eq(name_list_merge(&g, &from), 0, "nothing new");
	offer(&from, "dot");
	cr_expect_eq(name_list_merge(&g, &from), 1, "a protocol alone is news");
	name_list_clear(&from);
	is_offered(&g, 2, "dot");
	cr_expect_str_eq(g.name[0].host, "said.example", "held by both");
	name_list_clear(&g);
}
