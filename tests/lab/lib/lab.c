/* SPDX-License-Identifier: BSD-2-Clause */
/* lab.c: options, addresses and what else is the same for the programs of the traffic lab. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lab.h"

void lab_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(LAB_EXIT_USAGE);
}

void lab_die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(err));
	va_end(ap);
	exit(1);
}

uint64_t lab_num(const char *what, const char *text, uint64_t min, uint64_t max)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < min || n > max)
		lab_usage("%s: '%s': expected a number, %llu to %llu", what, text,
			  (unsigned long long)min, (unsigned long long)max);
	return n;
}

struct lab_ports lab_ports(const char *what, const char *text)
{
	struct lab_ports p;
	char lo[8];
	size_t n = strcspn(text, "-");

	if (n >= sizeof(lo))
		lab_usage("%s: '%s': expected PORT or PORT-PORT", what, text);
	memcpy(lo, text, n);
	lo[n] = '\0';
	p.lo = (uint16_t)lab_num(what, lo, 1, 65535);
	p.hi = text[n] == '-' ? (uint16_t)lab_num(what, text + n + 1, p.lo, 65535) : p.lo;
	return p;
}

static bool addr_set(const char *host, bool mapped, struct lab_addr *a)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->ss;
	char text[INET6_ADDRSTRLEN + 8];

	memset(a, 0, sizeof(*a));
	if (!mapped && inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		a->len = sizeof(*in);
		return true;
	}
	snprintf(text, sizeof(text), "%s%s", mapped ? "::ffff:" : "", host);
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		return false;
	in6->sin6_family = AF_INET6;
	a->len = sizeof(*in6);
	return true;
}

void lab_addr_parse(const char *text, bool mapped, struct lab_addr *ret_addr,
		    struct lab_ports *ret_ports)
{
	const char *colon = strrchr(text, ':');
	const char *host = text;
	char buf[INET6_ADDRSTRLEN];
	size_t n;

	if (colon == NULL)
		lab_usage("'%s': expected ADDRESS:PORT", text);
	n = (size_t)(colon - text);
	if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof(buf))
		lab_usage("'%s': expected an address before the port", text);
	memcpy(buf, host, n);
	buf[n] = '\0';
	if (!addr_set(buf, mapped, ret_addr))
		lab_usage("'%s': '%s' is not an address", text, buf);
	*ret_ports = lab_ports("port", colon + 1);
	lab_addr_set_port(ret_addr, ret_ports->lo);
}

void lab_addr_set_port(struct lab_addr *a, uint16_t port)
{
	if (a->ss.ss_family == AF_INET)
		((struct sockaddr_in *)&a->ss)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)&a->ss)->sin6_port = htons(port);
}

void lab_addr_text(const struct lab_addr *a, char *buf, size_t size, uint16_t *ret_port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->ss;

	if (a->ss.ss_family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, buf, (socklen_t)size);
	else if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], buf, (socklen_t)size);
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, buf, (socklen_t)size);
	*ret_port = ntohs(in->sin_port); /* both families have it in the same place */
}

void lab_wait_line(void)
{
	char c;
	ssize_t n;

	do {
		n = read(STDIN_FILENO, &c, 1);
	} while (n > 0 ? c != '\n' : (n < 0 && errno == EINTR));
}

void lab_raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

void lab_flush(void)
{
	if (fflush(stdout) != 0)
		lab_die("stdout");
}

void lab_json_string(FILE *f, const char *text)
{
	const unsigned char *p;

	fputc('"', f);
	for (p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(f, "\\%c", *p);
		else if (*p < 0x20)
			fprintf(f, "\\u%04x", *p);
		else
			fputc(*p, f);
	}
	fputc('"', f);
}

void lab_copy_to(int fd, const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (from < 0)
		lab_die("%s", path);
	while (n > 0)
		n = sendfile(fd, from, NULL, 1 << 20);
	if (n < 0)
		lab_die("copy %s", path);
	close(from);
}
