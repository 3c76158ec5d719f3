/* SPDX-License-Identifier: BSD-2-Clause */
/* uring.c: the ways through io_uring: in the caller, in a worker, in the polling thread. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring.h"

#define ENTRIES	      64
#define DATAGRAM      65507
#define NOTIF_WAIT_MS 10000

static void prep_send(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_send(sqe, fd, j->buf, job_next(j), 0);
}

static void prep_sendzc(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_send_zc(sqe, fd, j->buf, job_next(j), 0, 0);
}

static void prep_write(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_write(sqe, fd, j->buf, (unsigned int)job_next(j), 0);
}

static void prep_sendmsg(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	p->iov = (struct iovec){ .iov_base = j->buf, .iov_len = job_next(j) };
	p->msg = (struct msghdr){ .msg_iov = &p->iov, .msg_iovlen = 1 };
	io_uring_prep_sendmsg(sqe, fd, &p->msg, 0);
}

static void prep_sendmsg_to(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	prep_sendmsg(sqe, j, p, fd);
	p->msg.msg_name = &j->to.ss;
	p->msg.msg_namelen = j->to.len;
}

static void prep_sendmsgzc(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	prep_sendmsg(sqe, j, p, fd);
	io_uring_prep_sendmsg_zc(sqe, fd, &p->msg, 0);
}

static void prep_writev(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	p->iov = (struct iovec){ .iov_base = j->buf, .iov_len = job_next(j) };
	io_uring_prep_writev(sqe, fd, &p->iov, 1, 0);
}

static void prep_writefixed(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_write_fixed(sqe, fd, j->buf, (unsigned int)job_next(j), 0, 0);
}

static void prep_zcfixed(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	(void)p;
	io_uring_prep_send_zc_fixed(sqe, fd, j->buf, job_next(j), 0, 0, 0);
}

static void prep_sendto(struct io_uring_sqe *sqe, struct job *j, struct pending *p, int fd)
{
	prep_send(sqe, j, p, fd);
	io_uring_prep_send_set_addr(sqe, (struct sockaddr *)&j->to.ss, (uint16_t)j->to.len);
}

int ring_take(struct job *j, struct io_uring *ring, const char *what, unsigned int *notifs,
	      bool *result)
{
	struct __kernel_timespec t = { .tv_sec = NOTIF_WAIT_MS / 1000 };
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe_timeout(ring, &cqe, &t);

	if (err < 0) {
		errno = -err;
		return err == -EINTR ? 0 : job_fail(j, "io_uring_wait_cqe");
	}
	if (cqe->flags & IORING_CQE_F_NOTIF) {
		(*notifs)--;
	} else {
		*notifs += (cqe->flags & IORING_CQE_F_MORE) != 0;
		*result = true;
		if (cqe->res < 0)
			errno = -cqe->res;
		err = job_count(j, what, cqe->res);
	}
	io_uring_cqe_seen(ring, cqe);
	return err;
}

/* One in flight at a time: a stream's pieces must not overtake each other. */
int ring_over(struct job *j, const struct ring_way *w, struct io_uring *ring, int fd)
{
	struct pending p;
	struct io_uring_sqe *sqe;
	unsigned int notifs = 0;
	bool result;
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		sqe = io_uring_get_sqe(ring);
		if (sqe == NULL)
			lab_usage("the submission queue is full with one entry in flight");
		w->prep(sqe, j, &p, fd);
		sqe->flags |= (uint8_t)w->sqe_flags;
		errno = 0;
		if (io_uring_submit(ring) < 0)
			return job_fail(j, "io_uring_submit");
		for (result = false; err == 0 && !result;)
			err = ring_take(j, ring, w->what, &notifs, &result);
	}
	while (err == 0 && notifs > 0)
		err = ring_take(j, ring, w->what, &notifs, &result);
	return err;
}

int ring_open(struct job *j, const struct ring_way *w, struct io_uring *ring)
{
	struct io_uring_probe *probe;
	bool able;
	int err = io_uring_queue_init(ENTRIES, ring, w->setup);

	if (err < 0)
		return job_skip(j, strerror(-err));
	probe = io_uring_get_probe_ring(ring);
	able = probe != NULL && io_uring_opcode_supported(probe, w->op);
	io_uring_free_probe(probe);
	if (able)
		return 0;
	io_uring_queue_exit(ring);
	return job_skip(j, "this kernel's io_uring lacks the operation");
}

