/* SPDX-License-Identifier: BSD-2-Clause */
/* lab.h: what the programs of the traffic lab share. They may give up at any error. */
#ifndef LAB_H
#define LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#define LAB_EXIT_USAGE 2
#define LAB_EXIT_SKIP  77 /* as automake: this kernel or this user cannot do it */

struct lab_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct lab_ports {
	uint16_t lo, hi;
};

/* Prints and exits with LAB_EXIT_USAGE. */
__attribute__((noreturn, format(printf, 1, 2))) void lab_usage(const char *fmt, ...);
/* Prints with the text of errno and exits with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void lab_die(const char *fmt, ...);

/* `what` names the option in the message; a bad value ends the program. */
uint64_t lab_num(const char *what, const char *text, uint64_t min, uint64_t max);
struct lab_ports lab_ports(const char *what, const char *text);

/* "198.51.100.2:80" or "[2001:db8::2]:80-90"; `mapped` makes IPv4 v4-mapped IPv6. */
void lab_addr_parse(const char *text, bool mapped, struct lab_addr *ret_addr,
		    struct lab_ports *ret_ports);
void lab_addr_set_port(struct lab_addr *a, uint16_t port);
/* The address in numbers, an IPv4-mapped one as IPv4; `size` of at least INET6_ADDRSTRLEN. */
void lab_addr_text(const struct lab_addr *a, char *buf, size_t size, uint16_t *ret_port);

/* One line from stdin; its end counts as a line. */
void lab_wait_line(void);
/* The whole file behind what `fd` holds. */
void lab_copy_to(int fd, const char *path);
/* As many open files as this user may have. */
void lab_raise_nofile(void);
/* The program's own process id in a line of JSON is only worth something when it is out at once. */
void lab_flush(void);
/* Writes `text` as a JSON string. */
void lab_json_string(FILE *f, const char *text);

#endif
