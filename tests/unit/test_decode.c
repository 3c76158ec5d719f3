/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding: what a record must hold before anybody believes it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "intake/intake.h"
#include "records.h"

TestSuite(decode, .timeout = 30);

/* Room for one record and a bit, aligned as records are. */
union raw {
	struct of_rec_hdr h;
	struct of_rec_host host;
	struct of_rec_clock clock;
	struct of_rec_resolver resolver;
	struct of_rec_addr addr;
	struct of_rec_fork fork;
	struct of_rec_exec exec;
	struct of_rec_exit exit;
	struct of_rec_connect connect;
	struct of_rec_account account;
	struct of_rec_loss loss;
	struct of_rec_tick tick;
	struct of_rec_container container;
	struct of_rec_ask ask;
	struct of_rec_spool spool;
	struct of_rec_hash hash;
	struct of_rec_dns dns;
	struct of_rec_flow flow;
};

static const struct event untouched = { .kind = 77, .err = -7, .time_ns = 777 };

/* In memory of exactly `size` bytes, so that a sanitizer sees one byte too far. */
static int decode_in(const union raw *r, size_t size, struct event *ret)
{
	void *copy = malloc(size);
	int err;

	cr_assert_not_null(copy);
	memcpy(copy, r, size);
	err = decode(copy, size, ret);
	free(copy);
	return err;
}

/* Refused, and the result is left alone. */
static void refused(const union raw *r, size_t size, int err)
{
	struct event ev = untouched;

	cr_expect_eq(decode_in(r, size, &ev), err, "kind %u, %zu bytes", r->h.kind, size);
	cr_expect_eq(memcmp(&ev, &untouched, sizeof(ev)), 0, "kind %u, %zu bytes", r->h.kind, size);
}

struct kind {
	enum of_rec_kind kind;
	uint32_t len; /* the shortest */
};

ParameterizedTestParameters(decode, minimal)
{
	static struct kind kinds[] = {
		{ OF_REC_HOST, sizeof(struct of_rec_host) },
		{ OF_REC_CLOCK, sizeof(struct of_rec_clock) },
		{ OF_REC_RESOLVER, sizeof(struct of_rec_resolver) },
		{ OF_REC_ADDR, sizeof(struct of_rec_addr) },
		{ OF_REC_FORK, sizeof(struct of_rec_fork) },
		{ OF_REC_EXEC, offsetof(struct of_rec_exec, tail) },
		{ OF_REC_EXIT, sizeof(struct of_rec_exit) },
		{ OF_REC_CONNECT, sizeof(struct of_rec_connect) },
		{ OF_REC_ACCOUNT, sizeof(struct of_rec_account) },
		{ OF_REC_LOSS, sizeof(struct of_rec_loss) },
		{ OF_REC_TICK, sizeof(struct of_rec_tick) },
		{ OF_REC_CONTAINER, sizeof(struct of_rec_container) },
		{ OF_REC_ASK, sizeof(struct of_rec_ask) },
		{ OF_REC_SPOOL, offsetof(struct of_rec_spool, commands) },
	};

	return cr_make_param_array(struct kind, kinds, sizeof(kinds) / sizeof(kinds[0]));
}

/* The shortest record of each kind is taken; each shorter one is refused, whether the length in it
 * says so or only the bytes that came. */
ParameterizedTest(struct kind *k, decode, minimal)
{
	union raw r = { .h = { 12345, k->len, (uint16_t)k->kind, -EFAULT } };
	struct event ev = untouched;
	uint32_t len;

	cr_assert_eq(decode_in(&r, k->len, &ev), 0);
	cr_expect_eq(ev.kind, k->kind);
	cr_expect_eq(ev.err, -EFAULT);
	cr_expect_eq(ev.time_ns, 12345);
	cr_expect_eq(decode_in(&r, sizeof(r), &ev), 0, "bytes behind a record are not its own");

	for (len = 0; len < k->len; len++)
		refused(&r, len, -EBADMSG);
	for (len = 0; len < k->len; len++) {
		r.h.len = len;
		refused(&r, sizeof(r), -EBADMSG);
	}
	r.h.len = k->len + 1;
	refused(&r, k->len, -EBADMSG);
	r.h.len = UINT32_MAX;
	refused(&r, sizeof(r), -EBADMSG);
}

