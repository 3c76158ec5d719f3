/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h: a compiled policy. Made by conf from YAML, read by tracking (roles, networks), by
 * detection (rules) and by the kernel engine (role tables). Never changed once made.
 */
#ifndef OUTFLOW_POLICY_H
#define OUTFLOW_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outflow/abi.h"

#define POLICY_RULES_MAX   256	/* a person keeps no more in mind; each costs time per look */
#define POLICY_SETS_MAX	   64	/* bits of rule.endpoint.sets */
#define POLICY_ENTRIES_MAX 4096 /* endpoints over all sets; searched in a row */
#define POLICY_NETS_MAX	   256
#define POLICY_ATTACK_MAX  8

/* Syslog's numbers (RFC 5424 section 6.2.1), so that a severity is its own priority. */
enum severity {
	SEVERITY_CRITICAL = 2,
	SEVERITY_HIGH = 3,
	SEVERITY_MEDIUM = 4,
	SEVERITY_LOW = 5,
	SEVERITY_INFO = 6,
};

const char *severity_name(enum severity s);

/* What kind of far end an address is. Bits, so that a rule can name several. */
enum endpoint_class {
	CLASS_SELF = 1,	    /* loopback and addresses of the sender's own network namespace */
	CLASS_INTERNAL = 2, /* networks.internal */
	CLASS_EXTERNAL = 4,
	CLASS_RESOLVER = 8, /* configured DNS servers, at their port */
	CLASS_UNKNOWN = 16, /* overflow accounts and families without addresses */
	/* Where a cloud tells its machines who they are, and gives them credentials:
	 * ip_is_metadata(), networks.metadata */
	CLASS_METADATA = 32,
	CLASS_MULTICAST = 64, /* to whoever listens, broadcasts too */
	CLASS_RAW = 128,      /* AF_PACKET: whole frames, past all routes */
	CLASS_END = 256,
};

const char *endpoint_class_name(enum endpoint_class c);

struct cidr {
	uint8_t addr[16]; /* host bits are zero; v4 as v4-mapped */
	uint8_t bits;	  /* 0..128, v4 counts from 96 */
};

/* A configured DNS server. */
struct resolver {
	uint8_t addr[16];
	uint16_t port; /* 53 unless it is given */
};

/* One entry of an endpoint set: an address range or a name, and a port range. */
struct endpoint_match {
	struct cidr net;   /* when name is NULL */
	char *name;	   /* "host" or "*.host" (any depth, not the bare host), lower case */
	uint16_t port_min; /* 0..65535 when the entry names no port */
	uint16_t port_max;
};

struct endpoint_set {
	char *name;
	struct endpoint_match *match;
	size_t n;
	bool has_names;
};

/* The first two are known in the kernel when something is executed; the others are matched where
 * their text is known, which may be later. */
enum role_match_kind {
	ROLE_MATCH_NAME,
	ROLE_MATCH_EXE,
	ROLE_MATCH_ARGV,   /* all arguments, a space between two */
	ROLE_MATCH_ENV,	   /* the value of the variable `name` */
	ROLE_MATCH_CGROUP, /* path */
	ROLE_MATCH_ACTION, /* the action of the CI step it belongs to: ci_action_matches() */
};

struct role_match {
	enum role_match_kind kind;
	bool glob; /* has * or ?; else compared whole. Of names and paths as in glob.h, of the
		    * others as in text_glob() */
	char name[OF_ENV_NAME];
	char pattern[OF_PATTERN_LEN];
};

/* What the kernel tells of an environment, beside what is a CI system's (base/ci.h): the variables
 * that roles name. */
struct env_variable {
	char name[OF_ENV_NAME];
	enum of_env_kind kind;
};

struct role {
	char *name; /* its index in policy.roles is its bit in a role mask */
	struct role_match *match;
	size_t n;
};

enum rule_per {
	PER_ENDPOINT,
	PER_PROCESS,
	PER_LINEAGE,
	PER_ROLE,
	PER_STEP,
	PER_JOB,
	PER_MACHINE, /* names asked for alone */
};

const char *rule_per_name(enum rule_per per);

/* What the names of a far end are like. */
enum endpoint_trait {
	TRAIT_NO_NAME = 1,  /* used without a name: none was asked for, none said */
	TRAIT_MISMATCH = 2, /* the name it says is none of those that were asked for */
	TRAIT_ECH = 4,	    /* a ClientHello has an encrypted one inside, or looks so */
};

/* What names are asked for together count together, beside rule.dns.per. */
enum dns_by {
	DNS_BY_SUFFIX, /* below the same registered domain */
	DNS_BY_SERVER, /* of the same server, whatever the name */
};

#define DNS_MALFORMED_OCTETS 512 /* of a message in a datagram (RFC 1035 section 4.2.1) */
#define DNS_EXCEPT_MAX	     256 /* of one rule; searched in a row */
#define DNS_NAMES_MAX	     8000 /* a limit on different names: above it they are not told apart well */

/*
 * When names asked for carry data. All that is not 0 must be exceeded at the same time. Without
 * any (within_ns 0) each question that is not left out holds.
 */
struct dns_condition {
	bool has_over;
	struct dns_over {
		uint32_t queries;
		uint32_t names;	       /* different ones */
		uint64_t name_bytes;   /* in their parts below the registered domain */
		uint64_t answer_bytes; /* whole messages */
		uint64_t opaque_bytes; /* as of_rec_dns.opaque */
		uint32_t entropy;      /* of those bytes, 1/100 bit each */
		uint32_t txt_share;    /* of the queries, 1/100: types that may carry anything */
		/* Messages to a server that are no DNS; a larger one is several of
		 * DNS_MALFORMED_OCTETS. 0: they do not count at all. */
		uint32_t malformed;
	} over;
	uint64_t within_ns;
	enum rule_per per;
	enum dns_by by;
	bool foreign; /* only what a server is asked that is not configured, nor on this machine */
	/* Names of hosts: these and what is below them are left out, but not of a foreign server.
	 */
	char **except;
	size_t except_n;
};

