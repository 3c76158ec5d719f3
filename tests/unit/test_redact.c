/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Secrets in argv: what is hidden, what must stay to be read, and that a second pass changes
 * nothing.
 *
 * No token in here is whole in this file: `~` stands for as many characters as the form needs,
 * which the test puts in.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/redact.h"

#define ARGV_MAX 4096

/* Arguments are written with '|' between them, which becomes NUL. */
struct redact_case {
	const char *argv;
	const char *expected;
	unsigned int n;
};

static const char body[] = "Zq3xK9mP7vR2tW5yB8nD4fG6hJ1kL0sA9cE7uQ3wT5iO8pM2xV";

/* `~N.`: N characters of a token, `~N#`: N upper case ones; `~~`: ~. */
static size_t fill(const char *text, char *ret)
{
	size_t n = 0, i, len;
	char *end;

	while (*text != '\0') {
		if (*text != '~' || text[1] == '~') {
			ret[n++] = *text == '|' ? '\0' : *text;
			text += 1 + (*text == '~');
			continue;
		}
		len = strtoul(text + 1, &end, 10);
		for (i = 0; i < len; i++)
			ret[n++] = *end == '#' ? "ABCDEFGH234567"[i % 14]
					       : body[i % (sizeof(body) - 1)];
		text = end + 1;
	}
	return n;
}

/* With '|' for NUL again. */
static const char *shown(const char *argv, size_t len)
{
	static char text[ARGV_MAX + 1];
	size_t i;

	for (i = 0; i < len; i++)
		text[i] = argv[i] == '\0' ? '|' : argv[i];
	text[len] = '\0';
	return text;
}

static void check(const struct redact_case *c, bool is_cut)
{
	char argv[ARGV_MAX], expected[ARGV_MAX];
	size_t len = fill(c->argv, argv), want = fill(c->expected, expected), was = len, i;
	unsigned int n = redact_argv(argv, &len, is_cut);

	for (i = len; i < was; i++)
		cr_expect_eq(argv[i], 0, "'%s': what stood behind is gone", c->argv);
	cr_expect(len == want && memcmp(argv, expected, len) == 0, "'%s' became '%s'", c->argv,
		  shown(argv, len));
	cr_expect_eq(n, c->n, "'%s': %u", c->argv, n);
	cr_expect_eq(redact_argv(argv, &len, is_cut), 0, "'%s': once more", c->argv);
	cr_expect(len == want && memcmp(argv, expected, len) == 0, "'%s': once more", c->argv);
}

static const struct redact_case tokens[] = {
	{ "git|ghp_~36.", "git|ghp_***", 1 },
	{ "x|gho_~36.|ghu_~36.|ghs_~36.|ghr_~36.", "x|gho_***|ghu_***|ghs_***|ghr_***", 4 },
	{ "x|github_pat_~22._~50.", "x|github_pat_***", 1 },
	{ "x|ghs_123456_eyJ~20..~40.-_.~40.", "x|ghs_***", 1 },
	{ "x|glpat-~20.|gldt-~20.|glrt-~20.|glcbt-64_~20.",
	  "x|glpat-***|gldt-***|glrt-***|glcbt-***", 4 },
	{ "x|glpat-~27..01.0z~7.", "x|glpat-***", 1 },
	{ "x|AKIA~16#|ASIA~16#", "x|AKIA***|ASIA***", 2 },
	{ "x|AIza~35.|ya29.a0~40.", "x|AIza***|ya29.***", 2 },
	{ "x|xoxb-123-456-~24.|xoxp-1-~20.|xapp-1-A-~20.", "x|xoxb-***|xoxp-***|xapp-***", 3 },
	{ "x|npm_~36.|pypi-AgE~50.|dckr_pat_~27.|hf_~34.",
	  "x|npm_***|pypi-AgE***|dckr_pat_***|hf_***", 4 },
	{ "x|sk-ant-api03-~40.-~40.|sk-proj-~40.|sk-~48.", "x|sk-ant-***|sk-proj-***|sk-***", 3 },
	{ "x|sk_live_~24.|rk_live_~24.", "x|sk_live_***|rk_live_***", 2 },
	{ "x|eyJ~20..~40..~43.", "x|eyJ***", 1 },
	{ "x|eyJ~20..~40..", "x|eyJ***", 1 },
	{ "x|-----BEGIN RSA PRIVATE KEY-----\n~40.\n-----END RSA PRIVATE KEY-----",
	  "x|-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----", 1 },
	{ "x|-----BEGIN OPENSSH PRIVATE KEY-----\n~40.\n",
	  "x|-----BEGIN OPENSSH PRIVATE KEY-----***", 1 },
	{ "x|abc8Q~~~34.|X=abc8Q~~~34.", "x|***|X=***", 2 },
	{ "x|~14..atlasv1.~67.", "x|***", 1 },
	{ "x|HRKU-~36.", "x|HRKU-***", 1 },
	{ "x|123456789:AA~33.|https://api.telegram.org/bot123456789:AA~33./getMe",
	  "x|123456789:***|https://api.telegram.org/bot123456789:***/getMe", 2 },
	{ "curl|https://hooks.slack.com/services/T~8#/B~8#/~24.",
	  "curl|https://hooks.slack.com/services/***", 1 },
	{ "curl|https://discord.com/api/webhooks/123456789012345678/~68.",
	  "curl|https://discord.com/api/webhooks/***", 1 },
	/* Where they stand. */
	{ "sh|-c|echo ghp_~36. >x; echo \"ghp_~36.\"", "sh|-c|echo ghp_*** >x; echo \"ghp_***\"",
	  2 },
	{ "x|--data=a%3Dghp_~36.%0A", "x|--data=a%3Dghp_***%0A", 1 },
	{ "x|a\\nghp_~36.\\n", "x|a\\nghp_***\\n", 1 },
	{ "x|a-ghp_~36.,b", "x|a-ghp_***,b", 1 },
	{ "ghp_~36.", "ghp_***", 1 },
};

