/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_names.c: captured packets, as many as the input holds: for each six bytes that say what it
 * is and how long, then its data. What is told of them is what the daemon takes (decode()), and no
 * name is told that does not stand in the data, in some case, or that QUIC has not hidden.
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "intake/intake.h"
#include "intake/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_record(void *arg, const struct of_rec_hdr *rec)
{
	struct event ev;

	(void)arg;
	if (decode(rec, rec->len, &ev) < 0)
		abort();
	if (ev.kind != OF_REC_DNS && ev.kind != OF_REC_FLOW)
		abort();
}

/* Two streams, two sockets of datagrams, DNS by both. Up to 2.5 s pass before each. */
static struct of_capture capture_of(const uint8_t head[6], uint32_t len, uint64_t *time_ns)
{
	static const uint8_t kinds[] = { OF_CAPTURE_DNS, OF_CAPTURE_TCP, OF_CAPTURE_HTTP,
					 OF_CAPTURE_UDP };
	struct of_capture c = { .time_ns = *time_ns += head[3] * 10000000U,
				.cookie = head[0] >> 4 & 1 };

	c.kind = kinds[head[0] & 3];
	c.in = head[0] >> 2 & 1;
	c.peer.family = OF_AF_INET;
	c.peer.port = 53;
	c.peer.proto = c.kind == OF_CAPTURE_UDP || (head[0] & 8) ? IPPROTO_UDP : IPPROTO_TCP;
	c.first = 0xffffff00U;
	c.seq = c.first + ((uint32_t)head[1] << 8 | head[2]);
	c.http = head[0] >> 7;
	c.lost = c.http && head[3] == 0xff;
	if (c.kind == OF_CAPTURE_UDP) {
		c.first = 0;
		c.seq = head[1] & 7;
		c.http = 0;
	}
	c.segment = c.peer.proto == IPPROTO_UDP && (head[0] & 0x20) ? 1U + head[3] * 8U : 0;
	c.copied = len;
	c.len = len + (head[0] & 0x40 ? head[3] : 0U);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct names_in *in = NULL;
	struct of_capture c;
	uint64_t time_ns = 1;
	uint8_t *entry;
	size_t at, len;

	if (names_in_new(NULL, NULL, on_record, NULL, &in) < 0)
		return 0;
	for (at = 0; at + 6 <= size; at += 6 + len) {
		len = (size_t)data[at + 4] << 8 | data[at + 5];
		if (len > size - at - 6)
			len = size - at - 6;
		c = capture_of(data + at, (uint32_t)len, &time_ns);
		entry = malloc(sizeof(c) + len);
		if (entry == NULL)
			break;
		memcpy(entry, &c, sizeof(c));
		memcpy(entry + sizeof(c), data + at + 6, len);
		names_in_take(in, entry, sizeof(c) + len);
		free(entry);
	}
	names_in_free(in);
	return 0;
}
