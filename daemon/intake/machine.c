/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ip.h"

#include "base/poison.h"

#define ADDRS_MAX     1024 /* own addresses; a router has hundreds */
#define RESOLVERS_MAX 16   /* the C library reads 3 */
#define RESOLV_FILES  2
#define CLOCK_STEP_NS 10000000 /* less is NTP's slewing */

struct addr {
	uint8_t ip[16];
	bool seen;
};

struct machine {
	uint64_t roles_id;
	bool started;
	bool resolvers;
	struct timespec resolv_mtime[RESOLV_FILES];
	int64_t utc_offset_ns;
	int netlink; /* tells that addresses changed; -1: they are read every time */
	uint32_t netns;
	size_t addrs_n;
	struct addr addrs[ADDRS_MAX];
};

uint64_t machine_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void tell(struct of_rec_hdr *hdr, uint16_t kind, size_t len, uint64_t now_ns,
		 intake_raw_fn *fn, void *arg)
{
	hdr->ts_ns = now_ns;
	hdr->kind = kind;
	hdr->len = (uint32_t)len;
	(void)fn(arg, hdr, len);
}

int machine_new(uint64_t roles_id, bool resolvers, struct machine **ret)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
				  .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	struct machine *m = calloc(1, sizeof(*m));
	struct stat st;

	if (m == NULL)
		return -ENOMEM;
	m->roles_id = roles_id;
	m->resolvers = resolvers;
	if (stat("/proc/self/ns/net", &st) == 0)
		m->netns = (uint32_t)st.st_ino;
	m->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (m->netlink >= 0 && bind(m->netlink, (struct sockaddr *)&nl, sizeof(nl)) < 0) {
		(void)close(m->netlink);
		m->netlink = -1;
	}
	*ret = m;
	return 0;
}

uint32_t machine_netns(const struct machine *m)
{
	return m->netns;
}

void machine_free(struct machine *m)
{
	if (m == NULL)
		return;
	if (m->netlink >= 0)
		(void)close(m->netlink);
	free(m);
}

static void host_tell(struct machine *m, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_host rec = { .roles_id = m->roles_id, .netns = m->netns };
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	(void)gethostname(rec.host, sizeof(rec.host) - 1);
	if (f != NULL) {
		if (fgets(rec.boot_id, sizeof(rec.boot_id), f) != NULL)
			rec.boot_id[strcspn(rec.boot_id, "\n")] = '\0';
		(void)fclose(f);
	}
	tell(&rec.hdr, OF_REC_HOST, sizeof(rec), now_ns, fn, arg);
}

static void clock_tell(struct machine *m, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct of_rec_clock rec = { .utc_offset_ns = 0 };
	struct timespec utc;
	int64_t offset;

	(void)clock_gettime(CLOCK_REALTIME, &utc);
	offset = (int64_t)utc.tv_sec * 1000000000 + utc.tv_nsec - (int64_t)machine_now();
	if (m->started && llabs(offset - m->utc_offset_ns) < CLOCK_STEP_NS)
		return;
	m->utc_offset_ns = rec.utc_offset_ns = offset;
	tell(&rec.hdr, OF_REC_CLOCK, sizeof(rec), now_ns, fn, arg);
}

/* resolv.conf(5): "nameserver ADDRESS"; a link-local one may carry %scope. */
static void resolvers_read(const char *path, struct timespec *mtime, uint64_t now_ns,
			   intake_raw_fn *fn, void *arg)
{
	struct of_rec_resolver rec = { .addr = { 0 } };
	char line[512], addr[64];
	struct stat st;
	int n = 0;
	FILE *f;

	if (stat(path, &st) < 0 ||
	    (st.st_mtim.tv_sec == mtime->tv_sec && st.st_mtim.tv_nsec == mtime->tv_nsec))
		return;
	f = fopen(path, "re");
	if (f == NULL)
		return;
	*mtime = st.st_mtim;
	while (n < RESOLVERS_MAX && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, " nameserver %63s", addr) != 1)
			continue;
		addr[strcspn(addr, "%")] = '\0';
		if (ip_parse(addr, rec.addr) < 0)
			continue;
		tell(&rec.hdr, OF_REC_RESOLVER, sizeof(rec), now_ns, fn, arg);
		n++;
	}
	(void)fclose(f);
}

