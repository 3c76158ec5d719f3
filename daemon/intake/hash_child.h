/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hash_child.h: the two processes that open and read executed files, and what they say.
 *
 * A file system may never answer, or answer with what it likes. So one process, the opener, does
 * all that needs privileges: it finds the file and opens it. The other, the worker, has none, and
 * reads what it is handed. Neither makes the daemon wait, and either can be ended at any time.
 *
 *	daemon --request, O_PATH--> opener --job, readable--> worker
 *	daemon <-----answer------- opener                    worker --answer--> daemon
 *
 * All are SOCK_SEQPACKET, each message one struct. Both are this program once more, executed anew,
 * so that they have nothing of the daemon's memory.
 */
#ifndef INTAKE_HASH_CHILD_H
#define INTAKE_HASH_CHILD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "intake/child.h"
#include "outflow/abi.h"

#define HASH_CHILD_NAME "outflowd-hash" /* their argv[0] */
#define HASH_ACTIVE_MAX 16		/* files under way at a time */

enum hash_role { HASH_OPENER, HASH_WORKER, HASH_ROLES };

/* What they find open. */
enum hash_child_fd {
	HASH_FD_DAEMON = CHILD_FD_FIRST,
	HASH_FD_OTHER,	/* between the two */
	HASH_FD_PULSES, /* a struct hash_pulse for each */
	HASH_FD_FIRST,
};

/* What a process is at: written by it alone. A daemon that sees it stand still knows at which file
 * it hangs. */
struct hash_pulse {
	_Atomic uint64_t id;	 /* 0: it waits */
	_Atomic uint64_t beats;	 /* the opener's: requests it took */
	_Atomic uint64_t passed; /* the opener's: jobs that the worker got */
};

struct hash_request {
	uint64_t id;
	struct of_image image;
	uint32_t pid, ppid;
	uint32_t mnt_ns; /* in which `path` leads to it; 0: not known */
	uint32_t path_len;
	char path[OF_EXE_LEN]; /* "": it has none */
};

struct hash_job {
	uint64_t id;
	struct of_image image;
};

struct hash_answer {
	uint64_t id;
	uint32_t state;	  /* enum of_hash_state */
	uint32_t touched; /* 1: with OF_HASH_OK: of the image its ctime alone was another */
	uint8_t sha256[32];
};

enum image_diff {
	IMAGE_SAME,
	IMAGE_TOUCHED, /* but for its ctime: its content may have been changed and its mtime set */
	IMAGE_CHANGED, /* the file, with another content */
	IMAGE_OTHER,   /* another file */
};

/* `magic`: of the file system that `st` came from. */
enum image_diff image_compare(const struct of_image *image, const struct stat *st, uint32_t magic);
/* The layers of its overlay are more than one file system, and `st` is of a file that one of them
 * numbers: a file of another may have the same number. What a path leads to is then no proof. */
bool image_in_layer(const struct of_image *image, const struct stat *st);
bool image_known(const struct of_image *image);

/* A message of exactly `size` bytes. 1; 0: the other end is gone; or -errno, -EBADMSG when it had
 * another size. *ret_fd: what came along, -1 for nothing; NULL: nothing is taken. */
int hash_receive(int sock, void *buf, size_t size, int flags, int *ret_fd);
/* `fd` -1: nothing goes along. 0 or -errno. */
int hash_send(int sock, const void *buf, size_t size, int flags, int fd);

/* hash_opener.c, hash_worker.c: until the daemon is gone. */
void hash_opener_run(struct hash_pulse *pulse);
void hash_worker_run(struct hash_pulse *pulse);
/* main() of such a process. */
int hash_child_main(int argc, char **argv);

#endif
