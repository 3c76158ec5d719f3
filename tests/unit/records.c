/* SPDX-License-Identifier: BSD-2-Clause */
#include "records.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crontab.h"
#include "base/ip.h"
#include "intake/intake.h"

/* ---- Streams ---- */

void stream_done(struct stream *s)
{
	free(s->data);
	*s = (struct stream){ .data = NULL };
}

void stream_add(struct stream *s, void *rec, size_t len, enum of_rec_kind kind)
{
	struct of_rec_hdr *h = rec;

	h->ts_ns = s->now_ns;
	h->len = (uint32_t)len;
	h->kind = (uint16_t)kind;
	if (s->cap - s->len < len) {
		s->cap = (s->cap + len) * 2;
		s->data = realloc(s->data, s->cap);
		cr_assert_not_null(s->data);
	}
	memcpy(s->data + s->len, rec, len);
	s->len += len;
}

struct of_endpoint endpoint(const char *ip, uint16_t port)
{
	struct of_endpoint to = { .port = port, .proto = IPPROTO_TCP };

	cr_assert_eq(ip_parse(ip, to.addr), 0, "%s", ip);
	to.family = ip_is_v4(to.addr) ? OF_AF_INET : OF_AF_INET6;
	return to;
}

struct of_exec exec_of(uint64_t id, uint64_t parent, uint32_t tgid, const char *name)
{
	struct of_exec e = { .exec_id = id,
			     .parent = parent,
			     .tgid = tgid,
			     .sid = 1,
			     .uid = 1000,
			     .gid = 1000,
			     .loginuid = UINT32_MAX,
			     .slot = (uint32_t)id };

	(void)snprintf(e.name, sizeof(e.name), "%s", name);
	return e;
}

struct of_account account_of(uint64_t exec_id, const char *ip, uint16_t port, uint64_t sent)
{
	return (struct of_account){
		.exec_id = exec_id, .to = endpoint(ip, port), .sent = sent, .netns = NETNS
	};
}

void rec_host(struct stream *s, uint64_t roles_id)
{
	struct of_rec_host r = { .host = "runner-7", .roles_id = roles_id };

	(void)snprintf(r.boot_id, sizeof(r.boot_id), "6f1c0000-0000-4000-8000-000000000000");
	stream_add(s, &r, sizeof(r), OF_REC_HOST);
}

void rec_clock(struct stream *s, int64_t utc_offset_ns)
{
	struct of_rec_clock r = { .utc_offset_ns = utc_offset_ns };

	stream_add(s, &r, sizeof(r), OF_REC_CLOCK);
}

void rec_resolver(struct stream *s, const char *ip)
{
	struct of_rec_resolver r = { .hdr = { 0 } };

	cr_assert_eq(ip_parse(ip, r.addr), 0);
	stream_add(s, &r, sizeof(r), OF_REC_RESOLVER);
}

void rec_addr(struct stream *s, const char *ip, uint32_t netns, uint32_t gone)
{
	struct of_rec_addr r = { .netns = netns, .gone = gone };

	cr_assert_eq(ip_parse(ip, r.addr), 0);
	stream_add(s, &r, sizeof(r), OF_REC_ADDR);
}

void rec_fork_of(struct stream *s, const struct of_exec *e)
{
	struct of_rec_fork r = { .e = *e };

	if (r.e.start_ns == 0)
		r.e.start_ns = s->now_ns;
	r.e.flags |= OF_EXEC_FORKED;
	stream_add(s, &r, sizeof(r), OF_REC_FORK);
}

void rec_fork(struct stream *s, uint64_t id, uint64_t parent, uint32_t tgid)
{
	struct of_exec e = exec_of(id, parent, tgid, "forked");

	rec_fork_of(s, &e);
}

static void cgroup_add(struct stream *s, uint64_t id, const char *path, uint32_t truncated)
{
	struct of_rec_cgroup r = {
		.id = id, .cgroup = { .len = (uint32_t)strlen(path), .truncated = truncated }
	};

	memcpy(r.cgroup.path, path, r.cgroup.len);
	stream_add(s, &r, offsetof(struct of_rec_cgroup, cgroup.path) + r.cgroup.len,
		   OF_REC_CGROUP);
}

