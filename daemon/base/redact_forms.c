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
enum { UNDERLINE = 1, DASH = 2, DOT = 4, EQUALS = 8, SLASH = 16, TILDE = 32 };
#define URLSAFE (UNDERLINE | DASH)

struct form {
	const char *prefix;
	unsigned char set;
	unsigned char min;
	bool digit; /* without one it is a word */
};

/*
 * By the first character. docs.github.com, "About authentication to GitHub": token prefixes; ghs_
 * may be a JWT with the app's id before it (changelog 2026-05-15). docs.gitlab.com, "GitLab token
 * overview": token prefixes. docs.slack.dev, "Tokens" and "Sending messages using incoming
 * webhooks"; discord.com/developers, "Webhook": there the address is the secret. docs.npmjs.com,
 * docs.pypi.org (a macaroon, which begins so), docs.stripe.com, "API keys", and what its webhooks
 * are signed with. The others from what their makers show to those who make one.
 */
static const struct form *const forms[128] = {
	['1'] = (const struct form[]){
		/* Google */
		{ "1//0", URLSAFE, 30, false },
		{ NULL, 0, 0, false } },
	['A'] = (const struct form[]){
		/* Google */
		{ "AIza", URLSAFE, 35, false },
		/* Atlassian */
		{ "ATATT3", URLSAFE | EQUALS, 50, false },
		{ "ATCTT3", URLSAFE | EQUALS, 50, false },
		{ "ATBB", 0, 28, false },
		/* age(1) */
		{ "AGE-SECRET-KEY-1", 0, 50, false },
		{ NULL, 0, 0, false } },
	['C'] = (const struct form[]){
		/* Clojars */
		{ "CLOJARS_", 0, 50, false },
		/* CircleCI */
		{ "CCIPAT_", UNDERLINE, 30, false },
		{ NULL, 0, 0, false } },
	['G'] = (const struct form[]){
		/* GitLab */
		{ "GR1348941", URLSAFE, 20, false },
		/* Google */
		{ "GOCSPX-", URLSAFE, 24, false },
		{ NULL, 0, 0, false } },
	['H'] = (const struct form[]){
		/* Heroku */
		{ "HRKU-", URLSAFE, 30, false },
		{ NULL, 0, 0, false } },
	['P'] = (const struct form[]){
		/* Postman */
		{ "PMAK-", DASH, 50, false },
		{ NULL, 0, 0, false } },
	['S'] = (const struct form[]){
		/* SendGrid */
		{ "SG.", URLSAFE | DOT, 60, false },
		{ NULL, 0, 0, false } },
	['b'] = (const struct form[]){
		/* Buildkite */
		{ "bkua_", 0, 36, false },
		{ NULL, 0, 0, false } },
	['d'] = (const struct form[]){
		/* Docker */
		{ "dckr_pat_", URLSAFE, 20, false },
		{ "dckr_oat_", URLSAFE, 20, false },
		/* DigitalOcean */
		{ "dop_v1_", 0, 60, false },
		{ "doo_v1_", 0, 60, false },
		{ "dor_v1_", 0, 60, false },
		/* Databricks */
		{ "dapi", DASH, 32, true },
		/* Doppler */
		{ "dp.pt.", 0, 40, false },
		/* Discord */
		{ "discord.com/api/webhooks/", URLSAFE | SLASH, 40, false },
		{ "discord.com/api/v10/webhooks/", URLSAFE | SLASH, 40, false },
		{ "discordapp.com/api/webhooks/", URLSAFE | SLASH, 40, false },
		{ NULL, 0, 0, false } },
	['f'] = (const struct form[]){
		/* Figma */
		{ "figd_", URLSAFE, 30, false },
		{ NULL, 0, 0, false } },
	['g'] = (const struct form[]){
		/* GitHub */
		{ "ghp_", UNDERLINE, 36, false },
		{ "gho_", UNDERLINE, 36, false },
		{ "ghu_", UNDERLINE, 36, false },
		{ "ghr_", UNDERLINE, 36, false },
		{ "ghs_", URLSAFE | DOT, 36, false },
		{ "github_pat_", UNDERLINE, 22, false },
		/* GitLab */
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
		/* Groq */
		{ "gsk_", 0, 40, false },
		/* Grafana */
		{ "glsa_", UNDERLINE, 32, false },
		{ "glc_", EQUALS, 32, false },
		{ NULL, 0, 0, false } },
	['h'] = (const struct form[]){
		/* Hugging Face */
		{ "hf_", 0, 30, false },
		/* Vault */
		{ "hvs.", URLSAFE, 24, false },
		{ "hvb.", URLSAFE, 24, false },
		{ "hvr.", URLSAFE, 24, false },
		/* Slack */
		{ "hooks.slack.com/services/", SLASH, 20, false },
		{ "hooks.slack.com/workflows/", SLASH, 20, false },
		{ "hooks.slack.com/triggers/", SLASH, 20, false },
		{ NULL, 0, 0, false } },
	['l'] = (const struct form[]){
		/* Linear */
		{ "lin_api_", 0, 32, false },
		{ NULL, 0, 0, false } },
	['n'] = (const struct form[]){
		/* npm */
		{ "npm_", 0, 36, false },
		/* Notion */
		{ "ntn_", 0, 40, false },
		/* Netlify */
		{ "nfp_", 0, 36, false },
		{ NULL, 0, 0, false } },
	['o'] = (const struct form[]){
		/* 1Password */
		{ "ops_eyJ", URLSAFE, 50, false },
		{ NULL, 0, 0, false } },
	['p'] = (const struct form[]){
		/* PyPI */
		{ "pypi-AgE", URLSAFE, 40, false },
		/* Perplexity */
		{ "pplx-", 0, 40, false },
		/* Pulumi */
		{ "pul-", 0, 40, false },
		{ NULL, 0, 0, false } },
	['r'] = (const struct form[]){
		/* RubyGems */
		{ "rubygems_", 0, 48, false },
		/* Replicate */
		{ "r8_", 0, 36, false },
		/* Stripe */
		{ "rk_live_", 0, 16, false },
		{ "rk_test_", 0, 16, false },
		{ NULL, 0, 0, false } },
	['s'] = (const struct form[]){
		/* Anthropic */
		{ "sk-ant-", URLSAFE, 16, true },
		/* OpenAI */
		{ "sk-proj-", URLSAFE, 20, true },
		{ "sk-svcacct-", URLSAFE, 20, true },
		{ "sk-admin-", URLSAFE, 20, true },
		/* OpenRouter */
		{ "sk-or-v1-", 0, 20, true },
		/* OpenAI */
		{ "sk-", 0, 20, true },
		/* Stripe */
		{ "sk_live_", 0, 16, false },
		{ "sk_test_", 0, 16, false },
		/* Shopify */
		{ "shpat_", 0, 32, false },
		{ "shpca_", 0, 32, false },
		{ "shppa_", 0, 32, false },
		{ "shpss_", 0, 32, false },
		/* Sentry */
		{ "sntrys_", UNDERLINE | EQUALS, 32, false },
		{ "sntryu_", 0, 32, false },
		/* Supabase */
		{ "sbp_", 0, 36, false },
		/* SonarQube */
		{ "squ_", 0, 40, false },
		{ "sqp_", 0, 40, false },
		{ "sqa_", 0, 40, false },
		{ NULL, 0, 0, false } },
	['t'] = (const struct form[]){
		/* Tailscale */
		{ "tskey-", DASH, 16, true },
		{ NULL, 0, 0, false } },
	['w'] = (const struct form[]){
		/* Stripe */
		{ "whsec_", 0, 24, false },
		{ NULL, 0, 0, false } },
	['x'] = (const struct form[]){
		/* Slack */
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
		/* xAI */
		{ "xai-", 0, 40, false },
		{ NULL, 0, 0, false } },
	['y'] = (const struct form[]){
		/* Google */
		{ "ya29.", URLSAFE | DOT, 20, false },
		{ NULL, 0, 0, false } },
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

/* ---- Tokens ---- */

static bool in_set(char c, unsigned int set)
{
	return is_alnum(c) || (c == '_' && (set & UNDERLINE) != 0) ||
	       (c == '-' && (set & DASH) != 0) || (c == '.' && (set & DOT) != 0) ||
	       (c == '=' && (set & EQUALS) != 0) || (c == '/' && (set & SLASH) != 0) ||
	       (c == '~' && (set & TILDE) != 0);
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

/* learn.microsoft.com/entra: client secrets, three characters, a digit, "Q~" and 31 to 34 more. */
static size_t azure(const char *s, size_t n, bool open, size_t *ret_keep)
{
	static const unsigned int set = URLSAFE | DOT | TILDE;
	size_t len;

	if (n < 6 || s[4] != 'Q' || s[5] != '~' || !is_digit(s[3]) || run(s, 3, set) < 3)
		return 0;
	len = 6 + run(s + 6, n - 6, set);
	*ret_keep = 0;
	return len >= 6 + 31 || (open && len == n) ? len : 0;
}

/* developer.hashicorp.com/terraform: 14 characters, ".atlasv1.", and 60 or more. */
static size_t terraform(const char *s, size_t n, bool open, size_t *ret_keep)
{
	static const char middle[] = ".atlasv1.";
	size_t head = 14 + sizeof(middle) - 1, len;

	if (n < head || s[14] != '.' || !starts(s + 14, n - 14, middle) || run(s, 14, 0) < 14)
		return 0;
	len = run(s + head, n - head, URLSAFE | EQUALS);
	*ret_keep = 0;
	return len >= 40 || (open && head + len == n) ? head + len : 0;
}

/* core.telegram.org/bots/api: the bot's number, and 35 characters of which the first two are AA;
 * in its address "bot" stands before. */
static size_t telegram(const char *s, size_t n, bool open, size_t *ret_keep)
{
	size_t at = s[0] == 'b' ? 3 : 0, digits = 0, len;

	if (at > 0 && !starts(s, n, "bot"))
		return 0;
	while (at + digits < n && digits < 12 && is_digit(s[at + digits]))
		digits++;
	at += digits;
	if (digits < 8 || !starts(s + at, n - at, ":AA"))
		return 0;
	len = run(s + at + 1, n - at - 1, URLSAFE);
	*ret_keep = at + 1;
	at += 1 + len;
	return len == 35 || (open && at == n && len < 35) ? at : 0;
}

static size_t of_form(const char *s, size_t n, bool open, size_t *ret_keep)
{
	const struct form *f = (unsigned char)s[0] < 128 ? forms[(unsigned char)s[0]] : NULL;
	size_t keep, len;

	for (; f != NULL && f->prefix != NULL; f++) {
		if (!starts(s, n, f->prefix))
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

size_t redact_token(const char *s, size_t n, bool open, size_t *ret_keep)
{
	size_t len = 0;

	if (n < 4) /* none is as short, not even the beginning of one */
		return 0;
	if (s[0] == '-')
		len = pem(s, n, ret_keep);
	else if (s[0] == 'e')
		len = jwt(s, n, open, ret_keep);
	else if (s[0] == 'A')
		len = aws_key_id(s, n, open, ret_keep);
	else if (s[0] == 'b' || is_digit(s[0]))
		len = telegram(s, n, open, ret_keep);
	if (len == 0)
		len = of_form(s, n, open, ret_keep);
	if (len == 0)
		len = azure(s, n, open, ret_keep);
	return len > 0 ? len : terraform(s, n, open, ret_keep);
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
