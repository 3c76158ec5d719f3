#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# evasion.sh: a sender that does what it can so that its bytes are missed, or booked elsewhere: it uses
# up its socket's memory, rewrites what its calls point to, shares and passes its socket, sends byte
# by byte, dies in the middle, blocks, and has its socket taken away meanwhile. What the far ends
# counted decides.
#
#	tests/live/evasion.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

FAR6_B=2001:db8:1::3
SENDS=30000	# of each kind of rewriting
HELD=1000	# datagrams that are stopped in the middle
LONG_SEND=50000000

# ---- What the far ends say ----

# Counts what comes for two addresses, and ends it there. Neighbours may still ask for each other.
far_count_two() { # ADDRESS ADDRESS
	local ip=ip

	case $1 in *:*) ip=ip6 ;; esac
	in_far nft -f - <<-END
		table inet outflow_two
		delete table inet outflow_two
		table inet outflow_two {
			chain input {
				type filter hook prerouting priority -500;
				icmpv6 type {nd-neighbor-solicit, nd-neighbor-advert} accept
				$ip daddr $1 counter drop
				$ip daddr $2 counter drop
			}
		}
	END
}

# "[ADDRESS,BYTES]" of each, without so many bytes of headers per packet; not those that got nothing.
far_counted_two() { # HEADERS
	in_far nft -j list table inet outflow_two |
		jq -c "[.nftables[].rule // empty | select(any(.expr[]; .counter))
			| [(.expr[].match.right // empty), (.expr[].counter // empty | .bytes - .packets * $1)]
			| select(.[1] > 0)] | sort"
}

posted_two() { # PID
	outflow flows --json | jq -s -c "[.[] | select((.process.pid == $1) and .bytes.sent > 0)]
		| group_by(.endpoint.ip) | map([.[0].endpoint.ip, (map(.bytes.sent) | add)]) | sort"
}

# Starts one more recv; what it counted is in a file of that name once it was ended.
recv_start() { # NAME ARGUMENT...
	local name=$1

	shift
	: >"$LAB_DIR/$name"
	nsenter --net="/run/netns/$FAR_NET" "$B/lab/recv" "$@" >"$LAB_DIR/$name" 2>&1 &
	RECV=$!
	LAB_PIDS+=("$RECV")
	wait_for 5 grep -q ready "$LAB_DIR/$name" || not_ok "far end" "$(cat "$LAB_DIR/$name")"
}

recv_stop() { # NAME PID PROTO; prints what it read
	lab_end_pids "$2"
	jq "select(.proto == \"$3\").received" "$LAB_DIR/$1"
}

# ---- The attacks ----

# By nobody, without a capability.
optmem_run() { # ARGUMENT...
	nsenter --net="/run/netns/$SENDER_NET" setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
		--bounding-set=-all "$LAB_PUBLIC/optmem" --to "$FAR4_C:9100" --bytes 1000000 "$@"
}

optmem_check() { # NAME
	local out pid

	out=$(tail -n 1 "$LAB_DIR/optmem")
	pid=$(jq .pid <<<"$out")
	printf '  %s\n' "$out"
	is "$1: all sent" "$(jq .sent <<<"$out")" 1000000
	is "$1: posted, to the byte" "$(flows_settle 10 1000000 flows_of "$pid")" 1000000
	is "$1: as the far end counted" "$(posted_two "$pid")" "$(far_counted_two 28)"
	is "$1: whose" "$(outflow ps --json --all | jq "select(.process.pid == $pid and .sent > 0).process.uid")" 65534
}

# Once with sockets that nobody saw made: no storage can be kept there then, which must be said.
optmem() {
	local first

	LAB_PUBLIC=$LAB_DIR/public
	chmod 0711 "$LAB_DIR"
	mkdir -m 0755 "$LAB_PUBLIC"
	install -m 0755 "$B/lab/optmem" "$LAB_PUBLIC/optmem"
	mkfifo "$LAB_DIR/optmem.in"
	optmem_run --start-wait <"$LAB_DIR/optmem.in" >"$LAB_DIR/optmem" &
	LAB_PIDS+=($!)
	exec {first}>"$LAB_DIR/optmem.in"
	wait_for 10 grep -q waiting "$LAB_DIR/optmem"
	start_outflowd "$LAB_CONFIG"
	far_count_two "$FAR4_C" "$FAR4_B"
	echo >&"$first"
	exec {first}>&-
	wait_for 10 grep -q sent "$LAB_DIR/optmem"
	optmem_check "option memory used up by nobody, older sockets"
	above_zero "option memory used up by nobody, older sockets: said" "$(outflow status --json |
		jq .loss.socket_storage)"
	far_count_two "$FAR4_C" "$FAR4_B"
	optmem_run >"$LAB_DIR/optmem"
	optmem_check "option memory used up by nobody, new sockets"
}

