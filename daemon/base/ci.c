/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ci.h"

#include <string.h>

#include <nettle/sha2.h>

#include "base/text.h"

#include "base/poison.h"

struct variable {
	const char *name;
	enum ci_key key;
};

/* Of two variables for one key the first that is not empty counts. */
struct system {
	const char *name;
	const char *marker; /* the variable that tells it */
	const char *begins; /* what its value begins with; NULL: any but empty and "false" */
	uint32_t also;	    /* bits of systems whose markers it sets as well, to be compatible */
	const struct variable *variables; /* key CI_KEYS behind the last */
	const char *runner; /* the name of the process that gives jobs their environment, a glob;
			       NULL: it has none of its own (java) */
};

/*
 * docs.github.com/actions/reference/workflows-and-actions/variables; src/Runner.Worker/
 * GitHubContext.cs and ActionRunner.cs of actions/runner. GITHUB_ACTION_REPOSITORY is empty in the
 * steps inside a composite action (actions/runner issues 2473 and 2525): there the path of the
 * action tells it, see action_of_path().
 */
static const struct variable github[] = {
	{ "GITHUB_REPOSITORY", CI_REPOSITORY },
	{ "GITHUB_WORKFLOW", CI_WORKFLOW },
	{ "GITHUB_JOB", CI_JOB },
	{ "GITHUB_RUN_ID", CI_RUN_ID },
	{ "GITHUB_RUN_ATTEMPT", CI_ATTEMPT },
	{ "GITHUB_ACTION_REPOSITORY", CI_ACTION },
	{ "GITHUB_ACTION_PATH", CI_ACTION },
	{ "GITHUB_ACTION_REF", CI_ACTION_REF },
	{ "GITHUB_ACTION", CI_STEP },
	{ "GITHUB_EVENT_NAME", CI_EVENT },
	{ "GITHUB_REF", CI_REF },
	{ "GITHUB_SHA", CI_SHA },
	{ "GITHUB_ACTOR", CI_ACTOR },
	{ "RUNNER_NAME", CI_RUNNER },
	{ NULL, CI_KEYS },
};

/* learn.microsoft.com/azure/devops/pipelines/build/variables. */
static const struct variable azure[] = {
	{ "SYSTEM_TEAMPROJECT", CI_OWNER },
	{ "BUILD_REPOSITORY_NAME", CI_REPOSITORY },
	{ "BUILD_DEFINITIONNAME", CI_WORKFLOW },
	{ "SYSTEM_STAGENAME", CI_STAGE },
	{ "SYSTEM_JOBDISPLAYNAME", CI_JOB },
	{ "AGENT_JOBNAME", CI_JOB },
	{ "SYSTEM_JOBID", CI_JOB_ID },
	{ "BUILD_BUILDID", CI_RUN_ID },
	{ "SYSTEM_JOBATTEMPT", CI_ATTEMPT },
	{ "SYSTEM_TASKDISPLAYNAME", CI_STEP },
	{ "TASK_DISPLAYNAME", CI_STEP },
	{ "BUILD_REASON", CI_EVENT },
	{ "BUILD_SOURCEBRANCH", CI_REF },
	{ "BUILD_SOURCEVERSION", CI_SHA },
	{ "BUILD_REQUESTEDFOR", CI_ACTOR },
	{ "AGENT_NAME", CI_RUNNER },
	{ NULL, CI_KEYS },
};

/* buildkite.com/docs/pipelines/configure/environment-variables. A job runs one step and has its
 * name. Not BUILDKITE_REPO: an address. */
