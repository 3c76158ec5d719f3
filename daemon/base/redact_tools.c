/* SPDX-License-Identifier: BSD-2-Clause */
/* redact_tools.c: programs that take a secret by an option whose name does not say so. */
#include "base/redact_forms.h"

#include <string.h>

#include "base/poison.h"

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(s, word, n) == 0;
}

struct tool {
	const char *name;
	enum redact_tool tool;
};

/* By the first letter, as almost every word of a command is none of them. */
static const struct tool *const tools[128] = {
	['7'] = (const struct tool[]){ { "7z", TOOL_MYSQL },
				       { "7za", TOOL_MYSQL },
				       { "7zr", TOOL_MYSQL },
				       { "7zz", TOOL_MYSQL },
				       { NULL, TOOL_NONE } },
	['a'] = (const struct tool[]){ { "az", TOOL_REGISTRY }, { NULL, TOOL_NONE } },
	['b'] = (const struct tool[]){ { "bcp", TOOL_UPPER_P },
				       { "buildah", TOOL_REGISTRY },
				       { NULL, TOOL_NONE } },
	['c'] = (const struct tool[]){ { "cf", TOOL_REGISTRY },
				       { "config", TOOL_CONFIG },
				       { "configure", TOOL_CONFIG },
				       { "cosign", TOOL_REGISTRY },
				       { "cqlsh", TOOL_LOWER_P },
				       { "crane", TOOL_REGISTRY },
				       { "curl", TOOL_CURL },
				       { "cypher-shell", TOOL_LOWER_P },
				       { NULL, TOOL_NONE } },
	['d'] = (const struct tool[]){ { "docker", TOOL_REGISTRY }, { NULL, TOOL_NONE } },
	['h'] = (const struct tool[]){ { "helm", TOOL_REGISTRY },
				       { "http", TOOL_HTTPIE },
				       { "https", TOOL_HTTPIE },
				       { NULL, TOOL_NONE } },
	['i'] = (const struct tool[]){ { "ipmitool", TOOL_UPPER_P }, { NULL, TOOL_NONE } },
	['l'] = (const struct tool[]){ { "ldapadd", TOOL_LDAP },
				       { "ldapdelete", TOOL_LDAP },
				       { "ldapmodify", TOOL_LDAP },
				       { "ldappasswd", TOOL_LDAP },
				       { "ldapsearch", TOOL_LDAP },
				       { "ldapwhoami", TOOL_LDAP },
				       { "login", TOOL_LOGIN },
				       { NULL, TOOL_NONE } },
	['m'] = (const struct tool[]){ { "mariadb", TOOL_MYSQL },
				       { "mariadb-admin", TOOL_MYSQL },
				       { "mariadb-backup", TOOL_MYSQL },
				       { "mariadb-check", TOOL_MYSQL },
				       { "mariadb-dump", TOOL_MYSQL },
				       { "mariadb-import", TOOL_MYSQL },
				       { "mongo", TOOL_LOWER_P },
				       { "mongodump", TOOL_LOWER_P },
				       { "mongoexport", TOOL_LOWER_P },
				       { "mongoimport", TOOL_LOWER_P },
				       { "mongorestore", TOOL_LOWER_P },
				       { "mongosh", TOOL_LOWER_P },
				       { "mosquitto_pub", TOOL_UPPER_P },
				       { "mosquitto_sub", TOOL_UPPER_P },
				       { "mysql", TOOL_MYSQL },
				       { "mysqladmin", TOOL_MYSQL },
				       { "mysqlcheck", TOOL_MYSQL },
				       { "mysqldump", TOOL_MYSQL },
				       { "mysqlimport", TOOL_MYSQL },
				       { "mysqlsh", TOOL_MYSQL },
				       { NULL, TOOL_NONE } },
	['n'] = (const struct tool[]){ { "nerdctl", TOOL_REGISTRY }, { NULL, TOOL_NONE } },
	['o'] = (const struct tool[]){ { "oc", TOOL_REGISTRY },
				       { "openssl", TOOL_OPENSSL },
				       { "oras", TOOL_LOWER_P },
				       { NULL, TOOL_NONE } },
	['p'] = (const struct tool[]){ { "podman", TOOL_REGISTRY }, { NULL, TOOL_NONE } },
	['r'] = (const struct tool[]){ { "rabbitmqadmin", TOOL_LOWER_P },
				       { "rar", TOOL_MYSQL },
				       { "redis-cli", TOOL_REDIS },
				       { "regctl", TOOL_REGISTRY },
				       { NULL, TOOL_NONE } },
	['s'] = (const struct tool[]){ { "skopeo", TOOL_REGISTRY },
				       { "sqlcmd", TOOL_UPPER_P },
				       { "sshpass", TOOL_LOWER_P },
				       { NULL, TOOL_NONE } },
	['t'] = (const struct tool[]){ { "twine", TOOL_LOWER_P }, { NULL, TOOL_NONE } },
	['u'] = (const struct tool[]){ { "unrar", TOOL_MYSQL },
				       { "unzip", TOOL_ZIP },
				       { NULL, TOOL_NONE } },
	['v'] = (const struct tool[]){ { "valkey-cli", TOOL_REDIS }, { NULL, TOOL_NONE } },
	['x'] = (const struct tool[]){ { "xh", TOOL_HTTPIE },
				       { "xtrabackup", TOOL_MYSQL },
				       { NULL, TOOL_NONE } },
	['z'] = (const struct tool[]){ { "zip", TOOL_ZIP },
				       { "zipcloak", TOOL_ZIP },
				       { NULL, TOOL_NONE } },
};

