/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suffix.h: where in the name of a host the registered domain begins: the public suffix and one
 * label more (https://publicsuffix.org/list/, both sections). The list is Debian's `publicsuffix`,
 * else the one that libpsl was built with. Reads a file when it is opened and none later; whoever
 * detects from records finds the answer there (of_rec_dns.suffix).
 */
#ifndef WIRE_SUFFIX_H
#define WIRE_SUFFIX_H

#include <stddef.h>

struct suffix;

/* 0, -ENOENT: there is no list, or -ENOMEM. */
int suffix_open(struct suffix **ret);
/* NULL is fine. */
void suffix_close(struct suffix *s);
/*
 * `name` as of_rec_dns.name: NUL-terminated, lower case, no dot at the end, \DDD for other bytes.
 * Returns where the registered domain begins; the name's length when it has none: it is the root,
 * one label, or a public suffix itself. A top-level domain that is in no list is a public suffix
 * (the list's rule "*"). `s` NULL: no list, the last two labels are taken.
 */
size_t suffix_of(const struct suffix *s, const char *name);

#endif
