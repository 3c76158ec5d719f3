/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * late_hash.h: an alert does not wait until the executed file was hashed; what comes of that is put
 * into the open alert afterwards. Private to this folder.
 */
#ifndef ALERT_LATE_HASH_H
#define ALERT_LATE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "alert/open.h"

/* A hash of the file that `e` executed may still come. NULL: processes not seen singly. */
bool late_hash_waits(const struct execution *e);
/* Where in these facts the hash stands that is not known yet; 0: in none. */
size_t late_hash_find(const struct buf *facts);
/* Bytes that an alert needs behind its facts to wait for it. */
size_t late_hash_room(const struct execution *e);
/* From now on it waits. */
void late_hash_wait(struct open_alert *a, size_t hash_at, const struct execution *e);
/* False: this alert does not wait for it. */
bool late_hash_set(struct open_alert *a, const struct file_hash *h);

#endif
