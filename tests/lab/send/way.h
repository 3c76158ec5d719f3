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

#define PARTS_MAX 4 /* most destinations of one way */

/* Bytes that belong somewhere else than all to job.to. */
struct part {
	struct lab_addr to;
	uint64_t sent;
	bool self; /* to an address of this machine */
};

struct job {
	struct lab_addr to;
	struct lab_addr via; /* a proxy; without a family: none */
	uint64_t bytes;
	size_t chunk; /* most bytes in one call; never 0 */
	bool wait;    /* for a line on stdin, when the socket stands and nothing was sent */
	unsigned int pause_us; /* before each call of the ways that stretch a transfer; 0: none */
	const char *way;
	unsigned char *buf; /* chunk bytes to send, page-aligned */
	uint64_t sent;
	uint64_t calls; /* that moved something */
	uint64_t wire;	/* what the far end counts, where that is not `sent` */
	struct part part[PARTS_MAX];
	size_t parts;	  /* 0: all of it went to job.to */
	const char *skip; /* why this kernel cannot; then run returned WAY_SKIP */
	char why[160];	  /* where such a reason is put together */
	const char *what; /* the call that failed, when run returned another error */
};

#define IPPROTO_EXPERIMENT 253 /* RFC 3692 section 2.1 */

#define WAY_SKIP (-4096) /* no errno is as large (include/linux/err.h, MAX_ERRNO) */

/* Bytes for the next call. */
size_t job_next(const struct job *j);
/* Adds what a call returned; 0 or -errno of the failed call. EINTR and nothing moved are fine. */
int job_count(struct job *j, const char *what, int64_t ret);
int job_skip(struct job *j, const char *why);
/* The reason is the call and what errno says of it. */
int job_skip_errno(struct job *j, const char *call);
void job_part(struct job *j, const struct lab_addr *to, uint64_t sent, bool self);
int job_fail(struct job *j, const char *what); /* -errno */
/* Last thing before the first send. */
void job_ready(struct job *j);
/* Waits until the socket can be written to, or has something in its error queue. */
int job_poll(struct job *j, int fd);

/* Whether errno tells of a kernel that was built or set up without this, or of a missing right. */
bool job_lacks(void);
/* Sends by `fn` until all is sent; it returns what a call of the send family does. */
typedef int64_t job_fn(const struct job *j, int fd, size_t n);
int job_over(struct job *j, int fd, const char *what, job_fn *fn);
/* Index of the interface that the route to job.to leaves by; 0: none. */
int job_interface(const struct job *j);
/* The next port of the same address: a row of the lab has both for itself. */
struct lab_addr job_second(const struct job *j);

/* A socket to job.to; *ret_fd is the caller's. Without `connected` it only knows its family. */
int job_socket(struct job *j, int type, int proto, bool connected, int *ret_fd);

/* A file in memory that holds one chunk; the caller's. */
int job_chunk_file(struct job *j, int *ret_fd);
/* A TCP socket that encrypts by itself; the caller's. */
int ktls_socket(struct job *j, int *ret_fd);

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
int tcp_vmsplice(struct job *j);
int tcp_tee(struct job *j);
int mptcp_sendfile(struct job *j);
int tcp_iovecs(struct job *j);
int tcp_partial(struct job *j);
int tcp_mark(struct job *j);
int tcp_bindtodevice(struct job *j);
int tcp_aio(struct job *j);
int tcp_reconnect(struct job *j);
int ktls_sendmsg(struct job *j);
int ktls_sendfile(struct job *j);
int smc_write(struct job *j);
int sctp_send(struct job *j);
int sctp_many(struct job *j);
int dccp_send(struct job *j);
int via_relay(struct job *j);
int via_http(struct job *j);
int via_socks5(struct job *j);

int udp_send(struct job *j);
int udp_sendto(struct job *j);
int udp_write(struct job *j);
int udp_sendmsg(struct job *j);
int udp_sendmmsg(struct job *j);
int udp_gso(struct job *j);
int udp_msgmore(struct job *j);
int udp_cork(struct job *j);
int udp_cork_to(struct job *j);
int udp_cork_moved(struct job *j);
int udp_sendfile(struct job *j);
int udp_sendmmsg_1000(struct job *j);
int udp_sendmmsg_two(struct job *j);
int udp_gso_cmsg(struct job *j);
int udp_cmsg(struct job *j);
int udp_other(struct job *j);
int udp_quic(struct job *j);
int udp_threads(struct job *j);
int udp_multicast(struct job *j);
int udp_broadcast(struct job *j);
int udplite_sendto(struct job *j);
int ping_sendto(struct job *j);
int raw_icmp(struct job *j);
int ping_connected(struct job *j);
int raw_ip(struct job *j);
int raw_connected(struct job *j);
int raw_hdrincl(struct job *j);
int raw_sendfile(struct job *j);
int packet_raw(struct job *j);
int packet_dgram(struct job *j);
int packet_bypass(struct job *j);
int packet_txring2(struct job *j);
int packet_txring3(struct job *j);

int vsock_stream(struct job *j);
int vsock_seqpacket(struct job *j);
int vsock_dgram(struct job *j);
int tipc_stream(struct job *j);
int tipc_seqpacket(struct job *j);
int tipc_rdm(struct job *j);
int unix_stream(struct job *j);
int unix_dgram(struct job *j);
int unix_seqpacket(struct job *j);
int netlink_noop(struct job *j);
int alg_hash(struct job *j);

int uring_send(struct job *j);
int uring_async(struct job *j);
int uring_sqpoll(struct job *j);
int uring_sendzc(struct job *j);
int uring_sendmsg(struct job *j);
int uring_write(struct job *j);
int uring_writev(struct job *j);
int uring_splice(struct job *j);
int uring_sendmsgzc(struct job *j);
int uring_fixedbuf(struct job *j);
int uring_zcfixed(struct job *j);
int uring_fixedfile(struct job *j);
int uring_linked(struct job *j);
int uring_connect(struct job *j);
int uring_direct(struct job *j);
int uring_udp(struct job *j);
int uring_udp_async(struct job *j);
int uring_udp_sqpoll(struct job *j);
int uring_sendto(struct job *j);

#endif
