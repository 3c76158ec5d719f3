/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.c: the life of the probes: check, then go on with what is pinned, or load, fill, attach,
 * adopt and pin; then the ring, then the end.
 */
#include "intake/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/log.h"
#include "intake/hash.h"
#include "intake/kernel_private.h"
#include "intake/machine.h"
#include "intake/namer.h"
#include "intake/runtime_read.h"
#include "intake/runtimes.h"
#include "intake/spool.h"

#include "base/poison.h"

#define ADOPT_ROUNDS_MAX 16   /* each round reaches one generation more against the walk's order */
#define PAUSE_BUDGET	 8192 /* records in a pause of a look */
#define RING_RECORD_MIN	 40   /* bytes that the shortest takes there */
#define NAMES_BUDGET	 1024 /* records of names in a drain */

struct kernel {
	struct pins *pins;
	struct outflow_bpf *skel;
	struct bpf_link *links[HOOKS_MAX];
	const char *hooks_missing[HOOKS_MAX + 1];
	struct ring_buffer *ring;
	struct books *books;
	struct machine *machine;
	struct runtimes *runtimes;
	int root; /* directory where the files of container runtimes are looked up */
	struct hashes *hashes;
	struct namer *namer;   /* NULL: this set does without, and then */
	struct keeper *keeper; /* NULL, too */
	struct spool *spool;
	int spool_behind;      /* records at most before what was read of it is told */
	int epfd;	       /* of the ring, the hashes and the spools */
	struct edges *edges;   /* NULL: no reconciliation, and */
	const char *edges_off; /* why */
	struct of_loss loss;   /* as last told */
	bool started;

	/* While a drain or a look is under way. */
	intake_raw_fn *fn;
	void *arg;
	int budget;
};

static int __attribute__((format(printf, 2, 0)))
libbpf_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text = NULL, *line, *rest;

	/* What goes wrong is said by kernel_open() in one line; the verifier's log, which is many
	 * lines in one, only helps us. */
	(void)level;
	if (!log_is_debug() || vasprintf(&text, fmt, ap) < 0)
		return 0;
	for (line = text; line != NULL && *line != '\0'; line = rest) {
		rest = strchr(line, '\n');
		if (rest != NULL)
			*rest++ = '\0';
		log_debug("libbpf: %s", line);
	}
	free(text);
	return 0;
}

/* Everything that is told passes here. Behind an execution comes the hash of its file. */
static int kernel_tell(void *arg, const struct of_rec_hdr *rec, size_t size)
{
	struct kernel *k = arg;
	int err = k->fn(k->arg, rec, size);

	if (size < sizeof(*rec) || rec->len > size)
		return err;
	runtimes_record(k->runtimes, rec);
	if (rec->kind == OF_REC_EXEC && rec->len >= offsetof(struct of_rec_exec, tail))
		hashes_exec(k->hashes, (const struct of_rec_exec *)rec, k->fn, k->arg);
	return err;
}

static int name_tell(void *arg, const struct of_rec_hdr *rec, size_t size)
{
	struct kernel *k = arg;

	keeper_note(k->keeper, rec);
	return k->fn(k->arg, rec, size);
}

static void image_ask(void *arg, uint64_t ticket, const char *id, const struct runtime_file *file)
{
	struct kernel *k = arg;
	static char buf[RUNTIME_FILE_MAX];
	struct runtime_told told = { .image = "" };
	int fd = runtime_file_open(k->root, file->path);

	if (fd >= 0) {
		(void)runtime_file_read(fd, file->kind, id, buf, sizeof(buf), &told);
		(void)close(fd);
	}
	runtimes_answer(k->runtimes, ticket, &told, machine_now(), k->fn, k->arg);
}

static int on_record(void *arg, void *data, size_t size)
{
	struct kernel *k = arg;
	const struct of_rec_hdr *rec = data;

	if (size >= sizeof(*rec) && rec->len <= size)
		books_ring(k->books, rec, kernel_tell, k);
	(void)kernel_tell(k, rec, size);
	/* libbpf's lever to stop: the record is consumed, the rest waits. */
	return --k->budget > 0 ? 0 : -EAGAIN;
}

static uint64_t wake_roles(const struct policy *p)
{
	uint64_t roles = 0;
	size_t i;

	for (i = 0; i < p->rules_n; i++)
		if (p->rules[i].off == NULL)
			roles |= p->rules[i].roles;
	/* The kernel does not know who has one of those. */
	return roles != 0 && policy_roles_need_texts(p) ? roles | OF_ROLE_ANY : roles;
}

