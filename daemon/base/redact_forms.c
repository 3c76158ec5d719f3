/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * redact_forms.c: tables. A token's least length is that which its maker documents, or, where the
 * maker only says that it is random, what is long enough to be no word: a longer one is a token too
 * (GitHub asks that nobody relies on the length).
 */
#include "base/redact_forms.h"

#include <string.h>

#include "base/poison.h"

/* What a token is made of besides letters and digits. */
enum { UNDERLINE = 1, DASH = 2, DOT = 4, EQUALS = 8 };
#define URLSAFE (UNDERLINE | DASH)

struct form {
	const char *prefix;
	unsigned char set;
	unsigned char min;
	bool digit; /* without one it is a word */
};

static const struct form forms[] = {
	/* docs.github.com, "About authentication to GitHub": token prefixes; ghs_ may be a JWT with
	 * the app's id before it (changelog 2026-05-15). */
	{ "ghp_", UNDERLINE, 36, false },
	{ "gho_", UNDERLINE, 36, false },
	{ "ghu_", UNDERLINE, 36, false },
	{ "ghr_", UNDERLINE, 36, false },
	{ "ghs_", URLSAFE | DOT, 36, false },
	{ "github_pat_", UNDERLINE, 22, false },
	/* docs.gitlab.com, "GitLab token overview": token prefixes. */
	{ "glpat-", URLSAFE | DOT, 20, false },
	{ "gloas-", URLSAFE | DOT, 20, false },
	{ "gldt-", URLSAFE | DOT, 20, false },
	{ "glrt-", URLSAFE | DOT, 20, false },
	{ "glrtr-", URLSAFE | DOT, 20, false },
	{ "glcbt-", URLSAFE | DOT, 16, false },
	{ "glptt-", URLSAFE | DOT, 20, false },
	{ "glft-", URLSAFE | DOT, 20, false },
	{ "glimt-", URLSAFE | DOT, 20, false },
	{ "glagent-", URLSAFE | DOT, 20, false },
	{ "glwt-", URLSAFE | DOT, 20, false },
	{ "glsoat-", URLSAFE | DOT, 20, false },
	{ "glffct-", URLSAFE | DOT, 20, false },
	{ "GR1348941", URLSAFE, 20, false },
	/* Google Cloud API keys, OAuth 2.0 access and refresh tokens, client secrets. */
	{ "AIza", URLSAFE, 35, false },
	{ "ya29.", URLSAFE | DOT, 20, false },
	{ "1//0", URLSAFE, 30, false },
	{ "GOCSPX-", URLSAFE, 24, false },
	/* docs.slack.dev, "Tokens". */
	{ "xoxa-", DASH, 10, true },
	{ "xoxb-", DASH, 10, true },
	{ "xoxe-", DASH, 10, true },
	{ "xoxe.xoxb-", DASH, 10, true },
	{ "xoxe.xoxp-", DASH, 10, true },
	{ "xoxp-", DASH, 10, true },
	{ "xoxr-", DASH, 10, true },
	{ "xoxs-", DASH, 10, true },
	{ "xoxc-", DASH, 10, true },
	{ "xoxd-", DASH, 10, true },
	{ "xapp-", DASH, 10, true },
	/* Package registries: docs.npmjs.com, docs.pypi.org (a macaroon, which begins so),
	 * rubygems.org, clojars.org, docs.docker.com. */
	{ "npm_", 0, 36, false },
	{ "pypi-AgE", URLSAFE, 40, false },
	{ "rubygems_", 0, 48, false },
	{ "CLOJARS_", 0, 50, false },
	{ "dckr_pat_", URLSAFE, 20, false },
	{ "dckr_oat_", URLSAFE, 20, false },
	/* Models: huggingface.co, platform.openai.com, docs.anthropic.com, openrouter.ai, groq,
	 * xAI, Replicate, Perplexity. */
	{ "hf_", 0, 30, false },
	{ "sk-ant-", URLSAFE, 16, true },
	{ "sk-proj-", URLSAFE, 20, true },
	{ "sk-svcacct-", URLSAFE, 20, true },
	{ "sk-admin-", URLSAFE, 20, true },
	{ "sk-or-v1-", 0, 20, true },
	{ "sk-", 0, 20, true },
	{ "gsk_", 0, 40, false },
	{ "xai-", 0, 40, false },
	{ "r8_", 0, 36, false },
	{ "pplx-", 0, 40, false },
	/* docs.stripe.com, "API keys", and what its webhooks are signed with. */
	{ "sk_live_", 0, 16, false },
	{ "sk_test_", 0, 16, false },
	{ "rk_live_", 0, 16, false },
	{ "rk_test_", 0, 16, false },
	{ "whsec_", 0, 24, false },
	/* Clouds and services: HashiCorp Vault, DigitalOcean, Databricks, Shopify, SendGrid,
	 * Atlassian, Grafana, Sentry, Doppler, Pulumi, Linear, Postman, Figma, Notion, Supabase,
	 * Netlify, Tailscale, CircleCI, Buildkite, SonarQube, 1Password, age(1). */
	{ "hvs.", URLSAFE, 24, false },
	{ "hvb.", URLSAFE, 24, false },
	{ "hvr.", URLSAFE, 24, false },
	{ "dop_v1_", 0, 60, false },
	{ "doo_v1_", 0, 60, false },
	{ "dor_v1_", 0, 60, false },
	{ "dapi", DASH, 32, true },
	{ "shpat_", 0, 32, false },
	{ "shpca_", 0, 32, false },
	{ "shppa_", 0, 32, false },
	{ "shpss_", 0, 32, false },
	{ "SG.", URLSAFE | DOT, 60, false },
	{ "ATATT3", URLSAFE | EQUALS, 50, false },
	{ "ATCTT3", URLSAFE | EQUALS, 50, false },
	{ "ATBB", 0, 28, false },
	{ "glsa_", UNDERLINE, 32, false },
	{ "glc_", EQUALS, 32, false },
	{ "sntrys_", UNDERLINE | EQUALS, 32, false },
	{ "sntryu_", 0, 32, false },
	{ "dp.pt.", 0, 40, false },
	{ "pul-", 0, 40, false },
	{ "lin_api_", 0, 32, false },
	{ "PMAK-", DASH, 50, false },
	{ "figd_", URLSAFE, 30, false },
	{ "ntn_", 0, 40, false },
	{ "sbp_", 0, 36, false },
	{ "nfp_", 0, 36, false },
	{ "tskey-", DASH, 16, true },
	{ "CCIPAT_", UNDERLINE, 30, false },
	{ "bkua_", 0, 36, false },
	{ "squ_", 0, 40, false },
	{ "sqp_", 0, 40, false },
	{ "sqa_", 0, 40, false },
	{ "ops_eyJ", URLSAFE, 50, false },
	{ "AGE-SECRET-KEY-1", 0, 50, false },
};

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_upper(c) || is_digit(c) || (c >= 'a' && c <= 'z');
}

