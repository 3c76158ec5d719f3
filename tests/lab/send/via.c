/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * via.c: through a proxy on this machine (--via): what this process sends stays on the loopback
 * device; the bytes that leave are the proxy's, and it says so itself.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "way.h"

static int64_t do_write(const struct job *j, int fd, size_t n)
{
	return write(fd, j->buf, n);
}

static int via_connect(struct job *j, int *ret_fd)
{
	int fd, err;

	if (j->via.len == 0)
		lab_usage("--via: this way needs a proxy");
	fd = socket(j->via.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return job_fail(j, "socket");
	if (connect(fd, (struct sockaddr *)&j->via.ss, j->via.len) < 0) {
		err = job_fail(j, "connect to the proxy");
		close(fd);
		return err;
	}
	job_ready(j);
	*ret_fd = fd;
	return 0;
}

/* The request, which only the loopback device sees; then the answer, up to its end. */
static int ask(struct job *j, int fd, const void *request, size_t len, const char *end,
	       size_t end_len, uint64_t *asked)
{
	char answer[512];
	size_t got = 0;
	ssize_t n;

	n = write(fd, request, len);
	if (n != (ssize_t)len)
		return job_fail(j, "ask the proxy");
	*asked += (uint64_t)n;
	while (got < end_len || memcmp(answer + got - end_len, end, end_len) != 0) {
		n = got < sizeof(answer) ? read(fd, answer + got, 1) : 0;
		if (n <= 0)
			return job_fail(j, "the proxy's answer");
		got += (size_t)n;
	}
	return 0;
}

/* Waits until the proxy has passed all on and closed: then it has said what it sent. */
static int finish(struct job *j, int fd, uint64_t asked, int err)
{
	char c;

	if (err == 0)
		err = job_over(j, fd, "write", do_write);
	if (err == 0 && (shutdown(fd, SHUT_WR) < 0 || read(fd, &c, 1) != 0))
		err = job_fail(j, "wait for the proxy");
	job_part(j, &j->via, j->sent + asked, true);
	close(fd);
	return err;
}

int via_relay(struct job *j)
{
	int fd, err = via_connect(j, &fd);

	return err != 0 ? err : finish(j, fd, 0, 0);
}

static void target_text(const struct job *j, char *buf, size_t size)
{
	char ip[64];
	uint16_t port;

	lab_addr_text(&j->to, ip, sizeof(ip), &port);
	snprintf(buf, size, strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u", ip, port);
}

int via_http(struct job *j)
{
	char target[80], request[200];
	uint64_t asked = 0;
	int fd, err = via_connect(j, &fd);

	if (err != 0)
		return err;
	target_text(j, target, sizeof(target));
	snprintf(request, sizeof(request), "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target,
		 target);
	err = ask(j, fd, request, strlen(request), "\r\n\r\n", 4, &asked);
	return finish(j, fd, asked, err);
}

/* RFC 1928: no authentication, CONNECT, an address. */
int via_socks5(struct job *j)
{
	static const unsigned char hello[] = { 5, 1, 0 }, fine[] = { 5, 0 };
	static const unsigned char done[] = { 0, 0, 0, 0, 0, 0 }; /* bound address and port */
	const struct sockaddr_in *in = (const struct sockaddr_in *)&j->to.ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&j->to.ss;
	bool v4 = j->to.ss.ss_family == AF_INET;
	unsigned char request[22] = { 5, 1, 0, v4 ? 1 : 4 };
	size_t n = v4 ? 4 : 16;
	uint64_t asked = 0;
	int fd, err = via_connect(j, &fd);

	if (err != 0)
		return err;
	memcpy(request + 4, v4 ? (const void *)&in->sin_addr : &in6->sin6_addr, n);
	memcpy(request + 4 + n, &in->sin_port, 2);
	err = ask(j, fd, hello, sizeof(hello), (const char *)fine, sizeof(fine), &asked);
	if (err == 0)
		err = ask(j, fd, request, 6 + n, (const char *)done, sizeof(done), &asked);
	return finish(j, fd, asked, err);
}
