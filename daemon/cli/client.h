/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.h: the tool's end of the control socket. The daemon is not trusted with lengths: a line
 * is at most CLIENT_LINE_MAX bytes, an answer CLIENT_TEXT_MAX.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "ctl/proto.h"

#define CLIENT_LINE_MAX	 (1U << 20)
#define CLIENT_TEXT_MAX	 (1U << 30) /* two million accounts */
#define CLIENT_TIMEOUT_S 60	    /* the daemon lets a silent client go after 30 */

/*
 * Asks and reads the whole answer before it returns, so that a slow reader of ours, a pager,
 * makes no slow reader of the daemon's. `ret` is initialised by the caller and gets the lines;
 * errors that the daemon tells go to stderr.
 * 0, or -errno and the reason was said: `ret` then holds what came before.
 */
int client_ask(const char *path, enum ctl_verb verb, struct buf *ret);

/* Pure: takes what has arrived. */
struct client_reader {
	struct buf *lines;  /* whole ones, those that are errors not among them */
	struct buf *errors; /* the texts of {"error":..} lines, escaped, one a line */
	struct buf line;    /* the one under way */
	bool ended;	    /* the empty line came */
};

void client_reader_init(struct client_reader *r, struct buf *lines, struct buf *errors);
void client_reader_done(struct client_reader *r);
/* 0, -EMSGSIZE: a line or the answer is too long, -EBADMSG: text behind the end, or -errno. */
int client_reader_add(struct client_reader *r, const char *data, size_t n);

#endif