enum redact_tool redact_tool(const char *name, size_t n)
{
	const struct tool *t = (unsigned char)name[0] < 128 ? tools[(unsigned char)name[0]] : NULL;

	for (; t != NULL && t->name != NULL; t++)
		if (is_word(name, n, t->name))
			return t->tool;
	return TOOL_NONE;
}

/* A letter's value is the next word, the rest of its own, or either. */
enum { NEXT = 1, SAME = 2 };

struct option {
	const char *option;
	unsigned char where;
	unsigned char key;
};

static const struct options {
	const char *flags; /* letters that take no value, so that others may stand behind them */
	const struct option *option;
} options_of[TOOL_MAX] = {
	[TOOL_CURL] = { "#0123456aBfgGiIjJkLlMnNOpqRsSvZ",
			(const struct option[]){ { "-u", NEXT | SAME, KEY_USER },
						 { "--user", NEXT, KEY_USER },
						 { "-U", NEXT | SAME, KEY_USER },
						 { "--proxy-user", NEXT, KEY_USER },
						 { "-b", NEXT | SAME, KEY_COOKIE },
						 { "--cookie", NEXT, KEY_COOKIE },
						 { "-E", NEXT | SAME, KEY_USER },
						 { "--cert", NEXT, KEY_USER },
						 { "--proxy-cert", NEXT, KEY_USER },
						 { "-x", NEXT | SAME, KEY_ADDRESS },
						 { "--proxy", NEXT, KEY_ADDRESS },
						 { "--preproxy", NEXT, KEY_ADDRESS },
						 { NULL, 0, KEY_NONE } } },
	[TOOL_HTTPIE] = { "bhvF", (const struct option[]){ { "-a", NEXT | SAME, KEY_USER },
							   { "--auth", NEXT, KEY_USER },
							   { NULL, 0, KEY_NONE } } },
	[TOOL_LDAP] = { "cnvxLM", (const struct option[]){ { "-w", NEXT | SAME, KEY_PASSWORD },
							   { NULL, 0, KEY_NONE } } },
	[TOOL_LOGIN] = { "", (const struct option[]){ { "-p", NEXT | SAME, KEY_PASSWORD },
						      { NULL, 0, KEY_NONE } } },
	[TOOL_LOWER_P] = { "v", (const struct option[]){ { "-p", NEXT | SAME, KEY_PASSWORD },
							 { NULL, 0, KEY_NONE } } },
	[TOOL_MYSQL] = { "", (const struct option[]){ { "-p", SAME, KEY_PASSWORD },
						      { NULL, 0, KEY_NONE } } },
	[TOOL_OPENSSL] = { "", (const struct option[]){ { "-k", NEXT, KEY_PASSWORD },
							{ "-K", NEXT, KEY_PASSWORD },
							{ "-hmac", NEXT, KEY_PASSWORD },
							{ NULL, 0, KEY_NONE } } },
	[TOOL_REDIS] = { "", (const struct option[]){ { "-a", NEXT, KEY_PASSWORD },
						      { NULL, 0, KEY_NONE } } },
	[TOOL_UPPER_P] = { "", (const struct option[]){ { "-P", NEXT | SAME, KEY_PASSWORD },
							{ NULL, 0, KEY_NONE } } },
	[TOOL_ZIP] = { "0123456789cCdDeEfFgjJklLmMnoqrRSTuUvVwXyzZ:",
		       (const struct option[]){ { "-P", NEXT | SAME, KEY_PASSWORD },
						{ NULL, 0, KEY_NONE } } },
};

/* Where in the word the letter of the option stands, behind flags; 0: nowhere. */
static size_t letter_at(const struct options *o, const char *word, size_t n, char letter)
{
	size_t i;

	for (i = 1; i < n && word[i] != letter; i++)
		if (word[i] == '\0' || strchr(o->flags, word[i]) == NULL)
			return 0;
	return i < n ? i : 0;
}

enum secret_key redact_tool_option(enum redact_tool tool, const char *word, size_t n, bool joined,
				   size_t *ret_at)
{
	const struct options *o = &options_of[tool];
	const struct option *p;
	size_t at;

	*ret_at = n;
	if (o->option == NULL || n < 2 || word[0] != '-')
		return KEY_NONE;
	for (p = o->option; p->option != NULL; p++) {
		if (strlen(p->option) > 2) {
			if (is_word(word, n, p->option))
				return (enum secret_key)p->key;
			continue;
		}
		at = letter_at(o, word, n, p->option[1]);
		if (at == 0 || (p->where & (at + 1 < n || joined ? SAME : NEXT)) == 0)
			continue;
		*ret_at = at + 1;
		return (enum secret_key)p->key;
	}
	return KEY_NONE;
}