void rec_env(struct stream *s, uint64_t id, const char *text, size_t len)
{
	struct of_rec_env r = { .id = id, .env.len = (uint32_t)len };

	memcpy(r.env.text, text, len);
	stream_add(s, &r, offsetof(struct of_rec_env, env.text) + len, OF_REC_ENV);
}

void rec_comm(struct stream *s, uint64_t exec_id, uint32_t renames, const char *comm)
{
	struct of_rec_comm r = { .exec_id = exec_id, .renames = renames };

	(void)snprintf(r.comm, sizeof(r.comm), "%s", comm);
	stream_add(s, &r, sizeof(r), OF_REC_COMM);
}

void rec_cgroup(struct stream *s, uint64_t id, const char *path)
{
	cgroup_add(s, id, path, 0);
}

void rec_cgroup_cut(struct stream *s, uint64_t id, const char *path)
{
	cgroup_add(s, id, path, 1);
}

void rec_container(struct stream *s, uint64_t cgroup, const char *runtime, const char *image)
{
	struct of_rec_container r = { .cgroup = cgroup };

	(void)snprintf(r.runtime, sizeof(r.runtime), "%s", runtime);
	(void)snprintf(r.image, sizeof(r.image), "%s", image);
	stream_add(s, &r, sizeof(r), OF_REC_CONTAINER);
}

void rec_env_lines(struct stream *s, uint64_t id, const char *lines)
{
	size_t len = strlen(lines), i;
	char text[OF_ENV_LEN];

	cr_assert_leq(len, sizeof(text));
	for (i = 0; i < len; i++)
		text[i] = (char)(lines[i] == '\n' ? '\0' : lines[i]);
	rec_env(s, id, text, len);
}

static struct of_image image_of(uint64_t exec_id)
{
	return (struct of_image){ .ino = exec_id, .size = 1000, .dev = 1 };
}

void rec_exec_of(struct stream *s, const struct of_exec *e, const char *exe, const char *argv,
		 size_t argv_len)
{
	struct of_rec_exec r = { .e = *e,
				 .image = image_of(e->exec_id),
				 .exe_len = (uint16_t)strlen(exe) };

	if (r.e.start_ns == 0)
		r.e.start_ns = s->now_ns;
	r.argv_len = (uint16_t)argv_len;
	r.argv_size = (uint32_t)argv_len;
	memcpy(r.tail, exe, r.exe_len);
	if (argv_len > 0)
		memcpy(r.tail + r.exe_len, argv, argv_len);
	stream_add(s, &r, offsetof(struct of_rec_exec, tail) + r.exe_len + argv_len, OF_REC_EXEC);
}

void rec_exec(struct stream *s, uint64_t id, uint64_t parent, uint32_t tgid, const char *exe)
{
	const char *slash = strrchr(exe, '/');
	const char *name = slash != NULL ? slash + 1 : exe;
	struct of_exec e = exec_of(id, parent, tgid, name);

	rec_exec_of(s, &e, exe, name, strlen(name) + 1);
}

void rec_exec_env(struct stream *s, uint64_t id, uint64_t parent, uint32_t tgid, const char *exe,
		  uint64_t env)
{
	const char *name = strrchr(exe, '/') + 1;
	struct of_exec e = exec_of(id, parent, tgid, name);

	e.env = env;
	rec_exec_of(s, &e, exe, name, strlen(name) + 1);
}

void rec_exit(struct stream *s, uint64_t id, uint32_t tgid)
{
	struct of_rec_exit r = { .exec_id = id, .tgid = tgid, .flags = OF_EXEC_ENDED };

	stream_add(s, &r, sizeof(r), OF_REC_EXIT);
}

void rec_connect(struct stream *s, uint32_t tgid, const char *ip, uint16_t port)
{
	struct of_rec_connect r = { .to = endpoint(ip, port), .tgid = tgid };

	stream_add(s, &r, sizeof(r), OF_REC_CONNECT);
}

void rec_account_of(struct stream *s, const struct of_account *a)
{
	struct of_rec_account r = { .a = *a };

	stream_add(s, &r, sizeof(r), OF_REC_ACCOUNT);
}

void rec_account(struct stream *s, uint64_t exec_id, const char *ip, uint16_t port, uint64_t sent)
{
	struct of_account a = account_of(exec_id, ip, port, sent);

	rec_account_of(s, &a);
}

void rec_loss(struct stream *s, uint64_t ring)
{
	struct of_rec_loss r = { .loss = { .ring = ring } };

	stream_add(s, &r, sizeof(r), OF_REC_LOSS);
}

