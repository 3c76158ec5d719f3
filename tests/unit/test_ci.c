/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ci.c: what an environment says about a CI job. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ci.h"
#include "base/secret_name.h"

TestSuite(ci, .timeout = 60);

#define GITHUB                                                                                \
	"CI=true\nGITHUB_ACTIONS=true\nGITHUB_REPOSITORY=o/r\nGITHUB_WORKFLOW=Nightly scan\n" \
	"GITHUB_JOB=scan\nGITHUB_RUN_ID=23311\nGITHUB_RUN_NUMBER=7\nGITHUB_RUN_ATTEMPT=2\n"   \
	"GITHUB_EVENT_NAME=pull_request_target\nGITHUB_REF=refs/pull/9/merge\n"               \
	"GITHUB_SHA=6f1c\nGITHUB_ACTOR=octocat\nRUNNER_NAME=runner-7\n"

/* An environment with newlines where the NULs are. */
struct row {
	char env[1200], says[700];
};

/* "key=value key=value", in the order of the keys. */
static void says(const struct ci_text value[CI_KEYS], char ret[1024])
{
	size_t at = 0;
	int key;

	ret[0] = '\0';
	for (key = 0; key < CI_KEYS; key++)
		if (value[key].s != NULL) {
			cr_assert_gt(value[key].len, 0);
			at += (size_t)snprintf(ret + at, 1024 - at, "%s%s=%.*s", at == 0 ? "" : " ",
					       ci_key_name((enum ci_key)key), (int)value[key].len,
					       value[key].s);
		}
}

/* In a block of its very size, so that a byte too far is seen. */
static char *environment(const char *lines, size_t *ret_len)
{
	size_t len = strlen(lines), i;
	char *env = malloc(len);

	cr_assert_not_null(env);
	for (i = 0; i < len; i++)
		env[i] = (char)(lines[i] == '\n' ? '\0' : lines[i]);
	*ret_len = len;
	return env;
}

static void parsed(const char *lines, char ret[1024])
{
	struct ci ci;
	size_t len;
	char *env = environment(lines, &len);

	snprintf(ret, 1024, "none");
	if (ci_parse(env, len, CI_NO_SYSTEM, &ci))
		says(ci.value, ret);
	free(env);
}

