/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel_private.h: what the parts of the kernel engine share; nobody else includes it. */
#ifndef INTAKE_KERNEL_PRIVATE_H
#define INTAKE_KERNEL_PRIVATE_H

#include <bpf/libbpf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "intake/kernel.h"
#include "intake/links.h"
#include "intake/pins.h"
#include "outflow.skel.h"

struct books;
struct machine;

/* ---- kernel_hooks.c: which program serves which purpose ---- */

#define HOOKS_MAX 32

#define HOOKS_OPTIONAL \
	(OF_WITHOUT_INTERFACES | OF_WITHOUT_NAMES | OF_WITHOUT_ASKS | OF_WITHOUT_NAMING)

/* No program: fanotify (spool.h). */
#define SPOOL_HOOK "spools of cron and at"

/* Turns on the programs of the first alternative that this kernel takes, for each hook but those
 * in `without`. 0, with the names of those that it does without, the optional ones in the knob,
 * too; or -ENOTSUP with a message when another has none. */
int hooks_choose(struct outflow_bpf *skel, uint32_t without, const char *ret_missing[HOOKS_MAX + 1],
		 struct kernel_err *ret_err);
/* The bit of the optional hook that the program serves; 0: of none. */
uint32_t hooks_optional(const struct bpf_program *prog);
/* Attaches what was chosen, lineage first; cgroup programs to cgroup_fd. 0 or -errno. */
int hooks_attach(struct outflow_bpf *skel, int cgroup_fd, struct bpf_link *links[HOOKS_MAX],
		 struct kernel_err *ret_err);
/* Is the program attached to a cgroup? */
bool hooks_at_cgroup(const struct bpf_program *prog);
/* Sum of the runs that the kernel skipped (bpf_prog_info.recursion_misses, Linux 5.12), of programs
 * that bytes or lineage depend on. */
uint64_t hooks_missed(const struct outflow_bpf *skel);

/* ---- kernel_fill.c: what the probes are given of the configuration ---- */

/* Before load: sizes of maps, and knobs. 0 or -errno. */
int fill_sizes(struct outflow_bpf *skel, const struct config *c);
/* How many globs and paths the roles hold: OF_GLOBS_MAX is the most. */
uint32_t fill_globs(const struct policy *p);
/* Behind load. 0 or -errno. */
int fill_roles(struct outflow_bpf *skel, const struct policy *p);

/* ---- kernel_event.c: classic tracepoint programs ---- */

/* The perf event of "GROUP/EVENT", a descriptor of the caller's, or -errno. */
int event_open(const char *name);
/* NULL with errno. */
struct bpf_link *event_attach(struct bpf_program *prog);
/* 1: tracepoints call with preemption enabled, 0: without it, or -errno: not to be found out. */
int kernel_preemptible(void);

/* ---- kernel_check.c: what a machine may lack, each as one line ---- */

/* Before load. 0 with an open descriptor of the cgroup2 root in *ret_cgroup, or -errno. */
int kernel_check(int *ret_cgroup, struct kernel_err *ret_err);

/* ---- kernel_view.c: array maps in memory ---- */

/*
 * The part of a map that was ever in use, mapped. The kernel counts every page of such a mapping as
 * ours from the start, whether it was touched or not, so it grows as the map fills.
 */
struct map_view {
	int fd;
	void *data;
	size_t value_size, bytes;
	uint32_t max;	 /* slots of the map */
	uint32_t mapped; /* of them, those that `data` holds */
};

/* 0 or -errno. *ret is zeroed by the caller. */
int view_open(struct bpf_map *map, struct map_view *ret);
/* How many of the first `n` slots can be looked at: all, unless there is no memory for it now.
 * Pointers into the view do not outlive this. */
uint32_t view_cover(struct map_view *v, uint32_t n);
/* Lets go of what lies well behind the first `n` slots; moves the view, too. */
void view_trim(struct map_view *v, uint32_t n);
void view_close(struct map_view *v);

/* ---- kernel_who.c: what is told of an execution beside its slot ---- */

struct who;

/* 0 or -errno. `policy` is borrowed. */
int who_new(struct outflow_bpf *skel, const struct policy *policy, struct who **ret);
void who_free(struct who *w);
/* A record of the ring goes by: what it tells need not be told again. */
void who_saw(struct who *w, const struct of_rec_hdr *rec);
/* An execution is told next: its cgroup and its environment go before it. */
void who_need(struct who *w, const struct of_exec *e, uint64_t now_ns, intake_raw_fn *fn,
	      void *arg);
/* Tells the execution of a slot. `older`: than the probes, or than this daemon. */
void who_tell(struct who *w, const struct of_exec_slot *s, bool older, uint64_t now_ns,
	      intake_raw_fn *fn, void *arg);
/* The variables that the probes may tell. 0 or -errno. */
int who_fill_names(struct outflow_bpf *skel, const struct policy *policy);

/* ---- kernel_books.c: the maps, mapped into memory, and what was last told of each slot ---- */

