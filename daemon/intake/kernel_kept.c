/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_kept.c: names that were learned from answers, kept in a map of the kernel for the next
 * daemon: else what was asked for before a restart would be an address without a name behind it.
 */
#include <string.h>

#include <bpf/bpf.h>
#include <nettle/sha2.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

#define SECOND_NS 1000000000ULL
#define NOTES_MAX 16 /* of one answer: more would push out what others asked for */

/* But for the address. Who answers is part of it: nobody's own server makes others forgotten. */
static struct of_kept_key key_of(const struct of_rec_dns *dns)
{
	struct of_kept_key key = { .netns = dns->netns };
	uint8_t sum[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, sizeof(dns->server), (const uint8_t *)&dns->server);
	sha256_update(&sha, strlen(dns->name), (const uint8_t *)dns->name);
	sha256_digest(&sha, sizeof(sum), sum);
	memcpy(key.name, sum, sizeof(key.name));
	return key;
}

void kept_note(const struct outflow_bpf *skel, const struct of_rec_dns *dns)
{
	const uint32_t needed = OF_DNS_ANSWER | OF_DNS_HOST;
	struct of_kept_name kept = { .exec_id = dns->exec_id, .server = dns->server };
	struct of_kept_key key;
	uint32_t ttl;
	uint16_t i;

	if ((dns->flags & (needed | OF_DNS_KEPT)) != needed || dns->rcode != 0)
		return;
	memcpy(kept.name, dns->name, strlen(dns->name));
	key = key_of(dns);
	for (i = 0; i < dns->addrs_n && i < NOTES_MAX; i++) {
		memcpy(key.addr, dns->addrs[i].addr, sizeof(key.addr));
		ttl = dns->addrs[i].ttl < OF_NAME_TTL_MAX_S ? dns->addrs[i].ttl : OF_NAME_TTL_MAX_S;
		kept.end_ns = dns->hdr.ts_ns + ttl * SECOND_NS;
		/* One that cannot be kept is asked for again. */
		(void)bpf_map_update_elem(bpf_map__fd(skel->maps.kept_names), &key, &kept, BPF_ANY);
	}
}

static void tell(const struct of_kept_key *key, const struct of_kept_name *kept, uint64_t now_ns,
		 intake_raw_fn *fn, void *arg)
{
	const size_t len = offsetof(struct of_rec_dns, addrs) + sizeof(struct of_dns_addr);
	struct of_rec_dns rec = {
		.hdr = { now_ns, (uint32_t)len, OF_REC_DNS, 0 },
		.server = kept->server,
		.exec_id = kept->exec_id,
		.netns = key->netns,
		.flags = OF_DNS_ANSWER | OF_DNS_HOST | OF_DNS_KEPT,
		.addrs_n = 1,
	};
	size_t name_len = strnlen(kept->name, sizeof(kept->name) - 1);

	memcpy(rec.name, kept->name, name_len);
	rec.suffix = (uint16_t)name_len;
	memcpy(rec.addrs[0].addr, key->addr, sizeof(key->addr));
	if (kept->end_ns > now_ns)
		rec.addrs[0].ttl = (uint32_t)((kept->end_ns - now_ns) / SECOND_NS);
	if (name_len > 0)
		(void)fn(arg, &rec.hdr, len);
}

void kept_tell(const struct outflow_bpf *skel, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	int fd = bpf_map__fd(skel->maps.kept_names), i, err;
	struct of_kept_key key, next;
	struct of_kept_name kept;

	err = bpf_map_get_next_key(fd, NULL, &next);
	/* Nobody writes meanwhile: no key comes twice. */
	for (i = 0; i < OF_KEPT_NAMES && err == 0; i++) {
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &kept) == 0 &&
		    kept.end_ns + OF_NAME_GRACE_NS > now_ns)
			tell(&key, &kept, now_ns, fn, arg);
		err = bpf_map_get_next_key(fd, &key, &next);
	}
}
