/* SPDX-License-Identifier: BSD-2-Clause */
/* ps.c: executions, those that sent the most first. */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/show.h"

#include "base/poison.h"

static const struct grid_col cols[] = {
	{ "PID", true },   { "UID", true },    { "SENT", true },
	{ "BYTES", true }, { "START", false }, { "END", false },
	{ "NAME", false }, { "ROLES", false }, { "LINEAGE", false },
};

struct ps {
	struct grid g;
	bool all;
	uint64_t shown, hidden;
};

static int ps_row(void *arg, const json_t *o)
{
	uint64_t sent = show_u64(o, "sent", NULL);
	struct ps *p = arg;

	if (!p->all && sent == 0 && json_array_size(show_at(o, "roles", NULL)) == 0) {
		p->hidden++;
		return 0;
	}
	p->shown++;
	grid_row(&p->g, sent);
	grid_u64(&p->g, show_u64(o, "process", "pid"));
	grid_u64(&p->g, show_u64(o, "process", "uid"));
	show_size(&p->g, sent);
	grid_u64(&p->g, sent);
	show_time(&p->g, show_at(o, "start", NULL));
	show_time(&p->g, show_at(o, "end", NULL));
	show_text(&p->g, show_at(o, "process", "name"));
	show_list(&p->g, show_at(o, "roles", NULL), ",");
	show_list(&p->g, show_at(o, "lineage", NULL), " > ");
	return p->g.text.err;
}

int ps_show(const char *text, size_t len, const struct cli_opts *o, struct buf *ret)
{
	struct ps p = { .all = o->all };
	int err;

	grid_init(&p.g, cols, sizeof(cols) / sizeof(cols[0]));
	err = show_each(text, len, ps_row, &p);
	if (err < 0)
		goto out;
	grid_sort(&p.g);
	if (p.shown > 0)
		grid_print(&p.g, o->width, ret);
	buf_printf(ret, "%" PRIu64 " execution%s", p.shown, p.shown == 1 ? "" : "s");
	if (p.hidden > 0)
		buf_printf(ret, "; %" PRIu64 " without role that sent nothing not shown (--all)",
			   p.hidden);
	buf_char(ret, '\n');
	err = ret->err;
out:
	grid_done(&p.g);
	return err;
}

int cmd_ps(int argc, char **argv)
{
	return cli_run(argc, argv, true, CTL_PS, ps_show);
}
