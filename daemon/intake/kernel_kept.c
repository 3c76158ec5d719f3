/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_kept.c: names that were learned, from answers and from what flows said, kept in maps of
 * the kernel for the next daemon: else what was asked for before a restart would be an address
 * without a name behind it, and what a connection said once would be forgotten while it lasts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>

#include "intake/kept.h"
#include "intake/kernel_private.h"

#include "base/poison.h"

#define SECOND_NS 1000000000ULL
#define NOTES_MAX 16 /* of one answer: more would push out what others asked for */

struct kept_map {
	struct map_view view;
	struct kept *kept;
};

struct keeper {
	struct kept_map names, flows;
};

/* Where what is kept is told to. */
struct tell {
	uint64_t now_ns;
	intake_raw_fn *fn;
	void *arg;
};

static void sum_end(struct sha256_ctx *sha, __u64 ret[2])
{
	uint8_t sum[SHA256_DIGEST_SIZE];

	sha256_digest(sha, sizeof(sum), sum);
	memcpy(ret, sum, 2 * sizeof(*ret));
}

/* ---- The maps ---- */

static int map_read(struct kept_map *m)
{
	int err;

	if (view_cover(&m->view, m->view.max) < m->view.max)
		return -ENOMEM;
	kept_place(m->kept, m->view.data, m->view.mapped);
	err = kept_read(m->kept);
	view_trim(&m->view, kept_used(m->kept));
	kept_place(m->kept, m->view.data, m->view.mapped);
	return err;
}

static int map_open(struct bpf_map *map, size_t key_size, bool adopted, struct kept_map *ret)
{
	struct kept_shape shape = { .key_size = key_size };
	int err = view_open(map, &ret->view);

	if (err < 0)
		return err;
	shape.size = ret->view.value_size;
	shape.max = ret->view.max;
	err = kept_new(&shape, &ret->kept);
	return err == 0 && adopted ? map_read(ret) : err;
}

static void map_close(struct kept_map *m)
{
	kept_free(m->kept);
	view_close(&m->view);
}

/* By plain stores: while somebody is in bpf(2) to change a map, the kernel may skip our probes on
 * that processor. */
static void map_put(struct kept_map *m, const struct of_kept_head *entry)
{
	(void)view_cover(&m->view, kept_used(m->kept) + 1);
	kept_place(m->kept, m->view.data, m->view.mapped);
	kept_put(m->kept, entry);
}

/* ---- From answers ---- */

/* Who answers is part of it: nobody's own server makes others forgotten. */
static void name_sum(const struct of_rec_dns *dns, __u64 ret[2])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, sizeof(dns->server), (const uint8_t *)&dns->server);
	sha256_update(&sha, strlen(dns->name), (const uint8_t *)dns->name);
	sum_end(&sha, ret);
}

static void name_note(struct keeper *k, const struct of_rec_dns *dns)
{
	const uint32_t needed = OF_DNS_ANSWER | OF_DNS_HOST;
	struct of_kept_name kept = { .key = { .exec_id = dns->exec_id, .netns = dns->netns },
				     .server = dns->server };
	uint32_t ttl;
	uint16_t i;

	if ((dns->flags & (needed | OF_DNS_KEPT)) != needed || dns->rcode != 0)
		return;
	memcpy(kept.name, dns->name, strlen(dns->name));
	name_sum(dns, kept.key.name);
	for (i = 0; i < dns->addrs_n && i < NOTES_MAX; i++) {
		memcpy(kept.key.addr, dns->addrs[i].addr, sizeof(kept.key.addr));
		ttl = dns->addrs[i].ttl < OF_NAME_TTL_MAX_S ? dns->addrs[i].ttl : OF_NAME_TTL_MAX_S;
		kept.head.time_ns = dns->hdr.ts_ns + ttl * SECOND_NS;
		map_put(&k->names, &kept.head);
	}
}

