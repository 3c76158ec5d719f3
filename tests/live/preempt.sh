#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# preempt.sh: very many threads send small pieces on few processors, by every way at once, so that
# whatever a probe does some of them are interrupted in the middle of it. Some kernels skip a probe
# that is under way on the same processor, for whichever task: not a byte may be missing.
#
#	tests/live/preempt.sh [BUILD [THREADS [SENDS]]]

# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

THREADS=${2:-1000}
SENDS=${3:-60}
PORT=9500

# What was posted to a process, by protocol and port: one pass, since jq is slow under emulation.
posted() { # PID
	outflow flows --json | jq -n --argjson pid "$1" \
		'[inputs | select(.process.pid == $pid)] | group_by([.endpoint.proto, .endpoint.port])
		| map({key: "\(.[0].endpoint.proto // 0) \(.[0].endpoint.port // 0)",
			value: (map(.bytes.sent) | add)}) | from_entries'
}

lab_begin "${1:-build}"
need_built lab/throng lab/recv
lab_net_new
far_start --tcp $PORT-$((PORT + 9)) --udp $PORT-$((PORT + 9))
lab_config <<<'limits: {grace: 1h}'
start_outflowd "$LAB_CONFIG"
in_sender "$B/lab/throng" --to $FAR4:$PORT --link wire --threads "$THREADS" --sends "$SENDS" --cpus 1 \
	>"$LAB_DIR/sent" 2>"$LAB_DIR/err" || not_ok throng "$(cat "$LAB_DIR/err")"
cat "$LAB_DIR/sent"
pid=$(sed -n '1s/{"pid":\([0-9]*\).*/\1/p' "$LAB_DIR/sent")
posted "$pid"
outflow ledger
outflow status --json | jq -c .loss
stop_outflowd
lab_end
