/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi.h: everything that the probes (bpf/) share with the daemon: map values and records.
 *
 * Fixed widths, explicit padding. A change of any shape below bumps OF_ABI_VERSION; a recording
 * made under another version is refused. Numbers of retired record kinds are never used again.
 * Times are nanoseconds of CLOCK_BOOTTIME. Addresses are 16 bytes in network order, IPv4 as
 * v4-mapped IPv6 (RFC 4291 section 2.5.5.2). Ports are in host order.
 */
#ifndef OUTFLOW_ABI_H
#define OUTFLOW_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define OF_ABI_VERSION 9

#define OF_NAME_LEN    64   /* file name of an execution with its NUL; longer ones are cut */
#define OF_EXE_LEN     256  /* path of the executed file with its NUL; longer ones keep the tail */
#define OF_CGROUPS     4096 /* of which the paths are remembered */
#define OF_CGROUP_LEN  512  /* path of a cgroup; longer ones keep the tail */
#define OF_CWD_LEN     256  /* working directory with its NUL; longer ones keep the tail */
#define OF_ARGV_LEN    4096 /* argv as it lies in memory, NULs between; longer ones are cut */
#define OF_ENVS	       1024 /* environments that are remembered */
#define OF_ENV_LEN     2048 /* the allowed variables of one; what has no room is left out */
#define OF_ENV_NAME    48   /* name of an allowed variable with its NUL */
#define OF_ENV_VALUE   256  /* its value with its NUL; longer ones are cut */
#define OF_ENV_PIECE   512 /* what is read of one at a time: holds name and value; a power of two */
#define OF_ENV_NAMES   256 /* allowed variables */
#define OF_COMM_LEN    16  /* TASK_COMM_LEN (include/linux/sched.h) */
#define OF_RUNTIME_LEN 16  /* name of a container runtime with its NUL */
#define OF_CONTAINER_IMAGE_LEN \
	256		    /* of a container's image with its NUL; longer ones are not told */
#define OF_PATTERN_LEN 128  /* one glob of a role with its NUL */
#define OF_ROLES_MAX   63   /* bit 63 of a role mask is OF_ROLE_ANY */
#define OF_GLOBS_MAX   64   /* globs over all roles; names without * or ? do not count */
#define OF_NAMES_MAX   1024 /* plain names over all roles */
#define OF_FAMILIES    64   /* AF_MAX is 46 in Linux 6.18 */
#define OF_ASK_TAILS   64   /* ends of names that deputies have (base/deputies.h) */
#define OF_ASK_LEN     128  /* name of a socket (at most 108), or path of a file */
#define OF_SPOOL_LEN   288  /* path of a file in a spool: a folder's and NAME_MAX, with its NUL */
#define OF_COMMANDS    64   /* commands of such a file that are told apart */
#define OF_NO_SLOT     0xffffffffU
#define OF_HOST_LEN    256 /* name of a host with its NUL: at most 253 bytes (RFC 1035, 2.3.4) */
#define OF_DNS_ADDRS   256 /* addresses of one answer that are told: 4096 octets hold no more */
#define OF_DNS_PORTS   8   /* ports at which DNS is looked for, 53 among them */
#define OF_FLOW_NAMES  4   /* names that the beginning of one flow may say */
#define OF_ROLE_ANY    (1ULL << 63) /* in a wake mask: every execution, with a role or without */

/* Account slots that are for executions which asked for fewer than EACH in all, so that who fills
 * the table leaves the others theirs: an eighth of the table, at most MAX. */
#define OF_RESERVE_EACH 64
#define OF_RESERVE_MAX	8192

/* Hooks that a set of probes can do without, as bits of the knob cfg_without. */
#define OF_WITHOUT_INTERFACES (1U << 0)
#define OF_WITHOUT_NAMES      (1U << 1)
#define OF_WITHOUT_ASKS	      (1U << 2)
#define OF_WITHOUT_NAMING     (1U << 3)
/* Beside OF_WITHOUT_NAMING: not because the kernel refuses it. */
#define OF_WITHOUT_BY_CHOICE  (1U << 31)

