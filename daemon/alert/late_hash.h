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

/* More bytes that an alert's facts may need once the hash is known. */
#define LATE_HASH_ROOM 64

/* A hash of the file that `e` executed may still come. NULL: processes not seen singly. */
bool late_hash_waits(const struct execution *e);
/* Where in these facts the hash stands that is not known yet; 0: in none. */
size_t late_hash_find(const struct buf *facts);
/* False: this alert does not wait for it. `e` executed the file, and its hash is told. */
bool late_hash_set(struct open_alert *a, const struct execution *e);

#endif
