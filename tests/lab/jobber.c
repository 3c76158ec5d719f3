/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jobber.c: a mock of cron and atd, for where neither is installed: starts one job as they do, by a
 * child that becomes the user and then executes a shell. A test calls it by a copy of their name.
 *
 *	cron UID COMMAND	sh -c COMMAND
 *	atd UID -		sh, which reads the job
 *
 * Ends as the job does.
 */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/lab.h"

static int job(uid_t uid, const char *command)
{
	if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
		return 126;
	if (strcmp(command, "-") == 0)
		(void)execl("/bin/sh", "sh", (char *)NULL);
	else
		(void)execl("/bin/sh", "/bin/sh", "-c", command, (char *)NULL);
	return 127;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int status;

	if (argc != 3)
		lab_usage("expected a uid and a command");
	pid = fork();
	if (pid == 0)
		_exit(job((uid_t)strtoul(argv[1], NULL, 10), argv[2]));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		lab_die("a job");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
