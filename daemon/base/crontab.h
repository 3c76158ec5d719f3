/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crontab.h: the commands in a crontab, as hashes: cron executes `sh -c COMMAND`, so that what it
 * starts can be told from what it starts for others, and nobody has to keep the commands, which may
 * hold secrets. The formats are those of Debian's cron, cronie, busybox and anacron (crontab(5),
 * anacrontab(5)).
 */
#ifndef BASE_CRONTAB_H
#define BASE_CRONTAB_H

#include <stddef.h>
#include <stdint.h>

enum crontab_form {
	CRONTAB_USER,	/* five fields, or one that begins with '@' */
	CRONTAB_SYSTEM, /* the same and a user */
	CRONTAB_ANACRON /* period, delay and name */
};

/* The hashes of the first `max` commands, in *ret. How many there are, which may be more. */
size_t crontab_commands(const char *text, size_t len, enum crontab_form form, uint64_t *ret,
			size_t max);

/* Of a command as it is executed. */
uint64_t crontab_hash(const char *command, size_t len);

#endif