Test(decode, unknown_kinds)
{
	union raw r = { .h = { .len = sizeof(r) } };
	uint32_t kind;

	refused(&r, sizeof(r), -EPROTONOSUPPORT);
	for (kind = OF_REC_MAX; kind <= UINT16_MAX; kind++) {
		r.h.kind = (uint16_t)kind;
		refused(&r, sizeof(r), -EPROTONOSUPPORT);
	}
}

Test(decode, container)
{
	union raw r = { .container = {
				.hdr = { .len = sizeof(r.container), .kind = OF_REC_CONTAINER } } };
	struct event ev;

	memset(r.container.runtime, 'r', sizeof(r.container.runtime) - 1);
	memset(r.container.image, 'i', sizeof(r.container.image) - 1);
	r.container.cgroup = 9;
	cr_assert_eq(decode(&r, sizeof(r.container), &ev), 0);
	cr_expect_eq(ev.container->cgroup, 9);
	cr_expect_str_eq(ev.container->runtime, r.container.runtime);
	cr_expect_str_eq(ev.container->image, r.container.image);

	r.container.image[sizeof(r.container.image) - 1] = 'i';
	refused(&r, sizeof(r.container), -EBADMSG);
	r.container.image[sizeof(r.container.image) - 1] = '\0';
	r.container.runtime[sizeof(r.container.runtime) - 1] = 'r';
	refused(&r, sizeof(r.container), -EBADMSG);
}

Test(decode, host)
{
	union raw r = { .host = { .hdr = { .len = sizeof(r.host), .kind = OF_REC_HOST } } };
	struct event ev;

	memset(r.host.host, 'h', sizeof(r.host.host) - 1);
	memset(r.host.boot_id, 'b', sizeof(r.host.boot_id) - 1);
	r.host.roles_id = 9;
	cr_assert_eq(decode(&r, sizeof(r.host), &ev), 0);
	cr_expect_str_eq(ev.host.name, r.host.host);
	cr_expect_str_eq(ev.host.boot_id, r.host.boot_id);
	cr_expect_eq(ev.host.roles_id, 9);

	r.host.host[sizeof(r.host.host) - 1] = 'h';
	refused(&r, sizeof(r.host), -EBADMSG);
	r.host.host[0] = '\0';
	r.host.boot_id[sizeof(r.host.boot_id) - 1] = 'b';
	refused(&r, sizeof(r.host), -EBADMSG);
}

Test(decode, spool)
{
	union raw r = { .spool = { .hdr = { .len = sizeof(r.spool), .kind = OF_REC_SPOOL },
				   .exec_id = 7,
				   .kind = OF_SPOOL_AT,
				   .path_len = sizeof(r.spool.path),
				   .commands_n = OF_COMMANDS } };
	struct event ev;

	cr_assert_eq(decode(&r, sizeof(r.spool), &ev), 0);
	cr_expect_eq(ev.spool->exec_id, 7);
	r.spool.hdr.len -= 8;
	refused(&r, sizeof(r.spool), -EBADMSG); /* one command less */
	r.spool.commands_n--;
	cr_expect_eq(decode(&r, sizeof(r.spool), &ev), 0);
	r.spool.hdr.len += 16;
	r.spool.commands_n = OF_COMMANDS + 1;
	refused(&r, sizeof(r), -EBADMSG);
	r.spool.commands_n = 0;
	r.spool.path_len++;
	refused(&r, sizeof(r), -EBADMSG);
	r.spool.path_len = 0;
	r.spool.kind = OF_SPOOL_PROGRAM + 1;
	refused(&r, sizeof(r), -EBADMSG);
	r.spool.kind = 0;
	refused(&r, sizeof(r), -EBADMSG);
	r.spool.hdr.err = -EOVERFLOW;
	cr_assert_eq(decode(&r, sizeof(r), &ev), 0, "nothing is told but that some were missed");
	cr_expect_eq(ev.err, -EOVERFLOW);
}