/* An execution that asks one socket again and again is told so often, and not more. */
#define OF_ASK_EVERY_NS	 1000000000ULL
/* What a deputy does for so long after it was asked may be for who asked. */
#define OF_ASK_WINDOW_NS 10000000000ULL

/* Address families the ledger names; the values are Linux's (include/linux/socket.h). */
enum of_family {
	OF_AF_UNIX = 1,
	OF_AF_INET = 2,
	OF_AF_INET6 = 10,
	OF_AF_KEY = 15,
	OF_AF_NETLINK = 16,
	OF_AF_PACKET = 17,
	OF_AF_ALG = 38,
	OF_AF_VSOCK = 40,
	OF_AF_XDP = 44,
};

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic error "-Wpadded"
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"
#endif

/* The far end of an account. Compared as four words, so every byte counts: zero what is unused. */
struct of_endpoint {
	__u8 addr[16];
	__u16 port;
	__u16 proto; /* IPPROTO_*, 0 where the family has none */
	__u8 family; /* AF_*: AF_INET for v4, also when the socket is a v6 one */
	__u8 self; /* 1: the socket's route leads to the loopback device of its netns. Part of what
		    * is compared: in a netns of one's own any address can be made a local one. */
	__u8 pad0[2]; /* zero */
};

/*
 * In an account's exec_id, beside the id: closed. No hint and no index entry leads to the slot any
 * more; the daemon gives it back once what had found it before is surely done.
 */
#define OF_ACCOUNT_CLOSED (1ULL << 63)

/* Key of the account index: who and where. */
struct of_account_key {
	__u64 exec_id;
	struct of_endpoint to;
};

enum of_account_flags {
	/* 1 was the loopback route, which is in the endpoint now */
	OF_ACCOUNT_OVERFLOW = 2, /* of an execution's endpoints that found no slot; `to` is zero */
	OF_ACCOUNT_MACHINE = 4,	 /* of executions that found no slot either; exec_id is 0 */
	OF_ACCOUNT_FINAL = 8, /* in records only: the slot is given back, this generation is over */
	OF_ACCOUNT_RECEIVED = 16, /* `received` is counted: a TCP socket's */
};

/* As a shift: some second. Goes round after 19 hours. */
#define OF_SILENT_TICK 30

/*
 * One account: a slot of the map `accounts`, found through `account_index`. exec_id 0: the slot is
 * free, or being made. `sent` and `received` only grow while the slot is in use.
 */
struct of_account {
	__u64 exec_id;
	struct of_endpoint to;
	__u64 sent;    /* bytes the kernel accepted */
	__u64 look_at; /* the record that says "look" goes out when sent reaches this */
	__u32 netns;   /* inode number of the socket's network namespace */
	__u16 flags;   /* enum of_account_flags */
	/* When a connection that says no name was told last, in OF_SILENT_TICK; 0: not yet. */
	__u16 silent;
	__u32 exec_slot;
	__u32 generation; /* tells two accounts of one key apart that followed each other */
	/* Bytes that arrived in order on its TCP sockets, read or not, as of their last send or
	 * their end. */
	__u64 received;
	__u64 creator; /* exec_id that made the socket, when it is another's; the first such met */
	__u64 moved;   /* of `sent`: led elsewhere before they left; another account has them */
};

/*
 * The map `told`, a slot for each of `accounts`: what the daemon told of the account and when,
 * oldest first. No program uses it; it is for the next daemon (intake/told.h).
 */
#define OF_TOLD_MARKS 3

struct of_told_mark {
	__u64 ns;
	__u64 sent; /* up to then */
};

struct of_told {
	__u64 exec_id; /* of the account the rest is about; 0: none */
	__u32 generation;
	__u32 n; /* marks */
	__u64 received, moved;
	struct of_told_mark at[OF_TOLD_MARKS];
};

