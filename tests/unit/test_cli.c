/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cli.c: the tool: what it takes from a daemon that cannot be trusted, what people see. */
#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/grid.h"

/* ---- What arrives ---- */

static struct buf lines, errors;
static struct client_reader reader;

static void reader_start(void)
{
	buf_init(&lines, CLIENT_TEXT_MAX);
	buf_init(&errors, CLIENT_LINE_MAX);
	client_reader_init(&reader, &lines, &errors);
}

static void reader_stop(void)
{
	client_reader_done(&reader);
	buf_done(&lines);
	buf_done(&errors);
}

static int add(const char *s)
{
	return client_reader_add(&reader, s, strlen(s));
}

TestSuite(cli_reader, .init = reader_start, .fini = reader_stop, .timeout = 30);

Test(cli_reader, lines_errors_and_the_end)
{
	const char *s = "{\"a\":1}\n{\"error\":\"no\\nwell\"}\n{\"errors\":2}\n\n";
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		cr_expect_not(reader.ended);
		cr_expect_eq(client_reader_add(&reader, s + i, 1), 0);
	}
	cr_expect(reader.ended);
	cr_expect_str_eq(lines.data, "{\"a\":1}\n{\"errors\":2}\n");
	cr_expect_str_eq(errors.data, "no\\x0awell\n");
	cr_expect_eq(add("x"), -EBADMSG, "nothing may follow the end");
}

Test(cli_reader, not_quite_an_error)
{
	cr_expect_eq(add("{\"error\":7}\n{\"error\":\n{\"error\n"), 0);
	cr_expect_str_eq(lines.data, "{\"error\":7}\n{\"error\":\n{\"error\n");
	cr_expect_eq(errors.len, 0);
}

Test(cli_reader, a_line_without_end)
{
	static char x[65536];
	size_t n = 0;
	int err;

	memset(x, 'x', sizeof(x));
	while ((err = client_reader_add(&reader, x, sizeof(x))) == 0 && n < 1000)
		n++;
	cr_expect_eq(err, -EMSGSIZE);
	cr_expect_eq(n, CLIENT_LINE_MAX / sizeof(x));
	cr_expect_leq(reader.line.cap, 2 * CLIENT_LINE_MAX);
}

/* ---- The socket ---- */

static char where[64];

/* A daemon that says `text` to whoever asks, once. */
static pid_t serve(const char *text, size_t len)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	struct ctl_req req;
	pid_t pid;

	(void)snprintf(where, sizeof(where), "/tmp/outflow-cli-%d.sock", getpid());
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", where);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(listen(fd, 1), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		client = accept(fd, NULL, NULL);
		if (recv(client, &req, sizeof(req), MSG_WAITALL) != sizeof(req) ||
		    req.verb != CTL_FLOWS || req.len != sizeof(req))
			_exit(1);
		while (len > 0) {
			ssize_t n = send(client, text, len, MSG_NOSIGNAL);

			if (n < 0)
				_exit(0);
			text += n;
			len -= (size_t)n;
		}
		_exit(0);
	}
	(void)close(fd);
	return pid;
}

static int ask(const char *text, size_t len, struct buf *ret)
{
	pid_t pid = serve(text, len);
	int err, status;

	buf_init(ret, CLIENT_TEXT_MAX);
	err = client_ask(where, CTL_FLOWS, ret);
	(void)waitpid(pid, &status, 0);
	cr_expect_eq(status, 0);
	(void)unlink(where);
	return err;
}

Test(cli_client, answers)
{
	static const struct {
		const char *says;
		int err;
		const char *lines;
	} cases[] = {
		{ "{\"a\":1}\n{\"b\":2}\n\n", 0, "{\"a\":1}\n{\"b\":2}\n" },
		{ "\n", 0, "" },
		{ "", -EPIPE, "" },
		{ "{\"a\":1}\n", -EPIPE, "{\"a\":1}\n" },     /* cut off at a line's end */
		{ "{\"a\":1}\n{\"b", -EPIPE, "{\"a\":1}\n" }, /* and inside one */
		{ "{\"error\":\"old\"}\n{\"a\":1}\n\n", -EREMOTEIO, "{\"a\":1}\n" },
		{ "{\"a\":1}\n\nmore", -EBADMSG, "{\"a\":1}\n" },
	};
	struct buf got;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(ask(cases[i].says, strlen(cases[i].says), &got), cases[i].err,
			     "case %zu", i);
		cr_expect_str_eq(got.data != NULL ? got.data : "", cases[i].lines, "case %zu", i);
		buf_done(&got);
	}
}

