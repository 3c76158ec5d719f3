/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * glob.h: the one glob matcher, for the probes and for the daemon, so that both give a process
 * the same role.
 *
 *   *   any run of characters without '/', also none
 *   **  any run of characters
 *   ?   one character, not '/'
 *
 * Everything else stands for itself. The matcher is a machine that is stepped, because a BPF
 * program needs a bounded loop: call of_glob_step() until it returns something other than
 * OF_GLOB_MORE, at most OF_GLOB_STEPS times.
 */
#ifndef OUTFLOW_GLOB_H
#define OUTFLOW_GLOB_H

#include "outflow/abi.h"

/* Enough for a path of full length against a pattern with a few stars; what needs more is a miss.
 */
#define OF_GLOB_STEPS 8192

enum of_glob_result { OF_GLOB_MORE, OF_GLOB_MATCH, OF_GLOB_MISS };

/* Zero it to start. */
struct of_glob {
	__u32 p, s;	      /* where pattern and string stand */
	__u32 star_p, star_s; /* behind the last '*', and where its run ends; star_p 0: none */
	__u32 deep_p, deep_s; /* the same for the last '**' */
};

/*
 * `pat` is a buffer of OF_PATTERN_LEN bytes and `str` one of OF_EXE_LEN, both with a NUL inside.
 * The masks cost nothing then, and show the verifier that no access leaves the buffers.
 */
static inline __attribute__((always_inline)) enum of_glob_result
of_glob_step(struct of_glob *g, const char *pat, const char *str)
{
	char c = pat[g->p & (OF_PATTERN_LEN - 1)];
	char d = str[g->s & (OF_EXE_LEN - 1)];
	char at_star = str[g->star_s & (OF_EXE_LEN - 1)];

	if (c == '*') {
		g->p++;
		if (pat[g->p & (OF_PATTERN_LEN - 1)] == '*') {
			g->p++;
			g->deep_p = g->p;
			g->deep_s = g->s;
			g->star_p = 0;
		} else {
			g->star_p = g->p;
			g->star_s = g->s;
		}
		return OF_GLOB_MORE;
	}
	if (c == 0 && d == 0)
		return OF_GLOB_MATCH;
	if (d != 0 && (c == d || (c == '?' && d != '/'))) {
		g->p++;
		g->s++;
		return OF_GLOB_MORE;
	}
	/* A miss: let the last '*' take one more, and when it may not, the last '**'. */
	if (g->star_p != 0 && at_star != 0 && at_star != '/') {
		g->s = ++g->star_s;
		g->p = g->star_p;
		return OF_GLOB_MORE;
	}
	if (g->deep_p != 0 && str[g->deep_s & (OF_EXE_LEN - 1)] != 0) {
		g->star_p = 0;
		g->s = ++g->deep_s;
		g->p = g->deep_p;
		return OF_GLOB_MORE;
	}
	return OF_GLOB_MISS;
}

#endif
