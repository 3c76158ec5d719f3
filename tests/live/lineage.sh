#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lineage.sh: whatever starts the sender, the runner it descends from is named. A runner starts a
# shell, the shell a program that forks twice with setsid; all of them end; then the orphan execs a
# renamed binary that lies about its argv[0] and sends. The flow still has the role `runner` and the
# whole lineage, by names and pids in order; so has the alert. Then the other ways of starting a
# program: vfork, a thread that execs, a file without a name, CLONE_PARENT.
#
#	tests/live/lineage.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=300000

# Copies, so that the names are what the test says, not what a symbolic link leads to.
make_programs() {
	cp "$BASH" "$LAB_DIR/Runner.Worker"
	cp "$BASH" "$LAB_DIR/entrypoint"
	cp "$B/lab/lineage" "$LAB_DIR/tidy-up"
	cp "$B/lab/send" "$LAB_DIR/renamed"
	cat >"$LAB_DIR/runner.sh" <<-'END'
		echo $$ >runner.pid
		./entrypoint ./step.sh "$@"
		exit 0
	END
	cat >"$LAB_DIR/step.sh" <<-'END'
		echo $$ >step.pid
		gone=()
		[ "$1" != detach ] || gone=(--gone "$(cat runner.pid)" --gone $$)
		./tidy-up --mode "$1" --as '[kworker/u8:2]' "${gone[@]}" -- ./renamed "${@:2}"
		exit 0
	END
}

config() {
	lab_config <<-END
		roles:
		  runner:
		    match: [{name: Runner.Worker}]
		rules:
		  - id: runner-upload
		    when: {role: runner, sent: {over: 32KiB, within: 10m, per: endpoint}}
		    severity: high
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# Runs the chain with a mode; its output is then in $OUT, the pids in runner, step, self and pid.
run_chain() { # MODE
	OUT=$LAB_DIR/$1.out
	(cd "$LAB_DIR" && in_sender ./Runner.Worker ./runner.sh "$1" \
		--way tcp-write --to "$FAR4_C:443" --bytes $BYTES) >"$OUT" 2>&1 </dev/null
	if ! wait_for 20 grep -q '"sent"' "$OUT"; then
		not_ok "$1: the sender sends" "$(tail -n 1 "$OUT")"
		return 1
	fi
	runner=$(cat "$LAB_DIR/runner.pid")
	step=$(cat "$LAB_DIR/step.pid")
	self=$(jq -r 'select(.mode).self // empty' "$OUT")
	middle=$(jq -r 'select(.mode).middle // empty' "$OUT")
	pid=$(jq -r 'select(.way).pid' "$OUT")
	is "$1: sent" "$(jq 'select(.way).sent' "$OUT")" $BYTES
	is "$1: posted to the sender" "$(flows_settle 10 $BYTES flows_of "$pid")" $BYTES
}

flow() { # PID
	outflow flows --json | jq -c "select(.process.pid == $1)"
}

# The pids from the sender up to the runner, as the executions' numbers lead; one that executed
# something is one.
pids_up() { # FLOW
	outflow ps --json --all | jq -sc --argjson id "$(jq .process.exec_id <<<"$1")" --argjson top "$runner" '
		(map(.process) | INDEX(.exec_id)) as $known
		| [$known["\($id)"] | recurse($known["\(.parent)"] // empty) | .pid]
		| reduce .[] as $p ([]; if .[-1] == $p or .[-1] == $top then . else . + [$p] end)'
}

has_runner() {
	jq -c '.roles | index("runner") != null'
}

alert_of() { # PID
	jq -c "select(.type == \"alert\" and .process.pid == $1)" "$LAB_ALERTS" 2>/dev/null
}

# shellcheck disable=SC2317 # wait_for calls it
alerted() { # PID
	[ -n "$(alert_of "$1")" ]
}

check_orphan() {
	local f chain id

	run_chain detach || return
	chain="[\"Runner.Worker[$runner]\",\"entrypoint[$step]\",\"tidy-up[$self]\""
	chain+=",\"tidy-up[$middle]\",\"renamed[$pid]\"]"
	f=$(flow "$pid")
	is "orphan: role" "$(has_runner <<<"$f")" true
	is "orphan: name" "$(jq -r .process.name <<<"$f")" renamed
	is "orphan: exe" "$(jq -r .process.exe <<<"$f")" "$LAB_REAL_DIR/renamed"
	is "orphan: far end" "$(jq -r '"\(.endpoint.ip):\(.endpoint.port)"' <<<"$f")" "$FAR4_C:443"
	is "orphan: lineage" "$(jq -c '.lineage[-5:]' <<<"$f")" "$chain"
	is "orphan: lineage by exec_id" "$(pids_up "$f")" "[$pid,$middle,$self,$step,$runner]"
	id=$(jq .process.exec_id <<<"$f")
	if ! wait_for 10 alerted "$pid"; then
		not_ok "orphan: alert" "none within 10 s"
		return
	fi
	f=$(alert_of "$pid" | head -n 1)
	is "orphan: alert's role" "$(has_runner <<<"$f")" true
	is "orphan: alert's exec_id" "$(jq .process.exec_id <<<"$f")" "$id"
	is "orphan: alert's lineage" "$(jq -c '.lineage[-5:]' <<<"$f")" "$chain"
}

# Runner, shell and, where it lives on beside its child, the starter: in this order, the sender last.
check_mode() { # MODE
	local f names

	run_chain "$1" || return
	names="[\"Runner.Worker[$runner]\",\"entrypoint[$step]\""
	[ -z "$self" ] || names+=",\"tidy-up[$self]\""
	names+="]"
	f=$(flow "$pid")
	is "$1: role" "$(has_runner <<<"$f")" true
	is "$1: lineage" "$(jq -c --argjson n "$names" \
		'[.lineage[] | select(IN($n[]))]' <<<"$f")" "$names"
	is "$1: lineage by exec_id" "$(pids_up "$f")" "[$pid,${self:+$self,}$step,$runner]"
	is "$1: the sender is last" "$(jq -c '.lineage[-1] | endswith("['"$pid"']")' <<<"$f")" true
}

lab_begin "${1:-build}"
need_built lab/send lab/recv lab/lineage
lab_net_new
far_start --tcp 443
make_programs
config
start_outflowd "$LAB_CONFIG"
check_orphan
for mode in exec fork vfork thread memfd deleted clone-parent; do
	check_mode $mode
done
far_stop
is "the far end read all" "$(far_received tcp)" $((8 * BYTES))
stop_outflowd
lab_end
