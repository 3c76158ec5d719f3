#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# hostile.sh: the daemon itself is attacked, and still every byte is posted and every alert arrives:
# a sender uses up its socket's memory, so that no storage can be kept there; a flood fills the ring
# while somebody else uploads; the daemon is killed; its sinks are down; there are two of it; it is
# told to end in the middle of it all.
#
#	tests/live/hostile.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

UPLOAD=1000000
FLOODERS=8

config() { # LIMITS [SINK...]
	local sink

	lab_config <<-END
		limits: {$1}
		roles:
		  scanner:
		    match: [{name: trivy}]
		rules:
		  - id: scanner-volume
		    when: {role: scanner, sent: {over: 512KiB, within: 10m, per: process}}
		    severity: high
		  - id: scanner-endpoint
		    when: {role: scanner, endpoint: {class: external}}
		    severity: low
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
	for sink in "${@:2}"; do
		echo "  - $sink" >>"$LAB_CONFIG"
	done
}

loss() { # NAME
	outflow status --json | jq ".loss.$1"
}

milliseconds() {
	local now=${EPOCHREALTIME/[.,]/}

	echo $((now / 1000))
}

alert_of() { # PID RULE
	jq -c "select(.type == \"alert\" and .process.pid == $1 and .rule == \"$2\")" "$LAB_ALERTS" 2>/dev/null
}

# Not by jq, which on a busy machine takes a good part of the time that an alert may take.
# shellcheck disable=SC2317 # wait_for calls it
alerted() { # PID RULE
	grep -F '"type":"alert"' "$LAB_ALERTS" 2>/dev/null | grep -F "\"rule\":\"$2\"" | grep -qF "\"pid\":$1,"
}

# ---- The attacks ----

optmem() {
	local out sent pid

	out=$(in_sender "$B/lab/optmem" --to "$FAR4_C:9100" --bytes 100000)
	sent=$(jq .sent <<<"$out")
	pid=$(jq .pid <<<"$out")
	printf '  %s bytes, each datagram with %s bytes of control data\n' "$sent" "$(jq .control <<<"$out")"
	is "option memory used up: posted, to the byte" "$(flows_settle 10 "$sent" \
		flows_with "{\"process\":{\"pid\":$pid," '"name":"optmem","exe"')" "$sent"
	is "option memory used up: at one far end" "$(outflow flows --json | grep -F '"name":"optmem"' |
		jq -c "select(.process.name == \"optmem\") | [.endpoint.ip, .endpoint.port]")" "[\"$FAR4_C\",9100]"
}

# churn and its children, which it would leave behind.
floods_end() {
	local p pids=()

	for p in $(ip netns pids "$SENDER_NET"); do
		[ "$(cat "/proc/$p/comm" 2>/dev/null)" != flood ] || pids+=("$p")
	done
	lab_end_pids "${pids[@]}"
}

# shellcheck disable=SC2317 # lab_prints calls it
loss_told() { # COUNTER
	jq -s --arg counter "$1" 'any(.[]; .type == "loss" and (.reason | contains($counter)))' "$LAB_ALERTS"
}

# shellcheck disable=SC2317 # wait_for calls it
flooded() { # COUNTER
	[ "$(loss "$1")" -gt 1000 ]
}

# Eight processes make new flows, as fast as they can, to so many far ends, until the upload is judged.
# COUNTER is what must run over: how much else is lost depends on how fast the machine is.
flood() { # NAME COUNTER FLOWS TARGETS JQ-OF-THE-ALERT EXPECTED
	local name=$1 counter=$2 fds pid out began took i n pids=()

	rm -f "$LAB_DIR/upload.in"
	mkfifo "$LAB_DIR/upload.in"
	in_sender "$LAB_DIR/trivy" --way tcp-write --bytes $UPLOAD --chunk 10000 --to "$FAR4_B:443" \
		--start-wait --hold <"$LAB_DIR/upload.in" >"$LAB_DIR/upload.out" 2>&1 &
	LAB_PIDS+=($!)
	exec {fds}>"$LAB_DIR/upload.in"
	wait_for 10 grep -q waiting "$LAB_DIR/upload.out"
	pid=$(jq 'select(.waiting).pid' "$LAB_DIR/upload.out")
	for ((i = 0; i < FLOODERS; i++)); do
		in_sender "$LAB_DIR/flood" --procs 1 --flows "$3" --udp --seed $i --bytes-max 200 \
			--to "$4" >"$LAB_DIR/flood.$i" 2>&1 &
		pids+=($!)
		LAB_PIDS+=($!)
	done
	wait_for 20 flooded "$counter"
	began=$(milliseconds)
	echo go >&"$fds"
	wait_for 10 alerted "$pid" scanner-volume
	took=$(($(milliseconds) - began))
	n=0
	for i in "${pids[@]}"; do
		lab_ended "$i" || n=$((n + 1))
	done
	wait_for 10 grep -q '"sent"' "$LAB_DIR/upload.out"
	is "$name: the upload goes out" "$(jq 'select(.sent).sent' "$LAB_DIR/upload.out")" $UPLOAD
	above_zero "$name: floods still going on" $n
	is "$name: alert within 2 s of the upload's begin ($took ms)" "$([ $took -le 2000 ] && echo yes)" yes
	out=$(alert_of "$pid" scanner-volume)
	is "$name: the alert's far end" "$(jq -c "$5" <<<"$out")" "$6"
	above_zero "$name: the alert says the loss" "$(jq ".loss.${name%% *}" <<<"$out")"
	is "$name: posted, to the byte" "$(flows_settle 2 $UPLOAD flows_of "$pid")" $UPLOAD
	floods_end
	exec {fds}>&-
	above_zero "$name: status says the loss" "$(loss "$counter")"
	books_balanced "$name: books are balanced"
	wait_for 10 lab_prints true loss_told "$counter"
	is "$name: a record tells of the loss" "$(loss_told "$counter")" true
}