enum of_exec_flags {
	OF_EXEC_FORKED = 1,   /* made by fork: runs its parent's image */
	OF_EXEC_ADOPTED = 2,  /* older than the probes: parent and roles were looked up, not seen */
	OF_EXEC_ENDED = 4,    /* the process ended, or replaced itself by another exec */
	OF_EXEC_REPLACED = 8, /* with ENDED: by an exec, the process lives on */
	OF_EXEC_EXE_TRUNCATED = 16, /* exe holds only the tail of the path */
	/* Of the file, when it was executed: */
	OF_EXEC_DELETED = 32,  /* it had no name any more */
	OF_EXEC_MEMFD = 64,    /* memfd_create(2): it never had one */
	OF_EXEC_OVERLAY = 128, /* on overlayfs, as most images of containers are */
	/* Of its environment, which is longer than is searched, or holds more of what is allowed
	 * than is kept: variables may be missing. */
	OF_EXEC_ENV_TRUNCATED = 256,
	OF_EXEC_CWD_TRUNCATED = 512, /* cwd holds only the tail of the path */
	/* What a forked one has of its parent, whose file it runs. */
	OF_EXEC_OF_FILE = OF_EXEC_DELETED | OF_EXEC_MEMFD | OF_EXEC_OVERLAY,
};

/* The executed file as it was then; all zero: not known. The kernel's own numbers: stat(2) may
 * tell another `dev` and, on overlayfs, another `ino`. */
struct of_image {
	__u64 ino;
	__u64 size;
	__s64 mtime_s;
	__s64 ctime_s;
	__u32 mtime_ns;
	__u32 ctime_ns;
	__u32 dev;   /* major << 20 | minor (include/linux/kdev_t.h) */
	__u32 magic; /* of its file system (include/uapi/linux/magic.h) */
};

/* Inode numbers of the namespaces it is in; 0: not known. */
struct of_ns {
	__u32 pid;
	__u32 mnt;
	__u32 net;
	__u32 user;
	__u32 uts;
	__u32 ipc;
	__u32 cgroup;
	__u32 pad0; /* zero */
};

/* One execution: what is known of a process between two execs. */
struct of_exec {
	__u64 exec_id; /* unique for this boot; 0: the slot is free */
	__u64 parent;  /* exec_id it came from: the forker, or the same process before exec; 0: none
			*/
	__u64 start_ns;
	__u64 end_ns;	/* 0: alive */
	__u64 roles;	/* bit n: role n of the loaded policy, inherited ones included; in the map
			 * `executions` those too that the daemon gave it, for who descends from it
			 * and for the next daemon */
	__u64 sent;	/* bytes over all its accounts, the overflow included */
	__u64 overflow; /* bytes of endpoints that found no account slot */
	__u64 cgroup;	/* key of the map `cgroups`; 0: not known */
	__u64 caps;	/* effective capabilities at start, bit n: CAP n */
	__u64 env;	/* key of the map `envs`; 0: it has none of the allowed variables */
	struct of_ns ns;
	__u32 ns_tgid; /* tgid in its pid namespace; 0: not known, of one that was forked and ran
			* no file */
	__u32 renames; /* how often it changed its own short name */
	__u32 tgid;    /* in the initial pid namespace */
	__u32 ppid;    /* tgid of the parent at start */
	__u32 sid;     /* process session (setsid) at start */
	__u32 uid;
	__u32 gid;
	__u32 loginuid;		/* 0xffffffff: not set, or a kernel without audit */
	__u32 flags;		/* enum of_exec_flags */
	__u32 slot;		/* its own index in the map `executions` */
	__u32 parent_slot;	/* where `parent` was when this began; OF_NO_SLOT: not known */
	__u32 accounts;		/* how many it asked for; see OF_RESERVE_EACH */
	char comm[OF_COMM_LEN]; /* the kernel's short name for it, which it may change */
	char name[OF_NAME_LEN];
};