Test(cli_client, a_line_too_long)
{
	size_t len = 3U << 20;
	char *text = malloc(len);
	struct buf got;

	cr_assert_not_null(text);
	memset(text, '{', len);
	cr_expect_eq(ask(text, len, &got), -EMSGSIZE);
	cr_expect_eq(got.len, 0);
	buf_done(&got);
	free(text);
}

Test(cli_client, nobody_there)
{
	struct buf got;

	buf_init(&got, 100);
	cr_expect_eq(client_ask("/nowhere/control.sock", CTL_FLOWS, &got), -ENOENT);
}

Test(cli, options)
{
	char *ok[] = { "flows", "-s", "/x", "--json", "-a", NULL };
	char *bad[] = { "flows", "--nonsense", NULL };
	struct cli_opts o = { 0 };

	cr_expect_eq(cli_parse(5, ok, true, &o), 0);
	cr_expect_str_eq(o.socket, "/x");
	cr_expect(o.json && o.all);
	cr_expect_eq(cli_parse(5, ok, false, &o), CLI_USAGE, "not every verb has --all");
	cr_expect_eq(cli_parse(2, bad, true, &o), CLI_USAGE);
	cr_expect_eq(cli_parse(2, ok, true, &o), CLI_USAGE, "-s needs a path");
	cr_expect_eq(cli_parse(1, ok, true, &o), 0);
	cr_expect_str_eq(o.socket, CTL_PATH);
	ok[1] = "extra";
	cr_expect_eq(cli_parse(2, ok, true, &o), CLI_USAGE);
}

/* ---- What people see ---- */

static void expect(cli_show *show, const char *text, const struct cli_opts *o, const char *want)
{
	struct buf got;

	buf_init(&got, 1 << 20);
	cr_expect_eq(show(text, strlen(text), o, &got), 0);
	cr_expect_str_eq(got.data, want);
	buf_done(&got);
}

#define FLOW(name, sent, class)                                                                  \
	"{\"process\":{\"pid\":42,\"exec_id\":9,\"name\":\"" name "\",\"exe\":null},"            \
	"\"lineage\":[\"init[1]\",\"" name "[42]\"],\"roles\":[\"a\",\"b\"],"                    \
	"\"endpoint\":{\"ip\":\"203.0.113.9\",\"port\":443,\"proto\":\"tcp\",\"class\":\"" class \
		"\",\"names\":[]},\"bytes\":{\"sent\":" #sent ",\"received\":null},"             \
		"\"first\":\"2026-03-19T17:43:12.123456Z\",\"last\":\"2026-03-19T17:43:12."      \
		"123456Z\","                                                                     \
		"\"overflow\":false}\n"

Test(cli, flows)
{
	static const char text[] = FLOW("small", 9, "external") FLOW("big\\u001b[2J\\n", 393216,
								     "internal") FLOW("own", 100,
										      "self")
		FLOW("none", 0,
		     "external") "{\"process\":null,\"lineage\":[],\"roles\":[],\"endpoint\":{"
				 "\"ip\":null,"
				 "\"port\":null,\"proto\":null,\"class\":\"unknown\",\"names\":[]},"
				 "\"bytes\":{\"sent\":10,\"received\":null},\"first\":null,"
				 "\"last\":null,"
				 "\"overflow\":true}\n";

	expect(flows_show, text, &(struct cli_opts){ 0 },
	       "    SENT   BYTES  PROCESS             ENDPOINT             CLASS     LAST         "
	       "         ROLES  LINEAGE\n"
	       "384.0KiB  393216  big\\x1b[2J\\x0a[42]  203.0.113.9:443/tcp  internal  "
	       "2026-03-19T17:43:12Z  a,b    init[1] > big\\x1b[2J\\x0a[42]\n"
	       "    10 B      10  (machine)           (overflow)           unknown   -            "
	       "         -      -\n"
	       "     9 B       9  small[42]           203.0.113.9:443/tcp  external  "
	       "2026-03-19T17:43:12Z  a,b    init[1] > small[42]\n"
	       "3 accounts, 384.0KiB (393235 bytes); 2 of class self or without bytes not shown "
	       "(--all)\n");
}

Test(cli, flows_all)
{
	expect(flows_show, FLOW("own", 100, "self") FLOW("none", 0, "external"),
	       &(struct cli_opts){ .all = true },
	       " SENT  BYTES  PROCESS   ENDPOINT             CLASS     LAST                  ROLES "
	       " LINEAGE\n"
	       "100 B    100  own[42]   203.0.113.9:443/tcp  self      2026-03-19T17:43:12Z  a,b   "
	       " init[1] > own[42]\n"
	       "  0 B      0  none[42]  203.0.113.9:443/tcp  external  2026-03-19T17:43:12Z  a,b   "
	       " init[1] > none[42]\n"
	       "2 accounts, 100 bytes\n");
}

