#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# tricks.sh: by each way of tests/lab/who.c to come to send bytes are sent twice: by what a watched
# runner started, and by what somebody started who is not watched. What the sender knows of itself must
# be what outflow says: bytes, process, role, the whole lineage; and the executions must be told apart,
# which their numbers show: one for each, found again under it, and its ancestors under theirs.
#
# Elsewhere: vfork, CLONE_PARENT, a thread that execs, an orphan that renames itself: lineage.sh;
# thousands of children of less than a millisecond: scale.sh, turnover.sh; numbers used again:
# pidreuse.sh; capabilities, cgroup, overlay: who.sh; containers: container.sh; deputies: via.sh;
# sockets that several share: evasion.sh.
#
#	tests/live/tricks.sh [BUILD] [WAY...]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

BYTES=100000
WAYS=(fork fork-both vfork vfork-exec detach subreaper orphan clone-parent pid-reuse scm-rights
	pidfd-getfd threads thread-alone ring-inherited exec-between renamed argv0 memfd deleted ptrace
	ptrace-other setuid pid-namespace net-namespace net-borrowed user-namespace container
	container-socket)
SIDES=(Runner.Worker janitor)

config() {
	lab_config <<-END
		limits: {grace: 30m}
		roles:
		  runner:
		    match: [{name: Runner.Worker}]
		rules:
		  - id: runner-sent
		    when: {role: runner, sent: {over: $((BYTES / 2 - 1)), within: 30m, per: endpoint}}
		sinks:
		  - {type: file, path: $LAB_ALERTS, format: json}
	END
}

# The port is the way's and the side's.
make_sides() {
	local side

	for side in "${SIDES[@]}"; do
		cp "$BASH" "$LAB_DIR/$side"
	done
	cat >"$LAB_DIR/script.sh" <<-'END'
		LAB_ROOT=$$
		export LAB_ROOT
		port=$1
		shift
		for way; do
			"$LAB_BUILD/lab/who" --way "$way" --to "$LAB_TO:$port" --bytes "$LAB_BYTES" \
				--alarm 60 >"$LAB_OUT/$way.said" 2>"$LAB_OUT/$way.err" || echo "$way $?"
			port=$((port + 1))
		done
		exit 0
	END
}

side_run() { # SIDE PORT
	mkdir -p "$LAB_DIR/$1.out"
	in_sender env LAB_BUILD="$B" LAB_TO="$FAR4_C" LAB_BYTES=$BYTES LAB_OUT="$LAB_DIR/$1.out" \
		"$LAB_DIR/$1" "$LAB_DIR/script.sh" "$2" "${WAYS[@]}" >"$LAB_DIR/$1.status" </dev/null
}

# ---- The judgement ----

# Every line that was said, with its side and port: {"way":.. comes first in each.
claims() {
	local side port i line

	port=$PORT
	for side in "${SIDES[@]}"; do
		for i in "${!WAYS[@]}"; do
			while read -r line; do
				echo "{\"side\":\"$side\",\"port\":$((port + i)),${line#\{}"
			done <"$LAB_DIR/$side.out/${WAYS[i]}.said"
		done
		port=$((port + 100))
	done
}

# shellcheck disable=SC2317 # wait_for calls it
all_posted() {
	outflow flows --json | jq -c "select(.endpoint.port >= $PORT and .bytes.sent > 0)" >"$LAB_DIR/flows" &&
		[ "$(jq -s 'map(.bytes.sent) | add' "$LAB_DIR/flows")" = \
			"$(jq -s 'map(.sent // 0) | add' "$LAB_DIR/claims")" ]
}

