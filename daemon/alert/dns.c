/* SPDX-License-Identifier: BSD-2-Clause */
/* dns.c: an alert about names that were asked for: its words and its JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/open.h"
#include "base/num.h"
#include "base/text.h"

#include "base/poison.h"

void open_dns_set(struct open_dns *d, const struct dns_told *told)
{
	d->told = *told;
	(void)snprintf(d->name, sizeof(d->name), "%s", told->name);
	d->told.name = d->name;
	if (told->suffix == NULL)
		return;
	(void)snprintf(d->suffix, sizeof(d->suffix), "%s", told->suffix);
	d->told.suffix = d->suffix;
}

struct open_dns *open_dns_new(const struct dns_told *told)
{
	struct open_dns *d = calloc(1, sizeof(*d));

	if (d != NULL)
		open_dns_set(d, told);
	return d;
}

static void json_hundredths(struct json *j, const char *key, uint32_t n)
{
	buf_printf(j->out, ",\"%s\":%" PRIu32 ".%02" PRIu32, key, n / 100, n % 100);
}

void open_dns_json(struct json *j, const struct dns_told *t)
{
	json_open(j, "dns", '{');
	json_cstr(j, "suffix", t->suffix);
	json_cstr(j, "name", t->name);
	json_bool(j, "foreign", t->foreign);
	json_u64(j, "queries", t->queries);
	json_u64(j, "names", t->names);
	json_u64(j, "name_bytes", t->name_bytes);
	json_hundredths(j, "entropy", t->entropy);
	json_hundredths(j, "txt_share", t->txt_share);
	json_u64(j, "answer_bytes", t->answer_bytes);
	json_u64(j, "opaque_bytes", t->opaque_bytes);
	json_u64(j, "malformed", t->malformed);
	json_close(j, '}');
}

static void say_server(struct buf *b, const struct open_alert *a, bool line)
{
	say_endpoint(b, &a->to, a->account_flags, line);
	if (a->dns->told.foreign)
		buf_str(b, ", which is not configured");
}

/* "412 names below example.com". */
static void say_names(struct buf *b, const struct dns_told *t)
{
	buf_printf(b, "%" PRIu64 " name%s", t->names, t->names == 1 ? "" : "s");
	if (t->suffix == NULL)
		return;
	if (t->suffix[0] == '\0') {
		buf_str(b, " without a registered domain");
		return;
	}
	buf_str(b, " below ");
	text_name(b, t->suffix, strlen(t->suffix));
}

static void say_measures(struct buf *b, const struct dns_told *t)
{
	char size[SIZE_TEXT_LEN];

	size_text(size, t->name_bytes);
	buf_printf(b, ", %s in them", size);
	if (t->entropy != 0)
		buf_printf(b, " at %" PRIu32 ".%02" PRIu32 " bits a character", t->entropy / 100,
			   t->entropy % 100);
	if (t->txt_share != 0)
		buf_printf(b, ", %" PRIu32 "%% for types that carry anything", t->txt_share);
	size_text(size, t->answer_bytes);
	if (t->answer_bytes != 0)
		buf_printf(b, ", %s answered", size);
}

static void say_malformed(struct buf *b, const struct dns_told *t)
{
	if (t->queries != 0)
		buf_printf(b, "asked %" PRIu64 " times, and ", t->queries);
	buf_printf(b, "sent %" PRIu64 " message%s that %s no DNS", t->malformed,
		   t->malformed == 1 ? "" : "s", t->malformed == 1 ? "is" : "are");
}

void say_dns(struct buf *b, const struct open_alert *a, bool line)
{
	const struct dns_told *t = &a->dns->told;
	char window[DURATION_TEXT_LEN];

	if (a->window_ns == 0) {
		buf_str(b, "asked for ");
		text_name(b, t->name, strlen(t->name));
		buf_str(b, " of ");
		say_server(b, a, line);
		return;
	}
	duration_text(window, a->window_ns);
	if (t->malformed != 0) {
		say_malformed(b, t);
		buf_printf(b, " within %s, to ", window);
		say_server(b, a, line);
		return;
	}
	buf_printf(b, "asked %" PRIu64 " times for ", t->queries);
	say_names(b, t);
	buf_printf(b, " within %s", window);
	say_measures(b, t);
	buf_str(b, t->suffix == NULL ? ", of " : ", last of ");
	say_server(b, a, line);
}
