/* SPDX-License-Identifier: BSD-2-Clause */
/* alerts.c: what is open, the newest last: next to the prompt. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/show.h"

#include "base/poison.h"

static const struct grid_col cols[] = {
	{ "LAST", false }, { "SEVERITY", false }, { "RULE", false },	 { "COUNT", true },
	{ "SENT", true },  { "PROCESS", false },  { "ENDPOINT", false }, { "REASON", false },
};

static int alert_row(void *arg, const json_t *o)
{
	struct grid *g = arg;

	grid_row(g, 0);
	show_time(g, show_at(o, "last", NULL));
	show_text(g, show_at(o, "severity", NULL));
	show_text(g, show_at(o, "rule", NULL));
	grid_u64(g, show_u64(o, "count", NULL));
	show_size(g, show_u64(o, "bytes", "sent"));
	show_process(g, show_at(o, "process", NULL));
	show_endpoint(g, show_at(o, "endpoint", NULL));
	show_text(g, show_at(o, "reason", NULL));
	return g->text.err;
}

int alerts_show(const char *text, size_t len, const struct cli_opts *o, struct buf *ret)
{
	struct grid g;
	int err;

	grid_init(&g, cols, sizeof(cols) / sizeof(cols[0]));
	err = show_each(text, len, alert_row, &g);
	if (err < 0)
		goto out;
	if (g.rows_n > 0)
		grid_print(&g, o->width, ret);
	buf_printf(ret, "%zu open alert%s\n", g.rows_n, g.rows_n == 1 ? "" : "s");
	err = ret->err;
out:
	grid_done(&g);
	return err;
}

int cmd_alerts(int argc, char **argv)
{
	return cli_run(argc, argv, false, CTL_ALERTS, alerts_show);
}
