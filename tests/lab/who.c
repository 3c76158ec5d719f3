/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * who.c: sends over one TCP connection, each time by somebody else: a child, a thread, a process
 * that was given the socket or took it, one with another name, number, user or namespace. Says who,
 * as a line of JSON for each execution that sent. The ways are in who/.
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "who/who.h"

static const struct way {
	const char *name;
	int (*run)(struct who *w);
} ways[] = {
	{ "fork", who_fork_child },
	{ "fork-both", who_fork_both },
	{ "vfork", who_vfork },
	{ "vfork-exec", who_vfork_exec },
	{ "detach", who_detach },
	{ "subreaper", who_subreaper },
	{ "orphan", who_orphan },
	{ "clone-parent", who_clone_parent },
	{ "pid-reuse", who_pid_reuse },
	{ "scm-rights", who_scm_rights },
	{ "pidfd-getfd", who_pidfd_getfd },
	{ "threads", who_threads },
	{ "thread-alone", who_thread_alone },
	{ "ring-inherited", who_ring_inherited },
	{ "deputy-mock", who_deputy },
	{ "exec-between", who_exec_between },
	{ "renamed", who_renamed },
	{ "argv0", who_argv0 },
	{ "memfd", who_memfd },
	{ "deleted", who_deleted },
	{ "ptrace", who_ptrace },
	{ "ptrace-other", who_ptrace_other },
	{ "setuid", who_setuid },
	{ "pid-namespace", who_pid_namespace },
	{ "net-namespace", who_net_namespace },
	{ "net-borrowed", who_net_borrowed },
	{ "user-namespace", who_user_namespace },
	{ "container", who_container },
	{ "container-socket", who_container_socket },
};

static const struct way *way_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	lab_usage("--way: there is no '%s'", name);
}

/* Beside this program. */
static void payer_path(char *ret, size_t size)
{
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		lab_die("/proc/self/exe");
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		lab_usage("'%s' has no folder", self);
	*slash = '\0';
	snprintf(ret, size, "%s/payer", self);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "way", required_argument, NULL, 'w' },
		{ "to", required_argument, NULL, 't' },
		{ "bytes", required_argument, NULL, 'b' },
		{ "alarm", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	const struct way *way = NULL;
	struct who w = { .bytes = 0 };
	struct lab_ports ports;
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'w')
			way = way_find(optarg);
		else if (c == 't')
			w.to_text = optarg;
		else if (c == 'b')
			w.bytes = lab_num("--bytes", optarg, 4, UINT32_MAX);
		else if (c == 'a')
			alarm((unsigned int)lab_num("--alarm", optarg, 1, 3600));
	}
	if (way == NULL || w.to_text == NULL || w.bytes == 0)
		lab_usage("--way WAY --to ADDRESS:PORT --bytes N [--alarm SECONDS]");
	lab_addr_parse(w.to_text, false, &w.to, &ports);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		lab_die("SIGPIPE");
	w.way = way->name;
	payer_path(w.payer, sizeof(w.payer));
	lab_chain_self(&w.chain);
	return way->run(&w);
}
