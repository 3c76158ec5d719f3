/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_kept.c: names that were learned, from answers and from what flows said, kept in maps of
 * the kernel for the next daemon: else what was asked for before a restart would be an address
 * without a name behind it, and what a connection said once would be forgotten while it lasts.
 */
#include <string.h>

#include <bpf/bpf.h>
#include <nettle/sha2.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

#define SECOND_NS 1000000000ULL
#define NOTES_MAX 16 /* of one answer: more would push out what others asked for */

static void sum_end(struct sha256_ctx *sha, __u64 ret[2])
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(sha, sizeof(sum), sum);
	memcpy(ret, sum, 2 * sizeof(*ret));
}

/* ---- From answers ---- */

/* But for the address. Who answers is part of it: nobody's own server makes others forgotten. */
static struct of_kept_key name_key(const struct of_rec_dns *dns)
{
	struct of_kept_key key = { .exec_id = dns->exec_id, .netns = dns->netns };
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, sizeof(dns->server), (const uint8_t *)&dns->server);
	sha256_update(&sha, strlen(dns->name), (const uint8_t *)dns->name);
	sum_end(&sha, key.name);
	return key;
}

static void name_note(const struct outflow_bpf *skel, const struct of_rec_dns *dns)
{
	const uint32_t needed = OF_DNS_ANSWER | OF_DNS_HOST;
	struct of_kept_name kept = { .server = dns->server };
	struct of_kept_key key;
	uint32_t ttl;
	uint16_t i;

	if ((dns->flags & (needed | OF_DNS_KEPT)) != needed || dns->rcode != 0)
		return;
	memcpy(kept.name, dns->name, strlen(dns->name));
	key = name_key(dns);
	for (i = 0; i < dns->addrs_n && i < NOTES_MAX; i++) {
		memcpy(key.addr, dns->addrs[i].addr, sizeof(key.addr));
		ttl = dns->addrs[i].ttl < OF_NAME_TTL_MAX_S ? dns->addrs[i].ttl : OF_NAME_TTL_MAX_S;
		kept.end_ns = dns->hdr.ts_ns + ttl * SECOND_NS;
		/* One that cannot be kept is asked for again. */
		(void)bpf_map_update_elem(bpf_map__fd(skel->maps.kept_names), &key, &kept, BPF_ANY);
	}
}

static void name_tell(const struct of_kept_key *key, const struct of_kept_name *kept,
		      uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	const size_t len = offsetof(struct of_rec_dns, addrs) + sizeof(struct of_dns_addr);
	struct of_rec_dns rec = {
		.hdr = { now_ns, (uint32_t)len, OF_REC_DNS, 0 },
		.server = kept->server,
		.exec_id = key->exec_id,
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

static void names_tell(const struct outflow_bpf *skel, uint64_t now_ns, intake_raw_fn *fn,
		       void *arg)
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
			name_tell(&key, &kept, now_ns, fn, arg);
		err = bpf_map_get_next_key(fd, &key, &next);
	}
}

/* ---- From flows ---- */

static void flow_name_note(const struct outflow_bpf *skel, struct of_kept_flow_key *key,
			   struct of_kept_flow *kept)
{
	struct of_flow_name *name = &kept->name;
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, offsetof(struct of_flow_name, host), (const uint8_t *)name);
	sha256_update(&sha, strnlen(name->host, sizeof(name->host)), (const uint8_t *)name->host);
	sum_end(&sha, key->name);
	(void)bpf_map_update_elem(bpf_map__fd(skel->maps.kept_flows), key, kept, BPF_ANY);
}

static void flow_note(const struct outflow_bpf *skel, const struct of_rec_flow *flow)
{
	struct of_kept_flow_key key = { .to = flow->to,
					.exec_id = flow->exec_id,
					.creator = flow->creator,
					.netns = flow->netns,
					.flags = flow->flags };
	struct of_kept_flow kept = { .time_ns = flow->hdr.ts_ns };
	uint32_t i;

	if (flow->flags & OF_FLOW_KEPT)
		return;
	if (flow->names_n == 0)
		(void)bpf_map_update_elem(bpf_map__fd(skel->maps.kept_flows), &key, &kept, BPF_ANY);
	for (i = 0; i < flow->names_n && i < OF_FLOW_NAMES; i++) {
		kept.name = flow->names[i];
		flow_name_note(skel, &key, &kept);
	}
}

static void flow_tell(const struct of_kept_flow_key *key, const struct of_kept_flow *kept,
		      intake_raw_fn *fn, void *arg)
{
	struct of_rec_flow rec = {
		.hdr = { .ts_ns = kept->time_ns, .kind = OF_REC_FLOW },
		.to = key->to,
		.exec_id = key->exec_id,
		.creator = key->creator,
		.netns = key->netns,
		.flags = key->flags | OF_FLOW_KEPT,
		.names_n = kept->name.source != 0,
	};

	rec.hdr.len = (uint32_t)(offsetof(struct of_rec_flow, names) +
				 rec.names_n * sizeof(rec.names[0]));
	rec.names[0] = kept->name;
	rec.names[0].host[sizeof(rec.names[0].host) - 1] = '\0';
	(void)fn(arg, &rec.hdr, rec.hdr.len);
}

static void flows_tell(const struct outflow_bpf *skel, intake_raw_fn *fn, void *arg)
{
	int fd = bpf_map__fd(skel->maps.kept_flows), i, err;
	struct of_kept_flow_key key, next;
	struct of_kept_flow kept;

	err = bpf_map_get_next_key(fd, NULL, &next);
	for (i = 0; i < OF_KEPT_FLOWS && err == 0; i++) {
		key = next;
		if (bpf_map_lookup_elem(fd, &key, &kept) == 0)
			flow_tell(&key, &kept, fn, arg);
		err = bpf_map_get_next_key(fd, &key, &next);
	}
}

/* ---- Both ---- */

void kept_note(const struct outflow_bpf *skel, const struct of_rec_hdr *rec)
{
	if (rec->kind == OF_REC_DNS)
		name_note(skel, (const struct of_rec_dns *)rec);
	else if (rec->kind == OF_REC_FLOW)
		flow_note(skel, (const struct of_rec_flow *)rec);
}

void kept_tell(const struct outflow_bpf *skel, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	names_tell(skel, now_ns, fn, arg);
	flows_tell(skel, fn, arg);
}
