/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c: the two engines that need no kernel: a recording and an array. Both read a stream of
 * records; only where its bytes come from differs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intake/intake.h"

#include "base/poison.h"

struct replay {
	FILE *f; /* NULL for an array */
	const char *at;
	size_t left; /* of the array */
	union {
		struct of_rec_hdr hdr;
		struct of_rec_exec exec;
		struct of_rec_dns dns;
	} rec; /* the longest records; copies make every record aligned */
};

/* 1: all n bytes, 0: the stream ends here, -EBADMSG: it ends in the middle, or -errno. */
static int replay_read(struct replay *r, void *to, size_t n)
{
	size_t got;

	if (r->f != NULL) {
		got = fread(to, 1, n, r->f);
		if (got < n && ferror(r->f))
			return -EIO;
	} else {
		got = r->left < n ? r->left : n;
		if (got > 0) {
			memcpy(to, r->at, got);
			r->at += got;
			r->left -= got;
		}
	}
	return got == n ? 1 : got == 0 ? 0 : -EBADMSG;
}

static int replay_next(struct replay *r)
{
	struct of_rec_hdr *h = &r->rec.hdr;
	int n = replay_read(r, h, sizeof(*h));

	if (n <= 0)
		return n;
	if (h->len < sizeof(*h) || h->len > sizeof(r->rec))
		return -EBADMSG;
	if (h->len == sizeof(*h))
		return 1;
	n = replay_read(r, h + 1, h->len - sizeof(*h));
	return n == 0 ? -EBADMSG : n;
}

static int replay_drain(void *self, int budget, intake_raw_fn *fn, void *arg)
{
	struct replay *r = self;
	int i, n, err;

	for (i = 0; i < budget; i++) {
		n = replay_next(r);
		if (n < 0)
			return n;
		if (n == 0)
			return i > 0 ? i : -ENODATA;
		err = fn(arg, &r->rec.hdr, r->rec.hdr.len);
		if (err < 0)
			return err;
	}
	return i;
}

static void replay_close(void *self)
{
	struct replay *r = self;

	if (r->f != NULL)
		(void)fclose(r->f);
	free(r);
}

static const struct intake_ops recording_ops = { "recording", replay_drain, NULL, replay_close };
static const struct intake_ops array_ops = { "array", replay_drain, NULL, replay_close };

int intake_array(const void *records, size_t len, struct intake **ret)
{
	struct replay *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->at = records;
	r->left = len;
	return intake_new(&array_ops, r, ret);
}

int intake_recording(const char *path, struct intake **ret)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct of_file_hdr hdr;
	int err = -ENOMEM;

	if (r == NULL)
		goto out;
	r->f = fopen(path, "re");
	if (r->f == NULL) {
		err = -errno;
		goto out;
	}
	err = -EBADMSG;
	if (replay_read(r, &hdr, sizeof(hdr)) != 1 ||
	    memcmp(hdr.magic, OF_FILE_MAGIC, sizeof(hdr.magic)) != 0)
		goto out;
	err = -EPROTONOSUPPORT;
	if (hdr.abi_version != OF_ABI_VERSION || hdr.byte_order != OF_FILE_ORDER)
		goto out;
	return intake_new(&recording_ops, r, ret);
out:
	if (r != NULL)
		replay_close(r);
	return err;
}
