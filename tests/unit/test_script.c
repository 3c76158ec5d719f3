/* SPDX-License-Identifier: BSD-2-Clause */
/* What an interpreter runs, by its arguments. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <string.h>

#include "base/script.h"
#include "base/text.h"

struct row {
	char program[16];
	char args[96]; /* a bar between two */
	char want[32]; /* "": nothing; "m:": a module */
};

static struct row rows[] = {
	{ "bash", "bash|entrypoint.sh|--scan", "entrypoint.sh" },
	{ "bash", "bash|-e|/tmp/x.sh", "/tmp/x.sh" },
	{ "bash", "bash|-o|pipefail|-e|x.sh", "x.sh" },
	{ "bash", "bash|--rcfile|rc|x.sh", "x.sh" },
	{ "bash", "bash|--noprofile|--norc|-e|-o|pipefail|/w/1.sh", "/w/1.sh" },
	{ "bash", "bash|-c|curl x", "-c" },
	{ "bash", "bash|-lc|curl x", "-c" },
	{ "bash", "-bash", "-" },
	{ "bash", "bash", "-" },
	{ "bash", "bash|-s|x", "-" },
	{ "bash", "bash|-s|--|-b|/usr/local/bin", "-" },
	{ "bash", "bash|-es|x", "-" },
	{ "bash", "bash|-s|-c|x", "-c" },
	{ "rbash", "rbash|x.sh", "x.sh" },
	{ "bash", "bash|--|-x.sh", "-x.sh" },
	{ "bash", "bash|--", "-" },
	{ "busybox", "busybox|sh|x.sh", "x.sh" },
	{ "busybox", "sh|-e|x.sh", "x.sh" },
	{ "busybox", "/bin/ash|-c|x", "-c" },
	{ "busybox", "-sh", "-" },
	{ "busybox", "busybox|wget|x.sh", "" },
	{ "busybox", "busybox", "" },
	{ "busybox", "ls|sh", "" },
	{ "bash", "bash|+x|x.sh", "x.sh" },
	{ "dash", "sh|x.sh", "x.sh" },
	{ "sh", "sh|-|x", "-" },
	{ "python3", "python3|-", "-" },
	{ "python3.11", "python3|-I|x.py", "x.py" },
	{ "python3.11", "python3|-X|utf8|x.py", "x.py" },
	{ "python3.11", "python3|-Xutf8|x.py", "x.py" },
	{ "python3.11", "python3|-m|http.server|80", "m:http.server" },
	{ "python3.11", "python3|-Bm|pip", "m:pip" },
	{ "python3.11", "python3|-mpip|x", "m:pip" },
	{ "python3.11", "python3|-m", "" },
	{ "python3.11-dbg", "python3|x.py", "x.py" },
	{ "python3.11", "python3|-c|import os", "-c" },
	{ "node", "node|x.js", "x.js" },
	{ "node", "node|--require|./a.js|x.js", "x.js" },
	{ "node", "node|--max-old-space-size=1|x.js", "x.js" },
	{ "node", "node|-e|1", "-c" },
	{ "node", "node|--eval|1", "-c" },
	{ "perl", "perl|-we|1", "-c" },
	{ "perl", "perl|x.pl", "x.pl" },
	{ "perl", "perl|-I|lib|x.pl", "x.pl" },
	{ "perl", "perl|-Ilib/perl5|x.pl", "x.pl" },
	{ "perl", "perl|-MFile::Temp|-w|x.pl", "x.pl" },
	{ "perl", "perl|-d:Trace|x.pl", "x.pl" },
	{ "perl", "perl|-0777ne|1", "-c" },
	{ "perl", "perl|-i.orig|-pe|1", "-c" },
	{ "node", "node|--env-file|F|x.js", "x.js" },
	{ "node", "node|--title|foo|x.js", "x.js" },
	{ "node", "node|--conditions|dev|x.js", "x.js" },
	{ "node", "node|--eval=1", "-c" },
	{ "node", "node|inspect|x.js", "x.js" },
	{ "php", "php|-f|x.php", "x.php" },
	{ "php", "php|-fx.php", "x.php" },
	{ "php", "php|-d|a=b|x.php", "x.php" },
	{ "php", "php|--file=x.php", "x.php" },
	{ "pwsh", "pwsh|-ExecutionPolicy|Bypass|-File|x.ps1|-a", "x.ps1" },
	{ "pwsh", "pwsh|-NoProfile|x.ps1", "x.ps1" },
	{ "pwsh", "pwsh|-c|ls", "-c" },
	{ "deno", "deno|run|-A|x.ts", "x.ts" },
	{ "deno", "deno|test", "" },
	{ "luajit", "luajit|-O3|x.lua", "x.lua" },
	{ "luajit", "luajit|-lm|-j|v|x.lua", "x.lua" },
	{ "tclsh", "tclsh8.6|-encoding|utf-8|x.tcl", "x.tcl" },
	{ "ruby", "ruby|-r|json|x.rb", "x.rb" },
	{ "bun", "bun|run.js", "run.js" },
	{ "bun", "bun|run|--watch|b.ts", "b.ts" },
	{ "bun", "bun|install", "" },
	{ "bun", "bun", "" },
	{ "bash2", "bash|x.sh", "x.sh" },
	{ "bashful", "bash|x.sh", "" },
	{ "curl", "curl|x.sh", "" },
	{ "bash", "", "" },
	{ "bash", "bash||x.sh", "" },
};

ParameterizedTestParameters(script, of_arguments)
{
	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *r, script, of_arguments)
{
	size_t len = strlen(r->args), i;
	struct script s = { .text = "", .len = 0 };
	char argv[96], got[64] = "";

	for (i = 0; i <= len; i++)
		argv[i] = (char)(r->args[i] == '|' ? '\0' : r->args[i]);
	if (script_of(r->program, argv, len == 0 ? 0 : len + 1, &s))
		(void)snprintf(got, sizeof(got), "%s%.*s", s.is_module ? "m:" : "", (int)s.len,
			       s.text);
	cr_expect_str_eq(got, r->want, "%s: %s", r->program, r->args);
}

Test(script, argv_that_is_cut)
{
	static const char argv[] = { 'b', 'a', 's', 'h', '\0', 'x', '.', 's' };
	struct script s;

	cr_assert(script_of("bash", argv, sizeof(argv), &s));
	cr_expect_eq(s.len, 3);
}

Test(script, no_argv)
{
	struct script s;

	cr_expect(!script_of("bash", NULL, 0, &s));
}

Test(script, glob)
{
	cr_expect(text_glob("*kics*", "/usr/bin/kics\0scan", 18));
	cr_expect(text_glob("*kics scan", "/usr/bin/kics\0scan", 18));
	cr_expect(text_glob("", "", 0));
	cr_expect(text_glob("*", "", 0));
	cr_expect(text_glob("a?c", "abc", 3));
	cr_expect(text_glob("*a*b", "xaxbxb", 6));
	cr_expect_not(text_glob("a", "ab", 2));
	cr_expect_not(text_glob("ab", "a", 1));
	cr_expect_not(text_glob("?", "", 0));
	cr_expect_not(text_glob("*a*c", "xaxbxb", 6));
}
