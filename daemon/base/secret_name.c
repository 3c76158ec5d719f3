/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/secret_name.h"

#include <string.h>

#include "base/poison.h"

enum {
	WHOLE = 1,    /* in arguments: only as a part of its own, "db_pass" and not "compass" */
	ALONE = 2,    /* so in variables too */
	MORE = 4,     /* others may follow: TOKEN_PROD */
	CAPITALS = 8, /* in arguments: only in a name all of capitals, behind another part */
	NO_OPTION = 16,
	TOLD = 32, /* a password in it is hidden, and the rest may be told */
};

struct word {
	const char *word;
	unsigned char key; /* KEY_NONE: in arguments it says nothing */
	unsigned char where;
};

/* By the last letter: most words of a command end in one that none of these does. Compared without
 * case, '-', '_' and '.'; of two the first counts. */
static const struct word *const words[26] = {
	['c' - 'a'] = (const struct word[]){ { "hmac", KEY_NONE, 0 }, { NULL, 0, 0 } },
	['d' - 'a'] = (const struct word[]){ { "password", KEY_PASSWORD, MORE },
					     { "passwd", KEY_PASSWORD, MORE },
					     { "sessionid", KEY_SECRET, 0 },
					     { "secretid", KEY_SECRET, NO_OPTION }, /* Vault's */
					     { "pwd", KEY_PASSWORD, WHOLE },
					     { NULL, 0, 0 } },
	['e' - 'a'] = (const struct word[]){ { "passphrase", KEY_PASSWORD, MORE },
					     { "passcode", KEY_PASSWORD, 0 },
					     { "amzsignature", KEY_SECRET, 0 },
					     { "googsignature", KEY_SECRET, 0 },
					     { "cookie", KEY_HEADER, 0 },
					     { "private", KEY_NONE, MORE },
					     { NULL, 0, 0 } },
	['g' - 'a'] = (const struct word[]){ { "sig", KEY_QUERY, WHOLE },
					     { "connectionstring", KEY_ADDRESS, 0 },
					     { NULL, 0, 0 } },
	['h' - 'a'] = (const struct word[]){ { "auth", KEY_SECRET, WHOLE | CAPITALS },
					     { "auth", KEY_JSON, WHOLE },
					     { NULL, 0, 0 } },
	['i' - 'a'] = (const struct word[]){ { "uri", KEY_NONE, 0 }, { NULL, 0, 0 } },
	['k' - 'a'] = (const struct word[]){ { "webhook", KEY_NONE, MORE }, { NULL, 0, 0 } },
	['l' - 'a'] = (const struct word[]){ { "credential", KEY_FILE, 0 },
					     { "url", KEY_NONE, 0 },
					     { NULL, 0, 0 } },
	['n' - 'a'] = (const struct word[]){ { "token", KEY_SECRET, MORE },
					     { "authorization", KEY_HEADER, 0 },
					     { "gitlabsession", KEY_SECRET, 0 },
					     { "session", KEY_NONE, MORE },
					     { "passin", KEY_PASS, WHOLE },
					     { "dsn", KEY_ADDRESS, WHOLE },
					     { NULL, 0, 0 } },
	['o' - 'a'] =
		(const struct word[]){ { "repo", KEY_ADDRESS, WHOLE | TOLD }, { NULL, 0, 0 } },
	['r' - 'a'] = (const struct word[]){ { "bearer", KEY_SECRET, 0 }, { NULL, 0, 0 } },
	['s' - 'a'] = (const struct word[]){ { "credentials", KEY_FILE, 0 },
					     { "storepass", KEY_PASS, 0 },
					     { "keypass", KEY_PASS, 0 },
					     { "creds", KEY_USER, 0 },
					     { "pass", KEY_PASS, WHOLE },
					     { "sas", KEY_NONE, ALONE },
					     { NULL, 0, 0 } },
	['t' - 'a'] = (const struct word[]){ { "secret", KEY_SECRET, MORE },
					     { "passout", KEY_PASS, WHOLE },
					     { "jwt", KEY_SECRET, WHOLE },
					     { "pat", KEY_SECRET, WHOLE | ALONE | CAPITALS },
					     { NULL, 0, 0 } },
	['w' - 'a'] =
		(const struct word[]){ { "pw", KEY_PASSWORD, WHOLE | ALONE }, { NULL, 0, 0 } },
	['y' - 'a'] = (const struct word[]){ { "apikey", KEY_SECRET, MORE },
					     { "accesskey", KEY_SECRET, MORE },
					     { "secretkey", KEY_SECRET, MORE },
					     { "accountkey", KEY_SECRET, 0 },
					     { "authkey", KEY_SECRET, 0 },
					     { "masterkey", KEY_SECRET, 0 },
					     { "encryptionkey", KEY_SECRET, 0 },
					     { "subscriptionkey", KEY_SECRET, 0 },
					     { "privatekey", KEY_FILE, MORE },
					     { "signingkey", KEY_FILE, MORE },
					     { "sshkey", KEY_FILE, MORE },
					     { "deploykey", KEY_FILE, MORE },
					     { "key", KEY_FILE, WHOLE | CAPITALS },
					     { "repository", KEY_ADDRESS, WHOLE | TOLD },
					     { NULL, 0, 0 } },
};

