/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/script.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/poison.h"

/* An interpreter, by the beginning of its name; digits and dots of a version may follow. Options as
 * its manual has them. */
struct interpreter {
	const char *name;
	/* Letters of options with a value, which is the rest of the word or the next one; that of
	 * `glued` never is the next one. */
	const char *text;   /* is what runs */
	const char *file;   /* is the file that runs */
	const char *module; /* is a module */
	const char *takes;  /* is no script */
	const char *glued;
	const char
		*reads; /* without a value: standard input is what runs, words are its arguments */
	/* Long options whose value is the next word or stands behind '=', each with a space behind.
	 */
	const char *long_text;
	const char *long_file;
	const char *long_takes;
	/* Words before the script, and words instead of one, each with a space behind. */
	const char *before;
	const char *instead;
	bool one_dash;	/* long options have one, and no case; and there are no letters */
	bool not_stdin; /* without a file */
};

#define SHELL(name_, takes_)                                                  \
	{                                                                     \
		.name = (name_), .text = "c", .takes = (takes_), .reads = "s" \
	}
#define BASH(name_)                                                        \
	{                                                                  \
		.name = (name_), .text = "c", .takes = "oO", .reads = "s", \
		.long_takes = "--rcfile --init-file ",                     \
	}
#define PYTHON(name_)                                                       \
	{                                                                   \
		.name = (name_), .text = "c", .module = "m", .takes = "WX", \
		.long_takes = "--check-hash-based-pycs ",                   \
	}
#define NODE(name_)                                                                           \
	{                                                                                     \
		.name = (name_), .text = "ep", .takes = "Cr", .long_text = "--eval --print ", \
		.long_takes = NODE_TAKES, .before = "inspect debug ",                         \
	}
#define NODE_TAKES                                                                              \
	"--require --import --loader --experimental-loader --conditions --env-file "            \
	"--env-file-if-exists --title --input-type --inspect-port --icu-data-dir "              \
	"--openssl-config --redirect-warnings --trace-event-categories --unhandled-rejections " \
	"--disable-warning --dns-result-order --test-name-pattern --test-reporter "             \
	"--test-reporter-destination --watch-path --stack-trace-limit --max-http-header-size "  \
	"--tls-keylog --diagnostic-dir --report-dir --cpu-prof-dir --experimental-default-type "

static const struct interpreter interpreters[] = {
	BASH("sh"),
	BASH("bash"),
	BASH("rbash"),
	SHELL("dash", "o"),
	SHELL("ash", "o"),
	SHELL("ksh", "o"),
	SHELL("rksh", "o"),
	SHELL("mksh", "o"),
	SHELL("yash", "o"),
	SHELL("zsh", "o"),
	{ .name = "fish",
	  .text = "c",
	  .takes = "Cdfo",
	  .long_text = "--command ",
	  .long_takes = "--init-command --debug --features --debug-output " },
	PYTHON("python"),
	PYTHON("pypy"),
	/* -d:Trace, -MFile::Temp, -i.bak */
	{ .name = "perl", .text = "eE", .takes = "I", .glued = ":CDFMVimx" },
	{ .name = "ruby",
	  .text = "e",
	  .takes = "CEIr",
	  .glued = "FKTWix",
	  .long_takes = "--enable --disable --encoding --external-encoding --internal-encoding " },
	NODE("node"),
	NODE("nodejs"),
	{ .name = "bun",
	  .text = "ep",
	  .takes = "rc",
	  .long_text = "--eval --print ",
	  .long_takes = "--preload --require --import --env-file --cwd --config --define --loader "
			"--conditions --port --filter --shell ",
	  .before = "run ",
	  .instead = "add audit build c ci create exec i info init install link outdated patch pm "
		     "publish remove rm test unlink update upgrade why x ",
	  .not_stdin = true },
	{ .name = "deno",
	  .takes = "cL",
	  .long_takes = "--config --import-map --cert --location --seed --log-level --ext --port "
			"--host --preload ",
	  .before = "run serve ",
	  .instead =
		  "add bench bundle cache check clean compile completions coverage deploy doc eval "
		  "fmt info init install jupyter lint lsp outdated publish remove repl task test "
		  "types uninstall update upgrade vendor ",
	  .not_stdin = true },
	{ .name = "php",
	  .text = "rBRE",
	  .file = "fF",
	  .takes = "cdzSt",
	  .long_text = "--run --process-begin --process-code --process-end ",
	  .long_file = "--file --process-file ",
	  .long_takes = "--php-ini --define --zend-extension --server --docroot " },
	{ .name = "lua", .text = "e", .takes = "l" },
	{ .name = "luajit", .text = "e", .takes = "jl", .glued = "Ob" },
	{ .name = "Rscript", .text = "e", .not_stdin = true },
	{ .name = "tclsh", .long_takes = "-encoding ", .one_dash = true },
	{ .name = "pwsh",
	  .long_text = "-command -c -commandwithargs -cwa -encodedcommand -e -ec -enc ",
	  .long_file = "-file -f ",
	  .long_takes = "-executionpolicy -ep -ex -configurationname -config -configurationfile "
			"-custompipename -inputformat -inp -if -outputformat -o -of -settingsfile "
			"-settings -version -windowstyle -w -workingdirectory -wd -wo ",
	  .one_dash = true },
};

