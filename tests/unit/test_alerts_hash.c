/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash that comes after the alert: an update of the same id has it, once. */
#include <criterion/criterion.h>

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "alert/alerts.h"
#include "digest.h"
#include "got.h"

#define SECOND	1000000000ULL
#define PENDING "\"sha256\":null,\"sha256_state\":\"pending\""
#define HASH	"0102000000000000000000000000000000000000000000000000000000000000"

static const struct rule rule = { .id = "anyone", .severity = SEVERITY_HIGH, .roles = OF_ROLE_ANY };
static const struct policy policy = { .rules = (struct rule *)&rule, .rules_n = 1 };
static const struct origin origin = { .host = "runner-7", .boot_id = "b00t" };
static const uint8_t sha[32] = { 1, 2 };

/* An argument that looks like what is looked for. */
static struct execution trivy = {
	.exec_id = 7,
	.tgid = 70,
	.name = "trivy",
	.exe = "/opt/trivy",
	.argv = "trivy\0" PENDING,
	.argv_len = sizeof("trivy\0" PENDING),
	.argv_size = sizeof("trivy\0" PENDING),
	.image = { .ino = 5, .size = 100, .dev = 1 },
};
static struct account account = { .who = &trivy,
				  .to = { .proto = IPPROTO_TCP, .family = OF_AF_INET },
				  .class = CLASS_EXTERNAL,
				  .sent = 100 };

/* Key `n` makes it an alert of its own. */
static void raise(struct alerts *a, uint64_t n)
{
	struct subject s = { .time_ns = 50 * SECOND, .delta = 1, .account = &account };
	struct verdict v = { .rule = &rule, .subject = &s, .sent = 100 };

	v.key.root = n;
	cr_assert_eq(alerts_raise(a, &v, &origin), 1);
}

static struct file_hash hashed(enum of_hash_state state, const uint8_t *sha256)
{
	return (struct file_hash){ 7, &trivy.image, state, sha256 };
}

Test(alerts_hash, comes_later)
{
	struct alerts *a = got_alerts(&policy);
	struct file_hash h = hashed(OF_HASH_OK, sha);
	char id[64], head[65], want[256], *at;

	raise(a, 1);
	cr_assert_not_null(strstr(got.json, PENDING), "%s", got.json);
	(void)snprintf(id, sizeof(id), "%s", got.id);
	sha256(got.json, head);
	alerts_hashed(a, &h, &origin);
	cr_assert_eq(got.n, 2);
	cr_expect_str_eq(got.type, "update");
	cr_expect_str_eq(got.id, id);
	(void)snprintf(want, sizeof(want), "\"seq\":2,\"prev\":\"%s\"", head);
	cr_expect_not_null(strstr(got.json, want));
	at = strstr(got.json, "\"sha256\":");
	cr_expect_eq(strncmp(at, "\"sha256\":\"" HASH "\",\"sha256_state\":\"ok\",\"uid\"", 100), 0,
		     "%s", at);
	cr_expect_not_null(strstr(got.json, "\\\"sha256\\\":null"), "the argument is as it was");
	(void)snprintf(want, sizeof(want), "high update: sha256 " HASH ": /opt/trivy; id=%s", id);
	cr_expect_str_eq(got.text, want);
	alerts_hashed(a, &h, &origin);
	cr_expect_eq(got.n, 2, "once");
	alerts_free(a);
}

Test(alerts_hash, never_comes)
{
	struct alerts *a = got_alerts(&policy);
	struct file_hash h = hashed(OF_HASH_CHANGED, NULL);

	raise(a, 1);
	alerts_hashed(a, &h, &origin);
	cr_expect_eq(got.n, 2);
	cr_expect_not_null(
		strstr(got.json, "\"sha256\":null,\"sha256_state\":\"changed\",\"uid\""));
	cr_expect_eq(strncmp(got.text, "high update: sha256 changed: /opt/trivy; id=", 44), 0);
	alerts_free(a);
}

/* Of each open alert about this file, and of no other. */
Test(alerts_hash, of_one_file)
{
	struct alerts *a = got_alerts(&policy);
	struct of_image image = trivy.image;
	struct file_hash h = hashed(OF_HASH_OK, sha), other = { 7, &image, OF_HASH_OK, sha };

	raise(a, 1);
	raise(a, 2);
	image.ino = 6;
	alerts_hashed(a, &other, &origin);
	cr_expect_eq(got.n, 2);
	alerts_hashed(a, &h, &origin);
	cr_expect_eq(got.n, 4);
	alerts_free(a);
}

/* Nothing tells that two files are the same of which nothing is known. */
Test(alerts_hash, of_an_unknown_file)
{
	struct alerts *a = got_alerts(&policy);
	struct file_hash h = { 7, NULL, OF_HASH_GONE, NULL };

	trivy.image = (struct of_image){ .ino = 0 };
	raise(a, 1);
	alerts_hashed(a, &h, &origin);
	cr_expect_eq(got.n, 1);
	alerts_free(a);
}

Test(alerts_hash, known_before)
{
	struct alerts *a = got_alerts(&policy);
	struct file_hash h = hashed(OF_HASH_OK, sha);

	trivy.hash_state = OF_HASH_OK;
	trivy.sha256 = sha;
	raise(a, 1);
	alerts_hashed(a, &h, &origin);
	cr_expect_eq(got.n, 1);
	alerts_free(a);
}

/* What `outflow alerts` shows. */
Test(alerts_hash, is_in_the_open_alert)
{
	struct alerts *a = got_alerts(&policy);
	struct file_hash h = hashed(OF_HASH_OK, sha);
	uint64_t cursor = 0;
	struct buf b;

	raise(a, 1);
	alerts_hashed(a, &h, &origin);
	buf_init(&b, 1 << 20);
	cr_assert_eq(alerts_next(a, &cursor, &origin, &b), 1);
	cr_expect_not_null(strstr(b.data, "\"sha256\":\"" HASH "\""));
	buf_done(&b);
	alerts_free(a);
}