/*
 * The map `envs`: of the environment that a file is executed with, the variables that the map
 * `env_names` allows, which are never such that hold a secret. Key: a number of its own, from the
 * counter of exec_ids; who descends shares it for as long as theirs is the same. Those that are
 * not used for longest go.
 */
struct of_env {
	__u32 len;
	__u32 truncated;       /* 1: some had no room */
	char text[OF_ENV_LEN]; /* "NAME=value", each with its NUL, in the order they stand */
};

/* Key of the map `env_names`, zero-padded; value: enum of_env_kind. */
struct of_env_name {
	char name[OF_ENV_NAME];
};

enum of_env_kind {
	OF_ENV_TEXT = 1, /* with its value */
	OF_ENV_SET = 2,	 /* that it is there; its value stays empty */
};

/* The map `cgroups`: of cgroup v2, by kernfs id, those in which something was executed; the ones
 * that are not used for longest go first. */
struct of_cgroup {
	__u32 len;
	__u32 truncated;	  /* 1: only the tail of the path is here */
	char path[OF_CGROUP_LEN]; /* from the root of the hierarchy, not NUL-terminated */
};

/* A slot of the map `executions`. */
struct of_exec_slot {
	struct of_exec e;
	struct of_image image;
	char exe[OF_EXE_LEN]; /* empty for a forked execution: it has its parent's */
};

/* Task storage: the execution that a thread belongs to. */
struct of_task {
	__u64 exec_id; /* 0: being adopted; the rest means nothing yet */
	__u64 roles;   /* here too, so that a full table makes nobody lose a role */
	__u32 slot;    /* in `executions`, or OF_NO_SLOT when the table was full */
	__u32 claimed; /* 1: somebody adopts the process, or has */
	/* The thread's own, where sends are posted by two programs (ledger_event()). */
	__u32 account; /* slot of its last send; what lies there tells whether it still serves */
	__u32 posted;  /* how many sends the first has seen */
	__u32 noted;   /* `posted` when the second last looked */
	__u32 pad0;    /* zero */
};

/*
 * What could not be done as it should, by reason; every counter only grows. One list makes the
 * structure, the names in the outputs and the count, so that a new one cannot be forgotten.
 */
#define OF_LOSS_LIST(X)                                                                          \
	X(ring)		   /* records that found the ring full; the maps still say how much */   \
	X(accounts_full)   /* sends posted to an overflow account: no slot */                    \
	X(executions_full) /* executions that found no slot */                                   \
	X(task_storage)	   /* tasks without storage, or starts without room for a record */      \
	X(socket_storage)  /* sends posted the slow way: the socket refused storage */           \
	X(destinations)	   /* datagrams whose far end could not be handed over or followed */    \
	X(argv)		   /* argv that could not be read at exec */                             \
	X(probe_missed)	   /* program runs that the kernel skipped */                            \
	X(untraced)	   /* packets sent on top of PID 1, where this kernel runs no probe */   \
	X(links)	   /* packets of an interface that found no slot */                      \
	X(captures)	   /* packets with names that found their ring full, or were too many */ \
	X(names)	   /* messages and beginnings of flows that were not understood whole */ \
	X(tracking)	   /* records that the daemon's tables had no room for */

struct of_loss {
#define X(name) __u64 name;
	OF_LOSS_LIST(X)
#undef X
};

/*
 * A slot that is being given back, and what the sums will be then: written before anything is
 * moved, so that the next daemon can finish what one that was killed had begun (intake/journal.h).
 */
enum of_journal_step {
	OF_JOURNAL_NONE = 0,
	OF_JOURNAL_ACCOUNT = 1,	       /* an account's bytes go to `retired` */
	OF_JOURNAL_EXECUTION = 2,      /* an execution's go to `retired` and `retired_executions` */
	OF_JOURNAL_FREE_ACCOUNT = 3,   /* moved; the slot goes into its queue */
	OF_JOURNAL_FREE_EXECUTION = 4, /* the same */
};

