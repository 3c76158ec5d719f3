/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/poison.h"

int ring_open(int fd, size_t bytes, struct ring *ret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *consumer, *producer;
	int err;

	if (bytes < page || (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	producer = mmap(NULL, page + 2 * bytes, PROT_READ, MAP_SHARED, fd, (off_t)page);
	if (producer == MAP_FAILED) {
		err = -errno;
		(void)munmap(consumer, page);
		return err;
	}
	*ret = (struct ring){ .consumer = consumer,
			      .producer = producer,
			      .data = (const uint8_t *)producer + page,
			      .bytes = bytes };
	ret->at = __atomic_load_n(ret->consumer, __ATOMIC_ACQUIRE);
	return 0;
}

void ring_close(struct ring *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)munmap((void *)(uintptr_t)r->producer, page + 2 * r->bytes);
	(void)munmap(r->consumer, page);
}

const void *ring_next(struct ring *r, size_t *ret_len)
{
	const uint8_t *entry;
	uint32_t head, len;

	while (r->at < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		entry = r->data + (r->at & (r->bytes - 1));
		head = __atomic_load_n((const uint32_t *)(const void *)entry, __ATOMIC_ACQUIRE);
		if (head & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		len = head & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		r->at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
		if (head & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret_len = len;
		return entry + BPF_RINGBUF_HDR_SZ;
	}
	return NULL;
}

void ring_done(struct ring *r)
{
	__atomic_store_n(r->consumer, r->at, __ATOMIC_RELEASE);
}

unsigned long ring_position(const struct ring *r)
{
	return __atomic_load_n(r->consumer, __ATOMIC_ACQUIRE);
}

bool ring_waits(const struct ring *r)
{
	return ring_position(r) != __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}