rewriting() { # KIND CALL ADDRESS ADDRESS HEADERS
	local out pid sent name="rewritten: $1 $2 to $3"

	far_count_two "$3" "$4"
	case $3 in
	*:*) out=$(in_sender "$B/lab/rewrite" --kind "$1" --call "$2" --to "[$3]:9000" --and "[$4]:9000" --sends $SENDS) ;;
	*) out=$(in_sender "$B/lab/rewrite" --kind "$1" --call "$2" --to "$3:9000" --and "$4:9000" --sends $SENDS) ;;
	esac
	pid=$(jq .pid <<<"$out") sent=$(jq .sent <<<"$out")
	printf '  %s\n' "$out"
	if [ "$(far_counted_two "$5" | jq length)" -ne 2 ]; then
		not_ok "$name" "the far ends got $(far_counted_two "$5"): the other thread did not run"
		return
	fi
	flows_settle 10 "$sent" flows_of "$pid" >/dev/null
	is "$name" "$(posted_two "$pid")" "$(far_counted_two "$5")"
}

rewritten() {
	local call

	in_far ip addr add $FAR6_B/64 dev wire nodad
	for call in sendto sendmsg sendmmsg; do
		rewriting udp $call "$FAR4" "$FAR4_B" 28
		rewriting udp $call "$FAR6" "$FAR6_B" 48
		rewriting raw $call "$FAR4" "$FAR4_B" 20
		rewriting raw $call "$FAR6" "$FAR6_B" 40
		rewriting ping $call "$FAR4" "$FAR4_B" 20
		rewriting ping $call "$FAR6" "$FAR6_B" 40
	done
	in_far nft delete table inet outflow_two
}

flipping() { # WAY SENDS HEADERS ADDRESS ADDRESS
	local out pid status name="taken away, $1: $4 and $5" at='%s:9100'

	far_count_two "$4" "$5"
	case $4 in *:*) at='[%s]:9100' ;; esac
	# shellcheck disable=SC2059
	out=$(in_sender "$B/lab/flip" --way "$1" --sends "$2" --to "$(printf "$at" "$4")" --and "$(printf "$at" "$5")")
	status=$?
	if [ $status -eq 77 ]; then
		skip "$name" "this kernel has no userfaultfd"
		return
	fi
	pid=$(jq .pid <<<"$out")
	printf '  %s\n' "$out"
	above_zero "$name: sends that met it" "$(jq .met <<<"$out")"
	is "$name: all sent" "$(jq .failed <<<"$out")" 0
	flows_settle 10 "$(jq .sent <<<"$out")" flows_of "$pid" >/dev/null
	is "$name" "$(posted_two "$pid")" "$(far_counted_two "$3")"
}

# Put together by two processes, and led elsewhere by the second.
inherited() { # HEADERS ADDRESS ADDRESS
	local out of name="put together by two: $2 and $3" at='%s:9100'

	far_count_two "$2" "$3"
	case $2 in *:*) at='[%s]:9100' ;; esac
	# shellcheck disable=SC2059
	out=$(in_sender "$B/lab/heir" --rounds "$HELD" --to "$(printf "$at" "$2")" --and "$(printf "$at" "$3")")
	printf '  %s\n' "$out"
	of="$(jq .pid <<<"$out") or .process.pid == $(jq .child <<<"$out")"
	flows_settle 10 "$(jq '.first + .second' <<<"$out")" flows_sum ".process.pid == $of" >/dev/null
	is "$name" "$(posted_two "$of")" "$(far_counted_two "$1")"
	is "$name: of each its own" "$(flows_of "$(jq .child <<<"$out")")" $((HELD * 1001))
}

