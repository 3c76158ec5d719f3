/* SPDX-License-Identifier: BSD-2-Clause */
/* naming_world.h: records through tracking and detection, and what the rules then held for. */
#ifndef TESTS_UNIT_NAMING_WORLD_H
#define TESTS_UNIT_NAMING_WORLD_H

#include "detect/detect.h"
#include "records.h"

#define RESOLVER "192.0.2.53"
#define PROXY	 "192.0.2.80"
#define GOOD	 "good.example.org"
#define EVIL	 "evil.example.net"

/* Rules of a role's far ends that are not in the list of good ones. */
#define STRANGE "- {id: strange, when: {role: w, endpoint: {not_in: [good]}}}\n"
#define VOLUME                                                        \
	"- {id: volume, when: {role: w, endpoint: {not_in: [good]}, " \
	"sent: {over: 1, within: 1h}}}\n"

/* init[1] > sshd[2], session 1; > worker[3] > curl[4] and wget[5], session 2; other[6], session 3
 */
#define SSHD  2U
#define WORK  3U
#define CURL  4U
#define WGET  5U
#define OTHER 6U

struct judged {
	char rule[32];
	uint64_t exec_id, time_ns, sent;
	struct verdict_key key;
};

struct world {
	struct tracked t;
	struct detect *detect;
	struct judged judged[64]; /* later ones are only counted */
	size_t judged_n;
	size_t named_n; /* subjects of that kind */
};

/* `rules`: lines of the list; what they can name stands in naming_world.c. */
void world_start(struct world *w, const char *rules);
void world_stop(struct world *w);
/* Feeds what was added since the last run. */
void world_run(struct world *w);
void world_tick(struct world *w, uint64_t now_ns);
/* How often the rule held for the execution since the beginning; 0: for any. */
size_t world_count(const struct world *w, const char *rule, uint64_t exec_id);
/* "dns:host+?" for each name, a space between two: '+' it is confirmed, '?' nobody asked. Static.
 */
const char *world_names(const struct world *w, uint64_t exec_id, const char *ip, uint16_t port);

#endif
