/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy.c: deputies: processes that send what others hand to them. On one port of the loopback
 * device it speaks HTTP CONNECT (RFC 9110 section 9.3.6) and SOCKS5 (RFC 1928), told apart by the
 * first byte; on others it relays to a fixed far end. After each connection it says how many bytes
 * it sent to the far end by its own count. Each connection has a process of its own.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/lab.h"
#include "lib/post.h"

#define RELAYS_MAX  8
#define REQUEST_MAX 512
#define BUFFER	    65536

struct port {
	int fd;
	struct lab_addr target; /* without a family: the client names it */
};

struct proxy {
	struct port ports[RELAYS_MAX];
	size_t n;
	struct lab_chain chain;
	char buf[BUFFER];
};

static bool write_all(int fd, const void *data, size_t n)
{
	return send(fd, data, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool read_all(int fd, void *data, size_t n)
{
	return recv(fd, data, n, MSG_WAITALL) == (ssize_t)n;
}

/* "CONNECT ADDRESS:PORT HTTP/1.1" and headers up to the empty line. */
static bool ask_http(int client, struct lab_addr *to)
{
	char request[REQUEST_MAX + 1] = "", *end;
	struct lab_ports ports;
	size_t n = 0;

	while (n < REQUEST_MAX && strstr(request, "\r\n\r\n") == NULL) {
		if (!read_all(client, request + n, 1))
			return false;
		request[++n] = '\0';
	}
	if (strncmp(request, "CONNECT ", 8) != 0)
		return false;
	end = strchr(request + 8, ' ');
	if (end == NULL)
		return false;
	*end = '\0';
	lab_addr_parse(request + 8, false, to, &ports);
	return true;
}

static bool ask_socks5(int client, struct lab_addr *to)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&to->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to->ss;
	unsigned char head[4], methods[255];

	if (!read_all(client, head, 2) || !read_all(client, methods, head[1]) ||
	    !write_all(client, "\5\0", 2) || !read_all(client, head, 4))
		return false;
	memset(to, 0, sizeof(*to));
	if (head[3] == 1) {
		in->sin_family = AF_INET;
		to->len = sizeof(*in);
		return read_all(client, &in->sin_addr, 4) && read_all(client, &in->sin_port, 2);
	}
	in6->sin6_family = AF_INET6;
	to->len = sizeof(*in6);
	return head[3] == 4 && read_all(client, &in6->sin6_addr, 16) &&
	       read_all(client, &in6->sin6_port, 2);
}

/* Where the client wants to go, and the answer that it is done. */
static bool ask(int client, struct lab_addr *to)
{
	static const unsigned char socks_done[] = { 5, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const char http_done[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	char first;

	if (recv(client, &first, 1, MSG_PEEK) != 1)
		return false;
	if (first == 5)
		return ask_socks5(client, to) && write_all(client, socks_done, sizeof(socks_done));
	return ask_http(client, to) && write_all(client, http_done, sizeof(http_done) - 1);
}

static uint64_t pass_on(struct proxy *p, int client, int out)
{
	uint64_t sent = 0;
	ssize_t n, m, at;

	while ((n = read(client, p->buf, sizeof(p->buf))) > 0) {
		for (at = 0; at < n; at += m) {
			m = send(out, p->buf + at, (size_t)(n - at), MSG_NOSIGNAL);
			if (m < 0)
				return sent;
			sent += (uint64_t)m;
		}
	}
	return sent;
}

/* Says what it sent before it closes: a client that sees the end may count on that. */
static void serve(struct proxy *p, const struct port *port, int client)
{
	struct lab_addr to = port->target;
	struct lab_post post = { .way = "proxy", .pid = getpid(), .chain = &p->chain, .to = &to };
	int out;

	if (to.len == 0 && !ask(client, &to))
		lab_usage("a request that this proxy does not know");
	out = socket(to.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (out < 0 || connect(out, (struct sockaddr *)&to.ss, to.len) < 0)
		lab_die("connect to the target");
	lab_chain_add(&p->chain, "proxy", getpid());
	post.sent = pass_on(p, client, out);
	close(out);
	lab_post(&post);
	close(client);
}

static void on_client(struct proxy *p, const struct port *port)
{
	int client = accept4(port->fd, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		lab_die("accept");
	switch (fork()) {
	case -1:
		lab_die("fork");
	case 0:
		serve(p, port, client);
		_exit(0);
	}
	close(client);
}

static void listen_at(struct proxy *p, const char *text)
{
	char at[80];
	const char *eq = strchr(text, '=');
	size_t len = eq != NULL ? (size_t)(eq - text) : strlen(text);
	struct port *port = &p->ports[p->n];
	struct lab_ports ports;
	struct lab_addr a;
	int on = 1;

	if (p->n == RELAYS_MAX || len >= sizeof(at))
		lab_usage("--listen: '%s': one too many, or too long", text);
	memcpy(at, text, len);
	at[len] = '\0';
	lab_addr_parse(at, false, &a, &ports);
	if (eq != NULL)
		lab_addr_parse(eq + 1, false, &port->target, &ports);
	port->fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	if (port->fd < 0 || setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(port->fd, (struct sockaddr *)&a.ss, a.len) < 0 || listen(port->fd, 16) < 0)
		lab_die("listen at %s", at);
	p->n++;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	static struct proxy p;
	struct pollfd fds[RELAYS_MAX];
	size_t i;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c != 'l')
			lab_usage("{--listen ADDRESS:PORT[=TARGET:PORT]}...");
		listen_at(&p, optarg);
	}
	lab_chain_self(&p.chain);
	if (signal(SIGCHLD, SIG_IGN) == SIG_ERR) /* nobody waits for the children */
		lab_die("SIGCHLD");
	printf("{\"ready\":true,\"pid\":%d}\n", getpid());
	lab_flush();
	for (;;) {
		for (i = 0; i < p.n; i++)
			fds[i] = (struct pollfd){ .fd = p.ports[i].fd, .events = POLLIN };
		if (poll(fds, p.n, -1) < 0 && errno != EINTR)
			lab_die("poll");
		for (i = 0; i < p.n; i++)
			if (fds[i].revents != 0)
				on_client(&p, &p.ports[i]);
	}
}