static char lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

static bool starts(const char *s, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && memcmp(s, with, len) == 0;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(s, word, n) == 0;
}

/* ---- Tokens ---- */

static bool in_set(char c, unsigned int set)
{
	return is_alnum(c) || (c == '_' && (set & UNDERLINE) != 0) ||
	       (c == '-' && (set & DASH) != 0) || (c == '.' && (set & DOT) != 0) ||
	       (c == '=' && (set & EQUALS) != 0);
}

/* How many of the first n bytes are made of the set. */
static size_t run(const char *s, size_t n, unsigned int set)
{
	size_t i = 0;

	while (i < n && in_set(s[i], set))
		i++;
	return i;
}

static bool has_digit(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (is_digit(s[i]))
			return true;
	return false;
}

/* Prefix and 16 letters and digits (docs.aws.amazon.com, IAM unique identifiers). */
static size_t aws_key_id(const char *s, size_t n, bool open, size_t *ret_keep)
{
	static const char *const prefixes[] = { "AKIA", "ASIA", "ABIA", "ACCA" };
	size_t i, len;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!starts(s, n, prefixes[i]))
			continue;
		len = 4;
		while (len < n && (is_upper(s[len]) || is_digit(s[len])))
			len++;
		*ret_keep = 4;
		return len == 20 || (open && len == n && len > 4 && len < 20) ? len : 0;
	}
	return 0;
}

