#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# adopt.sh: what is older than the daemon is accounted for as if it had been seen to begin. A runner,
# its shell and a scanner, its sockets open, a datagram half written, threads running, are there
# before outflowd; what they send afterwards is posted to the byte, at the right far end, with roles,
# lineage and argv. So it is for a child with a smaller process id than its parent, and for what is
# forked at the very moment the daemon starts.
#
#	tests/live/adopt.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=300000
CORKED=16384 # what older.c adds to a datagram that is under way
PORT=7000    # older.c's first
# Role, lineage and name may differ only by how the chain begins.
CHAINS="scanner renamed low nobody"

config() {
	lab_config <<-END
		roles:
		  runner:
		    match: [{name: Runner.Worker}]
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - id: scanner-upload
		    when: {role: scanner, sent: {over: 32KiB, within: 10m, per: process}}
		    severity: high
		  - id: runner-upload
		    when: {role: runner, sent: {over: 32KiB, within: 10m, per: process}}
		    severity: low
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# scanner: Runner.Worker > entrypoint > trivy > helper; renamed: Runner.Worker > entrypoint > curl;
# low: a smaller process id below each; nobody: that without any role.
make_programs() {
	cp "$BASH" "$LAB_DIR/Runner.Worker"
	cp "$BASH" "$LAB_DIR/entrypoint"
	cp "$BASH" "$LAB_DIR/trivy"
	cp "$B/lab/older" "$LAB_DIR/helper"
	cp "$B/lab/older" "$LAB_DIR/curl"
	cp "$B/lab/lineage" "$LAB_DIR/below"
	cp "$B/lab/brood" "$LAB_DIR/brood"
	cat >"$LAB_DIR/runner.sh" <<-'END'
		echo $$ >"$1.top"
		./entrypoint ./step.sh "$@"
		exit 0
	END
	cat >"$LAB_DIR/step.sh" <<-'END'
		echo $$ >"$1.step"
		case $1 in
		scanner) ./trivy ./scan.sh "${@:2}" ;;
		renamed) ./curl "${@:2}" ;;
		low | nobody) ./below --mode low-pid -- ./below --mode low-pid -- ./curl "${@:2}" ;;
		brood) ./brood "${@:2}" ;;
		esac
		exit 0
	END
	cat >"$LAB_DIR/scan.sh" <<-'END'
		echo $$ >scanner.scan
		./helper "$@"
		exit 0
	END
}

# Holds stdin of a chain open as a descriptor, and starts it.
chain_start() { # NAME TOP ARGUMENT...
	local name=$1 top=$2 fd

	shift 2
	mkfifo "$LAB_DIR/$name.in"
	(cd "$LAB_DIR" && in_sender "./$top" ./runner.sh "$name" "$@") \
		<"$LAB_DIR/$name.in" >"$LAB_DIR/$name.out" 2>"$LAB_DIR/$name.err" &
	LAB_PIDS+=($!)
	CHAIN_PID[$name]=$!
	exec {fd}>"$LAB_DIR/$name.in"
	CHAIN_FD[$name]=$fd
	if ! wait_for 20 grep -q waiting "$LAB_DIR/$name.out"; then
		not_ok "$name: gets ready" "$(tail -n 1 "$LAB_DIR/$name.err")"
		lab_end
	fi
}

# Two children below each other's ids need room above the kernel's own threads.
pids_high() {
	local last=/proc/sys/kernel/ns_last_pid

	[ "$(cat $last)" -gt 5000 ] || echo 5000 >$last
}

# Lets it send, and waits for its end.
chain_go() { # NAME
	local fd=${CHAIN_FD[$1]}

	echo go >&"$fd"
	exec {fd}>&-
	wait "${CHAIN_PID[$1]}"
	lab_forget_pid "${CHAIN_PID[$1]}"
}

flow_of() { # PID PORT
	outflow flows --json | jq -c "select(.process.pid == $1 and .endpoint.port == $2)"
}

