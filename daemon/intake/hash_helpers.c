/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/hash_helpers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intake/child.h"

#include "base/poison.h"

#define UNDEAD_MAX 8 /* killed, but held by a file system that does not answer */

struct helpers {
	int epfd, pulses_fd;
	struct hash_pulse *pulses;
	int sock[HASH_ROLES]; /* -1: not up */
	pid_t pid[HASH_ROLES];
	pid_t undead[UNDEAD_MAX];
	size_t undead_n;
	uint64_t asked, hashed; /* requests, and answers of the worker */
	uint64_t beats[HASH_ROLES];
	uint64_t since_ns[HASH_ROLES]; /* it had nothing to do, or was seen to move */
};

int helpers_new(struct helpers **ret)
{
	struct helpers *x = calloc(1, sizeof(*x));
	size_t size = HASH_ROLES * sizeof(*x->pulses);
	int err;

	if (x == NULL)
		return -ENOMEM;
	x->sock[HASH_OPENER] = x->sock[HASH_WORKER] = -1;
	x->pulses = MAP_FAILED;
	x->epfd = epoll_create1(EPOLL_CLOEXEC);
	x->pulses_fd = memfd_create("outflow-hash", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (x->epfd < 0 || x->pulses_fd < 0 || ftruncate(x->pulses_fd, (off_t)size) < 0 ||
	    fcntl(x->pulses_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto out;
	x->pulses = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, x->pulses_fd, 0);
	if (x->pulses == MAP_FAILED)
		goto out;
	*ret = x;
	return 0;
out:
	err = -errno;
	helpers_free(x);
	return err;
}

static void reap(struct helpers *x)
{
	size_t i, n = 0;

	for (i = 0; i < x->undead_n; i++)
		if (waitpid(x->undead[i], NULL, WNOHANG) == 0)
			x->undead[n++] = x->undead[i];
	x->undead_n = n;
}

void helpers_end(struct helpers *x)
{
	int i;

	for (i = 0; i < HASH_ROLES; i++) {
		if (x->sock[i] >= 0)
			(void)close(x->sock[i]);
		x->sock[i] = -1;
		if (x->pid[i] <= 0)
			continue;
		(void)kill(x->pid[i], SIGKILL);
		if (x->undead_n < UNDEAD_MAX)
			x->undead[x->undead_n++] = x->pid[i];
		x->pid[i] = 0;
	}
	reap(x);
}

void helpers_free(struct helpers *x)
{
	if (x == NULL)
		return;
	helpers_end(x);
	if (x->pulses != MAP_FAILED)
		(void)munmap(x->pulses, HASH_ROLES * sizeof(*x->pulses));
	if (x->pulses_fd >= 0)
		(void)close(x->pulses_fd);
	if (x->epfd >= 0)
		(void)close(x->epfd);
	free(x);
}

int helpers_fd(const struct helpers *x)
{
	return x->epfd;
}

bool helpers_up(const struct helpers *x)
{
	return x->sock[HASH_OPENER] >= 0;
}

static int spawn(struct helpers *x, enum hash_role role, int daemon_sock, int other_sock)
{
	char name[] = HASH_CHILD_NAME, opener[] = "opener", worker[] = "worker";
	int fds[] = { daemon_sock, other_sock, child_fd_high(x->pulses_fd) }, err = fds[2];

	if (err < 0)
		return err;
	err = child_spawn(name, role == HASH_OPENER ? opener : worker, fds,
			  sizeof(fds) / sizeof(fds[0]), &x->pid[role]);
	(void)close(fds[2]);
	return err;
}

/* Takes the daemon's end, also when this fails. */
static int listen_to(struct helpers *x, enum hash_role role, int sock)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = role };

	x->sock[role] = sock;
	return epoll_ctl(x->epfd, EPOLL_CTL_ADD, sock, &ev) < 0 ? -errno : 0;
}

int helpers_begin(struct helpers *x, uint64_t now_ns)
{
	int opener[2] = { -1, -1 }, worker[2] = { -1, -1 }, between[2] = { -1, -1 };
	int *const mine[] = { &opener[1], &worker[1], &between[0], &between[1] };
	int err, listening, i;

	helpers_end(x);
	if (x->undead_n > UNDEAD_MAX - HASH_ROLES)
		return -EBUSY;
	for (i = 0; i < HASH_ROLES; i++) {
		atomic_store(&x->pulses[i].id, 0);
		atomic_store(&x->pulses[i].beats, 0);
		atomic_store(&x->pulses[i].passed, 0);
		x->beats[i] = 0;
		x->since_ns[i] = now_ns;
	}
	x->asked = x->hashed = 0;
	err = child_pair(opener);
	if (err == 0)
		err = child_pair(worker);
	if (err == 0)
		err = child_pair(between);
	if (err == 0)
		err = spawn(x, HASH_OPENER, opener[1], between[0]);
	if (err == 0)
		err = spawn(x, HASH_WORKER, worker[1], between[1]);
	for (i = 0; i < (int)(sizeof(mine) / sizeof(mine[0])); i++)
		if (*mine[i] >= 0)
			(void)close(*mine[i]);
	listening = listen_to(x, HASH_OPENER, opener[0]);
	err = err < 0 ? err : listening;
	listening = listen_to(x, HASH_WORKER, worker[0]);
	err = err < 0 ? err : listening;
	if (err < 0)
		helpers_end(x);
	return err;
}

int helpers_ask(struct helpers *x, const struct hash_request *req, int fd)
{
	int err = hash_send(x->sock[HASH_OPENER], req, sizeof(*req), MSG_DONTWAIT, fd);

	x->asked += err == 0;
	return err;
}

int helpers_answer(struct helpers *x, struct hash_answer *ret, enum hash_role *ret_from)
{
	int i, n;

	for (i = 0; i < HASH_ROLES; i++) {
		n = hash_receive(x->sock[i], ret, sizeof(*ret), MSG_DONTWAIT, NULL);
		if (n == -EAGAIN)
			continue;
		*ret_from = (enum hash_role)i;
		x->hashed += i == HASH_WORKER && n > 0;
		return n == 0 ? -EPIPE : n;
	}
	return 0;
}

uint64_t helpers_at(const struct helpers *x, enum hash_role role)
{
	return atomic_load(&x->pulses[role].id);
}

static bool has_work(const struct helpers *x, enum hash_role role)
{
	const struct hash_pulse *opener = &x->pulses[HASH_OPENER];

	if (role == HASH_WORKER)
		return atomic_load(&opener->passed) != x->hashed;
	return atomic_load(&opener->beats) != x->asked || atomic_load(&opener->id) != 0;
}

bool helpers_hang(struct helpers *x, uint64_t now_ns, uint64_t *ret_id)
{
	uint64_t beats;
	int i;

	reap(x);
	for (i = 0; i < HASH_ROLES && helpers_up(x); i++) {
		beats = atomic_load(&x->pulses[i].beats);
		if (beats != x->beats[i] || !has_work(x, (enum hash_role)i))
			x->since_ns[i] = now_ns;
		x->beats[i] = beats;
		if (now_ns - x->since_ns[i] < HELPERS_STALL_NS)
			continue;
		*ret_id = helpers_at(x, (enum hash_role)i);
		return true;
	}
	return false;
}