static struct row systems[] = {
	{ GITHUB "GITHUB_ACTION=__run_2\nGITHUB_ACTION_REPOSITORY=\nGITHUB_ACTION_REF=\n",
	  "system=github repository=o/r workflow=Nightly scan job=scan run_id=23311 "
	  "attempt=2 step=__run_2 event=pull_request_target ref=refs/pull/9/merge "
	  "sha=6f1c actor=octocat runner=runner-7" },
	{ GITHUB "GITHUB_ACTION=__actions_checkout\nGITHUB_ACTION_REF=v4\n"
		 "GITHUB_ACTION_REPOSITORY=actions/checkout\n",
	  "system=github repository=o/r workflow=Nightly scan job=scan run_id=23311 "
	  "attempt=2 step=actions/checkout action=actions/checkout action_ref=v4 "
	  "event=pull_request_target ref=refs/pull/9/merge sha=6f1c actor=octocat "
	  "runner=runner-7" },
	/* Inside a composite action, as Trivy's is. */
	{ GITHUB "GITHUB_ACTION=__aquasecurity_trivy-action\nGITHUB_ACTION_REPOSITORY=\n"
		 "GITHUB_ACTION_REF=\nGITHUB_ACTION_PATH=/home/runner/_work/_actions/"
		 "aquasecurity/trivy-action/0.28.0\n",
	  "system=github repository=o/r workflow=Nightly scan job=scan run_id=23311 "
	  "attempt=2 step=aquasecurity/trivy-action action=aquasecurity/trivy-action "
	  "action_ref=0.28.0 event=pull_request_target ref=refs/pull/9/merge sha=6f1c "
	  "actor=octocat runner=runner-7" },
	/* A version with a slash, or a place inside: not told apart. */
	{ "GITHUB_ACTIONS=true\nGITHUB_ACTION=a\n"
	  "GITHUB_ACTION_PATH=/__w/_actions/o/r/releases/v1\n",
	  "system=github step=o/r action=o/r" },
	/* An action of the repository itself. */
	{ "GITHUB_ACTIONS=true\nGITHUB_ACTION=__self\n"
	  "GITHUB_ACTION_PATH=/home/runner/_work/r/r/./.github/actions/x\n",
	  "system=github step=__self" },
	{ "GITHUB_ACTIONS=true\nGITHUB_ACTION=x\nGITHUB_ACTION_PATH=/w/_actions/o/r\n",
	  "system=github step=x" },
	{ "GITEA_ACTIONS=true\nGITHUB_ACTIONS=true\nGITHUB_REPOSITORY=o/r\n"
	  "GITHUB_RUN_ID=5\n",
	  "system=gitea repository=o/r run_id=5" },
	{ "FORGEJO_ACTIONS=true\nGITEA_ACTIONS=true\nGITHUB_ACTIONS=true\n"
	  "GITHUB_REPOSITORY=o/r\n",
	  "system=forgejo repository=o/r" },
	{ "CI=true\nGITLAB_CI=true\nCI_PROJECT_PATH=group/sub/"
	  "project\nCI_PIPELINE_ID=1212\n"
	  "CI_PIPELINE_NAME=nightly\nCI_JOB_STAGE=test\nCI_JOB_NAME=scan 1/3\n"
	  "CI_JOB_ID=9313\nCI_PIPELINE_SOURCE=merge_request_event\n"
	  "CI_COMMIT_REF_NAME=main\nCI_COMMIT_SHA=6f1c\nGITLAB_USER_LOGIN=jane\n"
	  "CI_RUNNER_DESCRIPTION=shell runner\n",
	  "system=gitlab repository=group/sub/project workflow=nightly stage=test "
	  "job=scan 1/3 job_id=9313 run_id=1212 event=merge_request_event ref=main "
	  "sha=6f1c actor=jane runner=shell runner" },
	{ "JENKINS_URL=http://jenkins.example/\nBUILD_TAG=jenkins-folder-app-16\n"
	  "JOB_NAME=folder/app\nBUILD_NUMBER=16\nBUILD_ID=dontKillMe\nSTAGE_NAME=Build\n"
	  "GIT_BRANCH=origin/main\nGIT_COMMIT=b173\nNODE_NAME=built-in\n",
	  "system=jenkins job=folder/app run_id=16 step=Build ref=origin/main sha=b173 "
	  "runner=built-in" },
	{ "BUILDKITE=true\nBUILDKITE_ORGANIZATION_SLUG=acme\nBUILDKITE_PIPELINE_SLUG=app\n"
	  "BUILDKITE_BUILD_NUMBER=1514\nBUILDKITE_JOB_ID=e44f\nBUILDKITE_LABEL=Scan it\n"
	  "BUILDKITE_RETRY_COUNT=0\nBUILDKITE_SOURCE=webhook\nBUILDKITE_BRANCH=main\n"
	  "BUILDKITE_COMMIT=83a2\nBUILDKITE_BUILD_CREATOR=Jane\n"
	  "BUILDKITE_AGENT_NAME=agent-1\n",
	  "system=buildkite owner=acme workflow=app job_id=e44f run_id=1514 attempt=0 "
	  "step=Scan it event=webhook ref=main sha=83a2 actor=Jane runner=agent-1" },
	{ "CIRCLECI=true\nCIRCLE_PROJECT_USERNAME=acme\nCIRCLE_PROJECT_REPONAME=noted\n"
	  "CIRCLE_JOB=build\nCIRCLE_BUILD_NUM=4\nCIRCLE_WORKFLOW_ID=d5c7\n"
	  "CIRCLE_BRANCH=\nCIRCLE_TAG=v1\nCIRCLE_SHA1=bd62\nCIRCLE_USERNAME=jane\n",
	  "system=circleci owner=acme repository=noted job=build job_id=4 run_id=d5c7 "
	  "ref=v1 sha=bd62 actor=jane" },
	{ "TF_BUILD=True\nSYSTEM_TEAMPROJECT=detector\nBUILD_REPOSITORY_NAME=o/detector\n"
	  "BUILD_DEFINITIONNAME=o.detector\nSYSTEM_STAGENAME=__default\n"
	  "SYSTEM_JOBDISPLAYNAME=Job\nAGENT_JOBNAME=Job\nSYSTEM_JOBID=12f1\n"
	  "BUILD_BUILDID=33\nSYSTEM_JOBATTEMPT=1\nSYSTEM_TASKDISPLAYNAME=dump env\n"
	  "TASK_DISPLAYNAME=dump env\nBUILD_REASON=IndividualCI\n"
	  "BUILD_SOURCEBRANCH=refs/heads/main\nBUILD_SOURCEVERSION=6411\n"
	  "BUILD_REQUESTEDFOR=Jan\xc3\xa9\nAGENT_NAME=Hosted Agent\n",
	  "system=azure owner=detector repository=o/detector workflow=o.detector "
	  "stage=__default job=Job job_id=12f1 run_id=33 attempt=1 step=dump env "
	  "event=IndividualCI ref=refs/heads/main sha=6411 actor=Jan\xc3\xa9 "
	  "runner=Hosted Agent" },
	{ "TEAMCITY_VERSION=10.0 (build 42002)\nTEAMCITY_PROJECT_NAME=Detector\n"
	  "TEAMCITY_BUILDCONF_NAME=Build\nBUILD_NUMBER=5\nBUILD_VCS_NUMBER=1ee5\n",
	  "system=teamcity workflow=Detector job=Build run_id=5 sha=1ee5" },
	/* With what it sets for plugins made for Drone. */
	{ "CI=woodpecker\nCI_SYSTEM_NAME=woodpecker\nCI_REPO=jane/app\n"
	  "CI_WORKFLOW_NAME=test\nCI_WORKFLOW_NUMBER=2\nCI_PIPELINE_NUMBER=8\n"
	  "CI_STEP_NAME=scan\nCI_PIPELINE_EVENT=push\nCI_COMMIT_REF=refs/heads/main\n"
	  "CI_COMMIT_SHA=eba0\nCI_COMMIT_AUTHOR=jane\nDRONE=true\nDRONE_REPO=jane/app\n",
	  "system=woodpecker repository=jane/app workflow=test job_id=2 run_id=8 step=scan "
	  "event=push ref=refs/heads/main sha=eba0 actor=jane" },
	{ "CI=true\nDRONE=true\nDRONE_REPO=jane/app\nDRONE_STAGE_NAME=default\n"
	  "DRONE_STAGE_NUMBER=1\nDRONE_BUILD_NUMBER=42\nDRONE_STEP_NAME=scan\n"
	  "DRONE_BUILD_EVENT=push\nDRONE_COMMIT_REF=refs/heads/main\n"
	  "DRONE_COMMIT_SHA=eba0\nDRONE_BUILD_TRIGGER=jane\nDRONE_STAGE_MACHINE=host-1\n",
	  "system=drone repository=jane/app workflow=default job_id=1 run_id=42 step=scan "
	  "event=push ref=refs/heads/main sha=eba0 actor=jane runner=host-1" },
	{ "BUILDBOT_BUILDER=app-scan\nBUILDBOT_BUILDNUMBER=12\nBUILDBOT_STEP=scan\n"
	  "BUILDBOT_REPOSITORY=https://git.example/o/r\nBUILDBOT_WORKER=w1\n"
	  "BUILDBOT_BRANCH=main\nBUILDBOT_REVISION=77aa\n",
	  "system=buildbot repository=https://git.example/o/r job=app-scan run_id=12 "
	  "step=scan ref=main sha=77aa runner=w1" },
	{ "TEKTON_NAMESPACE=ci\nTEKTON_PIPELINE=release\nTEKTON_PIPELINE_RUN=release-x7\n"
	  "TEKTON_TASK_NAME=scan\nTEKTON_TASKRUN_NAME=release-x7-scan\nTEKTON_STEP=trivy\n"
	  "TEKTON_REPOSITORY=o/r\n",
	  "system=tekton owner=ci repository=o/r workflow=release job=scan "
	  "job_id=release-x7-scan run_id=release-x7 step=trivy" },
	/* No job, though it looks like one. */
	{ "CI=true\nGITHUB_REPOSITORY=o/r\nJOB_NAME=a\nBUILD_NUMBER=1\nHOME=/root\n", "none" },
	{ "GITHUB_ACTIONS=false\n", "none" },
	{ "GITHUB_ACTIONS=\n", "none" },
	{ "BUILD_TAG=release-1\nCI_SYSTEM_NAME=other\n", "none" },
	{ "XGITHUB_ACTIONS=true\nGITHUB_ACTIONSX=true\n", "none" },
	{ "", "none" },
	{ "GITHUB_ACTIONS", "none" },
	{ "=\n==\n\n\nGITHUB_ACTIONS=true\n=x\nGITHUB_JOB\nGITHUB_SHA=", "system=github" },
	{ "GITHUB_ACTIONS=true\nGITHUB_JOB=cut in the mid", "system=github job=cut in the mid" },
	/* As with getenv(3). */
	{ "GITHUB_ACTIONS=true\nGITHUB_JOB=first\nGITHUB_JOB=second\n", "system=github job=first" },
	{ "GITHUB_ACTIONS=true\nGITHUB_JOB=\nGITHUB_JOB=second\n", "system=github" },
	{ "GITHUB_ACTIONS=false\nGITHUB_ACTIONS=true\n", "none" },
	{ "GITHUB_ACTIONS=true\nGITHUB_JOB=a\x1b[31m\xff\r=b\n",
	  "system=github job=a\x1b[31m\xff\r=b" },
	/* No secret of an address is shown. */
	{ "BUILDBOT_BUILDER=b\nBUILDBOT_REPOSITORY=https://u:p@git.example/o/r\n",
	  "system=buildbot repository=git.example/o/r job=b" },
	{ "BUILDBOT_BUILDER=b\nBUILDBOT_REPOSITORY=ssh://u:p/w@git.example/o/r\n",
	  "system=buildbot repository=git.example/o/r job=b" },
	{ "BUILDBOT_BUILDER=b\nBUILDBOT_REPOSITORY=https://u:p@\n", "system=buildbot job=b" },
	{ "BUILDBOT_BUILDER=b\nBUILDBOT_REPOSITORY=git@git.example:o/r\n",
	  "system=buildbot repository=git@git.example:o/r job=b" },
};