static const struct variable buildkite[] = {
	{ "BUILDKITE_ORGANIZATION_SLUG", CI_OWNER },
	{ "BUILDKITE_PIPELINE_SLUG", CI_WORKFLOW },
	{ "BUILDKITE_JOB_ID", CI_JOB_ID },
	{ "BUILDKITE_BUILD_NUMBER", CI_RUN_ID },
	{ "BUILDKITE_RETRY_COUNT", CI_ATTEMPT },
	{ "BUILDKITE_LABEL", CI_STEP },
	{ "BUILDKITE_SOURCE", CI_EVENT },
	{ "BUILDKITE_BRANCH", CI_REF },
	{ "BUILDKITE_COMMIT", CI_SHA },
	{ "BUILDKITE_BUILD_CREATOR", CI_ACTOR },
	{ "BUILDKITE_AGENT_NAME", CI_RUNNER },
	{ NULL, CI_KEYS },
};

/* woodpecker-ci.org/docs/usage/environment; pipeline/frontend/metadata/environment.go. A workflow
 * is what runs on one agent: its job. */
static const struct variable woodpecker[] = {
	{ "CI_REPO", CI_REPOSITORY },	     { "CI_WORKFLOW_NAME", CI_WORKFLOW },
	{ "CI_WORKFLOW_NUMBER", CI_JOB_ID }, { "CI_PIPELINE_NUMBER", CI_RUN_ID },
	{ "CI_STEP_NAME", CI_STEP },	     { "CI_PIPELINE_EVENT", CI_EVENT },
	{ "CI_COMMIT_REF", CI_REF },	     { "CI_COMMIT_SHA", CI_SHA },
	{ "CI_COMMIT_AUTHOR", CI_ACTOR },    { NULL, CI_KEYS },
};

/* circleci.com/docs/reference/variables. It names no step, and a workflow only by the run's id. */
static const struct variable circleci[] = {
	{ "CIRCLE_PROJECT_USERNAME", CI_OWNER },
	{ "CIRCLE_PROJECT_REPONAME", CI_REPOSITORY },
	{ "CIRCLE_JOB", CI_JOB },
	{ "CIRCLE_BUILD_NUM", CI_JOB_ID },
	{ "CIRCLE_WORKFLOW_ID", CI_RUN_ID },
	{ "CIRCLE_BRANCH", CI_REF },
	{ "CIRCLE_TAG", CI_REF },
	{ "CIRCLE_SHA1", CI_SHA },
	{ "CIRCLE_USERNAME", CI_ACTOR },
	{ NULL, CI_KEYS },
};

/* jetbrains.com/help/teamcity/predefined-build-parameters.html. */
static const struct variable teamcity[] = {
	{ "TEAMCITY_PROJECT_NAME", CI_WORKFLOW },
	{ "TEAMCITY_BUILDCONF_NAME", CI_JOB },
	{ "BUILD_NUMBER", CI_RUN_ID },
	{ "BUILD_VCS_NUMBER", CI_SHA },
	{ NULL, CI_KEYS },
};

/* docs.gitlab.com/ci/variables/predefined_variables. Not CI_REPOSITORY_URL: it holds the job's
 * token. */
static const struct variable gitlab[] = {
	{ "CI_PROJECT_PATH", CI_REPOSITORY },
	{ "CI_PIPELINE_NAME", CI_WORKFLOW },
	{ "CI_JOB_STAGE", CI_STAGE },
	{ "CI_JOB_NAME", CI_JOB },
	{ "CI_JOB_ID", CI_JOB_ID },
	{ "CI_PIPELINE_ID", CI_RUN_ID },
	{ "CI_PIPELINE_SOURCE", CI_EVENT },
	{ "CI_COMMIT_REF_NAME", CI_REF },
	{ "CI_COMMIT_SHA", CI_SHA },
	{ "GITLAB_USER_LOGIN", CI_ACTOR },
	{ "CI_RUNNER_DESCRIPTION", CI_RUNNER },
	{ NULL, CI_KEYS },
};

