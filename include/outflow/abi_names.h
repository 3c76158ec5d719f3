/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi_names.h: the part of the ABI that names of far ends come by: packets that the probes copy,
 * and what is read in them. Included by abi.h alone, whose rules hold here.
 */
#ifndef OUTFLOW_ABI_NAMES_H
#define OUTFLOW_ABI_NAMES_H

#ifndef OUTFLOW_ABI_H
#error "include outflow/abi.h"
#endif

enum of_capture_kind {
	OF_CAPTURE_DNS = 1,  /* a datagram, or a piece of a stream, to or from a DNS server */
	OF_CAPTURE_TCP = 2,  /* a piece of what a stream sends first */
	OF_CAPTURE_HTTP = 3, /* of a stream that may be HTTP, behind its first bytes */
	OF_CAPTURE_UDP = 4,  /* one of the first datagrams of a socket */
};

#define OF_CAPTURE_BYTES 16384 /* of a packet's data that are copied at most */

/* What names are read from: the map `captures`, a ring. Behind it `copied` bytes of the packet,
 * from the first behind its TCP or UDP header; the entry may be longer. Never recorded. */
struct of_capture {
	__u64 time_ns;
	__u64 cookie;  /* of the socket */
	__u64 exec_id; /* who runs as it leaves; 0: not known, or it comes in */
	__u64 creator; /* exec_id that made the socket; 0: not known */
	struct of_endpoint peer;
	__u32 netns;
	__u32 seq;     /* TCP: its place in the stream; OF_CAPTURE_UDP: how many were looked at
			* before, to the same far end; else 0 */
	__u32 len;     /* bytes of data that the packet has */
	__u32 copied;  /* of them, those that are here */
	__u16 port;    /* of this end */
	__u8 kind;     /* enum of_capture_kind */
	__u8 in;       /* 1: it came in */
	__u32 first;   /* TCP: `seq` of the first byte that was seen of this direction */
	__u32 segment; /* UDP: bytes of each datagram where it will be cut into several; else 0 */
	__u8 lost;     /* 1: one before, of the same stream, found no room, or there is urgent data:
			* what the far end reads is not known, and nothing more of it is copied;
			* OF_CAPTURE_UDP: nothing more to its far end is */
	__u8 http;     /* 1: TCP: what is behind the first bytes comes as OF_CAPTURE_HTTP */
	__u16 pad0;    /* zero */
};

/* ---- Records ---- */

enum of_dns_flags {
	OF_DNS_ANSWER = 1,     /* else a question */
	OF_DNS_TRUNCATED = 2,  /* the server says so (TC, RFC 1035 section 4.1.1) */
	OF_DNS_CUT = 4,	       /* not all of it was seen, or it has more addresses than are told */
	OF_DNS_HOST = 8,       /* `name` is the name of a host, whole */
	OF_DNS_ECH = 16,       /* the answer has keys for an encrypted ClientHello (RFC 9460) */
	OF_DNS_KEPT = 32,      /* not seen now: what a daemon before had learned */
	OF_DNS_MALFORMED = 64, /* no DNS, or an answer: it went to a server all the same */
};

enum of_dns_addr_flags {
	OF_DNS_HINT = 1, /* of an SVCB or HTTPS record (RFC 9460 section 7.3) */
};

/* An address that the asked name leads to, through whatever aliases. */
struct of_dns_addr {
	__u8 addr[16];
	__u32 ttl;   /* seconds, the least of all records on the way */
	__u32 flags; /* enum of_dns_addr_flags */
};

/*
 * A question as it left, or an answer to one: an answer that nobody here asked for (address, ports,
 * id and question) is not told. Of `addrs` only the used part is sent. OF_DNS_MALFORMED is the only
 * flag of its record: a datagram, or a piece of a stream, that left; it has no name and no type.
 */
struct of_rec_dns {
	struct of_rec_hdr hdr;
	struct of_endpoint server;
	__u64 exec_id; /* who asked; 0: not known */
	__u32 netns;
	__u32 flags;  /* enum of_dns_flags */
	__u32 octets; /* of the whole message; malformed: of what is told by this record */
	__u32 opaque; /* octets of answers that may hold anything: TXT, NULL and unknown types */
	__u16 type;   /* of the question (RFC 1035 section 3.2.2) */
	__u16 rcode;  /* of the answer */
	__u16 name_octets; /* of the asked name on the wire */
	__u16 labels;	   /* of it */
	__u16 suffix; /* where in `name` the registered domain begins; its length: it has none */
	__u16 addrs_n;
	__u32 pad0; /* zero */
	/* The asked name, NUL-terminated: lower case, no dot at the end, other bytes as \DDD (RFC
	 * 1035 section 5.1); "." is the root. A longer one keeps its end. Malformed: "". */
	char name[OF_HOST_LEN];
	struct of_dns_addr addrs[OF_DNS_ADDRS];
};

/* An answer counts for its TTL, at most a day, and then for an hour more: many have none, and who
 * asked goes on using them. */
