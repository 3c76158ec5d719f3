/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proto.h: what outflow and outflowd say to each other over the control socket.
 *
 * One request a connection. The answer is lines of JSON, each an object, then one empty line,
 * then the end of the stream: an answer without the empty line was cut off. A line
 * {"error":"..."} says what is wrong; others may follow it.
 */
#ifndef CTL_PROTO_H
#define CTL_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define CTL_PATH    "/run/outflow/control.sock"
#define CTL_REQ_MAX 64 /* bytes of the longest request; room for arguments to come */

/* 0 is never valid; a number is never used again. */
enum ctl_verb {
	CTL_STATUS = 1,
	CTL_PS = 2,
	CTL_FLOWS = 3,
	CTL_LEDGER = 4,
	CTL_ALERTS = 5,
	CTL_VERB_MAX = 6,
};

/* In the machine's byte order: both ends are on it. */
struct ctl_req {
	uint16_t verb; /* enum ctl_verb */
	uint16_t len;  /* whole request, this header included */
};

/*
 * Pure. 0: *ret is a whole request at the start of data; -EAGAIN: more bytes are needed;
 * -EPROTONOSUPPORT: no such verb; -EMSGSIZE: the length is not that verb's. *ret is untouched on
 * failure.
 */
int ctl_req_parse(const void *data, size_t size, struct ctl_req *ret);

#endif
