/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.h: what a rule concluded, with its numbers. Made by detection, read by alerting.
 */
#ifndef OUTFLOW_VERDICT_H
#define OUTFLOW_VERDICT_H

#include "outflow/policy.h"
#include "outflow/subject.h"

/* Two verdicts with equal keys are the same alert. All bytes count: zero what is unused. */
struct verdict_key {
	uint32_t rule; /* index in policy.rules */
	uint32_t per;  /* enum rule_per */
	uint64_t root; /* exec_id, process, job or role bit, as `per` says */
	/* For PER_ENDPOINT, of a named one port and protocol; the server with DNS_BY_SERVER. Else
	 * zero. */
	struct of_endpoint to;
	/* The first bytes of SHA-256 over account.label, or over the registered domain with
	 * DNS_BY_SUFFIX; zero: it has none. */
	uint8_t name[16];
};

/* key.rule of what reconciliation concludes; its root stands for the interface. */
#define VERDICT_RECONCILE UINT32_MAX

/* What left by an interface and no process was posted for. Bytes since the first that did. */
struct leak {
	char name[16]; /* of the interface */
	uint32_t ifindex, netns;
	uint64_t time_ns;
	/* By the way it took; together verdict.sent. */
	uint64_t bypass;    /* past the stack, straight to the driver */
	uint64_t forwarded; /* came in by an interface that leads off this machine, or to a guest */
	uint64_t passed;    /* came from another network namespace, but no socket there sent it */
	uint64_t kernel;    /* begun by the kernel */
	/* What was ruled out meanwhile. */
	uint64_t sockets;   /* of sockets, as sent: headers and retransmits too */
	uint64_t control;   /* of no process: ARP, ND, handshakes, resets, ICMP */
	uint64_t elsewhere; /* forwarded for sockets in other network namespaces */
	uint64_t tunnels;   /* wrapped by a tunnel */
	uint64_t posted;    /* of AF_PACKET sockets that bypass the stack, posted */
	uint64_t allowance; /* may be the hardware's: padding, headers of segments */
};

/* Names asked for, in the window. The subject is who asked last, with the server for an endpoint.
 */
struct dns_told {
	const char *suffix; /* the registered domain; "": names that have none; NULL: of any */
	const char *name;   /* asked for last; "": what was sent last is no DNS */
	bool foreign;	    /* the server is not configured */
	/* Without a window 0, but for `queries`. */
	uint64_t queries;
	uint64_t names;	     /* different ones, right to 2 % until DNS_NAMES_MAX */
	uint64_t name_bytes; /* in them, below the registered domain, without dots */
	uint64_t answer_bytes, opaque_bytes;
	uint32_t entropy;   /* of those bytes, 1/100 bit each; 0 also: too few queries */
	uint32_t txt_share; /* 1/100 */
	uint64_t malformed; /* as dns_over.malformed */
};

struct verdict {
	struct verdict_key key;
	const struct rule *rule;
	const struct subject *subject; /* NULL with a leak */
	const struct leak *leak;       /* NULL: it is about the subject */
	const struct dns_told *dns;    /* NULL: it is not about names asked for */
	uint64_t
		sent; /* bytes in the window; without one, on the account. With `dns`: of queries */
	uint64_t limit;	    /* bytes; 0: the rule has no `sent` condition */
	uint64_t window_ns; /* 0: the rule has no `sent` condition */
};

#endif
