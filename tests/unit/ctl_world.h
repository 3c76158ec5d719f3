/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ctl_world.h: a daemon in miniature behind a real control socket in a directory of its own. The
 * walks and figures that the verbs ask for are mocks, set by the test.
 */
#ifndef CTL_WORLD_H
#define CTL_WORLD_H

#include "ctl/ctl.h"
#include "ctl/proto.h"
#include "detect/links.h"

struct ctl_mock {
	struct origin origin;
	const struct execution *executions;
	size_t executions_n;
	const struct account *accounts;
	size_t accounts_n, accounts_times; /* the array is walked that many times */
	const char *alerts[4];		   /* NULL behind the last; "": cannot be built */
	struct link_books link;		   /* the name is "": there is none */
	const char *edges_off;
	size_t edges_left_out;
	struct ledger ledger;
	int ledger_err, look_err;
	unsigned int looks;
};

extern struct ctl_mock mock;
extern char path[80]; /* of the socket */
extern struct config config;
extern struct loop *loop;
extern struct ctl *ctl;

void world_start(void); /* for .init and .fini of a suite */
void world_stop(void);
struct ctl_view view(void);
/* Some milliseconds of the daemon's life. */
void pump(void);
/* A connected socket that does not block, or -errno. */
int dial(void);
void put(int fd, uint16_t verb, uint16_t len);
/* Reads to the end of the stream while the daemon runs; NULL when it does not come. Borrowed until
 * the next call. */
const char *take(int fd);
const char *ask(uint16_t verb);

#endif
