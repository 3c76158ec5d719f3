/* SPDX-License-Identifier: BSD-2-Clause */
/* syslog.h: how a record is written as a syslog message. Pure; no framing. */
#ifndef SINK_SYSLOG_H
#define SINK_SYSLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "outflow/alert.h"

/* RFC 5424 section 6: HOSTNAME = 1*255PRINTUSASCII, MSGID = 1*32PRINTUSASCII. */
#define SYSLOG_HOST_MAX	 255
#define SYSLOG_MSGID_MAX 32

/* "<PRI>Mmm dd hh:mm:ss [HOST ]outflowd[PID]: TEXT", local time. The local socket takes no host:
 * glibc's syslog() sends none there. */
void syslog_rfc3164(struct buf *b, const struct record *r, uint8_t facility, pid_t pid, bool host);
/* "<PRI>1 TIME HOST outflowd PID MSGID [outflow@32473 ...] BOM TEXT". */
void syslog_rfc5424(struct buf *b, const struct record *r, uint8_t facility, pid_t pid);

#endif
