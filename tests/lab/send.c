/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * send.c: sends an exact number of bytes by one named way and says in a line of JSON how many the
 * kernel accepted. That count is what the ledger is held against. The ways are in send/.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/post.h"
#include "send/way.h"

#define CHUNK_MAX (64U << 20)

enum needs {
	NEEDS_TCP = 1, /* a far end that takes TCP */
	NEEDS_UDP = 2, /* one that takes UDP, or the machine answers each with an error */
	NEEDS_ROOT = 4,
	NEEDS_MPTCP = 8,
	NEEDS_UDPLITE = 16,
	NEEDS_SCTP = 32,
	NEEDS_DCCP = 64,
	NEEDS_NOTHING = 0,
};

static const struct way {
	const char *name;
	unsigned int needs;
	size_t chunk; /* when none is asked for */
	int (*run)(struct job *j);
} ways[] = {
	{ "tcp-write", NEEDS_TCP, 1 << 20, tcp_write },
	{ "tcp-send", NEEDS_TCP, 1 << 20, tcp_send },
	{ "tcp-writev", NEEDS_TCP, 1 << 20, tcp_writev },
	{ "tcp-sendmsg", NEEDS_TCP, 1 << 20, tcp_sendmsg },
	{ "tcp-sendmmsg", NEEDS_TCP, 1 << 20, tcp_sendmmsg },
	{ "tcp-iovecs", NEEDS_TCP, 1 << 20, tcp_iovecs },
	{ "tcp-partial", NEEDS_TCP, 1 << 20, tcp_partial },
	{ "tcp-sendfile", NEEDS_TCP, 16 << 20, tcp_sendfile },
	{ "tcp-splice", NEEDS_TCP, 1 << 20, tcp_splice },
	{ "tcp-vmsplice", NEEDS_TCP, 1 << 20, tcp_vmsplice },
	{ "tcp-tee", NEEDS_TCP, 1 << 15, tcp_tee },
	{ "tcp-zerocopy", NEEDS_TCP, 1 << 20, tcp_zerocopy },
	{ "tcp-fastopen", NEEDS_TCP, 1 << 20, tcp_fastopen },
	{ "tcp-msgmore", NEEDS_TCP, 10000, tcp_msgmore },
	{ "tcp-cork", NEEDS_TCP, 10000, tcp_cork },
	{ "tcp-oob", NEEDS_TCP, 10000, tcp_oob },
	{ "tcp-nonblock", NEEDS_TCP, 16 << 20, tcp_nonblock },
	{ "tcp-thread", NEEDS_TCP, 1 << 20, tcp_thread },
	{ "tcp-mark", NEEDS_TCP | NEEDS_ROOT, 1 << 20, tcp_mark },
	{ "tcp-bindtodevice", NEEDS_TCP, 1 << 20, tcp_bindtodevice },
	{ "tcp-aio", NEEDS_TCP, 1 << 20, tcp_aio },
	{ "tcp-reconnect", NEEDS_TCP, 1 << 20, tcp_reconnect },
	{ "ktls-sendmsg", NEEDS_TCP, 1 << 20, ktls_sendmsg },
	{ "ktls-sendfile", NEEDS_TCP, 1 << 20, ktls_sendfile },
	{ "smc", NEEDS_TCP, 1 << 20, smc_write },
	{ "mptcp", NEEDS_MPTCP, 1 << 20, mptcp_write },
	{ "mptcp-sendfile", NEEDS_MPTCP, 1 << 20, mptcp_sendfile },
	{ "sctp", NEEDS_SCTP, 8192, sctp_send },
	{ "sctp-many", NEEDS_SCTP, 8192, sctp_many },
	{ "dccp", NEEDS_DCCP, 1400, dccp_send },
	{ "udp-send", NEEDS_UDP, 65000, udp_send },
	{ "udp-write", NEEDS_UDP, 65000, udp_write },
	{ "udp-sendto", NEEDS_UDP, 65000, udp_sendto },
	{ "udp-sendmsg", NEEDS_UDP, 65000, udp_sendmsg },
	{ "udp-sendmmsg", NEEDS_UDP, 65000, udp_sendmmsg },
	{ "udp-sendmmsg-1000", NEEDS_UDP, 1400, udp_sendmmsg_1000 },
	{ "udp-sendmmsg-two", NEEDS_UDP, 1400, udp_sendmmsg_two },
	{ "udp-sendfile", NEEDS_UDP, 1 << 14, udp_sendfile },
	{ "udp-gso", NEEDS_UDP, 65000, udp_gso },
	{ "udp-gso-cmsg", NEEDS_UDP, 65000, udp_gso_cmsg },
	{ "udp-cmsg", NEEDS_UDP, 1400, udp_cmsg },
	{ "udp-other", NEEDS_UDP, 65000, udp_other },
	{ "udp-msgmore", NEEDS_UDP, 65000, udp_msgmore },
	{ "udp-cork", NEEDS_UDP, 65000, udp_cork },
	{ "udp-cork-to", NEEDS_UDP, 65000, udp_cork_to },
	{ "udp-cork-moved", NEEDS_UDP, 65000, udp_cork_moved },
	{ "udp-threads", NEEDS_UDP, 100, udp_threads },
	{ "udp-multicast", NEEDS_NOTHING, 1400, udp_multicast },
	{ "udp-broadcast", NEEDS_NOTHING, 1400, udp_broadcast },
	{ "quic", NEEDS_UDP, 1200, udp_quic },
	{ "udplite", NEEDS_UDPLITE, 65000, udplite_sendto },
	{ "ping", NEEDS_NOTHING, 1400, ping_sendto },
	{ "ping-connected", NEEDS_NOTHING, 1400, ping_connected },
	{ "raw-icmp", NEEDS_ROOT, 1400, raw_icmp },
	{ "raw-ip", NEEDS_ROOT, 1400, raw_ip },
	{ "raw-connected", NEEDS_ROOT, 1400, raw_connected },
	{ "raw-hdrincl", NEEDS_ROOT, 1400, raw_hdrincl },
	{ "raw-sendfile", NEEDS_ROOT, 1 << 14, raw_sendfile },
	{ "packet-raw", NEEDS_ROOT, 1400, packet_raw },
	{ "packet-dgram", NEEDS_ROOT, 1400, packet_dgram },
	{ "packet-bypass", NEEDS_ROOT, 1400, packet_bypass },
	{ "packet-txring2", NEEDS_ROOT, 1400, packet_txring2 },
	{ "packet-txring3", NEEDS_ROOT, 1400, packet_txring3 },
	{ "uring-send", NEEDS_TCP, 1 << 20, uring_send },
	{ "uring-async", NEEDS_TCP, 1 << 20, uring_async },
	{ "uring-sqpoll", NEEDS_TCP, 1 << 20, uring_sqpoll },
	{ "uring-sendzc", NEEDS_TCP, 1 << 20, uring_sendzc },
	{ "uring-sendmsg", NEEDS_TCP, 1 << 20, uring_sendmsg },
	{ "uring-sendmsgzc", NEEDS_TCP, 1 << 20, uring_sendmsgzc },
	{ "uring-write", NEEDS_TCP, 1 << 20, uring_write },
	{ "uring-writev", NEEDS_TCP, 1 << 20, uring_writev },
	{ "uring-splice", NEEDS_TCP, 1 << 16, uring_splice },
	{ "uring-fixedbuf", NEEDS_TCP, 1 << 20, uring_fixedbuf },
	{ "uring-zcfixed", NEEDS_TCP, 1 << 20, uring_zcfixed },
	{ "uring-fixedfile", NEEDS_TCP, 1 << 20, uring_fixedfile },
	{ "uring-linked", NEEDS_TCP, 1 << 20, uring_linked },
	{ "uring-connect", NEEDS_TCP, 1 << 20, uring_connect },
	{ "uring-direct", NEEDS_TCP, 1 << 20, uring_direct },
	{ "uring-udp", NEEDS_UDP, 65000, uring_udp },
	{ "uring-udp-async", NEEDS_UDP, 65000, uring_udp_async },
	{ "uring-udp-sqpoll", NEEDS_UDP, 65000, uring_udp_sqpoll },
	{ "uring-sendto", NEEDS_UDP, 65000, uring_sendto },
	{ "via-relay", NEEDS_TCP, 1 << 16, via_relay },
	{ "via-http", NEEDS_TCP, 1 << 16, via_http },
	{ "via-socks5", NEEDS_TCP, 1 << 16, via_socks5 },
	{ "vsock-stream", NEEDS_NOTHING, 1 << 16, vsock_stream },
	{ "vsock-seqpacket", NEEDS_NOTHING, 1 << 14, vsock_seqpacket },
	{ "vsock-dgram", NEEDS_NOTHING, 1400, vsock_dgram },
	{ "tipc-stream", NEEDS_NOTHING, 1 << 16, tipc_stream },
	{ "tipc-seqpacket", NEEDS_NOTHING, 1 << 14, tipc_seqpacket },
	{ "tipc-rdm", NEEDS_NOTHING, 1400, tipc_rdm },
	{ "unix-stream", NEEDS_NOTHING, 1 << 16, unix_stream },
	{ "unix-dgram", NEEDS_NOTHING, 1 << 14, unix_dgram },
	{ "unix-seqpacket", NEEDS_NOTHING, 1 << 14, unix_seqpacket },
	{ "netlink", NEEDS_NOTHING, 4096, netlink_noop },
	{ "alg", NEEDS_NOTHING, 1 << 14, alg_hash },
};