void rec_link_of(struct stream *s, const struct of_rec_link *link)
{
	struct of_rec_link r = *link;

	stream_add(s, &r, sizeof(r), OF_REC_LINK);
}

void rec_ask_name(struct stream *s, uint64_t exec_id, uint32_t tgid, const char *name, size_t len)
{
	struct of_rec_ask r = { .exec_id = exec_id,
				.asked_ns = s->now_ns,
				.tgid = tgid,
				.how = OF_ASK_SENT,
				.name_len = (uint16_t)len };

	memcpy(r.name, name, len);
	stream_add(s, &r, sizeof(r), OF_REC_ASK);
}

void rec_ask(struct stream *s, uint64_t exec_id, uint32_t tgid, const char *path)
{
	rec_ask_name(s, exec_id, tgid, path, strlen(path) + 1);
}

void rec_spool_of(struct stream *s, const struct of_rec_spool *rec, const char *path)
{
	struct of_rec_spool r = *rec;

	r.path_len = (uint16_t)strlen(path);
	memcpy(r.path, path, r.path_len);
	stream_add(s, &r,
		   offsetof(struct of_rec_spool, commands) + r.commands_n * sizeof(r.commands[0]),
		   OF_REC_SPOOL);
}

void rec_spool(struct stream *s, uint64_t exec_id, enum of_spool kind, uint32_t uid,
	       const char *path, const char *command)
{
	struct of_rec_spool r = {
		.exec_id = exec_id, .uid = uid, .kind = (uint16_t)kind, .flags = OF_SPOOL_WRITTEN
	};

	if (command != NULL) {
		r.flags |= OF_SPOOL_READ;
		r.commands[r.commands_n++] = crontab_hash(command, strlen(command));
	}
	rec_spool_of(s, &r, path);
}

/* A digest of which every byte is the same. */
void rec_hash(struct stream *s, uint64_t id, enum of_hash_state state, uint8_t byte)
{
	struct of_rec_hash r = { .exec_id = id, .state = state, .image = image_of(id) };

	memset(r.sha256, byte, sizeof(r.sha256));
	stream_add(s, &r, sizeof(r), OF_REC_HASH);
}

void rec_dns_of(struct stream *s, const struct of_rec_dns *rec)
{
	struct of_rec_dns r = *rec;

	if (r.netns == 0)
		r.netns = NETNS;
	stream_add(s, &r, offsetof(struct of_rec_dns, addrs) + r.addrs_n * sizeof(r.addrs[0]),
		   OF_REC_DNS);
}

void rec_dns(struct stream *s, uint64_t exec_id, const char *server, const char *name,
	     const char *ip)
{
	struct of_rec_dns r = { .server = endpoint(server, 53),
				.exec_id = exec_id,
				.flags = OF_DNS_ANSWER | OF_DNS_HOST,
				.octets = 100,
				.type = 1,
				.addrs_n = 1,
				.addrs = { { .ttl = 300 } } };

	r.server.proto = IPPROTO_UDP;
	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	r.suffix = (uint16_t)strlen(name);
	cr_assert_eq(ip_parse(ip, r.addrs[0].addr), 0, "%s", ip);
	rec_dns_of(s, &r);
}

void rec_flow_of(struct stream *s, const struct of_rec_flow *rec)
{
	struct of_rec_flow r = *rec;

	if (r.netns == 0)
		r.netns = NETNS;
	stream_add(s, &r, offsetof(struct of_rec_flow, names) + r.names_n * sizeof(r.names[0]),
		   OF_REC_FLOW);
}

void rec_flow(struct stream *s, uint64_t exec_id, const char *ip, uint16_t port,
	      enum of_name_source source, const char *host)
{
	struct of_rec_flow r = { .to = endpoint(ip, port),
				 .exec_id = exec_id,
				 .creator = exec_id,
				 .cookie = 1,
				 .flags = OF_FLOW_DONE };

	if (host != NULL) {
		r.names[r.names_n].source = (uint16_t)source;
		(void)snprintf(r.names[r.names_n++].host, sizeof(r.names[0].host), "%s", host);
	}
	rec_flow_of(s, &r);
}

void rec_tick(struct stream *s)
{
	struct of_rec_tick r = { .hdr = { 0 } };

	stream_add(s, &r, sizeof(r), OF_REC_TICK);
}