Test(decode, ask)
{
	union raw r = { .ask = { .hdr = { .len = sizeof(r.ask), .kind = OF_REC_ASK },
				 .exec_id = 7,
				 .asked_ns = 8,
				 .tgid = 9,
				 .name_len = 6,
				 .name = "/d/x" } };
	struct event ev;

	cr_assert_eq(decode(&r, sizeof(r.ask), &ev), 0);
	cr_expect_eq(ev.ask.exec_id, 7);
	cr_expect_eq(ev.ask.asked_ns, 8);
	cr_expect_eq(ev.ask.tgid, 9);
	cr_expect_eq(ev.ask.name_len, 4, "a path ends at its NUL");
	memcpy(r.ask.name, "\0a\0b\0", 6);
	cr_assert_eq(decode(&r, sizeof(r.ask), &ev), 0);
	cr_expect_eq(ev.ask.name_len, 6, "an abstract name does not");
	memset(r.ask.name, 'x', sizeof(r.ask.name));
	r.ask.name_len = sizeof(r.ask.name);
	cr_assert_eq(decode(&r, sizeof(r.ask), &ev), 0);
	cr_expect_eq(ev.ask.name_len, sizeof(r.ask.name));
	r.ask.name_len++;
	refused(&r, sizeof(r.ask), -EBADMSG);
}

Test(decode, names_without_an_end)
{
	union raw r = { .fork = { .hdr = { .len = sizeof(r.fork), .kind = OF_REC_FORK } } };
	struct event ev;

	memset(r.fork.e.name, 'n', sizeof(r.fork.e.name));
	refused(&r, sizeof(r.fork), -EBADMSG);
	r.fork.e.name[sizeof(r.fork.e.name) - 1] = '\0';
	cr_assert_eq(decode(&r, sizeof(r.fork), &ev), 0);
	cr_expect_eq(ev.exec.e, &r.fork.e);
	cr_expect_eq(ev.exec.exe_len, 0);
	cr_expect_eq(ev.exec.argv_len, 0);

	r.h.kind = OF_REC_EXEC;
	r.h.len = sizeof(r.exec);
	memset(r.exec.e.name, 'n', sizeof(r.exec.e.name));
	refused(&r, sizeof(r.exec), -EBADMSG);
}

struct tail {
	char why[64];
	uint32_t tail; /* bytes behind the fixed part */
	uint16_t exe_len, argv_len;
	uint32_t argv_size;
	size_t ret_argv_size; /* 0: refused */
};

