/* SPDX-License-Identifier: BSD-2-Clause */
/* poison.h: calls that this project does not make. The last include of every .c in daemon/. */
/* With clang these are macros under _FORTIFY_SOURCE. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat sprintf vsprintf gets atoi atol atoll strtok