# Refused are: a broadcast by who did not ask for it, what no route leads to, a link-local address of
# no link, and IPv4 by a socket for IPv6 alone. Some kernels have led the datagram there by then.
flipped() {
	local way to

	in_far ip addr add $FAR6_B/64 dev wire nodad 2>/dev/null
	in_far ip addr add 203.0.113.77/32 dev wire
	in_far ip addr add 2001:db8:77::1/128 dev wire nodad
	in_sender ip route add prohibit 203.0.113.77
	in_sender ip -6 route add prohibit 2001:db8:77::1
	flipping held $HELD 28 $FAR4 $FAR4_B
	flipping held $HELD 48 $FAR6 $FAR6_B
	for way in free cork flush; do
		flipping $way $SENDS 28 $FAR4 $FAR4_B
		flipping $way $SENDS 48 $FAR6 $FAR6_B
	done
	flipping extended $SENDS 312 $FAR6 $FAR6_B
	inherited 28 $FAR4 $FAR4_B
	inherited 48 $FAR6 $FAR6_B
	for to in 255.255.255.255 203.0.113.77; do
		flipping refused $HELD 28 $FAR4 $to
	done
	for to in fe80::9 ::ffff:203.0.113.2 2001:db8:77::1; do
		flipping refused $HELD 48 $FAR6 $to
	done
	in_far ip addr del 203.0.113.77/32 dev wire
	in_far ip addr del 2001:db8:77::1/128 dev wire
	in_sender ip route del prohibit 203.0.113.77
	in_sender ip -6 route del prohibit 2001:db8:77::1
	in_far nft delete table inet outflow_two
}

shared() { # PROTO [OPTION]
	local out pid sent name="one $1 socket, four senders"

	far_count_udp 9200
	recv_start shared --tcp 9200 --udp 9200
	out=$(in_sender "$B/lab/share" --to "$FAR4:9200" "${@:2}")
	sent=$(jq -s 'map(.sent) | add' <<<"$out")
	is "$name: all sent" "$(jq -s 'map(.failed) | add' <<<"$out")" 0
	while read -r pid; do
		is "$name: $(jq -r "select(.pid == $pid) | if .passed then \"passed\" else \"inherited\" end" <<<"$out")" \
			"$(flows_settle 10 "$(jq "select(.pid == $pid).sent" <<<"$out")" flows_of "$pid")" \
			"$(jq "select(.pid == $pid).sent" <<<"$out")"
	done < <(jq .pid <<<"$out")
	if [ "$1" = tcp ]; then
		is "$name: the far end read as much" "$(recv_stop shared "$RECV" tcp)" "$sent"
	else
		recv_stop shared "$RECV" tcp >/dev/null
		is "$name: the far end counted as much" "$(far_counted_udp)" "$sent"
	fi
}

bytewise() {
	local out way

	recv_start bytewise --tcp 9300 --udp 9300
	far_count_udp 9300
	for way in tcp-write udp-write; do
		out=$(in_sender "$B/lab/send" --way $way --chunk 1 --bytes 1000000 --to "$FAR4:9300")
		is "byte by byte: $way, all sent" "$(jq .sent <<<"$out")" 1000000
		is "byte by byte: $way, posted" "$(flows_settle 10 1000000 flows_of "$(jq .pid <<<"$out")")" 1000000
	done
	is "byte by byte: the far end counted the datagrams" "$(far_counted_udp)" 1000000
	is "byte by byte: the far end read the stream" "$(recv_stop bytewise "$RECV" tcp)" 1000000
}

# shellcheck disable=SC2317 # wait_for calls it
posted_above() { # PID N
	[ "$(flows_of "$1")" -gt "$2" ]
}

# Its own count dies with it: only the far end's is left.
killed() { # WAY
	local pid name="killed in the middle: $1" far

	recv_start killed --tcp 9400 --udp 9400
	far_count_udp 9400
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/send" --way "$1" --chunk 1001 --bytes 1000000000000 \
		--to "$FAR4:9400" >/dev/null 2>&1 &
	pid=$!
	LAB_PIDS+=("$pid")
	wait_for 10 posted_above "$pid" 10000000
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	far=$(recv_stop killed "$RECV" tcp)
	[ "$1" = tcp-write ] || far=$(far_counted_udp)
	above_zero "$name: the far end got" "$far"
	is "$name: posted, to the byte" "$(flows_settle 10 "$far" flows_of "$pid")" "$far"
}

