/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leak: sends packets by ways that no socket of the ledger sees, and prints how much by its own
 * count, link-layer headers included:
 *
 *	{"way":"xdp","packets":1000,"bytes":1042000}
 *
 *	leak --way xdp --dev wire --mac 02:... --from 198.51.100.1 --to 198.51.100.2:9 ...
 *		frames through an AF_XDP socket in copy mode
 *	leak --way bypass --dev wire --mac ...
 *		the same through an AF_PACKET socket with PACKET_QDISC_BYPASS, which is posted
 *	leak --way txring --dev wire --mac ...
 *		the same through PACKET_TX_RING, with a wrong one behind every 19: the call fails,
 *		and nobody is posted
 *	leak --way broadcast --to 198.51.100.255:9 ...
 *		UDP, which is posted too
 *	leak --way tun --dev NAME --from 10.9.0.2 --to 198.51.100.2:9 ...
 *		packets that come out of a tun device it makes, for the kernel to forward
 *	leak --way macvtap --dev NAME --ether 33024 ...
 *		frames of that type, as a guest sends them by a macvtap; --proto 2: IPv4 that says
 *		it is IGMP
 *
 * Exit status: 0 all sent, 77 this kernel lacks the way, 2 usage, 1 anything else.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/if_xdp.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define FRAME_BYTES 2048
#define FRAMES	    64
#define DATA_MAX    1400

struct leak {
	const char *way, *dev;
	unsigned char mac[ETH_ALEN]; /* of the far end */
	struct in_addr from, to;
	uint16_t port, ether;
	uint8_t proto;
	uint64_t bytes, data, rate; /* rate: bytes a second, 0: as fast as it goes */
	uint64_t packets, sent;
	struct timespec began;
	unsigned char frame[FRAME_BYTES];
	size_t frame_len; /* with the Ethernet header */
};

static uint16_t checksum(const void *data, size_t n)
{
	const unsigned char *p = data;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* One frame, sent again and again: UDP without a checksum, which IPv4 allows. */
static void frame_make(struct leak *l)
{
	struct ethhdr eth = { .h_proto = htons(l->ether) };
	struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = l->proto };
	struct udphdr udp = { .source = htons(40000), .dest = htons(l->port) };
	unsigned char *p = l->frame;

	memcpy(eth.h_dest, l->mac, ETH_ALEN);
	eth.h_source[0] = 2;
	ip.saddr = l->from.s_addr;
	ip.daddr = l->to.s_addr;
	ip.tot_len = htons((uint16_t)(sizeof(ip) + sizeof(udp) + l->data));
	ip.check = checksum(&ip, sizeof(ip));
	udp.len = htons((uint16_t)(sizeof(udp) + l->data));
	memcpy(p, &eth, sizeof(eth));
	memcpy(p + sizeof(eth), &ip, sizeof(ip));
	memcpy(p + sizeof(eth) + sizeof(ip), &udp, sizeof(udp));
	l->frame_len = sizeof(eth) + sizeof(ip) + sizeof(udp) + l->data;
	memset(p + l->frame_len - l->data, 'x', l->data);
}

/* Waits until the rate allows another frame. */
static void pace(const struct leak *l)
{
	struct timespec due = l->began;
	uint64_t ns;

	if (l->rate == 0)
		return;
	ns = (uint64_t)((double)l->sent / (double)l->rate * 1e9) + (uint64_t)due.tv_nsec;
	due.tv_sec += (time_t)(ns / 1000000000);
	due.tv_nsec = (long)(ns % 1000000000);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR)
		;
}

static void count(struct leak *l, uint64_t packets)
{
	l->packets += packets;
	l->sent += packets * l->frame_len;
}

static int lacks(const char *what)
{
	fprintf(stderr, "leak: %s: %s\n", what, strerror(errno));
	return LAB_EXIT_SKIP;
}

/* ---- AF_XDP ---- */

struct ring {
	uint32_t *producer, *consumer;
	void *desc;
};

static int ring_map(int fd, const struct xdp_ring_offset *off, off_t pgoff, size_t size,
		    struct ring *ret)
{
	char *p = mmap(NULL, off->desc + FRAMES * size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, fd, pgoff);

	if (p == MAP_FAILED)
		return -errno;
	ret->producer = (uint32_t *)(void *)(p + off->producer);
	ret->consumer = (uint32_t *)(void *)(p + off->consumer);
	ret->desc = p + off->desc;
	return 0;
}

