/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/poison.h"

static const char *log_name = "outflow";
static enum log_level log_max = LOG_LEVEL_INFO;

void log_init(const char *name, enum log_level level)
{
	log_name = name;
	log_max = level;
}

bool log_is_debug(void)
{
	return log_max >= LOG_LEVEL_DEBUG;
}

/*
 * One write for a line, so that lines of two programs on one terminal do not mix. A full pipe that
 * nobody reads must not stop the program: poll() says that it takes PIPE_BUF bytes (pipe(7)), which
 * is more than a line, or the line is left out and counted.
 */
static void put(const char *text, size_t len)
{
	static unsigned long left_out;
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	char said[64];
	int n;

	if (poll(&p, 1, 0) == 0) {
		left_out++;
		return;
	}
	if (left_out > 0) {
		n = snprintf(said, sizeof(said), "%s: %lu lines were left out here\n", log_name,
			     left_out);
		left_out = 0;
		if (write(STDERR_FILENO, said, (size_t)n) < 0)
			return;
	}
	if (write(STDERR_FILENO, text, len) < 0)
		left_out++;
}

static void __attribute__((format(printf, 3, 0)))
vlog(enum log_level level, const char *cause, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[1024], text[1200];
	int n;

	if (level > log_max)
		return;
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	if (cause != NULL)
		n = snprintf(text, sizeof(text), "%s: %s: %s\n", log_name, line, cause);
	else
		n = snprintf(text, sizeof(text), "%s: %s\n", log_name, line);
	put(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
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
