/* SPDX-License-Identifier: BSD-2-Clause */
/* poison.h: calls that this project does not make. The last include of every .c in daemon/. */
#pragma GCC poison strcpy strcat sprintf vsprintf gets atoi atol atoll strtok
