/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_ctl.c: bytes as they come from a client of the control socket, in pieces. The first byte
 * says how long the pieces are. What the parser concludes must not depend on them.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the daemon reads: what fits into a request, piece by piece, until it makes sense or none. */
static int stream(const uint8_t *data, size_t size, size_t piece, struct ctl_req *ret)
{
	size_t len = 0, n;
	uint8_t *in;
	int err;

	while (len < size && len < CTL_REQ_MAX) {
		n = size - len < piece ? size - len : piece;
		len = len + n < CTL_REQ_MAX ? len + n : CTL_REQ_MAX;
		in = malloc(len); /* of that very size, so that a byte too far is seen */
		if (in == NULL)
			abort();
		memcpy(in, data, len);
		err = ctl_req_parse(in, len, ret);
		free(in);
		if (err != -EAGAIN)
			return err;
	}
	return -EAGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_req whole = { 0, 0 }, pieces = { 0, 0 };
	int err;

	if (size == 0)
		return 0;
	err = stream(data + 1, size - 1, SIZE_MAX / 2, &whole);
	if (stream(data + 1, size - 1, (size_t)data[0] % 8 + 1, &pieces) != err ||
	    memcmp(&whole, &pieces, sizeof(whole)) != 0)
		abort();
	if (err < 0 && (whole.verb != 0 || whole.len != 0))
		abort();
	if (err == 0 && (whole.len > size - 1 || whole.len > CTL_REQ_MAX))
		abort();
	if (err == -EAGAIN && size - 1 >= CTL_REQ_MAX)
		abort(); /* the daemon would wait for ever */
	return 0;
}