struct of_journal {
	__u32 step; /* enum of_journal_step */
	__u32 slot;
	__u64 retired;
	__u64 retired_executions;
};

/* The map `machine`, one entry: sums that belong to no slot. */
struct of_machine {
	__u64 abi_version; /* OF_ABI_VERSION of who made the maps; stays the first field */
	__u64 roles_id;	   /* of the role table that the role bits refer to, as in of_rec_host */
	__u64 env_id;	   /* of the variables that are told, a hash of the daemon's */
	__u64 wake_roles;  /* accounts of these roles wake the daemon at once, others at its next
			      look */
	__u64 overflow;	   /* bytes whose execution had no slot and whose account had none */
	__u64 executions_none; /* bytes of executions without a slot, those in overflow included */
	__u64 retired;	       /* bytes of accounts that were aged out, overflows included */
	__u64 retired_executions; /* bytes of executions that were aged out */
	__u64 next_exec_id;
	__u32 accounts_used;   /* slots handed out at least once; the highest index in use + 1 */
	__u32 executions_used; /* the same for executions */
	__u32 adopted_changes; /* what the last run of the adoption iterator changed */
	__u32 next_generation; /* of an account */
	struct of_journal journal;
	__u32 notes;	   /* 1: the map `socket_notes` has ever held one */
	__u32 init_traced; /* 1: this kernel runs tracing programs where PID 1 is current, too */
	struct of_loss loss;
};

/* The map `totals`, per CPU: raised before any lookup can fail. */
struct of_totals {
	__u64 posted;		  /* bytes that must be found in the accounts; stays the first */
	__u64 local[OF_FAMILIES]; /* bytes of families that never leave the machine, by family */
};

enum of_glob_kind {
	OF_GLOB_NAME = 1, /* against the file name */
	OF_GLOB_EXE = 2,  /* against the whole path */
};

/* The maps `role_names` (key: the name, zero-padded; value: role mask) and `role_globs`. */
struct of_role_name {
	char name[OF_NAME_LEN];
};

struct of_role_glob {
	__u64 roles;
	__u32 kind; /* enum of_glob_kind */
	__u32 pad0; /* zero */
	char pattern[OF_PATTERN_LEN];
};

/*
 * What was handed to the driver of an interface, by where it came from. Key of the maps `links`
 * (interfaces of the daemon's network namespace) and `links_elsewhere` (of all others, where iif is
 * always 0).
 */
struct of_link_key {
	__u32 netns;   /* inode number */
	__u32 ifindex; /* where it went */
	__u32 iif;     /* where it came in; 0: it began on this machine */
	__u32 pad0;    /* zero */
};

/* Bytes as the driver gets them, link-layer header included; they only grow. */
struct of_link_sums {
	__u64 dev;    /* address of the device: another one may get the same number */
	__u64 socket; /* of sockets whose sends are posted: data, headers, retransmits */
	__u64 packet; /* of AF_PACKET sockets, posted too */
	/* The same as they are posted, of those of the daemon's netns: without the header that the
	 * kernel put in front, and without what was added on the way. */
	__u64 packet_data;
	__u64 control;	 /* of no process: handshakes, resets, ICMP, ARP, ND, IGMP, MLD */
	__u64 kernel;	 /* begun in the kernel, without a socket: tunnels */
	__u64 forwarded; /* came in by another interface */
	__u64 packets;
	__u64 segments;	  /* into which hardware may cut these packets, without the first of each */
	__u64 headers;	  /* of these segments, as hardware may count them */
	__u64 padding;	  /* to the shortest frame, the same */
	__u64 fragments;  /* of `forwarded`: headers of IPv4 fragments but the first of each */
	__u32 peer_netns; /* a veth or netkit: where its other end is; else 0 */
	__u32 peer_ifindex; /* and which it is */
};