# Nobody need be there: datagrams.
far_ends() { # N: addresses with all their ports
	seq -f '198.51.100.%g:1-65535' -s , 101 $((100 + $1))
}

floods() {
	# Enough accounts for all: only the ring is too small.
	config "ring: 4096, accounts: 1048576, tracked_accounts: 2097152"
	start_outflowd "$LAB_CONFIG"
	flood "ring full" ring 100000 "$(far_ends 2)" '[.endpoint.ip, .endpoint.port]' "[\"$FAR4_B\",443]"
	optmem
	stop_outflowd
	# Room for few. Whether a slot of the reserve is left for the upload depends on what else goes on;
	# if none is, the far end cannot be told, which must be said.
	config "ring: 4096, accounts: 64"
	: >"$LAB_ALERTS"
	start_outflowd "$LAB_CONFIG"
	flood "overflow of accounts" accounts_full 1000000 "$(far_ends 16)" \
		'[.endpoint.ip, .endpoint.class] | IN([null, "unknown"], ["'$FAR4_B'", "external"])' true
}

prog_ids() { # PID
	sed -n 's/^prog_id:\s*//p' "/proc/$1/fdinfo/"* 2>/dev/null | sort -u
}

# shellcheck disable=SC2317 # wait_for calls it
progs_gone() { # ID...
	local id

	for id in "$@"; do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}

upload() { # NAME: one upload that raises an alert
	local out pid

	out=$(in_sender "$LAB_DIR/trivy" --way tcp-write --bytes $UPLOAD --to "$FAR4_B:443")
	pid=$(jq .pid <<<"$out")
	is "$1: posted, to the byte" "$(flows_settle 10 $UPLOAD flows_of "$pid")" $UPLOAD
	if wait_for 10 alerted "$pid" scanner-volume; then
		ok "$1: alert"
	else
		not_ok "$1: alert" "none within 10 s"
	fi
}

killed() {
	local ids

	mapfile -t ids < <(prog_ids "$LAB_DAEMON")
	above_zero "killed: programs while it ran" "${#ids[@]}"
	kill_outflowd
	is "killed: its programs stay, pinned" "$(find "$LAB_PINS/live/progs" -type f | wc -l)" "${#ids[@]}"
	"$B/outflowd" --unload -c "$LAB_CONFIG" | sed 's/^/  /'
	if wait_for 10 progs_gone "${ids[@]}"; then
		ok "killed and unloaded: no program stays"
	else
		not_ok "killed and unloaded: no program stays" "${ids[*]}"
	fi
	is "killed and unloaded: no pin stays" "$(ls -d "$LAB_PINS" 2>/dev/null)" ""
	start_outflowd "$LAB_CONFIG"
	upload "after the kill"
}

ends_under_load() {
	local fds=() began took status

	in_sender "$LAB_DIR/flood" --procs 4 --flows 200000 --udp --to "$FAR4_C:1-60000" >/dev/null 2>&1 &
	fds+=($!)
	in_sender "$B/lab/send" --way tcp-write --bytes 1000000000000 --to "$FAR4_B:443" >/dev/null 2>&1 &
	fds+=($!)
	LAB_PIDS+=("${fds[@]}")
	wait_for 10 growing
	began=$(milliseconds)
	kill "$LAB_DAEMON"
	wait_for 10 lab_ended "$LAB_DAEMON"
	took=$(($(milliseconds) - began))
	wait "$LAB_DAEMON"
	status=$?
	lab_forget_pid "$LAB_DAEMON"
	LAB_DAEMON=
	is "SIGTERM under load: status" $status 0
	is "SIGTERM under load: within 2 s ($took ms)" "$([ $took -le 2000 ] && echo yes)" yes
	is "SIGTERM under load: no socket stays" "$(ls "$LAB_SOCK" 2>/dev/null)" ""
	is "SIGTERM under load: its last record" "$(jq -r .type "$LAB_ALERTS" | tail -n 1)" stop
	"$B/outflowd" --unload -c "$LAB_CONFIG" | sed 's/^/  /'
	floods_end
	lab_end_pids "${fds[@]}"
}

