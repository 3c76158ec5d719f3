/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h: the command line of outflowd. */
#ifndef OUTFLOW_OPTIONS_H
#define OUTFLOW_OPTIONS_H

#include <stdbool.h>

struct options {
	const char *config;
	const char *record; /* NULL: none */
	bool foreground, test, hooks, verbose, unload;
};

/* Leaves the process for --help, -V and a wrong command line (status 2). */
void options_parse(int argc, char **argv, struct options *ret);

#endif