/* Said with a word that makes a secret, and none. */
static const char *const harmless[] = {
	"nexttoken", "startingtoken", "pagetoken",    "continuationtoken", "requesttoken",
	"publickey", "cachekey",      "primarykey",   "foreignkey",	   "sortkey",
	"objectkey", "hostkey",	      "partitionkey", "registrykey",	   "routingkey",
};
static const char *const harmless_first[] = { "no-",	  "no_",      "with-", "with_",
					      "without-", "without_", "ask-",  "ask_" };

/* What follows the word tells that the value is something about the secret. */
static const char *const harmless_last[] = {
	"age",	    "algorithm", "arn",	     "audience", "budget",   "cmd",    "command",
	"count",    "days",	 "dir",	     "enabled",	 "endpoint", "env",    "expiration",
	"expires",  "expiry",	 "fd",	     "field",	 "file",     "format", "group",
	"header",   "helper",	 "host",     "hours",	 "id",	     "ids",    "info",
	"interval", "issuer",	 "key",	     "label",	 "len",	     "length", "lifetime",
	"limit",    "location",	 "manager",  "max",	 "min",	     "mode",   "mount",
	"name",	    "names",	 "path",     "policy",	 "port",     "prompt", "provider",
	"ref",	    "required",	 "rotation", "scan",	 "scanning", "scope",  "scopes",
	"seconds",  "server",	 "service",  "size",	 "source",   "stdin",  "store",
	"timeout",  "ttl",	 "type",     "uri",	 "url",	     "usage",  "user",
	"username", "var",	 "version",
};

/* And what, that it is the secret: then it may be an option's next argument too. */
static const char *const value_last[] = { "string", "value", "data", "text" };

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static bool is_join(char c)
{
	return c == '-' || c == '_' || c == '.' || c == '*';
}

/* Does one part of the name end before, or at, `at` and another begin? */
static bool is_border(const char *name, size_t n, size_t at)
{
	if (at == 0 || at == n || is_join(name[at - 1]) || is_join(name[at]))
		return true;
	return is_digit(name[at - 1]) != is_digit(name[at]) ||
	       (is_lower(name[at - 1]) && is_upper(name[at]));
}

/* Where the part of the name begins that spells the word, backwards; n: it does not. */
static size_t ends_with(const char *name, size_t n, const char *word)
{
	size_t i = n, w = strlen(word);

	while (w > 0) {
		if (i == 0)
			return n;
		i--;
		if (is_join(name[i]))
			continue;
		if (lower(name[i]) != word[--w])
			return n;
	}
	return i;
}

static const struct word *words_of(char last)
{
	last = lower(last);
	return is_lower(last) ? words[last - 'a'] : NULL;
}

static bool is_capitals(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (is_lower(name[i]) || name[i] == '-')
			return false;
	return true;
}

