/* SPDX-License-Identifier: BSD-2-Clause */
/* raw.c: the ways below the transport: ping and raw sockets, and frames for the link. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <string.h>
#include <unistd.h>

#include "way.h"

#define EXPERIMENT     253    /* IP protocol for experiments (RFC 3692 section 2.1) */
#define ETH_EXPERIMENT 0x88b5 /* ether type for local experiments (IEEE 802) */
#define ETH_HEADER     14

/* Each message carries a header of its own: the last one must not be left too short for it. */
static size_t next_with_header(const struct job *j, size_t min)
{
	size_t n = job_next(j);
	uint64_t after = j->bytes - j->sent - n;

	return after > 0 && after < min && n >= 2 * min ? n - min : n;
}

static int sendto_over(struct job *j, int fd, const void *to, socklen_t len, size_t min)
{
	int err = 0;
	size_t n;

	while (err == 0 && j->sent < j->bytes) {
		n = next_with_header(j, min);
		if (n < min) {
			errno = EINVAL;
			return job_fail(j, "--bytes leaves a message without room for its header");
		}
		err = job_count(j, "sendto", sendto(fd, j->buf, n, 0, to, len));
	}
	return err;
}

static int to_address(struct job *j, int type, int proto, size_t min)
{
	int fd, err = job_socket(j, type, proto, false, &fd);

	if (err != 0)
		return err;
	/* Raw IPv6 sockets take a port for a protocol and refuse another than their own. */
	lab_addr_set_port(&j->to, 0);
	err = sendto_over(j, fd, &j->to.ss, j->to.len, min);
	close(fd);
	return err;
}

/* The kernel, or nobody, fills in the checksum: who gets it may drop it. */
static int echo(struct job *j, int type)
{
	bool v4 = j->to.ss.ss_family == AF_INET;

	if (j->chunk < sizeof(struct icmphdr))
		j->chunk = sizeof(struct icmphdr);
	memset(j->buf, 0, sizeof(struct icmphdr));
	j->buf[0] = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	return to_address(j, type, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, sizeof(struct icmphdr));
}

int ping_sendto(struct job *j)
{
	return echo(j, SOCK_DGRAM);
}

int raw_icmp(struct job *j)
{
	return echo(j, SOCK_RAW);
}

int raw_ip(struct job *j)
{
	return to_address(j, SOCK_RAW, EXPERIMENT, 1);
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

/* Index of the interface that the route to job.to leaves by; 0: none. */
static int interface_to(const struct job *j)
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

/* To everybody on the link, with an ether type that nobody listens to. */
static int frames(struct job *j, int type, size_t header)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_EXPERIMENT),
		.sll_halen = 6,
		.sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};
	int fd, err;

	ll.sll_ifindex = interface_to(j);
	if (ll.sll_ifindex == 0)
		return job_skip(j, "no interface has the address that the route starts from");
	if (header > 0 && j->chunk < header)
		j->chunk = header;
	if (header > 0) {
		memset(j->buf, 0xff, 6);
		memset(j->buf + 6, 0, 6);
		j->buf[12] = ETH_EXPERIMENT >> 8;
		j->buf[13] = ETH_EXPERIMENT & 0xff;
	}
	fd = socket(AF_PACKET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return job_skip(j, "no packet socket for this kernel or user");
	job_ready(j);
	err = sendto_over(j, fd, &ll, sizeof(ll), header);
	close(fd);
	return err;
}

int packet_raw(struct job *j)
{
	return frames(j, SOCK_RAW, ETH_HEADER);
}

int packet_dgram(struct job *j)
{
	return frames(j, SOCK_DGRAM, 0);
}
