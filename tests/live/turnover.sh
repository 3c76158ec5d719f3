#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# turnover.sh: a runner under which processes come and go, 50,000 a minute: each is forked, executes a
# file and sends one datagram. No lineage is lost and no execution left unresolved, no table goes over
# its limit, and the daemon's memory is flat after the first third. Rules know the role's bytes: one
# holds when all have come, one when more have.
#
#	tests/live/turnover.sh [BUILD]
#
# TURNOVER_SECONDS  how long, when the machine keeps up (20); a third is to be longer than the grace
# TURNOVER_RATE     processes a minute (50000)

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

SECONDS_ALL=${TURNOVER_SECONDS:-20}
RATE=${TURNOVER_RATE:-50000}
HALF=$(((RATE + 119) / 120)) # of one second of one of two runners: one alone does not come to this rate
TOTAL=$((HALF * 2 * SECONDS_ALL))
BYTES=100 # of each
# What an allocator may do while the tables fill, some seconds long. A leak of 100 bytes a process is more
# than that in a run of a minute and a half (make turnover), and not in a short one.
RSS_GROWTH_KIB=4096

config() {
	lab_config <<-END
		limits: {grace: 5s}
		roles:
		  runner:
		    match: [{exe: "$LAB_REAL_DIR/Runner.Worker"}]
		rules:
		  - id: all
		    when: {role: runner, sent: {over: $((TOTAL * BYTES - 1)), within: 30m, per: role}}
		  - id: more
		    when: {role: runner, sent: {over: $((TOTAL * BYTES)), within: 30m, per: role}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

rss_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/$LAB_DAEMON/status"
}

# Each second as many as a second has; what the machine cannot keep up with is said by how long it
# took.
make_runner() {
	cp "$BASH" "$LAB_DIR/Runner.Worker"
	cat >"$LAB_DIR/runner.sh" <<-'END'
		begin=$EPOCHREALTIME
		for ((i = 0; i < SECONDS_ALL; i++)); do
			"$MAYFLY" --to "$TO:10000-$((9999 + HALF))" --children "$HALF" >>mayfly.1 &
			"$MAYFLY" --to "$TO:20000-$((19999 + HALF))" --children "$HALF" >>mayfly.2 || exit 1
			wait $! || exit 1
			echo "$i" >second
			now=$EPOCHREALTIME
			left=$(((i + 1) * 1000000 - (${now/./} - ${begin/./})))
			((left <= 0)) || read -rt "$(printf '%d.%06d' $((left / 1000000)) $((left % 1000000)))" <>"$WAIT" || :
		done
		now=$EPOCHREALTIME
		echo $(((${now/./} - ${begin/./}) / 1000)) >took
	END
	mkfifo "$LAB_DIR/wait"
}

# shellcheck disable=SC2317 # wait_for calls it
past() { # SECOND
	[ "$(($(cat "$LAB_DIR/second" 2>/dev/null)))" -ge "$1" ]
}

status_of() { # JQ
	outflow status --json | jq "$1"
}

tables_within() {
	outflow status --json | jq -c '[.. | objects | select(has("used") and has("max")) | select(.used > .max)]'
}

lab_begin "${1:-build}"
need_built lab/mayfly lab/recv
lab_net_new
far_start --udp 10000
make_runner
config
start_outflowd "$LAB_CONFIG"
(cd "$LAB_DIR" && MAYFLY=$B/lab/mayfly TO=$FAR4 HALF=$HALF SECONDS_ALL=$SECONDS_ALL WAIT=$LAB_DIR/wait \
	in_sender ./Runner.Worker ./runner.sh) >"$LAB_DIR/runner.out" 2>&1 </dev/null &
runner=$!
LAB_PIDS+=("$runner")
wait_for $((SECONDS_ALL * 15)) past $((SECONDS_ALL / 3)) || not_ok "a third of it" "$(tail -n 1 "$LAB_DIR/runner.out")"
rss_first=$(rss_kib)
wait_for $((SECONDS_ALL * 20)) past $((SECONDS_ALL - 1)) || not_ok "all of it" "$(tail -n 1 "$LAB_DIR/runner.out")"
wait "$runner"
took=$(cat "$LAB_DIR/took")
lab_forget_pid "$runner"
rss_last=$(rss_kib)
echo "# $TOTAL processes in $took ms, $((TOTAL * 60000 / took)) a minute; RSS $rss_first KiB after a third, $rss_last KiB at the end"
is "all of them sent" "$(jq -s 'map(.sent) | add' "$LAB_DIR"/mayfly.[12])" $((TOTAL * BYTES))
wait_for 10 grep -q '"rule":"all"' "$LAB_ALERTS"
is "the role has all bytes, and no more" "$(jq -r 'select(.type == "alert").rule' "$LAB_ALERTS" | sort | tr '\n' ' ')" "all "
is "no execution is unresolved" "$(status_of '.tracked.unresolved')" 0
is "nobody without the role" "$(outflow flows --json |
	jq -s '[.[] | select(.process.name == "mayfly-child" and (.roles | index("runner") == null))] | length')" 0
is "nobody without the runner in the lineage" "$(outflow flows --json |
	jq -s '[.[] | select(.process.name == "mayfly-child" and ([.lineage[] | startswith("Runner.Worker[")] | any | not))] | length')" 0
is "no table over its limit" "$(tables_within)" '[]'
is "nothing of executions is lost" "$(outflow ledger --json |
	jq -c '.loss | [.executions_full, .task_storage, .tracking] | map(. // 0)')" '[0,0,0]'
is "memory is flat" "$((rss_last - rss_first < RSS_GROWTH_KIB))" 1
books_balanced "books are balanced"
far_stop
stop_outflowd
lab_end