static int xdp_bind(int fd, const struct leak *l, struct ring *tx, struct ring *done)
{
	struct xdp_umem_reg umem = { .len = FRAMES * FRAME_BYTES, .chunk_size = FRAME_BYTES };
	struct sockaddr_xdp sxdp = { .sxdp_family = AF_XDP,
				     .sxdp_flags = XDP_COPY,
				     .sxdp_ifindex = if_nametoindex(l->dev) };
	struct xdp_mmap_offsets off;
	socklen_t off_len = sizeof(off);
	unsigned char *frames;
	int n = FRAMES;
	size_t i;

	frames = mmap(NULL, umem.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (frames == MAP_FAILED)
		return -1;
	for (i = 0; i < FRAMES; i++)
		memcpy(frames + i * FRAME_BYTES, l->frame, l->frame_len);
	umem.addr = (uint64_t)(uintptr_t)frames;
	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &n, sizeof(n)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &n, sizeof(n)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_TX_RING, &n, sizeof(n)) < 0 ||
	    getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &off_len) < 0 ||
	    ring_map(fd, &off.tx, XDP_PGOFF_TX_RING, sizeof(struct xdp_desc), tx) < 0 ||
	    ring_map(fd, &off.cr, (off_t)XDP_UMEM_PGOFF_COMPLETION_RING, sizeof(uint64_t), done) <
		    0 ||
	    bind(fd, (struct sockaddr *)&sxdp, sizeof(sxdp)) < 0)
		return -1;
	return 0;
}

/* One at a time: a frame is given back before it is used again. */
static int way_xdp(struct leak *l)
{
	struct ring tx, done;
	struct xdp_desc *desc;
	uint32_t at;
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		return lacks("AF_XDP");
	if (fd < 0 || xdp_bind(fd, l, &tx, &done) < 0)
		lab_die("AF_XDP");
	while (l->sent < l->bytes) {
		pace(l);
		at = *tx.producer;
		desc = &((struct xdp_desc *)tx.desc)[at % FRAMES];
		*desc = (struct xdp_desc){ .addr = at % FRAMES * (uint64_t)FRAME_BYTES,
					   .len = (uint32_t)l->frame_len };
		__atomic_store_n(tx.producer, at + 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(done.producer, __ATOMIC_ACQUIRE) == *done.consumer)
			if (sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
			    errno != EBUSY && errno != ENOBUFS)
				lab_die("AF_XDP sendto");
		__atomic_store_n(done.consumer, *done.consumer + 1, __ATOMIC_RELEASE);
		count(l, 1);
	}
	close(fd);
	return 0;
}

/* ---- AF_PACKET past the queue ---- */

static int way_bypass(struct leak *l)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(l->dev),
				  .sll_protocol = htons(ETH_P_IP) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 && errno == EAFNOSUPPORT)
		return lacks("AF_PACKET");
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0)
		lab_die("PACKET_QDISC_BYPASS");
	while (l->sent < l->bytes) {
		pace(l);
		if (sendto(fd, l->frame, l->frame_len, 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
			if (errno != ENOBUFS)
				lab_die("AF_PACKET sendto");
			continue;
		}
		count(l, 1);
	}
	close(fd);
	return 0;
}

/* ---- AF_PACKET by a ring, in calls that fail ---- */

#define TX_FRAMES 32
#define TX_GOOD	  19

struct tx_ring {
	int fd;
	unsigned at; /* of the next frame */
	unsigned char *frames;
};

static struct tpacket2_hdr *tx_frame(const struct tx_ring *r, unsigned i)
{
	return (void *)(r->frames + (size_t)FRAME_BYTES * ((r->at + i) % TX_FRAMES));
}

static void tx_open(struct tx_ring *r, const struct leak *l)
{
	struct tpacket_req req = { .tp_block_size = TX_FRAMES * FRAME_BYTES,
				   .tp_block_nr = 1,
				   .tp_frame_size = FRAME_BYTES,
				   .tp_frame_nr = TX_FRAMES };
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(l->dev),
				  .sll_protocol = htons(ETH_P_IP) };
	int version = TPACKET_V2;

	if (setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) < 0 ||
	    bind(r->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		lab_die("PACKET_TX_RING");
	r->frames = mmap(NULL, req.tp_block_size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->frames == MAP_FAILED)
		lab_die("PACKET_TX_RING: mmap");
}

/* The kernel stays at the wrong frame, which is the first of the next round. */
static void tx_round(struct tx_ring *r, struct leak *l)
{
	struct tpacket2_hdr *h;
	unsigned i;

	for (i = 0; i <= TX_GOOD; i++) {
		h = tx_frame(r, i);
		memcpy((unsigned char *)h + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), l->frame,
		       l->frame_len);
		h->tp_len = i < TX_GOOD ? (uint32_t)l->frame_len : 5;
		__atomic_store_n(&h->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	}
	if (send(r->fd, NULL, 0, 0) >= 0)
		lab_die("PACKET_TX_RING: a wrong frame was taken");
	for (i = 0; i < TX_GOOD; i++) {
		h = tx_frame(r, i);
		while (__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_SENDING)
			sched_yield();
		if (h->tp_status == TP_STATUS_AVAILABLE)
			count(l, 1);
	}
	r->at += TX_GOOD;
}

static int way_txring(struct leak *l)
{
	struct tx_ring r = { .fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) };

	if (r.fd < 0 && errno == EAFNOSUPPORT)
		return lacks("AF_PACKET");
	if (r.fd < 0)
		lab_die("AF_PACKET");
	tx_open(&r, l);
	while (l->sent < l->bytes) {
		pace(l);
		tx_round(&r, l);
	}
	close(r.fd);
	return 0;
}

/* ---- UDP to everybody ---- */