/* docs.drone.io/pipeline/environment/reference. A stage is a pipeline of the file: its job. */
static const struct variable drone[] = {
	{ "DRONE_REPO", CI_REPOSITORY },
	{ "DRONE_STAGE_NAME", CI_WORKFLOW },
	{ "DRONE_STAGE_NUMBER", CI_JOB_ID },
	{ "DRONE_BUILD_NUMBER", CI_RUN_ID },
	{ "DRONE_STEP_NAME", CI_STEP },
	{ "DRONE_BUILD_EVENT", CI_EVENT },
	{ "DRONE_COMMIT_REF", CI_REF },
	{ "DRONE_COMMIT_SHA", CI_SHA },
	{ "DRONE_BUILD_TRIGGER", CI_ACTOR },
	{ "DRONE_STAGE_MACHINE", CI_RUNNER },
	{ NULL, CI_KEYS },
};

/* www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables; BUILD_USER_ID is of
 * its plugin build-user-vars. Not GIT_URL and JENKINS_URL: addresses. Not BUILD_ID: jobs set it, to
 * keep what they start alive. */
static const struct variable jenkins[] = {
	{ "JOB_NAME", CI_JOB },	       { "BUILD_NUMBER", CI_RUN_ID }, { "STAGE_NAME", CI_STEP },
	{ "BRANCH_NAME", CI_REF },     { "GIT_BRANCH", CI_REF },      { "GIT_COMMIT", CI_SHA },
	{ "BUILD_USER_ID", CI_ACTOR }, { "NODE_NAME", CI_RUNNER },    { NULL, CI_KEYS },
};

/* Buildbot sets none: these are ours, for `env` in a master.cfg; see outflow.yaml(5). */
static const struct variable buildbot[] = {
	{ "BUILDBOT_REPOSITORY", CI_REPOSITORY },
	{ "BUILDBOT_BUILDER", CI_JOB },
	{ "BUILDBOT_BUILDNUMBER", CI_RUN_ID },
	{ "BUILDBOT_STEP", CI_STEP },
	{ "BUILDBOT_BRANCH", CI_REF },
	{ "BUILDBOT_REVISION", CI_SHA },
	{ "BUILDBOT_WORKER", CI_RUNNER },
	{ NULL, CI_KEYS },
};

/* Tekton sets none: a task maps what it knows (tekton.dev/docs/pipelines/variables), most by these
 * names, which tools that attest builds also read. TEKTON_REPOSITORY and TEKTON_STEP are ours. */
static const struct variable tekton[] = {
	{ "TEKTON_NAMESPACE", CI_OWNER },     { "TEKTON_REPOSITORY", CI_REPOSITORY },
	{ "TEKTON_PIPELINE", CI_WORKFLOW },   { "TEKTON_TASK_NAME", CI_JOB },
	{ "TEKTON_TASKRUN_NAME", CI_JOB_ID }, { "TEKTON_PIPELINE_RUN", CI_RUN_ID },
	{ "TEKTON_STEP", CI_STEP },	      { NULL, CI_KEYS },
};

enum {
	FORGEJO,
	GITEA,
	GITHUB,
	AZURE,
	BUILDKITE,
	WOODPECKER,
	CIRCLECI,
	TEAMCITY,
	GITLAB,
	DRONE,
	JENKINS,
	BUILDBOT,
	TEKTON,
	SYSTEMS,
};

/*
 * In the order in which they are looked for where no runner tells: first those whose variables a
 * job's author cannot set himself, so that nobody passes for another system by setting its marker
 * in his workflow. Forgejo and Gitea run GitHub's workflows and set its variables.
 */
