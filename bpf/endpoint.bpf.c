/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint.bpf.c: where a send wants to go, when the socket does not say: destinations of
 * datagrams, handed to the send hook of the same thread, and attempts to connect.
 *
 * The addresses come from the kernel's own copy; the sender cannot change them any more.
 */
#include "emit.bpf.h"

char LICENSE[] SEC("license")
__weak = "GPL";

static __always_inline void endpoint_v4(struct of_endpoint *to, struct bpf_sock_addr *ctx)
{
	__u32 *addr = (__u32 *)to->addr;

	addr[2] = bpf_htonl(0xffff);
	addr[3] = ctx->user_ip4;
	to->family = OF_AF_INET;
	to->port = bpf_ntohs(ctx->user_port);
	to->proto = ctx->protocol;
}

static __always_inline void endpoint_v6(struct of_endpoint *to, struct bpf_sock_addr *ctx)
{
	__u32 *addr = (__u32 *)to->addr;

	addr[0] = ctx->user_ip6[0];
	addr[1] = ctx->user_ip6[1];
	addr[2] = ctx->user_ip6[2];
	addr[3] = ctx->user_ip6[3];
	to->family = addr[0] == 0 && addr[1] == 0 && addr[2] == bpf_htonl(0xffff) ? OF_AF_INET
										  : OF_AF_INET6;
	to->port = bpf_ntohs(ctx->user_port);
	to->proto = ctx->protocol;
}

/* `d` is the caller's, filled but for the cookie. */
static __always_inline void destination_leave(struct bpf_sock_addr *ctx, struct destination *d)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct destination *old;

	d->cookie = bpf_get_socket_cookie(ctx);
	old = bpf_map_lookup_elem(&destinations, &thread);
	if (old != NULL)
		*old = *d;
	else if (bpf_map_update_elem(&destinations, &thread, d, BPF_ANY) < 0)
		LOSS(destinations);
}

SEC("cgroup/sendmsg4")
int endpoint_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct destination d = {};

	endpoint_v4(&d.to, ctx);
	/* With control data and no address the hook fires with zeros: the socket's own counts. */
	if (ctx->user_ip4 != 0 || ctx->user_port != 0)
		destination_leave(ctx, &d);
	return 1;
}

SEC("cgroup/sendmsg6")
int endpoint_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct destination d = {};

	endpoint_v6(&d.to, ctx);
	if (d.to.port != 0 || ctx->user_ip6[3] != 0 || ctx->user_ip6[0] != 0)
		destination_leave(ctx, &d);
	return 1;
}

/* Only streams: a datagram socket's connect sends nothing, and resolvers do it to choose a source
 * address (RFC 6724). */
static __always_inline void connect_tell(struct of_rec_connect *rec)
{
	rec->tgid = bpf_get_current_pid_tgid() >> 32;
	emit_header(&rec->hdr, OF_REC_CONNECT, sizeof(*rec));
	emit_hint(rec, sizeof(*rec), EMIT_LATER);
}

SEC("cgroup/connect4")
int endpoint_connect4(struct bpf_sock_addr *ctx)
{
	struct of_rec_connect rec = {};

	if (ctx->type != SOCK_STREAM)
		return 1;
	endpoint_v4(&rec.to, ctx);
	connect_tell(&rec);
	return 1;
}

SEC("cgroup/connect6")
int endpoint_connect6(struct bpf_sock_addr *ctx)
{
	struct of_rec_connect rec = {};

	if (ctx->type != SOCK_STREAM)
		return 1;
	endpoint_v6(&rec.to, ctx);
	connect_tell(&rec);
	return 1;
}
