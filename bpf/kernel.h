/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.h: the parts of kernel types that the probes read, found at load time by name (CO-RE).
 * Written by hand, so that the build needs no BTF and no kernel headers. Only members that are
 * used; their order and offsets here mean nothing.
 */
#ifndef OUTFLOW_BPF_KERNEL_H
#define OUTFLOW_BPF_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#define NULL ((void *)0)
#define true 1
#define false 0

/* include/uapi/linux/bpf.h: numbers of the kernel's ABI. */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
	BPF_F_CLONE = 512,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#define EEXIST 17

#define CLONE_THREAD 0x10000 /* include/uapi/linux/sched.h */

/* include/linux/socket.h, include/uapi/linux/in.h */
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define SOCK_SEQPACKET	5
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP	1
#define IPPROTO_IGMP	2
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define IPPROTO_ROUTING 43
#define IPPROTO_ICMPV6	58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP	132
#define IPPROTO_UDPLITE 136

/* include/net/tcp_states.h, include/net/sock.h, include/uapi/linux/if_ether.h */
#define EINTR		 4
#define ERESTARTSYS	 512 /* include/linux/errno.h */
#define TCP_SYN_SENT	 2
#define TCP_FIN_WAIT1	 4
#define TCP_FIN_WAIT2	 5
#define TCP_CLOSE	 7
#define TCP_LAST_ACK	 9
#define TCP_CLOSING	 11
#define SOCK_DONE	 1 /* bit of skc_flags: the peer's FIN was taken */
#define LOOPBACK_IP	 0x7f000001
#define LOOPBACK_IFINDEX 1 /* of every network namespace (include/net/flow.h) */
#define ETH_HEADER	 14
#define ETH_P_802_2	 0x0004 /* what has a length in the place of a type: STP */
#define ETH_P_IP	 0x0800
#define ETH_P_ARP	 0x0806
#define ETH_P_IPV6	 0x86dd
#define ETH_P_SLOW	 0x8809 /* LACP */
/* Sockets in these two states are small ones, not a struct sock. */
#define TCP_TIME_WAIT	 6
#define TCP_NEW_SYN_RECV 12

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct ns_common {
	__u32 inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node;

struct hlist_head {
	struct hlist_node *first;
};

struct pid {
	unsigned int level;	    /* of the innermost namespace; its number is numbers[level] */
	struct hlist_head tasks[4]; /* by pid_type, those that have it now */
	struct upid numbers[1];
};

enum pid_type { PIDTYPE_TGID = 1, PIDTYPE_SID = 3 };

struct signal_struct {
	atomic_t live;
	struct pid *pids[4];
};

/* Two words of 32 bits until Linux 6.2, one of 64 since: the same bytes, with other names. */
typedef struct {
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
};

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
		__u64 hash_len;
	};
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

#define OVERLAYFS_SUPER_MAGIC 0x794c7630 /* include/uapi/linux/magic.h */