static int kernel_skel(struct kernel *k, struct kernel_err *ret_err)
{
	outflow_bpf__destroy(k->skel);
	k->skel = outflow_bpf__open();
	return k->skel != NULL ? 0
			       : kernel_fail(ret_err, -errno, "the probes cannot be opened: %s",
					     strerror(errno));
}

/* Chooses the programs of an open skeleton, sizes its maps, sets its knobs. */
static int kernel_choose(struct kernel *k, const struct config *c, uint32_t without,
			 struct kernel_err *ret_err)
{
	uint32_t globs = fill_globs(&c->policy);
	int err;

	if (globs > OF_GLOBS_MAX)
		return kernel_fail(ret_err, -E2BIG,
				   "the roles hold %u globs and paths, the "
				   "kernel table takes %d",
				   globs, OF_GLOBS_MAX);
	err = hooks_choose(k->skel, without, k->hooks_missing, ret_err);
	if (err < 0)
		return err;
	k->skel->rodata->cfg_globs = globs;
	k->skel->rodata->cfg_without |= without & OF_WITHOUT_BY_CHOICE;
	err = fill_sizes(k->skel, c);
	if (err < 0)
		return kernel_fail(ret_err, err, "the maps cannot be sized: %s", strerror(-err));
	return 0;
}

static int kernel_load(struct kernel *k, const struct config *c, uint32_t without,
		       struct kernel_err *ret_err)
{
	int err = kernel_skel(k, ret_err);

	if (err == 0)
		err = kernel_choose(k, c, without, ret_err);
	if (err < 0)
		return err;
	err = outflow_bpf__load(k->skel);
	if (err < 0)
		return kernel_fail(ret_err, err,
				   "the kernel refuses the probes: %s (outflowd -v -f shows its "
				   "reasons)",
				   strerror(-err));
	err = fill_roles(k->skel, &c->policy);
	if (err < 0)
		return kernel_fail(ret_err, err, "the role table cannot be filled: %s",
				   strerror(-err));
	return 0;
}

static int adopt_round(int link_fd)
{
	char buf[512];
	ssize_t n;
	int fd = bpf_iter_create(link_fd);

	if (fd < 0)
		return -errno;
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	(void)close(fd);
	return n < 0 ? -errno : 0;
}

/* Until a round changes nothing: see lineage_adopt(). */
static int kernel_adopt(struct kernel *k, struct kernel_err *ret_err)
{
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.lineage_adopt, NULL);
	struct of_machine *m = books_machine(k->books);
	int i, err = 0;

	if (link == NULL)
		return kernel_fail(ret_err, -errno, "the task iterator cannot be started: %s",
				   strerror(errno));
	for (i = 0; i < ADOPT_ROUNDS_MAX && err == 0; i++) {
		m->adopted_changes = 0;
		err = adopt_round(bpf_link__fd(link));
		if (m->adopted_changes == 0)
			break;
	}
	(void)bpf_link__destroy(link);
	bpf_program__unload(k->skel->progs.lineage_adopt); /* never again */
	if (err < 0)
		return kernel_fail(ret_err, err, "the running processes cannot be read: %s",
				   strerror(-err));
	return 0;
}

/* Alerts come from the ring; they must not wait for the rest of a long look. */
static void look_pause(void *arg)
{
	struct kernel *k = arg;

	k->budget = PAUSE_BUDGET;
	if (k->started)
		(void)ring_buffer__consume(k->ring);
}

static bool still_runs(void *arg, uint32_t exec_slot, uint64_t exec_id)
{
	return books_alive(((const struct kernel *)arg)->books, exec_slot, exec_id);
}

static uint64_t runs_now(void *arg, uint32_t tgid)
{
	const struct kernel *k = arg;
	struct of_task t;

	return bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.exec_ids), &tgid, &t) == 0 ? t.exec_id
											: 0;
}

/* One descriptor for all that records come from. */
static int kernel_listen(struct kernel *k)
{
	struct epoll_event ev = { .events = EPOLLIN };

	k->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (k->epfd < 0 ||
	    epoll_ctl(k->epfd, EPOLL_CTL_ADD, ring_buffer__epoll_fd(k->ring), &ev) < 0 ||
	    epoll_ctl(k->epfd, EPOLL_CTL_ADD, hashes_fd(k->hashes), &ev) < 0 ||
	    epoll_ctl(k->epfd, EPOLL_CTL_ADD, spool_fd(k->spool), &ev) < 0)
		return -errno;
	if (k->namer != NULL && epoll_ctl(k->epfd, EPOLL_CTL_ADD, namer_fd(k->namer), &ev) < 0)
		return -errno;
	return 0;
}