ParameterizedTestParameters(decode, exec_tail)
{
	static struct tail cases[] = {
		{ "exe and argv fill the tail", 10, 4, 6, 6, 6 },
		{ "argv was cut", 10, 4, 6, 4000, 4000 },
		{ "a size smaller than what is there is not believed", 10, 4, 6, 1, 6 },
		{ "less than the tail", 10, 4, 5, 5, 5 },
		{ "the longest", OF_EXE_LEN - 1 + OF_ARGV_LEN, OF_EXE_LEN - 1, OF_ARGV_LEN,
		  OF_ARGV_LEN, OF_ARGV_LEN },
		{ "exe one beyond", 3, 4, 0, 0, 0 },
		{ "argv one beyond", 10, 4, 7, 7, 0 },
		{ "argv alone beyond", 10, 0, 11, 11, 0 },
		{ "the sum wraps in 16 bits", 10, 0xfff8, 0x0010, 0, 0 },
		{ "both at their largest", OF_EXE_LEN + OF_ARGV_LEN, 0xffff, 0xffff, 0, 0 },
		{ "exe fits the tail and is too long", OF_EXE_LEN + OF_ARGV_LEN, OF_EXE_LEN, 0, 0,
		  0 },
		{ "argv fits the tail and is too long", OF_EXE_LEN + OF_ARGV_LEN, 0,
		  OF_ARGV_LEN + 1, 0, 0 },
	};

	return cr_make_param_array(struct tail, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct tail *c, decode, exec_tail)
{
	uint32_t len = (uint32_t)offsetof(struct of_rec_exec, tail) + c->tail;
	union raw r = { .exec = { .hdr = { .len = len, .kind = OF_REC_EXEC },
				  .exe_len = c->exe_len,
				  .argv_len = c->argv_len,
				  .argv_size = c->argv_size } };
	struct event ev;

	if (c->ret_argv_size == 0) {
		refused(&r, len, -EBADMSG);
		return;
	}
	cr_assert_eq(decode(&r, len, &ev), 0, "%s", c->why);
	cr_expect_eq(ev.exec.exe, r.exec.tail);
	cr_expect_eq(ev.exec.exe_len, c->exe_len);
	cr_expect_eq(ev.exec.argv, r.exec.tail + c->exe_len);
	cr_expect_eq(ev.exec.argv_len, c->argv_len);
	cr_expect_eq(ev.exec.argv_size, c->ret_argv_size, "%s", c->why);
}

Test(decode, numbers_arrive)
{
	struct event ev;
	union raw r = { .exit = { { 1, sizeof(r.exit), OF_REC_EXIT, 0 }, 9301, 4242, 12 } };

	cr_assert_eq(decode(&r, sizeof(r.exit), &ev), 0);
	cr_expect_eq(ev.exit.exec_id, 9301);
	cr_expect_eq(ev.exit.tgid, 4242);
	cr_expect_eq(ev.exit.flags, OF_EXEC_ENDED | OF_EXEC_REPLACED);

	r = (union raw){ .connect = { .hdr = { 1, sizeof(r.connect), OF_REC_CONNECT, 0 },
				      .to = endpoint(FAR, 443),
				      .tgid = 4242,
				      .netns = NETNS } };
	cr_assert_eq(decode(&r, sizeof(r.connect), &ev), 0);
	cr_expect_eq(ev.connect.to, &r.connect.to);
	cr_expect_eq(ev.connect.tgid, 4242);
	cr_expect_eq(ev.connect.netns, NETNS);

	r = (union raw){ .addr = { .hdr = { 1, sizeof(r.addr), OF_REC_ADDR, 0 },
				   .netns = NETNS,
				   .gone = 0x80000000U } };
	cr_assert_eq(decode(&r, sizeof(r.addr), &ev), 0);
	cr_expect_eq(ev.addr.addr, r.addr.addr);
	cr_expect_eq(ev.addr.netns, NETNS);
	cr_expect_eq(ev.addr.gone, 1);

	r = (union raw){ .clock = { { 1, sizeof(r.clock), OF_REC_CLOCK, 0 }, INT64_MIN } };
	cr_assert_eq(decode(&r, sizeof(r.clock), &ev), 0);
	cr_expect_eq(ev.clock.utc_offset_ns, INT64_MIN);

	r.h = (struct of_rec_hdr){ 1, sizeof(r.account), OF_REC_ACCOUNT, 0 };
	cr_assert_eq(decode(&r, sizeof(r.account), &ev), 0);
	cr_expect_eq(ev.account, &r.account.a);
	r.h = (struct of_rec_hdr){ 1, sizeof(r.loss), OF_REC_LOSS, 0 };
	cr_assert_eq(decode(&r, sizeof(r.loss), &ev), 0);
	cr_expect_eq(ev.loss, &r.loss.loss);
	r.h = (struct of_rec_hdr){ 1, sizeof(r.resolver), OF_REC_RESOLVER, 0 };
	cr_assert_eq(decode(&r, sizeof(r.resolver), &ev), 0);
	cr_expect_eq(ev.addr.addr, r.resolver.addr);
	cr_expect_eq(ev.addr.netns, 0);
	cr_expect_eq(ev.addr.gone, 0);
}

Test(decode, hash)
{
	union raw r = { .hash = { .hdr = { .len = sizeof(r.hash), .kind = OF_REC_HASH },
				  .exec_id = 5,
				  .state = OF_HASH_OK } };
	struct event ev;

	cr_assert_eq(decode_in(&r, sizeof(r.hash), &ev), 0);
	cr_expect_eq(ev.hash.exec_id, 5);
	cr_expect_eq(ev.hash.state, OF_HASH_OK);
	cr_expect_not_null(ev.hash.sha256);
	cr_expect_null(ev.hash.image);
	r.hash.image.ino = 7;
	cr_assert_eq(decode_in(&r, sizeof(r.hash), &ev), 0);
	cr_assert_not_null(ev.hash.image);
	cr_expect_eq(ev.hash.image->ino, 7);
	r.hash.state = OF_HASH_SKIPPED;
	cr_assert_eq(decode_in(&r, sizeof(r.hash), &ev), 0);
	cr_expect_null(ev.hash.sha256, "what is no digest is not shown");
	r.hash.state = OF_HASH_NONE;
	refused(&r, sizeof(r.hash), -EBADMSG);
	r.hash.state = OF_HASH_SKIPPED + 1;
	refused(&r, sizeof(r.hash), -EBADMSG);
	refused(&r, sizeof(r.hash) - 1, -EBADMSG);
}

/* What is no DNS has no name, and nothing else of a message. */
Test(decode, dns)
{
	static union raw r = { .dns = { .hdr = { .kind = OF_REC_DNS }, .name = "a" } };
	const size_t len = offsetof(struct of_rec_dns, addrs);
	struct event ev;

	r.h.len = (uint32_t)len;
	cr_assert_eq(decode_in(&r, len, &ev), 0);
	cr_expect_str_eq(ev.dns->name, "a");
	r.dns.flags = OF_DNS_MALFORMED;
	refused(&r, len, -EBADMSG);
	r.dns.name[0] = '\0';
	cr_expect_eq(decode_in(&r, len, &ev), 0);
	r.dns.flags = 0;
	refused(&r, len, -EBADMSG);
	r.dns.flags = OF_DNS_MALFORMED | OF_DNS_ANSWER;
	refused(&r, len, -EBADMSG);
	r.dns.flags = OF_DNS_MALFORMED | OF_DNS_KEPT;
	refused(&r, len, -EBADMSG);
	r.dns.flags = OF_DNS_MALFORMED;
	r.dns.suffix = 1;
	refused(&r, len, -EBADMSG);
	r.dns.suffix = 0;
	r.dns.addrs_n = 1;
	refused(&r, len, -EBADMSG);
	refused(&r, len + sizeof(r.dns.addrs[0]), -EBADMSG);
}

Test(decode, flow)
{
	static union raw r = { .flow = { .hdr = { .kind = OF_REC_FLOW }, .alpn_n = OF_ALPN_MAX } };
	const size_t len = offsetof(struct of_rec_flow, names);
	struct event ev;
	size_t i;

	for (i = 0; i < OF_ALPN_MAX; i++)
		r.flow.alpn[i].len = OF_ALPN_LEN;
	r.h.len = (uint32_t)len;
	cr_assert_eq(decode_in(&r, len, &ev), 0);
	cr_expect_eq(ev.flow->alpn_n, OF_ALPN_MAX);
	r.flow.alpn[OF_ALPN_MAX - 1].len = OF_ALPN_LEN + 1;
	refused(&r, len, -EBADMSG);
	r.flow.alpn[OF_ALPN_MAX - 1].len = 0;
	refused(&r, len, -EBADMSG);
	r.flow.alpn_n = OF_ALPN_MAX - 1;
	cr_expect_eq(decode_in(&r, len, &ev), 0, "what is behind them is not looked at");
	r.flow.alpn_n = OF_ALPN_MAX + 1;
	refused(&r, len, -EBADMSG);
	r.flow.alpn_n = 0;
	r.flow.names_n = 1;
	refused(&r, len, -EBADMSG);
}