ParameterizedTestParameters(ci, systems)
{
	return cr_make_param_array(struct row, systems, sizeof(systems) / sizeof(systems[0]));
}

ParameterizedTest(struct row *r, ci, systems)
{
	char text[1024];

	parsed(r->env, text);
	cr_expect_str_eq(text, r->says, "%s\n%s", text, r->says);
}

/* Whose variables the author of a job cannot set speaks before whose he can. */
Test(ci, a_job_does_not_pass_for_one_of_another_system)
{
	static const char *const markers[] = {
		"TF_BUILD=True",
		"BUILDKITE=true",
		"CI_SYSTEM_NAME=woodpecker",
		"CIRCLECI=true",
		"TEAMCITY_VERSION=1",
		"GITLAB_CI=true",
		"DRONE=true",
		"BUILD_TAG=jenkins-a-1",
		"BUILDBOT_BUILDER=b",
		"TEKTON_TASKRUN_NAME=t",
	};
	char env[256], text[1024];
	struct ci_text said[CI_KEYS];
	struct ci ci;
	size_t i, len;
	char *e;

	for (i = 0; i < sizeof(markers) / sizeof(markers[0]); i++) {
		(void)snprintf(env, sizeof(env), "%s\nGITHUB_ACTIONS=true\nGITHUB_JOB=j\n",
			       markers[i]);
		e = environment(env, &len);
		cr_assert(ci_parse(e, len, CI_NO_SYSTEM, &ci));
		says(ci.value, text);
		cr_expect_str_eq(text, "system=github job=j", "%s: %s", markers[i], text);
		cr_expect(ci_claims(&ci, e, len, said), "%s", markers[i]);
		cr_expect_not_null(said[CI_SYSTEM].s);
		free(e);
	}
}

