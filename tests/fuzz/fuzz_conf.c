/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_conf: any bytes as a configuration. A failure must come with a message, a success with a
 * policy that can be asked.
 */
#include <stdint.h>
#include <stdlib.h>

#include "conf/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct of_endpoint to = { .addr = { 0x20, 1 }, .port = 443, .family = 10 };
	struct config c = { 0 };
	struct config_err e;
	size_t i;

	if (config_parse("fuzz", data, size, &c, &e) < 0) {
		if (e.msg[0] == '\0' || c.control != NULL)
			abort();
		return 0;
	}
	(void)policy_roles_match(&c.policy, "trivy", "/usr/bin/trivy", 14);
	for (i = 0; i < c.policy.sets_n; i++)
		(void)endpoint_set_holds(&c.policy.sets[i], &to);
	config_done(&c);
	return 0;
}