/* Once a second: what cannot be watched is said as what the probes lack is. It is the last of them
 * when it is there: what the kernel refused is known before. */
static void spool_check(struct kernel *k)
{
	size_t i = 0;

	spool_look(k->spool);
	while (k->hooks_missing[i] != NULL && strcmp(k->hooks_missing[i], SPOOL_HOOK) != 0)
		i++;
	if (i < HOOKS_MAX)
		k->hooks_missing[i] = spool_refused(k->spool) < 0 ? SPOOL_HOOK : NULL;
}

static int kernel_naming(struct kernel *k, bool adopted)
{
	int err = keeper_new(k->skel, adopted, &k->keeper);

	return err < 0 ? err
		       : namer_new(bpf_map__fd(k->skel->maps.captures),
				   bpf_map__max_entries(k->skel->maps.captures), &k->namer);
}

/* What the maps lead to, when they stand. */
static int kernel_read(struct kernel *k, const struct config *c, bool adopted,
		       struct kernel_err *ret_err)
{
	int err = books_open(k->skel, &c->policy, adopted, &k->books);

	if (err < 0)
		return kernel_fail(ret_err, err, "the maps cannot be mapped: %s", strerror(-err));
	books_set_pause(k->books, look_pause, k);
	books_machine(k->books)->wake_roles = wake_roles(&c->policy);
	k->ring = ring_buffer__new(bpf_map__fd(k->skel->maps.records), on_record, k, NULL);
	if (k->ring == NULL)
		return kernel_fail(ret_err, -errno, "the ring buffer cannot be mapped: %s",
				   strerror(errno));
	err = machine_new(c->policy.roles_id, !c->policy.resolvers_set, &k->machine);
	if (err == 0)
		err = runtimes_new(image_ask, k, &k->runtimes);
	if (err == 0)
		err = hashes_new(still_runs, k, &k->hashes);
	if (err == 0)
		err = spool_new(runs_now, k, &k->spool);
	if (err == 0 && (k->skel->rodata->cfg_without & OF_WITHOUT_NAMING) == 0)
		err = kernel_naming(k, adopted);
	if (err == 0)
		err = kernel_listen(k);
	if (err < 0)
		return kernel_fail(ret_err, err, "descriptors and memory: %s", strerror(-err));
	err = kernel_links_init(k->skel, machine_netns(k->machine));
	return err < 0 ? kernel_fail(ret_err, err, "the interface maps cannot be set up: %s",
				     strerror(-err))
		       : 0;
}

static uint32_t without_by_choice(const struct config *c)
{
	return c->no_naming ? OF_WITHOUT_NAMING | OF_WITHOUT_BY_CHOICE : 0;
}

/* What the pinned set does without, but for what was chosen then and is not now. */
static uint32_t without_of_pins(const struct kernel *k, const struct config *c)
{
	uint32_t without = pins_without(k->pins, k->skel);

	if (without & OF_WITHOUT_BY_CHOICE)
		without &= ~(OF_WITHOUT_NAMING | OF_WITHOUT_BY_CHOICE);
	return without | without_by_choice(c);
}

/* The probes of before, if there are any, count until ours stand: no byte leaves unseen. */
static int kernel_fresh(struct kernel *k, const struct config *c, int cgroup_fd,
			struct kernel_err *ret_err)
{
	/* A kernel that has what an optional hook asks for may refuse its program all the same. */
	static const uint32_t without[] = { 0,
					    OF_WITHOUT_INTERFACES,
					    OF_WITHOUT_NAMES,
					    OF_WITHOUT_ASKS,
					    OF_WITHOUT_NAMING,
					    HOOKS_OPTIONAL };
	struct of_machine *m;
	size_t i;
	int err = -ENOTSUP;

	for (i = 0; i < sizeof(without) / sizeof(without[0]) && err < 0; i++)
		err = kernel_load(k, c, without[i] | without_by_choice(c), ret_err);
	if (err < 0)
		return err;
	(void)pins_compare(k->pins, k->skel, false, cgroup_fd);
	err = kernel_read(k, c, false, ret_err);
	if (err < 0)
		return err;
	m = books_machine(k->books);
	m->abi_version = OF_ABI_VERSION;
	m->roles_id = c->policy.roles_id;
	m->env_id = c->policy.env_id;
	books_reserve(k->books);
	/* Ids go on from the microseconds since boot, which no earlier daemon can have reached. */
	m->next_exec_id = machine_now() / 1000;
	err = hooks_attach(k->skel, cgroup_fd, k->links, ret_err);
	return err < 0 ? err : kernel_adopt(k, ret_err);
}