Test(ci, a_long_value_is_cut)
{
	char env[400] = "GITHUB_ACTIONS=true\nGITHUB_JOB=", text[1024];

	memset(env + strlen(env), 'x', 300);
	parsed(env, text);
	cr_expect_eq(strlen(text), strlen("system=github job=") + CI_VALUE_MAX);
	/* What follows may be a '@': then this was its secret. */
	snprintf(env, sizeof(env), "BUILDBOT_BUILDER=b\nBUILDBOT_REPOSITORY=https://u:");
	memset(env + strlen(env), 'x', 300);
	parsed(env, text);
	cr_expect_str_eq(text, "system=buildbot job=b");
}

ParameterizedTestParameters(ci, claims)
{
	/* What another environment claims against GITHUB with two more. */
	static struct row rows[] = {
		{ "", "" },
		{ "HOME=/root\n", "" },
		{ GITHUB, "" },
		{ "GITHUB_ACTIONS=true\nGITHUB_ACTION=__run\n", "" },
		{ "GITHUB_REPOSITORY=o/r\n", "" },
		{ "GITHUB_REPOSITORY=\n", "" },
		{ "GITHUB_REPOSITORY=evil/x\n", "repository=evil/x" },
		/* Also without a marker; the first counts. */
		{ "GITHUB_JOB=j\nGITHUB_JOB=scan\nGITHUB_RUN_ID=1\n", "job=j run_id=1" },
		{ "GITHUB_WORKFLOW=w\nGITHUB_RUN_ATTEMPT=3\nGITHUB_ACTION=__run_9\n",
		  "workflow=w attempt=3 step=__run_9" },
		/* The step was no action. */
		{ "GITHUB_ACTION_REPOSITORY=aquasecurity/trivy-action\n",
		  "action=aquasecurity/trivy-action" },
		{ "GITHUB_ACTION_PATH=/w/_actions/o/r/v1\n", "action=/w/_actions/o/r/v1" },
		/* What does not tell one step from another. */
		{ "GITHUB_SHA=1\nGITHUB_REF=x\nGITHUB_ACTOR=x\nRUNNER_NAME=x\n", "" },
		{ "GITLAB_CI=true\nCI_PROJECT_PATH=a/b\n", "system=gitlab" },
		{ "GITEA_ACTIONS=true\n", "system=gitea" },
		/* Of another system, without its marker: nothing to this one. */
		{ "CI_PROJECT_PATH=a/b\n", "" },
		{ "GITHUB_REPOSITORY=https://u:p@h/r\n", "repository=h/r" },
	};

	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *r, ci, claims)
{
	struct ci_text said[CI_KEYS];
	size_t len, truth_len;
	char *truth = environment(GITHUB "GITHUB_ACTION=__run\n", &truth_len);
	char *env = environment(r->env, &len);
	char text[1024];
	struct ci ci;

	cr_assert(ci_parse(truth, truth_len, CI_NO_SYSTEM, &ci));
	cr_expect_eq(ci_claims(&ci, env, len, said), r->says[0] != '\0', "%s", r->env);
	says(said, text);
	cr_expect_str_eq(text, r->says, "%s", r->env);
	free(env);
	free(truth);
}

