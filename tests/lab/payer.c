/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * payer.c: sends so many bytes, over a socket it has or one it makes, and says so. What it descends
 * from ($LAB_CHAIN), what it is called ($LAB_NAME) and who made the socket ($LAB_MAKER, a process
 * id, and $LAB_MAKER_NAME) only who started it can know.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/post.h"

static char chunk[16384];

static const char *env(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? value : otherwise;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "way", required_argument, NULL, 'w' },
		{ "to", required_argument, NULL, 't' },
		{ "fd", required_argument, NULL, 'f' },
		{ "bytes", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	const char *way = "payer", *maker = getenv("LAB_MAKER");
	struct lab_addr to = { .len = 0 };
	struct lab_chain chain = { "" };
	struct lab_ports ports;
	uint64_t bytes = 0, sent = 0;
	int c, fd = -1;
	ssize_t n;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'w')
			way = optarg;
		else if (c == 't')
			lab_addr_parse(optarg, false, &to, &ports);
		else if (c == 'f')
			fd = (int)lab_num("--fd", optarg, 0, 1 << 20);
		else if (c == 'b')
			bytes = lab_num("--bytes", optarg, 1, UINT32_MAX);
	}
	if (fd < 0)
		fd = socket(to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (to.len != 0 && connect(fd, (struct sockaddr *)&to.ss, to.len) < 0)
		lab_die("connect");
	while (sent < bytes) {
		n = send(fd, chunk, bytes - sent < sizeof(chunk) ? bytes - sent : sizeof(chunk),
			 MSG_NOSIGNAL);
		if (n < 0)
			lab_die("send");
		sent += (uint64_t)n;
	}
	snprintf(chain.text, sizeof(chain.text), "%s", env("LAB_CHAIN", ""));
	lab_chain_add(&chain, env("LAB_NAME", "payer"), getpid());
	lab_post(&(struct lab_post){
		.way = way,
		.sent = sent,
		.pid = getpid(),
		.name = env("LAB_NAME", "payer"),
		.chain = &chain,
		.creator = maker != NULL ? (pid_t)lab_num("LAB_MAKER", maker, 1, INT32_MAX) : 0,
		.creator_name = getenv("LAB_MAKER_NAME"),
	});
	return 0;
}
