/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: outflowd. Start is fatal, in one line; after that nothing is: what fails is counted.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/table.h"
#include "ctl/ctl.h"
#include "intake/hash_child.h"
#include "intake/names_child.h"
#include "intake/kernel.h"
#include "intake/machine.h"
#include "options.h"
#include "pipeline.h"
#include "sink/sink.h"

#include "base/poison.h"

#define DRAIN_BUDGET 8192  /* records for one turn of the loop; other sources get theirs then */
#define NICE	     (-10) /* nine times the share of an ordinary process */

struct daemon {
	struct config config;
	struct pipeline pipeline;
	struct kernel *kernel; /* owned by the pipeline's intake */
	struct sinks *sinks;
	struct ctl *ctl;
	struct loop *loop;
	struct loop_src ring, timer, signals;
};

#define daemon_of(src, member) table_entry(src, struct daemon, member)

static void put(void *arg, const struct record *r)
{
	struct daemon *d = arg;

	sinks_put(d->sinks, r);
}

static void on_ring(struct loop_src *s, uint32_t events)
{
	struct daemon *d = daemon_of(s, ring);

	(void)events;
	(void)pipeline_drain(&d->pipeline, DRAIN_BUDGET);
}

static void on_timer(struct loop_src *s, uint32_t events)
{
	struct daemon *d = daemon_of(s, timer);
	uint64_t expired;

	(void)events;
	if (read(s->fd, &expired, sizeof(expired)) < 0)
		return;
	(void)pipeline_look(&d->pipeline);
	sinks_tick(d->sinks);
	ctl_tick(d->ctl);
}

static void on_signal(struct loop_src *s, uint32_t events)
{
	struct daemon *d = daemon_of(s, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(s->fd, &info, sizeof(info)) == sizeof(info))
		loop_stop(d->loop);
}

static int look(void *arg)
{
	return pipeline_look(&((struct daemon *)arg)->pipeline);
}

static int ledger(void *arg, struct ledger *ret)
{
	return kernel_ledger(((struct daemon *)arg)->kernel, ret);
}

static struct hash_stats hashed(void *arg)
{
	return kernel_hash_stats(((struct daemon *)arg)->kernel);
}

static struct namer_stats naming(void *arg)
{
	return kernel_namer_stats(((struct daemon *)arg)->kernel);
}

static struct image_stats images(void *arg)
{
	return kernel_image_stats(((struct daemon *)arg)->kernel);
}

static const char *edges_off_why(void *arg)
{
	return kernel_edges_off(((struct daemon *)arg)->kernel);
}

static size_t edges_left_out_n(void *arg)
{
	return kernel_edges_left_out(((struct daemon *)arg)->kernel);
}

/* Leaves, with nothing of the probes left that was not there before: only before the loop runs. */
static void __attribute__((noreturn)) give_up(struct daemon *d)
{
	pipeline_done(&d->pipeline);
	exit(1);
}

/* The same, and says why. */
static void __attribute__((noreturn)) fail(struct daemon *d, int err, const char *what)
{
	log_warnerr(err, "%s", what);
	give_up(d);
}

static void config_read(struct daemon *d, const struct options *o)
{
	struct config_err err = { "" };
	char *line, *rest;

	/* Anybody may ask whether a file is right; who is not root is not told to own it. */
	if (config_load(o->config, !(o->test && geteuid() != 0), &d->config, &err) < 0) {
		log_warn("%s", err.msg);
		exit(1);
	}
	if (o->unload) /* nothing will be judged by it */
		return;
	for (line = d->config.warnings; line != NULL && *line != '\0'; line = rest) {
		rest = strchr(line, '\n');
		if (rest != NULL)
			*rest++ = '\0';
		log_warn("%s", line);
	}
}

static void sources_open(struct daemon *d)
{
	struct itimerspec second = { .it_interval.tv_sec = 1, .it_value.tv_nsec = 1 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP); /* the terminal went away; nothing can be reloaded yet */
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	d->signals = (struct loop_src){ .on_ready = on_signal,
					.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) };
	d->timer = (struct loop_src){ .on_ready = on_timer,
				      .fd = timerfd_create(CLOCK_MONOTONIC,
							   TFD_CLOEXEC | TFD_NONBLOCK) };
	d->ring = (struct loop_src){ .on_ready = on_ring, .fd = kernel_fd(d->kernel) };
	if (d->signals.fd < 0 || d->timer.fd < 0 ||
	    timerfd_settime(d->timer.fd, 0, &second, NULL) < 0)
		fail(d, -errno, "signals and timer");
	if (loop_set(d->loop, &d->signals, EPOLLIN) < 0 ||
	    loop_set(d->loop, &d->timer, EPOLLIN) < 0 || loop_set(d->loop, &d->ring, EPOLLIN) < 0)
		fail(d, -errno, "event loop");
}

static void ctl_open(struct daemon *d)
{
	struct ctl_view view = { .config = &d->config,
				 .intake = d->pipeline.intake,
				 .track = d->pipeline.track,
				 .alerts = d->pipeline.alerts,
				 .detect = d->pipeline.detect,
				 .sinks = d->sinks,
				 .ledger = ledger,
				 .look = look,
				 .hashed = hashed,
				 .images = images,
				 .naming = naming,
				 .edges_off = edges_off_why,
				 .edges_left_out = edges_left_out_n,
				 .arg = d,
				 .pins = kernel_pins(d->kernel),
				 .version = OUTFLOW_VERSION,
				 .start_ns = machine_now() };

	if (ctl_new(d->loop, &view, &d->ctl) < 0)
		give_up(d); /* it said why */
}

