/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/poison.h"

static const char *log_name = "outflow";
static enum log_level log_max = LOG_LEVEL_INFO;

void log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_max = level;
}

static void __attribute__((format(printf, 3, 0)))
vlog(enum log_level level, const char *cause, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[1024];

	if (level > log_max)
		return;
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	/* One write for a line, so that lines of two programs on one terminal do not mix. */
	if (cause != NULL)
		(void)fprintf(stderr, "%s: %s: %s\n", log_name, line, cause);
	else
		(void)fprintf(stderr, "%s: %s\n", log_name, line);
	errno = saved;
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_WARN, NULL, fmt, ap);
	va_end(ap);
}

void log_warnerr(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_WARN, strerror(-err), fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_INFO, NULL, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_LEVEL_DEBUG, NULL, fmt, ap);
	va_end(ap);
}
