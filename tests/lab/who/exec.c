/* SPDX-License-Identifier: BSD-2-Clause */
/* exec.c: what runs in a process changes, or what it calls itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "who.h"

/* Half of it, then another program in the same process sends the rest on the same socket. */
int who_exec_between(struct who *w)
{
	struct maker me = { getpid(), "who" };
	struct lab_post mine = { .way = w->way, .pid = getpid(), .chain = &w->chain };
	struct payer p = { .path = w->payer, .maker = me };

	p.fd = who_connect(w);
	mine.sent = who_send(p.fd, w->bytes / 2);
	lab_post(&mine);
	p.bytes = w->bytes - mine.sent;
	who_become(w, &w->chain, &p);
}

/* Like a kernel thread in ps; the program is what it was. */
int who_renamed(struct who *w)
{
	struct lab_post mine = {
		.way = w->way, .pid = getpid(), .chain = &w->chain, .name = "who"
	};

	if (prctl(PR_SET_NAME, "kworker/u8:2") < 0)
		lab_die("PR_SET_NAME");
	mine.sent = who_send(who_connect(w), w->bytes);
	lab_post(&mine);
	return 0;
}

int who_argv0(struct who *w)
{
	struct payer p = { .path = w->payer, .fd = -1, .bytes = w->bytes };

	p.as = "[kworker/u8:2]";
	who_become(w, &w->chain, &p);
}

/* What is run by its descriptor is called by that: /dev/fd/NUMBER. */
static void become_fd(struct who *w, int fd)
{
	struct payer p = { .exe = fd, .fd = -1, .bytes = w->bytes };
	char name[16];

	snprintf(name, sizeof(name), "%d", fd);
	p.name = name;
	who_become(w, &w->chain, &p);
}

int who_memfd(struct who *w)
{
	int fd = memfd_create("payer", MFD_CLOEXEC);

	if (fd < 0)
		return who_skip(w, "memfd_create");
	lab_copy_to(fd, w->payer);
	become_fd(w, fd);
	return 0;
}

int who_deleted(struct who *w)
{
	char path[] = "/tmp/outflow-payer.XXXXXX";
	int ro, fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0)
		lab_die("%s", path);
	lab_copy_to(fd, w->payer);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (fchmod(fd, 0700) < 0 || ro < 0)
		lab_die("%s", path);
	unlink(path);
	close(fd); /* a file that is open for writing is not run: ETXTBSY */
	become_fd(w, ro);
	return 0;
}
