/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/runtimes.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

#define SEARCHES_MAX 64	  /* at a time; the oldest gives way, its container stays without image */
#define KNOWN_MAX    1024 /* containers that were asked for; one that is forgotten is asked again */
#define EXEC_TRIES   4	  /* because something was executed in it */
#define LOOK_TRIES   5	  /* because time passed, each after twice as long */
#define FIRST_NS     1000000000ULL

struct search {
	uint64_t cgroup; /* 0: free */
	uint64_t ticket; /* of the file that is waited for; 0: none */
	struct runtime_search way;
	const char *runtime; /* whose file that is */
	uint64_t next_ns;
	unsigned int execs, looks; /* tries */
};

struct runtimes {
	runtimes_ask_fn *ask;
	void *arg;
	struct search searches[SEARCHES_MAX];
	size_t newest; /* place in there */
	uint64_t tickets;
	char known[KNOWN_MAX][CONTAINER_ID_MAX + 1];
};

int runtimes_new(runtimes_ask_fn *ask, void *arg, struct runtimes **ret)
{
	struct runtimes *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return -ENOMEM;
	i->ask = ask;
	i->arg = arg;
	*ret = i;
	return 0;
}

void runtimes_free(struct runtimes *i)
{
	free(i);
}

/* Where it would be remembered. */
static char *known_at(struct runtimes *i, const char *id)
{
	/* Who makes ids collide is asked for more often, and nothing else. */
	return i->known[fnv64(FNV64_START, id, strlen(id)) % KNOWN_MAX];
}

/* Asks for the next file of the way. The answer may be there before this returns. */
static void search_step(struct runtimes *i, struct search *s)
{
	struct runtime_file file;

	if (!runtime_search_next(&s->way, &file)) {
		s->ticket = 0;
		if (s->looks >= LOOK_TRIES)
			s->cgroup = 0;
		return;
	}
	s->runtime = file.runtime;
	s->ticket = ++i->tickets;
	i->ask(i->arg, s->ticket, s->way.container.id, &file);
}

static void search_again(struct runtimes *i, struct search *s)
{
	struct container c = s->way.container;

	if (s->ticket == 0 && runtime_search_start(&s->way, &c))
		search_step(i, s);
}

static void on_cgroup(struct runtimes *i, const struct of_rec_cgroup *rec)
{
	char path[OF_CGROUP_LEN], *known;
	struct container c;
	struct search *s;

	/* Of a path that was cut the container is not known. */
	if (rec->cgroup.truncated || rec->cgroup.len >= sizeof(path) || rec->id == 0)
		return;
	memcpy(path, rec->cgroup.path, rec->cgroup.len);
	path[rec->cgroup.len] = '\0';
	if (!container_of_cgroup(path, &c) || c.id[0] == '\0')
		return;
	known = known_at(i, c.id);
	if (strcmp(known, c.id) == 0)
		return;
	(void)snprintf(known, sizeof(i->known[0]), "%s", c.id);
	i->newest = (i->newest + 1) % SEARCHES_MAX;
	s = &i->searches[i->newest];
	*s = (struct search){ .cgroup = rec->id, .next_ns = rec->hdr.ts_ns + FIRST_NS };
	if (runtime_search_start(&s->way, &c))
		search_step(i, s);
	else
		s->cgroup = 0;
}

static void on_exec(struct runtimes *i, uint64_t cgroup)
{
	size_t n;

	if (cgroup == 0)
		return;
	for (n = 0; n < SEARCHES_MAX; n++)
		if (i->searches[n].cgroup == cgroup && i->searches[n].execs++ < EXEC_TRIES)
			search_again(i, &i->searches[n]);
}

void runtimes_record(struct runtimes *i, const struct of_rec_hdr *rec)
{
	if (rec->kind == OF_REC_CGROUP && rec->len >= offsetof(struct of_rec_cgroup, cgroup.path))
		on_cgroup(i, (const struct of_rec_cgroup *)(const void *)rec);
	else if (rec->kind == OF_REC_EXEC && rec->len >= offsetof(struct of_rec_exec, tail))
		on_exec(i, ((const struct of_rec_exec *)(const void *)rec)->e.cgroup);
}

static void image_tell(const struct search *s, const char *image, uint64_t now_ns,
		       intake_raw_fn *fn, void *arg)
{
	struct of_rec_container rec = {
		.hdr = { now_ns, sizeof(rec), OF_REC_CONTAINER, 0 },
		.cgroup = s->cgroup,
	};
	const char *runtime = s->way.container.runtime;

	if (runtime == NULL)
		runtime = s->runtime == NULL ? "" : s->runtime;
	(void)snprintf(rec.runtime, sizeof(rec.runtime), "%s", runtime);
	(void)snprintf(rec.image, sizeof(rec.image), "%s", image);
	(void)fn(arg, &rec.hdr, sizeof(rec));
}

void runtimes_answer(struct runtimes *i, uint64_t ticket, const struct runtime_told *told,
		     uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct search *s = i->searches;

	while (s < i->searches + SEARCHES_MAX && (s->cgroup == 0 || s->ticket != ticket))
		s++;
	if (ticket == 0 || s == i->searches + SEARCHES_MAX)
		return;
	s->ticket = 0;
	if (told->image[0] != '\0') {
		image_tell(s, told->image, now_ns, fn, arg);
		s->cgroup = 0;
		return;
	}
	runtime_search_led(&s->way, told);
	search_step(i, s);
}

void runtimes_look(struct runtimes *i, uint64_t now_ns)
{
	struct search *s;
	size_t n;

	for (n = 0; n < SEARCHES_MAX; n++) {
		s = &i->searches[n];
		if (s->cgroup == 0 || s->next_ns > now_ns)
			continue;
		s->next_ns = now_ns + (FIRST_NS << ++s->looks);
		search_again(i, s);
	}
}
