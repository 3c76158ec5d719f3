/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * endpoint.h: does a rule's `endpoint` hold for an account, by its address and by its names?
 *
 * What a rule lists in `in` adds suspicion, so it holds for anything that the far end may be: its
 * address or any name that is known of it. What it lists in `not_in` excuses, so it must be proved:
 * - the address is listed, and no proxy of the policy was asked there for another far end; or
 * - the far end is called something by the sender itself (a proxy's target, TLS, QUIC, HTTP): all
 *   of these names are listed, and each is confirmed: a configured resolver answered for it with
 *   this address. Of what is asked of a proxy the targets must be confirmed, which a proxy of the
 *   policy does, and what is said inside need only be listed; or
 * - it was read and says nothing, and all names that led its lineage to the address are listed and
 *   confirmed.
 * With an encrypted ClientHello the names asked for must be listed besides: what is said outside it
 * is not the whole truth. Where a name could not be read or kept, or a socket was handed on of
 * which nothing was heard, nothing is proved.
 *
 * A name's port is the account's, that of a proxy's target the one that was asked for.
 */
#ifndef DETECT_ENDPOINT_H
#define DETECT_ENDPOINT_H

#include "outflow/policy.h"
#include "outflow/subject.h"

enum endpoint_verdict {
	ENDPOINT_NO,
	ENDPOINT_YES,
	ENDPOINT_LATER, /* names that are not settled may still change it */
};

/* `names`: a's, as they are or were. Pure. */
enum endpoint_verdict endpoint_judge(const struct policy *p, const struct rule *r,
				     const struct account *a, const struct endpoint_names *names);

#endif