static const char usage[] =
	"send --way WAY --to ADDRESS:PORT --bytes N [--chunk N] [--mapped] [--start-wait] "
	"[--hold] [--via ADDRESS:PORT] [--pause-us N]\n"
	"send --list\n"
	"  --mapped      an IPv4 address as IPv4-mapped IPv6, from an IPv6 socket\n"
	"  --start-wait  say \"waiting\", then wait for a line on stdin before the first send\n"
	"  --pause-us    wait so long before each call (tcp-write, tcp-send)\n"
	"  --hold        when all is sent and said, wait for a line on stdin before the end\n"
	"  --via         the proxy of the ways that need one\n"
	"  --alarm N     give up after so many seconds\n"
	"Exit: 0 all was sent, 1 not all was, 2 usage, 77 this kernel or user cannot.\n";

struct options {
	const char *way;
	const char *to, *via;
	uint64_t bytes;
	size_t chunk;
	unsigned int alarm;
	bool mapped, wait, hold;
	unsigned int pause_us;
};

static void list(void)
{
	static const char *const names[] = { "tcp",	"udp",	"root", "mptcp",
					     "udplite", "sctp", "dccp" };
	size_t i, bit;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		printf("%s", ways[i].name);
		for (bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
			if (ways[i].needs & 1U << bit)
				printf(" %s", names[bit]);
		putchar('\n');
	}
}

