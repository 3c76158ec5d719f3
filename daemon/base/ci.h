/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ci.h: what the environment of a process says about the CI job that it is part of: a table of CI
 * systems with the variables that each sets, and what they mean. None of these variables holds a
 * secret, and none an address that could hold one.
 *
 * The environment is the monitored side's own to write: believe it only where a runner gave it.
 */
#ifndef BASE_CI_H
#define BASE_CI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CI_VARIABLES_MAX 128 /* names over all systems */
#define CI_NAME_MAX	 47  /* bytes of a name */
#define CI_VALUE_MAX	 255 /* bytes of a value; longer ones are cut */

/* In the order they are written. Not every system has all; see the table in ci.c. */
enum ci_key {
	CI_SYSTEM,     /* "github" */
	CI_OWNER,      /* whose the repository or pipeline is, when its name does not say it */
	CI_REPOSITORY, /* "owner/name" */
	CI_WORKFLOW,   /* what is run: workflow, pipeline or project */
	CI_STAGE,
	CI_JOB,	    /* its name */
	CI_JOB_ID,  /* this one of that name */
	CI_RUN_ID,  /* which run of the workflow */
	CI_ATTEMPT, /* of that run */
	CI_STEP,
	CI_ACTION,     /* the ready-made part that the step is: "aquasecurity/trivy-action" */
	CI_ACTION_REF, /* its version, as the workflow asks for it */
	CI_EVENT,      /* why it runs: "pull_request_target" */
	CI_REF,	       /* branch or tag */
	CI_SHA,
	CI_ACTOR,  /* on whose behalf */
	CI_RUNNER, /* name of the agent that runs it */
	CI_KEYS,
};

struct ci_text {
	const char *s; /* not NUL-terminated; NULL: absent */
	size_t len;    /* > 0 when it is not absent */
};

/* All text is borrowed from the environment that it was read from. */
struct ci {
	const char *text; /* that environment */
	size_t len;
	unsigned int system; /* index in the table */
	struct ci_text value[CI_KEYS];
};

/* "repository"; a key of alerts. */
const char *ci_key_name(enum ci_key key);

/* The names of all variables, NULL behind the last: those that may leave an environment. */
const char *ci_variable(size_t i);

#define CI_NO_SYSTEM (~0U)

/* The system whose runner has a process of this name, by number; CI_NO_SYSTEM: it is no runner. */
unsigned int ci_runner(const char *name);

/*
 * Reads an environment, "NAME=value" with a NUL behind each. Of a name that is there twice the
 * first counts, as with getenv(3). Where several systems' variables are in it, those of `runner`
 * (CI_NO_SYSTEM: not known) are believed: whoever writes a job can set another system's, but is not
 * above the runner. False: no CI system is in it; *ret is untouched then.
 */
bool ci_parse(const char *text, size_t len, unsigned int runner, struct ci *ret);

/*
 * What an environment says that the one of `truth` does not: another system besides, another
 * repository, workflow, run, job, step or action. A variable that it does not have says nothing;
 * one that only it has does. In *ret the contradictions, absent where there is none; CI_SYSTEM also
 * of the environment of `truth` itself, when that names two systems. False: there is none at all.
 */
bool ci_claims(const struct ci *truth, const char *text, size_t len, struct ci_text ret[CI_KEYS]);

/* The same for all steps of a job, another for another job: 64 bits of SHA-256, the highest
 * of them set, so that it is no exec_id. */
uint64_t ci_job(const struct ci *ci);

/* Is it part of an action of this name, "owner/name" or a glob (text_glob())? Without versions, and
 * upper and lower case are the same, as at GitHub. NULL: in no job, so false. */
bool ci_action_matches(const struct ci *ci, const char *pattern);

#endif
