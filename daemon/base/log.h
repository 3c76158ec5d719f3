/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h: what the program says about itself, to stderr. Only the edges log (main, intake's
 * life cycle, sinks, control); tracking and detection return and count.
 *
 * A line says object, value, cause, consequence. Text from the monitored side goes through
 * text_escape() first.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `name` is borrowed for good: a string literal. */
void log_init(const char *name, enum log_level level);

void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Adds ": " and the text of the error; err is -errno. */
void log_warnerr(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Is it worth making a text for log_debug()? */
bool log_is_debug(void);
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