void rec_every_kind(struct stream *s)
{
	rec_host(s, 7);
	rec_clock(s, 1773942142123456789);
	rec_resolver(s, "192.0.2.53");
	rec_addr(s, "192.0.2.1", NETNS, 0);
	rec_cgroup(s, 77, "/system.slice/runner.service");
	rec_env(s, 5, "CI=true", sizeof("CI=true"));
	rec_container(s, 77, "podman", "localhost/app:1");
	rec_exec(s, 1, 0, 100, "/usr/bin/bash");
	rec_fork(s, 2, 1, 101);
	rec_exec(s, 3, 2, 101, "/usr/bin/curl");
	rec_comm(s, 3, 1, "kworker/0:1");
	rec_hash(s, 3, OF_HASH_OK, 0xab);
	rec_connect(s, 101, FAR, 443);
	rec_account(s, 3, FAR, 443, 1000);
	rec_dns(s, 3, "192.0.2.53", "scan.example.org", FAR);
	rec_flow(s, 3, FAR, 443, OF_NAME_SNI, "scan.example.org");
	rec_ask(s, 3, 100, "/run/docker.sock");
	rec_spool(s, 3, OF_SPOOL_CRONTAB, 1000, "/var/spool/cron/crontabs/ci", "/bin/true");
	rec_loss(s, 1);
	rec_exit(s, 3, 101);
	rec_link_of(s, &(struct of_rec_link){ .name = "eth0", .ifindex = 2, .tx_bytes = 5000 });
	rec_tick(s);
}

void config_of(const char *yaml, struct config *ret)
{
	struct config_err err = { "" };

	*ret = (struct config){ .control = NULL };
	cr_assert_eq(config_parse("test", yaml, strlen(yaml), ret, &err), 0, "%s", err.msg);
}

/* ---- Tracking ---- */

void tracked_init(struct tracked *t, const char *yaml, struct track_limits limits)
{
	*t = (struct tracked){ .s.now_ns = SECOND };
	config_of(yaml, &t->config);
	cr_assert_eq(track_new(&t->config.policy, limits, &t->track), 0);
}

void tracked_done(struct tracked *t)
{
	track_free(t->track);
	config_done(&t->config);
	stream_done(&t->s);
}

static void on_subject(void *arg, const struct subject *s)
{
	struct tracked *t = arg;

	if (t->told_n < sizeof(t->told) / sizeof(t->told[0]))
		t->told[t->told_n] = (struct told){
			.kind = s->kind,
			.time_ns = s->time_ns,
			.delta = s->delta,
			.exec_id = s->account->who == NULL ? 0 : s->account->who->exec_id,
			.account = *s->account,
			.roles = s->roles,
			.via = s->via,
		};
	t->told_n++;
}

static void on_event(void *arg, const struct event *ev)
{
	struct tracked *t = arg;

	track_event(t->track, ev, on_subject, t);
}

void tracked_run(struct tracked *t)
{
	struct intake *in;

	t->told_n = 0;
	cr_assert_eq(intake_array(t->s.data, t->s.len, &in), 0);
	while (intake_drain(in, 64, on_event, t) > 0)
		;
	cr_assert_eq(intake_drain(in, 64, on_event, t), -ENODATA);
	cr_assert_eq(intake_stats(in).bad, 0);
	intake_free(in);
	t->s.len = 0;
}

void tracked_tick(struct tracked *t, uint64_t now_ns)
{
	t->s.now_ns = now_ns;
	rec_tick(&t->s);
	tracked_run(t);
}

const struct execution *tracked_execution(const struct tracked *t, uint64_t exec_id)
{
	const struct execution *e;
	size_t cursor = 0;

	while ((e = track_next_execution(t->track, &cursor)) != NULL)
		if (e->exec_id == exec_id)
			return e;
	return NULL;
}

const struct account *tracked_account(const struct tracked *t, uint64_t exec_id, const char *ip,
				      uint16_t port)
{
	struct of_endpoint to = endpoint(ip, port);
	const struct account *a;
	size_t cursor = 0;

	while ((a = track_next_account(t->track, &cursor)) != NULL)
		if ((a->who == NULL ? 0 : a->who->exec_id) == exec_id &&
		    memcmp(&a->to, &to, sizeof(to)) == 0)
			return a;
	return NULL;
}
