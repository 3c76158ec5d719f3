/* SPDX-License-Identifier: BSD-2-Clause */
#include "detect/process.h"

#include <string.h>

#include "base/poison.h"

void process_asked_begin(struct process_asked *p, const struct execution *e)
{
	p->e = e;
	p->ready = false; /* and the texts are as they were: each takes half a KiB */
}

static bool uid_holds(const struct process_condition *c, uint32_t uid)
{
	size_t i;

	for (i = 0; i < c->uids_n; i++)
		if (c->uids[i] == uid)
			return true;
	return c->uids_n == 0;
}

/* Of the names one, and of the paths one; true where none of that kind is given. */
static bool texts_hold(const struct process_condition *c, enum role_match_kind kind,
		       const struct exec_texts *t)
{
	bool given = false;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (c->match[i].kind != kind)
			continue;
		given = true;
		if (exec_texts_match(t, &c->match[i]))
			return true;
	}
	return !given;
}

bool process_holds(const struct rule *r, struct process_asked *p)
{
	const struct process_condition *c = &r->process;
	const struct execution *e = p->e;

	if (!r->has_process)
		return true;
	if (e == NULL || (e->flags & c->file) != c->file || (e->flags & c->file_not) != 0 ||
	    !uid_holds(c, e->uid))
		return false;
	if (c->n == 0)
		return true;
	if (!p->ready)
		exec_texts_fill(&p->texts, e->name, e->exe, strlen(e->exe));
	p->ready = true;
	return texts_hold(c, ROLE_MATCH_NAME, &p->texts) &&
	       texts_hold(c, ROLE_MATCH_EXE, &p->texts);
}
