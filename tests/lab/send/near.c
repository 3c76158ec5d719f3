/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * near.c: the ways that have no far end in another network namespace: vsock and TIPC by their
 * loopback, and the families that never leave a machine. A second thread reads what arrives and
 * the ways fail unless that is what was sent.
 */
#include <errno.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "way.h"

#define READ_MAX     (1U << 20)
#define TIPC_SERVICE 18888
#define NETLINK_MAX  4096

/* What the reading thread works on; a listener until somebody is accepted. */
struct reader {
	pthread_t thread;
	int fd;
	bool listens;
	uint64_t until, got;
};

static void *reader_run(void *arg)
{
	struct reader *r = arg;
	int fd = r->listens ? accept(r->fd, NULL, NULL) : r->fd;
	char *buf = malloc(READ_MAX);
	ssize_t n = 1;

	if (buf == NULL || fd < 0)
		lab_die("the reading end");
	while (n > 0 && r->got < r->until) {
		n = recv(fd, buf, READ_MAX, 0);
		if (n > 0)
			r->got += (uint64_t)n;
	}
	free(buf);
	if (r->listens)
		close(fd);
	return NULL;
}

static void reader_start(struct reader *r, const struct job *j)
{
	r->until = j->bytes;
	if (pthread_create(&r->thread, NULL, reader_run, r) != 0)
		lab_die("pthread_create");
}

static int reader_end(struct reader *r, struct job *j, int err)
{
	pthread_join(r->thread, NULL);
	if (err == 0 && r->got != j->sent) {
		errno = EIO;
		err = job_fail(j, "the reading end counted another sum");
	}
	return err;
}

static int64_t do_send(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, 0);
}

static int64_t do_sendto(const struct job *j, int fd, size_t n)
{
	return sendto(fd, j->buf, n, 0, (const struct sockaddr *)&j->to.ss, j->to.len);
}

/* TIPC's connect returns when it is accepted: the reading end waits for it. */
static int loop_run(struct job *j, struct reader *r, int fd, const void *to, socklen_t len)
{
	int err = 0;

	reader_start(r, j);
	if (connect(fd, to, len) < 0)
		err = job_lacks() || errno == EADDRNOTAVAIL || errno == ENETUNREACH
			      ? job_skip_errno(j, "connect by loopback")
			      : job_fail(j, "connect");
	if (err != 0) {
		pthread_cancel(r->thread);
		pthread_join(r->thread, NULL);
		return err;
	}
	job_ready(j);
	err = job_over(j, fd, "send", do_send);
	return reader_end(r, j, err);
}

/* Binds, listens, connects by the family's loopback, sends. */
static int loop(struct job *j, int family, int type, const void *bind_to, const void *to,
		socklen_t len)
{
	struct reader r = { .listens = true };
	int fd = -1, err = 0;

	r.fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (r.fd < 0)
		return job_lacks() ? job_skip_errno(j, "socket") : job_fail(j, "socket");
	if (bind(r.fd, bind_to, len) < 0 || listen(r.fd, 1) < 0)
		err = job_lacks() || errno == EADDRNOTAVAIL ? job_skip_errno(j, "listen")
							    : job_fail(j, "listen");
	if (err == 0)
		fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (err == 0 && fd < 0)
		err = job_fail(j, "socket");
	if (err == 0)
		err = loop_run(j, &r, fd, to, len);
	if (fd >= 0)
		close(fd);
	close(r.fd);
	return err;
}

/* CID 1 is the machine itself; the host, 2, is never asked. */
static int vsock_loop(struct job *j, int type)
{
	struct sockaddr_vm vm = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_LOCAL,
		.svm_port = ntohs(((const struct sockaddr_in *)&j->to.ss)->sin_port),
	};

	return loop(j, AF_VSOCK, type, &vm, &vm, sizeof(vm));
}

int vsock_stream(struct job *j)
{
	return vsock_loop(j, SOCK_STREAM);
}

int vsock_seqpacket(struct job *j)
{
	return vsock_loop(j, SOCK_SEQPACKET);
}

/* The far end of a datagram way is bound, not connected. */
static int bound(struct job *j, int family, int type, const void *bind_to, const void *to,
		 socklen_t len)
{
	struct reader r = { .listens = false };
	int fd, err = 0;

	r.fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (r.fd < 0)
		return job_lacks() ? job_skip_errno(j, "socket") : job_fail(j, "socket");
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		lab_die("socket");
	if (bind(r.fd, bind_to, len) < 0)
		err = job_lacks() || errno == EADDRNOTAVAIL ? job_skip_errno(j, "bind")
							    : job_fail(j, "bind");
	memcpy(&j->to.ss, to, len);
	j->to.len = len;
	if (err == 0) {
		job_ready(j);
		reader_start(&r, j);
		err = job_over(j, fd, "sendto", do_sendto);
		err = reader_end(&r, j, err);
	}
	close(fd);
	close(r.fd);
	return err;
}

