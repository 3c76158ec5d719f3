#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# scale.sh: much of everything, and still each byte on its own account: ten thousand children that
# live less than a millisecond, a hundred thousand far ends of one process, as many live sockets, a
# million flows, an upload amid a flood that fills tables and ring. Tables that are too small say so,
# and no memory is used beyond what the configured limits allow.
#
#	tests/live/scale.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

CHILDREN=10000
DESTS=100000
SOCKETS=16700	# of a process: the usual limit of descriptors is 20,000
FLOODERS=8
UPLOAD=1000000

# What a slot may take, in bytes: an upper bound of the structures' own sizes and what stands
# around them (hash element and bucket, list of free slots, allocator), and of all that has no limit.
KERNEL_ACCOUNT=320
KERNEL_EXECUTION=576
KERNEL_REST=$((27 << 20)) # environments, asks of deputies, names for the next daemon, programs
DAEMON_ACCOUNT=128	# of a slot of the kernel: mapped, and what was last told of it
DAEMON_EXECUTION=512
DAEMON_TRACKED_ACCOUNT=320
DAEMON_TRACKED_EXECUTION=2048	# with a short argv; a long one takes up to 4096 more
DAEMON_REST=$((16 << 20))

# The default limits, but for these. On a busy machine it may take a while to ask for a million flows:
# the dead are kept until then.
config() { # ACCOUNTS TRACKED-ACCOUNTS [EXECUTIONS [RING]]
	LIMIT_ACCOUNTS=$1
	LIMIT_TRACKED=$2
	LIMIT_EXECUTIONS=${3:-16384}
	: >"$LAB_ALERTS"
	lab_config <<-END
		limits: {accounts: $1, tracked_accounts: $2, executions: $LIMIT_EXECUTIONS, tracked_executions: 65536,
		  ring: ${4:-1MiB}, grace: 10m}
		roles:
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - id: scanner-volume
		    when: {role: scanner, sent: {over: 512KiB, within: 10m, per: process}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
	start_outflowd "$LAB_CONFIG"
}

at_most() { # NAME NUMBER LIMIT
	if [ "$2" -le "$3" ] 2>/dev/null; then
		ok "$1 ($2 of at most $3)"
	else
		not_ok "$1" "$2, expected at most $3"
	fi
}

loss() { # NAME
	outflow status --json | jq ".loss.$1"
}

# ---- The far end's own counts ----

# One counter for each port, or each address, of a range; the packets end there. A set of a fixed size:
# one that grows is listed with gaps.
far_count_each() { # ports|addresses N
	{
		echo 'table inet outflow_each'
		echo 'delete table inet outflow_each'
		echo 'table inet outflow_each {'
		echo ' counter sum { }'
		echo " set each { type $([ "$1" = ports ] && echo inet_service || echo ipv4_addr); counter; size 131072"
		echo '  elements = {'
		if [ "$1" = ports ]; then
			seq -s , 10000 $((10000 + $2 - 1))
		else
			awk -v n="$2" 'BEGIN { for (i = 1; i <= n; i++)
				printf "%s198.%d.%d.%d", (i > 1 ? "," : ""), 18 + int(i / 65536), int(i / 256) % 256, i % 256 }'
		fi
		echo '  }'
		echo ' }'
		echo ' chain in { type filter hook prerouting priority -500'
		echo "  ip daddr 198.18.0.0/15 meta l4proto udp counter name sum \
			$([ "$1" = ports ] && echo udp dport || echo ip daddr) @each drop"
		echo '  ip daddr 198.18.0.0/15 drop'
		echo ' }'
		echo '}'
	} | in_far nft -f -
}

# "KEY PAYLOAD" of each that got something, sorted. 28 bytes of each packet are headers.
far_counted_each() {
	in_far nft -j list set inet outflow_each each |
		jq -r '.nftables[].set.elem // empty | .[].elem | select(.counter.packets > 0)
			| "\(.val) \(.counter.bytes - .counter.packets * 28)"' | sort
}

far_counted_sum() {
	in_far nft -j list counter inet outflow_each sum |
		jq '.nftables[].counter // empty | .bytes - .packets * 28'
}

same_files() { # NAME GOT EXPECTED
	if [ -s "$3" ] && cmp -s "$2" "$3"; then
		ok "$1 ($(wc -l <"$3") lines)"
	else
		not_ok "$1" "$(diff "$2" "$3" | grep -c '^[<>]') lines differ, first: $(diff "$2" "$3" | sed -n 2p)"
	fi
}

# ---- What outflow says ----