static const struct system systems[SYSTEMS] = {
	[FORGEJO] = { "forgejo", "FORGEJO_ACTIONS", NULL, 1 << GITEA | 1 << GITHUB, github,
		      "forgejo-runner*" },
	[GITEA] = { "gitea", "GITEA_ACTIONS", NULL, 1 << GITHUB, github, "act_runner*" },
	[GITHUB] = { "github", "GITHUB_ACTIONS", NULL, 0, github, "Runner.Worker" },
	[AZURE] = { "azure", "TF_BUILD", NULL, 0, azure, "Agent.Worker" },
	[BUILDKITE] = { "buildkite", "BUILDKITE", NULL, 0, buildkite, "buildkite-agent" },
	[WOODPECKER] = { "woodpecker", "CI_SYSTEM_NAME", "woodpecker", 1 << DRONE, woodpecker,
			 "woodpecker-agent" },
	[CIRCLECI] = { "circleci", "CIRCLECI", NULL, 0, circleci, "circleci-*" },
	[TEAMCITY] = { "teamcity", "TEAMCITY_VERSION", NULL, 0, teamcity, NULL },
	[GITLAB] = { "gitlab", "GITLAB_CI", NULL, 0, gitlab, "gitlab-runner*" },
	[DRONE] = { "drone", "DRONE", NULL, 0, drone, "drone-runner-*" },
	[JENKINS] = { "jenkins", "BUILD_TAG", "jenkins-", 0, jenkins, NULL },
	[BUILDBOT] = { "buildbot", "BUILDBOT_BUILDER", NULL, 0, buildbot, "buildbot-worker" },
	[TEKTON] = { "tekton", "TEKTON_TASKRUN_NAME", NULL, 0, tekton, NULL },
};

const char *ci_key_name(enum ci_key key)
{
	static const char *const names[CI_KEYS] = {
		[CI_SYSTEM] = "system",	    [CI_OWNER] = "owner",   [CI_REPOSITORY] = "repository",
		[CI_WORKFLOW] = "workflow", [CI_STAGE] = "stage",   [CI_JOB] = "job",
		[CI_JOB_ID] = "job_id",	    [CI_RUN_ID] = "run_id", [CI_ATTEMPT] = "attempt",
		[CI_STEP] = "step",	    [CI_ACTION] = "action", [CI_ACTION_REF] = "action_ref",
		[CI_EVENT] = "event",	    [CI_REF] = "ref",	    [CI_SHA] = "sha",
		[CI_ACTOR] = "actor",	    [CI_RUNNER] = "runner",
	};

	return names[key];
}

/* The markers, then the variables of one system after the other; NULL behind the last. */
static const char *name_at(size_t i)
{
	size_t s, n;

	if (i < SYSTEMS)
		return systems[i].marker;
	i -= SYSTEMS;
	for (s = GITHUB; s < SYSTEMS; s++) { /* which stands for those before it */
		for (n = 0; systems[s].variables[n].name != NULL; n++)
			if (i-- == 0)
				return systems[s].variables[n].name;
	}
	return NULL;
}

static bool name_is_new(size_t i)
{
	const char *name = name_at(i);

	while (i-- > 0)
		if (strcmp(name_at(i), name) == 0)
			return false;
	return true;
}

const char *ci_variable(size_t i)
{
	size_t at;

	for (at = 0; name_at(at) != NULL; at++)
		if (name_is_new(at) && i-- == 0)
			return name_at(at);
	return NULL;
}

/* The first variable of this name. False: there is none, or it is empty. */
static bool env_get(const char *text, size_t len, const char *name, struct ci_text *ret)
{
	size_t n = strlen(name), at, end;

	for (at = 0; at < len; at = end + 1) {
		end = at + strnlen(text + at, len - at);
		if (end - at <= n || text[at + n] != '=' || memcmp(text + at, name, n) != 0)
			continue;
		at += n + 1;
		if (end == at)
			return false;
		*ret = (struct ci_text){ text + at,
					 end - at > CI_VALUE_MAX ? CI_VALUE_MAX : end - at };
		return true;
	}
	return false;
}

static bool text_is(const struct ci_text *t, const char *s)
{
	return t->len == strlen(s) && memcmp(t->s, s, t->len) == 0;
}

static bool text_begins(const struct ci_text *t, const char *with)
{
	return t->len >= strlen(with) && memcmp(t->s, with, strlen(with)) == 0;
}

static bool text_same(const struct ci_text *a, const struct ci_text *b)
{
	return a->len == b->len && memcmp(a->s, b->s, a->len) == 0;
}