int vsock_dgram(struct job *j)
{
	struct sockaddr_vm vm = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_LOCAL,
		.svm_port = ntohs(((const struct sockaddr_in *)&j->to.ss)->sin_port),
	};

	return bound(j, AF_VSOCK, SOCK_DGRAM, &vm, &vm, sizeof(vm));
}

/* A service of this node, named by the row's port. */
static void tipc_names(const struct job *j, struct sockaddr_tipc *at, struct sockaddr_tipc *to)
{
	unsigned int port = ntohs(((const struct sockaddr_in *)&j->to.ss)->sin_port);

	memset(at, 0, sizeof(*at));
	memset(to, 0, sizeof(*to));
	at->family = to->family = AF_TIPC;
	at->addrtype = TIPC_ADDR_NAMESEQ;
	at->scope = TIPC_NODE_SCOPE;
	at->addr.nameseq.type = TIPC_SERVICE;
	at->addr.nameseq.lower = at->addr.nameseq.upper = port;
	to->addrtype = TIPC_ADDR_NAME;
	to->addr.name.name.type = TIPC_SERVICE;
	to->addr.name.name.instance = port;
}

int tipc_stream(struct job *j)
{
	struct sockaddr_tipc at, to;

	tipc_names(j, &at, &to);
	return loop(j, AF_TIPC, SOCK_STREAM, &at, &to, sizeof(at));
}

int tipc_seqpacket(struct job *j)
{
	struct sockaddr_tipc at, to;

	tipc_names(j, &at, &to);
	return loop(j, AF_TIPC, SOCK_SEQPACKET, &at, &to, sizeof(at));
}

int tipc_rdm(struct job *j)
{
	struct sockaddr_tipc at, to;

	tipc_names(j, &at, &to);
	return bound(j, AF_TIPC, SOCK_RDM, &at, &to, sizeof(at));
}

static int unix_pair(struct job *j, int type)
{
	struct reader r = { .listens = false };
	int fd[2], err;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) < 0)
		return job_fail(j, "socketpair");
	job_ready(j);
	r.fd = fd[1];
	reader_start(&r, j);
	err = job_over(j, fd[0], "send", do_send);
	close(fd[0]);
	err = reader_end(&r, j, err);
	close(fd[1]);
	return err;
}

int unix_stream(struct job *j)
{
	return unix_pair(j, SOCK_STREAM);
}

int unix_dgram(struct job *j)
{
	return unix_pair(j, SOCK_DGRAM);
}

int unix_seqpacket(struct job *j)
{
	return unix_pair(j, SOCK_SEQPACKET);
}

/* Messages to the kernel that ask for nothing. */
int netlink_noop(struct job *j)
{
	struct nlmsghdr *h = (struct nlmsghdr *)j->buf;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = 0;

	if (fd < 0)
		return job_fail(j, "socket(AF_NETLINK)");
	if (j->chunk > NETLINK_MAX)
		j->chunk = NETLINK_MAX;
	job_ready(j);
	while (err == 0 && j->sent < j->bytes) {
		*h = (struct nlmsghdr){ .nlmsg_len = (__u32)job_next(j), .nlmsg_type = NLMSG_NOOP };
		err = job_count(j, "send", send(fd, h, job_next(j), 0));
	}
	close(fd);
	return err;
}

/* The kernel's own ciphers and hashes, for programs. */
int alg_hash(struct job *j)
{
	struct sockaddr_alg sa = { .salg_family = AF_ALG,
				   .salg_type = "hash",
				   .salg_name = "sha256" };
	int alg = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd = -1, err = 0;

	if (alg < 0)
		return job_lacks() ? job_skip_errno(j, "socket(AF_ALG)") : job_fail(j, "socket");
	if (bind(alg, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		err = job_lacks() ? job_skip_errno(j, "bind(sha256)") : job_fail(j, "bind");
	if (err == 0)
		fd = accept4(alg, NULL, NULL, SOCK_CLOEXEC);
	if (err == 0 && fd < 0)
		err = job_fail(j, "accept");
	while (err == 0 && j->sent < j->bytes)
		err = job_count(j, "send", send(fd, j->buf, job_next(j), MSG_MORE));
	if (fd >= 0)
		close(fd);
	close(alg);
	return err;
}