# Of the probes' maps and programs, as the kernel counts it.
kernel_bytes() {
	sed -n 's/^memlock:\s*//p' "/proc/$LAB_DAEMON/fdinfo/"* 2>/dev/null | paste -sd + | bc
}

daemon_bytes() {
	awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$LAB_DAEMON/status"
}

memory() { # NAME
	at_most "$1: kernel memory" "$(kernel_bytes)" $((KERNEL_ACCOUNT * LIMIT_ACCOUNTS +
		KERNEL_EXECUTION * LIMIT_EXECUTIONS + (1 << 20) + KERNEL_REST))
	at_most "$1: the daemon's memory" "$(daemon_bytes)" $((DAEMON_ACCOUNT * LIMIT_ACCOUNTS +
		DAEMON_EXECUTION * LIMIT_EXECUTIONS + DAEMON_TRACKED_ACCOUNT * LIMIT_TRACKED +
		DAEMON_TRACKED_EXECUTION * 65536 + DAEMON_REST))
}

overflow_said() { # NAME
	above_zero "$1: the ledger shows the overflow" "$(outflow ledger --json | jq .overflow)"
	above_zero "$1: status says it" "$(loss accounts_full)"
	wait_for 5 loss_record accounts_full
	is "$1: a record says it" "$(loss_record accounts_full && echo yes)" yes
}

# Of ours: others on this machine may fill the table for themselves.
no_overflow() { # NAME
	is "$1: no overflow" "$(sum_of_name fan '"overflow":true')" 0
}

loss_record() { # NAME
	jq -e -s "any(.[]; .type == \"loss\" and (.reason | contains(\"$1\")))" "$LAB_ALERTS" >/dev/null
}

# Of the flows of a program, with a text in their lines.
# shellcheck disable=SC2317 # flows_settle calls it
sum_of_name() { # NAME [TEXT]
	flows_with '{"process":{' "\"name\":\"$1\",\"exe\"" "${@:2}"
}

# ---- The tests ----

mayflies() {
	local out name="children of a millisecond"

	# Two executions each, and some seconds until the slot of one that is over is free again.
	config 65536 131072 65536
	far_count_each ports $CHILDREN
	out=$(in_sender "$B/lab/mayfly" --to 198.18.0.1:10000-$((10000 + CHILDREN - 1)) --children $CHILDREN \
		--pids "$LAB_DIR/pids")
	printf '  %s\n' "$out"
	is "$name: all sent" "$(jq -c '[.children, .failed, .sent]' <<<"$out")" "[$CHILDREN,0,$((CHILDREN * 100))]"
	if [ "$(jq .life_us.median <<<"$out")" -gt 1000 ]; then
		skip "$name: most lived for less" "this machine is busy: the median lived $(jq .life_us.median <<<"$out") us"
	fi
	is "$name: posted, to the byte" "$(flows_settle 10 $((CHILDREN * 100)) sum_of_name mayfly-child)" $((CHILDREN * 100))
	outflow flows --json | jq -r 'select(.process.name == "mayfly-child" and .bytes.sent > 0)
		| "\(.process.pid) \(.endpoint.port) \(.bytes.sent)"' | sort >"$LAB_DIR/posted"
	sed 's/$/ 100/' "$LAB_DIR/pids" | sort >"$LAB_DIR/told"
	same_files "$name: each byte on its own child" "$LAB_DIR/posted" "$LAB_DIR/told"
	far_counted_each >"$LAB_DIR/far"
	cut -d ' ' -f 2- "$LAB_DIR/posted" | sort >"$LAB_DIR/posted.port"
	same_files "$name: as the far end counted" "$LAB_DIR/posted.port" "$LAB_DIR/far"
	# Each was forked and ran a program: two executions, of which the second sent.
	is "$name: executions seen" "$(outflow ps --json --all | jq -s '[.[] | select(.process.name == "mayfly-child"
		and .sent == 100)] | [length, (map(.process.exec_id) | unique | length)]' -c)" "[$CHILDREN,$CHILDREN]"
	is "$name: nothing lost" "$(outflow status --json | jq '[.loss | .executions_full, .task_storage, .tracking] | add')" 0
	books_balanced "$name: books are balanced"
	memory "$name"
	stop_outflowd
}