/* Who floods tables and ring takes the processor too, and alerts would wait for it: eight senders
 * on two processors made one three seconds late. */
static void go_first(void)
{
	if (setpriority(PRIO_PROCESS, 0, NICE) < 0)
		log_warnerr(-errno, "no priority: under a flood alerts come late");
}

/* What runs on this machine is not for a file that somebody finds when this crashed. The limit is
 * for who looks, and for the helpers: exec makes them dumpable again. */
static void no_core(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		log_warnerr(-errno, "a core of outflowd will hold what it knows");
}

static void daemon_open(struct daemon *d, const struct options *o)
{
	struct intake *intake;
	struct kernel_err kerr = { "" };
	int err;

	if (kernel_open(&d->config, &d->kernel, &kerr) < 0) {
		log_warn("%s", kerr.msg);
		exit(1);
	}
	go_first();
	err = intake_new(&kernel_ops, d->kernel, &intake);
	if (err == 0 && !d->config.no_redact)
		intake_redact(intake);
	if (err == 0)
		err = pipeline_init(&d->pipeline, &d->config, intake, put, d);
	if (err == 0 && o->record != NULL) {
		err = intake_record(intake, o->record);
		if (err < 0)
			fail(d, err, o->record);
	}
	if (err == 0)
		err = loop_new(&d->loop);
	if (err == 0)
		err = sinks_new(d->loop, &d->config, &d->sinks);
	if (err < 0)
		fail(d, err, "start");
	track_set_roles(d->pipeline.track, kernel_roles, d->kernel);
	track_set_hooks_missing(d->pipeline.track, kernel_hooks_missing(d->kernel));
	(void)pipeline_look(&d->pipeline);
	ctl_open(d);
	sources_open(d);
	kernel_keep(d->kernel); /* last: a start that is refused leaves nothing */
}

/* Start order, backwards. */
static void daemon_close(struct daemon *d)
{
	(void)pipeline_look(&d->pipeline);
	pipeline_finish(&d->pipeline);
	(void)alerts_notice(d->pipeline.alerts, "stop", SEVERITY_INFO, "outflowd ends",
			    track_origin(d->pipeline.track));
	loop_del(d->loop, &d->ring);
	loop_del(d->loop, &d->timer);
	loop_del(d->loop, &d->signals);
	(void)close(d->timer.fd);
	(void)close(d->signals.fd);
	ctl_free(d->ctl);
	pipeline_done(&d->pipeline);
	sinks_free(d->sinks);
	loop_free(d->loop);
	config_done(&d->config);
}

/* What came of the pins, then that it starts. */
static void start_tell(struct daemon *d)
{
	const struct pins_status *pins = kernel_pins(d->kernel);
	const struct origin *origin = track_origin(d->pipeline.track);
	char text[PINS_TEXT_MAX], line[PINS_TEXT_MAX + 64];

	pins_text(pins, text, sizeof(text));
	if (pins->tamper) {
		(void)snprintf(line, sizeof(line), "pins: %s", text);
		(void)alerts_notice(d->pipeline.alerts, "tamper", SEVERITY_HIGH, line, origin);
	}
	(void)snprintf(line, sizeof(line), "outflowd " OUTFLOW_VERSION "; %s", text);
	(void)alerts_notice(d->pipeline.alerts, "start", SEVERITY_INFO, line, origin);
	if (pins->tamper || pins->state == PINS_NONE)
		log_warn("%s", text);
	else
		log_info("%s", text);
	log_info("watching; control socket %s", d->config.control);
}

static void unload(const char *path)
{
	struct kernel_err err = { "" };

	if (kernel_unload(path, &err) < 0) {
		log_warn("%s", err.msg);
		exit(1);
	}
	exit(0);
}

static void hooks_print(void)
{
	struct kernel_err err = { "" };

	if (kernel_print_hooks(&err) < 0) {
		log_warn("%s", err.msg);
		exit(1);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options o;
	int err;

	if (argc > 0 && strcmp(argv[0], HASH_CHILD_NAME) == 0)
		return hash_child_main(argc, argv);
	if (argc > 0 && strcmp(argv[0], NAMES_CHILD_NAME) == 0)
		return names_child_main(argc, argv);
	options_parse(argc, argv, &o);
	log_init("outflowd", o.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (o.hooks)
		hooks_print();
	config_read(&d, &o);
	if (o.test) {
		log_info("configuration OK: %s", o.config);
		return 0;
	}
	if (o.unload)
		unload(d.config.pins);
	no_core();
	daemon_open(&d, &o);
	if (!o.foreground && daemon(0, 0) < 0)
		fail(&d, -errno, "going to the background");
	kernel_helpers(d.kernel);
	start_tell(&d);
	err = loop_run(d.loop);
	if (err < 0)
		log_warnerr(err, "event loop: outflowd ends");
	daemon_close(&d);
	return err < 0;
}
