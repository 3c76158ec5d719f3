/* SPDX-License-Identifier: BSD-2-Clause */
#include "intake/names.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/poison.h"

struct names_in {
	struct names_teller teller;
	struct names_dns *dns;
	struct names_flows *flows;
};

int names_in_new(names_suffix_fn *suffix, void *suffix_arg, names_fn *fn, void *arg,
		 struct names_in **ret)
{
	struct names_in *n = calloc(1, sizeof(*n));
	int err = -ENOMEM;

	if (n == NULL)
		return err;
	n->teller = (struct names_teller){ suffix, suffix_arg, fn, arg };
	err = names_dns_new(&n->teller, &n->dns);
	if (err == 0)
		err = names_flows_new(&n->teller, &n->flows);
	if (err < 0) {
		names_in_free(n);
		return err;
	}
	*ret = n;
	return 0;
}

void names_in_free(struct names_in *n)
{
	if (n == NULL)
		return;
	names_dns_free(n->dns);
	names_flows_free(n->flows);
	free(n);
}

void names_in_take(struct names_in *n, const void *entry, size_t len)
{
	const struct of_capture *c = entry;
	const uint8_t *data = (const uint8_t *)(c + 1);

	if (len < sizeof(*c) || c->copied > len - sizeof(*c) || c->copied > c->len ||
	    c->copied == 0)
		return;
	if (c->kind == OF_CAPTURE_DNS)
		names_dns_take(n->dns, c, data);
	else if ((c->kind == OF_CAPTURE_UDP) == (c->peer.proto == IPPROTO_UDP))
		names_flows_take(n->flows, c, data);
}
