/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_worker.c: reads what it is handed and hashes it, some files in turns, so that a small one
 * does not wait for a large one. Whether a file is the one that was executed it asks before and
 * after: what changed meanwhile gets no digest.
 *
 * Under seccomp: what is called here must be in hash_child.c's list.
 */
#include <errno.h>
#include <nettle/sha2.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "intake/hash_child.h"

#include "base/poison.h"

#define SLICE (1U << 20) /* bytes in a turn: 1 to 5 ms */

struct active {
	struct hash_job job;
	struct sha256_ctx ctx;
	uint64_t done; /* bytes */
	bool touched;
	int fd; /* -1: free */
};

struct worker {
	struct hash_pulse *pulse;
	struct active active[HASH_ACTIVE_MAX];
	size_t n;
	uint8_t slice[SLICE];
};

static void beat(struct worker *w, uint64_t id)
{
	atomic_store(&w->pulse->id, id);
	(void)atomic_fetch_add(&w->pulse->beats, 1);
}

static void answer(struct worker *w, struct active *a, enum of_hash_state state)
{
	struct hash_answer ans = { .id = a->job.id, .state = state };

	if (state == OF_HASH_OK) {
		ans.touched = a->touched;
		sha256_digest(&a->ctx, sizeof(ans.sha256), ans.sha256);
	}
	(void)close(a->fd);
	a->fd = -1;
	w->n--;
	if (hash_send(HASH_FD_DAEMON, &ans, sizeof(ans), 0, -1) < 0)
		_exit(0); /* nobody is there to hear it */
}

/* OF_HASH_OK while it is what was executed. */
static enum of_hash_state check(struct active *a)
{
	struct statfs fs;
	struct stat st;

	/* Not fstat(): newer C libraries do that by a call that takes paths, too. */
	if (syscall(SYS_fstat, a->fd, &st) < 0 || syscall(SYS_fstatfs, a->fd, &fs) < 0)
		return OF_HASH_FAILED;
	switch (image_compare(&a->job.image, &st, (uint32_t)fs.f_type)) {
	case IMAGE_SAME:
		return OF_HASH_OK;
	case IMAGE_TOUCHED:
		a->touched = true;
		return OF_HASH_OK;
	default:
		return OF_HASH_CHANGED;
	}
}

static void begin(struct worker *w, const struct hash_job *job, int fd)
{
	struct active *a = w->active;
	enum of_hash_state state;

	while (a->fd >= 0)
		a++;
	*a = (struct active){ .job = *job, .fd = fd };
	w->n++;
	sha256_init(&a->ctx);
	beat(w, job->id);
	state = check(a);
	if (state != OF_HASH_OK)
		answer(w, a, state);
}

static void turn(struct worker *w, struct active *a)
{
	enum of_hash_state state;
	ssize_t n;

	beat(w, a->job.id);
	n = pread(a->fd, w->slice, sizeof(w->slice), (off_t)a->done);
	if (n < 0 && errno == EINTR)
		return;
	if (n < 0) {
		answer(w, a, OF_HASH_FAILED);
		return;
	}
	if (n > 0) {
		sha256_update(&a->ctx, (size_t)n, w->slice);
		a->done += (uint64_t)n;
	}
	if (n > 0 && a->done <= a->job.image.size) /* one that is longer than it says ends here */
		return;
	state = check(a);
	if (state == OF_HASH_OK && a->done != a->job.image.size)
		state = OF_HASH_CHANGED;
	answer(w, a, state);
}

/* Waits only when nothing is to be done. */
static void take(struct worker *w)
{
	struct hash_job job = { .id = 0 };
	int fd, n;

	while (w->n < HASH_ACTIVE_MAX) {
		if (w->n == 0)
			beat(w, 0);
		n = hash_receive(HASH_FD_OTHER, &job, sizeof(job), w->n > 0 ? MSG_DONTWAIT : 0,
				 &fd);
		if (n == -EAGAIN)
			return;
		if (n <= 0 || fd < 0)
			_exit(n != 0);
		begin(w, &job, fd);
	}
}

void hash_worker_run(struct hash_pulse *pulse)
{
	static struct worker w;
	size_t i;

	w.pulse = pulse;
	for (i = 0; i < HASH_ACTIVE_MAX; i++)
		w.active[i].fd = -1;
	for (;;) {
		take(&w);
		for (i = 0; i < HASH_ACTIVE_MAX; i++)
			if (w.active[i].fd >= 0)
				turn(&w, &w.active[i]);
	}
}