Test(redact, tokens)
{
	size_t i;

	for (i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		check(&tokens[i], false);
		check(&tokens[i], true);
	}
}

static const struct redact_case values[] = {
	{ "x|--password|hunter2|y", "x|--password|***|y", 1 },
	{ "x|--password=hunter2 and more|y", "x|--password=***|y", 1 },
	{ "x|--passwd|a|--token|b c|--secret=d", "x|--passwd|*|--token|***|--secret=*", 3 },
	{ "x|--api-key|k1k2|--apiKey=k1k2|--auth-token|t1t2",
	  "x|--api-key|***|--apiKey=***|--auth-token|***", 3 },
	{ "x|--access-token=abcd|--client-secret|efgh", "x|--access-token=***|--client-secret|***",
	  2 },
	{ "x|-password|hunter2", "x|-password|***", 1 },
	{ "x|--password|-Zk3~20.", "x|--password|***", 1 },
	{ "env|GITHUB_TOKEN=abcdef|DB_PASSWORD=a b|X=y", "env|GITHUB_TOKEN=***|DB_PASSWORD=***|X=y",
	  2 },
	{ "env|AWS_SESSION_TOKEN=~40./+=|AWS_SECRET_ACCESS_KEY=/~39.",
	  "env|AWS_SESSION_TOKEN=***|AWS_SECRET_ACCESS_KEY=***", 2 },
	{ "docker|run|-e|NPM_TOKEN=abcd|--build-arg=API_KEY=efgh|img",
	  "docker|run|-e|NPM_TOKEN=***|--build-arg=API_KEY=***|img", 2 },
	{ "java|-Ddb.password=abcd|-jar|a.jar", "java|-Ddb.password=***|-jar|a.jar", 1 },
	{ "npm|--//registry.example/:_authToken=abcd", "npm|--//registry.example/:_authToken=***",
	  1 },
	{ "aws|configure|set|aws_secret_access_key|~40.",
	  "aws|configure|set|aws_secret_access_key|***", 1 },
	/* The word may stand anywhere in the name. */
	{ "x|DEPLOY_TOKEN_PROD=abcd|TOKEN1=abcd|PASSWORD_2=abcd|api_secret_v2=abcd",
	  "x|DEPLOY_TOKEN_PROD=***|TOKEN1=***|PASSWORD_2=***|api_secret_v2=***", 4 },
	{ "x|SIGNING_KEY=abcd|SECRET_KEY_BASE=abcd|DB_PASS=abcd|GH_PAT=abcd|TWILIO_AUTH=abcd",
	  "x|SIGNING_KEY=***|SECRET_KEY_BASE=***|DB_PASS=***|GH_PAT=***|TWILIO_AUTH=***", 5 },
	{ "vault|write|auth/approle/login|role_id=x|secret_id=abcd",
	  "vault|write|auth/approle/login|role_id=x|secret_id=***", 1 },
	{ "x|--secret-string|abcd|--secret-value|abcd|--token:abcd|--jwt=abcd",
	  "x|--secret-string|***|--secret-value|***|--token:***|--jwt=***", 4 },
	{ "x|--credentials=abcd|--dsn=u:abcd@tcp(h)/d", "x|--credentials=***|--dsn=u:***@tcp(h)/d",
	  2 },
	{ "curl|-d|a=b&password%3Dabcd&c=d", "curl|-d|a=b&password%3D***&c=d", 1 },
	{ "keytool|-storepass|abcd|-keypass|abcd", "keytool|-storepass|***|-keypass|***", 2 },
	/* Programs that are told a name and its value. */
	{ "npm|config|set|//r.example/:_authToken|abcd",
	  "npm|config|set|//r.example/:_authToken|***", 1 },
	{ "yarn|config|set|npmAuthToken|abcd", "yarn|config|set|npmAuthToken|***", 1 },
	{ "aws|configure|set|profile.x.aws_session_token|abcd",
	  "aws|configure|set|profile.x.aws_session_token|***", 1 },
	{ "sh|-c|npm config set _auth abcd; x", "sh|-c|npm config set _auth ***; x", 1 },
	{ "mount|-o|username=u,password=p1p2", "mount|-o|username=u,password=***", 1 },
	/* Headers. */
	{ "curl|-H|Authorization: Bearer abc.def", "curl|-H|Authorization: Bearer ***", 1 },
	{ "curl|-H|authorization: token abcdef", "curl|-H|authorization: token ***", 1 },
	{ "curl|-H|Authorization: abc def", "curl|-H|Authorization: ***", 1 },
	{ "curl|-HX-Api-Key: abcdef", "curl|-HX-Api-Key: ***", 1 },
	{ "curl|--header=PRIVATE-TOKEN: abcdef", "curl|--header=PRIVATE-TOKEN: ***", 1 },
	{ "curl|-H|Cookie: a=b; c=d", "curl|-H|Cookie: ***", 1 },
	{ "curl|-H|X-Vault-Token: abcd|-H|Accept: x", "curl|-H|X-Vault-Token: ***|-H|Accept: x",
	  1 },
	{ "git|-c|http.extraheader=AUTHORIZATION: basic ~20.=|fetch",
	  "git|-c|http.extraheader=AUTHORIZATION: basic ***|fetch", 1 },
	/* URLs. */
	{ "git|clone|https://ci:s3cr3t@example.org/r.git",
	  "git|clone|https://ci:***@example.org/r.git", 1 },
	{ "git|clone|https://x-access-token:ghs_~36.@example.org/r",
	  "git|clone|https://x-access-token:***@example.org/r", 1 },
	{ "x|redis://:s3cr3t@h:6379/0", "x|redis://:***@h:6379/0", 1 },
	{ "x|postgres://u:p@ss@h/db", "x|postgres://u:***@h/db", 1 },
	{ "x|postgres://u:ab/cd@h/db|postgres://u:ab?cd@h/db|postgres://u:#cd@h/db",
	  "x|postgres://u:***@h/db|postgres://u:***@h/db|postgres://u:***@h/db", 3 },
	{ "x|https:/u:s3cr3t@h/r", "x|https:/u:***@h/r", 1 },
	{ "x|https://~32.@example.org/1", "x|https://***@example.org/1", 1 },
	{ "x|https://~40.:x-oauth-basic@example.org/1", "x|https://***@example.org/1", 1 },
	{ "x|https://e.example/?user=a&access_token=abcd&b=1",
	  "x|https://e.example/?user=a&access_token=***&b=1", 1 },
	{ "x|https://e.example/c?sv=1&sig=~30.%3D&se=2", "x|https://e.example/c?sv=1&sig=***&se=2",
	  1 },
	{ "x|AccountName=a;AccountKey=~40.==;EndpointSuffix=b",
	  "x|AccountName=a;AccountKey=***;EndpointSuffix=b", 1 },
	/* JSON. */
	{ "curl|-d|{\"user\":\"a\",\"password\": \"b c\"}",
	  "curl|-d|{\"user\":\"a\",\"password\": \"***\"}", 1 },
	{ "x|{\\\"token\\\":\\\"abcd\\\",\\\"a\\\":1}", "x|{\\\"token\\\":\\\"***\\\",\\\"a\\\":1}",
	  1 },
	{ "x|{\"auth\":\"~20.\"}", "x|{\"auth\":\"***\"}", 1 },
	/* Programs that say it shortly. */
	{ "curl|-u|me:s3cr3t|https://e.example", "curl|-u|me:***|https://e.example", 1 },
	{ "/usr/bin/curl|-fsSu|me:s3cr3t", "/usr/bin/curl|-fsSu|me:***", 1 },
	{ "sudo|curl|--user|me:s3cr3t", "sudo|curl|--user|me:***", 1 },
	{ "curl|-ume:s3cr3t", "curl|-ume:***", 1 },
	{ "curl|-b|sid=abcd", "curl|-b|***", 1 },
	{ "curl|-4u|me:s3cr3t|-E|f.pem:s3cr3t", "curl|-4u|me:***|-E|f.pem:***", 2 },
	{ "curl|--cert|f.pem:s3cr3t|--proxy-user|me:s3cr3t",
	  "curl|--cert|f.pem:***|--proxy-user|me:***", 2 },
	{ "curl|-x|me:s3cr3t@h:3128|--proxy=me:s3cr3t@h:3128",
	  "curl|-x|me:***@h:3128|--proxy=me:***@h:3128", 2 },
	{ "skopeo|copy|--dest-creds|me:s3cr3t|--src-creds=me:s3cr3t|a|b",
	  "skopeo|copy|--dest-creds|me:***|--src-creds=me:***|a|b", 2 },
	{ "buildah|push|--creds|me:s3cr3t|a", "buildah|push|--creds|me:***|a", 1 },
	{ "twine|upload|-u|me|-p|s3cr3t", "twine|upload|-u|me|-p|***", 1 },
	{ "openssl|enc|-k|s3cr3t|-K|0a0b0c|-hmac|s3cr3t", "openssl|enc|-k|***|-K|***|-hmac|***",
	  3 },
	{ "zip|-rP|s3cr3t|a.zip|x", "zip|-rP|***|a.zip|x", 1 },
	{ "mysql|-p!s3cr3t", "mysql|-p***", 1 },
	{ "mysql|-u|root|-ps3cr3t|db", "mysql|-u|root|-p***|db", 1 },
	{ "sshpass|-p|s3cr3t|ssh|h", "sshpass|-p|***|ssh|h", 1 },
	/* The password itself sounds like the name of one. */
	{ "sshpass|-pmysecret|ssh|h", "sshpass|-p***|ssh|h", 1 },
	{ "mysql|-pmytoken=abc|db", "mysql|-p***|db", 1 },
	{ "bash|-c|mysql -pmypassword db", "bash|-c|mysql -p*** db", 1 },
	{ "docker|login|-u|me|-p|s3cr3t|r.example", "docker|login|-u|me|-p|***|r.example", 1 },
	{ "redis-cli|-a|s3cr3t", "redis-cli|-a|***", 1 },
	{ "7z|a|-ps3cr3t|x.7z", "7z|a|-p***|x.7z", 1 },
	{ "openssl|enc|-pass|pass:s3cr3t", "openssl|enc|-pass|pass:***", 1 },
	/* Scripts: the value and no more. */
	{ "bash|-c|API_TOKEN=abcd curl e.example", "bash|-c|API_TOKEN=*** curl e.example", 1 },
	{ "bash|-ec|export PASSWORD='a b'; run", "bash|-ec|export PASSWORD='***'; run", 1 },
	{ "sh|-c|curl -H \"Authorization: Bearer abcd\" -d @x e.example",
	  "sh|-c|curl -H \"Authorization: Bearer ***\" -d @x e.example", 1 },
	{ "sh|-c|curl -u me:s3cr3t e.example | tee x", "sh|-c|curl -u me:*** e.example | tee x",
	  1 },
	{ "sh|-c|mysql --password s3cr3t -e x", "sh|-c|mysql --password *** -e x", 1 },
	{ "python3|-c|token = \"abcd\"; go(token)", "python3|-c|token = \"***\"; go(token)", 1 },
	{ "python3|-c|os.environ[\"API_KEY\"]=\"abcd\"",
	  "python3|-c|os.environ[\"API_KEY\"]=\"***\"", 1 },
	/* A shell's words, with its quotes and backslashes. */
	{ "sh|-c|mysql -p\"s3 cr3t\" db", "sh|-c|mysql -p\"***\" db", 1 },
	{ "sh|-c|mysql -p's3cr3t'", "sh|-c|mysql -p'***'", 1 },
	{ "sh|-c|mysql -p'a'\"b\" db", "sh|-c|mysql -p'***' db", 1 },
	{ "sh|-c|curl -u u:'s3 cr3t' h", "sh|-c|curl -u u:'***' h", 1 },
	{ "sh|-c|curl -u \"u\":\"s3 cr3t\" h", "sh|-c|curl -u \"u\":\"***\" h", 1 },
	{ "sh|-c|curl -u 'u:s3'cr3t h", "sh|-c|curl -u 'u:***' h", 1 },
	{ "sh|-c|curl -H X-Auth-Token:\\ s3cr3t h", "sh|-c|curl -H X-Auth-Token:\\ *** h", 1 },
	{ "sh|-c|curl -H Authorization:\\ Bearer\\ s3cr3t h",
	  "sh|-c|curl -H Authorization:\\ Bearer\\ *** h", 1 },
	{ "sh|-c|curl -H 'X-Auth-Token: '\"s3cr3t\" h", "sh|-c|curl -H 'X-Auth-Token: '\"***\" h",
	  1 },
	{ "sh|-c|curl -H \"X-Auth-Token: s3\"cr3t h", "sh|-c|curl -H \"X-Auth-Token: ***\" h", 1 },
	{ "sh|-c|TOKEN=a\\ b\\;c run", "sh|-c|TOKEN=*** run", 1 },
	{ "sh|-c|# don't\nTOKEN='a b' run", "sh|-c|# don't\nTOKEN='***' run", 1 },
	{ "sh|-c|login --password \\\ns3cr3t x", "sh|-c|login --password \\\n*** x", 1 },
	{ "ssh|h|mysql -p's3 cr3t' db", "ssh|h|mysql -p'***' db", 1 },
	{ "node|-e|f({authorization:`Bearer s3cr3t`})", "node|-e|f({authorization:`***`})", 1 },
	{ "sh|-c|echo password: hunter2", "sh|-c|echo password: ***", 1 },
};

