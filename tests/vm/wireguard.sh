#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# wireguard.sh: what leaves through a WireGuard tunnel is posted once, to the byte, to whoever sent it,
# at the far end inside the tunnel. The kernel then sends it again, encrypted, in datagrams of its
# own: those are nobody's sends, and the ledger has nothing for the tunnel's outer far end, although
# the wire did carry them.
#
#	tests/vm/wireguard.sh [BUILD]
#
# LAB_BYTES  of each row (1 MiB)

# shellcheck source-path=SCRIPTDIR source=../live/lib.sh
. "$(dirname "$0")/../live/lib.sh"

BYTES=${LAB_BYTES:-1048576}
OUTER=51820
PORT=7000
# Inside; no other test uses them.
IN4=192.0.2.2
IN6=2001:db8:2::2

tunnel_end() { # NET KEY PEER-KEY PEER-OUTER ADDRESS...
	local net=$1 key=$2 peer=$3 outer=$4 a

	shift 4
	# Made in the namespace, so that its own datagrams leave from there, too. Large datagrams pass in
	# one piece through the wire, so they do in here, less what WireGuard puts around them.
	in_net "$net" ip link add tunnel mtu 65440 type wireguard || return
	in_net "$net" wg set tunnel listen-port $OUTER private-key <(echo "$key") \
		peer "$(wg pubkey <<<"$peer")" endpoint "$outer:$OUTER" allowed-ips 0.0.0.0/0,::/0 || return
	in_net "$net" ip link set tunnel up || return
	for a in "$@"; do
		case $a in
		*:*) in_net "$net" ip addr add "$a" dev tunnel nodad || return ;;
		*) in_net "$net" ip addr add "$a" dev tunnel || return ;;
		esac
	done
}

tunnel_make() {
	local sender far

	sender=$(wg genkey) && far=$(wg genkey) || return
	tunnel_end "$SENDER_NET" "$sender" "$far" $FAR4 192.0.2.1/24 2001:db8:2::1/64 &&
		tunnel_end "$FAR_NET" "$far" "$sender" 198.51.100.1 $IN4/24 $IN6/64
}

# Counts what arrives at the tunnel's outer end, whole packets.
outer_count() {
	in_far nft -f - <<-END
		table inet outflow_outer
		delete table inet outflow_outer
		table inet outflow_outer {
			chain input {
				type filter hook prerouting priority -500;
				iifname "wire" udp dport $OUTER counter
			}
		}
	END
}

outer_counted() {
	in_far nft -j list table inet outflow_outer | jq '[.nftables[].rule // empty | .expr[].counter.bytes // empty] | add'
}

row() { # WAY TO FAR
	local name="$1 to $2" way=$1 to=$2 far=$3 out sent pid got

	far_start --tcp $PORT --udp $PORT
	[ "$far" != udp ] || far_count_udp $PORT
	outer_count
	if ! out=$(in_sender "$B/lab/send" --way "$way" --to "[$to]:$PORT" --bytes "$BYTES" 2>&1); then
		far_stop
		not_ok "$name" "the sender failed: $out"
		return
	fi
	far_stop
	read -r sent pid < <(jq -r '"\(.sent) \(.pid)"' <<<"$out")
	if [ "$far" = udp ]; then
		got=$(far_counted_udp)
	else
		got=$(far_received "$far")
	fi
	is "$name: the far end inside has it all" "$got" "$sent"
	is "$name: sent" "$sent" "$BYTES"
	is "$name: posted to the sender" "$(flows_settle 10 "$sent" flows_of "$pid")" "$sent"
	is "$name: at the far end inside" \
		"$(flows_sum ".process.pid == $pid and .endpoint.ip == \"$to\" and .endpoint.port == $PORT")" "$sent"
	is "$name: the wire carried it, encrypted" "$([ "$(outer_counted)" -gt "$sent" ] && echo yes)" yes
	all=$((all + sent))
}

lab_begin "${1:-build}"
need_built lab/send lab/recv
lab_net_new
if ! in_sender ip link add tunnel type wireguard 2>/dev/null; then
	skip "$LAB_NAME" "this kernel has no WireGuard"
	lab_end
fi
in_sender ip link del tunnel
need_programs wg
if ! tunnel_make 2>"$LAB_DIR/tunnel.log"; then
	not_ok "$LAB_NAME" "no tunnel: $(tail -n 1 "$LAB_DIR/tunnel.log")"
	lab_end
fi
lab_config <<<'limits: {grace: 1h}'
start_outflowd "$LAB_CONFIG"
all=0
row tcp-write $IN4 tcp
row tcp-write $IN6 tcp
row udp-send $IN4 udp
row udp-sendto $IN6 udp
is "nothing is posted a second time, inside" \
	"$(flows_sum ".endpoint.ip == \"$IN4\" or .endpoint.ip == \"$IN6\"")" "$all"
is "nothing is posted for the outer far end" \
	"$(flows_sum ".endpoint.ip == \"$FAR4\" or .endpoint.port == $OUTER")" 0
is "books are balanced" "$(outflow ledger --json | jq -c .balanced)" true
stop_outflowd
lab_end
