/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * way.h: a way by which bytes leave. Each sends job.bytes by its own count: what the kernel's
 * calls returned as accepted. send.c has the table; the files beside this one the bodies.
 */
#ifndef LAB_SEND_WAY_H
#define LAB_SEND_WAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../lib/lab.h"

struct job {
	struct lab_addr to;
	uint64_t bytes;
	size_t chunk; /* most bytes in one call; never 0 */
	bool wait;    /* for a line on stdin, when the socket stands and nothing was sent */
	unsigned int pause_us; /* before each call of the ways that stretch a transfer; 0: none */
	const char *way;
	unsigned char *buf; /* chunk bytes to send, page-aligned */
	uint64_t sent;
	uint64_t calls;	  /* that moved something */
	const char *skip; /* why this kernel cannot; then run returned WAY_SKIP */
	const char *what; /* the call that failed, when run returned another error */
};

#define WAY_SKIP (-4096) /* no errno is as large (include/linux/err.h, MAX_ERRNO) */

/* Bytes for the next call. */
size_t job_next(const struct job *j);
/* Adds what a call returned; 0 or -errno of the failed call. EINTR and nothing moved are fine. */
int job_count(struct job *j, const char *what, int64_t ret);
int job_skip(struct job *j, const char *why);
int job_fail(struct job *j, const char *what); /* -errno */
/* Last thing before the first send. */
void job_ready(struct job *j);
/* Waits until the socket can be written to, or has something in its error queue. */
int job_poll(struct job *j, int fd);

/* A socket to job.to; *ret_fd is the caller's. Without `connected` it only knows its family. */
int job_socket(struct job *j, int type, int proto, bool connected, int *ret_fd);

int tcp_write(struct job *j);
int tcp_send(struct job *j);
int tcp_writev(struct job *j);
int tcp_sendmsg(struct job *j);
int tcp_sendmmsg(struct job *j);
int tcp_sendfile(struct job *j);
int tcp_splice(struct job *j);
int tcp_zerocopy(struct job *j);
int tcp_fastopen(struct job *j);
int tcp_msgmore(struct job *j);
int tcp_cork(struct job *j);
int tcp_oob(struct job *j);
int tcp_nonblock(struct job *j);
int tcp_thread(struct job *j);
int mptcp_write(struct job *j);

int udp_send(struct job *j);
int udp_sendto(struct job *j);
int udp_write(struct job *j);
int udp_sendmsg(struct job *j);
int udp_sendmmsg(struct job *j);
int udp_gso(struct job *j);
int udp_cork(struct job *j);
int udplite_sendto(struct job *j);
int ping_sendto(struct job *j);
int raw_icmp(struct job *j);
int raw_ip(struct job *j);
int packet_raw(struct job *j);
int packet_dgram(struct job *j);

int uring_send(struct job *j);
int uring_async(struct job *j);
int uring_sqpoll(struct job *j);
int uring_sendzc(struct job *j);
int uring_sendmsg(struct job *j);
int uring_write(struct job *j);
int uring_udp(struct job *j);

#endif
