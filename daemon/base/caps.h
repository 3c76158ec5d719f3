/* SPDX-License-Identifier: BSD-2-Clause */
/* caps.h: names of capabilities (include/uapi/linux/capability.h, Linux 7.2: 0 to 40). */
#ifndef BASE_CAPS_H
#define BASE_CAPS_H

#define CAPS_N 64

/* "cap_net_admin"; of one that came later "cap_41". Static, until the next call. */
const char *cap_name(unsigned int bit);

#endif
