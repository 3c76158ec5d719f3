/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * late_name.h: the far end of an open alert, and its names, which may become better known after the
 * alert. Private to this folder.
 */
#ifndef ALERT_LATE_NAME_H
#define ALERT_LATE_NAME_H

#include <stdbool.h>

#include "alert/open.h"

/* Keeps what is said of this far end, in place of what was. 0 or -ENOMEM, then all is as before. */
int late_name_keep(struct open_alert *alert, const struct account *a, const struct origin *o);
/* 1: the name that is shown is of a stronger source now, or holds, and is kept. 0: it is not, or
 * the alert is not about this account. -ENOMEM. */
int late_name_set(struct open_alert *alert, const struct account *a, const struct origin *o);

#endif