Test(redact, values)
{
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		check(&values[i], false);
}

static const char *const ordinary[] = {
	"",
	"|",
	"||",
	"git|show|9fceb02d0ae598e95dc970b74767f19372d61af8",
	"x|123e4567-e89b-12d3-a456-426614174000",
	"x|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"x|--token-file|/run/secrets/token",
	"x|--password-file=/etc/pw|--password-stdin|y",
	"x|--key-file|/k|--key|k.pem|--credentials=sa.json|--signing-key|keys/a.pem",
	"x|TOKEN_FILE=/run/t|SECRET_NAME=a|PASSWORD_MIN_LENGTH=8|--token-ttl=30|--secret-id=a/b",
	"x|--max-tokens=512|SSH_AUTH_SOCK=/x|GIT_AUTHOR_NAME=me|CACHE_KEY=linux-1|BYPASS=1",
	"aws|secretsmanager|get-secret-value|--secret-id|prod/db",
	"git|config|user.name|me|--repo|git@h.example:o/r",
	"docker|pull|--repository=r.example:5000/a:1@sha256:e3b0c44298fc1c149afbf4c8996fb924",
	"npm|i|--repo|npm:x|https://h.example:8080/a@b|https://h.example:$PORT/a@b",
	"sh|-c|curl -u u:\"$PW\" -x $PROXY; mysql -p\"$PW\"",
	"x|--secret-name|build|--api-key-id|12|--tokenizer|gpt2|--max-tokens|512",
	"docker|run|-p|8080|-p|8080:80|--user|1000:1000|img",
	"ssh|login|-p|2222",
	"pip|install|sk-learn|scikit-learn|sk-learn-contrib-lightning",
	"x|npm_config_x|npm_config_registry=https://registry.example/",
	"docker|login|--password-stdin|-u|me",
	"docker|build|--secret|id=npm,src=/x|.",
	"x|--password|--user|me",
	"gh|auth|login|--with-token",
	"aws|s3|ls|--starting-token|abcdefgh",
	"x|PWD=/home/me|OLDPWD=/tmp|TOKENIZERS_PARALLELISM=1",
	"x|password=true|TOKEN=|--secret=none",
	"docker|run|-v|/etc/passwd:/etc/passwd:ro|img",
	"git|commit|-m|fix token: handle the cookie of https://e.example:8443/a@b",
	"git|clone|git@github.com:o/secret.git|ssh://git@h.example:22/r",
	"x|https://user@example.org/|http://127.0.0.1:8080/x@y|file:///tmp/a@b",
	"sh|-c|curl -H \"Authorization: Bearer $GITHUB_TOKEN\" -d token=${TOKEN} e.example",
	"sh|-c|export TOKEN=$(cat /run/token)",
	"sh|-c|[ -z \"$PASSWORD\" ] && exit",
	"x|AKIDNOTAKEY|AKIA|ASIAN|eyJ|eyJhbGciOiJ|ghp_|ghp_short|hf_hub_download|xoxb-",
	"x|-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
	"x|-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
	"ssh|-i|/k|--private-key|/home/me/.ssh/id|--private-key=~/k",
	"openssl|enc|-pass|env:PW|-passin|file:/x|-pass|stdin",
	"curl|-u|me|-b|cookies.txt|-c|jar",
	"mysql|-u|root|-p|db|-P|3306",
	"kubectl|get|secret|build-token|-n|ci",
	"pypi-publish-action-v1|hvs.x|SG.x|dapi|glpat-|sk-",
	"/bin/login|-p|--|root",
	"make|-j2|CC=clang|V=1",
};

