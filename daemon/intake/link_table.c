/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_table.c: the interfaces of this network namespace. Read whole when the kernel says that one
 * changed; statistics are asked for one by one, since few interfaces are watched and a container
 * host has hundreds.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "intake/links.h"

#include "base/poison.h"

#define REPLY_BYTES (64U << 10) /* twice what the kernel puts into one datagram of a dump */

struct link_table {
	int fd;	    /* for requests */
	int notify; /* tells that an interface changed; -1: read anew every time */
	uint32_t seq;
	bool started;
	struct link *links, *before;
	size_t n, left_out;
	char reply[REPLY_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* What is read of one message. */
struct link_message {
	struct link link;
	char bus[8];	/* of the device behind it; "": none is told (before Linux 5.14) */
	uint32_t lower; /* IFLA_LINK; 0: none */
	struct rtnl_link_stats64 stats;
	bool has_stats;
};

typedef void link_fn(struct link_table *t, const struct link_message *m, void *arg);

static int route_socket(uint32_t groups)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (groups != 0 ? SOCK_NONBLOCK : 0),
			NETLINK_ROUTE);
	/* The kernel answers at once; should it not, the daemon must not hang. */
	struct timeval limit = { .tv_sec = 1 };

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&nl, sizeof(nl)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0) {
		int err = -errno;

		(void)close(fd);
		return err;
	}
	return fd;
}

int link_table_new(struct link_table **ret)
{
	struct link_table *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	if (t == NULL)
		return err;
	t->fd = t->notify = -1;
	t->links = calloc(LINKS_MAX, sizeof(*t->links));
	t->before = calloc(LINKS_MAX, sizeof(*t->before));
	if (t->links == NULL || t->before == NULL)
		goto out;
	t->fd = route_socket(0);
	err = t->fd;
	if (err < 0)
		goto out;
	t->notify = route_socket(RTMGRP_LINK);
	*ret = t;
	return 0;
out:
	link_table_free(t);
	return err;
}

void link_table_free(struct link_table *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		(void)close(t->fd);
	if (t->notify >= 0)
		(void)close(t->notify);
	free(t->links);
	free(t->before);
	free(t);
}

/* ---- One message ---- */

static enum link_kind kind_of(const char *name)
{
	static const char *const tunnels[] = { "wireguard", "vxlan",  "geneve",	   "gre",
					       "gretap",    "ip6gre", "ip6gretap", "erspan",
					       "ip6erspan", "ipip",   "sit",	   "ip6tnl",
					       "xfrm",	    "vti",    "vti6",	   "gtp",
					       "bareudp",   "amt",    "ovpn" };
	size_t i;

	if (name[0] == '\0')
		return LINK_PLAIN;
	if (strcmp(name, "veth") == 0 || strcmp(name, "netkit") == 0)
		return LINK_PAIR;
	if (strcmp(name, "bridge") == 0)
		return LINK_BRIDGE;
	for (i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (strcmp(name, tunnels[i]) == 0)
			return LINK_TUNNEL;
	return LINK_OTHER;
}

/* Of the others each may send through another one, as a vlan, a bond, and a bridge do. */
static bool is_last(const struct link_message *m, bool loopback)
{
	return loopback || m->link.kind == LINK_PLAIN || m->link.kind == LINK_PAIR ||
	       strcmp(m->link.kind_name, "tun") == 0 || strcmp(m->link.kind_name, "dummy") == 0;
}

/* At most `size` - 1 bytes of it, NUL-terminated. */
static void attr_text(const struct rtattr *a, char *ret, size_t size)
{
	size_t len = strnlen(RTA_DATA(a), RTA_PAYLOAD(a));

	if (len > size - 1)
		len = size - 1;
	memcpy(ret, RTA_DATA(a), len);
	ret[len] = '\0';
}

static uint32_t attr_u32(const struct rtattr *a)
{
	uint32_t n = 0;

	if (RTA_PAYLOAD(a) >= sizeof(n))
		memcpy(&n, RTA_DATA(a), sizeof(n));
	return n;
}

static void info_read(const struct rtattr *info, struct link *ret)
{
	const struct rtattr *a = RTA_DATA(info);
	int left = (int)RTA_PAYLOAD(info);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == IFLA_INFO_KIND)
			attr_text(a, ret->kind_name, sizeof(ret->kind_name));
}

