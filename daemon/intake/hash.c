/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash.c: which files are known, which wait, and which executions wait for them. Some files are
 * under way at a time, of these some large ones; small and large take turns, so that no number of
 * the ones holds up the others.
 */
#include "intake/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/table.h"
#include "intake/hash_helpers.h"
#include "intake/machine.h"

#include "base/poison.h"

#define LARGE	      (32ULL << 20) /* bytes: what takes longer than others should wait */
#define LARGE_MAX     4		    /* of HASH_ACTIVE_MAX */
#define SIZE_MAX_OF   (4ULL << 30)  /* a sparse file of any size costs nothing to make */
#define LARGE_BYTES   (16ULL << 30) /* of large files that wait: the last of them for minutes */
#define TRIES_MAX     3		    /* a file at which a process ended that often is left */
#define ANSWERS_MAX   64	    /* in a drain */
#define HUNG_MAX      16
#define HUNG_NS	      60000000000ULL /* a file system that did not answer is left alone for so long */
#define BEGIN_NS      1000000000ULL  /* between two beginnings */
#define ENDS_MAX      5		     /* without an answer: then they come */
#define BEGIN_LAZY_NS 60000000000ULL /* so seldom */

/* statfs(2) */
#define MAGIC_9P  0x01021997
#define MAGIC_NFS 0x6969

struct cached {
	struct table_node node;
	struct of_image image;
	uint8_t sha256[32];
};

struct waiting {
	struct table_node node;
	struct of_image image;
	struct list at; /* in hashes.small, large or out */
	struct list waiters;
	uint64_t id;
	uint32_t tries;
	int fd;	    /* O_PATH; -1: none */
	bool again; /* since it was asked for there is a better way to it */
	uint32_t pid, ppid, mnt_ns;
	uint32_t path_len;
	char path[OF_EXE_LEN];
};

struct waiter {
	struct list at;
	uint64_t exec_id;
	uint32_t slot;
};

struct hung {
	uint32_t dev;
	uint64_t until_ns;
};

struct hashes {
	hashes_alive_fn *alive;
	void *alive_arg;
	struct helpers *helpers;
	struct table cached, waiting;
	struct list small, large, out;
	size_t out_n, out_large, held;
	uint64_t large_bytes; /* of all large ones here */
	bool large_turn;
	uint64_t next_id;
	bool started;
	bool writes_denied; /* nobody can write to a file that a process runs */
	struct hung hung[HUNG_MAX];
	size_t hung_next;
	uint64_t begun_ns;
	uint32_t ends; /* in a row, without an answer between them */
	struct hash_stats stats;
};

static bool same_cached(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct cached, node)->image, key,
		      sizeof(struct of_image)) == 0;
}

static bool same_waiting(const struct table_node *node, const void *key)
{
	return memcmp(&table_entry(node, struct waiting, node)->image, key,
		      sizeof(struct of_image)) == 0;
}