static void stays(const char *argv)
{
	char text[ARGV_MAX], got[ARGV_MAX];
	size_t len, was, i;

	/* Not through fill(): ~ stands for itself. */
	len = was = strlen(argv);
	for (i = 0; i < len; i++)
		text[i] = argv[i] == '|' ? '\0' : argv[i];
	memcpy(got, text, len);
	cr_expect_eq(redact_argv(got, &len, false), 0, "'%s' became '%s'", argv, shown(got, len));
	cr_expect(len == was && memcmp(got, text, len) == 0, "'%s'", argv);
}

Test(redact, ordinary)
{
	size_t i;

	for (i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		stays(ordinary[i]);
}

static const struct redact_case cut[] = {
	{ "x|ghp_~5.", "x|ghp_***", 1 },
	{ "x|glpat-Z", "x|glpat-*", 1 },
	{ "x|AKIA~3#", "x|AKIA***", 1 },
	{ "x|eyJ~5.", "x|eyJ***", 1 },
	{ "x|eyJ~30..~8.", "x|eyJ***", 1 },
	{ "x|https://ci:s3c", "x|https://ci:***", 1 },
	{ "x|--password|s3c", "x|--password|***", 1 },
	{ "x|-H|Authorization: Bearer ab", "x|-H|Authorization: Bearer **", 1 },
	{ "x|-----BEGIN PRIVATE KEY-----\n~9.", "x|-----BEGIN PRIVATE KEY-----***", 1 },
	/* Nothing of a secret is there yet. */
	{ "x|ghp_", "x|ghp_", 0 },
	{ "x|--password", "x|--password", 0 },
	{ "x|https://ci:", "x|https://ci:", 0 },
	{ "x|eyJ", "x|eyJ", 0 },
	/* Only what stands at the end was cut. */
	{ "x|ghp_~5.|y", "x|ghp_~5.|y", 0 },
};

Test(redact, cut)
{
	size_t i;

	for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++)
		check(&cut[i], true);
}

/* A hostile argv must not take time that grows faster than it: each is done 1000 times, which with
 * a square in it would be minutes. */
Test(redact, hostile, .timeout = 60)
{
	static const char *const pieces[] = { "eyJ-",	    "sk-",
					      "password ",  "\\\"token",
					      "a://",	    "-----BEGIN ",
					      "a.b-",	    "--token ",
					      "'\"",	    "x:y@",
					      "curl -u a ", "ATATT3",
					      "=\"",	    "Authorization: ",
					      "a://b:c/",   "dsn=a:b",
					      "-p'",	    "token='\\",
					      "TOKEN_A_",   "A*" };
	char argv[ARGV_MAX];
	size_t i, k, len, n;

	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		n = strlen(pieces[i]);
		for (k = 0; k < 1000; k++) {
			for (len = 0; len + n <= sizeof(argv); len += n)
				memcpy(argv + len, pieces[i], n);
			(void)redact_argv(argv, &len, k % 2 == 0);
			cr_assert_leq(len, sizeof(argv));
		}
	}
}
