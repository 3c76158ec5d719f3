/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/runtimes.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "base/poison.h"

#define SEARCHES_MAX 256  /* at a time; one that gives way leaves its container without image */
#define KNOWN_MAX    1024 /* containers that were asked for; one that is forgotten is asked again */
#define BRANCHES_MAX 64	  /* that are told apart */
#define EXEC_TRIES   4	  /* because something was executed in it */
#define LOOK_TRIES   5	  /* because time passed, each after twice as long */
#define FIRST_NS     1000000000ULL

/* What is looked through for each execution, apart from the rest. */
struct slot {
	uint64_t cgroup; /* 0: free */
	uint64_t since;	 /* number among all searches */
	unsigned int branch;
};

struct search {
	uint64_t ticket; /* of the file that is waited for; 0: none */
	bool due;	 /* to go on, when it may */
	struct runtime_search way;
	const char *runtime; /* whose file that is */
	uint64_t next_ns;
	unsigned int execs, looks; /* tries */
};

/* What was asked for since the last look. */
struct share {
	uint64_t files, bytes;
};

struct runtimes {
	runtimes_ask_fn *ask;
	void *arg;
	struct slot slots[SEARCHES_MAX];
	struct search searches[SEARCHES_MAX]; /* each of the slot with its number */
	uint64_t begun;			      /* searches */
	size_t turn;			      /* the search that is first at the next look */
	uint64_t tickets;		      /* the number of the search is in their last digits */
	struct share all, branches[BRANCHES_MAX];
	struct image_stats stats;
	char known[KNOWN_MAX][OF_CGROUP_LEN]; /* the containers' own cgroups */
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
static char *known_at(struct runtimes *i, const char *own)
{
	/* Who makes names collide is asked for more often, and nothing else. */
	return i->known[fnv64(FNV64_START, own, strlen(own)) % KNOWN_MAX];
}

/* Of what lies above the container's own cgroup the first two names: to whom systemd hands cgroups
 * over, a service, has all of his in one. */
static unsigned int branch_of(const char *own)
{
	const char *last = strrchr(own, '/');
	size_t len = 0;
	int names;

	for (names = 0; names < 2 && last != NULL && own + len < last; names++)
		len += 1 + strcspn(own + len + 1, "/");
	return (unsigned int)(fnv64(FNV64_START, own, len) % BRANCHES_MAX);
}

static struct slot *slot_of(struct runtimes *i, const struct search *s)
{
	return &i->slots[s - i->searches];
}

/* While as much is left as this branch had: nobody can use all of it up. */
static bool may_ask(const struct runtimes *i, unsigned int of)
{
	const struct share *branch = &i->branches[of];

	return i->all.files + branch->files < RUNTIMES_FILES_MAX &&
	       i->all.bytes + branch->bytes < RUNTIMES_BYTES_MAX;
}

/* Asks for the next file of the way. The answer may be there before this returns. */
static void search_step(struct runtimes *i, struct search *s)
{
	struct slot *slot = slot_of(i, s);
	struct runtime_file file;

	s->due = !may_ask(i, slot->branch);
	if (s->due)
		return;
	if (!runtime_search_next(&s->way, &file)) {
		s->ticket = 0;
		if (s->looks >= LOOK_TRIES) {
			i->stats.none++;
			slot->cgroup = 0;
		}
		return;
	}
	i->all.files++;
	i->branches[slot->branch].files++;
	s->runtime = file.runtime;
	s->ticket = ++i->tickets * SEARCHES_MAX + (uint64_t)(s - i->searches);
	i->ask(i->arg, s->ticket, s->way.container.id, &file);
}

static void search_again(struct runtimes *i, struct search *s)
{
	struct container c = s->way.container;

	if (s->ticket == 0 && !s->due && runtime_search_start(&s->way, &c))
		search_step(i, s);
}

/* A free one, or the oldest of the branch that has the most. */
static size_t search_place(struct runtimes *i)
{
	unsigned int of[BRANCHES_MAX] = { 0 }, most = 0;
	size_t n, oldest = SEARCHES_MAX;

	for (n = 0; n < SEARCHES_MAX; n++) {
		if (i->slots[n].cgroup == 0)
			return n;
		if (++of[i->slots[n].branch] > of[most])
			most = i->slots[n].branch;
	}
	for (n = 0; n < SEARCHES_MAX; n++)
		if (i->slots[n].branch == most &&
		    (oldest == SEARCHES_MAX || i->slots[n].since < i->slots[oldest].since))
			oldest = n;
	i->stats.given_up++;
	return oldest;
}

static void on_cgroup(struct runtimes *i, const struct of_rec_cgroup *rec)
{
	char path[OF_CGROUP_LEN], *known;
	struct runtime_search way;
	struct container c;
	size_t n;

	/* Of a path that was cut the container is not known. */
	if (rec->cgroup.truncated || rec->cgroup.len >= sizeof(path) || rec->id == 0)
		return;
	memcpy(path, rec->cgroup.path, rec->cgroup.len);
	path[rec->cgroup.len] = '\0';
	if (!container_of_cgroup(path, &c) || c.claimed || !runtime_search_start(&way, &c))
		return;
	path[c.path_len] = '\0';
	known = known_at(i, path);
	if (strcmp(known, path) == 0)
		return;
	(void)snprintf(known, sizeof(i->known[0]), "%s", path);
	n = search_place(i);
	i->slots[n] = (struct slot){ rec->id, ++i->begun, branch_of(path) };
	i->searches[n] = (struct search){ .way = way, .next_ns = rec->hdr.ts_ns + FIRST_NS };
	search_step(i, &i->searches[n]);
}

static void on_exec(struct runtimes *i, uint64_t cgroup)
{
	size_t n;

	if (cgroup == 0)
		return;
	for (n = 0; n < SEARCHES_MAX; n++)
		if (i->slots[n].cgroup == cgroup && i->searches[n].execs++ < EXEC_TRIES)
			search_again(i, &i->searches[n]);
}

void runtimes_record(struct runtimes *i, const struct of_rec_hdr *rec)
{
	if (rec->kind == OF_REC_CGROUP && rec->len >= offsetof(struct of_rec_cgroup, cgroup.path))
		on_cgroup(i, (const struct of_rec_cgroup *)(const void *)rec);
	else if (rec->kind == OF_REC_EXEC && rec->len >= offsetof(struct of_rec_exec, tail))
		on_exec(i, ((const struct of_rec_exec *)(const void *)rec)->e.cgroup);
}

static void image_tell(const struct search *s, uint64_t cgroup, const char *image, uint64_t now_ns,
		       intake_raw_fn *fn, void *arg)
{
	struct of_rec_container rec = {
		.hdr = { now_ns, sizeof(rec), OF_REC_CONTAINER, 0 },
		.cgroup = cgroup,
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
	struct search *s = &i->searches[ticket % SEARCHES_MAX];
	struct slot *slot = slot_of(i, s);

	if (ticket == 0 || slot->cgroup == 0 || s->ticket != ticket)
		return;
	s->ticket = 0;
	i->all.bytes += told->bytes;
	i->branches[slot->branch].bytes += told->bytes;
	if (told->image[0] != '\0') {
		i->stats.found++;
		image_tell(s, slot->cgroup, told->image, now_ns, fn, arg);
		slot->cgroup = 0;
		return;
	}
	runtime_search_led(&s->way, told);
	search_step(i, s);
}

void runtimes_look(struct runtimes *i, uint64_t now_ns)
{
	struct search *s;
	size_t n;

	i->all = (struct share){ 0, 0 };
	memset(i->branches, 0, sizeof(i->branches));
	i->turn = (i->turn + 1) % SEARCHES_MAX;
	for (n = 0; n < SEARCHES_MAX; n++) {
		s = &i->searches[(i->turn + n) % SEARCHES_MAX];
		if (slot_of(i, s)->cgroup == 0)
			continue;
		if (s->due)
			search_step(i, s);
		else if (s->next_ns <= now_ns) {
			s->next_ns = now_ns + (FIRST_NS << ++s->looks);
			search_again(i, s);
		}
	}
}

struct image_stats runtimes_stats(const struct runtimes *i)
{
	struct image_stats stats = i->stats;
	size_t n;

	for (n = 0; n < SEARCHES_MAX; n++)
		stats.waiting += i->slots[n].cgroup != 0;
	return stats;
}
