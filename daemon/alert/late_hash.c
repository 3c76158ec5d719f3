/* SPDX-License-Identifier: BSD-2-Clause */
#include "alert/late_hash.h"

#include <string.h>

#include "alert/subject_json.h"

#include "base/poison.h"

/* More bytes that the facts may need once the hash is known. */
#define ROOM 64

/* The members as they stand in an alert, without the braces. */
static void members(struct buf *b, enum of_hash_state state, const uint8_t *sha256)
{
	const struct execution e = { .hash_state = state, .sha256 = sha256 };
	struct json j;

	json_init(&j, b);
	json_open(&j, NULL, '{');
	subject_json_hash(&j, &e);
	json_close(&j, '}');
	if (b->err < 0 || b->len < 2)
		return;
	b->len -= 2;
	memmove(b->data, b->data + 1, b->len);
	b->data[b->len] = '\0';
}

/* Of a file that is not known nothing tells whether it is the same. */
bool late_hash_waits(const struct execution *e)
{
	return e != NULL && e->hash_state == OF_HASH_NONE && e->image.ino != 0;
}

/* Not to be met inside of a string, where quotes are escaped. */
size_t late_hash_find(const struct buf *facts)
{
	const char *at = NULL;
	struct buf pending;

	buf_init(&pending, 1024);
	members(&pending, OF_HASH_NONE, NULL);
	if (pending.err >= 0 && facts->len > 0)
		at = strstr(facts->data, pending.data);
	buf_done(&pending);
	return at == NULL ? 0 : (size_t)(at - facts->data);
}

static const char *file_of(const struct execution *e)
{
	return e->exe != NULL && e->exe[0] != '\0' ? e->exe : e->name;
}

size_t late_hash_room(const struct execution *e)
{
	return ROOM + strlen(file_of(e)) + 1;
}

void late_hash_wait(struct open_alert *a, size_t hash_at, const struct execution *e)
{
	const char *file = file_of(e);

	a->hash_at = hash_at;
	a->image = e->image;
	a->file = memcpy(a->facts + a->facts_len + ROOM, file, strlen(file) + 1);
}

bool late_hash_set(struct open_alert *a, const struct file_hash *h)
{
	struct buf old, new;
	bool set = false;
	char *at;

	if (a->hash_at == 0 || h->image == NULL ||
	    memcmp(&a->image, h->image, sizeof(a->image)) != 0)
		return false;
	buf_init(&old, 1024);
	buf_init(&new, 1024);
	members(&old, OF_HASH_NONE, NULL);
	members(&new, h->state, h->sha256);
	if (old.err >= 0 && new.err >= 0 && new.len <= old.len + ROOM) {
		at = a->facts + a->hash_at;
		memmove(at + new.len, at + old.len, a->facts_len - a->hash_at - old.len);
		memcpy(at, new.data, new.len);
		a->facts_len += new.len - old.len;
		a->hash_at = 0;
		set = true;
	}
	buf_done(&old);
	buf_done(&new);
	return set;
}
