/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open.h: an alert for as long as it is open, and the texts made of it. Private to this folder.
 */
#ifndef ALERT_OPEN_H
#define ALERT_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/table.h"
#include "outflow/event.h"
#include "outflow/policy.h"
#include "outflow/subject.h"
#include "outflow/verdict.h"

#define ALERT_ID_LEN   33 /* 128 bits in hex and a NUL */
#define ALERT_HASH_LEN 65 /* 256 bits in hex and a NUL */
/* rsyslog cuts what comes over /dev/log at 8 kB, others at 2 kB: the header needs some of that. */
#define ALERT_LINE_MAX 1900

/* A name of the far end, as it is shown. */
struct open_name {
	char host[OF_HOST_LEN]; /* "": none */
	enum of_name_source source;
	uint16_t port;
	bool asked, confirmed;
};

struct open_names {
	struct open_name shown; /* the strongest, of these the latest */
	struct open_name said;	/* the same of those that it says itself */
	struct open_name asked; /* the latest that it asked for */
};

struct open_dns {
	struct dns_told told; /* its texts are these: */
	char suffix[OF_HOST_LEN], name[OF_HOST_LEN];
};

/*
 * Executions and accounts come and go; what is said of them is kept as it is written: `facts` is
 * the JSON from "process" to "ci", or to "endpoint" of an interface.
 */
struct open_alert {
	struct table_node node;
	struct verdict_key key;
	const struct rule *rule; /* borrowed from the policy */
	uint64_t seq;
	char id[ALERT_ID_LEN];
	char prev[ALERT_HASH_LEN];
	enum subject_kind kind;
	struct of_endpoint to;
	uint32_t account_flags;
	uint64_t exec_id;	  /* whose account it is; 0: not seen singly */
	char *endpoint;		  /* JSON; NULL: it stands in `facts` */
	struct open_names *names; /* of that; NULL: it has none and gets none */
	struct open_dns *dns;	  /* NULL: it is not about names asked for */
	int64_t first_utc_ns, last_utc_ns;
	uint64_t last_ns; /* boot time of the last news */
	uint64_t count;
	uint64_t sent;	   /* the largest told */
	uint64_t received; /* on the account, as last told */
	uint64_t limit, window_ns;
	bool is_leak;
	struct leak leak;
	uint64_t told;	       /* `sent` in the last record; of a leak updates are told */
	struct of_image image; /* the executed file, while its hash is waited for, */
	const char *file;      /* and its path, or its name, behind the facts */
	size_t hash_at; /* where in `facts` its hash is still to come; 0: it is not waited for */
	size_t facts_len;
	char facts[];
};

/* A record about outflow itself. */
struct notice {
	const char *type;
	enum severity severity;
	const char *reason;
	uint64_t seq;
	char id[ALERT_ID_LEN];
	char prev[ALERT_HASH_LEN];
	int64_t utc_ns;
};

/* The account is one of those that stand for many. */
static inline bool account_is_overflow(uint32_t flags)
{
	return (flags & (OF_ACCOUNT_OVERFLOW | OF_ACCOUNT_MACHINE)) != 0;
}

/* All of these append; the buf's sticky error is the only one. Neither ends with a newline. */
void alert_facts(struct buf *b, const struct policy *p, const struct subject *s,
		 const struct origin *o);
/* `type` is "alert", or "update" of one that was told. */
void alert_json(struct buf *b, const char *type, const struct policy *p, const struct open_alert *a,
		const struct origin *o);
void notice_json(struct buf *b, const struct notice *n, const struct origin *o);
/* At most ALERT_LINE_MAX bytes behind what `b` held. `s` NULL: it is about an interface. */
void alert_line(struct buf *b, const struct policy *p, const struct open_alert *a,
		const struct subject *s);
/* What came of hashing the file of an alert that waited for it: "high update: sha256 5f70...:
 * /opt/x". Without the rule: who counts the lines of a rule counts alerts. */
void hash_line(struct buf *b, const struct open_alert *a, const struct file_hash *h);
/* The far end got a name, or a stronger one: "high update: scan.example.org (203.0.113.9:443/tcp)".
 */
void name_line(struct buf *b, const struct open_alert *a);
void notice_line(struct buf *b, const struct notice *n);

/* ---- leak.c: an alert about an interface instead of a process ---- */

/* As alert_facts(): no process, no endpoint. */
void leak_facts(struct buf *b);
void leak_json(struct json *j, const struct leak *k);
/* "1.2MiB left eth0 that no socket sent: 1.2MiB forwarded; ruled out: ..."; `line`: for syslog. */
void say_leak(struct buf *b, const struct open_alert *a, bool line);

/* ---- dns.c: an alert about names asked for ---- */

/* NULL: no memory. */
struct open_dns *open_dns_new(const struct dns_told *told);
void open_dns_set(struct open_dns *d, const struct dns_told *told);
void open_dns_json(struct json *j, const struct dns_told *t);
/* "asked for 412 names below example.com within 10m, 14.1KiB in them, ..."; `line`: for syslog. */
void say_dns(struct buf *b, const struct open_alert *a, bool line);

/* ---- far.c ---- */

/* False also for a raw socket that was told its destination in the message only. */
bool endpoint_has_address(const struct of_endpoint *to);
/* "tcp", "132", "packet", "af_31"; "" for no family at all. */
#define PROTO_TEXT_LEN 16
void say_proto(char ret[PROTO_TEXT_LEN], const struct of_endpoint *to);
/* "203.0.113.9:443", with `proto` "203.0.113.9:443/tcp". */
void say_endpoint(struct buf *b, const struct of_endpoint *to, uint32_t account_flags, bool proto);
/* With its name: "scan.example.org (203.0.113.9:443/tcp)", or what a proxy is asked for:
 * "target.example:443 (by proxy 192.0.2.8:3128/tcp)". A name that is not known to hold says so. */
void say_far(struct buf *b, const struct open_alert *a, bool proto);
/* What of the names made the rule hold: ", says a.example, asked for b.example". */
void say_traits(struct buf *b, const struct open_alert *a);

/* ---- say.c ---- */

/* What was done: "sent 384.0KiB to 203.0.113.9:443/tcp, not in vuln-db". */
void say_act(struct buf *b, const struct policy *p, const struct open_alert *a);
/* " via docker for curl[4242]"; nothing without an errand. */
void say_via(struct buf *b, const struct errand *e);
/* "scanner sent to 203.0.113.9:443, not in vuln-db". */
void say_reason(struct buf *b, const struct policy *p, const struct open_alert *a);

#endif
