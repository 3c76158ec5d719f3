/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli.h: the parts of the tool `outflow`: asks the daemon, shows its answer to a person.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ctl/proto.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* Each gets the arguments behind "outflow", its own name first, and returns an exit status. */
int cmd_status(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_flows(int argc, char **argv);
int cmd_ledger(int argc, char **argv);
int cmd_alerts(int argc, char **argv);
int cmd_replay(int argc, char **argv);

struct cli_opts {
	const char *socket;
	bool json;
	bool all;	    /* what is left out by default, too */
	unsigned int width; /* of the terminal; 0: none, nothing is cut */
};

/*
 * Makes a person's view of an answer: lines of JSON, each with its newline. 0, -EBADMSG: a line
 * is not what it should be, or -errno.
 */
typedef int cli_show(const char *text, size_t len, const struct cli_opts *o, struct buf *ret);
cli_show status_show, ps_show, flows_show, ledger_show, alerts_show;

/* Reads -s, --json and, when the verb has it, --all. 0, or CLI_USAGE after a message. */
int cli_parse(int argc, char **argv, bool has_all, struct cli_opts *ret);
/* A whole verb: asks, shows, says what went wrong. An exit status. */
int cli_run(int argc, char **argv, bool has_all, enum ctl_verb verb, cli_show *show);
/* Says it on stderr behind "outflow: ". */
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
