/* SPDX-License-Identifier: BSD-2-Clause */
/* job.c: counting, sockets and waiting, for every way. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "way.h"

size_t job_next(const struct job *j)
{
	uint64_t left = j->bytes - j->sent;

	return left < j->chunk ? (size_t)left : j->chunk;
}

int job_count(struct job *j, const char *what, int64_t ret)
{
	if (ret < 0)
		return errno == EINTR ? 0 : job_fail(j, what);
	j->sent += (uint64_t)ret;
	j->calls += ret > 0;
	return 0;
}

int job_skip(struct job *j, const char *why)
{
	j->skip = why;
	return WAY_SKIP;
}

int job_fail(struct job *j, const char *what)
{
	j->what = what;
	return -errno;
}

void job_ready(struct job *j)
{
	if (!j->wait)
		return;
	j->wait = false;
	printf("{\"way\":\"%s\",\"pid\":%d,\"waiting\":true}\n", j->way, getpid());
	lab_flush();
	lab_wait_line();
}

int job_poll(struct job *j, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, -1) < 0 && errno != EINTR ? job_fail(j, "poll") : 0;
}

/* What the kernel says when it was built or set up without a protocol or a right. */
static bool missing(int err)
{
	return err == EPROTONOSUPPORT || err == ESOCKTNOSUPPORT || err == EAFNOSUPPORT ||
	       err == ENOPROTOOPT || err == EPERM || err == EACCES;
}

int job_socket(struct job *j, int type, int proto, bool connected, int *ret_fd)
{
	int fd = socket(j->to.ss.ss_family, type | SOCK_CLOEXEC, proto);

	if (fd < 0)
		return missing(errno) ? job_skip(j, "this kernel or user has no such socket")
				      : job_fail(j, "socket");
	if (connected && connect(fd, (struct sockaddr *)&j->to.ss, j->to.len) < 0) {
		int err = job_fail(j, "connect");

		close(fd);
		return err;
	}
	job_ready(j);
	*ret_fd = fd;
	return 0;
}