static struct options options_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "way", required_argument, NULL, 'w' },
		{ "to", required_argument, NULL, 't' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "chunk", required_argument, NULL, 'c' },
		{ "mapped", no_argument, NULL, 'm' },
		{ "start-wait", no_argument, NULL, 's' },
		{ "hold", no_argument, NULL, 'h' },
		{ "via", required_argument, NULL, 'v' },
		{ "alarm", required_argument, NULL, 'a' },
		{ "pause-us", required_argument, NULL, 'p' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, '?' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .bytes = 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'w':
			o.way = optarg;
			break;
		case 't':
			o.to = optarg;
			break;
		case 'b':
			o.bytes = lab_num("--bytes", optarg, 1, UINT64_MAX >> 1);
			break;
		case 'c':
			o.chunk = (size_t)lab_num("--chunk", optarg, 1, CHUNK_MAX);
			break;
		case 'm':
			o.mapped = true;
			break;
		case 's':
			o.wait = true;
			break;
		case 'h':
			o.hold = true;
			break;
		case 'v':
			o.via = optarg;
			break;
		case 'a':
			o.alarm = (unsigned int)lab_num("--alarm", optarg, 1, 3600);
			break;
		case 'p':
			o.pause_us = (unsigned int)lab_num("--pause-us", optarg, 0, 1000000);
			break;
		case 'l':
			list();
			exit(0);
		default:
			fputs(usage, stderr);
			exit(LAB_EXIT_USAGE);
		}
	}
	if (o.way == NULL || o.to == NULL || o.bytes == 0 ||
	    /* Behind "--" anything may stand, for those who read argv. */
	    (optind < argc && strcmp(argv[optind - 1], "--") != 0)) {
		fputs(usage, stderr);
		exit(LAB_EXIT_USAGE);
	}
	return o;
}

static const struct way *way_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	lab_usage("--way: '%s' is not one of those that --list names", name);
}

/* The bytes differ from page to page, so that nothing on the way can make them fewer. */
static unsigned char *fill(size_t n)
{
	unsigned char *buf = aligned_alloc(4096, (n + 4095) & ~(size_t)4095);
	size_t i;

	if (buf == NULL)
		lab_die("%zu bytes", n);
	for (i = 0; i < n; i++)
		buf[i] = (unsigned char)(i ^ i >> 12);
	return buf;
}

static int say(const struct job *j, int err, const struct lab_chain *chain)
{
	struct lab_post p = {
		.way = j->way, .sent = j->sent, .pid = getpid(), .chain = chain, .wire = j->wire
	};
	size_t i;

	if (err == WAY_SKIP)
		return lab_skip(j->way, j->skip);
	if (err != 0) {
		printf("{\"way\":\"%s\",\"sent\":%llu,\"pid\":%d,\"error\":\"%s: %s\"}\n", j->way,
		       (unsigned long long)j->sent, getpid(), j->what, strerror(-err));
		lab_flush();
		return 1;
	}
	for (i = 0; i < j->parts; i++) {
		p.to = &j->part[i].to;
		p.sent = j->part[i].sent;
		p.self = j->part[i].self;
		lab_post(&p);
	}
	if (j->parts == 0)
		lab_post(&p);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = options_parse(argc, argv);
	const struct way *way = way_find(o.way);
	struct job j = {
		.bytes = o.bytes, .way = way->name, .wait = o.wait, .pause_us = o.pause_us
	};
	struct lab_chain chain;
	struct lab_ports ports;
	int status;

	lab_addr_parse(o.to, o.mapped, &j.to, &ports);
	if (o.via != NULL)
		lab_addr_parse(o.via, false, &j.via, &ports);
	lab_chain_self(&chain);
	alarm(o.alarm);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		lab_die("SIGPIPE");
	j.chunk = o.chunk != 0 ? o.chunk : way->chunk;
	j.buf = fill(j.chunk);
	status = say(&j, way->run(&j), &chain);
	if (o.hold)
		lab_wait_line();
	free(j.buf);
	return status;
}
