/* SPDX-License-Identifier: BSD-2-Clause */
/* got.h: alerts whose last record stays here. */
#ifndef TESTS_GOT_H
#define TESTS_GOT_H

#include <criterion/criterion.h>

#include <stdio.h>

#include "alert/alerts.h"

/* The last record and how many there were. */
static struct {
	char json[16 << 10], text[4096], type[16], id[64];
	int n;
} got;

static inline void got_put(void *arg, const struct record *r)
{
	(void)arg;
	(void)snprintf(got.json, sizeof(got.json), "%s", r->json);
	(void)snprintf(got.text, sizeof(got.text), "%s", r->text);
	(void)snprintf(got.type, sizeof(got.type), "%s", r->type);
	(void)snprintf(got.id, sizeof(got.id), "%s", r->id);
	got.n++;
}

static inline struct alerts *got_alerts(const struct policy *policy)
{
	struct alerts *a = NULL;

	cr_assert_eq(alerts_new(policy, got_put, NULL, &a), 0);
	return a;
}

#endif