/* Linux 6.11 and 6.12 let a running file be written to, at first. */
static bool writes_are_denied(void)
{
	int fd = open("/proc/self/exe", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 && errno == ETXTBSY;
}

static uint64_t now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* does not go on while the machine sleeps */
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int hashes_new(hashes_alive_fn *alive, void *arg, struct hashes **ret)
{
	struct hashes *h = calloc(1, sizeof(*h));
	int err;

	if (h == NULL)
		return -ENOMEM;
	h->alive = alive;
	h->alive_arg = arg;
	h->next_id = 1;
	list_init(&h->small);
	list_init(&h->large);
	list_init(&h->out);
	h->writes_denied = writes_are_denied();
	err = table_init(&h->cached, HASH_CACHED_MAX, same_cached);
	if (err == 0)
		err = table_init(&h->waiting, HASH_WAITING_MAX, same_waiting);
	if (err == 0)
		err = helpers_new(&h->helpers);
	if (err < 0) {
		hashes_free(h);
		return err;
	}
	*ret = h;
	return 0;
}

static void tell(uint64_t exec_id, const struct of_image *image, enum of_hash_state state,
		 const uint8_t *sha256, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_hash rec = { .hdr = { now_ns, sizeof(rec), OF_REC_HASH, 0 },
				   .exec_id = exec_id,
				   .state = state,
				   .image = *image };

	if (state == OF_HASH_OK)
		memcpy(rec.sha256, sha256, sizeof(rec.sha256));
	(void)fn(arg, &rec.hdr, sizeof(rec));
}

static void count(struct hashes *h, enum of_hash_state state)
{
	h->stats.changed += state == OF_HASH_CHANGED;
	h->stats.gone += state == OF_HASH_GONE;
	h->stats.failed += state == OF_HASH_FAILED;
	h->stats.skipped += state == OF_HASH_SKIPPED;
}

/* ---- Files that wait ---- */

static bool is_large(const struct of_image *image)
{
	return image->size > LARGE;
}

static void queue(struct hashes *h, struct waiting *w)
{
	list_add(is_large(&w->image) ? &h->large : &h->small, &w->at);
}

/* Out of the files under way. */
static void take_back(struct hashes *h, struct waiting *w)
{
	list_del(&w->at);
	h->out_n--;
	h->out_large -= is_large(&w->image);
}

static void let_go(struct hashes *h, struct waiting *w)
{
	if (w->fd < 0)
		return;
	(void)close(w->fd);
	w->fd = -1;
	h->held--;
}

static void waiting_free(struct hashes *h, struct waiting *w)
{
	struct waiter *x;
	struct list *at;

	while ((at = list_first(&w->waiters)) != NULL) {
		x = list_entry(at, struct waiter, at);
		list_del(&x->at);
		free(x);
		h->stats.pending--;
	}
	let_go(h, w);
	h->large_bytes -= is_large(&w->image) ? w->image.size : 0;
	list_del(&w->at);
	table_del(&h->waiting, &w->node);
	free(w);
}

static struct waiting *waiting_find(const struct hashes *h, const struct of_image *image)
{
	uint64_t hash = table_hash(&h->waiting, image, sizeof(*image));
	struct table_node *node = table_find(&h->waiting, hash, image);

	return node != NULL ? table_entry(node, struct waiting, node) : NULL;
}

static struct waiting *waiting_new(struct hashes *h, const struct of_image *image)
{
	struct waiting *w;

	if (is_large(image) && h->large_bytes + image->size > LARGE_BYTES)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->image = *image;
	w->fd = -1;
	w->id = h->next_id++;
	list_init(&w->at);
	list_init(&w->waiters);
	if (table_add(&h->waiting, &w->node, table_hash(&h->waiting, image, sizeof(*image))) < 0) {
		free(w);
		return NULL;
	}
	h->large_bytes += is_large(image) ? image->size : 0;
	queue(h, w);
	return w;
}

/* 9P and NFS may ask their server when a link in /proc is followed, and the daemon would wait for
 * it: there the opener does it. */
static bool may_ask(uint32_t magic)
{
	return magic == MAGIC_9P || magic == MAGIC_NFS;
}

/*
 * The way to the file that this execution tells. To hold a file asks its file system nothing, but
 * on those two. That is not all: one of them below an overlay, or a process that goes on from a
 * local file to one on them before this is done, cannot be told before.
 */
static void waiting_way(struct hashes *h, struct waiting *w, const struct of_rec_exec *rec)
{
	const uint32_t nameless = OF_EXEC_DELETED | OF_EXEC_MEMFD | OF_EXEC_EXE_TRUNCATED;
	char path[32];

	if (w->fd >= 0)
		return;
	w->pid = rec->e.tgid;
	w->ppid = rec->e.ppid;
	w->mnt_ns = rec->e.ns.mnt;
	w->path_len = 0;
	if (!(rec->e.flags & nameless) && rec->exe_len < sizeof(w->path)) {
		w->path_len = rec->exe_len;
		memcpy(w->path, rec->tail, w->path_len);
	}
	w->path[w->path_len] = '\0';
	w->again = true;
	if (rec->e.end_ns != 0 || h->held >= HASH_HELD_MAX || may_ask(w->image.magic))
		return;
	(void)snprintf(path, sizeof(path), "/proc/%u/exe", w->pid);
	w->fd = open(path, O_PATH | O_CLOEXEC);
	h->held += w->fd >= 0;
}

static int waiter_add(struct hashes *h, struct waiting *w, const struct of_exec *e)
{
	struct waiter *x;

	if (h->stats.pending >= HASH_WAITERS_MAX)
		return -ENOSPC;
	x = malloc(sizeof(*x));
	if (x == NULL)
		return -ENOMEM;
	x->exec_id = e->exec_id;
	x->slot = e->slot;
	list_init(&x->at);
	list_add(&w->waiters, &x->at);
	h->stats.pending++;
	return 0;
}

static bool waiting_send(struct hashes *h, struct waiting *w)
{
	struct hash_request req = { .id = w->id,
				    .image = w->image,
				    .pid = w->pid,
				    .ppid = w->ppid,
				    .mnt_ns = w->mnt_ns,
				    .path_len = w->path_len };

	memcpy(req.path, w->path, w->path_len);
	if (helpers_ask(h->helpers, &req, w->fd) < 0)
		return false;
	w->again = false;
	list_add(&h->out, &w->at);
	h->out_n++;
	h->out_large += is_large(&w->image);
	return true;
}

/* NULL: none may go. */
static struct waiting *turn(struct hashes *h)
{
	struct list *small = list_first(&h->small);
	struct list *large = h->out_large < LARGE_MAX ? list_first(&h->large) : NULL;
	struct list *at = large != NULL && (small == NULL || h->large_turn) ? large : small;

	h->large_turn = at == small;
	return at != NULL ? list_entry(at, struct waiting, at) : NULL;
}

static void dispatch(struct hashes *h)
{
	struct waiting *w;

	if (!helpers_up(h->helpers))
		return;
	while (h->out_n < HASH_ACTIVE_MAX) {
		w = turn(h);
		if (w == NULL || !waiting_send(h, w))
			return;
	}
}

/* ---- Executions ---- */

/* Of these one file that does not answer tells of all others; of a disk, that it is busy. */
static bool may_hang(uint32_t magic)
{
	/* statfs(2): and FUSE, CIFS, SMB2, Ceph, AFS. */
	static const uint32_t remote[] = { MAGIC_NFS,  MAGIC_9P,   0x65735546, 0xff534d42,
					   0xfe534d42, 0x00c36400, 0x5346414f };
	size_t i;

	for (i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		if (remote[i] == magic)
			return true;
	return false;
}

static bool is_hung(const struct hashes *h, uint32_t dev)
{
	uint64_t now_ns = now();
	size_t i;

	for (i = 0; i < HUNG_MAX; i++)
		if (h->hung[i].until_ns > now_ns && h->hung[i].dev == dev)
			return true;
	return false;
}

/* OF_HASH_NONE: it waits. */
static enum of_hash_state exec_wait(struct hashes *h, const struct of_rec_exec *rec)
{
	struct waiting *w = waiting_find(h, &rec->image);

	if (rec->image.size > SIZE_MAX_OF)
		return OF_HASH_SKIPPED;
	if (is_hung(h, rec->image.dev))
		return OF_HASH_FAILED;
	if (w == NULL)
		w = waiting_new(h, &rec->image);
	if (w == NULL)
		return OF_HASH_SKIPPED;
	if (waiter_add(h, w, &rec->e) < 0) {
		if (list_empty(&w->waiters))
			waiting_free(h, w);
		return OF_HASH_SKIPPED;
	}
	waiting_way(h, w, rec);
	return OF_HASH_NONE;
}

void hashes_exec(struct hashes *h, const struct of_rec_exec *rec, intake_raw_fn *fn, void *arg)
{
	static const struct of_image none;
	struct table_node *node;
	enum of_hash_state state;
	struct cached *c;

	if (!image_known(&rec->image)) { /* a kernel thread */
		tell(rec->e.exec_id, &rec->image, OF_HASH_GONE, NULL, rec->hdr.ts_ns, fn, arg);
		return;
	}
	node = table_find(&h->cached, table_hash(&h->cached, &rec->image, sizeof(rec->image)),
			  &rec->image);
	if (node != NULL) {
		c = table_entry(node, struct cached, node);
		table_touch(&h->cached, node);
		h->stats.cached++;
		tell(rec->e.exec_id, &rec->image, OF_HASH_OK, c->sha256, rec->hdr.ts_ns, fn, arg);
		return;
	}
	state = exec_wait(h, rec);
	if (state != OF_HASH_NONE) {
		count(h, state);
		/* Others may wait for the file on. */
		tell(rec->e.exec_id, waiting_find(h, &rec->image) != NULL ? &none : &rec->image,
		     state, NULL, rec->hdr.ts_ns, fn, arg);
	}
	dispatch(h);
}

/* ---- Answers ---- */

static void cached_add(struct hashes *h, const struct of_image *image, const uint8_t sha256[32])
{
	struct cached *c;

	if (h->cached.n >= h->cached.max) {
		c = table_entry(h->cached.oldest, struct cached, node);
		table_del(&h->cached, &c->node);
	} else {
		c = malloc(sizeof(*c));
	}
	if (c == NULL)
		return;
	c->image = *image;
	memcpy(c->sha256, sha256, sizeof(c->sha256));
	if (table_add(&h->cached, &c->node, table_hash(&h->cached, image, sizeof(*image))) < 0)
		free(c);
}

static void finish(struct hashes *h, struct waiting *w, enum of_hash_state state,
		   const uint8_t *sha256, intake_raw_fn *fn, void *arg)
{
	uint64_t now_ns = machine_now();
	struct list *at;

	for (at = w->waiters.next; at != &w->waiters; at = at->next) {
		count(h, state);
		tell(list_entry(at, struct waiter, at)->exec_id, &w->image, state, sha256, now_ns,
		     fn, arg);
	}
	waiting_free(h, w);
}

/*
 * Of the file the ctime alone is another: it was unlinked, as what deletes itself is, or renamed,
 * or written to and given its old mtime. While a process runs it nobody can write to it; so if one
 * that executed it as it was then runs it still, it was not written to.
 */
static bool content_stayed(const struct hashes *h, const struct waiting *w)
{
	/* statfs(2): ext2 to 4, XFS, btrfs, tmpfs: nobody writes to these past this kernel. */
	static const uint32_t local[] = { 0xef53, 0x58465342, 0x9123683e, 0x01021994 };
	const struct waiter *x;
	const struct list *at;
	bool is_local = false;
	size_t i;

	for (i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		is_local = is_local || w->image.magic == local[i];
	if (!is_local || !h->writes_denied)
		return false;
	for (at = w->waiters.next; at != &w->waiters; at = at->next) {
		x = list_entry(at, struct waiter, at);
		if (h->alive(h->alive_arg, x->slot, x->exec_id))
			return true;
	}
	return false;
}

static struct waiting *out_find(const struct hashes *h, uint64_t id)
{
	struct list *at;

	for (at = h->out.next; at != &h->out; at = at->next)
		if (list_entry(at, struct waiting, at)->id == id)
			return list_entry(at, struct waiting, at);
	return NULL;
}

/* What is no answer to anything asked, or not this one's to give, is no answer. */
static bool makes_sense(const struct hash_answer *ans, enum hash_role from)
{
	switch (ans->state) {
	case OF_HASH_OK:
		return from == HASH_WORKER && ans->touched <= 1;
	case OF_HASH_GONE:
		return from == HASH_OPENER;
	case OF_HASH_CHANGED:
	case OF_HASH_FAILED:
		return true;
	default:
		return false;
	}
}

/* 0, or -EBADMSG. */
static int on_answer(struct hashes *h, const struct hash_answer *ans, enum hash_role from,
		     intake_raw_fn *fn, void *arg)
{
	struct waiting *w = makes_sense(ans, from) ? out_find(h, ans->id) : NULL;
	enum of_hash_state state = (enum of_hash_state)ans->state;

	if (w == NULL)
		return -EBADMSG;
	h->ends = 0;
	take_back(h, w);
	if (state == OF_HASH_OK && ans->touched && !content_stayed(h, w))
		state = OF_HASH_CHANGED;
	if (state != OF_HASH_OK && w->again) {
		queue(h, w);
		return 0;
	}
	if (state == OF_HASH_OK) {
		h->stats.files++;
		log_debug("hash: device %u:%u, inode %llu: read", w->image.dev >> 20,
			  w->image.dev & 0xfffff, (unsigned long long)w->image.ino);
		cached_add(h, &w->image, ans->sha256);
	}
	finish(h, w, state, ans->sha256, fn, arg);
	return 0;
}

/* ---- The processes ---- */

/* 0 or -errno; also 0 when it is not time. */
static int begin(struct hashes *h)
{
	uint64_t now_ns = now();
	uint64_t after_ns = h->ends < ENDS_MAX ? BEGIN_NS : BEGIN_LAZY_NS;
	bool again = h->begun_ns != 0;
	int err;

	if (!h->started || helpers_up(h->helpers) || (again && now_ns < h->begun_ns + after_ns))
		return 0;
	h->begun_ns = now_ns;
	err = helpers_begin(h->helpers, now_ns);
	h->stats.respawned += again && err == 0;
	return err;
}

static void fail(struct hashes *h, struct waiting *w, intake_raw_fn *fn, void *arg)
{
	finish(h, w, OF_HASH_FAILED, NULL, fn, arg);
}

/* Once more without an answer: they ended, or could not be begun, which `err` tells. At some time
 * nobody waits on. */
static void ended(struct hashes *h, int err, intake_raw_fn *fn, void *arg)
{
	h->ends++;
	if (h->ends == ENDS_MAX && err < 0)
		log_warnerr(err, "executed files are not hashed: the processes for it cannot be "
				 "begun; tried again each minute");
	else if (h->ends == ENDS_MAX)
		log_warn("executed files are not hashed: the processes for it end at once; tried "
			 "again each minute");
	while (h->ends >= ENDS_MAX && h->waiting.oldest != NULL)
		fail(h, table_entry(h->waiting.oldest, struct waiting, node), fn, arg);
}

static void begin_again(struct hashes *h, intake_raw_fn *fn, void *arg)
{
	int err = begin(h);

	if (err < 0)
		ended(h, err, fn, arg);
}

/* They end here, with all that is under way; it is asked for again, but for the file at which they
 * hung, and those at which they end each time. */
static void end(struct hashes *h, uint64_t hung_id, intake_raw_fn *fn, void *arg)
{
	uint64_t opener_at = helpers_at(h->helpers, HASH_OPENER);
	uint64_t worker_at = helpers_at(h->helpers, HASH_WORKER);
	struct waiting *w;
	struct list *at;

	helpers_end(h->helpers);
	while ((at = list_first(&h->out)) != NULL) {
		w = list_entry(at, struct waiting, at);
		take_back(h, w);
		w->tries += w->id == opener_at || w->id == worker_at;
		if (w->id == hung_id) {
			if (may_hang(w->image.magic))
				h->hung[h->hung_next++ % HUNG_MAX] =
					(struct hung){ w->image.dev, now() + HUNG_NS };
			fail(h, w, fn, arg);
		} else if (w->tries >= TRIES_MAX) {
			fail(h, w, fn, arg);
		} else {
			queue(h, w);
		}
	}
	ended(h, 0, fn, arg);
}

void hashes_start(struct hashes *h)
{
	h->started = true;
	(void)begin(h); /* if not now, then in hashes_tick() */
	dispatch(h);
}

int hashes_fd(const struct hashes *h)
{
	return helpers_fd(h->helpers);
}

void hashes_drain(struct hashes *h, intake_raw_fn *fn, void *arg)
{
	struct hash_answer ans;
	enum hash_role from;
	int i, n;

	for (i = 0; i < ANSWERS_MAX && helpers_up(h->helpers); i++) {
		n = helpers_answer(h->helpers, &ans, &from);
		if (n == 0)
			break;
		if (n > 0)
			n = on_answer(h, &ans, from, fn, arg);
		if (n < 0) {
			end(h, 0, fn, arg);
			begin_again(h, fn, arg);
		}
	}
	dispatch(h);
}

void hashes_tick(struct hashes *h, intake_raw_fn *fn, void *arg)
{
	uint64_t hung_id;

	if (helpers_hang(h->helpers, now(), &hung_id))
		end(h, hung_id, fn, arg);
	begin_again(h, fn, arg);
	hashes_drain(h, fn, arg);
}

struct hash_stats hashes_stats(const struct hashes *h)
{
	return h->stats;
}

void hashes_free(struct hashes *h)
{
	struct cached *c;

	if (h == NULL)
		return;
	helpers_free(h->helpers);
	while (h->waiting.oldest != NULL)
		waiting_free(h, table_entry(h->waiting.oldest, struct waiting, node));
	while (h->cached.oldest != NULL) {
		c = table_entry(h->cached.oldest, struct cached, node);
		table_del(&h->cached, &c->node);
		free(c);
	}
	table_done(&h->waiting);
	table_done(&h->cached);
	free(h);
}