#define PROCESS_PATTERNS_MAX 64 /* of one rule; searched in a row */
#define PROCESS_UIDS_MAX     16

/*
 * What the execution that sent is: all that is given must hold, of a list one entry. A name says
 * little, for anybody can take it: this adds suspicion, and there is no opposite that excuses.
 */
struct process_condition {
	struct role_match *match; /* of the kinds that role_match_in_kernel() */
	size_t n;
	uint32_t uids[PROCESS_UIDS_MAX];
	size_t uids_n;
	/* Of its file: enum of_exec_flags that must stand, and that must not. */
	uint32_t file, file_not;
};

struct rule {
	char *id;
	char rev[17]; /* hex of the first 64 bits of SHA-256 over the rule's text in the file */
	enum severity severity;
	char *attack[POLICY_ATTACK_MAX]; /* ATT&CK technique ids; NULL behind the last */
	uint64_t roles; /* mask with one bit; OF_ROLE_ANY: the rule names no role */
	bool has_process;
	struct process_condition process;
	bool has_endpoint;
	struct {
		uint64_t in; /* bit n: policy.sets[n]; 0: no such condition */
		uint64_t not_in;
		uint32_t classes; /* enum endpoint_class bits; 0: no such condition */
		/* Enum endpoint_trait bits that must hold, and that must not. */
		uint32_t traits, traits_not;
	} endpoint;
	bool has_sent;
	struct {
		uint64_t over;	    /* bytes: the rule holds when more than this were sent */
		uint64_t within_ns; /* sliding window */
		enum rule_per per;
	} sent;
	bool has_dns; /* then neither has_endpoint nor has_sent */
	struct dns_condition dns;
	char *off; /* NULL: the rule is on; else why it stays off as a whole */
};

/* The comparison of interfaces with what was posted. */
#define RECONCILE_ID	    "unattributed-egress"
#define RECONCILE_NAMES_MAX 64

struct reconcile {
	bool off;
	char **names; /* of interfaces, or globs; none: those without a peer on this machine */
	size_t names_n;
	struct rule rule; /* severity, sent.over and sent.within_ns; in no list of rules */
};

struct policy {
	struct reconcile reconcile;
	struct cidr *internal;
	size_t internal_n;
	struct cidr *metadata; /* networks.metadata, beside those that are known */
	size_t metadata_n;
	struct resolver *resolvers; /* networks.resolvers; else from the stream (OF_REC_RESOLVER) */
	size_t resolvers_n;
	bool resolvers_set;
	struct endpoint_match *proxies; /* networks.proxies: by address; what they are asked for is
					 * believed */
	size_t proxies_n;
	/* Where DNS is looked for: 53 and the ports of `resolvers`. */
	uint16_t dns_ports[OF_DNS_PORTS];
	size_t dns_ports_n;
	struct endpoint_set *sets;
	size_t sets_n;
	struct role *roles;
	size_t roles_n;
	struct env_variable *env; /* sorted by name */
	size_t env_n;
	struct rule *rules;
	size_t rules_n;
	uint64_t roles_id; /* hash over the role table: equal ids, equal meaning of role bits */
	uint64_t env_id;   /* hash over `env` */
};

/* The role mask that a name and a path earn by themselves, without what is inherited. */
uint64_t policy_roles_match(const struct policy *p, const char *name, const char *exe,
			    size_t exe_len);

/* What names and paths are matched with, as the matcher wants it. */
struct exec_texts {
	char name[OF_EXE_LEN]; /* as it was executed */
	char base[OF_EXE_LEN]; /* as its file is called; "": not known */
	char exe[OF_EXE_LEN];  /* "": not known */
};
void exec_texts_fill(struct exec_texts *ret, const char *name, const char *exe, size_t exe_len);
bool exec_texts_match(const struct exec_texts *t, const struct role_match *m);

struct ci; /* base/ci.h */

/* The same of what is known of an execution by its texts; NULL and 0 where something is not. */
struct role_texts {
	const char *argv; /* NULs between arguments */
	size_t argv_len;
	const char *env; /* "NAME=value", each with its NUL */
	size_t env_len;
	const char *cgroup;  /* NUL-terminated */
	const struct ci *ci; /* the job that it is part of */
};
uint64_t policy_roles_match_texts(const struct policy *p, const struct role_texts *t);
/* Is there a role that the kernel cannot give? */
bool policy_roles_need_texts(const struct policy *p);
bool role_match_in_kernel(const struct role_match *m);
/* NULL: that variable is not to be told. `name` need not be NUL-terminated. */
const struct env_variable *policy_env(const struct policy *p, const char *name, size_t len);
/* NULL when the bit names no role. */
const char *policy_role_name(const struct policy *p, unsigned int bit);
bool cidr_holds(const struct cidr *net, const uint8_t addr[16]);
bool endpoint_set_holds(const struct endpoint_set *set, const struct of_endpoint *to);
/* `host` is in the form of wire/host.h. */
bool endpoint_set_holds_name(const struct endpoint_set *set, const char *host, uint16_t port);
/* One of those that are known (base/ip.h), or of networks.metadata. */
bool policy_is_metadata(const struct policy *p, const uint8_t addr[16]);
/* One of networks.proxies. */
bool policy_is_proxy(const struct policy *p, const struct of_endpoint *to);
/* NULL is fine; the struct itself is the caller's. */
void policy_done(struct policy *p);

#endif