static void attr_read(const struct rtattr *a, struct link_message *ret)
{
	size_t len = RTA_PAYLOAD(a);

	switch (a->rta_type & NLA_TYPE_MASK) {
	case IFLA_IFNAME:
		attr_text(a, ret->link.name, sizeof(ret->link.name));
		break;
	case IFLA_LINK:
		ret->lower = attr_u32(a);
		break;
	case IFLA_MASTER:
		ret->link.master = attr_u32(a);
		break;
	case IFLA_PARENT_DEV_BUS_NAME:
		attr_text(a, ret->bus, sizeof(ret->bus));
		break;
	case IFLA_LINKINFO:
		info_read(a, &ret->link);
		break;
	case IFLA_STATS64:
		/* Longer in newer kernels. */
		memcpy(&ret->stats, RTA_DATA(a),
		       len < sizeof(ret->stats) ? len : sizeof(ret->stats));
		ret->has_stats = true;
		break;
	default:
		break;
	}
}

static void message_read(const struct nlmsghdr *h, struct link_message *ret)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);
	const struct rtattr *a = IFLA_RTA(info);
	int left = (int)IFLA_PAYLOAD(h);

	*ret = (struct link_message){ .link = { .ifindex = (uint32_t)info->ifi_index } };
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		attr_read(a, ret);
	ret->link.kind = kind_of(ret->link.kind_name);
	/* What veth_xmit(), netkit_xmit() and virtio_net's free_old_xmit() count is skb->len. */
	ret->link.exact = ret->link.kind == LINK_PAIR || strcmp(ret->bus, "virtio") == 0;
	/* Without a kind, but no hardware of its own: loopback, ports of a switch chip. */
	if (ret->link.kind == LINK_PLAIN && ((info->ifi_flags & IFF_LOOPBACK) != 0 ||
					     (ret->lower != 0 && ret->lower != ret->link.ifindex)))
		ret->link.kind = LINK_OTHER;
	ret->link.last = is_last(ret, (info->ifi_flags & IFF_LOOPBACK) != 0);
}

/* ---- Request and answer ---- */

static int request_send(struct link_table *t, uint32_t ifindex)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
		struct rtattr mask;
		uint32_t filter;
	} req = {
		.h = { .nlmsg_len = sizeof(req),
		       .nlmsg_type = RTM_GETLINK,
		       .nlmsg_flags = NLM_F_REQUEST | (ifindex == 0 ? NLM_F_DUMP : 0),
		       .nlmsg_seq = ++t->seq },
		.info = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex },
		.mask = { .rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = IFLA_EXT_MASK },
		.filter = ifindex == 0 ? RTEXT_FILTER_SKIP_STATS : 0,
	};

	return send(t->fd, &req, sizeof(req), 0) < 0 ? -errno : 0;
}

/* Messages of one datagram. 1: more come, 0: that was all, or -errno. */
static int reply_read(struct link_table *t, size_t len, bool dump, link_fn *fn, void *arg)
{
	const struct nlmsghdr *h = (const void *)t->reply;
	struct link_message m;

	for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_seq != t->seq)
			continue; /* of a request that was given up */
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if ((h->nlmsg_flags & NLM_F_DUMP_INTR) != 0)
			t->started = false; /* it changed meanwhile: once more at the next look */
		if (h->nlmsg_type != RTM_NEWLINK ||
		    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
			continue;
		message_read(h, &m);
		fn(t, &m, arg);
		if (!dump)
			return 0;
	}
	return 1;
}

