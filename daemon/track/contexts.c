/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * contexts.c: which CI job and step an execution is part of. A runner gives its environment to what
 * it starts; from there on everybody can write into it what he likes. So the topmost execution that
 * has a CI system's variables speaks for all its descendants; what they claim against it is kept
 * beside it.
 *
 * Nothing here looks up the chain but where a context begins: an execution shares what it was given
 * when it was told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/ci.h"
#include "track/private.h"

#include "base/poison.h"

struct context {
	uint32_t refs;
	struct text *env; /* what `ci` was read from */
	struct ci ci;
	uint64_t job;
};

/* Of one block with the text behind. */
struct claims {
	uint32_t refs;
	size_t n;
	struct ci_claim claim[];
};

struct context *context_ref(struct context *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

struct claims *claims_ref(struct claims *c)
{
	if (c != NULL)
		c->refs++;
	return c;
}

void context_put(struct context *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	text_put(c->env);
	free(c);
}

void claims_put(struct claims *c)
{
	if (c != NULL && --c->refs == 0)
		free(c);
}

static void node_set_claims(struct exec_node *n, struct claims *c)
{
	claims_put(n->claims);
	n->claims = c;
	n->e.ci_claims = c->claim;
	n->e.ci_claims_n = c->n;
}

static void node_set_context(struct exec_node *n, struct context *c, uint64_t step)
{
	n->context = c;
	n->e.ci = &c->ci;
	n->e.ci_job = c->job;
	n->e.ci_step = step;
}

static bool key_is_claimed(const struct claims *c, int key)
{
	size_t i;

	for (i = 0; c != NULL && i < c->n; i++)
		if (c->claim[i].key == key)
			return true;
	return false;
}

/* Copies the text to where the text of all ends, and moves that on. */
static const char *said_copy(char **end, const char *s, size_t len)
{
	char *at = *end;

	memcpy(at, s, len);
	at[len] = '\0';
	*end = at + len + 1;
	return at;
}

/* Those of `old` (NULL: none) and what `n` says; NULL: no memory. `news` of them are new and have
 * `bytes` of text with the NULs. */
static struct claims *claims_new(const struct claims *old, const struct exec_node *n,
				 const struct ci_text said[CI_KEYS], size_t news, size_t bytes)
{
	size_t before = old == NULL ? 0 : old->n, i;
	struct claims *c;
	char *end;
	int key;

	for (i = 0; i < before; i++)
		bytes += strlen(old->claim[i].said) + 1;
	c = malloc(sizeof(*c) + (before + news) * sizeof(c->claim[0]) + bytes);
	if (c == NULL)
		return NULL;
	c->refs = 1;
	c->n = before;
	end = (char *)&c->claim[before + news];
	for (i = 0; i < before; i++) {
		c->claim[i] = old->claim[i];
		c->claim[i].said = said_copy(&end, old->claim[i].said, strlen(old->claim[i].said));
	}
	for (key = 0; key < CI_KEYS; key++) {
		if (said[key].s == NULL)
			continue;
		c->claim[c->n] =
			(struct ci_claim){ .key = key, .exec_id = n->e.exec_id, .tgid = n->e.tgid };
		memcpy(c->claim[c->n].name, n->e.name, sizeof(n->e.name));
		c->claim[c->n++].said = said_copy(&end, said[key].s, said[key].len);
	}
	return c;
}

/* What its own environment says against its context, and nobody above said of the same key. */
static int claims_add(struct exec_node *n)
{
	struct ci_text said[CI_KEYS];
	size_t news = 0, bytes = 0;
	struct claims *c;
	int key;

	if (!ci_claims(&n->context->ci, n->env->s, n->env->len, said))
		return 0;
	for (key = 0; key < CI_KEYS; key++) {
		if (key_is_claimed(n->claims, key))
			said[key].s = NULL;
		if (said[key].s == NULL)
			continue;
		news++;
		bytes += said[key].len + 1;
	}
	if (news == 0)
		return 0;
	c = claims_new(n->claims, n, said, news, bytes);
	if (c == NULL)
		return -ENOMEM;
	node_set_claims(n, c);
	return 0;
}

/* The system whose runner is above, the topmost where there are several: what is below a runner may
 * have the name of another. */
static unsigned int runner_of(const struct exec_node *n)
{
	unsigned int runner = CI_NO_SYSTEM, system;

	for (; n != NULL; n = n->parent) {
		system = ci_runner(n->e.name);
		if (system != CI_NO_SYSTEM)
			runner = system;
	}
	return runner;
}

/* It is the topmost. */
static int context_begin(struct exec_node *n)
{
	struct context *c;
	struct ci ci;

	if (!ci_parse(n->env->s, n->env->len, runner_of(n->parent), &ci))
		return 0;
	c = malloc(sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	*c = (struct context){ .refs = 1, .env = text_get(n->env), .ci = ci, .job = ci_job(&ci) };
	node_set_context(n, c, n->e.exec_id);
	return claims_add(n);
}

int node_context(struct exec_node *n, const struct exec_node *from)
{
	if (from == NULL || from->context == NULL)
		return n->env == NULL ? 0 : context_begin(n);
	node_set_context(n, context_ref(from->context), from->e.ci_step);
	if (from->claims != NULL)
		node_set_claims(n, claims_ref(from->claims));
	/* Mostly nothing was changed, and both have the same one. */
	if (n->env == NULL || n->env == from->env)
		return 0;
	return claims_add(n);
}

void node_context_done(struct exec_node *n)
{
	context_put(n->context);
	claims_put(n->claims);
}