static uint64_t job_of(const char *lines)
{
	struct ci ci;
	uint64_t job;
	size_t len;
	char *env = environment(lines, &len);

	cr_assert(ci_parse(env, len, CI_NO_SYSTEM, &ci));
	job = ci_job(&ci);
	free(env);
	return job;
}

Test(ci, steps_of_a_job_are_one_and_jobs_are_not)
{
	static const char *const others[] = {
		"GITHUB_JOB=other\n" GITHUB,
		"GITHUB_RUN_ID=1\n" GITHUB,
		"GITHUB_RUN_ATTEMPT=3\n" GITHUB,
		"GITHUB_REPOSITORY=o/x\n" GITHUB,
		"GITHUB_WORKFLOW=x\n" GITHUB,
		"RUNNER_NAME=runner-8\n" GITHUB,
		"GITEA_ACTIONS=true\n" GITHUB,
		/* Not put together to the same text. */
		"GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=ab\nGITHUB_WORKFLOW=c\n",
		"GITHUB_ACTIONS=true\nGITHUB_REPOSITORY=a\nGITHUB_WORKFLOW=bc\n",
	};
	size_t n = sizeof(others) / sizeof(others[0]), i, j;
	uint64_t job = job_of(GITHUB "GITHUB_ACTION=one\n");

	cr_expect_eq(job, job_of(GITHUB "GITHUB_ACTION=two\nGITHUB_ACTION_REPOSITORY=o/a\n"));
	cr_expect_eq(job >> 63, 1);
	for (i = 0; i < n; i++) {
		cr_expect_neq(job_of(others[i]), job, "%s", others[i]);
		for (j = 0; j < i; j++)
			cr_expect_neq(job_of(others[i]), job_of(others[j]), "%s", others[i]);
	}
}

