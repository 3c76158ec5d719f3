/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/namer.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "intake/names_child.h"
#include "intake/ring.h"

#include "base/poison.h"

/* Between two begins of one that ends at once, doubled each time. */
#define PAUSE_FIRST_NS 1000000000ULL
#define PAUSE_MAX_NS   60000000000ULL
/* Something waits and nothing was read for so long: it hangs. */
#define HANG_NS	       5000000000ULL

struct namer {
	int ring_fd, epfd;
	size_t bytes;
	int started; /* 1: one is to be there */
	int sock;    /* -1: none is */
	pid_t pid;
	pid_t dying; /* killed and not yet reaped; 0: none */
	uint64_t again_ns, pause_ns;
	struct ring ring;      /* to see how far it has come */
	unsigned long read_to; /* there, when looked at last */
	uint64_t read_ns;      /* it moved, or nothing waited */
	struct namer_stats stats;
	_Alignas(8) uint8_t message[NAMES_BATCH];
};

int namer_new(int ring_fd, size_t bytes, struct namer **ret)
{
	struct namer *n = calloc(1, sizeof(*n));
	int err;

	if (n == NULL)
		return -ENOMEM;
	n->ring_fd = ring_fd;
	n->bytes = bytes;
	n->sock = -1;
	n->pause_ns = PAUSE_FIRST_NS;
	err = ring_open(ring_fd, bytes, &n->ring);
	if (err < 0)
		goto out;
	n->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (n->epfd < 0) {
		err = -errno;
		ring_close(&n->ring);
		goto out;
	}
	*ret = n;
	return 0;
out:
	free(n);
	return err;
}

static void end(struct namer *n)
{
	if (n->sock >= 0)
		(void)close(n->sock);
	n->sock = -1;
	if (n->pid > 0)
		(void)kill(n->pid, SIGKILL);
	n->dying = n->pid > 0 ? n->pid : n->dying;
	n->pid = 0;
	if (n->dying > 0 && waitpid(n->dying, NULL, WNOHANG) != 0)
		n->dying = 0;
}

void namer_free(struct namer *n)
{
	if (n == NULL)
		return;
	end(n);
	(void)close(n->epfd);
	ring_close(&n->ring);
	free(n);
}

static int begin(struct namer *n)
{
	char name[] = NAMES_CHILD_NAME, bytes[24];
	struct epoll_event ev = { .events = EPOLLIN };
	int socks[2] = { -1, -1 }, ring = child_fd_high(n->ring_fd), err = ring;

	(void)snprintf(bytes, sizeof(bytes), "%zu", n->bytes);
	if (err >= 0)
		err = child_pair(socks);
	if (err == 0) {
		int fds[] = { socks[1], ring };

		err = child_spawn(name, bytes, fds, 2, &n->pid);
	}
	if (ring >= 0)
		(void)close(ring);
	if (socks[1] >= 0)
		(void)close(socks[1]);
	n->sock = socks[0];
	if (err == 0 && epoll_ctl(n->epfd, EPOLL_CTL_ADD, n->sock, &ev) < 0)
		err = -errno;
	if (err < 0)
		end(n);
	n->stats.begun += err == 0;
	return err;
}

void namer_start(struct namer *n)
{
	n->started = 1;
	namer_tick(n, 0);
}

/* Stopped by somebody who may, or caught in something: nobody else reads what it should. */
static bool hangs(struct namer *n, uint64_t now_ns)
{
	unsigned long at = ring_position(&n->ring);

	if (at != n->read_to || !ring_waits(&n->ring) || n->sock < 0) {
		n->read_to = at;
		n->read_ns = now_ns;
	}
	return now_ns - n->read_ns > HANG_NS;
}

void namer_tick(struct namer *n, uint64_t now_ns)
{
	int err;

	if (hangs(n, now_ns)) {
		log_warn("the process that reads names hangs: it is ended, and begun again");
		end(n);
	}
	if (n->dying > 0)
		end(n);
	if (!n->started || n->sock >= 0 || n->dying > 0 || now_ns < n->again_ns)
		return;
	err = begin(n);
	if (err < 0)
		log_warnerr(err, "names of far ends are not read: the process for it cannot be "
				 "begun; tried again");
	n->again_ns = now_ns + n->pause_ns;
	if (n->pause_ns < PAUSE_MAX_NS)
		n->pause_ns *= 2;
}

int namer_fd(const struct namer *n)
{
	return n->epfd;
}

/* What it may tell: the rest is not its to say. */
static int acceptable(const void *buf, size_t size)
{
	struct event ev;

	if (decode(buf, size, &ev) < 0 || ((const struct of_rec_hdr *)buf)->len != size)
		return 0;
	if (ev.kind == OF_REC_DNS)
		return (ev.dns->flags & OF_DNS_KEPT) == 0;
	return ev.kind == OF_REC_FLOW && (ev.flow->flags & OF_FLOW_KEPT) == 0;
}

static void hear(struct namer *n, const void *buf, size_t size, intake_raw_fn *fn, void *arg)
{
	const struct of_rec_hdr *hdr = buf;

	n->stats.records++;
	if (!acceptable(buf, size)) {
		n->stats.refused++;
		return;
	}
	n->pause_ns = PAUSE_FIRST_NS; /* it works */
	if (hdr->kind == OF_REC_FLOW &&
	    (((const struct of_rec_flow *)buf)->flags & (OF_FLOW_INVALID | OF_FLOW_LOST)))
		n->stats.unread++;
	if (hdr->err == -ENOBUFS)
		n->stats.forgotten++;
	else if (hdr->err < 0)
		n->stats.unread++;
	else
		(void)fn(arg, hdr, size);
}

/* The records of a message. Returns how many. */
static int hear_all(struct namer *n, size_t size, intake_raw_fn *fn, void *arg)
{
	const struct of_rec_hdr *hdr;
	size_t at;
	int i = 0;

	for (at = 0; at < size; at += NAMES_ALIGN(hdr->len)) {
		hdr = (const struct of_rec_hdr *)(const void *)(n->message + at);
		if (size - at < sizeof(*hdr) || hdr->len < sizeof(*hdr) || hdr->len > size - at) {
			n->stats.refused++;
			break;
		}
		hear(n, hdr, hdr->len, fn, arg);
		i++;
	}
	return i;
}

int namer_drain(struct namer *n, int budget, intake_raw_fn *fn, void *arg)
{
	ssize_t size;
	int i = 0;

	while (i < budget && n->sock >= 0) {
		size = recv(n->sock, n->message, sizeof(n->message), MSG_DONTWAIT);
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (size <= 0) {
			log_warn("the process that reads names has ended, and is begun again");
			end(n);
			break;
		}
		i += hear_all(n, (size_t)size, fn, arg);
	}
	return i;
}

struct namer_stats namer_stats(const struct namer *n)
{
	struct namer_stats s = n->stats;

	s.up = n->sock >= 0;
	return s;
}