static uint32_t systems_in(const char *text, size_t len)
{
	const struct system *s;
	struct ci_text value;
	uint32_t found = 0;

	for (s = systems; s < systems + SYSTEMS; s++) {
		if (!env_get(text, len, s->marker, &value))
			continue;
		if (s->begins != NULL ? text_begins(&value, s->begins) : !text_is(&value, "false"))
			found |= 1U << (s - systems);
	}
	return found;
}

/* How much of it there is up to the nth '/', or all. */
static size_t parts(const struct ci_text *t, size_t n)
{
	size_t i;

	for (i = 0; i < t->len; i++)
		if (t->s[i] == '/' && --n == 0)
			return i;
	return t->len;
}

/* "/home/runner/_work/_actions/OWNER/NAME/REF" and, when the action is not at the top of its
 * repository, its path in there. A REF may have slashes itself: only a single part is surely one.
 */
static void action_of_path(struct ci *ci)
{
	static const char dir[] = "/_actions/";
	struct ci_text path = ci->value[CI_ACTION], rest;
	size_t i;

	ci->value[CI_ACTION] = (struct ci_text){ NULL, 0 };
	for (i = 0; i + strlen(dir) <= path.len; i++)
		if (memcmp(path.s + i, dir, strlen(dir)) == 0)
			break;
	if (i + strlen(dir) > path.len)
		return;
	i += strlen(dir);
	rest = (struct ci_text){ path.s + i, path.len - i };
	i = parts(&rest, 2);
	if (i == rest.len)
		return;
	ci->value[CI_ACTION] = (struct ci_text){ rest.s, i };
	rest = (struct ci_text){ rest.s + i + 1, rest.len - i - 1 };
	if (ci->value[CI_ACTION_REF].s == NULL && rest.len > 0 && parts(&rest, 1) == rest.len)
		ci->value[CI_ACTION_REF] = rest;
}

/* GITHUB_ACTION is no more than "__run_2" or "__aquasecurity_trivy-action": a better name wins. */
static void step_of_action(struct ci *ci)
{
	if (ci->value[CI_ACTION].s != NULL && ci->value[CI_ACTION].s[0] == '/')
		action_of_path(ci);
	if (ci->value[CI_ACTION].s != NULL)
		ci->value[CI_STEP] = ci->value[CI_ACTION];
}

/*
 * "https://user:secret@host/path" without what is before the host: nobody should write it, but a
 * secret is not for the feed. Of one that was cut nobody knows whether a '@' followed.
 */
static void address_strip(struct ci_text *t)
{
	static const char sep[] = "://";
	size_t i, at;

	for (i = 0; i + strlen(sep) <= t->len; i++)
		if (memcmp(t->s + i, sep, strlen(sep)) == 0)
			break;
	if (i + strlen(sep) > t->len)
		return;
	for (at = t->len; at > i; at--)
		if (t->s[at - 1] == '@')
			break;
	if (at == i && t->len < CI_VALUE_MAX)
		return;
	*t = at == i || at == t->len ? (struct ci_text){ NULL, 0 }
				     : (struct ci_text){ t->s + at, t->len - at };
}

static void values_read(struct ci *ci)
{
	const struct variable *v;

	for (v = systems[ci->system].variables; v->name != NULL; v++)
		if (ci->value[v->key].s == NULL)
			(void)env_get(ci->text, ci->len, v->name, &ci->value[v->key]);
	if (systems[ci->system].variables == github)
		step_of_action(ci);
	if (ci->value[CI_REPOSITORY].s != NULL)
		address_strip(&ci->value[CI_REPOSITORY]);
}

static void system_name(unsigned int system, struct ci_text *ret)
{
	*ret = (struct ci_text){ systems[system].name, strlen(systems[system].name) };
}

unsigned int ci_runner(const char *name)
{
	unsigned int i;

	for (i = 0; i < SYSTEMS; i++)
		if (systems[i].runner != NULL && text_glob(systems[i].runner, name, strlen(name)))
			return i;
	return CI_NO_SYSTEM;
}

