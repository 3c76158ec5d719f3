/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * via.c: an errand in words: what a process with a role asked a deputy for, by which that or what
 * it started may have sent. All of it is inferred from the time, and says so.
 */
#include <inttypes.h>
#include <string.h>

#include "alert/open.h"
#include "alert/subject_json.h"
#include "base/text.h"

#include "base/poison.h"

#define MS 1000000

/* "dockerd[812]" */
static void json_deputy(struct json *j, const char *key, const struct errand_deputy *d)
{
	struct buf one;

	buf_init(&one, OF_NAME_LEN + 64);
	buf_add(&one, d->name, strnlen(d->name, sizeof(d->name)));
	buf_printf(&one, "[%" PRIu32 "]", d->tgid);
	if (one.err < 0)
		j->out->err = one.err;
	else
		json_str(j, key, one.data, one.len);
	buf_done(&one);
}

static void json_asker(struct json *j, const struct errand *e)
{
	size_t i, n;

	json_open(j, "asked_by", '{');
	json_u64(j, "pid", e->tgid);
	json_u64(j, "exec_id", e->exec_id);
	json_str(j, "name", e->name, strnlen(e->name, sizeof(e->name)));
	json_open(j, "lineage", '[');
	for (i = 0; i < e->lineage_len; i += n + 1) {
		n = strnlen(e->lineage + i, e->lineage_len - i);
		json_str(j, NULL, e->lineage + i, n);
	}
	json_close(j, ']');
	json_close(j, '}');
}

/* An abstract name begins with a NUL, which people write as '@'. */
static void json_socket(struct json *j, const struct errand *e)
{
	char name[OF_ASK_LEN];

	if (e->file_len > 0) {
		json_nil(j, "socket");
		json_str(j, "file", e->file, e->file_len);
		return;
	}
	memcpy(name, e->socket, sizeof(name));
	if (e->socket_len > 0 && name[0] == '\0')
		name[0] = '@';
	json_str(j, "socket", name, e->socket_len);
	json_nil(j, "file");
}

void subject_json_via(struct json *j, const struct via *via)
{
	const struct errand *e = via->errand;
	size_t i;

	if (e == NULL) {
		json_nil(j, "via");
		return;
	}
	json_open(j, "via", '{');
	json_cstr(j, "kind", e->kind);
	json_socket(j, e);
	json_deputy(j, "deputy", &e->deputy);
	json_open(j, "passed_on", '[');
	for (i = 0; i < e->passed_n; i++)
		json_deputy(j, NULL, &e->passed[i]);
	json_close(j, ']');
	json_asker(j, e);
	json_u64(j, "after_ms", via->after_ns / MS);
	json_bool(j, "inferred", true);
	json_u64(j, "others", e->others);
	json_close(j, '}');
}

void say_via(struct buf *b, const struct errand *e)
{
	if (e == NULL)
		return;
	buf_printf(b, " via %s for ", e->kind);
	text_name(b, e->name, strnlen(e->name, sizeof(e->name)));
	buf_printf(b, "[%" PRIu32 "]", e->tgid);
	if (e->others > 0)
		buf_printf(b, " or %" PRIu32 " other%s", e->others, e->others == 1 ? "" : "s");
}