/* Everything here leaves the kernel. */
Test(ci, no_variable_can_hold_a_secret)
{
	/* No secrets, and of nobody's concern. */
	static const char *const secret[] = { "EMAIL", "MESSAGE" };
	const char *name;
	size_t n, i;

	for (n = 0; (name = ci_variable(n)) != NULL; n++) {
		cr_expect_leq(strlen(name), CI_NAME_MAX, "%s", name);
		cr_expect_eq(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), strlen(name));
		cr_expect_not(secret_variable(name), "%s", name);
		for (i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
			cr_expect_null(strstr(name, secret[i]), "%s", name);
		for (i = 0; i < n; i++)
			cr_expect_str_neq(ci_variable(i), name);
	}
	cr_expect_gt(n, 90);
	cr_expect_leq(n, CI_VARIABLES_MAX);
	cr_expect_null(ci_variable(n + 1));
}

Test(ci, action)
{
	size_t len;
	char *env = environment("GITHUB_ACTIONS=true\n"
				"GITHUB_ACTION_REPOSITORY=AquaSecurity/trivy-action\n",
				&len);
	struct ci ci;

	cr_assert(ci_parse(env, len, CI_NO_SYSTEM, &ci));
	cr_expect(ci_action_matches(&ci, "aquasecurity/trivy-action"));
	cr_expect(ci_action_matches(&ci, "aquasecurity/Trivy-Action@0.28.0"));
	cr_expect(ci_action_matches(&ci, "aquasecurity/*"));
	cr_expect(ci_action_matches(&ci, "*/trivy-action"));
	cr_expect_not(ci_action_matches(&ci, "aquasecurity/trivy"));
	cr_expect_not(ci_action_matches(&ci, "*/setup-trivy"));
	cr_expect_not(ci_action_matches(&ci, ""));
	cr_expect_not(ci_action_matches(NULL, "*"));
	free(env);
	env = environment("GITHUB_ACTIONS=true\nGITHUB_ACTION=__run\n", &len);
	cr_assert(ci_parse(env, len, CI_NO_SYSTEM, &ci));
	cr_expect_not(ci_action_matches(&ci, "*"));
	free(env);
}
