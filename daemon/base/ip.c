/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/ip.h"

#include <arpa/inet.h>
#include <endian.h>
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

bool ip_is_multicast(const uint8_t addr[16])
{
	static const uint8_t all[4] = { 255, 255, 255, 255 };

	if (ip_is_v4(addr))
		return (addr[12] & 0xf0) == 0xe0 || memcmp(addr + 12, all, sizeof(all)) == 0;
	return addr[0] == 0xff;
}

bool ip_is_metadata(const uint8_t addr[16])
{
	static const uint8_t v4[][4] = {
		{ 169, 254, 169, 254 }, /* nearly all */
		{ 169, 254, 170, 2 },	/* Amazon ECS: credentials of a task */
		{ 169, 254, 170, 23 },	/* Amazon EKS: pod identity */
		{ 168, 63, 129, 16 },	/* Azure: WireServer */
		{ 100, 100, 100, 200 }, /* Alibaba Cloud */
		{ 192, 0, 0, 192 },	/* Oracle Cloud Classic */
		{ 169, 254, 0, 23 },	/* Tencent Cloud */
		{ 169, 254, 10, 10 },	/* Tencent Cloud */
		{ 169, 254, 42, 42 },	/* Scaleway */
	};
	/* In halves, as they are written. */
	static const uint64_t v6[][2] = {
		{ 0xfd000ec200000000, 0x254 },	    /* Amazon EC2 */
		{ 0xfd000ec200000000, 0x23 },	    /* Amazon EKS: pod identity */
		{ 0xfd2000ce00000000, 0x254 },	    /* Google Compute Engine */
		{ 0xfd0000c100000000, 0xa9fea9fe }, /* Oracle Cloud */
		{ 0xfd00004200000000, 0x42 },	    /* Scaleway */
		{ 0xfd00a9fea9fe0000, 0x1 },	    /* Akamai (Linode) */
		{ 0xfd00010000000000, 0x1000200 },  /* Alibaba Cloud */
		{ 0xfe80000000000000, 0xa9fea9fe }, /* OpenStack */
	};
	uint64_t half[2];
	size_t i;

	for (i = 0; ip_is_v4(addr) && i < sizeof(v4) / sizeof(v4[0]); i++)
		if (memcmp(addr + 12, v4[i], sizeof(v4[i])) == 0)
			return true;
	memcpy(half, addr, sizeof(half));
	for (i = 0; i < sizeof(v6) / sizeof(v6[0]); i++)
		if (be64toh(half[0]) == v6[i][0] && be64toh(half[1]) == v6[i][1])
			return true;
	return false;
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
