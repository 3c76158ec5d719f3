/* SPDX-License-Identifier: BSD-2-Clause */
/* job.c: counting, sockets and waiting, for every way. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
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

bool job_lacks(void)
{
	return errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT || errno == EAFNOSUPPORT ||
	       errno == ENOPROTOOPT || errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM ||
	       errno == EACCES || errno == ENODEV || errno == ENOENT;
}

int job_skip_errno(struct job *j, const char *call)
{
	snprintf(j->why, sizeof(j->why), "%s: %s", call, strerror(errno));
	return job_skip(j, j->why);
}

void job_part(struct job *j, const struct lab_addr *to, uint64_t sent, bool self)
{
	if (j->parts == PARTS_MAX)
		lab_usage("a way with more than %d destinations", PARTS_MAX);
	j->part[j->parts++] = (struct part){ .to = *to, .sent = sent, .self = self };
}

int job_over(struct job *j, int fd, const char *what, job_fn *fn)
{
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		if (j->pause_us != 0)
			usleep(j->pause_us);
		err = job_count(j, what, fn(j, fd, job_next(j)));
	}
	return err;
}

struct lab_addr job_second(const struct job *j)
{
	struct lab_addr a = j->to;
	/* Both families have their port in the same place. */
	uint16_t port = ntohs(((const struct sockaddr_in *)&j->to.ss)->sin_port);

	lab_addr_set_port(&a, (uint16_t)(port + 1));
	return a;
}

int job_socket(struct job *j, int type, int proto, bool connected, int *ret_fd)
{
	int fd = socket(j->to.ss.ss_family, type | SOCK_CLOEXEC, proto);

	if (fd < 0)
		return job_lacks() ? job_skip_errno(j, "socket") : job_fail(j, "socket");
	if (connected && connect(fd, (struct sockaddr *)&j->to.ss, j->to.len) < 0) {
		int err = job_fail(j, "connect");

		close(fd);
		return err;
	}
	job_ready(j);
	*ret_fd = fd;
	return 0;
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	if (a == NULL || a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		      &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

static int interface_with(const struct sockaddr *own)
{
	struct ifaddrs *list, *i;
	int index = 0;

	if (getifaddrs(&list) < 0)
		return 0;
	for (i = list; i != NULL && index == 0; i = i->ifa_next)
		if (same_address(i->ifa_addr, own))
			index = (int)if_nametoindex(i->ifa_name);
	freeifaddrs(list);
	return index;
}

int job_interface(const struct job *j)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	int index = 0, fd = socket(j->to.ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)&j->to.ss, j->to.len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&own, &len) == 0)
		index = interface_with((struct sockaddr *)&own);
	close(fd);
	return index;
}
