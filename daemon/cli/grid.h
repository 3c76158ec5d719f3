/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grid.h: a table for people: columns as wide as their content, text that others chose escaped.
 *
 *	grid_init(&g, cols, 3);
 *	grid_row(&g, key);
 *	grid_str(&g, name, strlen(name)); and so on, a call a column, left to right
 *	grid_sort(&g);
 *	grid_print(&g, width, &out);
 *	grid_done(&g);
 */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define GRID_COLS_MAX 10

struct grid_col {
	const char *title;
	bool right; /* aligned: numbers */
};

struct grid {
	const struct grid_col *cols;
	size_t cols_n;
	struct grid_row *rows;
	size_t rows_n, rows_cap;
	struct buf text; /* of all cells; its sticky error is the grid's */
	size_t widest[GRID_COLS_MAX];
};

/* The columns are borrowed. */
void grid_init(struct grid *g, const struct grid_col *cols, size_t n);
void grid_done(struct grid *g);
/* Starts a row. */
void grid_row(struct grid *g, uint64_t key);
/* The next cell of the row. An empty one is printed as "-". */
void grid_str(struct grid *g, const char *s, size_t n);
void grid_u64(struct grid *g, uint64_t n);
/* The largest key first; equal ones stay in order. */
void grid_sort(struct grid *g);
/*
 * With `width` the lines are cut to it: first columns of more than GRID_CELL_MAX characters, then
 * the last column, but not below GRID_LAST_MIN. Says so by "...". The error goes to out->err.
 */
#define GRID_CELL_MAX 40
#define GRID_LAST_MIN 20
void grid_print(const struct grid *g, unsigned int width, struct buf *out);

#endif
