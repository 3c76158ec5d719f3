/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger.c: do the books close? */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/show.h"

#include "base/poison.h"

static const struct grid_col cols[] = {
	{ "SUM", false },
	{ "SENT", true },
	{ "BYTES", true },
	{ "OF", false },
};

static const struct {
	const char *key;
	const char *of;
} sums[] = {
	{ "total", "everything, counted before any lookup" },
	{ "executions", "the executions, the ended ones too" },
	{ "accounts", "the accounts" },
	{ "overflow", "endpoints that found no account" },
	{ "retired", "accounts that were aged out" },
};

static void balance_put(struct buf *out, const json_t *o)
{
	uint64_t total = show_u64(o, "total", NULL);
	uint64_t parts = show_u64(o, "accounts", NULL) + show_u64(o, "overflow", NULL) +
			 show_u64(o, "retired", NULL);

	if (json_is_true(show_at(o, "balanced", NULL))) {
		buf_str(out, "balanced: accounts + overflow + retired = executions = total\n");
		return;
	}
	buf_printf(out, "NOT BALANCED: accounts + overflow + retired - total = %" PRId64,
		   (int64_t)(parts - total));
	buf_printf(out, " bytes, executions - total = %" PRId64 " bytes\n",
		   (int64_t)(show_u64(o, "executions", NULL) - total));
	buf_str(out, "(the maps are read one after the other: while something sends this may be so "
		     "for a moment)\n");
}

static const struct grid_col link_cols[] = {
	{ "INTERFACE", false }, { "LEFT", true },	  { "SOCKETS", true },
	{ "CONTROL", true },	{ "FORWARDED", true },	  { "PAST STACK", true },
	{ "KERNEL", true },	{ "UNATTRIBUTED", true },
};

static void interfaces_put(struct buf *out, const json_t *o)
{
	static const char *const keys[] = { "sent",   "sockets", "control",	"forwarded",
					    "bypass", "kernel",	 "unattributed" };
	const json_t *list = show_at(o, "interfaces", NULL), *link;
	struct grid g;
	const char *name;
	size_t i, k;

	if (json_array_size(list) == 0) {
		buf_str(out, "no interface is compared with what was posted\n");
		return;
	}
	grid_init(&g, link_cols, sizeof(link_cols) / sizeof(link_cols[0]));
	for (i = 0; i < json_array_size(list); i++) {
		link = json_array_get(list, i);
		grid_row(&g, 0);
		name = json_string_value(json_object_get(link, "name"));
		grid_str(&g, name != NULL ? name : "?", name != NULL ? strlen(name) : 1);
		for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			show_size(&g, show_u64(link, keys[k], NULL));
	}
	grid_print(&g, 0, out);
	grid_done(&g);
}

static int ledger_line(void *arg, const json_t *o)
{
	struct buf *out = arg;
	struct grid g;
	size_t i;

	grid_init(&g, cols, sizeof(cols) / sizeof(cols[0]));
	for (i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		grid_row(&g, 0);
		grid_str(&g, sums[i].key, strlen(sums[i].key));
		show_size(&g, show_u64(o, sums[i].key, NULL));
		grid_u64(&g, show_u64(o, sums[i].key, NULL));
		grid_str(&g, sums[i].of, strlen(sums[i].of));
	}
	grid_print(&g, 0, out);
	grid_done(&g);
	balance_put(out, o);
	interfaces_put(out, o);
	buf_str(out, "stayed on the machine, bytes: ");
	show_put_counts(out, show_at(o, "local", NULL), "none");
	buf_str(out, "\nloss: ");
	show_put_counts(out, show_at(o, "loss", NULL), "none");
	buf_char(out, '\n');
	return out->err;
}

int ledger_show(const char *text, size_t len, const struct cli_opts *o, struct buf *ret)
{
	(void)o;
	return show_each(text, len, ledger_line, ret);
}

int cmd_ledger(int argc, char **argv)
{
	return cli_run(argc, argv, false, CTL_LEDGER, ledger_show);
}
