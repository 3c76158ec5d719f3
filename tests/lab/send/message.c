/* SPDX-License-Identifier: BSD-2-Clause */
/* message.c: streams and datagrams of the transports beside TCP and UDP: SCTP and DCCP. */
#include <errno.h>
#include <netinet/in.h>
#include <unistd.h>

#include "way.h"

#ifndef SOL_DCCP
#define SOL_DCCP 269
#endif
#define DCCP_SOCKOPT_SERVICE 2	/* linux/dccp.h, which does not agree with netinet/in.h */
#define DCCP_SERVICE_LAB     42 /* what recv listens for */
#define DCCP_PACKET	     1400

static int64_t do_send(const struct job *j, int fd, size_t n)
{
	return send(fd, j->buf, n, 0);
}

static int64_t do_sendto(const struct job *j, int fd, size_t n)
{
	return sendto(fd, j->buf, n, 0, (const struct sockaddr *)&j->to.ss, j->to.len);
}

int sctp_send(struct job *j)
{
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_SCTP, true, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, "send", do_send);
	close(fd);
	return err;
}

/* One socket for many peers: the first message to one makes the association. */
int sctp_many(struct job *j)
{
	int fd, err = job_socket(j, SOCK_SEQPACKET, IPPROTO_SCTP, false, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, "sendto", do_sendto);
	close(fd);
	return err;
}

int dccp_send(struct job *j)
{
	unsigned int service = htonl(DCCP_SERVICE_LAB);
	int fd, err = job_socket(j, SOCK_DCCP, IPPROTO_DCCP, false, &fd);
	ssize_t n;

	if (err != 0)
		return err;
	if (j->chunk > DCCP_PACKET)
		j->chunk = DCCP_PACKET;
	if (setsockopt(fd, SOL_DCCP, DCCP_SOCKOPT_SERVICE, &service, sizeof(service)) < 0)
		err = job_fail(j, "setsockopt(DCCP_SOCKOPT_SERVICE)");
	else if (connect(fd, (struct sockaddr *)&j->to.ss, j->to.len) < 0)
		err = job_fail(j, "connect");
	while (err == 0 && j->sent < j->bytes) {
		n = send(fd, j->buf, job_next(j), 0);
		err = n < 0 && errno == EAGAIN ? job_poll(j, fd) : job_count(j, "send", n);
	}
	close(fd);
	return err;
}