# Of the process, at this far end.
sent_at() { # PID PORT PROTO
	flows_sum ".process.pid == $1 and .endpoint.ip == \"$FAR4_C\" and .endpoint.port == $2
		and .endpoint.proto == \"$3\""
}

lineage_is() { # CHAIN: the pids as they must be, sets $expected
	local top step

	top=$(cat "$LAB_DIR/$1.top")
	step=$(cat "$LAB_DIR/$1.step")
	case $1 in
	scanner)
		expected="[\"Runner.Worker[$top]\",\"entrypoint[$step]\""
		expected+=",\"trivy[$(cat "$LAB_DIR/scanner.scan")]\",\"helper[$pid]\"]"
		;;
	renamed) expected="[\"Runner.Worker[$top]\",\"entrypoint[$step]\",\"curl[$pid]\"]" ;;
	low | nobody)
		expected="[\"$([ "$1" = low ] && echo Runner.Worker || echo plain)[$top]\""
		expected+=",\"entrypoint[$step]\",$(jq -r 'select(.mode).self' \
			"$LAB_DIR/$1.out" | sed 's/.*/"below[&]"/' | paste -sd ,),\"curl[$pid]\"]"
		;;
	esac
}

roles_are() { # CHAIN
	case $1 in
	scanner) echo '["runner","scanner"]' ;;
	nobody) echo '[]' ;;
	*) echo '["runner"]' ;;
	esac
}

check_chain() { # NAME
	local out pid sent way proto port=$PORT expected n f

	out=$(grep '"ways"' "$LAB_DIR/$1.out")
	if [ -z "$out" ]; then
		not_ok "$1: sends" "$(tail -n 1 "$LAB_DIR/$1.err")"
		lab_end
	fi
	pid=$(jq .pid <<<"$out")
	sent=$(jq .sent <<<"$out")
	is "$1: posted, to the byte" "$(flows_settle 10 "$sent" flows_of "$pid")" "$sent"
	is "$1: raw, at its far end, the first one too" "$(flows_sum ".process.pid == $pid and .endpoint.proto == \"253\"
		and .endpoint.ip == \"$FAR4_C\"")" $BYTES
	for way in tcp udp-connected udp-unconnected udp-corked tcp-thread udp-thread; do
		proto=${way%%-*}
		n=$BYTES
		[ $way != udp-corked ] || n=$CORKED
		is "$1: $way, at its far end" "$(sent_at "$pid" $port "$proto")" $n
		port=$((port + 1))
	done
	lineage_is "$1"
	n=$(jq length <<<"$expected")
	f=$(flow_of "$pid" $PORT)
	is "$1: lineage" "$(jq -c ".lineage[-$n:]" <<<"$f")" "$expected"
	is "$1: roles" "$(jq -c .roles <<<"$f")" "$(roles_are "$1")"
	is "$1: exe" "$(jq -r .process.exe <<<"$f")" \
		"$LAB_REAL_DIR/$([ "$1" = scanner ] && echo helper || echo curl)"
}

check_low_pids() { # NAME
	is "$1: each process id is below its parent's" "$(jq -s '[.[] | select(.mode)]
		| length == 2 and all(.child < .self)' "$LAB_DIR/$1.out")" true
}

alert_of() { # PID RULE
	jq -c "select(.type == \"alert\" and .process.pid == $1 and .rule == \"$2\")" "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # PID RULE
	[ -n "$(alert_of "$1" "$2")" ]
}

check_alert() {
	local pid a

	pid=$(jq 'select(.ways).pid' "$LAB_DIR/scanner.out")
	wait_for 10 alerted "$pid" scanner-upload
	a=$(alert_of "$pid" scanner-upload)
	is "alert: argv" "$(jq -c .process.argv <<<"$a")" \
		"[\"./helper\",\"--to\",\"$FAR4_C:$PORT-$((PORT + 9))\",\"--bytes\",\"$BYTES\"]"
	is "alert: inherited roles" "$(jq -c .roles <<<"$a")" '["runner","scanner"]'
	is "alert: whole argv" "$(jq -c .process.argv_truncated <<<"$a")" false
}

