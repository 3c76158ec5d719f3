/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c: finds the verb. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "conf/config.h"

#include "base/poison.h"

#define ASKS                                                                \
	"  -s PATH   the daemon's control socket (default: " CTL_PATH ")\n" \
	"  --json    one JSON object a line, as the daemon tells it\n"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv); /* NULL: not built yet */
	const char *line;
	const char *args;
	const char *help;
} verbs[] = {
	{ "status", cmd_status, "how the daemon is: rules, sinks, tables, losses",
	  "[-s PATH] [--json]",
	  ASKS
	  "\nWhat needs attention is in capitals: rules that are off, sinks that are down, hooks\n"
	  "that this kernel refused.\n" },
	{ "ps", cmd_ps, "executions with their lineage, roles and bytes sent",
	  "[-s PATH] [-a] [--json]",
	  ASKS
	  "  -a, --all show those without a role that sent nothing, too\n"
	  "\nThose that sent the most come first; ended ones stay for the configured grace.\n" },
	{ "flows", cmd_flows, "who sent how much to where", "[-s PATH] [-a] [--json]",
	  ASKS
	  "  -a, --all show accounts without bytes and those of class self, too\n"
	  "\nOne line an account, the most bytes first; dead processes too, until they are aged\n"
	  "out. --json always tells all accounts.\n" },
	{ "ledger", cmd_ledger, "the books: does every byte have a payer?", "[-s PATH] [--json]",
	  ASKS "\nIn closed books accounts + overflow + retired = executions = total.\n" },
	{ "alerts", cmd_alerts, "open alerts, the newest last", "[-s PATH] [--json]", ASKS },
	{ "replay", cmd_replay, "a recording through the rules: the alerts they raise",
	  "FILE [-c CONFIG] [--json]",
	  "  -c CONFIG the policy (default: " CONFIG_PATH ")\n"
	  "  --json    one JSON record a line\n"
	  "\nFILE is what outflowd --record wrote. Needs no daemon; time is that of the "
	  "recording.\n"
	  "Exit status 0, also without alerts; 1 when the recording or the configuration cannot "
	  "be\n"
	  "read to its end.\n" },
	{ "top", NULL, "flows, live", "", "" },
	{ "tree", NULL, "lineage as a tree", "", "" },
	{ "capture", NULL, "a forensic capture of a running machine", "", "" },
	{ "verify", NULL, "check the chain of an alert file", "", "" },
	{ "learn", NULL, "propose a policy from what was seen", "", "" },
	{ "explain", NULL, "why an alert was raised", "", "" },
	{ "report", NULL, "a summary of a time span", "", "" },
};

#define VERBS_N (sizeof(verbs) / sizeof(verbs[0]))

static void usage(FILE *f)
{
	size_t i;

	(void)fprintf(f, "usage: outflow [-s PATH] VERB [OPTION...]\n"
			 "       outflow VERB --help\n"
			 "       outflow --version\n\n");
	for (i = 0; i < VERBS_N; i++)
		(void)fprintf(f, "  %-8s  %s%s\n", verbs[i].name, verbs[i].line,
			      verbs[i].run == NULL ? " (not built yet)" : "");
}

static int verb_help(const struct verb *v)
{
	if (v->run == NULL)
		(void)printf("outflow %s: %s. Not built yet.\n", v->name, v->line);
	else
		(void)printf("usage: outflow %s %s\n\n%s: %s\n\n%s", v->name, v->args, v->name,
			     v->line, v->help);
	return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
}

static const struct verb *verb_find(const char *name)
{
	size_t i;

	for (i = 0; i < VERBS_N; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

#define WORD_MAX 16 /* longer than any verb and two typos */

/* Letters to insert, leave out or exchange to make b of a (Levenshtein). */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1], left, up_left, best;
	size_t i, j, n = strlen(b);

	if (strlen(a) > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= n; j++)
		row[j] = (unsigned int)j;
	for (i = 0; a[i] != '\0'; i++) {
		up_left = row[0];
		left = row[0] = (unsigned int)i + 1;
		for (j = 1; j <= n; j++) {
			best = up_left + (a[i] != b[j - 1]);
			if (left + 1 < best)
				best = left + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			up_left = row[j];
			left = row[j] = best;
		}
	}
	return row[n];
}

static int verb_unknown(const char *name)
{
	unsigned int d, best = 3; /* more than two typos are another word */
	const char *guess = NULL;
	size_t i;

	for (i = 0; i < VERBS_N; i++) {
		d = distance(name, verbs[i].name);
		/* The start of a verb is as good as one typo. */
		if (name[0] != '\0' && strncmp(verbs[i].name, name, strlen(name)) == 0)
			d = 1;
		if (d < best) {
			best = d;
			guess = verbs[i].name;
		}
	}
	if (guess != NULL)
		cli_warn("'%s': no such verb; did you mean '%s'?", name, guess);
	else
		cli_warn("'%s': no such verb; 'outflow --help' lists them", name);
	return CLI_USAGE;
}

static bool wants_help(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* Runs the verb at argv[at] with the options before it, too. */
static int verb_run(const struct verb *v, int argc, char **argv, int at)
{
	char **args, *name = argv[at];
	int i, status;

	if (wants_help(argc - at, argv + at))
		return verb_help(v);
	if (v->run == NULL) {
		cli_warn("%s: not built yet", v->name);
		return CLI_USAGE;
	}
	args = calloc((size_t)argc + 1, sizeof(*args));
	if (args == NULL) {
		cli_warn("no memory");
		return CLI_FAILED;
	}
	args[0] = name;
	for (i = 1; i < at; i++)
		args[i] = argv[i];
	for (i = at + 1; i < argc; i++)
		args[i - 1] = argv[i];
	status = v->run(argc - 1, args);
	free(args);
	return status;
}

int main(int argc, char **argv)
{
	const struct verb *v;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			usage(stdout);
			return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
		}
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
			(void)printf("outflow %s\n", OUTFLOW_VERSION);
			return fflush(stdout) == 0 ? CLI_OK : CLI_FAILED;
		}
		if (strncmp(argv[i], "-s", 2) != 0) {
			cli_warn("'%s': no such option; see 'outflow --help'", argv[i]);
			return CLI_USAGE;
		}
		if (argv[i][2] == '\0')
			i++;
	}
	if (i >= argc) {
		usage(stderr);
		return CLI_USAGE;
	}
	v = verb_find(argv[i]);
	return v != NULL ? verb_run(v, argc, argv, i) : verb_unknown(argv[i]);
}
