/* SPDX-License-Identifier: BSD-2-Clause */
/* How a record looks as a syslog message: formats, escapes, limits. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sink/syslog.h"

#define BOM "\xef\xbb\xbf"
#define MAR 1773942192123456789 /* 2026-03-19T17:43:12.123456789Z */

static struct record record = {
	.severity = SEVERITY_HIGH,
	.type = "alert",
	.id = "6f1c",
	.rule = "scanner-unknown-endpoint",
	.utc_ns = MAR,
	.host = "runner-7",
	.text = "high x: y",
	.text_len = 9,
};
static struct buf b = { .max = 64 << 10 };

static void zone(const char *tz)
{
	cr_assert_eq(setenv("TZ", tz, 1), 0);
	tzset();
}

Test(rfc3164, as_glibc_writes_to_the_local_socket)
{
	zone("UTC");
	syslog_rfc3164(&b, &record, 10, 811, false);
	cr_expect_str_eq(b.data, "<83>Mar 19 17:43:12 outflowd[811]: high x: y");
}

Test(rfc3164, host_for_a_remote_receiver)
{
	zone("UTC");
	record.host = "run ner\x01";
	syslog_rfc3164(&b, &record, 0, 1, true);
	cr_expect_str_eq(b.data, "<3>Mar 19 17:43:12 run?ner? outflowd[1]: high x: y");
}

Test(rfc3164, local_time_and_a_day_of_one_digit)
{
	zone("CET-1");
	record.utc_ns = 1772580600000000000; /* 2026-03-03T23:30:00Z */
	record.severity = SEVERITY_INFO;
	syslog_rfc3164(&b, &record, 23, 1, false);
	cr_expect_str_eq(b.data, "<190>Mar  4 00:30:00 outflowd[1]: high x: y");
}

Test(rfc3164, before_the_epoch)
{
	zone("UTC");
	record.utc_ns = -1;
	syslog_rfc3164(&b, &record, 0, 1, false);
	cr_expect_str_eq(b.data, "<3>Dec 31 23:59:59 outflowd[1]: high x: y");
}

Test(rfc5424, whole)
{
	syslog_rfc5424(&b, &record, 10, 811);
	cr_expect_str_eq(b.data, "<83>1 2026-03-19T17:43:12.123456Z runner-7 outflowd 811 alert "
				 "[outflow@32473 id=\"6f1c\" rule=\"scanner-unknown-endpoint\" "
				 "severity=\"high\"] " BOM "high x: y");
}

Test(rfc5424, nothing_known_is_the_nil_value)
{
	record.host = record.type = record.id = record.rule = "";
	syslog_rfc5424(&b, &record, 0, 1);
	cr_expect_str_eq(b.data, "<3>1 2026-03-19T17:43:12.123456Z - outflowd 1 - "
				 "[outflow@32473 severity=\"high\"] " BOM "high x: y");
}

Test(rfc5424, fields_keep_their_limits)
{
	char host[400], type[40], *at;

	memset(host, 'h', sizeof(host) - 1);
	memset(type, 't', sizeof(type) - 1);
	host[sizeof(host) - 1] = type[sizeof(type) - 1] = '\0';
	record.host = host;
	record.type = type;
	syslog_rfc5424(&b, &record, 0, 1);
	at = strstr(b.data, " h");
	cr_assert_not_null(at);
	cr_expect_eq(strspn(at + 1, "h"), 255);
	at = strstr(b.data, " t");
	cr_assert_not_null(at);
	cr_expect_eq(strspn(at + 1, "t"), 32);
}

struct value_case {
	char in[32], out[32];
};

ParameterizedTestParameters(rfc5424, values)
{
	static struct value_case cases[] = {
		{ "a\"b\\c]d", "a\\\"b\\\\c\\]d" },
		{ "[x=1 ", "[x=1 " },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "bad\xff\xc3", "bad??" },
		{ "line\nfeed\x7f", "line?feed?" },
	};

	return cr_make_param_array(struct value_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct value_case *c, rfc5424, values)
{
	struct buf want = { .max = 1024 };

	record.rule = c->in;
	syslog_rfc5424(&b, &record, 0, 1);
	buf_printf(&want, " rule=\"%s\" severity=", c->out);
	cr_expect_not_null(strstr(b.data, want.data), "%s not in %s", want.data, b.data);
	buf_done(&want);
}
