/* SPDX-License-Identifier: BSD-2-Clause */
#include "wire/dtls.h"

#include "base/poison.h"

#define RECORD_LEN   13 /* type, version, epoch, number, length */
#define HANDSHAKE    22
#define CLIENT_HELLO 1

bool dtls_is_client_hello(const uint8_t *data, size_t len)
{
	return len > RECORD_LEN && data[0] == HANDSHAKE && data[1] == 0xfe &&
	       (data[2] == 0xff || data[2] == 0xfd) && data[RECORD_LEN] == CLIENT_HELLO;
}
