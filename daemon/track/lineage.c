/* SPDX-License-Identifier: BSD-2-Clause */
/* lineage.c: questions about a chain of executions that need nothing but the chain. */
#include <stdbool.h>
#include <stddef.h>

#include "outflow/subject.h"

#include "base/poison.h"

/* When nothing in the chain holds the roles, the chain is the execution itself. */
const struct execution *lineage_root(const struct execution *e, uint64_t roles)
{
	const struct execution *root = e, *p;

	if (e == NULL)
		return NULL;
	if (roles & OF_ROLE_ANY) {
		while (root->parent != NULL && root->parent->sid == e->sid)
			root = root->parent;
		return root;
	}
	for (p = e; p != NULL; p = p->parent)
		if (p->roles & roles)
			root = p;
	return root;
}

struct ci_place ci_place_of(const struct execution *e, const struct via *via)
{
	if (e != NULL && e->ci != NULL)
		return (struct ci_place){ .ci = e->ci,
					  .step = e->ci_step,
					  .job = e->ci_job,
					  .claims = e->ci_claims,
					  .claims_n = e->ci_claims_n };
	if (e == NULL || via->errand == NULL)
		return (struct ci_place){ .ci = NULL };
	return via->errand->ci;
}

bool lineage_shows(const struct execution *e)
{
	const uint32_t passing = OF_EXEC_FORKED | OF_EXEC_REPLACED;

	return (e->flags & passing) != passing;
}
