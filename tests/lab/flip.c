/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flip.c: a UDP socket that another thread connects to and fro between two far ends while one sends
 * by it. With --held each send is stopped in the middle, when the kernel has chosen its far end and
 * copies its data from memory that is not there yet (userfaultfd); the socket is connected to the
 * other one, and then the memory is filled. Where a datagram went only the far ends can tell.
 * Prints what the calls returned.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/lab.h"

#define LONG	1000 /* bytes of a datagram, one of two lengths */
#define SHORT	100
#define MET_MIN 1000

struct flip {
	struct lab_addr to[2];
	int fd, fault_fd;
	size_t page;
	unsigned char *data; /* one page; with --held it is taken away before each send */
	bool held, stop;
	uint64_t sends, sent, failed;
	uint64_t flips;
	uint64_t met; /* sends in which the other thread connected the socket elsewhere */
	int err;
};

static void flip_once(struct flip *f)
{
	const struct lab_addr *to = &f->to[f->flips & 1];

	if (connect(f->fd, (const struct sockaddr *)&to->ss, to->len) < 0)
		lab_die("connect");
	__atomic_store_n(&f->flips, f->flips + 1, __ATOMIC_RELAXED);
}

static void *flip_freely(void *arg)
{
	struct flip *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED))
		flip_once(f);
	return NULL;
}

/* Whoever asks for the page is a send that has begun; it goes on when the page is filled. */
static void *flip_held(void *arg)
{
	struct flip *f = arg;
	struct uffd_msg msg;
	struct uffdio_zeropage zero;

	while (read(f->fault_fd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg)) {
		flip_once(f);
		zero = (struct uffdio_zeropage){ .range = { .start = (uintptr_t)f->data,
							    .len = f->page } };
		if (ioctl(f->fault_fd, UFFDIO_ZEROPAGE, &zero) < 0)
			lab_die("UFFDIO_ZEROPAGE");
	}
	return NULL;
}

/* Faults of the kernel's own copies, too: needs privilege. */
static void fault_init(struct flip *f)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)f->data, .len = f->page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	f->fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (f->fault_fd < 0 && (errno == ENOSYS || errno == EPERM))
		exit(LAB_EXIT_SKIP);
	if (f->fault_fd < 0 || ioctl(f->fault_fd, UFFDIO_API, &api) < 0 ||
	    ioctl(f->fault_fd, UFFDIO_REGISTER, &reg) < 0)
		lab_die("userfaultfd");
}

/* On a busy machine the other thread may wait for long: so many sends must have met it at work. */
static bool enough(const struct flip *f, uint64_t sends)
{
	uint64_t met_min = sends < MET_MIN ? sends : MET_MIN;

	return f->sends >= sends && (f->met >= met_min || f->sends >= sends * 100);
}

static void run(struct flip *f, uint64_t sends)
{
	pthread_t thread;
	uint64_t before;
	ssize_t n;

	f->fd = socket(f->to[0].ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		lab_die("socket");
	flip_once(f);
	if (pthread_create(&thread, NULL, f->held ? flip_held : flip_freely, f) != 0)
		lab_die("thread");
	while (!enough(f, sends)) {
		if (f->held && madvise(f->data, f->page, MADV_DONTNEED) < 0)
			lab_die("madvise");
		before = __atomic_load_n(&f->flips, __ATOMIC_RELAXED);
		n = send(f->fd, f->data, f->sends & 1 ? LONG : SHORT, 0);
		f->met += __atomic_load_n(&f->flips, __ATOMIC_RELAXED) != before;
		f->sends++;
		if (n > 0) {
			f->sent += (uint64_t)n;
			continue;
		}
		f->failed++;
		f->err = errno;
	}
	__atomic_store_n(&f->stop, true, __ATOMIC_RELAXED);
	if (!f->held)
		pthread_join(thread, NULL); /* the other waits for a fault that does not come */
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "and", required_argument, NULL, 'a' },
		{ "sends", required_argument, NULL, 's' },
		{ "held", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct flip f = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	struct lab_ports none;
	uint64_t sends = 50000;
	int o;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (o == 't')
			lab_addr_parse(optarg, false, &f.to[0], &none);
		else if (o == 'a')
			lab_addr_parse(optarg, false, &f.to[1], &none);
		else if (o == 's')
			sends = lab_num("--sends", optarg, 1, UINT32_MAX);
		else if (o == 'h')
			f.held = true;
		else
			lab_usage("--to ADDRESS:PORT --and ADDRESS:PORT [--sends N] [--held]");
	}
	if (f.to[0].len == 0 || f.to[0].len != f.to[1].len || optind < argc)
		lab_usage("--to and --and are needed, of one family");
	f.data = mmap(NULL, f.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f.data == MAP_FAILED)
		lab_die("mmap");
	if (f.held)
		fault_init(&f);
	run(&f, sends);
	printf("{\"sent\":%llu,\"sends\":%llu,\"failed\":%llu,\"met\":%llu,\"error\":\"%s\","
	       "\"pid\":%d}\n",
	       (unsigned long long)f.sent, (unsigned long long)f.sends,
	       (unsigned long long)f.failed, (unsigned long long)f.met,
	       f.err != 0 ? strerror(f.err) : "", getpid());
	lab_flush();
	return 0;
}