static bool name_is(const char *program, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(program, name, len) != 0)
		return false;
	program += len + strspn(program + len, "0123456789.");
	return *program == '\0' || strcmp(program, "-dbg") == 0;
}

static const struct interpreter *interpreter_of(const char *program)
{
	size_t i;

	for (i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++)
		if (name_is(program, interpreters[i].name))
			return &interpreters[i];
	return NULL;
}

/* Arguments one after the other. */
struct args {
	const char *at, *end;
	const char *arg;
	size_t len;
};

static bool next(struct args *a)
{
	if (a->at >= a->end)
		return false;
	a->arg = a->at;
	a->len = strnlen(a->at, (size_t)(a->end - a->at));
	a->at += a->len + 1;
	return true;
}

static bool holds(const char *letters, char c)
{
	return letters != NULL && c != '\0' && strchr(letters, c) != NULL;
}

/* Is the argument's first `len` bytes, with a space behind, in the list? */
static bool listed(const char *list, const struct args *a, size_t len)
{
	const char *p;

	for (p = list == NULL ? "" : list; *p != '\0'; p += strcspn(p, " ") + 1)
		if (strcspn(p, " ") == len && strncasecmp(p, a->arg, len) == 0)
			return true;
	return false;
}

enum option { OPTION_PLAIN, OPTION_TAKES, OPTION_TEXT, OPTION_FILE, OPTION_MODULE, OPTION_STDIN };

/* What a cluster of letters asks for. One that has a value ends it: the rest of the cluster is
 * that, from *ret_rest, or the next argument, when *ret_rest is 0. */
static enum option letters_of(const struct interpreter *in, const struct args *a, size_t *ret_rest)
{
	enum option found = OPTION_PLAIN;
	size_t i;

	for (i = 1; i < a->len; i++) {
		*ret_rest = i + 1 < a->len ? i + 1 : 0;
		if (holds(in->text, a->arg[i]))
			return OPTION_TEXT;
		if (holds(in->file, a->arg[i]))
			return OPTION_FILE;
		if (holds(in->module, a->arg[i]))
			return OPTION_MODULE;
		if (holds(in->takes, a->arg[i]))
			return OPTION_TAKES;
		if (holds(in->glued, a->arg[i]))
			return OPTION_PLAIN;
		if (holds(in->reads, a->arg[i]))
			found = OPTION_STDIN;
	}
	return found;
}

static enum option long_of(const struct interpreter *in, const struct args *a, size_t *ret_rest)
{
	const char *equals = memchr(a->arg, '=', a->len);
	size_t len = equals == NULL ? a->len : (size_t)(equals - a->arg);

