/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake.c: what all engines share: the tap for recordings, decoding, counting.
 */
#include "intake/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#include "base/poison.h"

struct intake {
	const struct intake_ops *ops;
	void *self;
	FILE *tap; /* NULL: not recording */
	struct intake_stats stats;
};

/* Where events go while one drain or look is under way. */
struct flow {
	struct intake *in;
	intake_fn *fn;
	void *arg;
};

int intake_new(const struct intake_ops *ops, void *self, struct intake **ret)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (in == NULL) {
		ops->close(self);
		return -ENOMEM;
	}
	in->ops = ops;
	in->self = self;
	*ret = in;
	return 0;
}

static void tap_close(struct intake *in)
{
	if (in->tap != NULL && fclose(in->tap) != 0)
		log_warnerr(-errno, "recording: cannot finish the file, its end may be missing");
	in->tap = NULL;
}

void intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	in->ops->close(in->self);
	tap_close(in);
	free(in);
}

int intake_record(struct intake *in, const char *path)
{
	struct of_file_hdr hdr = { .abi_version = OF_ABI_VERSION, .byte_order = OF_FILE_ORDER };
	FILE *f = NULL;
	int fd, err;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	f = fdopen(fd, "w");
	if (f == NULL) {
		err = -errno;
		(void)close(fd);
		return err;
	}
	memcpy(hdr.magic, OF_FILE_MAGIC, sizeof(hdr.magic));
	if (fwrite(&hdr, sizeof(hdr), 1, f) != 1) {
		err = errno != 0 ? -errno : -EIO;
		(void)fclose(f);
		return err;
	}
	in->tap = f;
	return 0;
}

/* A hole in the middle would make a recording that replays to something else: it ends. */
static void tap_fail(struct intake *in)
{
	in->stats.record_lost = 1;
	log_warnerr(-errno, "recording: cannot write, it ends here; watching goes on");
	tap_close(in);
}

static void tap_write(struct intake *in, const struct of_rec_hdr *rec)
{
	if (in->tap == NULL) {
		in->stats.record_lost += in->stats.record_lost > 0;
		return;
	}
	if (fwrite(rec, rec->len, 1, in->tap) != 1)
		tap_fail(in);
}

static int take(void *arg, const struct of_rec_hdr *rec, size_t size)
{
	struct flow *f = arg;
	struct event ev;

	f->in->stats.records++;
	if (decode(rec, size, &ev) < 0) {
		f->in->stats.bad++;
		return 0;
	}
	tap_write(f->in, rec);
	f->fn(f->arg, &ev);
	return 0;
}

int intake_drain(struct intake *in, int budget, intake_fn *fn, void *arg)
{
	struct flow f = { in, fn, arg };

	return in->ops->drain(in->self, budget, take, &f);
}

int intake_look(struct intake *in, intake_fn *fn, void *arg)
{
	struct flow f = { in, fn, arg };
	int err;

	if (in->ops->look == NULL)
		return 0;
	err = in->ops->look(in->self, take, &f);
	/* So that a recording of a daemon that is killed ends at most a second early. What fflush()
	 * could not write is gone from the buffer. */
	if (in->tap != NULL && fflush(in->tap) != 0)
		tap_fail(in);
	return err;
}

struct intake_stats intake_stats(const struct intake *in)
{
	return in->stats;
}