/* `adopted`: the maps are of a daemon before, which may have been killed at anything. */
int books_open(struct outflow_bpf *skel, const struct policy *policy, bool adopted,
	       struct books **ret);
void books_free(struct books *b);
/* A record came through the ring: tells what it refers to, when that was lost, and remembers that
 * the record itself need not be told again. */
void books_ring(struct books *b, const struct of_rec_hdr *rec, intake_raw_fn *fn, void *arg);
/* Tells executions and accounts that changed, then ages out the dead. */
void books_look(struct books *b, uint64_t now_ns, intake_raw_fn *fn, void *arg);
/* A look at a million accounts takes a second. `pause` is called now and then in the course of it,
 * and may call books_ring(). */
typedef void books_pause_fn(void *arg);
void books_set_pause(struct books *b, books_pause_fn *pause, void *arg);
/* Once for new maps: sets the reserve of account slots apart. */
void books_reserve(struct books *b);
struct of_machine *books_machine(const struct books *b);
/* Does the execution still run? */
bool books_alive(const struct books *b, uint32_t slot, uint64_t exec_id);
/* Gives roles to an execution that is still there. Moves no view. */
void books_roles(struct books *b, uint32_t slot, uint64_t exec_id, uint64_t roles);
int books_ledger(struct books *b, struct ledger *ret);

/* ---- kernel_pins.c: the directory of the pins ---- */

#define PINS_LIVE     "live"	 /* the set that counts */
#define PINS_STARTING "starting" /* one that is being made, or taken away */

enum pin_kind { PIN_MAP, PIN_PROG, PIN_LINK };

struct pins {
	int fd; /* of the directory, locked; -1: there is none to be used, status tells why */
	struct pins_status status;
};

struct pin_path {
	char s[PATH_MAX];
};

struct pins_removed {
	int links, progs, maps;
	uint64_t held; /* bytes that their books held */
};

/* With `make`, makes the directory, and mounts what is needed for it. Locks it. `path` is borrowed.
 * 0, also when it cannot be used; -EBUSY with a message: another daemon holds it; or -ENOMEM. */
int pins_open(const char *path, bool make, struct pins **ret, struct kernel_err *ret_err);
void pins_close(struct pins *p);
int pins_path(const struct pins *p, const char *set, enum pin_kind kind, const char *name,
	      struct pin_path *ret);
bool pins_there(const struct pins *p, const char *set);
int pins_count(const struct pins *p, const char *set, enum pin_kind kind);
/* Bytes in the books of a set; 0 when they cannot be read. */
uint64_t pins_held(const struct pins *p, const char *set);
struct pins_removed pins_remove(const struct pins *p, const char *set);
/* Makes what is loaded and attached the live set, and takes away the one before. The outcome is in
 * the status. */
void pins_save(struct pins *p, const struct outflow_bpf *skel,
	       struct bpf_link *const links[HOOKS_MAX]);

/* ---- kernel_adopt.c: going on with a set that is there ---- */

/* The optional hooks that the live set does without. It says so in a map that nobody can change, so
 * that it is told from a set that lacks what it had; 0 also when that cannot be read. */
uint32_t pins_without(const struct pins *p, const struct outflow_bpf *skel);
/*
 * The skeleton is open, sized and its knobs set. 1: it stands for the pinned maps, programs and
 * links now. 0: what is pinned is something else, the status tells what, and the skeleton is spent.
 * -errno: neither.
 */
int pins_adopt(struct pins *p, struct outflow_bpf *skel, int cgroup_fd, const struct policy *policy,
	       struct bpf_link *links[HOOKS_MAX]);
/* Compares the live set's programs and links with those of a loaded skeleton; `maps`: their maps
 * too. 0, or not 0 and the status tells what is foreign. */
int pins_compare(struct pins *p, const struct outflow_bpf *skel, bool maps, int cgroup_fd);

/* ---- kernel_kept.c: names, for the next daemon ---- */

struct keeper;

/* `adopted`: the maps are of a daemon before, and are read. 0 or -errno. */
int keeper_new(struct outflow_bpf *skel, bool adopted, struct keeper **ret);
void keeper_free(struct keeper *k);
void keeper_note(struct keeper *k, const struct of_rec_hdr *rec);
/* What a daemon before has kept and counts yet, what was not learned again for longest first: once,
 * before any account is told. */
void keeper_tell(const struct keeper *k, uint64_t now_ns, intake_raw_fn *fn, void *arg);

/* ---- kernel_links.c: what the probes saw go to the interfaces, for links.h ---- */

/* Sets the network namespace that is ours: before attaching. 0 or -errno. */
int kernel_links_init(struct outflow_bpf *skel, uint32_t netns);
/* As in struct link_probes; `arg` is the skeleton. */
int kernel_links_read(void *arg, struct link_sums *ret);
void kernel_links_forget(void *arg, const struct of_link_key *key, int elsewhere);

int kernel_fail(struct kernel_err *ret_err, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
