/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * packet.c: frames for the link, by AF_PACKET. The destination is a locally administered address
 * that ends with the port of --to, so that the far end can tell the rows of the lab apart.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "way.h"

#define ETH_EXPERIMENT 0x88b5 /* ether type for local experiments (IEEE 802) */
#define ETH_HEADER     14
#define FRAMES	       64 /* of a ring */
#define FRAME_SIZE     2048

static int link_address(struct job *j, struct sockaddr_ll *ret)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&j->to.ss;

	*ret = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_EXPERIMENT),
		.sll_ifindex = job_interface(j),
		.sll_halen = 6,
		.sll_addr = { 0x02 },
	};
	memcpy(ret->sll_addr + 4, &in->sin_port, 2);
	if (ret->sll_ifindex == 0)
		return job_skip(j, "no interface has the address that the route starts from");
	return 0;
}

static void header_write(unsigned char *frame, const struct sockaddr_ll *to)
{
	memcpy(frame, to->sll_addr, 6);
	memset(frame + 6, 0, 6);
	frame[12] = ETH_EXPERIMENT >> 8;
	frame[13] = ETH_EXPERIMENT & 0xff;
}

static int packet_socket(struct job *j, int type, int *ret_fd)
{
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return job_lacks() ? job_skip_errno(j, "socket(AF_PACKET)") : job_fail(j, "socket");
	job_ready(j);
	*ret_fd = fd;
	return 0;
}

/* The last frame must not be left too short for its header. */
static size_t next_frame(const struct job *j, size_t header)
{
	size_t n = job_next(j);
	uint64_t after = j->bytes - j->sent - n;

	return after > 0 && after < header && n >= 2 * header ? n - header : n;
}

static int frames(struct job *j, int type, bool bypass)
{
	size_t header = type == SOCK_RAW ? ETH_HEADER : 0;
	int on = 1, fd, err;
	struct sockaddr_ll to;

	err = link_address(j, &to);
	if (err == 0)
		err = packet_socket(j, type, &fd);
	if (err != 0)
		return err;
	if (header > 0 && j->chunk < header)
		j->chunk = header;
	if (header > 0)
		header_write(j->buf, &to);
	if (bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0)
		err = job_skip_errno(j, "PACKET_QDISC_BYPASS");
	while (err == 0 && j->sent < j->bytes)
		err = job_count(j, "sendto",
				sendto(fd, j->buf, next_frame(j, header), 0, (struct sockaddr *)&to,
				       sizeof(to)));
	close(fd);
	return err;
}

int packet_raw(struct job *j)
{
	return frames(j, SOCK_RAW, false);
}

int packet_dgram(struct job *j)
{
	return frames(j, SOCK_DGRAM, false);
}

int packet_bypass(struct job *j)
{
	return frames(j, SOCK_RAW, true);
}

/* Memory that the kernel sends from; a layout by its version. */
struct ring {
	unsigned char *map;
	int version;
	size_t data; /* of a frame's bytes behind the start of its slot */
};

static int ring_open(struct job *j, int fd, struct ring *r)
{
	union {
		struct tpacket_req v2;
		struct tpacket_req3 v3;
	} req;
	bool v2 = r->version == TPACKET_V2;

	memset(&req, 0, sizeof(req));
	req.v2.tp_block_size = FRAMES * FRAME_SIZE;
	req.v2.tp_block_nr = 1;
	req.v2.tp_frame_size = FRAME_SIZE;
	req.v2.tp_frame_nr = FRAMES;
	r->data = (v2 ? TPACKET2_HDRLEN : TPACKET3_HDRLEN) - sizeof(struct sockaddr_ll);
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &r->version, sizeof(r->version)) < 0)
		return job_skip_errno(j, "PACKET_VERSION");
	if (setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, v2 ? sizeof(req.v2) : sizeof(req.v3)) <
	    0)
		return job_skip_errno(j, "PACKET_TX_RING");
	r->map = mmap(NULL, FRAMES * FRAME_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return r->map == MAP_FAILED ? job_fail(j, "mmap of the ring") : 0;
}

static void frame_put(const struct ring *r, size_t at, const struct job *j, size_t n)
{
	unsigned char *slot = r->map + at * FRAME_SIZE;
	struct tpacket2_hdr *v2 = (struct tpacket2_hdr *)slot;
	struct tpacket3_hdr *v3 = (struct tpacket3_hdr *)slot;

	memcpy(slot + r->data, j->buf, n);
	if (r->version == TPACKET_V2) {
		v2->tp_len = (unsigned int)n;
		__atomic_store_n(&v2->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	} else {
		v3->tp_len = (unsigned int)n;
		v3->tp_next_offset = 0;
		__atomic_store_n(&v3->tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);
	}
}

/* Fills the ring from its start and has all of it sent; the call returns when it is. */
static int ring_over(struct job *j, const struct ring *r, int fd)
{
	uint64_t before, planned;
	size_t at, n, slot = 0;
	int err = 0;

	while (err == 0 && j->sent < j->bytes) {
		before = j->sent;
		for (at = 0; at < FRAMES && j->sent < j->bytes; at++) {
			n = next_frame(j, ETH_HEADER);
			frame_put(r, slot, j, n);
			slot = (slot + 1) % FRAMES;
			j->sent += n;
		}
		planned = j->sent - before;
		j->sent = before;
		err = job_count(j, "send(ring)", send(fd, NULL, 0, 0));
		if (err == 0 && j->sent - before != planned) {
			errno = EIO;
			err = job_fail(j, "send(ring) took less than the ring held");
		}
	}
	return err;
}

static int ring_way(struct job *j, int version)
{
	struct ring r = { .version = version };
	struct sockaddr_ll to;
	int fd, err = link_address(j, &to);

	if (err == 0)
		err = packet_socket(j, SOCK_RAW, &fd);
	if (err != 0)
		return err;
	if (j->chunk > FRAME_SIZE / 2 + FRAME_SIZE / 4)
		j->chunk = FRAME_SIZE / 2 + FRAME_SIZE / 4;
	header_write(j->buf, &to);
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		err = job_fail(j, "bind");
	if (err == 0)
		err = ring_open(j, fd, &r);
	if (err == 0) {
		err = ring_over(j, &r, fd);
		munmap(r.map, FRAMES * FRAME_SIZE);
	}
	close(fd);
	return err;
}

int packet_txring2(struct job *j)
{
	return ring_way(j, TPACKET_V2);
}

int packet_txring3(struct job *j)
{
	return ring_way(j, TPACKET_V3);
}
