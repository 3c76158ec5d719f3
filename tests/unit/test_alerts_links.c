/* SPDX-License-Identifier: BSD-2-Clause */
/* Alerts about an interface: no process, no endpoint, and updates of what it came to. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "alert/alerts.h"
#include "digest.h"
#include "got.h"

#define SECOND 1000000000ULL
#define MIB    (1024 * 1024ULL)

static const struct policy policy = { .rules_n = 0 };
static const struct origin origin = { .host = "runner-7", .boot_id = "b00t" };

static struct leak leaked(uint64_t forwarded, uint64_t time_ns)
{
	return (struct leak){ .name = "eth0",
			      .ifindex = 2,
			      .time_ns = time_ns,
			      .forwarded = forwarded,
			      .bypass = 24,
			      .sockets = 2048,
			      .control = 42 };
}

static int raise_leak(struct alerts *a, const struct leak *k)
{
	static const struct rule rule = { .id = "unattributed-egress", .severity = SEVERITY_HIGH };
	struct verdict v = { .rule = &rule,
			     .leak = k,
			     .sent = k->bypass + k->forwarded,
			     .limit = 64 << 10,
			     .window_ns = 10 * SECOND };

	v.key.rule = VERDICT_RECONCILE;
	return alerts_raise(a, &v, &origin);
}

Test(alerts, of_an_interface)
{
	struct alerts *a = got_alerts(&policy);
	struct leak k = leaked(MIB, 50 * SECOND);

	cr_assert_eq(raise_leak(a, &k), 1);
	cr_expect_str_eq(got.type, "alert");
	cr_expect_not_null(
		strstr(got.json,
		       "\"reason\":\"1.0MiB left eth0 that no socket sent: 1.0MiB forwarded, "
		       "24 B past the stack; ruled out: 2.0KiB of sockets with headers and "
		       "retransmits, 42 B neighbour and control traffic\",\"limit\":65536,"));
	cr_expect_not_null(
		strstr(got.json,
		       "\"process\":null,\"lineage\":[],\"ancestors\":[],\"roles\":[],\"creator\":"
		       "null,\"via\":null,\"ci\":null,"
		       "\"endpoint\":null,"
		       "\"interface\":{\"name\":\"eth0\",\"ifindex\":2,\"bypass\":24,"
		       "\"forwarded\":1048576,\"other_netns\":0,\"kernel\":0,\"ruled_out\":{"
		       "\"sockets\":2048,\"control\":42,\"containers\":0,\"tunnels\":0,"
		       "\"packet_bypass\":0,\"allowance\":0}},\"bytes\":{\"sent\":1048600,"));
	cr_expect_eq(strncmp(got.text, "high unattributed-egress: 1.0MiB left eth0 that", 47), 0,
		     "%s", got.text);
	alerts_free(a);
}

/* What it came to is told again, in the chain, under the same id; a little more is not. */
Test(alerts, of_an_interface_are_updated)
{
	struct alerts *a = got_alerts(&policy);
	struct leak k = leaked(MIB, 50 * SECOND);
	char id[64], hash[65], want[128];
	struct buf b;
	uint64_t cursor = 0;

	cr_assert_eq(raise_leak(a, &k), 1);
	(void)snprintf(id, sizeof(id), "%s", got.id);
	sha256(got.json, hash);
	k = leaked(MIB + 100, 51 * SECOND);
	cr_assert_eq(raise_leak(a, &k), 0);
	cr_expect_eq(got.n, 1, "100 bytes more");
	k = leaked(2 * MIB, 52 * SECOND);
	cr_assert_eq(raise_leak(a, &k), 0);
	cr_assert_eq(got.n, 2);
	cr_expect_str_eq(got.type, "update");
	cr_expect_str_eq(got.id, id);
	(void)snprintf(want, sizeof(want), "\"seq\":2,\"prev\":\"%s\"", hash);
	cr_expect_not_null(strstr(got.json, want), "%s", got.json);
	cr_expect_not_null(strstr(got.json, "\"count\":3,"));
	cr_expect_not_null(strstr(got.json, "\"bytes\":{\"sent\":2097176,"));
	buf_init(&b, 1 << 20);
	cr_assert_eq(alerts_next(a, &cursor, &origin, &b), 1);
	cr_expect_not_null(strstr(b.data, "\"type\":\"alert\""), "open, it is one alert");
	cr_expect_eq(alerts_next(a, &cursor, &origin, &b), 0);
	buf_done(&b);
	alerts_free(a);
}
