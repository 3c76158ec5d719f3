/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * orphans: makes processes that outlive their parents, evenly over some seconds, so that PID 1 is
 * kept busy with reaping them.
 *
 *	orphans --count 10000 --seconds 5
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/lab.h"

#define SECOND_NS 1000000000ULL
#define COUNT_MAX 1000000

static void orphan_make(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fork() < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		lab_die("fork");
	if (status != 0) {
		errno = EAGAIN;
		lab_die("the child's fork");
	}
}

static void pause_until(uint64_t ns)
{
	struct timespec at = { (time_t)(ns / SECOND_NS), (long)(ns % SECOND_NS) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void options(int argc, char **argv, uint64_t *ret_count, uint64_t *ret_seconds)
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'c' },
		{ "seconds", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 'c')
			*ret_count = lab_num("--count", optarg, 1, COUNT_MAX);
		else if (o == 's')
			*ret_seconds = lab_num("--seconds", optarg, 1, 3600);
		else
			lab_usage("--count N --seconds N");
	}
}

int main(int argc, char **argv)
{
	uint64_t count = 0, seconds = 0, began, i;
	struct timespec now;

	options(argc, argv, &count, &seconds);
	if (count == 0 || seconds == 0 || optind < argc)
		lab_usage("--count and --seconds are needed");
	clock_gettime(CLOCK_MONOTONIC, &now);
	began = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
	for (i = 0; i < count; i++) {
		orphan_make();
		pause_until(began + i * seconds * SECOND_NS / count);
	}
	return 0;
}