Test(cli, flows_none)
{
	expect(flows_show, "", &(struct cli_opts){ 0 }, "0 accounts, 0 bytes\n");
}

Test(cli, ps)
{
	expect(ps_show,
	       "{\"process\":{\"pid\":7,\"exec_id\":1,\"parent\":null,\"name\":\"quiet\",\"exe\":"
	       "null,\"uid\":0},\"lineage\":[\"quiet[7]\"],\"roles\":[],\"sent\":0,\"start\":null,"
	       "\"end\":null,\"adopted\":true}\n"
	       "{\"process\":{\"pid\":42,\"exec_id\":9,\"parent\":1,\"name\":\"curl\",\"exe\":"
	       "\"/c\",\"uid\":1001},\"lineage\":[\"init[1]\",\"curl[42]\"],\"roles\":[\"r\"],"
	       "\"sent\":2048,\"start\":\"2026-03-19T17:43:12.123456Z\",\"end\":null,"
	       "\"adopted\":false}\n",
	       &(struct cli_opts){ 0 },
	       "PID   UID    SENT  BYTES  START                 END  NAME  ROLES  LINEAGE\n"
	       " 42  1001  2.0KiB   2048  2026-03-19T17:43:12Z  -    curl  r      init[1] > "
	       "curl[42]\n"
	       "1 execution; 1 without role that sent nothing not shown (--all)\n");
}

Test(cli, ledger)
{
	expect(ledger_show,
	       "{\"total\":2060,\"executions\":2060,\"accounts\":2030,\"overflow\":20,\"retired\":"
	       "10,\"interfaces\":[{\"name\":\"eth0\",\"sent\":2000,\"sockets\":1000,"
	       "\"control\":10,\"forwarded\":400,\"bypass\":500,\"kernel\":0,"
	       "\"unattributed\":900}],\"loss\":{\"ring\":0,\"argv\":3},\"balanced\":true,"
	       "\"local\":"
	       "{\"unix\":5,\"netlink\":0}}\n",
	       &(struct cli_opts){ 0 },
	       "SUM           SENT  BYTES  OF\n"
	       "total       2.0KiB   2060  everything, counted before any lookup\n"
	       "executions  2.0KiB   2060  the executions, the ended ones too\n"
	       "accounts    2.0KiB   2030  the accounts\n"
	       "overflow      20 B     20  endpoints that found no account\n"
	       "retired       10 B     10  accounts that were aged out\n"
	       "balanced: accounts + overflow + retired = executions = total\n"
	       "INTERFACE    LEFT  SOCKETS  CONTROL  FORWARDED  PAST STACK  KERNEL  UNATTRIBUTED\n"
	       "eth0       2.0KiB   1000 B     10 B      400 B       500 B     0 B         900 B\n"
	       "stayed on the machine, bytes: unix 5\n"
	       "loss: argv 3\n");
	expect(ledger_show,
	       "{\"total\":10,\"executions\":11,\"accounts\":7,\"overflow\":0,\"retired\":0,"
	       "\"loss\":{},\"balanced\":false,\"local\":{}}\n",
	       &(struct cli_opts){ 0 },
	       "SUM         SENT  BYTES  OF\n"
	       "total       10 B     10  everything, counted before any lookup\n"
	       "executions  11 B     11  the executions, the ended ones too\n"
	       "accounts     7 B      7  the accounts\n"
	       "overflow     0 B      0  endpoints that found no account\n"
	       "retired      0 B      0  accounts that were aged out\n"
	       "NOT BALANCED: accounts + overflow + retired - total = -3 bytes, executions - total "
	       "= 1 bytes\n"
	       "(the maps are read one after the other: while something sends this may be so for "
	       "a moment)\n"
	       "no interface is compared with what was posted\n"
	       "stayed on the machine, bytes: none\n"
	       "loss: none\n");
}

