/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * intake.c: what all engines share: decoding, redaction, the tap for recordings, counting.
 */
#include "intake/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/redact.h"

#include "base/poison.h"

struct intake {
	const struct intake_ops *ops;
	void *self;
	FILE *tap; /* NULL: not recording */
	bool redact;
	struct intake_stats stats;
	struct of_rec_exec redacted; /* a copy: the ring is mapped to be read only */
	struct of_rec_env redacted_env;
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

void intake_redact(struct intake *in)
{
	in->redact = true;
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

/* Byte by byte: memcpy() leaves what it copied in vector registers, which nobody clears, and a core
 * has those. */
static void copy_raw(char *to, const char *from, size_t len)
{
	volatile char *v = to;
	size_t i;

	for (i = 0; i < len; i++)
		v[i] = from[i];
}

/*
 * Blanks the secrets in argv, in a copy, which then is the record: everybody behind this, the
 * recording too, has it from here. argv_size shrinks with argv, so that what it is more than
 * argv_len is still what was cut off.
 */
static const struct of_rec_hdr *redact(struct intake *in, const struct of_rec_hdr *rec,
				       struct event *ev)
{
	struct of_rec_exec *r = &in->redacted;
	size_t head = (size_t)(ev->exec.argv - (const char *)rec), len = ev->exec.argv_len, saved;
	unsigned int n;

	memcpy(r, rec, head);
	copy_raw((char *)r + head, ev->exec.argv, len);
	n = redact_argv((char *)r + head, &len, ev->exec.argv_size > ev->exec.argv_len);
	if (n == 0)
		return rec;
	saved = ev->exec.argv_len - len;
	r->argv_redacted = (uint16_t)n; /* at most one a byte */
	r->argv_len = (uint16_t)len;
	r->argv_size = (uint32_t)(ev->exec.argv_size - saved);
	r->hdr.len = (uint32_t)(head + len);
	(void)decode(r, r->hdr.len, ev);
	return &r->hdr;
}

/* The same for an environment. What is allowed of it is no secret by its name, but anybody may put
 * one there, or an address with a password in it. */
static const struct of_rec_hdr *redact_variables(struct intake *in, const struct of_rec_hdr *rec,
						 struct event *ev)
{
	struct of_rec_env *r = &in->redacted_env;
	size_t head = offsetof(struct of_rec_env, env.text), len = ev->env.text_len;

	memcpy(r, rec, head);
	copy_raw(r->env.text, ev->env.text, len);
	if (redact_env(r->env.text, &len, OF_ENV_VALUE - 1) == 0)
		return rec;
	r->env.len = (uint32_t)len;
	r->hdr.len = (uint32_t)(head + len);
	(void)decode(r, r->hdr.len, ev);
	return &r->hdr;
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
	if (f->in->redact && ev.kind == OF_REC_EXEC && ev.exec.argv_len > 0)
		rec = redact(f->in, rec, &ev);
	if (f->in->redact && ev.kind == OF_REC_ENV)
		rec = redact_variables(f->in, rec, &ev);
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
