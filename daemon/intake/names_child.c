/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/names_child.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "intake/again.h"
#include "intake/confine.h"
#include "intake/names.h"
#include "intake/ring.h"
#include "wire/suffix.h"

#include "base/poison.h"

/* Waits for so long when it is woken: who opens a thousand connections wakes it a few times. */
#define GATHER_NS 5000000

/* What it calls once it is confined; all else ends it. */
static const unsigned short calls[] = {
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,	  SYS_sendmsg,	  SYS_nanosleep, SYS_clock_nanosleep, SYS_restart_syscall,
	SYS_rt_sigreturn, SYS_brk,	  SYS_mmap,	 SYS_munmap,	      SYS_mremap,
	SYS_exit,	  SYS_exit_group,
};

/* What was found out and not told yet: who opens a thousand connections makes a few messages. */
struct batch {
	struct again again;
	size_t used;
	_Alignas(8) uint8_t data[NAMES_BATCH];
};

static void batch_send(struct batch *b)
{
	struct iovec iov = { b->data, b->used };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (b->used == 0)
		return;
	do
		n = sendmsg(NAMES_FD_DAEMON, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		_exit(0); /* nobody is there to hear it */
	b->used = 0;
}

static void on_record(void *arg, const struct of_rec_hdr *rec)
{
	struct batch *b = arg;
	size_t room = NAMES_ALIGN(rec->len);

	if (again_told(&b->again, rec))
		return;
	if (room > sizeof(b->data) - b->used)
		batch_send(b);
	memset(b->data + b->used, 0, room);
	memcpy(b->data + b->used, rec, rec->len);
	b->used += room;
}

static size_t on_suffix(void *arg, const char *name)
{
	return suffix_of(arg, name);
}

/* All that is there. False: there was nothing. */
static bool drain(struct names_in *in, struct ring *ring)
{
	static _Alignas(struct of_capture)
		uint8_t copy[sizeof(struct of_capture) + OF_CAPTURE_BYTES];
	const void *entry;
	size_t len = 0;
	bool some = false;

	while ((entry = ring_next(ring, &len)) != NULL) {
		/* Given back first: what it cannot bear it must not meet again. */
		if (len > sizeof(copy))
			len = sizeof(copy);
		memcpy(copy, entry, len);
		ring_done(ring);
		names_in_take(in, copy, len);
		some = true;
	}
	ring_done(ring);
	return some;
}

static void run(struct names_in *in, struct ring *ring, struct batch *batch)
{
	const struct timespec gather = { 0, GATHER_NS };
	struct pollfd p = { .fd = NAMES_FD_RING, .events = POLLIN };

	for (;;) {
		if (drain(in, ring))
			batch_send(batch);
		else
			(void)poll(&p, 1, -1);
		(void)nanosleep(&gather, NULL);
	}
}

int names_child_main(int argc, char **argv)
{
	struct confinement c = { .calls = calls,
				 .calls_n = sizeof(calls) / sizeof(calls[0]),
				 .fd_first = NAMES_FD_FIRST,
				 .files = NAMES_FD_FIRST };
	static struct batch batch;
	struct names_in *in = NULL;
	struct suffix *suffix = NULL;
	struct ring ring;
	uint64_t bytes;
	int err;

	log_init(NAMES_CHILD_NAME, LOG_LEVEL_INFO);
	if (argc != 3 || num_parse(argv[1], 1, UINT32_MAX, &bytes) < 0 ||
	    ring_open(NAMES_FD_RING, bytes, &ring) < 0) {
		log_warn("a part of outflowd: not to be called by hand");
		return 2;
	}
	(void)suffix_open(&suffix); /* without a list the last two labels are taken */
	err = names_in_new(on_suffix, suffix, on_record, &batch, &in);
	if (err == 0)
		err = confine(&c, (pid_t)strtol(argv[2], NULL, 10));
	if (err < 0) {
		log_warnerr(err, "cannot give up what it does not need, ends");
		return 1;
	}
	run(in, &ring, &batch);
	return 0;
}