static bool hook_is_there(const struct kernel *k, const char *name)
{
	const char *const *hook;

	for (hook = k->hooks_missing; *hook != NULL; hook++)
		if (strcmp(*hook, name) == 0)
			return false;
	return true;
}

/* Reconciliation may be off, and needs its hook; neither keeps the daemon from watching. */
static int edges_open(struct kernel *k, const struct reconcile *r)
{
	struct link_probes probes = { kernel_links_read, kernel_links_forget, k->skel };

	if (r->off)
		k->edges_off = "off in the configuration";
	else if (!hook_is_there(k, "interfaces"))
		k->edges_off = k->pins->status.state == PINS_ADOPTED
				       ? "the kernel refused the hook 'interfaces' when the probes "
					 "were made; outflowd --unload has them made anew"
				       : "this kernel refuses the hook 'interfaces'";
	else
		return edges_new(r, machine_netns(k->machine), &probes, &k->edges);
	return 0;
}

/* The probes of a daemon before, or new ones. */
static int kernel_probes(struct kernel *k, const struct config *c, int cgroup_fd,
			 struct kernel_err *ret_err)
{
	int err;

	if (pins_there(k->pins, PINS_LIVE)) {
		err = kernel_skel(k, ret_err);
		if (err == 0)
			err = kernel_choose(k, c, without_of_pins(k, c), ret_err);
		if (err < 0)
			return err;
		err = pins_adopt(k->pins, k->skel, cgroup_fd, &c->policy, k->links);
		if (err < 0)
			return kernel_fail(ret_err, err,
					   "the pins in '%s' cannot be gone on with: "
					   "%s (outflowd --unload removes them)",
					   c->pins, strerror(-err));
		if (err > 0)
			return kernel_read(k, c, true, ret_err);
	}
	return kernel_fresh(k, c, cgroup_fd, ret_err);
}

static int kernel_start(struct kernel *k, const struct config *c, int cgroup_fd,
			struct kernel_err *ret_err)
{
	int err = kernel_probes(k, c, cgroup_fd, ret_err);

	if (err < 0)
		return err;
	err = edges_open(k, &c->policy.reconcile);
	if (err < 0)
		return kernel_fail(ret_err, err, "the interfaces cannot be read: %s",
				   strerror(-err));
	return 0;
}

static void kernel_close(void *self)
{
	struct kernel *k = self;
	size_t i;

	if (k == NULL)
		return;
	for (i = HOOKS_MAX; i-- > 0;)
		(void)bpf_link__destroy(k->links[i]);
	if (k->epfd >= 0)
		(void)close(k->epfd);
	spool_free(k->spool);
	hashes_free(k->hashes);
	namer_free(k->namer);
	keeper_free(k->keeper);
	ring_buffer__free(k->ring);
	edges_free(k->edges);
	runtimes_free(k->runtimes);
	if (k->root >= 0)
		(void)close(k->root);
	machine_free(k->machine);
	books_free(k->books);
	outflow_bpf__destroy(k->skel);
	pins_close(k->pins); /* last: it is the lock */
	free(k);
}

int kernel_open(const struct config *config, struct kernel **ret, struct kernel_err *ret_err)
{
	struct kernel *k = NULL;
	int cgroup_fd = -1, err;

	(void)libbpf_set_print(libbpf_log);
	err = kernel_check(&cgroup_fd, ret_err);
	if (err < 0)
		return err;
	k = calloc(1, sizeof(*k));
	if (k == NULL) {
		(void)close(cgroup_fd);
		return kernel_fail(ret_err, -ENOMEM, "out of memory");
	}
	/* Without one no file is found, and no image told. */
	k->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	k->epfd = -1;
	err = pins_open(config->pins, true, &k->pins, ret_err);
	if (err == 0)
		err = kernel_start(k, config, cgroup_fd, ret_err);
	(void)close(cgroup_fd);
	if (err < 0) {
		kernel_close(k);
		return err;
	}
	*ret = k;
	return 0;
}

void kernel_keep(struct kernel *k)
{
	if (k->pins->status.state != PINS_ADOPTED)
		pins_save(k->pins, k->skel, k->links);
}

const struct pins_status *kernel_pins(const struct kernel *k)
{
	return &k->pins->status;
}

/* Before what the ring holds: an alert must not be made without the loss of its own moment. To ask
 * for the missed runs of every program takes longer, a look does. */
