/* SPDX-License-Identifier: BSD-2-Clause */
#include "sink/syslog.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

#include "base/poison.h"

#define PROGRAM "outflowd"
#define SD_ID	"outflow@32473" /* IANA's enterprise number for documentation (RFC 5612) */
#define BOM	"\xef\xbb\xbf"

static unsigned int priority(const struct record *r, uint8_t facility)
{
	return facility * 8U + (unsigned int)r->severity;
}

/* PRINTUSASCII of at most `max` bytes; the nil value when nothing is there. */
static void header_field(struct buf *b, const char *s, size_t max)
{
	size_t i;

	for (i = 0; i < max && s[i] != '\0'; i++)
		buf_add(b, s[i] > 32 && s[i] < 127 ? &s[i] : "?", 1);
	if (i == 0)
		buf_char(b, '-');
}

void syslog_rfc3164(struct buf *b, const struct record *r, uint8_t facility, pid_t pid, bool host)
{
	/* Not strftime's %b: the month is English whatever the locale is. */
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t ns = r->utc_ns % 1000000000;
	time_t t = (time_t)(r->utc_ns / 1000000000) - (ns < 0);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL)
		tm = (struct tm){ .tm_mday = 1 };
	buf_printf(b, "<%u>%s %2d %02d:%02d:%02d ", priority(r, facility), months[tm.tm_mon % 12],
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (host) {
		header_field(b, r->host, SYSLOG_HOST_MAX);
		buf_char(b, ' ');
	}
	buf_printf(b, PROGRAM "[%d]: ", (int)pid);
	buf_add(b, r->text, r->text_len);
}

/* Nothing when the value is empty. */
static void sd_param(struct buf *b, const char *name, const char *value)
{
	size_t i, len, n = strlen(value);

	if (n == 0)
		return;
	buf_printf(b, " %s=\"", name);
	for (i = 0; i < n; i += len) {
		len = utf8_char(value + i, n - i);
		if (len == 0 || (unsigned char)value[i] < 0x20 || value[i] == 0x7f) {
			buf_char(b, '?');
			len = 1;
			continue;
		}
		if (value[i] == '"' || value[i] == '\\' || value[i] == ']')
			buf_char(b, '\\');
		buf_add(b, value + i, len);
	}
	buf_char(b, '"');
}

void syslog_rfc5424(struct buf *b, const struct record *r, uint8_t facility, pid_t pid)
{
	char when[TIME_TEXT_LEN];

	time_text(when, r->utc_ns);
	buf_printf(b, "<%u>1 %s ", priority(r, facility), when);
	header_field(b, r->host, SYSLOG_HOST_MAX);
	buf_printf(b, " " PROGRAM " %d ", (int)pid);
	header_field(b, r->type, SYSLOG_MSGID_MAX);
	buf_str(b, " [" SD_ID);
	sd_param(b, "id", r->id);
	sd_param(b, "rule", r->rule);
	sd_param(b, "severity", severity_name(r->severity));
	buf_str(b, "] " BOM);
	buf_add(b, r->text, r->text_len);
}