bool ci_parse(const char *text, size_t len, unsigned int runner, struct ci *ret)
{
	struct ci ci = { .text = text, .len = len };
	uint32_t found = systems_in(text, len);

	if (found == 0)
		return false;
	ci.system = (unsigned int)__builtin_ctz(found);
	/* What it sets to be compatible counts as before: Gitea's runner gives GitHub's marker. */
	if (runner < SYSTEMS && (found & 1U << runner) != 0)
		ci.system = runner;
	system_name(ci.system, &ci.value[CI_SYSTEM]);
	values_read(&ci);
	*ret = ci;
	return true;
}

/* Does it tell one job or step from another? */
static bool key_counts(enum ci_key key)
{
	switch (key) {
	case CI_SYSTEM:
	case CI_OWNER:
	case CI_REPOSITORY:
	case CI_WORKFLOW:
	case CI_JOB:
	case CI_JOB_ID:
	case CI_RUN_ID:
	case CI_ATTEMPT:
	case CI_STEP:
	case CI_ACTION:
		return true;
	default:
		return false;
	}
}

bool ci_claims(const struct ci *truth, const char *text, size_t len, struct ci_text ret[CI_KEYS])
{
	const struct system *system = &systems[truth->system];
	uint32_t others = systems_in(text, len) & ~(1U << truth->system | system->also);
	const struct variable *v;
	struct ci_text is, said;
	bool any = others != 0;

	memset(ret, 0, CI_KEYS * sizeof(*ret));
	if (others != 0)
		system_name((unsigned int)__builtin_ctz(others), &ret[CI_SYSTEM]);
	for (v = system->variables; v->name != NULL; v++) {
		if (!key_counts(v->key) || ret[v->key].s != NULL ||
		    !env_get(text, len, v->name, &said))
			continue;
		if (env_get(truth->text, truth->len, v->name, &is) && text_same(&is, &said))
			continue;
		if (v->key == CI_REPOSITORY)
			address_strip(&said);
		ret[v->key] = said;
		any = any || said.s != NULL;
	}
	return any;
}

uint64_t ci_job(const struct ci *ci)
{
	/* Legs of a matrix have the same names at GitHub, but each has a runner of its own while it
	 * runs. */
	static const enum ci_key keys[] = { CI_SYSTEM,	 CI_OWNER,   CI_REPOSITORY,
					    CI_WORKFLOW, CI_JOB,     CI_JOB_ID,
					    CI_RUN_ID,	 CI_ATTEMPT, CI_RUNNER };
	uint8_t sum[SHA256_DIGEST_SIZE], len;
	const struct ci_text *t;
	struct sha256_ctx sha;
	uint64_t job;
	size_t i;

	sha256_init(&sha);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		t = &ci->value[keys[i]];
		len = (uint8_t)t->len;
		sha256_update(&sha, 1, &len);
		sha256_update(&sha, t->len, (const uint8_t *)t->s);
	}
	sha256_digest(&sha, sizeof(sum), sum);
	memcpy(&job, sum, sizeof(job));
	return job | 1ULL << 63;
}

/* As GitHub compares names, without the "@v1" that a workflow writes behind one. */
static void action_fold(char ret[CI_VALUE_MAX + 1], const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < CI_VALUE_MAX && s[i] != '@'; i++)
		ret[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] - 'A' + 'a' : s[i]);
	ret[i] = '\0';
}

bool ci_action_matches(const struct ci *ci, const char *pattern)
{
	char action[CI_VALUE_MAX + 1], wanted[CI_VALUE_MAX + 1];

	if (ci == NULL || ci->value[CI_ACTION].s == NULL || strlen(pattern) > CI_VALUE_MAX)
		return false;
	action_fold(action, ci->value[CI_ACTION].s, ci->value[CI_ACTION].len);
	action_fold(wanted, pattern, strlen(pattern));
	return text_glob(wanted, action, strlen(action));
}