Test(cli, alerts)
{
	expect(alerts_show,
	       "{\"v\":1,\"rule\":\"r-1\",\"severity\":\"high\",\"reason\":\"sent\\tmuch\","
	       "\"count\":2,\"last\":\"2026-03-19T17:43:12.123456Z\",\"process\":{\"pid\":42,"
	       "\"name\":\"curl\"},\"endpoint\":{\"ip\":\"2001:db8::1\",\"port\":443,\"proto\":"
	       "\"tcp\",\"names\":[{\"name\":\"scan.example.org\",\"source\":\"dns\"}]},"
	       "\"bytes\":{\"sent\":393216}}\n",
	       &(struct cli_opts){ 0 },
	       "LAST                  SEVERITY  RULE  COUNT      SENT  PROCESS   ENDPOINT          "
	       "                        REASON\n"
	       "2026-03-19T17:43:12Z  high      r-1       2  384.0KiB  curl[42]  "
	       "scan.example.org ([2001:db8::1]:443/tcp)  sent\\x09much\n"
	       "1 open alert\n");
	expect(alerts_show,
	       "{\"v\":1,\"rule\":\"r-1\",\"severity\":\"high\",\"reason\":\"r\",\"count\":2,"
	       "\"endpoint\":{\"ip\":\"192.0.2.8\",\"port\":3128,\"proto\":\"tcp\",\"names\":["
	       "{\"name\":\"target.example\",\"source\":\"connect\",\"confirmed\":true,\"asked\":"
	       "true,\"port\":8443}]}}\n"
	       "{\"v\":1,\"rule\":\"r-1\",\"severity\":\"high\",\"reason\":\"r\",\"count\":2,"
	       "\"endpoint\":{\"ip\":\"192.0.2.8\",\"port\":443,\"proto\":\"tcp\",\"names\":["
	       "{\"name\":\"a.example\",\"source\":\"sni\",\"confirmed\":false,\"asked\":true},"
	       "{\"name\":\"b.example\",\"source\":\"dns\",\"confirmed\":true}]}}\n",
	       &(struct cli_opts){ 0 },
	       "LAST  SEVERITY  RULE  COUNT  SENT  PROCESS    ENDPOINT                            "
	       "         REASON\n"
	       "-     high      r-1       2   0 B  (machine)  target.example:8443 (by 192.0.2.8:"
	       "3128/tcp)  r\n"
	       "-     high      r-1       2   0 B  (machine)  a.example? (192.0.2.8:443/tcp)      "
	       "         r\n"
	       "2 open alerts\n");
	expect(alerts_show, "", &(struct cli_opts){ 0 }, "0 open alerts\n");
}

Test(cli, status)
{
	expect(status_show,
	       "{\"version\":\"1.0\",\"pid\":811,\"uptime_s\":90061,\"host\":\"runner-7\","
	       "\"boot_id\":\"b00t\",\"rules\":{\"on\":12,\"off\":[{\"id\":\"x\",\"why\":"
	       "\"not built\"}]},\"sinks\":[{\"name\":\"file:/x\",\"up\":false,\"error\":"
	       "\"full\",\"queued\":2,\"delivered\":9,\"dropped\":3}],\"tracked\":{\"executions\":"
	       "3,\"accounts\":4,\"evicted\":0},\"hash\":{\"files\":5,\"gone\":0,\"cached\":"
	       "6},\"tables\":{\"accounts\":{\"used\":1,\"max\":2},"
	       "\"executions\":{\"used\":3,\"max\":4}},\"windows\":21,\"windows_evicted\":0,"
	       "\"alerts\":{\"raised\":0,\"open\":0},\"records\":{\"read\":31},\"control\":"
	       "{\"clients\":1},\"loss\":{\"ring\":0},\"reconcile\":{\"interfaces\":[],\"off\":"
	       "\"none here\"},\"hooks_missing\":[\"a\",\"b\"],"
	       "\"pins\":{\"path\":\"/p\",\"state\":\"pinned\",\"reason\":\"new roles\"}}\n",
	       &(struct cli_opts){ 0 },
	       "outflowd 1.0, pid 811, up 1d 01:01:01, on runner-7, boot b00t\n"
	       "rules       12 on, 1 OFF\n"
	       "            OFF x: not built\n"
	       "sinks       file:/x: DOWN (full), 9 delivered, 2 queued, 3 DROPPED\n"
	       "interfaces  NONE compared with what was posted: none here\n"
	       "kernel      1 of 2 accounts, 3 of 4 executions\n"
	       "pins        pinned in /p; fresh books: new roles\n"
	       "tracked     executions 3, accounts 4\n"
	       "hashed      files 5, cached 6\n"
	       "images      nothing yet\n"
	       "names       nothing yet\n"
	       "windows     21 open, 0 evicted\n"
	       "alerts      nothing yet\n"
	       "records     read 31\n"
	       "control     clients 1\n"
	       "loss        none\n"
	       "hooks       MISSING a, b\n");
}

struct status_case {
	const char *json, *line;
};

