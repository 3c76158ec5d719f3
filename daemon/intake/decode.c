/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decode.c: from raw records to events. The reader distrusts the writer: a recording may come
 * from anywhere.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "intake/intake.h"

#include "base/poison.h"

static bool terminated(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

static bool execution_terminated(const struct of_exec *e)
{
	return terminated(e->name, sizeof(e->name)) && terminated(e->comm, sizeof(e->comm));
}

static int decode_host(const void *rec, struct event *ret)
{
	const struct of_rec_host *r = rec;

	if (!terminated(r->host, sizeof(r->host)) || !terminated(r->boot_id, sizeof(r->boot_id)))
		return -EBADMSG;
	ret->host.name = r->host;
	ret->host.boot_id = r->boot_id;
	ret->host.roles_id = r->roles_id;
	ret->host.netns = r->netns;
	return 0;
}

static int decode_clock(const void *rec, struct event *ret)
{
	ret->clock.utc_offset_ns = ((const struct of_rec_clock *)rec)->utc_offset_ns;
	return 0;
}

static int decode_resolver(const void *rec, struct event *ret)
{
	ret->addr.addr = ((const struct of_rec_resolver *)rec)->addr;
	return 0;
}

static int decode_addr(const void *rec, struct event *ret)
{
	const struct of_rec_addr *r = rec;

	ret->addr.addr = r->addr;
	ret->addr.netns = r->netns;
	ret->addr.gone = r->gone != 0;
	return 0;
}

static int decode_fork(const void *rec, struct event *ret)
{
	const struct of_rec_fork *r = rec;

	if (!execution_terminated(&r->e))
		return -EBADMSG;
	ret->exec.e = &r->e;
	return 0;
}

static int decode_exec(const void *rec, struct event *ret)
{
	const struct of_rec_exec *r = rec;
	size_t tail = r->hdr.len - offsetof(struct of_rec_exec, tail);

	if (!execution_terminated(&r->e))
		return -EBADMSG;
	if (r->exe_len >= OF_EXE_LEN || r->cwd_len >= OF_CWD_LEN || r->argv_len > OF_ARGV_LEN ||
	    (size_t)r->exe_len + r->cwd_len + r->argv_len > tail)
		return -EBADMSG;
	ret->exec.e = &r->e;
	ret->exec.image = r->image.ino == 0 ? NULL : &r->image;
	ret->exec.exe = r->tail;
	ret->exec.exe_len = r->exe_len;
	ret->exec.cwd = r->tail + r->exe_len;
	ret->exec.cwd_len = r->cwd_len;
	ret->exec.argv = r->tail + r->exe_len + r->cwd_len;
	ret->exec.argv_len = r->argv_len;
	ret->exec.argv_redacted = r->argv_redacted;
	ret->exec.argv_size = r->argv_size > r->argv_len ? r->argv_size : r->argv_len;
	return 0;
}

static int decode_cgroup(const void *rec, struct event *ret)
{
	const struct of_rec_cgroup *r = rec;

	if (r->cgroup.len >= OF_CGROUP_LEN ||
	    r->cgroup.len > r->hdr.len - offsetof(struct of_rec_cgroup, cgroup.path))
		return -EBADMSG;
	ret->cgroup.id = r->id;
	ret->cgroup.path = r->cgroup.path;
	ret->cgroup.path_len = r->cgroup.len;
	ret->cgroup.truncated = r->cgroup.truncated != 0;
	return 0;
}

static int decode_container(const void *rec, struct event *ret)
{
	const struct of_rec_container *r = rec;

	if (!terminated(r->runtime, sizeof(r->runtime)) || !terminated(r->image, sizeof(r->image)))
		return -EBADMSG;
	ret->container = r;
	return 0;
}

static int decode_env(const void *rec, struct event *ret)
{
	const struct of_rec_env *r = rec;

	if (r->env.len > OF_ENV_LEN ||
	    r->env.len > r->hdr.len - offsetof(struct of_rec_env, env.text) ||
	    (r->env.len > 0 && r->env.text[r->env.len - 1] != '\0'))
		return -EBADMSG;
	ret->env.id = r->id;
	ret->env.text = r->env.text;
	ret->env.text_len = r->env.len;
	ret->env.truncated = r->env.truncated != 0;
	return 0;
}

static int decode_comm(const void *rec, struct event *ret)
{
	const struct of_rec_comm *r = rec;

	if (!terminated(r->comm, sizeof(r->comm)))
		return -EBADMSG;
	ret->comm.exec_id = r->exec_id;
	ret->comm.comm = r->comm;
	ret->comm.renames = r->renames;
	return 0;
}

static int decode_exit(const void *rec, struct event *ret)
{
	const struct of_rec_exit *r = rec;

	ret->exit.exec_id = r->exec_id;
	ret->exit.tgid = r->tgid;
	ret->exit.flags = r->flags;
	return 0;
}

static int decode_connect(const void *rec, struct event *ret)
{
	const struct of_rec_connect *r = rec;

	ret->connect.to = &r->to;
	ret->connect.tgid = r->tgid;
	ret->connect.netns = r->netns;
	return 0;
}

static int decode_account(const void *rec, struct event *ret)
{
	ret->account = &((const struct of_rec_account *)rec)->a;
	return 0;
}

static int decode_loss(const void *rec, struct event *ret)
{
	ret->loss = &((const struct of_rec_loss *)rec)->loss;
	return 0;
}

static int decode_link(const void *rec, struct event *ret)
{
	const struct of_rec_link *r = rec;

	if (!terminated(r->name, sizeof(r->name)))
		return -EBADMSG;
	ret->link = r;
	return 0;
}

/* The kernel counts the NUL behind a path, too. */
static int decode_ask(const void *rec, struct event *ret)
{
	const struct of_rec_ask *r = rec;

	if (r->name_len > sizeof(r->name))
		return -EBADMSG;
	ret->ask.exec_id = r->exec_id;
	ret->ask.asked_ns = r->asked_ns;
	ret->ask.tgid = r->tgid;
	ret->ask.name = r->name;
	ret->ask.name_len = r->name_len;
	if (r->name[0] != '\0')
		ret->ask.name_len = strnlen(r->name, r->name_len);
	return 0;
}

static int decode_spool(const void *rec, struct event *ret)
{
	const struct of_rec_spool *r = rec;
	size_t tail = r->hdr.len - offsetof(struct of_rec_spool, commands);

	if (r->path_len > sizeof(r->path) || r->commands_n > OF_COMMANDS ||
	    r->commands_n * sizeof(r->commands[0]) > tail)
		return -EBADMSG;
	if (r->hdr.err == 0 && (r->kind == 0 || r->kind > OF_SPOOL_PROGRAM))
		return -EBADMSG;
	ret->spool = r;
	return 0;
}

static int decode_hash(const void *rec, struct event *ret)
{
	const struct of_rec_hash *r = rec;

	if (r->state == OF_HASH_NONE || r->state > OF_HASH_SKIPPED)
		return -EBADMSG;
	ret->hash.exec_id = r->exec_id;
	ret->hash.image = r->image.ino == 0 ? NULL : &r->image;
	ret->hash.state = (enum of_hash_state)r->state;
	ret->hash.sha256 = r->state == OF_HASH_OK ? r->sha256 : NULL;
	return 0;
}

static int decode_dns(const void *rec, struct event *ret)
{
	const struct of_rec_dns *r = rec;
	size_t tail = r->hdr.len - offsetof(struct of_rec_dns, addrs), len;

	if (!terminated(r->name, sizeof(r->name)) || r->addrs_n > OF_DNS_ADDRS ||
	    r->addrs_n * sizeof(r->addrs[0]) > tail)
		return -EBADMSG;
	len = strlen(r->name);
	if (r->flags & OF_DNS_MALFORMED) {
		if (r->flags != OF_DNS_MALFORMED || len > 0 || r->suffix > 0 || r->addrs_n > 0)
			return -EBADMSG;
	} else if (len == 0 || r->suffix > len) {
		return -EBADMSG;
	}
	ret->dns = r;
	return 0;
}

static bool alpn_is_well(const struct of_alpn *alpn, uint32_t n)
{
	uint32_t i;

	if (n > OF_ALPN_MAX)
		return false;
	for (i = 0; i < n; i++)
		if (alpn[i].len == 0 || alpn[i].len > OF_ALPN_LEN)
			return false;
	return true;
}

static int decode_flow(const void *rec, struct event *ret)
{
	const struct of_rec_flow *r = rec;
	size_t tail = r->hdr.len - offsetof(struct of_rec_flow, names), i;

	if (r->names_n > OF_FLOW_NAMES || r->names_n * sizeof(r->names[0]) > tail ||
	    !alpn_is_well(r->alpn, r->alpn_n))
		return -EBADMSG;
	for (i = 0; i < r->names_n; i++)
		if (r->names[i].source < OF_NAME_CONNECT || r->names[i].source > OF_NAME_HOST ||
		    r->names[i].host[0] == '\0' ||
		    !terminated(r->names[i].host, sizeof(r->names[i].host)))
			return -EBADMSG;
	ret->flow = r;
	return 0;
}

static int decode_tick(const void *rec, struct event *ret)
{
	(void)rec;
	(void)ret;
	return 0;
}

static const struct rec_desc {
	size_t min_len;
	int (*decode)(const void *rec, struct event *ret);
} rec_descs[OF_REC_MAX] = {
	[OF_REC_HOST] = { sizeof(struct of_rec_host), decode_host },
	[OF_REC_CLOCK] = { sizeof(struct of_rec_clock), decode_clock },
	[OF_REC_RESOLVER] = { sizeof(struct of_rec_resolver), decode_resolver },
	[OF_REC_ADDR] = { sizeof(struct of_rec_addr), decode_addr },
	[OF_REC_FORK] = { sizeof(struct of_rec_fork), decode_fork },
	[OF_REC_EXEC] = { offsetof(struct of_rec_exec, tail), decode_exec },
	[OF_REC_EXIT] = { sizeof(struct of_rec_exit), decode_exit },
	[OF_REC_CONNECT] = { sizeof(struct of_rec_connect), decode_connect },
	[OF_REC_ACCOUNT] = { sizeof(struct of_rec_account), decode_account },
	[OF_REC_LOSS] = { sizeof(struct of_rec_loss), decode_loss },
	[OF_REC_TICK] = { sizeof(struct of_rec_tick), decode_tick },
	[OF_REC_CGROUP] = { offsetof(struct of_rec_cgroup, cgroup.path), decode_cgroup },
	[OF_REC_ENV] = { offsetof(struct of_rec_env, env.text), decode_env },
	[OF_REC_COMM] = { sizeof(struct of_rec_comm), decode_comm },
	[OF_REC_CONTAINER] = { sizeof(struct of_rec_container), decode_container },
	[OF_REC_LINK] = { sizeof(struct of_rec_link), decode_link },
	[OF_REC_ASK] = { sizeof(struct of_rec_ask), decode_ask },
	[OF_REC_HASH] = { sizeof(struct of_rec_hash), decode_hash },
	[OF_REC_DNS] = { offsetof(struct of_rec_dns, addrs), decode_dns },
	[OF_REC_FLOW] = { offsetof(struct of_rec_flow, names), decode_flow },
	[OF_REC_SPOOL] = { offsetof(struct of_rec_spool, commands), decode_spool },
};

/* The sizes are the ABI: a change here is a change of OF_ABI_VERSION. */
_Static_assert(sizeof(struct of_account) == 88, "ABI");
_Static_assert(sizeof(struct of_exec) == 240, "ABI");
_Static_assert(sizeof(struct of_exec_slot) == 544, "ABI");
_Static_assert(sizeof(struct of_rec_host) == 136, "ABI");
_Static_assert(sizeof(struct of_rec_exec) == 4928, "ABI");
_Static_assert(sizeof(struct of_rec_hash) == 112, "ABI");
_Static_assert(sizeof(struct of_rec_link) == 264, "ABI");
_Static_assert(sizeof(struct of_rec_container) == 296, "ABI");
_Static_assert(sizeof(struct of_rec_ask) == 176, "ABI");
_Static_assert(sizeof(struct of_rec_spool) == 840, "ABI");
_Static_assert(sizeof(struct of_rec_dns) == 6480, "ABI");
_Static_assert(sizeof(struct of_rec_flow) == 1384, "ABI");
_Static_assert(sizeof(struct of_capture) == 88, "ABI");
_Static_assert(sizeof(struct of_kept_name) == 344, "ABI");
_Static_assert(sizeof(struct of_kept_flow) == 344, "ABI");
_Static_assert(sizeof(struct of_link_sums) == 104, "ABI");

int decode(const void *rec, size_t size, struct event *ret)
{
	const struct of_rec_hdr *h = rec;
	struct event ev = { .kind = 0 };
	int err;

	if (size < sizeof(*h) || h->len < sizeof(*h) || h->len > size)
		return -EBADMSG;
	if (h->kind >= OF_REC_MAX || rec_descs[h->kind].decode == NULL)
		return -EPROTONOSUPPORT;
	if (h->len < rec_descs[h->kind].min_len)
		return -EBADMSG;
	ev.kind = h->kind;
	ev.err = h->err;
	ev.time_ns = h->ts_ns;
	err = rec_descs[h->kind].decode(rec, &ev);
	if (err == 0)
		*ret = ev;
	return err;
}
