#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# process.sh: what the execution that sends is: by the shipped rules a job's program that runs from
# memory is flagged, with what it forks, and one whose file was deleted before it ran; the same program
# from its file is not, nor one that only those did who are in no job. By name, path and user as a
# policy asks.
#
#	tests/live/process.sh [BUILD]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

config() { # shipped rules and more
	lab_config < <(
		sed -n '/^endpoints:/,/^reconcile:/{/^reconcile:/!p}' "$(dirname "$0")/../../config/outflow.yaml"
		echo "  - {id: by-name, when: {process: {name: \"sen?\", uid: 65534}, endpoint: {class: external}}}"
		echo "  - {id: by-path, when: {process: {exe: \"$LAB_DIR/**/sent\"}, sent: {over: 499, within: 1m}}}"
		echo "sinks:"
		echo "  - {type: file, path: $LAB_ALERTS, format: json}"
	)
}

# The rules that held for what was sent to a port.
alerts_at() { # PORT
	jq -r --argjson port "$1" 'select(.type == "alert" and .endpoint.port == $port)
		| .rule' "$LAB_ALERTS" 2>/dev/null | sort -u | paste -sd,
}

# Processes that sent to the last ports.
forked() {
	jq -r 'select(.type == "alert" and .rule == "runner-from-memory" and .endpoint.port >= 7008).process.pid' \
		"$LAB_ALERTS" | sort -u | wc -l
}

reason_at() { # PORT
	jq -r --argjson port "$1" 'select(.type == "alert" and .endpoint.port == $port).reason' "$LAB_ALERTS" |
		head -n 1
}

# Each to a port of its own. Told in the order it happened: what comes behind the last was judged.
runs() {
	local lineage=$B/lab/lineage send=("$B/lab/send" --way tcp-write --bytes 500 --to)

	cp "$lineage" "$LAB_DIR/Runner.Worker"
	mkdir -p "$LAB_DIR/a/b"
	cp "$B/lab/send" "$LAB_DIR/a/b/sent"
	in_sender "$LAB_DIR/Runner.Worker" --mode exec -- "${send[@]}" "$FAR4:7001"
	in_sender "$LAB_DIR/Runner.Worker" --mode memfd -- "${send[@]}" "$FAR4:7002"
	in_sender "$LAB_DIR/Runner.Worker" --mode deleted -- "${send[@]}" "$FAR4:7003"
	in_sender "$lineage" --mode memfd -- "${send[@]}" "$FAR4:7004"
	in_sender "$LAB_DIR/a/b/sent" --way tcp-write --bytes 500 --to "$FAR4:7005"
	in_sender setpriv --reuid 65534 --clear-groups "${send[@]}" "$FAR4:7006"
	in_sender "${send[@]}" "$FAR4:7007"
	in_sender "$LAB_DIR/Runner.Worker" --mode memfd -- "$B/lab/churn" --procs 2 --flows 2 --udp --to "$FAR4:7008-7011"
}

lab_begin "${1:-build}"
need_programs setpriv
need_built lab/send lab/recv lab/lineage
lab_net_new
chmod 755 "$LAB_DIR"
far_start --tcp 7001-7007
config
start_outflowd "$LAB_CONFIG"
runs >"$LAB_DIR/runs.out" 2>&1

wait_for 20 lab_prints 2 forked
is "a job's program, from its file" "$(alerts_at 7001)" ""
is "from memory" "$(alerts_at 7002)" runner-from-memory
is "from a deleted file" "$(alerts_at 7003)" runner-from-deleted
is "from memory, in no job" "$(alerts_at 7004)" ""
is "by its path" "$(alerts_at 7005)" by-path
is "by name and user" "$(alerts_at 7006)" by-name
is "by name, of another user" "$(alerts_at 7007)" ""
is "from memory, forked: each process" "$(forked)" 2
is "the reason says it" "$(reason_at 7002)" "runner sent to $FAR4:7002, class external, run from memory"
is "of a deleted file, too" "$(reason_at 7003)" \
	"runner sent to $FAR4:7003, class external, run from a deleted file"
stop_outflowd
lab_end
