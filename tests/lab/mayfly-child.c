/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mayfly-child.c: one child of mayfly.c: a datagram, and its end. Linked without a C library, whose
 * start alone is most of a short life: two pages of it are ever touched.
 *
 *	mayfly-child ADDRESS PORT
 *
 * ADDRESS is an IPv4 address as the number that it is in memory.
 */
#include <linux/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define BYTES 100 /* as in mayfly.c */

void _start(void) __attribute__((naked, noreturn));
void live(const long *stack) __attribute__((noreturn, used));

#if defined(__x86_64__)
static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}

void _start(void)
{
	__asm__("mov %rsp, %rdi\n\tand $-16, %rsp\n\tcall live");
}
#elif defined(__aarch64__)
static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

void _start(void)
{
	__asm__("mov x0, sp\n\tbl live");
}
#else
#error "no system calls for this machine"
#endif

static unsigned int number(const char *text)
{
	unsigned int n = 0;

	while (*text >= '0' && *text <= '9')
		n = n * 10 + (unsigned int)(*text++ - '0');
	return n;
}

/* `stack` is as the kernel left it: argc, then argv. */
void live(const long *stack)
{
	static const char data[BYTES];
	const char *const *argv = (const char *const *)(stack + 1);
	struct sockaddr_in to = { .sin_family = AF_INET };
	long fd = -1, sent = -1;

	if (stack[0] == 3)
		fd = call(SYS_socket, AF_INET, SOCK_DGRAM, 0, 0, 0, 0);
	if (fd >= 0) {
		to.sin_addr.s_addr = number(argv[1]);
		to.sin_port = __builtin_bswap16((unsigned short)number(argv[2]));
		sent = call(SYS_sendto, fd, (long)data, BYTES, 0, (long)&to, sizeof(to));
	}
	for (;;)
		call(SYS_exit_group, sent != BYTES, 0, 0, 0, 0, 0);
}