# What the kernel told when the first half was written is not to be had; the bytes are.
check_corked_unconnected() {
	local pid f

	pid=$(jq 'select(.ways).pid' "$LAB_DIR/renamed.out")
	f=$(outflow flows --json | jq -c "select(.process.pid == $pid and .endpoint.proto == \"udp\" and
		(.endpoint.port | . < $PORT or . > $((PORT + 5))))")
	is "corked, destination older than the daemon: bytes" "$(jq .bytes.sent <<<"$f")" $CORKED
	printf '  its far end is posted as %s\n' "$(jq -c .endpoint <<<"$f")"
}

# One jq over all of them: they are hundreds.
check_brood() {
	local out=$LAB_DIR/brood.out top step self sum
	local rows=$LAB_DIR/brood.rows

	self=$(jq 'select(.senders).pid' "$out")
	sum=$(jq 'select(.senders).sum' "$out")
	top=$(cat "$LAB_DIR/brood.top")
	step=$(cat "$LAB_DIR/brood.step")
	is "brood: all sent" "$(jq 'select(.senders).failed' "$out")" 0
	is "brood: posted, to the byte" "$(flows_settle 20 "$sum" \
		flows_sum ".lineage[-1] != null and (.process.name | IN(\"brood\", \"child\"))")" "$sum"
	outflow flows --json | jq -sc 'map({key: "\(.process.pid)", value: .}) | from_entries' \
		>"$LAB_DIR/flows.json"
	jq -c --slurpfile flows "$LAB_DIR/flows.json" \
		--argjson above "[\"Runner.Worker[$top]\",\"entrypoint[$step]\",\"brood[$self]\"]" '
		select(.kind) | . as $s | $flows[0]["\(.pid)"] as $f
		| {kind, pid, bytes: ($f.bytes.sent == .sent), roles: ($f.roles == ["runner"]),
			lineage: ([$f.lineage[]? | select(IN($above[]))] == $above
				and ($f.lineage[-1] | endswith("[\($s.pid)]"))
				and ($s.kind != "grandchild"
					or $f.lineage[-2] == "brood[\($s.parent)]")),
			adopted: $f.adopted, got: {l: $f.lineage, r: $f.roles, b: $f.bytes.sent}}' "$out" >"$rows"
	printf '  %s senders, forked from before until after the daemon came up\n' "$(wc -l <"$rows")"
	for what in bytes roles lineage; do
		is "brood: $what of each" "$(jq -s "[.[] | select(.$what | not)] | length" "$rows")" 0
		jq -c "select(.$what | not) | del(.adopted)" "$rows" | head -n 3 | sed 's/^/    /'
	done
}

declare -A CHAIN_PID CHAIN_FD
lab_begin "${1:-build}"
need_built lab/older lab/brood lab/lineage lab/recv
lab_net_new
# Datagrams too: one that nobody takes is refused, and the next send then fails.
far_start --tcp "$PORT-$((PORT + 9))" --udp "$PORT-$((PORT + 9))" --udp 9000
make_programs
cp "$LAB_DIR/brood" "$LAB_DIR/child"
cp "$BASH" "$LAB_DIR/plain"
config
pids_high
for name in $CHAINS; do
	top=Runner.Worker
	[ "$name" != nobody ] || top=plain
	chain_start "$name" $top --to "$FAR4_C:$PORT-$((PORT + 9))" --bytes $BYTES
done
chain_start brood Runner.Worker --to "$FAR4_C:9000" --exec ./child
start_outflowd "$LAB_CONFIG"
for name in $CHAINS brood; do
	chain_go "$name"
done
for name in $CHAINS; do
	check_chain "$name"
done
check_low_pids low
check_low_pids nobody
check_alert
check_corked_unconnected
check_brood
books_balanced "books are balanced"
far_stop
stop_outflowd
lab_end