/* Where systemd-resolved answers, the first names it and the second those that it asks. */
static void resolvers_tell(struct machine *m, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	static const char *const paths[RESOLV_FILES] = { "/etc/resolv.conf",
							 "/run/systemd/resolve/resolv.conf" };
	size_t i;

	for (i = 0; i < RESOLV_FILES && m->resolvers; i++)
		resolvers_read(paths[i], &m->resolv_mtime[i], now_ns, fn, arg);
}

static bool addrs_may_have_changed(struct machine *m)
{
	char buf[8192];
	bool changed = !m->started || m->netlink < 0;

	/* ENOBUFS too says that something changed; only EAGAIN says that nothing did. */
	while (m->netlink >= 0 && (recv(m->netlink, buf, sizeof(buf), 0) >= 0 || errno == ENOBUFS))
		changed = true;
	return changed;
}

static void addr_tell(const struct machine *m, const uint8_t ip[16], bool gone, uint64_t now_ns,
		      intake_raw_fn *fn, void *arg)
{
	struct of_rec_addr rec = { .netns = m->netns, .gone = gone };

	memcpy(rec.addr, ip, sizeof(rec.addr));
	tell(&rec.hdr, OF_REC_ADDR, sizeof(rec), now_ns, fn, arg);
}

static bool addr_mark(struct machine *m, const uint8_t ip[16])
{
	size_t i;

	for (i = 0; i < m->addrs_n; i++)
		if (memcmp(m->addrs[i].ip, ip, 16) == 0)
			return m->addrs[i].seen = true;
	return false;
}

static bool ifaddr_ip(const struct ifaddrs *ifa, uint8_t ret[16])
{
	if (ifa->ifa_addr == NULL)
		return false;
	if (ifa->ifa_addr->sa_family == AF_INET)
		ip_from_v4(ret, &((struct sockaddr_in *)(void *)ifa->ifa_addr)->sin_addr);
	else if (ifa->ifa_addr->sa_family == AF_INET6)
		memcpy(ret, &((struct sockaddr_in6 *)(void *)ifa->ifa_addr)->sin6_addr, 16);
	else
		return false;
	return true;
}

static void addrs_tell(struct machine *m, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct ifaddrs *list, *ifa;
	uint8_t ip[16];
	size_t i, kept = 0;

	if (!addrs_may_have_changed(m) || getifaddrs(&list) < 0)
		return;
	for (i = 0; i < m->addrs_n; i++)
		m->addrs[i].seen = false;
	for (ifa = list; ifa != NULL; ifa = ifa->ifa_next) {
		if (!ifaddr_ip(ifa, ip) || addr_mark(m, ip) || m->addrs_n == ADDRS_MAX)
			continue;
		memcpy(m->addrs[m->addrs_n].ip, ip, 16);
		m->addrs[m->addrs_n++].seen = true;
		addr_tell(m, ip, false, now_ns, fn, arg);
	}
	freeifaddrs(list);
	for (i = 0; i < m->addrs_n; i++) {
		if (m->addrs[i].seen)
			m->addrs[kept++] = m->addrs[i];
		else
			addr_tell(m, m->addrs[i].ip, true, now_ns, fn, arg);
	}
	m->addrs_n = kept;
}

void machine_look(struct machine *m, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	if (!m->started)
		host_tell(m, now_ns, fn, arg);
	clock_tell(m, now_ns, fn, arg);
	resolvers_tell(m, now_ns, fn, arg);
	addrs_tell(m, now_ns, fn, arg);
	m->started = true;
}