destinations() {
	local out name="$DESTS far ends"

	config 131072 262144
	far_count_each addresses $DESTS
	out=$(in_sender "$B/lab/fan" --to 198.18.0.1:9000 --addrs $DESTS)
	printf '  %s\n' "$out"
	is "$name: all sent" "$(jq -c '[.sends, .failed, .sent]' <<<"$out")" "[$DESTS,0,$((DESTS * 100))]"
	is "$name: posted, to the byte" "$(flows_settle 10 $((DESTS * 100)) flows_of "$(jq '.procs[0].pid' <<<"$out")")" \
		$((DESTS * 100))
	outflow flows --json | jq -r "select(.process.pid == $(jq '.procs[0].pid' <<<"$out"))
		| \"\(.endpoint.ip) \(.bytes.sent)\"" | sort >"$LAB_DIR/posted"
	far_counted_each >"$LAB_DIR/far"
	is "$name: the far end counted as much" "$(far_counted_sum)" $((DESTS * 100))
	same_files "$name: each as the far end counted" "$LAB_DIR/posted" "$LAB_DIR/far"
	no_overflow "$name"
	books_balanced "$name: books are balanced"
	memory "$name"
	stop_outflowd
}

# Ten processes, each with the same far ends. With a table for all of them, and with the default one.
million() { # NAME ACCOUNTS TRACKED
	local name=$1 out sent before

	config "$2" "$3"
	printf '  before: kernel %s, daemon %s bytes\n' "$(kernel_bytes)" "$(daemon_bytes)"
	far_count_each addresses 1
	before=$(outflow ledger --json | jq .total)
	out=$(in_sender "$B/lab/fan" --to 198.18.0.1:9000 --addrs $DESTS --procs 10)
	sent=$(jq .sent <<<"$out")
	printf '  %s sends in %s ms\n' "$(jq .sends <<<"$out")" "$(jq .ms <<<"$out")"
	is "$name: all sent" "$(jq -c '[.sends, .failed]' <<<"$out")" "[$((10 * DESTS)),0]"
	is "$name: the far end counted as much" "$(far_counted_sum)" "$sent"
	books_balanced "$name: books are balanced"
	out=$(outflow ledger --json)
	printf '  %s\n' "$(jq -c 'del(.local, .interfaces)' <<<"$out")"
	# Others on this machine may send meanwhile.
	is "$name: the machine's total has it all" "$([ $(($(jq .total <<<"$out") - before)) -ge "$sent" ] && echo yes)" yes
	is "$name: posted to the senders, to the byte" "$(flows_settle 10 "$sent" sum_of_name fan)" "$sent"
	if [ "$2" -ge $((10 * DESTS)) ]; then
		no_overflow "$name"
	else
		overflow_said "$name"
	fi
	memory "$name"
	printf '  after: kernel %s, daemon %s bytes\n' "$(kernel_bytes)" "$(daemon_bytes)"
	stop_outflowd
}

sockstat() { # TCP|UDP
	in_sender cat /proc/net/sockstat | sed -n "s/^$1: inuse \([0-9]*\).*/\1/p"
}

# Starts a process with so many sockets, which it holds until its stdin ends.
sockets_open() { # INDEX ARGUMENT...
	local i=$1

	shift
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/fan" --from 198.51.100.$((10 + i)):1 --dests $SOCKETS --rounds 2 \
		--hold "$@" <&"$gate" >"$LAB_DIR/sockets.$i" 2>&1 &
	LAB_PIDS+=($!)
}

# shellcheck disable=SC2317 # wait_for calls it
sockets_said() {
	[ "$(cat "$LAB_DIR"/sockets.* | wc -l)" -eq 6 ]
}

sockets() {
	local i gate name="$((6 * SOCKETS)) live sockets" all=$((SOCKETS * 2 * 100)) far=() received=0

	config 65536 131072
	far_count_each addresses 1
	mkfifo "$LAB_DIR/gate"
	exec {gate}<>"$LAB_DIR/gate"
	for i in 0 1 2; do
		: >"$LAB_DIR/recv.$i"
		nsenter --net="/run/netns/$FAR_NET" "$B/lab/recv" --tcp $((9000 + i)) >"$LAB_DIR/recv.$i" &
		far+=($!)
		LAB_PIDS+=($!)
		wait_for 5 grep -q ready "$LAB_DIR/recv.$i"
		in_sender ip addr add 198.51.100.$((10 + i))/24 dev wire
		in_sender ip addr add 198.51.100.$((13 + i))/24 dev wire
		sockets_open $i --tcp --to "$FAR4:$((9000 + i))"
		sockets_open $((3 + i)) --udp --to 198.18.0.1:$((9000 + i)) --addrs $SOCKETS
	done
	wait_for 120 sockets_said
	printf '  alive: TCP %s, UDP %s\n' "$(sockstat TCP)" "$(sockstat UDP)"
	is "$name: alive at once" "$([ $(($(sockstat TCP) + $(sockstat UDP))) -ge $((6 * SOCKETS)) ] && echo yes)" yes
	is "$name: all sent" "$(jq -s -c '[([.[].sockets] | add), ([.[].failed] | add), ([.[].sent] | add)]' \
		"$LAB_DIR"/sockets.*)" "[$((6 * SOCKETS)),0,$((6 * all))]"
	flows_settle 10 $((6 * all)) sum_of_name fan >/dev/null
	outflow flows --json | jq -s -c '[.[] | select(.process.name == "fan" and .bytes.sent > 0)] | group_by(.process.pid)[]
		| [.[0].process.pid, (map(.bytes.sent) | add)]' | sort >"$LAB_DIR/posted"
	jq -c '.procs[] | [.pid, .sent]' "$LAB_DIR"/sockets.* | sort >"$LAB_DIR/told"
	same_files "$name: each process's, to the byte" "$LAB_DIR/posted" "$LAB_DIR/told"
	no_overflow "$name"
	books_balanced "$name: books are balanced"
	memory "$name"
	for ((i = 0; i < 6; i++)); do
		echo >&"$gate"
	done
	exec {gate}>&-
	lab_end_pids "${far[@]}"
	for i in 0 1 2; do
		received=$((received + $(jq -n '[inputs | select(.proto? == "tcp").received] | add // 0' "$LAB_DIR/recv.$i")))
	done
	is "$name: the far end read what went by TCP" $received $((3 * all))
	is "$name: the far end counted what went by UDP" "$(far_counted_sum)" $((3 * all))
	stop_outflowd
}

