#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# failed.sh: what leaves though its call fails is posted: data in the SYN of a connection that is
# refused or interrupted, fragments of a datagram of which others were dropped. And what a call names
# is not where it goes when a routing header leads the packets: they are posted to where they go. What
# the far end counted decides.
#
#	tests/live/failed.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CALLS=50
PORT=7777

# Packets that match, and with headers their bytes.
far_count() { # MATCH [VERDICT]
	in_far nft -f - <<-END
		table inet outflow_failed
		delete table inet outflow_failed
		table inet outflow_failed {
			chain input {
				type filter hook prerouting priority -500;
				$1 counter ${2:-}
			}
		}
	END
}

# Of a device's packets as they come, before they are put together.
far_count_pieces() { # MATCH
	in_far nft -f - <<-END
		table netdev outflow_failed
		delete table netdev outflow_failed
		table netdev outflow_failed {
			chain input {
				type filter hook ingress device wire priority -500;
				$1 counter
			}
		}
	END
}

far_counted() { # FAMILY WHAT
	in_far nft -j list table "$1" outflow_failed |
		jq "[.nftables[].rule.expr // empty | .[].counter // empty][0].$2"
}

# Runs the program; $OUT is what it said. 1: it could not, which is said.
failed() { # NAME WAY ARGUMENT...
	local name=$1 status

	shift
	OUT=$(in_sender timeout 60 "$B/lab/failed" --way "$@" --calls $CALLS 2>"$LAB_DIR/failed.err")
	status=$?
	case $status in
	0) return 0 ;;
	77) skip "$name" "$(cat "$LAB_DIR/failed.err")" ;;
	*) not_ok "$name" "$(cat "$LAB_DIR/failed.err")" ;;
	esac
	return 1
}

posted() { # NAME ENDPOINT; what `failed` said last
	local pid bytes

	pid=$(jq .pid <<<"$OUT") bytes=$(jq .bytes <<<"$OUT")
	printf '  %s\n' "$OUT"
	is "$1: posted, to the byte" "$(flows_settle 10 "$bytes" flows_of "$pid")" "$bytes"
	is "$1: to where it went" "$(flows_sum ".process.pid == $pid and .endpoint.ip == \"$2\"")" "$bytes"
}

# Each SYN arrived, with its data.
syns() { # NAME FAILED
	is "$1: calls that failed" "$(jq .failed <<<"$OUT")" "$2"
	is "$1: SYNs that arrived" "$(far_counted inet packets)" "$CALLS"
	is "$1: they carried data" "$(($(far_counted inet bytes) > $(jq .bytes <<<"$OUT")))" 1
}

case_syn() {
	local syn="tcp dport $PORT tcp flags & (syn|ack) == syn"

	in_sender sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_fastopen'
	far_count "$syn"
	if failed "refused" refused --to "$FAR4:$PORT"; then
		syns "refused" $CALLS
		posted "refused" "$FAR4"
	fi
	far_count "$syn"
	if failed "refused, IPv6" refused --to "[$FAR6]:$PORT"; then
		syns "refused, IPv6" $CALLS
		posted "refused, IPv6" "$FAR6"
	fi
	far_count "$syn" drop
	if failed "interrupted" interrupted --to "$FAR4:$PORT"; then
		syns "interrupted" $CALLS
		posted "interrupted" "$FAR4"
	fi
	far_count "$syn" drop
	if failed "returned at once" returned --to "$FAR4:$PORT"; then
		syns "returned at once" 0
		posted "returned at once" "$FAR4"
	fi
	# The answer may be there before the call has returned.
	far_count "$syn"
	if failed "returned, then refused" returned --to "$FAR4:$PORT"; then
		syns "returned, then refused" 0
		posted "returned, then refused" "$FAR4"
	fi
}

# Some of the fragments are dropped by a queue in front of the wire: of each datagram some arrived, of
# none all; they are posted whole.
case_fragments() {
	in_sender ip link set wire mtu 1500
	if ! in_sender tc qdisc add dev wire root handle 1: tbf rate 20mbit burst 3000 limit 40000 2>/dev/null; then
		skip "fragments" "this kernel has no tbf"
		return
	fi
	far_count_pieces "ip daddr $FAR4 ip protocol udp"
	if failed "fragments" fragments --to "$FAR4:$PORT"; then
		above_zero "fragments: calls that failed" "$(jq .failed <<<"$OUT")"
		above_zero "fragments: arrived" "$(far_counted netdev packets)"
		posted "fragments" "$FAR4"
	fi
	in_sender tc qdisc del dev wire root
	in_sender ip link set wire mtu 65535
}

case_led() {
	far_count "ip6 daddr $FAR6 ip6 nexthdr 43"
	if failed "led by a routing header" led --to "[2001:db8:5::5]:$PORT" --by "$FAR6"; then
		is "led by a routing header: arrived" "$(far_counted inet packets)" "$CALLS"
		posted "led by a routing header" "$FAR6"
	fi
}

lab_begin "${1:-build}"
need_built lab/failed
lab_net_new
lab_config <<-END
	sinks:
	  - {type: file, path: $LAB_ALERTS, format: json}
END
start_outflowd "$LAB_CONFIG"
case_syn
case_fragments
case_led
books_balanced "books are balanced"
stop_outflowd
lab_end