# For each way and side one object: what is right, and what was got. What is older than the daemon has
# its numbers in no order.
# shellcheck disable=SC2317 # all_right calls it
judge() {
	jq -nc --slurpfile claims "$LAB_DIR/claims" --slurpfile flows "$LAB_DIR/flows" \
		--slurpfile ps "$LAB_DIR/ps" --slurpfile alerts "$LAB_ALERTS" '
		def word: "\(.name)[\(.pid)]";
		# Neighbours of the same process are one.
		def processes: reduce .[] as $p ([]; if .[-1] == $p then . else . + [$p] end);
		($ps | INDEX(.process.exec_id)) as $known
		| def up: recurse($known["\(.process.parent)"] // empty);
		[$alerts[] | select(.type == "alert")] as $alerts
		| [$claims[] | select(.skip == null)] | group_by([.side, .port])[] | . as $said
		| .[0].side as $side | .[0].port as $port
		| [$flows[] | select(.endpoint.port == $port)] as $all
		| [$said[] | . as $c | {claim: $c, flows: [$all[] | select(.process.pid == $c.pid
			and .process.name == $c.name)]}] as $pairs
		| [$pairs[] | select(.flows | length == 1) | .flow = .flows[0]
			| .chain = [$known["\(.flow.process.exec_id)"] // empty | up.process]] as $found
		| {
			side: $side, way: $said[0].way,
			bytes: (($found | length) == ($said | length) and ($all | length) == ($said | length)
				and all($found[]; .flow.bytes.sent == .claim.sent)),
			role: all($found[]; .flow.roles == if $side == "janitor" then [] else ["runner"] end),
			lineage: all($found[]; (.claim.lineage | length) as $n | .flow.lineage[-$n:] == .claim.lineage
				and (.claim.lineage[0] | startswith($side + "["))
				and ([.flow.lineage[] | startswith("Runner.Worker[")] | any) == ($side == "Runner.Worker")),
			exec_id: (($found | map(.flow.process.exec_id) | unique | length) == ($found | length)
				and all($found[]; (.claim.lineage | map(capture("\\[(?<p>[0-9]+)\\]$").p | tonumber)
						| processes) as $want
					| (.chain | map(.pid) | processes)[:($want | length)] == ($want | reverse)
					and .chain[0].name == .claim.name
					and (.chain | map(select(.pid | IN($want[])).exec_id)
						| . == (unique | reverse)))),
			creator: all($found[]; if .claim.creator == null then .flow.creator == null
				else (.flow.creator | word) == (.claim.creator | word)
					and ($known["\(.flow.creator.exec_id)"].process | word) == (.claim.creator | word) end),
			alert: ([$alerts[] | select(.endpoint.port == $port)] as $a
				| if $side == "janitor" then $a == []
				  else ($a | length) > 0 and all($a[]; . as $alert | any($found[];
					.flow.process.exec_id == $alert.process.exec_id and .flow.lineage == $alert.lineage
					and .flow.roles == $alert.roles)) end),
			got: [$all[] | [.process.exec_id, .process.pid, .process.name, .bytes.sent, .roles, .lineage]]
		}' >"$LAB_DIR/judged"
}

# shellcheck disable=SC2317 # wait_for calls it
all_right() {
	judge && jq -se 'all(.[]; .alert)' "$LAB_DIR/judged" >/dev/null
}

# "SIDE WAY", what is wrong, and what was got, of each that ran.
verdicts() {
	jq -r '[.side + " " + .way, ([to_entries[] | select(.value == false).key] | join(" ")), (.got | tojson)]
		| @tsv' "$LAB_DIR/judged"
}

report() {
	local side way name wrong got
	local -A judged=() gots=()

	while IFS=$'\x1f' read -r name wrong got; do
		judged[$name]=${wrong:-right} gots[$name]=$got
	done < <(verdicts | tr '\t' '\037')
	for side in "${SIDES[@]}"; do
		for way in "${WAYS[@]}"; do
			name="$side $way"
			if [ "${judged[$name]:-}" = right ]; then
				ok "$way of $side: bytes, role, lineage, exec_id, creator, alert"
			elif [ -z "${judged[$name]:-}" ] && grep -q '"skip"' "$LAB_DIR/$side.out/$way.said"; then
				skip "$way of $side" "$(jq -r .skip "$LAB_DIR/$side.out/$way.said")"
			else
				not_ok "$way of $side" "wrong: ${judged[$name]:-} ${gots[$name]:-}, said: $(
					cat "$LAB_DIR/$side.out/$way".{said,err} | tr '\n' ' ')"
			fi
		done
	done
}

lab_begin "${1:-build}"
[ $# -lt 2 ] || WAYS=("${@:2}")
PORT=7100
need_built lab/who lab/payer lab/recv
lab_net_new
far_start --tcp 7100-7299
make_sides
config
start_outflowd "$LAB_CONFIG"
side_run Runner.Worker $PORT
side_run janitor $((PORT + 100))
claims >"$LAB_DIR/claims"
wait_for 20 all_posted
outflow ps --json --all >"$LAB_DIR/ps"
wait_for 10 all_right
report
far_stop
is "the far end read all" "$(far_received tcp)" "$(jq -s 'map(.sent // 0) | add' "$LAB_DIR/claims")"
books_balanced "books are balanced"
stop_outflowd
lab_end