# shellcheck disable=SC2317 # wait_for calls it
growing() {
	[ "$(outflow ledger --json | jq .total)" -gt 100000000 ]
}

# The daemon holds a file there open.
# shellcheck disable=SC2317 # the trap calls it
clean() {
	lab_end_pids "${LAB_PIDS[@]}"
	! mountpoint -q "$LAB_DIR/full" || umount "$LAB_DIR/full"
	lab_clean
}

# ---- Sinks that are down, and two daemons ----

full_disk() {
	mkdir "$LAB_DIR/full"
	mount -t tmpfs -o size=8k none "$LAB_DIR/full" || return
	head -c 100000 /dev/zero >"$LAB_DIR/full/filler" 2>/dev/null
	: >"$LAB_DIR/full/alerts.jsonl"
}

sinks_down() {
	local i began took late=0 state n=30

	full_disk
	config "sink_queue: 4096" "{type: syslog, target: \"tcp://127.0.0.1:1\", format: rfc5424}" \
		"{type: syslog, target: \"unix:$LAB_DIR/absent.sock\"}" \
		"{type: file, path: $LAB_DIR/full/alerts.jsonl, format: json}"
	: >"$LAB_ALERTS"
	start_outflowd "$LAB_CONFIG"
	for ((i = 0; i < n; i++)); do
		pid=$(in_sender "$LAB_DIR/trivy" --way tcp-write --bytes 1000 --to "$FAR4_B:443" | jq .pid)
		began=$(milliseconds)
		wait_for 5 alerted "$pid" scanner-endpoint
		took=$(($(milliseconds) - began))
		[ $took -le 1000 ] || late=$((late + 1))
	done
	is "sinks down: the file has each alert" "$(jq -s '[.[] | select(.type == "alert")] | length' \
		"$LAB_ALERTS")" $n
	is "sinks down: each within a second" $late 0
	state=$(outflow status --json | jq -c '.sinks[]')
	jq -c . <<<"$state" | sed 's/^/  /'
	is "sinks down: one is up" "$(jq -s '[.[] | select(.up)] | length' <<<"$state")" 1
	is "sinks down: three say why" "$(jq -s '[.[] | select(.up | not) | select(.error != null)]
		| length' <<<"$state")" 3
	is "sinks down: three hold a queue" "$(jq -s '[.[] | select(.queued > 0)] | length' <<<"$state")" 3
	is "sinks down: three dropped what had no room" "$(jq -s '[.[] | select(.dropped > 0)] | length' \
		<<<"$state")" 3
	stop_outflowd
	umount "$LAB_DIR/full"
}

two_daemons() {
	local first=$LAB_SOCK second=$LAB_DIR/second.sock out pid other

	config ""
	start_outflowd "$LAB_CONFIG"
	sed "s|$LAB_SOCK|$second|; s|$LAB_PINS|$LAB_PINS-2|; s|$LAB_ALERTS|$LAB_DIR/second.jsonl|" "$LAB_CONFIG" >"$LAB_DIR/second.yaml"
	other=$LAB_DAEMON
	LAB_SOCK=$second start_outflowd "$LAB_DIR/second.yaml"
	out=$(in_sender "$LAB_DIR/trivy" --way udp-sendto --bytes $UPLOAD --to "$FAR4_B:443")
	pid=$(jq .pid <<<"$out")
	is "two at once: the first" "$(LAB_SOCK=$first flows_settle 10 $UPLOAD flows_of "$pid")" $UPLOAD
	is "two at once: the second" "$(LAB_SOCK=$second flows_settle 10 $UPLOAD flows_of "$pid")" $UPLOAD
	LAB_SOCK=$second stop_outflowd
	LAB_DAEMON=$other
	LAB_STARTED=$LAB_CONFIG
	upload "one of two ended"
	stop_outflowd
}

lab_begin "${1:-build}"
need_programs bpftool
need_built lab/send lab/churn lab/optmem lab/recv
lab_net_new
far_start --tcp 443
cp "$B/lab/send" "$LAB_DIR/trivy"
cp "$B/lab/churn" "$LAB_DIR/flood"
trap clean EXIT
floods
killed
ends_under_load
sinks_down
two_daemons
lab_end