# shellcheck disable=SC2317 # wait_for calls it
lost() { # NAME
	[ "$(loss "$1")" -gt 0 ]
}

# Eight processes make new flows as fast as they can, the ninth uploads and must be told of: its
# bytes, where they went, and that much else was lost.
flood() { # NAME ACCOUNTS TRACKED LOSS FAR-ENDS RING
	local name=$1 out pid posted flooding

	config "$2" "$3" 16384 "$6"
	far_count_each addresses 1
	nsenter --net="/run/netns/$SENDER_NET" "$B/lab/fan" --to 198.18.0.1:1-60000 --addrs 131000 --procs $FLOODERS \
		--dests "$5" --rounds 1000 >"$LAB_DIR/flood" 2>&1 &
	flooding=$!
	LAB_PIDS+=($!)
	wait_for 20 lost "$4" || not_ok "$name" "20 s of it, and nothing was lost"
	out=$(in_sender "$LAB_DIR/trivy" --to "$FAR4_B:443" --bytes $UPLOAD --alerts "$LAB_ALERTS" --rule scanner-volume)
	is "$name: still going on" "$(lab_ended $flooding || echo yes)" yes
	# shellcheck disable=SC2046 # its children, too
	lab_end_pids $flooding $(pgrep -P $flooding)
	printf '  %s\n  %s\n' "$out" "$(outflow status --json | jq -c '{tables, tracked, loss}')"
	pid=$(jq .pid <<<"$out")
	is "$name: the upload goes out" "$(jq .sent <<<"$out")" $UPLOAD
	is "$name: the alert comes" "$(jq .alerted <<<"$out")" true
	at_most "$name: ms from the first byte to the alert" "$(jq '.from_first_ms | ceil' <<<"$out")" 2000
	is "$name: posted, to the byte" "$(flows_settle 10 $UPLOAD flows_of "$pid")" $UPLOAD
	posted=$(jq -c "select(.type == \"alert\" and .process.pid == $pid)" "$LAB_ALERTS")
	is "$name: the alert's far end" "$(jq -c '[.endpoint.ip, .endpoint.port]' <<<"$posted")" "[\"$FAR4_B\",443]"
	is "$name: the alert's process" "$(jq -r '.process.exe' <<<"$posted")" "$LAB_REAL_DIR/trivy"
	above_zero "$name: the alert says a loss" "$(jq '.loss.ring + .loss.overflow' <<<"$posted")"
	above_zero "$name: status says the loss" "$(loss "$4")"
	wait_for 5 loss_record "$4"
	is "$name: a record says the loss" "$(loss_record "$4" && echo yes)" yes
	books_balanced "$name: books are balanced"
	memory "$name"
	stop_outflowd
}

lab_begin "${1:-build}"
need_programs bc
need_built lab/mayfly lab/fan lab/upload lab/recv
lab_net_new
far_start --tcp 443
cp "$B/lab/upload" "$LAB_DIR/trivy"
mayflies
destinations
sockets
million "a million flows, room for all" 1048576 2097152
million "a million flows, default limits" 65536 131072
# The daemon empties a ring of the default size faster than eight senders fill it.
flood "ring full" 1048576 2097152 ring 115000 64KiB
flood "table full" 65536 131072 accounts_full 8000000 1MiB
lab_end