static void loss_tell(struct kernel *k, uint64_t now_ns, bool missed, intake_raw_fn *fn, void *arg)
{
	struct of_rec_loss rec = { .loss = books_machine(k->books)->loss };

	rec.loss.names += k->namer == NULL ? 0 : namer_stats(k->namer).unread;
	rec.loss.probe_missed = missed ? hooks_missed(k->skel) : k->loss.probe_missed;
	if (k->started && memcmp(&rec.loss, &k->loss, sizeof(rec.loss)) == 0)
		return;
	k->loss = rec.loss;
	rec.hdr = (struct of_rec_hdr){ now_ns, sizeof(rec), OF_REC_LOSS, 0 };
	(void)fn(arg, &rec.hdr, sizeof(rec));
}

static int kernel_look(void *self, intake_raw_fn *fn, void *arg)
{
	struct kernel *k = self;
	uint64_t now_ns = machine_now();
	struct of_rec_tick rec = { .hdr = { now_ns, sizeof(rec), OF_REC_TICK, 0 } };

	k->fn = fn;
	k->arg = arg;
	machine_look(k->machine, now_ns, fn, arg);
	loss_tell(k, now_ns, true, fn, arg);
	if (!k->started && k->keeper != NULL)
		keeper_tell(k->keeper, now_ns, fn, arg);
	books_look(k->books, now_ns, kernel_tell, k);
	runtimes_look(k->runtimes, now_ns);
	hashes_tick(k->hashes, fn, arg);
	if (k->namer != NULL)
		namer_tick(k->namer, now_ns);
	spool_check(k);
	if (k->edges != NULL)
		edges_look(k->edges, now_ns, fn, arg);
	k->started = true;
	(void)fn(arg, &rec.hdr, sizeof(rec));
	return 0;
}

/* The ring tells of who changed a file: what is read before it is told behind what it holds then.
 */
static void spool_begin(struct kernel *k)
{
	if (k->spool_behind > 0)
		return;
	spool_read(k->spool, machine_now());
	k->spool_behind = (int)(k->skel->rodata->cfg_ring_bytes / RING_RECORD_MIN) + 1;
}

static void spool_end(struct kernel *k, bool ring_empty, int drained)
{
	k->spool_behind -= drained;
	if (!ring_empty && k->spool_behind > 0)
		return;
	spool_tell(k->spool, k->fn, k->arg);
	k->spool_behind = 0;
}

static int kernel_drain(void *self, int budget, intake_raw_fn *fn, void *arg)
{
	struct kernel *k = self;
	int err;

	/* The ring may already tell of children whose parents are only in the maps. */
	if (!k->started)
		(void)kernel_look(k, fn, arg);
	else
		loss_tell(k, machine_now(), false, fn, arg);
	k->fn = fn;
	k->arg = arg;
	k->budget = budget;
	spool_begin(k);
	err = ring_buffer__consume(k->ring);
	/* Who asked was told by the ring, if it is new. */
	if (k->namer != NULL)
		(void)namer_drain(k->namer, NAMES_BUDGET, name_tell, k);
	spool_end(k, err >= 0, budget - k->budget);
	hashes_drain(k->hashes, fn, arg);
	if (err < 0 && err != -EAGAIN)
		return err;
	return budget - k->budget;
}

const struct intake_ops kernel_ops = { "kernel", kernel_drain, kernel_look, kernel_close };

int kernel_fd(const struct kernel *k)
{
	return k->epfd;
}

void kernel_helpers(struct kernel *k)
{
	hashes_start(k->hashes);
	if (k->namer != NULL)
		namer_start(k->namer);
}

struct namer_stats kernel_namer_stats(const struct kernel *k)
{
	const struct namer_stats none = { 0 };

	return k->namer == NULL ? none : namer_stats(k->namer);
}

struct image_stats kernel_image_stats(const struct kernel *k)
{
	return runtimes_stats(k->runtimes);
}

struct hash_stats kernel_hash_stats(const struct kernel *k)
{
	return hashes_stats(k->hashes);
}

void kernel_roles(void *self, uint64_t exec_id, uint32_t slot, uint64_t roles)
{
	books_roles(((struct kernel *)self)->books, slot, exec_id, roles);
}

int kernel_ledger(const struct kernel *k, struct ledger *ret)
{
	int err = books_ledger(k->books, ret);

	ret->loss.names += kernel_namer_stats(k).unread;
	ret->loss.probe_missed = hooks_missed(k->skel);
	return err;
}

const char *const *kernel_hooks_missing(const struct kernel *k)
{
	return k->hooks_missing;
}

const char *kernel_edges_off(const struct kernel *k)
{
	return k->edges != NULL ? edges_off(k->edges) : k->edges_off;
}

size_t kernel_edges_left_out(const struct kernel *k)
{
	return k->edges != NULL ? edges_left_out(k->edges) : 0;
}
