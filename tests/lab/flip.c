/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flip.c: a UDP socket that another thread takes away while one sends by it. Where a datagram went
 * only the far ends can tell; what the calls returned is printed. By --way:
 *
 *	free: it is connected to and fro between two far ends.
 *
 *	held: the same, and each send is stopped in the middle, when the kernel has chosen its far
 *	end and copies its data from memory that is not there yet (userfaultfd).
 *
 *	cork: connected to and fro, and each datagram is put together by several sends.
 *
 *	extended: the same, IPv6 with an extension header before UDP's.
 *
 *	flush: each datagram is put together, and the other thread sends away what there is of it;
 *	its later pieces name the other far end, which counts for those that come after that.
 *
 *	refused: no thread: between two pieces the socket is asked to connect to where it cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/udp.h>
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

#define PIECES 3

struct flip;

static const struct way {
	const char *name;
	int64_t (*send)(struct flip *f, size_t n); /* bytes, or -1 */
	void *(*other)(void *f);		   /* the other thread; NULL: none */
} ways[];

struct flip {
	struct lab_addr to[2];
	const struct way *way;
	int fd, fault_fd;
	size_t page;
	unsigned char *data; /* one page; where sends are held it is taken away before each */
	bool stop;
	uint64_t sends, sent, failed;
	uint64_t flips;
	uint64_t met; /* sends in which the other thread was at work */
	int err;
};

static int connect_to(struct flip *f, const struct lab_addr *to)
{
	return connect(f->fd, (const struct sockaddr *)&to->ss, to->len);
}

static void flip_once(struct flip *f)
{
	if (connect_to(f, &f->to[f->flips & 1]) < 0)
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

static int cork(struct flip *f, int on)
{
	return setsockopt(f->fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on));
}

static void *flush(void *arg)
{
	struct flip *f = arg;

	while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
		if (cork(f, 0) < 0)
			lab_die("UDP_CORK");
		__atomic_store_n(&f->flips, f->flips + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* ---- What is sent ---- */

static int64_t send_whole(struct flip *f, size_t n)
{
	return send(f->fd, f->data, n, 0);
}

static int64_t send_held(struct flip *f, size_t n)
{
	if (madvise(f->data, f->page, MADV_DONTNEED) < 0)
		lab_die("madvise");
	return send(f->fd, f->data, n, 0);
}

/* Every other one leaves by its last piece, the others when the cork is taken off. */
static int64_t send_pieces(struct flip *f, size_t n)
{
	bool corked = f->sends & 2;
	int64_t sum = 0;
	ssize_t ret;
	int i;

	if (corked && cork(f, 1) < 0)
		return -1;
	for (i = 0; i < PIECES; i++) {
		ret = send(f->fd, f->data, n, corked || i == PIECES - 1 ? 0 : MSG_MORE);
		if (ret < 0)
			return -1;
		sum += ret;
	}
	return corked && cork(f, 0) < 0 ? -1 : sum;
}

static int64_t send_flushed(struct flip *f, size_t n)
{
	const struct lab_addr *to;
	int64_t sum = 0;
	ssize_t ret;
	int i;

	for (i = 0; i < PIECES; i++) {
		to = &f->to[i > 0];
		ret = sendto(f->fd, f->data, n, i == PIECES - 1 ? 0 : MSG_MORE,
			     (const struct sockaddr *)&to->ss, to->len);
		if (ret < 0)
			return -1;
		sum += ret;
	}
	return sum;
}

static int64_t send_refused(struct flip *f, size_t n)
{
	int on = 1;
	ssize_t first, last;

	if (f->to[0].ss.ss_family == AF_INET6)
		(void)setsockopt(f->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (connect_to(f, &f->to[0]) < 0)
		lab_die("connect");
	first = send(f->fd, f->data, n, MSG_MORE);
	f->flips += connect_to(f, &f->to[1]) < 0;
	last = send(f->fd, f->data, n, 0);
	return first < 0 || last < 0 ? -1 : first + last;
}

static const struct way ways[] = {
	{ "free", send_whole, flip_freely },
	{ "held", send_held, flip_held },
	{ "cork", send_pieces, flip_freely },
	{ "flush", send_flushed, flush },
	{ "refused", send_refused, NULL },
	{ "extended", send_pieces, flip_freely },
	{ NULL, NULL, NULL },
};

static const struct way *way_find(const char *name)
{
	const struct way *w;

	for (w = ways; w->name != NULL; w++)
		if (strcmp(w->name, name) == 0)
			return w;
	lab_usage("--way: expected free, held, cork, extended, flush or refused");
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

	return f->sends >= sends && (f->met >= met_min || f->sends >= sends * 10);
}

/* Destination options (RFC 8200 section 4.6) of more than 255 bytes: one of the experiments that
 * whoever does not know it passes over (RFC 4727 section 3.2), full of what must not be read as a
 * port, and padding. */
static void extend(struct flip *f)
{
	static unsigned char options[264];

	memset(options, 0x7b, sizeof(options));
	memcpy(options, "\0\x20\x1e\xff", 4);
	memcpy(options + sizeof(options) - 5, "\1\3\0\0\0", 5);
	if (setsockopt(f->fd, IPPROTO_IPV6, IPV6_DSTOPTS, options, sizeof(options)) < 0)
		lab_die("IPV6_DSTOPTS");
}

static void run(struct flip *f, uint64_t sends)
{
	pthread_t thread;
	uint64_t before;
	int64_t n;

	f->fd = socket(f->to[0].ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		lab_die("socket");
	if (strcmp(f->way->name, "extended") == 0)
		extend(f);
	if (f->way->other == flip_freely || f->way->other == flip_held)
		flip_once(f);
	if (f->way->other != NULL && pthread_create(&thread, NULL, f->way->other, f) != 0)
		lab_die("thread");
	while (!enough(f, sends)) {
		before = __atomic_load_n(&f->flips, __ATOMIC_RELAXED);
		n = f->way->send(f, f->sends & 1 ? LONG : SHORT);
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
	/* The other one waits for a fault that does not come. */
	if (f->way->other != NULL && f->way->other != flip_held)
		pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "and", required_argument, NULL, 'a' },
		{ "sends", required_argument, NULL, 's' },
		{ "way", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	struct flip f = { .way = ways, .page = (size_t)sysconf(_SC_PAGESIZE) };
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
		else if (o == 'w')
			f.way = way_find(optarg);
		else
			lab_usage("--to ADDRESS:PORT --and ADDRESS:PORT [--sends N] "
				  "[--way free|held|cork|extended|flush|refused]");
	}
	if (f.to[0].len == 0 || f.to[0].len != f.to[1].len || optind < argc)
		lab_usage("--to and --and are needed, of one family");
	f.data = mmap(NULL, f.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f.data == MAP_FAILED)
		lab_die("mmap");
	if (f.way->other == flip_held)
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
