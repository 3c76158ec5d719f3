/* SPDX-License-Identifier: BSD-2-Clause */
/* status.c: how the daemon is, a line a part; what needs attention is in capitals. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"

#include "base/poison.h"

static void label(struct buf *out, const char *name)
{
	buf_printf(out, "%-11s ", name);
}

static void head(struct buf *out, const json_t *o)
{
	uint64_t s = show_u64(o, "uptime_s", NULL);

	buf_str(out, "outflowd ");
	show_put(out, show_at(o, "version", NULL));
	buf_printf(out, ", pid %" PRIu64 ", up ", show_u64(o, "pid", NULL));
	if (s >= 86400)
		buf_printf(out, "%" PRIu64 "d ", s / 86400);
	buf_printf(out, "%02d:%02d:%02d, on ", (int)(s / 3600 % 24), (int)(s / 60 % 60),
		   (int)(s % 60));
	show_put(out, show_at(o, "host", NULL));
	buf_str(out, ", boot ");
	show_put(out, show_at(o, "boot_id", NULL));
	buf_char(out, '\n');
}

static void rules(struct buf *out, const json_t *o)
{
	json_t *off = show_at(o, "rules", "off"), *rule;
	size_t i, n = json_array_size(off);

	label(out, "rules");
	buf_printf(out, "%" PRIu64 " on, %zu %s\n", show_u64(o, "rules", "on"), n,
		   n > 0 ? "OFF" : "off");
	for (i = 0; i < n; i++) {
		rule = json_array_get(off, i);
		label(out, "");
		buf_str(out, "OFF ");
		show_put(out, json_object_get(rule, "id"));
		buf_str(out, ": ");
		show_put(out, json_object_get(rule, "why"));
		buf_char(out, '\n');
	}
}

static void sinks(struct buf *out, const json_t *o)
{
	const json_t *list = show_at(o, "sinks", NULL), *sink;
	size_t i;

	if (json_array_size(list) == 0) {
		label(out, "sinks");
		buf_str(out, "NONE: alerts go nowhere but to 'outflow alerts'\n");
	}
	for (i = 0; i < json_array_size(list); i++) {
		sink = json_array_get(list, i);
		label(out, i == 0 ? "sinks" : "");
		show_put(out, json_object_get(sink, "name"));
		buf_str(out, json_is_true(json_object_get(sink, "up")) ? ": up" : ": DOWN");
		if (json_is_string(json_object_get(sink, "error"))) {
			buf_str(out, " (");
			show_put(out, json_object_get(sink, "error"));
			buf_char(out, ')');
		}
		buf_printf(out, ", %" PRIu64 " delivered, %" PRIu64 " queued, %" PRIu64 " %s\n",
			   show_u64(sink, "delivered", NULL), show_u64(sink, "queued", NULL),
			   show_u64(sink, "dropped", NULL),
			   show_u64(sink, "dropped", NULL) > 0 ? "DROPPED" : "dropped");
	}
}

static void interfaces(struct buf *out, const json_t *o)
{
	const json_t *list = show_at(o, "reconcile", "interfaces");
	uint64_t left_out = show_u64(o, "reconcile", "left_out");
	size_t i;

	label(out, "interfaces");
	for (i = 0; i < json_array_size(list); i++) {
		buf_str(out, i > 0 ? ", " : "");
		show_put(out, json_array_get(list, i));
	}
	if (json_is_string(show_at(o, "reconcile", "off"))) {
		buf_str(out, "NONE compared with what was posted: ");
		show_put(out, show_at(o, "reconcile", "off"));
	} else {
		buf_str(out, " compared with what was posted");
	}
	if (left_out > 0)
		buf_printf(out, "; %" PRIu64 " LEFT OUT: more than can be compared", left_out);
	buf_char(out, '\n');
}

static void tables(struct buf *out, const json_t *o)
{
	static const char *const names[] = { "accounts", "executions" };
	json_t *table;
	size_t i;

	label(out, "kernel");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		table = show_at(o, "tables", names[i]);
		buf_printf(out, "%s%" PRIu64 " of %" PRIu64 " %s", i > 0 ? ", " : "",
			   show_u64(table, "used", NULL), show_u64(table, "max", NULL), names[i]);
	}
	buf_char(out, '\n');
}

/* A daemon of before pins tells nothing of them. */
static void pins(struct buf *out, const json_t *o)
{
	const json_t *p = show_at(o, "pins", NULL);
	const char *state = json_string_value(json_object_get(p, "state"));

	if (state == NULL)
		return;
	label(out, "pins");
	if (strcmp(state, "none") == 0)
		buf_str(out, "NONE, a restart loses the books");
	else
		buf_str(out, strcmp(state, "adopted") == 0 ? "adopted in " : "pinned in ");
	if (strcmp(state, "none") != 0)
		show_put(out, json_object_get(p, "path"));
	if (json_is_string(json_object_get(p, "reason"))) {
		buf_str(out, strcmp(state, "none") == 0 ? ": " : "; fresh books: ");
		show_put(out, json_object_get(p, "reason"));
	}
	buf_char(out, '\n');
}

/* The counters of one part of the answer that are not 0. */
static void counters(struct buf *out, const json_t *o, const char *key, const char *name)
{
	label(out, name);
	show_put_counts(out, show_at(o, key, NULL), "nothing yet");
	buf_char(out, '\n');
}

static void lost(struct buf *out, const json_t *o)
{
	const json_t *missing = show_at(o, "hooks_missing", NULL);
	size_t i;

	label(out, "loss");
	show_put_counts(out, show_at(o, "loss", NULL), "none");
	buf_char(out, '\n');
	label(out, "hooks");
	buf_str(out, json_array_size(missing) > 0 ? "MISSING " : "all there");
	for (i = 0; i < json_array_size(missing); i++) {
		buf_str(out, i > 0 ? ", " : "");
		show_put(out, json_array_get(missing, i));
	}
	buf_char(out, '\n');
}

static int status_line(void *arg, const json_t *o)
{
	struct buf *out = arg;

	head(out, o);
	rules(out, o);
	sinks(out, o);
	interfaces(out, o);
	tables(out, o);
	pins(out, o);
	counters(out, o, "tracked", "tracked");
	counters(out, o, "hash", "hashed");
	counters(out, o, "images", "images");
	counters(out, o, "names", "names");
	label(out, "windows");
	buf_printf(out, "%" PRIu64 " open, %" PRIu64 " evicted\n", show_u64(o, "windows", NULL),
		   show_u64(o, "windows_evicted", NULL));
	counters(out, o, "alerts", "alerts");
	counters(out, o, "records", "records");
	counters(out, o, "control", "control");
	lost(out, o);
	return out->err;
}

int status_show(const char *text, size_t len, const struct cli_opts *o, struct buf *ret)
{
	(void)o;
	return show_each(text, len, status_line, ret);
}

int cmd_status(int argc, char **argv)
{
	return cli_run(argc, argv, false, CTL_STATUS, status_show);
}