/* RFC 7519: two parts and a signature, which may be empty; or five (RFC 7516). The first is JSON.
 */
static size_t jwt(const char *s, size_t n, bool open, size_t *ret_keep)
{
	size_t head, body, all;

	if (!starts(s, n, "eyJ"))
		return 0;
	*ret_keep = 3;
	all = run(s, n, URLSAFE | DOT);
	if (open && all == n)
		return all;
	head = run(s, n, URLSAFE);
	if (head < 12 || head == n || s[head] != '.')
		return 0;
	body = run(s + head + 1, n - head - 1, URLSAFE);
	if (body < 4 || head + 1 + body == n || s[head + 1 + body] != '.')
		return 0;
	return all;
}

/* RFC 7468: what stands between its BEGIN and its END, or all behind the former. */
static size_t pem(const char *s, size_t n, size_t *ret_keep)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ";
	const char *close;
	size_t at = sizeof(begin) - 1, label;

	if (!starts(s, n, begin))
		return 0;
	label = at;
	while (at < n && at < 64 && (is_upper(s[at]) || is_digit(s[at]) || s[at] == ' '))
		at++;
	if (memmem(s + label, at - label, "PRIVATE KEY", 11) == NULL ||
	    !starts(s + at, n - at, "-----"))
		return 0;
	at += 5;
	close = memmem(s + at, n - at, end, sizeof(end) - 1);
	*ret_keep = at;
	return close != NULL ? (size_t)(close - s) : n;
}

size_t redact_token(const char *s, size_t n, bool open, size_t *ret_keep)
{
	const struct form *f;
	size_t i, keep, len;

	if (s[0] == '-')
		return pem(s, n, ret_keep);
	if (s[0] == 'e')
		return jwt(s, n, open, ret_keep);
	len = s[0] == 'A' ? aws_key_id(s, n, open, ret_keep) : 0;
	if (len > 0)
		return len;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		f = &forms[i];
		if (f->prefix[0] != s[0] || !starts(s, n, f->prefix))
			continue;
		keep = strlen(f->prefix);
		len = run(s + keep, n - keep, f->set);
		if (!(open && keep + len == n && len > 0) &&
		    (len < f->min || (f->digit && !has_digit(s + keep, len))))
			continue;
		*ret_keep = keep;
		return keep + len;
	}
	return 0;
}

/* ---- Names ---- */

/* A name is a secret's when it ends so; compared without case, '-', '_' and '.'. */
static const struct key_word {
	const char *word;
	enum redact_key key;
} key_words[] = {
	{ "password", KEY_PASSWORD },	 { "passwd", KEY_PASSWORD },
	{ "passphrase", KEY_PASSWORD },	 { "token", KEY_SECRET },
	{ "secret", KEY_SECRET },	 { "apikey", KEY_SECRET },
	{ "accesskey", KEY_SECRET },	 { "secretkey", KEY_SECRET },
	{ "accountkey", KEY_SECRET },	 { "authkey", KEY_SECRET },
	{ "masterkey", KEY_SECRET },	 { "encryptionkey", KEY_SECRET },
	{ "bearer", KEY_SECRET },	 { "sessionid", KEY_SECRET },
	{ "gitlabsession", KEY_SECRET }, { "amzsignature", KEY_SECRET },
	{ "googsignature", KEY_SECRET }, { "privatekey", KEY_FILE },
	{ "sshkey", KEY_FILE },		 { "deploykey", KEY_FILE },
	{ "authorization", KEY_HEADER }, { "cookie", KEY_HEADER },
};

/* The same for names that must be the whole word, or its last behind '_', '-' or '.'. */
static const struct key_word whole_words[] = {
	{ "pass", KEY_PASS },	 { "passin", KEY_PASS }, { "passout", KEY_PASS },
	{ "pwd", KEY_PASSWORD }, { "pw", KEY_PASSWORD }, { "auth", KEY_JSON },
	{ "sig", KEY_QUERY },
};

/* Said with a word that makes a secret, and none. */
static const char *const harmless[] = { "nexttoken", "startingtoken", "pagetoken",
					"continuationtoken", "requesttoken" };