# One long send to a far end that does not read. The kernel has taken some of it, and a send is
# posted when its call returns: what is posted meanwhile is printed.
blocked() {
	local pid taken stall name="a send that blocks"

	recv_start blocked --tcp 9500
	kill -STOP "$RECV"
	: >"$LAB_DIR/stall"
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/stall" --to "$FAR4:9500" --bytes $LONG_SEND >"$LAB_DIR/stall" &
	stall=$!
	LAB_PIDS+=("$stall")
	wait_for 10 grep -q blocked "$LAB_DIR/stall"
	pid=$(jq 'select(.blocked).pid' "$LAB_DIR/stall")
	taken=$(jq 'select(.blocked).taken' "$LAB_DIR/stall")
	printf '  taken by the kernel %s, posted meanwhile %s of %s\n' "$taken" "$(flows_of "$pid")" $LONG_SEND
	above_zero "$name: the kernel has taken some" "$taken"
	is "$name: it does block" "$([ "$taken" -lt $LONG_SEND ] && echo yes)" yes
	kill -CONT "$RECV"
	wait $stall
	is "$name: all sent" "$(jq 'select(.sent).sent' "$LAB_DIR/stall")" $LONG_SEND
	is "$name: the far end read as much" "$(recv_stop blocked "$RECV" tcp)" $LONG_SEND
	is "$name: posted, to the byte" "$(flows_settle 10 $LONG_SEND flows_of "$pid")" $LONG_SEND
}

# The socket is disconnected and leads elsewhere when the call returns. The far end that was named
# first must have what the call returned; the other one what was sent to it, by its own count.
reconnected() { # NAME [OPTION]
	local pid status first second read stall name="taken away while it blocks: $1"

	recv_start first --tcp 9600
	first=$RECV
	kill -STOP "$first"
	recv_start second --tcp 9601
	second=$RECV
	: >"$LAB_DIR/stall"
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/stall" --to "$FAR4:9600" --bytes $LONG_SEND \
		--then "$FAR4_B:9601" --more 1000 "${@:2}" >"$LAB_DIR/stall" &
	stall=$!
	LAB_PIDS+=("$stall")
	wait_for 20 lab_ended "$stall"
	wait "$stall"
	status=$?
	lab_forget_pid "$stall"
	pid=$(jq 'select(.sent).pid' "$LAB_DIR/stall")
	kill -CONT "$first"
	read=$(recv_stop second "$second" tcp)
	printf '  %s; read by the first %s, by the second %s\n' "$(jq -c 'select(.sent)' "$LAB_DIR/stall")" \
		"$(recv_stop first "$first" tcp)" "$read"
	if [ $status -eq 77 ]; then
		skip "$name" "no processor of this machine can be held"
		return
	fi
	is "$name: status" $status 0
	if [ $# -gt 1 ] && [ "$(jq 'select(.sent).overtaken' "$LAB_DIR/stall")" != true ]; then
		skip "$name: it is overtaken" "this machine is busy: the call returned first"
	fi
	is "$name: the second far end read" "$read" 1000
	flows_settle 10 $(($(jq 'select(.sent) | .sent + .more' "$LAB_DIR/stall"))) flows_of "$pid" >/dev/null
	is "$name: posted to the second" "$(flows_sum ".process.pid == $pid and .endpoint.port == 9601")" "$read"
	is "$name: posted to the first" "$(flows_sum ".process.pid == $pid and .endpoint.port == 9600")" \
		"$(jq 'select(.sent).sent' "$LAB_DIR/stall")"
}

lab_begin "${1:-build}"
need_programs setpriv
need_built lab/optmem lab/rewrite lab/flip lab/heir lab/share lab/send lab/stall lab/recv
lab_net_new
lab_config <<-END
	sinks:
	  - {type: file, path: $LAB_ALERTS, format: json}
END
optmem
rewritten
flipped
shared udp
shared tcp --tcp
bytewise
killed udp-sendto
killed tcp-write
blocked
reconnected "it returns first"
reconnected "another send returns first" --overtake
books_balanced "books are balanced"
stop_outflowd
lab_end
