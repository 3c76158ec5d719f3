/* SPDX-License-Identifier: BSD-2-Clause */
#include "ctl/proto.h"

#include <errno.h>
#include <string.h>

#include "base/poison.h"

/* No verb has arguments yet. */
static const uint16_t sizes[CTL_VERB_MAX] = {
	[CTL_STATUS] = sizeof(struct ctl_req), [CTL_PS] = sizeof(struct ctl_req),
	[CTL_FLOWS] = sizeof(struct ctl_req),  [CTL_LEDGER] = sizeof(struct ctl_req),
	[CTL_ALERTS] = sizeof(struct ctl_req),
};

int ctl_req_parse(const void *data, size_t size, struct ctl_req *ret)
{
	struct ctl_req req;

	if (size < sizeof(req))
		return -EAGAIN;
	memcpy(&req, data, sizeof(req));
	if (req.verb >= CTL_VERB_MAX || sizes[req.verb] == 0)
		return -EPROTONOSUPPORT;
	if (req.len != sizes[req.verb])
		return -EMSGSIZE;
	if (size < req.len)
		return -EAGAIN;
	*ret = req;
	return 0;
}
