/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c: outflow replay: a recording through the real pipeline, its alerts to stdout.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "pipeline.h"

#include "base/poison.h"

#define REPLAY_BATCH 4096

static const char replay_usage[] = "usage: outflow replay FILE [-c CONFIG] [--json]\n";

struct replay_opts {
	const char *file, *config;
	bool json;
};

static void print_record(void *arg, const struct record *r)
{
	const struct replay_opts *o = arg;
	char when[TIME_TEXT_LEN];

	if (o->json) {
		(void)printf("%.*s\n", (int)r->json_len, r->json);
		return;
	}
	time_text(when, r->utc_ns);
	(void)printf("%s %.*s\n", when, (int)r->text_len, r->text);
}

/* 0, or -1 and the usage was printed. */
static int replay_parse(int argc, char **argv, struct replay_opts *ret)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	struct replay_opts o = { .config = CONFIG_PATH };
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "c:", longs, NULL)) != -1) {
		if (c == 'c') {
			o.config = optarg;
		} else if (c == 'j') {
			o.json = true;
		} else {
			(void)fputs(replay_usage, stderr);
			return -1;
		}
	}
	if (argc - optind != 1) {
		(void)fputs(replay_usage, stderr);
		return -1;
	}
	o.file = argv[optind];
	*ret = o;
	return 0;
}

static int replay_run(struct pipeline *p, const struct replay_opts *o)
{
	struct intake_stats s;
	int n;

	do
		n = pipeline_drain(p, REPLAY_BATCH);
	while (n >= 0);
	pipeline_finish(p);
	s = intake_stats(p->intake);
	(void)fprintf(stderr, "outflow: %s: %" PRIu64 " records, %" PRIu64 " of them refused\n",
		      o->file, s.records, s.bad);
	if (n == -EBADMSG)
		cli_warn("%s: it breaks off in the middle of a record; all before it was judged",
			 o->file);
	else if (n != -ENODATA)
		cli_warn("%s: %s", o->file, strerror(-n));
	return n == -ENODATA ? CLI_OK : CLI_FAILED;
}

static const char *recording_error(int err)
{
	if (err == -EBADMSG)
		return "not a recording of outflowd";
	if (err == -EPROTONOSUPPORT)
		return "a recording of another version of outflow, or of another byte order";
	return strerror(-err);
}

int cmd_replay(int argc, char **argv)
{
	struct config config = { .control = NULL };
	struct config_err cerr = { "" };
	struct replay_opts o;
	struct intake *intake;
	struct pipeline p;
	int err, status = CLI_FAILED;

	if (replay_parse(argc, argv, &o) < 0)
		return CLI_USAGE;
	if (config_load(o.config, false, &config, &cerr) < 0) {
		cli_warn("%s", cerr.msg);
		return CLI_FAILED;
	}
	err = intake_recording(o.file, &intake);
	if (err < 0) {
		cli_warn("%s: %s", o.file, recording_error(err));
		goto out;
	}
	err = pipeline_init(&p, &config, intake, print_record, &o);
	if (err < 0) {
		cli_warn("%s: %s", o.file, strerror(-err));
		goto out;
	}
	status = replay_run(&p, &o);
	pipeline_done(&p);
out:
	config_done(&config);
	return status;
}
