/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.c: a conversation over TCP with known lengths both ways. The server answers each
 * connection's request, once it has read all of it, and closes; the client reads to the end. Each
 * side says what it sent and read, by its own count.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/lab.h"

static const char usage[] = "serve ADDRESS:PORT REQUEST-BYTES ANSWER-BYTES\n"
			    "get ADDRESS:PORT REQUEST-BYTES ANSWER-BYTES\n"
			    "  get waits for a line on stdin when the answer is read, then closes";

static char buf[64 << 10];

static uint64_t put(int fd, uint64_t n)
{
	uint64_t done = 0;
	ssize_t w;

	while (done < n) {
		w = write(fd, buf, n - done < sizeof(buf) ? n - done : sizeof(buf));
		if (w < 0)
			lab_die("write");
		done += (uint64_t)w;
	}
	return done;
}

/* At most n; less when the peer ends. */
static uint64_t take(int fd, uint64_t n)
{
	uint64_t done = 0;
	ssize_t r;

	while (done < n) {
		r = read(fd, buf, n - done < sizeof(buf) ? n - done : sizeof(buf));
		if (r < 0)
			lab_die("read");
		if (r == 0)
			break;
		done += (uint64_t)r;
	}
	return done;
}

static void say(const char *side, uint64_t sent, uint64_t received)
{
	printf("{\"side\":\"%s\",\"pid\":%d,\"sent\":%llu,\"received\":%llu}\n", side, getpid(),
	       (unsigned long long)sent, (unsigned long long)received);
	lab_flush();
}

static void serve(const struct lab_addr *a, uint64_t request, uint64_t answer)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, c;
	uint64_t received;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (const struct sockaddr *)&a->ss, a->len) < 0 || listen(fd, 16) < 0)
		lab_die("listen");
	puts("ready");
	lab_flush();
	for (;;) {
		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0)
			lab_die("accept");
		received = take(c, request);
		say("server", put(c, answer), received);
		close(c);
	}
}

static void get(const struct lab_addr *a, uint64_t request)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t sent;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&a->ss, a->len) < 0)
		lab_die("connect");
	sent = put(fd, request);
	say("client", sent, take(fd, UINT64_MAX));
	lab_wait_line();
	close(fd);
	puts("closed");
	lab_flush();
	lab_wait_line();
}

int main(int argc, char **argv)
{
	struct lab_ports ports;
	uint64_t request, answer;
	struct lab_addr a;

	if (argc != 5)
		lab_usage("%s", usage);
	lab_addr_parse(argv[2], false, &a, &ports);
	request = lab_num("REQUEST-BYTES", argv[3], 1, UINT64_MAX);
	answer = lab_num("ANSWER-BYTES", argv[4], 0, UINT64_MAX);
	if (strcmp(argv[1], "serve") == 0)
		serve(&a, request, answer);
	else if (strcmp(argv[1], "get") == 0)
		get(&a, request);
	else
		lab_usage("%s", usage);
	return 0;
}