/* What one part of the answer, alone, reads as. */
static void status_lines(const char *key, const char *label, const struct status_case *cases,
			 size_t n)
{
	char line[256], want[256];
	struct buf out;
	size_t i;

	buf_init(&out, 65536);
	for (i = 0; i < n; i++) {
		buf_clear(&out);
		(void)snprintf(line, sizeof(line), "{\"%s\":%s}\n", key, cases[i].json);
		(void)snprintf(want, sizeof(want), "\n%-11s %s", label, cases[i].line);
		cr_assert_eq(status_show(line, strlen(line), &(struct cli_opts){ 0 }, &out), 0);
		cr_expect_not_null(strstr(out.data, want), "%s", out.data);
	}
	buf_done(&out);
}

Test(cli, status_of_interfaces)
{
	static const struct status_case cases[] = {
		{ "{\"interfaces\":[\"eth0\",\"wg0\"],\"off\":null,\"left_out\":0}",
		  "eth0, wg0 compared with what was posted\n" },
		{ "{\"interfaces\":[\"eth0\"],\"off\":null,\"left_out\":7}",
		  "eth0 compared with what was posted; 7 LEFT OUT: more than can be compared\n" },
		/* A daemon of before tells nothing of it. */
		{ "{\"interfaces\":[\"eth0\"],\"off\":null}",
		  "eth0 compared with what was posted\n" },
	};

	status_lines("reconcile", "interfaces", cases, sizeof(cases) / sizeof(cases[0]));
}

Test(cli, status_of_pins)
{
	static const struct status_case cases[] = {
		{ "{\"path\":\"/p\",\"state\":\"adopted\",\"reason\":null}", "adopted in /p\n" },
		{ "{\"path\":\"/p\",\"state\":\"pinned\",\"reason\":null}", "pinned in /p\n" },
		{ "{\"path\":\"/p\",\"state\":\"none\",\"reason\":\"no BPF file system\"}",
		  "NONE, a restart loses the books: no BPF file system\n" },
	};

	status_lines("pins", "pins", cases, sizeof(cases) / sizeof(cases[0]));
}

Test(cli, lines_of_another_kind)
{
	static cli_show *const shows[] = { status_show, ps_show, flows_show, ledger_show,
					   alerts_show };
	static const char *const bad[] = { "nonsense\n", "[1]\n", "{\"a\":\n", "\n", "1\n" };
	static const char *const odd[] = {
		"{}\n",
		("{\"process\":7,\"lineage\":{\"a\":1},\"roles\":\"x\",\"endpoint\":[1],\"bytes\":"
		 "null,\"last\":[],\"rules\":[],\"sinks\":{},\"loss\":7,\"local\":\"x\","
		 "\"hooks_missing\":1,\"total\":\"many\",\"sent\":-1}\n"),
		("{\"lineage\":[1,null,{}],\"roles\":[[]],\"endpoint\":{\"names\":[7],\"ip\":1},"
		 "\"sinks\":[1],\"rules\":{\"off\":[1]},\"hooks_missing\":[{}],\"sent\":1}\n"),
	};
	const struct cli_opts o = { .all = true };
	struct buf got;
	size_t i, j;

	buf_init(&got, 1 << 20);
	for (i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		for (j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			cr_expect_eq(shows[i](bad[j], strlen(bad[j]), &o, &got), -EBADMSG);
		for (j = 0; j < sizeof(odd) / sizeof(odd[0]); j++)
			cr_expect_eq(shows[i](odd[j], strlen(odd[j]), &o, &got), 0);
	}
	buf_done(&got);
}

Test(cli, nothing_wraps_on_a_terminal)
{
	static const struct grid_col cols[] = { { "N", true },
						{ "NAME", false },
						{ "LAST", false } };
	static const char name[] = "a-name-of-more-than-forty-characters-is-cut";
	static const char long_one[] = "gr\xc3\xbc\xc3\x9f"
				       "e and a tail that does not fit";
	struct buf got;
	struct grid g;

	buf_init(&got, 1 << 20);
	grid_init(&g, cols, 3);
	grid_row(&g, 1);
	grid_u64(&g, 7);
	grid_str(&g, name, sizeof(name) - 1);
	grid_str(&g, long_one, sizeof(long_one) - 1);
	grid_print(&g, 70, &got);
	cr_expect_str_eq(got.data, "N  NAME                                      LAST\n"
				   "7  a-name-of-more-than-forty-characters-...  "
				   "gr\xc3\xbc\xc3\x9f"
				   "e and a tail that ...\n");
	buf_clear(&got);
	grid_print(&g, 0, &got);
	cr_expect_not_null(strstr(got.data, "-is-cut  gr"), "a file gets everything");
	grid_done(&g);
	buf_done(&got);
}