/* The word that the first `end` bytes of the name end with; NULL: none. */
static const struct word *word_find(const char *name, size_t n, size_t end, size_t *ret_at)
{
	const struct word *w = words_of(name[end - 1]);

	for (; w != NULL && w->word != NULL; w++) {
		if (w->key == KEY_NONE)
			continue;
		*ret_at = ends_with(name, end, w->word);
		if (*ret_at == end || ((w->where & WHOLE) != 0 && !is_border(name, n, *ret_at)))
			continue;
		if ((w->where & CAPITALS) != 0 && (*ret_at == 0 || !is_capitals(name, n)))
			continue;
		if ((w->where & NO_OPTION) != 0 && name[0] == '-')
			continue;
		return w;
	}
	return NULL;
}

static bool last_is(const char *name, size_t n, const char *const *list, size_t list_n)
{
	size_t i, at;

	for (i = 0; i < list_n; i++) {
		at = ends_with(name, n, list[i]);
		if (at < n && is_border(name, n, at))
			return true;
	}
	return false;
}

/* `end`: of the word in the name. */
static bool is_harmless(const char *name, size_t n, size_t end)
{
	size_t dashes = 0, i;

	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (ends_with(name, end, harmless[i]) < end)
			return true;
	while (dashes < n && name[dashes] == '-')
		dashes++;
	for (i = 0; i < sizeof(harmless_first) / sizeof(harmless_first[0]); i++)
		if (strlen(harmless_first[i]) <= n - dashes &&
		    memcmp(name + dashes, harmless_first[i], strlen(harmless_first[i])) == 0)
			return true;
	return false;
}

/* Are there letters in what is left of the name? Without, as in TOKEN_2, it says nothing more. */
static bool says_more(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_join(s[i]) && !is_digit(s[i]))
			return true;
	return false;
}

/* The shell's, and everybody's: where one is. */
static bool is_directory(const char *name, size_t n)
{
	return (n == 3 && (memcmp(name, "PWD", 3) == 0 || memcmp(name, "pwd", 3) == 0)) ||
	       (n == 6 && memcmp(name, "OLDPWD", 6) == 0);
}

struct secret_name secret_name(const char *name, size_t n)
{
	const struct word *w = NULL;
	struct secret_name ret = { .key = KEY_NONE };
	size_t end, at = 0, dashes = 0;
	bool more = false;

	/* What joins words ends none. */
	if (n < 2 || is_join(name[n - 1]) || is_directory(name, n))
		return ret;
	for (end = n; end > 1 && w == NULL; end -= w == NULL) {
		if (!is_border(name, n, end) || is_join(name[end - 1]))
			continue;
		w = word_find(name, n, end, &at);
		more = w != NULL && says_more(name + end, n - end);
		if (more && (w->where & MORE) == 0)
			w = NULL;
	}
	if (w == NULL || is_harmless(name, n, end))
		return ret;
	if (more && last_is(name + end, n - end, harmless_last,
			    sizeof(harmless_last) / sizeof(harmless_last[0])))
		return ret;
	while (dashes < n && name[dashes] == '-')
		dashes++;
	ret.key = (enum secret_key)w->key;
	ret.bare = at <= dashes && !more;
	ret.assigned = (w->where & (CAPITALS | NO_OPTION)) != 0 ||
		       (more && !last_is(name + end, n - end, value_last,
					 sizeof(value_last) / sizeof(value_last[0])));
	return ret;
}

bool secret_variable(const char *name)
{
	size_t n = strlen(name), end, at;
	const struct word *w;

	if (is_directory(name, n))
		return false;
	for (end = 1; end <= n; end++) {
		w = words_of(name[end - 1]);
		for (; w != NULL && w->word != NULL; w++) {
			at = ends_with(name, end, w->word);
			if (at == end || (w->where & TOLD) != 0 ||
			    ((w->where & ALONE) != 0 && !is_border(name, n, at)))
				continue;
			if ((w->where & MORE) != 0 || is_border(name, n, end))
				return true;
		}
	}
	return false;
}
