/* SPDX-License-Identifier: BSD-2-Clause */
/* args.c: what the verbs that ask the daemon have in common. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

#include "base/poison.h"

void cli_warn(const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "outflow: %s\n", line);
}

static unsigned int terminal_width(void)
{
	struct winsize ws;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return 0;
	return ws.ws_col;
}

int cli_parse(int argc, char **argv, bool has_all, struct cli_opts *ret)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "all", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli_opts o = { .socket = CTL_PATH, .width = terminal_width() };
	int c;

	optind = 0; /* starts anew: tests call this more than once */
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":s:a", longs, NULL)) != -1) {
		if (c == 's') {
			o.socket = optarg;
		} else if (c == 'j') {
			o.json = true;
		} else if (c == 'a' && has_all) {
			o.all = true;
		} else {
			cli_warn("%s: '%s': %s; see 'outflow %s --help'", argv[0], argv[optind - 1],
				 c == ':' ? "needs an argument" : "no such option", argv[0]);
			return CLI_USAGE;
		}
	}
	if (optind < argc) {
		cli_warn("%s: '%s': takes no argument; see 'outflow %s --help'", argv[0],
			 argv[optind], argv[0]);
		return CLI_USAGE;
	}
	*ret = o;
	return 0;
}

static int text_print(const struct buf *text)
{
	if (text->len > 0)
		(void)fwrite(text->data, 1, text->len, stdout);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	cli_warn("cannot write the output (%s)", strerror(errno));
	return -EIO;
}

int cli_run(int argc, char **argv, bool has_all, enum ctl_verb verb, cli_show *show)
{
	struct buf lines, text;
	struct cli_opts o;
	int err, told;

	if (cli_parse(argc, argv, has_all, &o) != 0)
		return CLI_USAGE;
	buf_init(&lines, CLIENT_TEXT_MAX);
	buf_init(&text, CLIENT_TEXT_MAX);
	/* After a failure too: what came is shown, and the status says that it is not all. */
	err = client_ask(o.socket, verb, &lines);
	if (lines.len > 0 && !o.json) {
		told = show(lines.data, lines.len, &o, &text);
		if (told < 0)
			cli_warn("%s: cannot show the answer (%s)", o.socket, strerror(-told));
		if (err == 0)
			err = told;
	} else if (err == 0 && !o.json) {
		err = show("", 0, &o, &text);
	}
	told = text_print(o.json ? &lines : &text);
	if (err == 0)
		err = told;
	buf_done(&lines);
	buf_done(&text);
	return err < 0 ? CLI_FAILED : CLI_OK;
}
