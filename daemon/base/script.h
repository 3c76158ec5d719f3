/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.h: what an interpreter was told to run, from its arguments.
 */
#ifndef BASE_SCRIPT_H
#define BASE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

struct script {
	const char *text; /* borrowed from argv, `len` bytes */
	size_t len;
	bool is_module; /* `python3 -m text` */
};

/*
 * `program` is the name of the file that runs, as "python3.11"; argv has NULs between arguments and
 * may be cut. False: it is no interpreter that is known, or runs nothing that its arguments name.
 * The text is a path, "-" for the standard input, or "-c" (by whatever letter) for a text among the
 * arguments.
 */
bool script_of(const char *program, const char *argv, size_t argv_len, struct script *ret);

#endif