/* The map `link_sums`, per CPU, one entry. */
struct of_link_machine {
	__u64 packet_posted; /* bytes that AF_PACKET sockets of the daemon's netns were posted */
	__u64 packet_data;   /* the same without the headers that the kernel puts in front */
	/* Bytes that are in no slot of `links`: none was left, or link_xmit() was not told. */
	__u64 unplaced;
	__u64 untraced; /* 1: a packet was sent on top of PID 1, and link_xmit() not told yet */
};

/* ---- Records: the stream that intake decodes, that --record writes and replay reads. ---- */

enum of_rec_kind {
	/* 0 is never valid */
	OF_REC_HOST = 1,     /* first of a stream */
	OF_REC_CLOCK = 2,    /* offset from boot time to UTC, at start and when it changed */
	OF_REC_RESOLVER = 3, /* a configured DNS server */
	OF_REC_ADDR = 4,     /* an address of a network namespace came or went */
	OF_REC_FORK = 5,
	OF_REC_EXEC = 6, /* also an adopted process */
	OF_REC_EXIT = 7,
	OF_REC_CONNECT = 8, /* a stream socket tries to connect */
	OF_REC_ACCOUNT = 9, /* an account as it stood */
	OF_REC_LOSS = 10,   /* the loss counters as they stood */
	OF_REC_TICK =
		11, /* every account that changed until now has been told; once a second or more */
	OF_REC_LINK = 12,   /* a watched interface as it stood */
	OF_REC_CGROUP = 13, /* the path of a cgroup, before the first execution that is in it */
	OF_REC_ENV = 14,    /* an environment, before the first execution that has it */
	OF_REC_HASH = 15,   /* what the executed file hashed to, behind its execution */
	OF_REC_ASK = 16,    /* a process was asked for something, so that it may act for another */
	OF_REC_CONTAINER = 17, /* from which image the container of a cgroup was made */
	OF_REC_COMM = 18,      /* a process gave itself another short name */
	OF_REC_SPOOL = 19,     /* a file from which cron or at starts something was changed */
	OF_REC_DNS = 20,       /* a question to a DNS server, or what it answered */
	OF_REC_FLOW = 21,      /* what the first bytes of a flow say of its far end */
	OF_REC_MAX = 22,
};

struct of_rec_hdr {
	__u64 ts_ns;
	__u32 len;  /* whole record, header included */
	__u16 kind; /* enum of_rec_kind */
	__s16 err;  /* 0, or -errno: the record is partial */
};

struct of_rec_host {
	struct of_rec_hdr hdr;
	char host[64];	  /* host name, NUL-terminated */
	char boot_id[40]; /* /proc/sys/kernel/random/boot_id, NUL-terminated */
	__u64 roles_id;	  /* hash of the role table that the role bits of this stream refer to */
	__u32 netns;	  /* of the daemon: what is resolved there is resolved for the machine */
	__u32 pad0;	  /* zero */
};

struct of_rec_clock {
	struct of_rec_hdr hdr;
	__s64 utc_offset_ns; /* UTC = boot time + this */
};

struct of_rec_resolver {
	struct of_rec_hdr hdr;
	__u8 addr[16];
};

struct of_rec_addr {
	struct of_rec_hdr hdr;
	__u8 addr[16];
	__u32 netns;
	__u32 gone; /* 1: removed */
};

struct of_rec_fork {
	struct of_rec_hdr hdr;
	struct of_exec e;
};

struct of_rec_exec {
	struct of_rec_hdr hdr;
	struct of_exec e;
	struct of_image image;
	__u16 exe_len;	     /* bytes of exe at the start of tail, no NUL */
	__u16 cwd_len;	     /* bytes of the working directory behind it, no NUL; 0: not known */
	__u16 argv_len;	     /* bytes of argv behind that */
	__u16 argv_redacted; /* how many secrets were blanked in it */
	__u32 argv_size;     /* bytes that argv had in memory; more than argv_len: cut */
	__u32 pad0;	     /* zero */
	char tail[OF_EXE_LEN + OF_CWD_LEN + OF_ARGV_LEN]; /* only the used part is sent */
};

