/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/grid.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/client.h"

#include "base/poison.h"

struct cell {
	size_t off, len; /* in grid.text */
	size_t width;	 /* characters */
};

struct grid_row {
	uint64_t key;
	size_t order;
	size_t cells_n;
	struct cell cells[GRID_COLS_MAX];
};

void grid_init(struct grid *g, const struct grid_col *cols, size_t n)
{
	size_t i;

	*g = (struct grid){ .cols = cols, .cols_n = n };
	buf_init(&g->text, CLIENT_TEXT_MAX);
	for (i = 0; i < n; i++)
		g->widest[i] = strlen(cols[i].title);
}

void grid_done(struct grid *g)
{
	buf_done(&g->text);
	free(g->rows);
	*g = (struct grid){ 0 };
}

void grid_row(struct grid *g, uint64_t key)
{
	size_t cap = g->rows_cap == 0 ? 64 : g->rows_cap * 2;
	struct grid_row *rows;

	if (g->text.err < 0)
		return;
	if (g->rows_n == g->rows_cap) {
		rows = reallocarray(g->rows, cap, sizeof(*rows));
		if (rows == NULL) {
			g->text.err = -ENOMEM;
			return;
		}
		g->rows = rows;
		g->rows_cap = cap;
	}
	g->rows[g->rows_n] = (struct grid_row){ .key = key, .order = g->rows_n };
	g->rows_n++;
}

/* Bytes of the first `max` characters, and how many those are. */
static size_t chars(const char *s, size_t n, size_t max, size_t *ret_chars)
{
	size_t i = 0, count = 0, len;

	while (i < n && count < max) {
		len = utf8_char(s + i, n - i);
		i += len > 0 ? len : 1;
		count++;
	}
	*ret_chars = count;
	return i;
}

void grid_str(struct grid *g, const char *s, size_t n)
{
	struct grid_row *row;
	struct cell *cell;

	if (g->text.err < 0 || g->rows_n == 0)
		return;
	row = &g->rows[g->rows_n - 1];
	if (row->cells_n == g->cols_n)
		return;
	cell = &row->cells[row->cells_n];
	cell->off = g->text.len;
	text_escape(&g->text, n > 0 ? s : "-", n > 0 ? n : 1);
	if (g->text.err < 0)
		return;
	cell->len = g->text.len - cell->off;
	(void)chars(g->text.data + cell->off, cell->len, SIZE_MAX, &cell->width);
	if (cell->width > g->widest[row->cells_n])
		g->widest[row->cells_n] = cell->width;
	row->cells_n++;
}

void grid_u64(struct grid *g, uint64_t n)
{
	struct buf b;

	buf_init(&b, 32);
	buf_printf(&b, "%" PRIu64, n);
	if (b.err < 0)
		g->text.err = b.err;
	else
		grid_str(g, b.data, b.len);
	buf_done(&b);
}

static int row_cmp(const void *a, const void *b)
{
	const struct grid_row *x = a, *y = b;

	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void grid_sort(struct grid *g)
{
	if (g->rows_n > 1)
		qsort(g->rows, g->rows_n, sizeof(g->rows[0]), row_cmp);
}

static void pad(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_char(out, ' ');
}

static void cell_print(struct buf *out, const char *s, size_t n, size_t width, bool right,
		       bool last)
{
	size_t count, bytes;

	bytes = chars(s, n, width, &count);
	if (bytes < n) { /* width is at least GRID_LAST_MIN then */
		buf_add(out, s, chars(s, n, width - 3, &count));
		buf_str(out, "...");
		return;
	}
	if (right)
		pad(out, width - count);
	buf_add(out, s, bytes);
	if (!right && !last)
		pad(out, width - count);
}

static void widths(const struct grid *g, unsigned int width, size_t ret[GRID_COLS_MAX])
{
	size_t i, used = 0, last = g->cols_n - 1;

	for (i = 0; i < g->cols_n; i++) {
		ret[i] = g->widest[i];
		if (width == 0 || i == last)
			continue;
		if (ret[i] > GRID_CELL_MAX)
			ret[i] = GRID_CELL_MAX;
		used += ret[i] + 2;
	}
	if (width == 0 || used + ret[last] <= width)
		return;
	ret[last] = used + GRID_LAST_MIN <= width ? width - used : GRID_LAST_MIN;
}

void grid_print(const struct grid *g, unsigned int width, struct buf *out)
{
	size_t w[GRID_COLS_MAX] = { 0 }, i, r;
	const struct cell *cell;
	const char *title;

	if (g->text.err < 0) {
		out->err = g->text.err;
		return;
	}
	widths(g, width, w);
	for (i = 0; i < g->cols_n; i++) {
		title = g->cols[i].title;
		cell_print(out, title, strlen(title), w[i], g->cols[i].right, i + 1 == g->cols_n);
		buf_str(out, i + 1 == g->cols_n ? "\n" : "  ");
	}
	for (r = 0; r < g->rows_n; r++) {
		for (i = 0; i < g->rows[r].cells_n; i++) {
			cell = &g->rows[r].cells[i];
			cell_print(out, g->text.data + cell->off, cell->len, w[i], g->cols[i].right,
				   i + 1 == g->cols_n);
			buf_str(out, i + 1 == g->cols_n ? "\n" : "  ");
		}
	}
}
