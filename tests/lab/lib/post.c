/* SPDX-License-Identifier: BSD-2-Clause */
/* post.c: the line in which a sender says what it sent, and where it descends from. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "post.h"

#define CHAIN_MAX 16 /* deeper than any start of a sender from the lab's own script */

/* Name and parent of a process; false when it is gone. */
static bool stat_of(pid_t pid, char name[32], pid_t *ret_parent)
{
	char path[32], line[256];
	char *open, *close;
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	ok = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	if (!ok)
		return false;
	open = strchr(line, '(');
	close = strrchr(line, ')');
	if (open == NULL || close == NULL || sscanf(close + 1, " %*c %d", ret_parent) != 1)
		return false;
	*close = '\0';
	snprintf(name, 32, "%s", open + 1);
	return true;
}

void lab_chain_add(struct lab_chain *c, const char *name, pid_t pid)
{
	size_t len = strlen(c->text);
	int n = snprintf(c->text + len, sizeof(c->text) - len, "%s\"%s[%d]\"", len > 0 ? "," : "",
			 name, pid);

	if (n < 0 || (size_t)n >= sizeof(c->text) - len)
		lab_usage("lineage: too long: %s", c->text);
}

void lab_chain_self(struct lab_chain *ret)
{
	const char *root = getenv("LAB_ROOT");
	pid_t top = root == NULL		? getppid()
		    : strcmp(root, "self") == 0 ? getpid()
						: (pid_t)lab_num("LAB_ROOT", root, 1, INT32_MAX);
	pid_t pid[CHAIN_MAX], p = getpid(), parent;
	char name[CHAIN_MAX][32];
	int i, n = 0;

	memset(ret, 0, sizeof(*ret));
	while (n < CHAIN_MAX && p > 0 && stat_of(p, name[n], &parent)) {
		pid[n++] = p;
		if (p == top)
			break;
		p = parent;
	}
	for (i = n; i-- > 0;)
		lab_chain_add(ret, name[i], pid[i]);
}

static void say_address(FILE *f, const struct lab_addr *a)
{
	char ip[INET6_ADDRSTRLEN];
	uint16_t port;

	lab_addr_text(a, ip, sizeof(ip), &port);
	fprintf(f, ",\"ip\":\"%s\",\"port\":%u", ip, port);
}

/* One write: lines are short, and the file is opened for appending. */
static void put_line(char *line, size_t len)
{
	ssize_t n;

	do {
		n = write(STDOUT_FILENO, line, len);
	} while (n < 0 && errno == EINTR);
	free(line);
	if (n != (ssize_t)len)
		lab_die("stdout");
}

void lab_post(const struct lab_post *p)
{
	const char *self = program_invocation_short_name;
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);

	if (f == NULL)
		lab_die("a line");
	fprintf(f, "{\"way\":\"%s\",\"sent\":%llu,\"pid\":%d", p->way, (unsigned long long)p->sent,
		p->pid);
	fprintf(f, ",\"name\":");
	lab_json_string(f, p->name != NULL ? p->name : self);
	if (p->chain != NULL)
		fprintf(f, ",\"lineage\":[%s]", p->chain->text);
	if (p->to != NULL)
		say_address(f, p->to);
	if (p->self)
		fprintf(f, ",\"self\":true");
	if (p->creator != 0) {
		fprintf(f, ",\"creator\":{\"pid\":%d,\"name\":", p->creator);
		lab_json_string(f, p->creator_name != NULL ? p->creator_name : self);
		fputc('}', f);
	}
	if (p->wire != 0)
		fprintf(f, ",\"wire\":%llu", (unsigned long long)p->wire);
	fputs("}\n", f);
	if (fclose(f) != 0)
		lab_die("a line");
	put_line(line, len);
}

int lab_skip(const char *way, const char *why)
{
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);

	if (f == NULL)
		lab_die("a line");
	fprintf(f, "{\"way\":\"%s\",\"skip\":", way);
	lab_json_string(f, why);
	fputs("}\n", f);
	if (fclose(f) != 0)
		lab_die("a line");
	put_line(line, len);
	return LAB_EXIT_SKIP;
}