struct of_rec_env {
	struct of_rec_hdr hdr;
	__u64 id;
	struct of_env env; /* of its text only the used part is sent */
};

struct of_rec_comm {
	struct of_rec_hdr hdr;
	__u64 exec_id;
	__u32 renames; /* so far */
	__u32 pad0;    /* zero */
	char comm[OF_COMM_LEN];
};

struct of_rec_cgroup {
	struct of_rec_hdr hdr;
	__u64 id;
	struct of_cgroup cgroup; /* of its path only the used part is sent */
};

/* Behind the first OF_REC_CGROUP of its container, at once or when it was found out. It is of every
 * cgroup in that container. */
struct of_rec_container {
	struct of_rec_hdr hdr;
	__u64 cgroup;		      /* as in of_rec_cgroup */
	char runtime[OF_RUNTIME_LEN]; /* NUL-terminated, also where the path tells; "": not known */
	char image[OF_CONTAINER_IMAGE_LEN]; /* as its maker named it, NUL-terminated */
};

enum of_ask {
	OF_ASK_SENT = 1, /* exec_id sent to the socket `name`, on which tgid listened */
	/* To what exec_id sent at asked_ns tgid answered, which is not the one that listened: the
	 * socket was made by another and handed over (socket activation), or inherited. */
	OF_ASK_ANSWERED = 2,
};

/* Of every execution that sends to a socket whose name may be a deputy's: not more than one a
 * second for each execution and socket, and of its answers for each process that answers. */
struct of_rec_ask {
	struct of_rec_hdr hdr;
	__u64 exec_id;
	__u64 asked_ns;
	__u32 tgid; /* of the deputy; 0: not known, the one that listened has ended */
	__u32 exec_slot;
	__u16 how;	       /* enum of_ask */
	__u16 name_len;	       /* bytes of name */
	__u32 pad0;	       /* zero */
	char name[OF_ASK_LEN]; /* as it was bound; an abstract one begins with a NUL */
};

enum of_spool {
	OF_SPOOL_AT = 1,      /* the job itself, run as its owner */
	OF_SPOOL_CRONTAB = 2, /* lines of one user's, run as the file's owner */
	OF_SPOOL_SYSTEM = 3,  /* lines that say for which user */
	OF_SPOOL_PROGRAM = 4, /* is executed itself: /etc/cron.daily */
};

enum of_spool_flags {
	OF_SPOOL_WRITTEN = 1, /* made, written or moved there */
	OF_SPOOL_GONE = 2,    /* not there any more; with WRITTEN: it was for a moment */
	OF_SPOOL_REAPED = 4,  /* tgid had ended: another process may have that number now */
	OF_SPOOL_READ = 8,    /* `commands` are all that the file has; else they are not known */
};

/* Told of everybody, with a role or without. With err nothing but that is told: changes were
 * missed. */
struct of_rec_spool {
	struct of_rec_hdr hdr;
	__u64 exec_id; /* who did it; 0: only its tgid is known */
	__u32 tgid;
	__u32 uid;   /* as which what is in it will run; 0xffffffff: not known, or any */
	__u16 kind;  /* enum of_spool */
	__u16 flags; /* enum of_spool_flags */
	__u16 path_len;
	__u16 commands_n;
	char path[OF_SPOOL_LEN];     /* not NUL-terminated */
	__u64 commands[OF_COMMANDS]; /* their hashes (base/crontab.h); only those used are
				      * sent */
};

struct of_rec_exit {
	struct of_rec_hdr hdr;
	__u64 exec_id;
	__u32 tgid;
	__u32 flags; /* of the execution: OF_EXEC_ENDED, perhaps OF_EXEC_REPLACED */
};

