/* SPDX-License-Identifier: BSD-2-Clause */
/* pass.c: sockets and requests that go from one process to another. */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "who.h"

#define THREADS 4

static void give(int over, int fd)
{
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = "!", .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(over, &m, 0) != 1)
		lab_die("give a socket");
}

static int get(int over)
{
	_Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl)
	};
	int fd;

	if (recvmsg(over, &m, MSG_CMSG_CLOEXEC) != 1 || CMSG_FIRSTHDR(&m) == NULL)
		lab_die("get a socket");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* The child is there before the socket is: it has it from nowhere else. */
int who_scm_rights(struct who *w)
{
	struct maker me = { getpid(), "who" };
	int over[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, over) < 0)
		lab_die("socketpair");
	pid = who_fork();
	if (pid == 0) {
		who_claim_child(w, getpid(), who_send(get(over[1]), w->bytes), me);
		_exit(0);
	}
	give(over[0], who_connect(w));
	who_wait(pid);
	return 0;
}

/* Taken from a child that only waits for its end. */
int who_pidfd_getfd(struct who *w)
{
	struct lab_post mine = {
		.way = w->way, .pid = getpid(), .chain = &w->chain, .creator_name = "who"
	};
	int tell[2], pidfd, fd, theirs;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, tell) < 0)
		lab_die("socketpair");
	pid = who_fork();
	if (pid == 0) {
		close(tell[0]);
		fd = who_connect(w);
		if (write(tell[1], &fd, sizeof(fd)) != sizeof(fd) || read(tell[1], &fd, 1) != 0)
			lab_die("tell the number");
		_exit(0);
	}
	close(tell[1]);
	if (read(tell[0], &theirs, sizeof(theirs)) != sizeof(theirs))
		lab_die("hear the number");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	fd = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	if (fd < 0)
		return who_skip(w, "pidfd_getfd");
	mine.creator = pid;
	mine.sent = who_send(fd, w->bytes);
	lab_post(&mine);
	close(tell[0]);
	who_wait(pid);
	return 0;
}

struct part {
	pthread_t thread;
	int fd;
	uint64_t bytes, sent;
};

static void *part_run(void *arg)
{
	struct part *p = arg;

	p->sent = who_send(p->fd, p->bytes);
	return NULL;
}

int who_threads(struct who *w)
{
	struct lab_post mine = { .way = w->way, .pid = getpid(), .chain = &w->chain };
	struct part parts[THREADS];
	int i, fd = who_connect(w);

	for (i = 0; i < THREADS; i++) {
		parts[i] = (struct part){ .fd = fd, .bytes = w->bytes / THREADS };
		if (i == 0)
			parts[i].bytes += w->bytes % THREADS;
		if (pthread_create(&parts[i].thread, NULL, part_run, &parts[i]) != 0)
			lab_die("pthread_create");
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(parts[i].thread, NULL);
		mine.sent += parts[i].sent;
	}
	lab_post(&mine);
	return 0;
}

struct alone {
	struct who *w;
	pthread_t leader;
	int fd;
};

static void *alone_run(void *arg)
{
	struct alone *a = arg;
	struct lab_post mine = { .way = a->w->way, .pid = getpid(), .chain = &a->w->chain };

	pthread_join(a->leader, NULL);
	mine.sent = who_send(a->fd, a->w->bytes);
	lab_post(&mine);
	_exit(0);
}

/* The first thread ends: what is left of it is only a number. */
int who_thread_alone(struct who *w)
{
	static struct alone a;
	static struct who kept;
	pthread_t t;

	kept = *w; /* the stack of the leader may go with it */
	a = (struct alone){ .w = &kept, .leader = pthread_self(), .fd = who_connect(w) };
	if (pthread_create(&t, NULL, alone_run, &a) != 0)
		lab_die("pthread_create");
	pthread_exit(NULL);
}

/* Who submits is who sends, whoever set up the ring. */
static uint64_t submit(struct io_uring *ring, int fd, uint64_t n)
{
	static char chunk[16384];
	struct io_uring_cqe *cqe;
	uint64_t sent = 0;

	while (sent < n) {
		uint64_t left = n - sent;

		io_uring_prep_send(io_uring_get_sqe(ring), fd, chunk,
				   left < sizeof(chunk) ? left : sizeof(chunk), 0);
		if (io_uring_submit_and_wait(ring, 1) < 0 || io_uring_peek_cqe(ring, &cqe) < 0)
			lab_die("io_uring_submit");
		errno = cqe->res < 0 ? -cqe->res : 0;
		if (cqe->res < 0)
			lab_die("IORING_OP_SEND");
		sent += (uint64_t)cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	return sent;
}

int who_ring_inherited(struct who *w)
{
	struct maker me = { getpid(), "who" };
	struct io_uring ring;
	int fd, err = io_uring_queue_init(8, &ring, 0);
	pid_t pid;

	errno = -err;
	if (err < 0)
		return who_skip(w, "io_uring_setup");
	fd = who_connect(w);
	pid = who_fork();
	if (pid == 0) {
		who_claim_child(w, getpid(), submit(&ring, fd, w->bytes), me);
		_exit(0);
	}
	who_wait(pid);
	io_uring_queue_exit(&ring);
	return 0;
}

/* A service that starts programs for whoever asks at its socket, and one that asks. */
int who_deputy(struct who *w)
{
	struct payer p = { .path = w->payer, .fd = -1, .bytes = w->bytes };
	struct lab_chain chain = w->chain;
	int over[2];
	pid_t deputy, client;
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, over) < 0)
		lab_die("socketpair");
	deputy = who_fork();
	if (deputy == 0) {
		if (read(over[1], &c, 1) != 1)
			lab_die("read the request");
		lab_chain_add(&chain, "who", getpid());
		client = who_fork();
		if (client == 0)
			who_become(w, &chain, &p);
		who_wait(client);
		_exit(0);
	}
	client = who_fork();
	if (client == 0)
		_exit(write(over[0], "!", 1) != 1);
	who_wait(client);
	who_wait(deputy);
	return 0;
}
