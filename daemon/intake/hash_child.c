/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_child.c: how a process that hashes begins: it gives up what it does not need, for good, and
 * only then hears of the first file.
 */
#include "intake/hash_child.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "intake/confine.h"

#include "base/poison.h"

/* What each calls once it is confined; all else ends it. */
static const unsigned short opener_calls[] = {
	SYS_recvmsg,	     SYS_sendmsg,      SYS_openat, SYS_openat2, SYS_fstat,	SYS_fstatfs,
	SYS_restart_syscall, SYS_rt_sigreturn, SYS_close,  SYS_exit,	SYS_exit_group,
};

static const unsigned short worker_calls[] = {
	SYS_recvmsg,	     SYS_sendmsg,      SYS_pread64, SYS_fstat, SYS_fstatfs,
	SYS_restart_syscall, SYS_rt_sigreturn, SYS_close,   SYS_exit,  SYS_exit_group,
};

static int hash_confine(enum hash_role role, pid_t parent)
{
	struct confinement c = { .fd_first = HASH_FD_FIRST,
				 .files = HASH_FD_FIRST + HASH_ACTIVE_MAX + 8,
				 .idle = 1 };

	if (role == HASH_OPENER) {
		c.calls = opener_calls;
		c.calls_n = sizeof(opener_calls) / sizeof(opener_calls[0]);
		/* To look into other processes' roots, and to open what its user alone may. */
		c.caps = 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_READ_SEARCH;
	} else {
		c.calls = worker_calls;
		c.calls_n = sizeof(worker_calls) / sizeof(worker_calls[0]);
	}
	return confine(&c, parent);
}

int hash_child_main(int argc, char **argv)
{
	enum hash_role role;
	struct hash_pulse *pulses;
	int err;

	log_init(HASH_CHILD_NAME, LOG_LEVEL_INFO);
	if (argc != 3) {
		log_warn("a part of outflowd: not to be called by hand");
		return 2;
	}
	role = strcmp(argv[1], "opener") == 0 ? HASH_OPENER : HASH_WORKER;
	pulses = mmap(NULL, HASH_ROLES * sizeof(*pulses), PROT_READ | PROT_WRITE, MAP_SHARED,
		      HASH_FD_PULSES, 0);
	if (pulses == MAP_FAILED) {
		log_warnerr(-errno, "a part of outflowd: not to be called by hand");
		return 2;
	}
	(void)close(HASH_FD_PULSES);
	err = hash_confine(role, (pid_t)strtol(argv[2], NULL, 10));
	if (err < 0) {
		log_warnerr(err, "%s: cannot give up what it does not need, ends", argv[1]);
		return 1;
	}
	if (role == HASH_OPENER)
		hash_opener_run(&pulses[role]);
	else
		hash_worker_run(&pulses[role]);
	return 0;
}
