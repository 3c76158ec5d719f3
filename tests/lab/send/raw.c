/* SPDX-License-Identifier: BSD-2-Clause */
/* raw.c: the ways below the transport: ping sockets and raw sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <unistd.h>

#include "way.h"

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
	return to_address(j, SOCK_RAW, IPPROTO_EXPERIMENT, 1);
}

int ping_connected(struct job *j)
{
	bool v4 = j->to.ss.ss_family == AF_INET;
	int fd, err;

	lab_addr_set_port(&j->to, 0);
	err = job_socket(j, SOCK_DGRAM, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, true, &fd);
	if (err != 0)
		return err;
	memset(j->buf, 0, sizeof(struct icmphdr));
	j->buf[0] = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	err = sendto_over(j, fd, NULL, 0, sizeof(struct icmphdr));
	close(fd);
	return err;
}

int raw_connected(struct job *j)
{
	int fd, err;

	lab_addr_set_port(&j->to, 0);
	err = job_socket(j, SOCK_RAW, IPPROTO_EXPERIMENT, true, &fd);
	if (err != 0)
		return err;
	err = sendto_over(j, fd, NULL, 0, 1);
	close(fd);
	return err;
}

static void header_write(const struct job *j, size_t n)
{
	struct iphdr *v4 = (struct iphdr *)j->buf;
	struct ip6_hdr *v6 = (struct ip6_hdr *)j->buf;

	if (j->to.ss.ss_family == AF_INET) {
		memset(v4, 0, sizeof(*v4)); /* the kernel adds length, checksum and source */
		v4->version = 4;
		v4->ihl = sizeof(*v4) / 4;
		v4->ttl = 64;
		v4->protocol = IPPROTO_EXPERIMENT;
		v4->daddr = ((const struct sockaddr_in *)&j->to.ss)->sin_addr.s_addr;
		return;
	}
	memset(v6, 0, sizeof(*v6));
	v6->ip6_vfc = 6 << 4;
	v6->ip6_plen = htons((uint16_t)(n - sizeof(*v6)));
	v6->ip6_nxt = IPPROTO_EXPERIMENT;
	v6->ip6_hlim = 64;
	v6->ip6_dst = ((const struct sockaddr_in6 *)&j->to.ss)->sin6_addr;
}

/* The sender writes the IP header, too; it counts as sent. */
int raw_hdrincl(struct job *j)
{
	bool v4 = j->to.ss.ss_family == AF_INET;
	size_t n, head = v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	int on = 1, fd, err;

	lab_addr_set_port(&j->to, 0);
	err = job_socket(j, SOCK_RAW, IPPROTO_EXPERIMENT, false, &fd);
	if (err != 0)
		return err;
	if (v4 ? setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)) < 0
	       : setsockopt(fd, IPPROTO_IPV6, 36 /* IPV6_HDRINCL */, &on, sizeof(on)) < 0)
		err = job_skip_errno(j, "HDRINCL");
	while (err == 0 && j->sent < j->bytes) {
		n = next_with_header(j, head);
		header_write(j, n);
		err = job_count(j, "sendto",
				sendto(fd, j->buf, n, 0, (const struct sockaddr *)&j->to.ss,
				       j->to.len));
	}
	close(fd);
	return err;
}