	*ret_rest = equals == NULL ? 0 : len + 1;
	if (listed(in->long_text, a, len))
		return OPTION_TEXT;
	if (listed(in->long_file, a, len))
		return OPTION_FILE;
	return listed(in->long_takes, a, len) ? OPTION_TAKES : OPTION_PLAIN;
}

static bool found(struct script *ret, const char *text, size_t len, bool is_module)
{
	*ret = (struct script){ text, len, is_module };
	return len > 0;
}

/* What the option says of the script. 0: it is behind; 1: it is found, and 2: there is none. */
enum said { SAID_NOTHING, SAID_IT, SAID_NONE };

static enum said option_take(const struct interpreter *in, struct args *a, bool *ret_stdin,
			     struct script *ret)
{
	bool is_long = in->one_dash || (a->arg[0] == '-' && a->arg[1] == '-');
	size_t rest = 0;
	enum option o = is_long ? long_of(in, a, &rest) : letters_of(in, a, &rest);

	switch (o) {
	case OPTION_TEXT:
		return found(ret, "-c", 2, false) ? SAID_IT : SAID_NONE;
	case OPTION_FILE:
	case OPTION_MODULE:
		if (rest > 0 || !next(a)) /* a cut argv may end here */
			return rest > 0 && found(ret, a->arg + rest, a->len - rest,
						 o == OPTION_MODULE)
				       ? SAID_IT
				       : SAID_NONE;
		return found(ret, a->arg, a->len, o == OPTION_MODULE) ? SAID_IT : SAID_NONE;
	case OPTION_TAKES:
		if (rest == 0)
			(void)next(a);
		return SAID_NOTHING;
	case OPTION_STDIN:
		*ret_stdin = true;
		return SAID_NOTHING;
	default:
		return SAID_NOTHING;
	}
}

static bool is_box(const char *program)
{
	return name_is(program, "busybox") || name_is(program, "toybox");
}

/* The program that one file of many names is, by the name it was called by, which may be the second
 * word; what it was told follows. */
static const struct interpreter *applet_of(struct args *a)
{
	char name[16];
	const char *slash;
	int tries;
	size_t len;

	for (tries = 0; tries < 2; tries++) {
		slash = memrchr(a->arg, '/', a->len);
		slash = slash == NULL ? a->arg : slash + 1;
		len = a->len - (size_t)(slash - a->arg);
		if (len > 0 && *slash == '-') { /* of a login */
			slash++;
			len--;
		}
		if (len == 0 || len >= sizeof(name))
			return NULL;
		memcpy(name, slash, len);
		name[len] = '\0';
		if (!is_box(name) || !next(a))
			return interpreter_of(name);
	}
	return NULL;
}

bool script_of(const char *program, const char *argv, size_t argv_len, struct script *ret)
{
	const struct interpreter *in = interpreter_of(program);
	bool reads_stdin = false;
	enum said said;
	struct args a;

	if (argv_len == 0)
		return false;
	a = (struct args){ .at = argv, .end = argv + argv_len };
	if (!next(&a))
		return false;
	if (is_box(program))
		in = applet_of(&a);
	if (in == NULL)
		return false;
	a.len = 0;
	while (next(&a)) {
		if (a.len == 0)
			return false;
		if (a.arg[0] != '-' && a.arg[0] != '+') {
			if (listed(in->before, &a, a.len))
				continue;
			if (listed(in->instead, &a, a.len))
				return false;
			break;
		}
		if (a.len == 1)
			return found(ret, a.arg, 1, false);
		if (a.len == 2 && a.arg[1] == '-') {
			if (!next(&a))
				a.len = 0;
			break;
		}
		said = option_take(in, &a, &reads_stdin, ret);
		if (said != SAID_NOTHING)
			return said == SAID_IT;
		a.len = 0;
	}
	if (a.len > 0 && !reads_stdin)
		return found(ret, a.arg, a.len, false);
	/* `curl ... | bash`: nothing says so but that there is nothing else. */
	return (reads_stdin || !in->not_stdin) && found(ret, "-", 1, false);
}
