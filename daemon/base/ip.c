/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/poison.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

int ip_parse(const char *s, uint8_t ret[16])
{
	uint8_t addr[16];

	if (inet_pton(AF_INET, s, addr) == 1)
		ip_from_v4(ret, addr);
	else if (inet_pton(AF_INET6, s, addr) == 1)
		memcpy(ret, addr, 16);
	else
		return -EINVAL;
	return 0;
}

bool ip_is_v4(const uint8_t addr[16])
{
	return memcmp(addr, mapped, sizeof(mapped)) == 0;
}

bool ip_is_loopback(const uint8_t addr[16])
{
	static const uint8_t one[16] = { [15] = 1 };

	return (ip_is_v4(addr) && addr[12] == 127) || memcmp(addr, one, 16) == 0;
}

bool ip_is_unspecified(const uint8_t addr[16])
{
	static const uint8_t none[16];

	return memcmp(addr, none, 16) == 0 || (ip_is_v4(addr) && memcmp(addr + 12, none, 4) == 0);
}

void ip_from_v4(uint8_t ret[16], const void *v4)
{
	uint8_t addr[4];

	memcpy(addr, v4, sizeof(addr));
	memcpy(ret, mapped, sizeof(mapped));
	memcpy(ret + sizeof(mapped), addr, sizeof(addr));
}

void ip_text(char ret[IP_TEXT_LEN], const uint8_t addr[16])
{
	if (ip_is_v4(addr))
		(void)inet_ntop(AF_INET, addr + 12, ret, IP_TEXT_LEN);
	else
		(void)inet_ntop(AF_INET6, addr, ret, IP_TEXT_LEN);
}
