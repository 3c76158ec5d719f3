/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * num.h: numbers, sizes and durations as people write them. All return 0 or -errno (-EINVAL: not
 * such a number, -ERANGE: out of bounds) and leave *ret untouched on failure.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>

/* Decimal digits only: no sign, no space, no prefix. */
int num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
/* "65536", "64KiB", "16MiB", "2GiB", "1TiB", "500kB", "3MB": IEC and SI units, whole numbers. */
int size_parse(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
/* "500ms", "10s", "10m", "2h", "7d"; a unit is needed. In nanoseconds. */
int duration_parse(const char *s, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns);

/* "812 B", "384.0KiB", "1.0GiB". */
#define SIZE_TEXT_LEN 24
void size_text(char ret[SIZE_TEXT_LEN], uint64_t bytes);
/* The shortest exact form duration_parse() takes: "10m", "90s", "1500ms". */
#define DURATION_TEXT_LEN 24
void duration_text(char ret[DURATION_TEXT_LEN], uint64_t ns);

#endif