#define OF_NAME_TTL_MAX_S 86400U
#define OF_NAME_GRACE_NS  3600000000000ULL

enum of_name_source {
	OF_NAME_CONNECT = 1, /* the target that a proxy is asked for (HTTP CONNECT, SOCKS) */
	OF_NAME_SNI = 2,     /* of a ClientHello, in TLS or QUIC (RFC 6066 section 3) */
	OF_NAME_HOST = 3,    /* of an HTTP request (RFC 9112 section 3.2) */
	OF_NAME_DNS = 4,     /* its address was the answer to a question for it */
};

enum of_flow_flags {
	OF_FLOW_DONE = 1, /* nothing more is to be expected of its beginning */
	OF_FLOW_TLS = 2,
	OF_FLOW_QUIC = 4,
	OF_FLOW_HTTP = 8,
	OF_FLOW_PROXY = 16,   /* asks a proxy */
	OF_FLOW_ECH = 32,     /* has an encrypted ClientHello, or one that looks so (GREASE) */
	OF_FLOW_INVALID = 64, /* said a name that is none of a host, or something not well-formed */
	OF_FLOW_LOST = 128,   /* some of it was not seen */
	OF_FLOW_ADDRESS = 256,	  /* the target that a proxy is asked for is an address: no name */
	OF_FLOW_READ = 512,	  /* what was sent so far was read, without a gap */
	OF_FLOW_KEPT = 1024,	  /* not seen now: what was told to a daemon before */
	OF_FLOW_SILENT = 2048,	  /* it is read, and said no name */
	OF_FLOW_ALPN_MORE = 4096, /* offered more protocols than are told, or longer ones */
};

#define OF_ALPN_MAX 8
#define OF_ALPN_LEN 32

/* A protocol that a ClientHello offers (RFC 7301 section 3.1): any octets, at least one. */
struct of_alpn {
	__u8 len;
	__u8 id[OF_ALPN_LEN]; /* zeros behind `len` */
};

struct of_flow_name {
	__u16 source;		/* enum of_name_source */
	__u16 port;		/* of the target, with OF_NAME_CONNECT; else 0 */
	char host[OF_HOST_LEN]; /* NUL-terminated, as of_rec_dns.name with OF_DNS_HOST */
};

/* Told when something new is known, and at the end; names that were told before are not repeated.
 * Behind the first `names_n` names nothing is sent. */
struct of_rec_flow {
	struct of_rec_hdr hdr;
	struct of_endpoint to;
	__u64 exec_id; /* who sent the beginning; 0: not known */
	__u64 creator; /* exec_id that made the socket; 0: not known */
	__u64 cookie;  /* of the socket: tells flows apart */
	__u32 netns;
	__u32 flags; /* enum of_flow_flags, of all that is known so far */
	__u32 names_n;
	__u32 alpn_n;
	struct of_alpn alpn[OF_ALPN_MAX]; /* `alpn_n`, in the sender's order */
	struct of_flow_name names[OF_FLOW_NAMES];
};

/* ---- Kept for the next daemon ---- */

/*
 * An element of `kept_names` and `kept_flows`, and what both begin with: the rest is about nothing
 * while the mark is 0. Behind the head comes the key, of which all bytes count; what comes behind
 * that belongs to the key and never changes. No program uses these maps; the daemon alone writes
 * them, in its memory (intake/kept.h).
 */
struct of_kept_head {
	__u64 mark; /* higher than that of all that was written before; 0: none, or not whole */
	__u64 time_ns;
};

/* The map `kept_names`: what the daemon learned from answers, for each who asked; those that are
 * not learned again for longest go. */
#define OF_KEPT_NAMES 8192

struct of_kept_name_key {
	__u8 addr[16];
	__u64 exec_id; /* who asked; 0: not known */
	__u64 name[2]; /* of SHA-256 over server and name, the first 16 bytes */
	__u32 netns;
	__u32 pad0; /* zero */
};

struct of_kept_name {
	struct of_kept_head head; /* its time: when the answer's is over */
	struct of_kept_name_key key;
	struct of_endpoint server;
	char name[OF_HOST_LEN]; /* NUL-terminated */
};

/* The map `kept_flows`: what flows said, one name an entry, or none; in the same way. */
#define OF_KEPT_FLOWS 8192

struct of_kept_flow_key {
	struct of_endpoint to;
	__u64 exec_id; /* who sent it; 0: not known */
	__u64 creator; /* exec_id that made the socket; 0: not known */
	__u64 name[2]; /* of SHA-256 over the name with its source and port; 0: no name */
	__u32 netns;
	__u32 flags; /* enum of_flow_flags: none of them is forgotten for another */
};

struct of_kept_flow {
	struct of_kept_head head; /* its time: when it was told */
	struct of_kept_flow_key key;
	struct of_flow_name name; /* source 0: none */
	__u32 pad0;		  /* zero */
};

#endif