static const char *const harmless_first[] = { "no-",	  "no_",      "with-", "with_",
					      "without-", "without_", "ask-",  "ask_" };

static bool is_join(char c)
{
	return c == '-' || c == '_' || c == '.' || c == '*';
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

static enum redact_key key_find(const char *name, size_t n, size_t *ret_at)
{
	size_t i;

	for (i = 0; i < sizeof(key_words) / sizeof(key_words[0]); i++) {
		*ret_at = ends_with(name, n, key_words[i].word);
		if (*ret_at < n)
			return key_words[i].key;
	}
	for (i = 0; i < sizeof(whole_words) / sizeof(whole_words[0]); i++) {
		*ret_at = ends_with(name, n, whole_words[i].word);
		if (*ret_at < n && (*ret_at == 0 || is_join(name[*ret_at - 1])))
			return whole_words[i].key;
	}
	return KEY_NONE;
}

enum redact_key redact_key(const char *name, size_t n, bool *ret_bare)
{
	enum redact_key key;
	size_t at, i, dashes = 0;

	/* What joins words ends none. */
	if (n == 0 || is_join(name[n - 1]))
		return KEY_NONE;
	while (dashes < n && name[dashes] == '-')
		dashes++;
	key = key_find(name, n, &at);
	if (key == KEY_NONE)
		return KEY_NONE;
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (ends_with(name, n, harmless[i]) < n)
			return KEY_NONE;
	for (i = 0; i < sizeof(harmless_first) / sizeof(harmless_first[0]); i++)
		if (starts(name + dashes, n - dashes, harmless_first[i]))
			return KEY_NONE;
	/* The shell's, and everybody's: where one is. */
	if (is_word(name, n, "PWD") || is_word(name, n, "pwd"))
		return KEY_NONE;
	*ret_bare = at <= dashes;
	return key;
}

/* ---- Programs ---- */

enum redact_tool redact_tool(const char *name, size_t n)
{
	static const struct {
		const char *name;
		enum redact_tool tool;
	} tools[] = {
		{ "curl", TOOL_CURL },
		{ "http", TOOL_HTTPIE },
		{ "https", TOOL_HTTPIE },
		{ "xh", TOOL_HTTPIE },
		{ "ldapadd", TOOL_LDAP },
		{ "ldapdelete", TOOL_LDAP },
		{ "ldapmodify", TOOL_LDAP },
		{ "ldappasswd", TOOL_LDAP },
		{ "ldapsearch", TOOL_LDAP },
		{ "ldapwhoami", TOOL_LDAP },
		{ "login", TOOL_LOGIN },
		{ "mongo", TOOL_MONGO },
		{ "mongodump", TOOL_MONGO },
		{ "mongoexport", TOOL_MONGO },
		{ "mongoimport", TOOL_MONGO },
		{ "mongorestore", TOOL_MONGO },
		{ "mongosh", TOOL_MONGO },
		{ "mysql", TOOL_MYSQL },
		{ "mysqladmin", TOOL_MYSQL },
		{ "mysqlcheck", TOOL_MYSQL },
		{ "mysqldump", TOOL_MYSQL },
		{ "mysqlimport", TOOL_MYSQL },
		{ "mysqlsh", TOOL_MYSQL },
		{ "mariadb", TOOL_MYSQL },
		{ "mariadb-admin", TOOL_MYSQL },
		{ "mariadb-dump", TOOL_MYSQL },
		{ "mariadb-check", TOOL_MYSQL },
		{ "mariadb-import", TOOL_MYSQL },
		{ "redis-cli", TOOL_REDIS },
		{ "valkey-cli", TOOL_REDIS },
		{ "7z", TOOL_SEVENZIP },
		{ "7za", TOOL_SEVENZIP },
		{ "7zr", TOOL_SEVENZIP },
		{ "7zz", TOOL_SEVENZIP },
		{ "rar", TOOL_SEVENZIP },
		{ "unrar", TOOL_SEVENZIP },
		{ "sshpass", TOOL_SSHPASS },
		{ "zip", TOOL_UPPER_P },
		{ "unzip", TOOL_UPPER_P },
		{ "zipcloak", TOOL_UPPER_P },
		{ "sqlcmd", TOOL_UPPER_P },
		{ "bcp", TOOL_UPPER_P },
		{ "ipmitool", TOOL_UPPER_P },
		{ "mosquitto_pub", TOOL_UPPER_P },
		{ "mosquitto_sub", TOOL_UPPER_P },
		{ "docker", TOOL_REGISTRY },
		{ "podman", TOOL_REGISTRY },
		{ "nerdctl", TOOL_REGISTRY },
		{ "buildah", TOOL_REGISTRY },
		{ "skopeo", TOOL_REGISTRY },
		{ "crane", TOOL_REGISTRY },
		{ "regctl", TOOL_REGISTRY },
		{ "oras", TOOL_REGISTRY },
		{ "helm", TOOL_REGISTRY },
		{ "oc", TOOL_REGISTRY },
		{ "az", TOOL_REGISTRY },
	};
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (is_word(name, n, tools[i].name))
			return tools[i].tool;
	return TOOL_NONE;
}

/* -u of curl may stand behind others in one word: -fsSu. */
static bool curl_ends_with(const char *word, size_t n, const char *letters)
{
	size_t i;

	for (i = 1; i + 1 < n; i++)
		if (strchr("#fgiIjkLnNOqsSv", word[i]) == NULL)
			return false;
	return n > 2 && strchr(letters, word[n - 1]) != NULL;
}

enum redact_key redact_tool_option(enum redact_tool tool, const char *word, size_t n,
				   size_t *ret_at)
{
	static const struct {
		enum redact_tool tool;
		char letter;
		bool next, same; /* where the value may stand: in the next word, in the same */
		enum redact_key key;
	} options[] = {
		{ TOOL_CURL, 'u', true, true, KEY_USER },
		{ TOOL_CURL, 'U', true, true, KEY_USER },
		{ TOOL_CURL, 'b', true, true, KEY_COOKIE },
		{ TOOL_HTTPIE, 'a', true, true, KEY_USER },
		{ TOOL_LDAP, 'w', true, true, KEY_PASSWORD },
		{ TOOL_LOGIN, 'p', true, true, KEY_PASSWORD },
		{ TOOL_MONGO, 'p', true, true, KEY_PASSWORD },
		{ TOOL_MYSQL, 'p', false, true, KEY_PASSWORD },
		{ TOOL_REDIS, 'a', true, false, KEY_PASSWORD },
		{ TOOL_SEVENZIP, 'p', false, true, KEY_PASSWORD },
		{ TOOL_SSHPASS, 'p', true, true, KEY_PASSWORD },
		{ TOOL_UPPER_P, 'P', true, true, KEY_PASSWORD },
	};
	size_t i;

	*ret_at = 0;
	if (tool == TOOL_NONE || n < 2 || word[0] != '-')
		return KEY_NONE;
	if (tool == TOOL_CURL && (is_word(word, n, "--user") || is_word(word, n, "--proxy-user") ||
				  curl_ends_with(word, n, "uU")))
		return KEY_USER;
	if (tool == TOOL_CURL && (is_word(word, n, "--cookie") || curl_ends_with(word, n, "b")))
		return KEY_COOKIE;
	if (tool == TOOL_HTTPIE && is_word(word, n, "--auth"))
		return KEY_USER;
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].tool != tool || options[i].letter != word[1])
			continue;
		if (n > 2 ? !options[i].same : !options[i].next)
			continue;
		*ret_at = n > 2 ? 2 : 0;
		return options[i].key;
	}
	return KEY_NONE;
}

bool redact_scheme(const char *word, size_t n)
{
	/* www.iana.org/assignments/http-authschemes, and what is in use besides. */
	static const char *const schemes[] = {
		"basic",     "bearer",		 "digest", "token",   "negotiate",
		"ntlm",	     "aws4-hmac-sha256", "apikey", "api-key", "key",
		"ssws",	     "splunk",		 "dpop",   "hawk",    "oauth",
		"genie_key", "googlelogin"
	};
	size_t i, k;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		for (k = 0; k < n && lower(word[k]) == schemes[i][k]; k++)
			;
		if (k == n && schemes[i][k] == '\0')
			return true;
	}
	return false;
}