struct super_block {
	unsigned long s_magic;
	__u32 s_dev;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct inode {
	struct super_block *i_sb;
	unsigned int i_nlink;
	unsigned long i_ino;
	__s64 i_size;
	struct timespec64 i_mtime; /* until Linux 6.6 */
	struct timespec64 i_ctime; /* until 6.5 */
};

struct inode___private {
	struct timespec64 __i_mtime; /* 6.7 to 6.10 */
	struct timespec64 __i_ctime; /* 6.6 to 6.10 */
};

struct inode___apart {
	__s64 i_mtime_sec; /* since 6.11 */
	__s64 i_ctime_sec;
	__u32 i_mtime_nsec;
	__u32 i_ctime_nsec;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct kernfs_node {
	struct kernfs_node *parent; /* until Linux 6.14 */
	const char *name;
	__u64 id;
};

struct kernfs_node___rcu {
	struct kernfs_node *__parent; /* since 6.15 */
};

struct cgroup {
	struct kernfs_node *kn;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct cgroup_namespace *cgroup_ns;
};

struct fs_struct {
	struct path pwd;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* of cgroup v2 */
};

struct mm_struct {
	unsigned long arg_start, arg_end;
	unsigned long env_start, env_end;
	struct file *exe_file;
};

struct task_struct {
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct mm_struct *mm;
	const struct cred *cred;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct fs_struct *fs;
	kuid_t loginuid;
	__u64 start_boottime;
	char comm[16];
};

struct linux_binprm {
	const char *filename;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct page;

struct proto {
	void *sendpage; /* until Linux 6.4 */
};

struct sock_common {
	union {
		struct {
			__be32 skc_daddr;
			__be32 skc_rcv_saddr;
		};
	};
	union {
		struct {
			__be16 skc_dport;
			__u16 skc_num;
		};
	};
	unsigned short skc_family;
	unsigned long skc_flags;
	struct proto *skc_prot;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	atomic64_t skc_cookie; /* 0: nobody has asked for it */
};

struct rtnl_link_ops {
	const char *kind;
};

struct net_device {
	int ifindex;
	unsigned int mtu;
	possible_net_t nd_net;
	const struct rtnl_link_ops *rtnl_link_ops;
};

struct dst_entry {
	struct net_device *dev;
};

struct sk_buff_head {
	struct sk_buff *next;
};

typedef struct {
	int owned; /* somebody has it in a system call */
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	struct sk_buff_head sk_write_queue;
	struct dst_entry *sk_dst_cache;
	int sk_write_pending;
	__u16 sk_type;
	__u16 sk_protocol;
	__u8 sk_kern_sock : 1;
	struct pid *sk_peer_pid;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len; /* with the family, two bytes, in front of the name */
	struct sockaddr_un name[];
};

struct unix_sock {
	struct unix_address *addr; /* what an accepted socket has is its listener's */
	struct sock *peer;
};

struct sk_buff {
	struct sock *sk;
	struct net_device *dev;
	unsigned int len;
	unsigned int end; /* offset from head, on 64 bit */
	unsigned char *head, *data;
	int skb_iif;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 inner_transport_header;
};

struct skb_shared_info {
	unsigned short gso_size;
	unsigned int gso_type;
};

struct socket {
	struct sock *sk;
};

struct msghdr;

struct udp_sock {
	int pending; /* AF_INET or AF_INET6: a corked datagram waits; 0: none does */
	__u16 len;   /* of it, with its header */
};

struct tcp_sock {
	__u64 bytes_received;
	__u64 bytes_acked;
	__u32 write_seq;
	__u32 snd_una;
};

/* What a classic tracepoint program is called with: the trace event's record. */
struct trace_event_raw_sock_msg_length {
	const void *sk;
	int ret;
};

struct trace_event_raw_inet_sock_set_state {
	const void *skaddr;
	int oldstate;
	int newstate;
};

struct trace_event_raw_task_newtask {
	int pid;
	unsigned long clone_flags;
};

struct trace_event_raw_sched_process_exec {
	__u32 __data_loc_filename; /* low half: where in the record it lies */
	int old_pid;
};

struct seq_file {
	char *buf;
};

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* Contexts: the verifier rewrites these accesses, no relocation (include/uapi/linux/bpf.h). */
struct bpf_sock {
	__u32 bound_dev_if;
	__u32 family;
	__u32 type;
	__u32 protocol;
};

struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol; /* network order */
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
	__u32 napi_id;
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 data_meta;
	__u64 flow_keys __attribute__((aligned(8)));
	__u64 tstamp;
	__u32 wire_len;
	__u32 gso_segs;
	struct bpf_sock *sk __attribute__((aligned(8)));
	__u32 gso_size;
};

struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4;	   /* network order */
	__u32 user_ip6[4]; /* network order */
	__u32 user_port;   /* network order */
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	struct bpf_sock *sk __attribute__((aligned(8)));
};

#endif
