/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_tale.h: a second-by-second tale of one interface, fed to the real rule. A test says in `now`
 * what its counters come to, and looks.
 */
#ifndef TESTS_UNIT_LINK_TALE_H
#define TESTS_UNIT_LINK_TALE_H

#include <stdint.h>

#include "detect/detect.h"
#include "detect/links.h"
#include "records.h"

#define KIB 1024ULL
#define MIB (1024 * KIB)

/* A piece that the hardware cuts. */
#define BULK_BYTES    (64 * KIB)
#define BULK_SEGMENTS 45
#define BULK_HEADERS  66 /* of each */

extern struct config config;
extern struct detect *detect;
extern struct of_rec_link now; /* the interface as it stands */
extern uint64_t now_ns;
extern struct leak last; /* of the last verdict */
extern uint64_t sent;	 /* as the last verdict has it; 0: none yet */
extern size_t verdicts;
/* What it begins with. */
extern uint32_t start_flags;
extern uint64_t start_lost;

void on_verdict(void *arg, const struct verdict *v);
void tale_start(const char *yaml);
/* The same by the defaults. */
void tale_setup(void);
void tale_teardown(void);
/* The end of a second: what stands in `now` is told, then the time. */
void look(void);
void looks(int n);
/* By the driver. */
void dropped(uint64_t n);
/* Sockets send, all of it leaves. */
void ordinary(uint64_t n);
struct link_books books(void);

#endif