static int register_buffer(struct job *j, struct io_uring *ring)
{
	struct iovec iov = { .iov_base = j->buf, .iov_len = j->chunk };
	int err = io_uring_register_buffers(ring, &iov, 1);

	errno = -err;
	/* ENOMEM: this user may not lock so much memory. */
	if (err == -ENOMEM)
		return job_skip_errno(j, "io_uring_register_buffers");
	return err < 0 ? job_fail(j, "io_uring_register_buffers") : 0;
}

static int register_file(struct job *j, struct io_uring *ring, int fd)
{
	int err = io_uring_register_files(ring, &fd, 1);

	errno = -err;
	return err < 0 ? job_fail(j, "io_uring_register_files") : 0;
}

static int ring_run(struct job *j, const struct ring_way *w)
{
	struct io_uring ring;
	int fd = -1, err = ring_open(j, w, &ring);

	if (err != 0)
		return err;
	if (w->datagram && j->chunk > DATAGRAM)
		j->chunk = DATAGRAM;
	err = w->datagram ? job_socket(j, SOCK_DGRAM, IPPROTO_UDP, false, &fd)
			  : job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	if (err == 0 && w->fixed_buf)
		err = register_buffer(j, &ring);
	if (err == 0 && w->fixed_file)
		err = register_file(j, &ring, fd);
	if (err == 0)
		err = ring_over(j, w, &ring, w->fixed_file ? 0 : fd);
	io_uring_queue_exit(&ring);
	if (fd >= 0)
		close(fd);
	return err;
}

int uring_send(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND",
				   .op = IORING_OP_SEND,
				   .prep = prep_send,
			   });
}

int uring_async(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND",
				   .op = IORING_OP_SEND,
				   .prep = prep_send,
				   .sqe_flags = IOSQE_ASYNC,
			   });
}

int uring_sqpoll(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND",
				   .op = IORING_OP_SEND,
				   .prep = prep_send,
				   .setup = IORING_SETUP_SQPOLL,
			   });
}

int uring_sendzc(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND_ZC",
				   .op = IORING_OP_SEND_ZC,
				   .prep = prep_sendzc,
			   });
}

int uring_sendmsg(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SENDMSG",
				   .op = IORING_OP_SENDMSG,
				   .prep = prep_sendmsg,
			   });
}

int uring_sendmsgzc(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SENDMSG_ZC",
				   .op = IORING_OP_SENDMSG_ZC,
				   .prep = prep_sendmsgzc,
			   });
}

int uring_write(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_WRITE",
				   .op = IORING_OP_WRITE,
				   .prep = prep_write,
			   });
}

int uring_writev(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_WRITEV",
				   .op = IORING_OP_WRITEV,
				   .prep = prep_writev,
			   });
}

int uring_fixedbuf(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_WRITE_FIXED",
				   .op = IORING_OP_WRITE_FIXED,
				   .prep = prep_writefixed,
				   .fixed_buf = true,
			   });
}

int uring_zcfixed(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND_ZC",
				   .op = IORING_OP_SEND_ZC,
				   .prep = prep_zcfixed,
				   .fixed_buf = true,
			   });
}

int uring_fixedfile(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND",
				   .op = IORING_OP_SEND,
				   .prep = prep_send,
				   .sqe_flags = IOSQE_FIXED_FILE,
				   .fixed_file = true,
			   });
}

int uring_udp(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SENDMSG",
				   .op = IORING_OP_SENDMSG,
				   .prep = prep_sendmsg_to,
				   .datagram = true,
			   });
}

int uring_udp_async(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SENDMSG",
				   .op = IORING_OP_SENDMSG,
				   .prep = prep_sendmsg_to,
				   .sqe_flags = IOSQE_ASYNC,
				   .datagram = true,
			   });
}

int uring_udp_sqpoll(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SENDMSG",
				   .op = IORING_OP_SENDMSG,
				   .prep = prep_sendmsg_to,
				   .setup = IORING_SETUP_SQPOLL,
				   .datagram = true,
			   });
}

int uring_sendto(struct job *j)
{
	return ring_run(j, &(struct ring_way){
				   .what = "IORING_OP_SEND",
				   .op = IORING_OP_SEND,
				   .prep = prep_sendto,
				   .datagram = true,
			   });
}
