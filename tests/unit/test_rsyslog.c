/* SPDX-License-Identifier: BSD-2-Clause */
/* The syslog sinks against a real rsyslogd: what arrives is parsed as it was meant. */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "feed.h"

#define RSYSLOGD "/usr/sbin/rsyslogd"

static struct feed f;
static uint16_t udp_port, tcp_port;
static pid_t daemon_pid = -1;

/* One line a message: what rsyslog took its parts for. */
static const char conf_text[] =
	"global(workDirectory=\"%1$s\")\n"
	"module(load=\"imuxsock\" SysSock.Use=\"off\")\n"
	"module(load=\"imudp\")\nmodule(load=\"imtcp\")\n"
	"input(type=\"imuxsock\" Socket=\"%1$s/log\")\n"
	"input(type=\"imudp\" address=\"127.0.0.1\" port=\"%2$u\")\n"
	"input(type=\"imtcp\" address=\"127.0.0.1\" port=\"%3$u\")\n"
	"template(name=\"t\" type=\"string\" string=\"%%inputname%%|%%syslogfacility-text%%|"
	"%%syslogseverity-text%%|%%app-name%%|%%procid%%|%%msgid%%|%%structured-data%%|"
	"%%msg%%|\\n\")\n"
	"*.* action(type=\"omfile\" file=\"%1$s/out\" template=\"t\")\n";

static void rsyslogd_start(void)
{
	char *argv[] = { (char *)RSYSLOGD,
			 (char *)"-n",
			 (char *)"-f",
			 (char *)feed_path(&f, "conf"),
			 (char *)"-i",
			 (char *)feed_path(&f, "pid"),
			 NULL };

	(void)unlink(feed_path(&f, "pid"));
	daemon_pid = fork();
	cr_assert_geq(daemon_pid, 0);
	if (daemon_pid == 0) {
		execv(RSYSLOGD, argv);
		_exit(127);
	}
}

static void rsyslogd_kill(int sig)
{
	if (daemon_pid <= 0)
		return;
	(void)kill(daemon_pid, sig);
	(void)waitpid(daemon_pid, NULL, 0);
	daemon_pid = -1;
}

static void setup(void)
{
	FILE *file;

	feed_init(&f);
	udp_port = feed_free_port(SOCK_DGRAM);
	tcp_port = feed_free_port(SOCK_STREAM);
	file = fopen(feed_path(&f, "conf"), "w");
	cr_assert_not_null(file);
	(void)fprintf(file, conf_text, f.dir, udp_port, tcp_port);
	(void)fclose(file);
}

static void teardown(void)
{
	rsyslogd_kill(SIGKILL);
	feed_done(&f);
}

TestSuite(rsyslog, .init = setup, .fini = teardown, .timeout = 90);

static void need_rsyslogd(void)
{
	if (access(RSYSLOGD, X_OK) == 0)
		return;
	(void)fprintf(stderr, "skipped: no " RSYSLOGD " (Debian package rsyslog)\n");
	cr_skip_test("no " RSYSLOGD " (Debian package rsyslog)");
}

/* How often `text` stands in what rsyslog wrote. */
static int written(const char *text)
{
	static char data[1 << 20];
	FILE *file = fopen(feed_path(&f, "out"), "r");
	const char *at = data;
	int n = 0;

	if (file == NULL)
		return 0;
	data[fread(data, 1, sizeof(data) - 1, file)] = '\0';
	(void)fclose(file);
	for (; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static bool is_all_written(struct feed *feed)
{
	(void)feed;
	return written("record 0|") >= 3;
}

/* rsyslog leaves the byte order mark, which RFC 5424 asks for, in the message. */
Test(rsyslog, every_transport_is_parsed)
{
	char text[256];

	need_rsyslogd();
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	feed_add_port(&f, TRANSPORT_TCP, FORMAT_RFC5424, tcp_port);
	feed_add_port(&f, TRANSPORT_UDP, FORMAT_RFC5424, udp_port);
	rsyslogd_start();
	feed_start(&f);
	/* It is still starting: all three are down, and back when it is there. */
	feed_put(&f, 0, 1);
	f.ticking = true;
	cr_expect(feed_run(&f, is_all_written));
	(void)snprintf(text, sizeof(text),
		       "imuxsock|authpriv|err|outflowd|%d|-|-| high rule-1: record 0|\n",
		       (int)getpid());
	cr_expect_eq(written(text), 1, "%s", text);
	(void)snprintf(text, sizeof(text),
		       "imtcp|authpriv|err|outflowd|%d|alert|[outflow@32473 id=\"6f1c\" "
		       "rule=\"rule-1\" severity=\"high\"]|\xef\xbb\xbfhigh rule-1: record 0|\n",
		       (int)getpid());
	cr_expect_eq(written(text), 1, "%s", text);
	memcpy(text, "imudp", 5);
	cr_expect_eq(written(text), 1, "%s", text);
	cr_expect_eq(written("\n"), 3);
}

static int want;

static bool is_written_up_to(struct feed *feed)
{
	char text[32];

	(void)feed;
	(void)snprintf(text, sizeof(text), "record %d|", want - 1);
	return written(text) > 0;
}

/*
 * Killed and started again while records come. What it had taken from the kernel and not written
 * dies with it, so each kill comes when all that was sent is written; nothing else is lost, and
 * nothing comes twice.
 */
Test(rsyslog, killed_and_restarted)
{
	char text[32];
	int round, n = 0, i;

	need_rsyslogd();
	feed_add_path(&f, SINK_SYSLOG, FORMAT_RFC3164, "log");
	feed_start(&f);
	for (round = 0; round < 3; round++) {
		feed_put(&f, n, n + 50);
		rsyslogd_start();
		f.ticking = true;
		want = n + 50;
		cr_assert(feed_run(&f, is_written_up_to), "round %d", round);
		f.ticking = false;
		feed_put(&f, n + 50, n + 100);
		want = n + 100;
		cr_assert(feed_run(&f, is_written_up_to), "round %d", round);
		n += 100;
		rsyslogd_kill(SIGKILL);
		feed_put(&f, n, n + 20);
		cr_expect_eq(sinks_state(f.sinks, 0).up, 0);
		cr_expect_eq(sinks_state(f.sinks, 0).queued, 20);
		n += 20;
	}
	for (i = 0; i < n - 20; i++) {
		(void)snprintf(text, sizeof(text), " record %d|", i);
		cr_expect_eq(written(text), 1, "record %d: %d times", i, written(text));
	}
	cr_expect_eq(sinks_state(f.sinks, 0).dropped, 0);
}