static int ask(struct link_table *t, uint32_t ifindex, link_fn *fn, void *arg)
{
	int err = request_send(t, ifindex);
	ssize_t n;

	if (err < 0)
		return err;
	do {
		n = recv(t->fd, t->reply, sizeof(t->reply), 0);
		if (n < 0 && errno == EINTR)
			err = 1;
		else
			err = n < 0 ? -errno : reply_read(t, (size_t)n, ifindex == 0, fn, arg);
	} while (err > 0);
	return err;
}

/* ---- The table ---- */

static void on_link(struct link_table *t, const struct link_message *m, void *arg)
{
	(void)arg;
	if (t->n < LINKS_MAX)
		t->links[t->n++] = m->link;
	else
		t->left_out++;
}

static int link_order(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	return (x->ifindex > y->ifindex) - (x->ifindex < y->ifindex);
}

static const struct link *find(const struct link *links, size_t n, uint32_t ifindex)
{
	struct link key = { .ifindex = ifindex };

	return bsearch(&key, links, n, sizeof(key), link_order);
}

/* A bridge remembers that it led to other namespaces: the container may be gone already. */
static void bridges_mark(struct link_table *t, size_t before_n)
{
	const struct link *old;
	struct link *bridge;
	size_t i;

	for (i = 0; i < t->n; i++) {
		old = find(t->before, before_n, t->links[i].ifindex);
		if (old != NULL && old->kind == t->links[i].kind && old->pair_behind)
			t->links[i].pair_behind = true;
	}
	for (i = 0; i < t->n; i++) {
		if (t->links[i].kind != LINK_PAIR || t->links[i].master == 0)
			continue;
		bridge = (struct link *)(uintptr_t)find(t->links, t->n, t->links[i].master);
		if (bridge != NULL && bridge->kind == LINK_BRIDGE)
			bridge->pair_behind = true;
	}
}

static bool changed(struct link_table *t)
{
	bool yes = !t->started || t->notify < 0;

	/* ENOBUFS too says that something changed; only EAGAIN says that nothing did. */
	while (t->notify >= 0 &&
	       (recv(t->notify, t->reply, sizeof(t->reply), 0) >= 0 || errno == ENOBUFS))
		yes = true;
	return yes;
}

int link_table_look(struct link_table *t)
{
	struct link *links = t->links;
	size_t before_n = t->n, before_left_out = t->left_out;
	int err;

	if (!changed(t))
		return 0;
	t->links = t->before;
	t->before = links;
	t->n = t->left_out = 0;
	t->started = true;
	err = ask(t, 0, on_link, NULL);
	if (err < 0) {
		t->started = false;
		t->before = t->links;
		t->links = links;
		t->n = before_n;
		t->left_out = before_left_out;
		return err;
	}
	qsort(t->links, t->n, sizeof(t->links[0]), link_order);
	bridges_mark(t, before_n);
	return 1;
}

size_t link_table_n(const struct link_table *t)
{
	return t->n;
}

size_t link_table_left_out(const struct link_table *t)
{
	return t->left_out;
}

const struct link *link_table_at(const struct link_table *t, size_t i)
{
	return &t->links[i];
}

const struct link *link_table_find(const struct link_table *t, uint32_t ifindex)
{
	return find(t->links, t->n, ifindex);
}

static void on_stats(struct link_table *t, const struct link_message *m, void *arg)
{
	(void)t;
	*(struct link_message *)arg = *m;
}

int link_table_stats(struct link_table *t, uint32_t ifindex, struct link_stats *ret)
{
	struct link_message m = { .has_stats = false };
	int err = ask(t, ifindex, on_stats, &m);

	if (err < 0)
		return err;
	if (!m.has_stats || m.link.ifindex != ifindex)
		return -ENODEV;
	ret->tx_bytes = m.stats.tx_bytes;
	ret->tx_packets = m.stats.tx_packets;
	ret->tx_lost = m.stats.tx_dropped + m.stats.tx_errors;
	return 0;
}
