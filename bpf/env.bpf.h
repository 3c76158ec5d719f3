/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * env.bpf.h: the environment that a file is executed with: the variables that `env_names` allows,
 * no other. Read from the new stack at exec, which nobody can have touched yet, so that a secret is
 * copied no further than to where its name is looked at.
 */
#ifndef OUTFLOW_BPF_ENV_H
#define OUTFLOW_BPF_ENV_H

#include "emit.bpf.h"

/* Pieces that are looked at: a few times what a CI job has. */
#define ENV_PIECES_MAX 2048
#define ENV_COMPARE    32 /* bytes in a round */

struct env_scratch {
	struct of_rec_env rec;
	char over[OF_ENV_PIECE]; /* rec.env.text is written up to here */
	char piece[OF_ENV_PIECE];
	struct of_env_name key;
};

_Static_assert(OF_ENV_NAME + OF_ENV_VALUE < OF_ENV_PIECE, "a variable fits in a piece");

struct env_scan {
	struct env_scratch *c;
	__u64 at, end;
	__u32 inside; /* of a variable that is longer than a piece */
	__u32 whole;  /* all was looked at */
};

/* The length of the name in the piece, which is then the key. 0: it is no variable, or its name is
 * longer than any that is allowed. */
static __always_inline __u32 env_name(struct env_scratch *c)
{
	__u32 i;

	__builtin_memset(&c->key, 0, sizeof(c->key));
	for (i = 0; i < OF_ENV_NAME - 1; i++) {
		char ch = c->piece[i];

		if (ch == '=')
			return i;
		if (ch == 0)
			return 0;
		c->key.name[i] = ch;
	}
	return c->piece[OF_ENV_NAME - 1] == '=' ? OF_ENV_NAME - 1 : 0;
}

/* Of the piece, which is `len` long, what is allowed. */
static __always_inline void env_take(struct env_scratch *c, __u32 len)
{
	__u32 at = c->rec.env.len, name = env_name(c), most, *kind;

	kind = name == 0 ? NULL : bpf_map_lookup_elem(&env_names, &c->key);
	if (kind == NULL)
		return;
	most = name + 1 + (*kind == OF_ENV_TEXT ? OF_ENV_VALUE - 1 : 0);
	if (len > most)
		len = most;
	if (at + len + 1 > OF_ENV_LEN) {
		c->rec.env.truncated = 1;
		return;
	}
	bpf_probe_read_kernel(&c->rec.env.text[at & (OF_ENV_LEN - 1)], len & (OF_ENV_PIECE - 1),
			      c->piece);
	at += len;
	c->rec.env.text[at & (OF_ENV_LEN - 1)] = 0;
	c->rec.env.len = at + 1;
}

static long env_step(__u32 i, struct env_scan *s)
{
	struct env_scratch *c = s->c;
	long n;

	if (s->at >= s->end) {
		s->whole = 1;
		return 1;
	}
	n = bpf_probe_read_user_str(c->piece, sizeof(c->piece), (void *)s->at);
	if (n <= 0)
		return 1;
	if (!s->inside)
		env_take(c, (__u32)n - 1);
	/* The last byte of a full piece is a NUL that was put there, or the variable's own. */
	s->inside = n == OF_ENV_PIECE;
	s->at += s->inside ? OF_ENV_PIECE - 1 : n;
	return 0;
}

struct env_compare {
	const char *a, *b;
	__u32 len;
	__u32 differ;
};

static long env_compare_step(__u32 i, struct env_compare *c)
{
	__u32 at = i * ENV_COMPARE, j;

	if (at >= c->len)
		return 1;
	at &= OF_ENV_LEN - ENV_COMPARE;
	for (j = 0; j < ENV_COMPARE; j += sizeof(__u64))
		if (*(const __u64 *)(c->a + at + j) != *(const __u64 *)(c->b + at + j))
			c->differ = 1;
	return c->differ != 0;
}

static __always_inline bool env_is(const struct of_env *known, const struct of_env *made)
{
	struct env_compare c = { .a = known->text, .b = made->text, .len = made->len };

	if (known->len != made->len || known->truncated != made->truncated)
		return false;
	bpf_loop(OF_ENV_LEN / ENV_COMPARE, env_compare_step, &c, 0);
	return !c.differ;
}

/* Behind the text are zeros, up to where a comparison looks; it looks at no more than the text. */
static __always_inline void env_pad(struct env_scratch *c)
{
	__u32 len = c->rec.env.len;

	if (len < OF_ENV_LEN)
		__builtin_memset(&c->rec.env.text[len & (OF_ENV_LEN - 1)], 0, ENV_COMPARE);
}

/* Its number, the one that `parent` has when it is the same, and told when it is not. */
static __always_inline __u64 env_number(struct env_scratch *c, __u64 parent)
{
	struct of_env *known = parent == 0 ? NULL : bpf_map_lookup_elem(&envs, &parent);
	struct of_machine *m = machine_get();
	__u32 len = c->rec.env.len;

	if (known != NULL && env_is(known, &c->rec.env))
		return parent;
	if (m == NULL)
		return 0;
	c->rec.id = __sync_fetch_and_add(&m->next_exec_id, 1);
	bpf_map_update_elem(&envs, &c->rec.id, &c->rec.env, BPF_ANY);
	if (len > OF_ENV_LEN)
		return 0;
	len += __builtin_offsetof(struct of_rec_env, env.text);
	emit_header(&c->rec.hdr, OF_REC_ENV, len);
	emit(&c->rec, len, EMIT_LATER);
	return c->rec.id;
}

/* Fills in `env` and its flag. */
static __always_inline void env_note(struct env_scratch *c, struct task_struct *task, __u64 parent,
				     struct of_exec *e)
{
	struct env_scan s = { .c = c };

	s.at = BPF_CORE_READ(task, mm, env_start);
	s.end = BPF_CORE_READ(task, mm, env_end);
	c->rec.env.len = 0;
	c->rec.env.truncated = 0;
	bpf_loop(ENV_PIECES_MAX, env_step, &s, 0);
	/* What was looked at may have been a secret, also what stood where a name does. */
	wipe(c->piece, sizeof(c->piece));
	wipe(&c->key, sizeof(c->key));
	if (!s.whole || c->rec.env.truncated)
		e->flags |= OF_EXEC_ENV_TRUNCATED;
	e->env = 0;
	if (c->rec.env.len == 0)
		return;
	env_pad(c);
	e->env = env_number(c, parent);
}

#endif