static int way_broadcast(struct leak *l)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr = l->to,
				  .sin_port = htons(l->port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)) < 0)
		lab_die("SO_BROADCAST");
	while (l->sent < l->bytes) {
		pace(l);
		if (sendto(fd, l->frame, l->data, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			lab_die("sendto");
		count(l, 1);
	}
	close(fd);
	return 0;
}

/* ---- TUN ---- */

static void tun_up(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		lab_die("%s: up", name);
	close(fd);
}

static int way_tun(struct leak *l)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	size_t len = l->frame_len - sizeof(struct ethhdr);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	memcpy(ifr.ifr_name, l->dev, strnlen(l->dev, IFNAMSIZ - 1));
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return lacks("/dev/net/tun");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		lab_die("/dev/net/tun");
	tun_up(l->dev);
	while (l->sent < l->bytes) {
		pace(l);
		if (write(fd, l->frame + sizeof(struct ethhdr), len) != (ssize_t)len)
			lab_die("%s: write", l->dev);
		count(l, 1);
	}
	close(fd);
	return 0;
}

/* ---- macvtap ---- */

static int way_macvtap(struct leak *l)
{
	/* IFF_NO_PI without IFF_VNET_HDR: a write is the frame alone. */
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	/* By default the socket is full with about as many small frames as fit into the ring of a
	 * virtio card, which then tells nobody what it has sent: on Linux 7.2 both wait for good.
	 */
	int room = 64 << 20;
	char path[sizeof("/dev/tap4294967295")];
	int fd;

	(void)snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex(l->dev));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 || ioctl(fd, TUNSETSNDBUF, &room) < 0)
		lab_die("%s", path);
	while (l->sent < l->bytes) {
		pace(l);
		if (write(fd, l->frame, l->frame_len) != (ssize_t)l->frame_len)
			lab_die("%s: write", path);
		count(l, 1);
	}
	close(fd);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct leak *l);
} ways[] = { { "xdp", way_xdp }, { "bypass", way_bypass },   { "txring", way_txring },
	     { "tun", way_tun }, { "macvtap", way_macvtap }, { "broadcast", way_broadcast } };

#define WAYS_N (sizeof(ways) / sizeof(ways[0]))

static void mac_parse(const char *text, unsigned char ret[ETH_ALEN])
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ret[0], &ret[1], &ret[2], &ret[3],
		   &ret[4], &ret[5]) != ETH_ALEN)
		lab_usage("--mac: '%s': expected a link-layer address", text);
}

static void options(int argc, char **argv, struct leak *l)
{
	static const struct option longs[] = {
		{ "way", required_argument, NULL, 'w' },
		{ "dev", required_argument, NULL, 'd' },
		{ "mac", required_argument, NULL, 'm' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "ether", required_argument, NULL, 'e' },
		{ "proto", required_argument, NULL, 'p' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "data", required_argument, NULL, 's' },
		{ "rate", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	struct lab_ports ports;
	struct lab_addr to;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'w')
			l->way = optarg;
		else if (c == 'd')
			l->dev = optarg;
		else if (c == 'm')
			mac_parse(optarg, l->mac);
		else if (c == 'f' && inet_pton(AF_INET, optarg, &l->from) != 1)
			lab_usage("--from: '%s': expected an IPv4 address", optarg);
		else if (c == 'e')
			l->ether = (uint16_t)lab_num("--ether", optarg, 1, UINT16_MAX);
		else if (c == 'p')
			l->proto = (uint8_t)lab_num("--proto", optarg, 0, UINT8_MAX);
		else if (c == 'b')
			l->bytes = lab_num("--bytes", optarg, 1, UINT64_MAX);
		else if (c == 's')
			l->data = lab_num("--data", optarg, 1, DATA_MAX);
		else if (c == 'r')
			l->rate = lab_num("--rate", optarg, 1, UINT64_MAX);
		else if (c == 't') {
			lab_addr_parse(optarg, false, &to, &ports);
			l->to = ((struct sockaddr_in *)&to.ss)->sin_addr;
			l->port = ports.lo;
		} else if (c == '?') {
			exit(LAB_EXIT_USAGE);
		}
	}
	if (l->way == NULL || l->port == 0 || (l->dev == NULL && strcmp(l->way, "broadcast") != 0))
		lab_usage("--way, --to and, but for broadcast, --dev are needed");
}

int main(int argc, char **argv)
{
	struct leak l = { .bytes = 1 << 20, .data = 1000, .ether = ETH_P_IP, .proto = IPPROTO_UDP };
	size_t i;
	int status;

	options(argc, argv, &l);
	for (i = 0; i < WAYS_N && strcmp(l.way, ways[i].name) != 0; i++)
		;
	if (i == WAYS_N)
		lab_usage("--way: '%s': expected xdp, bypass, txring, tun, macvtap or broadcast",
			  l.way);
	frame_make(&l);
	clock_gettime(CLOCK_MONOTONIC, &l.began);
	status = ways[i].run(&l);
	if (status == 0)
		printf("{\"way\":\"%s\",\"packets\":%llu,\"bytes\":%llu}\n", l.way,
		       (unsigned long long)l.packets, (unsigned long long)l.sent);
	return status;
}
