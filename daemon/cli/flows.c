/* SPDX-License-Identifier: BSD-2-Clause */
/* flows.c: who sent how much to where, the most first. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/show.h"

#include "base/poison.h"

static const struct grid_col cols[] = {
	{ "SENT", true },   { "BYTES", true }, { "PROCESS", false }, { "ENDPOINT", false },
	{ "CLASS", false }, { "LAST", false }, { "ROLES", false },   { "LINEAGE", false },
};

struct flows {
	struct grid g;
	bool all;
	uint64_t shown, sent, hidden;
};

static int flow_row(void *arg, const json_t *o)
{
	uint64_t sent = show_u64(o, "bytes", "sent");
	struct flows *f = arg;

	if (!f->all && (sent == 0 || show_is(o, "endpoint", "class", "self"))) {
		f->hidden++;
		return 0;
	}
	f->shown++;
	f->sent += sent;
	grid_row(&f->g, sent);
	show_size(&f->g, sent);
	grid_u64(&f->g, sent);
	show_process(&f->g, show_at(o, "process", NULL));
	if (json_is_true(show_at(o, "overflow", NULL)))
		grid_str(&f->g, "(overflow)", sizeof("(overflow)") - 1);
	else
		show_endpoint(&f->g, show_at(o, "endpoint", NULL));
	show_text(&f->g, show_at(o, "endpoint", "class"));
	show_time(&f->g, show_at(o, "last", NULL));
	show_list(&f->g, show_at(o, "roles", NULL), ",");
	show_list(&f->g, show_at(o, "lineage", NULL), " > ");
	return f->g.text.err;
}

int flows_show(const char *text, size_t len, const struct cli_opts *o, struct buf *ret)
{
	struct flows f = { .all = o->all };
	int err;

	grid_init(&f.g, cols, sizeof(cols) / sizeof(cols[0]));
	err = show_each(text, len, flow_row, &f);
	if (err < 0)
		goto out;
	grid_sort(&f.g);
	if (f.shown > 0)
		grid_print(&f.g, o->width, ret);
	buf_printf(ret, "%" PRIu64 " account%s, ", f.shown, f.shown == 1 ? "" : "s");
	show_put_size(ret, f.sent);
	if (f.hidden > 0)
		buf_printf(ret, "; %" PRIu64 " of class self or without bytes not shown (--all)",
			   f.hidden);
	buf_char(ret, '\n');
	err = ret->err;
out:
	grid_done(&f.g);
	return err;
}

int cmd_flows(int argc, char **argv)
{
	return cli_run(argc, argv, true, CTL_FLOWS, flows_show);
}