static void name_tell(void *arg, const struct of_kept_head *entry)
{
	const size_t len = offsetof(struct of_rec_dns, addrs) + sizeof(struct of_dns_addr);
	const struct of_kept_name *kept = (const struct of_kept_name *)entry;
	const struct tell *t = arg;
	struct of_rec_dns rec = {
		.hdr = { t->now_ns, (uint32_t)len, OF_REC_DNS, 0 },
		.server = kept->server,
		.exec_id = kept->key.exec_id,
		.netns = kept->key.netns,
		.flags = OF_DNS_ANSWER | OF_DNS_HOST | OF_DNS_KEPT,
		.addrs_n = 1,
	};
	size_t name_len = strnlen(kept->name, sizeof(kept->name) - 1);

	if (name_len == 0 || entry->time_ns + OF_NAME_GRACE_NS <= t->now_ns)
		return;
	memcpy(rec.name, kept->name, name_len);
	rec.suffix = (uint16_t)name_len;
	memcpy(rec.addrs[0].addr, kept->key.addr, sizeof(kept->key.addr));
	if (entry->time_ns > t->now_ns)
		rec.addrs[0].ttl = (uint32_t)((entry->time_ns - t->now_ns) / SECOND_NS);
	(void)t->fn(t->arg, &rec.hdr, len);
}

/* ---- From flows ---- */

static void flow_name_sum(const struct of_flow_name *name, __u64 ret[2])
{
	struct sha256_ctx sha;

	sha256_init(&sha);
	sha256_update(&sha, offsetof(struct of_flow_name, host), (const uint8_t *)name);
	sha256_update(&sha, strnlen(name->host, sizeof(name->host)), (const uint8_t *)name->host);
	sum_end(&sha, ret);
}

static void flow_note(struct keeper *k, const struct of_rec_flow *flow)
{
	struct of_kept_flow kept = { .head = { .time_ns = flow->hdr.ts_ns },
				     .key = { .to = flow->to,
					      .exec_id = flow->exec_id,
					      .creator = flow->creator,
					      .netns = flow->netns,
					      .flags = flow->flags & ~OF_FLOW_ALPN_MORE } };
	uint32_t i;

	if (flow->flags & OF_FLOW_KEPT)
		return;
	if (flow->names_n == 0)
		map_put(&k->flows, &kept.head);
	for (i = 0; i < flow->names_n && i < OF_FLOW_NAMES; i++) {
		kept.name = flow->names[i];
		flow_name_sum(&kept.name, kept.key.name);
		map_put(&k->flows, &kept.head);
	}
}

static void flow_tell(void *arg, const struct of_kept_head *entry)
{
	const struct of_kept_flow *kept = (const struct of_kept_flow *)entry;
	const struct tell *t = arg;
	struct of_rec_flow rec = {
		.hdr = { .ts_ns = entry->time_ns, .kind = OF_REC_FLOW },
		.to = kept->key.to,
		.exec_id = kept->key.exec_id,
		.creator = kept->key.creator,
		.netns = kept->key.netns,
		.flags = kept->key.flags | OF_FLOW_KEPT,
		.names_n = kept->name.source != 0,
	};

	rec.hdr.len = (uint32_t)(offsetof(struct of_rec_flow, names) +
				 rec.names_n * sizeof(rec.names[0]));
	rec.names[0] = kept->name;
	rec.names[0].host[sizeof(rec.names[0].host) - 1] = '\0';
	(void)t->fn(t->arg, &rec.hdr, rec.hdr.len);
}

/* ---- Both ---- */

int keeper_new(struct outflow_bpf *skel, bool adopted, struct keeper **ret)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int err;

	if (k == NULL)
		return -ENOMEM;
	err = map_open(skel->maps.kept_names, sizeof(struct of_kept_name_key), adopted, &k->names);
	if (err == 0)
		err = map_open(skel->maps.kept_flows, sizeof(struct of_kept_flow_key), adopted,
			       &k->flows);
	if (err < 0) {
		keeper_free(k);
		return err;
	}
	*ret = k;
	return 0;
}

void keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	map_close(&k->names);
	map_close(&k->flows);
	free(k);
}

void keeper_note(struct keeper *k, const struct of_rec_hdr *rec)
{
	if (rec->kind == OF_REC_DNS)
		name_note(k, (const struct of_rec_dns *)rec);
	else if (rec->kind == OF_REC_FLOW)
		flow_note(k, (const struct of_rec_flow *)rec);
}

void keeper_tell(const struct keeper *k, uint64_t now_ns, intake_raw_fn *fn, void *arg)
{
	struct tell t = { now_ns, fn, arg };

	kept_each(k->names.kept, name_tell, &t);
	kept_each(k->flows.kept, flow_tell, &t);
}
