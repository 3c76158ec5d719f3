/* SPDX-License-Identifier: BSD-2-Clause */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/config.h"

#include "base/poison.h"

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: outflowd [-c FILE] [-f] [-v] [--record FILE]\n"
			  "       outflowd [-c FILE] -t | --unload\n"
			  "       outflowd -P | -V | --help\n"
			  "\n"
			  "  -c FILE          configuration (" CONFIG_PATH ")\n"
			  "  -f               stay in the foreground and log to stderr\n"
			  "  -v               log more\n"
			  "  -t               test the configuration and exit\n"
			  "  -P               print each hook, what was chosen and why, and exit\n"
			  "  -V               print the version and exit\n"
			  "  --record FILE    also write every raw record to a new file, for "
			  "outflow replay\n"
			  "  --unload         remove the probes and books that a daemon left "
			  "pinned, and exit\n");
}

void options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{ "record", required_argument, NULL, 'r' },
		{ "unload", no_argument, NULL, 'u' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .config = CONFIG_PATH };
	int c;

	while ((c = getopt_long(argc, argv, "c:ftPVv", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o.config = optarg;
			break;
		case 'f':
			o.foreground = true;
			break;
		case 't':
			o.test = true;
			break;
		case 'P':
			o.hooks = true;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'r':
			o.record = optarg;
			break;
		case 'u':
			o.unload = true;
			break;
		case 'V':
			(void)printf("outflowd %s\n", OUTFLOW_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "outflowd: '%s': expected options only\n", argv[optind]);
		usage(stderr);
		exit(2);
	}
	*ret = o;
}