struct of_rec_connect {
	struct of_rec_hdr hdr;
	struct of_endpoint to;
	__u32 tgid;
	__u32 netns; /* 0: not known at this hook */
};

struct of_rec_account {
	struct of_rec_hdr hdr;
	struct of_account a;
};

struct of_rec_loss {
	struct of_rec_hdr hdr;
	struct of_loss loss;
};

enum of_link_flags {
	OF_LINK_INNER = 1,    /* a tunnel: what it sends leaves once more, by an edge */
	OF_LINK_GONE = 2,     /* the last of this interface, which is no more */
	OF_LINK_UNTRACED = 4, /* on top of PID 1 the sums are not told of what is sent */
	OF_LINK_EXACT = 8,    /* its driver counts what it is handed, and nothing of its own */
};

/*
 * An interface as its statistics and the sums tell; all counters only grow, except that those of
 * the interface may start anew. Each was read after the ones it explains: what is missing in one
 * that should explain another was not sent yet.
 */
struct of_rec_link {
	struct of_rec_hdr hdr;
	char name[16]; /* NUL-terminated */
	__u32 netns;
	__u32 ifindex;
	__u32 flags; /* enum of_link_flags */
	__u32 pad0;  /* zero */
	/* Of the interface. */
	__u64 tx_bytes;
	__u64 tx_packets;
	__u64 tx_lost; /* packets that it dropped, or failed to send */
	/* As in of_link_sums. */
	__u64 socket, packet, packet_data, control, kernel, forwarded;
	__u64 packets;
	__u64 segments;
	__u64 headers;
	__u64 padding;
	__u64 passed; /* part of forwarded: came from another network namespace of this machine */
	__u64 passed_packets;
	__u64 passed_headers;
	__u64 passed_fragments;
	/* What may explain some of it. */
	__u64 packet_posted; /* AF_PACKET sends of this netns as posted: some pass by the stack */
	__u64 packet_seen;   /* and those that did not pass it by, over all interfaces */
	__u64 data_posted;   /* the same as packet_data, what was posted */
	__u64 data_seen;     /* and what was seen where nothing is sent through once more */
	__u64 elsewhere;     /* what posted sockets of other netns sent into this one */
	__u64 elsewhere_packets;
	__u64 elsewhere_headers; /* should the kernel cut those into segments on the way */
	__u64 flooded;	/* what sockets sent through what it is a port of: some leaves as a copy,
			   which has no socket */
	__u64 tunnels;	/* what was sent into tunnels of this netns, with their headers */
	__u64 unplaced; /* of_link_machine */
};

enum of_hash_state {
	OF_HASH_NONE = 0,
	OF_HASH_OK = 1,
	OF_HASH_CHANGED = 2, /* another file or content is there now */
	OF_HASH_GONE = 3,    /* nothing could be opened any more */
	OF_HASH_FAILED = 4,  /* could not be read */
	OF_HASH_SKIPPED = 5, /* too many wait, or it is too large */
};

struct of_rec_hash {
	struct of_rec_hdr hdr;
	__u64 exec_id;
	__u32 state;	       /* enum of_hash_state */
	__u32 pad0;	       /* zero */
	struct of_image image; /* all zero: not known, or more is to be told of it */
	__u8 sha256[32];       /* with OF_HASH_OK */
};

struct of_rec_tick {
	struct of_rec_hdr hdr;
};

/* Start of a recording; records follow back to back, each as long as its header says. */
struct of_file_hdr {
	char magic[8]; /* OF_FILE_MAGIC */
	__u32 abi_version;
	__u32 byte_order; /* OF_FILE_ORDER as the writer saw it */
};

#define OF_FILE_MAGIC "outflow\n"
#define OF_FILE_ORDER 0x01020304U

#include "outflow/abi_names.h"

#ifdef __clang__
#pragma clang diagnostic pop
#else
#pragma GCC diagnostic pop
#endif

#endif
