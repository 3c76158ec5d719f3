/* SPDX-License-Identifier: BSD-2-Clause */
/* stream.c: streams with an option, a shape of call or a turn of their own. */
#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/tls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "way.h"

#define IOVECS 1024 /* the most that one call takes (UIO_MAXIOV) */
#define PAGE   4096

#ifndef AF_SMC
#define AF_SMC 43
#endif

static int64_t do_write(const struct job *j, int fd, size_t n)
{
	return write(fd, j->buf, n);
}

static int64_t do_iovecs(const struct job *j, int fd, size_t n)
{
	struct iovec iov[IOVECS];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = IOVECS };
	size_t i, each = n / IOVECS;

	for (i = 0; i < IOVECS; i++) {
		iov[i].iov_base = j->buf + i * each;
		iov[i].iov_len = i == IOVECS - 1 ? n - i * each : each;
	}
	return sendmsg(fd, &m, 0);
}

int tcp_iovecs(struct job *j)
{
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, "sendmsg", do_iovecs);
	close(fd);
	return err;
}

/* Behind the chunk comes memory that nobody may read: asked for is more than can be taken. */
static int64_t do_partial(const struct job *j, int fd, size_t n)
{
	unsigned char *start = j->buf + j->chunk - n;
	ssize_t ret = send(fd, start, n + PAGE, 0);

	/* Nothing fitted before the hole: the kernel copies by pieces of its own. */
	return ret < 0 && errno == EFAULT ? send(fd, start, n, 0) : ret;
}

int tcp_partial(struct job *j)
{
	size_t len = (j->chunk + PAGE - 1) / PAGE * PAGE;
	unsigned char *old = j->buf, *map;
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	map = mmap(NULL, len + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map + len, PAGE, PROT_NONE) < 0)
		lab_die("mmap");
	memcpy(map, old, j->chunk);
	j->buf = map + len - j->chunk;
	err = job_over(j, fd, "send", do_partial);
	j->buf = old;
	munmap(map, len + PAGE);
	close(fd);
	return err;
}

/* A socket that gets an option before it is connected. */
static int with_option(struct job *j, int name, const void *value, socklen_t len, const char *what)
{
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, false, &fd);

	if (err != 0)
		return err;
	if (setsockopt(fd, SOL_SOCKET, name, value, len) < 0)
		err = job_lacks() ? job_skip_errno(j, what) : job_fail(j, what);
	else if (connect(fd, (struct sockaddr *)&j->to.ss, j->to.len) < 0)
		err = job_fail(j, "connect");
	else
		err = job_over(j, fd, "write", do_write);
	close(fd);
	return err;
}

int tcp_mark(struct job *j)
{
	unsigned int mark = 0x2a;

	return with_option(j, SO_MARK, &mark, sizeof(mark), "setsockopt(SO_MARK)");
}

int tcp_bindtodevice(struct job *j)
{
	char name[IF_NAMESIZE];

	if (if_indextoname((unsigned int)job_interface(j), name) == NULL)
		return job_fail(j, "interface of the route");
	return with_option(j, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1,
			   "setsockopt(SO_BINDTODEVICE)");
}

/* The kernel's own asynchronous I/O, not the C library's. */
static int64_t do_aio(aio_context_t ctx, const struct job *j, int fd, size_t n)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (__u32)fd,
		.aio_buf = (__u64)(uintptr_t)j->buf,
		.aio_nbytes = n,
	};
	struct iocb *list[1] = { &cb };
	struct io_event ev;

	if (syscall(SYS_io_submit, ctx, 1L, list) != 1 ||
	    syscall(SYS_io_getevents, ctx, 1L, 1L, &ev, NULL) != 1)
		return -1;
	if (ev.res < 0)
		errno = (int)-ev.res;
	return ev.res < 0 ? -1 : ev.res;
}

int tcp_aio(struct job *j)
{
	aio_context_t ctx = 0;
	int fd, err;

	if (syscall(SYS_io_setup, 1L, &ctx) < 0)
		return job_lacks() ? job_skip_errno(j, "io_setup") : job_fail(j, "io_setup");
	err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);
	if (err == 0) {
		while (err == 0 && j->sent < j->bytes)
			err = job_count(j, "io_submit", do_aio(ctx, j, fd, job_next(j)));
		close(fd);
	}
	syscall(SYS_io_destroy, ctx);
	return err;
}

/* Half of it, then the same socket is led elsewhere and sends the other half. */
int tcp_reconnect(struct job *j)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct lab_addr second = job_second(j);
	uint64_t all = j->bytes, first;
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	j->bytes = all / 2;
	err = job_over(j, fd, "write", do_write);
	first = j->sent;
	/* A disconnect throws away what is not acknowledged; the far end must have read it. */
	if (err == 0 && shutdown(fd, SHUT_WR) < 0)
		err = job_fail(j, "shutdown");
	if (err == 0 && read(fd, &none, 1) != 0)
		err = job_fail(j, "wait for the far end");
	none.sa_family = AF_UNSPEC;
	if (err == 0 && (connect(fd, &none, sizeof(none)) < 0 ||
			 connect(fd, (struct sockaddr *)&second.ss, second.len) < 0))
		err = job_fail(j, "connect again");
	j->bytes = all;
	if (err == 0)
		err = job_over(j, fd, "write", do_write);
	job_part(j, &j->to, first, false);
	job_part(j, &second, j->sent - first, false);
	close(fd);
	return err;
}

/* Keys need not be secret here. The kernel only sends; nobody deciphers at the far end. */
int ktls_socket(struct job *j, int *ret_fd)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = { .version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
		.key = "fixed for a test",
	};
	int fd, err = job_socket(j, SOCK_STREAM, IPPROTO_TCP, true, &fd);

	if (err != 0)
		return err;
	if (setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) < 0)
		err = job_lacks() ? job_skip_errno(j, "TCP_ULP tls") : job_fail(j, "TCP_ULP tls");
	else if (setsockopt(fd, 282 /* SOL_TLS */, TLS_TX, &keys, sizeof(keys)) < 0)
		err = job_lacks() ? job_skip_errno(j, "TLS_TX") : job_fail(j, "TLS_TX");
	if (err != 0)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

static int64_t do_sendmsg(const struct job *j, int fd, size_t n)
{
	struct iovec iov = { .iov_base = j->buf, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return sendmsg(fd, &m, 0);
}

int ktls_sendmsg(struct job *j)
{
	int fd, err = ktls_socket(j, &fd);

	if (err != 0)
		return err;
	err = job_over(j, fd, "sendmsg", do_sendmsg);
	close(fd);
	return err;
}

/* Shared memory over the network, which falls back to TCP where the far end has none. */
int smc_write(struct job *j)
{
	int fd = socket(AF_SMC, SOCK_STREAM | SOCK_CLOEXEC, j->to.ss.ss_family == AF_INET6), err;

	if (fd < 0)
		return job_lacks() ? job_skip_errno(j, "socket(AF_SMC)") : job_fail(j, "socket");
	if (connect(fd, (struct sockaddr *)&j->to.ss, j->to.len) < 0)
		err = job_fail(j, "connect");
	else
		err = job_over(j, fd, "write", do_write);
	close(fd);
	return err;
}
