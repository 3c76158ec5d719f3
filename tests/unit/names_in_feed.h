/* SPDX-License-Identifier: BSD-2-Clause */
/* names_in_feed.h: copies of packets for the tests of what is read in them, and what was told. */
#ifndef TESTS_NAMES_IN_FEED_H
#define TESTS_NAMES_IN_FEED_H

#include <criterion/criterion.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "intake/intake.h"
#include "intake/names.h"

#define ASKER  41
#define COOKIE 7
#define TOLD   1200

/* What was told, in order. */
static union {
	struct of_rec_hdr hdr;
	struct of_rec_dns dns;
	struct of_rec_flow flow;
} told[TOLD];
static size_t told_n;

static inline void tell(void *arg, const struct of_rec_hdr *rec)
{
	struct event ev;

	(void)arg;
	cr_assert_lt(told_n, TOLD);
	cr_expect_eq(decode(rec, rec->len, &ev), 0, "the daemon takes it");
	memcpy(&told[told_n++], rec, rec->len);
}

/* The last two labels. */
static inline size_t suffix(void *arg, const char *name)
{
	size_t i, dots = 0, len = strlen(name);

	(void)arg;
	for (i = len; i > 0; i--)
		if (name[i - 1] == '.' && ++dots == 2)
			return i;
	return dots == 1 ? 0 : len;
}

static inline struct names_in *fresh(void)
{
	struct names_in *n = NULL;

	told_n = 0;
	cr_assert_eq(names_in_new(suffix, NULL, tell, NULL, &n), 0);
	return n;
}

static inline struct of_capture capture_of(enum of_capture_kind kind, uint8_t proto, const char *ip,
					   uint16_t port)
{
	struct of_capture c = { .time_ns = 1000,
				.cookie = COOKIE,
				.exec_id = ASKER,
				.creator = ASKER,
				.netns = 3,
				.port = 40000,
				.kind = (uint8_t)kind };

	cr_assert_eq(ip_parse(ip, c.peer.addr), 0);
	c.peer.family = OF_AF_INET;
	c.peer.port = port;
	c.peer.proto = proto;
	return c;
}

static inline void take(struct names_in *n, struct of_capture c, const void *data, size_t len)
{
	static uint8_t entry[sizeof(c) + OF_CAPTURE_BYTES];

	if (c.len == 0)
		c.len = (uint32_t)len;
	c.copied = (uint32_t)len;
	memcpy(entry, &c, sizeof(c));
	memcpy(entry + sizeof(c), data, len);
	names_in_take(n, entry, sizeof(c) + len);
}

#endif
