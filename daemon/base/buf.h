/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buf.h: a growable text buffer with a bound and a sticky error: write much, check once.
 *
 *	struct buf b;
 *	buf_init(&b, 64 << 10);
 *	buf_printf(&b, "%s=%d", key, value);
 *	if (b.err < 0) ...
 *	buf_done(&b);
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL behind len; NULL while nothing was written */
	size_t len;
	size_t cap;
	size_t max; /* more than this is -ENOSPC */
	int err;    /* 0, or the first -errno; everything behind it was ignored */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
/* Empties it and forgets the error; keeps the memory. */
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first n bytes. */
void buf_eat(struct buf *b, size_t n);

#endif
